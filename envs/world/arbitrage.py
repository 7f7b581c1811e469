"""Arbitrage between the spot pool and the outside market.

Its capital is finite. It is late when blocks are full, and it trades less when prices move a lot.
"""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash, note_coin

LEAST_CAPITAL = 0.1  # share of the capital that trades at any volatility; without it a runaway price would never return


@compiled
def arbitrage_capital(world, p):
    """Largest amount of cash [USD] that arbitrageurs trade in one sub-step.

    capacity * (1 - stress * congestion) * (1 - arbitrage_away) * max(min(1, calm vol / realised vol of six hours), 0.1)

    Congestion lowers it because blocks are full. Volatility lowers it because an arbitrageur holds coin for a few
    minutes, and the price may move in these minutes. At least a tenth trades at any volatility. The tape's
    `arbitrage_away` is the share of arbitrageurs that are absent.
    """
    capital = p.arbitrage_capacity * (1.0 - p.arbitrage_stress * world.congestion) * (1.0 - world.arbitrage_away)
    if world.realised_6h > p.arbitrage_calm_vol:
        capital *= max(p.arbitrage_calm_vol / world.realised_6h, LEAST_CAPITAL)
    return capital


@compiled
def price_seen(world, p):
    """Outside price when a trade that lands now was sent: `arbitrage_delay` sub-steps ago at full congestion."""
    late = int(world.congestion * p.arbitrage_delay)
    if late == 0:
        return world.outside_price
    seen = world.outside_seen
    return seen[(world.substep - late) % seen.shape[0]]


@compiled
def arbitrage(world, p):
    """Close part of the gap between the pool price and the outside price that the arbitrageur saw.

    The arbitrageur trades with the pool and settles outside at the current outside price. The difference is its
    profit. It is a loss if the market turned while the trade waited.
    """
    gap = log(price_seen(world, p) * world.pool_coin / world.pool_cash)
    if gap > p.arbitrage_band:
        move = p.arbitrage_speed * (gap - p.arbitrage_band)
    elif gap < -p.arbitrage_band:
        move = p.arbitrage_speed * (gap + p.arbitrage_band)
    else:
        return
    capital = arbitrage_capital(world, p)
    cash = world.pool_cash * (exp(0.5 * move) - 1.0)  # positive: paid into the pool, whose coin is too cheap
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
