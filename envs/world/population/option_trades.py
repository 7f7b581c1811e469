"""How an option trade is made, by any trader: a ticket is drawn, routed to a venue, gets an offer, and is filled.

Other files decide who asks for a price and when it is good enough: `option_traders.py`, `put_buyers.py`,
`short_sellers.py`, `surface_attacker.py`, and `solvable_rules.py` for worlds with a known solution.
"""

from math import log

from protogov.envs.world.attribution import book_trade
from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.fills import note_fill
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.options import (
    contracts_for,
    forced_terms,
    free_liquidity,
    locked_for,
    look_at,
    node_at,
    pay_from_pool,
    quotable,
    quote_at,
    receive_to_pool,
    terms_at,
    trade_terms,
    within_limits,
    years_to_expiry,
)
from protogov.envs.world.oracle import quoted_spot
from protogov.envs.world.population.venue_choice import preferred_share
from protogov.envs.world.pricing import quote
from protogov.envs.world.surface import clipped_vol, fair_vol, move_surface
from protogov.envs.world.ticket import NOT_ASKED, Asked, Terms, Ticket, resized

LEAST_TRADE = 30.0  # USD at the opening price: nobody makes a smaller trade
LEAST_PROCEEDS = 0.01  # USD: nobody sells back for less, for example a worthless option


# ---------------------------------------------------------------- what a trader asks for


@compiled
def too_small(venue, contracts):
    """True for a trade that is too small to be made."""
    return contracts * venue.opening_price < LEAST_TRADE


@compiled
def draw_node(world, venue, entity, substep_of_hour):
    """(expiry, strike) that a trader asks for, uniform over all nodes."""
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_NODE)
    node = int(u * venue.num_expiries * venue.num_strikes)
    return node // venue.num_strikes, node % venue.num_strikes


@copied
def draw_ticket(world, venue, entity, substep_of_hour, p):
    """Ticket of an uninformed trader: any node, an exponential size, a purchase with the probability `buy_share`."""
    seed, hour = world.seed, world.hour
    e, k = draw_node(world, venue, entity, substep_of_hour)
    buys = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIDE) < p.buy_share
    is_call = uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_TYPE) < 0.5
    size = -log(uniform(seed, entity, hour, substep_of_hour, Purpose.OPTION_SIZE))
    return Ticket(e, k, is_call, size * contracts_for(venue, p.trade_size), 1.0 if buys else -1.0)


@compiled
def for_sale(venue, e, k, is_call):
    """Contracts of a node that option traders can sell: all long contracts except the puts that protect loans."""
    return venue.long_calls[e, k] if is_call else venue.long_puts[e, k] - venue.protective_puts[e, k]


@compiled
def as_far_as_held(venue, ticket):
    """The ticket; a sale is limited to the contracts that traders hold."""
    if ticket.sign > 0.0:
        return ticket
    return resized(ticket, min(ticket.contracts, for_sale(venue, ticket.e, ticket.k, ticket.is_call)))


# ---------------------------------------------------------------- at which venue


@compiled
def other_pool(world, v, params):
    """Number of the other venue if both trade options and people compare them; else `v` itself."""
    if world.num_venues == 1 or params[v].option_choice == 0.0:
        return v
    return 1 - v if params[1 - v].options_on > 0.0 else v


@compiled
def worth(world, venue, ticket, spot, vol, p):
    """Value [USD] of a ticket's contracts, as listed at a venue, if `spot` and `vol` are true."""
    years = years_to_expiry(world, venue, ticket.e)
    call, put, _, _, _ = quote(spot, venue.strike[ticket.e, ticket.k], years, vol, p.interest_rate)
    return (call if ticket.is_call else put) * ticket.contracts


@compiled
def fair_gap(world, v, ticket, params):
    """How much more a ticket's contracts are worth [USD] at the other venue, each at its own oracle price.

    Both venues list the same expiries, and strikes around the price of their own oracle. If the oracles agree, the
    options are the same and the gap is 0. It is also 0 without another venue.
    """
    other = other_pool(world, v, params)
    if other == v:
        return 0.0
    here, there = world.venues[v], world.venues[other]
    strike, strike_there = here.strike[ticket.e, ticket.k], there.strike[ticket.e, ticket.k]
    if here.oracle_price == there.oracle_price and strike == strike_there:
        return 0.0
    vol = fair_vol(world.implied_vol, here.oracle_price, strike, params[v])
    vol_there = fair_vol(world.implied_vol, there.oracle_price, strike_there, params[other])
    value = worth(world, here, ticket, here.oracle_price, vol, params[v])
    return worth(world, there, ticket, there.oracle_price, vol_there, params[other]) - value


