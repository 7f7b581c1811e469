"""What every governor of each candidate is paid in an episode: for searches in which each climbs its own reward."""

from __future__ import annotations

import numpy as np

from protogov.agents.tuning.networks import Networks
from protogov.agents.tuning.objective import MAX_ROWS, Floats
from protogov.envs.simulator import Simulator


def rewards_of(opening: Simulator, networks: Networks, points: Floats) -> Floats:
    """Sum of each governor's rewards over an episode, the mean over tapes, F64[governors, candidates].

    Args:
        opening: worlds at their opening, one a tape; all candidates play these.
        networks: of the world's governors.
        points: F64[candidates, size], weights of all governors of each candidate.
    """
    tapes, agents = opening.num_worlds, opening.agents
    each = max(1, MAX_ROWS // tapes)
    found = []
    for at in range(0, len(points), each):
        some = points[at : at + each]
        world = opening.fork(np.tile(np.arange(tapes), len(some)))
        total = np.zeros((len(agents), world.num_worlds))
        columns = np.cumsum([0, *(world.action_size(agent) for agent in agents)])
        for _ in range(world.horizon):
            actions = networks.actions(world, some)
            world.take_actions({agent: actions[:, columns[i] : columns[i + 1]] for i, agent in enumerate(agents)})
            world.advance()
            for row, agent in enumerate(agents):
                total[row] += world.rewards(agent)
        found.append(total.reshape(len(agents), len(some), tapes).mean(axis=2))
    return np.concatenate(found, axis=1)
