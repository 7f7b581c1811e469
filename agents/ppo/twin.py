"""A copy of the worlds on the same tapes, whose advantages are taken from those of the learners: a control variate.

Prices move what a governor earns far more than the governor does. The twin is a fork of all worlds in which nobody
explores. Its rewards, and the critic's values of its states, give an advantage B of each decision by the same estimator
that gives A in the world itself. B does not depend on what is drawn in the world, so that A - c B has the expected
gradient of A for every c, and the least variance for c = cov(A, B) / var(B) (Owen 2013, "Monte Carlo theory, methods
and examples", section 8.9). Each rollout estimates c, which is a bias that falls with its number of decisions.

It would be wrong to subtract the twin's reward instead and to bootstrap the difference. The critic would then predict
the twin's future from the learner's own state, which goes with the twin's over tapes though no action moves the twin:
reaching states that go with a bad twin would seem to pay. In `quoting` of `protogov.envs.solvable_policies` PPO ended
at -90% of the way from the best constant to the optimum like that, and ends at 96% to 100% like this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.ppo.advantages import estimate_advantages
from protogov.agents.ppo.learner import Learner
from protogov.agents.ppo.sharing import repeated, stacked
from protogov.agents.ppo.sights import Sights
from protogov.agents.ppo.world import Observations, StepResult, TrainingWorld


class Twin:
    """The twin of a batch of worlds, and its advantages.

    Args:
        world: just opened; the twin is a fork of all its rows.
        opening: what its agents observe.
        plays: "defaults" leaves all levers there; "policies" has every learner act without exploring.
        bootstrap: whether the value of an episode's last state is added to its last reward.
        central: whether learners get the global state after their own observation.
        clock: whether critics see the time that is left.
        window: number of own newest observations that a learner gets.
    """

    def __init__(
        self,
        world: TrainingWorld,
        opening: Observations,
        *,
        plays: str,
        bootstrap: bool,
        central: bool,
        clock: bool = False,
        window: int = 1,
    ) -> None:
        self.world = world.fork(np.arange(world.num_worlds, dtype=np.int64))
        self._plays, self._bootstrap = plays, bootstrap
        self._sights = Sights(self.world, central=central, clock=clock, window=window)
        self._still = {
            agent: np.zeros((world.num_worlds, world.action_size(agent)), np.float32) for agent in world.agents
        }
        self.observations = self._sights.see(opening)
        self._own = opening
        self.begin()

    def begin(self) -> None:
        """Forget the last rollout."""
        self._seen: list[Observations] = []
        self._rewards: list[dict[str, NDArray[np.float32]]] = []
        self._ends: list[tuple[NDArray[np.int64], Observations]] = []

    def step(self, learners: Sequence[Learner]) -> StepResult:
        """Run to the next decision."""
        actions: dict[str, NDArray[np.float32]] = self._still
        if self._plays == "policies":
            actions = {}
            for learner in learners:
                acted = learner.act_still(stacked(self.observations, learner.agents))
                actions |= zip(learner.agents, np.split(acted, len(learner.agents)), strict=True)
        step = self.world.step(actions)
        self._seen.append(self.observations)
        self._rewards.append({agent: reward.astype(np.float32) for agent, reward in step.rewards.items()})
        self._own = step.obs
        self.observations = self._sights.see(step.obs)
        ended = np.flatnonzero(step.truncated)
        self._ends.append((ended, {agent: sight[ended] for agent, sight in self.observations.items()}))
        return step

    def open_like(self, world: TrainingWorld, own: Observations, mask: NDArray[np.bool_]) -> None:
        """Begin in the masked rows what `world` has begun there, where agents observe `own`."""
        self.world.open_like(world, mask)
        rows = np.flatnonzero(mask)
        self._sights.forget(rows)
        self._own = {agent: np.where(mask[:, None], sight, self._own[agent]) for agent, sight in own.items()}
        self.observations = self._sights.see(self._own, rows)

    def advantages(
        self, learner: Learner, starts: NDArray[np.float32], truncated: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Advantages of the twin's decisions, F32[t, n], as the learner's critic sees them.

        Args:
            learner: whose critic and discounts.
            starts: F32[t, n], 1 where a decision was the first of an episode.
            truncated: bool[n], rows whose episode ended with the rollout.
        """
        group, gamma = learner.agents, learner.model.gamma
        rewards = np.stack([stacked(of, group) for of in self._rewards])
        for step, (rows, last) in enumerate(self._ends):
            if rows.size and self._bootstrap:
                ended = repeated(rows, group, self.world.num_worlds)
                rewards[step, ended] += gamma * learner.values(stacked(last, group))
        values = np.stack([learner.values(stacked(of, group)) for of in (*self._seen, self.observations)])
        return estimate_advantages(
            rewards, values[:-1], starts, values[-1], truncated, gamma=gamma, gae_lambda=learner.model.gae_lambda
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The twin between two rollouts, for a checkpoint."""
        arrays: dict[str, NDArray[Any]] = {"twin": np.frombuffer(self.world.snapshot(), np.uint8)}
        arrays |= {f"twin_own/{agent}": own for agent, own in self._own.items()}
        return arrays | {f"twin_sees/{agent}": sight for agent, sight in self.observations.items()}

    def load_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Continue from `arrays`.

        Raises:
            KeyError, ValueError: they belong to another world.
        """
        self.world.restore(arrays["twin"].tobytes())
        self._own = {agent: np.array(arrays[f"twin_own/{agent}"], np.float32) for agent in self._own}
        self.observations = {agent: np.array(arrays[f"twin_sees/{agent}"], np.float32) for agent in self._own}
        self._sights.load(self.observations)
        self.begin()
