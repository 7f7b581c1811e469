"""Worlds for phenomena: a shock to an otherwise quiet market."""

import numpy as np

from protogov.envs.scenarios import Overlay, Split
from protogov.envs.scenarios.base import Seeds, Tapes
from protogov.envs.world.noise import Purpose, key, uniform
from protogov.envs.world.parameters import Parameters

# Infinite depth needs unlimited arbitrage: a pool that finite capital cannot move would never follow the market.
DEEP = {"depth_scale": 1e9, "arbitrage_capacity": 1e9 * Parameters().arbitrage_capacity}


class Shock(Overlay):
    """One lasting fall of the price within one hour: the only cause in an otherwise quiet market.

    Args:
        name: of the overlay; part of the noise's key.
        hour: of the fall; it happens within the hour that ends at `hour`.
        least, most: share of the price that is lost, uniform between the two by seed.
        **during: fields of the tape from the fall on, such as `congestion=0.5`.

    Raises:
        ValueError: a size or an hour out of range, or a price among the fields.
    """

    split: Split = "free"

    def __init__(self, name: str, *, hour: int, least: float, most: float, **during: float) -> None:
        if hour < 1 or not 0.0 <= least <= most < 1.0:
            raise ValueError(f"hour = {hour} must be at least 1, and 0 <= least = {least} <= most = {most} < 1.")
        for field in ("open", "high", "low", "close"):
            if field in during:
                raise ValueError(f"during has {field!r}; the fall alone moves prices.")
        self.name = name
        self.hour, self.least, self.most, self.during = hour, least, most, during

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Lower every price from the hour on; the fall itself is that hour's candle."""
        purpose, zero = np.uint64(Purpose.TAPE_JUMP_SIZE), np.uint64(0)
        draws = np.array([uniform(np.uint64(key(seed, self.salt)), zero, zero, zero, purpose) for seed in seeds])
        left = (1.0 - self.least - (self.most - self.least) * draws)[:, None]
        for field in ("open", "high", "low", "close"):
            tapes[field][:, self.hour + 1 :] *= left
        tapes["close"][:, self.hour] *= left[:, 0]
        tapes["low"][:, self.hour] = np.minimum(tapes["low"][:, self.hour], tapes["close"][:, self.hour])
        for field, value in self.during.items():
            tapes[field][:, self.hour :] = value
