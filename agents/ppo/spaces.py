"""What a stable-baselines3 learner is built on when nobody steps its environment."""

# ruff: noqa: D102 - the methods are those of VecEnv

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv


class SpacesOnly(VecEnv):
    """The spaces and the count of worlds, all that a PPO needs that does not collect its own rollouts."""

    def __init__(self, num_worlds: int, observation_size: int, action_size: int) -> None:
        observations = spaces.Box(-np.inf, np.inf, (observation_size,), np.float32)
        super().__init__(num_worlds, observations, spaces.Box(-1.0, 1.0, (action_size,), np.float32))

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None] * self.num_envs  # the constructor reads `render_mode`

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def reset(self) -> Any:
        raise NotImplementedError

    def step_async(self, actions: NDArray[Any]) -> None:
        raise NotImplementedError

    def step_wait(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass
