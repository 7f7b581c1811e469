"""Arbitrage between the spot pool and the outside market: finite, late when blocks are full, shy when prices move."""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash, note_coin

LEAST_CAPITAL = 0.1  # share of it that no volatility scares away: without it a runaway price would have no end


@compiled
def arbitrage_capital(world, p):
    """Cash [USD] that arbitrageurs trade in a sub-step at most.

    capacity * (1 - stress * congestion) * min(1, calm vol / realised vol of six hours): blocks are full, and whoever
    carries inventory for a few minutes takes less of it when minutes are worth more. A tenth trades in any turmoil. The
    tape's `arbitrage_away` takes its share of all that.
    """
    capital = p.arbitrage_capacity * (1.0 - p.arbitrage_stress * world.congestion) * (1.0 - world.arbitrage_away)
    if world.realised_6h > p.arbitrage_calm_vol:
        capital *= max(p.arbitrage_calm_vol / world.realised_6h, LEAST_CAPITAL)
    return capital


@compiled
def price_seen(world, p):
    """Outside price that a trade landing now was sent for: `arbitrage_delay` sub-steps old at full congestion."""
    late = int(world.congestion * p.arbitrage_delay)
    if late == 0:
        return world.outside_price
    seen = world.outside_seen
    return seen[(world.substep - late) % seen.shape[0]]


@compiled
def arbitrage(world, p):
    """Close part of the gap between the pool and the outside price as it was seen.

    The arbitrageur trades with the pool and settles outside at the outside price of now: what is left is its profit,
    or its loss where the market turned while it waited.
    """
    gap = log(price_seen(world, p) * world.pool_coin / world.pool_cash)
    if gap > p.arbitrage_band:
        move = p.arbitrage_speed * (gap - p.arbitrage_band)
    elif gap < -p.arbitrage_band:
        move = p.arbitrage_speed * (gap + p.arbitrage_band)
    else:
        return
    capital = arbitrage_capital(world, p)
    cash = world.pool_cash * (exp(0.5 * move) - 1.0)  # into the pool when the pool is too cheap
    cash = min(max(cash, -capital), capital)
    coin = world.pool_coin * cash / (world.pool_cash + cash)
    world.pool_cash += cash
    world.pool_coin -= coin
    settled = coin * world.outside_price
    world.arbitrage_cash += settled - cash
    world.outside_cash -= settled
    world.outside_coin += coin
    note_cash(world, cash)
    note_cash(world, settled)
    note_coin(world, coin)
