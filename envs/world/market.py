"""The price: an outside market with lasting impact, and a constant-product spot pool whose depth can be withdrawn."""

from math import exp, log, sqrt

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import note_impact
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.noise import Purpose, normal
from protogov.envs.world.numeric import decay
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS

# The price of a pool with reserves (y cash, x coin) changes by the factor exp(d) if its cash changes by
# y * (exp(d/2) - 1). The depth of 1% is therefore y * (exp(0.005) - 1), and y = depth * CASH_PER_DEPTH.
CASH_PER_DEPTH = 1.0 / (exp(0.005) - 1.0)
FIRST_EXTREME, SECOND_EXTREME, LAST = 4, 8, SUBSTEPS - 1  # sub-steps of an hour that reach the points of a candle
HOURS_PER_WEEK = 168
DEPTH_STEP = 0.02  # log change of the depth at which liquidity providers act within an hour


@compiled
def tape_point(candle, substep_of_hour, noise):
    """Tape price [true USD] at a sub-step of an hour: from the open to both extremes, then to the close.

    A bar that closed up reaches its low first; a bar that closed down reaches its high first. Bridges link the points.
    `noise` is a standard normal that bends the path between two points by up to their distance. The path stays
    within [low, high].
    """
    # np.float64, because float() does not convert under numba: differences of float32 would lose bits, and would not
    # be the same with jitting off
    opening, close = np.float64(candle.open), np.float64(candle.close)
    low, high = np.float64(candle.low), np.float64(candle.high)
    rising = close >= opening
    first = low if rising else high
    second = high if rising else low
    if substep_of_hour < FIRST_EXTREME:
        start, end, share = opening, first, substep_of_hour / FIRST_EXTREME
    elif substep_of_hour < SECOND_EXTREME:
        start, end = first, second
        share = (substep_of_hour - FIRST_EXTREME) / (SECOND_EXTREME - FIRST_EXTREME)
    else:
        start, end = second, close
        share = (substep_of_hour - SECOND_EXTREME) / (LAST - SECOND_EXTREME)
    bend = noise * sqrt(share * (1.0 - share)) * 0.5 * abs(end - start)
    price = start + (end - start) * share + bend
    return min(max(price, low), high)


@compiled
def read_tape(world, candle, p):
    """Top of an hour: copy the tape's conditions of this hour to the world."""
    world.implied_vol = candle.implied_vol
    world.congestion = candle.congestion
    world.peg_opening = world.peg
    world.leverage_demand = candle.leverage_demand
    world.outside_yield = candle.outside_yield
    world.informed_share = candle.informed_share
    world.flow_intensity = candle.flow_intensity
    world.oracle_error = candle.oracle_error
    world.arbitrage_away = candle.arbitrage_away
    world.supplier_exit = candle.supplier_exit
    world.oracle_push = candle.oracle_push
    world.griefing = candle.griefing
    world.vol_push = np.float64(candle.vol_push)
    if candle.oracle_push != 0.0 or candle.griefing > 0.0:
        world.attacking = 1
    world.anchor_vol += (candle.implied_vol - world.anchor_vol) * (1.0 - decay(1.0, p.anchor_half_life))
    world.lasting_impact *= decay(1.0, p.lasting_half_life)
    world.pool_stress *= decay(1.0, p.depth_return_half_life)
    world.tape_depth = candle.depth * p.depth_scale
    set_pool_depth(world, stressed_depth(world, p))


@compiled
def stressed_depth(world, p):
    """Depth [USD for 1%] that liquidity providers leave in the pool: exp(-depth_flight * stress), with a floor."""
    world.depth_stress = world.pool_stress
    return world.tape_depth * max(exp(-p.depth_flight * world.pool_stress), p.depth_floor)


@compiled
def set_pool_depth(world, depth):
    """Liquidity providers add or remove cash and coin in proportion until 1% costs `depth` USD; the price stays."""
    world.depth = depth
    scale_pool(world, depth * CASH_PER_DEPTH / world.pool_cash)


@compiled
def scale_pool(world, ratio):
    """Multiply both sides of the pool by `ratio`. The price stays; the difference is exchanged with the outside."""
    cash, coin = world.pool_cash * (ratio - 1.0), world.pool_coin * (ratio - 1.0)
    world.pool_cash += cash
    world.outside_cash -= cash
    world.pool_coin += coin
    world.outside_coin -= coin
    note_cash(world, cash)
    note_coin(world, coin)


@compiled
def withdraw_liquidity(world, p):
    """Within an hour, one sub-step after forced trades: the providers whom these trades scare withdraw their share."""
    if p.depth_flight * (world.pool_stress - world.depth_stress) <= DEPTH_STEP:
        return
    depth = stressed_depth(world, p)
    if depth < world.depth:
        scale_pool(world, depth / world.depth)
        world.depth = depth


