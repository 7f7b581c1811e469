"""What a solvable world is whose best governor is a policy, and how a policy governs it."""

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
    """A governor that aims each lever at a function of what it sees now; it remembers nothing.

    Args:
        config: of the world, whose defaults the actions are told from.
        role: name of the role that it governs.
        rule: from the view to lever -> value wanted, F64[n] or one for all rows; levers that are left out stay at their
            defaults, and values beyond a lever's range are clipped to it.
    """

    def __init__(
        self, config: WorldConfig, role: str, rule: Callable[[RoleView], Mapping[str, Floats | float]]
    ) -> None:
        self._levers = [config.lever(name) for name in config.roles[role].levers]
        self._rule = rule

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Nothing is remembered."""

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Aim the levers, F32[n, k]."""
        wanted = self._rule(view)
        actions = np.zeros((len(view.obs), len(self._levers)), np.float32)
        for column, lever in enumerate(self._levers):
            if lever.name in wanted:
                actions[:, column] = lever.action(np.clip(wanted[lever.name], lever.low, lever.high))
        return actions

    def state_dict(self) -> dict[str, Any]:
        """Nothing is remembered."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing is remembered."""


class Known(NamedTuple):
    """A governor, and what theory says that it is worth: the mean reward a decision."""

    governor: Governor
    value: float


@dataclass(frozen=True)
class SolvablePolicy:
    """A world whose best governor is known and is a policy.

    Attributes:
        name: of the preset.
        config: of the world; its reward is that of the theory.
        scenario: what the outside market does.
        agent: the one governor.
        features: entries of its observation that the optimum reads; all others may be hidden.
        optimum: the best governor.
        constant: the best of those that ask for the same all the time.
        default: the one that leaves the levers where they are.
        others: name -> governors that are instructive mistakes, such as one that does not look ahead.
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
        """Every governor whose value theory knows, by name."""
        return {"optimum": self.optimum, "constant": self.constant, "default": self.default, **self.others}

    @property
    def room(self) -> float:
        """What the optimum is worth beyond the best constant."""
        return self.optimum.value - self.constant.value

    def captured(self, value: float) -> float:
        """Share of that room which a governor of mean reward `value` has: 0 the best constant, 1 the optimum."""
        return (value - self.constant.value) / self.room


def still(config: WorldConfig, role: str, **values: float) -> Feedback:
    """A governor that asks for the same all the time; levers that are left out stay at their defaults."""
    return Feedback(config, role, lambda view: values)
