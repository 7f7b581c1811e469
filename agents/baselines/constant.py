"""The static protocol: levers that never move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.levers import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Constant:
    """Asks for the same levers at every decision.

    Args:
        levers: the levers of the role.
        values: physical values by lever name; a lever that is not named stays at its default.

    Raises:
        ValueError: a name that the role does not have, or a value outside its lever's range.
    """

    def __init__(self, levers: Sequence[Lever], values: Mapping[str, float] | None = None) -> None:
        values = values or {}
        by_name = {lever.name: lever for lever in levers}
        for name, value in values.items():
            if name not in by_name:
                raise ValueError(f"lever is {name!r}; accepted: {', '.join(by_name)}")
            lever = by_name[name]
            if not lever.low <= value <= lever.high:
                raise ValueError(f"{name} is {value}; accepted: {lever.low} to {lever.high}")
        action = [float(lever.action(np.asarray(values.get(lever.name, lever.default)))) for lever in levers]
        self._action = np.array(action, np.float32)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Nothing to forget."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """The same row for every world, F32[n, k]."""
        return np.tile(self._action, (len(view.obs), 1))

    def state_dict(self) -> dict[str, Any]:
        """The action."""
        return {"action": self._action.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the action of a `state_dict`."""
        self._action = np.array(state["action"], np.float32)
