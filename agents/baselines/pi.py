"""Rates by a controller: proportional and integral in utilisation minus its target, like RAI's controller."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.gains import Gain, exp_of
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

_KEPT = 1e-9  # tolerance of the interval of updates: hours are sums of floats


class PIController(Rule):
    """Moves the rate at the kink by Kp * error + Ki * integral of the error, like RAI's controller.

    The error is utilisation minus the target, the default of the optimal utilisation. Its integral is trapezoidal and
    leaks. It stops while the output is at a bound and the error would push it further (no wind-up). An error within the
    noise barrier counts as zero. The output changes slope1; the part beyond slope1's range changes the base rate.
    slope2 and the optimal utilisation stay at their defaults. Bounds of the gains: what the two levers can do together.
    """

    name = "pi"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")
    remembers = {"error": nan, "integral": 0.0, "output": 0.0, "waited": inf}
    gains = (
        Gain("proportional", 0.5, 0.02, 10.0, "annual rate per 1.00 of utilisation", log_map=True),
        Gain("integral", 0.004, 1e-4, 0.1, "annual rate per 1.00 of utilisation and hour", log_map=True),
        Gain("leak_half_life", 168.0, 6.0, 4000.0, "h", log_map=True),  # of the integral
        Gain("noise_barrier", 0.005, 0.0, 0.1, "share"),  # smaller distances of utilisation are ignored
        Gain("target_shift", 0.0, -0.3, 0.1, "share"),  # of the target, from the optimal utilisation
        Gain("lowest", -0.035, -0.05, 0.0, "annual"),  # bounds of the output
        Gain("highest", 0.15, 0.01, 0.24, "annual"),
        Gain("min_interval", 4.0, 1.0, 72.0, "h", log_map=True),  # between two updates
    )

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Update the rows whose interval has passed."""
        hours = float(view.decision_hours)
        gain, lowest, highest = self.gain, self.gain["lowest"], self.gain["highest"]
        distance = np.asarray(view.raw("utilisation")) - (self.around["optimal_utilisation"] + gain["target_shift"])
        error = np.where(np.abs(distance) <= gain["noise_barrier"], 0.0, distance)
        last = np.where(np.isnan(memory["error"]), error, memory["error"])
        first = np.isnan(memory["error"])
        keep = exp_of(-np.log(2.0) * hours / gain["leak_half_life"])
        grown = keep * memory["integral"] + np.where(first, 0.0, 0.5 * (last + error) * hours)
        wound = ((memory["output"] >= highest) & (error > 0.0)) | ((memory["output"] <= lowest) & (error < 0.0))
        memory["integral"][:] = np.where(wound, keep * memory["integral"], grown)
        memory["error"][:] = error
        memory["waited"] += np.where(first, 0.0, hours)
        ready = memory["waited"] >= gain["min_interval"] - _KEPT
        output = np.clip(gain["proportional"] * error + gain["integral"] * memory["integral"], lowest, highest)
        memory["output"][:] = np.where(ready, output, memory["output"])
        memory["waited"][ready] = 0.0
        base, slope1, lever = self.around["base_rate"], self.around["slope1"], self.levers["slope1"]
        on_slope = np.clip(slope1 + memory["output"], lever.low, lever.high)
        return {"slope1": on_slope, "base_rate": base + memory["output"] - (on_slope - slope1)}
