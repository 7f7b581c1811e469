"""What learners see of a batch of worlds: own observations, or windows of them, then what the critic alone reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.policies.window import Window
from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.world import Observations, TrainingWorld


def critic_size(settings: PPOSettings, world: TrainingWorld) -> int:
    """Length of what only a learner's critic reads: the global state if it is central, and a clock if it sees time."""
    return world.state_size * (settings.critic == "central") + settings.critic_sees_time


class Sights:
    """The learners' inputs in a world, with the memory that they need.

    An input is what the actor reads, followed by the `critic_size` numbers that only the critic reads.

    Args:
        world: whose agents observe.
        central: whether learners get the global state after their own observation.
        clock: whether learners get the share of the episode that is left, as their last number.
        window: number of own newest observations that a learner gets, oldest first, zeros before the opening.
    """

    def __init__(self, world: TrainingWorld, *, central: bool, clock: bool = False, window: int = 1) -> None:
        self._world = world
        self._windows: dict[str, Window] = {}
        if window > 1:
            self._windows = {agent: Window(window, world.observation_size(agent)) for agent in world.agents}
        self._central, self._clock = central, clock

    def see(self, own: Observations, rows: NDArray[np.int64] | None = None) -> Observations:
        """Learners' inputs, F32[n, d] by agent, from the agents' present observations.

        Rows are made contiguous: with another memory layout the last bits of a matrix product differ.

        Args:
            own: observations of all rows.
            rows: I64[m], those whose observations are new; by default all.
        """
        if self._windows:
            own = {agent: self._windows[agent].push(sight, rows) for agent, sight in own.items()}
        beyond = [self._world.state()] if self._central else []
        if self._clock:
            beyond.append(self._world.time_left()[:, None])
        if not beyond:
            return {agent: np.ascontiguousarray(sight) for agent, sight in own.items()}
        return {agent: np.concatenate([sight, *beyond], axis=1) for agent, sight in own.items()}

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Begin the windows of rows, I64[m], anew."""
        for window in self._windows.values():
            window.reset(rows)

    def load(self, observations: dict[str, NDArray[Any]]) -> None:
        """Continue from the last result of `see`."""
        for agent, window in self._windows.items():
            window.load(observations[agent][:, : window.length * self._world.observation_size(agent)])
