"""Synthetic markets: a path with stochastic vol, small jumps and crashes, and the conditions beside it.

An hour is simulated in twelve steps of five minutes. The candle's extremes and its close then belong to the same path.
The thirty days before the opening are simulated hour by hour. A world therefore opens with a past.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.scenarios.base import Scenario, Seeds, Split, Tapes
from protogov.envs.scenarios.conditions import WARM_UP, ou_step
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
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import ATTACKS, HOURS_PER_YEAR, SUBSTEPS


@dataclass(frozen=True)
class JumpProcess(ProcessParameters, ResumableWalk):
    """A price with log-OU stochastic vol, Merton jumps and crashes that last for hours; times in hours.

    d log P = (drift - s^2/2) dt + s dW + jumps; log s is Ornstein-Uhlenbeck, correlated with W (Scott 1987; jumps:
    Merton 1976). A crash takes `crash_least` to `crash_most` of the price over `crash_shortest` to `crash_longest`
    hours, unevenly at random. It raises vol at its onset. A part of the fall is regained within a day. The drift
    compensates jumps and crashes by hazard: the price has no trend on average.
    """

    ordered = (("crash_from", "crash_to"), ("crash_least", "crash_most"), ("crash_shortest", "crash_longest"))

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of the log of the start price
    vol: float = bounded(0.50, 1e-4, 5.0)  # annual, median
    vol_spread: float = bounded(0.35, 0.0, 2.0)  # stationary sd of log vol
    vol_half_life: float = bounded(120.0, 1.0, 10_000.0)
    leverage: float = bounded(-0.4, -1.0, 1.0)  # correlation of an hour's return with the shock to vol
    jump_hazard: float = bounded(0.01, 0.0, 0.5)  # small jumps per hour
    jump_mean: float = bounded(-0.003, -0.2, 0.2)  # of the log size
    jump_spread: float = bounded(0.02, 0.0, 0.2)  # sd of the log size
    crash_hazard: float = bounded(0.0003, 0.0, 0.02)  # crashes per hour, while there is none
    crash_from: float = bounded(0.0, 0.0, 1e6)  # hours; with crash_to > 0 there is exactly one crash, which begins
    crash_to: float = bounded(0.0, 0.0, 1e6)  # between the two, and the hazard is not used
    crash_least: float = bounded(0.15, 0.0, 0.95)  # share of the price
    crash_most: float = bounded(0.40, 0.0, 0.95)
    crash_shortest: float = bounded(3.0, 1.0, 1000.0)
    crash_longest: float = bounded(30.0, 1.0, 1000.0)
    crash_vol: float = bounded(2.0, 1.0, 10.0)  # factor on vol at the onset
    rebound: float = bounded(0.3, 0.0, 1.0)  # largest share of the fall that is regained

    def walk(self, path: Path, keys: Keys, branch: Branch | None = None) -> Floats:
        """Simulate a path per key; it has no marks.

        Raises:
            ValueError: a branch of a walk with one certain crash, whose hour is drawn at the opening.
        """
        if branch is not None and self.crash_to > 0.0:
            raise ValueError(f"crash_to is {self.crash_to:g}; a walk that is resumed accepts 0: crashes by hazard.")
        return _walk(path, keys, self.as_record(), branch)


_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_PRICE = np.uint64(Purpose.TAPE_PRICE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_JUMP_TIME = np.uint64(Purpose.TAPE_JUMP_TIME)
_JUMP_SIZE = np.uint64(Purpose.TAPE_JUMP_SIZE)
_LOG_VOL_LIMIT = 1.6  # exp(1.6) = 495% a year
_REBOUND_HOURS = 24


@compiled
def hourly_drift(p: Any) -> float:
    """Log drift per hour that compensates the mean effect of jumps and of crashes by hazard."""
    jumps = p.jump_hazard * (exp(p.jump_mean + 0.5 * p.jump_spread * p.jump_spread) - 1.0)
    crashes = 0.0
    if p.crash_to <= 0.0:
        crashes = -p.crash_hazard * 0.5 * (p.crash_least + p.crash_most) * (1.0 - 0.5 * p.rebound)
    return -(jumps + crashes)


@compiled
def onset_hour(seed: np.uint64, p: Any) -> int:
    """Hour after the opening in which the one certain crash begins; -1 if crashes come by hazard."""
    if p.crash_to <= 0.0:
        return -1
    u = uniform(seed, _ZERO, _ZERO, _ONE, _JUMP_TIME)
    return max(1, int(p.crash_from + u * (p.crash_to - p.crash_from)))


@compiled
def crash_begins(seed: np.uint64, step: np.uint64, hour: int, onset: int, p: Any) -> bool:
    """Whether a crash begins in this hour; `hour` counts from the opening."""
    if onset >= 0:
        return hour == onset
    return uniform(seed, _ZERO, step, _ONE, _JUMP_TIME) < p.crash_hazard


@compiled
def crash_size(seed: np.uint64, step: np.uint64, p: Any) -> tuple[float, int]:
    """Log fall (negative) of a crash that begins at `step`, and its length in hours."""
    lost = p.crash_least + uniform(seed, _ZERO, step, _ONE, _JUMP_SIZE) * (p.crash_most - p.crash_least)
    longer = p.crash_longest - p.crash_shortest + 1.0
    hours = int(p.crash_shortest + uniform(seed, _ZERO, step, _TWO, _JUMP_SIZE) * longer)
    return log(1.0 - lost), hours


@compiled
def move_share(seed: np.uint64, step: np.uint64, hours_left: int) -> float:
    """Share of the rest of a crash or rebound that happens in this hour: random, and all of it in the last hour."""
    if hours_left <= 1:
        return 1.0
    return min(1.0, (0.3 + 1.4 * uniform(seed, _ZERO, step, _THREE, _JUMP_SIZE)) / hours_left)


@compiled
def small_jump(seed: np.uint64, step: np.uint64, num_substeps: int, p: Any) -> tuple[int, float]:
    """(sub-step, log size) of this hour's small jump; the sub-step is -1 if there is none."""
    u = uniform(seed, _ZERO, step, _ZERO, _JUMP_TIME)
    if u >= p.jump_hazard:
        return -1, 0.0
    substep = min(int(u / p.jump_hazard * num_substeps), num_substeps - 1)
    return substep, p.jump_mean + p.jump_spread * normal(seed, _ZERO, step, _ZERO, _JUMP_SIZE)


