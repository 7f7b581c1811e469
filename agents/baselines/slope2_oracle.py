"""An automated rule for the second slope as it failed in February 2026: its first response to a run is a cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.levers import Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

RATE_LEVERS = ("base_rate", "slope1", "slope2", "optimal_utilisation")
STEP = 0.04  # largest change of slope2 at a time [annual]
INTERVAL = 8.0  # hours between two changes
MEMORY = 72.0  # mean age of the borrow rate that it takes for the market's [h]
TRUSTED = 0.97  # utilisation above which it takes its reading for an error


class Slope2Oracle:
    """Keeps the borrow rate at what it has been lately, by moving slope2 in the limits of an automated steward.

    At most every 8 hours, by at most 4 points. Beyond the kink it aims for the slope2 at which today's utilisation
    would cost the mean rate of the last days: as utilisation rises that slope falls, so that credit is cheapened as it
    gets scarce. A utilisation above 97% it takes for a faulty reading, and does nothing until that is over. Below the
    kink slope2 goes back to its default. All other levers of the role stay at their defaults.

    It is a baseline to be beaten and a failure to be replayed, not a rule to be used. What is on record of the real one
    is the limits, that its first response was a cut, and that nothing followed for days; the rule behind it is not
    public, and this is a plausible one.

    Args:
        levers: the levers of the role, the four of the curve among them.

    Raises:
        ValueError: a role without the levers of the curve.
    """

    def __init__(self, levers: Sequence[Lever]) -> None:
        names = [lever.name for lever in levers]
        if not set(RATE_LEVERS) <= set(names):
            raise ValueError(
                f"governor 'slope2_oracle' sets {', '.join(RATE_LEVERS)}; this role sets {', '.join(names)}"
            )
        self._num_levers = len(levers)
        self._column = names.index("slope2")
        self._slope2 = levers[self._column]
        self._others = {name: levers[names.index(name)].default for name in RATE_LEVERS if name != "slope2"}
        self._targets = np.empty(0)  # slope2 that each row asks for [annual]
        self._rates = np.empty(0)  # mean borrow rate of each row [annual], nan before the first decision
        self._waited = np.empty(0)  # hours since each row's last change

    @property
    def targets(self) -> NDArray[np.float64]:
        """slope2 that every row met so far asks for, F64[rows], annual."""
        return self._targets.copy()

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over at the default; nothing is random."""
        rows = np.asarray(rows, np.int64)
        if rows.size:
            self._grow(int(rows.max()) + 1)
            self._targets[rows], self._rates[rows], self._waited[rows] = self._slope2.default, np.nan, INTERVAL

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Move every row's target by what the rule says, and aim slope2 at it: F32[n, k]."""
        n = len(view.obs)
        self._grow(n)
        utilisation, rate = np.asarray(view.raw("utilisation")), np.asarray(view.raw("borrow_rate"))
        keep = np.exp(-view.decision_hours / MEMORY)
        past = np.where(np.isnan(self._rates[:n]), rate, self._rates[:n])
        self._waited[:n] += view.decision_hours
        wanted = self._wanted(utilisation, past)
        ready = (self._waited[:n] >= INTERVAL) & (utilisation <= TRUSTED)
        change = np.where(ready, np.clip(wanted - self._targets[:n], -STEP, STEP), 0.0)
        self._targets[:n] += change
        self._waited[:n][change != 0.0] = 0.0
        self._rates[:n] = keep * past + (1.0 - keep) * rate
        actions = np.zeros((n, self._num_levers), np.float32)
        actions[:, self._column] = self._slope2.action(self._targets[:n])
        return actions

    def _wanted(self, utilisation: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """slope2 at which `utilisation` would cost `rate`; its default below the kink."""
        optimal = self._others["optimal_utilisation"]
        above = rate - self._others["base_rate"] - self._others["slope1"]
        beyond = np.maximum((utilisation - optimal) / (1.0 - optimal), 1e-9)
        slope = np.clip(above / beyond, self._slope2.low, self._slope2.high)
        return np.where(utilisation > optimal, slope, self._slope2.default)

    def state_dict(self) -> dict[str, Any]:
        """Targets, mean rates and waiting times of all rows."""
        return {"targets": self._targets.copy(), "rates": self._rates.copy(), "waited": self._waited.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._targets, self._rates, self._waited = (
            np.array(state[name], np.float64) for name in ("targets", "rates", "waited")
        )

    def _grow(self, num_rows: int) -> None:
        fresh = num_rows - self._targets.size
        if fresh > 0:
            self._targets = np.append(self._targets, np.full(fresh, self._slope2.default))
            self._rates = np.append(self._rates, np.full(fresh, np.nan))
            self._waited = np.append(self._waited, np.full(fresh, INTERVAL))
