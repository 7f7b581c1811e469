"""Episodes for learning from logs: one seat's observations, actions and rewards, decision by decision."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.infos import InfoReader
from protogov.envs.interfaces import Governor, RoleView
from protogov.envs.scenarios import Scenario
from protogov.experiments.core.play import open_worlds, play

MOST_ROWS = 256  # worlds at the same time


@dataclass(frozen=True)
class Log:
    """One episode of T decisions.

    Attributes:
        seed: seed of its world: `env.reset(seed=...)` opens the same world.
        observations: float32 [T + 1, d], the last one after the last decision.
        actions: float32 [T, levers], as they were played.
        rewards: float64 [T].
        infos: name -> float64 [T + 1], the first one at the reset; the environment's own names.
    """

    seed: int
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    infos: dict[str, NDArray[np.float64]]


class _Noting:
    """A governor whose actions are rounded to the numbers of a dataset, and stored."""

    def __init__(self, governor: Governor) -> None:
        self.governor, self.played = governor, list[NDArray[np.float32]]()
        self.reset = governor.reset

    def act(self, view: RoleView) -> NDArray[np.float32]:
        # clipped: a governor's action may lie outside a dataset's action space
        self.played.append(np.clip(np.asarray(self.governor.act(view), np.float64), -1.0, 1.0).astype(np.float32))
        return self.played[-1]


def log_episodes(
    config: WorldConfig, scenario: str | Scenario, governor: Governor, seeds: NDArray[np.uint64]
) -> Iterator[Log]:
    """Play a whole episode per seed, and yield them in order.

    Args:
        config: a world in which one governor learns; this one is logged.
        scenario: the outside market.
        governor: the governor.
        seeds: U64 [n], one per world.

    Raises:
        BadInput: the scenario is unknown, or the governor reads what this world does not show.
        CheckFailed: the books of a world do not balance.
    """
    for first in range(0, len(seeds), MOST_ROWS):
        yield from _batch(config, scenario, governor, seeds[first : first + MOST_ROWS])


def _batch(
    config: WorldConfig, scenario: str | Scenario, governor: Governor, seeds: NDArray[np.uint64]
) -> Iterator[Log]:
    world = open_worlds(config, scenario, seeds)
    (agent,) = world.agents
    reader, noting = InfoReader(world, agent), _Noting(governor)
    observations, rewards = [world.observe()[agent]], []
    tables = [reader.table(np.ones(len(seeds), np.bool_))]
    for step in play(world, {agent: noting}, seeds):  # type: ignore[dict-item]  # only `reset` and `act` are called
        observations.append(step.obs[agent])
        rewards.append(step.rewards[agent])
        tables.append(reader.table())
    seen, played = np.stack(observations, axis=1), np.stack(noting.played, axis=1)
    paid, noted = np.stack(rewards, axis=1), np.stack(tables, axis=1)
    for row, seed in enumerate(seeds):
        infos = {name: noted[row, :, at].copy() for at, name in enumerate(reader.keys)}
        yield Log(int(seed), seen[row], played[row], paid[row], infos)