@compiled
def walk_hour(
    log_price: float, log_vol: float, drift: float, seed: np.uint64, step: np.uint64, num_substeps: int, p: Any
) -> tuple[float, float, float, float]:
    """Simulate one hour: (log close, log high, log low, the hour's standardised Brownian shock)."""
    deviation = exp(log_vol) * sqrt(1.0 / (HOURS_PER_YEAR * num_substeps))
    substep_drift = drift / num_substeps - 0.5 * deviation * deviation
    jump_substep, jump = small_jump(seed, step, num_substeps, p)
    high = low = log_price
    shocks = 0.0
    for substep in range(num_substeps):
        shock = normal(seed, _ZERO, step, np.uint64(substep), _PRICE)
        shocks += shock
        log_price += substep_drift + deviation * shock
        if substep == jump_substep:
            log_price += jump
        high = max(high, log_price)
        low = min(low, log_price)
    return log_price, high, low, shocks / sqrt(float(num_substeps))


@compiled
def jump_row(path: Path, own: np.uint64, later: np.uint64, last: int, process: Any) -> float:
    """Simulate one path. Returns the log price at its origin."""
    p = process[0]
    steady = hourly_drift(p)
    onset = onset_hour(own, p)
    keep = exp(-0.6931471805599453 / p.vol_half_life)
    mean_log_vol = log(p.vol)
    log_vol = mean_log_vol + p.vol_spread * normal(own, _ZERO, _ZERO, _ZERO, _VARIANCE)
    own_shock = sqrt(1.0 - p.leverage * p.leverage)
    log_price = 0.0
    fall = left = 0.0  # log size of the present crash, and what is left of the crash or of the rebound
    hours_left = 0
    rebounding = False

    for i in range(1, path.close.size):
        # counted from the start of the path: hours before the opening would be negative, and keys are uint64
        step = np.uint64(i)
        hour = i - WARM_UP
        seed = noise_of(own, later, last, i)
        if hours_left == 0 and crash_begins(seed, step, hour, onset, p):
            fall, hours_left = crash_size(seed, step, p)
            left, rebounding = fall, False
            log_vol += log(p.crash_vol)
        drift = steady
        if hours_left > 0:
            move = left * move_share(seed, step, hours_left)
            drift += move
            left -= move
            hours_left -= 1
            if hours_left == 0:
                left = 0.0
                if not rebounding:
                    rebounding = True
                    hours_left = _REBOUND_HOURS
                    left = -fall * p.rebound * uniform(seed, _ONE, step, _ZERO, _JUMP_SIZE)

        log_vol = min(log_vol, _LOG_VOL_LIMIT)
        substeps = SUBSTEPS if hour > 0 else 1
        log_price, path.high[i], path.low[i], shock = walk_hour(log_price, log_vol, drift, seed, step, substeps, p)
        path.close[i] = log_price
        vol_shock = p.leverage * shock + own_shock * normal(seed, _ZERO, step, _ZERO, _VARIANCE)
        log_vol = ou_step(log_vol, mean_log_vol, keep, p.vol_spread, vol_shock)
    return origin_of(path.close[WARM_UP], own, p)


_walk = over_rows_with_branch(jump_row)


class Flat(Scenario):
    """A market that never moves: for worlds that are computed by hand, and for worlds with a known solution.

    Args:
        name: name of the scenario.
        split: "train", "validation", "test" or "free".
        price: USD per coin in every hour.
        **values: other fields of the tape; fields without a value are those of a quiet hour.

    Raises:
        ValueError: a name is not a field of the tape.
    """

    kind = "synthetic"
    quiet = {
        "implied_vol": 0.7,
        "depth": 0.8e6,
        "congestion": 0.0,
        "funding": 0.0,
        "peg": 1.0,
        "leverage_demand": 1.0,
        "outside_yield": 0.04,
        "informed_share": 0.1,
        "flow_intensity": 1.0,
        **dict.fromkeys(ATTACKS, 0.0),
    }

    def __init__(self, name: str = "flat", split: Split = "free", price: float = 3000.0, **values: float) -> None:
        for field in values:
            if field not in self.quiet:
                raise ValueError(f"Flat has no field {field!r}; known are price, {', '.join(self.quiet)}.")
        self.name, self.split = name, split
        self.values = dict.fromkeys(("open", "high", "low", "close"), price) | self.quiet | values

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Write the same hour everywhere."""
        for field, value in self.values.items():
            tapes[field] = value
