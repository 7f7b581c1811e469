"""What decides: the one interface of baselines, learners' policies and hand-written rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Governor(Protocol):
    """Sets one role's levers, for every world of a batch at once.

    A governor may keep memory per world (a row); it forgets a row when that row is reset. It sees its role only through
    the `RoleView`, and answers with targets in [-1, 1]: -1 is a lever's low end, 0 its default, +1 its high end.
    """

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start a new episode in some worlds.

        Args:
            rows: indices of the worlds that start over, I64[m].
            seeds: what any randomness of the governor in those worlds is keyed by, U64[m].
        """
        ...

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1], one column a lever of the role."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that a later `load_state_dict` needs to go on as if nothing had happened."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        ...
