"""`protogov emergence`: what governors do to each other, by intervention, with controls that may withhold claims."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import check_trainable, get_scenario
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.options import OptionsFile, Positional
from protogov.experiments.core.paths import RunFolder, runs_folder
from protogov.experiments.core.pieces import Running
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.studies.emergence.laboratory import examine, headline
from protogov.experiments.studies.emergence.optional.parts import chosen as chosen_measures
from protogov.experiments.studies.emergence.subjects import Subject, trained_subject, typed_subject
from protogov.experiments.studies.emergence.tasks import Setting
from protogov.experiments.studies.emergence.tiers import TIERS
from protogov.experiments.studies.emergence.writing import write_report
from protogov.experiments.training.learned import learned_sets, load_run
from protogov.experiments.training.run_config import evaluation_world


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure what governors do to each other and to everybody else.

    RUN is the folder of a training run: its latest governors, a training seed a unit of inference. Without it,
    --governors names them, and tapes are the units. Measures: influence, dividends, exploitability, cross-play, the
    collusion battery, attribution of a crisis. Claims of a measure are withheld if one of its controls failed. A run
    that keeps its checkpoints (--ppo.keep-checkpoints 0) also shows the paths of its policies over training. Writes
    report.json, tables and report.html; finished pieces are kept, so that the same command resumes after a kill. Exit
    code 1 if a control failed.

    Example: protogov emergence results/runs/rivals --tier full
    """

    run: Annotated[tuple[Path, ...], Positional("RUN")] = ()
    """Folder of a training run."""
    config: OptionsFile = None
    governors: tuple[str, ...] = ()
    """Governors instead of a run: NAME for every seat that it fits, role=NAME or seat=NAME; NAME is a baseline, a model
    organism, the path of a policy, or FILE.py:CLASS."""
    tier: Literal["smoke", "full", "self-test"] = "smoke"
    """smoke: four units, to see that it runs; full: what claims need; self-test: known answers alone, without RUN."""
    calm: str = "calm"
    """Scenario of calm forks, and of collusion."""
    stress: str = "mix"
    """Scenario of stressed forks and of all other measures."""
    crisis: str = "crisis-2022-06"
    """Scenario whose losses are attributed to decisions."""
    train_responses: bool = False
    """Also train networks as best responses; claims that need them are withheld until then."""
    response_hours: float = 1e6
    """Market hours of each trained response."""
    optional: tuple[str, ...] = ()
    """Measures beside the six: all, or some of transfer-entropy, o-information, social-influence, contagion, dynamics,
    hawkes. Most read the record alone and are descriptive."""
    world: WorldOptions = field(default_factory=lambda: WorldOptions(size="rivals"))
    """The world of --governors; a run has its own."""
    jobs: int = 2
    """Processes, one thread each."""
    out: OutputFolder | None = None
    """Output folder; by default RUN/emergence, or results/runs/emergence."""


def run(options: Options, command: str) -> int:
    """Examine, write the report and print its findings."""
    subject, world = chosen(options)
    place = options.out or (options.run[0] / "emergence" if options.run else runs_folder() / "emergence")
    check_folder(place / "pieces")
    setting = Setting(
        world, calm=options.calm, stress=options.stress, crisis=options.crisis, train_responses=options.train_responses,
        response_hours=options.response_hours, optional=chosen_measures(options.optional),
        run=options.run[0] if options.run else None,
    )  # fmt: skip
    _check_scenarios(setting)
    report = examine(subject, setting, TIERS[options.tier], Running(options.jobs, place / "pieces", show=True))
    paths = write_report(place, report, command)
    print("\n".join(headline(report)))
    print(f"Report: {paths[-1]}")
    failed = [control.name for control in report.controls if not control.passed]
    if failed:
        raise CheckFailed(f"controls failed: {', '.join(failed)}; the claims that they guard are withheld")
    return 0


def chosen(options: Options) -> tuple[Subject | None, WorldConfig]:
    """Who is examined, and in which world.

    Raises:
        BadInput: a run and governors, neither, or ones that do not fit.
    """
    if options.tier == "self-test":
        if options.run or options.governors:
            raise BadInput("tier is self-test, which examines nobody; leave out RUN and --governors")
        return None, WorldConfig()
    if len(options.run) + bool(options.governors) != 1:
        raise BadInput("RUN, the folder of one training run, or --governors is needed, and not both")
    if options.run:
        folder = RunFolder(options.run[0])
        config = load_run(folder)
        return trained_subject(config.name, learned_sets(folder, config)), evaluation_world(config.world)
    world = options.world.make()
    return typed_subject(options.governors, world), world


def _check_scenarios(setting: Setting) -> None:
    with as_bad_input():
        for name in (setting.calm, setting.stress, setting.crisis):
            scenario = get_scenario(name)
            scenario.check_open()
            scenario.check_hours(setting.world.episode_hours)
        if setting.train_responses:
            for name in (setting.stress, setting.calm):
                check_trainable(get_scenario(name))
