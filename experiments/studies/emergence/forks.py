"""Forks: two branches of the same worlds that meet the same tape and noise and differ in one governor's actions.

A branch is always the whole batch, rows in their order: a network rounds otherwise in another batch size, and then a
branch without an intervention would not be bit for bit the branch that it is compared with.

One primitive does all: to *pin* an agent's actions along a path. Pinned to what it did anyhow (`Branch.asked`) an agent
is replayed; pinned away from it for a moment it is intervened on; where the path is NaN or over, its governor decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput

Floats = NDArray[np.float64]
Seeds = NDArray[np.uint64]
Outcomes = Mapping[str, Floats]
Pins = Mapping[str, Floats]
T = TypeVar("T")


class BranchingWorld(Protocol):
    """All that the laboratory asks of a batch of worlds; `Simulator` has it, and so have the fixtures.

    Noise must be keyed by row and time: drawn from one stream, an intervention moves what it has no link to (see
    `controls.decoupled`). A world that is not asked by observations alone has a method `view(agent)` whose result goes
    to `Governor.act`; without it governors see a `Sight`.
    """

    agents: tuple[str, ...]

    @property
    def num_worlds(self) -> int:
        """Rows of the batch, n."""
        ...

    def action_size(self, agent: str) -> int:
        """Number of an agent's levers, k."""
        ...

    def reset(self, *, seeds: Any = None, mask: Any = None) -> Mapping[str, NDArray[Any]]:
        """Begin episodes in all rows; what each agent sees, [n, d]."""
        ...

    def step(self, actions: Mapping[str, Any]) -> Any:
        """One decision, F[n, k] for every agent; the result has `obs`, `rewards` and, if levers lag, `executed`."""
        ...

    def fork(self, rows: Any) -> BranchingWorld:
        """A copy of rows that runs on with the same tape and noise, independently of this one."""
        ...


@dataclass(frozen=True)
class Sight:
    """What a governor is given of a world without views: its own observation, [n, d]."""

    obs: NDArray[Any]


def sight(world: BranchingWorld, agent: str, obs: Mapping[str, NDArray[Any]]) -> Any:
    """What `agent`'s governor is given before it acts."""
    view = getattr(world, "view", None)
    return view(agent) if view is not None else Sight(obs[agent])


class Read(Protocol):
    """What is looked at in a branch."""

    def __call__(self, step: Any, asked: Mapping[str, Floats]) -> Outcomes:
        """Name -> F64[n] after one decision, from what the world returned and what was asked, F64[n, k] by agent."""
        ...


def read_rewards(step: Any, asked: Mapping[str, Floats]) -> Outcomes:
    """Every agent's reward, as `reward/<agent>`: what it is paid, which may be a blend of its mandate and of welfare.

    What is done to another governor itself is in its mandate: `reading.Market`.
    """
    return {f"reward/{agent}": np.asarray(step.rewards[agent], np.float64) for agent in asked}


def read_actions(step: Any, asked: Mapping[str, Floats]) -> Outcomes:
    """Every lever's action, as `action/<agent>/<number>`."""
    return {f"action/{agent}/{lever}": own[:, lever] for agent, own in asked.items() for lever in range(own.shape[1])}


@dataclass(frozen=True)
class Branch:
    """What happened in one branch of T decisions.

    Attributes:
        asked: agent -> F64[T, n, k], the actions within their limits.
        executed: agent -> F64[T, n, k], the levers in force as the world reports them; `asked` where it does not.
        outcomes: name -> F64[T, n].
    """

    asked: dict[str, Floats]
    executed: dict[str, Floats]
    outcomes: dict[str, Floats]

    def gap(self, other: Branch, agents: Sequence[str] | None = None) -> float:
        """Largest difference from another branch, in the levers of `agents` (all) and, if all, in outcomes."""
        pairs = [(self.executed[agent], other.executed[agent]) for agent in (agents or self.executed)]
        if agents is None:
            pairs += [(self.outcomes[name], other.outcomes[name]) for name in self.outcomes]
        return max(largest_gap(first, second) for first, second in pairs)


