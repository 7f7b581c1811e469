"""The options AMM: quotes at the vol after the trade, the pool's money, its book and its net asset value.

A trade moves the surface by its size divided by the standard size, in vol points (`surface.py`). Its price is the
Black-Scholes price at the vol *after* this move, plus or minus the half-spread, plus four fees (`option_fees.py`).
Source: Lyra Avalon's OptionMarketPricer. The pool is the other side of every trade. It writes only what its free
liquidity can lock collateral for. Its net gamma and vega are limited by quotes and by size.
"""

from math import log

from protogov.envs.world.anchors import greeks_of_pricer
from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.lending import draw_backstop, lend_option_cash
from protogov.envs.world.option_fees import (
    notional_fee,
    premium_fee,
    standard_vega,
    variance_fee,
    vega_fee_of,
    weeks_of,
)
from protogov.envs.world.oracle import quoted_spot
from protogov.envs.world.pricing import expiry_factors, normalised_skew, quote, quote_node
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS
from protogov.envs.world.surface import clipped_vol, forced_vol, node_vol, tilt, vol_impact, within_bounds
from protogov.envs.world.ticket import Node, Terms


@compiled
def years_to_expiry(world, venue, e):
    """Time until expiry `e` in years; not negative."""
    return max(venue.expiry[e] - world.substep, 0) / (HOURS_PER_YEAR * SUBSTEPS)


@compiled
def contracts_for(venue, notional):
    """Number of contracts of `notional` USD at the opening price of a venue.

    Sizes are given in money, so a market plays the same for a coin of any price. They are fixed in contracts for an
    episode: when the price falls, trades become smaller in money, as for people who think in coins.
    """
    return notional / venue.opening_price


@compiled
def look_at(world, venue, e, k, p):
    """The `Node` (e, k) of a venue as its pool quotes it now."""
    return node_at(world, venue, e, k, quoted_spot(venue, p), p)


@compiled
def node_at(world, venue, e, k, spot, p):
    """The `Node` (e, k) of a venue at the price `spot` [USD]."""
    strike = venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    root, discount = expiry_factors(years, p.interest_rate)
    skew = normalised_skew(p.surface_skew, spot, strike)
    return Node(spot, strike, years, log(spot / strike), root, discount, skew)


@copied
def quote_at(node, vol, p):
    """:func:`pricing.quote` of a node at `vol`."""
    return quote_node(
        node.spot, node.strike, node.moneyness, node.years, node.root, node.discount, vol, p.interest_rate
    )


@compiled
def trade_terms(world, venue, ticket, p):
    """`Terms` of a ticket. A seller never pays: the seller receives max(0, premium - fees)."""
    return terms_at(venue, ticket, look_at(world, venue, ticket.e, ticket.k, p), p)


@copied
def terms_at(venue, ticket, node, p):
    """:func:`trade_terms` of a ticket for `node`, which callers already have."""
    e, k, contracts, sign = ticket.e, ticket.k, ticket.contracts, ticket.sign
    spot, years, moneyness = node.spot, node.years, node.moneyness
    standard = contracts_for(venue, p.standard_size)
    base, skew = vol_impact(venue.base_vol[e], venue.skew[e, k], sign * contracts, standard, p.skew_impact)
    shift = venue.skew_shift * tilt(moneyness, p.skew_shift_width) if venue.skew_shift != 0.0 else 0.0
    vol = clipped_vol(base * skew + shift + sign * half_spread_for(venue, sign, p))
    call, put, delta, _, vega = quote_at(node, vol, p)
    premium = (call if ticket.is_call else put) * contracts
    weeks = weeks_of(years)
    pre = venue.net_standard_vega
    post = pre - sign * contracts * standard_vega(vega, years)
    fees = premium_fee(premium, weeks, p) + notional_fee(spot, contracts, weeks, p)
    fees += venue.vega_fee * vega_fee_of(vol, pre, post, venue.last_nav, contracts * spot, p.vega_fee_rate)
    if p.variance_fee > 0.0:
        skew_gap = skew - node.fair_skew
        fees += variance_fee(vega, venue.opening_price, skew_gap, base - venue.fee_vol[e], contracts, p)
    total = premium + fees if sign > 0.0 else max(premium - fees, 0.0)
    return Terms(total, abs(total - premium), vol, base, skew, delta, vega)


