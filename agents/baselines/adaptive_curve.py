"""A lending market without a governor: the interest-rate curve that shifts itself toward a target utilisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.adaptive_curve import (
    INITIAL_RATE_AT_TARGET,
    MAX_RATE_AT_TARGET,
    MIN_RATE_AT_TARGET,
    adapted_rate,
    kinked_form,
    utilisation_error,
)
from protogov.envs.world.levers import Lever
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

CURVE_LEVERS = ("base_rate", "slope1", "slope2", "optimal_utilisation")


class AdaptiveCurve:
    """Aims the rate levers so that the protocol's curve is Morpho's AdaptiveCurveIrm, as far as their ranges go.

    Each world keeps its own rate at target. At every decision it is moved by the utilisation seen since the last one
    (the mean of the errors at both ends), and the levers are aimed at the two-slope curve that the adaptive curve is at
    that rate: base a quarter of it, slope1 three quarters, slope2 three times it, optimal utilisation 90%. Values
    beyond a lever's range are clipped to it (slope2 is at least 20%, which is the curve of a rate of 6.7%), and the
    shield holds the levers back as it does anybody's. Levers of the role that belong to no curve stay at their default.

    Args:
        levers: the levers of the role, the four of the curve among them.
        initial_rate: rate at target at the start of an episode [annual].

    Raises:
        ValueError: a role without the levers of the curve, or a rate out of the contract's bounds.
    """

    def __init__(self, levers: Sequence[Lever], initial_rate: float = INITIAL_RATE_AT_TARGET) -> None:
        names = [lever.name for lever in levers]
        if not set(CURVE_LEVERS) <= set(names):
            raise ValueError(
                f"governor 'adaptive_curve' sets {', '.join(CURVE_LEVERS)}; this role sets {', '.join(names)}"
            )
        if not MIN_RATE_AT_TARGET <= initial_rate <= MAX_RATE_AT_TARGET:
            raise ValueError(
                f"initial_rate is {initial_rate}; accepted: {MIN_RATE_AT_TARGET} to {MAX_RATE_AT_TARGET} a year"
            )
        self._initial = initial_rate
        self._num_levers = len(levers)
        self._curve = [(names.index(name), levers[names.index(name)]) for name in CURVE_LEVERS]
        self._rates = np.empty(0)  # rate at target of each row
        self._errors = np.empty(0)  # utilisation's at the last decision, nan before the first

    @property
    def rates(self) -> NDArray[np.float64]:
        """Rate at target of every row met so far, F64[rows], annual."""
        return self._rates.copy()

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over at the initial rate; nothing is random."""
        rows = np.asarray(rows, np.int64)
        if rows.size:
            self._grow(int(rows.max()) + 1)
            self._rates[rows], self._errors[rows] = self._initial, np.nan

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Move every row's rate by what it has seen since the last decision, and aim the levers: F32[n, k]."""
        n = len(view.obs)
        self._grow(n)
        years = view.decision_hours / HOURS_PER_YEAR
        errors = np.array([utilisation_error(u) for u in view.raw("utilisation")])
        means = (self._errors[:n] + errors) / 2.0
        for row in np.flatnonzero(~np.isnan(means)):
            self._rates[row] = adapted_rate(self._rates[row], means[row], years)
        self._errors[:n] = errors
        curves = np.array([kinked_form(rate) for rate in self._rates[:n]])
        actions = np.zeros((n, self._num_levers), np.float32)
        for (column, lever), values in zip(self._curve, curves.T, strict=True):
            actions[:, column] = lever.action(np.clip(values, lever.low, lever.high))
        return actions

    def state_dict(self) -> dict[str, Any]:
        """Rates and last errors of all rows."""
        return {"rates": self._rates.copy(), "errors": self._errors.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._rates = np.array(state["rates"], np.float64)
        self._errors = np.array(state["errors"], np.float64)

    def _grow(self, num_rows: int) -> None:
        fresh = num_rows - self._rates.size
        if fresh > 0:
            self._rates = np.append(self._rates, np.full(fresh, self._initial))
            self._errors = np.append(self._errors, np.full(fresh, np.nan))
