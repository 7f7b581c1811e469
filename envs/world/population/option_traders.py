"""Option traders: uninformed people who like options and mind the spread, and two kinds who pick quotes off.

Latency traders know the outside price before the oracle does; vol arbitrageurs know the vol of the coming hours. With
two venues everybody compares both quotes, and goes to the better one the more often the better it is. Borrowers who
protect a loan and sellers who write options are in files of their own.
"""

from math import exp, log

from protogov.envs.world.attribution import book_trade
from protogov.envs.world.compiled import compiled
from protogov.envs.world.fills import note_fill
from protogov.envs.world.noise import Purpose, poisson_count, uniform
from protogov.envs.world.options import (
    contracts_for,
    forced_terms,
    free_liquidity,
    locked_for,
    pay_from_pool,
    quotable,
    receive_to_pool,
    trade_terms,
    within_limits,
    years_to_expiry,
)
from protogov.envs.world.oracle import in_quote
from protogov.envs.world.population.venue_choice import preferred_share
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import SUBSTEPS
from protogov.envs.world.surface import fair_vol, mid_vol, move_surface

LEAST_TRADE = 30.0  # USD at the opening price: nobody trades less
LEAST_PROCEEDS = 0.01  # USD: nobody sells back for less, as where an option is worth nothing any more
MAX_ARRIVALS = 64  # of a venue in a sub-step, as far as their keys go


@compiled
def visit_option_traders(world, venue, v, substep_of_hour, future_vol, p):
    """Arrivals of this sub-step; each asks for one price and takes it or goes.

    `future_vol` is the tape's implied vol at the informed horizon, which vol arbitrageurs know.
    """
    mean = p.arrivals * world.flow_intensity / SUBSTEPS
    u = uniform(world.seed, v, world.hour, substep_of_hour, Purpose.OPTION_ARRIVALS)
    share = world.informed_share * p.informed_scale
    for number in range(poisson_count(u, mean)):
        entity = v * MAX_ARRIVALS + number
        if uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_INFORMED) < share:
            informed_arrival(world, venue, v, entity, substep_of_hour, future_vol, p)
        else:
            uninformed_arrival(world, venue, v, entity, substep_of_hour, p)


@compiled
def too_small(world, contracts):
    """True for a trade that is not worth anybody's while."""
    return contracts * world.opening_price < LEAST_TRADE


@compiled
def draw_node(world, venue, entity, substep_of_hour):
    """(expiry, strike) that a trader asks for, uniform over the grid."""
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_NODE)
    node = int(u * venue.num_expiries * venue.num_strikes)
    return node // venue.num_strikes, node % venue.num_strikes


@compiled
def offer(world, venue, e, k, is_call, contracts, sign, p):
    """What the pool offers a trader who buys (sign +1) or sells back (-1) `contracts`.

    Opening is refused where the pool does not quote, beyond its limits (position at a node, net gamma, net vega) and
    without free liquidity to lock; what is held can be sold back all the same, by force where no quote is given, for
    whatever is more than nothing.

    Returns:
        (1 if there is an offer, premium with fees [USD], fees [USD], new base vol, new skew).
    """
    total, fees, vol, base, skew, delta, vega = trade_terms(world, venue, e, k, is_call, contracts, sign, p)
    quoted = quotable(world, venue, e, delta, base, skew, p)
    if sign > 0.0:
        if not quoted or not within_limits(world, venue, e, contracts, sign, vol, vega, p):
            return 0, total, fees, base, skew
        spot = world.oracle_price
        held = venue.long_calls[e, k] if is_call else venue.long_puts[e, k]
        room = p.position_cap * max(venue.last_nav, 0.0) - (held + contracts) * spot
        lockable = free_liquidity(world, venue) + total - locked_for(spot, venue.strike[e, k], is_call, contracts, p)
        return (1 if room >= 0.0 and lockable >= 0.0 else 0), total, fees, base, skew
    if not quoted:
        total, _, skew = forced_terms(world, venue, e, k, is_call, contracts, False, p)
        fees, base = 0.0, venue.base_vol[e]
    return (1 if total >= LEAST_PROCEEDS else 0), total, fees, base, skew


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
def for_sale(venue, e, k, is_call):
    """Contracts of a node that option traders hold: all long ones but the puts with which borrowers protect loans."""
    return venue.long_calls[e, k] if is_call else venue.long_puts[e, k] - venue.protective_puts[e, k]


