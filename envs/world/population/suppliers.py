"""Suppliers: explicit holders who compare the rate with an outside yield and can be locked in."""

from math import exp, log

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.lending import supply
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, MAX_SUPPLIERS, EventKind

FEAR_FROM = 0.92  # utilisation from which lock-up is feared


@compiled
def draw_suppliers(world, venue, v, p):
    """Opening suppliers: Pareto sizes scaled to the opening deposits, a wanted premium and a patience each."""
    seed = world.seed
    count = int(p.num_suppliers)
    venue.num_suppliers = count
    total = 0.0
    sizes = np.zeros(MAX_SUPPLIERS)
    for j in range(count):
        entity = v * MAX_SUPPLIERS + j
        sizes[j] = (1.0 - 0.95 * uniform(seed, entity, 0, 0, Purpose.SUPPLIER_SIZE)) ** (-1.0 / 1.5)
        total += sizes[j]
        venue.supplier_premium[j] = p.supply_premium + 0.006 * normal(seed, entity, 0, 0, Purpose.SUPPLIER_YIELD)
        u = uniform(seed, entity, 0, 0, Purpose.SUPPLIER_PATIENCE)
        half_life = p.supply_half_life_low * (p.supply_half_life_high / p.supply_half_life_low) ** u
        venue.supplier_patience[j] = 1.0 - 2.0 ** (-1.0 / half_life)
    for j in range(count):
        venue.supplier_size[j] = p.supply_size * sizes[j] / total
        venue.supplier_scaled[j] = venue.supplier_size[j]
        venue.scaled_deposits += venue.supplier_scaled[j]


@compiled
def wanted_deposit(size, rate, asked, p):
    """Deposit that a supplier wants: `size` when the rate meets what it asks, up to twice that, or nothing.

    Logistic in log((10% + rate) / (10% + asked)) with exponent `supply_elasticity`, so that rates near zero are tame.
    """
    ratio = (0.1 + max(rate, -0.05)) / (0.1 + max(asked, -0.05))
    return 2.0 * size / (1.0 + exp(-p.supply_elasticity * log(ratio)))


@compiled
def visit_suppliers(world, venue, v, events, p):
    """Hourly: every supplier moves part of the way to what it wants; a withdrawal takes at most the cash there is."""
    index = venue.supply_index
    fear = p.lockup_fear * min(max((venue.utilisation - FEAR_FROM) / (1.0 - FEAR_FROM), 0.0), 1.0)
    unmet, surplus = 0.0, 0.0
    for j in range(venue.num_suppliers):
        asked = world.outside_yield + venue.supplier_premium[j]
        claim = venue.supplier_scaled[j] * index
        surplus += (venue.supply_rate - asked) * claim
        wanted = wanted_deposit(venue.supplier_size[j], venue.supply_rate - fear, asked, p)
        change = (wanted - claim) * venue.supplier_patience[j]
        if change > 0.0:
            supply(world, venue, j, change)
        elif change < 0.0:
            paid = min(min(-change, claim), max(venue.cash, 0.0))
            if paid > 0.0:
                supply(world, venue, j, -paid)
            unmet += -change - paid
    venue.unmet_withdrawals = unmet
    venue.sum_supplier_surplus += surplus / HOURS_PER_YEAR
    venue.sum_lockup += p.lockup_charge * unmet / HOURS_PER_YEAR
    if unmet > 0.0:
        record_event(world, events, v, EventKind.WITHDRAWAL_UNMET, -1, -1, 0.0, 0.0, world.oracle_price, unmet)
