"""The figures of the calibration, made of samples: gains by kind of hour, the daily regression, profits, sanity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protogov.experiments.calibration_bands import Figure
from protogov.experiments.calibration_measure import POPULATIONS, Markets, PoolLoss, Sample
from protogov.experiments.calibration_statistics import (
    CALM,
    HOUR_KINDS,
    REGRESSORS,
    STRESS,
    Fit,
    Floats,
    daily_fit,
    gini,
    hour_kinds,
    interval,
    ratio_of_sums,
    seed_weights,
)

ENOUGH_LIQUIDATIONS = 20  # in a world: with fewer, one liquidator has nearly all whatever the market is like


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


def busy_profits(samples: Sequence[Sample]) -> tuple[Floats, Floats]:
    """(profits [worlds, liquidators], seed [worlds]) of the worlds with enough liquidations and any profit."""
    profits = np.concatenate([sample.profits for sample in samples])
    seeds = np.concatenate([sample.seeds for sample in samples])
    events = np.concatenate([sample.events.sum(axis=1) for sample in samples])
    kept = (events >= ENOUGH_LIQUIDATIONS) & (profits.max(axis=1, initial=0.0) > 0.0)
    return profits[kept], seeds[kept].astype(np.float64)


def gini_figures(samples: Sequence[Sample]) -> list[Figure]:
    """Profit Gini within a world (mean over worlds) and over the liquidators of all worlds together."""
    profits, seeds = busy_profits(samples)
    basis = f"{profits.shape[0]} worlds with {ENOUGH_LIQUIDATIONS} liquidations or more"
    if profits.shape[0] == 0:
        nothing = float("nan")
        return [Figure(name, nothing, nothing, nothing, basis) for name in ("gini_within", "gini_pooled")]
    within = np.array([gini(row) for row in profits])
    labels, at = np.unique(seeds, return_inverse=True)
    sums, counts = np.zeros(labels.size), np.zeros(labels.size)
    np.add.at(sums, at, within)
    np.add.at(counts, at, 1.0)
    weights = seed_weights(labels.size, 200)
    pooled = np.array([gini(np.repeat(profits, w[at].astype(int), axis=0)) for w in weights])
    holders = f"{profits.size} liquidators of {basis}"
    return [
        Figure("gini_within", *ratio_of_sums(sums, counts), basis),
        Figure("gini_pooled", gini(profits), *interval(pooled), holders),
    ]


def regression_figures(fit: Fit, suffix: str, basis: str) -> list[Figure]:
    """The four coefficients and the factor of a fall of 5%, named with a suffix."""
    basis = f"{fit.days:,} {basis}, {fit.events:,} liquidations"
    figures = [
        Figure(name + suffix, float(fit.coefficients[k]), float(fit.low[k]), float(fit.high[k]), basis)
        for k, name in enumerate(REGRESSORS)
    ]
    low, high = sorted(float(np.exp(-0.05 * end)) for end in (fit.low[1], fit.high[1]))
    return [*figures, Figure("multiplier" + suffix, fit.multiplier(), low, high, basis)]


def all_figures(samples: Sequence[Sample], markets: Sequence[Markets], pool: PoolLoss | None) -> dict[str, Figure]:
    """Every figure that has a band, and those that are reported without one, by name."""
    figures: list[Figure] = []
    for name in ("liquidation_gain", "hedge_gain", "utilisation", "borrow_rate"):
        for kind in (CALM, STRESS):
            found = spread_of(samples, name, kind)
            basis = f"{found.hours:,} {HOUR_KINDS[kind]} hours"
            figures.append(Figure(f"{name}_{HOUR_KINDS[kind]}", found.mean, found.low, found.high, basis))
    if markets:
        figures += regression_figures(fit_markets(markets), "", f"days of markets of {POPULATIONS} populations")
    figures += regression_figures(fit_days(samples), "_world", "world-days")
    figures += gini_figures(samples)
    if pool is not None:
        expected = pool.path_variance / 8.0
        figures.append(
            Figure("pool_loss", *ratio_of_sums(pool.loss, expected), f"{pool.loss.size} worlds, nobody else trading")
        )
        figures.append(
            Figure("pool_loss_closes", *ratio_of_sums(pool.loss, pool.close_variance / 8.0), "sigma of hourly closes")
        )
    return {figure.name: figure for figure in figures}


def typical_profits(samples: Sequence[Sample]) -> Floats:
    """Share of a world's profits by rank, poorest first, mean over the busy worlds, float64 [liquidators]."""
    profits, _ = busy_profits(samples)
    amounts = np.sort(np.maximum(profits, 0.0), axis=1)
    return np.asarray((amounts / amounts.sum(axis=1, keepdims=True)).mean(axis=0)) if amounts.size else np.zeros(0)
