"""Suppliers: explicit holders who compare the rate with an outside yield and can be locked in."""

from math import exp, log

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.lending import deposits_of, draw_backstop, supply
from protogov.envs.world.liquidation import shortfall_at
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.numeric import decay, power
from protogov.envs.world.population.surplus import mean_asked
from protogov.envs.world.population.venue_choice import preferred_share, pull_of
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_SUPPLIERS, EventKind

FEAR_FROM = 0.9  # utilisation from which lock-up is feared
NEED_HOURS = 48  # length of a need for money
NEEDED_KEEPS = 0.1  # share of its deposit that a supplier in need leaves
FREE_SLUMP = 0.08  # fall below the week's high that calls nobody's money elsewhere
NEEDED_PATIENCE = 0.8  # share of the gap that it withdraws in an hour
HALF_OUT = 0.5  # share of its opening deposit below which a supplier counts as gone


@compiled
def draw_suppliers(world, venue, v, params):
    """Who the suppliers are: Pareto sizes, a wanted premium, a patience and a fear each; not yet any deposit.

    Person j has the same traits at every venue, and where there are two, the money of both, split by its taste and by
    the venues' sizes. `supplier_size` is that money over the number of venues.
    """
    seed, p = world.seed, params[v]
    money, pull = p.supply_size, 0.0  # USD a venue
    if world.num_venues > 1:
        pull = pull_of(params[0].supply_size, params[1].supply_size)
        if money > 0.0:  # who is not meant to come has no money for it, not even a share too small to see
            money = (params[0].supply_size + params[1].supply_size) / world.num_venues
    count = int(p.num_suppliers)
    venue.num_suppliers = count
    total = 0.0
    sizes = np.zeros(MAX_SUPPLIERS)
    for j in range(count):
        sizes[j] = 1.0 / (1.0 - 0.98 * uniform(seed, j, 0, 0, Purpose.SUPPLIER_SIZE))
        total += sizes[j]
        venue.supplier_premium[j] = p.supply_premium + 0.006 * normal(seed, j, 0, 0, Purpose.SUPPLIER_YIELD)
        u = uniform(seed, j, 0, 0, Purpose.SUPPLIER_PATIENCE)
        half_life = p.supply_half_life_low * power(p.supply_half_life_high / p.supply_half_life_low, u)
        venue.supplier_patience[j] = 1.0 - decay(1.0, half_life)
        taste = 0.0
        if world.num_venues > 1:
            taste = p.taste_spread * normal(seed, j, 0, 0, Purpose.SUPPLIER_TASTE) + pull
        venue.supplier_taste[j] = taste if v == 0 else -taste
        venue.supplier_fear[j] = 2.0 * uniform(seed, j, 0, 0, Purpose.SUPPLIER_FEAR)
    for j in range(count):
        venue.supplier_size[j] = money * sizes[j] / total


@compiled
def wanted_deposit(size, rate, asked, p):
    """Deposit that a supplier wants: `size` when the rate meets what it asks, nothing far below, a bounded more above.

    Logistic in log((10% + rate) / (10% + asked)) with exponent `supply_elasticity`, so that rates near zero are tame;
    the most is (1 + supply_headroom) * size, because a supplier has no more money.
    """
    ratio = (0.1 + max(rate, -0.05)) / (0.1 + max(asked, -0.05))
    room = p.supply_headroom
    return size * (1.0 + room) / (1.0 + room * exp(-p.supply_elasticity * log(ratio)))


@compiled
def money_for(world, venue, j, advantage, p):
    """Money [USD] that supplier `j` keeps for this venue, which pays `advantage` more than the other one, if any."""
    size = venue.supplier_size[j]
    if world.num_venues > 1:
        size *= world.num_venues * preferred_share(advantage, venue.supplier_taste[j], p.venue_choice)
    return size


@compiled
def total_wanted_deposits(world, venue, rate, fear, p):
    """Deposits [USD] that all suppliers together want at the supply rate `rate`, for `fear` of loss."""
    total = 0.0
    for j in range(venue.num_suppliers):
        total += opening_deposit(world, venue, j, rate, fear, p)
    return total