@compiled
def better_here(world, here, there, e, k, is_call, contracts, sign, p):
    """How much better the quote here is than the one at the other venue [vol], for the same option.

    Both venues list the same expiries and strikes. The costs are compared a contract, in units of its vega.
    """
    here_total, _, _, _, _, _, vega = trade_terms(world, here, e, k, is_call, contracts, sign, p)
    there_total, _, _, _, _, _, _ = trade_terms(world, there, e, k, is_call, contracts, sign, p)
    return sign * (there_total - here_total) / max(vega * contracts, 1e-9)


@compiled
def routed(world, v, entity, substep_of_hour, e, k, is_call, contracts, sign, p):
    """The venue to which a trader of venue `v` goes: the share of the flow that goes there rises with its advantage."""
    if world.num_venues == 1 or p.option_choice == 0.0:
        return v
    there = world.num_venues - 1 - v
    advantage = better_here(world, world.venues[v], world.venues[there], e, k, is_call, contracts, sign, p)
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_VENUE)
    return v if u < preferred_share(advantage, 0.0, p.option_choice) else there


@compiled
def uninformed_arrival(world, home, v, entity, substep_of_hour, p):
    """A trader with a taste for options: takes the quote when it costs less vol than its exponential margin.

    So the flow falls by exp(-spread_elasticity * vol paid beyond the fair vol); its surplus is (margin - paid) * vega.
    """
    seed, hour = world.seed, world.hour
    e, k = draw_node(world, home, entity, substep_of_hour)
    buys = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIDE) < p.buy_share
    is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    size = -log(uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIZE))
    contracts = size * contracts_for(world, p.trade_size)
    if too_small(world, contracts):
        return
    sign = 1.0 if buys else -1.0
    if p.logit_scale > 0.0:
        take_share(world, home, v, e, k, is_call, contracts, sign, p)
        return
    w = routed(world, v, entity, substep_of_hour, e, k, is_call, contracts, sign, p)
    venue = world.venues[w]
    if not buys:
        contracts = min(contracts, for_sale(venue, e, k, is_call))
        if too_small(world, contracts):
            return
    u = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_MARGIN)
    traded, margin, cost = consider(world, venue, e, k, is_call, contracts, sign, u, 1.0, p)
    if traded:
        venue.sum_uninformed_surplus += margin - cost


@compiled
def take_share(world, venue, v, e, k, is_call, contracts, sign, p):
    """Expected counts of a logit demand: everybody who arrives trades the share of it that would come here."""
    contracts *= logit_share(world, v, p)
    if sign < 0.0:
        contracts = min(contracts, for_sale(venue, e, k, is_call))
    if not too_small(world, contracts):
        offered, total, fees, base, skew = offer(world, venue, e, k, is_call, contracts, sign, p)
        if offered:
            fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, False, p)


@compiled
def above_fair(world, venue, e, k, is_call, contracts, sign, total, p):
    """What a trade at `total` costs its taker against the fair value at the oracle price.

    Returns:
        (cost [USD], below 0 where the price is better than fair; vega of the contracts [USD a unit of vol]).
    """
    spot, strike = world.oracle_price, venue.strike[e, k]
    fair = fair_vol(world.implied_vol, spot, strike, p)
    call, put, _, _, vega = quote(spot, strike, years_to_expiry(world, venue, e), fair, p.interest_rate)
    return sign * (total - (call if is_call else put) * contracts), vega * contracts


