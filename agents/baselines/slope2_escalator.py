"""A second slope that rises while a market stays beyond its kink: what the automated steward should do."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.gains import Gain
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class Slope2Escalator(Rule):
    """Raises slope2 by 4 points every 8 hours beyond the kink, and lowers it as fast when utilisation is well below.

    Step and interval are the limits of Aave's automated injector. Between the kink and `calm` below it nothing moves,
    which prevents swings; slope2 never falls below its default. The other levers stay at their defaults.
    """

    name = "slope2_escalator"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")
    remembers = {"slope2": nan, "waited": inf}
    gains = (
        Gain("step", 0.04, 0.002, 1.0, "annual", log_map=True),  # size of a change of slope2
        Gain("interval", 8.0, 1.0, 96.0, "h", log_map=True),  # between two changes
        Gain("beyond", 0.0, -0.3, 0.1, "share"),  # utilisation above the kink from which slope2 rises
        Gain("calm", 0.02, 0.0, 0.3, "share"),  # so far below that, slope2 falls again
    )

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Move the rows whose interval has passed."""
        gain, lever, lowest = self.gain, self.levers["slope2"], self.around["slope2"]
        slope = np.where(np.isnan(memory["slope2"]), lowest, memory["slope2"])
        over = np.asarray(view.raw("utilisation")) - self.around["optimal_utilisation"]
        step, calm = gain["step"], gain["beyond"] - gain["calm"]
        change = np.where(over > gain["beyond"], step, np.where(over < calm, -step, 0.0))
        ready = memory["waited"] >= gain["interval"]
        moved = np.where(ready, np.clip(slope + change, lowest, lever.high), slope)
        memory["waited"][:] = np.where(moved != slope, 0.0, memory["waited"]) + view.decision_hours
        memory["slope2"][:] = moved
        return {"slope2": moved}