@compiled
def better_here(world, v, ticket, gap, params):
    """How much better the quote at venue `v` is than the one at the other venue [vol].

    Compares the costs per contract in units of its vega. `gap` [USD] is how much more the option at the other venue is
    worth: 0 if both venues list the same one.
    """
    ours = trade_terms(world, world.venues[v], ticket, params[v])
    theirs = trade_terms(world, world.venues[1 - v], ticket, params[1 - v])
    return advantage_of(ticket, ours, theirs, gap)


@compiled
def same_option(here, there, ticket, p, q):
    """True if both venues list the same option under a ticket and quote from the same price: its node is then the same.

    `p` and `q` are the parameters of `here` and `there`.
    """
    e, k = ticket.e, ticket.k
    same = here.strike[e, k] == there.strike[e, k] and here.expiry[e] == there.expiry[e]
    return same and quoted_spot(here, p) == quoted_spot(there, q)


@compiled
def advantage_of(ticket, ours, theirs, gap):
    """:func:`better_here`, given the `Terms` of both venues."""
    return ticket.sign * (theirs.total - ours.total - gap) / max(ours.vega * ticket.contracts, 1e-9)


@compiled
def routed(world, v, entity, substep_of_hour, ticket, gap, params):
    """The venue to which a trader of venue `v` goes. A venue's share of the flow rises with its advantage.

    `gap` [USD] is how much more the option at the other venue is worth to the trader.

    Returns:
        (number of the venue, what the trader `Asked` there; nothing without another venue).
    """
    there = other_pool(world, v, params)
    if there == v:
        return v, NOT_ASKED
    venue, rival, p, q = world.venues[v], world.venues[there], params[v], params[there]
    node = look_at(world, venue, ticket.e, ticket.k, p)
    node_there = node if same_option(venue, rival, ticket, p, q) else look_at(world, rival, ticket.e, ticket.k, q)
    ours, theirs = terms_at(venue, ticket, node, p), terms_at(rival, ticket, node_there, q)
    advantage = advantage_of(ticket, ours, theirs, gap)
    u = uniform(world.seed, entity, world.hour, substep_of_hour, Purpose.OPTION_VENUE)
    if u < preferred_share(advantage, 0.0, p.option_choice):
        return v, Asked(ticket.contracts, node, ours)
    return there, Asked(ticket.contracts, node_there, theirs)


@compiled
def asked_again(world, venue, ticket, asked, p):
    """`Asked` of a ticket: `asked` if that was for the same contracts of this option at this venue, else a new one."""
    if asked.contracts == ticket.contracts:
        return asked
    node = look_at(world, venue, ticket.e, ticket.k, p)
    return Asked(ticket.contracts, node, terms_at(venue, ticket, node, p))


# ---------------------------------------------------------------- at which price


@compiled
def offer(world, venue, ticket, p):
    """The pool's offer for a ticket.

    A purchase is refused if the pool does not quote, if a limit is exceeded (position at a node, net gamma, net vega),
    or if free liquidity does not suffice to lock the collateral. Held contracts can always be sold back: by force if
    the pool gives no quote, at any price above `LEAST_PROCEEDS`. A forced sale moves only the skew.

    Returns:
        (whether there is an offer, its `Terms`).
    """
    return offer_at(world, venue, ticket, trade_terms(world, venue, ticket, p), p)


@compiled
def offer_at(world, venue, ticket, terms, p):
    """:func:`offer` for a ticket whose `terms` callers already have."""
    e, k = ticket.e, ticket.k
    quoted = quotable(world, venue, e, terms.delta, terms.base, terms.skew, p)
    if ticket.sign > 0.0:
        if not quoted or not within_limits(world, venue, ticket, terms.vol, terms.vega, p):
            return False, terms
        spot = venue.oracle_price
        held = venue.long_calls[e, k] if ticket.is_call else venue.long_puts[e, k]
        room = p.position_cap * max(venue.last_nav, 0.0) - (held + ticket.contracts) * spot
        locked = locked_for(spot, venue.strike[e, k], ticket.is_call, ticket.contracts, p)
        return room >= 0.0 and free_liquidity(venue) + terms.total - locked >= 0.0, terms
    if not quoted:
        total, vol, skew = forced_terms(world, venue, ticket, p)
        terms = Terms(total, 0.0, vol, venue.base_vol[e], skew, terms.delta, terms.vega)
    return terms.total >= LEAST_PROCEEDS, terms


