"""A price with square-root stochastic variance and jumps in price and variance: the process of the sealed test.

d log P = (drift - V/2) dt + sqrt(V) dW + jumps;  d V = reversion (mean - V) dt + noise sqrt(V) dB + jumps, corr(W, B) =
leverage. Source: Heston (1993) with the lognormal jumps of Bates (1996). Each jump also raises the variance by an
exponential amount, as in Duffie, Pan and Singleton (2000). No training or validation scenario uses this process: `jump`
has a log-OU vol and crashes, `regimes` switches between regimes, `self-exciting` has jumps that trigger jumps.

The parameters are fitted by moments to ETH's recorded hourly candles in seven windows: four of crises (May 2021, May,
June and November 2022) and three of calm months (January 2020, October 2022, July 2023). A crisis window lasts 36 days.
Nine crises in six years fill 15% of the hours, so the four have the weight 15% and the three calm ones 85%.

| moment of log returns | recorded | fitted |
|---|---|---|
| vol of hourly returns, annual | .683 | .652 |
| kurtosis, hourly | 27.7 | 24.9 |
| kurtosis, daily | 24.7 | 18.9 |
| autocorrelation of squared hourly returns, 1 h | .281 | .224 |
| the same, 6 h | .174 | .208 |
| the same, 24 h | .144 | .155 |
| the same, 72 h | .106 | .071 |
| correlation of a return with the mean square of the next 24 hours | -.064 | -.048 |

`python -m protogov.experiments.bates_fit --data FOLDER` measures and fits the moments. The fitted variance is extreme:
it is near zero for long times. :func:`variance_step` is therefore the definition of the process here, and not an
approximation.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.scenarios.conditions import WARM_UP
from protogov.envs.scenarios.path import Floats, Keys, Path, SimulatedWalk, origin_of, over_rows
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS


@dataclass(frozen=True)
class BatesProcess(ProcessParameters, SimulatedWalk):
    """The parameters: annual decimals, times in hours. The defaults are the fit of the sealed test."""

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of the log of the start price
    vol: float = bounded(0.589, 1e-3, 5.0)  # square root of the variance to which the diffusion reverts
    half_life: float = bounded(43.7, 0.5, 10_000.0)  # of a deviation of the variance
    vol_of_vol: float = bounded(2.61, 0.0, 5.0)  # sd of the stationary variance without jumps, divided by its mean
    leverage: float = bounded(-0.316, -1.0, 1.0)  # correlation of the two Brownian motions
    jump_hazard: float = bounded(0.00192, 0.0, 0.5)  # per hour
    jump_mean: float = bounded(0.0044, -0.2, 0.2)  # of the log size
    jump_spread: float = bounded(0.0391, 0.0, 0.3)  # sd of the log size
    variance_jump: float = bounded(0.519, 0.0, 50.0)  # mean addition of a jump to the annual variance

    def walk(self, path: Path, keys: Keys) -> Floats:
        """Simulate a path per key; it has no marks."""
        return _walk(path, keys, self.as_record())


_ZERO, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_PRICE = np.uint64(Purpose.TAPE_PRICE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_JUMP_TIME = np.uint64(Purpose.TAPE_JUMP_TIME)
_JUMP_SIZE = np.uint64(Purpose.TAPE_JUMP_SIZE)
_MOST = 25.0  # annual variance: a vol of 500%


@compiled
def variance_step(variance: float, hours: float, shock: float, p: Any) -> float:
    """Annual variance after `hours` without a jump: full-truncation Euler (Lord, Koekkoek, van Dijk 2010)."""
    mean = p.vol * p.vol
    speed = 0.6931471805599453 / p.half_life
    held = max(variance, 0.0)
    # the stationary sd is noise * sqrt(mean / (2 speed))
    noise = p.vol_of_vol * sqrt(2.0 * speed * mean)
    return variance + speed * (mean - held) * hours + noise * sqrt(held * hours) * shock


@compiled
def bates_hour(
    log_price: float, variance: float, seed: np.uint64, step: np.uint64, num_substeps: int, p: Any
) -> tuple[float, float, float, float]:
    """Simulate one hour. Returns (log close, log high, log low, variance after it)."""
    hours = 1.0 / num_substeps
    years = hours / HOURS_PER_YEAR
    own = sqrt(1.0 - p.leverage * p.leverage)
    growth = exp(p.jump_mean + 0.5 * p.jump_spread * p.jump_spread) - 1.0
    u = uniform(seed, _ZERO, step, _ZERO, _JUMP_TIME)
    jump_substep = min(int(u / p.jump_hazard * num_substeps), num_substeps - 1) if u < p.jump_hazard else -1
    high = low = log_price
    for k in range(num_substeps):
        substep = np.uint64(k)
        held = min(max(variance, 0.0), _MOST)
        shock = normal(seed, _ZERO, step, substep, _PRICE)
        log_price += sqrt(held * years) * shock - 0.5 * held * years - growth * p.jump_hazard * hours
        other = p.leverage * shock + own * normal(seed, _ZERO, step, substep, _VARIANCE)
        variance = variance_step(variance, hours, other, p)
        if k == jump_substep:
            log_price += p.jump_mean + p.jump_spread * normal(seed, _ZERO, step, _ZERO, _JUMP_SIZE)
            variance -= p.variance_jump * log(uniform(seed, _ONE, step, _ZERO, _JUMP_SIZE))
        high = max(high, log_price)
        low = min(low, log_price)
    return log_price, high, low, min(variance, _MOST)


@compiled
def bates_row(path: Path, seed: np.uint64, process: Any) -> float:
    """Simulate one path. Returns the log price at its origin."""
    p = process[0]
    # after thirty days the start value of the variance no longer matters at the opening
    variance = p.vol * p.vol
    log_price = 0.0
    for i in range(1, path.close.size):
        substeps = SUBSTEPS if i > WARM_UP else 1
        log_price, path.high[i], path.low[i], variance = bates_hour(
            log_price, variance, seed, np.uint64(i), substeps, p
        )
        path.close[i] = log_price
    return origin_of(path.close[WARM_UP], seed, p)


_walk = over_rows(bates_row)
