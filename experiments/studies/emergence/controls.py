"""Controls: cases that must give exactly 0 in any world, and effects that must be found where they were planted.

placebo         do(a = a): a branch in which every governor is pinned to what it did anyhow is the same, bit for bit
replay          with the others replayed their levers in force are the same, bit for bit
decoupled       two worlds side by side that have nothing in common: a push in one moves nothing in the other
yoked           governors that move as much and hear nothing: no influence goes through their policies
follower        a planted follower is found, at its size
common driver   two markets that a third thing drives: the record says influence, the forks say exactly none
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.core.text import number
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.fixtures import CommonDriver, Feedback, FollowedMarkets
from protogov.experiments.studies.emergence.forks import (
    Branch,
    BranchingWorld,
    Floats,
    Plan,
    fork_points,
    largest_gap,
    sight,
)
from protogov.experiments.studies.emergence.influence import LEAST, Influence, InfluenceSample
from protogov.experiments.studies.emergence.measure import Control

BY_FORKS = ("influence", "dividends", "exploitability", "cross-play", "collusion", "cascades")  # all that fork
OPEN = (-np.inf, np.inf)  # limits of an action in the fixtures
TOLERANCE = 0.05  # of the planted follower's effect


def _nothing(name: str, gap: float, guards: Sequence[str], moved: bool = True) -> Control:
    """A control whose difference has to be exactly nothing, and whose push has to have moved something at all."""
    found = "exactly 0" if gap == 0.0 else f"{number(gap)}"
    if not moved:
        found = "empty: the push moved nothing anywhere"
    return Control(name, "exactly 0", found, gap == 0.0 and moved, tuple(guards))


# ---------------------------------------------------------------------- in any world


def placebo(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> Control:
    """Pin each governor, then all others, then everybody, to what was done anyhow, and compare bit for bit.

    It fails where a governor remembers what is not in its `state_dict`, where noise is not keyed, and where a copy of
    the world is not whole.
    """
    gap = 0.0
    for point in fork_points(world, governors, plan):
        base = point.run(plan.steps)
        pins: list[dict[str, Floats]] = [{}, dict(base.asked)]
        for agent in world.agents:
            pins += [{agent: base.asked[agent]}, {name: own for name, own in base.asked.items() if name != agent}]
        gap = max(gap, *(point.run(plan.steps, own).gap(base) for own in pins))
    return _nothing("placebo", gap, BY_FORKS)


def replay(sample: InfluenceSample) -> Control:
    """Whether the others' levers in force stayed where they were replayed from, in every mechanical branch."""
    return _nothing("replay", sample.replay_gap, ("influence",))


