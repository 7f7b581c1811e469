"""Episodes: one loop under governors, one under fixed levers; every measurement uses one of them."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor, HiddenFeatureError, Step
from protogov.envs.scenarios import Scenario
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input

EVALUATION_SEEDS = 2**40  # first tape seed of evaluations; training seeds stay below
FIRST_SELECTION = 2**41  # first tape seed on which constants are searched or chosen
FIRST_SCORING = 2**42  # first tape seed on which chosen constants are scored
FIRST_DISTILLING = 2**44  # first tape seed on which a policy is imitated


def tape_seeds(count: int, first: int = 0) -> NDArray[np.uint64]:
    """Seeds of `count` tapes from number `first` on, U64 [count]; no training run uses them."""
    return np.uint64(EVALUATION_SEEDS) + np.arange(first, first + count, dtype=np.uint64)


def open_worlds(
    config: WorldConfig,
    scenario: str | Scenario,
    seeds: NDArray[np.uint64],
    levers: Mapping[str, ArrayLike] | None = None,
) -> Simulator:
    """Worlds of a scenario at their opening, one for each seed.

    Args:
        config: of the worlds.
        scenario: the outside market.
        seeds: U64 [n], one per world.
        levers: name -> F64[n] in the lever's unit: its value in each world instead of the default.

    Raises:
        BadInput: the scenario is unknown, or cannot be drawn for the length of an episode.
    """
    with as_bad_input():
        world = Simulator(config, len(seeds), scenario=scenario, lever_defaults=levers)
        world.reset(seeds=seeds)
    return world


def play(world: Simulator, governors: Mapping[str, Governor], seeds: NDArray[np.uint64]) -> Iterator[Step]:
    """Let the governors decide until every episode is over; yields the result of each decision.

    Args:
        world: worlds just opened, all episodes of one length.
        governors: one for each agent.
        seeds: U64 [n], keys of the governors' randomness.

    Raises:
        BadInput: a governor reads features that this world does not show.
        CheckFailed: the books of a world do not balance.
    """
    rows = np.arange(world.num_worlds, dtype=np.int64)
    for governor in governors.values():
        governor.reset(rows, seeds)
    while not world.truncated().any():
        try:
            actions = {agent: governors[agent].act(world.view(agent)) for agent in world.agents}
        except HiddenFeatureError as error:
            raise BadInput(f"a governor does not fit this world: {error}") from error
        try:
            step = world.step(actions)
        except RuntimeError as error:
            raise CheckFailed(str(error)) from error
        yield step


def still(config: WorldConfig, scenario: str | Scenario, seeds: NDArray[np.uint64]) -> Iterator[tuple[Simulator, Step]]:
    """Play whole episodes with every lever at its default; yields the worlds after every decision.

    Args:
        config: of the worlds; `defaults` holds the values of levers.
        scenario: the outside market.
        seeds: U64 [n], one per world.

    Raises:
        BadInput: the scenario is unknown, or cannot be drawn for the length of an episode.
        CheckFailed: the books of a world do not balance.
    """
    world = open_worlds(config, scenario, seeds)
    for step in hold_still(world):
        yield world, step


def hold_still(world: Simulator) -> Iterator[Step]:
    """Play opened worlds to the end of their episodes with fixed levers; yields the result of each decision.

    Raises:
        CheckFailed: the books of a world do not balance.
    """
    stands = {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}
    while not world.truncated().any():
        try:
            step = world.step(stands)
        except RuntimeError as error:
            raise CheckFailed(str(error)) from error
        yield step
