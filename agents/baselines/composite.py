"""Several baselines in one role: each sets its own levers; for roles with the levers of several baselines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Composite:
    """Takes each lever from the last baseline that sets it; other levers stay at their default.

    Args:
        parts: baselines of one role, at least one.
    """

    def __init__(self, parts: Sequence[Baseline]) -> None:
        self.parts = list(parts)
        self._columns = []  # columns of an action that each part sets
        for part in parts:
            own = part.sets or part.needs or tuple(part.levers)
            self._columns.append([column for column, name in enumerate(part.levers) if name in own])

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over in every part."""
        for part in self.parts:
            part.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Ask every part, F32[n, k]."""
        actions = np.zeros((len(view.obs), len(self.parts[0].levers)), np.float32)
        for part, columns in zip(self.parts, self._columns, strict=True):
            actions[:, columns] = part.act(view)[:, columns]
        return actions

    def state_dict(self) -> dict[str, Any]:
        """State of every part."""
        return {str(index): part.state_dict() for index, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        for index, part in enumerate(self.parts):
            part.load_state_dict(state[str(index)])