class SideBySide:
    """Worlds of one length beside each other as one: their agents are named `<agent>@<number of the world>`.

    Args:
        worlds: with equally many rows.
    """

    def __init__(self, worlds: Sequence[Any]) -> None:
        if len({world.num_worlds for world in worlds}) != 1:
            raise BadInput(
                f"worlds side by side have {[world.num_worlds for world in worlds]} rows; as many are needed"
            )
        self.worlds = list(worlds)
        self._inside = {f"{agent}@{i}": (i, agent) for i, world in enumerate(worlds) for agent in world.agents}
        self.agents: tuple[str, ...] = tuple(self._inside)
        self._obs: list[Mapping[str, NDArray[Any]]] = [{} for _ in worlds]

    @property
    def num_worlds(self) -> int:
        """Rows."""
        return int(self.worlds[0].num_worlds)

    def action_size(self, agent: str) -> int:
        """Number of an agent's levers."""
        side, inside = self._inside[agent]
        return int(self.worlds[side].action_size(inside))

    def reset(self, *, seeds: Any = None, mask: Any = None) -> dict[str, NDArray[Any]]:
        """Begin episodes of the same seeds in all."""
        self._obs = [world.reset(seeds=seeds, mask=mask) for world in self.worlds]
        return self._named(self._obs)

    def step(self, actions: Mapping[str, ArrayLike]) -> Any:
        """One decision of all."""
        results = [
            world.step({inside: actions[agent] for agent, (own, inside) in self._inside.items() if own == side})
            for side, world in enumerate(self.worlds)
        ]
        self._obs = [result.obs for result in results]
        executed = [getattr(result, "executed", None) for result in results]
        return SimpleNamespace(
            obs=self._named(self._obs),
            rewards=self._named([result.rewards for result in results]),
            truncated=np.any([result.truncated for result in results], axis=0),
            executed=self._named([own for own in executed if own]) if all(executed) else None,
        )

    def view(self, agent: str) -> Any:
        """What the world of an agent would hand its governor."""
        side, inside = self._inside[agent]
        return sight(self.worlds[side], inside, self._obs[side])

    def fork(self, rows: Any) -> SideBySide:
        """Copies of rows of all."""
        copy = SideBySide([world.fork(rows) for world in self.worlds])
        copy._obs = [{agent: own[rows] for agent, own in obs.items()} for obs in self._obs]
        return copy

    def _named(self, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {agent: parts[side][inside] for agent, (side, inside) in self._inside.items()}


def decoupled(
    world: BranchingWorld,
    governors: Mapping[str, Governor],
    plan: Plan,
    sides: tuple[Sequence[str], Sequence[str]] | None = None,
) -> Control:
    """Push every lever of one side to the end of its range and back; nothing of the other side may move, not by a bit.

    Args:
        world: of two sides that have nothing in common: a `SideBySide`, or any whose sides are named.
        governors: one an agent.
        plan: `read` has to name outcomes `<word>/<agent>...`, as `read_rewards` and `read_actions` do.
        sides: agents of each; by default those whose names end in "@0" and in "@1".
    """
    first, second = sides or tuple([name for name in world.agents if name.endswith(end)] for end in ("@0", "@1"))
    if not first or not second:
        raise BadInput(f"sides of {', '.join(world.agents)} are {first} and {second}; both need agents")
    gap, moved = 0.0, 0.0
    for point in fork_points(world, governors, plan):
        base = point.run(plan.steps)
        for agent in first:
            for sign in (1.0, -1.0):
                branch = point.run(plan.steps, {agent: base.asked[agent] + sign})
                gap = max(gap, branch.gap(base, list(second)), *_outcome_gaps(branch, base, second))
                moved = max(moved, *_outcome_gaps(branch, base, first))
    return _nothing("decoupled", gap, BY_FORKS, moved > 0.0)


def _outcome_gaps(branch: Branch, base: Branch, agents: Sequence[str]) -> list[float]:
    own = [name for name in base.outcomes if name.split("/")[1] in agents]
    return [largest_gap(branch.outcomes[name], base.outcomes[name]) for name in own]


class Yoked:
    """A governor that plays back a path: same movements, no feedback.

    Args:
        path: F64[T, n, k], the actions of each decision from the beginning of an episode; the last one is kept.
    """

    def __init__(self, path: Floats) -> None:
        self._path = path
        self._decision = np.zeros(path.shape[1], np.int64)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._decision[rows] = 0

    def act(self, view: Any) -> NDArray[Any]:
        """The path's next action, F64[n, k]."""
        rows = np.arange(len(self._decision))
        action: NDArray[Any] = self._path[np.minimum(self._decision, len(self._path) - 1), rows]
        self._decision = self._decision + 1
        return action

    def state_dict(self) -> dict[str, Any]:
        """How far it is in every row."""
        return {"decision": self._decision.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._decision = np.array(state["decision"], np.int64)


def yoke(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> dict[str, Yoked]:
    """Every governor's double: in each world it plays what the governor did in the next one, on another tape.

    Raises:
        BadInput: a single world, which has no other tape.
    """
    if world.num_worlds < 2:
        raise BadInput(f"a yoked governor needs another tape; {world.num_worlds} world is given, 2 are needed")
    start = next(fork_points(world, governors, Plan(plan.seeds, limits=plan.limits)))
    branch = start.run(max(plan.times) + plan.steps)
    return {agent: Yoked(np.roll(own, -1, axis=1)) for agent, own in branch.asked.items()}


def yoked(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan, influence: Influence) -> Control:
    """Influence beside governors that are yoked: what goes through policies has to be exactly 0."""
    sample = influence.extract(world, yoke(world, governors, plan), plan)
    moved = bool(np.abs(sample.effects["total"]).max() > 0.0)
    return _nothing("yoked governor", float(np.abs(sample.effects["policy"]).max()), ("influence",), moved)


# ---------------------------------------------------------------------- in worlds where it is planted


def follower(gain: float = 0.3, steps: int = 9, seeds: int = 12, *, played: float | None = None) -> Control:
    """A planted follower: found through its policy, not mechanically, and within 5% of its size.

    Args:
        gain: planted strength with which it follows.
        steps: after the push, over which its answer is averaged.
        seeds: units.
        played: gain by which it really does, where that is another.
    """
    plan = Plan(np.arange(seeds, dtype=np.uint64), times=(3, 6), steps=steps + 1, limits=OPEN)
    measure = Influence(windows=((2, steps + 1),), agents=("rate_0",))
    governors: dict[str, Governor] = {
        "rate_0": Feedback([0.0, 0.0]),
        "rate_1": FollowedMarkets.follower(gain if played is None else played),
    }
    findings = measure.reduce(measure.extract(FollowedMarkets(seeds), governors, plan))
    by_name = {finding.name.partition(" @")[0]: finding for finding in findings}
    found = by_name["policy rate_0/0 -> reward/rate_1"]
    size = LEAST * FollowedMarkets.effect(gain, steps)
    near = abs(found.value / size - 1.0) <= TOLERANCE
    passed = found.found and near and not by_name["mechanical rate_0/0 -> reward/rate_1"].found
    return Control(
        "planted follower", f"{number(size)} through its policy", f"{number(found.value)}", passed, ("influence",)
    )


def common_driver(steps: int = 120, seeds: int = 12) -> Control:
    """No link and a common driver: a test on the record has to reject, and forks have to find exactly 0.

    The test is Granger's with one lag (statsmodels), on the record of each seed alone.
    """
    world = CommonDriver(seeds, steps + 1)
    governors: dict[str, Any] = {agent: Feedback([0.1]) for agent in world.agents}
    plan = Plan(np.arange(seeds, dtype=np.uint64), steps=steps, limits=OPEN)
    record = next(fork_points(world, governors, plan)).run(steps).outcomes
    rejected = sum(
        granger(record["reward/rate_1"][:, row], record["reward/rate_0"][:, row]) < 0.05 for row in range(seeds)
    )
    sample = Influence(windows=((1, 10),), agents=("rate_0",)).extract(
        world, governors, Plan(plan.seeds, steps=10, times=(5, 50), limits=OPEN)
    )
    gap = float(np.abs(sample.effect("total", "rate_0", 0, "reward/rate_1")).max())
    return Control(
        "common driver",
        "exactly 0 by forks, where the record says influence",
        f"{number(gap)} by forks; the record says influence in {rejected} of {seeds}",
        gap == 0.0 and rejected > seeds // 2,
        ("influence",),
    )


def granger(y: Floats, x: Floats, lag: int = 1) -> float:
    """Granger's F test: the p-value of "x does not help to predict y beyond y's own past".

    Args:
        y: F64[T], the series that is predicted.
        x: F64[T], the series that may help.
        lag: steps.
    """
    from statsmodels.tsa.stattools import grangercausalitytests  # slow to import

    return float(grangercausalitytests(np.stack([y, x], axis=1), [lag])[lag][0]["ssr_ftest"][1])


PLANTED: tuple[Callable[[], Control], ...] = (follower, common_driver)
