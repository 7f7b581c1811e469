"""Random numbers of governors, keyed by a row's seed and its decision: equal in any batch and after a resume."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_COLUMN = np.uint64(0xD1342543DE82EF95)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_TO_UNIT = 2.0**-53


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014): each input bit flips half of the output bits."""
    z = (z ^ (z >> _SHIFTS[0])) * _MIX_1
    z = (z ^ (z >> _SHIFTS[1])) * _MIX_2
    return z ^ (z >> _SHIFTS[2])


class RowNoise:
    """One seed and one count of decisions per row.

    Rows that were never reset are keyed by ``seed + row``; a governor therefore works without a call to `reset`.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._seeds = np.empty(0, np.uint64)
        self._decisions = np.empty(0, np.uint64)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over: I64[m] and U64[m]. The governor's own seed is mixed in."""
        rows = np.asarray(rows, np.int64)
        if rows.size:
            self._grow(int(rows.max()) + 1)
            own = np.uint64(self._seed * int(_GOLDEN) % 2**64)  # in Python: numpy warns when a scalar overflows
            self._seeds[rows] = _mix(np.asarray(seeds, np.uint64) + own)
            self._decisions[rows] = 0

    def uniform(self, num_rows: int, num_columns: int) -> NDArray[np.float64]:
        """Draw F64[num_rows, num_columns] in (0, 1) for this decision of rows 0 to num_rows - 1, and count it."""
        self._grow(num_rows)
        rows = _mix(_mix(self._seeds[:num_rows]) + self._decisions[:num_rows] * _GOLDEN)
        columns = np.arange(1, num_columns + 1, dtype=np.uint64) * _COLUMN
        self._decisions[:num_rows] += np.uint64(1)
        bits = _mix(rows[:, None] + columns[None, :]) >> np.uint64(11)
        return (bits.astype(np.float64) + 0.5) * _TO_UNIT

    def normal(self, num_rows: int, num_columns: int) -> NDArray[np.float64]:
        """Draw standard normals, F64[num_rows, num_columns], by Box and Muller; counts one decision."""
        u = self.uniform(num_rows, 2 * num_columns)
        radius = np.sqrt(-2.0 * np.log(u[:, :num_columns]))
        return radius * np.cos(2.0 * np.pi * u[:, num_columns:])

    def state_dict(self) -> dict[str, Any]:
        """Seeds and counts of all rows."""
        return {"seed": self._seed, "seeds": self._seeds.copy(), "decisions": self._decisions.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._seed = int(state["seed"])
        self._seeds = np.array(state["seeds"], np.uint64)
        self._decisions = np.array(state["decisions"], np.uint64)

    def _grow(self, num_rows: int) -> None:
        known = self._seeds.size
        if num_rows > known:
            fresh = _mix(np.arange(known, num_rows, dtype=np.uint64) + np.uint64(self._seed))
            self._seeds = np.concatenate([self._seeds, fresh])
            self._decisions = np.concatenate([self._decisions, np.zeros(num_rows - known, np.uint64)])
