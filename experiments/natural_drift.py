"""The drift of the scenario `natural`, measured: what its parts lose on average, put back by the hour.

Crises fall, and the other parts lose a little. The constant of `protogov.envs.scenarios.natural` solves

    sum over quiet parts of share * E[1 + r] * exp(336 * drift)  +  sum over crises of share * E[1 + r]  =  1

with r the simple return of a 336-hour tape, each part's mean taken on tapes of that part alone.

    python -m protogov.experiments.natural_drift
"""

import sys
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios import Composed, Scenario
from protogov.envs.scenarios.natural import NATURAL
from protogov.experiments import cli

HOURS = 336
FIRST_MEASURING = 2**45  # first tape seed on which the drift is measured
FIRST_VERIFYING = 2**46  # first of those on which it is verified
BATCH = 512  # tapes at a time
PROGRAM = "python -m protogov.experiments.natural_drift"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure the drift an hour that takes the expected return out of `natural`, and verify the one in the code."""

    tapes: int = 32768
    """Of each part."""
    verify: int = 4096
    """Of the mixture."""


def returns(scenario: Scenario, first: int, count: int) -> NDArray[np.float64]:
    """Simple returns of `count` tapes of 336 hours from seed `first` on, F64[count]."""
    parts = []
    for start in range(first, first + count, BATCH):
        seeds = np.arange(start, min(start + BATCH, first + count), dtype=np.uint64)
        closes = scenario.draw(seeds, HOURS)["close"].astype(np.float64)
        parts.append(closes[:, -1] / closes[:, 0] - 1.0)
    return np.concatenate(parts)


def measured_drift(tapes: int) -> tuple[float, float]:
    """(log drift an hour, its standard error)."""
    quiet, crises, variance = 0.0, 0.0, 0.0
    for part, share in zip(NATURAL.parts, NATURAL.shares, strict=True):
        drifting = isinstance(part, Composed)
        found = returns(part.first if isinstance(part, Composed) else part, FIRST_MEASURING, tapes)
        if drifting:
            quiet += share * (1.0 + found.mean())
        else:
            crises += share * (1.0 + found.mean())
        variance += share**2 * found.var(ddof=1) / tapes
        error = found.std(ddof=1) / sqrt(tapes)
        print(f"{part.name}: mean return {found.mean():+.5f} +- {error:.5f}, share {share:.3f}", flush=True)
    return log((1.0 - crises) / quiet) / HOURS, sqrt(variance) / quiet / HOURS


def run(options: Options, command: str = PROGRAM) -> int:
    """Measure, verify, print."""
    drift, error = measured_drift(options.tapes)
    print(f"drift {drift:.3e} +- {error:.1e} an hour, on seeds {FIRST_MEASURING} and following")
    found = returns(NATURAL, FIRST_VERIFYING, options.verify)
    over = found.std(ddof=1) / sqrt(options.verify)
    print(f"natural: mean return {found.mean():+.5f} +- {over:.5f} on {options.verify} tapes from {FIRST_VERIFYING} on")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
