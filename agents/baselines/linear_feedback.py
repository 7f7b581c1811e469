"""Levers linear in a few features: a learner must beat this rule to show more than a linear response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protogov.agents.baselines.baseline import Baseline, Floats, register
from protogov.agents.baselines.tuned import ALL_REGIMES, tuned_file
from protogov.agents.policies.incumbent import REACH, Incumbent, Slope
from protogov.envs.world.features import FEATURES as OBSERVED
from protogov.envs.world.lever_table import LEVER_BY_NAME, Lever

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView

# feature -> (centre, scale): a rule reads (feature - centre) / scale, within +-3
FEATURES: Mapping[str, tuple[float, float]] = {
    "realised_72h": (0.7, 0.5),
    "drawdown_week": (-0.05, 0.1),
    "utilisation_over_optimal": (0.0, 0.1),
    "outside_yield": (0.05, 0.05),
    "flow_toxicity": (0.15, 0.35),  # about its mean and spread on tapes of `jump` under the defaults
    "at_risk": (0.1, 0.1),
}
# role of a lever -> features that its rule may use, besides the constant
READS: Mapping[str, tuple[str, ...]] = {
    "rate": ("utilisation_over_optimal", "outside_yield", "drawdown_week"),
    "risk": ("realised_72h", "drawdown_week", "at_risk"),
    "spread": ("realised_72h", "drawdown_week", "flow_toxicity"),
}
WEIGHTS = 1 + 3  # weights per lever: the constant, then its features


def lever_features(lever: str) -> tuple[str, ...]:
    """Features that the rule for a lever reads, in the order of its weights."""
    return READS[LEVER_BY_NAME[lever].role]


def features_read(levers: Sequence[str]) -> tuple[str, ...]:
    """Features that rules for these levers read, each once."""
    return tuple(dict.fromkeys(name for lever in levers for name in lever_features(lever)))


def linear_actions(
    read: Callable[[str], NDArray[np.float64]], levers: Sequence[str], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Actions of linear rules, F64[n, k] in [-1, 1].

    Args:
        read: a feature's name -> its value in every row, F64[n].
        levers: names of the k levers.
        weights: F64[k, 4] for all rows, or F64[n, k, 4], one rule per row.
    """
    columns = []
    for index, lever in enumerate(levers):
        own = weights[..., index, :]
        total = own[..., 0]
        for place, name in enumerate(lever_features(lever), start=1):
            centre, scale = FEATURES[name]
            total = total + own[..., place] * np.clip((read(name) - centre) / scale, -REACH, REACH)
        columns.append(np.clip(total, -1.0, 1.0))
    return np.stack(columns, axis=-1)


class LinearFeedback(Baseline):
    """Acts by `linear_actions` with tuned weights, lever by lever.

    Args:
        levers: the levers of the role.
        weights: F64[k, 4]; by default those that the committed file has for `scenario`, and zero (the defaults of the
            levers) where it has none.
        scenario: on which the weights were tuned.
        seed: nothing is random.
    """

    name = "linear_feedback"

    def __init__(
        self, levers: Sequence[Lever], weights: Floats | None = None, *, scenario: str = ALL_REGIMES, seed: int = 0
    ) -> None:
        super().__init__(levers, seed=seed)
        known = tuned_file()["linear"].get(scenario, {})
        rows = [known.get(name, [0.0] * WEIGHTS) for name in self.levers]
        self._weights = np.array(rows if weights is None else weights, np.float64)

    def incumbent(self) -> Incumbent:
        """Its constants and slopes, with the units in which governors observe its features."""
        slopes = []
        for lever, weights in zip(self.levers, self._weights.tolist(), strict=True):
            for name, weight in zip(lever_features(lever), weights[1:], strict=True):
                row = OBSERVED[name]
                slopes.append(Slope(lever, name, weight, *FEATURES[name], row.scale, row.transform == "symlog"))
        return Incumbent(self.name, tuple(self._weights[:, 0].tolist()), tuple(slopes))

    @classmethod
    def reads_for(cls, levers: Sequence[str]) -> tuple[str, ...]:
        """Features of the rules of these levers."""
        return features_read(levers)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Read the features and act, F32[n, k]."""
        actions = linear_actions(lambda name: np.asarray(view.raw(name)), tuple(self.levers), self._weights)
        return np.asarray(np.broadcast_to(actions, (len(view.obs), len(self.levers))), np.float32).copy()


for _scenario in tuned_file()["linear"]:
    if _scenario != ALL_REGIMES:
        register(f"{LinearFeedback.name}-{_scenario}", LinearFeedback, scenario=_scenario)
