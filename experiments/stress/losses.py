"""What an episode cost, and whether the venue came out of it solvent.

All money in basis points of K0, of one venue. P0 and the vols of NAV0 are the tape's, never the protocol's own.
Looked at after every decision; once insolvent is insolvent, also where the price came back later.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Step
from protogov.envs.simulator import Simulator
from protogov.envs.world.welfare import WELFARE_PARTS
from protogov.experiments.tables import Table

Floats = NDArray[np.float64]
HAIRCUTS = WELFARE_PARTS.index("welfare_haircuts")


@dataclass(frozen=True)
class Standing:
    """A venue's position after one decision, float64 [n] each, bp of K0.

    Attributes:
        treasury: cash, reserve and coin at P0, less the open deficit; below 0 the hole is larger than the treasury.
        lp_value: NAV0 of the option pool.
        latent: debts beyond 97% of their collateral at P0, loans and shorts: lost already, and not yet booked.
        haircuts: written off suppliers since the episode began.
        bad_debt: booked since the episode began.
        opening_treasury: at the start.
    """

    treasury: Floats
    lp_value: Floats
    latent: Floats
    haircuts: Floats
    bad_debt: Floats
    opening_treasury: Floats

    @property
    def net_worth(self) -> Floats:
        """What stands between a loss and the suppliers.

        Treasury less deficit, latent and haircuts, and less what option holders are owed that LPs do not have; the
        LPs' own money answers for options alone.
        """
        return self.treasury + np.minimum(self.lp_value, 0.0) - self.latent - self.haircuts


# name -> (rule, what it says)
CRITERIA: dict[str, tuple[Callable[[Standing], NDArray[np.bool_]], str]] = {
    "net-worth": (
        lambda s: s.net_worth < 0.0,
        "treasury less deficit, latent shortfall, suppliers' haircuts and unpayable options is below zero",
    ),
    "bad-debt": (lambda s: s.bad_debt > s.opening_treasury, "booked bad debt exceeds the opening treasury"),
    "option-pool": (lambda s: s.lp_value < 0.0, "the option pool's value at the tape's price and vols is below zero"),
    "suppliers": (
        lambda s: (s.haircuts > 0.0) | (s.treasury < 0.0),
        "suppliers bear a loss that is booked: a haircut, or a deficit that the treasury does not cover",
    ),
    "any": (
        lambda s: (s.net_worth < 0.0) | (s.lp_value < 0.0),
        "net-worth or option-pool",
    ),
}

# name -> (of the columns below, what it says)
LOSSES: dict[str, tuple[Callable[[Table], Floats], str]] = {
    "capital": (
        lambda t: -(t["treasury_change"] + t["lp_profit"] - t["latent_change"] - t["haircuts"]),
        "fall of treasury and LP value, growth of the latent shortfall, suppliers' haircuts",
    ),
    "welfare": (lambda t: -t["welfare"], "welfare W, with its sign turned"),
    "bad-debt": (lambda t: t["bad_debt"] + t["latent_change"], "booked bad debt and growth of the latent shortfall"),
    "option-pool": (lambda t: -t["lp_profit"], "fall of the option pool's value NAV0"),
}


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
        bp = 1e4 / venue["opening_value"]
        return {name: venue[f"last_{name}"] * bp for name in ("treasury", "nav", "latent")}

    def _standing(self) -> Standing:
        now = self._values()
        return Standing(
            now["treasury"],
            now["nav"],
            now["latent"],
            self._sums["haircuts"],
            self._sums["bad_debt"],
            self._opening["treasury"],
        )

    def add(self, step: Step) -> None:
        """Count one decision of every world."""
        venue = self._world.worlds["venues"][:, 0]
        bp = 1e4 / venue["opening_value"]
        welfare = step.terms["welfare_0"]
        self._sums["welfare"] += welfare[:, -1]
        self._sums["haircuts"] -= welfare[:, HAIRCUTS]
        self._sums["lp_profit"] += venue["nav_change"] * bp
        self._sums["bad_debt"] += venue["sum_bad_debt"] * bp
        self._sums["liquidated"] += venue["sum_liquidated"] * bp
        standing = self._standing()
        for name, (rule, _) in CRITERIA.items():
            self._insolvent[name] |= rule(standing)
        self._lowest = np.minimum(self._lowest, standing.net_worth)

    def table(self) -> Table:
        """A row an episode: sums, changes, losses by name, and `insolvent/<criterion>`."""
        now = self._values()
        closes = self._world.tape["close"].astype(np.float64)
        table: Table = {
            **self._sums,
            "treasury_change": now["treasury"] - self._opening["treasury"],
            "latent_change": now["latent"] - self._opening["latent"],
            "lowest_net_worth": self._lowest,
            "price_drawdown": (closes / np.maximum.accumulate(closes, axis=1) - 1.0).min(axis=1),
        }
        table |= {f"loss/{name}": rule(table) for name, (rule, _) in LOSSES.items()}
        return table | {f"insolvent/{name}": seen for name, seen in self._insolvent.items()}
