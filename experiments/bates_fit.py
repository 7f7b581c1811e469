"""Fit the process of the sealed test to recorded candles by moments, and print both sides of each.

python -m protogov.experiments.bates_fit --data FOLDER
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.candles import load_candles
from protogov.envs.scenarios.path import PathScenario
from protogov.experiments import cli
from protogov.experiments.core.paths import candle_files
from protogov.experiments.core.statistics import Floats
from protogov.experiments.errors import BadInput, as_bad_input

PROGRAM = "python -m protogov.experiments.bates_fit"
CRISIS_SHARE = 0.15  # of history's hours: nine crises of 36 days in six years
FIRST_SEED = 2**48  # of the fit's tapes
HOURS_PER_YEAR = 8760
# fitted parameter -> (low, high); the search is over their place on a straight line, or on a log line where low > 0
BOUNDS = {
    "vol": (0.2, 0.9), "half_life": (6.0, 400.0), "vol_of_vol": (0.2, 4.0), "leverage": (-0.9, 0.3),
    "jump_hazard": (0.0005, 0.08), "jump_mean": (-0.02, 0.01), "jump_spread": (0.005, 0.08),
    "variance_jump": (0.05, 10.0),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Options:
    """Fit a Bates process to recorded hourly candles by moments."""

    data: Path
    """A folder of candle files; those with `calm` in their name are calm months, the others crises."""
    tapes: int = 256
    """Of each candidate, of 1,056 hours."""
    search: bool = True
    """False: only compare the process in the code with the candles."""


def moments(returns: list[Floats], weights: Floats) -> dict[str, float]:
    """Moments of hourly log returns: vol, kurtosis hourly and daily, autocorrelation of squares, leverage.

    Args:
        returns: F64[hours] of each window.
        weights: F64[windows], what each window's hours count together; they add up to 1.
    """

    def mean(values: list[Floats]) -> float:
        return float(sum(w * v.mean() for w, v in zip(weights, values, strict=True)))

    variance = mean([r**2 for r in returns])
    daily = [r[: r.size // 24 * 24].reshape(-1, 24).sum(axis=1) for r in returns]
    squares = [r**2 - variance for r in returns]
    spread = mean([s**2 for s in squares])
    ahead = [np.convolve(r**2, np.full(24, 1 / 24), "valid")[1:] for r in returns]  # mean square of the next 24 hours
    lead = [r[: a.size] for r, a in zip(returns, ahead, strict=True)]
    base = mean(ahead)
    found = {
        "vol": np.sqrt(variance * HOURS_PER_YEAR),
        "kurtosis": mean([r**4 for r in returns]) / variance**2,
        "daily kurtosis": mean([d**4 for d in daily]) / mean([d**2 for d in daily]) ** 2,
        "leverage 24 h": mean([x * (a - base) for x, a in zip(lead, ahead, strict=True)])
        / np.sqrt(variance * mean([(a - base) ** 2 for a in ahead])),
    }
    for lag in (1, 6, 24, 72):
        found[f"autocorrelation of squares, {lag} h"] = mean([s[:-lag] * s[lag:] for s in squares]) / spread
    return {name: float(value) for name, value in found.items()}


def recorded(folder: Path) -> dict[str, float]:
    """Moments of the candle files of a folder."""
    returns, calm = [], []
    for path in candle_files(folder):
        with as_bad_input():
            returns.append(np.diff(np.log(load_candles(path).close)))
        calm.append("calm" in path.name)
    quiet = np.array(calm)
    if quiet.all() or not quiet.any():
        raise BadInput(f"{folder}: candles of calm months and of crises are both needed")
    shares = np.where(quiet, (1.0 - CRISIS_SHARE) / quiet.sum(), CRISIS_SHARE / (~quiet).sum())
    return moments(returns, shares)


def simulated(process: BatesProcess, tapes: int) -> dict[str, float]:
    """Moments of the process on 1,056-hour tapes of a free copy, on seeds of the fit."""
    seeds = np.arange(FIRST_SEED, FIRST_SEED + tapes, dtype=np.uint64)
    closes = PathScenario("fit", "free", process).draw(seeds, 1056)["close"].astype(np.float64)
    return moments(list(np.diff(np.log(closes), axis=1)), np.full(tapes, 1.0 / tapes))


def distance(found: Mapping[str, float], target: Mapping[str, float]) -> float:
    """Sum of squared differences: of logs where a moment is positive by nature, of correlations as they are (x 5)."""
    total = 0.0
    for name, wanted in target.items():
        if name in ("vol", "kurtosis", "daily kurtosis"):
            total += float(np.log(found[name] / wanted)) ** 2 * (4.0 if name == "vol" else 1.0)
        else:
            total += (5.0 * (found[name] - wanted)) ** 2
    return total


def at(point: Floats) -> BatesProcess:
    """The process at a place in [0, 1]^8."""
    values = {}
    for place, (name, (low, high)) in zip(np.clip(point, 0.0, 1.0), BOUNDS.items(), strict=True):
        values[name] = low * (high / low) ** place if low > 0.0 else low + (high - low) * place
    return replace(BatesProcess(), **{name: float(value) for name, value in values.items()})


def place_of(process: BatesProcess) -> Floats:
    """Inverse of `at`."""
    places = []
    for name, (low, high) in BOUNDS.items():
        value = getattr(process, name)
        places.append(np.log(value / low) / np.log(high / low) if low > 0.0 else (value - low) / (high - low))
    return np.array(places)


def run(options: Options, command: str = PROGRAM) -> int:
    """Measure, fit, print."""
    target, process = recorded(options.data), BatesProcess()
    if options.search:
        found = minimize(
            lambda point: distance(simulated(at(point), options.tapes), target), place_of(process),
            method="Nelder-Mead",
            options={"maxfev": 400, "initial_simplex": _simplex(place_of(process)), "xatol": 0.005},
        )  # fmt: skip
        process = at(found.x)
        print(f"distance {found.fun:.4f}", process)
    for name, value in simulated(process, 4 * options.tapes).items():
        print(f"{name}: recorded {target[name]:.3f}, fitted {value:.3f}")
    return 0


def _simplex(start: Floats) -> Floats:
    corners = np.tile(start, (start.size + 1, 1))
    for k in range(start.size):
        corners[k + 1, k] += 0.2 if start[k] < 0.6 else -0.2
    return corners


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
