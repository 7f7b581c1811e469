"""A market that switches between regimes: calm, normal, boom, turbulent, stress.

A regime lasts for a geometric time. It sets everything to which a governor could adapt: vol and drift of the price,
jumps, depth, leverage demand, outside yield, and the amount of option flow and its informed share. The present regime
is not observed. Source: Markov switching as in Hamilton (1989). Within a regime log vol is Ornstein-Uhlenbeck around
the regime's level.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.scenarios.base import Tapes
from protogov.envs.scenarios.conditions import WARM_UP, ou_step
from protogov.envs.scenarios.path import (
    Branch,
    Floats,
    Indices,
    Keys,
    Path,
    ResumableWalk,
    bend_over_rows,
    noise_of,
    origin_of,
    over_rows_with_branch,
)
from protogov.envs.scenarios.synthetic import walk_hour
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS


@dataclass(frozen=True)
class Regime(ProcessParameters):
    """One state of the market; rates and vols are annual decimals, times in hours."""

    stay: float = bounded(120.0, 1.0, 1e5)  # mean length of a visit
    vol: float = bounded(0.55, 1e-4, 5.0)
    drift: float = bounded(0.0, -50.0, 50.0)  # of the price
    jump_hazard: float = bounded(0.0, 0.0, 0.5)  # per hour
    jump_mean: float = bounded(0.0, -0.2, 0.2)  # of the log size
    jump_spread: float = bounded(0.02, 0.0, 0.2)  # sd of the log size
    depth: float = bounded(1.0, 0.01, 10.0)  # factor on the depth that follows from vol
    demand: float = bounded(1.0, 0.01, 10.0)  # factor on leverage demand
    outside_yield: float = bounded(0.0, -0.5, 1.0)  # added to the outside yield
    intensity: float = bounded(1.0, 0.01, 10.0)  # factor on option arrivals
    informed: float = bounded(0.0, -0.5, 0.5)  # added to the informed share


@dataclass(frozen=True)
class RegimeProcess(ProcessParameters):
    """Parameters that all regimes of a market share; times in hours."""

    start_price: float = bounded(3000.0, 1e-6, 1e9)  # USD, median over seeds
    start_spread: float = bounded(0.25, 0.0, 3.0)  # sd of the log of the start price
    vol_spread: float = bounded(0.2, 0.0, 2.0)  # stationary sd of log vol around its regime's level
    vol_half_life: float = bounded(8.0, 0.1, 10_000.0)  # of vol toward its regime's level
    leverage: float = bounded(-0.3, -1.0, 1.0)  # correlation of an hour's return with the shock to vol
    lag: float = bounded(12.0, 0.1, 1000.0)  # e-folding time of depth, demand, yield and flow toward new levels


_ZERO = np.uint64(0)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_REGIME = np.uint64(Purpose.TAPE_REGIME)
_NEXT = np.uint64(Purpose.TAPE_REGIME_NEXT)
_LOG_VOL_LIMIT = 1.6  # exp(1.6) = 495% a year
_YIELD_FLOOR = 0.002

# A fortnight has several visits. Sources of levels: calm months of ETH realised 23-67%, crises of 2020-23 93-180%,
# single days more. Drifts of boom and stress are those of such weeks; they cancel in the long run.
REGIMES: dict[str, Regime] = {
    "calm": Regime(stay=144.0, vol=0.32, depth=1.1, demand=0.9, outside_yield=-0.01, intensity=0.8, informed=-0.03),
    "normal": Regime(stay=120.0, vol=0.52, drift=0.2, jump_hazard=0.005),
    "boom": Regime(
        stay=96.0, vol=0.60, drift=1.8, jump_hazard=0.008, jump_mean=0.004, depth=1.1, demand=1.6, outside_yield=0.03,
        intensity=1.3,
    ),
    "turbulent": Regime(
        stay=48.0, vol=0.95, drift=-1.0, jump_hazard=0.03, jump_mean=-0.002, depth=0.75, demand=0.8,
        outside_yield=0.01, intensity=1.4, informed=0.1,
    ),
    "stress": Regime(
        stay=16.0, vol=1.7, drift=-8.0, jump_hazard=0.10, jump_mean=-0.01, jump_spread=0.025, depth=0.5, demand=0.55,
        outside_yield=0.08, intensity=1.6, informed=0.2,
    ),
}  # fmt: skip

# the next regime after a visit: shares of each row, by name
TRANSITIONS: dict[str, dict[str, float]] = {
    "calm": {"normal": 0.70, "boom": 0.25, "turbulent": 0.05},
    "normal": {"calm": 0.35, "boom": 0.28, "turbulent": 0.32, "stress": 0.05},
    "boom": {"normal": 0.50, "turbulent": 0.40, "stress": 0.10},
    "turbulent": {"normal": 0.60, "stress": 0.25, "calm": 0.10, "boom": 0.05},
    "stress": {"turbulent": 0.85, "normal": 0.15},
}


@compiled
def pick(cumulative: NDArray[np.float64], u: float) -> int:
    """Index of the first of the increasing `cumulative` shares that exceeds `u`."""
    for k in range(cumulative.size - 1):
        if u < cumulative[k]:
            return k
    return cumulative.size - 1


@compiled
def drift_of(r: Any) -> float:
    """Log drift per hour of a regime; it compensates the mean effect of the regime's jumps."""
    jumps = r.jump_hazard * (exp(r.jump_mean + 0.5 * r.jump_spread * r.jump_spread) - 1.0)
    return r.drift / HOURS_PER_YEAR - jumps


