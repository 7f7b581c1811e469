"""A lending market without a governor: an interest-rate curve that shifts itself toward a target utilisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.agents.baselines.row_memory import RowMemory
from protogov.agents.baselines.rule import Rule
from protogov.envs.world.adaptive_curve import (
    INITIAL_RATE_AT_TARGET,
    MAX_RATE_AT_TARGET,
    MIN_RATE_AT_TARGET,
    adapted_rate,
    kinked_form,
    utilisation_error,
)
from protogov.envs.world.lever_table import Lever
from protogov.envs.world.state import HOURS_PER_YEAR

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


class AdaptiveCurve(Rule):
    """Sets the rate levers to follow Morpho's AdaptiveCurveIrm, within their ranges.

    Each world has its own rate at target. At every decision this rate moves with the utilisation since the last one
    (the mean of the errors at both ends). The levers then target the two-slope curve that equals the adaptive curve at
    that rate: base is a quarter of it, slope1 three quarters, slope2 three times it, optimal utilisation 90%. Values
    outside a lever's range are clipped (slope2 is at least 20%, the curve of a rate of 6.7%), and the shield limits
    the changes as for every governor. Levers that are not part of the curve stay at their default.

    Args:
        levers: the levers of the role, including the four of the curve.
        initial_rate: rate at target at the start of an episode [annual].
        seed: nothing is random.

    Raises:
        ValueError: the role lacks the levers of the curve, or the rate is outside the contract's bounds.
    """

    name = "adaptive_curve"
    needs = ("base_rate", "slope1", "slope2", "optimal_utilisation")

    def __init__(self, levers: Sequence[Lever], initial_rate: float = INITIAL_RATE_AT_TARGET, *, seed: int = 0) -> None:
        super().__init__(levers, seed=seed)
        if not MIN_RATE_AT_TARGET <= initial_rate <= MAX_RATE_AT_TARGET:
            raise ValueError(
                f"initial_rate is {initial_rate}; accepted: {MIN_RATE_AT_TARGET} to {MAX_RATE_AT_TARGET} a year"
            )
        # rate at target of each row, and utilisation's error at the last decision, nan before the first
        self._memory = RowMemory(rates=initial_rate, errors=nan)

    @property
    def rates(self) -> Floats:
        """Rate at target of every row so far, F64[rows], annual."""
        return np.asarray(self.state_dict()["rates"])

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The curve of every row, after its rate has moved with the utilisation since the last decision."""
        rates, last = memory["rates"], memory["errors"]
        years = view.decision_hours / HOURS_PER_YEAR
        errors = np.array([utilisation_error(u) for u in view.raw("utilisation")])
        means = (last + errors) / 2.0
        for row in np.flatnonzero(~np.isnan(means)):
            rates[row] = adapted_rate(rates[row], means[row], years)
        last[:] = errors
        curves = np.array([kinked_form(rate) for rate in rates])
        return dict(zip(self.needs, curves.T, strict=True))
