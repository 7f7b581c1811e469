"""Many worlds with one governor each, one kernel call per step: the native Gymnasium vector environment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from protogov.envs.adapters import (
    Episodes,
    action_space,
    of_rows,
    only_agent,
    single_governor_config,
)
from protogov.envs.config import ConfigError
from protogov.envs.infos import InfoReader
from protogov.envs.observations import FeatureTable, ObservationForm, feature_table
from protogov.envs.population_hook import PopulationHook
from protogov.envs.seeds import row_seeds
from protogov.envs.simulator import Simulator

Batch = tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class GovernorVectorEnv(VectorEnv[Any, Any, Any]):
    """A batch of `protogov.envs.gymnasium_env.GovernorEnv`, stepped together; the vector form of its ids.

    Row i of the batch is that environment reset with `seed + i`, bit for bit. Observation float32 [n, d], action [n,
    levers], reward float64 [n], termination (never) and truncation bool [n], infos in Gymnasium's vector form: the keys
    of `protogov.envs.infos.InfoReader`, float64 [n], each with its mask `_key`, bool [n].

    A finished row is reset in the next step, which ignores its action and gives reward 0 (`NEXT_STEP`, the default); in
    the same step, with `final_obs` and `final_info` in the infos (`SAME_STEP`); or only by the caller with
    `reset(options={"reset_mask": bool [n]})` (`DISABLED`; a step with a finished row raises RuntimeError).

    Example:
        >>> import gymnasium as gym, protogov.envs
        >>> envs = gym.make_vec("protogov/Joint-v0", num_envs=512, num_threads=2)
        >>> obs, infos = envs.reset(seed=0)
        >>> obs, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        role: str = "joint",
        scenario: Any = "jump",
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        num_threads: int = 1,
        max_episode_steps: int | None = None,
        observation: str = "vector",
        population_hook: PopulationHook | None = None,
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environments.

        Args:
            num_envs: rows of the batch.
            role: rate, risk, spread or joint; with `roles`, the role that governs.
            scenario: a registered name, a path to candles, or a `Scenario`.
            autoreset_mode: an `AutoresetMode` or its value ("NextStep", "SameStep", "Disabled").
            num_threads: threads that share the rows.
            max_episode_steps: decisions after which a row is truncated if its episode is not over, as in `gym.make`;
                None or -1 for no limit.
            observation: "vector", or "dict" with one entry per feature, float32 [n, *shape].
            population_hook: people in plain Python, called once an hour; see `protogov.envs.population_hook`.
            render_mode: None or "rgb_array".
            config: fields of `WorldConfig`, for instance `size`, `roles`, `mandates`, `background`.

        Raises:
            TypeError: a keyword is not a field.
            ConfigError: an invalid value.
            ValueError: an unknown autoreset mode or scenario, or a bad candle file.
        """
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        _check_count("num_envs", num_envs)
        if max_episode_steps == -1:  # as in `gym.make`
            max_episode_steps = None
        if max_episode_steps is not None:
            _check_count("max_episode_steps", max_episode_steps)
        self._max_decisions = max_episode_steps
        self.simulator = Simulator(
            single_governor_config(type(self), role, config),
            num_envs,
            scenario=scenario,
            num_threads=num_threads,
            population_hook=population_hook,
        )
        self._episodes = Episodes(self.simulator, render_mode)
        self.render_mode = render_mode
        self.num_envs = self.simulator.num_worlds
        self.agent = only_agent(self.simulator)
        self._form = ObservationForm(self.simulator, self.agent, observation)
        self.single_observation_space = self._form.space
        self.single_action_space = action_space(self.simulator, self.agent)
        self.observation_space = self._form.batch_space(self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._info = InfoReader(self.simulator, self.agent)
        self._decisions = np.zeros(self.num_envs, np.int64)  # of each row's running episode
        self._over = np.zeros(self.num_envs, np.bool_)  # rows that are truncated and not yet reset

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name of every entry of a single observation."""
        return self.simulator.observation_names(self.agent)

    @property
    def feature_table(self) -> FeatureTable:
        """Name, group, unit and range of every entry of a single observation; `print` shows it as a table."""
        return feature_table(self.simulator, self.agent)

    def call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        """Attribute `name` of the single environment in each row, or the result of its method there.

        Rows are one simulator and share its attributes. The methods are `render` and `get_wrapper_attr`.

        Raises:
            AttributeError: no such attribute, or another method.
        """
        return tuple(of_rows(self, self._episodes, range(self.num_envs), name, *arguments))

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Attribute `name` of each row; see :meth:`call`."""
        return self.call(name)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start the next episode of every row, or of the rows in `options["reset_mask"]`.

        Args:
            seed: world of row 0; row i restarts as world `seed + i`. A sequence gives a world for each row, or None for
                a row that starts its next episode.
            options: may hold `reset_mask`, bool [n] with at least one True; the rest is ignored.

        Raises:
            ValueError, TypeError: a mask or seeds of the wrong shape, type or range. Nothing has changed.
        """
        mask = _checked_mask((options or {}).get("reset_mask"), self.num_envs)
        seeds = row_seeds(seed, self.num_envs)
        super().reset(seed=seeds[0] if np.ndim(seed) == 0 else None)  # type: ignore[arg-type]
        opened = np.ones(self.num_envs, np.bool_) if mask is None else mask
        obs = self._begin(opened, seeds)
        return self._form.batch(obs), self._info.batch(opened, opened)

    def step(self, actions: ArrayLike) -> Batch:
        """Run one decision of every row that is not being reset.

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: there was no reset; in `DISABLED`, a row's episode is over.
            RewardError: `reward_fn` returned an invalid reward.
        """
        simulator, agent, mode = self.simulator, self.agent, self.autoreset_mode
        waiting = self._over.copy()
        if mode is AutoresetMode.DISABLED and waiting.any():
            raise RuntimeError(f"world {np.flatnonzero(waiting)[0]} is truncated; reset it before the next step.")
        self._episodes.play({agent: actions}, skip_finished=mode is AutoresetMode.NEXT_STEP)
        self._decisions += 1
        rewards = np.where(waiting, 0.0, simulator.rewards(agent))
        truncated = simulator.truncated() & ~waiting
        if self._max_decisions is not None:
            truncated |= (self._decisions >= self._max_decisions) & ~waiting
        self._over = truncated.copy()
        infos: dict[str, Any] = {}
        opened = waiting
        if mode is AutoresetMode.SAME_STEP and truncated.any():
            opened = truncated
            infos = self._final(truncated)
        obs = self._begin(opened) if opened.any() else simulator.observe()[agent]
        infos.update(self._info.batch(np.ones(self.num_envs, np.bool_), opened))
        return self._form.batch(obs), rewards, np.zeros(self.num_envs, np.bool_), truncated, infos

    def _begin(self, rows: NDArray[np.bool_], seeds: Any = None) -> NDArray[np.float32]:
        """Start episodes in `rows`, bool [n]; returns observations of all rows."""
        obs = self._episodes.begin(seeds, self.np_random, rows)[self.agent]
        self._decisions[rows], self._over[rows] = 0, False
        return obs

    def _final(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        """Last observation and info of finished rows."""
        observations = np.full(self.num_envs, None, object)
        last = self.simulator.observe()[self.agent]
        for row in np.flatnonzero(rows):
            observations[row] = self._form.one(last[row].copy())
        info = self._info.batch(rows, np.zeros_like(rows))
        return {"final_obs": observations, "_final_obs": rows.copy(), "final_info": info, "_final_info": rows.copy()}

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Every row's current frame, uint8 [500, 800, 3]; None with a warning when no render mode was asked for."""
        if self.render_mode is None:
            self._episodes.frame()
            return None
        return self.call("render")


def _check_count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ConfigError(f"{name} = {value!r} must be a whole number from 1.")


def _checked_mask(mask: Any, count: int) -> NDArray[np.bool_] | None:
    """`mask`, checked as in Gymnasium's own vector environments."""
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(f"options['reset_mask'] is {mask!r}, expected a numpy array of bool.")
    if mask.shape != (count,) or not mask.any():
        raise ValueError(f"options['reset_mask'] has shape {mask.shape}, expected ({count},) with at least one True.")
    return mask
