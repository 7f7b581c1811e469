"""The static protocol: levers that never move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline
from protogov.agents.policies.incumbent import Incumbent
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Constant(Baseline):
    """Proposes the same levers at every decision.

    Args:
        levers: the levers of the role.
        seed: nothing is random.
        values: physical values by lever name; a lever that is not named stays at its default.

    Raises:
        ValueError: the role lacks a named lever, or a value is outside the lever's range.
    """

    name = "constant"

    def __init__(self, levers: Sequence[Lever], *, seed: int = 0, values: Mapping[str, float] | None = None) -> None:
        super().__init__(levers, seed=seed)
        values = values or {}
        for name, value in values.items():
            if name not in self.levers:
                raise ValueError(f"lever is {name!r}; accepted: {', '.join(self.levers)}")
            lever = self.levers[name]
            if not lever.low <= value <= lever.high:
                raise ValueError(f"{name} is {value}; accepted: {lever.low} to {lever.high}")
        self._action = np.array([lever.action(values.get(lever.name, lever.default)) for lever in levers], np.float32)

    def incumbent(self) -> Incumbent:
        """Its action."""
        return Incumbent(self.name, tuple(self._action.tolist()))

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """The same row for every world, F32[n, k]."""
        return np.tile(self._action, (len(view.obs), 1))
