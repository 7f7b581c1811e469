"""Influence: what a move of one lever does to everybody, while tape, noise and all else stay as they were.

From many moments of many episodes a lever is pushed up and down by one and two doses, held for `hold` decisions and let
go. In the simulated world a dose is a cap of the lever in force (`interventions.Push`): what the shield lets through of
an action may be nothing. In any other world it is an own movement of the policy, in actions. What follows is compared
with the branch in which nothing was pushed:

    total           E[y(t + h) | do(a + d)] - E[y(t + h)], everybody free to answer
    mechanical      the same with the other governors' actions replayed from the branch without the push
    policy          total less mechanical: what goes through the others' policies

An effect is given for a push of one dose. Over the pushes d of a moment it is the regression through the origin
sum(d y) / sum(d^2), d as done after clipping: exact where the world is linear, and a push without room counts for
what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import (
    Branch,
    BranchingWorld,
    Floats,
    ForkPoint,
    Plan,
    fork_points,
)
from protogov.experiments.studies.emergence.measure import Finding, family

KINDS = ("total", "mechanical", "policy")
OWN = "own effect"  # the verdict on an effect on the agent that is pushed: no influence on another
LEAST = 0.05  # push of a lever whose policy never moves it, in actions


class Done(Protocol):
    """A push that is no action: done to a branch's own copy of the world."""

    given: Floats

    def __call__(self, world: Any) -> None:
        """Do it, and keep the doses that were really given, F64[n]."""
        ...


@dataclass(frozen=True)
class InfluenceSample:
    """What was measured of L levers on V outcomes in W windows.

    Attributes:
        levers: (agent, number of the lever, or a name that a report gives it), L.
        outcomes: V names.
        windows: (first, last) decisions after the fork, counted from 1, W.
        movements: F64[L], root mean square of what the policy itself moves the lever by in a decision, in actions.
        pushes: F64[L], size of a single push, in actions, or 1 where a dose is a cap.
        effects: kind -> F64[units, L, V, W], of a single push.
        replay_gap: largest difference of the others' executed levers between the mechanical branches and what they
            were replayed from: 0 if the replay was one.
    """

    levers: Sequence[tuple[str, int | str]]
    outcomes: list[str]
    windows: tuple[tuple[int, int], ...]
    movements: Floats
    pushes: Floats
    effects: dict[str, Floats]
    replay_gap: float = field(default=0.0)

    def effect(self, kind: str, agent: str, lever: int | str, outcome: str) -> Floats:
        """Of one lever on one outcome, F64[units, W]."""
        return self.effects[kind][:, self.levers.index((agent, lever)), self.outcomes.index(outcome)]


