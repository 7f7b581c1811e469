"""What every decision leaves on record of every venue: loop gains, extent of cascades, losses."""

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.state import NUM_LEVERS

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
    out.attacker_profit = 0.0
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
