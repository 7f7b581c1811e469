"""Gains: the numbers of a controller that a user or a tuner may change, as a table of defaults and ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.world.compiled import uncompiled
from protogov.envs.world.lever_table import action_of_value, value_of_action

Floats = NDArray[np.float64]
Gains = Mapping[str, float | Floats]  # name -> value, one for all worlds or F64[rows]

# the map of levers: -1 low, 0 default, +1 high
_VALUES, _PLACES = (np.frompyfunc(uncompiled(each), 2, 1) for each in (value_of_action, action_of_value))
_EXP = np.frompyfunc(exp, 1, 1)


@dataclass(frozen=True)
class Gain:
    """One number of a controller.

    Attributes:
        name: of the gain.
        default: as published, or as the author set it.
        low, high: ends of what is accepted, and of what a tuner searches.
        unit: of the value.
        log_map: places in the range are on a log scale.
    """

    name: str
    default: float
    low: float
    high: float
    unit: str
    log_map: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if the row contradicts itself."""
        if not (self.low <= self.default <= self.high and self.low < self.high):
            raise ValueError(
                f"gain {self.name}: low {self.low} <= default {self.default} <= high {self.high} must hold, and low "
                "must be below high."
            )
        if self.log_map and self.low <= 0.0:
            raise ValueError(f"gain {self.name}: low = {self.low} must be positive for a log map.")

    def value(self, place: ArrayLike) -> Floats:
        """Values of places in the range, of the same shape: -1 low, 0 default, +1 high; outside they are clipped."""
        return np.clip(np.asarray(_VALUES(self, place), np.float64), self.low, self.high)

    def place(self, value: ArrayLike) -> Floats:
        """Places of values within the range, of the same shape; the inverse of `value`."""
        return np.asarray(_PLACES(self, value), np.float64)


def checked_gains(table: Sequence[Gain], given: Gains, whose: str) -> dict[str, float | Floats]:
    """All gains of a table: those that are given, and the defaults of the others.

    Args:
        table: of the controller.
        given: name -> value, or F64[rows] with one for each world.
        whose: name of the controller, for errors.

    Raises:
        ValueError: an unknown gain, a value out of range, or arrays of different lengths.
    """
    rows = {gain.name: gain for gain in table}
    for name in given:
        if name not in rows:
            raise ValueError(f"gain is {name!r}; accepted of {whose}: {', '.join(rows) or 'none'}")
    found = {name: _checked(gain, given.get(name, gain.default), whose) for name, gain in rows.items()}
    lengths = {value.size for value in found.values() if isinstance(value, np.ndarray)}
    if len(lengths) > 1:
        raise ValueError(f"gains of {whose} have {sorted(lengths)} rows; one length is accepted")
    return found


def _checked(gain: Gain, value: float | Floats, whose: str) -> float | Floats:
    values = np.asarray(value, np.float64)
    wrong = values[~((gain.low <= values) & (values <= gain.high))]  # nan is wrong too
    if wrong.size:
        raise ValueError(
            f"{gain.name} is {wrong.flat[0]}; accepted of {whose}: {gain.low} to {gain.high} [{gain.unit}]"
        )
    if values.ndim > 1:
        raise ValueError(
            f"{gain.name} has the shape {values.shape}; accepted of {whose}: a number, or one for each row"
        )
    return float(values) if values.ndim == 0 else values


def exp_of(x: float | Floats) -> Floats:
    """Exponential by `math.exp`, element by element: a number has the same bits alone and in an array."""
    return np.asarray(_EXP(x), np.float64)