@dataclass(frozen=True)
class Influence:
    """The measure; see the module.

    Attributes:
        windows: (first, last) decisions after the fork over which outcomes are averaged, counted from 1.
        doses: sizes of a push, each up and down.
        hold: decisions for which a lever is held at what it would have been plus the push.
        agents: whose levers are pushed; everybody's where it is empty.
        push: (agent, lever, dose, decisions) -> a push that is no action; without it actions are pushed.
    """

    windows: tuple[tuple[int, int], ...] = ((1, 1), (1, 4), (1, 10))
    doses: tuple[float, ...] = (1.0, 2.0)
    hold: int = 1
    agents: tuple[str, ...] = ()
    push: Callable[[str, int, float, int], Done] | None = None
    name = "influence"

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> InfluenceSample:
        """Push every lever at every time of the plan.

        Raises:
            BadInput: a window that does not lie within a branch, or a plan that does not fit the world.
        """
        for first, last in self.windows:
            if not 1 <= first <= last <= plan.steps:
                raise BadInput(f"window ({first}, {last}) must lie within 1 and the plan's {plan.steps} steps")
        pushed = self.agents or world.agents
        movements = own_movements(world, governors, plan)
        levers = [(agent, lever) for agent in pushed for lever in range(world.action_size(agent))]
        moved = np.array([movements[agent][lever] for agent, lever in levers])
        pushes = np.where(moved > 0.0, moved, LEAST) if self.push is None else np.ones(len(levers))
        found: dict[str, list[Floats]] = {kind: [] for kind in KINDS}
        gap, names = 0.0, list[str]()
        for point in fork_points(world, governors, plan):
            base = point.run(plan.steps)
            names = list(base.outcomes)
            parts = {kind: np.empty((len(plan.seeds), len(levers), len(names), len(self.windows))) for kind in KINDS}
            for place, (agent, lever) in enumerate(levers):
                replayed = {other: base.asked[other] for other in world.agents if other != agent}
                for kind, pins in (("total", {}), ("mechanical", replayed)):
                    runs = list(self._pushes(point, base, agent, lever, pushes[place], pins, plan))
                    parts[kind][:, place] = self._slopes(base, runs)
                    if replayed and kind == "mechanical":
                        gap = max(gap, *(run.gap(base, list(replayed)) for _, run in runs))
            parts["policy"] = parts["total"] - parts["mechanical"]
            for kind in KINDS:
                found[kind].append(parts[kind])
        effects = {kind: plan.by_unit(np.mean(own, axis=0)) for kind, own in found.items()}
        return InfluenceSample(levers, names, self.windows, moved, pushes, effects, gap)

    def _pushes(
        self, point: ForkPoint, base: Branch, agent: str, lever: int, size: float, pins: dict[str, Floats], plan: Plan
    ) -> Iterator[tuple[Floats, Branch]]:
        """Each push in turn: (its size as executed in the first decision over `size`, F64[n]; the branch)."""
        for dose in (sign * dose for dose in self.doses for sign in (1.0, -1.0)):
            if self.push is not None:
                done = self.push(agent, lever, dose * size, self.hold)
                branch = point.run(plan.steps, pins, done)
                yield done.given / size, branch
                continue
            path = np.full_like(base.asked[agent][: self.hold], np.nan)
            path[..., lever] = base.asked[agent][: self.hold, :, lever] + dose * size
            branch = point.run(plan.steps, {**pins, agent: path})
            yield (branch.asked[agent][0, :, lever] - base.asked[agent][0, :, lever]) / size, branch

    def _slopes(self, base: Branch, runs: list[tuple[Floats, Branch]]) -> Floats:
        """Effects of a push of 1, F64[n, V, W]."""
        weight = sum(dose**2 for dose, _ in runs)
        total = sum(dose[:, None, None] * self._differences(base, run) for dose, run in runs)
        return np.asarray(total / np.asarray(weight)[:, None, None])

    def _differences(self, base: Branch, run: Branch) -> Floats:
        gaps = np.stack([run.outcomes[name] - base.outcomes[name] for name in base.outcomes], axis=-1)  # [T, n, V]
        return np.stack([gaps[first - 1 : last].mean(axis=0) for first, last in self.windows], axis=-1)

    def reduce(self, sample: InfluenceSample) -> list[Finding]:
        """One family over kinds, levers, outcomes and windows.

        On an outcome `<word>/<agent>...` of the agent that is pushed the claim is `OWN`, not "influence".
        """
        members = [
            (kind, agent, lever, outcome, window)
            for kind in KINDS
            for agent, lever in sample.levers
            for outcome in sample.outcomes
            for window in sample.windows
        ]
        names = [
            f"{kind} {agent}/{lever} -> {outcome} @{first}-{last}"
            for kind, agent, lever, outcome, (first, last) in members
        ]
        claims = [OWN if agent in outcome.split("/")[1:2] else "influence" for _, agent, _, outcome, _ in members]
        values = np.concatenate([own.reshape(len(own), -1) for own in (sample.effects[kind] for kind in KINDS)], axis=1)
        return family(self.name, claims, names, values)


def own_movements(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> dict[str, Floats]:
    """Root mean square of what each policy moves its levers by in a decision, F64[k] in actions by agent."""
    steps = max(plan.times) + plan.steps
    branch = next(fork_points(world, governors, Plan(plan.seeds, times=(0,), limits=plan.limits))).run(steps)
    return {agent: np.sqrt((np.diff(own, axis=0) ** 2).mean(axis=(0, 1))) for agent, own in branch.asked.items()}
