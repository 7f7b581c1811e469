"""Governors that look for a mistake in the rules: each must score below the defaults in welfare, or the game is broken.

Each names targets for levers of all roles and drives those that its role holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.rule import Floats, Rule
from protogov.agents.row_noise import RowNoise
from protogov.envs.world.levers import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Standing(Rule):
    """A cheater whose levers stand at one place: `stands`, lever -> -1 (low) to +1 (high)."""

    stands: Mapping[str, float] = {}

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The same for every row and decision."""
        return {
            name: float(self.levers[name].value(np.asarray(place)))
            for name, place in self.stands.items()
            if name in self.levers
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
    crash = 0.05  # fall below the week's high from which on it acts

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The threshold at its high end and the loan-to-value close beneath it, in rows in a crash."""
        fallen = np.asarray(view.raw("drawdown_week")) <= -self.crash
        lenient = {"liquidation_threshold": 1.0, "ltv_gap": -1.0}
        return {
            name: np.where(fallen, self.levers[name].value(np.asarray(place)), self.levers[name].default)
            for name, place in lenient.items()
            if name in self.levers
        }


class SelfMark(Rule):
    """Moves the pool's own surface so that its own book is worth more: down while it is short of vega, up while long.

    The skew shift tilts the surface, so the sign that marks up the book is that of its delta as well: a pool short of
    puts gains from cheaper puts.
    """

    name = "self_mark"

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The skew shift at the end that flatters."""
        if "skew_shift" not in self.levers:
            return {}
        lever = self.levers["skew_shift"]
        # written puts are long delta and short vega: cheaper low strikes (shift below zero) mark them down
        side = np.asarray(view.raw("book_delta")) * np.sign(np.asarray(view.raw("book_vega")))
        return {"skew_shift": lever.value(np.sign(side))}


class LiquidationFarmer(Rule):
    """Lets borrowers in at a high threshold, then cuts it under them, at the highest bonus; again and again."""

    name = "liquidation_farmer"
    remembers = {"hours": 0.0}
    half_period = 48.0  # hours up, and as many down

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Up for two days, down for two."""
        if "liquidation_threshold" not in self.levers:
            return {}
        rows = self.levers
        threshold = rows["liquidation_threshold"]
        up = memory["hours"] % (2.0 * self.half_period) < self.half_period
        memory["hours"] += view.decision_hours
        return {
            "liquidation_threshold": np.where(up, threshold.high, threshold.low),
            "ltv_gap": rows["ltv_gap"].low,
            "liquidation_bonus": rows["liquidation_bonus"].high,
        }


class RandomChurn:
    """Throws every lever to one of its ends at every decision, by a coin that is keyed by the row and the decision.

    Args:
        levers: of the role.
        seed: mixed into every row's seed.
    """

    name = "random_churn"

    def __init__(self, levers: Sequence[Lever], seed: int = 0) -> None:
        self._num_levers = len(levers)
        self._noise = RowNoise(seed)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over."""
        self._noise.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """A coin for every lever, F32[n, k] of -1 and 1."""
        draws = self._noise.uniform(len(view.obs), self._num_levers)
        return np.where(draws < 0.5, -1.0, 1.0).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Seeds and counts of all rows."""
        return self._noise.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._noise.load_state_dict(state)


# name -> the levers of which a role must hold at least one for the cheater to have any hold on it
CHEATER_LEVERS: Mapping[str, tuple[str, ...]] = {
    "collapse": tuple(Collapse.stands),
    "gouge": tuple(Gouge.stands),
    "no_trade": ("half_spread", "option_margin"),
    "supplier_squeeze": tuple(SupplierSqueeze.stands),
    "extend_and_pretend": ("liquidation_threshold",),
    "self_mark": ("skew_shift",),
    "liquidation_farmer": ("liquidation_threshold",),
    "random_churn": (),
}
CHEATERS = tuple(CHEATER_LEVERS)
