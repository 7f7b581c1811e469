"""Everything on a tape except the price: derived from the price path, or drawn beside it.

Synthetic paths and replayed candles share these functions: a governor then meets the same kind of market in both.
Derived only from past prices: implied vol, depth, congestion. Drawn by key: leverage demand (with a loading on
momentum), outside yield, flow regime, funding, peg. All drawn states start in their stationary distribution.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import HOURS_PER_YEAR

Logs = NDArray[np.float64]

WARM_UP = 720  # hours of history before the opening: what a 30-day vol needs
WEEK = 168  # hours


@dataclass(frozen=True)
class Conditions(ProcessParameters):
    """Parameters of the conditions of a market; rates and vols are annual decimals, times in hours.

    Levels of implied vol follow Deribit's ETH index: median 0.7 in 2023-26, lowest 0.31. While realised vol is below
    about 1, implied vol is above it: this is the variance risk premium (Carr and Wu 2009). While realised vol is above
    1, implied vol is below it, because vol will revert. Implied vol moves much less than realised vol: if 30-day
    realised vol doubles, implied vol rises by 68%, after some days. `vol_typical`, `vol_elasticity` and `vol_lag` were
    fitted to listed closes of that index (results/crises). Seven of these eight closes are in crises kept for
    validation. For implied vol, and only for it, these crises therefore validate nothing.
    """

    ordered = (("yield_jump_low", "yield_jump_high"), ("vol_low", "vol_high"), ("depth_low", "depth_high"))

    demand_half_life: float = bounded(72.0, 1.0, 10_000.0)  # of log leverage demand
    demand_spread: float = bounded(0.35, 0.0, 2.0)  # its stationary standard deviation
    demand_loading: float = bounded(1.0, -5.0, 5.0)  # loading of its mean on the 7-day log return
    yield_mean: float = bounded(0.04, 0.0, 1.0)
    yield_spread: float = bounded(0.02, 0.0, 1.0)
    yield_half_life: float = bounded(72.0, 1.0, 10_000.0)
    yield_hazard: float = bounded(1.0 / 2880.0, 0.0, 1.0)  # jumps per hour: one in 120 days
    yield_jump_low: float = bounded(0.08, 0.0, 10.0)  # level right after a jump
    yield_jump_high: float = bounded(0.15, 0.0, 10.0)
    yield_decay: float = bounded(72.0, 1.0, 10_000.0)  # e-folding time of a jump
    quiet_informed: float = bounded(0.10, 0.0, 1.0)  # share of informed option flow
    busy_informed: float = bounded(0.35, 0.0, 1.0)
    quiet_intensity: float = bounded(0.8, 0.01, 100.0)  # multiplier on option arrivals
    busy_intensity: float = bounded(1.6, 0.01, 100.0)
    busy_hazard: float = bounded(1.0 / 108.0, 0.0, 1.0)  # quiet -> busy, per hour; both together: mean intensity 1
    quiet_hazard: float = bounded(1.0 / 36.0, 1e-9, 1.0)  # busy -> quiet
    vol_anchor: float = bounded(0.70, 0.01, 5.0)  # long-run implied = anchor * (realised / typical)^elasticity
    vol_typical: float = bounded(0.62, 0.01, 5.0)  # realised vol at which long-run implied vol equals its anchor
    vol_elasticity: float = bounded(0.75, 0.0, 1.0)
    vol_memory: float = bounded(360.0, 24.0, 10_000.0)  # mean age of realised variance, that of a 30-day window
    vol_lag: float = bounded(84.0, 1.0, 10_000.0)  # e-folding time of implied vol toward its long-run level
    vol_low: float = bounded(0.25, 0.01, 5.0)
    vol_high: float = bounded(1.8, 0.01, 10.0)
    depth_calm: float = bounded(0.8e6, 1.0, 1e12)  # USD for 1%, at `depth_vol` and inversely proportional to vol
    depth_vol: float = bounded(0.5, 0.01, 10.0)
    depth_memory: float = bounded(24.0, 1.0, 1000.0)  # mean age of the realised variance that depth follows
    depth_low: float = bounded(0.15e6, 1.0, 1e12)
    depth_high: float = bounded(0.9e6, 1.0, 1e12)
    congestion_free: float = bounded(0.015, 0.0, 1.0)  # hourly range that adds no load
    congestion_gain: float = bounded(8.0, 0.0, 1000.0)  # load per 1.00 of hourly range beyond that
    congestion_vol: float = bounded(0.03, 0.0, 10.0)  # load per hour at a realised vol of 1.00
    congestion_memory: float = bounded(6.0, 0.1, 1000.0)  # e-folding time of the load
    funding_mean: float = bounded(0.08, -1.0, 1.0)
    funding_demand: float = bounded(0.25, -5.0, 5.0)  # loading on log leverage demand
    funding_spread: float = bounded(0.06, 0.0, 1.0)
    funding_half_life: float = bounded(8.0, 0.1, 1000.0)
    peg_spread: float = bounded(0.0005, 0.0, 0.1)  # of the log price of the debt asset
    peg_half_life: float = bounded(12.0, 0.1, 1000.0)


_LN2 = 0.6931471805599453
# a history that starts late is extended by this many hours at the typical vol
_PRIOR_HOURS = 24.0
_LOAD_LIMIT = 5.0
_FUNDING_LIMIT = 0.75
_YIELD_FLOOR = 0.002

# keyed draws accept only uint64 operands
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_DEMAND = np.uint64(Purpose.TAPE_DEMAND)
_YIELD = np.uint64(Purpose.TAPE_YIELD)
_YIELD_TIME = np.uint64(Purpose.TAPE_YIELD_JUMP_TIME)
_YIELD_SIZE = np.uint64(Purpose.TAPE_YIELD_JUMP_SIZE)
_REGIME = np.uint64(Purpose.TAPE_FLOW_REGIME)
_FUNDING = np.uint64(Purpose.TAPE_FUNDING)  # the peg uses sub-step 1 of this purpose


@compiled
def ou_step(state: float, mean: float, keep: float, spread: float, shock: float) -> float:
    """One exact step of an Ornstein-Uhlenbeck process with stationary sd `spread`; `keep` = exp(-dt / tau)."""
    return mean + keep * (state - mean) + spread * sqrt(1.0 - keep * keep) * shock


@compiled
def mean_variance(variance: float, squared_return: float, hours_seen: int, memory: float) -> float:
    """Annual variance after one more hourly return: an average with mean age `memory` [h], shorter at the start."""
    gain = max(1.0 / memory, 1.0 / (hours_seen + _PRIOR_HOURS))
    return variance + gain * (squared_return * HOURS_PER_YEAR - variance)


@compiled
def implied_level(variance: float, c: Any) -> float:
    """The long-run implied vol for an annual realised variance."""
    return c.vol_anchor * exp(c.vol_elasticity * (0.5 * log(max(variance, 1e-8)) - log(c.vol_typical)))


@compiled
def congestion_step(load: float, hourly_range: float, fast_variance: float, c: Any) -> float:
    """Blockspace load after an hour; congestion is 1 - exp(-load)."""
    fresh = c.congestion_gain * max(0.0, hourly_range - c.congestion_free) + c.congestion_vol * sqrt(fast_variance)
    return min(_LOAD_LIMIT, load * exp(-1.0 / c.congestion_memory) + fresh)


@compiled
def depth_at(fast_variance: float, c: Any) -> float:
    """Depth [USD for 1%]: inversely proportional to the vol of the last day, within its bounds."""
    depth = c.depth_calm * c.depth_vol / sqrt(max(fast_variance, 1e-8))
    return min(c.depth_high, max(c.depth_low, depth))


@compiled
def momentum_at(log_close: Logs, hour: int, first: int) -> float:
    """The 7-day log return; over a shorter time if the history is shorter."""
    return log_close[hour] - log_close[max(first, hour - WEEK)]


@compiled
def yield_jump_size(seed: np.uint64, step: np.uint64, c: Any) -> float:
    """How far a jump raises the outside yield above its mean."""
    u = uniform(seed, _ZERO, step, _ZERO, _YIELD_SIZE)
    return c.yield_jump_low + u * (c.yield_jump_high - c.yield_jump_low) - c.yield_mean


@compiled
def opening_yield_jump(seed: np.uint64, c: Any) -> float:
    """The remainder of the last jump at the opening. Its age is exponential, as for any Poisson process."""
    if c.yield_hazard <= 0.0:
        return 0.0
    age = -log(uniform(seed, _ZERO, _ZERO, _ZERO, _YIELD_TIME)) / c.yield_hazard
    return yield_jump_size(seed, _ZERO, c) * exp(-age / c.yield_decay)


@compiled
def opening_regime(seed: np.uint64, c: Any) -> int:
    """1 (busy) with the stationary probability, else 0."""
    busy = c.busy_hazard / (c.busy_hazard + c.quiet_hazard)
    return 1 if uniform(seed, _ZERO, _ZERO, _ZERO, _REGIME) < busy else 0


@compiled
def regime_step(busy: int, seed: np.uint64, step: np.uint64, c: Any) -> int:
    """The flow regime one hour later."""
    u = uniform(seed, _ZERO, step, _ZERO, _REGIME)
    if busy == 1:
        return 0 if u < c.quiet_hazard else 1
    return 1 if u < c.busy_hazard else 0


@compiled
def fill_conditions(
    tape: Any, log_close: Logs, log_range: Logs, first: int, own: np.uint64, later: np.uint64, last: int, c: Any
) -> None:
    """Write the conditions of one tape.

    Args:
        tape: TAPE[hours + 1]; every field except the four prices is written.
        log_close: F64[WARM_UP + hours + 1], log closes; the opening is element WARM_UP.
        log_range: F64[same], log(high / low) of each hour.
        first: index of the first known element of both, 0..WARM_UP.
        own: uint64 key of the row.
        later: uint64 key of the draws after hour `last`.
        last: hour, counted from the opening.
        c: record of :class:`Conditions`.
    """
    keep_demand = exp(-_LN2 / c.demand_half_life)
    keep_yield = exp(-_LN2 / c.yield_half_life)
    keep_jump = exp(-1.0 / c.yield_decay)
    keep_funding = exp(-_LN2 / c.funding_half_life)
    keep_peg = exp(-_LN2 / c.peg_half_life)
    follow_vol = 1.0 - exp(-1.0 / c.vol_lag)

    slow = fast = c.vol_typical * c.vol_typical
    implied, load = c.vol_anchor, 0.0
    demand = base_yield = yield_jump = funding = peg = 0.0
    busy = 0
    for i in range(first, log_close.size):
        # ---- derived from prices up to this hour
        if i > first:
            hourly_return = log_close[i] - log_close[i - 1]
            squared_return = hourly_return * hourly_return
            slow = mean_variance(slow, squared_return, i - first, c.vol_memory)
            fast += (squared_return * HOURS_PER_YEAR - fast) / c.depth_memory
            load = congestion_step(load, log_range[i], fast, c)
            implied += follow_vol * (implied_level(slow, c) - implied)
        if i < WARM_UP:
            continue

        # ---- drawn: stationary at the opening, then hour by hour
        step = np.uint64(i - WARM_UP)
        seed = own if i - WARM_UP <= last else later
        lean = c.demand_loading * momentum_at(log_close, i, first)
        demand_shock = normal(seed, _ZERO, step, _ZERO, _DEMAND)
        yield_shock = normal(seed, _ZERO, step, _ZERO, _YIELD)
        funding_shock = normal(seed, _ZERO, step, _ZERO, _FUNDING)
        peg_shock = normal(seed, _ZERO, step, _ONE, _FUNDING)
        if i == WARM_UP:
            demand = lean + c.demand_spread * demand_shock
            base_yield = c.yield_mean + c.yield_spread * yield_shock
            funding = c.funding_mean + c.funding_demand * demand + c.funding_spread * funding_shock
            peg = c.peg_spread * peg_shock
            yield_jump = opening_yield_jump(seed, c)
            busy = opening_regime(seed, c)
        else:
            demand = ou_step(demand, lean, keep_demand, c.demand_spread, demand_shock)
            base_yield = ou_step(base_yield, c.yield_mean, keep_yield, c.yield_spread, yield_shock)
            funding_mean = c.funding_mean + c.funding_demand * demand
            funding = ou_step(funding, funding_mean, keep_funding, c.funding_spread, funding_shock)
            peg = ou_step(peg, 0.0, keep_peg, c.peg_spread, peg_shock)
            yield_jump *= keep_jump
            if uniform(seed, _ZERO, step, _ZERO, _YIELD_TIME) < c.yield_hazard:
                yield_jump = max(yield_jump, yield_jump_size(seed, step, c))
            busy = regime_step(busy, seed, step, c)

        hour = i - WARM_UP
        tape[hour]["implied_vol"] = min(c.vol_high, max(c.vol_low, implied))
        tape[hour]["depth"] = depth_at(fast, c)
        tape[hour]["congestion"] = 1.0 - exp(-load)
        tape[hour]["funding"] = min(_FUNDING_LIMIT, max(-_FUNDING_LIMIT, funding))
        tape[hour]["peg"] = exp(peg)
        tape[hour]["leverage_demand"] = exp(demand)
        tape[hour]["outside_yield"] = max(_YIELD_FLOOR, base_yield + yield_jump)
        tape[hour]["informed_share"] = c.busy_informed if busy == 1 else c.quiet_informed
        tape[hour]["flow_intensity"] = c.busy_intensity if busy == 1 else c.quiet_intensity
