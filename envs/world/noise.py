"""Keyed random numbers: a pure function of (seed, entity, step, sub-step, purpose), not a stream.

In a stream, one more draw in one market would change every later draw in all others. A key avoids this. Two branches of
a fork that differ in one action see the same noise everywhere else, in any batch and on any number of threads.

Operands are first cast to ``uint64``: numba promotes mixed signed and unsigned integers to float64, which loses bits.
"""

from enum import IntEnum
from math import exp, log, sqrt

import numpy as np

from protogov.envs.world.compiled import compiled


class Purpose(IntEnum):
    """What a draw is used for. Only append: the value is part of the key, so renumbering changes every episode."""

    TAPE_VARIANCE = 1
    TAPE_PRICE = 2
    TAPE_JUMP_TIME = 3
    TAPE_JUMP_SIZE = 4
    TAPE_DEMAND = 5
    TAPE_YIELD = 6
    TAPE_YIELD_JUMP_TIME = 7
    TAPE_YIELD_JUMP_SIZE = 8
    TAPE_FLOW_REGIME = 9
    TAPE_BRIDGE = 10
    TAPE_SCENARIO = 11
    TAPE_DEPTH = 12
    TAPE_FUNDING = 13
    PRICE_BRIDGE = 20
    ACCOUNT_SIZE = 30
    ACCOUNT_RATE = 31
    ACCOUNT_LEVERAGE = 32
    ACCOUNT_SAFETY = 33
    ACCOUNT_ACTIVITY = 34
    ACCOUNT_WALLET = 35
    ACCOUNT_SLOT = 36
    ACCOUNT_ACTS = 37
    ACCOUNT_RETURNS = 38
    SUPPLIER_SIZE = 40
    SUPPLIER_YIELD = 41
    SUPPLIER_PATIENCE = 42
    SUPPLIER_NEED = 43
    OPTION_ARRIVALS = 50
    OPTION_NODE = 51
    OPTION_SIDE = 52
    OPTION_MARGIN = 53
    OPTION_SIZE = 54
    OPTION_INFORMED = 55
    OPTION_TYPE = 56
    EXPIRY_PHASE = 60
    SHORT_SELLER_ENTRY = 61
    SHORT_SELLER_NODE = 62
    SHORT_SELLER_SIZE = 63
    SHORT_SELLER_BUFFER = 64
    LEVER_START = 70
    EPISODE_LENGTH = 71
    LIQUIDATOR = 72
    OPENING_BOOK = 73
    OPTION_LATENCY = 80
    LIQUIDATOR_SIZE = 85
    LIQUIDATOR_SKILL = 86
    LIQUIDATOR_MODE = 87
    LIQUIDATOR_WATCHES = 88
    ACCOUNT_REVIEWS = 90
    ACCOUNT_OFFSET = 91
    SUPPLIER_FEAR = 92
    SUPPLIER_ORDER = 93
    ACCOUNT_TASTE = 94
    ACCOUNT_VENUE_OFFSET = 95
    SUPPLIER_TASTE = 96
    OPTION_VENUE = 100
    PUT_LOOK = 101
    PUT_EXPIRY = 102
    PUT_MARGIN = 103
    SHORT_SELLER_KIND = 104
    SHORT_SELLER_VENUE = 105
    SHORT_SELLER_MARGIN = 110
    LP_SIZE = 106
    LP_PREMIUM = 107
    LP_OFFSET = 108
    LP_LOOK = 109
    TAPE_REGIME = 130
    TAPE_REGIME_NEXT = 131
    TAPE_ONSET = 132
    TAPE_AMPLITUDE = 133
    TAPE_MIX = 134
    TAPE_WICK = 135
    TAPE_IMPLIED = 136
    SUPPLIER_LEAVES = 137
    ATTACK_VENUE = 138
    MEMBER = 139
    SOLVABLE_JUMP = 160


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_PRIME_ENTITY = np.uint64(0xD1342543DE82EF95)
_PRIME_STEP = np.uint64(0xAF251AF3B0F025B5)
_PRIME_SUBSTEP = np.uint64(0xB564EF22EC7AECE5)
_PRIME_PURPOSE = np.uint64(0xF7C2EBC08F67F2B5)
_S30, _S27, _S31, _S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_TWO_POW_MINUS_52 = 2.0**-52


