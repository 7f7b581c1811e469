"""Delta hedging of the option pool through the spot pool, and the price of the risk that stays unhedged."""

from math import sqrt

from protogov.envs.world.compiled import compiled
from protogov.envs.world.interventions import hedge_is_muted
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.market import buy_from_pool, leave_impact, pool_in_line, pool_price, sell_to_pool
from protogov.envs.world.options import recall_loans
from protogov.envs.world.state import HOURS_PER_YEAR

LARGEST_PURCHASE = 0.5  # largest share of the pool's coin that one slice buys


@compiled
def hedge_target(venue):
    """Coin that the hedge should hold: the negative of hedge ratio times the book's net delta."""
    return -venue.hedge_ratio * venue.net_delta


@compiled
def plan_hedge(world, venue, p):
    """At each hedge interval: order the difference to the target, at most `hedge_depth` times the depth of 1%.

    An order below the share `hedge_minimum` of the target is not placed: its fee would exceed its use. The order is
    filled in equal slices.
    """
    target = hedge_target(venue)
    change = target - venue.hedge_coin
    if abs(change) <= p.hedge_minimum * abs(target):
        change = 0.0
    limit = p.hedge_depth * world.depth / pool_price(world)
    change = min(max(change, -limit), limit)
    venue.hedge_slice = change / p.hedge_slices
    venue.hedge_slices_left = int(p.hedge_slices) if change != 0.0 else 0


@compiled
def affordable(world, venue, change, p):
    """The part of a purchase of `change` coin that the pool can pay after it recalls its loans; a sale is unchanged."""
    if change <= 0.0:
        return change
    cost = world.pool_cash * change / (world.pool_coin - change) / (1.0 - p.pool_fee)
    recall_loans(world, venue, cost)
    if venue.option_cash >= cost:
        return change
    gross = max(venue.option_cash, 0.0) * (1.0 - p.pool_fee)
    return world.pool_coin * gross / (world.pool_cash + gross)


@compiled
def hedge(world, venue, v, events, p):
    """Trade one slice of the order through the spot pool. Arbitrage can work between two slices.

    The booked cost is the amount paid beyond the outside price (slippage, fee and basis).
    """
    if p.hedge_through_pool == 0.0 or hedge_is_muted(world, events, v):
        hedge_outside(world, venue)
        return
    if not pool_in_line(world):
        venue.hedge_slices_left -= 1
        return
    # sales may have drained the pool since the order was planned: never buy more than it can fill
    change = affordable(world, venue, min(venue.hedge_slice, LARGEST_PURCHASE * world.pool_coin), p)
    if change > 0.0:
        paid, impact = buy_from_pool(world, change, p.pool_fee)
    else:
        received, impact = sell_to_pool(world, -change, p.pool_fee)
        paid = -received
    book_hedge(world, venue, change, paid)
    leave_impact(world, -1, impact, p)


@compiled
def hedge_outside(world, venue):
    """Trade the same slice with people outside at the outside price, without fee or impact: there is no feedback."""
    change, price = venue.hedge_slice, world.outside_price
    if change > 0.0:
        recall_loans(world, venue, change * price)
        change = min(change, max(venue.option_cash, 0.0) / price)
    paid = change * price
    world.outside_cash += paid
    world.outside_coin -= change
    note_cash(world, paid)
    note_coin(world, change)
    book_hedge(world, venue, change, paid)


@compiled
def book_hedge(world, venue, change, paid):
    """Book a slice: `change` coin was traded for `paid` USD. Both are negative for a sale."""
    venue.option_cash -= paid
    venue.hedge_coin += change
    venue.hedge_slices_left -= 1
    venue.sum_hedge_cost += paid - change * world.outside_price
    # the pool's own account uses the tape's price, as all of NAV0 does
    fair = change * world.tape_price
    venue.hedge_traded += fair
    venue.pool_hedging -= paid - fair


@compiled
def pay_funding(world, venue):
    """Hourly funding of the hedge: a long hedge pays the funding rate, a short one receives it.

    If the pool's cash does not suffice, the rest is owed, as debts to option holders are.
    """
    due = venue.hedge_coin * world.outside_price * world.funding / HOURS_PER_YEAR
    recall_loans(world, venue, due)
    paid = min(due, max(venue.option_cash, 0.0))
    venue.option_unpaid += due - paid
    venue.option_cash -= paid
    world.outside_cash += paid
    venue.sum_hedge_cost += due
    venue.pool_hedging -= due
    note_cash(world, paid)


@compiled
def variance_charge(world, venue, p):
    """Price [USD] of an hour's variance of the net book: aversion * ((net delta * S * s_1h)^2 + (net vega * nu_1h)^2).

    s_1h is the hourly standard deviation at the tape's implied vol. nu_1h is `hourly_vol_of_vol`. The aversion
    `variance_aversion` [per USD] turns variance into money.
    """
    hourly = world.implied_vol / sqrt(HOURS_PER_YEAR)
    delta_risk = (venue.net_delta + venue.hedge_coin) * world.tape_price * hourly
    vega_risk = venue.net_vega * p.hourly_vol_of_vol
    return p.variance_aversion * (delta_risk * delta_risk + vega_risk * vega_risk)