@compiled
def regimes_row(path: Path, own: np.uint64, later: np.uint64, last: int, parameters: Any) -> float:
    """Simulate one path and the regime of each of its hours. Returns the log price at its origin."""
    regimes, chain, process = parameters
    p = process[0]
    keep = exp(-0.6931471805599453 / p.vol_half_life)
    own_shock = sqrt(1.0 - p.leverage * p.leverage)
    state = pick(chain[chain.shape[0] - 1], uniform(own, _ZERO, _ZERO, _ZERO, _REGIME))
    log_vol = log(regimes[state].vol) + p.vol_spread * normal(own, _ZERO, _ZERO, _ZERO, _VARIANCE)
    log_price = 0.0
    path.marks[0] = state
    for i in range(1, path.close.size):
        step = np.uint64(i)
        seed = noise_of(own, later, last, i)
        if uniform(seed, _ZERO, step, _ZERO, _REGIME) * regimes[state].stay < 1.0:
            state = pick(chain[state], uniform(seed, _ZERO, step, _ZERO, _NEXT))
        r = regimes[state]
        substeps = SUBSTEPS if i > WARM_UP else 1
        log_price, path.high[i], path.low[i], shock = walk_hour(
            log_price, log_vol, drift_of(r), seed, step, substeps, r
        )
        path.close[i], path.marks[i] = log_price, state
        vol_shock = p.leverage * shock + own_shock * normal(seed, _ZERO, step, _ZERO, _VARIANCE)
        log_vol = min(ou_step(log_vol, log(r.vol), keep, p.vol_spread, vol_shock), _LOG_VOL_LIMIT)
    return origin_of(path.close[WARM_UP], own, p)


@compiled
def bend_row(tape: Any, states: Indices, seed: np.uint64, parameters: Any) -> None:
    """Apply the regimes to the conditions of a filled `tape`, with a lag because people notice a regime late."""
    regimes, _, process = parameters
    p = process[0]
    follow = 1.0 - exp(-1.0 / p.lag)
    r = regimes[states[0]]
    depth, demand, intensity = log(r.depth), log(r.demand), log(r.intensity)
    outside_yield, informed = r.outside_yield, r.informed
    for i in range(1, states.size):
        r = regimes[states[i]]
        depth += follow * (log(r.depth) - depth)
        demand += follow * (log(r.demand) - demand)
        intensity += follow * (log(r.intensity) - intensity)
        outside_yield += follow * (r.outside_yield - outside_yield)
        informed += follow * (r.informed - informed)
        hour = i - WARM_UP
        if hour >= 0:
            tape[hour]["depth"] = np.float64(tape[hour]["depth"]) * exp(depth)
            tape[hour]["leverage_demand"] = np.float64(tape[hour]["leverage_demand"]) * exp(demand)
            tape[hour]["flow_intensity"] = np.float64(tape[hour]["flow_intensity"]) * exp(intensity)
            paid = np.float64(tape[hour]["outside_yield"]) + outside_yield
            tape[hour]["outside_yield"] = max(_YIELD_FLOOR, paid)
            share = np.float64(tape[hour]["informed_share"]) + informed
            tape[hour]["informed_share"] = min(1.0, max(0.0, share))


