"""The matches of governors and scenarios, and the ceiling: constants tuned with hindsight for each scenario.

    {"jump": {"ltv_gap": 0.1, "half_spread": 0.02}, "crash-heldout": {...}}

Nothing is searched on a scenario that is held out from training. If the file has no constants for a scenario, the
ceiling is that of its sets whose W, that of the first venue, is best on other tapes of the scenario than those of the
leaderboard. This is hindsight among sets of other markets; a search on the scenario could find more. A lever that is
not named stays at its default. A file may hold the constants under "constants", next to other entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.baselines import rule_names
from protogov.envs.config import WorldConfig
from protogov.envs.laws import known_names
from protogov.envs.roles import LEVER_BY_NAME
from protogov.envs.scenarios import get_scenario, overlay_names, scenario_names
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import BASELINES, NO_SEED, STATIC, GovernorSet, baseline
from protogov.experiments.core.pieces import HERE, Piece, Running, run_pieces
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.study import check_sizes
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.training.measured import HEADLINE, STRESS
from protogov.experiments.training.open_test import describe

CEILING = "hindsight-best constants"
ATTACKED = "jump"  # the market in which attacks are played
PICKING_SEEDS = 64  # tapes of a scenario on which its set is picked
FIRST_PICKING = 2**20  # number of their first, beyond those of any leaderboard

Constants = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Match:
    """One row of the leaderboard on one scenario.

    Attributes:
        governors: name of the row.
        files: digests of their files: a policy or tuned constants may change under the same name.
        scenario: registered name.
        seeds: number of tapes; the same tapes for every row.
        first: number of the first tape.
    """

    governors: GovernorSet
    files: Mapping[str, str]
    scenario: str
    seeds: int
    first: int = 0


def match(governors: GovernorSet, scenario: str, seeds: int, first: int = 0) -> Piece:
    """What one row plays on one scenario."""
    (about,) = describe([governors])
    return Piece(f"{governors.name}_{scenario}", Match(governors, about["files"], scenario, seeds, first))


def play_match(config: WorldConfig, job: Match) -> Table:
    """One row per episode, with the columns `governors`, `training_seed`, `scenario`, `split` and `tape_seed` first."""
    seeds = tape_seeds(job.seeds, job.first)
    return {
        "governors": np.full(job.seeds, job.governors.name),
        "training_seed": np.full(job.seeds, job.governors.training_seed, np.int64),
        "scenario": np.full(job.seeds, job.scenario),
        "split": np.full(job.seeds, get_scenario(job.scenario).split),
        "tape_seed": seeds,
    } | evaluate(config, job.scenario, seeds, job.governors.make(config))


def suite_scenarios() -> tuple[str, ...]:
    """Natural first, then the stress mix, all other registered scenarios, and every overlay on one scenario.

    Scenarios of the split validation are included because nothing is trained here; the sealed test is not, and
    neither are the markets of forecasts, whose law is known: they were made to judge pricers.
    """
    first = (HEADLINE, STRESS)
    others = (name for name in scenario_names() if name not in (*first, *known_names()))
    return (*first, *others, *(f"{ATTACKED} + {overlay}" for overlay in overlay_names()))


def make_matches(
    config: WorldConfig,
    seeds: int,
    scenarios: Sequence[str] = (),
    ceiling: Mapping[str, Mapping[str, float]] | None = None,
    extra: Sequence[GovernorSet] = (),
) -> list[Piece]:
    """Every registered baseline, `extra` governors and the ceiling, if there is one, on every scenario.

    Args:
        config: of the worlds; baselines without a matching role are left out.
        seeds: tapes a scenario.
        scenarios: names; those of `suite_scenarios` by default.
        ceiling: scenario -> lever -> value, for scenarios with a ceiling.
        extra: further governors, such as learned ones.

    Raises:
        BadInput: too few seeds, or a scenario that is unknown or repeated.
    """
    check_sizes(2, episodes=seeds)
    names = list(scenarios or suite_scenarios())
    if len(set(names)) < len(names):
        raise BadInput(f"scenarios holds a name twice: {', '.join(names)}")
    sets = [baseline(STATIC, config)]
    for name in BASELINES:
        if name != STATIC and BASELINES[name] in rule_names():
            try:
                sets.append(baseline(name, config))
            except BadInput:  # it can govern none of these roles
                continue
    matches = []
    for scenario in names:
        with as_bad_input():
            get_scenario(scenario).check_hours(config.episode_hours)
        here = [*sets, *extra]
        if ceiling is not None and scenario in ceiling:
            here.append(GovernorSet(CEILING, NO_SEED, {}, ceiling[scenario]))
        matches += [match(chosen, scenario, seeds) for chosen in here]
    return matches


def read_ceiling(path: Path) -> Constants:
    """Scenario -> lever -> value in the lever's unit.

    Raises:
        BadInput: the file is missing, has another form, or names an unknown lever or an invalid value.
    """
    data = read_json(path)
    return {str(scenario): _levers(path, scenario, given) for scenario, given in data.get("constants", data).items()}


def _levers(path: Path, scenario: str, given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise BadInput(f"{path}: {scenario!r} is {given!r}; a mapping from levers to values is accepted")
    for name, value in given.items():
        if name not in LEVER_BY_NAME:
            raise BadInput(f"{path}: {scenario!r} names the lever {name!r}; known are {', '.join(LEVER_BY_NAME)}")
        lever = LEVER_BY_NAME[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not lever.low <= value <= lever.high:
            raise BadInput(f"{path}: {name} of {scenario!r} is {value!r}; {lever.low:g} to {lever.high:g} is accepted")
    return {str(name): float(value) for name, value in given.items()}


def complete(
    config: WorldConfig,
    tuned: Constants,
    scenarios: Sequence[str],
    how: Running = HERE,
    seeds: int = PICKING_SEEDS,
) -> tuple[Constants, dict[str, str]]:
    """Constants for every scenario; for scenarios without own constants also the scenario that they come from.

    Args:
        config: of the worlds.
        tuned: scenario -> lever -> value.
        scenarios: names that need a ceiling.
        how: to play.
        seeds: tapes on which one is picked.

    Raises:
        BadInput: no set to pick from.
    """
    if not tuned:
        raise BadInput("ceiling holds no constants; at least one scenario's are accepted")
    missing = [scenario for scenario in scenarios if scenario not in tuned]
    sets = {name: GovernorSet(f"tuned on {name}", NO_SEED, {}, values) for name, values in tuned.items()}
    asked = [match(one, scenario, seeds, FIRST_PICKING) for scenario in missing for one in sets.values()]
    played = run_pieces(play_match, config, asked, how, "ceiling")
    welfare = np.array([table["welfare/0"].mean() for table in played]).reshape(len(missing), len(sets))
    picked = {scenario: list(sets)[int(row.argmax())] for scenario, row in zip(missing, welfare, strict=True)}
    return tuned | {scenario: tuned[name] for scenario, name in picked.items()}, picked
