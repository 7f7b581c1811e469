"""Governors that try to exploit the rules: if one scores above the defaults in welfare, the rules may have a mistake.

Each has targets for levers of all roles and sets those of its role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.random import Random
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Standing(Rule):
    """A cheater with constant levers: `stands`, lever -> -1 (low) to +1 (high)."""

    stands: ClassVar[Mapping[str, float]] = {}
    cheats = True

    def __init_subclass__(cls, **options: Any) -> None:
        cls.sets = tuple(cls.stands)
        super().__init_subclass__(**options)

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The same for every row and decision."""
        return {
            name: float(self.levers[name].value(place)) for name, place in self.stands.items() if name in self.levers
        }


class Collapse(Standing):
    """Closes every market: nobody wants or gets credit, and no option is worth its price."""

    name = "collapse"
    stands = {
        "base_rate": 1, "slope1": 1, "slope2": 1, "optimal_utilisation": -1, "liquidation_threshold": -1, "ltv_gap": 1,
        "option_margin": 1, "half_spread": 1, "vega_fee": 1,
    }  # fmt: skip


class Gouge(Standing):
    """Exploits captive users: expensive credit and wide quotes, with open markets."""

    name = "gouge"
    stands = {"base_rate": 0.5, "slope1": 1, "slope2": 1, "liquidation_bonus": 1, "half_spread": 0.75, "vega_fee": 1}


class NoTrade(Standing):
    """Quotes that nobody accepts, and no hedge of existing options."""

    name = "no_trade"
    stands = {"half_spread": 1, "vega_fee": 1, "option_margin": 1, "hedge_ratio": -1}


class SupplierSqueeze(Standing):
    """Lends all of the suppliers' cash at a very low rate: low slopes and a kink at the end."""

    name = "supplier_squeeze"
    stands = {"base_rate": -1, "slope1": -1, "slope2": -1, "optimal_utilisation": 1}


class ExtendAndPretend(Rule):
    """Raises the threshold as the price falls: no loan is liquidated, and new loans continue below the threshold.

    The bonus does not move: cutting it in a crash saves the cost of liquidations, which is not a mistake in the rules.
    """

    name = "extend_and_pretend"
    needs = ("liquidation_threshold", "ltv_gap")
    cheats = True
    crash = 0.05  # it acts on larger falls below the week's high

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """In rows in a crash, the threshold at its high end and the loan-to-value just below it."""
        fallen = np.asarray(view.raw("drawdown_week")) <= -self.crash
        threshold, gap = (self.levers[name] for name in self.needs)
        return {
            threshold.name: np.where(fallen, threshold.high, threshold.default),
            gap.name: np.where(fallen, gap.low, gap.default),
        }


class SelfMark(Rule):
    """Moves the pool's surface to raise the marked value of its book: down while it is short vega, up while long.

    The skew shift tilts the surface, so the sign that raises the book's value also depends on its delta: a pool that is
    short puts gains from cheaper puts.
    """

    name = "self_mark"
    needs = ("skew_shift",)
    cheats = True

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The skew shift at the end that raises the marked value."""
        # written puts are long delta and short vega: cheaper low strikes (shift below zero) mark them down
        side = np.asarray(view.raw("book_delta")) * np.sign(np.asarray(view.raw("book_vega")))
        return {"skew_shift": self.levers["skew_shift"].value(np.sign(side))}


class LiquidationFarmer(Rule):
    """Attracts borrowers with a high threshold, then cuts it, at the highest bonus; repeatedly."""

    name = "liquidation_farmer"
    needs = ("liquidation_threshold", "ltv_gap", "liquidation_bonus")
    cheats = True
    remembers = {"hours": 0.0}
    half_period = 48.0  # hours up, then the same number down

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Up for two days, down for two."""
        rows = self.levers
        threshold = rows["liquidation_threshold"]
        up = memory["hours"] % (2.0 * self.half_period) < self.half_period
        memory["hours"] += view.decision_hours
        return {
            "liquidation_threshold": np.where(up, threshold.high, threshold.low),
            "ltv_gap": rows["ltv_gap"].low,
            "liquidation_bonus": rows["liquidation_bonus"].high,
        }


class RandomChurn(Random):
    """Sends every lever to one of its ends at every decision, by a coin keyed by row and decision."""

    name = "random_churn"
    cheats = True

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """A coin for every lever, F32[n, k] of -1 and 1."""
        return np.where(self.draws(view) < 0.5, -1.0, 1.0).astype(np.float32)