@compiled
def open_deposits(world, venue, rate, fear, p):
    """Give every supplier the deposit that it wants at `rate` for `fear`; indices are 1 at the opening."""
    for j in range(venue.num_suppliers):
        kept = NEEDED_KEEPS if needs_money(world, venue, j, p) else 1.0
        venue.supplier_scaled[j] = opening_deposit(world, venue, j, rate, fear, p)
        venue.supplier_opening[j] = venue.supplier_scaled[j] / kept
        venue.supplier_out[j] = -1
        venue.scaled_deposits += venue.supplier_scaled[j]


@compiled
def opening_deposit(world, venue, j, rate, fear, p):
    """Deposit [USD] of supplier `j` in a market at rest at `rate`: who needs its money has taken it out."""
    asked = world.outside_yield + venue.supplier_premium[j]
    wanted = wanted_deposit(money_for(world, venue, j, 0.0, p), rate - venue.supplier_fear[j] * fear, asked, p)
    return wanted * NEEDED_KEEPS if needs_money(world, venue, j, p) else wanted


@compiled
def needs_money(world, venue, j, p):
    """True while supplier `j` needs most of its money elsewhere, whatever the rate: a keyed state of two days.

    Without such needs idle cash is never worth anything and a market at full utilisation harms nobody. A slump, which a
    supplier sees where its money is, makes them common: who has to meet calls elsewhere takes money from there.
    """
    block = (world.hour + 7 * j) // NEED_HOURS
    slump = max(1.0 - venue.oracle_price / venue.high_week - FREE_SLUMP, 0.0)
    return uniform(world.seed, j, block, 0, Purpose.SUPPLIER_NEED) < p.supplier_need + p.supplier_flight * slump


@compiled
def runs_away(world, j):
    """True for the suppliers who are among those that want all their money back at once (the tape's `supplier_exit`).

    The draw is one for the episode: who is among a fifth of them is also among a half.
    """
    return uniform(world.seed, j, 0, 0, Purpose.SUPPLIER_LEAVES) < world.supplier_exit


@compiled
def share_of(amount, deposits):
    """`amount` USD as a share of `deposits`, at most 1: nobody loses, or waits for, more than all there is."""
    return amount / max(amount, deposits) if amount > 0.0 else 0.0


@compiled
def fear_of_lockup(venue, p):
    """Yield [annual] that the average supplier gives away in mind for fear of being locked in.

    It grows with utilisation from 90% on and with the queue of those who could not withdraw: a run feeds itself.
    """
    if venue.backstop_on:
        return 0.0
    crowded = min(max((venue.utilisation - FEAR_FROM) / (1.0 - FEAR_FROM), 0.0), 1.0)
    queue = share_of(venue.unmet_withdrawals, deposits_of(venue))
    return p.lockup_fear * (crowded + queue)


@compiled
def fear_of_loss(world, venue, p):
    """Yield [annual] that the average supplier gives away in mind for losses, each as a share of what is owed.

    Both can be read from the chain: an open deficit, which only those bear who are still there when it is filled, and
    what a crash would leave uncovered, `crash_frequency` times a year. The first makes a run; the second is the
    premium on loans that stand close to their collateral, the lower the stricter whoever sets the threshold.
    """
    owed = deposits_of(venue)
    at_risk = share_of(shortfall_at(venue, world.tape_price * (1.0 - p.crash_size)), owed)
    return p.loss_fear * share_of(venue.deficit, owed) + p.crash_frequency * at_risk


