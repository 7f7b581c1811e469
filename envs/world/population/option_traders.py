"""Option traders: uninformed people who like or need options and mind the spread, and two kinds who pick quotes off.

Latency traders know the outside price before the oracle does; vol arbitrageurs know the vol of the coming hours.
"""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, poisson_count, uniform
from protogov.envs.world.options import (
    book_edge,
    forced_terms,
    pay_from_pool,
    quotable,
    receive_to_pool,
    trade_terms,
    years_to_expiry,
)
from protogov.envs.world.oracle import in_quote
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import SUBSTEPS
from protogov.envs.world.surface import fair_vol, mid_vol, move_surface

MAX_ARRIVALS = 64  # of a venue in a sub-step, as far as their keys go


@compiled
def visit_option_traders(world, venue, v, substep_of_hour, future_vol, p):
    """Arrivals of this sub-step; each asks for one price and takes it or goes.

    `future_vol` is the tape's implied vol at the informed horizon, which vol arbitrageurs know.
    """
    mean = p.arrivals * world.flow_intensity / SUBSTEPS
    u = uniform(world.seed, v, world.hour, substep_of_hour, Purpose.OPTION_ARRIVALS)
    for number in range(poisson_count(u, mean)):
        entity = v * MAX_ARRIVALS + number
        if uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_INFORMED) < world.informed_share:
            informed_arrival(world, venue, entity, substep_of_hour, future_vol, p)
        else:
            uninformed_arrival(world, venue, entity, substep_of_hour, p)


@compiled
def draw_node(world, venue, entity, substep_of_hour):
    """(expiry, strike) that a trader asks for, uniform over the grid."""
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_NODE)
    node = int(u * venue.num_expiries * venue.num_strikes)
    return node // venue.num_strikes, node % venue.num_strikes


@compiled
def offer(world, venue, e, k, is_call, contracts, sign, held, p):
    """What the pool offers a trader who buys (sign +1) or sells back (-1) `contracts`, of which it holds `held`.

    Opening is refused where the pool does not quote, and beyond its position cap at a node; there, what is held can
    still be sold back by force.

    Returns:
        (1 if there is an offer, premium with fees [USD], fees [USD], new base vol, new skew).
    """
    total, fees, _, base, skew, delta, _ = trade_terms(world, venue, e, k, is_call, contracts, sign, p)
    quoted = quotable(world, venue, e, delta, base, skew, p)
    if sign > 0.0:
        room = p.position_cap * max(venue.last_nav, 0.0) - (held + contracts) * world.oracle_price
        return (1 if quoted and room >= 0.0 else 0), total, fees, base, skew
    if quoted:
        return 1, total, fees, base, skew
    total, _, skew = forced_terms(world, venue, e, k, is_call, contracts, False, p)
    return 1, total, 0.0, venue.base_vol[e], skew


@compiled
def logit_share(world, v, p):
    """Share of uninformed demand that venue `v` has among the venues and going without (Anderson et al. 1992)."""
    total, own = 1.0, 0.0
    for w in range(world.num_venues):
        weight = exp((p.logit_value - world.venues[w].half_spread) / p.logit_scale)
        total += weight
        if w == v:
            own = weight
    return own / total


