"""The pieces of the study: what the defaults get on the tapes of an id, and one seed of the learner, point by point."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.ppo.settings import PPOSettings
from protogov.envs.config import WorldConfig
from protogov.envs.gymnasium_env import IDS, GovernorEnv
from protogov.envs.interfaces import Governor, Step
from protogov.envs.simulator import Simulator
from protogov.experiments.bench.reference import reference_rate
from protogov.experiments.core.evaluation import MAX_BATCH
from protogov.experiments.core.play import hold_still, open_worlds, play, tape_seeds
from protogov.experiments.core.tables import Table, concatenate
from protogov.experiments.errors import CheckFailed
from protogov.experiments.training.run_config import SEED_STRIDE, evaluation_world
from protogov.experiments.training.seed import rollouts_of
from protogov.experiments.training.train import RANDOMISE_LEVERS, STAGGER


@dataclass(frozen=True)
class Still:
    """The defaults on so many tapes of a scenario."""

    scenario: str
    tapes: int


@dataclass(frozen=True)
class Learning:
    """One seed of the learner.

    Attributes:
        scenario: the market to learn on; its tapes of evaluations are the ones that are played.
        seed: of first weights, exploration and training tapes.
        market_hours: budget [simulated hours], rounded up to whole rollouts.
        worlds: simulated side by side.
        points: of the curve, after the one before any learning.
        tapes: that the policy plays at each point.
    """

    scenario: str
    seed: int
    market_hours: float
    worlds: int
    points: int
    tapes: int


def world_of(name: str) -> tuple[WorldConfig, str]:
    """The world that a Gymnasium id names, and its scenario.

    Args:
        name: one of `IDS`.
    """
    keywords: dict[str, Any] = dict(IDS[name])
    simulator = GovernorEnv(**keywords).simulator
    return simulator.config, simulator.scenario.name


def training_world(config: WorldConfig) -> WorldConfig:
    """The same world as `protogov train` has it: episodes begin at different hours, and with other levers."""
    return replace(config, randomise_levers=RANDOMISE_LEVERS, stagger=STAGGER)


def play_defaults(config: WorldConfig, job: Still) -> Table:
    """One row per tape: "tape", and "return" and "welfare" of an episode with every lever at its default.

    Args:
        config: the world of an id.
        job: tapes.
    """
    return _sums(config, job.scenario, job.tapes, lambda world, _: hold_still(world))


def learn(config: WorldConfig, job: Learning) -> Table:
    """Train a seed as `protogov train` does by default, and play its policy without exploring at every point.

    Args:
        config: the world in which it learns, of :func:`training_world`.
        job: the seed.

    Returns:
        One row per point and tape: "rollout", updates so far, and "market_hours" learned from; "tape", "return" and
        "welfare" of the episode; "seconds" and "cpu_seconds", which learning had taken until then, without the tapes
        that are played; and "reference_rate", rounds of `reference_rate` that a processor second held after it.

    Raises:
        CheckFailed: learning diverged.
    """
    from protogov.agents.ppo import DivergedError, Trainer  # imports torch

    settings = PPOSettings()
    worlds = Simulator(config, job.worlds, scenario=job.scenario, seed=job.seed * SEED_STRIDE)
    worlds.compile()  # is not counted
    total = rollouts_of(job.market_hours, job.worlds, config.decision_hours, settings.num_steps)
    trainer = Trainer(worlds, settings, total_rollouts=total, seed=job.seed)
    (agent,) = trainer.agents
    parts, wall, cpu = [], 0.0, 0.0
    for until in points_of(total, job.points):
        began = perf_counter(), process_time()
        try:
            if until:
                trainer.run(stop_after=until - trainer.rollout)
        except DivergedError as error:
            raise CheckFailed(f"seed {job.seed}: {error}") from error
        wall, cpu = wall + perf_counter() - began[0], cpu + process_time() - began[1]
        governors = {agent: trainer.governor(agent)}
        played = _sums(evaluation_world(config), job.scenario, job.tapes, partial(_play, governors))
        at = {"rollout": trainer.rollout, "market_hours": trainer.market_hours, "seconds": wall, "cpu_seconds": cpu}
        parts.append({name: np.full(job.tapes, value) for name, value in at.items()} | played)
    found = concatenate(parts)
    return found | {"reference_rate": np.full(len(found["tape"]), reference_rate())}


def points_of(rollouts: int, points: int) -> list[int]:
    """Rollouts after which the policy is played: none, and up to `points` numbers evenly up to `rollouts`."""
    return sorted({0, *(math.ceil(rollouts * (number + 1) / points) for number in range(points))})


def _play(governors: Mapping[str, Governor], world: Simulator, seeds: NDArray[np.uint64]) -> Iterator[Step]:
    return play(world, governors, seeds)


def _sums(
    config: WorldConfig, scenario: str, tapes: int, episodes: Callable[[Simulator, NDArray[np.uint64]], Iterator[Step]]
) -> Table:
    """The sum of rewards and W of venue 0 [bp of K0] of an episode on each of the first tapes of evaluations."""
    parts = []
    for first in range(0, tapes, MAX_BATCH):
        seeds = tape_seeds(min(tapes - first, MAX_BATCH), first)
        world = open_worlds(config, scenario, seeds)
        (agent,) = world.agents
        earned, welfare = np.zeros(len(seeds)), np.zeros(len(seeds))
        for step in episodes(world, seeds):
            earned += step.rewards[agent]
            welfare += step.welfare(0)
        parts.append({"tape": np.arange(first, first + len(seeds)), "return": earned, "welfare": welfare})
    return concatenate(parts)
