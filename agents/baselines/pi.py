"""Rates by a controller: proportional and integral in utilisation minus its target, like RAI's controller."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

PROPORTIONAL_GAIN = 0.5  # annual rate per 1.00 of utilisation
INTEGRAL_GAIN = 0.004  # annual rate per 1.00 of utilisation and hour
LEAK_HALF_LIFE = 168.0  # half-life of the integral [h]
NOISE_BARRIER = 0.005  # smaller distances of utilisation are ignored
LOWEST, HIGHEST = -0.035, 0.15  # bounds of the output [annual]
MIN_INTERVAL = 4.0  # hours between two updates
_KEPT = 1e-9  # tolerance of that interval: hours are sums of floats


class PIController(Rule):
    """Moves the rate at the kink by Kp * error + Ki * integral of the error, like RAI's controller.

    The error is utilisation minus the target, the default of the optimal utilisation. Its integral is trapezoidal and
    leaks. It stops while the output is at a bound and the error would push it further (no wind-up). An error within the
    noise barrier counts as zero. The output changes slope1; the part beyond slope1's range changes the base rate.
    slope2 and the optimal utilisation stay at their defaults.
    """

    name = "pi"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")
    remembers = {"error": nan, "integral": 0.0, "output": 0.0, "waited": MIN_INTERVAL}

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Update the rows whose interval has passed."""
        hours = float(view.decision_hours)
        distance = np.asarray(view.raw("utilisation")) - self.levers["optimal_utilisation"].default
        error = np.where(np.abs(distance) <= NOISE_BARRIER, 0.0, distance)
        last = np.where(np.isnan(memory["error"]), error, memory["error"])
        first = np.isnan(memory["error"])
        keep = exp(-np.log(2.0) * hours / LEAK_HALF_LIFE)
        grown = keep * memory["integral"] + np.where(first, 0.0, 0.5 * (last + error) * hours)
        wound = ((memory["output"] >= HIGHEST) & (error > 0.0)) | ((memory["output"] <= LOWEST) & (error < 0.0))
        memory["integral"][:] = np.where(wound, keep * memory["integral"], grown)
        memory["error"][:] = error
        memory["waited"] += np.where(first, 0.0, hours)
        ready = memory["waited"] >= MIN_INTERVAL - _KEPT
        output = np.clip(PROPORTIONAL_GAIN * error + INTEGRAL_GAIN * memory["integral"], LOWEST, HIGHEST)
        memory["output"][:] = np.where(ready, output, memory["output"])
        memory["waited"][ready] = 0.0
        base, slope = self.levers["base_rate"], self.levers["slope1"]
        on_slope = np.clip(slope.default + memory["output"], slope.low, slope.high)
        return {"slope1": on_slope, "base_rate": base.default + memory["output"] - (on_slope - slope.default)}
