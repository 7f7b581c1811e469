"""A lending market without a governor: an interest-rate curve that shifts itself toward a target utilisation."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.gains import Gain, exp_of
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.adaptive_curve import (
    ADJUSTMENT_SPEED,
    CURVE_STEEPNESS,
    EXP_HIGHEST,
    EXP_LOWEST,
    INITIAL_RATE_AT_TARGET,
    MAX_RATE_AT_TARGET,
    MIN_RATE_AT_TARGET,
    TARGET_UTILISATION,
)
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class AdaptiveCurve(Rule):
    """Sets the rate levers to follow Morpho's AdaptiveCurveIrm, within their ranges.

    Each world has its own rate at target. At every decision this rate moves with the utilisation since the last one
    (the mean of the errors at both ends). The levers then target the two-slope curve that equals the adaptive curve at
    that rate: base is a quarter of it, slope1 three quarters, slope2 three times it, optimal utilisation 90%. Values
    outside a lever's range are clipped (slope2 is at least 20%, the curve of a rate of 6.7%), and the shield limits
    the changes as for every governor. Levers that are not part of the curve stay at their default. With the defaults
    of its gains it is the contract of `protogov.envs.world.adaptive_curve`, bit for bit.
    """

    name = "adaptive_curve"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")
    # rate at target of each row [annual], and utilisation's error at the last decision; nan before the first
    remembers = {"rates": nan, "errors": nan}
    gains = (
        # rate at target at the start of an episode
        Gain("initial_rate", INITIAL_RATE_AT_TARGET, MIN_RATE_AT_TARGET, MAX_RATE_AT_TARGET, "annual", log_map=True),
        Gain("target", TARGET_UTILISATION, 0.5, 0.98, "share"),
        # rate at full utilisation over the rate at target; its inverse at zero utilisation
        Gain("steepness", CURVE_STEEPNESS, 1.2, 20.0, "ratio", log_map=True),
        Gain("speed", ADJUSTMENT_SPEED, 1.0, 1000.0, "e-folds a year", log_map=True),
        Gain("lowest_rate", MIN_RATE_AT_TARGET, 1e-4, 0.05, "annual", log_map=True),  # bounds of the rate at target
        Gain("highest_rate", MAX_RATE_AT_TARGET, 0.06, 4.0, "annual", log_map=True),
    )

    @property
    def rates(self) -> Floats:
        """Rate at target of every row so far, F64[rows], annual; nan before its first decision."""
        return np.asarray(self.state_dict()["rates"])

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The curve of every row, after its rate has moved with the utilisation since the last decision."""
        gain, rates, last = self.gain, memory["rates"], memory["errors"]
        rates[:] = np.where(np.isnan(rates), self._bounded(gain["initial_rate"]), rates)
        utilisation, target = np.asarray(view.raw("utilisation")), gain["target"]
        room = np.where(utilisation > target, 1.0 - target, target)
        errors = (utilisation - target) / room
        means = (last + errors) / 2.0  # nan before the second decision
        growth = gain["speed"] * means * (view.decision_hours / HOURS_PER_YEAR)
        # the contract's fixed-point numbers have an end on both sides
        factors = np.where(growth < EXP_LOWEST, 0.0, exp_of(np.minimum(growth, EXP_HIGHEST)))
        rates[:] = np.where(np.isnan(means), rates, self._bounded(rates * factors))
        last[:] = errors
        base = rates / gain["steepness"]
        curve = (base, rates - base, (gain["steepness"] - 1.0) * rates, target)
        return dict(zip(self.needs, curve, strict=True))

    def _bounded(self, rates: Floats | float) -> Floats:
        """Rates at target within their bounds."""
        return np.asarray(np.minimum(np.maximum(rates, self.gain["lowest_rate"]), self.gain["highest_rate"]))
