"""One rollout that all learners share: the loop of `OnPolicyAlgorithm.collect_rollouts` for several policies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.policies.window import Window
from protogov.agents.ppo.learner import Learner
from protogov.agents.ppo.report import RolloutMeter
from protogov.agents.ppo.sharing import repeated, stacked
from protogov.agents.ppo.world import Observations, TrainingWorld


class JointRollout:
    """A batch of worlds, its twin, and the state of their episodes.

    Args:
        world: where the learners act. Its next episodes begin here.
        twin: whether to subtract the reward of a copy of the world whose levers stay at their defaults.
        central: whether learners get the global state after their own observation.
        window: number of own newest observations that a learner gets, oldest first, zeros before the opening.
    """

    def __init__(self, world: TrainingWorld, *, twin: bool, central: bool, window: int = 1) -> None:
        self.world = world
        self._windows: dict[str, Window] = {}
        if window > 1:
            self._windows = {agent: Window(window, world.observation_size(agent)) for agent in world.agents}
        self._central = central
        own = world.reset()
        self.twin = world.fork(np.arange(world.num_worlds, dtype=np.int64)) if twin else None
        self._defaults = {
            agent: np.zeros((world.num_worlds, world.action_size(agent)), np.float32) for agent in world.agents
        }
        self.observations = self._sights(own)
        self.episode_starts = np.ones(world.num_worlds, np.bool_)
        self.meter = RolloutMeter(world)

    def collect(self, learners: list[Learner], num_steps: int) -> None:
        """Fill every learner's buffer with `num_steps` decisions of each world."""
        self.meter.begin()
        for learner in learners:
            learner.begin_rollout()
        for _ in range(num_steps):
            actions: dict[str, NDArray[np.float32]] = {}
            for learner in learners:
                group = learner.agents
                acted = learner.act(stacked(self.observations, group), np.tile(self.episode_starts, len(group)))
                actions |= zip(group, np.split(acted, len(group)), strict=True)
            step = self.world.step(actions)
            truncated = np.asarray(step.truncated)
            ended = np.flatnonzero(truncated)
            rewards = self._over_twin(step.rewards, truncated)
            self.meter.add(step, rewards)
            after = self._sights(step.obs)
            for learner in learners:
                group = learner.agents
                rows = repeated(ended, group, self.world.num_worlds)
                last = stacked({agent: after[agent][ended] for agent in group}, group)
                learner.remember(stacked(rewards, group), np.tile(self.episode_starts, len(group)), rows, last)
            self.observations = self._next_episodes(truncated, ended) if ended.size else after
            self.episode_starts = truncated
        for learner in learners:
            group = learner.agents
            learner.end_rollout(stacked(self.observations, group), np.tile(self.episode_starts, len(group)))

    def _over_twin(
        self, rewards: dict[str, NDArray[Any]], truncated: NDArray[np.bool_]
    ) -> dict[str, NDArray[np.float32]]:
        """Rewards that learners get, F32[n]. This steps the twin."""
        if self.twin is None:
            return {agent: reward.astype(np.float32) for agent, reward in rewards.items()}
        step = self.twin.step(self._defaults)
        if not np.array_equal(step.truncated, truncated):
            raise RuntimeError("the twin's episodes ended apart from the world's, so its rewards are of other tapes")
        return {agent: (reward - step.rewards[agent]).astype(np.float32) for agent, reward in rewards.items()}

    def _next_episodes(self, truncated: NDArray[np.bool_], rows: NDArray[np.int64]) -> Observations:
        """Begin the next episode of truncated rows, here and in the twin; returns the learners' inputs."""
        own = self.world.reset(mask=truncated)
        if self.twin is not None:
            self.twin.open_like(self.world, truncated)
        for window in self._windows.values():
            window.reset(rows)
        return self._sights(own, rows)

    def _sights(self, own: Observations, rows: NDArray[np.int64] | None = None) -> Observations:
        """Learners' inputs, from the agents' present observations, which are new for `rows`; by default for all.

        Rows are made contiguous: with another memory layout the last bits of a matrix product differ.
        """
        if self._windows:
            own = {agent: self._windows[agent].push(sight, rows) for agent, sight in own.items()}
        if not self._central:
            return {agent: np.ascontiguousarray(sight) for agent, sight in own.items()}
        state = self.world.state()
        return {agent: np.concatenate([sight, state], axis=1) for agent, sight in own.items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state of the worlds, for a checkpoint."""
        arrays: dict[str, NDArray[Any]] = {"world": np.frombuffer(self.world.snapshot(), np.uint8)}
        if self.twin is not None:
            arrays["twin"] = np.frombuffer(self.twin.snapshot(), np.uint8)
        arrays["episode_starts"] = self.episode_starts
        arrays |= {f"observations/{agent}": sight for agent, sight in self.observations.items()}
        return arrays | {f"meter/{name}": values for name, values in self.meter.arrays().items()}

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `arrays`.

        Raises:
            ValueError: the snapshot does not belong to this world.
        """
        self.world.restore(arrays["world"].tobytes())
        if self.twin is not None:
            self.twin.restore(arrays["twin"].tobytes())
        self.episode_starts = np.array(arrays["episode_starts"], np.bool_)
        self.observations = {
            agent: np.array(arrays[f"observations/{agent}"], np.float32) for agent in self.world.agents
        }
        for agent, window in self._windows.items():
            size = window.length * self.world.observation_size(agent)
            window.load(self.observations[agent][:, :size])
        meter = {name.removeprefix("meter/"): values for name, values in arrays.items() if name.startswith("meter/")}
        self.meter.load_arrays(meter)
