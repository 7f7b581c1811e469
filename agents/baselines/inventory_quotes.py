"""Option quotes by inventory and volatility, after Avellaneda and Stoikov (2008), with vol instead of price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

AVERSION = 30.0  # gamma: per 1.00 of vol
FLOW_DECAY = 35.0  # k: uninformed flow falls by exp(-k h) for a half-spread h in vol
HORIZON = 24.0  # time to reduce a position [h]
VOL_OF_VOL = 0.9  # of the surface, log and annual
TOXIC_MARKUP = 1.0  # share of the half-spread added if all flow of takers is toxic
SKEW_AT_LIMIT = 0.04  # vol by which the wings are tilted at the largest book
LARGE_VEGA = 0.01  # net standardised vega of a vol point, share of NAV: the pool's own limit
CROWDED = 1.0  # above this hedge gain the hedge is a fifth smaller: it moves the price that it follows


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

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Quotes for the present book."""
        speed = VOL_OF_VOL * np.asarray(view.raw("implied_vol"))
        risk = speed**2 * HORIZON / HOURS_PER_YEAR
        spread = AVERSION * risk / 2.0 + np.log1p(AVERSION / FLOW_DECAY) / AVERSION
        stressed = np.maximum(-np.asarray(view.raw("implied_less_realised")), 0.0)  # realised above implied
        toxic = np.maximum(view.raw("flow_toxicity"), 0.0)
        vega = np.clip(np.asarray(view.raw("book_vega")) / LARGE_VEGA, -1.0, 1.0)
        delta = np.clip(np.asarray(view.raw("book_delta")), -1.0, 1.0)
        gain = np.maximum(view.raw("hedge_gain"), 0.0)
        hedge = self.levers["hedge_ratio"].default * (1.0 + 0.2 * (1.0 - np.minimum(gain / CROWDED, 1.0) * 2.0))
        return {
            "half_spread": spread * (1.0 + TOXIC_MARKUP * toxic) + 0.1 * stressed,
            # a book that is long delta has written puts: their wing is raised
            "skew_shift": SKEW_AT_LIMIT * delta * np.abs(vega),
            "vega_fee": self.levers["vega_fee"].default * (1.0 + 2.0 * np.abs(vega)),
            "hedge_ratio": hedge,
        }
