"""`protogov train`: governors that learn, several seeds at the same time."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from protogov.agents.ppo.settings import PPOSettings
from protogov.agents.ppo.start import check_learners
from protogov.envs.simulator import Simulator
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.configuration import write_file
from protogov.experiments.core.files import write_json
from protogov.experiments.core.options import Once, OptionsFile, Positional
from protogov.experiments.core.paths import OPTIONS_FILE, RunFolder, new_run_folder, runs_folder
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input, disk_gave_out
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.training.learned import latest, load_run
from protogov.experiments.training.run_config import MAX_SEED, RunConfig, training_scenario
from protogov.experiments.training.seed import SeedJob, SeedResult, rollouts_of
from protogov.experiments.training.validation import ValidationOptions
from protogov.experiments.training.workers import SeedProcesses

# the training world: worlds start at different hours of their episode, with levers spread around their defaults
RANDOMISE_LEVERS, STAGGER = 0.25, True
INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train one governor for each role by joint PPO, on a synthetic market.

    Writes a run's folder: config.json, versions.json, metrics.csv and checkpoints (in seed_<k>/ with several seeds);
    and config.toml, which holds every option: `protogov train --config FOLDER/config.toml` repeats the run.
    Compare the result with `protogov evaluate FOLDER`, and look at it with `protogov report FOLDER`.
    Ctrl-C stops after the present rollout and saves; `protogov train NAME --resume` continues, bit for bit.

    Example: protogov train first --seeds 0 1 2 3 --processes 2 --market-hours 1e7
    """

    name: Annotated[str, Positional("NAME"), Once] = ""
    """Name of the run, and of its folder in --runs. With --config it may be left out: it is then the name of the file,
    or of the run whose folder holds the file; a number is added if that name is used."""
    config: OptionsFile = None
    scenario: str = "jump"
    """The market to learn on: `natural`, the stress mix `mix`, or any other scenario of the splits train
    and free; sums are joined by '+'."""
    curriculum: tuple[str, ...] = ()
    """Markets to learn on before that, in order: each SCENARIO=SHARE of the market hours, for example calm=.2
    natural=.5; the remaining hours are those of --scenario."""
    seeds: tuple[int, ...] = (0,)
    """Training seeds. Each is a separate run with other first weights and tapes; use eight or more for a claim."""
    processes: int = 1
    """Seeds that train at the same time, in processes with one thread each."""
    market_hours: float = 5e6
    """Budget per seed [simulated hours], rounded up to whole rollouts."""
    worlds: int = 512
    """Worlds simulated at the same time for each seed."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world."""
    ppo: PPOSettings = field(default_factory=lambda: PPOSettings(checkpoint_every=10))
    """Learning."""
    validation: ValidationOptions = field(default_factory=ValidationOptions)
    """Validation while training."""
    resume: Annotated[bool, Once] = False
    """Continue the run of that name from its latest checkpoints; all other options are read from its config.json."""
    tensorboard: bool = False
    """Also write TensorBoard's files."""
    runs: OutputFolder = field(default_factory=runs_folder)
    """Folder for runs."""


def run(options: Options, command: str) -> int:
    """Train. Returns 130, the shells' code, if Ctrl-C stopped it; everything is then saved."""
    folder, config = prepare(options, command)
    results = train(folder, config, options.processes, resume=options.resume, tensorboard=options.tensorboard)
    for line in summary_lines(folder, config, results):
        print(line)
    return 0 if len(results) == len(config.seeds) and all(result.finished for result in results) else INTERRUPTED


def prepare(options: Options, command: str) -> tuple[RunFolder, RunConfig]:
    """The run's folder with its configuration and versions.json: a new one, or that of the run to resume.

    Raises:
        BadInput: an option is refused. Nothing has been written then.
    """
    options = named(options)
    if not re.fullmatch(r"[\w.-]+", options.name) or options.name.strip(".") == "":
        raise BadInput(f"name is {options.name!r}; letters, digits, '_', '-' and '.' are accepted")
    check_processes(options.processes)
    folder = RunFolder(options.runs / options.name)
    check_folder(folder.path)
    if options.resume:
        config = run_to_resume(folder)
        refuse_changes(options, config)
        return folder, config
    if folder.config.exists() or (folder.path.is_dir() and any(folder.path.iterdir())):
        raise BadInput(f"{folder.path} already holds a run; give --resume to continue it, or another name")
    config = configure(options, command)
    write_configuration(folder, options, config)
    return folder, config


