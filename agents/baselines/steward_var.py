"""A risk steward: collateral terms by value-at-risk from realised volatility and depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.gains import Gain
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

QUANTILE = 2.326  # of the normal at 99%


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
    gains = (
        Gain("quantile", QUANTILE, 0.25, 8.0, "standard deviations", log_map=True),
        Gain("covered_hours", 24.0, 1.0, 168.0, "h", log_map=True),  # time to sell a loan beyond its threshold
        Gain("gap_hours", 2.0, 0.25, 48.0, "h", log_map=True),  # time for a borrower at the loan-to-value to top up
        # slippage of a sale per 1.00 of liquidation gain (debt freed by a fall of 1%, over the depth of 1%)
        Gain("slippage", 0.01, 0.001, 0.1, "share", log_map=True),
        Gain("max_slippage", 0.06, 0.01, 0.3, "share", log_map=True),
        Gain("keeper_margin", 0.02, 0.0, 0.1, "share"),  # of the bonus beyond slippage
        Gain("congestion_margin", 0.03, 0.0, 0.1, "share"),  # more at full congestion
        # with a larger share of debt near its threshold a cut would itself cause sales
        Gain("much_at_risk", 0.02, 0.0, 0.5, "share of debt"),
        Gain("room", 0.05, 0.0, 0.3, "share"),  # margin of a cut threshold over the covered loan
        Gain("memory_weight", 0.5, 0.02, 1.0, "share"),  # of the present reading in the running mean of volatility
        # lowest reading over implied volatility: realised volatility has little data at the start of an episode
        Gain("implied_share", 0.5, 0.0, 1.5, "ratio"),
        Gain("option_margin", 1.0, 0.5, 2.0, "ratio", log_map=True),  # times realised over implied volatility
    )

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Terms for the present volatility, depth and congestion."""
        gain = self.gain
        realised, implied = np.asarray(view.raw("realised_72h")), np.asarray(view.raw("implied_vol"))
        reading = np.maximum(realised, gain["implied_share"] * implied)
        past = np.where(np.isnan(memory["vol"]), implied, memory["vol"])
        vol = (1.0 - gain["memory_weight"]) * past + gain["memory_weight"] * reading
        memory["vol"][:] = vol
        freed = np.maximum(view.raw("liquidation_gain"), 0.0)
        slippage = np.minimum(gain["slippage"] * freed, gain["max_slippage"])
        bonus = gain["keeper_margin"] + slippage + gain["congestion_margin"] * np.asarray(view.raw("congestion"))
        bonus = np.clip(bonus, self.levers["liquidation_bonus"].low, self.around["liquidation_bonus"])
        covered = (1.0 - value_at_risk(vol, gain["covered_hours"], gain["quantile"]) - slippage) / (1.0 + bonus)
        held = np.asarray(view.levers["liquidation_threshold"])
        threshold = np.minimum(covered + gain["room"], self.around["liquidation_threshold"])
        crowded = np.asarray(view.raw("at_risk")) > gain["much_at_risk"]
        return {
            "liquidation_threshold": np.where(crowded, np.maximum(threshold, held), threshold),
            "ltv_gap": np.maximum(value_at_risk(vol, gain["gap_hours"], gain["quantile"]), held - covered),
            "liquidation_bonus": bonus,
            "option_margin": gain["option_margin"] * (vol / np.maximum(implied, 0.05)),
        }


def value_at_risk(vol: Floats, hours: float | Floats, quantile: float | Floats = QUANTILE) -> Floats:
    """Fall of the price over `hours`, as a share, for an annual vol: F64 as `vol`.

    It is exceeded with the probability of the normal beyond `quantile` standard deviations, by default 1%.
    """
    return np.asarray(quantile * vol * np.sqrt(hours / HOURS_PER_YEAR))