@compiled
def consider(world, venue, e, k, is_call, contracts, sign, u, need, p):
    """Ask for a price and take it where it costs less than an exponential margin drawn by `u`.

    `need` multiplies the mean margin, 1 / spread_elasticity.

    Returns:
        (1 if the trade was made, margin [USD], cost above fair value [USD]).
    """
    offered, total, fees, base, skew = offer(world, venue, e, k, is_call, contracts, sign, p)
    if not offered:
        return 0, 0.0, 0.0
    cost, vega = above_fair(world, venue, e, k, is_call, contracts, sign, total, p)
    # not a quotient: the vega of a node about to expire may be too small to divide by
    margin = -log(u) * need / p.spread_elasticity * vega
    if margin < cost or not fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, False, p):
        return 0, margin, cost
    return 1, margin, cost


@compiled
def informed_arrival(world, home, v, entity, substep_of_hour, future_vol, p):
    """Somebody who knows better than the quote: trades iff the quote is wrong by more than its cost.

    A latency trader takes the pool's own vol for true and reads the outside price as the oracle will quote it: it gains
    by the oracle's lateness alone. A vol arbitrageur takes the oracle price for true and knows the tape's vol at the
    horizon. With `known_mispricing` everybody knows the pool's own vol to be that much too low (of calls) or too high
    (of puts). Together they take no more in an hour than the informed may.
    """
    e, k = draw_node(world, home, entity, substep_of_hour)
    seed, hour = world.seed, world.hour
    is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    races = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_LATENCY) < p.latency_share
    room = min(contracts_for(world, p.trade_size), home.informed_room)
    if too_small(world, room):
        return
    strike = home.strike[e, k]
    spot, vol = world.oracle_price, mid_vol(home, e, k, world.oracle_price, p)
    if p.known_mispricing > 0.0:
        buys = is_call
        vol += p.known_mispricing if buys else -p.known_mispricing
    elif races:
        spot = in_quote(world, world.outside_price, p)
        if spot == world.oracle_price:
            return
        buys = (spot > world.oracle_price) == is_call
    else:
        known = fair_vol(future_vol, spot, strike, p)
        buys = known > vol
        vol = known
    sign = 1.0 if buys else -1.0
    venue = world.venues[routed(world, v, entity, substep_of_hour, e, k, is_call, room, sign, p)]
    contracts = min(room, venue.informed_room)
    if not buys:
        contracts = min(contracts, for_sale(venue, e, k, is_call))
    if too_small(world, contracts):
        return
    offered, total, fees, base, skew = offer(world, venue, e, k, is_call, contracts, sign, p)
    if not offered:
        return
    call, put, _, _, _ = quote(spot, strike, years_to_expiry(world, venue, e), vol, p.interest_rate)
    gain = sign * ((call if is_call else put) * contracts - total)
    if gain <= 0.0:
        return
    edge_so_far = venue.sum_edge
    if fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, True, p):
        venue.sum_informed_profit += gain
        if p.known_mispricing > 0.0:
            venue.sum_edge = edge_so_far - gain  # what they know is true, so what they gain the pool has lost
        elif races:
            venue.sum_latency_profit += gain
        venue.informed_room -= contracts


@compiled
def fill(world, venue, e, k, is_call, contracts, sign, total, fees, base, skew, informed, p):
    """Exchange premium and contracts and move the surface; False when the pool cannot pay a seller."""
    if sign > 0.0:
        receive_to_pool(world, venue, total)
        venue.locked += locked_for(world.oracle_price, venue.strike[e, k], is_call, contracts, p)
    else:
        if venue.option_cash < total:
            return False
        pay_from_pool(world, venue, total)
    note_fill(world, venue, e, k, is_call, contracts, sign)
    longs = venue.long_calls if is_call else venue.long_puts
    longs[e, k] = max(longs[e, k] + sign * contracts, 0.0)
    book_trade(world, venue, e, k, is_call, contracts, sign, total, fees, informed, p)
    venue.sum_option_fees += fees
    venue.sum_option_contracts += contracts
    move_surface(world, venue, e, k, base, skew)
    return True


@compiled
def refill_informed(world, venue, p):
    """Top of an hour: informed traders' capital for this hour."""
    venue.informed_room = contracts_for(world, p.informed_cap)
