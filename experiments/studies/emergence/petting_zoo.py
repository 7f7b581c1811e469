"""Anybody's PettingZoo environment as a world of the laboratory: copies of it side by side, forked by `deepcopy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.experiments.errors import BadInput


class ParallelWorlds:
    """A row a copy of a `ParallelEnv` whose agents have boxes of actions and stay to the end.

    A copy of an environment copies its generator, so that branches begin with the same noise; where an action changes
    how many numbers are drawn, later noise moves too, and the decoupled control of the laboratory is how that is seen.

    Args:
        make: makes an environment.
        num_worlds: rows, n.

    Raises:
        BadInput: an agent whose actions are no box.
    """

    def __init__(self, make: Callable[[], Any], num_worlds: int) -> None:
        self._take([make() for _ in range(num_worlds)])

    def _take(self, envs: Sequence[Any]) -> None:
        self._envs, self.num_worlds = list(envs), len(envs)
        self.agents: tuple[str, ...] = tuple(envs[0].possible_agents)
        for agent in self.agents:
            space = envs[0].action_space(agent)
            if getattr(space, "low", None) is None or space.dtype.kind != "f":
                raise BadInput(f"the actions of {agent!r} are {space}; a Box of floats is needed")

    def action_size(self, agent: str) -> int:
        """Numbers of an agent's action."""
        return int(np.prod(self._envs[0].action_space(agent).shape))

    def reset(self, *, seeds: ArrayLike, mask: ArrayLike | None = None) -> dict[str, NDArray[Any]]:
        """Begin episodes of seeds, whole numbers [n], in all rows."""
        return self._stacked(
            [env.reset(seed=int(seed))[0] for env, seed in zip(self._envs, np.asarray(seeds), strict=True)]
        )

    def step(self, actions: Mapping[str, ArrayLike]) -> Any:
        """One decision: `obs`, `rewards` F64[n] by agent, `truncated` bool [n] (over for whatever reason)."""
        spaces = {agent: self._envs[0].action_space(agent) for agent in self.agents}
        shaped = {a: np.asarray(actions[a], s.dtype).reshape(self.num_worlds, *s.shape) for a, s in spaces.items()}
        results = [env.step({a: own[row] for a, own in shaped.items()}) for row, env in enumerate(self._envs)]
        return SimpleNamespace(
            obs=self._stacked([result[0] for result in results]),
            rewards={a: np.array([result[1][a] for result in results], np.float64) for a in self.agents},
            truncated=np.array([any(r[2].values()) or any(r[3].values()) for r in results]),
        )

    def fork(self, rows: ArrayLike) -> ParallelWorlds:
        """Copies of rows."""
        copy = object.__new__(ParallelWorlds)
        copy._take([deepcopy(self._envs[row]) for row in np.asarray(rows)])
        return copy

    def _stacked(self, seen: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
        return {agent: np.stack([np.ravel(own[agent]) for own in seen]) for agent in self.agents}
