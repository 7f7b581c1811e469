"""Option quotes by inventory and volatility, after Avellaneda and Stoikov (2008), with vol in the place of price."""

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
HORIZON = 24.0  # in which a position is to be worked off [h]
VOL_OF_VOL = 0.9  # of the surface, log and annual
TOXIC_MARKUP = 1.0  # share of the half-spread added where all that takers do goes their way
SKEW_AT_LIMIT = 0.04  # vol by which the wings are tilted at the largest book
LARGE_VEGA = 0.01  # net standardised vega of a vol point, share of NAV: the pool's own limit
CROWDED = 1.0  # hedge gain from which on the hedge is a fifth smaller: it moves the price that it follows


class InventoryQuotes(Rule):
    """Half-spread, skew, vega fee and hedge ratio by what the pool holds and how fast vol moves.

    Avellaneda and Stoikov, "High-frequency trading in a limit order book" (Quantitative Finance, 2008): the best
    half-spread around the reservation price is gamma * s^2 * T / 2 + ln(1 + gamma / k) / gamma, s the volatility of
    what is quoted (here implied vol times its own volatility). It is marked up by the toxicity of the pool's own fills,
    since nobody can read who is informed. The reservation price's shift against inventory works through the skew,
    tilted toward the side that the book is short of (short delta in puts against calls), and through the vega fee,
    which rises with the book's vega. The hedge ratio falls as the pool's hedges grow beside the depth they trade in.
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
            # a book long of delta has written puts: their wing is marked up
            "skew_shift": SKEW_AT_LIMIT * delta * np.abs(vega),
            "vega_fee": self.levers["vega_fee"].default * (1.0 + 2.0 * np.abs(vega)),
            "hedge_ratio": hedge,
        }
