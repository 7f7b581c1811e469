"""What happened, with its parent: the record from which a cascade's tree is read.

The parent of an event is the event with the largest impact on the spot pool since the last oracle update; none when
the tape's move alone suffices for it.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.state import MAX_EVENTS_PER_HOUR


@compiled
def record_event(world, events, v, kind, account, parent, repaid, seized, price, bad_debt):
    """Append one event and return its serial number; beyond the hourly capacity it is counted as lost."""
    serial = world.num_events
    world.num_events = serial + 1
    position = world.step_events
    if world.events_hour >= MAX_EVENTS_PER_HOUR or position >= events.shape[0]:
        world.events_lost += 1
        return serial
    world.events_hour += 1
    world.step_events = position + 1
    event = events[position]
    event.substep = world.substep
    event.kind = kind
    event.venue = v
    event.account = account
    event.parent = parent
    event.serial = serial
    event.repaid = repaid
    event.seized = seized
    event.price = price
    event.bad_debt = bad_debt
    return serial


@compiled
def note_impact(world, serial, impact):
    """Remember the event whose sale moved the pool most since the last oracle update (log price, either sign)."""
    size = abs(impact)
    if size > world.impact_largest:
        world.impact_largest = size
        world.impact_serial = serial


@compiled
def forget_impact(world):
    """An oracle update has passed the pool's moves on: the largest mover before it is the parent of what it causes."""
    world.parent_serial = world.impact_serial
    world.impact_largest = 0.0
    world.impact_serial = -1
