"""Suppliers: explicit depositors who compare the rate with an outside yield. Their money can be locked in."""

from math import exp, log

import numpy as np

from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.events import record_event
from protogov.envs.world.lending import deposits_of, draw_backstop, supply
from protogov.envs.world.liquidation import shortfall_at
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.numeric import decay, power
from protogov.envs.world.population.surplus import mean_asked, series_ratios
from protogov.envs.world.population.venue_choice import preferred_share, pull_of
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_SUPPLIERS, EventKind

FEAR_FROM = 0.9  # utilisation above which suppliers fear a lock-up
NEED_HOURS = 48  # length of a supplier's need for money
NEEDED_KEEPS = 0.1  # share of its wanted deposit that a supplier in need leaves
FREE_SLUMP = 0.08  # fall from the week's high up to which no additional supplier needs its money
NEEDED_PATIENCE = 0.8  # share of the gap that a supplier in need withdraws in an hour
HALF_OUT = 0.5  # share of its opening deposit below which a supplier counts as having left


@compiled
def draw_suppliers(world, venue, v, params):
    """Draw the suppliers: Pareto sizes, and each one's wanted premium, patience and fear, but no deposit yet.

    Person j has the same traits at every venue. With two venues, its money for both is split by its taste and by the
    venues' sizes; `supplier_size` is then this money divided by the number of venues.
    """
    seed, p = world.seed, params[v]
    money, pull = p.supply_size, 0.0  # USD per venue
    if world.num_venues > 1:
        pull = pull_of(params[0].supply_size, params[1].supply_size)
        if money > 0.0:  # a venue that gets no suppliers must not get even a tiny share of their money
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
    """Deposit that a supplier wants: `size` if the rate equals what it asks, 0 far below, more above, with a limit.

    Logistic in log((10% + rate) / (10% + asked)) with the exponent `supply_elasticity`. The added 10% keeps the formula
    smooth for rates near zero. The limit is (1 + supply_headroom) * size, because a supplier has no more money.
    """
    ratio = (0.1 + max(rate, -0.05)) / (0.1 + max(asked, -0.05))
    room = p.supply_headroom
    return size * (1.0 + room) / (1.0 + room * exp(-p.supply_elasticity * log(ratio)))


@compiled
def money_for(world, venue, j, advantage, p):
    """Money [USD] that supplier `j` assigns to this venue, whose rate exceeds the other venue's by `advantage`."""
    size = venue.supplier_size[j]
    if world.num_venues > 1:
        size *= world.num_venues * preferred_share(advantage, venue.supplier_taste[j], p.venue_choice)
    return size


@compiled
def total_wanted_deposits(world, venue, rate, fear, p):
    """Deposits [USD] that all suppliers together want at the supply rate `rate`.

    Suppliers deduct `fear` [annual] from the rate.
    """
    total = 0.0
    for j in range(venue.num_suppliers):
        total += opening_deposit(world, venue, j, rate, fear, p)
    return total


@compiled
def open_deposits(world, venue, rate, fear, p):
    """Give every supplier the deposit that it wants at `rate` and `fear`; indices are 1 at the opening."""
    for j in range(venue.num_suppliers):
        kept = NEEDED_KEEPS if needs_money(world, venue, j, p) else 1.0
        venue.supplier_scaled[j] = opening_deposit(world, venue, j, rate, fear, p)
        venue.supplier_opening[j] = venue.supplier_scaled[j] / kept
        venue.supplier_out[j] = -1
        venue.scaled_deposits += venue.supplier_scaled[j]


@compiled
def opening_deposit(world, venue, j, rate, fear, p):
    """Deposit [USD] of supplier `j` in a market that has settled at `rate`. One in need has already withdrawn."""
    asked = world.outside_yield + venue.supplier_premium[j]
    wanted = wanted_deposit(money_for(world, venue, j, 0.0, p), rate - venue.supplier_fear[j] * fear, asked, p)
    return wanted * NEEDED_KEEPS if needs_money(world, venue, j, p) else wanted


@compiled
def needs_money(world, venue, j, p):
    """True while supplier `j` needs most of its money elsewhere, at any rate: a keyed state that lasts two days.

    Without such needs idle cash would be worth nothing, and full utilisation would harm nobody. A slump of the oracle
    price at the venue makes needs common: a supplier that must meet calls elsewhere takes its money out here.
    """
    block = (world.hour + 7 * j) // NEED_HOURS
    slump = max(1.0 - venue.oracle_price / venue.high_week - FREE_SLUMP, 0.0)
    return uniform(world.seed, j, block, 0, Purpose.SUPPLIER_NEED) < p.supplier_need + p.supplier_flight * slump


@compiled
def runs_away(world, j):
    """True for suppliers who want all their money back at once: the share `supplier_exit` of the tape.

    One draw holds for the episode: a supplier among the first fifth is also among the first half.
    """
    return uniform(world.seed, j, 0, 0, Purpose.SUPPLIER_LEAVES) < world.supplier_exit