def named(options: Options) -> Options:
    """The options with the name of a run. With a file of options, the name may be left out.

    Raises:
        BadInput: there is no name.
    """
    if options.name:
        return options
    if options.config is None or options.resume:
        raise BadInput("NAME is missing; see protogov train --help")
    of_a_run = options.config.name == OPTIONS_FILE
    name = options.config.resolve().parent.name if of_a_run else options.config.stem
    return replace(options, name=new_run_folder(options.runs, name).name)


def write_configuration(folder: RunFolder, options: Options, config: RunConfig) -> None:
    """Write a new run's config.json, which all other code reads, and config.toml, which has the same as options."""
    write_json(folder.config, config.to_dict())
    resolved = replace(options, market_hours=config.market_hours, world=options.world.resolved(config.world))
    repeated = f"protogov train --config {shlex.quote(str(folder.options))}"
    write_file(folder.options, resolved, f"The options of this run. To repeat it: {repeated}")
    write_json(folder.versions, versions())


def run_to_resume(folder: RunFolder) -> RunConfig:
    """The configuration of a run whose checkpoints, if there are any, are complete.

    Raises:
        BadInput: there is no such run, or one of its files is damaged; the message names it.
    """
    from protogov.agents.ppo.checkpoint import read_manifest

    config = load_run(folder)
    for seed in config.seeds:
        checkpoint = latest(folder.seed_folder(seed, len(config.seeds)))
        if checkpoint is None:
            continue
        try:
            read_manifest(checkpoint)
        except ValueError as error:
            raise BadInput(
                f"{error}; without the folder {checkpoint} the run continues from the checkpoint before it"
            ) from None
    return config


def check_processes(processes: int) -> None:
    """Raise BadInput unless there is at least one process."""
    if processes < 1:
        raise BadInput(f"processes is {processes}; a whole number of at least 1 is accepted")


def configure(options: Options, command: str) -> RunConfig:
    """The configuration for these options, checked.

    Raises:
        BadInput: an option is refused.
    """
    seeds = tuple(options.seeds)
    if not seeds or not 0 <= min(seeds) <= max(seeds) <= MAX_SEED or len(set(seeds)) != len(seeds):
        raise BadInput(f"seeds are {seeds}; different whole numbers from 0 to {MAX_SEED} are accepted, at least one")
    if options.worlds < 1:
        raise BadInput(f"worlds is {options.worlds}; a whole number of at least 1 is accepted")
    if not 0 < options.market_hours < 1e12:
        raise BadInput(f"market_hours is {options.market_hours}; a number between 0 and 1e12 is accepted")
    training_scenario(options.scenario)
    curriculum = read_curriculum(options.curriculum)
    if options.validation.every:
        options.validation.chosen()
    world = options.world.make(randomise_levers=RANDOMISE_LEVERS, stagger=STAGGER)
    with as_bad_input():
        check_learners(options.ppo, Simulator(world))
    return RunConfig(
        name=options.name,
        scenario=options.scenario,
        seeds=seeds,
        num_worlds=options.worlds,
        market_hours=options.market_hours,
        total_rollouts=rollouts_of(options.market_hours, options.worlds, world.decision_hours, options.ppo.num_steps),
        world=world,
        settings=options.ppo,
        command=command,
        started=now(),
        curriculum=curriculum,
        validation=options.validation,
    )


