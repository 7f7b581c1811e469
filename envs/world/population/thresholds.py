"""Sticky, discrete wishes: a share between 0 and 1 held in quarters, with thresholds of each person's own.

A person whose smooth wish is the share s holds floor(4 s + offset) quarters. Offsets are spread evenly over people, so
the crowd holds s on average while each of its members moves in whole steps, at thresholds that differ from person to
person. A level is left only when the wish has passed a threshold by the stickiness.
"""

from math import floor

from protogov.envs.world.compiled import compiled

STEPS = 4  # from nothing to all


@compiled
def level_of(share, offset):
    """The level (a multiple of 1/4) that belongs to the wish `share`, when nothing is held yet."""
    return floor(STEPS * share + offset) / STEPS


@compiled
def next_level(level, share, offset, stickiness):
    """The level of a person at `level` who reviews its wish: unchanged within the band around it, else the wish's own.

    `stickiness` is in units of `share`; offsets keep clear of 0 and 1 by as many steps, see :func:`spread_offset`, so
    that every level can be reached and left.
    """
    above = STEPS * (share - level) + offset
    if -STEPS * stickiness <= above < 1.0 + STEPS * stickiness:
        return level
    return level_of(share, offset)


@compiled
def spread_offset(u, stickiness):
    """Offset of a person from a uniform draw `u`, clear of both ends by the stickiness."""
    clear = STEPS * stickiness
    return clear + (1.0 - 2.0 * clear) * u
