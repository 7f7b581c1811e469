"""`protogov evaluate`: governors against a static protocol on the same tapes."""

from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal

from protogov.envs.config import WorldConfig
from protogov.experiments.commands.candle_options import CandleWindow, candle_report
from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.core.configuration import write_file
from protogov.experiments.core.governors import STATIC, GovernorSet, baseline
from protogov.experiments.core.options import Flat, Once, OptionsFile, Positional
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.report.words import summary_table, turn_sentences, underpowered
from protogov.experiments.training.comparison import Comparison
from protogov.experiments.training.learned import FoundGovernors, find_governors
from protogov.experiments.training.measured import (
    HEADLINE,
    default_scenarios,
    make_suites,
    run_evaluation,
    scenarios_of,
)

EPISODES = 64
NATURAL_TAPES = 4  # of `natural` over those of another scenario


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare governors with a static protocol on the same tapes.

    GOVERNORS is a run's folder, a folder of policies or policy_<agent>.json files; without any, baselines alone play.
    Writes episodes.parquet (one row per episode, everybody's payoff), evaluation.json, an episode for the dashboard and
    every option (evaluation.toml, for --config) into the run's folder, or into --out. Intervals are Student's t at 95%
    over tapes (over recordings, where tapes are windows of recorded candles), and over training seeds. The headline is
    W on `natural`, in which markets are as frequent as in history, and of which four times as many tapes are played,
    since few of them are crises. Without --scenarios the stress mix, each crisis and the held-out crash follow.
    --no-natural leaves it out; the first of --scenarios is the headline then.

    With --open-test GOVERNORS play the sealed test. Before it is played, the opening is recorded for good in
    openings.json, in --out (by default results/test of the repository). It opens only for a commit without changes.

    Example: protogov evaluate results/runs/first --scenarios crash-heldout jump --episodes 256 --baselines random
    """

    governors: Annotated[tuple[Path, ...], Positional("GOVERNORS")] = ()
    """Who is evaluated."""
    config: OptionsFile = None
    scenarios: tuple[str, ...] = ()
    """Registered scenarios, files of candles or folders of them."""
    candles: Annotated[CandleWindow, Flat] = field(default_factory=CandleWindow)
    """Hours of files of candles."""
    episodes: int = EPISODES
    """Tapes of each scenario or file; four times as many of `natural`."""
    natural: bool = True
    """Play `natural` before any other scenario: its W is the headline."""
    baselines: tuple[str, ...] = ()
    """Also play these, for example mainnet or pi+steward_var+inventory_quotes; a wrong name lists all."""
    open_test: Annotated[bool, Once] = False
    """Open the sealed test for GOVERNORS and play it; recorded for good. --baselines play beside them."""
    policies: Literal["last", "best"] = "last"
    """Of a run: those of its latest checkpoint, or the best ones of its validation (train with --validation.every)."""
    controls: bool = True
    """Also play two controls of the learned governors: constants at their own mean levers, and their actions of another
    tape (yoked). A gain above both comes from reacting to the market."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; leave it unset for a run's folder, which has its own world."""
    out: OutputFolder | None = None
    """Output folder; by default the run's folder."""


def run(options: Options, command: str) -> int:
    """Evaluate, write, and print the summary; `command` is the command as typed."""
    found = find_governors(options.governors, best=options.policies == "best")
    config = world_of(found, options.world)
    if options.open_test:
        return run_sealed(options, found, config, command)
    window = options.candles
    folder = RunFolder(options.out) if options.out is not None else found.run
    if folder is None:
        raise BadInput("out is missing; give an output folder, because the governors are not those of one run")
    check_folder(folder.path)
    sets = chosen_sets(options, found, config)
    scenarios = options.scenarios or default_scenarios()
    if options.natural and HEADLINE not in scenarios:
        scenarios = (HEADLINE, *scenarios)
    elif not options.natural:
        scenarios = tuple(name for name in scenarios if name != HEADLINE)
    trained_on = () if found.config is None else found.config.trained_on
    window.check()
    headline = NATURAL_TAPES * options.episodes
    suites = make_suites(scenarios, options.episodes, trained_on, headline, begin=window.begin, end=window.end)
    played = scenarios_of(suites, config.episode_hours)
    window.check_used(played)
    for line in candle_report(played, config.episode_hours):
        print(line)
    results = run_evaluation(folder, config, suites, sets, controls=options.controls, command=command)
    # the world of a run is not repeated: it must be left alone
    world = options.world.resolved(config) if found.run is None else options.world
    resolved = replace(options, scenarios=tuple(scenarios), world=world)
    write_file(folder.evaluation_options, resolved, "Options of this evaluation, for protogov evaluate --config")
    print_summary(results)
    print(f"Episodes: {folder.episodes}")
    return 0


def chosen_sets(options: Options, found: FoundGovernors, config: WorldConfig) -> list[GovernorSet]:
    """The static protocol, the governors and the baselines of the options.

    Raises:
        BadInput: there is only the static protocol, or something does not fit the world.
    """
    names = [name for name in dict.fromkeys(options.baselines) if name != STATIC]
    sets = [*found.sets, *(baseline(name, config) for name in names)]
    if not sets:
        raise BadInput("there is nothing to compare with the static protocol; give governors, or --baselines random")
    sets = [baseline(STATIC, config), *sets]
    for chosen in sets:
        chosen.make(config)  # refuse invalid input before anything is played
    return sets


def run_sealed(options: Options, found: FoundGovernors, config: WorldConfig, command: str) -> int:
    """Open the sealed test for the governors, play it, and print the summary."""
    from protogov.experiments.training.open_test import open_test

    given = {
        "scenarios": bool(options.scenarios), "episodes": options.episodes != EPISODES, **options.candles.given,
    }  # fmt: skip
    for name, is_given in given.items():
        if is_given:
            raise BadInput(f"--{name} is given with --open-test, whose scenarios and tapes are sealed")
    if not found.sets:
        raise BadInput("GOVERNORS are missing; --open-test is for trained governors, not only for rules")
    sets = chosen_sets(options, found, config)
    results, folder = open_test(options.out, config, sets, command, controls=options.controls)
    print_summary(results)
    print(f"Episodes: {folder.episodes}")
    return 0


def print_summary(results: list[Comparison]) -> None:
    """The table of each comparison, changes of order for other weights, and `underpowered` if it holds."""
    for suite, found in groupby(results, lambda comparison: comparison.suite):
        here = list(found)
        for comparison in here:
            print("\n".join(summary_table(comparison)))
            print()
        for line in turn_sentences(here):
            print(f"{suite}: {line}")
    warning = underpowered(results)
    if warning:
        print(warning)
