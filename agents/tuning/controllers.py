"""Controllers with a vector of gains: candidates for a search, side by side in one batch of worlds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from protogov.agents.baselines import controller_gains, make_governor
from protogov.agents.baselines.controller_file import ControllerFile
from protogov.agents.tuning.evolution import Floats
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.envs.simulator import Simulator


class Controllers:
    """The controllers of a name, one parameter a gain: its place in its range, -1 low, 0 default, +1 high.

    Levers that no controller moves stand at what the others act around. A member has memory: it begins anew in every
    world that it has not governed before, so a world is played to its end before another one.

    Args:
        config: of the world, with one venue.
        name: a controller, or several of different roles joined by "+".
        around: lever -> value in its unit; the others are at their defaults.

    Raises:
        ValueError: a name is unknown or has no gains, or a lever is unknown or its value out of range.
    """

    def __init__(self, config: WorldConfig, name: str, around: Mapping[str, float] | None = None) -> None:
        self.name, self.around = name, dict(around or {})
        self._config, self._agents = config, config.learners()
        self._world: Simulator | None = None
        self._governors: dict[str, Governor] = {}
        self._made({})  # refuses what cannot be made
        self._rows = [(part, gain) for part in name.split("+") for gain in controller_gains(part)]

    @property
    def levers(self) -> tuple[str, ...]:
        """Levers of all governors, in their order."""
        return tuple(lever for agent in self._agents for lever in agent.role.levers)

    @property
    def size(self) -> int:
        """Number of gains."""
        return len(self._rows)

    def actions(self, world: Simulator, points: Floats) -> Floats:
        """Actions F64[c * m, k] of members F64[c, size], each with m consecutive rows of the world."""
        if world is not self._world:
            each = np.repeat(points, world.num_worlds // len(points), axis=0)
            self._world, self._governors = world, self._made(self._gains(each))
        columns = [governor.act(world.view(agent)) for agent, governor in self._governors.items()]
        return np.concatenate(columns, axis=1).astype(np.float64)

    def member(self, point: Floats) -> ControllerFile:
        """The controllers of one member F64[size], for saving: played from a file they act the same."""
        gains = {part: {name: float(value) for name, value in own.items()} for part, own in self._gains(point).items()}
        return ControllerFile(self.name, gains, self.around)

    def _gains(self, places: Floats) -> dict[str, dict[str, Floats]]:
        """Controller -> gain -> values of places, F64[..., size]."""
        found: dict[str, dict[str, Floats]] = {}
        for at, (part, gain) in enumerate(self._rows):
            found.setdefault(part, {})[gain.name] = gain.value(places[..., at])
        return found

    def _made(self, gains: Mapping[str, Mapping[str, Floats]]) -> dict[str, Governor]:
        return {
            agent.name: make_governor(
                self.name, agent.role, agent=agent.name, defaults=self._config.defaults, gains=gains,
                around=self.around,
            )
            for agent in self._agents
        }  # fmt: skip
