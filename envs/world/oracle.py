"""The price that a venue uses: a feed that may be late, may stop and may have a floor, or a mean of the pool's price.

Each venue has its own oracle with its own parameters. All oracles read the same outside market and the same pool.
"""

from math import exp, log

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import forget_impact, name_parent
from protogov.envs.world.market import pool_price
from protogov.envs.world.state import NEVER, SUBSTEPS


@compiled
def in_quote(world, price, p):
    """A price in units of the debt asset, as the oracle quotes it.

    The price is unchanged, unless the oracle ignores the peg: then it takes one unit of the debt asset for one dollar
    and quotes true dollars. A pool average never does this, because a pool shows no dollars.
    """
    if p.oracle_ignores_peg > 0.0 and p.oracle_pool_average == 0.0:
        return price * world.peg
    return price


@compiled
def oracle_source(world, p):
    """The source of the feed: the outside price with a small weight on the pool's price, in the oracle's quote."""
    source = (1.0 - p.oracle_pool_weight) * world.outside_price + p.oracle_pool_weight * pool_price(world)
    return in_quote(world, source, p)


@compiled
def misread(world, price):
    """What reporters read instead of `price`: it contains their own error (the tape's `oracle_error`)."""
    return price if world.oracle_error == 0.0 else price * (1.0 + world.oracle_error)


@compiled
def floored(venue, price, p):
    """A report, but at least `oracle_floor` times the opening price (Venus: such a feed missed LUNA's fall)."""
    return max(price, p.oracle_floor * venue.opening_price)


@compiled
def paused(world, p):
    """True inside the time window in which no report lands."""
    if p.oracle_pause_hours == 0.0:
        return False
    since = world.substep - p.oracle_pause_from * SUBSTEPS
    return since >= 0.0 and since < p.oracle_pause_hours * SUBSTEPS


@compiled
def open_oracle(world, venue, p):
    """Open the oracle of a venue: it knows the price, and its history holds the present values."""
    venue.oracle_price = in_quote(world, world.outside_price, p)
    venue.opening_price = venue.oracle_price
    venue.quote_price = venue.oracle_price
    venue.oracle_due = NEVER
    venue.impact_serial = -1
    venue.parent_serial = -1
    venue.pool_seen[:] = log_pool_price(world, venue)
    venue.seen_mover[:, 0] = -1
    venue.hourly_close[0] = venue.oracle_price
    venue.high_week = venue.oracle_price
    venue.realised_1h = world.implied_vol
    venue.realised_6h = world.implied_vol
    venue.realised_72h = world.implied_vol


@compiled
def log_pool_price(world, venue):
    """Log of the pool's price divided by the opening price. A log of dollars would round differently per coin."""
    return log(pool_price(world) / venue.opening_price)


@compiled
def quoted_spot(venue, p):
    """Spot of the option pool's quotes and marks [USD]: the oracle's price, or the spot pool's average (a switch).

    Options settle, margins count and strikes are listed at the oracle's price in either case.
    """
    return venue.quote_price if p.quotes_from_pool > 0.0 else venue.oracle_price


@compiled
def update_quote(world, venue, p):
    """The spot pool's geometric mean over the window becomes the spot of the quotes; True if it changed."""
    prices, window = venue.pool_seen, int(p.oracle_average_window)
    total = 0.0
    for back in range(window):
        total += prices[(world.substep - back) % prices.shape[0]]
    price = venue.opening_price * exp(total / window)
    changed = price != venue.quote_price
    venue.quote_price = price
    return changed


@compiled
def update_oracles(world, params):
    """The oracle of each venue looks at the market and reports; True if any price changed (see `oracle_moved`)."""
    moved = False
    for v in range(world.num_venues):
        venue = world.venues[v]
        changed = update_oracle(world, venue, params[v])
        if params[v].quotes_from_pool > 0.0 and update_quote(world, venue, params[v]):
            changed = True
        venue.oracle_moved = 1 if changed else 0
        moved = moved or changed
    return moved


@compiled
def update_oracle(world, venue, p):
    """The oracle of a venue looks at the market and reports; True if its price changed."""
    if paused(world, p):
        venue.oracle_due = NEVER  # a pending report is lost
        return False
    if p.oracle_pool_average > 0.0:
        return report_average(world, venue, p)
    return report_feed(world, venue, p)


@compiled
def report_feed(world, venue, p):
    """The outside feed reports after a deviation or at its heartbeat, and late under congestion.

    A deviation of 0 reports every move. The parent is the event that moved the pool most before the look, not before
    the report lands.
    """
    mover = venue.oracle_mover
    if venue.oracle_due == NEVER:
        reading = floored(venue, misread(world, oracle_source(world, p)), p)
        moved = abs(reading - venue.oracle_price) > p.oracle_deviation * venue.oracle_price
        stale = world.substep - venue.oracle_substep >= p.oracle_heartbeat * SUBSTEPS
        if not (moved or stale):
            return False
        venue.oracle_pending = reading
        venue.oracle_due = world.substep + np.int64(world.congestion * p.oracle_delay)
        mover[0], mover[1], mover[2] = forget_impact(venue)
    if world.substep < venue.oracle_due:
        return False
    changed = venue.oracle_pending != venue.oracle_price
    venue.oracle_price = venue.oracle_pending
    venue.oracle_substep = world.substep
    venue.oracle_due = NEVER
    name_parent(venue, mover[0], mover[1], mover[2])
    return changed


@compiled
def remember_pool(world, venue, p):
    """Top of a sub-step: store the pool price of the last five minutes and the event that moved the pool most in them.

    Only for a pool average. A purchase that is sold back within a sub-step leaves no trace. The accumulators of Uniswap
    v3 do the same: they weigh each price by the time for which it stood.
    """
    if p.oracle_pool_average == 0.0:
        if p.quotes_from_pool > 0.0:
            venue.pool_seen[world.substep % venue.pool_seen.shape[0]] = log_pool_price(world, venue)
        return
    prices, impacts, movers = venue.pool_seen, venue.seen_impact, venue.seen_mover
    now = world.substep % prices.shape[0]
    prices[now] = log_pool_price(world, venue)
    impacts[now] = venue.impact_largest
    movers[now, 0], movers[now, 1], movers[now, 2] = forget_impact(venue)


@compiled
def report_average(world, venue, p):
    """The pool average: the geometric mean of the pool's price over the window, always up to date.

    It reads the chain, so it has no deviation, heartbeat or delay. It can be paused and have a floor. The parent of
    what it causes is the largest mover within the window.
    """
    prices, impacts, movers = venue.pool_seen, venue.seen_impact, venue.seen_mover
    window = int(p.oracle_average_window)
    total, largest, mover = 0.0, -1.0, 0  # every impact exceeds -1, also the 0 of a sub-step without a mover
    for back in range(window):
        at = (world.substep - back) % prices.shape[0]
        total += prices[at]
        if impacts[at] > largest:
            largest, mover = impacts[at], at
    price = floored(venue, misread(world, venue.opening_price * exp(total / window)), p)
    changed = price != venue.oracle_price
    venue.oracle_price = price
    venue.oracle_substep = world.substep
    name_parent(venue, movers[mover, 0], movers[mover, 1], movers[mover, 2])
    return changed
