"""The ceiling of the leaderboard: constants tuned with hindsight for each scenario, read from a file.

    {"jump": {"ltv_gap": 0.1, "half_spread": 0.02}, "crash-heldout": {...}}

A lever that is not named stays at its default. A file may hold them under "constants" beside other things.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protogov.envs.world.levers import LEVER_INDEX, LEVERS
from protogov.experiments.errors import BadInput
from protogov.experiments.files import read_json

Constants = dict[str, dict[str, float]]


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
