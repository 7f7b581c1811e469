"""Attacks, as overlays on any path: their kind, strength and length. A keyed draw sets the time for each seed.

`jump + oracle-push` is the market of `jump` in which an attacker pushes the spot pool for some hours between day 2 and
day 9. Attacks that are added together begin together: `jump + pool-drain + oracle-push` is one campaign. The actions
and costs of attackers are part of the physics: ``protogov.envs.world.attacks``.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import CHANNELS, PRICES, Overlay, Seeds, Split, Tapes, register
from protogov.envs.scenarios.path import keys_of, uniforms
from protogov.envs.scenarios.stories import EARLIEST, LATEST
from protogov.envs.world.noise import Purpose
from protogov.envs.world.state import TAPE

_ONSET = np.uint64(Purpose.TAPE_ONSET)
_CAMPAIGN = np.uint64(zlib.crc32(b"attack"))  # not the names of overlays, because all attacks must begin together


class Pulse(Overlay):
    """Sets or scales channels of the tape for some hours. The seed decides when.

    Args:
        name: name of the overlay.
        hours: how long the pulse lasts, including the rise.
        split: "free" by default: it can be added to any path.
        sets: channel -> value in these hours.
        scales: channel -> positive factor in these hours. The factor then decays to 1 over the same number of hours.
        rise: hours of linear growth to full strength; 1 means at once.
        onset: hour of the episode at which the pulse begins, or the two ends of a range; default: day 2 to day 9.

    Raises:
        ValueError: a channel does not exist, or hours or onsets are below 1 or in the wrong order.
    """

    def __init__(
        self,
        name: str,
        hours: int,
        *,
        split: Split = "free",
        sets: dict[str, float] | None = None,
        scales: dict[str, float] | None = None,
        rise: int = 1,
        onset: int | tuple[int, int] = (EARLIEST, LATEST),
    ) -> None:
        self.name, self.split, self.hours, self.rise = name, split, hours, rise
        self.sets, self.scales = dict(sets or {}), dict(scales or {})
        self.onset = onset if isinstance(onset, tuple) else (onset, onset)
        written = {"price" if channel in PRICES else channel for channel in (*self.sets, *self.scales)}
        self.changes = tuple(channel for channel in CHANNELS if channel in written)
        for channel in (*self.sets, *self.scales):
            if channel not in (TAPE.names or ()):
                known = ", ".join(TAPE.names or ())
                raise ValueError(f"overlay {name!r} has no channel {channel!r}; known are {known}.")
        if not 1 <= rise <= hours or not 1 <= self.onset[0] <= self.onset[1]:
            raise ValueError(
                f"overlay {name!r} rises for {rise} of {hours} hours from {self.onset}; whole hours from 1, the rise "
                f"within the whole and the range in order are accepted."
            )

    def onsets(self, seeds: Seeds) -> NDArray[np.int64]:
        """First hour of the attack for each seed, I64[n]. It is the same for all overlays with the same range."""
        first, last = self.onset
        draws = uniforms(keys_of(seeds, _CAMPAIGN), _ONSET)
        return first + (draws * (last - first + 1)).astype(np.int64)

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write the pulse. A tape that ends before the onset stays unchanged."""
        since = np.arange(tapes.shape[1]) - self.onsets(seeds)[:, None]
        during = (since >= 0) & (since < self.hours)
        weight = self.weight(since)
        for channel, value in self.sets.items():
            tapes[channel][during] = (value * weight)[during]
        for channel, factor in self.scales.items():
            tapes[channel] *= np.exp(np.log(factor) * weight).astype(np.float32)

    def weight(self, since: NDArray[Any]) -> NDArray[np.float64]:
        """Strength at each number of hours after the onset: linear up to 1 over the rise, then linear down to 0.

        The linear fall begins after `hours`. Channels in `sets` end with the attack; those in `scales` follow the fall.
        """
        rising = np.clip((since + 1) / self.rise, 0.0, 1.0)
        return np.asarray(rising * np.clip(2.0 - (since + 1) / self.hours, 0.0, 1.0), np.float64)


class StakedDiscount(Pulse):
    """The collateral is a staked coin that trades below the coin, while the oracle still reports the price of the coin.

    The tape's prices become those of the staked coin. An oracle error of the same size in the other direction restores
    the price of the coin for reporters. Liquidators are paid at the oracle's price and sell at the market's price.

    Args:
        name: name of the overlay.
        discount: largest discount as a share of the coin's price; 0 to below 1.
        hours: time until the discount begins to close. It closes over the same time.
        rise: hours in which the discount opens.
        onset: as for :class:`Pulse`.

    Raises:
        ValueError: the discount is out of range, or as for :class:`Pulse`.
    """

    def __init__(
        self, name: str, discount: float, hours: int, *, rise: int, onset: int | tuple[int, int] = (EARLIEST, LATEST)
    ) -> None:
        if not 0.0 <= discount < 1.0:
            raise ValueError(f"discount of {name!r} is {discount}; a share from 0 to below 1 is accepted.")
        self.discount = discount
        super().__init__(
            name, hours, sets={"oracle_error": discount / (1.0 - discount)},
            scales=dict.fromkeys(("open", "high", "low", "close"), 1.0 - discount), rise=rise, onset=onset,
        )  # fmt: skip

    def change(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write the staked coin's prices, and the oracle error that restores the coin's price."""
        since = np.arange(tapes.shape[1]) - self.onsets(seeds)[:, None]
        worth = 1.0 - self.discount * self.weight(since)
        before = np.concatenate([worth[:, :1], worth[:, :-1]], axis=1)  # an hour opens at the last hour's discount
        for field, factor in (("open", before), ("high", worth), ("low", worth), ("close", worth)):
            tapes[field] *= factor.astype(np.float32)
        tapes["high"] = np.maximum(tapes["high"], np.maximum(tapes["open"], tapes["close"]))
        tapes["low"] = np.minimum(tapes["low"], np.minimum(tapes["open"], tapes["close"]))
        tapes["oracle_error"] = (1.0 + tapes["oracle_error"]) / worth - 1.0


ORACLE_PUSH = register(
    Pulse("oracle-push", 3, sets={"oracle_push": 0.30}),
    "somebody buys the spot pool up to borrow against the price that the oracle then reads",
)
ORACLE_PUSH_DOWN = register(
    Pulse("oracle-push-down", 3, sets={"oracle_push": -0.20}),
    "somebody sells the spot pool down so that sound loans are liquidated, and buys back",
)
POOL_DRAIN = register(
    Pulse("pool-drain", 12, sets={"arbitrage_away": 0.8}, scales={"depth": 0.15}),
    "the pool's providers leave for half a day, and most of the arbitrageurs with them",
)
SUPPLIER_RUN = register(
    Pulse("supplier-run", 36, sets={"supplier_exit": 0.5}), "half of the suppliers want all their money back at once"
)
GRIEFING = register(
    Pulse("griefing-borrower", 24, sets={"griefing": 1.0}),
    "somebody borrows all cash for a day, at his own cost, and pays it back",
)
VOL_PUSH = register(
    Pulse("vol-push", 90, sets={"vol_push": 0.10}),
    "somebody lifts the option pools' vols while his deposit becomes shares, and sells them again",
)
STAKED_DISCOUNT = register(
    StakedDiscount("staked-discount", 0.06, 96, rise=48),
    "the collateral is a staked coin at 94% of the coin that the oracle reports, as in June 2022",
)
