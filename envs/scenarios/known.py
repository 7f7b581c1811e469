"""Markets whose law is known: geometric Brownian motion, Merton's jumps, Heston's stochastic variance.

What somebody forecasts in them can be held against the truth (``protogov.envs.laws``). The price is a martingale: its
expected return is zero. Their own shocks apart, everything on the tape follows as in any other market.

Marks are the annual variance of each hour that comes, in units of 1e-9: what the law after that hour depends on.
"""

from dataclasses import dataclass
from math import exp, sqrt
from typing import Any

import numpy as np

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.scenarios.conditions import WARM_UP
from protogov.envs.scenarios.path import (
    Branch,
    Floats,
    Keys,
    Path,
    ResumableWalk,
    noise_of,
    origin_of,
    over_rows_with_branch,
)
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, poisson_count, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS

VARIANCE_UNIT = 1e-9  # of marks

_ZERO = np.uint64(0)
_PRICE = np.uint64(Purpose.TAPE_PRICE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_JUMP_TIME = np.uint64(Purpose.TAPE_JUMP_TIME)
_JUMP_SIZE = np.uint64(Purpose.TAPE_JUMP_SIZE)


@compiled
def merton_row(path: Path, own: np.uint64, later: np.uint64, last: int, process: Any) -> float:
    """Simulate one path with constant vol and Poisson jumps; the log price at its origin."""
    p = process[0]
    vol = p.vol * exp(p.vol_spread * normal(own, _ZERO, _ZERO, _ZERO, _VARIANCE))
    growth = exp(p.jump_mean + 0.5 * p.jump_spread * p.jump_spread) - 1.0
    mark = int(vol * vol / VARIANCE_UNIT + 0.5)
    path.marks[0] = mark
    log_price = 0.0
    for i in range(1, path.close.size):
        step, seed = np.uint64(i), noise_of(own, later, last, i)
        substeps = SUBSTEPS if i > WARM_UP else 1
        years = 1.0 / (HOURS_PER_YEAR * substeps)
        jumps = poisson_count(uniform(seed, _ZERO, step, _ZERO, _JUMP_TIME), p.jump_hazard)
        high = low = log_price
        for k in range(substeps):
            shock = normal(seed, _ZERO, step, np.uint64(k), _PRICE)
            log_price += vol * sqrt(years) * shock - 0.5 * vol * vol * years - growth * p.jump_hazard / substeps
            if jumps > 0 and k == substeps // 2:
                size = normal(seed, _ZERO, step, _ZERO, _JUMP_SIZE)
                log_price += jumps * p.jump_mean + sqrt(float(jumps)) * p.jump_spread * size
            high = max(high, log_price)
            low = min(low, log_price)
        path.close[i], path.high[i], path.low[i], path.marks[i] = log_price, high, low, mark
    return origin_of(path.close[WARM_UP], own, p)


@compiled
def heston_row(path: Path, own: np.uint64, later: np.uint64, last: int, process: Any) -> float:
    """Simulate one path by full-truncation Euler steps (Lord, Koekkoek and van Dijk 2010); the log price at its origin.

    A step is five minutes, some thousandth of the half-life of variance: what that costs in accuracy is not seen in
    tens of thousands of paths.
    """
    p = process[0]
    mean = p.vol * p.vol
    speed = 0.6931471805599453 / p.half_life
    noise = p.vol_of_vol * sqrt(2.0 * speed * mean)
    own_share = sqrt(1.0 - p.leverage * p.leverage)
    variance = mean  # thirty days before the opening: forgotten by then
    path.marks[0] = int(variance / VARIANCE_UNIT + 0.5)
    log_price = 0.0
    for i in range(1, path.close.size):
        step, seed = np.uint64(i), noise_of(own, later, last, i)
        substeps = SUBSTEPS if i > WARM_UP else 1
        hours = 1.0 / substeps
        high = low = log_price
        for k in range(substeps):
            substep = np.uint64(k)
            held = max(variance, 0.0)
            years = hours / HOURS_PER_YEAR
            shock = normal(seed, _ZERO, step, substep, _PRICE)
            other = p.leverage * shock + own_share * normal(seed, _ZERO, step, substep, _VARIANCE)
            log_price += sqrt(held * years) * shock - 0.5 * held * years
            variance += speed * (mean - held) * hours + noise * sqrt(held * hours) * other
            high = max(high, log_price)
            low = min(low, log_price)
        path.close[i], path.high[i], path.low[i] = log_price, high, low
        path.marks[i] = int(max(variance, 0.0) / VARIANCE_UNIT + 0.5)
    return origin_of(path.close[WARM_UP], own, p)


_walk_merton, _walk_heston = over_rows_with_branch(merton_row), over_rows_with_branch(heston_row)


@dataclass(frozen=True)
class MertonProcess(ProcessParameters, ResumableWalk):
    """Constant vol and lognormal jumps at Poisson times; annual decimals, times in hours.

    d log P = -(vol^2 / 2 + hazard * growth) dt + vol dW + jumps, with growth the mean of a jump's exponential less one.
    Merton (1976), 'Option pricing when underlying stock returns are discontinuous'. Without jumps it is the geometric
    Brownian motion of Black and Scholes (1973).
    """

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of its log
    vol: float = bounded(0.45, 1e-3, 5.0)  # of the Brownian motion; median over seeds
    vol_spread: float = bounded(0.0, 0.0, 1.0)  # sd of its log: a tape keeps its vol
    jump_hazard: float = bounded(0.01, 0.0, 0.5)  # jumps an hour
    jump_mean: float = bounded(-0.01, -0.3, 0.3)  # of log size
    jump_spread: float = bounded(0.03, 0.0, 0.3)

    def walk(self, path: Path, keys: Keys, branch: Branch | None = None) -> Floats:
        """Simulate a path for each key."""
        return _walk_merton(path, keys, self.as_record(), branch)


@dataclass(frozen=True)
class HestonProcess(ProcessParameters, ResumableWalk):
    """Square-root stochastic variance; annual decimals, times in hours.

    d log P = -V/2 dt + sqrt(V) dW;  d V = speed (vol^2 - V) dt + noise sqrt(V) dB, corr(W, B) = leverage.
    Heston (1993). The default variance stays away from zero (2 speed vol^2 is four times noise^2).
    """

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of its log
    vol: float = bounded(0.65, 1e-3, 5.0)  # square root of the mean variance
    half_life: float = bounded(120.0, 1.0, 10_000.0)  # of a deviation of the variance
    vol_of_vol: float = bounded(0.5, 0.0, 5.0)  # sd of the stationary variance over its mean
    leverage: float = bounded(-0.5, -1.0, 1.0)  # correlation of the two Brownian motions

    def walk(self, path: Path, keys: Keys, branch: Branch | None = None) -> Floats:
        """Simulate a path for each key."""
        return _walk_heston(path, keys, self.as_record(), branch)
