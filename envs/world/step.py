"""The order of a sub-step, of an hour and of a decision. Read this file first.

A sub-step is five minutes, in this order. The outside price moves. Scared liquidity leaves the pool. Arbitrage closes
part of the gap. Each venue's oracle reports, possibly late. Announced lever changes take effect. Interest accrues.
People act. Unhealthy loans are liquidated and the sales move the pool; the oracles look again, until nothing more
happens. The option pools hedge. Options settle. The treasury covers losses. Each hour ends with a check of the books.

`params` has one row of parameters per venue. Code about a venue or its visitors reads `p`, the row of that venue. Code
about the world reads the first row. All rows agree in the fields that describe the world (see `parameters.py`).
"""

import numpy as np

from protogov.envs.world.arbitrage import arbitrage
from protogov.envs.world.attacks import push_pool, use_market
from protogov.envs.world.attribution import book_settlement, mark_fair_book
from protogov.envs.world.compiled import compiled, inlined
from protogov.envs.world.fills import forget_fills, judge_fills
from protogov.envs.world.funding import move_open_interest, set_funding
from protogov.envs.world.hedging import hedge, pay_funding, plan_hedge, variance_charge
from protogov.envs.world.interventions import intervene
from protogov.envs.world.ledger import check_books
from protogov.envs.world.lending import accrue_interest, cover_deficit, pay_funding_cost, refresh_rates, repay_backstop
from protogov.envs.world.lever_table import NUM_LEVERS, value_of_action
from protogov.envs.world.levers import announce_levers, execute_due_levers
from protogov.envs.world.liquidation import measure_risk
from protogov.envs.world.margin_engine import follow_engine
from protogov.envs.world.market import move_outside_price, read_tape, remember_hour, withdraw_liquidity
from protogov.envs.world.options import mark_book, rebalance_loans
from protogov.envs.world.oracle import remember_pool, update_oracles
from protogov.envs.world.population.borrowers import visit_borrowers
from protogov.envs.world.population.liquidators import liquidate_round, refill_capital, work_off_inventory
from protogov.envs.world.population.liquidity_providers import visit_providers
from protogov.envs.world.population.option_traders import refill_informed, visit_option_traders
from protogov.envs.world.population.put_buyers import pay_out_protection
from protogov.envs.world.population.short_sellers import visit_short_sellers
from protogov.envs.world.population.suppliers import visit_suppliers
from protogov.envs.world.population.surface_attacker import besiege
from protogov.envs.world.settlement import (
    HOURS_BETWEEN_EXPIRIES,
    close_settlement,
    list_expiry,
    pay_unpaid,
    settle_longs,
    settlement_price,
    watch_settlement,
)
from protogov.envs.world.short_liquidation import check_margins, settle_shorts
from protogov.envs.world.state import NEVER, SUBSTEPS
from protogov.envs.world.surface import carry_skews, hold_anchors, revert_surface
from protogov.envs.world.welfare import clear_sums

MAX_ROUNDS = 8  # of liquidations and of oracle reports within one sub-step
SUPPLIERS_AT, SHORT_SELLERS_AT, MARK_AT = 3, 6, SUBSTEPS - 1  # sub-steps of an hour


@inlined
def begin_decision(world, actions, params):
    """Set the targets of the levers from `actions` [venue, lever] and begin the sums of the decision."""
    world.step_events, world.step_hours = 0, 0
    for v in range(world.num_venues):
        venue = world.venues[v]
        clear_sums(venue)
        rows, lagged = venue.levers, venue.lagged_levers
        for index in range(NUM_LEVERS):
            lagged[index] = rows[index].executed
            rows[index].target = value_of_action(rows[index], actions[v, index])
        if venue.anchored:
            hold_anchors(venue, params[v])


@inlined
def run_hour(world, tape, events, params):
    """One hour: the tape's conditions, announcements of the shield, twelve sub-steps, hourly bookkeeping."""
    p = params[0]
    candle = tape[world.hour + 1]
    # to float64 below: with jitting off, a product of float32 and a Python float stays float32
    ahead = tape[min(world.hour + 1 + int(p.informed_horizon), tape.shape[0] - 1)]
    world.events_hour = 0
    read_tape(world, candle, p)
    set_funding(world, candle, p)
    if events.interventions[0].active:
        intervene(world, events, params)
    for v in range(world.num_venues):
        venue = world.venues[v]
        # execute earlier announcements first: a lever whose notice equals its delay may then announce again at once
        land_levers(world, venue)
        if venue.engine_margins or venue.engine_ltv > 0.0:
            follow_engine(world, venue, params[v])
        announce_levers(venue, world.substep)
        refill_informed(venue, params[v])
    for k in range(SUBSTEPS):
        run_substep(world, candle, np.float64(ahead.implied_vol), k, events, params)
    world.hour += 1
    world.step_hours += 1
    remember_hour(world)
    refill_capital(world, p)
    move_open_interest(world, p)
    for v in range(world.num_venues):
        close_hour(world, world.venues[v], params[v])
    check_books(world)


