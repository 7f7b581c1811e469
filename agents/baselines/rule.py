"""The base of hand-written rules: they give targets in the levers' own units."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline, Floats

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Rule(Baseline):
    """A baseline with targets in physical units; the other levers of the role stay at their defaults.

    A value outside a lever's range is clipped; the shield then limits the changes as for every governor.
    """

    @abstractmethod
    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Lever -> target value, F64[num_rows] or one for all rows; writes to `memory` are kept."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Aim the levers, F32[n, k]."""
        n = len(view.obs)
        return self.aimed(self.targets(view, self._memory.first(n), n), n)

    def aimed(self, wanted: Mapping[str, Floats | float], n: int) -> NDArray[np.float32]:
        """The actions F32[n, k] that aim at these values."""
        actions = np.zeros((n, len(self.levers)), np.float32)
        for column, (name, lever) in enumerate(self.levers.items()):
            if name in wanted:
                actions[:, column] = lever.action(np.clip(wanted[name], lever.low, lever.high))
        return actions
