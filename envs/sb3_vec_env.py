"""Many worlds with one governor each as a stable-baselines3 `VecEnv`; the only module that imports that library."""

from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices

from protogov.envs.adapters import Episodes, action_space, of_rows, only_agent
from protogov.envs.infos import InfoReader
from protogov.envs.observations import FeatureTable, ObservationForm, feature_table
from protogov.envs.simulator import Simulator


class SB3VecEnv(VecEnv):
    """A simulator with one learning governor, for stable-baselines3; other governors are in `background`.

    Finished rows are reset in the same step. Their last observation is `infos[i]["terminal_observation"]`, and
    `infos[i]["TimeLimit.truncated"]` is True, because episodes end only by time: values are bootstrapped. Rewards are
    float32. Arrays are fresh. Infos are those of `protogov.envs.infos.InfoReader`.

    `seed(s)` makes row i restart as world `s + i` at the next reset. Without it the first reset draws worlds from the
    system's entropy, as the library's own vector environments do.

    Example:
        >>> from stable_baselines3 import PPO
        >>> from protogov.envs import Simulator, WorldConfig
        >>> from protogov.envs.sb3_vec_env import SB3VecEnv
        >>> model = PPO("MlpPolicy", SB3VecEnv(Simulator(WorldConfig(roles=("rate",)), 64)), n_steps=28)
    """

    def __init__(self, simulator: Simulator, *, observation: str = "vector", render_mode: str | None = None) -> None:
        """Wrap `simulator`, which only this object steps from now on.

        Args:
            simulator: with one governor.
            observation: "vector", or "dict" with one entry per feature, for "MultiInputPolicy".
            render_mode: None or "rgb_array".

        Raises:
            ConfigError: several governors learn in the simulator, or another argument has an invalid value.
        """
        self.simulator = simulator
        self.agent = only_agent(simulator)
        self._episodes = Episodes(simulator, render_mode)
        self.render_mode = render_mode  # before the base class, which reads it
        self._form = ObservationForm(simulator, self.agent, observation)
        super().__init__(simulator.num_worlds, self._form.space, action_space(simulator, self.agent))
        self._info = InfoReader(simulator, self.agent)
        self._opened = np.ones(simulator.num_worlds, np.bool_)
        self._actions: ArrayLike = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of every entry of an observation."""
        return self.simulator.observation_names(self.agent)

    @property
    def feature_table(self) -> FeatureTable:
        """Name, group, unit and range of every entry of an observation; `print` shows it as a table."""
        return feature_table(self.simulator, self.agent)

    def reset(self) -> Any:
        """Start the next episode of every row, or of the worlds set by :meth:`seed`; options are ignored."""
        obs = self._episodes.begin(self._seeds, np.random.default_rng())[self.agent]
        self.reset_infos = self._info.rows(self._opened)
        self._reset_seeds()
        self._reset_options()
        return self._form.batch(obs)

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions [n, levers] of the next :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Run one decision; (observations, rewards, dones, infos).

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: there was no reset.
            RewardError: `reward_fn` returned an invalid reward.
        """
        simulator, agent = self.simulator, self.agent
        self._episodes.play({agent: self._actions})
        obs = simulator.observe()[agent]
        rewards = simulator.rewards(agent).astype(np.float32)
        dones = simulator.truncated()
        infos = self._info.rows()
        for info, done in zip(infos, dones.tolist(), strict=True):
            info["TimeLimit.truncated"] = done
        if dones.any():
            last = obs
            obs = self._episodes.begin(None, np.random.default_rng(), dones)[agent]
            openings = self._info.rows(self._opened)
            for row in np.flatnonzero(dones).tolist():
                infos[row]["terminal_observation"] = self._form.one(last[row].copy())
                self.reset_infos[row] = openings[row]
        return self._form.batch(obs), rewards, dones, infos

    def close(self) -> None:
        """Nothing to release."""

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Every row's current frame, uint8 [500, 800, 3]; Nones without a render mode."""
        return [self._episodes.frame(row) for row in range(self.num_envs)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of this object for each requested row: the rows are one simulator and share it.

        Raises:
            AttributeError: there is no such attribute.
        """
        return of_rows(self, self._episodes, self._rows(indices), attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of this object, for all rows at once.

        Raises:
            ValueError: only some rows are requested.
        """
        if len(set(self._rows(indices))) != self.num_envs:
            raise ValueError(f"{attr_name} can be set for all rows only: they are one simulator.")
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """The result of `render` or `get_wrapper_attr` of a single environment, for each requested row.

        Raises:
            AttributeError: any other method; rows are one simulator and have no methods of their own.
        """
        if method_name not in ("render", "get_wrapper_attr"):
            raise AttributeError(
                f"rows of an SB3VecEnv have no method {method_name!r}, known are render and get_wrapper_attr."
            )
        return of_rows(self, self._episodes, self._rows(indices), method_name, *method_args, **method_kwargs)

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper], indices: VecEnvIndices = None) -> list[bool]:
        """False for each row: there is nothing to wrap."""
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: VecEnvIndices) -> list[int]:
        chosen: Iterable[int] = self._get_indices(indices)
        return [range(self.num_envs)[row] for row in chosen]
