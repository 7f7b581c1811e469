"""Many worlds with one governor each, one kernel call a step: the native Gymnasium vector environment."""

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from protogov.envs.gymnasium_env import (
    InfoReader,
    action_space,
    observation_space,
    only_agent,
    single_governor_config,
)
from protogov.envs.rendering import Renderer, check_render_mode
from protogov.envs.simulator import Simulator

Batch = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class GovernorVectorEnv(VectorEnv[Any, Any, Any]):
    """A batch of `protogov.envs.gymnasium_env.GovernorEnv`, stepped together; the vector form of the four ids.

    Row i of the batch is that environment reset with `seed + i`, bit for bit. Observation float32 [n, d], action [n,
    levers], reward float64 [n], termination (never) and truncation bool [n], infos in Gymnasium's vector form.

    A finished row is reset in the next step, whose action it ignores and whose reward is 0 (`NEXT_STEP`, the default);
    in the same step, with `final_obs` and `final_info` in the infos (`SAME_STEP`); or by the caller alone with
    `reset(options={"reset_mask": bool [n]})` (`DISABLED`; a step over a finished row raises RuntimeError).

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
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environments.

        Args:
            num_envs: rows of the batch.
            role: rate, risk, spread or joint.
            scenario: a registered name, a path to candles, or a `Scenario`.
            autoreset_mode: an `AutoresetMode` or its value ("NextStep", "SameStep", "Disabled").
            num_threads: over which the rows are split.
            render_mode: None or "rgb_array".
            config: fields of `WorldConfig` other than `roles` and `venues`.

        Raises:
            ConfigError: a field is unknown or its value impossible.
            ValueError: an unknown autoreset mode or scenario, or a bad candle file.
        """
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = check_render_mode(render_mode)
        self.simulator = Simulator(
            single_governor_config(role, config), num_envs, scenario=scenario, num_threads=num_threads
        )
        self.num_envs = self.simulator.num_worlds
        self.agent = only_agent(self.simulator)
        self.single_observation_space = observation_space(self.simulator, self.agent)
        self.single_action_space = action_space(self.simulator, self.agent)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._info = InfoReader(self.simulator, self.agent)
        self._renderer = Renderer(self.simulator) if render_mode else None
        self._seeded = False

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode of every row, or of the rows in `options["reset_mask"]`.

        Args:
            seed: world of row 0; row i restarts as world `seed + i`. A sequence gives each row's.
            options: may hold `reset_mask`, bool [n] with at least one True; the rest is ignored.

        Raises:
            ValueError, TypeError: a mask or a sequence of seeds of the wrong shape or type.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        mask = _checked_mask((options or {}).get("reset_mask"), self.num_envs)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**32))
        if isinstance(seed, int | np.integer):
            seed = [int(seed) + row for row in range(self.num_envs)]
        obs = self.simulator.reset(seeds=seed, mask=mask)[self.agent]
        self._seeded = True
        opened = np.ones(self.num_envs, np.bool_) if mask is None else mask
        if self._renderer:
            self._renderer.restart(opened)
        return obs, self._info.batch(np.zeros(self.num_envs, np.bool_), opened)

    def step(self, actions: ArrayLike) -> Batch:
        """Run one decision of every row that is not being reset.

        Raises:
            ActionError: a wrong shape or a non-finite value. Nothing has changed.
            RuntimeError: there was no reset; in `DISABLED`, a row's episode is over.
        """
        simulator, agent, mode = self.simulator, self.agent, self.autoreset_mode
        waiting = simulator.truncated()  # in NEXT_STEP alone may there be any
        simulator.take_actions({agent: actions})
        simulator.advance(skip_finished=mode is AutoresetMode.NEXT_STEP)
        if self._renderer:
            self._renderer.record()
        rewards = np.where(waiting, 0.0, simulator.rewards(agent))
        truncated = simulator.truncated() & ~waiting
        infos: dict[str, Any] = {}
        opened = waiting
        if mode is AutoresetMode.SAME_STEP and truncated.any():
            opened = truncated
            infos = self._final(truncated)
        if opened.any():
            simulator.reset(mask=opened)
            if self._renderer:
                self._renderer.restart(opened)
        infos.update(self._info.batch(~opened, opened))
        return simulator.observe()[agent], rewards, np.zeros(self.num_envs, np.bool_), truncated, infos

    def _final(self, rows: NDArray[np.bool_]) -> dict[str, Any]:
        """Last observation and info of finished rows."""
        observations = np.full(self.num_envs, None, object)
        last = self.simulator.observe()[self.agent]
        for row in np.flatnonzero(rows):
            observations[row] = last[row].copy()
        info = self._info.batch(rows, np.zeros_like(rows))
        return {"final_obs": observations, "_final_obs": rows.copy(), "final_info": info, "_final_info": rows.copy()}

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Every row's current frame, uint8 [500, 800, 3]; None with a warning when no render mode was asked for."""
        if self._renderer is None:
            gym.logger.warn('render() returns nothing: make the environments with render_mode="rgb_array".')
            return None
        return tuple(self._renderer.frame(row) for row in range(self.num_envs))


def _checked_mask(mask: Any, count: int) -> NDArray[np.bool_] | None:
    """`mask` as Gymnasium's own vector environments accept it."""
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        raise TypeError(f"options['reset_mask'] is {mask!r}, expected a numpy array of bool.")
    if mask.shape != (count,) or not mask.any():
        raise ValueError(f"options['reset_mask'] has shape {mask.shape}, expected ({count},) with at least one True.")
    return mask
