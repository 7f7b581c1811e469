"""Several governors behind one role: each sets its own levers, which matters where one role holds all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.governor import Governor

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Composite:
    """Takes each lever from the last of the governors that sets it.

    Args:
        parts: (governor of the whole role, columns of the action that are its own) pairs.
        num_levers: of the role; a lever that nobody sets stays at its default.
    """

    def __init__(self, parts: Sequence[tuple[Governor, Sequence[int]]], num_levers: int) -> None:
        self._parts = [(governor, list(columns)) for governor, columns in parts]
        self._num_levers = num_levers

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over in every part."""
        for governor, _ in self._parts:
            governor.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Ask every part, F32[n, k]."""
        actions = np.zeros((len(view.obs), self._num_levers), np.float32)
        for governor, columns in self._parts:
            actions[:, columns] = governor.act(view)[:, columns]
        return actions

    def state_dict(self) -> dict[str, Any]:
        """Of every part."""
        return {str(index): governor.state_dict() for index, (governor, _) in enumerate(self._parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for index, (governor, _) in enumerate(self._parts):
            governor.load_state_dict(state[str(index)])
