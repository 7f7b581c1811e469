"""Where the option pool's profit comes from, for each decision, at the tape's price and vols.

NAV0 is the pool's value with its book priced at values that no governor and no trade can move. Its change in a decision
is split without remainder. Each position that was held at the last fair marking is priced again in two steps. The first
step uses the new price and time with the old vol: this gives delta, and gamma and theta together. The second step uses
the new vol: this gives vega. Trades since the last marking enter at their fair value. What was paid beyond the fair
value is fees and spread. What informed traders gained, marked at the end, is adverse selection. Only rounding remains:
a larger residual means that some transfer was not booked.
"""

from math import log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.options import years_to_expiry
from protogov.envs.world.pricing import expiry_factors, quote, quote_node
from protogov.envs.world.surface import fair_vol


@compiled
def fair_quote(world, venue, e, k, p):
    """(call, put, call delta, vega) of a node at the tape's price and vol; see `pricing.quote` for units."""
    strike = venue.strike[e, k]
    vol = fair_vol(world.implied_vol, world.tape_price, strike, p)
    call, put, delta, _, vega = quote(world.tape_price, strike, years_to_expiry(world, venue, e), vol, p.interest_rate)
    return call, put, delta, vega


@compiled
def add_to_fair_book(world, venue, value, delta):
    """Add contracts that the pool takes (negative: gives) to the book, at fair `value` [USD] and `delta` [coin]."""
    venue.traded_fair += value
    venue.traded_delta += delta
    venue.traded_delta_price += delta * world.tape_price


@compiled
def book_trade(world, venue, ticket, total, fees, informed, p):
    """Book a trader's ticket that was filled for `total` USD, of which `fees` are fees. Their sum is the pool's edge.

    Returns:
        What the pool received beyond the fair value of what it gave [USD].
    """
    e, k, is_call = ticket.e, ticket.k, ticket.is_call
    call, put, delta, _ = fair_quote(world, venue, e, k, p)
    held = -ticket.sign * ticket.contracts  # the pool's side
    value = held * (call if is_call else put)
    edge = ticket.sign * total + value
    venue.sum_edge += edge
    venue.pool_fees += fees
    if informed:
        informed_held = venue.informed_calls if is_call else venue.informed_puts
        informed_held[e, k] += held
        venue.informed_fair += value
        venue.pool_adverse_selection += edge - fees
    else:
        venue.pool_fees += edge - fees
        add_to_fair_book(world, venue, value, held * (delta if is_call else delta - 1.0))
    return edge


@compiled
def book_closed_short(world, venue, ticket, received, p):
    """Book a forced close of a seller: the pool gives up contracts that it held and gets `received` USD for them."""
    call, put, delta, _ = fair_quote(world, venue, ticket.e, ticket.k, p)
    value = ticket.contracts * (call if ticket.is_call else put)
    add_to_fair_book(world, venue, -value, -ticket.contracts * (delta if ticket.is_call else delta - 1.0))
    venue.pool_shorts += received - value


@compiled
def mark_fair_book(world, venue, p):
    """Price the book at the tape's price and split the change since the last marking. Returns the fair value [USD].

    Called at the end of a decision and before each settlement. A settled expiry is therefore split too.
    """
    price = world.tape_price
    move = price - venue.fair_price
    fair_call, fair_put, fair_delta = venue.fair_call, venue.fair_put, venue.fair_delta
    calls_then, puts_then = venue.fair_calls_held, venue.fair_puts_held
    informed_calls, informed_puts = venue.informed_calls, venue.informed_puts
    value, entered, informed = 0.0, 0.0, 0.0
    delta_part, convexity, vega_part = 0.0, 0.0, 0.0
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        root, discount = expiry_factors(years, p.interest_rate)
        for k in range(venue.num_strikes):
            calls = venue.short_calls[e, k] - venue.long_calls[e, k]
            puts = venue.short_puts[e, k] - venue.long_puts[e, k]
            calls_before, puts_before = calls_then[e, k], puts_then[e, k]
            held_before = calls_before != 0.0 or puts_before != 0.0
            informed_here = informed_calls[e, k] != 0.0 or informed_puts[e, k] != 0.0
            if not held_before and not informed_here and calls == 0.0 and puts == 0.0:
                continue
            strike = venue.strike[e, k]
            vol = fair_vol(world.implied_vol, price, strike, p)
            moneyness = log(price / strike)
            call, put, delta, _, _ = quote_node(price, strike, moneyness, years, root, discount, vol, p.interest_rate)
            if held_before:
                call_moved, put_moved, _, _, _ = quote_node(
                    price, strike, moneyness, years, root, discount, venue.fair_node_vol[e, k], p.interest_rate
                )
                slope = fair_delta[e, k]
                by_delta = (calls_before * slope + puts_before * (slope - 1.0)) * move
                delta_part += by_delta
                convexity += calls_before * (call_moved - fair_call[e, k])
                convexity += puts_before * (put_moved - fair_put[e, k]) - by_delta
                vega_part += calls_before * (call - call_moved) + puts_before * (put - put_moved)
            value += calls * call + puts * put
            entered += (calls - calls_before) * call + (puts - puts_before) * put
            informed += informed_calls[e, k] * call + informed_puts[e, k] * put
            fair_call[e, k], fair_put[e, k], fair_delta[e, k], venue.fair_node_vol[e, k] = call, put, delta, vol
            calls_then[e, k], puts_then[e, k] = calls, puts
            informed_calls[e, k], informed_puts[e, k] = 0.0, 0.0
    # trades of uninformed traders since the last marking: first their delta, then the rest of their change in value
    by_delta = venue.traded_delta * price - venue.traded_delta_price
    venue.pool_delta += delta_part + by_delta
    venue.pool_delta += venue.hedge_coin * price - venue.fair_hedge * venue.fair_price - venue.hedge_traded
    venue.pool_gamma_theta += convexity + (entered - informed - venue.traded_fair) - by_delta
    venue.pool_vega += vega_part
    venue.pool_adverse_selection += informed - venue.informed_fair
    venue.fair_price, venue.fair_hedge, venue.hedge_traded = price, venue.hedge_coin, 0.0
    venue.traded_fair, venue.traded_delta, venue.traded_delta_price, venue.informed_fair = 0.0, 0.0, 0.0, 0.0
    return value


@compiled
def book_settlement(venue, e, received, owed):
    """Book the settlement of expiry `e`, which was just marked: sellers paid `received` USD, holders get `owed` USD."""
    value = 0.0
    for k in range(venue.num_strikes):
        value += venue.fair_calls_held[e, k] * venue.fair_call[e, k]
        value += venue.fair_puts_held[e, k] * venue.fair_put[e, k]
        venue.fair_calls_held[e, k], venue.fair_puts_held[e, k] = 0.0, 0.0
    venue.pool_settlement += received - owed - value


@compiled
def fair_nav(world, venue, book_value):
    """NAV0 [USD]: cash, loans, hedge and book at fair value of the option pool, minus what it owes to holders."""
    return (
        venue.option_cash
        + venue.option_scaled * venue.supply_index
        - venue.option_unpaid
        + venue.hedge_coin * world.tape_price
        + book_value
    )


@compiled
def explained(venue):
    """Sum of all parts of the pool's profit in this decision [USD]."""
    return (
        venue.pool_delta
        + venue.pool_gamma_theta
        + venue.pool_vega
        + venue.pool_fees
        + venue.pool_adverse_selection
        + venue.pool_hedging
        + venue.pool_interest
        + venue.pool_shorts
        + venue.pool_settlement
    )
