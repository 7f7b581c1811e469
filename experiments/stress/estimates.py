"""Tails, probabilities and the least requirement, each with what it is known to."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.experiments.core.statistics import LEVEL

Floats = NDArray[np.float64]
RESAMPLES = 1000


def value_at_risk(losses: Floats, level: float) -> Floats:
    """The loss that is exceeded with probability 1 - `level`: the ceil(n * level)-th smallest of the last axis.

    Args:
        losses: float64 [..., n], a loss is positive.
        level: within (0, 1), say 0.95.
    """
    count = losses.shape[-1]
    # a product like 0.95 * 20 may come out a hair above the whole number
    return np.asarray(np.sort(losses, axis=-1)[..., max(ceil(count * level - 1e-9), 1) - 1])


def tail_mean(losses: Floats, level: float) -> Floats:
    """Expected shortfall: mean of the worst 1 - `level` of the last axis, the value on the boundary by its share.

    Acerbi and Tasche (2002), 'On the coherence of expected shortfall', equation 4.4 for a sample.
    """
    ordered = np.sort(losses, axis=-1)[..., ::-1]
    count = (1.0 - level) * losses.shape[-1]
    weights = np.clip(count - np.arange(losses.shape[-1]), 0.0, 1.0)
    return np.asarray((ordered * weights).sum(axis=-1) / count)


def clopper_pearson(hits: ArrayLike, trials: int, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Exact interval of a binomial probability (Clopper and Pearson 1934), equal tails.

    Args:
        hits: whole numbers [...], 0 to `trials`.
        trials: independent ones behind each.
        level: coverage, at least.

    Returns:
        Lower and upper ends, float64 [...]; 0 at no hit, 1 at nothing but hits.
    """
    from scipy.special import betaincinv

    k = np.asarray(hits, np.float64)
    tail = (1.0 - level) / 2.0
    low = np.where(k > 0, betaincinv(np.maximum(k, 1e-300), trials - k + 1.0, tail), 0.0)
    high = np.where(k < trials, betaincinv(k + 1.0, np.maximum(trials - k, 1e-300), 1.0 - tail), 1.0)
    return np.asarray(low), np.asarray(high)


@dataclass(frozen=True)
class Tail:
    """Loss distribution of one protocol, or of the whole grid.

    Attributes:
        mean: loss.
        var, shortfall: level -> (estimate, low, high), 95% intervals by resampling whole seeds.
    """

    mean: float
    var: dict[float, tuple[float, float, float]]
    shortfall: dict[float, tuple[float, float, float]]


def tail_of(losses: Floats, levels: tuple[float, ...], draws: NDArray[np.int64]) -> Tail:
    """Value-at-risk and expected shortfall with percentile-bootstrap intervals over whole seeds.

    Args:
        losses: float64 [seeds, m]: what each seed lost in each of m protocols; a resample takes a seed with all m.
        levels: of the tail.
        draws: int64 [resamples, seeds], from :func:`seed_draws`; the same for all protocols, which keeps them paired.
    """
    flat = losses.reshape(-1)
    var: dict[float, list[float]] = {level: [] for level in levels}
    shortfall: dict[float, list[float]] = {level: [] for level in levels}
    for draw in draws:
        resampled = losses[draw].reshape(-1)
        for level in levels:
            var[level].append(float(value_at_risk(resampled, level)))
            shortfall[level].append(float(tail_mean(resampled, level)))
    ends = (50.0 * (1.0 - LEVEL), 50.0 * (1.0 + LEVEL))

    def with_interval(estimate: Floats, sample: list[float]) -> tuple[float, float, float]:
        low, high = np.percentile(sample, ends)
        return float(estimate), float(low), float(high)

    return Tail(
        float(flat.mean()),
        {level: with_interval(value_at_risk(flat, level), var[level]) for level in levels},
        {level: with_interval(tail_mean(flat, level), shortfall[level]) for level in levels},
    )


def seed_draws(seeds: int, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """Numbers of the seeds of each resample, int64 [resamples, seeds]; always the same ones."""
    return np.random.default_rng(0).integers(0, seeds, (resamples, seeds))


@dataclass(frozen=True)
class Requirement:
    """The least requirement along one axis, from the strictest value on.

    Attributes:
        backed: loosest value up to which the upper confidence bound stays at or below the target, interpolated between
            grid points; nan when the strictest value fails already.
        estimate: the same of the estimated probability itself.
        hopeful: the same of the lower bound: what looser values the data do not exclude.
        open_ended: the loosest value of the grid still passes: the true limit lies beyond.
    """

    backed: float
    estimate: float
    hopeful: float
    open_ended: bool


def least_requirement(values: ArrayLike, hits: ArrayLike, trials: int, target: float) -> Requirement:
    """How loose a rule may be while insolvency stays at or below `target`.

    Loosening cannot make a venue safer, so each curve is taken as its running maximum from the strictest value on: a
    lucky dip behind a value that failed buys nothing.

    Args:
        values: float [k], from the strictest to the loosest, ascending or descending.
        hits: insolvent episodes at each.
        trials: episodes at each.
        target: probability, within (0, 1).
    """
    at, count = np.asarray(values, np.float64), np.asarray(hits)
    low, high = clopper_pearson(count, trials)
    curves = (high, count / trials, low)
    backed, estimate, hopeful = (loosest(at, np.maximum.accumulate(curve), target) for curve in curves)
    return Requirement(backed, estimate, hopeful, open_ended=bool(np.max(high) <= target))


def loosest(values: Floats, curve: Floats, target: float) -> float:
    """Where a non-decreasing `curve` over `values` crosses `target`, linear between points; nan if it begins above."""
    over = np.flatnonzero(curve > target)
    if over.size == 0:
        return float(values[-1])
    if over[0] == 0:
        return float("nan")
    i = int(over[0])
    share = (target - curve[i - 1]) / (curve[i] - curve[i - 1])
    return float(values[i - 1] + share * (values[i] - values[i - 1]))
