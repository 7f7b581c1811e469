"""The options AMM: its surface, its quotes at the post-trade vol, its book and its settlement.

A node is one (expiry, strike). Its vol is base_vol[expiry] * skew[expiry, strike], tilted by the skew-shift lever; a
trade
moves base vol by its size over the standard size in vol points, and is priced by Black-Scholes at the vol *after* that
move, plus or minus the half-spread, plus fees (Lyra Avalon's OptionMarketPricer). The pool is the other side of it all.
"""

from math import exp, log, sqrt

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.lending import draw_backstop, lend_option_cash
from protogov.envs.world.numeric import decay
from protogov.envs.world.pricing import normalised_skew, quote
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS, EventKind

MIN_VOL, MAX_VOL = 0.05, 5.0
HOURS_BETWEEN_EXPIRIES = 168


@compiled
def years_to_expiry(world, venue, e):
    """Time left to expiry `e` in years; not negative."""
    return max(venue.expiry[e] - world.substep, 0) / (HOURS_PER_YEAR * SUBSTEPS)


@compiled
def clipped_vol(vol):
    """Vols are kept within [5%, 500%]."""
    return min(max(vol, MIN_VOL), MAX_VOL)


@compiled
def tilt(spot, strike, width):
    """Direction of the skew shift at a strike: +1 far below the spot, -1 far above, linear between."""
    return min(max(log(spot / strike) / width, -1.0), 1.0)


@compiled
def mid_vol(venue, e, k, spot, p):
    """The pool's own vol of a node, before any trade and without the spread."""
    shift = venue.skew_shift * tilt(spot, venue.strike[e, k], p.skew_shift_width) if venue.skew_shift != 0.0 else 0.0
    return clipped_vol(venue.base_vol[e] * venue.skew[e, k] + shift)


@compiled
def fair_vol(implied_vol, spot, strike, p):
    """The tape's vol of a strike: at-the-money implied vol times a fixed slope in log moneyness."""
    return clipped_vol(implied_vol * normalised_skew(p.surface_skew, spot, strike))


@compiled
def vol_impact(base_vol, skew, signed_contracts, standard_size, skew_impact):
    """(base vol, skew) after a trade; a buyer's contracts are positive (Lyra Avalon _getPostTradeVols)."""
    move = signed_contracts / standard_size / 100.0
    return base_vol + move, skew + move * skew_impact


@compiled
def vega_fee_of(vol, pre_vega, post_vega, nav, contracts, rate):
    """Fee [USD] on a trade that makes the pool's net standardised vega larger; nothing otherwise (Lyra Avalon)."""
    if abs(pre_vega) >= abs(post_vega) or nav <= 0.0:
        return 0.0
    return rate * vol * abs(post_vega) / nav * contracts


@compiled
def standard_vega(vega, years):
    """Vega of one vol point normalised to 30 days, expiries under a week as a week (Lyra Avalon)."""
    return vega * sqrt(30.0 / max(7.0, years * 365.0)) / 100.0


@compiled
def trade_terms(world, venue, e, k, is_call, contracts, sign, p):
    """What the pool asks (sign +1, trader buys) or bids (-1) for `contracts` at a node, at the post-trade vol.

    Returns:
        (premium with fees that the trader pays or receives [USD], fees [USD], quoted vol, new base vol, new skew,
        call delta, vega of one contract); premium is the total, not per contract.
    """
    spot = world.oracle_price
    strike = venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    base, skew = vol_impact(venue.base_vol[e], venue.skew[e, k], sign * contracts, p.standard_size, p.skew_impact)
    shift = venue.skew_shift * tilt(spot, strike, p.skew_shift_width) if venue.skew_shift != 0.0 else 0.0
    vol = clipped_vol(base * skew + shift + sign * venue.half_spread)
    call, put, delta, _, vega = quote(spot, strike, years, vol, p.interest_rate)
    premium = (call if is_call else put) * contracts
    nav = venue.last_nav
    pre = venue.net_vega / 100.0
    post = pre - sign * contracts * standard_vega(vega, years)
    fees = p.option_fee * premium + p.spot_fee * spot * contracts
    fees += venue.vega_fee * vega_fee_of(vol, pre, post, nav, contracts * spot, p.vega_fee_rate)
    total = premium + fees if sign > 0.0 else max(premium - fees, 0.0)
    return total, abs(total - premium), vol, base, skew, delta, vega


@compiled
def move_surface(venue, e, k, base, skew):
    """Take over the post-trade vol of a node."""
    venue.base_vol[e] = clipped_vol(base)
    venue.skew[e, k] = min(max(skew, 0.2), 5.0)
    venue.mark_stale = 1


@compiled
def recall_loans(world, venue, amount):
    """Recall loans until the pool has `amount` USD of cash, as far as its claim and the lending market's cash go."""
    if venue.option_cash < amount:
        wanted = min(amount - venue.option_cash, venue.option_scaled * venue.supply_index)
        draw_backstop(world, venue, wanted)
        recalled = min(wanted, venue.cash)
        if recalled > 0.0:
            lend_option_cash(world, venue, -recalled)