@compiled
def half_spread_for(venue, sign, p):
    """The governed half-spread [vol]. It is wider for a trade that increases the pool's absolute net gamma.

    A trader who buys (sign +1) takes gamma from the pool. The hedge gain of the last hour measures how much the present
    gamma moves the spot pool.
    """
    if sign * venue.net_gamma < 0.0:
        return venue.half_spread * (1.0 + p.gamma_widening * venue.hedge_gain)
    return venue.half_spread


@compiled
def within_limits(world, venue, ticket, vol, vega, p):
    """False for a trade that moves the book's net gamma or vega beyond its limit and farther away from zero.

    The limit of gamma: the hedge that a move of 1% needs, divided by the depth of 1%. The limit of vega: vega [USD per
    vol point, normalised to 30 days] divided by the pool's value. `vega` is that of one contract at `vol`; its gamma
    follows from it.
    """
    years = years_to_expiry(world, venue, ticket.e)
    spot = quoted_spot(venue, p)
    gamma = vega / (spot * spot * vol * years) if years > 0.0 else 0.0
    if venue.anchored:
        moneyness = log(spot / venue.strike[ticket.e, ticket.k])
        _, gamma = greeks_of_pricer(venue, ticket.e, spot, moneyness, 0.0, gamma, vega)
    before, after = venue.net_gamma, venue.net_gamma - ticket.sign * ticket.contracts * gamma
    if abs(after) > abs(before) and abs(after) * spot * spot * 0.01 > p.gamma_limit * world.depth:
        return False
    change = -ticket.sign * ticket.contracts * standard_vega(vega, years)
    before, after = venue.net_standard_vega, venue.net_standard_vega + change
    return not (abs(after) > abs(before) and abs(after) > p.vega_limit * max(venue.last_nav, 0.0))


@compiled
def locked_for(spot, strike, is_call, contracts, p):
    """Collateral [USD] that the pool locks for `contracts` that it writes: `lock_share` of a coin or of a put's strike.

    Lyra Avalon locks all of it: one coin per call, the strike per put.
    """
    return p.lock_share * contracts * (spot if is_call else strike)


@compiled
def free_liquidity(venue):
    """Cash, loans and hedge coin of the pool, minus what written options lock and what it owes [USD]."""
    return (
        venue.option_cash
        + venue.option_scaled * venue.supply_index
        + venue.hedge_coin * venue.oracle_price
        - venue.locked
        - venue.option_unpaid
    )


@compiled
def marked_nav(venue):
    """Value of the pool at its own marks and the oracle's price [USD]: what its contract can compute.

    Cash, loans, the hedge and the book at the last marks, minus what is owed to holders. NAV0
    (`attribution.fair_nav`) is the same at the tape's price and vols.
    """
    return (
        venue.option_cash
        + venue.option_scaled * venue.supply_index
        - venue.option_unpaid
        + venue.hedge_coin * venue.oracle_price
        + venue.book_value
    )


@compiled
def quotable(world, venue, e, delta, base, skew, p):
    """True if the pool quotes: call delta inside the band, before the trading cutoff, surface within its bounds.

    If not, no position opens, and an open position closes only by force.
    """
    if delta < p.min_delta or delta > 1.0 - p.min_delta:
        return False
    return venue.expiry[e] - world.substep > p.trading_cutoff * SUBSTEPS and within_bounds(base, skew)


@compiled
def forced_terms(world, venue, ticket, p):
    """Price of a forced close where the pool gives no quote: a cost to buy back, or a payment for what is sold.

    A forced close moves only the skew. Its vol is the worse of current and average vol, shocked. A short pays at least
    parity plus a share of the spot. Source: Lyra Avalon getPriceForForceClose.

    Returns:
        (price of the whole position [USD], vol, new skew).
    """
    e, k, contracts, sign = ticket.e, ticket.k, ticket.contracts, ticket.sign
    trader_is_short = sign > 0.0
    spot, strike = quoted_spot(venue, p), venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    standard = contracts_for(venue, p.standard_size)
    _, skew = vol_impact(venue.base_vol[e], venue.skew[e, k], sign * contracts, standard, p.skew_impact)
    vol = forced_vol(world, venue, e, k, venue.base_vol[e], skew, trader_is_short, p)
    call, put, _, _, _ = quote(spot, strike, years, vol, p.interest_rate)
    price = call if ticket.is_call else put
    if trader_is_short:
        parity = max(spot - strike, 0.0) if ticket.is_call else max(strike - spot, 0.0)
        price = max(price, parity + p.forced_spot_share * spot)
    return price * contracts, vol, skew