@compiled
def uninformed_arrival(world, venue, entity, substep_of_hour, p):
    """A trader with a taste for options: takes the quote when it costs less vol than its exponential margin.

    So the flow falls by exp(-spread_elasticity * vol paid beyond the fair vol); its surplus is (margin - paid) * vega.
    Borrowers near liquidation lean on the draw: part of the flow becomes put buyers as more debt is at risk.
    """
    seed, hour = world.seed, world.hour
    e, k = draw_node(world, venue, entity, substep_of_hour)
    u = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIDE)
    frightened = p.put_hedging * venue.at_risk / (1.0 + p.put_hedging * venue.at_risk)
    if u < frightened:
        buys, is_call = True, False
    else:
        u = (u - frightened) / (1.0 - frightened)
        buys = u < p.buy_share
        is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    contracts = -log(uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIZE)) * p.trade_size
    held = venue.long_calls[e, k] if is_call else venue.long_puts[e, k]
    if not buys:
        contracts = min(contracts, held)
    if contracts < 0.01:
        return
    if p.logit_scale > 0.0:  # expected counts: everybody who arrives trades the share that would come
        contracts *= logit_share(world, entity // MAX_ARRIVALS, p)
    sign = 1.0 if buys else -1.0
    offered, total, fees, base, skew = offer(world, venue, e, k, is_call, contracts, sign, held, p)
    if not offered:
        return
    spot, strike = world.oracle_price, venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    fair = fair_vol(world.implied_vol, spot, strike, p)
    call, put, _, _, vega = quote(spot, strike, years, fair, p.interest_rate)
    cost = sign * (total - (call if is_call else put) * contracts)
    margin = -log(uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_MARGIN)) / p.spread_elasticity
    # not a quotient: the vega of a node about to expire may be too small to divide by
    surplus = 0.0 if p.logit_scale > 0.0 else margin * vega * contracts - cost
    if surplus < 0.0:
        return
    if fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, p):
        venue.sum_uninformed_surplus += surplus


@compiled
def informed_arrival(world, venue, entity, substep_of_hour, future_vol, p):
    """Somebody who knows better than the quote: trades iff the quote is wrong by more than its cost.

    A latency trader takes the pool's own vol for true and reads the outside price as the oracle will quote it: it gains
    by the oracle's lateness alone. A vol arbitrageur takes the oracle price for true and knows the tape's vol at the
    horizon. Together they take no more in an hour than the informed may.
    """
    e, k = draw_node(world, venue, entity, substep_of_hour)
    seed, hour = world.seed, world.hour
    is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    races = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_LATENCY) < p.latency_share
    room = min(p.trade_size, venue.informed_room)
    if room < 0.01:
        return
    strike = venue.strike[e, k]
    spot, vol = world.oracle_price, mid_vol(venue, e, k, world.oracle_price, p)
    if races:
        spot = in_quote(world, world.outside_price, p)
        if spot == world.oracle_price:
            return
        buys = (spot > world.oracle_price) == is_call
    else:
        known = fair_vol(future_vol, spot, strike, p)
        buys = known > vol
        vol = known
    held = venue.long_calls[e, k] if is_call else venue.long_puts[e, k]
    sign = 1.0 if buys else -1.0
    contracts = room if buys else min(room, held)
    if contracts < 0.01:
        return
    offered, total, fees, base, skew = offer(world, venue, e, k, is_call, contracts, sign, held, p)
    if not offered:
        return
    call, put, _, _, _ = quote(spot, strike, years_to_expiry(world, venue, e), vol, p.interest_rate)
    gain = sign * ((call if is_call else put) * contracts - total)
    if gain <= 0.0:
        return
    if fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, p):
        venue.sum_informed_profit += gain
        if races:
            venue.sum_latency_profit += gain
        venue.informed_room -= contracts


@compiled
def fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, p):
    """Exchange premium and contracts and move the surface; False when the pool cannot pay a seller."""
    if sign > 0.0:
        receive_to_pool(world, venue, total)
    else:
        if venue.option_cash < total:
            return False
        pay_from_pool(world, venue, total)
    longs = venue.long_calls if is_call else venue.long_puts
    longs[e, k] = max(longs[e, k] + sign * contracts, 0.0)
    book_edge(world, venue, e, k, is_call, contracts, sign, total, p)
    venue.sum_option_fees += fees
    venue.sum_option_contracts += contracts
    move_surface(world, venue, e, k, base, skew)
    return True


@compiled
def refill_informed(venue, p):
    """Top of an hour: informed traders' capital for this hour."""
    venue.informed_room = p.informed_cap