@compiled
def pay_from_pool(world, venue, amount):
    """Pay `amount` USD to traders from the option pool, recalling loans that the lending market's cash can repay.

    Returns what was paid; the rest is the caller's to book as unpaid.
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
def book_edge(world, venue, e, k, is_call, contracts, sign, total, p):
    """The pool's edge of a trade against the tape's fair value [USD]: what it was paid beyond what it gave."""
    years = years_to_expiry(world, venue, e)
    strike = venue.strike[e, k]
    vol = fair_vol(world.implied_vol, world.tape_price, strike, p)
    call, put, _, _, _ = quote(world.tape_price, strike, years, vol, p.interest_rate)
    edge = sign * (total - (call if is_call else put) * contracts)
    venue.sum_edge += edge
    return edge


@compiled
def mark_book(world, venue, p):
    """Re-mark every node at the oracle price and the pool's mid vols; the book's value and greeks follow."""
    spot = world.oracle_price
    delta_sum, gamma_sum, vega_sum, value = 0.0, 0.0, 0.0, 0.0
    strikes, calls, puts = venue.strike, venue.mark_call, venue.mark_put
    long_calls, long_puts = venue.long_calls, venue.long_puts
    short_calls, short_puts = venue.short_calls, venue.short_puts
    mark_delta, mark_vega = venue.mark_delta, venue.mark_vega
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        for k in range(venue.num_strikes):
            vol = mid_vol(venue, e, k, spot, p)
            call, put, delta, gamma, vega = quote(spot, strikes[e, k], years, vol, p.interest_rate)
            calls[e, k], puts[e, k], mark_delta[e, k], mark_vega[e, k] = call, put, delta, vega
            held_calls = short_calls[e, k] - long_calls[e, k]
            held_puts = short_puts[e, k] - long_puts[e, k]
            delta_sum += held_calls * delta + held_puts * (delta - 1.0)
            gamma_sum += (held_calls + held_puts) * gamma
            vega_sum += (held_calls + held_puts) * vega
            value += held_calls * call + held_puts * put
    venue.net_delta, venue.net_gamma, venue.net_vega, venue.book_value = delta_sum, gamma_sum, vega_sum, value
    venue.mark_price = spot
    venue.mark_substep = world.substep
    venue.mark_stale = 0


@compiled
def fair_book_value(world, venue, p):
    """Value [USD] of the pool's option book at the tape's price and vol surface."""
    value = 0.0
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        for k in range(venue.num_strikes):
            held_calls = venue.short_calls[e, k] - venue.long_calls[e, k]
            held_puts = venue.short_puts[e, k] - venue.long_puts[e, k]
            if held_calls != 0.0 or held_puts != 0.0:
                strike = venue.strike[e, k]
                vol = fair_vol(world.implied_vol, world.tape_price, strike, p)
                call, put, _, _, _ = quote(world.tape_price, strike, years, vol, p.interest_rate)
                value += held_calls * call + held_puts * put
    return value


@compiled
def fair_nav(world, venue, p):
    """NAV0: cash, loans, hedge and book of the option pool at the tape's price and vols, less what it owes [USD]."""
    return (
        venue.option_cash
        + venue.option_scaled * venue.supply_index
        - venue.option_unpaid
        + venue.hedge_coin * world.tape_price
        + fair_book_value(world, venue, p)
    )


@compiled
def revert_surface(world, venue, p):
    """Hourly: vols drift back to the public index and skews to the fair slope, half of the way in `vol_reversion` h."""
    share = 1.0 - decay(1.0, p.vol_reversion)
    spot = world.oracle_price
    for e in range(venue.num_expiries):
        venue.base_vol[e] += (world.anchor_vol - venue.base_vol[e]) * share
        for k in range(venue.num_strikes):
            fair = normalised_skew(p.surface_skew, spot, venue.strike[e, k])
            venue.skew[e, k] += (fair - venue.skew[e, k]) * share
    venue.mark_stale = 1


@compiled
def list_expiry(world, venue, e, expiry, p):
    """List fresh strikes around the oracle price for expiry slot `e` that settles at sub-step `expiry`."""
    spot = world.oracle_price
    venue.expiry[e] = expiry
    venue.base_vol[e] = world.anchor_vol
    middle = 0.5 * (venue.num_strikes - 1)
    for k in range(venue.num_strikes):
        strike = spot * exp((k - middle) * p.strike_gap)
        venue.strike[e, k] = strike
        venue.skew[e, k] = normalised_skew(p.surface_skew, spot, strike)
        venue.long_calls[e, k] = 0.0
        venue.long_puts[e, k] = 0.0
        venue.short_calls[e, k] = 0.0
        venue.short_puts[e, k] = 0.0
    venue.mark_stale = 1


@compiled
def settle_longs(world, venue, v, e, events):
    """Cash-settle what traders hold of expiry `e` at the oracle price; what the pool cannot pay is owed to them."""
    spot = world.oracle_price
    owed = 0.0
    for k in range(venue.num_strikes):
        strike = venue.strike[e, k]
        owed += venue.long_calls[e, k] * max(spot - strike, 0.0) + venue.long_puts[e, k] * max(strike - spot, 0.0)
    paid = pay_from_pool(world, venue, owed)
    if paid < owed:
        venue.option_unpaid += owed - paid
        record_event(world, events, v, EventKind.OPTION_UNPAID, e, -1, paid, 0.0, spot, owed - paid)


@compiled
def pay_unpaid(world, venue):
    """Hourly: pay what option holders are still owed as soon as cash can be had."""
    if venue.option_unpaid > 0.0:
        venue.option_unpaid -= pay_from_pool(world, venue, venue.option_unpaid)


@compiled
def rebalance_loans(world, venue, p):
    """Hourly: lend the wanted share of the option pool's money, recalling no more than the market's cash.

    Money that is owed to option holders is not lent.
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
