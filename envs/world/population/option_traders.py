"""Option traders: uninformed people who like options and avoid wide spreads, and two kinds of informed traders.

Latency traders know the outside price before the oracle does. Vol arbitrageurs know the vol of the coming hours. With
two venues everybody compares both quotes; the better quote attracts more of the flow. Borrowers who protect a loan and
sellers who write options are in other files.
"""

from math import log

from protogov.envs.world.anchors import on_smile
from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.noise import Purpose, poisson_count, uniform
from protogov.envs.world.options import contracts_for
from protogov.envs.world.oracle import in_quote, quoted_spot
from protogov.envs.world.population.option_trades import (
    as_far_as_held,
    consider,
    draw_node,
    draw_ticket,
    fair_gap,
    other_pool,
    routed,
    take_if_wrong,
    too_small,
    worth,
)
from protogov.envs.world.population.solvable_rules import logit_arrival, mispricing_arrival
from protogov.envs.world.state import SUBSTEPS
from protogov.envs.world.surface import fair_vol, mid_vol
from protogov.envs.world.ticket import Ticket

MAX_ARRIVALS = 64  # of a venue in a sub-step: the keys of random numbers allow no more


@compiled
def visit_option_traders(world, venue, v, substep_of_hour, future_vol, params):
    """Arrivals of this sub-step. Each trader asks for one price, then trades or leaves.

    `future_vol` is the tape's implied vol at the informed horizon, which vol arbitrageurs know.
    """
    p = params[v]
    mean = p.arrivals * world.flow_intensity / SUBSTEPS
    u = uniform(world.seed, v, world.hour, substep_of_hour, Purpose.OPTION_ARRIVALS)
    share = world.informed_share * p.informed_scale
    for number in range(poisson_count(u, mean)):
        entity = v * MAX_ARRIVALS + number
        if uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_INFORMED) < share:
            if p.known_mispricing > 0.0:
                mispricing_arrival(world, venue, v, entity, substep_of_hour, params)
            else:
                informed_arrival(world, venue, v, entity, substep_of_hour, future_vol, params)
        elif p.logit_scale > 0.0:
            logit_arrival(world, venue, v, entity, substep_of_hour, p)
        else:
            uninformed_arrival(world, venue, v, entity, substep_of_hour, params)


@copied
def uninformed_arrival(world, home, v, entity, substep_of_hour, params):
    """A trader who likes options: trades if the quote costs less vol than the trader's exponential margin.

    The flow therefore falls by exp(-spread_elasticity * vol paid beyond the fair vol). The trader's surplus is
    (margin - paid) * vega.
    """
    ticket = draw_ticket(world, home, entity, substep_of_hour, params[v])
    if too_small(home, ticket.contracts):
        return
    chosen, asked = routed(world, v, entity, substep_of_hour, ticket, fair_gap(world, v, ticket, params), params)
    venue = world.venues[chosen]
    ticket = as_far_as_held(venue, ticket)
    if too_small(venue, ticket.contracts):
        return
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_MARGIN)
    traded, margin, cost = consider(world, venue, ticket, asked, u, 1.0, params[chosen])
    if traded:
        venue.sum_uninformed_surplus += margin - cost


@compiled
def informed_arrival(world, home, v, entity, substep_of_hour, future_vol, params):
    """An informed trader: trades if and only if the error of the quote exceeds its cost.

    A latency trader takes the pool's own vol as true and knows the outside price as an oracle will quote it. It gains
    only from the oracle's delay. Of two oracles it uses the one that is further behind. A vol arbitrageur takes the
    oracle price as true and knows the tape's vol at the horizon. `informed_cap` limits both kinds together per hour.
    """
    p = params[v]
    e, k = draw_node(world, home, entity, substep_of_hour)
    seed, hour = world.seed, world.hour
    is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    races = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_LATENCY) < p.latency_share
    room = min(contracts_for(home, p.trade_size), home.informed_room)
    if too_small(home, room):
        return
    vol = mid_vol(home, e, k, home.oracle_price, p)
    if races:
        late = furthest_oracle(world, v, params)
        spot = in_quote(world, world.outside_price, params[late])
        quoted = quoted_spot(world.venues[late], params[late])
        if spot == quoted:
            return
        buys = (spot > quoted) == is_call
    else:
        buys = known_vol(home, e, k, future_vol, p) > vol
    ticket = Ticket(e, k, is_call, room, 1.0 if buys else -1.0)
    spot, known = belief(world, home, ticket, races, vol, future_vol, p)
    gap = 0.0
    other = other_pool(world, v, params)
    if other != v:
        rival, q = world.venues[other], params[other]
        spot_there, known_there = belief(world, rival, ticket, races, vol, future_vol, q)
        if spot_there != spot or known_there != known or rival.strike[e, k] != home.strike[e, k]:
            value = worth(world, home, ticket, spot, known, p)
            gap = worth(world, rival, ticket, spot_there, known_there, q) - value
    chosen, asked = routed(world, v, entity, substep_of_hour, ticket, gap, params)
    venue = world.venues[chosen]
    if chosen != v:
        spot, known = belief(world, venue, ticket, races, vol, future_vol, params[chosen])
    gain = take_if_wrong(world, venue, ticket, asked, spot, known, params[chosen])
    if races:
        venue.sum_latency_profit += gain


@compiled
def belief(world, venue, ticket, races, vol, future_vol, p):
    """(spot, vol) that an informed trader takes as true for a ticket's option at a venue.

    A latency trader (`races`) knows the spot price and takes `vol` as true. A vol arbitrageur takes the oracle price as
    true and knows the vol.
    """
    if races:
        return in_quote(world, world.outside_price, p), vol
    return venue.oracle_price, known_vol(venue, ticket.e, ticket.k, future_vol, p)


@compiled
def known_vol(venue, e, k, future_vol, p):
    """Vol of a node that vol arbitrageurs know: the tape's at their horizon, or that of the law that makes the path."""
    spot, strike = venue.oracle_price, venue.strike[e, k]
    if venue.law_known:
        return on_smile(venue.anchor_moneyness, venue.law_smile, e, venue.num_strikes, log(strike / spot))
    return fair_vol(future_vol, spot, strike, p)


@compiled
def furthest_oracle(world, v, params):
    """Among the venues that a trader of venue `v` compares, the one whose oracle is furthest from the outside price."""
    there = other_pool(world, v, params)
    if there != v and lateness(world, there, params) > lateness(world, v, params):
        return there
    return v


@compiled
def lateness(world, v, params):
    """Distance of the quotes' spot at venue `v` from the outside price, as a share of that spot."""
    return abs(in_quote(world, world.outside_price, params[v]) / quoted_spot(world.venues[v], params[v]) - 1.0)


@compiled
def refill_informed(venue, p):
    """Top of an hour: set the contracts that informed traders may take in this hour."""
    venue.informed_room = contracts_for(venue, p.informed_cap)
