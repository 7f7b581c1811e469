"""Results in short tables: figures, gains by kind of hour, regressions, sources."""

from collections.abc import Mapping

import numpy as np

from protogov.experiments.core.statistics import Interval, ends_of
from protogov.experiments.core.tables import Table, columns, concatenate, records
from protogov.experiments.studies.calibration.bands import FITTED
from protogov.experiments.studies.calibration.hours import HOURLY, POPULATIONS, days_of, grouped
from protogov.experiments.studies.calibration.market import COLUMNS, ENOUGH_LIQUIDATIONS, band_figure
from protogov.experiments.studies.calibration.statistics import (
    CALM,
    HOUR_KINDS,
    REGRESSORS,
    STRESS,
    Fit,
    daily_fit,
    poisson_fit,
    ratio_of_sums,
)

QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
SIZES = (1, 4, POPULATIONS)  # populations of a market
REPORTED = ("liquidation_gain", "hedge_gain", "utilisation", "borrow_rate")  # by kind of hour, without a band
SLOPES = (*REGRESSORS[1:], "risk_fall_today")
ALONE = "worlds alone"  # the regression over the single worlds of all sources
# edges of the bins of a day's log return
_EDGES = np.array([-0.5, -0.3, -0.2, -0.15, -0.12, -0.09, -0.07, -0.05, -0.035, -0.02, -0.01, 0, 0.01, 0.02, 0.035,
                   0.05, 0.08, 0.12, 0.3])  # fmt: skip
FEWEST_DAYS = 10  # of a bin that is shown


def spread_of(hours: Table, name: str, kind: int) -> dict[str, float]:
    """An hourly figure over all hours of one kind, equally weighted: mean, interval over seeds, quantiles, hours."""
    inside = hours["kind"] == kind
    _, seeds = np.unique(hours["seed"], return_inverse=True)
    values = np.where(inside, hours[name], np.float64(0.0))
    above, below = (np.bincount(seeds, weights).astype(np.float64) for weights in (values, inside))
    found = ratio_of_sums(above, below)
    chosen = values[inside]
    quantiles = np.quantile(chosen, list(QUANTILES.values())) if chosen.size else np.full(len(QUANTILES), np.nan)
    ends = {"mean": found.mean, "low": found.low, "high": found.high}
    return ends | dict(zip(QUANTILES, (float(value) for value in quantiles), strict=True)) | {"hours": chosen.size}


def spreads_of(hours: Table) -> Table:
    """One row per kind of hour and name of `HOURLY`."""
    return columns(
        [
            {"kind": word, "name": name, **spread_of(hours, name, kind)}
            for kind, word in enumerate(HOUR_KINDS) for name in HOURLY
        ]
    )  # fmt: skip


# ---------------------------------------------------------------------- regressions


def fit_markets(days: Table, size: int = POPULATIONS) -> Fit:
    """The daily regression over the days of markets of `size` worlds; a cluster is a tape."""
    return daily_fit(*grouped(days, size))


def fit_risk(days: Table, accounts: int) -> Fit:
    """The Poisson regression over the days of all worlds; a cluster is a tape."""
    return poisson_fit(*grouped(days), accounts)


def fits_of(hours: Mapping[str, Table], markets: Mapping[str, Table]) -> Table:
    """Daily regressions, one per row: every source, the first in markets of every size, single worlds of all."""
    first = next(iter(markets))
    asked = [(name, size, markets[name]) for name in markets for size in (SIZES if name == first else SIZES[-1:])]
    asked.append((ALONE, 1, concatenate(days_of(table) for table in hours.values())))
    rows = []
    for name, size, days in asked:
        fit = fit_markets(days, size)
        row = {"source": name, "populations": size, "r_squared": fit.r_squared, "days": fit.days, "events": fit.events}
        rows.append(row | ends_of(dict(zip(REGRESSORS, fit.coefficients, strict=True))))
    return columns(rows)


