"""Exploration on top of any governor: noise on its actions that lasts from decision to decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.row_noise import RowNoise

if TYPE_CHECKING:
    from protogov.envs.interfaces import Governor, RoleView

_OWN = 0x5EED_0F_1015E  # set apart from the draws of a governor that is random itself


class Exploring:
    """A governor whose actions are moved by an AR(1) of every lever, clipped to [-1, 1].

    x' = memory * x + sqrt(1 - memory^2) * z with z standard normal, begun from its stationary law, so that `deviation`
    is the standard deviation of every decision whatever the memory is. A lever's deadband and caps swallow noise that
    changes its sign at every decision; noise that lasts moves it. Keyed by a row's seed: the same in any batch.
    """

    def __init__(
        self, governor: Governor, num_levers: int, *, deviation: float, memory: float = 0.9, seed: int = 0
    ) -> None:
        """Put noise on a governor.

        Args:
            governor: whose actions are moved.
            num_levers: of its role.
            deviation: standard deviation of the noise, in units of the action; 0 leaves the governor as it is.
            memory: correlation from a decision to the next, 0 to below 1; 0 is white noise.
            seed: mixed into every row's seed.

        Raises:
            ValueError: `deviation` or `memory` is out of range.
        """
        if not 0.0 <= deviation < np.inf:
            raise ValueError(f"deviation is {deviation}; a finite number of at least 0 is accepted")
        if not 0.0 <= memory < 1.0:
            raise ValueError(f"memory is {memory}; a number from 0 to below 1 is accepted")
        self.governor, self.deviation, self.memory = governor, float(deviation), float(memory)
        self._noise = RowNoise(seed ^ _OWN)
        self._state = np.full((0, num_levers), np.nan)  # of the AR(1); NaN where an episode has not begun

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self.governor.reset(rows, seeds)
        self._noise.reset(rows, seeds)
        if len(rows):
            self._grow(int(np.max(rows)) + 1)
            self._state[rows] = np.nan

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """The governor's action and the noise of this decision, F32 [n, levers] in [-1, 1]."""
        action = np.clip(np.asarray(self.governor.act(view), np.float64), -1.0, 1.0)
        self._grow(len(action))
        drawn, last = self._noise.normal(*action.shape), self._state[: len(action)]
        moved = self.memory * last + np.sqrt(1.0 - self.memory**2) * drawn
        self._state[: len(action)] = np.where(np.isnan(last), drawn, moved)
        return np.clip(action + self.deviation * self._state[: len(action)], -1.0, 1.0).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Memory of all rows, the governor's own under "governor"."""
        own = {"noise": self._noise.state_dict(), "state": self._state.copy()}
        return own | {"governor": self.governor.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self.governor.load_state_dict(state["governor"])
        self._noise.load_state_dict(state["noise"])
        self._state = np.array(state["state"])

    def _grow(self, num_rows: int) -> None:
        missing = num_rows - len(self._state)
        if missing > 0:
            self._state = np.concatenate([self._state, np.full((missing, self._state.shape[1]), np.nan)])
