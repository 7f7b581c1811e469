"""`protogov emergence`: what governors do to each other, by intervention, with controls that may withhold claims."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import check_trainable, get_scenario
from protogov.experiments.commands.emergence_sources import cell_of, read_trained
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.options import OptionsFile, Positional
from protogov.experiments.core.paths import runs_folder
from protogov.experiments.core.pieces import Running
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.studies.emergence.committed import save_report
from protogov.experiments.studies.emergence.laboratory import examine, headline
from protogov.experiments.studies.emergence.optional.parts import chosen as chosen_measures
from protogov.experiments.studies.emergence.subjects import Subject, typed_subject
from protogov.experiments.studies.emergence.tasks import CheckpointsOf, Setting
from protogov.experiments.studies.emergence.tiers import TIERS
from protogov.experiments.studies.emergence.writing import write_report


@dataclass(frozen=True, kw_only=True)
class Options:
    """Measure what governors do to each other and to everybody else.

    RUN is the folder of a training run: its latest governors, a training seed a unit of inference; or a file of a cell
    of protogov study coexistence (OUT/policies/CELL_0.json), which stands for all seeds of the cell. Without it,
    --governors names them, and tapes are the units. Measures: influence, dividends, exploitability, cross-play, the
    collusion battery, attribution of a crisis. Claims of a measure are withheld if one of its controls failed. A run
    that keeps its checkpoints (--ppo.keep-checkpoints 0), or a cell, also shows the paths of its policies. Writes
    report.json, tables and report.html; finished pieces are kept, so that the same command resumes after a kill. Exit
    code 1 if a control failed.

    Example: protogov emergence results/runs/rivals --tier full
    """

    run: Annotated[tuple[Path, ...], Positional("RUN")] = ()
    """Folder of a training run, or a .json file of a cell."""
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
    """The world of --governors; a run and a cell have their own."""
    jobs: int = 2
    """Processes, one thread each."""
    out: OutputFolder | None = None
    """Output folder; by default RUN/emergence, of a cell results/runs/CELL/emergence, else results/runs/emergence."""
    save: OutputFolder | None = None
    """Also write a small form, which git can keep, to this folder (below results/emergence)."""


def run(options: Options, command: str) -> int:
    """Examine, write the report and print its findings."""
    place = options.out or _default_place(options)
    check_folder(place / "pieces")
    subject, world, checkpoints = chosen(options, place)
    setting = Setting(
        world, calm=options.calm, stress=options.stress, crisis=options.crisis, train_responses=options.train_responses,
        response_hours=options.response_hours, optional=chosen_measures(options.optional),
        checkpoints=checkpoints,
    )  # fmt: skip
    _check_scenarios(setting)
    report = examine(subject, setting, TIERS[options.tier], Running(options.jobs, place / "pieces", show=True))
    paths = write_report(place, report, command)
    print("\n".join(headline(report)))
    print(f"Report: {paths[-1]}")
    if options.save is not None:
        print(f"Saved: {save_report(options.save, report, command)}")
    failed = [control.name for control in report.controls if not control.passed]
    if failed:
        raise CheckFailed(f"controls failed: {', '.join(failed)}; the claims that they guard are withheld")
    return 0


def _default_place(options: Options) -> Path:
    if not options.run:
        return runs_folder() / "emergence"
    (path, *_) = options.run
    return (runs_folder() / cell_of(path) if path.suffix == ".json" else path) / "emergence"


def chosen(options: Options, place: Path) -> tuple[Subject | None, WorldConfig, CheckpointsOf | None]:
    """Who is examined, in which world, and where they were while they learned.

    Args:
        options: of the command.
        place: its output folder, in which policies of a cell are unpacked.

    Raises:
        BadInput: a run and governors, neither, or ones that do not fit.
    """
    if options.tier == "self-test":
        if options.run or options.governors:
            raise BadInput("tier is self-test, which examines nobody; leave out RUN and --governors")
        return None, WorldConfig(), None
    if len(options.run) + bool(options.governors) != 1:
        raise BadInput("RUN, the folder of one training run or a cell, or --governors is needed, and not both")
    if options.run:
        found = read_trained(options.run[0], place / "governors")
        return found.subject, found.world, found.checkpoints
    world = options.world.make()
    return typed_subject(options.governors, world), world, None


def _check_scenarios(setting: Setting) -> None:
    with as_bad_input():
        for name in (setting.calm, setting.stress, setting.crisis):
            scenario = get_scenario(name)
            scenario.check_open()
            scenario.check_hours(setting.world.episode_hours)
        if setting.train_responses:
            for name in (setting.stress, setting.calm):
                check_trainable(get_scenario(name))
