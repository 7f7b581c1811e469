"""What the hand-written rules share: which levers they set, memory a row, and targets in physical units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.row_memory import RowMemory
from protogov.envs.world.levers import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

Floats = NDArray[np.float64]


class Rule(ABC):
    """A governor that names its targets in the levers' own units; the other levers of the role stay at their defaults.

    A subclass says which levers it must have (`needs`; empty: whichever of its targets the role holds), which features
    it reads that are not on the chain (`reads`), what it remembers of a row (`remembers`: name -> value at the start),
    and its targets (`targets`). A value beyond a lever's
    range is clipped to it; the shield then holds the levers back as it does anybody's.

    Args:
        levers: the levers of the role, at the defaults of the world.

    Raises:
        ValueError: a role without the levers that the rule needs.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[tuple[str, ...]] = ()
    remembers: ClassVar[Mapping[str, float]] = {}

    def __init__(self, levers: Sequence[Lever]) -> None:
        self.levers = {lever.name: lever for lever in levers}
        missing = set(self.needs) - set(self.levers)
        if missing:
            raise ValueError(
                f"governor {self.name!r} sets {', '.join(self.needs)}; this role sets {', '.join(self.levers)}"
            )
        self._memory = RowMemory(**self.remembers)

    @abstractmethod
    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Lever -> value wanted, F64[num_rows] or one for all rows; what is written to `memory` is kept."""

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._memory.reset(rows)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Aim the levers, F32[n, k]."""
        n = len(view.obs)
        wanted = self.targets(view, self._memory.first(n), n)
        actions = np.zeros((n, len(self.levers)), np.float32)
        for column, (name, lever) in enumerate(self.levers.items()):
            if name in wanted:
                actions[:, column] = lever.action(np.clip(wanted[name], lever.low, lever.high))
        return actions

    def state_dict(self) -> dict[str, Any]:
        """What is remembered of all rows."""
        return self._memory.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._memory.load_state_dict(state)
