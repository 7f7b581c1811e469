"""`protogov dataset`: episodes of named governors as a Minari dataset, for those who learn from logs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import protogov.envs  # noqa: F401  registers the ids
from protogov.agents.exploring import Exploring
from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.governors import BASELINES, GovernorSet, baseline
from protogov.experiments.core.logs import Log, log_episodes
from protogov.experiments.core.minari_dataset import check_name, write_dataset
from protogov.experiments.core.options import OptionsFile, Positional
from protogov.experiments.core.versions import versions
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.outputs import OutputFolder
from protogov.experiments.training.learned import find_governors
from protogov.experiments.training.run_config import MAX_SEED, SEED_STRIDE, training_scenario


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write episodes of named governors as a Minari dataset: observations, actions, rewards and infos of one seat.

    Each governor plays the same tapes, with noise on its actions that is stated here and in the dataset, so that the
    logs show what other actions would have done: a constant without noise holds one action and teaches nothing. The
    metadata hold governors, noise, scenario, seeds, world, versions and commit, and `recover_environment()` makes the
    environment again. Needs Minari: pip install 'protogov[offline]'.

    Example: protogov dataset protogov/risk-logs-v0 --role risk --governors steward_var mainnet linear_feedback
    """

    name: Annotated[str, Positional("NAME")]
    """Of the dataset, as Minari knows it: namespace/name-v0."""
    config: OptionsFile = None
    governors: tuple[str, ...] = ("steward_var", "pi", "inventory_quotes", "linear_feedback")
    """Who governs, one after the other: baselines (joined by + for several levers), a run's folder or policy files."""
    role: str = "joint"
    """Whose seat is logged: rate, risk, spread, joint, or one of --world.roles. Levers of nobody stay at their
    defaults; --background puts others there."""
    scenario: str = "mix"
    """What the outside market does: a scenario of the splits train and free."""
    episodes: int = 64
    """Of each governor."""
    noise: float = 0.2
    """Standard deviation of the exploration, in units of the action, which is -1 to 1."""
    memory: float = 0.9
    """Correlation of the exploration from a decision to the next; 0 is white noise."""
    seed: int = 0
    """Which tapes: those that training seed k learns on."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""
    out: OutputFolder | None = None
    """Folder of datasets; by default Minari's own, which MINARI_DATASETS_PATH names, else ~/.minari/datasets."""


@dataclass(frozen=True)
class Logged:
    """What the logs of one governor hold, in short.

    Attributes:
        name: of the governor.
        episodes: of it.
        reward: mean sum of an episode.
        distinct: different actions among all of its decisions.
    """

    name: str
    episodes: int
    reward: float
    distinct: int


def run(options: Options, command: str) -> int:
    """Play, write and say what is in the dataset."""
    check(options)
    check_name(options.name, options.out)
    env = make_env(options)
    config: WorldConfig = env.unwrapped.simulator.config  # type: ignore[attr-defined]
    governors = chosen(options, config)
    summaries: list[Logged] = []
    about = {
        "command": command, "governors": list(governors), "role": options.role, "scenario": options.scenario,
        "episodes": options.episodes, "noise": options.noise, "memory": options.memory, "seed": options.seed,
        "seeds": [int(seed) for seed in seeds_of(options)[[0, -1]]], "world": config.to_dict(),
        "observations": list(env.unwrapped.feature_names),  # type: ignore[attr-defined]
        "actions": list(config.roles[options.role].levers), "versions": versions(),
    }  # fmt: skip
    place = write_dataset(options.name, options.out, env, _logs(options, config, governors, summaries), about)
    for line in lines_of(summaries):
        print(line)
    print(place)
    return 0


def check(options: Options) -> None:
    """Raise BadInput for the first option out of range; nothing has been played."""
    if options.episodes < 1:
        raise BadInput(f"episodes is {options.episodes}; a whole number of at least 1 is accepted")
    if not 0 <= options.seed <= MAX_SEED:
        raise BadInput(f"seed is {options.seed}; a whole number from 0 to {MAX_SEED} is accepted")
    if not 0.0 <= options.noise < np.inf:
        raise BadInput(f"noise is {options.noise}; a finite number of at least 0 is accepted")
    if not 0.0 <= options.memory < 1.0:
        raise BadInput(f"memory is {options.memory}; a number from 0 to below 1 is accepted")
    if not options.governors:
        raise BadInput(f"governors are missing; baselines ({', '.join(BASELINES)}) or paths of policies are accepted")
    training_scenario(options.scenario)  # who learns from logs is held to the same line as who learns


def seeds_of(options: Options) -> NDArray[np.uint64]:
    """Worlds of the episodes, U64 [episodes], the same for every governor."""
    return np.uint64(options.seed * SEED_STRIDE) + np.arange(options.episodes, dtype=np.uint64)


def make_env(options: Options) -> gym.Env[Any, Any]:
    """The environment of the seat, as anybody makes it.

    Raises:
        BadInput: the world or the role is refused.
    """
    world = options.world if options.world.roles else replace(options.world, roles=(options.role,))
    config = world.make()
    keywords = {"role": options.role, "scenario": options.scenario, **config.to_dict()}
    with as_bad_input():
        # readers of datasets ask the spec how long an episode is (d3rlpy); the world ends it at that decision anyhow
        return gym.make("protogov/Joint-v0", max_episode_steps=config.horizon, **keywords)


def chosen(options: Options, config: WorldConfig) -> dict[str, Governor]:
    """Name -> governor of the seat, with its exploration.

    Raises:
        BadInput: a name or path that is none, or a governor that does not fit the seat.
    """
    (agent,) = config.learners()
    found: dict[str, Governor] = {}
    for name in options.governors:
        for title, one in _sets(name, config):
            source = one.sources.get(agent.name)
            if source is None:
                raise BadInput(f"{name}: has no policy for {agent.name}")
            only = GovernorSet(one.name, one.training_seed, {agent.name: source}, one.values)
            governor = only.make(config, seed=options.seed)[agent.name]
            found[title] = Exploring(
                governor, len(agent.role.levers), deviation=options.noise, memory=options.memory, seed=options.seed
            )
    return found


def _sets(name: str, config: WorldConfig) -> Iterator[tuple[str, GovernorSet]]:
    """Titled sets that a name or a path stands for."""
    path = Path(name)
    if not path.exists():
        yield name, baseline(name, config)
        return
    sets = find_governors([path]).sets
    for one in sets:
        yield (name if len(sets) == 1 else f"{name} seed {one.training_seed}"), one


def _logs(
    options: Options, config: WorldConfig, governors: dict[str, Governor], summaries: list[Logged]
) -> Iterator[tuple[str, Log]]:
    """Every episode of every governor; `summaries` fills up on the way."""
    for name, governor in governors.items():
        logs = list(log_episodes(config, options.scenario, governor, seeds_of(options)))
        actions = np.concatenate([log.actions for log in logs])
        reward = float(np.mean([log.rewards.sum() for log in logs]))
        summaries.append(Logged(name, len(logs), reward, len(np.unique(actions, axis=0))))
        yield from ((name, log) for log in logs)


def lines_of(summaries: list[Logged]) -> Iterator[str]:
    """A sentence a governor, and what a learner cannot find in the logs."""
    for one in summaries:
        yield f"{one.name}: {one.episodes} episodes, mean reward {one.reward:+.2f}, {one.distinct:,} different actions."
    if all(one.distinct == 1 for one in summaries):
        yield "Every governor holds one action, so that nothing can be learned of any other: give --noise."
