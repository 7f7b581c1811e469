"""Discrete actions: lower, hold or raise each lever, over any of the environments with continuous ones.

The shield behind the levers, and so what a governor may do, stays the same: a step is a target one cap from the value
in force.
"""

from collections.abc import Mapping
from math import isfinite, log
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorActionWrapper, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from protogov.envs.config import ConfigError
from protogov.envs.interfaces import ActionError
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import Lever

LOWER, HOLD, RAISE = range(3)
LEAST_STEP = 0.25  # caps; the shield takes a smaller change for none (its deadband)


def discrete_levers(env: Any, caps: float = 1.0) -> Any:
    """An environment of protogov with `MultiDiscrete([3] * levers)` actions: 0 lowers, 1 holds, 2 raises a lever.

    Args:
        env: from `gym.make`, `gym.make_vec` or `parallel_env`, wrapped or not.
        caps: size of a step, in caps of the lever (`LEVERS`), from the value in force; above 0.25, for the shield takes
            less for no change. A step of more than one cap takes as many delays.

    Raises:
        ConfigError: a step that no lever would take.
        TypeError: another kind of environment.
    """
    for kind, wrapper in _WRAPPERS.items():
        if isinstance(env, kind):
            return wrapper(env, caps)
    raise TypeError(
        f"discrete_levers takes an environment of gym.make, gym.make_vec or parallel_env, not {type(env).__name__}."
    )


class LeverSteps:
    """What a governor asks for in steps, as the actions that the environment below takes."""

    def __init__(self, simulator: Simulator, agent: str, caps: float) -> None:
        """Raises ConfigError unless `caps` is a step that the shield lets through."""
        if isinstance(caps, bool) or not isinstance(caps, (int, float)) or not (isfinite(caps) and caps > LEAST_STEP):
            raise ConfigError(f"caps = {caps!r} must be a finite number above {LEAST_STEP}.")
        self._simulator, self._agent, self._caps = simulator, agent, float(caps)
        names = simulator.places[agent].role.levers
        self._levers = [simulator.config.lever(name) for name in names]
        self.space = spaces.MultiDiscrete(np.full(len(names), 3))

    def actions(self, choices: ArrayLike) -> NDArray[np.float64]:
        """Targets as actions, F64 [n, levers], for choices of 0, 1 or 2, int [n, levers].

        Raises:
            ActionError: another shape or another value. Nothing has changed.
        """
        executed = self._simulator.executed(self._agent)
        chosen = np.asarray(choices)
        if chosen.shape != executed.shape or not np.isin(chosen, (LOWER, HOLD, RAISE)).all():
            raise ActionError(
                f"action of {self._agent} is {choices!r}; 0 (lower), 1 (hold) or 2 (raise) is accepted for each of "
                f"{', '.join(lever.name for lever in self._levers)}."
            )
        steps = (chosen.astype(np.float64) - HOLD) * self._caps
        targets = [_stepped(lever, executed[:, at], steps[:, at]) for at, lever in enumerate(self._levers)]
        return np.stack(
            [lever.action(target) for lever, target in zip(self._levers, targets, strict=True)], axis=1
        )  # fmt: skip


def _stepped(lever: Lever, value: NDArray[np.float64], caps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values so many caps away, as a cap of that kind measures it (`levers.moved`), within the lever's range."""
    if lever.cap_kind == "ratio":
        moved = value * np.exp(caps * log(lever.cap))
    elif lever.cap_kind == "relative":
        moved = value * (1.0 + caps * lever.cap)
    else:
        moved = value + caps * lever.cap
    return np.clip(moved, lever.low, lever.high)


class DiscreteLevers(gym.ActionWrapper[Any, Any, Any], RecordConstructorArgs):
    """The single environment; see `discrete_levers`."""

    def __init__(self, env: gym.Env[Any, Any], caps: float = 1.0) -> None:
        """`caps`: size of a step."""
        RecordConstructorArgs.__init__(self, caps=caps)
        gym.ActionWrapper.__init__(self, env)
        below: Any = env.unwrapped
        self._steps = LeverSteps(below.simulator, below.agent, caps)
        self.action_space = self._steps.space

    def action(self, action: ArrayLike) -> NDArray[np.float64]:
        """Targets, F64 [levers], for choices int [levers]."""
        return self._steps.actions(np.asarray(action)[None])[0]


class DiscreteLeversVector(VectorActionWrapper[Any, Any, Any, Any]):
    """The vector environment; see `discrete_levers`."""

    def __init__(self, env: VectorEnv[Any, Any, Any], caps: float = 1.0) -> None:
        """`caps`: size of a step."""
        super().__init__(env)
        below: Any = env.unwrapped
        self._steps = LeverSteps(below.simulator, below.agent, caps)
        self.single_action_space = self._steps.space
        self.action_space = batch_space(self._steps.space, env.num_envs)

    def actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Targets, F64 [n, levers], for choices int [n, levers]."""
        return self._steps.actions(actions)


class DiscreteLeversParallel(BaseParallelWrapper):
    """The PettingZoo environment, every agent of it; see `discrete_levers`."""

    def __init__(self, env: "ParallelEnv[str, Any, Any]", caps: float = 1.0) -> None:
        """`caps`: size of a step."""
        super().__init__(env)
        below: Any = env.unwrapped
        self._steps = {agent: LeverSteps(below.simulator, agent, caps) for agent in env.possible_agents}
        self.action_spaces = {agent: steps.space for agent, steps in self._steps.items()}

    def action_space(self, agent: str) -> spaces.MultiDiscrete:
        """Space of `agent`'s action, the same object every call."""
        return self.action_spaces[agent]

    def step(self, actions: Mapping[str, ArrayLike]) -> Any:
        """Run one decision of all agents; names that are no agents are refused below."""
        targets = dict(actions)
        for agent in self._steps.keys() & actions.keys():
            targets[agent] = self._steps[agent].actions(np.asarray(actions[agent])[None])[0]
        return self.env.step(targets)


_WRAPPERS: dict[type, Any] = {
    gym.Env: DiscreteLevers, VectorEnv: DiscreteLeversVector, ParallelEnv: DiscreteLeversParallel,
}  # fmt: skip
