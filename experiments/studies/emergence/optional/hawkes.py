"""Hawkes beside forks: what the times of events say of their branching, and what happens without an event.

A rate that swings by itself has bursts, which the likelihood takes for offspring. The fork knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import percentile, seed_draws
from protogov.experiments.studies.emergence.cascades import BranchingSample
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.interventions import sales_of
from protogov.experiments.studies.emergence.measure import Finding
from protogov.experiments.studies.emergence.optional.fitting import Episodes, fit

RESAMPLES = 60  # each is a fit
FEWEST = 30  # events, below which a likelihood says nothing


@dataclass(frozen=True)
class HawkesSample:
    """Times of events.

    Attributes:
        times: of each of n episodes, in its own unit from the fork on.
        length: of an episode.
        labels: [n], units.
        by_forks: F64[units], branching ratio by forks; empty where it was not measured.
    """

    times: list[Floats]
    length: float
    labels: NDArray[Any]
    by_forks: Floats


@dataclass(frozen=True)
class HawkesBesideForks:
    """The measure; see the module.

    Attributes:
        events: those of a step, SEEN.
        unit: of their `at`, in units of the world's decision: simulated hours of 12 sub-steps by default.
        seed: of the noise that spreads events of one moment over it.
    """

    events: Callable[[Any], NDArray[np.void]] = sales_of
    unit: float = 12.0
    seed: int = 0
    name = "hawkes"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> HawkesSample:
        """The events of the plan's branches; what forks say is handed to `beside`."""
        kept: list[NDArray[np.void]] = []

        def read(step: Any, asked: Mapping[str, Floats]) -> dict[str, Floats]:
            kept.append(self.events(step))
            return {}

        draw = np.random.default_rng(self.seed)
        times, labels = list[Floats](), list[Any]()
        length = 0.0
        for point in fork_points(world, governors, Plan(plan.seeds, None, plan.times, plan.steps, read, plan.limits)):
            kept.clear()
            point.run(plan.steps)
            every = np.concatenate(kept)
            at = (every["at"] + draw.random(len(every))) / self.unit
            first = float(at.min()) if at.size else 0.0
            length = max(length, float(at.max()) - first + 1.0 / self.unit if at.size else 0.0)
            for row in range(point.rows):
                times.append(np.sort(at[every["row"] == row]) - first)
                labels.append(plan.labels[row])
        return HawkesSample(times, length, np.array(labels), np.empty(0))

    def reduce(self, sample: HawkesSample) -> list[Finding]:
        """The fitted ratio, and that of forks."""
        seen = Episodes.of(sample.times, sample.length)
        events = int(seen.counts.sum())
        if events < FEWEST:
            return []
        units = np.unique(sample.labels)
        of_unit = np.array([sample.labels == label for label in units], np.float64)  # [U, E]
        best = fit(seen)
        draws = seed_draws(len(units), RESAMPLES)
        again = [fit(seen, of_unit[draw].sum(axis=0), best).branching for draw in draws]
        interval = percentile(best.branching, again, len(units))
        words = "descriptive: a rate that swings by itself looks the same"
        findings = [Finding(self.name, "branching ratio by likelihood", interval, np.nan, np.nan, np.nan, words, False)]
        if sample.by_forks.size:
            lost = sample.by_forks
            ratio = percentile(_ratio(lost.mean()), [_ratio(lost[d].mean()) for d in seed_draws(len(lost))], len(lost))
            words = "the claim on it is that of the measure cascades"
            findings.append(Finding(self.name, "branching ratio by forks", ratio, 0.0, np.nan, np.nan, words, False))
            gap = percentile(best.branching - ratio.mean, np.array(again) - ratio.mean, len(units))
            words = "what the likelihood adds to what forks find"
            findings.append(Finding(self.name, "likelihood less forks", gap, 0.0, np.nan, np.nan, words, False))
        return findings


def beside(sample: HawkesSample, forked: BranchingSample) -> HawkesSample:
    """The sample with what forks found: events that were missing for one that was muted."""
    return HawkesSample(sample.times, sample.length, sample.labels, forked.lost)


def _ratio(lost: Any) -> float:
    return float(lost / (1.0 + lost))
