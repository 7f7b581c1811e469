"""Events and their parents: the record from which the tree of a cascade is built.

The parent of an event is another event, at any venue: the one with the largest impact on the spot pool between the last
two looks that the oracle of the event's own venue took at the market. (If the oracle reports an average of the pool
price, this is the window of the average.) An event has no parent if the tape's move alone suffices to cause it. The
root of an event is the event that began the cascade. Its generation is the number of links to the root.
"""

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.state import MAX_EVENTS_PER_HOUR, EventKind


@compiled
def record_event(world, events, v, kind, account, parent, repaid, seized, price, bad_debt):
    """Append one event to the log `events` and return its serial number. Not stored beyond the hourly capacity."""
    serial = world.num_events
    root, generation = place_in_tree(world, events, serial, parent)
    world.num_events = serial + 1
    world.newest_root, world.newest_generation = root, generation
    venue = world.venues[v]
    venue.sum_events += 1
    venue.deepest_generation = max(venue.deepest_generation, generation)
    if kind == EventKind.LIQUIDATION:
        venue.sum_liquidations += 1
        if parent >= 0:
            venue.sum_caused_liquidations += 1
            venue.sum_caused += repaid
    position = world.step_events
    rows = events.rows
    if world.events_hour >= MAX_EVENTS_PER_HOUR or position >= rows.shape[0]:
        world.events_lost += 1
        venue.sum_events_lost += 1
        return serial
    world.events_hour += 1
    world.step_events = position + 1
    event = rows[position]
    event.substep = world.substep
    event.kind = kind
    event.venue = v
    event.account = account
    event.parent = parent
    event.root = root
    event.generation = generation
    event.serial = serial
    event.repaid = repaid
    event.seized = seized
    event.price = price
    event.bad_debt = bad_debt
    return serial


@compiled
def place_in_tree(world, events, serial, parent):
    """(root, generation) of the event `serial` with the parent `parent` (-1: no parent)."""
    if parent < 0:
        return serial, 0
    root, generation = lineage(world, parent)
    if generation >= 0:
        return root, generation + 1
    # the parent is neither a mover that the world remembers nor the newest event: search the events of this decision
    rows = events.rows
    for position in range(world.step_events - 1, -1, -1):
        if rows[position].serial == parent:
            return np.int64(rows[position].root), np.int64(rows[position].generation) + 1
    return parent, 1  # its own parent is not remembered, so it counts as a root


@compiled
def lineage(world, serial):
    """(root, generation) of an event that the world remembers; (-1, -1) for other events.

    The world remembers the newest event, the largest mover since an oracle's last look, the largest mover before that
    look, and the events that liquidators' inventories came from.
    """
    if serial == world.num_events - 1:
        return world.newest_root, world.newest_generation
    for v in range(world.num_venues):
        venue = world.venues[v]
        if serial == venue.parent_serial:
            return venue.parent_root, venue.parent_generation
        if serial == venue.impact_serial:
            return venue.impact_root, venue.impact_generation
    serials = world.liquidator_serial
    for j in range(world.num_liquidators):
        if serials[j] == serial:
            return world.liquidator_root[j], world.liquidator_generation[j]
    return -1, -1


@compiled
def note_impact(world, serial, impact):
    """Remember the event whose trade moved the pool most since each oracle last looked (log price, either sign)."""
    size = abs(impact)
    for v in range(world.num_venues):
        venue = world.venues[v]
        if size > venue.impact_largest:
            venue.impact_largest = size
            root, generation = lineage(world, serial)
            venue.impact_serial, venue.impact_root, venue.impact_generation = serial, root, generation


@compiled
def forget_impact(venue):
    """A venue's oracle has looked: return the largest mover before this look, and forget it.

    When the report lands, this event is the parent of what the report causes: see :func:`name_parent`.

    Returns:
        (serial or -1, root, generation).
    """
    mover = venue.impact_serial, venue.impact_root, venue.impact_generation
    venue.impact_largest = 0.0
    venue.impact_serial = -1
    return mover


@compiled
def name_parent(venue, serial, root, generation):
    """A report has landed: the event `serial` (-1: none) is the parent of what the report causes at this venue."""
    venue.parent_serial, venue.parent_root, venue.parent_generation = serial, root, generation
