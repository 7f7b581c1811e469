"""Learned governors: sets from a run's checkpoints, or from policy files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protogov.agents.ppo.checkpoint import BEST
from protogov.agents.zoo.entries import governors
from protogov.envs.config import WorldConfig
from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import LEARNED, NO_SEED, GovernorSet
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.errors import BadInput
from protogov.experiments.training.run_config import RunConfig


def policy_files(folder: Path) -> dict[str, str]:
    """Path of each policy_<agent>.json in a folder, by agent."""
    return {path.stem.removeprefix("policy_"): str(path) for path in sorted(folder.glob("policy_*.json"))}


def load_run(folder: RunFolder) -> RunConfig:
    """The configuration of a run's folder.

    Raises:
        BadInput: it is missing or damaged.
    """
    if not folder.path.is_dir():
        raise BadInput(f"{folder.path}: there is no such folder of a run")
    return RunConfig.from_dict(read_json(folder.config), str(folder.config))


def learned_sets(folder: RunFolder, run: RunConfig, name: str = LEARNED, *, best: bool = False) -> list[GovernorSet]:
    """The governors of each training seed, from its latest checkpoint.

    Args:
        folder: of the run.
        run: its configuration.
        name: of the sets.
        best: the best ones of the run's validation so far, instead of the last ones.

    Raises:
        BadInput: no seed has a checkpoint yet, or `best` is true for a run without validation.
    """
    if best and not run.validation.every:
        raise BadInput(f"{folder.path}: has no best policies; they are kept by protogov train with --validation.every")
    sets = []
    for seed in run.seeds:
        place = latest(folder.seed_folder(seed, len(run.seeds)))
        if place is not None:
            sets.append(GovernorSet(name, seed, policy_files(place / BEST if best else place)))
    if not sets:
        raise BadInput(f"{folder.path}: no seed of the run has a checkpoint; train it first")
    return sets


def latest(seed_folder: Path) -> Path | None:
    """The latest complete checkpoint of a seed, None if it has none."""
    # not through protogov.agents.ppo, which would load torch
    from protogov.agents.ppo.checkpoint import latest_checkpoint

    return latest_checkpoint(seed_folder / "checkpoints")


@dataclass(frozen=True)
class FoundGovernors:
    """The governors of given paths.

    Attributes:
        sets: the governors.
        world: of their training; the default world for policy files alone.
        run: folder of their run, if they come from one.
        config: of that run.
    """

    sets: tuple[GovernorSet, ...]
    world: WorldConfig
    run: RunFolder | None = None
    config: RunConfig | None = None


def find_governors(paths: Sequence[Path], *, best: bool = False) -> FoundGovernors:
    """Governors by path: one run's folder, a folder of policies, policy_<agent>.json files, or a name of the zoo.

    Args:
        paths: where they are.
        best: of a run, the best ones of its validation instead of the last ones.

    Raises:
        BadInput: a path is none of these, there are two policies for one agent, or there are no best ones.
    """
    if len(paths) == 1 and (paths[0] / "config.json").is_file():
        folder = RunFolder(paths[0])
        config = load_run(folder)
        return FoundGovernors(tuple(learned_sets(folder, config, best=best)), config.world, folder, config)
    if len(paths) == 1 and not paths[0].exists() and str(paths[0]) in governors():
        entry, seed = governors()[str(paths[0])]
        sources = {agent: str(path) for agent, path in entry.policies(seed).items()}
        return FoundGovernors((GovernorSet(LEARNED, seed, sources),), WorldConfig.from_dict(entry.manifest["world"]))
    if best:
        raise BadInput("policies is best, which only the folder of a run has; last is accepted")
    sources = {}
    for path in paths:
        for agent, source in _policies_at(path).items():
            if agent in sources:
                raise BadInput(f"{source}: is a second policy for {agent}, after {sources[agent]}")
            sources[agent] = source
    if not sources:
        return FoundGovernors((), WorldConfig())
    hours = {_decision_hours(source) for source in sources.values()}
    if len(hours) > 1:
        raise BadInput(
            f"the policies decide every {' and '.join(f'{h:g}' for h in sorted(hours))} hours; one is needed"
        )
    return FoundGovernors((GovernorSet(LEARNED, NO_SEED, sources),), WorldConfig(decision_hours=int(hours.pop())))


def _policies_at(path: Path) -> dict[str, str]:
    if path.is_dir():
        found = policy_files(path)
        if not found:
            raise BadInput(f"{path}: is not a run's folder and holds no policy_<agent>.json")
        return found
    if not path.is_file() or path.suffix != ".json":
        raise BadInput(f"{path}: is neither a run's folder nor a policy's .json file")
    return {str(read_json(path).get("agent")): str(path)}


def _decision_hours(source: str) -> float:
    hours = read_json(Path(source)).get("decision_hours")
    if not isinstance(hours, (int, float)) or not 1 <= hours <= 24:
        raise BadInput(f"{source}: decision_hours is {hours!r}; a number from 1 to 24 is needed")
    return float(hours)
