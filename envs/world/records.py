"""What every decision leaves on record of every venue: loop gains, cascades, losses, the option pool's profit."""

import numpy as np

from protogov.envs.world.attribution import explained
from protogov.envs.world.compiled import compiled
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.options import free_liquidity
from protogov.envs.world.population.liquidity_providers import queue_value

# What a step returns of the levers, away from the worlds: reading it there would draw their lines into another cache.
CONTROLS = np.dtype(
    [
        ("proposed", "f8", (NUM_LEVERS,)),  # what the governor last asked for, the lever's unit
        ("executed", "f8", (NUM_LEVERS,)),  # in force
        ("reason", "i1", (NUM_LEVERS,)),  # last Reason of the shield
    ],
    align=True,
)

RECORD = np.dtype(
    [
        # ---- loop gains (dimensionless): above 1 a loop feeds on itself
        ("liquidation_gain", "f8"),  # USD liquidatable per 1% fall over the pool's depth of 1%, at the end
        ("hedge_gain", "f8"),  # USD of delta to hedge per 1% move over the same depth, at the end
        ("liquidation_gain_peak", "f8"),  # largest hourly value in the decision
        ("hedge_gain_peak", "f8"),
        # ---- cascades: trees of events, each caused by the sale of its parent
        ("liquidations", "i8"),
        ("caused_liquidations", "i8"),  # with a parent: the outside price alone would not have done it
        ("deepest_generation", "i8"),  # of all events; 0 where nothing caused anything
        ("cascade_size", "i8"),  # recorded events, at any venue, of the largest tree that has one here; this decision's
        ("skipped", "i8"),  # liquidations that were looked at and left because they did not pay
        # ---- money [USD]
        ("liquidated", "f8"),  # debt repaid by liquidators
        ("caused", "f8"),  # of it in liquidations with a parent
        ("bad_debt", "f8"),  # booked: debt without collateral, short sellers' shortfalls
        ("skipped_debt", "f8"),  # that could be liquidated and nobody took, at the last look
        ("unmet_withdrawals", "f8"),  # asked for and not paid out, at the end
        ("unmet_hours", "i8"),  # hours of the decision at whose end a withdrawal stood unmet
        # ---- option pool: book and shares, at the end
        ("book_delta", "f8"),  # coin, without the hedge
        ("hedge_coin", "f8"),  # coin
        ("book_gamma", "f8"),  # coin per USD
        ("book_vega", "f8"),  # USD per 1.00 of vol
        ("free_liquidity", "f8"),  # USD, neither locked nor owed
        ("share_price", "f8"),  # USD, at average vols, as of the last review
        ("lp_queue", "f8"),  # USD that LPs wait to take out
        # ---- option pool: its profit in this decision [USD] and what it is made of, see `attribution.py`
        ("pool_profit", "f8"),  # change of NAV0, net of deposits and withdrawals
        ("pool_flow", "f8"),  # those: what LPs put in less what they took out
        ("pool_delta", "f8"),
        ("pool_gamma_theta", "f8"),
        ("pool_vega", "f8"),
        ("pool_fees", "f8"),
        ("pool_adverse_selection", "f8"),
        ("pool_hedging", "f8"),
        ("pool_interest", "f8"),
        ("pool_shorts", "f8"),
        ("pool_settlement", "f8"),
        ("pool_residual", "f8"),  # profit less all of these: rounding
        ("attacker_profit", "f8"),  # since reset, of those who attack this venue, at the outside price
        # ---- the record itself
        ("events", "i8"),  # of every kind, those beyond the hourly capacity included
        ("events_lost", "i8"),  # beyond the hourly capacity: counted above, absent from the events
    ],
    align=True,
)


@compiled
def fill_record(world, venue, v, events, out):
    """End of a decision: what happened at venue `v`."""
    out.liquidation_gain = venue.liquidation_gain
    out.hedge_gain = venue.hedge_gain
    out.liquidation_gain_peak = venue.liquidation_gain_peak
    out.hedge_gain_peak = venue.hedge_gain_peak
    out.liquidations = venue.sum_liquidations
    out.caused_liquidations = venue.sum_caused_liquidations
    out.deepest_generation = venue.deepest_generation
    out.cascade_size = largest_tree(events, world.step_events, v) if venue.sum_events > 0 else 0
    out.skipped = int(venue.sum_skipped)
    out.liquidated = venue.sum_liquidated
    out.caused = venue.sum_caused
    out.bad_debt = venue.sum_bad_debt
    out.skipped_debt = venue.skipped_debt
    out.unmet_withdrawals = venue.unmet_withdrawals
    out.unmet_hours = venue.sum_unmet_hours
    out.book_delta = venue.net_delta
    out.hedge_coin = venue.hedge_coin
    out.book_gamma = venue.net_gamma
    out.book_vega = venue.net_vega
    out.free_liquidity = free_liquidity(venue)
    out.share_price = venue.lp_price
    out.lp_queue = queue_value(venue)
    out.pool_profit = venue.nav_change
    out.pool_flow = venue.sum_lp_flow
    out.pool_delta = venue.pool_delta
    out.pool_gamma_theta = venue.pool_gamma_theta
    out.pool_vega = venue.pool_vega
    out.pool_fees = venue.pool_fees
    out.pool_adverse_selection = venue.pool_adverse_selection
    out.pool_hedging = venue.pool_hedging
    out.pool_interest = venue.pool_interest
    out.pool_shorts = venue.pool_shorts
    out.pool_settlement = venue.pool_settlement
    out.pool_residual = venue.nav_change - explained(venue)
    out.attacker_profit = venue.lp_received[venue.num_lps - 1] if venue.surface_attack > 0 else 0.0
    for attacker in range(world.attacker_profit.shape[0]):
        if world.attacker_venue[attacker] == v:
            out.attacker_profit += world.attacker_profit[attacker]
    out.events = venue.sum_events
    out.events_lost = venue.sum_events_lost


@compiled
def fill_controls(venue, out):
    """The levers as they stand."""
    rows, proposed, executed, reason = venue.levers, out.proposed, out.executed, out.reason
    for index in range(NUM_LEVERS):
        proposed[index] = rows[index].target
        executed[index] = rows[index].executed
        reason[index] = rows[index].reason


@compiled
def largest_tree(events, count, v):
    """Number of events among the first `count` in the largest tree that has one at venue `v`; 0 if none has."""
    rows = events.rows
    largest, last_root = 0, -1
    for i in range(count):
        root = rows[i].root
        if rows[i].generation == 0:
            # alone unless one of the later events names it, and those are looked at in their turn
            if rows[i].venue == v:
                largest = max(largest, 1)
        elif root != last_root:
            last_root = root
            size, here = 0, False
            for j in range(count):
                if rows[j].root == root:
                    size += 1
                    here = here or rows[j].venue == v
            if here:
                largest = max(largest, size)
    return largest
