"""A lending market without a governor: the interest-rate curve that shifts itself toward a target utilisation."""

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
    """Aims the rate levers so that the protocol's curve is Morpho's AdaptiveCurveIrm, as far as their ranges go.

    Each world keeps its own rate at target. At every decision it is moved by the utilisation seen since the last one
    (the mean of the errors at both ends), and the levers are aimed at the two-slope curve that the adaptive curve is at
    that rate: base a quarter of it, slope1 three quarters, slope2 three times it, optimal utilisation 90%. Values
    beyond a lever's range are clipped to it (slope2 is at least 20%, which is the curve of a rate of 6.7%), and the
    shield holds the levers back as it does anybody's. Levers of the role that belong to no curve stay at their default.

    Args:
        levers: the levers of the role, the four of the curve among them.
        initial_rate: rate at target at the start of an episode [annual].
        seed: nothing is random.

    Raises:
        ValueError: a role without the levers of the curve, or a rate out of the contract's bounds.
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
        """Rate at target of every row met so far, F64[rows], annual."""
        return np.asarray(self.state_dict()["rates"])

    def targets(self, view: RoleView, memory: dict[str, Floats], num_rows: int) -> Mapping[str, Floats | float]:
        """The curve of every row, whose rate is first moved by what it has seen since the last decision."""
        rates, last = memory["rates"], memory["errors"]
        years = view.decision_hours / HOURS_PER_YEAR
        errors = np.array([utilisation_error(u) for u in view.raw("utilisation")])
        means = (last + errors) / 2.0
        for row in np.flatnonzero(~np.isnan(means)):
            rates[row] = adapted_rate(rates[row], means[row], years)
        last[:] = errors
        curves = np.array([kinked_form(rate) for rate in rates])
        return dict(zip(self.needs, curves.T, strict=True))