def largest_gap(first: Floats, second: Floats) -> float:
    """Largest absolute difference; infinite where one is not a number and the other is."""
    if not np.array_equal(np.isnan(first), np.isnan(second)):
        return float("inf")
    return float(np.nanmax(np.abs(first - second), initial=0.0))


class ForkPoint:
    """A moment of a batch of worlds and their governors, from which branches run.

    Args:
        world: as it stands; it is copied.
        governors: one for each agent. What they remember is their `state_dict`; every branch begins with what it was
            here, and leaves them as they were before it.
        obs: what each agent sees now.
        time: decisions since the episodes began.
        read: what is looked at.
        limits: of an action; one beyond is clipped, as the world would.
        seeds: U64[n], what randomness of governors seated in a branch is keyed by; the rows' numbers by default.
    """

    def __init__(
        self,
        world: BranchingWorld,
        governors: Mapping[str, Governor],
        obs: Mapping[str, NDArray[Any]],
        time: int = 0,
        read: Read = read_rewards,
        limits: tuple[float, float] = (-1.0, 1.0),
        seeds: Seeds | None = None,
    ) -> None:
        self.time, self.agents = time, world.agents
        self._rows = np.arange(world.num_worlds, dtype=np.int64)
        self._world = world.fork(self._rows)
        self._governors = dict(governors)
        self._memories = {agent: deepcopy(governor.state_dict()) for agent, governor in governors.items()}
        self._obs = {agent: np.array(own) for agent, own in obs.items()}
        self._read, self._limits = read, limits
        self._seeds = np.asarray(self._rows if seeds is None else seeds, np.uint64)

    @property
    def rows(self) -> int:
        """Rows of the batch, n."""
        return len(self._rows)

    def look(self, at: Callable[[Any], T]) -> T:
        """What a function of the world as it stands here returns."""
        return at(self._world)

    def run(
        self,
        steps: int,
        pins: Pins | None = None,
        change: Callable[[Any], None] | None = None,
        seats: Mapping[str, Governor] | None = None,
    ) -> Branch:
        """Run a branch.

        Args:
            steps: decisions, T.
            pins: agent -> F64[t, n, k], its actions in the first t decisions; NaN leaves a lever to its governor, who
                is asked in any case.
            change: an intervention that is no action, done to the branch's own copy of the world before it runs.
            seats: agent -> a governor that sits in its place in this branch, started over in all rows.

        Raises:
            BadInput: an unknown agent, a path of another shape, or an episode that ends before the branch does.
        """
        pins = pins or {}
        self._check(pins)
        before = {agent: deepcopy(governor.state_dict()) for agent, governor in self._governors.items()}
        self._load(self._memories)
        try:
            world = self._world.fork(self._rows)
            if change is not None:
                change(world)
            for governor in (seats or {}).values():
                governor.reset(self._rows, self._seeds)
            return self._run(world, {**self._governors, **(seats or {})}, steps, pins)
        finally:
            self._load(before)

    def _run(self, world: BranchingWorld, governors: Mapping[str, Governor], steps: int, pins: Pins) -> Branch:
        obs: Mapping[str, NDArray[Any]] = self._obs
        asked: list[dict[str, Floats]] = []
        executed: list[Mapping[str, Floats]] = []
        outcomes: list[Outcomes] = []
        for decision in range(steps):
            actions = decide(world, governors, obs, self._limits)
            for agent, path in pins.items():
                if decision < len(path):
                    own = actions[agent]
                    actions[agent] = np.where(np.isnan(path[decision]), own, np.clip(path[decision], *self._limits))
            result = world.step(actions)
            obs = result.obs
            asked.append(actions)
            executed.append(getattr(result, "executed", None) or actions)
            outcomes.append(self._read(result, actions))
            over = getattr(result, "truncated", None)
            if decision + 1 < steps and over is not None and np.any(over):
                raise BadInput(
                    f"a branch from decision {self.time} has {steps} decisions; an episode is over after {decision + 1}"
                )
        return Branch(*(_stacked(part) for part in (asked, executed, outcomes)))

    def _load(self, memories: Mapping[str, Any]) -> None:
        for agent, memory in memories.items():
            self._governors[agent].load_state_dict(deepcopy(memory))

    def _check(self, pins: Pins) -> None:
        for agent, path in pins.items():
            if agent not in self.agents:
                raise BadInput(f"pins name {agent!r}; agents are {', '.join(self.agents)}")
            wanted = (len(self._rows), self._world.action_size(agent))
            if np.ndim(path) != 3 or np.shape(path)[1:] != wanted:
                raise BadInput(
                    f"pins[{agent!r}] has shape {np.shape(path)}; (decisions, {wanted[0]}, {wanted[1]}) is needed"
                )


