"""Governors that look for a mistake in the rules: each must score below the defaults in welfare, or the game is broken.

Each names targets for levers of all roles and drives those that its role holds.
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
    """A cheater whose levers stand at one place: `stands`, lever -> -1 (low) to +1 (high)."""

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
    """Closes every market: no credit that anybody could want or have, no option worth its price."""

    name = "collapse"
    stands = {
        "base_rate": 1, "slope1": 1, "slope2": 1, "optimal_utilisation": -1, "liquidation_threshold": -1, "ltv_gap": 1,
        "option_margin": 1, "half_spread": 1, "vega_fee": 1,
    }  # fmt: skip


class Gouge(Standing):
    """Takes what the captive will pay: dear credit and wide quotes, with the markets left open."""

    name = "gouge"
    stands = {"base_rate": 0.5, "slope1": 1, "slope2": 1, "liquidation_bonus": 1, "half_spread": 0.75, "vega_fee": 1}


class NoTrade(Standing):
    """Quotes so that no option changes hands, and does not hedge those that did."""

    name = "no_trade"
    stands = {"half_spread": 1, "vega_fee": 1, "option_margin": 1, "hedge_ratio": -1}


class SupplierSqueeze(Standing):
    """Lends out all of the suppliers' cash for next to nothing: low slopes and a kink at the end."""

    name = "supplier_squeeze"
    stands = {"base_rate": -1, "slope1": -1, "slope2": -1, "optimal_utilisation": 1}


class ExtendAndPretend(Rule):
    """Raises the threshold as the price falls, so that no loan is ever called bad; new loans go on beneath it.

    The bonus stays where it is: cutting it in a crash saves the cost of liquidations, which is no mistake in the rules.
    """

    name = "extend_and_pretend"
    needs = ("liquidation_threshold", "ltv_gap")
    cheats = True
    crash = 0.05  # fall below the week's high from which on it acts

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The threshold at its high end and the loan-to-value close beneath it, in rows in a crash."""
        fallen = np.asarray(view.raw("drawdown_week")) <= -self.crash
        threshold, gap = (self.levers[name] for name in self.needs)
        return {
            threshold.name: np.where(fallen, threshold.high, threshold.default),
            gap.name: np.where(fallen, gap.low, gap.default),
        }


class SelfMark(Rule):
    """Moves the pool's own surface so that its own book is worth more: down while it is short of vega, up while long.

    The skew shift tilts the surface, so the sign that marks up the book is that of its delta as well: a pool short of
    puts gains from cheaper puts.
    """

    name = "self_mark"
    needs = ("skew_shift",)
    cheats = True

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The skew shift at the end that flatters."""
        # written puts are long delta and short vega: cheaper low strikes (shift below zero) mark them down
        side = np.asarray(view.raw("book_delta")) * np.sign(np.asarray(view.raw("book_vega")))
        return {"skew_shift": self.levers["skew_shift"].value(np.sign(side))}


class LiquidationFarmer(Rule):
    """Lets borrowers in at a high threshold, then cuts it under them, at the highest bonus; again and again."""

    name = "liquidation_farmer"
    needs = ("liquidation_threshold", "ltv_gap", "liquidation_bonus")
    cheats = True
    remembers = {"hours": 0.0}
    half_period = 48.0  # hours up, and as many down

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
    """Throws every lever to one of its ends at every decision, by a coin that is keyed by the row and the decision."""

    name = "random_churn"
    cheats = True

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """A coin for every lever, F32[n, k] of -1 and 1."""
        return np.where(self.draws(view) < 0.5, -1.0, 1.0).astype(np.float32)
