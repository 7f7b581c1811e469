"""The levers as a table: one row per governed parameter, and the map between its value and a governor's action.

To add a lever, add a row to `LEVERS` and a line to `apply_levers` (`levers.py`). Everything else follows from the rows:
the venue's field with the lever's name, the role that moves it, the sizes of actions and observations, and figures.
"""

from collections import namedtuple
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.world.compiled import compiled, uncompiled


@compiled
def value_of_action(lever, action):
    """Value of an action, clipped to [-1, 1]: -1 low, 0 default, +1 high; linear or log-linear on each side."""
    share = min(max(action, -1.0), 1.0)
    side = lever.low if share < 0.0 else lever.high
    share = abs(share)
    if lever.log_map:
        return lever.default * exp(share * log(side / lever.default))
    return lever.default + (side - lever.default) * share


@compiled
def action_of_value(lever, value):
    """Position of a value in its lever's range: -1 low, 0 default, +1 high; the inverse of `value_of_action`."""
    if value == lever.default:  # the default may be an end of the range
        return 0.0
    below = value < lever.default
    side = lever.low if below else lever.high
    if lever.log_map:
        share = log(value / lever.default) / log(side / lever.default)
    else:
        share = (value - lever.default) / (side - lever.default)
    return -share if below else share


# the same two for (rows of the table, numbers), element by element; Python code calls these
_VALUES, _ACTIONS = (np.frompyfunc(uncompiled(each), 2, 1) for each in (value_of_action, action_of_value))


@dataclass(frozen=True)
class Lever:
    """One governed parameter: its range, and the limits on its change at autonomy 1.

    `role` moves the lever, unless one role holds all levers. The unit of `cap` depends on `cap_kind`. "absolute": the
    lever's unit. "ratio": the largest ratio of two values. "relative": a share of the current value. `delay_h` and
    `notice_h` are hours.
    """

    name: str
    role: Literal["rate", "risk", "spread"]
    unit: str
    low: float
    default: float
    high: float
    map: Literal["linear", "log"]
    cap: float
    delay_h: float
    notice_h: float
    cap_kind: Literal["absolute", "ratio", "relative"] = "absolute"

    def __post_init__(self) -> None:
        """Raises ValueError if the row contradicts itself."""
        if not (self.low <= self.default <= self.high and self.low < self.high):
            raise ValueError(
                f"lever {self.name}: low {self.low} <= default {self.default} <= high {self.high} must hold, and low "
                "must be below high."
            )
        if self.map == "log" and self.low <= 0:
            raise ValueError(f"lever {self.name}: low = {self.low} must be positive for a log map.")
        if self.cap_kind != "absolute" and self.low <= 0:
            raise ValueError(f"lever {self.name}: low = {self.low} must be positive for a {self.cap_kind} cap.")

    @property
    def log_map(self) -> bool:
        """Whether actions map to the range on a log scale."""
        return self.map == "log"

    def value(self, action: ArrayLike) -> NDArray[np.float64]:
        """Values of actions, float64 of the same shape, within [low, high]; see `value_of_action`."""
        # rounding may move a value beyond an end; the clip corrects this
        return np.clip(np.asarray(_VALUES(self, action), np.float64), self.low, self.high)

    def action(self, value: ArrayLike) -> NDArray[np.float64]:
        """Actions of values within [low, high], float64 of the same shape; see `action_of_value`."""
        return np.asarray(_ACTIONS(self, value), np.float64)


# fmt: off
LEVERS: tuple[Lever, ...] = (
    #     name                     role      unit      low     default  high  map       cap    delay notice [h]
    Lever("base_rate",             "rate",   "annual", 0.0,    0.01,   0.10, "linear", 0.01,  72, 24),
    Lever("slope1",                "rate",   "annual", 0.015,  0.05,   0.20, "log",    0.01,  72, 24),
    Lever("slope2",                "rate",   "annual", 0.20,   0.60,   3.00, "log",    0.20,  72, 24),
    Lever("optimal_utilisation",   "rate",   "share",  0.55,   0.88,   0.95, "linear", 0.03,  72, 24),
    Lever("liquidation_threshold", "risk",   "share",  0.60,   0.83,   0.92, "linear", 0.005, 72, 72),
    Lever("ltv_gap",               "risk",   "share",  0.01,   0.025,  0.25, "linear", 0.005, 72, 0),
    Lever("liquidation_bonus",     "risk",   "share",  0.01,   0.05,   0.15, "linear", 0.005, 72, 24),
    Lever("option_margin",         "risk",   "ratio",  0.8,    1.0,    2.0,  "log",    0.05,  72, 72),
    Lever("half_spread",           "spread", "vol",    0.0025, 0.015,  0.12, "log",    1.25,  12, 0, cap_kind="ratio"),
    Lever("skew_shift",            "spread", "vol",    -0.08,  0.0,    0.08, "linear", 0.01,  12, 0),
    Lever("vega_fee",              "spread", "ratio",  0.0,    1.0,    4.0,  "linear", 0.5,   12, 0),
    Lever("hedge_ratio",           "spread", "ratio",  0.0,    0.8,    1.2,  "linear", 0.2,   12, 0),
)
# fmt: on
NUM_LEVERS = len(LEVERS)
LEVER_BY_NAME = {lever.name: lever for lever in LEVERS}
LEVER_INDEX = {name: index for index, name in enumerate(LEVER_BY_NAME)}

# Position of each lever's row, as constants of compiled code: `rows[AT.base_rate]`.
LeverPositions = namedtuple("LeverPositions", LEVER_INDEX)  # type: ignore[misc]  # mypy wants the names written out
AT: Any = LeverPositions(*range(NUM_LEVERS))


def levers_of(role: str) -> tuple[int, ...]:
    """Positions of a role's levers in the table."""
    return tuple(index for index, lever in enumerate(LEVERS) if lever.role == role)


def with_defaults(levers: Iterable[Lever], defaults: Mapping[str, float]) -> tuple[Lever, ...]:
    """Rows with other defaults: lever name -> value in the lever's unit. Other levers keep their default.

    Raises:
        ValueError: a value lies outside its lever's range.
    """
    return tuple(replace(lever, default=defaults.get(lever.name, lever.default)) for lever in levers)
