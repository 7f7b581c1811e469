"""`protogov first-light` (`make run`): train three governors, compare them with a static protocol, write a report.

Two seeds run in two processes. The budget follows from the speed measured at the start, so training ends within a set
time. It is fixed before training begins, because the schedules anneal over it. Training uses one synthetic market;
evaluation uses `natural`, where markets are as frequent as in history, the stress mix, the held-out crash, and recorded
candles with --data.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from protogov.agents.ppo.settings import PPOSettings
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.commands.candle_options import candle_report
from protogov.experiments.core.evaluation import Suite
from protogov.experiments.core.governors import STATIC, baseline
from protogov.experiments.core.paths import (
    RunFolder,
    candle_files,
    latest_run_folder,
    new_run_folder,
    runs_folder,
)
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.report.build import build_report
from protogov.experiments.report.words import headline, summary_table, underpowered
from protogov.experiments.training import train
from protogov.experiments.training.comparison import Comparison
from protogov.experiments.training.kept import keep_run
from protogov.experiments.training.learned import learned_sets
from protogov.experiments.training.measured import (
    HEADLINE,
    HELD_OUT_CRASH,
    STRESS,
    make_suites,
    run_evaluation,
    scenarios_of,
)
from protogov.experiments.training.run_config import RunConfig, evaluation_world
from protogov.experiments.training.seed import SeedResult
from protogov.experiments.training.workers import SeedProcesses

OVERTIME = 1.3  # training is stopped at this multiple of its planned seconds
REPORT_SECONDS = 20.0  # drawing and writing, on a slow core
PLAY_SPEED = 1.5  # playing is about this many times as fast as training, per market hour
# per unit of `episodes`: eight tapes of the headline, four each of the stress mix, the held-out crash and the training
# market, and up to seven recordings, five sets each
EPISODES_PLAYED = 135
HEADLINE_TAPES, OTHER_TAPES = 8, 4  # per unit of `episodes`
LEAST_SECONDS = 20.0  # of training, however short `minutes` is


@dataclass(frozen=True, kw_only=True)
class Options:
    """Train three governors on a synthetic market, compare them with a static protocol, write a report.

    Ctrl-C stops after the running rollout and saves; --resume continues the latest run, bit for bit.

    Example: protogov first-light --minutes 6
    """

    data: Path | None = None
    """Also evaluate on recorded candles: a file or a folder."""
    seeds: tuple[int, ...] = (0, 1)
    """Training seeds."""
    processes: int = 2
    """Seeds that train at the same time."""
    market_hours: float = 5e6
    """Maximum of market hours per seed."""
    minutes: float = 6.0
    """Target for the total time in minutes, with evaluation and report: a slower machine trains for fewer hours."""
    scenario: str = "jump"
    """Training scenario."""
    worlds: int = 512
    """Worlds simulated in parallel for each seed."""
    episodes: int = 32
    """Tapes of each recording in the evaluation; eight times as many of `natural`, four times of other scenarios."""
    name: str = "first-light"
    """Name of the run; a number is added if the name exists."""
    resume: bool = False
    """Continue the latest run of that name."""
    runs: OutputFolder = field(default_factory=runs_folder)
    """Folder for runs."""
    save: OutputFolder | None = None
    """Also write a table, the dashboard, a manifest and a page to this folder, such as results/first_light."""


def run(options: Options, command: str) -> int:
    """Train, evaluate, report; prints each stage and its time."""
    began = time.monotonic()
    suites, words = evaluation_data(options)
    train.check_processes(options.processes)
    if not 0.0 < options.minutes <= 24 * 60:
        raise BadInput(f"minutes is {options.minutes}; a number above 0 and up to {24 * 60} is accepted")
    folder, config = begin(options, command)
    print_progress(began, f"run {folder.path}")
    Simulator(config.world).compile()  # before several processes need it at the same time
    deadline = None
    with SeedProcesses(min(options.processes, len(config.seeds))) as workers:
        if not options.resume:
            config, seconds = decide_budget(options, config, workers, began)
            train.write_configuration(folder, train_options(options, folder), config)
            # a machine that slows down after the measurement must not break the promise of `make run`
            deadline = time.time() + OVERTIME * seconds
        results = train.train(
            folder, config, options.processes, resume=options.resume, deadline=deadline, workers=workers
        )
        interrupted = workers.interrupted
    for line in train.summary_lines(folder, config, results)[: len(config.seeds)]:
        print_progress(began, line)
    if interrupted:
        print("Stopped. Continue with: protogov first-light --resume (make run ARGS=--resume)")
        return train.INTERRUPTED
    print_progress(began, f"comparing with the static protocol on {words} …")
    found = compare_with_static(folder, config, suites, options)
    print_progress(began, "writing the report …")
    report = build_report(folder)
    print()
    print("\n".join(summary_table(found[0])))
    print()
    sentences = conclude(found, results, words, config)
    print("\n".join(sentences))
    if options.save is not None:
        paragraphs = [sentences[2], " ".join(sentences[:2]), *sentences[3:]]
        paths = keep_run("first-light", "First light", folder, options.save, found, paragraphs, command)
        print("\n".join(str(path) for path in paths))
    print(f"Report, {(time.monotonic() - began) / 60:.1f} min after the start: {report}")
    return 0


def print_progress(began: float, text: str) -> None:
    """A line with the time since the start."""
    seconds = int(time.monotonic() - began)
    print(f"[{seconds // 60}:{seconds % 60:02d}] {text}", flush=True)


def evaluation_data(options: Options) -> tuple[list[Suite], str]:
    """Suites of the evaluation, the headline first, and their names in words.

    Raises:
        BadInput: `data` is not a file or folder of candles, or a file is too short.
    """
    if options.episodes < 2:
        raise BadInput(f"episodes is {options.episodes}; a whole number of at least 2 is accepted")
    suites = make_suites([HEADLINE], HEADLINE_TAPES * options.episodes, (options.scenario,))
    suites += make_suites([STRESS, HELD_OUT_CRASH], OTHER_TAPES * options.episodes, (options.scenario,))
    words = f"“{HEADLINE}”, the stress mix “{STRESS}” and the held-out crash “{HELD_OUT_CRASH}”"
    if options.data is None:
        return suites, words
    files = candle_files(options.data)
    recorded = make_suites([str(path) for path in files], options.episodes)
    hours = WorldConfig().episode_hours
    print("\n".join(candle_report(scenarios_of(recorded, hours), hours)))
    suites += recorded
    return suites, f"{words}, and on {len(files)} recordings of real candles from {options.data}"


def begin(options: Options, command: str) -> tuple[RunFolder, RunConfig]:
    """The folder and configuration of a new run, or of the one to resume.

    Raises:
        BadInput: an option is refused, or there is nothing to resume.
    """
    if options.resume:
        folder = latest_run_folder(options.runs, options.name)
        if folder is None:
            raise BadInput(f"{options.runs / options.name}: there is no run to resume; leave out --resume")
        check_folder(folder.path)
        return folder, train.run_to_resume(folder)
    folder = new_run_folder(options.runs, options.name)
    training = train_options(options, folder)
    config = train.configure(training, command)
    train.write_configuration(folder, training, config)
    return folder, config


def train_options(options: Options, folder: RunFolder) -> train.Options:
    """The same training as options of `protogov train`."""
    return train.Options(
        name=folder.name,
        scenario=options.scenario,
        seeds=options.seeds,
        market_hours=options.market_hours,
        worlds=options.worlds,
        processes=options.processes,
        ppo=PPOSettings(checkpoint_every=10),
        runs=options.runs,
    )


def decide_budget(options: Options, config: RunConfig, workers: SeedProcesses, began: float) -> tuple[RunConfig, float]:
    """The run with the market hours that fit into the time, at most those of the options, and their seconds."""
    speed = workers.measure_speed(config)
    played = EPISODES_PLAYED * options.episodes * config.world.episode_hours
    afterwards = REPORT_SECONDS + played / (PLAY_SPEED * speed)
    seconds = max(LEAST_SECONDS, 60.0 * options.minutes - (time.monotonic() - began) - afterwards)
    hours = min(options.market_hours, speed * seconds)
    decided = train.with_budget(config, hours)
    limit = f", less than the {options.market_hours / 1e6:g}M of the options" if hours < options.market_hours else ""
    print_progress(
        began,
        f"training does {speed:,.0f} market hours per second and seed: {hours / 1e6:.2f}M per seed{limit}, "
        f"{decided.total_rollouts} rollouts, about {hours / speed / 60:.1f} min",
    )
    return decided, hours / speed


def compare_with_static(
    folder: RunFolder, config: RunConfig, suites: list[Suite], options: Options
) -> list[Comparison]:
    """Play the suites, the headline first, and fresh tapes of the training scenario under all governors."""
    if all(config.scenario not in (scenario.name for scenario in suite.scenarios) for suite in suites):
        suites = suites + make_suites([config.scenario], OTHER_TAPES * options.episodes, config.trained_on)
    world = evaluation_world(config.world)
    sets = [baseline(STATIC, world), *learned_sets(folder, config)]
    return run_evaluation(folder, world, suites, sets, command=config.command)


def conclude(found: list[Comparison], results: list[SeedResult], words: str, config: RunConfig) -> list[str]:
    """Training, result and its reliability, one sentence each."""
    hours = min(result.market_hours for result in results)
    early = "" if all(result.finished for result in results) else ", stopped early by the time limit"
    return [
        f"Trained on the synthetic scenario “{config.scenario}” alone, "
        f"{hours / 1e6:.2f}M market hours per seed{early}.",
        f"Evaluated on {words}.",
        headline(found[0]),
        *filter(None, [underpowered(found)]),
    ]