def _stacked(parts: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
    return {name: np.stack([np.asarray(part[name], np.float64) for part in parts]) for name in parts[0]}


def decide(
    world: BranchingWorld,
    governors: Mapping[str, Governor],
    obs: Mapping[str, NDArray[Any]],
    limits: tuple[float, float],
) -> dict[str, Floats]:
    """What every governor asks for, F64[n, k] by agent, within the limits."""
    asked = {agent: governors[agent].act(sight(world, agent, obs)) for agent in world.agents}
    return {agent: np.clip(np.asarray(own, np.float64), *limits) for agent, own in asked.items()}


@dataclass(frozen=True)
class Plan:
    """On what a measure is made.

    Attributes:
        seeds: U64[n], of the worlds' episodes.
        units: [n], labels of the units of inference: training seeds of learned governors, else tapes (the default).
        times: decisions after which episodes are forked.
        steps: decisions of a branch.
        read: what is looked at.
        limits: of an action.
    """

    seeds: Seeds
    units: NDArray[Any] | None = None
    times: tuple[int, ...] = (0,)
    steps: int = 10
    read: Read = read_rewards
    limits: tuple[float, float] = (-1.0, 1.0)

    @property
    def labels(self) -> NDArray[Any]:
        """Of the units, [n]."""
        return np.asarray(self.seeds if self.units is None else self.units)

    def by_unit(self, values: Floats) -> Floats:
        """Means of F64[n, ...] over the rows of each unit, F64[units, ...] in the order of their labels."""
        labels = self.labels
        if labels.shape != (len(values),):
            raise BadInput(f"units have shape {labels.shape}; ({len(values)},) is needed, a label a seed")
        return np.stack([values[labels == label].mean(axis=0) for label in np.unique(labels)])


def fork_points(world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> Iterator[ForkPoint]:
    """Play episodes of the plan's seeds; a `ForkPoint` at each of its times.

    Raises:
        BadInput: an agent without a governor, or seeds that are not one a row.
    """
    missing = [agent for agent in world.agents if agent not in governors]
    if missing:
        raise BadInput(f"agent {missing[0]!r} has no governor; every agent needs one")
    if len(plan.seeds) != world.num_worlds:
        raise BadInput(f"the plan has {len(plan.seeds)} seeds; {world.num_worlds} are needed, one a world")
    obs = world.reset(seeds=plan.seeds)
    rows = np.arange(world.num_worlds, dtype=np.int64)
    for governor in governors.values():
        governor.reset(rows, np.asarray(plan.seeds, np.uint64))
    for time in range(max(plan.times) + 1):
        if time in plan.times:
            yield ForkPoint(world, governors, obs, time, plan.read, plan.limits, plan.seeds)
        if time < max(plan.times):
            obs = world.step(decide(world, governors, obs, plan.limits)).obs


def read_all(*parts: Read) -> Callable[[Any, Mapping[str, Floats]], Outcomes]:
    """Several readings as one."""
    return lambda step, asked: {name: value for part in parts for name, value in part(step, asked).items()}
