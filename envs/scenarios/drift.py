"""A constant drift added to a path: the same tape, but the price grows every hour."""

from functools import lru_cache
from math import exp, isfinite

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import Overlay, Seeds, Tapes


@lru_cache(maxsize=64)
def _growth(log_per_hour: float, hours: int) -> NDArray[np.float64]:
    """exp(`log_per_hour` * hour) of each hour, F64[hours], read-only."""
    # math.exp, one by one: numpy's own may differ in the last bit between machines
    growth = np.array([exp(log_per_hour * hour) for hour in range(hours)])
    growth.flags.writeable = False
    return growth


class Drift(Overlay):
    """Multiplies the price at the end of hour h by exp(`log_per_hour` * h).

    Everything else on the tape stays as in the path without the drift. Highs use the larger, and lows the smaller, of
    the factors at the two ends of their hour. The candle then stays valid.

    Args:
        log_per_hour: log growth of the price per hour, -0.01 to 0.01.
        name: name of the overlay.

    Raises:
        ValueError: the drift is out of range.
    """

    split = "free"
    changes = ("price",)

    def __init__(self, log_per_hour: float, name: str = "drift") -> None:
        if not isfinite(log_per_hour) or not abs(log_per_hour) <= 0.01:
            raise ValueError(f"log_per_hour of {name!r} is {log_per_hour!r}; a number from -0.01 to 0.01 is accepted.")
        self.name, self.log_per_hour = name, float(log_per_hour)

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Scale the four prices of every hour."""
        after = _growth(self.log_per_hour, tapes.shape[1])
        before = np.concatenate([after[:1], after[:-1]])  # an hour opens at the close of the last hour
        factors = {
            "open": before,
            "high": np.maximum(before, after),
            "low": np.minimum(before, after),
            "close": after,
        }
        for field, factor in factors.items():
            tapes[field] = tapes[field].astype(np.float64) * factor
        # rounding to float32 must not put a close above its high
        tapes["high"] = np.maximum(tapes["high"], np.maximum(tapes["open"], tapes["close"]))
        tapes["low"] = np.minimum(tapes["low"], np.minimum(tapes["open"], tapes["close"]))
