"""An automated rule for the second slope as it failed in February 2026: its first response to a run is a cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.row_memory import RowMemory
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.lever_table import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

STEP = 0.04  # largest single change of slope2 [annual]
INTERVAL = 8.0  # hours between two changes
MEMORY = 72.0  # mean age of the borrow rate that it regards as the market's [h]
TRUSTED = 0.97  # it treats a higher utilisation as an error of the reading


class Slope2Oracle(Rule):
    """Keeps the borrow rate at its recent mean, by moving slope2 within the limits of an automated steward.

    It moves at most every 8 hours, by at most 4 points. Beyond the kink it targets the slope2 at which today's
    utilisation would give the mean rate of the last days. That slope falls as utilisation rises, so scarce credit gets
    cheaper. It treats a utilisation above 97% as a faulty reading and waits until it is over. Below the kink slope2
    returns to its default. All other levers of the role stay at their defaults.

    It is a baseline to beat and a failure to replay, not a rule to use. Three facts about the real one are on record:
    its limits, a first response that was a cut, and no further response for days. The rule behind it is not public;
    this is a plausible one.

    Args:
        levers: the levers of the role, including the four of the curve.
        seed: nothing is random.

    Raises:
        ValueError: the role lacks the levers of the curve.
    """

    name = "slope2_oracle"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")

    def __init__(self, levers: Sequence[Lever], *, seed: int = 0) -> None:
        super().__init__(levers, seed=seed)
        # slope2 that a row asks for and its mean borrow rate [annual], nan before its first decision; hours since it
        # last changed its mind
        self._memory = RowMemory(asked=self.levers["slope2"].default, rate=nan, waited=INTERVAL)

    @property
    def asked(self) -> Floats:
        """slope2 that every row so far proposes, F64[rows], annual."""
        return np.asarray(self.state_dict()["asked"])

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """Move every row's proposal by the rule."""
        asked, waited = memory["asked"], memory["waited"]
        utilisation, rate = np.asarray(view.raw("utilisation")), np.asarray(view.raw("borrow_rate"))
        keep = np.exp(-view.decision_hours / MEMORY)
        past = np.where(np.isnan(memory["rate"]), rate, memory["rate"])
        waited += view.decision_hours
        ready = (waited >= INTERVAL) & (utilisation <= TRUSTED)
        change = np.where(ready, np.clip(self._wanted(utilisation, past) - asked, -STEP, STEP), 0.0)
        asked += change
        waited[change != 0.0] = 0.0
        memory["rate"][:] = keep * past + (1.0 - keep) * rate
        return {"slope2": asked}

    def _wanted(self, utilisation: Floats, rate: Floats) -> Floats:
        """slope2 at which `utilisation` would give `rate`; its default below the kink."""
        base, slope1, slope2, optimal = (self.levers[name] for name in self.needs)
        above = rate - base.default - slope1.default
        beyond = np.maximum((utilisation - optimal.default) / (1.0 - optimal.default), 1e-9)
        slope = np.clip(above / beyond, slope2.low, slope2.high)
        return np.where(utilisation > optimal.default, slope, slope2.default)