@compiled
def recall_loans(world, venue, amount):
    """Recall loans until the pool has `amount` USD of cash, limited by its claim and by the lending market's cash."""
    if venue.option_cash < amount:
        wanted = min(amount - venue.option_cash, venue.option_scaled * venue.supply_index)
        draw_backstop(world, venue, wanted)
        recalled = min(wanted, venue.cash)
        if recalled > 0.0:
            lend_option_cash(world, venue, -recalled)


@compiled
def pay_from_pool(world, venue, amount):
    """Pay `amount` USD from the option pool to traders. Loans are recalled as far as the lending market has cash.

    Returns:
        What was paid [USD]. The caller books the rest as unpaid.
    """
    recall_loans(world, venue, amount)
    paid = min(amount, max(venue.option_cash, 0.0))
    venue.option_cash -= paid
    world.trader_cash += paid
    note_cash(world, paid)
    return paid


@compiled
def receive_to_pool(world, venue, amount):
    """Traders pay `amount` USD to the option pool."""
    venue.option_cash += amount
    world.trader_cash -= amount
    note_cash(world, amount)


@compiled
def mark_book(world, venue, p):
    """Mark every node at the quotes' spot and the pool's mid vols; update book value, greeks and locked collateral."""
    spot = quoted_spot(venue, p)
    delta_sum, gamma_sum, vega_sum, standard_sum, value, locked = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    strikes, calls, puts = venue.strike, venue.mark_call, venue.mark_put
    long_calls, long_puts = venue.long_calls, venue.long_puts
    short_calls, short_puts = venue.short_calls, venue.short_puts
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        root, discount = expiry_factors(years, p.interest_rate)
        expiry_vega = 0.0
        for k in range(venue.num_strikes):
            strike = strikes[e, k]
            moneyness = log(spot / strike)
            vol = node_vol(venue, e, k, moneyness, p)
            call, put, delta, gamma, vega = quote_node(
                spot, strike, moneyness, years, root, discount, vol, p.interest_rate
            )
            if venue.anchored:
                delta, gamma = greeks_of_pricer(venue, e, spot, moneyness, delta, gamma, vega)
            calls[e, k], puts[e, k] = call, put
            held_calls = short_calls[e, k] - long_calls[e, k]
            held_puts = short_puts[e, k] - long_puts[e, k]
            delta_sum += held_calls * delta + held_puts * (delta - 1.0)
            gamma_sum += (held_calls + held_puts) * gamma
            expiry_vega += (held_calls + held_puts) * vega
            value += held_calls * call + held_puts * put
            locked += long_calls[e, k] * spot + long_puts[e, k] * strike
        vega_sum += expiry_vega
        standard_sum += standard_vega(expiry_vega, years)
    venue.net_standard_vega = standard_sum
    venue.net_delta, venue.net_gamma, venue.net_vega, venue.book_value = delta_sum, gamma_sum, vega_sum, value
    venue.locked = p.lock_share * locked
    venue.mark_stale = 0


@compiled
def rebalance_loans(world, venue, p):
    """Hourly: move the loan of the option pool a tenth of the way to the wanted share of its money.

    A recall is limited by the market's cash. Money that is owed to option holders is not lent.
    """
    claim = venue.option_scaled * venue.supply_index
    wanted = p.lend_share * max(venue.option_cash + claim + min(venue.book_value, 0.0) - venue.option_unpaid, 0.0)
    change = 0.1 * (wanted - claim)
    if change > 0.0:
        lend_option_cash(world, venue, min(change, max(venue.option_cash, 0.0)))
    elif change < 0.0:
        wanted = min(-change, claim)
        draw_backstop(world, venue, wanted)
        lend_option_cash(world, venue, -min(wanted, max(venue.cash, 0.0)))
