"""Synthetic markets: a path with stochastic vol, small jumps and crashes, and the conditions beside it.

An hour is simulated in twelve steps of five minutes, so that the candle's extremes belong to the same path as its
close. Thirty days before the opening are simulated hour by hour: a world opens with a past.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np

from protogov.envs.scenarios._parameters import Parameters, bounded
from protogov.envs.scenarios.base import DERIVED, SOURCE_FOLDERS, Scenario, Seeds, Split, Tapes, register
from protogov.envs.scenarios.conditions import WARM_UP, Conditions, Logs, fill_conditions, ou_step
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.noise import Purpose, key, normal, uniform
from protogov.envs.world.state import ATTACKS, HOURS_PER_YEAR, SUBSTEPS


@dataclass(frozen=True)
class JumpProcess(Parameters):
    """A price with log-OU stochastic vol, Merton jumps and crashes that take hours; times in hours.

    d log P = (drift - s^2/2) dt + s dW + jumps; log s is Ornstein-Uhlenbeck, correlated with W (Scott 1987; jumps:
    Merton 1976). A crash takes `crash_least` to `crash_most` of the price away over `crash_shortest` to
    `crash_longest` hours, bunched at random, lifts vol at its onset, and part of the fall comes back in a day. Drift
    offsets jumps and hazard-driven crashes, so that the price has no trend on average.
    """

    ordered = (("crash_from", "crash_to"), ("crash_least", "crash_most"), ("crash_shortest", "crash_longest"))

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of its log
    vol: float = bounded(0.50, 1e-4, 5.0)  # annual, median
    vol_spread: float = bounded(0.35, 0.0, 2.0)  # stationary sd of log vol
    vol_half_life: float = bounded(120.0, 1.0, 10_000.0)
    leverage: float = bounded(-0.4, -1.0, 1.0)  # correlation of an hour's return with the shock to vol
    jump_hazard: float = bounded(0.01, 0.0, 0.5)  # small jumps an hour
    jump_mean: float = bounded(-0.003, -0.2, 0.2)  # of log size
    jump_spread: float = bounded(0.02, 0.0, 0.2)
    crash_hazard: float = bounded(0.0003, 0.0, 0.02)  # crashes an hour, while none is under way
    crash_from: float = bounded(0.0, 0.0, 1e6)  # hours; with crash_to > 0 there is one crash, with its onset between
    crash_to: float = bounded(0.0, 0.0, 1e6)  # the two, and the hazard is not used
    crash_least: float = bounded(0.15, 0.0, 0.95)  # share of the price
    crash_most: float = bounded(0.40, 0.0, 0.95)
    crash_shortest: float = bounded(3.0, 1.0, 1000.0)
    crash_longest: float = bounded(30.0, 1.0, 1000.0)
    crash_vol: float = bounded(2.0, 1.0, 10.0)  # factor on vol at the onset
    rebound: float = bounded(0.3, 0.0, 1.0)  # largest share of the fall that comes back


_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
_SCENARIO = np.uint64(Purpose.TAPE_SCENARIO)
_PRICE = np.uint64(Purpose.TAPE_PRICE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_JUMP_TIME = np.uint64(Purpose.TAPE_JUMP_TIME)
_JUMP_SIZE = np.uint64(Purpose.TAPE_JUMP_SIZE)
_LOG_VOL_LIMIT = 1.6  # exp(1.6) = 495% a year
_REBOUND_HOURS = 24


@compiled
def hourly_drift(p: Any) -> float:
    """Log drift an hour that offsets what jumps and hazard-driven crashes take away on average."""
    jumps = p.jump_hazard * (exp(p.jump_mean + 0.5 * p.jump_spread * p.jump_spread) - 1.0)
    crashes = 0.0
    if p.crash_to <= 0.0:
        crashes = -p.crash_hazard * 0.5 * (p.crash_least + p.crash_most) * (1.0 - 0.5 * p.rebound)
    return -(jumps + crashes)


@compiled
def onset_hour(seed: np.uint64, p: Any) -> int:
    """Hour after the opening in which the one crash of a certain kind begins; -1 if crashes come by hazard."""
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
    """Log fall (negative) of a crash that begins at `step`, and the hours it takes."""
    lost = p.crash_least + uniform(seed, _ZERO, step, _ONE, _JUMP_SIZE) * (p.crash_most - p.crash_least)
    longer = p.crash_longest - p.crash_shortest + 1.0
    hours = int(p.crash_shortest + uniform(seed, _ZERO, step, _TWO, _JUMP_SIZE) * longer)
    return log(1.0 - lost), hours


@compiled
def move_share(seed: np.uint64, step: np.uint64, hours_left: int) -> float:
    """Share of what is left of a crash or rebound that falls into this hour: uneven, and all of it in the last."""
    if hours_left <= 1:
        return 1.0
    return min(1.0, (0.3 + 1.4 * uniform(seed, _ZERO, step, _THREE, _JUMP_SIZE)) / hours_left)


@compiled
def small_jump(seed: np.uint64, step: np.uint64, num_substeps: int, p: Any) -> tuple[int, float]:
    """(sub-step, log size) of this hour's small jump; sub-step -1 if there is none."""
    u = uniform(seed, _ZERO, step, _ZERO, _JUMP_TIME)
    if u >= p.jump_hazard:
        return -1, 0.0
    substep = min(int(u / p.jump_hazard * num_substeps), num_substeps - 1)
    return substep, p.jump_mean + p.jump_spread * normal(seed, _ZERO, step, _ZERO, _JUMP_SIZE)


