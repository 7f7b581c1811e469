"""What an episode cost, and whether the venue came out of it solvent.

All money is in basis points of K0, of one venue. P0 and the vols of NAV0 are the tape's, never the protocol's own.
Insolvency is checked after every decision; an insolvent venue counts as insolvent even if the price recovers. Losses
that are not yet booked are what is under water now. W instead uses the value of puts, which includes possible losses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Step
from protogov.envs.simulator import Simulator
from protogov.envs.world.latent import KEPT
from protogov.envs.world.state import CollateralKind
from protogov.experiments.core.tables import Table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Standing:
    """A venue's position after one decision, float64 [n] each, bp of K0.

    Attributes:
        treasury: cash, reserve and coin at P0, less the open deficit; below 0 the hole is larger than the treasury.
        lp_value: NAV0 of the option pool.
        shortfall: debts beyond 97% of their collateral at P0, loans and shorts: lost but not yet booked.
        haircuts: written off suppliers since the episode began.
        bad_debt: booked since the episode began.
        opening_treasury: at the start.
    """

    treasury: Floats
    lp_value: Floats
    shortfall: Floats
    haircuts: Floats
    bad_debt: Floats
    opening_treasury: Floats

    @property
    def net_worth(self) -> Floats:
        """The money that absorbs a loss before suppliers do.

        Treasury minus deficit, shortfall, haircuts, and the part of option holders' claims that LPs cannot pay. The
        LPs' own money covers options only.
        """
        return self.treasury + np.minimum(self.lp_value, 0.0) - self.shortfall - self.haircuts


# name -> (rule, its meaning)
CRITERIA: dict[str, tuple[Callable[[Standing], NDArray[np.bool_]], str]] = {
    "net-worth": (
        lambda s: s.net_worth < 0.0,
        "treasury minus deficit, shortfall, suppliers' haircuts and unpayable options is below zero",
    ),
    "bad-debt": (lambda s: s.bad_debt > s.opening_treasury, "booked bad debt exceeds the opening treasury"),
    "option-pool": (lambda s: s.lp_value < 0.0, "the option pool's value at the tape's price and vols is below zero"),
    "suppliers": (
        lambda s: (s.haircuts > 0.0) | (s.treasury < 0.0),
        "suppliers bear a booked loss: a haircut, or a deficit that the treasury does not cover",
    ),
    "any": (
        lambda s: (s.net_worth < 0.0) | (s.lp_value < 0.0),
        "net-worth or option-pool",
    ),
}

# name -> (of the columns below, its meaning)
LOSSES: dict[str, tuple[Callable[[Table], Floats], str]] = {
    "capital": (
        lambda t: -(t["treasury_change"] + t["lp_profit"] - t["shortfall_change"] - t["haircuts"]),
        "fall of treasury and LP value, growth of the shortfall, suppliers' haircuts",
    ),
    "welfare": (lambda t: -t["welfare"], "minus welfare W"),
    "bad-debt": (lambda t: t["bad_debt"] + t["shortfall_change"], "booked bad debt and growth of the shortfall"),
    "option-pool": (lambda t: -t["lp_profit"], "fall of the option pool's value NAV0"),
}


def shortfall(venue: NDArray[Any], price: Floats) -> Floats:
    """Debts beyond 97% of their collateral at `price` [n], of loans and of short sellers [n], USD.

    Sellers owe the pool's marks. A pledge counts with the coin that the loan leaves: the market's claim comes first.

    Args:
        venue: records [n] of one venue.
        price: USD per coin, F64[n].
    """
    rows = np.arange(len(venue))[:, None]
    debt = venue["account_scaled_debt"] * venue["borrow_index"][:, None]
    worth = venue["account_collateral"] * price[:, None]
    loans = np.maximum(debt - KEPT * worth, 0.0).sum(axis=1)
    at = (rows, venue["short_expiry"], venue["short_strike"])
    owed = np.where(venue["short_call"] == 1, venue["mark_call"][at], venue["mark_put"][at]) * venue["short_contracts"]
    posted = venue["short_collateral"] + venue["short_coin"] * price[:, None]
    pledged = np.maximum(worth - debt, 0.0)[rows, venue["short_account"]]  # -1 means no pledge: not used below
    backing = np.where(venue["short_kind"] == CollateralKind.PLEDGE, pledged, posted)
    shorts = np.where(venue["short_contracts"] > 0.0, np.maximum(owed - KEPT * backing, 0.0), 0.0).sum(axis=1)
    return np.asarray(loans + shorts)


class Watch:
    """Adds up the decisions of a batch of one venue's episodes."""

    def __init__(self, world: Simulator) -> None:
        self._world = world
        count = world.num_worlds
        self._sums = {name: np.zeros(count) for name in ("welfare", "lp_profit", "bad_debt", "haircuts", "liquidated")}
        self._insolvent = {name: np.zeros(count, np.bool_) for name in CRITERIA}
        self._opening = self._values()
        self._lowest = self._standing().net_worth

    def _values(self) -> dict[str, Floats]:
        venue = self._world.worlds["venues"][:, 0]
        values = {
            "treasury": venue["last_treasury"] - venue["deficit"],
            "nav": venue["last_nav"],
            "shortfall": shortfall(venue, self._world.worlds["tape_price"]),
        }
        return {name: value * 1e4 / venue["opening_value"] for name, value in values.items()}

    def _standing(self) -> Standing:
        now = self._values()
        return Standing(
            now["treasury"],
            now["nav"],
            now["shortfall"],
            self._sums["haircuts"],
            self._sums["bad_debt"],
            self._opening["treasury"],
        )

    def add(self, step: Step) -> None:
        """Count one decision of every world."""
        venue = self._world.worlds["venues"][:, 0]
        bp = 1e4 / venue["opening_value"]
        self._sums["welfare"] += step.welfare()
        self._sums["haircuts"] += venue["sum_haircuts"] * bp
        self._sums["lp_profit"] += venue["nav_change"] * bp
        self._sums["bad_debt"] += venue["sum_bad_debt"] * bp
        self._sums["liquidated"] += venue["sum_liquidated"] * bp
        standing = self._standing()
        for name, (rule, _) in CRITERIA.items():
            self._insolvent[name] |= rule(standing)
        self._lowest = np.minimum(self._lowest, standing.net_worth)

    def table(self) -> Table:
        """One row per episode: sums, changes, losses by name, and `insolvent/<criterion>`."""
        now = self._values()
        closes = self._world.tape["close"].astype(np.float64)
        table: Table = {
            **self._sums,
            "treasury_change": now["treasury"] - self._opening["treasury"],
            "shortfall_change": now["shortfall"] - self._opening["shortfall"],
            "lowest_net_worth": self._lowest,
            "price_drawdown": (closes / np.maximum.accumulate(closes, axis=1) - 1.0).min(axis=1),
        }
        table |= {f"loss/{name}": rule(table) for name, (rule, _) in LOSSES.items()}
        return table | {f"insolvent/{name}": seen for name, seen in self._insolvent.items()}
