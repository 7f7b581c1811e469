"""A planner on forks: a ceiling, not a governor. It tries actions on the true future, and keeps the best one.

It makes a plan every few decisions. In forks of the world it holds each of many actions for some decisions, then sets
the incumbent's constants, and sums W. Forks share tape and keyed noise, so that it sees the true future: no governor
has that sight. It is a ceiling for governors that hold an action as long as it does and let the incumbent follow.

Without sight the same planner looks ahead on futures that it imagines (`imagination`), and then plays the true one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.simulator import Simulator
from protogov.experiments.core.statistics import Floats

MAX_ROWS = 768  # worlds at a time
# (fork of worlds, their row numbers, number of the future): gives the fork another future
Imagine = Callable[[Simulator, NDArray[np.int64], int], None]


@dataclass(frozen=True)
class Planner:
    """How a planner looks ahead.

    Attributes:
        candidates: actions tried in a round, at least 2: the incumbent's, the best so far, and draws around it.
        rounds: each draws from half as wide around as the one before.
        hold: decisions for which an action is held, in a plan and then in the world.
        horizon: decisions looked ahead, at least `hold`; no further than the end of the episode.
        spread: standard deviation of the first round's draws, in actions.
        seed: of the draws, which all worlds share.
        branches: futures over which a planner without sight averages.
    """

    candidates: int = 32
    rounds: int = 2
    hold: int = 4
    horizon: int = 28
    spread: float = 0.3
    seed: int = 0
    branches: int = 8

    def __post_init__(self) -> None:
        for name, least in (("candidates", 2), ("rounds", 1), ("branches", 1), ("hold", 1), ("horizon", self.hold)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; a whole number of at least {least} is accepted.")
        if not self.spread > 0.0:
            raise ValueError(f"spread is {self.spread}; a number above 0 is accepted.")


def play_planned(
    world: Simulator,
    incumbent: Floats,
    planner: Planner,
    on_plan: Callable[[int], None] = lambda decision: None,
    imagine: Callable[[Simulator], Imagine] | None = None,
) -> Floats:
    """Play the rest of the episode by plans; W of the first venue from here on [bp of K0], F64[n].

    Args:
        world: one venue, anywhere in its episodes, which all end at once; it is played to their end.
        incumbent: F64[levers], actions of the constants that follow a plan, in the order of the agents' levers.
        planner: how it looks ahead.
        on_plan: called with the number of decisions left before each plan.
        imagine: (the worlds in their present state) -> the function that gives a fork of them an imagined future, of
            which `planner.branches` are used; None uses the true future.
    """
    rng = np.random.default_rng(planner.seed)
    num = world.num_worlds
    best, total = np.tile(np.asarray(incumbent, np.float64), (num, 1)), np.zeros(num)
    left = remaining(world)
    while left:
        on_plan(left)
        ahead, spread = min(planner.horizon, left), planner.spread
        futures = None if imagine is None else imagine(world)
        for _ in range(planner.rounds):
            draws = rng.standard_normal((planner.candidates - 2, best.shape[1]))
            tried = np.clip(best[:, None, :] + spread * draws, -1.0, 1.0)
            tried = np.concatenate([np.broadcast_to(incumbent, (num, 1, best.shape[1])), best[:, None, :], tried], 1)
            scores = look_ahead(world, tried, incumbent, planner.hold, ahead, futures, planner.branches)
            best = tried[np.arange(num), scores.argmax(axis=1)]
            spread *= 0.5
        for _ in range(min(planner.hold, left)):
            total += _decide(world, best)
        left = remaining(world)
    return total


def look_ahead(
    world: Simulator,
    tried: Floats,
    incumbent: Floats,
    hold: int,
    ahead: int,
    futures: Imagine | None = None,
    branches: int = 1,
) -> Floats:
    """W of the next `ahead` decisions where each action is held for `hold` of them, F64[n, candidates].

    Args:
        world: left as it is.
        tried: F64[n, candidates, levers], each world's own.
        incumbent: F64[levers], what follows.
        hold: decisions.
        ahead: decisions.
        futures: gives a fork an imagined future; None uses the true one.
        branches: imagined futures over which W is averaged.
    """
    num, count, levers = tried.shape
    rows, actions = np.repeat(np.arange(num), count), tried.reshape(-1, levers)
    scores = np.zeros(num * count)
    for at in range(0, len(rows), MAX_ROWS):
        part = slice(at, at + MAX_ROWS)
        follow = np.broadcast_to(incumbent, actions[part].shape)
        for branch in range(1 if futures is None else branches):
            fork = world.fork(rows[part])
            if futures is not None:
                futures(fork, rows[part], branch)
            for decision in range(ahead):
                scores[part] += _decide(fork, actions[part] if decision < hold else follow)
    scores /= 1 if futures is None else branches
    return scores.reshape(num, count)


def remaining(world: Simulator) -> int:
    """Decisions to the end of the episodes.

    Raises:
        ValueError: the episodes do not end at once.
    """
    hours = np.unique(world.worlds["length"] - world.worlds["hour"])
    if hours.size > 1:
        raise ValueError(f"the worlds' episodes end in {hours.min()} to {hours.max()} hours; all must end at once.")
    return int(-(-hours[0] // world.config.decision_hours))


def _decide(world: Simulator, actions: Floats) -> Floats:
    """One decision of all agents, F64[n, levers] in their order; its W of the first venue, F64[n]."""
    at, taken = 0, {}
    for agent in world.agents:
        size = world.action_size(agent)
        taken[agent] = actions[:, at : at + size]
        at += size
    world.take_actions(taken)
    world.advance()
    return world.welfare(0)
