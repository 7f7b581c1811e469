"""The last observations of every world: the input of a recurrent policy, in training and in play."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Window:
    """The newest observations of each row, oldest first; zeros before the episode began.

    Args:
        length: number of observations.
        size: numbers in one observation.
    """

    def __init__(self, length: int, size: int) -> None:
        self.length = length
        self._seen = np.zeros((0, length, size), np.float32)

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Forget the observations of rows, I64[m]."""
        if len(rows):
            self._grow(int(np.max(rows)) + 1)
            self._seen[rows] = 0.0

    def push(self, observations: NDArray[np.float32], rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Append the present observations of rows; other rows stay unchanged. By default all rows are appended.

        Args:
            observations: of all rows, F32[n, d].
            rows: I64[m].

        Returns:
            The windows of rows 0 to n - 1, F32[n, length * d], a new array.
        """
        count = len(observations)
        self._grow(count)
        chosen = np.arange(count) if rows is None else rows
        self._seen[chosen, :-1] = self._seen[chosen, 1:]
        self._seen[chosen, -1] = observations[chosen]
        return self._seen[:count].reshape(count, -1).copy()

    def fork(self, rows: NDArray[np.int64]) -> Window:
        """A copy of rows, I64[m]; a row may be repeated."""
        other = Window(*self._seen.shape[1:])
        other._seen = self._seen[rows]
        return other

    def load(self, windows: NDArray[np.float32]) -> None:
        """Continue from a result of `push`."""
        self._seen = np.array(windows, np.float32).reshape(len(windows), *self._seen.shape[1:])

    def state_dict(self) -> dict[str, Any]:
        """The stored observations, one row per world."""
        return {"seen": self._seen.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._seen = np.array(state["seen"], np.float32)

    def _grow(self, count: int) -> None:
        missing = count - len(self._seen)
        if missing > 0:
            self._seen = np.concatenate([self._seen, np.zeros((missing, *self._seen.shape[1:]), np.float32)])
