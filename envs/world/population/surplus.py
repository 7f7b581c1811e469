"""What people gain by being here: areas between their own demand and supply curves and the rates they get.

A borrower's curve is the staircase on which it decides, a supplier's the inverse of the deposit that it wants without
fear and needs. Penalties and fears that people reckon with move where they stand on their curve; they are not taken off
the area, because liquidations, haircuts and lock-ups are charged by themselves in `welfare.py`.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.numeric import power
from protogov.envs.world.population.thresholds import STEPS

FULLEST = 0.95  # share of all its money beyond which every further dollar asks what the last one did
SERIES_TERMS, SERIES_ERROR = 64, 1e-7  # of `mean_asked`: at most, and the term after which nothing more counts


@compiled
def staircase_worth(level, offset, elasticity):
    """Mean rate at which the held quarters of `level` would be given up, over the reservation rate.

    Quarter m (1 to 4) is held while the share wanted, 1 / (1 + (rate / reservation)^elasticity), is at least
    s = (m - offset) / 4 (`thresholds.level_of`), that is up to the rate reservation * ((1 - s) / s)^(1 / elasticity).
    1 for who holds nothing; an elasticity below 1, at which the area has no end, counts as 1.
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
def mean_asked(filled, asked, room, elasticity):
    """Mean rate [annual] that a supplier asks for the dollars that it has in, the first ones being the cheapest.

    Args:
        filled: deposit over the most that it wants at any rate, size * (1 + room).
        asked: annual, at which it wants `size`.
        room: share that it adds at most, `supply_headroom`.
        elasticity: `supply_elasticity`.

    The inverse of `suppliers.wanted_deposit` at a share c of the most is (10% + asked) * (room * c / (1 - c))^e - 10%
    with e = 1 / elasticity, at most 1. Its mean over 0..c is an incomplete beta function, here by its series
    (room * c)^e * sum over k of (e)_k / k! / (1 + e + k) * c^k; beyond `FULLEST` the curve goes on level.
    """
    if filled <= 0.0:
        return -0.1
    e = 1.0 / max(elasticity, 1.0)
    c = min(filled, FULLEST)
    term, total = 1.0, 1.0 / (1.0 + e)
    for k in range(SERIES_TERMS):
        term *= (e + k) / (k + 1.0) * c
        total += term / (2.0 + e + k)
        if term < SERIES_ERROR:
            break
    mean = power(room * c, e) * total
    if filled > c:
        mean += (filled - c) / filled * (power(room * c / (1.0 - c), e) - mean)
    return (0.1 + max(asked, -0.05)) * mean - 0.1
