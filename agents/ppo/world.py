"""What joint PPO needs from a world: `protogov.envs.simulator.Simulator` has it, and so do analytic worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.envs.roles import Role

Observations = dict[str, NDArray[np.float32]]


class StepResult(Protocol):
    """The result of a step: the part of the simulator's `Step` that learning reads."""

    @property
    def obs(self) -> Observations:
        """Each agent's observation after it, F32[n, d]; for a truncated row, the last one of the episode."""
        ...

    @property
    def rewards(self) -> dict[str, NDArray[np.float64]]:
        """Each agent's reward, F64[n]."""
        ...

    @property
    def terms(self) -> dict[str, NDArray[np.float64]]:
        """Terms of each agent's mandate, F64[n, k], bp of K0; welfare_<venue> has a venue's parts and their sum."""
        ...

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Rows whose episode has reached its time limit, bool[n]."""
        ...

    @property
    def executed(self) -> dict[str, NDArray[np.float64]]:
        """Each agent's executed levers after the step, F64[n, k], physical units."""
        ...


class TrainingWorld(Protocol):
    """A batch of worlds on which several agents act at once."""

    agents: tuple[str, ...]

    @property
    def num_worlds(self) -> int:
        """Rows of the batch."""
        ...

    @property
    def state_size(self) -> int:
        """Length of the global state."""
        ...

    def observation_size(self, agent: str) -> int:
        """Length of an agent's observation."""
        ...

    def action_size(self, agent: str) -> int:
        """Number of an agent's levers."""
        ...

    def reset(self, *, seeds: NDArray[np.uint64] | None = None, mask: NDArray[np.bool_] | None = None) -> Observations:
        """Begin the next episode of all rows, or of the masked rows. Returns what every row observes."""
        ...

    def step(self, actions: Mapping[str, NDArray[Any]]) -> StepResult:
        """Apply actions, F32[n, k] in [-1, 1] for every agent, and run to the next decision."""
        ...

    def state(self) -> NDArray[np.float32]:
        """The global state, F32[n, g]."""
        ...

    def time_left(self) -> NDArray[np.float32]:
        """Decisions left in each row's episode by those of a whole episode, F32[n]: 0 at the end."""
        ...

    def fork(self, rows: NDArray[np.int64]) -> TrainingWorld:
        """A copy of rows that continues with the same tape and the same keyed noise."""
        ...

    def open_like(self, other: Any, mask: NDArray[np.bool_]) -> None:
        """Begin in the masked rows what `other`, of which this is a fork, has begun there: as `reset(mask=mask)`."""
        ...

    def snapshot(self) -> bytes:
        """The whole state."""
        ...

    def restore(self, data: bytes) -> None:
        """Continue from a snapshot."""
        ...


def decision_hours(world: TrainingWorld) -> float:
    """Hours between two decisions of a world; six if the world does not state it."""
    return float(getattr(getattr(world, "config", None), "decision_hours", 6.0))


def lever_names(world: TrainingWorld, agent: str) -> tuple[str, ...]:
    """Names of an agent's levers; lever_0 and so on if the world does not state them."""
    role = role_of(world, agent)
    return tuple(role.levers) if role is not None else _numbered("lever", world.action_size(agent))


def term_names(world: TrainingWorld, agent: str, count: int) -> tuple[str, ...]:
    """Names of an agent's mandate terms; term_0 and so on if the world does not state them."""
    role = role_of(world, agent)
    return tuple(term.name for term in role.terms) if role is not None else _numbered("term", count)


def observation_names(world: TrainingWorld, agent: str) -> tuple[str, ...]:
    """A name for each number of an agent's observation; feature_0 and so on if the world does not state them."""
    names_of = getattr(world, "observation_names", None)
    return tuple(names_of(agent)) if names_of is not None else _numbered("feature", world.observation_size(agent))


def role_of(world: TrainingWorld, agent: str) -> Role | None:
    """An agent's role; None if the world does not state it."""
    roles: Mapping[str, Role] = getattr(world, "roles", {})
    return roles.get(agent)


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{index}" for index in range(count))
