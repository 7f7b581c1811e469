"""Which governors learn together: each by itself, or all of a role as one learner with shared parameters.

Parameter sharing (Gupta, Egorov and Kochenderfer 2017, "Cooperative Multi-Agent Control Using Deep Reinforcement
Learning"; the usual form of MAPPO): `rate_0` and `rate_1` are one policy with one critic, which learns from what
happens to both, so that a rollout holds twice as many samples. Each observation begins with the own venue and ends with
the rival's levers. With a central critic each sample also has the global state, the same for both; the critic can tell
the two apart by the governor's own part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.world import TrainingWorld, lever_names, observation_names


def groups_of(settings: PPOSettings, world: TrainingWorld) -> list[tuple[str, ...]]:
    """Groups of agents that share a learner, in the order of the world's agents.

    Raises:
        ValueError: parameters are to be shared, but no role learns on several venues, or agents of a role see other
            numbers or set other levers.
    """
    if not settings.shared_parameters:
        return [(agent,) for agent in world.agents]
    roles: dict[str, list[str]] = {}
    for agent in world.agents:
        roles.setdefault(agent.rpartition("_")[0], []).append(agent)
    if max(map(len, roles.values())) < 2:
        raise ValueError(
            f"shared_parameters is True; accepted where a role learns on two venues, and here learn "
            f"{', '.join(world.agents)}"
        )
    for first, *others in roles.values():
        for other in others:
            for what, names_of in (("sees", observation_names), ("sets", lever_names)):
                if names_of(world, first) != names_of(world, other):
                    raise ValueError(
                        f"shared_parameters is True; accepted where agents of a role are alike, and {other} {what} "
                        f"other numbers than {first}"
                    )
    return [tuple(group) for group in roles.values()]


def stacked(parts: Mapping[str, NDArray[np.float32]], group: Sequence[str]) -> NDArray[np.float32]:
    """Rows of the first agent, then of the next: F32[agents * n, ...]."""
    return parts[group[0]] if len(group) == 1 else np.concatenate([parts[agent] for agent in group])


def repeated(rows: NDArray[np.int64], group: Sequence[str], num_worlds: int) -> NDArray[np.int64]:
    """The same rows, I64[m], of every agent's stack: I64[agents * m]."""
    return np.concatenate([rows + place * num_worlds for place in range(len(group))])
