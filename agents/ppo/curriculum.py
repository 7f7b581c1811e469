"""A curriculum: the outside market changes during training, for example from calm to crisis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from protogov.envs.scenarios import Scenario, check_trainable


@dataclass(frozen=True)
class Curriculum:
    """A sequence of scenarios (Bengio et al. 2009, "Curriculum Learning").

    Attributes:
        stages: (scenario, share of the run's market hours), in order; shares are above 0 and their sum is 1. A stage
            begins with a rollout. Running episodes continue to their end; later episodes are of the new stage.

    Raises:
        ValueError: the shares are not as above, or a scenario is held out from training.
    """

    stages: Sequence[tuple[Scenario, float]]

    def __post_init__(self) -> None:
        shares = [share for _, share in self.stages]
        if not shares or min(shares) <= 0 or not math.isclose(sum(shares), 1.0, rel_tol=1e-9):
            raise ValueError(f"shares of the stages are {shares}; accepted: numbers above 0 that add up to 1")
        for scenario, _ in self.stages:
            check_trainable(scenario)

    def scenario(self, rollout: int, total_rollouts: int) -> Scenario:
        """The scenario of a rollout, whose number starts from 1."""
        begins = (rollout - 1) / total_rollouts
        end = 0.0
        for scenario, share in self.stages:
            end += share
            if begins < end - 1e-12:
                return scenario
        return self.stages[-1][0]

    def set_scenario(self, worlds: Sequence[Any], rollout: int, total_rollouts: int) -> None:
        """Set the scenario of that rollout for all later episodes of some batches of worlds."""
        for world in worlds:
            world.scenario = self.scenario(rollout, total_rollouts)