@compiled
def above_fair(world, venue, ticket, total, p):
    """Cost of a trade at the price `total` to its taker, compared with the fair value at the oracle price.

    Returns:
        (cost [USD], below 0 if the price is better than fair; vega of the contracts [USD per 1.00 of vol]).
    """
    return above_fair_at(world, venue, ticket, look_at(world, venue, ticket.e, ticket.k, p), total, p)


@compiled
def above_fair_at(world, venue, ticket, node, total, p):
    """:func:`above_fair` of a ticket for the `node` of its quote, which callers already have."""
    if node.spot != venue.oracle_price:
        node = node_at(world, venue, ticket.e, ticket.k, venue.oracle_price, p)
    call, put, _, _, vega = quote_at(node, clipped_vol(world.implied_vol * node.fair_skew), p)
    contracts = ticket.contracts
    return ticket.sign * (total - (call if ticket.is_call else put) * contracts), vega * contracts


# ---------------------------------------------------------------- the trade


@compiled
def fill(world, venue, ticket, terms, informed, p):
    """Exchange premium and contracts and move the surface; False if the pool cannot pay a seller."""
    e, k, is_call, contracts = ticket.e, ticket.k, ticket.is_call, ticket.contracts
    if ticket.sign > 0.0:
        receive_to_pool(world, venue, terms.total)
        venue.locked += locked_for(venue.oracle_price, venue.strike[e, k], is_call, contracts, p)
    else:
        if venue.option_cash < terms.total:
            return False
        pay_from_pool(world, venue, terms.total)
    note_fill(venue, ticket)
    longs = venue.long_calls if is_call else venue.long_puts
    longs[e, k] = max(longs[e, k] + ticket.sign * contracts, 0.0)
    book_trade(world, venue, ticket, terms.total, terms.fees, informed, p)
    venue.sum_option_fees += terms.fees
    venue.sum_option_contracts += contracts
    move_surface(world, venue, e, k, terms.base, terms.skew)
    return True


@compiled
def consider(world, venue, ticket, asked, u, need, p):
    """Ask for a price and trade if it costs less than an exponential margin, drawn with the uniform `u`.

    `asked` is the price asked for when the venue was chosen. `need` multiplies the mean margin, which is
    1 / spread_elasticity.

    Returns:
        (True if the trade was made, margin [USD], cost above fair value [USD]).
    """
    asked = asked_again(world, venue, ticket, asked, p)
    offered, terms = offer_at(world, venue, ticket, asked.terms, p)
    if not offered:
        return False, 0.0, 0.0
    cost, vega = above_fair_at(world, venue, ticket, asked.node, terms.total, p)
    # no division: the vega of a node that is about to expire may be too small
    margin = -log(u) * need / p.spread_elasticity * vega
    if margin < cost or not fill(world, venue, ticket, terms, False, p):
        return False, margin, cost
    return True, margin, cost


@compiled
def take_if_wrong(world, venue, ticket, asked, spot, vol, p):
    """An informed trader takes the quote if and only if the option's value at `spot` and `vol` gives it a gain.

    The remaining room of informed traders in this hour limits the size. `asked` is the price asked for when the venue
    was chosen.

    Returns:
        Its gain [USD]; 0 if there was no trade.
    """
    ticket = as_far_as_held(venue, resized(ticket, min(ticket.contracts, venue.informed_room)))
    if too_small(venue, ticket.contracts):
        return 0.0
    offered, terms = offer_at(world, venue, ticket, asked_again(world, venue, ticket, asked, p).terms, p)
    if not offered:
        return 0.0
    gain = ticket.sign * (worth(world, venue, ticket, spot, vol, p) - terms.total)
    if gain <= 0.0 or not fill(world, venue, ticket, terms, True, p):
        return 0.0
    venue.sum_informed_profit += gain
    venue.informed_room -= ticket.contracts
    return gain
