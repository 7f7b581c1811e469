"""Checks of actions before they are written: one sentence refuses values that a lever cannot take."""

from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.interfaces import ActionError
from protogov.envs.roles import Role


def checked_action(name: str, role: Role, num_worlds: int, action: ArrayLike) -> NDArray[np.float64]:
    """The action of the governor `name` as float64 [n, levers].

    Raises:
        ActionError: another shape, something other than numbers, or a value that is not finite.
    """
    expected = (num_worlds, len(role.levers))
    try:
        value = np.asarray(action, np.float64)
    except (TypeError, ValueError):
        raise ActionError(f"action of {name} is {action!r}, expected numbers of shape {expected}.") from None
    if value.shape != expected:
        raise ActionError(f"action of {name} has shape {value.shape}, expected {expected}.")
    # the sum of squares is finite if all values are finite and not absurdly large: one fast call in the usual case
    if not isfinite(np.vdot(value, value)) and not np.isfinite(value).all():
        row, column = np.argwhere(~np.isfinite(value))[0]
        raise ActionError(
            f"action of {name} is {value[row, column]} for lever {role.levers[column]} of world {row}; "
            "finite numbers in [-1, 1] are accepted."
        )
    return value
