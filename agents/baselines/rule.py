"""The base of hand-written rules: they give targets in the levers' own units."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline, Floats
from protogov.agents.baselines.gains import Gains, checked_gains
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Rule(Baseline):
    """A baseline with targets in physical units; a lever that it does not move stays where it acts around.

    A value outside a lever's range is clipped; the shield then limits the changes as for every governor. A rule whose
    numbers may be changed lists them in `gains` and reads them as `self.gain[name]`: a number, or F64[rows] if every
    world has its own. `self.around[lever]` is the value in whose neighbourhood it moves a lever.

    Args:
        levers: the levers of the role.
        seed: nothing is random.
        gains: name -> value, or F64[rows] with one for each world; the others have their defaults.
        around: lever -> value in its unit; by default the lever's default.

    Raises:
        ValueError: it cannot govern the role; a gain or a lever is unknown, or its value out of range.
    """

    def __init__(
        self,
        levers: Sequence[Lever],
        *,
        seed: int = 0,
        gains: Gains | None = None,
        around: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(levers, seed=seed)
        self.gain = checked_gains(self.gains, gains or {}, getattr(self, "name", type(self).__name__))
        self._rows = next((value.size for value in self.gain.values() if isinstance(value, np.ndarray)), None)
        self.around = {name: lever.default for name, lever in self.levers.items()}
        for name, value in (around or {}).items():
            if name not in self.levers:
                raise ValueError(f"around holds {name!r}; accepted: {', '.join(self.levers)}")
            lever = self.levers[name]
            if not lever.low <= value <= lever.high:
                raise ValueError(f"around holds {name} = {value}; accepted: {lever.low} to {lever.high}")
            self.around[name] = float(value)

    @abstractmethod
    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Lever -> target value, F64[num_rows] or one for all rows; writes to `memory` are kept."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Aim the levers, F32[n, k].

        Raises:
            ValueError: gains are of another number of rows.
        """
        n = len(view.obs)
        if self._rows not in (None, n):
            raise ValueError(f"gains of {self.name} are of {self._rows} rows; the view has {n}")
        return self.aimed(self.targets(view, self._memory.first(n), n), n)

    def aimed(self, wanted: Mapping[str, Floats | float], n: int) -> NDArray[np.float32]:
        """The actions F32[n, k] that aim at these values."""
        actions = np.zeros((n, len(self.levers)), np.float32)
        for column, (name, lever) in enumerate(self.levers.items()):
            value = wanted.get(name, self.around[name])
            actions[:, column] = lever.action(np.clip(value, lever.low, lever.high))
        return actions
