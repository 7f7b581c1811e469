"""Random churn: every governor must beat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline, Floats
from protogov.agents.row_noise import RowNoise
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Random(Baseline):
    """Targets drawn uniformly from [-1, 1] at every decision, keyed by a row's seed and decision, so they repeat.

    Args:
        levers: the levers of the role.
        seed: mixed into every row's seed.
    """

    name = "random"

    def __init__(self, levers: Sequence[Lever], *, seed: int = 0) -> None:
        super().__init__(levers, seed=seed)
        self._noise = RowNoise(seed)

    def draws(self, view: RoleView) -> Floats:
        """Fresh uniform draws from (0, 1) for every world and lever, F64[n, k]."""
        return self._noise.uniform(len(view.obs), len(self.levers))

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """A fresh draw for every world, F32[n, k]."""
        return (2.0 * self.draws(view) - 1.0).astype(np.float32)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._noise.reset(rows, seeds)

    def state_dict(self) -> dict[str, Any]:
        """Seeds and counts of all rows."""
        return self._noise.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._noise.load_state_dict(state)
