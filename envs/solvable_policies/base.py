"""The parts of a solvable world whose best governor is a policy, and how a policy governs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor, RoleView
from protogov.envs.scenarios import Scenario
from protogov.envs.solvable_policies.optima import Floats


class Feedback:
    """A governor without memory: the target of each lever is a function of the present observation.

    Args:
        config: configuration of the world; its defaults are the zero of actions.
        role: name of the role that it governs.
        rule: function from the view to lever -> wanted value, F64[n] or one number for all rows. Missing levers stay at
            their defaults. Values beyond a lever's range are clipped.
    """

    def __init__(
        self, config: WorldConfig, role: str, rule: Callable[[RoleView], Mapping[str, Floats | float]]
    ) -> None:
        self._levers = [config.lever(name) for name in config.roles[role].levers]
        self._rule = rule

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Do nothing: there is no memory."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Actions, F32[n, k]."""
        wanted = self._rule(view)
        actions = np.zeros((len(view.obs), len(self._levers)), np.float32)
        for column, lever in enumerate(self._levers):
            if lever.name in wanted:
                actions[:, column] = lever.action(np.clip(wanted[lever.name], lever.low, lever.high))
        return actions

    def state_dict(self) -> dict[str, Any]:
        """Empty: there is no memory."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing: there is no memory."""


class Known(NamedTuple):
    """A governor and its value by theory: the mean reward per decision."""

    governor: Governor
    value: float


@dataclass(frozen=True)
class SolvablePolicy:
    """A world whose best governor is known and is a policy.

    Attributes:
        name: name of the preset.
        config: configuration of the world; its reward is that of the theory.
        scenario: the outside market.
        agent: the only governor.
        features: entries of its observation that the optimum reads; all others may be hidden.
        optimum: the best governor.
        constant: the best governor that always asks for the same.
        default: the governor that leaves the levers unchanged.
        others: name -> governors with instructive mistakes, for example one that does not plan ahead.
    """

    name: str
    config: WorldConfig
    scenario: Scenario
    agent: str
    features: tuple[str, ...]
    optimum: Known
    constant: Known
    default: Known
    others: Mapping[str, Known] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Known]:
        """All governors with a known value, by name."""
        return {"optimum": self.optimum, "constant": self.constant, "default": self.default, **self.others}

    @property
    def room(self) -> float:
        """Value of the optimum minus value of the best constant."""
        return self.optimum.value - self.constant.value

    def captured(self, value: float) -> float:
        """Share of `room` that a governor with the mean reward `value` gains: 0 the best constant, 1 the optimum."""
        return (value - self.constant.value) / self.room


def still(config: WorldConfig, role: str, **values: float) -> Feedback:
    """A governor that always asks for the same; missing levers stay at their defaults."""
    return Feedback(config, role, lambda view: values)
