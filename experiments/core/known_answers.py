"""The value of a governor in a world whose best policy is known (`protogov.envs.solvable_policies`)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor
from protogov.envs.solvable_policies import SolvablePolicy
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.statistics import Interval, student_t

Floats = NDArray[np.float64]


class Worth(NamedTuple):
    """What a governor earned on some tapes.

    Attributes:
        value: mean reward per decision, with Student's interval over tapes.
        captured: share of the room between the best constant and the optimum: 1 is perfect, 0 the best constant. It is
            1 - loss / room. The loss is measured against the optimum on the same tapes; the room is that of theory.
    """

    value: Interval
    captured: Interval


def rewards_on(world: SolvablePolicy, governor: Governor, seeds: NDArray[np.uint64]) -> Floats:
    """Mean reward per decision of each tape, F64[n], under a governor of the world's agent.

    Args:
        world: the preset.
        governor: the governor of its agent.
        seeds: U64[n], one per tape.
    """
    worlds = open_worlds(world.config, world.scenario, seeds)
    steps = [step.rewards[world.agent] for step in play(worlds, {world.agent: governor}, seeds)]
    return np.asarray(np.mean(steps, axis=0))


def measure(world: SolvablePolicy, governor: Governor, tapes: int = 64, first: int = 0) -> Worth:
    """Play a governor and the optimum on the same tapes.

    Args:
        world: the preset.
        governor: the governor of its agent.
        tapes: number of tapes, at least 2.
        first: number of the first tape; training never draws one of them.
    """
    seeds = tape_seeds(tapes, first)
    found = rewards_on(world, governor, seeds)
    lost = rewards_on(world, world.optimum.governor, seeds) - found
    return Worth(student_t(found), student_t(1.0 - lost / world.room))
