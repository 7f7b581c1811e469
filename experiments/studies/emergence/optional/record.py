"""The record of episodes: a series for each governor and what happened outside, and tests of it by circular shifts.

A shift longer than a series remembers, with the end put before the beginning, keeps all that a series is by itself and
breaks what ties it to others (Quiroga et al. 2002; Theiler et al. 1992 on surrogates). Each row is shifted by its own
number of steps, so that few steps allow many surrogates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import ENOUGH_SEEDS, LEVEL, POWER, student_t
from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import SIGNIFICANT, Finding

OUTSIDE = "outside/"  # outcomes of a plan's `read` that begin so are what nobody here decides


@dataclass(frozen=True)
class Record:
    """Series of n episodes of T decisions.

    Attributes:
        agents: A names, of those governors that move at all.
        series: F64[T, n, A], the first principal component of each governor's levers in force; a row has mean 0.
        outside: F64[T, n, E], what happened outside up to the end of the decision; a row has mean 0.
        labels: [n], of the units of inference.
        still: governors that never move; they have no series.
    """

    agents: tuple[str, ...]
    series: Floats
    outside: Floats
    labels: NDArray[Any]
    still: tuple[str, ...] = ()

    def units(self) -> list[NDArray[np.bool_]]:
        """Rows of each unit."""
        return [self.labels == label for label in np.unique(self.labels)]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """The record whose fields went through JSON as lists."""
        series, outside = np.array(data["series"], np.float64), np.array(data["outside"], np.float64)
        return cls(tuple(data["agents"]), series, outside, np.array(data["labels"]), tuple(data["still"]))


def record(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> Record:
    """Play the plan's seeds for its `steps` from the opening, without any intervention."""
    branch = next(fork_points(world, governors, Plan(plan.seeds, None, (0,), plan.steps, plan.read, plan.limits))).run(
        plan.steps
    )
    found = {agent: _component(own) for agent, own in branch.executed.items()}
    moving = tuple(agent for agent, own in found.items() if own is not None)
    outside = [own for name, own in branch.outcomes.items() if name.startswith(OUTSIDE)]
    shape = (plan.steps, len(plan.seeds), 0)
    series = [own for own in found.values() if own is not None]
    return Record(
        moving,
        np.stack(series, axis=-1) if series else np.empty(shape),
        _centred(np.stack(outside, axis=-1)) if outside else np.empty(shape),
        plan.labels,
        tuple(agent for agent in found if agent not in moving),
    )


def _component(levers: Floats) -> Floats | None:
    """First principal component of levers F64[T, n, k] over all rows, each scaled to 1; None where nothing moves."""
    centred = _centred(levers)
    spread = centred.std(axis=(0, 1))
    moving = spread > 1e-12
    if not moving.any():
        return None
    scaled = centred[..., moving] / spread[moving]
    flat = scaled.reshape(-1, int(moving.sum()))
    direction = np.linalg.svd(flat, full_matrices=False)[2][0]
    direction = direction * np.sign(direction[np.argmax(np.abs(direction))])  # its largest part points upwards
    return np.asarray(scaled @ direction)


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(axis=0))


def memory_of(series: Floats) -> int:
    """Steps after which the mean autocorrelation of F64[T, n] has fallen below 1/e; at most a quarter of T."""
    most = max(1, len(series) // 4)
    variance = float((series**2).mean())
    for lag in range(1, most):
        if (series[lag:] * series[:-lag]).mean() < np.exp(-1.0) * variance:
            return lag
    return most


def shifted(series: Floats, draw: np.random.Generator, memory: int) -> Floats:
    """Every row of F64[T, n] shifted in a circle by a number of steps of its own, beyond `memory` both ways."""
    steps, rows = series.shape
    by = draw.integers(memory + 1, max(memory + 2, steps - memory), rows)
    places = (np.arange(steps)[:, None] - by) % steps
    return np.asarray(np.take_along_axis(series, places, axis=0))


def tested_by_shifts(
    measure: str,
    claims: Sequence[str],
    names: Sequence[str],
    observed: Floats,
    surrogates: Floats,
    *,
    upward: bool,
) -> list[Finding]:
    """Findings on k numbers against their surrogates, one family (max-T): values are what exceeds the surrogates' mean.

    Args:
        measure: its name.
        claims: of each number.
        names: of each number.
        observed: F64[units, k].
        surrogates: F64[S, units, k].
        upward: whether only what lies above the surrogates counts.
    """
    units = len(observed)
    middle = surrogates.mean(axis=0)
    chance = surrogates.mean(axis=1)  # [S, k]
    spread = chance.std(axis=0, ddof=1)
    safe = np.where(spread > 0.0, spread, np.inf)

    def score(values: Floats) -> Floats:
        z = (values - chance.mean(axis=0)) / safe
        return np.asarray(z if upward else np.abs(z))

    largest = score(chance).max(axis=1)
    here = score(observed.mean(axis=0))
    adjusted = (1 + (largest[:, None] >= here).sum(axis=0)) / (1 + len(largest))
    normal = _quantile(POWER)
    findings = []
    for place, name in enumerate(names):
        excess = observed[:, place] - middle[:, place]
        detectable = float((np.quantile(largest, LEVEL) + normal) * spread[place])
        p = float(adjusted[place])
        found = bool(units >= ENOUGH_SEEDS and p <= SIGNIFICANT)
        if found:
            words = claims[place]
        elif units < ENOUGH_SEEDS:
            words = f"underpowered: {units} units, {ENOUGH_SEEDS} are needed for a claim"
        else:
            words = f"not found; one of {number(detectable)} would have been in 4 of 5 cases"
        findings.append(Finding(measure, name, student_t(excess), 0.0, p, detectable, words, found))
    return findings


def _quantile(level: float) -> float:
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    return float(ndtri(level))


def surrogates_of(
    statistic: Callable[[Mapping[int, Floats]], Floats], record: Record, moved: Sequence[int], count: int, seed: int = 0
) -> Floats:
    """A statistic of shifted series, F64[count, ...].

    Args:
        statistic: of replaced series, place of a governor -> F64[T, n].
        record: whose series are shifted.
        moved: places of those that are shifted, each by itself.
        count: of surrogates.
        seed: of the shifts.
    """
    draw = np.random.default_rng(seed)
    memory = {place: memory_of(record.series[..., place]) for place in moved}
    return np.stack(
        [
            statistic({place: shifted(record.series[..., place], draw, memory[place]) for place in moved})
            for _ in range(count)
        ]
    )
