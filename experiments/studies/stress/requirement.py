"""Tails of losses, and how loose a rule may be while insolvency stays rare, both with confidence intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.experiments.core.statistics import Interval, lowest_mean, percentile, share_of, value_at_risk
from protogov.experiments.core.tables import Table, columns, groups

LEVELS = (0.95, 0.99)  # of value-at-risk and expected shortfall
AT_ONCE = 2**22  # resampled losses that are held in memory
# rule -> (its column, 1 if small values are strict, -1 if large values are)
AXES = {"loan-to-value": ("loan_to_value", 1), "option margin": ("option_margin", -1)}
CELL = ("threshold", "loan_to_value", "option_margin")

Floats = NDArray[np.float64]


def tail_mean(losses: Floats, level: float) -> Floats:
    """Expected shortfall: mean of the worst 1 - `level` along the last axis."""
    return -lowest_mean(-losses, 1.0 - level)


TAILS: dict[str, Callable[[Floats, float], Floats]] = {"var": value_at_risk, "es": tail_mean}


def tails_of(losses: Floats, draws: NDArray[np.int64]) -> dict[str, Interval]:
    """Value-at-risk and expected shortfall ("var95", "es95", ...) with percentile intervals over whole seeds.

    Args:
        losses: float64 [seeds, m]: loss of each seed in each of m protocols; a resample takes a seed with all m.
        draws: int64 [resamples, seeds], of `seed_draws`; the same for all protocols, which keeps them paired.
    """
    replicated: dict[str, list[Floats]] = {}
    for part in np.array_split(draws, -(-draws.size * losses.shape[1] // AT_ONCE)):
        resampled = losses[part].reshape(len(part), -1)
        for level in LEVELS:
            for name, of in TAILS.items():
                replicated.setdefault(f"{name}{100 * level:g}", []).append(of(resampled, level))
    estimates = {f"{name}{100 * level:g}": of(losses.ravel(), level) for level in LEVELS for name, of in TAILS.items()}
    return {name: percentile(float(one), np.concatenate(replicated[name])) for name, one in estimates.items()}


def least_requirement(values: ArrayLike, hits: ArrayLike, trials: int, target: float) -> dict[str, float]:
    """How loose a rule may be while insolvency stays at or below `target`.

    Loosening cannot make a venue safer. Each curve is therefore replaced by its running maximum from the strictest
    value on: a random dip after a failed value does not count.

    Args:
        values: float [k], from the strictest to the loosest, ascending or descending.
        hits: insolvent episodes at each.
        trials: episodes at each.
        target: probability, within (0, 1).

    Returns:
        "backed": loosest value up to which the upper confidence bound stays at or below the target, interpolated
        between grid points, nan when already the strictest value fails; "estimate": the same with the estimated
        probability; "hopeful": the same with the lower bound, the loosest value that the data do not exclude;
        "open_ended": 1 if the loosest value of the grid passes, so the true limit lies beyond, else 0.
    """
    at = np.asarray(values, np.float64)
    shares = [share_of(int(count), trials) for count in np.asarray(hits)]
    curves = {
        "backed": [one.high for one in shares],
        "estimate": [one.mean for one in shares],
        "hopeful": [one.low for one in shares],
    }
    found = {name: loosest(at, np.maximum.accumulate(curve), target) for name, curve in curves.items()}
    return {**found, "open_ended": int(max(curves["backed"]) <= target)}


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


def requirements(cells: Table, target: float) -> Table:
    """One row per rule: along loan-to-value for each (LT, margin), and along margin for each (LT, loan-to-value).

    Args:
        cells: one row per protocol: its levers, its "worlds" and how many are "insolvent".
        target: probability of insolvency.
    """
    rows = []
    for kind, (axis, strict_first) in AXES.items():
        for fixed, own in groups(cells, [name for name in CELL if name != axis]):
            order = np.argsort(strict_first * own[axis])
            trials = int(own["worlds"][0])
            found = least_requirement(own[axis][order], own["insolvent"][order], trials, target)
            rows.append({"requirement": kind, **dict.fromkeys(CELL, float("nan")), **fixed, **found})
    return columns(rows)


def best_rule(rules: Table) -> int | None:
    """The row with the highest backed loan-to-value; None when none is backed.

    A tie goes to the option margin that is nearest to 1.
    """
    backed = np.flatnonzero((rules["requirement"] == "loan-to-value") & np.isfinite(rules["backed"]))
    away = np.abs(np.log(rules["option_margin"]))
    order = sorted(backed, key=lambda row: (round(float(rules["backed"][row]), 6), -away[row]))
    return int(order[-1]) if order else None