@compiled
def visit_suppliers(world, venue, v, events, p):
    """Hourly: every supplier moves part of the way to what it wants; a withdrawal takes at most the cash there is.

    Who comes first differs from hour to hour: the round begins at a keyed supplier. Of two venues the one with the
    better rate, less what is feared there, is wanted a larger share of a supplier's money.
    """
    index = venue.supply_index
    fear = fear_of_lockup(venue, p) + fear_of_loss(world, venue, p)
    rivals = world.num_venues > 1 and p.venue_choice > 0.0
    there, fear_there = world.venues[world.num_venues - 1 - v], 0.0
    if rivals:
        fear_there = fear_of_lockup(there, p) + fear_of_loss(world, there, p)
    requested, count = venue.supplier_request, venue.num_suppliers
    first = int(uniform(world.seed, v, world.hour, 0, Purpose.SUPPLIER_ORDER) * count)
    unmet, total = 0.0, 0.0
    for place in range(count):
        j = (first + place) % count
        asked = world.outside_yield + venue.supplier_premium[j]
        claim = venue.supplier_scaled[j] * index
        rate, advantage, stuck = venue.supply_rate - venue.supplier_fear[j] * fear, 0.0, 0.0
        if rivals:
            advantage = rate - (there.supply_rate - there.supplier_fear[j] * fear_there)
            stuck = there.supplier_request[j]
        wanted = wanted_deposit(money_for(world, venue, j, advantage, p), rate, asked, p)
        patience, own_wish = venue.supplier_patience[j], wanted
        if needs_money(world, venue, j, p):
            wanted *= NEEDED_KEEPS
            patience = NEEDED_PATIENCE
        if world.supplier_exit > 0.0 and runs_away(world, j):
            wanted, patience, own_wish = 0.0, 1.0, 0.0
        move_deposit(world, venue, j, claim, wanted, patience, stuck)
        unmet += requested[j]
        surplus = surplus_rate(world, venue, j, asked, p)
        lockup = p.lockup_charge * requested[j]
        venue.supplier_gain[j] += (surplus - lockup) / HOURS_PER_YEAR
        total += surplus
        # who needs its money elsewhere for two days has not left: it wants to be here
        if venue.supplier_out[j] < 0 and max(own_wish, venue.supplier_scaled[j] * index) < half_of(venue, j):
            venue.supplier_out[j] = world.hour
    venue.unmet_withdrawals = unmet
    venue.sum_supplier_surplus += total / HOURS_PER_YEAR
    venue.sum_lockup += p.lockup_charge * unmet / HOURS_PER_YEAR
    if unmet > 0.0:
        record_event(world, events, v, EventKind.WITHDRAWAL_UNMET, -1, -1, 0.0, 0.0, venue.oracle_price, unmet)


@compiled
def half_of(venue, j):
    """Deposit [USD] below which supplier `j`, if it wants no more, has left."""
    return HALF_OUT * venue.supplier_opening[j]


@compiled
def move_deposit(world, venue, j, claim, wanted, patience, stuck):
    """Supplier `j` moves its `claim` [USD] a share `patience` of the way to `wanted`; what it cannot get it asks for.

    `stuck` USD are locked in at the other venue and cannot come here.
    """
    requested = venue.supplier_request
    if wanted >= claim:
        requested[j] = 0.0
        supply(world, venue, j, max(wanted - claim - stuck, 0.0) * patience)
        return
    # requests that were not met stay in the queue and grow toward all that the supplier wants out
    gap = claim - wanted
    request = min(requested[j] + patience * max(gap - requested[j], 0.0), gap)
    draw_backstop(world, venue, request)
    paid = min(request, max(venue.cash, 0.0))
    if paid > 0.0:
        supply(world, venue, j, -paid)
    requested[j] = request - paid


@compiled
def surplus_rate(world, venue, j, asked, p):
    """What supplier `j` gains [USD a year] over what it asks for the part of its claim that it does not want back.

    The area between the supply rate and the inverse of the deposit that it wants without fear and needs. Of two venues
    the curve is that of the money which its taste alone keeps here: a rival's rate moves deposits, not what they gain.
    """
    met = max(venue.supplier_scaled[j] * venue.supply_index - venue.supplier_request[j], 0.0)
    most = money_for(world, venue, j, 0.0, p) * (1.0 + p.supply_headroom)
    if most <= 0.0:
        return 0.0
    return (venue.supply_rate - mean_asked(met / most, asked, p.supply_headroom, p.supply_elasticity)) * met
