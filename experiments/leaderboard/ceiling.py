"""The ceiling of the leaderboard: constants tuned with hindsight for each scenario, read from a file.

Nothing is searched on a scenario that is held out from training. There, and wherever else the file has no constants,
the ceiling is the one of its sets whose W, that of the first venue, is best on tapes of that scenario beside those of
the leaderboard: hindsight among what other markets taught, below what a search on the spot would find.

    {"jump": {"ltv_gap": 0.1, "half_spread": 0.02}, "crash-heldout": {...}}

A lever that is not named stays at its default. A file may hold them under "constants" beside other things.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.files import read_json
from protogov.experiments.errors import BadInput
from protogov.experiments.governors import NO_SEED, GovernorSet
from protogov.experiments.leaderboard.playing import Match, run_matches

Constants = dict[str, dict[str, float]]
PICKING_SEEDS = 64  # tapes of a scenario on which one of the sets is picked for it
FIRST_PICKING = 2**20  # number of their first, beyond those of any leaderboard


def read_ceiling(path: Path) -> Constants:
    """Scenario -> lever -> value in the lever's unit.

    Raises:
        BadInput: the file is missing, of another form, or names a lever or value that there is not.
    """
    data = read_json(path)
    return {str(scenario): _levers(path, scenario, given) for scenario, given in data.get("constants", data).items()}


def _levers(path: Path, scenario: str, given: Any) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise BadInput(f"{path}: {scenario!r} is {given!r}; a mapping from levers to values is accepted")
    for name, value in given.items():
        if name not in LEVER_INDEX:
            raise BadInput(f"{path}: {scenario!r} names the lever {name!r}; known are {', '.join(LEVER_INDEX)}")
        lever = LEVERS[LEVER_INDEX[name]]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not lever.low <= value <= lever.high:
            raise BadInput(f"{path}: {name} of {scenario!r} is {value!r}; {lever.low:g} to {lever.high:g} is accepted")
    return {str(name): float(value) for name, value in given.items()}


def complete(
    config: WorldConfig,
    tuned: Constants,
    scenarios: Sequence[str],
    *,
    seeds: int = PICKING_SEEDS,
    jobs: int = 2,
    keep: Path | None = None,
) -> tuple[Constants, dict[str, str]]:
    """Constants for every scenario, and for those without own ones the scenario whose search found them.

    Args:
        config: of the worlds.
        tuned: scenario -> lever -> value.
        scenarios: names that need a ceiling.
        seeds: tapes on which one is picked.
        jobs: processes.
        keep: folder for finished matches (`run_matches`).

    Raises:
        BadInput: no set to pick from, or no job.
    """
    if not tuned:
        raise BadInput("ceiling holds no constants; at least one scenario's are accepted")
    missing = [scenario for scenario in scenarios if scenario not in tuned]
    matches = [
        Match(GovernorSet(f"tuned on {name}", NO_SEED, {}, values), scenario, seeds, FIRST_PICKING)
        for scenario in missing
        for name, values in tuned.items()
    ]
    picked: dict[str, str] = {}
    if matches:
        welfare = run_matches(config, matches, jobs=jobs, keep=keep, label="ceiling")["welfare/0"]
        names = list(tuned)
        for scenario, means in zip(missing, welfare.reshape(len(missing), len(names), seeds).mean(axis=2), strict=True):
            picked[scenario] = names[int(means.argmax())]
    return tuned | {scenario: tuned[name] for scenario, name in picked.items()}, picked
