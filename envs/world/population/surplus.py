"""People's gains in this market: areas between their own demand and supply curves and the rates that they get.

A borrower's curve is the step function on which it decides. A supplier's curve is the inverse of the deposit that it
wants without fear and needs. Penalties and fears move people along their curve. They are not subtracted from the
area, because `welfare.py` charges liquidations, haircuts and lock-ups separately.
"""

import numpy as np

from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.numeric import power
from protogov.envs.world.population.thresholds import STEPS

FULLEST = 0.95  # share of a supplier's largest deposit; the curve is flat beyond it
SERIES_TERMS, SERIES_ERROR = 64, 1e-7  # of `mean_asked`: most terms, and the size of a term after which it stops


@compiled
def staircase_worth(level, offset, elasticity):
    """Mean rate up to which the held quarters of `level` would be kept, divided by the reservation rate.

    Quarter m (1 to 4) is held while the wanted share, 1 / (1 + (rate / reservation)^elasticity), is at least
    s = (m - offset) / 4 (`thresholds.level_of`), that is up to the rate reservation * ((1 - s) / s)^(1 / elasticity).
    The result is 1 if nothing is held. An elasticity below 1 counts as 1, because its area would be infinite.
    """
    held = int(STEPS * level + 0.5)
    if held == 0:
        return 1.0
    total = 0.0
    for m in range(1, held + 1):
        share = (m - offset) / STEPS
        total += power((1.0 - share) / share, 1.0 / max(elasticity, 1.0))
    return total / held


@compiled
def series_ratios(elasticity):
    """Ratios of the coefficients of the series of `mean_asked`, F64[SERIES_TERMS]: the same for all suppliers."""
    e = 1.0 / max(elasticity, 1.0)
    ratios = np.empty(SERIES_TERMS)
    for k in range(SERIES_TERMS):
        ratios[k] = (e + k) / (k + 1.0)
    return ratios


@copied
def mean_asked(filled, asked, room, elasticity, ratios):
    """Mean rate [annual] that a supplier asks for its deposit. Its first dollars ask the least.

    Args:
        filled: deposit divided by the largest deposit that it wants at any rate, size * (1 + room).
        asked: rate [annual] at which it wants `size`.
        room: largest addition as a share of `size`, `supply_headroom`.
        elasticity: `supply_elasticity`.
        ratios: :func:`series_ratios` of that.

    The inverse of `suppliers.wanted_deposit` at a share c of the largest deposit is
    (10% + asked) * (room * c / (1 - c))^e - 10% with e = 1 / elasticity, at most 1. Its mean over 0..c is an incomplete
    beta function, computed by the series (room * c)^e * sum over k of (e)_k / k! / (1 + e + k) * c^k. Beyond `FULLEST`
    the curve is flat.
    """
    if filled <= 0.0:
        return -0.1
    e = 1.0 / max(elasticity, 1.0)
    c = min(filled, FULLEST)
    term, total = 1.0, 1.0 / (1.0 + e)
    for k in range(SERIES_TERMS):
        term *= ratios[k] * c
        total += term / (2.0 + e + k)
        if term < SERIES_ERROR:
            break
    mean = power(room * c, e) * total
    if filled > c:
        mean += (filled - c) / filled * (power(room * c / (1.0 - c), e) - mean)
    return (0.1 + max(asked, -0.05)) * mean - 0.1
