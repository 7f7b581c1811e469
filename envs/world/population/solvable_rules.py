"""Rules of people in worlds whose optimum is known (`envs/solvable.py`). They replace the rules of the other files.

Each rule applies if its parameter is above 0: an evenly spread demand for loans (`reservation_top`), a demand that is
linear in the rates of both venues (`demand_choke`), a logit demand for options (`logit_scale`), and traders who know
the error of quotes (`known_mispricing`).
"""

from math import exp

from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.options import contracts_for
from protogov.envs.world.population.option_trades import (
    as_far_as_held,
    draw_node,
    draw_ticket,
    fair_gap,
    fill,
    offer,
    routed,
    take_if_wrong,
    too_small,
)
from protogov.envs.world.surface import mid_vol
from protogov.envs.world.ticket import Ticket, resized

# ---------------------------------------------------------------- borrowers


@compiled
def even_reservation(i, count, top):
    """Reservation rate [annual] of borrower `i` of `count`, spread evenly from 0 to `top`. Demand is then linear."""
    return top * (i + 0.5) / count


@compiled
def linear_demand(rate, rival_rate, choke):
    """Share of its full debt that an account takes, linear in both venues' rates and limited to [0, 1].

    Source: differentiated Bertrand competition with slopes 2 and 1 (Singh and Vives 1984). A venue without a rival uses
    its own rate as the rival's.
    """
    return min(max(1.0 - (2.0 * rate - rival_rate) / choke, 0.0), 1.0)


@compiled
def linear_worth(level, rival_rate, choke):
    """Mean rate [annual] up to which the debt at `level` would be kept, if demand is linear in both rates.

    The inverse of :func:`linear_demand`, ((1 - q) * choke + rival rate) / 2, averaged over q from 0 to `level`.
    """
    return 0.5 * ((1.0 - 0.5 * level) * choke + rival_rate)


@compiled
def rival_of(world, v):
    """The other venue; with one venue, that venue itself."""
    return world.venues[world.num_venues - 1 - v]


# ---------------------------------------------------------------- option traders


@compiled
def logit_share(world, v, p):
    """Share of uninformed demand that goes to venue `v`, among the venues and no trade (Anderson et al. 1992)."""
    total, own = 1.0, 0.0
    for w in range(world.num_venues):
        weight = exp((p.logit_value - world.venues[w].half_spread) / p.logit_scale)
        total += weight
        if w == v:
            own = weight
    return own / total


@compiled
def logit_arrival(world, venue, v, entity, substep_of_hour, p):
    """Logit demand by its expected counts: every arrival trades the share of its size that this venue would get."""
    drawn = draw_ticket(world, venue, entity, substep_of_hour, p)
    if too_small(venue, drawn.contracts):
        return
    ticket = as_far_as_held(venue, resized(drawn, drawn.contracts * logit_share(world, v, p)))
    if too_small(venue, ticket.contracts):
        return
    offered, terms = offer(world, venue, ticket, p)
    if offered:
        fill(world, venue, ticket, terms, False, p)


@compiled
def mispricing_arrival(world, home, v, entity, substep_of_hour, params):
    """A trader who knows that the pool's vol is too low for calls and too high for puts, by `known_mispricing`."""
    p = params[v]
    e, k = draw_node(world, home, entity, substep_of_hour)
    is_call = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    room = min(contracts_for(home, p.trade_size), home.informed_room)
    if too_small(home, room):
        return
    vol = mid_vol(home, e, k, home.oracle_price, p) + (p.known_mispricing if is_call else -p.known_mispricing)
    ticket = Ticket(e, k, is_call, room, 1.0 if is_call else -1.0)
    chosen, asked = routed(world, v, entity, substep_of_hour, ticket, fair_gap(world, v, ticket, params), params)
    venue = world.venues[chosen]
    edge_so_far = venue.sum_edge
    gain = take_if_wrong(world, venue, ticket, asked, venue.oracle_price, vol, params[chosen])
    if gain > 0.0:
        venue.sum_edge = edge_so_far - gain  # their knowledge is true, so the pool has lost exactly their gain
