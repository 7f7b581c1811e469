"""A fixed loop, timed with every rate: the speed of this machine, independent of protogov's code.

One round is like an hour of a small market: keyed noise moves a price in twelve sub-steps, 128 accounts are scanned for
their health, twenty options are valued. It shares no code with the world: a slower world reduces the ratio, a slower
machine does not.
"""

import math
from statistics import median

import numpy as np
from numba import njit
from numpy.typing import NDArray

from protogov.experiments.bench.rows import timed

# Rounds a second where the targets of rates hold as they are written. Inferred: the world of commit 1704629 ran 76,719
# market hours a second on the machine that the targets were set on, and 62,154 where this loop ran 201,900 rounds.
TARGET_MACHINE = 249_000.0
ROUNDS = 512 * 24
ACCOUNTS, FIELDS = 128, 16  # accounts of a round's market; 512 markets exceed a core's own cache


@njit(nogil=True, error_model="numpy")
def _uniform(seed: int, step: int, purpose: int) -> float:
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(step) * np.uint64(0xBF58476D1CE4E5B9)
    for salt in (np.uint64(purpose), np.uint64(0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(30)) ^ salt) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (float(x >> np.uint64(11)) + 0.5) / 9007199254740992.0


@njit(nogil=True, error_model="numpy")
def _call(spot: float, strike: float, vol: float, years: float) -> float:
    deviation = vol * math.sqrt(years)
    d1 = math.log(spot / strike) / deviation + 0.5 * deviation
    lower = 0.5 * math.erfc(-(d1 - deviation) / math.sqrt(2.0))
    return spot * 0.5 * math.erfc(-d1 / math.sqrt(2.0)) - strike * lower


@njit(nogil=True, error_model="numpy")
def _rounds(rounds: int, markets: NDArray[np.float64]) -> float:
    total = 0.0
    for hour in range(rounds):
        at = hour % len(markets)
        accounts = markets[at]
        price = 1.0
        for step in range(12):
            first, second = _uniform(at, 12 * hour + step, 1), _uniform(at, 12 * hour + step, 2)
            price *= math.exp(0.002 * math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second))
            worst = 1e9
            for number in range(ACCOUNTS):
                if accounts[number, 1] > 0.0:
                    health = accounts[number, 0] * price * 0.83 / accounts[number, 1]
                    if health < worst:
                        worst = health
                    if health < 1.0:
                        accounts[number, 2] += 1.0
            total += worst
        for number in range(20):
            total += _call(price, 0.8 + 0.02 * number, 0.7, 0.02 + 0.01 * (number % 5))
    return total


def reference_rate(repeats: int = 3) -> float:
    """Rounds per processor second on one core, median of `repeats` timings of about .15 s each, after compilation."""
    random = np.random.default_rng(0)
    markets = random.uniform(0.5, 1.5, (512, ACCOUNTS, FIELDS))
    _rounds(512, markets)
    return median(ROUNDS / max(timed(lambda: _rounds(ROUNDS, markets)).cpu, 1e-9) for _ in range(repeats))