@compiled
def share_of(amount, deposits):
    """`amount` USD as a share of `deposits`, at most 1: nobody loses or waits for more than all deposits."""
    return amount / max(amount, deposits) if amount > 0.0 else 0.0


@compiled
def fear_of_lockup(venue, p):
    """Yield [annual] that the average supplier deducts for the fear of being locked in.

    It grows with utilisation above 90%, and with the queue of unmet withdrawals. A run therefore strengthens itself.
    """
    if venue.backstop_on:
        return 0.0
    crowded = min(max((venue.utilisation - FEAR_FROM) / (1.0 - FEAR_FROM), 0.0), 1.0)
    queue = share_of(venue.unmet_withdrawals, deposits_of(venue))
    return p.lockup_fear * (crowded + queue)


@compiled
def fear_of_loss(world, venue, p):
    """Yield [annual] that the average supplier deducts for losses, each as a share of what is owed.

    Both can be read from the chain. The first is an open deficit. Only those bear it who are still there when it is
    filled, so it causes a run. The second is what a crash would leave uncovered, times `crash_frequency` a year. It is
    the premium on loans close to their collateral. A stricter liquidation threshold lowers it.
    """
    owed = deposits_of(venue)
    at_risk = share_of(shortfall_at(venue, world.tape_price * (1.0 - p.crash_size)), owed)
    return p.loss_fear * share_of(venue.deficit, owed) + p.crash_frequency * at_risk


@compiled
def visit_suppliers(world, venue, v, events, p):
    """Hourly: every supplier moves part of the way to its wanted deposit. Cash in the market limits a withdrawal.

    Each hour the round begins at another, keyed supplier, so the first in the queue changes. With two venues, the venue
    with the better rate (minus the fears there) gets a larger share of a supplier's money.
    """
    index = venue.supply_index
    fear = fear_of_lockup(venue, p) + fear_of_loss(world, venue, p)
    rivals = world.num_venues > 1 and p.venue_choice > 0.0
    there, fear_there = world.venues[world.num_venues - 1 - v], 0.0
    if rivals:
        fear_there = fear_of_lockup(there, p) + fear_of_loss(world, there, p)
    requested, count = venue.supplier_request, venue.num_suppliers
    ratios = series_ratios(p.supply_elasticity)
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
        surplus = surplus_rate(world, venue, j, asked, ratios, p)
        lockup = p.lockup_charge * requested[j]
        venue.supplier_gain[j] += (surplus - lockup) / HOURS_PER_YEAR
        total += surplus
        # a supplier that needs its money for two days has not left: it still wants to be here
        if venue.supplier_out[j] < 0 and max(own_wish, venue.supplier_scaled[j] * index) < half_of(venue, j):
            venue.supplier_out[j] = world.hour
    venue.unmet_withdrawals = unmet
    venue.sum_supplier_surplus += total / HOURS_PER_YEAR
    venue.sum_lockup += p.lockup_charge * unmet / HOURS_PER_YEAR
    if unmet > 0.0:
        record_event(world, events, v, EventKind.WITHDRAWAL_UNMET, -1, -1, 0.0, 0.0, venue.oracle_price, unmet)


@compiled
def half_of(venue, j):
    """Deposit [USD] below which supplier `j` has left if it wants no more than this."""
    return HALF_OUT * venue.supplier_opening[j]


@copied
def move_deposit(world, venue, j, claim, wanted, patience, stuck):
    """Supplier `j` moves its `claim` [USD] by the share `patience` toward `wanted`. It queues what it cannot get.

    `stuck` USD are locked in at the other venue and cannot come here.
    """
    requested = venue.supplier_request
    if wanted >= claim:
        requested[j] = 0.0
        supply(world, venue, j, max(wanted - claim - stuck, 0.0) * patience)
        return
    # unmet requests stay in the queue and grow toward all that the supplier wants to withdraw
    gap = claim - wanted
    request = min(requested[j] + patience * max(gap - requested[j], 0.0), gap)
    draw_backstop(world, venue, request)
    paid = min(request, max(venue.cash, 0.0))
    if paid > 0.0:
        supply(world, venue, j, -paid)
    requested[j] = request - paid


@copied
def surplus_rate(world, venue, j, asked, ratios, p):
    """Gain of supplier `j` [USD a year] over what it asks, on the part of its claim that it does not want back.

    The area between the supply rate and the inverse of its wanted deposit without fear and needs. With two venues the
    curve uses the money that its taste alone assigns to this venue. A rival's rate then moves deposits, but not the
    gain per deposit.
    """
    met = max(venue.supplier_scaled[j] * venue.supply_index - venue.supplier_request[j], 0.0)
    most = money_for(world, venue, j, 0.0, p) * (1.0 + p.supply_headroom)
    if most <= 0.0:
        return 0.0
    return (venue.supply_rate - mean_asked(met / most, asked, p.supply_headroom, p.supply_elasticity, ratios)) * met
