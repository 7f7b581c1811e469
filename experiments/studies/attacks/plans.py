"""An attack as a vector: which channels, when, how strong, how long, and how a budget is divided among them.

Channels are those of the attackers of the world (`protogov.envs.world.attacks`, `population.surface_attacker`) and the
pool's liquidity, which somebody can take away only if it is his own:

    push      trades the spot pool up to borrow against the oracle's price, or down so that sound loans are liquidated
    grief     borrows the market's cash
    vol push  moves the option pool's vols while a deposit becomes shares
    drain     takes liquidity out of the spot pool during the push. Arbitrageurs leave a pool as its depth does, in the
              proportion of the overlay `pool-drain`. This favours the attacker: nothing else is paid for it

Capital is what has to be there at the onset: the money of all attackers, and twice the pool's cash for liquidity that
is taken away (a pool holds as much in coin). It is not spent: profit is what the attackers have made by the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import Scenario
from protogov.envs.scenarios.attacks import Pulse
from protogov.experiments.core.statistics import Floats

ENTRIES = (
    "onset", "push", "push_hours", "collateral", "grief", "grief_hours", "vol_push", "drain", "for_push", "for_grief",
    "for_vol_push", "for_drain", "used",
)  # fmt: skip
SIZE = len(ENTRIES)
OFF = 0.15  # a channel whose entry is smaller is not used
LARGEST_PUSH, LARGEST_VOL = 0.8, 0.3  # log price; vol
LONGEST_PUSH, LONGEST_GRIEF = 24.0, 72.0  # hours
SHARE, COLLATERAL = 0.05, (0.1, 0.9)  # least share of the budget that is used; ends of the share that is posted
DRAINED, AWAY = 0.85, 0.8  # largest share of the pool's liquidity; share of arbitrageurs that leave with it
VOL_HOURS = 90  # of the surface attacker, who waits for three days
EARLIEST, ROOM = 24, 72  # hour of the first onset; hours after the last one
# where searches start: one for each channel
STARTS: Mapping[str, Mapping[str, float]] = {
    "push up": {"push": 0.6, "drain": 0.6}, "push down": {"push": -0.5}, "grief": {"grief": 0.6},
    "vol push": {"vol_push": 0.6, "onset": -0.8},
}  # fmt: skip


@dataclass(frozen=True)
class Attack:
    """A plan in the world's units.

    Attributes:
        onset: hour of the episode.
        push: log price, above 0 up, 0: none.
        push_hours, grief_hours: how long.
        collateral: share of the pusher's money that is posted.
        grief: utilisation, 0: none.
        vol_push: vol, 0: none.
        drain: share of the pool's liquidity that is taken away during the push.
        push_capital, grief_capital, vol_push_capital, liquidity: money for each [USD].
    """

    onset: int
    push: float
    push_hours: int
    collateral: float
    grief: float
    grief_hours: int
    vol_push: float
    drain: float
    push_capital: float
    grief_capital: float
    vol_push_capital: float
    liquidity: float

    @property
    def capital(self) -> float:
        """All of it [USD]."""
        return self.push_capital + self.grief_capital + self.vol_push_capital + self.liquidity

    @property
    def channels(self) -> str:
        """Names of those used; "none"."""
        used = {
            "push up": self.push > 0.0, "push down": self.push < 0.0, "drain": self.drain > 0.0,
            "grief": self.grief > 0.0, "vol push": self.vol_push > 0.0,
        }  # fmt: skip
        return " + ".join(name for name, on in used.items() if on) or "none"

    def world(self, config: WorldConfig) -> WorldConfig:
        """The world with attackers of this much money."""
        return config.with_parameters(
            push_capital=self.push_capital, push_collateral=self.collateral, grief_capital=self.grief_capital,
            vol_push_capital=self.vol_push_capital,
        )  # fmt: skip

    def on(self, market: Scenario) -> Scenario:
        """The market in which the attack takes place."""
        whole = market
        if self.drain > 0.0:
            away = AWAY * self.drain / DRAINED
            whole = whole + Pulse(
                "drain", self.push_hours, sets={"arbitrage_away": away}, scales={"depth": 1.0 - self.drain},
                onset=self.onset,
            )  # fmt: skip
        for name, value, hours in (
            ("oracle_push", self.push, self.push_hours), ("griefing", self.grief, self.grief_hours),
            ("vol_push", self.vol_push, VOL_HOURS),
        ):  # fmt: skip
            if value:
                whole = whole + Pulse(name, hours, sets={name: value}, onset=self.onset)
        return whole


NOTHING = Attack(EARLIEST, 0.0, 1, COLLATERAL[0], 0.0, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def start_of(channel: str) -> Floats:
    """A vector that uses one channel, F64[13]."""
    point = np.zeros(SIZE)
    for name, value in STARTS[channel].items():
        point[ENTRIES.index(name)] = value
    return point


def decode(point: Floats, budget: float, hours: int, pool_cash: float) -> Attack:
    """The attack of a vector.

    Args:
        point: F64[13] in [-1, 1], `ENTRIES`.
        budget: most capital [USD].
        hours: of an episode.
        pool_cash: of the spot pool [USD].
    """
    x = dict(zip(ENTRIES, (float(value) for value in point), strict=True))

    def between(name: str, low: float, high: float) -> float:
        return low + 0.5 * (x[name] + 1.0) * (high - low)

    def strength(name: str) -> float:
        """0 within `OFF`, then linear up to 1."""
        return max(abs(x[name]) - OFF, 0.0) / (1.0 - OFF)

    push = float(np.sign(x["push"])) * strength("push")
    above = {name: strength(name) if x[name] > 0.0 else 0.0 for name in ("grief", "vol_push", "drain")}
    used = {
        "for_push": push != 0.0, "for_grief": above["grief"] > 0.0, "for_vol_push": above["vol_push"] > 0.0,
        "for_drain": push != 0.0 and above["drain"] > 0.0,
    }  # fmt: skip
    # a softmax over the channels in use divides the money
    weights = {name: float(np.exp(2.0 * x[name])) if on else 0.0 for name, on in used.items()}
    whole = budget * between("used", SHARE, 1.0) if any(used.values()) else 0.0
    money = {name: whole * weight / max(sum(weights.values()), 1e-300) for name, weight in weights.items()}
    # no more liquidity is taken than is wanted, and no more than the money owns
    wanted = DRAINED * above["drain"] if used["for_drain"] else 0.0
    drain = min(wanted, money["for_drain"] / (2.0 * pool_cash))
    return Attack(
        onset=round(between("onset", EARLIEST, hours - ROOM)),
        push=LARGEST_PUSH * push,
        push_hours=round(LONGEST_PUSH ** between("push_hours", 0.0, 1.0)),
        collateral=between("collateral", *COLLATERAL),
        grief=0.85 + 0.15 * above["grief"] if used["for_grief"] else 0.0,
        grief_hours=round(LONGEST_GRIEF ** between("grief_hours", 0.0, 1.0)),
        vol_push=LARGEST_VOL * above["vol_push"],
        drain=drain,
        push_capital=money["for_push"],
        grief_capital=money["for_grief"],
        vol_push_capital=money["for_vol_push"],
        liquidity=drain * 2.0 * pool_cash,
    )
