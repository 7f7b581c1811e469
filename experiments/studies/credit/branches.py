"""Branches of visited states: the same tape and the same keyed noise, other noise on the actions.

The difference between two branches is what the difference in noise brought about, without any of what both would have
earned anyway. Only a world that can be forked in the middle of an episode gives it.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from protogov.envs.simulator import Simulator

Singles = NDArray[np.float32]
Floats = NDArray[np.float64]
# observations F32[n, d] and noise F32[n, k] -> actions F32[n, k]; without memory
Actor = Callable[[Singles, Singles], Singles]
# (agent, decisions since the fork) -> noise F32[n, k]
Noise = Callable[[str, int], Singles]


def rewards_of_branches(
    worlds: Simulator, actors: Mapping[str, Actor], branches: Sequence[Noise], decisions: int,
    change: Callable[[Simulator], None] | None = None,
) -> dict[str, Floats]:  # fmt: skip
    """Rewards of each agent in every branch, F64[branches, decisions, n].

    Every branch is a block of rows of one fork, and actors get one block at a time. Two branches with the same noise
    are therefore equal, bit for bit: in another place of a batch the last bits of a matrix product differ.

    Args:
        worlds: n rows, all between two decisions with at least `decisions` left; they stay as they are.
        actors: one for each agent.
        branches: the noise of each branch.
        decisions: to play.
        change: called with the fork of all branches before they are played, for example to give it another future.
    """
    n, count = worlds.num_worlds, len(branches)
    fork = worlds.fork(np.tile(np.arange(n), count))
    if change is not None:
        change(fork)
    found = {agent: np.empty((count, decisions, n)) for agent in fork.agents}
    seen = fork.observe()
    for lag in range(decisions):
        actions = {
            agent: np.concatenate(
                [
                    actors[agent](np.ascontiguousarray(seen[agent][at * n : (at + 1) * n]), noise(agent, lag))
                    for at, noise in enumerate(branches)
                ]
            )
            for agent in fork.agents
        }
        step = fork.step(actions)
        seen = step.obs
        for agent, rewards in found.items():
            rewards[:, lag] = step.rewards[agent].reshape(count, n)
    return found


class Draws:
    """Exploration of an episode, and the branches that differ from one another by parts of it.

    Args:
        noise: agent -> what was added to its outputs, F32[decisions, n, k].
        at: the decision at which the branches part.
    """

    def __init__(self, noise: Mapping[str, Singles], at: int) -> None:
        self._noise, self._at = noise, at

    def _still(self, agent: str) -> Singles:
        return np.zeros_like(self._noise[agent][self._at])

    def still(self, agent: str, lag: int) -> Singles:
        """Nobody explores."""
        return self._still(agent)

    def everybody(self, agent: str, lag: int) -> Singles:
        """Everybody explores once, then nobody."""
        return self._noise[agent][self._at] if lag == 0 else self._still(agent)

    def going_on(self, agent: str, lag: int) -> Singles:
        """Everybody explores in every decision: what the learners' rollout was."""
        return self._noise[agent][self._at + lag]

    def alone(self, explorer: str, memory: float = 0.0) -> Noise:
        """One agent explores once, then nobody. With a memory c the noise fades as c ** lag: a push that lasts."""

        def noise(agent: str, lag: int) -> Singles:
            if agent != explorer:
                return self._still(agent)
            return np.float32(memory**lag) * self._noise[agent][self._at]

        return noise

    def without(self, explorer: str) -> Noise:
        """Everybody explores in every decision, but this agent not in the first one."""

        def noise(agent: str, lag: int) -> Singles:
            return self._still(agent) if (agent, lag) == (explorer, 0) else self.going_on(agent, lag)

        return noise
