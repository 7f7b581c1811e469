"""The figures of the calibration: those with a band, and beside them gains by kind of hour and daily regressions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.experiments.calibration_bands import FITTED, Figure
from protogov.experiments.calibration_market import band_figure
from protogov.experiments.calibration_measure import POPULATIONS, Markets, PoolLoss, Sample
from protogov.experiments.calibration_statistics import (
    CALM,
    HOUR_KINDS,
    REGRESSORS,
    STRESS,
    Fit,
    Floats,
    PoissonFit,
    daily_fit,
    hour_kinds,
    poisson_fit,
    ratio_of_sums,
)
from protogov.experiments.core.tables import Table


@dataclass(frozen=True)
class Spread:
    """How an hourly figure is spread over hours of one kind: mean, its interval over seeds, and quantiles."""

    mean: float
    low: float
    high: float
    p5: float
    p25: float
    median: float
    p75: float
    p95: float
    hours: int


def hours_of(samples: Sequence[Sample], name: str, kind: int) -> Floats:
    """All values of one hourly figure in hours of one kind, float64 [hours]."""
    return np.concatenate(
        [sample.hourly[name][hour_kinds(sample.closes) == kind].astype(np.float64) for sample in samples]
    )


def spread_of(samples: Sequence[Sample], name: str, kind: int) -> Spread:
    """Spread of an hourly figure over all hours of one kind; every hour counts the same."""
    above, below = _sums_by_seed(samples, name, kind)
    mean, low, high = ratio_of_sums(above, below)
    values = hours_of(samples, name, kind)
    quantiles = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]) if values.size else np.full(5, np.nan)
    p5, p25, median, p75, p95 = (float(q) for q in quantiles)
    return Spread(mean, low, high, p5, p25, median, p75, p95, values.size)


def _sums_by_seed(samples: Sequence[Sample], name: str, kind: int) -> tuple[Floats, Floats]:
    """(sum of the figure, hours) in hours of one kind, by seed over all samples, float64 [seeds] each."""
    labels = np.unique(np.concatenate([sample.seeds for sample in samples]))
    above, below = np.zeros(labels.size), np.zeros(labels.size)
    for sample in samples:
        chosen = hour_kinds(sample.closes) == kind
        at = np.searchsorted(labels, sample.seeds)
        np.add.at(above, at, np.where(chosen, sample.hourly[name], 0.0).sum(axis=1, dtype=np.float64))
        np.add.at(below, at, chosen.sum(axis=1))
    return above, below


def fit_days(samples: Sequence[Sample]) -> Fit:
    """The daily regression over the world-days of all samples."""
    return daily_fit(
        np.concatenate([sample.daily_returns for sample in samples]),
        np.concatenate([sample.events for sample in samples]),
        np.concatenate([sample.seeds for sample in samples]),
    )


def fit_markets(markets: Sequence[Markets], size: int = POPULATIONS) -> Fit:
    """The daily regression over the days of markets of `size` populations; a cluster is a tape."""
    days = [market.of_size(size) for market in markets]
    returns, events, seeds = (np.concatenate([part[k] for part in days]) for k in range(3))
    return daily_fit(returns, events, seeds)


def fit_risk(markets: Sequence[Markets]) -> PoissonFit:
    """The Poisson regression over the days of all populations; a cluster is a tape."""
    days = [market.of_size(1) for market in markets]
    returns, events, seeds = (np.concatenate([part[k] for part in days]) for k in range(3))
    return poisson_fit(returns, events, seeds, markets[0].accounts)


def regression_figures(fit: Fit, suffix: str, basis: str) -> list[Figure]:
    """The four coefficients and the factor of a fall of 5%, named with a suffix."""
    basis = f"{fit.days:,} {basis}, {fit.events:,} liquidations"
    figures = [
        Figure(name + suffix, float(fit.coefficients[k]), float(fit.low[k]), float(fit.high[k]), basis)
        for k, name in enumerate(REGRESSORS)
    ]
    low, high = sorted(float(np.exp(-0.05 * end)) for end in (fit.low[1], fit.high[1]))
    return [*figures, Figure("multiplier" + suffix, fit.multiplier(), low, high, basis)]


def risk_figures(fit: PoissonFit) -> list[Figure]:
    """The four coefficients of the Poisson regression, and the factor of a fall of 5% on an account's risk."""
    basis = f"{fit.observations:,} world-days on {fit.clusters} tapes, {fit.events:,} liquidations"
    figures = [Figure(f"risk_{name}", *fit.interval(k), basis) for k, name in enumerate(REGRESSORS)]
    value, low, high = fit.interval(1)
    low, high = sorted(float(np.exp(-0.05 * end)) for end in (low, high))
    return [*figures, Figure("risk_multiplier", float(np.exp(-0.05 * value)), low, high, basis)]


def all_figures(
    measured: Mapping[str, Table], samples: Sequence[Sample], markets: Sequence[Markets], pool: PoolLoss | None
) -> dict[str, Figure]:
    """Every figure that has a band, and those that are reported without one, by name.

    Args:
        measured: scenario -> what `calibration_market` reads.
        samples: hour by hour, a sample a source.
        markets: a market a source; the regressions are of the first, `between-crises`.
        pool: None: not measured.
    """
    figures = [band_figure(band, measured) for band in FITTED]
    for name in ("liquidation_gain", "hedge_gain", "utilisation", "borrow_rate"):
        for kind in (CALM, STRESS):
            found = spread_of(samples, name, kind)
            basis = f"{found.hours:,} {HOUR_KINDS[kind]} hours"
            figures.append(Figure(f"{name}_{HOUR_KINDS[kind]}", found.mean, found.low, found.high, basis))
    if markets:
        where = f"days of markets of {POPULATIONS} populations on {markets[0].source.name}"
        figures += regression_figures(fit_markets(markets[:1]), "", where)
        figures += risk_figures(fit_risk(markets[:1]))
    if pool is not None:
        expected = pool.path_variance / 8.0
        figures.append(
            Figure("pool_loss", *ratio_of_sums(pool.loss, expected), f"{pool.loss.size} worlds, nobody else trading")
        )
        figures.append(
            Figure("pool_loss_closes", *ratio_of_sums(pool.loss, pool.close_variance / 8.0), "sigma of hourly closes")
        )
    return {figure.name: figure for figure in figures}