def response_of(days: Table) -> Table:
    """ln(liquidations + 1) of large markets by the day's return, one row per bin: means, quantiles, days."""
    found, events, _ = grouped(days, POPULATIONS)
    returns, logs = found[:, 1:].ravel(), np.log1p(events[:, 1:].ravel())
    at, rows = np.digitize(returns, _EDGES), []
    for number in range(1, _EDGES.size):
        inside = logs[at == number]
        row = {"low": _EDGES[number - 1], "high": _EDGES[number], "days": inside.size}
        estimates = dict.fromkeys(("return", "mean", "p10", "p90"), np.nan)
        if inside.size >= FEWEST_DAYS:
            low, high = np.quantile(inside, [0.1, 0.9])
            estimates = {"return": returns[at == number].mean(), "mean": inside.mean(), "p10": low, "p90": high}
        rows.append(row | estimates)
    return columns(rows)


# ---------------------------------------------------------------------- sources and figures


def sources_of(
    measured: Mapping[str, Table], hours: Mapping[str, Table], markets: Mapping[str, Table], accounts: int
) -> Table:
    """Means of an episode, one row per source."""
    rows = []
    for name, table in hours.items():
        row = {"source": name} | {column: float(measured[name][column].mean()) for column in COLUMNS}
        for gain in REPORTED[:2]:
            row |= {f"{gain}_{HOUR_KINDS[kind]}": spread_of(table, gain, kind)["mean"] for kind in (CALM, STRESS)}
        fit, risk = fit_markets(markets[name]), fit_risk(markets[name], accounts)
        enough = fit.events >= ENOUGH_LIQUIDATIONS  # without liquidations the slope means nothing
        slopes = dict(zip(REGRESSORS[1:], fit.coefficients[1:], strict=True)) | {
            "risk_fall_today": risk.coefficients[1]
        }
        row |= {regressor: one.mean if enough else np.nan for regressor, one in slopes.items()}
        worlds = len(np.unique(table["seed"]))
        row |= {"largest": float(np.nanmean(table["largest"])), "welfare": float(table["welfare"].sum() / worlds)}
        rows.append(row | {"lost": int(table["lost"].reshape(worlds, -1)[:, -1].sum())})
    return columns(rows)


def figures_of(
    measured: Mapping[str, Table], hours: Table, markets: Mapping[str, Table], pool: Table | None, accounts: int
) -> Table:
    """Every figure with and without a band: name, value, low, high, basis.

    Args:
        measured: scenario -> its episodes.
        hours: of all sources.
        markets: one per source; the regressions use the first, `between-crises`.
        pool: None: not measured.
        accounts: of a world.
    """
    found = {band.name: band_figure(band, measured) for band in FITTED}
    for name in REPORTED:
        for kind in (CALM, STRESS):
            one = spread_of(hours, name, kind)
            basis = f"{one['hours']:,} {HOUR_KINDS[kind]} hours"
            found[f"{name}_{HOUR_KINDS[kind]}"] = Interval(one["mean"], one["low"], one["high"]), basis
    if markets:
        source, days = next(iter(markets.items()))
        fit, risk = fit_markets(days), fit_risk(days, accounts)
        where = f"days of markets of {POPULATIONS} populations on {source}"
        found |= _regression(fit, "", f"{fit.days:,} {where}, {fit.events:,} liquidations")
        found |= _regression(
            risk, "risk_", f"{risk.days:,} world-days on {risk.clusters} tapes, {risk.events:,} liquidations"
        )
    if pool is not None:
        basis = f"{pool['loss'].size} worlds, no other trades"
        found["pool_loss"] = ratio_of_sums(pool["loss"], pool["path_variance"] / 8.0), basis
        found["pool_loss_closes"] = ratio_of_sums(pool["loss"], pool["close_variance"] / 8.0), "sigma of hourly closes"
    return columns(
        [
            {"name": name, "value": one.mean, "low": one.low, "high": one.high, "basis": basis}
            for name, (one, basis) in found.items()
        ]
    )


def _regression(fit: Fit, prefix: str, basis: str) -> dict[str, tuple[Interval, str]]:
    estimates = dict(zip(REGRESSORS, fit.coefficients, strict=True)) | {"multiplier": fit.multiplier}
    return {f"{prefix}{name}": (one, basis) for name, one in estimates.items()}


def figures_in(table: Table) -> dict[str, Interval]:
    """The figures of a table of `figures_of`, by name."""
    return {
        str(row["name"]): Interval(float(row["value"]), float(row["low"]), float(row["high"])) for row in records(table)
    }
