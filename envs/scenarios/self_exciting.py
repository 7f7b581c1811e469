"""Self-exciting jumps: each jump makes further jumps more likely for some hours, so they come in bursts.

A Hawkes process (Hawkes 1971) with an exponential kernel: intensity = base + sum over past jumps of
branching / memory * exp(-age / memory). The branching ratio is the mean number of jumps that one jump triggers. The
long-run rate of jumps is base / (1 - branching).
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.scenarios.conditions import WARM_UP, ou_step
from protogov.envs.scenarios.path import Floats, Keys, Path, SimulatedWalk, origin_of, over_rows
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, poisson_count, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS


@dataclass(frozen=True)
class HawkesProcess(ProcessParameters, SimulatedWalk):
    """A price with log-OU stochastic vol and self-exciting jumps; times in hours.

    The drift compensates the jumps at their present intensity: the price has no trend, inside and outside a burst.
    Marks are the number of jumps within each hour, 0 at the opening.
    """

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of the log of the start price
    vol: float = bounded(0.42, 1e-4, 5.0)  # annual, median, without jumps
    vol_spread: float = bounded(0.25, 0.0, 2.0)  # stationary sd of log vol
    vol_half_life: float = bounded(120.0, 1.0, 10_000.0)
    leverage: float = bounded(-0.4, -1.0, 1.0)  # correlation of an hour's return with the shock to vol
    jump_base: float = bounded(0.008, 0.0, 1.0)  # jumps per hour that no other jump triggered
    branching: float = bounded(0.8, 0.0, 0.98)  # mean number of jumps that one jump triggers
    jump_memory: float = bounded(6.0, 0.1, 1000.0)  # e-folding time of a jump's addition to the intensity
    jump_mean: float = bounded(-0.004, -0.2, 0.2)  # of the log size
    jump_spread: float = bounded(0.015, 0.0, 0.2)  # sd of the log size

    def walk(self, path: Path, keys: Keys) -> Floats:
        """Simulate a path per key."""
        return _walk(path, keys, self.as_record())


_ZERO = np.uint64(0)
_PRICE = np.uint64(Purpose.TAPE_PRICE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_JUMP_TIME = np.uint64(Purpose.TAPE_JUMP_TIME)
_JUMP_SIZE = np.uint64(Purpose.TAPE_JUMP_SIZE)
_LOG_VOL_LIMIT = 1.6
_MOST = 20.0  # largest expected number of jumps in a sub-step: the limit of the inverse Poisson distribution


@compiled
def lift_of(hours: float, p: Any) -> float:
    """Addition of a jump to the intensity, from the next sub-step of `hours` on.

    With steps of this length a jump triggers lift * hours * (1 + keep + keep^2 + ...) jumps, which is exactly
    `branching`.
    """
    return p.branching * (1.0 - exp(-hours / p.jump_memory)) / hours


@compiled
def excited_hour(
    log_price: float, log_vol: float, intensity: float, seed: np.uint64, step: np.uint64, num_substeps: int, p: Any
) -> tuple[float, float, float, float, float, int]:
    """Simulate one hour: (log close, log high, log low, standardised Brownian shock, intensity after it, jumps)."""
    hours = 1.0 / num_substeps
    deviation = exp(log_vol) * sqrt(hours / HOURS_PER_YEAR)
    keep = exp(-hours / p.jump_memory)
    lift = lift_of(hours, p)
    growth = exp(p.jump_mean + 0.5 * p.jump_spread * p.jump_spread) - 1.0
    high = low = log_price
    shocks, jumps = 0.0, 0
    for k in range(num_substeps):
        substep = np.uint64(k)
        shock = normal(seed, _ZERO, step, substep, _PRICE)
        shocks += shock
        expected = min(intensity * hours, _MOST)
        count = poisson_count(uniform(seed, _ZERO, step, substep, _JUMP_TIME), expected)
        log_price += deviation * shock - 0.5 * deviation * deviation - growth * expected
        if count > 0:
            size = sqrt(float(count)) * p.jump_spread * normal(seed, _ZERO, step, substep, _JUMP_SIZE)
            log_price += count * p.jump_mean + size
        intensity = p.jump_base + (intensity - p.jump_base) * keep + lift * count
        jumps += count
        high = max(high, log_price)
        low = min(low, log_price)
    return log_price, high, low, shocks / sqrt(float(num_substeps)), intensity, jumps


@compiled
def excited_row(path: Path, seed: np.uint64, process: Any) -> float:
    """Simulate one path and its jumps per hour. Returns the log price at its origin."""
    p = process[0]
    keep = exp(-0.6931471805599453 / p.vol_half_life)
    own_shock = sqrt(1.0 - p.leverage * p.leverage)
    mean_log_vol = log(p.vol)
    log_vol = mean_log_vol + p.vol_spread * normal(seed, _ZERO, _ZERO, _ZERO, _VARIANCE)
    intensity = p.jump_base / (1.0 - p.branching)
    log_price = 0.0
    for i in range(1, path.close.size):
        step = np.uint64(i)
        after = i > WARM_UP
        log_price, path.high[i], path.low[i], shock, intensity, jumps = excited_hour(
            log_price, min(log_vol, _LOG_VOL_LIMIT), intensity, seed, step, SUBSTEPS if after else 1, p
        )
        path.close[i], path.marks[i] = log_price, jumps if after else 0
        vol_shock = p.leverage * shock + own_shock * normal(seed, _ZERO, step, _ZERO, _VARIANCE)
        log_vol = ou_step(log_vol, mean_log_vol, keep, p.vol_spread, vol_shock)
    return origin_of(path.close[WARM_UP], seed, p)


_walk = over_rows(excited_row)
