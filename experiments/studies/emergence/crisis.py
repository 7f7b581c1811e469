"""What made a crisis episode what it was: how much of it fed on itself, and the last way out.

amplification   what was liquidated over what would have been, had no sale moved the price
turning point   the last decision from which some constant setting, behind the same shield, still saves half of it

Which sale led to which is `tree.Tree`, what each governor's decisions contributed `cascades.Attribution`. All look back
at given tapes: a setting that is picked for each episode knows that episode, so that what it saves is a ceiling for any
governor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import cluster_means, percentile, seed_draws, student_t
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan, fork_points
from protogov.experiments.studies.emergence.interventions import Change, without_impact
from protogov.experiments.studies.emergence.measure import Finding, family

# ---------------------------------------------------------------------- amplification


@dataclass(frozen=True)
class AmplificationSample:
    """An outcome with sales that move the price and without, summed over a branch.

    Attributes:
        outcome: its name.
        loud, quiet: F64[units].
    """

    outcome: str
    loud: Floats
    quiet: Floats


@dataclass(frozen=True)
class Amplification:
    """How much of an outcome fed on the price that it moved itself.

    Attributes:
        outcome: one of the plan's readings.
        quieten: lets no sale of a branch move the price.
    """

    outcome: str = "liquidated"
    quieten: Change = without_impact
    name = "cascades"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> AmplificationSample:
        """Fork with impact and without at the plan's times.

        Raises:
            BadInput: the outcome is not among the plan's readings.
        """
        found = []
        for point in fork_points(world, governors, plan):
            loud, quiet = (point.run(plan.steps, change=change).outcomes for change in (None, self.quieten))
            _check_outcome(self.outcome, loud)
            found.append(np.stack([own[self.outcome].sum(axis=0) for own in (loud, quiet)], axis=1))
        sums = plan.by_unit(np.mean(found, axis=0))
        return AmplificationSample(self.outcome, sums[:, 0], sums[:, 1])

    def reduce(self, sample: AmplificationSample) -> list[Finding]:
        """What impact adds, claimed above 0; and the ratio of both, with whole units drawn anew."""
        name = f"{_words(sample.outcome)} through the impact of sales"
        added = family(self.name, "amplification", [name], (sample.loud - sample.quiet)[:, None], upward=True)
        draws = seed_draws(len(sample.loud))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.divide(sample.loud.sum(), sample.quiet.sum())
            drawn = sample.loud[draws].sum(axis=1) / sample.quiet[draws].sum(axis=1)
        first = added[0]
        words = "as what impact adds" if first.found else first.verdict
        interval = percentile(float(ratio), drawn, len(sample.loud))
        return [
            first,
            Finding(
                self.name, f"amplification of {_words(sample.outcome)}", interval, 1.0, first.adjusted_p, np.nan, words,
                first.found,
            ),
        ]  # fmt: skip


def _words(outcome: str) -> str:
    return outcome.replace("_", " ")


def _check_outcome(outcome: str, outcomes: Mapping[str, Floats]) -> None:
    if outcome not in outcomes:
        raise BadInput(f"outcome = {outcome!r} is not read; the plan's readings are {', '.join(outcomes)}")


# ---------------------------------------------------------------------- the last way out


@dataclass(frozen=True)
class TurningPointSample:
    """From when on nothing that was tried helped, in H episodes that had any harm.

    Attributes:
        times: I64[T], decisions at which settings were taken on in every episode.
        left: F64[T, H], share of an episode's harm that the best setting leaves, held from then to the end.
        best: I64[T, H], which.
        last: F64[H], the last decision at which that is at most `share`, NaN if at none of the times. Between the last
            of the times and the one after it every decision was tried.
        lost: F64[H], decision after which more than `share` of the harm had been done.
        labels: [H], units.
        settings: agent -> F64[S, k].
    """

    times: NDArray[np.int64]
    left: Floats
    best: NDArray[np.int64]
    last: Floats
    lost: Floats
    labels: NDArray[Any]
    settings: dict[str, Floats]


@dataclass(frozen=True)
class TurningPoint:
    """The last decision from which any of many settings of all levers, held behind the same shield, halves the harm.

    Attributes:
        outcome: the harm, one of the plan's readings, at least 0.
        share: of the episode's harm that may be left.
        settings: points of Sobol's sequence over all levers together, a power of two.
        limits: of a lever's action.
        seed: of the sequence's scrambling.
    """

    outcome: str = "bad_debt"
    share: float = 0.5
    settings: int = 64
    limits: tuple[float, float] = (-1.0, 1.0)
    seed: int = 0
    name = "cascades"

    def points(self, world: BranchingWorld) -> dict[str, Floats]:
        """The settings, agent -> F64[S, k].

        Raises:
            BadInput: their number is not a power of two.
        """
        from scipy.stats.qmc import Sobol  # slow to import

        power = self.settings.bit_length() - 1
        if self.settings < 1 or self.settings != 2**power:
            raise BadInput(f"settings = {self.settings!r} must be a power of two")
        sizes = [world.action_size(agent) for agent in world.agents]
        low, high = self.limits
        drawn = low + (high - low) * Sobol(sum(sizes), seed=self.seed).random_base2(power)
        return dict(zip(world.agents, np.split(drawn, np.cumsum(sizes)[:-1], axis=1), strict=True))

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> TurningPointSample:
        """Take on every setting at every time; the episode lasts from the first of them for the plan's steps.

        Where times are further apart than a decision, those between the last way out of an episode and the next time
        are tried too, in copies of that episode alone: all levers are pinned, so that no governor decides in them.

        Raises:
            BadInput: no harm was done, the outcome is not read, or a time beyond the episode.
        """
        plan = replace(plan, times=tuple(sorted(plan.times)))
        times = np.array(plan.times)
        end = int(times[0]) + plan.steps
        if times[-1] >= end:
            raise BadInput(f"times reach {times[-1]}; the plan's {plan.steps} steps from {times[0]} end at {end}")
        settings = self.points(world)
        harm = np.zeros((0, 0))
        left, best = list[Floats](), list[NDArray[np.int64]]()
        for point in fork_points(world, governors, plan):
            steps = end - point.time
            if not harm.size:
                outcomes = point.run(plan.steps).outcomes
                _check_outcome(self.outcome, outcomes)
                harm = outcomes[self.outcome]
            done = harm[: point.time - int(times[0])].sum(axis=0)
            after = np.stack(
                [
                    point.run(steps, _held(settings, number, steps, len(plan.seeds))).outcomes[self.outcome].sum(axis=0)
                    for number in range(self.settings)
                ]
            )
            left.append(done + after.min(axis=0))
            best.append(after.argmin(axis=0))
        total = harm.sum(axis=0)
        had = total > 0.0
        if not had.any():
            raise BadInput(f"{self.outcome} is 0 in every episode; there is nothing to avert")
        shares = np.array(left)[:, had] / total[had]
        ways = np.where(shares <= self.share, times[:, None], -np.inf)
        last = np.where(np.isinf(ways.max(axis=0)), np.nan, ways.max(axis=0))
        last = self._refined(world, governors, plan, settings, harm[:, had], np.flatnonzero(had), last)
        lost = times[0] + np.argmax(harm.cumsum(axis=0)[:, had] > self.share * total[had], axis=0)
        return TurningPointSample(
            times, shares, np.array(best)[:, had], last, lost.astype(np.float64), plan.labels[had], settings
        )

    def _refined(
        self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan, settings: Mapping[str, Floats],
        harm: Floats, rows: NDArray[np.int64], last: Floats,
    ) -> Floats:  # fmt: skip
        """The last way out to a decision, F64[H], of the episodes in rows I64[H] with harm F64[decisions, H].

        `last`, F64[H], is the last of the plan's times at which there was a way out, NaN without one.
        """
        first, end = plan.times[0], plan.times[0] + plan.steps
        places = np.searchsorted(plan.times, np.nan_to_num(last, nan=first))
        until = np.array([*plan.times[1:], end])[places]
        fine = [time for time in range(first, end) if ((last < time) & (time < until)).any()]
        found = last.copy()
        if not fine:
            return found
        for point in fork_points(world, governors, replace(plan, times=tuple(fine))):
            between = np.flatnonzero((last < point.time) & (point.time < until))
            copies = point.look(partial(_copies, rows=np.repeat(rows[between], self.settings)))
            asked = {agent: np.tile(own, (len(between), 1)) for agent, own in settings.items()}
            left = np.zeros(len(between) * self.settings)
            for _ in range(end - point.time):
                left += plan.read(copies.step(asked), asked)[self.outcome]
            whole = harm[: point.time - first, between].sum(axis=0) + left.reshape(len(between), -1).min(axis=1)
            found[between[whole <= self.share * harm[:, between].sum(axis=0)]] = point.time
        return found

    def reduce(self, sample: TurningPointSample) -> list[Finding]:
        """How long before the loss the last way out was; and, descriptive, how many episodes had one."""
        out = ~np.isnan(sample.last)
        ways = cluster_means(out.astype(np.float64), sample.labels)
        found = []
        if out.any():
            ahead = cluster_means((sample.lost - sample.last)[out], sample.labels[out])
            name = f"decisions from the last way out to {self.share:.0%} of the {_words(self.outcome)}"
            found = family(self.name, "nothing that was tried later helps", [name], ahead[:, None], upward=True)
        return [
            *found,
            Finding(
                self.name, f"share of episodes with {_words(self.outcome)} that had a way out", student_t(ways),
                np.nan, np.nan, np.nan, "descriptive: the best setting of each episode, in hindsight", False,
            ),
        ]  # fmt: skip


def _copies(world: BranchingWorld, rows: NDArray[np.int64]) -> BranchingWorld:
    return world.fork(rows)


def _held(settings: Mapping[str, Floats], number: int, steps: int, rows: int) -> dict[str, Floats]:
    """One setting as pins of a whole branch."""
    return {agent: np.broadcast_to(own[number], (steps, rows, own.shape[1])) for agent, own in settings.items()}
