"""Random churn: what any governor has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.row_noise import RowNoise

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Random:
    """Targets drawn uniformly from [-1, 1] at every decision, keyed by a row's seed and decision so that they repeat.

    Args:
        num_levers: levers of the role.
        seed: mixed into every row's seed.
    """

    def __init__(self, num_levers: int, *, seed: int = 0) -> None:
        self._num_levers = num_levers
        self._noise = RowNoise(seed)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._noise.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """A fresh draw for every world, F32[n, k]."""
        draws = self._noise.uniform(len(view.obs), self._num_levers)
        return (2.0 * draws - 1.0).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Seeds and counts of all rows."""
        return self._noise.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._noise.load_state_dict(state)
