"""Cascades: what one event causes, by a fork without it; and which governor's decisions an episode hangs on.

A record cannot tell a cascade from a burst with a common cause. A fork can: the same worlds run on with one event
muted, so that it has no consequence, and what is then missing are its descendants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import cluster_means, percentile, seed_draws, student_t
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.measure import Finding, family

NO_EVENT = np.uint64(0)


class MutingWorld(BranchingWorld, Protocol):
    """A world whose events can be muted; its steps return `counts`, F64[n] events of the step."""

    def recent_events(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """(row, number) of every event of the last step; numbers are spread evenly and none is 0."""
        ...

    def mute(self, events: NDArray[np.uint64]) -> None:
        """Let one event a row, U64[n], have no consequence from here on; 0 is none."""
        ...


def read_counts(step: Any, asked: Mapping[str, Floats]) -> dict[str, Floats]:
    """Events of a step, as `events`."""
    return {"events": np.asarray(step.counts, np.float64)}


@dataclass(frozen=True)
class BranchingSample:
    """What was lost with each muted event.

    Attributes:
        lost: F64[units], events that were missing for one that was muted, in the mean of a unit.
        muted: events that were muted.
        recorded: F64[units], slope of a step's events on those of the step before: an estimate from the record alone
            (conditional least squares; Al-Osh and Alzaid 1987).
    """

    lost: Floats
    muted: int
    recorded: Floats


@dataclass(frozen=True)
class Branching:
    """Mutes in every world, at every time of the plan, one of the last step's events, if there are any."""

    name = "cascades"

    def extract(self, world: MutingWorld, governors: Mapping[str, Governor], plan: Plan) -> BranchingSample:
        """Fork with and without.

        Args:
            world: whose events can be muted.
            governors: one an agent.
            plan: `steps` have to be enough for a cascade to end; `read` is this measure's own.

        Raises:
            BadInput: there was no event to mute.
        """
        plan = Plan(plan.seeds, plan.units, plan.times, plan.steps, read_counts, plan.limits)
        lost, labels, slopes = [], [], []
        for point in fork_points(world, governors, plan):
            rows, events = point.look(lambda at: at.recent_events())
            chosen = _one_a_row(rows, events, len(plan.seeds))
            base = point.run(plan.steps).outcomes["events"]
            without = point.run(plan.steps, change=partial(_mute, chosen)).outcomes["events"]
            had = chosen != NO_EVENT
            lost.append((base - without).sum(axis=0)[had])
            labels.append(plan.labels[had])
            slopes.append(np.array([_slope(own) for own in base.T]))
        if not sum(own.size for own in lost):
            raise BadInput(f"no event happened in the step before decisions {plan.times}; there is none to mute")
        every = np.concatenate(lost)
        return BranchingSample(
            cluster_means(every, np.concatenate(labels)), every.size, plan.by_unit(np.nanmean(slopes, axis=0))
        )

    def reduce(self, sample: BranchingSample) -> list[Finding]:
        """Descendants of an event, claimed above 0; the branching ratio L / (1 + L) of these, and the record's."""
        found = family(self.name, "cascade", ["descendants of an event"], sample.lost[:, None], upward=True)
        draws = seed_draws(len(sample.lost))
        ratio = percentile(_ratio(sample.lost.mean()), _ratio(sample.lost[draws].mean(axis=1)), len(sample.lost))
        first = found[0]
        words = "as the descendants" if first.found else first.verdict
        by_fork = Finding(
            self.name,
            "branching ratio by forks",
            ratio,
            0.0,
            first.adjusted_p,
            _ratio(first.detectable),
            words,
            first.found,
        )
        by_record = Finding(
            self.name, "branching ratio of the record", student_t(sample.recorded), 0.0, np.nan, np.nan,
            "descriptive: a common cause looks the same", False,
        )  # fmt: skip
        return [first, by_fork, by_record]


def _mute(events: NDArray[np.uint64], world: Any) -> None:
    world.mute(events)


def _ratio(lost: Any) -> Any:
    """Mean offspring m of an event that has m / (1 - m) descendants."""
    return lost / (1.0 + lost)


def _slope(counts: Floats) -> float:
    from scipy.stats import linregress  # slow to import

    return float(linregress(counts[:-1], counts[1:]).slope) if np.ptp(counts[:-1]) > 0.0 else np.nan


def _one_a_row(rows: NDArray[np.int64], events: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """The smallest number of each row, U64[n], as good as drawn; `NO_EVENT` where there is none."""
    chosen = np.full(n, np.iinfo(np.uint64).max)
    np.minimum.at(chosen, rows, events)
    return np.where(np.isin(np.arange(n), rows), chosen, NO_EVENT)


# ---------------------------------------------------------------------- who contributed


@dataclass(frozen=True)
class AttributionSample:
    """What an episode would have been with a baseline in a governor's place from the fork on.

    Attributes:
        agents: who was replaced.
        outcomes: V names.
        contributions: F64[units, agents, V], the outcome as it was less that with the baseline, summed over a branch.
    """

    agents: tuple[str, ...]
    outcomes: list[str]
    contributions: Floats


@dataclass(frozen=True)
class Attribution:
    """What each governor's decisions from a moment on contributed to an episode.

    The plan reads what is attributed. What governors are paid is no outcome of a crisis: a reward may be a blend with
    welfare, under which everybody has a part in everything. A report reads welfare and losses of all venues, as
    dividends read welfare (`reading.Market`, `extraction.attribution`); mandates can be read too, as influence does.

    Attributes:
        baselines: agent -> the governor in its place.
    """

    baselines: Mapping[str, Governor] = field(default_factory=dict)
    name = "cascades"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> AttributionSample:
        """Replace one governor after the other at the plan's times, the beginnings of episodes of crisis.

        Args:
            world: of the crisis.
            governors: one an agent.
            plan: its `read` should not be the default, which reads rewards.

        Raises:
            BadInput: an agent without a baseline.
        """
        missing = [agent for agent in world.agents if agent not in self.baselines]
        if missing:
            raise BadInput(f"agent {missing[0]!r} has no baseline; every agent needs one")
        found, names = [], list[str]()
        for point in fork_points(world, governors, plan):
            base = point.run(plan.steps)
            names = list(base.outcomes)
            parts = []
            for agent in world.agents:
                other = point.run(plan.steps, seats={agent: self.baselines[agent]})
                parts.append([(base.outcomes[name] - other.outcomes[name]).sum(axis=0) for name in names])
            found.append(np.moveaxis(np.array(parts), -1, 0))
        return AttributionSample(world.agents, names, plan.by_unit(np.mean(found, axis=0)))

    def reduce(self, sample: AttributionSample) -> list[Finding]:
        """One family over agents and outcomes."""
        names = [f"{agent}'s decisions -> {outcome}" for agent in sample.agents for outcome in sample.outcomes]
        values = sample.contributions.reshape(len(sample.contributions), -1)
        return family(self.name, "contribution", names, values)
