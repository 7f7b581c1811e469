"""An evaluation from start to finish: play the suites, write the tables, record the episode of the dashboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CRISES, Replay, Scenario, cleaning_report, get_scenario
from protogov.envs.scenarios.base import CANDLE_SUFFIXES, HELD_OUT
from protogov.envs.scenarios.candle_files import without_suffix
from protogov.experiments.core.evaluation import YOKED, Suite, control_of, evaluate_sets, mean_levers
from protogov.experiments.core.files import write_json
from protogov.experiments.core.governors import LEARNED, NO_SEED, STATIC, GovernorSet
from protogov.experiments.core.paths import RunFolder, candle_files
from protogov.experiments.core.recording import record
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import Table, concatenate, select, write_table
from protogov.experiments.core.versions import now
from protogov.experiments.core.welfare_box import KAPPAS, LAMBDAS
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.training.comparison import Comparison, comparisons

OWN_MEANS = "own-means"  # constants at the learned governors' mean levers: how much of a gain needs no feedback
CONTROLS = (OWN_MEANS, YOKED)  # only what is left above both is feedback
RECORDINGS = "recorded candles"
HEADLINE = "natural"  # headline of every evaluation: markets at their natural frequency
STRESS, HELD_OUT_CRASH = "mix", "crash-heldout"


def default_scenarios() -> tuple[str, ...]:
    """Default scenarios of an evaluation: natural, the stress mix, each crisis, the held-out crash."""
    return HEADLINE, STRESS, *CRISES, HELD_OUT_CRASH


def make_suites(
    names: Sequence[str],
    episodes: int,
    trained_on: Sequence[str] = (),
    headline_episodes: int | None = None,
    *,
    begin: str | None = None,
    end: str | None = None,
) -> list[Suite]:
    """The suites of scenario names and paths; all files of candles together are one suite.

    `natural` is always the first suite, because the first is the headline; recordings are the last.

    Args:
        names: registered scenarios, files of candles, or folders of them.
        episodes: tapes of each scenario or file.
        trained_on: scenarios of training; their fresh tapes are named as such.
        headline_episodes: tapes of `natural`, few of which are crises; by default as many as of the others.
        begin: for files of candles: ISO-8601 time before which no episode begins.
        end: likewise, time after which no episode ends.

    Raises:
        BadInput: a name is unknown, a file cannot be replayed, two files have one name, or `episodes` is below 2.
    """
    if episodes < 2:
        raise BadInput(f"episodes is {episodes}; a whole number of at least 2 is accepted")
    suites: list[Suite] = []
    files: list[Path] = []
    for name in sorted(names, key=lambda name: name != HEADLINE):  # stable: the others stay in their order
        if name.lower().endswith(CANDLE_SUFFIXES) or Path(name).is_dir():
            files += candle_files(Path(name))
            continue
        with as_bad_input():
            scenario = get_scenario(name, begin=begin, end=end)
        label = f"{scenario.name} ({scenario.split})" if scenario.split in HELD_OUT else scenario.name
        if scenario.name in trained_on:
            label = f"{scenario.name} (trained on; fresh tapes)"
        tapes = headline_episodes if headline_episodes is not None and name == HEADLINE else episodes
        suites.append(Suite(label, (scenario,), tapes))
    if files:
        named: dict[str, Path] = {}
        for path in files:
            other = named.setdefault(_replay_name(path), path)
            if other != path:
                raise BadInput(f"{path} has the same name as {other}; recordings need different file names")
        with as_bad_input():
            replays = tuple(Replay(path, name=name, begin=begin, end=end) for name, path in named.items())
        suites.append(Suite(RECORDINGS, replays, episodes, overlapping=True))
    return suites


def scenarios_of(suites: Sequence[Suite], episode_hours: int) -> list[Scenario]:
    """All scenarios of some suites; each can draw an episode of that many hours.

    Raises:
        BadInput: one cannot, for example because a file of candles is too short.
    """
    found = [scenario for suite in suites for scenario in suite.scenarios]
    for scenario in found:
        with as_bad_input():
            scenario.check_hours(episode_hours)
    return found


def _replay_name(path: Path) -> str:
    """The file's name without the common prefix of such files."""
    return without_suffix(path).removeprefix("eth_btc_1h_")


@dataclass(frozen=True)
class Shown:
    """The episode of the dashboard: its source and the reason for its choice."""

    suite: str
    scenario: str
    tape_seed: int
    drawdown: float
    governors: str
    training_seed: int


