"""A rule's memory of each world: named numbers, one per row, erased when the row is reset."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowMemory:
    """Named float columns over rows; new rows have their initial values.

    Args:
        initial: name -> value of a row that starts over.
    """

    def __init__(self, **initial: float) -> None:
        self._initial = initial
        self._columns = {name: np.empty(0) for name in initial}

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Start rows over, I64[m]."""
        rows = np.asarray(rows, np.int64)
        if rows.size:
            self.first(int(rows.max()) + 1)
            for name, value in self._initial.items():
                self._columns[name][rows] = value

    def first(self, num_rows: int) -> dict[str, NDArray[np.float64]]:
        """Views of the first rows, name -> F64[num_rows]; writes to them change the memory."""
        for name, value in self._initial.items():
            fresh = num_rows - self._columns[name].size
            if fresh > 0:
                self._columns[name] = np.append(self._columns[name], np.full(fresh, value))
        return {name: column[:num_rows] for name, column in self._columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """Copies of all columns."""
        return {name: column.copy() for name, column in self._columns.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._columns = {name: np.array(state[name], np.float64) for name in self._initial}
