"""Option quotes by inventory and volatility, after Avellaneda and Stoikov (2008), with vol instead of price."""

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


class InventoryQuotes(Rule):
    """Half-spread, skew, vega fee and hedge ratio from the pool's inventory and the volatility of vol.

    Avellaneda and Stoikov, "High-frequency trading in a limit order book" (Quantitative Finance, 2008): the best
    half-spread around the reservation price is gamma * s^2 * T / 2 + ln(1 + gamma / k) / gamma, where s is the
    volatility of the quoted quantity (here implied vol times its own volatility). The toxicity of the pool's own fills
    adds to it, because nobody can observe who is informed. The reservation price shifts against inventory in two ways:
    the skew tilts toward the side that the book is short of (short delta in puts against calls), and the vega fee rises
    with the book's vega. The hedge ratio falls as the pool's hedges grow relative to the depth of the market.
    """

    name = "inventory_quotes"
    needs = ("half_spread", "skew_shift", "vega_fee", "hedge_ratio")
    reads = ("implied_vol", "implied_less_realised")
    gains = (
        Gain("aversion", 30.0, 1.0, 1000.0, "per 1.00 of vol", log_map=True),  # gamma
        # k: uninformed flow falls by exp(-k h) for a half-spread h
        Gain("flow_decay", 35.0, 3.0, 350.0, "per 1.00 of vol", log_map=True),
        Gain("horizon", 24.0, 1.0, 336.0, "h", log_map=True),  # time to reduce a position
        Gain("vol_of_vol", 0.9, 0.1, 5.0, "annual", log_map=True),  # of the surface, log
        Gain("toxic_markup", 1.0, 0.0, 5.0, "share of the half-spread"),  # added if all flow of takers is toxic
        Gain("stress_markup", 0.1, 0.0, 1.0, "vol"),  # added per 1.00 of realised vol above implied
        Gain("skew_at_limit", 0.04, 0.0, 0.08, "vol"),  # by which the wings are tilted at the largest book
        # net standardised vega of a vol point: the pool's own limit
        Gain("large_vega", 0.01, 0.001, 0.1, "share of NAV", log_map=True),
        Gain("vega_markup", 2.0, 0.0, 10.0, "share of the vega fee"),  # added at that limit
        Gain("crowded", 1.0, 0.1, 10.0, "hedge gain", log_map=True),  # above it the hedge moves the price it follows
        Gain("hedge_cut", 0.2, 0.0, 1.0, "share"),  # by which the hedge is then smaller, and larger where there is none
    )

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Quotes for the present book."""
        own = self.gain
        speed = own["vol_of_vol"] * np.asarray(view.raw("implied_vol"))
        risk = speed**2 * own["horizon"] / HOURS_PER_YEAR
        spread = own["aversion"] * risk / 2.0 + np.log1p(own["aversion"] / own["flow_decay"]) / own["aversion"]
        stressed = np.maximum(-np.asarray(view.raw("implied_less_realised")), 0.0)  # realised above implied
        toxic = np.maximum(view.raw("flow_toxicity"), 0.0)
        vega = np.clip(np.asarray(view.raw("book_vega")) / own["large_vega"], -1.0, 1.0)
        delta = np.clip(np.asarray(view.raw("book_delta")), -1.0, 1.0)
        crowd = np.minimum(np.maximum(view.raw("hedge_gain"), 0.0) / own["crowded"], 1.0)
        return {
            "half_spread": spread * (1.0 + own["toxic_markup"] * toxic) + own["stress_markup"] * stressed,
            # a book that is long delta has written puts: their wing is raised
            "skew_shift": own["skew_at_limit"] * delta * np.abs(vega),
            "vega_fee": self.around["vega_fee"] * (1.0 + own["vega_markup"] * np.abs(vega)),
            "hedge_ratio": self.around["hedge_ratio"] * (1.0 + own["hedge_cut"] * (1.0 - crowd * 2.0)),
        }
