"""A second slope that rises while a market stays beyond its kink: what the automated steward should do."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.rule import Rule

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

STEP = 0.04  # size of a change of slope2 [annual]
INTERVAL = 8.0  # hours between two changes
CALM = 0.02  # distance of utilisation below the kink at which slope2 falls again


class Slope2Escalator(Rule):
    """Raises slope2 by 4 points every 8 hours beyond the kink, and lowers it as fast when utilisation is well below.

    Step and interval are the limits of Aave's automated injector. Between the kink and `CALM` below it nothing moves,
    which prevents swings; slope2 never falls below its default. The other levers stay at their defaults.
    """

    name = "slope2_escalator"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")
    remembers = {"slope2": nan, "waited": INTERVAL}

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Move the rows whose interval has passed."""
        lever = self.levers["slope2"]
        slope = np.where(np.isnan(memory["slope2"]), lever.default, memory["slope2"])
        over = np.asarray(view.raw("utilisation")) - self.levers["optimal_utilisation"].default
        change = np.where(over > 0.0, STEP, np.where(over < -CALM, -STEP, 0.0))
        ready = memory["waited"] >= INTERVAL
        moved = np.where(ready, np.clip(slope + change, lever.default, lever.high), slope)
        memory["waited"][:] = np.where(moved != slope, 0.0, memory["waited"]) + view.decision_hours
        memory["slope2"][:] = moved
        return {"slope2": moved}
