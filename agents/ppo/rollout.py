"""One rollout that all learners share: the loop of `OnPolicyAlgorithm.collect_rollouts` for several policies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.ppo.learner import Learner
from protogov.agents.ppo.report import RolloutMeter
from protogov.agents.ppo.sharing import repeated, stacked
from protogov.agents.ppo.sights import Sights
from protogov.agents.ppo.twin import Twin
from protogov.agents.ppo.world import Observations, StepResult, TrainingWorld


class JointRollout:
    """A batch of worlds, its twin, and the state of their episodes.

    Args:
        world: where the learners act. Its next episodes begin here.
        twin: what the twin plays, see `Twin`, or "none".
        bootstrap: whether the last state of an episode counts in the twin as it does for learners.
        central: whether learners get the global state after their own observation.
        clock: whether critics see the time that is left, see `Sights`.
        window: number of own newest observations that a learner gets, oldest first, zeros before the opening.
    """

    def __init__(
        self,
        world: TrainingWorld,
        *,
        twin: str,
        bootstrap: bool,
        central: bool,
        clock: bool = False,
        window: int = 1,
    ) -> None:
        self.world = world
        self._sights = Sights(world, central=central, clock=clock, window=window)
        own = world.reset()
        self.twin: Twin | None = None
        if twin != "none":
            self.twin = Twin(world, own, plays=twin, bootstrap=bootstrap, central=central, clock=clock, window=window)
        self.observations = self._sights.see(own)
        self.episode_starts = np.ones(world.num_worlds, np.bool_)
        self.meter = RolloutMeter(world)

    def collect(self, learners: list[Learner], num_steps: int) -> None:
        """Fill every learner's buffer with `num_steps` decisions of each world."""
        self.meter.begin()
        if self.twin is not None:
            self.twin.begin()
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
            self.meter.add(step, self._over_twin(step, learners))
            after = self._sights.see(step.obs)
            for learner in learners:
                group = learner.agents
                rows = repeated(ended, group, self.world.num_worlds)
                last = stacked({agent: after[agent][ended] for agent in group}, group)
                rewards = stacked({agent: step.rewards[agent].astype(np.float32) for agent in group}, group)
                learner.remember(rewards, np.tile(self.episode_starts, len(group)), rows, last)
            self.observations = self._next_episodes(truncated, ended) if ended.size else after
            self.episode_starts = truncated
        for learner in learners:
            group = learner.agents
            ends = np.tile(self.episode_starts, len(group))
            learner.end_rollout(stacked(self.observations, group), ends)
            if self.twin is not None:
                learner.subtract(self.twin.advantages(learner, learner.model.rollout_buffer.episode_starts, ends))

    def _over_twin(self, step: StepResult, learners: list[Learner]) -> dict[str, NDArray[Any]]:
        """Rewards less those of the twin, F[n] by agent; this steps the twin. Without one, the rewards."""
        if self.twin is None:
            return step.rewards
        other = self.twin.step(learners)
        if not np.array_equal(other.truncated, step.truncated):
            raise RuntimeError("the twin's episodes ended apart from the world's, so its rewards are of other tapes")
        return {agent: reward - other.rewards[agent] for agent, reward in step.rewards.items()}

    def _next_episodes(self, truncated: NDArray[np.bool_], rows: NDArray[np.int64]) -> Observations:
        """Begin the next episode of truncated rows, here and in the twin; returns the learners' inputs."""
        own = self.world.reset(mask=truncated)
        if self.twin is not None:
            self.twin.open_like(self.world, own, truncated)
        self._sights.forget(rows)
        return self._sights.see(own, rows)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state of the worlds, for a checkpoint."""
        arrays: dict[str, NDArray[Any]] = {"world": np.frombuffer(self.world.snapshot(), np.uint8)}
        if self.twin is not None:
            arrays |= self.twin.arrays()
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
            self.twin.load_arrays(arrays)
        self.episode_starts = np.array(arrays["episode_starts"], np.bool_)
        self.observations = {
            agent: np.array(arrays[f"observations/{agent}"], np.float32) for agent in self.world.agents
        }
        self._sights.load(self.observations)
        meter = {name.removeprefix("meter/"): values for name, values in arrays.items() if name.startswith("meter/")}
        self.meter.load_arrays(meter)
