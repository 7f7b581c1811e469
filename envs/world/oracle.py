"""The price that the protocol believes: a feed that is late, can stop and has a floor, or a mean of the pool alone."""

from math import exp, log

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import forget_impact, name_parent
from protogov.envs.world.market import pool_price
from protogov.envs.world.state import NEVER, SUBSTEPS


@compiled
def in_quote(world, price, p):
    """A price in units of the debt asset as the oracle quotes it.

    The same, or true dollars where the oracle takes the debt asset for one (a pool average, which sees no dollars,
    never does).
    """
    if p.oracle_ignores_peg > 0.0 and p.oracle_pool_average == 0.0:
        return price * world.peg
    return price


@compiled
def oracle_source(world, p):
    """What reporters see: mostly the outside market, with a small weight on the pool, in the oracle's quote."""
    source = (1.0 - p.oracle_pool_weight) * world.outside_price + p.oracle_pool_weight * pool_price(world)
    return in_quote(world, source, p)


@compiled
def misread(world, price):
    """What reporters take `price` for: the same, but for an error of their own (the tape's `oracle_error`)."""
    return price if world.oracle_error == 0.0 else price * (1.0 + world.oracle_error)


@compiled
def floored(world, price, p):
    """A report is never below `oracle_floor` of the opening price (the feed that stopped Venus seeing LUNA fall)."""
    return max(price, p.oracle_floor * world.opening_price)


@compiled
def paused(world, p):
    """True inside the window in which no report lands."""
    if p.oracle_pause_hours == 0.0:
        return False
    since = world.substep - p.oracle_pause_from * SUBSTEPS
    return since >= 0.0 and since < p.oracle_pause_hours * SUBSTEPS


@compiled
def open_oracle(world, p):
    """Opening: the oracle knows the price, and the past was like now."""
    world.oracle_price = in_quote(world, world.outside_price, p)
    world.opening_price = world.oracle_price
    world.oracle_due = NEVER
    world.impact_serial = -1
    world.parent_serial = -1
    world.outside_seen[:] = world.outside_price
    world.pool_seen[:] = log_pool_price(world)
    world.seen_mover[:, 0] = -1


@compiled
def log_pool_price(world):
    """Log of the pool's price over the opening price: a log of dollars would round otherwise in another coin."""
    return log(pool_price(world) / world.opening_price)


@compiled
def update_oracle(world, p):
    """Let the oracle look at the market and report; True when the oracle price changed."""
    if paused(world, p):
        world.oracle_due = NEVER  # what was on its way is lost
        return False
    if p.oracle_pool_average > 0.0:
        return report_average(world, p)
    return report_feed(world, p)


@compiled
def report_feed(world, p):
    """The outside feed: a report on deviation or heartbeat, late under congestion.

    A deviation of 0 reports every move. Who moved the pool before the look, not before the landing, is the parent.
    """
    mover = world.oracle_mover
    if world.oracle_due == NEVER:
        reading = floored(world, misread(world, oracle_source(world, p)), p)
        moved = abs(reading - world.oracle_price) > p.oracle_deviation * world.oracle_price
        stale = world.substep - world.oracle_substep >= p.oracle_heartbeat * SUBSTEPS
        if not (moved or stale):
            return False
        world.oracle_pending = reading
        world.oracle_due = world.substep + np.int64(world.congestion * p.oracle_delay)
        mover[0], mover[1], mover[2] = forget_impact(world)
    if world.substep < world.oracle_due:
        return False
    changed = world.oracle_pending != world.oracle_price
    world.oracle_price = world.oracle_pending
    world.oracle_substep = world.substep
    world.oracle_due = NEVER
    name_parent(world, mover[0], mover[1], mover[2])
    return changed


@compiled
def remember_pool(world, p):
    """Top of a sub-step: the pool price that stood for the last five minutes, and who moved the pool most to get there.

    Kept for a pool average alone. What is bought and sold back within a sub-step leaves no trace, as in the
    accumulators of Uniswap v3, which weigh each price with the time for which it stood.
    """
    if p.oracle_pool_average == 0.0:
        return
    prices, impacts, movers = world.pool_seen, world.seen_impact, world.seen_mover
    now = world.substep % prices.shape[0]
    prices[now] = log_pool_price(world)
    impacts[now] = world.impact_largest
    movers[now, 0], movers[now, 1], movers[now, 2] = forget_impact(world)


@compiled
def report_average(world, p):
    """The pool average: the geometric mean of the pool's price over the window, always up to date.

    A view of the chain has no deviation, heartbeat or delay; it can be paused and floored. The parent of what it causes
    is the largest mover within the window.
    """
    prices, impacts, movers = world.pool_seen, world.seen_impact, world.seen_mover
    window = int(p.oracle_average_window)
    total, largest, mover = 0.0, -1.0, 0  # any beats -1, if only to name nobody
    for back in range(window):
        at = (world.substep - back) % prices.shape[0]
        total += prices[at]
        if impacts[at] > largest:
            largest, mover = impacts[at], at
    price = floored(world, misread(world, world.opening_price * exp(total / window)), p)
    changed = price != world.oracle_price
    world.oracle_price = price
    world.oracle_substep = world.substep
    name_parent(world, movers[mover, 0], movers[mover, 1], movers[mover, 2])
    return changed
