"""Levers linear in what a governor observes: for one agent and any entries of its observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protogov.agents.tuning.evolution import Floats
from protogov.envs.simulator import Simulator


class LinearObserved:
    """One governor with the actions clip(w0 + sum of w * y, -1, 1), one row per lever; y are observed numbers.

    Args:
        world: the governor's world.
        agent: the governor's name.
        features: entries of its observation, by name.

    Raises:
        ValueError: the governor does not observe an entry.
    """

    def __init__(self, world: Simulator, agent: str, features: Sequence[str]) -> None:
        names = world.observation_names(agent)
        for name in features:
            if name not in names:
                raise ValueError(f"feature is {name!r}, which {agent} does not observe.")
        self.agent, self.levers = agent, tuple(world.roles[agent].levers)
        self._columns = [names.index(name) for name in features]

    @property
    def size(self) -> int:
        """Per lever: one constant, and one weight for each entry."""
        return len(self.levers) * (1 + len(self._columns))

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """Actions F64[c * m, k] of members F64[c, size], each with m consecutive rows of the world."""
        return self.actions_on(world.view(self.agent).obs, points)

    def actions_on(self, observations: NDArray[np.float32], points: Floats) -> Floats:
        """The same, from observations F32[c * m, d] only."""
        seen = observations[:, self._columns].astype(np.float64).reshape(len(points), -1, len(self._columns))
        weights = points.reshape(len(points), len(self.levers), 1 + len(self._columns))
        total = seen @ weights[:, :, 1:].transpose(0, 2, 1) + weights[:, None, :, 0]
        return np.clip(total, -1.0, 1.0).reshape(-1, len(self.levers))
