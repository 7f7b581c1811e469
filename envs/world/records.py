"""What every decision records of every venue: loop gains, cascades, losses, the option pool's profit."""

import numpy as np

from protogov.envs.world.attribution import explained
from protogov.envs.world.compiled import compiled
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.options import free_liquidity
from protogov.envs.world.population.liquidity_providers import queue_value

# What a step returns about the levers, in an array apart from the worlds. A read of the worlds' own memory would move
# its cache lines to the reader's processor core.
CONTROLS = np.dtype(
    [
        ("proposed", "f8", (NUM_LEVERS,)),  # the governor's last proposal, in the lever's unit
        ("executed", "f8", (NUM_LEVERS,)),  # the value that applies, in the lever's unit
        ("reason", "i1", (NUM_LEVERS,)),  # last `Reason` of the shield
    ],
    align=True,
)

RECORD = np.dtype(
    [
        # ---- loop gains (dimensionless): above 1 a loop amplifies itself
        ("liquidation_gain", "f8"),  # USD liquidatable per 1% fall / depth of 1% of the pool, at the end
        ("hedge_gain", "f8"),  # USD of delta to hedge per 1% move / the same depth, at the end
        ("liquidation_gain_peak", "f8"),  # largest hourly value in the decision
        ("hedge_gain_peak", "f8"),
        # ---- cascades: trees of events, each caused by the sale of its parent
        ("liquidations", "i8"),
        ("caused_liquidations", "i8"),  # those with a parent: the outside price alone would not have caused them
        ("deepest_generation", "i8"),  # of all events; 0 if no event caused another
        ("cascade_size", "i8"),  # events of this decision, at any venue, in the largest tree that has one here
        ("skipped", "i8"),  # liquidations that somebody considered and left because they did not pay
        # ---- money [USD]
        ("liquidated", "f8"),  # debt repaid by liquidators
        ("caused", "f8"),  # part of that in liquidations with a parent
        ("bad_debt", "f8"),  # booked: debt without collateral, and short sellers' shortfalls
        ("skipped_debt", "f8"),  # could be liquidated, but nobody took it, at the last look
        ("unmet_withdrawals", "f8"),  # requested and not paid out, at the end
        ("unmet_hours", "i8"),  # hours of the decision that ended with an unmet withdrawal
        # ---- option pool: book and shares, at the end
        ("book_delta", "f8"),  # coin, without the hedge
        ("hedge_coin", "f8"),  # coin
        ("book_gamma", "f8"),  # coin per USD
        ("book_vega", "f8"),  # USD per 1.00 of vol
        ("free_liquidity", "f8"),  # USD that is neither locked nor owed
        ("share_price", "f8"),  # USD at average vols, at the last review
        ("lp_queue", "f8"),  # USD that LPs wait to withdraw
        # ---- option pool: its profit in this decision [USD] and the parts of it, see `attribution.py`
        ("pool_profit", "f8"),  # change of NAV0 without deposits and withdrawals
        ("pool_flow", "f8"),  # LPs' deposits minus withdrawals
        ("pool_delta", "f8"),
        ("pool_gamma_theta", "f8"),
        ("pool_vega", "f8"),
        ("pool_fees", "f8"),
        ("pool_adverse_selection", "f8"),
        ("pool_hedging", "f8"),
        ("pool_interest", "f8"),
        ("pool_shorts", "f8"),
        ("pool_settlement", "f8"),
        ("pool_residual", "f8"),  # profit minus all of these: rounding
        ("attacker_profit", "f8"),  # since reset, of the attackers of this venue, at the outside price
        # ---- the record itself
        ("events", "i8"),  # of every kind, including those beyond the hourly capacity
        ("events_lost", "i8"),  # beyond the hourly capacity: counted above, missing in the list of events
    ],
    align=True,
)


@compiled
def fill_record(world, venue, v, events, out):
    """End of a decision: record what happened at venue `v`."""
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
    """Copy the state of the levers."""
    rows, proposed, executed, reason = venue.levers, out.proposed, out.executed, out.reason
    for index in range(NUM_LEVERS):
        proposed[index] = rows[index].target
        executed[index] = rows[index].executed
        reason[index] = rows[index].reason


@compiled
def largest_tree(events, count, v):
    """Number of events among the first `count` in the largest tree that has an event at venue `v`; 0 if none has."""
    rows = events.rows
    largest, last_root = 0, -1
    for i in range(count):
        root = rows[i].root
        if rows[i].generation == 0:
            # a root without children has size 1; a root with children is counted when its children are reached
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
