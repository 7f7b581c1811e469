"""Shares of the option pool: what a share is worth, when shares are issued and redeemed, and what stops this.

The rules follow Lyra Avalon. The book is valued at average vols (GWAV), so nobody can move the price of a share by a
trade. Deposits and withdrawals wait in a queue for a cooldown. A withdrawal pays an exit fee. Circuit breakers stop
both while free liquidity is low or the surface is far from its average. Unpaid option holders are paid first. Nobody
can withdraw collateral that is locked.
"""

from math import log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.options import free_liquidity, recall_loans, years_to_expiry
from protogov.envs.world.oracle import quoted_spot
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import SUBSTEPS
from protogov.envs.world.surface import base_gwav, clipped_vol, skew_gwav

CRUMB = 1e-9  # share of an LP's money: fewer shares count as none
LEAST_PRICE = 1e-6  # share price divided by its first value: below this the pool is dead and issues no shares


@compiled
def average_book_value(world, venue, p):
    """Value [USD] of the option book at the quotes' spot and average vols; at current vols if `gwav_on` is 0."""
    spot = quoted_spot(venue, p)
    value = 0.0
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        average_base = base_gwav(world, venue, e, p.gwav_value_hours)
        for k in range(venue.num_strikes):
            calls = venue.short_calls[e, k] - venue.long_calls[e, k]
            puts = venue.short_puts[e, k] - venue.long_puts[e, k]
            if calls != 0.0 or puts != 0.0:
                vol = clipped_vol(venue.base_vol[e] * venue.skew[e, k])
                if p.gwav_on > 0.0:
                    vol = clipped_vol(average_base * skew_gwav(world, venue, e, k, p.gwav_value_hours))
                call, put, _, _, _ = quote(spot, venue.strike[e, k], years, vol, p.interest_rate)
                value += calls * call + puts * put
    return value


@compiled
def pool_value(world, venue, p):
    """What the LPs own [USD] by the protocol's own books: cash, loans, hedge and book, minus unpaid claims."""
    return (
        venue.option_cash
        + venue.option_scaled * venue.supply_index
        + venue.hedge_coin * venue.oracle_price
        + average_book_value(world, venue, p)
        - venue.option_unpaid
    )


@compiled
def surface_variance(world, venue, p):
    """Largest distance of a base vol, or of a skew, from its own average over the window of the share price."""
    largest = 0.0
    for e in range(venue.num_expiries):
        largest = max(largest, abs(venue.base_vol[e] - base_gwav(world, venue, e, p.gwav_value_hours)))
        for k in range(venue.num_strikes):
            largest = max(largest, abs(venue.skew[e, k] - skew_gwav(world, venue, e, k, p.gwav_value_hours)))
    return largest


@compiled
def check_breakers(world, venue, value, p):
    """Stop shares for some time if free liquidity is low or the surface moves; True while they are stopped."""
    if free_liquidity(venue) < p.breaker_liquidity * value:
        venue.breaker_until = max(venue.breaker_until, world.substep + int(p.breaker_liquidity_hours * SUBSTEPS))
    if surface_variance(world, venue, p) > p.breaker_variance:
        venue.breaker_until = max(venue.breaker_until, world.substep + int(p.breaker_variance_hours * SUBSTEPS))
    return world.substep < venue.breaker_until


@compiled
def price_shares(world, venue, p):
    """Update the price of a share [USD]; returns the pool's value [USD]."""
    value = pool_value(world, venue, p)
    venue.lp_price = value / venue.lp_total if venue.lp_total > 0.0 else venue.lp_price
    return value


@compiled
def serve_queue(world, venue, p):
    """Price the shares, then redeem and issue what has waited long enough.

    Nothing is redeemed or issued while a breaker is on, while holders are unpaid, or if the pool is dead.
    """
    value = price_shares(world, venue, p)
    stopped = check_breakers(world, venue, value, p)
    if stopped or venue.option_unpaid > 0.0 or venue.lp_price <= LEAST_PRICE * venue.lp_start:
        return
    patience = p.lp_cooldown * SUBSTEPS
    for j in range(venue.num_lps):
        if venue.lp_queued[j] > 0.0 and world.substep - venue.lp_queued_at[j] >= patience:
            redeem(world, venue, j, p)
        if venue.lp_waiting[j] > 0.0 and world.substep - venue.lp_waiting_at[j] >= patience:
            issue(world, venue, j)


@compiled
def count_shares(venue):
    """Sum all shares again. A running total would keep a rounding error after the last LP leaves."""
    venue.lp_total = 0.0
    for j in range(venue.num_lps):
        venue.lp_total += venue.lp_shares[j]


@compiled
def redeem(world, venue, j, p):
    """Pay LP `j` for its queued shares minus the exit fee, limited by free liquidity and cash; the rest waits."""
    due = venue.lp_queued[j] * venue.lp_price
    payable = min(due, max(free_liquidity(venue), 0.0))
    recall_loans(world, venue, payable)
    payable = min(payable, max(venue.option_cash, 0.0))
    if payable <= 0.0:
        return
    shares = venue.lp_queued[j] if payable >= due else payable / venue.lp_price
    paid = payable * (1.0 - p.lp_exit_fee)
    venue.lp_queued[j] = max(venue.lp_queued[j] - shares, 0.0)
    left = venue.lp_shares[j] - shares
    # a tiny remainder of an LP that has left would own everything that others leave behind
    venue.lp_shares[j] = left if left > CRUMB * venue.lp_money[j] else 0.0
    count_shares(venue)
    venue.option_cash -= paid
    world.outside_cash += paid
    venue.sum_lp_flow -= paid
    venue.lp_received[j] += paid
    note_cash(world, paid)


@compiled
def deposit(world, venue, j, amount):
    """LP `j` brings `amount` USD. It waits for its shares and is kept apart from the pool's money.

    The waiting time of money already in the queue starts again: newer money must not be served too early.
    """
    venue.lp_waiting_at[j] = world.substep
    venue.lp_waiting[j] += amount
    venue.lp_received[j] -= amount
    venue.lp_waiting_sum += amount
    world.outside_cash -= amount
    note_cash(world, amount)


@compiled
def withdraw_deposit(world, venue, j):
    """LP `j` takes back the money that still waits for its shares."""
    amount = venue.lp_waiting[j]
    venue.lp_waiting[j] = 0.0
    venue.lp_waiting_sum -= amount
    venue.lp_received[j] += amount
    world.outside_cash += amount
    note_cash(world, amount)


@compiled
def ask_back(world, venue, j, shares):
    """LP `j` queues `shares` more. The waiting time of all its queued shares starts again, as for a deposit."""
    venue.lp_queued[j] += shares
    venue.lp_queued_at[j] = world.substep


@compiled
def issue(world, venue, j):
    """Turn the waiting deposit of LP `j` into shares at the current price."""
    amount = venue.lp_waiting[j]
    shares = amount / venue.lp_price
    venue.lp_waiting[j] = 0.0
    venue.lp_waiting_sum -= amount
    venue.option_cash += amount
    venue.lp_shares[j] += shares
    count_shares(venue)
    venue.sum_lp_flow += amount
    note_cash(world, amount)


@compiled
def return_so_far(venue):
    """Log return of a share since the episode began; at least log(1e-6), which is the value of a dead pool."""
    ratio = venue.lp_price / venue.lp_start
    return log(max(ratio, LEAST_PRICE))
