"""`protogov evaluate`: governors against a static protocol on the same tapes."""

from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Annotated

import tyro

from protogov.envs.config import WorldConfig
from protogov.experiments.commands.options import WorldOptions, world_of
from protogov.experiments.comparison import Comparison
from protogov.experiments.errors import BadInput
from protogov.experiments.governors import STATIC, Found, GovernorSet, baseline, find_governors
from protogov.experiments.measured import HEADLINE, default_scenarios, make_suites, run_evaluation
from protogov.experiments.outputs import OutputFolder, check_folder
from protogov.experiments.paths import RunFolder
from protogov.experiments.words import summary_table, turn_sentences, underpowered

QUICK = 8  # tapes a scenario of a quick suite
EPISODES = 64
NATURAL_TAPES = 4  # of `natural` over those of another scenario


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare governors with a static protocol on the same tapes.

    GOVERNORS is a run's folder, a folder of policies or policy_<agent>.json files; without any, baselines alone play.
    Writes episodes.parquet (one row an episode, everybody's payoff), evaluation.json and an episode for the dashboard
    into the run's folder, or into --out. Intervals are Student's t at 95% over tapes (over recordings, where tapes are
    windows of recorded candles), and over training seeds. The headline is W on `natural`, in which markets are as
    frequent as in history, and of which four times as many tapes are played, since few of them are crises. Without
    --scenarios the stress mix, each crisis and the held-out crash follow. --no-natural leaves it out; the first of
    --scenarios is the headline then.

    With --suite every registered baseline (and GOVERNORS) plays every registered scenario instead: the leaderboard,
    written into --out. A run of it that was cut off goes on with the same command.

    With --open-test GOVERNORS play the sealed test, once and for all: who opened it for whom is recorded in
    openings.json, in --out (results/test of the repository by default), before it is played. It opens for a commit
    without changes alone.

    Example: protogov evaluate results/runs/first --scenarios crash-heldout jump --episodes 256 --baselines random
    """

    governors: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="GOVERNORS")] = ()
    """Who is evaluated."""
    scenarios: tuple[str, ...] = ()
    """Registered scenarios, files of candles or folders of them."""
    episodes: int = EPISODES
    """Tapes of each scenario or file; four times as many of `natural`."""
    natural: bool = True
    """Play `natural` before any other scenario: its W is the headline."""
    suite: bool = False
    """The leaderboard: every baseline on every scenario, or on --scenarios."""
    quick: bool = False
    """With --suite: 8 tapes a scenario, to see that everything runs."""
    ceiling: Path | None = None
    """With --suite: JSON of constants tuned with hindsight, {scenario: {lever: value}}; the ceiling. A scenario that it
    lacks gets the best of its sets there."""
    jobs: int = 2
    """With --suite: processes."""
    baselines: tuple[str, ...] = ()
    """Also play these, say mainnet or pi+steward_var+inventory_quotes; a wrong name lists all."""
    open_test: bool = False
    """Open the sealed test for GOVERNORS and play it; recorded for good. --baselines play beside them."""
    own_means: bool = True
    """Also play constants at the governors' own mean levers: what they gain without reacting to anything."""
    world: WorldOptions = field(default_factory=WorldOptions)
    """The world; for a run's folder its own world is taken and this must be left alone."""
    out: OutputFolder | None = None
    """Folder to write into; a run's folder by default."""


def run(options: Options, command: str) -> int:
    """Evaluate, write, and print the summary; `command` is what was typed."""
    found = find_governors(options.governors)
    config = world_of(found, options.world)
    if options.open_test:
        return run_sealed(options, found, config, command)
    if options.suite:
        return run_suite(options, found, config, command)
    if options.quick or options.ceiling is not None:
        raise BadInput("--quick and --ceiling are given without --suite, to which alone they belong")
    folder = RunFolder(options.out) if options.out is not None else found.run
    if folder is None:
        raise BadInput("out is missing; give a folder to write into, because the governors are not those of one run")
    check_folder(folder.path)
    sets = chosen_sets(options, found, config)
    scenarios = options.scenarios or default_scenarios()
    if options.natural and HEADLINE not in scenarios:
        scenarios = (HEADLINE, *scenarios)
    elif not options.natural:
        scenarios = tuple(name for name in scenarios if name != HEADLINE)
    trained_on = None if found.config is None else found.config.scenario
    suites = make_suites(scenarios, options.episodes, trained_on, NATURAL_TAPES * options.episodes)
    results = run_evaluation(folder, config, suites, sets, own_means=options.own_means, command=command)
    print_summary(results)
    print(f"Episodes: {folder.episodes}")
    return 0


def chosen_sets(options: Options, found: Found, config: WorldConfig) -> list[GovernorSet]:
    """The static protocol, the governors that were found and the baselines asked for.

    Raises:
        BadInput: there is nothing beside the static protocol, or something does not fit the world.
    """
    names = [name for name in dict.fromkeys(options.baselines) if name != STATIC]
    sets = [*found.sets, *(baseline(name, config) for name in names)]
    if not sets:
        raise BadInput("there is nothing to compare with the static protocol; give governors, or --baselines random")
    sets = [baseline(STATIC, config), *sets]
    for chosen in sets:
        chosen.make(config)  # refuse what does not fit before anything is played
    return sets


def run_sealed(options: Options, found: Found, config: WorldConfig, command: str) -> int:
    """Open the sealed test for the governors, play it, and print the summary."""
    from protogov.experiments.open_test import open_test

    given = {
        "suite": options.suite, "quick": options.quick, "ceiling": options.ceiling is not None,
        "scenarios": bool(options.scenarios), "episodes": options.episodes != EPISODES,
    }  # fmt: skip
    for name, is_given in given.items():
        if is_given:
            raise BadInput(f"--{name} is given with --open-test, whose scenarios and tapes were sealed")
    if not found.sets:
        raise BadInput("GOVERNORS are missing; --open-test is for governors that were trained, not for rules alone")
    sets = chosen_sets(options, found, config)
    results, folder = open_test(options.out, config, sets, command, own_means=options.own_means)
    print_summary(results)
    print(f"Episodes: {folder.episodes}")
    return 0


def run_suite(options: Options, found: Found, config: WorldConfig, command: str) -> int:
    """Play the leaderboard, write it, and print its table of means."""
    from protogov.experiments.leaderboard.ceiling import complete, read_ceiling
    from protogov.experiments.leaderboard.playing import make_matches, run_matches, suite_scenarios
    from protogov.experiments.leaderboard.summary import summarise
    from protogov.experiments.leaderboard.writing import table_of_means, write_leaderboard

    if options.out is None:
        raise BadInput("out is missing; --suite needs a folder to write into, say --out results/leaderboard")
    if options.baselines:
        raise BadInput("--baselines is given with --suite, in which every baseline plays")
    seeds, keep = QUICK if options.quick else options.episodes, options.out / "matches"
    make_matches(config, seeds, options.scenarios)  # refuse what does not fit before anything is played
    ceiling, picked = None, dict[str, str]()
    if options.ceiling is not None:
        scenarios = options.scenarios or suite_scenarios()
        ceiling, picked = complete(config, read_ceiling(options.ceiling), scenarios, jobs=options.jobs, keep=keep)
    matches = make_matches(config, seeds, options.scenarios, ceiling, found.sets)
    table = run_matches(config, matches, jobs=options.jobs, keep=keep)
    board = summarise(table)
    for path in write_leaderboard(options.out, board, table, config, command, picked):
        print(path)
    print("\n".join(table_of_means(board)))
    return 0


def print_summary(results: list[Comparison]) -> None:
    """The table of each comparison, who changes places for other weights, and `underpowered` where that holds."""
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