@compiled
def splitmix(z):
    """Mix 64 bits: each input bit flips half of the output bits on average (Steele, Lea and Flood 2014, SplitMix64)."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@compiled
def key(seed, number):
    """The uint64 seed of episode `number` of a world, derived from the world's own uint64 `seed`."""
    return splitmix(splitmix(np.uint64(seed) + _GOLDEN) ^ ((np.uint64(number) + _GOLDEN) * _PRIME_STEP))


@compiled
def uniform(seed, entity, step, substep, purpose):
    """A float64 in the open interval (0, 1) that depends only on its five integer operands (modulo 2**64)."""
    z = (
        np.uint64(seed)
        + np.uint64(entity) * _PRIME_ENTITY
        + np.uint64(step) * _PRIME_STEP
        + np.uint64(substep) * _PRIME_SUBSTEP
        + np.uint64(purpose) * _PRIME_PURPOSE
    )
    z = splitmix(splitmix(z + _GOLDEN) + _GOLDEN)
    # 52 bits plus a half: with 53 bits the largest value would round to 1, and the interval would not be open
    return (np.float64(z >> _S12) + 0.5) * _TWO_POW_MINUS_52


@compiled
def normal(seed, entity, step, substep, purpose):
    """A standard normal draw by the inverse CDF of :func:`uniform`. Monotone: paired draws stay close."""
    return normal_quantile(uniform(seed, entity, step, substep, purpose))


@compiled
def normal_quantile(p):
    """Inverse of the standard normal CDF for p in (0, 1): Wichura's AS 241 (PPND16), relative error about 1e-16."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return (
            q
            * (
                (
                    (
                        (
                            (
                                ((r * 2509.0809287301226727 + 33430.575583588128105) * r + 67265.770927008700853) * r
                                + 45921.953931549871457
                            )
                            * r
                            + 13731.693765509461125
                        )
                        * r
                        + 1971.5909503065514427
                    )
                    * r
                    + 133.14166789178437745
                )
                * r
                + 3.387132872796366608
            )
            / (
                (
                    (
                        (
                            (
                                ((r * 5226.495278852854561 + 28729.085735721942674) * r + 39307.89580009271061) * r
                                + 21213.794301586595867
                            )
                            * r
                            + 5394.1960214247511077
                        )
                        * r
                        + 687.1870074920579083
                    )
                    * r
                    + 42.313330701600911252
                )
                * r
                + 1.0
            )
        )
    r = sqrt(-log(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        x = (
            (
                (
                    (
                        (
                            ((r * 7.7454501427834140764e-4 + 0.0227238449892691845833) * r + 0.24178072517745061177) * r
                            + 1.27045825245236838258
                        )
                        * r
                        + 3.64784832476320460504
                    )
                    * r
                    + 5.7694972214606914055
                )
                * r
                + 4.6303378461565452959
            )
            * r
            + 1.42343711074968357734
        ) / (
            (
                (
                    (
                        (
                            ((r * 1.05075007164441684324e-9 + 5.475938084995344946e-4) * r + 0.0151986665636164571966)
                            * r
                            + 0.14810397642748007459
                        )
                        * r
                        + 0.68976733498510000455
                    )
                    * r
                    + 1.6763848301838038494
                )
                * r
                + 2.05319162663775882187
            )
            * r
            + 1.0
        )
    else:
        r -= 5.0
        x = (
            (
                (
                    (
                        (
                            ((r * 2.01033439929228813265e-7 + 2.71155556874348757815e-5) * r + 0.0012426609473880784386)
                            * r
                            + 0.026532189526576123093
                        )
                        * r
                        + 0.29656057182850489123
                    )
                    * r
                    + 1.7848265399172913358
                )
                * r
                + 5.4637849111641143699
            )
            * r
            + 6.6579046435011037772
        ) / (
            (
                (
                    (
                        (
                            ((r * 2.04426310338993978564e-15 + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5)
                            * r
                            + 7.868691311456132591e-4
                        )
                        * r
                        + 0.0148753612908506148525
                    )
                    * r
                    + 0.13692988092273580531
                )
                * r
                + 0.59983220655588793769
            )
            * r
            + 1.0
        )
    return -x if q < 0.0 else x


@compiled
def poisson_count(u, mean):
    """Number of arrivals with the given `mean` (0 to 20), by the inverse CDF at the uniform `u`; at most 64."""
    # not np.exp: with jitting off, numpy's own vector code differs from libm in the last bit
    probability = exp(-mean)
    cumulative = probability
    count = 0
    while u > cumulative and count < 64:
        count += 1
        probability *= mean / count
        cumulative += probability
    return count
