"""The outside perpetual market: its open interest, and a funding rate that the venues' own hedges move against them."""

from math import exp

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.numeric import decay

OPEN_INTEREST_HALF_LIFE = 24.0  # h
FREE_FALL = 0.02  # share: a smaller hourly fall closes no long position


@compiled
def crowding(world, p):
    """What the venues' hedges add to the funding rate [annual]: `funding_crowding` times their share of open interest.

    Longs pay funding to shorts. A larger long hedge therefore raises the rate that it pays, and a larger short hedge
    lowers the rate that it receives.
    """
    held = 0.0
    for v in range(world.num_venues):
        held += world.venues[v].hedge_coin
    return p.funding_crowding * held * world.outside_price * world.peg / world.open_interest


@compiled
def set_funding(world, candle, p):
    """Top of an hour: the tape's funding rate plus the effect of crowding."""
    world.funding = np.float64(candle.funding) + crowding(world, p)


@compiled
def move_open_interest(world, p):
    """End of an hour: move open interest toward its normal level times the leverage demand.

    A fall of the price by more than 2% in the hour closes long positions.
    """
    price = world.outside_price * world.peg  # perpetuals are quoted in dollars
    fall = 1.0 - price / world.dollar_mark
    world.dollar_mark = price
    normal = p.open_interest * world.leverage_demand
    world.open_interest += (normal - world.open_interest) * (1.0 - decay(1.0, OPEN_INTEREST_HALF_LIFE))
    if fall > FREE_FALL:
        world.open_interest *= exp(-p.open_interest_flush * (fall - FREE_FALL))
