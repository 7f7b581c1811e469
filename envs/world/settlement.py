"""Expiry: the settlement price, the payments, and the next listing.

Options are European and settle in cash at the mean of the oracle price over the last half hour. One pushed report then
decides nothing (source: Lyra Avalon and Derive also settle at an average). Expiries roll: a settled slot lists the next
free week.
"""

from math import exp

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.options import pay_from_pool
from protogov.envs.world.state import EventKind
from protogov.envs.world.surface import open_surface

HOURS_BETWEEN_EXPIRIES = 168


@compiled
def watch_settlement(world, venue, p):
    """In the sub-steps of the settlement window: add the oracle price to the mean at which the next expiry settles."""
    if venue.next_expiry - world.substep <= p.settlement_window:
        venue.settlement_sum += venue.oracle_price
        venue.settlement_count += 1


@compiled
def settlement_price(venue):
    """Mean oracle price over the window [USD per coin]; the last price if there was no window."""
    if venue.settlement_count == 0:
        return venue.oracle_price
    return venue.settlement_sum / venue.settlement_count


@compiled
def close_settlement(venue):
    """Start the mean of the next expiry."""
    venue.settlement_sum = 0.0
    venue.settlement_count = 0


@compiled
def intrinsic(price, strike, is_call):
    """Payout of one contract at expiry [USD]."""
    return max(price - strike, 0.0) if is_call else max(strike - price, 0.0)


@compiled
def settle_longs(world, venue, v, e, price, events):
    """Settle in cash what traders hold of expiry `e` at `price`; the pool owes them what it cannot pay.

    Returns:
        (due to holders [USD], share of it that was paid at once).
    """
    owed = 0.0
    for k in range(venue.num_strikes):
        strike = venue.strike[e, k]
        owed += venue.long_calls[e, k] * intrinsic(price, strike, True)
        owed += venue.long_puts[e, k] * intrinsic(price, strike, False)
    paid = pay_from_pool(world, venue, owed)
    if paid < owed:
        venue.option_unpaid += owed - paid
        record_event(world, events, v, EventKind.OPTION_UNPAID, e, -1, paid, 0.0, price, owed - paid)
    return owed, (paid / owed if owed > 0.0 else 0.0)


@compiled
def pay_unpaid(world, venue):
    """Hourly: pay what option holders are still owed, as far as the pool can get cash."""
    if venue.option_unpaid > 0.0:
        venue.option_unpaid -= pay_from_pool(world, venue, venue.option_unpaid)


@compiled
def list_expiry(world, venue, e, expiry, p):
    """List new strikes around the oracle price for expiry slot `e`, which settles at sub-step `expiry`."""
    venue.expiry[e] = expiry
    middle = 0.5 * (venue.num_strikes - 1)
    for k in range(venue.num_strikes):
        venue.strike[e, k] = venue.oracle_price * exp((k - middle) * p.strike_gap)
        venue.long_calls[e, k] = 0.0
        venue.long_puts[e, k] = 0.0
        venue.short_calls[e, k] = 0.0
        venue.short_puts[e, k] = 0.0
        venue.protective_puts[e, k] = 0.0
        venue.node_flow[e, k] = 0.0
        venue.extra_call[e, k] = 0.0
        venue.extra_put[e, k] = 0.0
        venue.extra_coin[e, k] = 0.0
    open_surface(world, venue, e, p)