@compiled
def walk_hour(
    log_price: float, log_vol: float, drift: float, seed: np.uint64, step: np.uint64, num_substeps: int, p: Any
) -> tuple[float, float, float, float]:
    """Walk one hour: (log close, log high, log low, the hour's standardised Brownian shock)."""
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
def walk_path(tape: Any, log_close: Logs, log_range: Logs, seed: np.uint64, p: Any) -> None:
    """Simulate one path: prices into `tape` (TAPE[hours + 1]), logs of the whole past into the two F64 arrays."""
    steady = hourly_drift(p)
    onset = onset_hour(seed, p)
    keep = exp(-0.6931471805599453 / p.vol_half_life)
    mean_log_vol = log(p.vol)
    log_vol = mean_log_vol + p.vol_spread * normal(seed, _ZERO, _ZERO, _ZERO, _VARIANCE)
    own_shock = sqrt(1.0 - p.leverage * p.leverage)
    log_price = 0.0
    offset = 0.0  # from the walk's own origin to the log of the start price
    fall = left = 0.0  # log size of the crash under way, and what is left of it or of the rebound
    hours_left = 0
    rebounding = False

    log_close[0], log_range[0] = 0.0, 0.0
    for i in range(1, log_close.size):
        # uint64: hours before the opening would be negative numbers
        step = np.uint64(i)
        hour = i - WARM_UP
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
        start = log_price
        log_price, high, low, shock = walk_hour(start, log_vol, drift, seed, step, SUBSTEPS if hour > 0 else 1, p)
        log_close[i], log_range[i] = log_price, high - low
        vol_shock = p.leverage * shock + own_shock * normal(seed, _ZERO, step, _ZERO, _VARIANCE)
        log_vol = ou_step(log_vol, mean_log_vol, keep, p.vol_spread, vol_shock)

        if hour == 0:
            price = log(p.start_price) + p.start_spread * normal(seed, _ZERO, _ZERO, _ZERO, _SCENARIO)
            offset = price - log_price
            start = high = low = log_price
        if hour >= 0:
            tape[hour]["open"] = exp(offset + start)
            tape[hour]["high"] = exp(offset + high)
            tape[hour]["low"] = exp(offset + low)
            tape[hour]["close"] = exp(offset + log_price)


@compiled
def draw_row(tape: Any, seed: np.uint64, p: Any, c: Any, log_close: Logs, log_range: Logs) -> None:
    """One tape: its path, then its conditions."""
    walk_path(tape, log_close, log_range, seed, p)
    fill_conditions(tape, log_close, log_range, 0, seed, c)


def _build(digest: str) -> Any:
    @keep_compiled
    def draw_range(
        tapes: Any, seeds: Seeds, salt: np.uint64, process: Any, conditions_of: Any, start: int, stop: int
    ) -> None:
        _ = digest  # a closure cell and so part of the cache's key: see kernels.py
        log_close = np.empty(WARM_UP + tapes.shape[1])
        log_range = np.empty(WARM_UP + tapes.shape[1])
        for row in range(start, stop):
            draw_row(tapes[row], key(seeds[row], salt), process[0], conditions_of[0], log_close, log_range)

    return draw_range


_draw_range = _build(source_digest(*SOURCE_FOLDERS))


class Synthetic(Scenario):
    """A market drawn from a :class:`JumpProcess` and :class:`Conditions`.

    Args:
        name: of the scenario; part of the noise's key.
        split: "train", "validation", "test" or "free".
        process: of the price.
        conditions: of everything else.
    """

    kind = "synthetic"
    derived = DERIVED

    def __init__(
        self,
        name: str,
        split: Split,
        process: JumpProcess | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        self.name, self.split = name, split
        self.process = process or JumpProcess()
        self.conditions = conditions or Conditions()

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Simulate one path and its conditions for each seed."""
        process, conditions_of = self.process.as_record(), self.conditions.as_record()
        _draw_range(tapes, seeds, self.salt, process, conditions_of, 0, seeds.size)


class Flat(Scenario):
    """Nothing ever moves: for worlds that are walked by hand, and for worlds with a known solution.

    Args:
        name: of the scenario.
        split: "train", "validation", "test" or "free".
        price: USD per coin, of every hour.
        **values: any other field of the tape; the rest as in a quiet hour.

    Raises:
        ValueError: for a name that is no field of the tape.
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


JUMP = register(Synthetic("jump", "train"), "stochastic vol, small jumps, and a crash in one episode of ten")

CALM = register(
    Synthetic(
        "calm",
        "train",
        JumpProcess(vol=0.35, vol_spread=0.2, jump_hazard=0.0, crash_hazard=0.0),
        Conditions(yield_hazard=0.0),
    ),
    "low vol, no jumps, no surprises in the outside yield",
)

# Held out: one certain crash between day 3 and day 10, deeper, faster, from a higher vol and with a larger rebound.
CRASH = register(
    Synthetic(
        "crash-heldout",
        "validation",
        JumpProcess(
            start_price=1800.0,
            vol=0.75,
            vol_spread=0.3,
            vol_half_life=72.0,
            leverage=-0.6,
            jump_hazard=0.02,
            jump_mean=0.0,
            jump_spread=0.015,
            crash_from=72.0,
            crash_to=240.0,
            crash_least=0.25,
            crash_most=0.55,
            crash_shortest=2.0,
            crash_longest=18.0,
            crash_vol=2.5,
            rebound=0.6,
        ),
    ),
    "one certain crash between day 3 and day 10, deeper and faster than those of jump",
)

FLAT = register(Flat(), "nothing ever moves: for worlds that are walked by hand")
