"""Many worlds with one governor each as a stable-baselines3 `VecEnv`; the only module that imports that library."""

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from protogov.envs.gymnasium_env import InfoReader, action_space, observation_space, only_agent
from protogov.envs.rendering import Renderer, check_render_mode
from protogov.envs.simulator import Simulator


class SB3VecEnv(VecEnv):
    """A simulator whose configuration has one governor, as stable-baselines3 wants it.

    Finished rows are reset in the same step; their last observation is `infos[i]["terminal_observation"]`, and
    `infos[i]["TimeLimit.truncated"]` says that they ran out of time (there is no other end), so that values are
    bootstrapped. Rewards are float32. Arrays are fresh. Infos are `protogov.envs.gymnasium_env.InfoReader`'s.

    `seed(s)` makes row i restart as world `s + i` at the next reset. Without it the first reset draws worlds from the
    system's entropy, as the library's own vector environments do.

    Example:
        >>> from stable_baselines3 import PPO
        >>> from protogov.envs import Simulator, WorldConfig
        >>> from protogov.envs.sb3_vec_env import SB3VecEnv
        >>> model = PPO("MlpPolicy", SB3VecEnv(Simulator(WorldConfig(roles=("rate",)), 64)), n_steps=28)
    """

    def __init__(self, simulator: Simulator, *, render_mode: str | None = None) -> None:
        """Wrap `simulator`, which this object steps from now on.

        Raises:
            ConfigError: the simulator has several governors, or the render mode is not None or "rgb_array".
        """
        self.simulator = simulator
        self.agent = only_agent(simulator)
        self.render_mode = check_render_mode(render_mode)  # before the base class, which asks for it
        super().__init__(
            simulator.num_worlds, observation_space(simulator, self.agent), action_space(simulator, self.agent)
        )
        self._info = InfoReader(simulator, self.agent)
        self._renderer = Renderer(simulator) if render_mode else None
        self._seeded = False
        self._actions: ArrayLike = ()

    def reset(self) -> NDArray[np.float32]:
        """Begin the next episode of every row, or of the worlds that :meth:`seed` named; options are ignored."""
        seeds = [seed for seed in self._seeds if seed is not None]
        if not seeds and not self._seeded:
            first = int(np.random.default_rng().integers(2**32))
            seeds = [first + row for row in range(self.num_envs)]
        obs = self.simulator.reset(seeds=seeds or None)[self.agent]
        self._seeded = True
        self.reset_infos = self._info.row_openings()
        self._reset_seeds()
        self._reset_options()
        if self._renderer:
            self._renderer.restart()
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions [n, levers] of the next :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Run one decision; (observations, rewards, dones, infos).

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: there was no reset.
        """
        simulator, agent = self.simulator, self.agent
        simulator.take_actions({agent: self._actions})
        simulator.advance()
        if self._renderer:
            self._renderer.record()
        obs = simulator.observe()[agent]
        rewards = simulator.rewards(agent).astype(np.float32)
        dones = simulator.truncated()
        infos = self._info.rows()
        for info, done in zip(infos, dones.tolist(), strict=True):
            info["TimeLimit.truncated"] = done
        if dones.any():
            last = obs
            obs = simulator.reset(mask=dones)[agent]
            openings = self._info.row_openings()
            for row in np.flatnonzero(dones).tolist():
                infos[row]["terminal_observation"] = last[row].copy()
                self.reset_infos[row] = openings[row]
            if self._renderer:
                self._renderer.restart(dones)
        return obs, rewards, dones, infos

    def close(self) -> None:
        """Nothing to release."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Every row's current frame, uint8 [500, 800, 3]; Nones without a render mode."""
        if self._renderer is None:
            return [None] * self.num_envs
        return [self._renderer.frame(row) for row in range(self.num_envs)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of this object for each row asked for: the rows are one simulator and share it.

        Raises:
            AttributeError: there is no such attribute.
        """
        value = getattr(self, attr_name)
        return [value for _ in self._rows(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of this object, for all rows at once.

        Raises:
            ValueError: for some of the rows alone.
        """
        if len(set(self._rows(indices))) != self.num_envs:
            raise ValueError(f"{attr_name} can be set for all rows only: they are one simulator.")
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """What `render` or `get_wrapper_attr` of a single environment would return, for each row asked for.

        Raises:
            AttributeError: for any other method; rows are one simulator and have none of their own.
        """
        rows = self._rows(indices)
        if method_name == "render" and self._renderer is not None:
            return [self._renderer.frame(row) for row in rows]
        if method_name == "render":
            return [None for _ in rows]
        if method_name == "get_wrapper_attr":
            return [getattr(self, *method_args, **method_kwargs) for _ in rows]
        raise AttributeError(
            f"rows of an SB3VecEnv have no method {method_name!r}, known are render and get_wrapper_attr."
        )

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """False for each row: there is nothing to wrap."""
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: VecEnvIndices) -> list[int]:
        chosen: Iterable[int] = self._get_indices(indices)
        return [range(self.num_envs)[row] for row in chosen]