_walk, _bend = over_rows_with_branch(regimes_row), bend_over_rows(bend_row)


class RegimeWalk(ResumableWalk):
    """A price that switches between named regimes, which also change the conditions.

    Marks are the regime of each hour, as an index into `regimes`.

    Args:
        regimes: at least two, by name.
        transitions: for each regime the shares of the next regimes. Each row adds up to 1; none follows itself.
        process: parameters that the regimes share.

    Attributes:
        stationary: F64[k], the share of time in each regime in the long run.

    Raises:
        ValueError: the transitions name an unknown regime, lack a row, or do not add up to 1.
    """

    derived = ("implied_vol", "congestion")  # not depth: the regime's factor on it is drawn

    def __init__(
        self,
        regimes: Mapping[str, Regime] | None = None,
        transitions: Mapping[str, Mapping[str, float]] | None = None,
        process: RegimeProcess | None = None,
    ) -> None:
        self.regimes = dict(REGIMES if regimes is None else regimes)
        self.process = process or RegimeProcess()
        shares = _transition_shares(list(self.regimes), TRANSITIONS if transitions is None else transitions)
        self.stationary = _stationary(shares, np.array([regime.stay for regime in self.regimes.values()]))
        # row i: cumulative shares of the regimes after regime i; last row: cumulative stationary distribution
        chain = np.ascontiguousarray(np.cumsum(np.vstack([shares, self.stationary]), axis=1))
        records = np.concatenate([regime.as_record() for regime in self.regimes.values()]).view(np.recarray)
        self._parameters = records, chain, self.process.as_record()

    def walk(self, path: Path, keys: Keys, branch: Branch | None = None) -> Floats:
        """Simulate a path for each key."""
        return _walk(path, keys, self._parameters, branch)

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:
        """Apply the regimes to depth, leverage demand, outside yield and option flow."""
        _bend(tapes, marks, keys, self._parameters)


def _transition_shares(names: list[str], transitions: Mapping[str, Mapping[str, float]]) -> NDArray[np.float64]:
    """F64[k, k]: row i has the shares of the regimes after regime i."""
    if len(names) < 2:
        raise ValueError(f"regimes are {', '.join(names) or 'none'}; at least two are needed.")
    shares = np.zeros((len(names), len(names)))
    for row, name in enumerate(names):
        following = dict(transitions.get(name, {}))
        for other, share in following.items():
            if other not in names or other == name or not share >= 0.0:
                raise ValueError(
                    f"transitions[{name!r}] gives {other!r} the share {share!r}; shares from 0 of the other regimes "
                    f"are accepted: {', '.join(known for known in names if known != name)}."
                )
            shares[row, names.index(other)] = share
        if abs(shares[row].sum() - 1.0) > 1e-9:
            raise ValueError(f"transitions[{name!r}] add up to {shares[row].sum():g}; they must add up to 1.")
    return shares


def _stationary(shares: NDArray[np.float64], stay: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of time in each regime: visits of the embedded chain, each weighted by its mean length."""
    size = len(stay)
    equations = np.vstack([shares.T - np.eye(size), np.ones(size)])
    visits = np.linalg.lstsq(equations, np.r_[np.zeros(size), 1.0], rcond=None)[0]
    time = np.maximum(visits, 0.0) * stay
    return np.asarray(time / time.sum())
