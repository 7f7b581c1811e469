"""Wanted shares in discrete levels: a share between 0 and 1 is held in quarters, with thresholds of each person.

A person whose smooth wanted share is s holds floor(4 s + offset) quarters. Offsets are spread evenly over people. The
crowd therefore holds s on average, while each person moves in whole steps at its own thresholds. A person leaves a
level only when the wanted share has passed a threshold by at least the stickiness.
"""

from math import floor

from protogov.envs.world.compiled import compiled

STEPS = 4  # number of steps from nothing to all


@compiled
def level_of(share, offset):
    """The level (a multiple of 1/4) for the wanted share `share`, if nothing is held yet."""
    return floor(STEPS * share + offset) / STEPS


@compiled
def next_level(level, share, offset, stickiness):
    """The next level of a person at `level`: unchanged if `share` is within the band around it, else that of `share`.

    `stickiness` is in units of `share`. Offsets keep the same distance from 0 and 1, see :func:`spread_offset`. Every
    level can therefore be reached and left.
    """
    above = STEPS * (share - level) + offset
    if -STEPS * stickiness <= above < 1.0 + STEPS * stickiness:
        return level
    return level_of(share, offset)


@compiled
def spread_offset(u, stickiness):
    """Offset of a person from a uniform draw `u`; its distance from 0 and 1 is at least the stickiness in steps."""
    clear = STEPS * stickiness
    return clear + (1.0 - 2.0 * clear) * u