@compiled
def run_substep(world, candle, future_vol, k, events, params):
    """Five minutes, in the order that this file's docstring lists."""
    shared = params[0]
    for v in range(world.num_venues):
        remember_pool(world, world.venues[v], params[v])
    move_outside_price(world, candle, k)
    withdraw_liquidity(world, shared)
    arbitrage(world, shared)
    if world.attacking:
        push_pool(world, events, shared)
    moved = update_oracles(world, params)
    for v in range(world.num_venues):
        venue, p = world.venues[v], params[v]
        land_levers(world, venue)
        accrue_interest(venue, p)
        if p.options_on > 0.0:
            visit_option_traders(world, venue, v, k, future_vol, params)
        visit_borrowers(world, venue, v, k, events, p)
        if k == SUPPLIERS_AT:
            visit_suppliers(world, venue, v, events, p)
            rebalance_loans(world, venue, p)
            pay_unpaid(world, venue)
        if k == SHORT_SELLERS_AT:
            visit_short_sellers(world, venue, v, params)
    if world.attacking:
        use_market(world, shared)
    if moved:
        after_oracles(world, events, params)
    if world.liquidators_holding > 0:
        work_off_inventory(world, events, shared)
    liquidate_until_quiet(world, events, params)
    for v in range(world.num_venues):
        venue, p = world.venues[v], params[v]
        if venue.hedge_slices_left > 0:
            hedge(world, venue, v, events, p)
        if k == MARK_AT:
            mark_hour(world, venue, v, events, p)
        watch_settlement(world, venue, p)
        if venue.next_expiry <= world.substep + 1:
            settle_expiries(world, venue, v, events, p)
        cover_deficit(world, venue, p)
        if venue.backstop > 0.0:
            repay_backstop(world, venue)
        # last: interest then accrues on what liquidations and settlements left
        refresh_rates(venue, p)
    world.substep += 1


@compiled
def land_levers(world, venue):
    """Execute announced changes that are due; if there was one, mark all loans to be checked again."""
    if venue.next_due <= world.substep:
        execute_due_levers(venue, world.substep)
        venue.health_stale = 1


@compiled
def after_oracles(world, events, params):
    """For each oracle with a new price: mark the option book, call margins, and mark all loans to be checked again."""
    for v in range(world.num_venues):
        venue, p = world.venues[v], params[v]
        if not venue.oracle_moved:
            continue
        venue.health_stale = 1
        if p.options_on > 0.0:
            if venue.anchored:
                carry_skews(world, venue, p)
            mark_book(world, venue, p)
            judge_fills(venue)
            check_margins(world, venue, v, events, p)


@compiled
def liquidate_until_quiet(world, events, params):
    """Liquidate, let the oracles follow the sales, and repeat until nothing more happens (at most `MAX_ROUNDS`)."""
    for _ in range(MAX_ROUNDS):
        if liquidate_round(world, events, params) == 0:
            return
        if update_oracles(world, params):
            after_oracles(world, events, params)


@inlined
def mark_hour(world, venue, v, events, p):
    """Last sub-step of an hour: the surface reverts, the book is marked, margins are called, a hedge is ordered."""
    if p.options_on == 0.0:
        return
    revert_surface(world, venue, p)
    mark_book(world, venue, p)
    check_margins(world, venue, v, events, p)
    if venue.mark_stale:
        mark_book(world, venue, p)
    judge_fills(venue)
    if (world.hour + 1) % int(p.hedge_interval) == 0:
        plan_hedge(world, venue, p)
    pay_funding(world, venue)
    if world.vol_push > 0.0 or venue.surface_attack > 0:
        besiege(world, venue, v, p)
    else:
        visit_providers(world, venue, v, p)
    venue.sum_variance_charge += variance_charge(world, venue, p)
    venue.hedge_gain = abs(venue.net_gamma) * venue.oracle_price * venue.oracle_price * 0.01 / world.depth


@inlined
def settle_expiries(world, venue, v, events, p):
    """Settle due expiries at the mean oracle price, and list the next. Sellers pay first: this money can pay buyers."""
    if p.options_on == 0.0:
        venue.next_expiry = NEVER
        return
    earliest, price = NEVER, settlement_price(venue)
    close_settlement(venue)
    judge_fills(venue)  # the node of a settled option is listed again for a new one
    mark_fair_book(world, venue, p)
    for e in range(venue.num_expiries):
        if venue.expiry[e] <= world.substep + 1:
            received = settle_shorts(world, venue, v, e, price, events, p)
            owed, paid_share = settle_longs(world, venue, v, e, price, events)
            pay_out_protection(world, venue, e, price, paid_share)
            book_settlement(venue, e, received, owed)
            list_expiry(world, venue, e, venue.expiry[e] + venue.num_expiries * HOURS_BETWEEN_EXPIRIES * SUBSTEPS, p)
        earliest = min(earliest, venue.expiry[e])
    venue.next_expiry = earliest
    mark_book(world, venue, p)


@compiled
def close_hour(world, venue, p):
    """Hourly diagnostics: loop gains, debt at risk, daily flows."""
    measure_risk(world, venue)
    forget_fills(venue)
    if p.funding_cost > 0.0:
        pay_funding_cost(world, venue, p)
    if venue.unmet_withdrawals > 0.0:
        venue.sum_unmet_hours += 1
    venue.liquidation_gain_peak = max(venue.liquidation_gain_peak, venue.liquidation_gain)
    venue.hedge_gain_peak = max(venue.hedge_gain_peak, venue.hedge_gain)
    venue.health_stale = 1  # an hour's interest changed every debt, even if no price moved
    keep = 1.0 - 1.0 / 24.0
    venue.borrow_flow_day = venue.borrow_flow_day * keep + venue.sum_net_borrow - venue.flow_mark_borrow
    venue.supply_flow_day = venue.supply_flow_day * keep + venue.sum_net_supply - venue.flow_mark_supply
    venue.flow_mark_borrow, venue.flow_mark_supply = venue.sum_net_borrow, venue.sum_net_supply