def read_curriculum(words: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """(scenario, share of the hours) of words SCENARIO=SHARE.

    Raises:
        BadInput: a word is none, a scenario is unknown or kept for evaluation, or shares leave nothing for --scenario.
    """
    stages = []
    for word in words:
        name, _, share = word.rpartition("=")
        try:
            stages.append((name, float(share)))
        except ValueError:
            raise BadInput(f"curriculum holds {word!r}; SCENARIO=SHARE is accepted, such as calm=.2") from None
        if not name or not 0 < stages[-1][1] < 1:
            raise BadInput(f"curriculum holds {word!r}; SCENARIO=SHARE is accepted, with a share between 0 and 1")
        training_scenario(name)
    if sum(share for _, share in stages) >= 1 - 1e-9:
        raise BadInput(f"curriculum is {' '.join(words)}; shares that leave some hours for --scenario are accepted")
    return tuple(stages)


def refuse_changes(options: Options, config: RunConfig) -> None:
    """Raise BadInput if an option differs from the run to resume."""
    defaults = Options(name=options.name)
    compared = {
        "scenario": (options.scenario, defaults.scenario, config.scenario),
        "seeds": (tuple(options.seeds), defaults.seeds, config.seeds),
        "worlds": (options.worlds, defaults.worlds, config.num_worlds),
        "market_hours": (options.market_hours, defaults.market_hours, config.market_hours),
        "ppo": (options.ppo, defaults.ppo, config.settings),
        "curriculum": (read_curriculum(options.curriculum), (), config.curriculum),
        "validation": (options.validation, defaults.validation, config.validation),
    }
    for name, (value, default, stored) in compared.items():
        if value not in (default, stored):
            raise BadInput(f"{name} is {value}, and the run to resume has {stored}; leave it out or start another run")
    if options.world not in (defaults.world,):
        made = options.world.make(randomise_levers=RANDOMISE_LEVERS, stagger=STAGGER)
        if made != config.world:
            raise BadInput(
                "the world in the options is not that of the run to resume; leave it out or start another run"
            )


def train(
    folder: RunFolder,
    config: RunConfig,
    processes: int,
    *,
    resume: bool = False,
    tensorboard: bool = False,
    deadline: float | None = None,
    workers: SeedProcesses | None = None,
) -> list[SeedResult]:
    """Train all seeds of a run; see `SeedJob` for the arguments.

    Raises:
        BadInput: a checkpoint to resume from is damaged or of another run.
        CheckFailed: a process died, a governor's learning diverged, or the disk filled up.
    """
    jobs = [
        SeedJob(
            run=config,
            seed=seed,
            folder=folder.seed_folder(seed, len(config.seeds)),
            resume=resume,
            tensorboard=tensorboard,
            deadline=deadline,
        )
        for seed in config.seeds
    ]
    try:
        if workers is not None:
            return workers.train(jobs)
        with SeedProcesses(min(processes, len(jobs))) as own:
            return own.train(jobs)
    except OSError as error:
        if not disk_gave_out(error):
            raise
        raise CheckFailed(
            f"{error.filename or folder.path}: {error.strerror}; the last checkpoint is complete: free some "
            f"space, then continue with: {resume_command(folder)}"
        ) from error


def summary_lines(folder: RunFolder, config: RunConfig, results: Sequence[SeedResult]) -> list[str]:
    """Sentences about the result of a training."""
    lines = []
    for result in results:
        done = "done" if result.finished else f"stopped after {result.rollout} of {result.total_rollouts} rollouts"
        if result.stopped:
            done = f"ended by validation after {result.rollout} of {result.total_rollouts} rollouts"
        if result.best_rollout is not None:
            done += f", best on validation after {result.best_rollout}"
        rate = f", {result.hours_per_second:,.0f} market hours a second" if result.hours_per_second else ""
        lines.append(f"seed {result.seed}: {done}, {result.market_hours / 1e6:.2f}M market hours{rate}.")
    missing = sorted(set(config.seeds) - {result.seed for result in results})
    lines += [f"seed {seed}: not begun." for seed in missing]
    lines.append(f"Run: {folder.path}")
    if missing or not all(result.finished for result in results):
        lines.append(f"Continue with: {resume_command(folder)}")
    return lines


def resume_command(folder: RunFolder) -> str:
    """The command that resumes a run."""
    runs = folder.path.parent
    elsewhere = f" --runs {shlex.quote(str(runs))}" if runs.resolve() != runs_folder().resolve() else ""
    return f"protogov train {folder.name} --resume{elsewhere}"


def with_budget(config: RunConfig, market_hours: float) -> RunConfig:
    """The same run with another budget."""
    total = rollouts_of(market_hours, config.num_worlds, config.world.decision_hours, config.settings.num_steps)
    return replace(config, market_hours=market_hours, total_rollouts=total)
