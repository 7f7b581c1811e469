"""Episodes as a learner from logs reads them: what one seat saw, did and was paid, decision by decision."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.infos import InfoReader
from protogov.envs.interfaces import Governor, RoleView
from protogov.envs.scenarios import Scenario
from protogov.experiments.core.play import open_worlds, play

MOST_ROWS = 256  # worlds side by side


@dataclass(frozen=True)
class Log:
    """One episode of T decisions.

    Attributes:
        seed: of its world: `env.reset(seed=...)` opens the same one.
        observations: float32 [T + 1, d], the last one after the last decision.
        actions: float32 [T, levers], as they were played.
        rewards: float64 [T].
        infos: name -> float64 [T + 1], the first of the reset; names as the environment's own.
    """

    seed: int
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    infos: dict[str, NDArray[np.float64]]


class _Noting:
    """A governor whose actions are rounded to what a dataset holds, and kept."""

    def __init__(self, governor: Governor) -> None:
        self.governor, self.played = governor, list[NDArray[np.float32]]()
        self.reset = governor.reset

    def act(self, view: RoleView) -> NDArray[np.float32]:
        # clipped, for a governor may ask for more than a dataset's space of actions has
        self.played.append(np.clip(np.asarray(self.governor.act(view), np.float64), -1.0, 1.0).astype(np.float32))
        return self.played[-1]


def log_episodes(
    config: WorldConfig, scenario: str | Scenario, governor: Governor, seeds: NDArray[np.uint64]
) -> Iterator[Log]:
    """Play a whole episode for each seed, and yield them in order.

    Args:
        config: a world in which one governor learns: that one is logged.
        scenario: what the outside market does.
        governor: who governs.
        seeds: U64 [n], a world each.

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
    for step in play(world, {agent: noting}, seeds):  # type: ignore[dict-item]  # it is asked for nothing else
        observations.append(step.obs[agent])
        rewards.append(step.rewards[agent])
        tables.append(reader.table())
    seen, played = np.stack(observations, axis=1), np.stack(noting.played, axis=1)
    paid, told = np.stack(rewards, axis=1), np.stack(tables, axis=1)
    for row, seed in enumerate(seeds):
        infos = {name: told[row, :, at].copy() for at, name in enumerate(reader.keys)}
        yield Log(int(seed), seen[row], played[row], paid[row], infos)