@compiled
def move_outside_price(world, candle, substep_of_hour):
    """Outside price = tape price / peg * exp(lasting impact); the peg moves linearly over the hour."""
    noise = normal(world.seed, 0, world.hour, substep_of_hour, Purpose.PRICE_BRIDGE)
    world.peg = world.peg_opening + (np.float64(candle.peg) - world.peg_opening) * (substep_of_hour / LAST)
    world.tape_price = tape_point(candle, substep_of_hour, noise) / world.peg
    world.outside_price = world.tape_price * exp(world.lasting_impact)
    seen = world.outside_seen
    seen[world.substep % seen.shape[0]] = world.outside_price


@compiled
def pool_price(world):
    """Marginal price of the spot pool, USD per coin."""
    return world.pool_cash / world.pool_coin


@compiled
def pool_in_line(world):
    """Whether the pool's price is within a factor of two of the outside price. If not, only forced trades happen there.

    Without this limit a pool without arbitrageurs would be bought from at any price, and the price would square each
    hour.
    """
    cash = world.pool_coin * world.outside_price
    return world.pool_cash < 2.0 * cash and world.pool_cash > 0.5 * cash


@compiled
def sell_to_pool(world, coin, fee):
    """Swap `coin` > 0 for cash at constant product. The caller books the seller's side.

    Returns:
        (cash received after the fee [USD], log price impact). The fee goes to the pool's owners outside.
    """
    gross = world.pool_cash * coin / (world.pool_coin + coin)
    paid = gross * fee
    before = world.pool_cash / world.pool_coin
    world.pool_coin += coin
    world.pool_cash -= gross
    world.outside_cash += paid
    note_cash(world, gross)
    note_coin(world, coin)
    return gross - paid, log(world.pool_cash / world.pool_coin / before)


@compiled
def buy_from_pool(world, coin, fee):
    """Swap cash for `coin` > 0 (less than the pool holds) at constant product.

    Returns:
        (cash paid with the fee [USD], log price impact).
    """
    gross = world.pool_cash * coin / (world.pool_coin - coin)
    paid = gross * fee / (1.0 - fee)
    before = world.pool_cash / world.pool_coin
    world.pool_coin -= coin
    world.pool_cash += gross
    world.outside_cash += paid
    note_cash(world, gross)
    note_coin(world, coin)
    return gross + paid, log(world.pool_cash / world.pool_coin / before)


@compiled
def leave_impact(world, serial, impact, p):
    """A forced trade moved the pool by `impact` (log price). A part of it stays in the outside price.

    The event `serial` (-1: none) may become the parent of later events. The rest of the impact is temporary: arbitrage
    removes it as far as its capital suffices. The whole impact scares liquidity providers.
    """
    world.pool_stress += abs(impact)
    lasting = world.lasting_impact + p.lasting_share * impact
    world.lasting_impact = min(max(lasting, -p.lasting_cap), p.lasting_cap)
    world.outside_price = world.tape_price * exp(world.lasting_impact)
    if serial >= 0:
        note_impact(world, serial, impact)


@compiled
def remember_hour(world):
    """End of an hour: update each oracle's price history, the realised vol of people without a venue, the mean depth.

    Arbitrageurs and liquidators read all oracles and use the largest realised vol.
    """
    world.realised_6h = 0.0
    for v in range(world.num_venues):
        remember_close(world, world.venues[v])
        world.realised_6h = max(world.realised_6h, world.venues[v].realised_6h)
    world.depth_week += (world.depth - world.depth_week) / HOURS_PER_WEEK


@compiled
def remember_close(world, venue):
    """End of an hour: store the close of a venue's oracle; compute its realised vols and the week's high."""
    closes, hour = venue.hourly_close, world.hour
    ring = closes.shape[0]
    closes[hour % ring] = venue.oracle_price
    venue.realised_1h = hourly_vol(closes, hour, 1)
    venue.realised_6h = hourly_vol(closes, hour, 6)
    venue.realised_72h = hourly_vol(closes, hour, 72)
    if hour >= HOURS_PER_WEEK and closes[(hour - HOURS_PER_WEEK) % ring] >= venue.high_week:
        # the high is a week old: find the next one
        venue.high_week = 0.0
        for back in range(1, HOURS_PER_WEEK):
            venue.high_week = max(venue.high_week, closes[(hour - back) % ring])
    venue.high_week = max(venue.high_week, venue.oracle_price)


@compiled
def hourly_vol(closes, hour, window):
    """Annualised root mean square of the last `window` hourly returns (fewer at the start); 0 before the first."""
    ring = closes.shape[0]
    count = min(window, hour)
    at, total = hour % ring, 0.0
    for _ in range(count):
        before = at - 1 if at > 0 else ring - 1
        step = closes[at] / closes[before] - 1.0
        total += step * step
        at = before
    return sqrt(total / count * HOURS_PER_YEAR) if count > 0 else 0.0