def run_evaluation(
    folder: RunFolder,
    config: WorldConfig,
    suites: Sequence[Suite],
    sets: Sequence[GovernorSet],
    *,
    controls: bool = True,
    command: str = "",
    show: bool = True,
) -> list[Comparison]:
    """Play all suites under all sets, and write episodes.parquet, evaluation.json and the dashboard's episode.

    Args:
        folder: output folder.
        config: of the worlds; see `evaluation_world`.
        suites: tapes; the first is the headline, the first that is held out gives the dashboard its episode.
        sets: the static set and others.
        controls: also play, for each learned set, constants at its own mean levers, and its actions of another tape.
        command: what was typed, for evaluation.json.
        show: a progress bar.

    Returns:
        Every set against the static one, suite by suite.
    """
    learned = [chosen for chosen in sets if chosen.name == LEARNED or chosen.training_seed != NO_SEED]
    extra = learned if controls else []
    total = sum(suite.episodes * len(suite.scenarios) for suite in suites) * (len(sets) + len(CONTROLS) * len(extra))
    with tqdm(total=total, desc="evaluating", unit="episode", disable=not show, mininterval=0.5) as bar:
        table = evaluate_sets(config, suites, sets, bar.update, yoke={chosen.name for chosen in extra})
        constants = [mean_constants(table, chosen) for chosen in extra]
        table = concatenate([table, evaluate_sets(config, suites, constants, bar.update)]) if constants else table
    write_table(folder.episodes, table, {"command": command})
    shown = record_episode(folder, config, shown_suite(suites), sets, table)
    found = comparisons(table)
    about = {
        "command": command,
        "written": now(),
        "suites": [
            {
                "name": suite.name,
                "scenarios": [scenario.name for scenario in suite.scenarios],
                "splits": sorted({scenario.split for scenario in suite.scenarios}),
                "episodes": suite.episodes,
                "overlapping": suite.overlapping,
                "cleaned": _cleaned(suite),
            }
            for suite in suites
        ],
        "sets": [
            {"name": chosen.name, "training_seed": chosen.training_seed, "values": dict(chosen.values or {})}
            for chosen in [*sets, *constants]
        ],
        "world": config.to_dict(),
        "shown": vars(shown),
        "summary": [summary_of(comparison) for comparison in found],
    }
    write_json(folder.evaluation, about)
    return found


def mean_constants(table: Table, learned: GovernorSet) -> GovernorSet:
    """Constants at the mean executed levers of a learned set, over all its episodes of an evaluation."""
    rows = (table["governors"] == learned.name) & (table["training_seed"] == learned.training_seed)
    return GovernorSet(control_of(OWN_MEANS, learned.name), learned.training_seed, {}, mean_levers(select(table, rows)))


def _cleaned(suite: Suite) -> list[str]:
    """Changes and assumptions of reading candles, file by file."""
    return [line for scenario in suite.scenarios for line in cleaning_report(scenario)]


def shown_suite(suites: Sequence[Suite]) -> Suite:
    """Suite of the dashboard's episode: the first suite held out from training, else the headline."""
    held_out = (suite for suite in suites if all(scenario.split in HELD_OUT for scenario in suite.scenarios))
    return next(held_out, suites[0])


def record_episode(
    folder: RunFolder, config: WorldConfig, suite: Suite, sets: Sequence[GovernorSet], table: Table
) -> Shown:
    """Record the tape of the suite with the deepest fall, under the static and the first other set."""
    here = select(table, (table["suite"] == suite.name) & (table["governors"] == STATIC))
    row = int(np.argmin(here["price_drawdown"]))
    scenario = next(one for one in suite.scenarios if one.name == here["scenario"][row])
    seed = int(here["tape_seed"][row])
    main = next((chosen for chosen in sets if chosen.name != STATIC), sets[0])
    static = next(chosen for chosen in sets if chosen.name == STATIC)
    for chosen in {main.name: main, STATIC: static}.values():
        recording = record(config, scenario, np.array([seed], np.uint64), chosen.make(config))
        recording.save(folder.episode / chosen.name)
    return Shown(
        suite=suite.name,
        scenario=scenario.name,
        tape_seed=seed,
        drawdown=float(here["price_drawdown"][row]),
        governors=main.name,
        training_seed=main.training_seed,
    )


def summary_of(comparison: Comparison) -> dict[str, Any]:
    """A comparison's numbers, JSON-able."""
    return {
        "suite": comparison.suite,
        "governors": comparison.governors,
        "baseline": comparison.baseline,
        "training_seeds": list(comparison.seeds),
        "tapes": comparison.tapes,
        "unit": comparison.unit,
        "verdict": comparison.verdict,
        "underpowered": comparison.underpowered,
        "expected_shortfall_5%": {"mean": comparison.shortfall, "baseline": comparison.baseline_shortfall},
        "measures": {
            row.measure.name: {
                "mean": row.mean,
                "baseline": row.baseline,
                "over_tapes": _interval(row.over_tapes),
                "over_seeds": _interval(row.over_seeds),
                "by_seed": {str(seed): value for seed, value in row.by_seed.items()},
            }
            for row in comparison.differences
        },
        "weights": {
            "lambda": list(LAMBDAS),
            "kappa": list(KAPPAS),
            "difference": [[_interval(found) for found in row] for row in comparison.box.grid],
            "turns": [{"lambda": weight, "kappa": kappa} for weight, kappa in comparison.box.mean.turns],
        },
    }


def _interval(interval: Interval | None) -> dict[str, float | int | None] | None:
    if interval is None:
        return None
    ends = [end if np.isfinite(end) else None for end in (interval.low, interval.high)]
    return {"mean": interval.mean, "low": ends[0], "high": ends[1], "n": interval.n}
