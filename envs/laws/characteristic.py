"""Logs of characteristic functions E exp(iuX) of the log return X of a martingale price over some years.

All take u as C128[n, k] and what belongs to a row as F64[n].
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]


def merton(
    u: Complexes, years: Floats, variance: Floats, hazard: float, jump_mean: float, jump_spread: float
) -> Complexes:
    """Brownian motion of an annual `variance` with normal jumps, `hazard` of them a year (Merton 1976).

    Without jumps it is the normal law of Black and Scholes.
    """
    growth = np.exp(jump_mean + 0.5 * jump_spread**2) - 1.0
    drift = -0.5 * variance - hazard * growth
    jumps = hazard * (np.exp(1j * u * jump_mean - 0.5 * jump_spread**2 * u * u) - 1.0)
    at = 1j * u * drift[:, None] - 0.5 * variance[:, None] * u * u + jumps
    return np.asarray(at * years[:, None])


def heston(
    u: Complexes, years: Floats, variance: Floats, mean: float, speed: float, noise: float, leverage: float
) -> Complexes:
    """Square-root variance (Heston 1993) in the form that stays on one branch of the logarithm (Albrecher et al. 2007).

    Args:
        u: frequencies.
        years: of the return.
        variance: annual, at its start.
        mean: annual variance to which it reverts.
        speed: of reversion, a year.
        noise: vol of the variance, a year, positive.
        leverage: correlation of the two Brownian motions.
    """
    t = years[:, None]
    slope = speed - leverage * noise * 1j * u
    root = np.sqrt(slope * slope + noise * noise * (1j * u + u * u))
    ratio = (slope - root) / (slope + root)
    decay = np.exp(-root * t)
    level = speed * mean / noise**2 * ((slope - root) * t - 2.0 * np.log((1.0 - ratio * decay) / (1.0 - ratio)))
    start = (slope - root) / noise**2 * (1.0 - decay) / (1.0 - ratio * decay)
    return np.asarray(level + variance[:, None] * start)
