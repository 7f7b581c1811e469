"""What happened, with its parent: the record from which a cascade's tree is read.

The parent of an event is the event, at any venue, with the largest impact on the spot pool between the last two looks
that the oracle of its own venue took at the market (within the window, where that is a pool average); none when the
tape's move alone suffices for it. Its root is the event that began the cascade, its generation the number of links to
there.
"""

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.state import MAX_EVENTS_PER_HOUR, EventKind


@compiled
def record_event(world, events, v, kind, account, parent, repaid, seized, price, bad_debt):
    """Append one event to the log `events` and return its serial number; beyond the hourly capacity it is lost."""
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
    """(root, generation) of the event `serial` whose parent is `parent`, -1 for none."""
    if parent < 0:
        return serial, 0
    root, generation = lineage(world, parent)
    if generation >= 0:
        return root, generation + 1
    # neither a mover that the world remembers nor the newest event: look among those of this decision
    rows = events.rows
    for position in range(world.step_events - 1, -1, -1):
        if rows[position].serial == parent:
            return np.int64(rows[position].root), np.int64(rows[position].generation) + 1
    return parent, 1  # forgotten, and so for all that is known a root


@compiled
def lineage(world, serial):
    """(root, generation) of an event that the world remembers, else -1.

    Remembered are the newest, the largest mover now or before that an oracle has seen, and what somebody's inventory
    came from.
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
    """Remember the event whose sale moved the pool most since each oracle last looked (log price, either sign)."""
    size = abs(impact)
    for v in range(world.num_venues):
        venue = world.venues[v]
        if size > venue.impact_largest:
            venue.impact_largest = size
            root, generation = lineage(world, serial)
            venue.impact_serial, venue.impact_root, venue.impact_generation = serial, root, generation


@compiled
def forget_impact(venue):
    """A venue's oracle has looked: forget the largest mover before that, and return (serial or -1, root, generation).

    When the report lands, it is the parent of what the report causes: see :func:`name_parent`.
    """
    mover = venue.impact_serial, venue.impact_root, venue.impact_generation
    venue.impact_largest = 0.0
    venue.impact_serial = -1
    return mover


@compiled
def name_parent(venue, serial, root, generation):
    """A report has landed: the event `serial`, -1 for none, is the parent of what it causes at this venue."""
    venue.parent_serial, venue.parent_root, venue.parent_generation = serial, root, generation
