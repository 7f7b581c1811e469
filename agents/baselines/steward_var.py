"""A risk steward: collateral terms by value-at-risk from realised volatility and depth."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

QUANTILE = 2.326  # of the normal at 99%
COVERED_HOURS = 24.0  # time to sell a loan beyond its threshold
GAP_HOURS = 2.0  # time for a borrower at the loan-to-value to top up
SLIPPAGE = 0.01  # slippage of a sale per 1.00 of liquidation gain (debt freed by a fall of 1%, over the depth of 1%)
MAX_SLIPPAGE = 0.06
KEEPER_MARGIN = 0.02  # of the bonus beyond slippage
CONGESTION_MARGIN = 0.03  # more at full congestion
MUCH_AT_RISK = 0.02  # with a larger share of debt near its threshold a cut would itself cause sales
ROOM = 0.05  # margin of a cut threshold over the covered loan
MEMORY_WEIGHT = 0.5  # weight of the present reading in the running mean of volatility


class StewardVar(Rule):
    """Sets threshold, gap, bonus and option margin to cover a 99% move.

    A loan must stay covered if the price falls by the value-at-risk of a day and the sale has slippage: LTV * (1 +
    bonus) <= 1 - VaR(24 h) - slippage, with VaR = 2.326 * sigma * sqrt(hours / year) and slippage from the liquidation
    gain. The gap between threshold and loan-to-value moves first, because it restrains only new loans; it is at least
    the fall of two hours. The threshold then falls below its default, but only while almost no debt is near it:
    otherwise the cut would cause the sale that it should prevent. The bonus pays for slippage and congestion, up to its
    default; more would be a loss of those who are liquidated. The option margin follows realised over implied
    volatility. sigma is the 72-hour realised volatility, smoothed.
    """

    name = "steward_var"
    needs = ("liquidation_threshold", "ltv_gap", "liquidation_bonus", "option_margin")
    reads = ("implied_vol",)
    remembers = {"vol": np.nan}

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Terms for the present volatility, depth and congestion."""
        realised, implied = np.asarray(view.raw("realised_72h")), np.asarray(view.raw("implied_vol"))
        reading = np.maximum(realised, 0.5 * implied)  # realised volatility has little data at the start of an episode
        past = np.where(np.isnan(memory["vol"]), implied, memory["vol"])
        vol = (1.0 - MEMORY_WEIGHT) * past + MEMORY_WEIGHT * reading
        memory["vol"][:] = vol
        slippage = np.minimum(SLIPPAGE * np.maximum(view.raw("liquidation_gain"), 0.0), MAX_SLIPPAGE)
        rows = self.levers
        bonus = KEEPER_MARGIN + slippage + CONGESTION_MARGIN * np.asarray(view.raw("congestion"))
        bonus = np.clip(bonus, rows["liquidation_bonus"].low, rows["liquidation_bonus"].default)
        covered = (1.0 - value_at_risk(vol, COVERED_HOURS) - slippage) / (1.0 + bonus)
        held = np.asarray(view.levers["liquidation_threshold"])
        threshold = np.minimum(covered + ROOM, rows["liquidation_threshold"].default)
        threshold = np.where(np.asarray(view.raw("at_risk")) > MUCH_AT_RISK, np.maximum(threshold, held), threshold)
        return {
            "liquidation_threshold": threshold,
            "ltv_gap": np.maximum(value_at_risk(vol, GAP_HOURS), held - covered),
            "liquidation_bonus": bonus,
            "option_margin": vol / np.maximum(implied, 0.05),
        }


def value_at_risk(vol: Floats, hours: float) -> Floats:
    """Fall of the price over `hours` exceeded with probability 1%, as a share, for an annual vol: F64 as `vol`."""
    return np.asarray(QUANTILE * vol * sqrt(hours / HOURS_PER_YEAR))
