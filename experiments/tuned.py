"""The file of tuned constants and linear rules: made scenario by scenario, so that a search that was stopped goes on.

{"command", "versions", "budget", "searched": {scenario: {lever: value}}, "constants": {scenario: {lever: value}},
"linear": {lever: [4 weights]}, "found": {scenario: {"command", "gain", "standard_error", "z", "episodes",
"tapes", "converged", "restarts", "search"}}}

"searched" is what the search of each scenario found, "constants" that, or what another search found where it is clearly
better: what was found for one regime may well do so in another. "restarts" holds of each run of a search its
population, why it stopped, the mean W of its generations and its gain on the tapes of selection.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.tuning.evolution import Budget, Restart, Tuning, mean_score, tune
from protogov.agents.tuning.objective import (
    WELFARE,
    Constants,
    Family,
    Linear,
    Tapes,
    open_tapes,
    role_levers,
)
from protogov.envs.config import WorldConfig
from protogov.experiments.core.files import read_json, write_json
from protogov.experiments.core.play import FIRST_SCORING, FIRST_SELECTION
from protogov.experiments.core.statistics import Interval, student_t
from protogov.experiments.core.versions import versions
from protogov.experiments.errors import BadInput

CLEARLY = 2.0  # standard errors by which another search's constants must be better to be taken
POOL = 4  # tapes on which the searches' results are compared, over those of a search
SCORING = 256  # tapes on which the gain over the defaults is measured
LINEAR = "linear rule"  # its key among what was found; tuned on the first scenario
LINEAR_SIGMA = 0.12  # first step of its search, which begins at tuned constants and must not leap away from them
LINEAR_TAPES = 4  # tapes over those of constants: four weights a lever fit what few tapes happen to hold
LINEAR_GENERATIONS = 120  # at most, of its one restart
SHARES = np.linspace(0.0, 1.0, 9)  # of the way from the constants to what its search found, one of which is taken


def tune_file(
    path: Path,
    config: WorldConfig,
    scenarios: Sequence[str],
    budget: Budget,
    command: str,
    *,
    num_seeds: int = 64,
    scoring_seeds: int = SCORING,
    linear: bool = True,
    num_threads: int = 1,
    tell: Callable[[str, Tuning], None] = lambda name, tuning: None,
) -> dict[str, Any]:
    """Tune all twelve levers on welfare for each scenario and, from the first one's constants, a linear rule.

    What the file at `path` already holds is kept; it is written after every search.

    Args:
        path: of the JSON file.
        config: the world.
        scenarios: the first is the one whose constants are "tuned" without a name, and the linear rule's.
        budget: of each search.
        command: what was typed.
        num_seeds: tapes of the search; as many others select.
        scoring_seeds: tapes on which the gain over the defaults is measured.
        linear: whether to tune the linear rule.
        num_threads: of the simulator.
        tell: called after every generation with what is tuned.

    Raises:
        BadInput: the file was made with another budget. Only the number of restarts may differ: every search tells it.
    """
    levers = role_levers("joint")
    data: dict[str, Any] = {"command": command, "versions": versions(), "budget": asdict(budget)}
    data |= {"searched": {}, "constants": {}, "linear": {}, "found": {}}
    if path.is_file():
        data |= {name: value for name, value in read_json(path).items() if name != "versions"}
        if data["budget"] | {"restarts": budget.restarts} != asdict(budget):
            raise BadInput(f"{path}: was made with the budget {data['budget']}; give the same, or another file")
    for name in (*scenarios, *([LINEAR] if linear else [])):
        if name in data["found"]:
            continue
        scenario = scenarios[0] if name == LINEAR else name
        tapes = num_seeds * (LINEAR_TAPES if name == LINEAR else 1)
        search = open_tapes(config, [scenario], FIRST_SELECTION, tapes, num_threads)
        selection = open_tapes(config, [scenario], FIRST_SELECTION + tapes, tapes, num_threads)
        family: Family
        if name == LINEAR:
            family = Linear(levers)
            start = _actions(levers, data["searched"][scenario])
            found = _tune_linear(family, start, search, selection, budget, partial(tell, name))
        else:
            family = Constants(levers)
            known = [np.array(_actions(levers, values)) for values in data["searched"].values()]
            found = tune(family, search, selection, budget, known=known, tell=partial(tell, name))
        (scoring,) = open_tapes(config, [scenario], FIRST_SCORING, scoring_seeds, num_threads)
        welfare = scoring.play(family, np.array([np.zeros(family.size), found.point])).totals[WELFARE]
        gain = student_t(welfare[1] - welfare[0])
        if isinstance(family, Constants):
            data["searched"][name] = data["constants"][name] = family.values(found.point)
        else:
            rows = found.point.reshape(len(levers), -1)
            data["linear"] = {lever: row.tolist() for lever, row in zip(levers, rows, strict=True)}
        data["found"][name] = _told(gain) | {
            "command": command, "episodes": found.episodes, "tapes": tapes, "converged": found.converged,
            "restarts": [_restart(restart) for restart in found.restarts], "search": name,
        }  # fmt: skip
        write_json(path, data)
    share(data, config, levers, num_seeds, scoring_seeds, num_threads)
    write_json(path, data)
    return data


def _tune_linear(
    family: Linear,
    constants: Sequence[float],
    search: Sequence[Tapes],
    selection: Sequence[Tapes],
    budget: Budget,
    tell: Callable[[Tuning], None],
) -> Tuning:
    """Search weights from constants on, then go as far toward what was found as other tapes support.

    A search over so many weights goes too far for the tapes it sees; where nothing of its way holds on others, the
    constants remain.
    """
    start = np.zeros((len(family.levers), family.size // len(family.levers)))
    start[:, 0] = constants
    own = replace(
        budget, sigma=min(LINEAR_SIGMA, budget.sigma), restarts=1,
        generations=min(LINEAR_GENERATIONS, budget.generations),
    )  # fmt: skip
    found = tune(family, search, search, own, start=start.ravel(), tell=tell)
    ways = start.ravel() + SHARES[:, None] * (found.point - start.ravel())
    scores = mean_score(selection, family, ways)
    found.episodes += len(ways) * sum(len(one.seeds) for one in selection)
    found.point = ways[int(np.argmax(scores))]
    found.gain = found.restarts[0].gain = float(scores.max() - scores[0])
    return found


def share(
    data: dict[str, Any],
    config: WorldConfig,
    levers: Sequence[str],
    num_seeds: int,
    scoring_seeds: int,
    num_threads: int,
) -> None:
    """Give a scenario another search's constants if they are clearly better on `POOL` times `num_seeds` fresh tapes.

    Args:
        data: of the file; "constants" and "found" are changed in place.
        config: the world.
        levers: those that are tuned.
        num_seeds: tapes of a search.
        scoring_seeds: tapes on which the gain over the defaults is measured.
        num_threads: of the simulator.
    """
    names = list(data["searched"])
    family = Constants(tuple(levers))
    points = np.array([np.zeros(family.size), *(_actions(levers, data["searched"][name]) for name in names)])
    for scenario in names:
        (selection,) = open_tapes(config, [scenario], FIRST_SELECTION + 2**20, POOL * num_seeds, num_threads)
        played, own = selection.play(family, points[1:]).totals[WELFARE], names.index(scenario)
        best = int(played.mean(axis=1).argmax())
        if student_t(played[best] - played[own]).z < CLEARLY:
            best = own
        (scoring,) = open_tapes(config, [scenario], FIRST_SCORING, scoring_seeds, num_threads)
        welfare = scoring.play(family, points[[0, 1 + best]]).totals[WELFARE]
        gain = student_t(welfare[1] - welfare[0])
        data["constants"][scenario] = dict(data["searched"][names[best]])
        data["found"][scenario] |= _told(gain) | {"search": names[best]}


def _restart(restart: Restart) -> dict[str, Any]:
    return asdict(restart) | {"history": [round(mean, 2) for mean in restart.history], "gain": round(restart.gain, 2)}


def _told(gain: Interval) -> dict[str, float]:
    # JSON has no infinity: a gain without any spread has no z
    return {"gain": gain.mean, "standard_error": gain.error, "z": gain.z if np.isfinite(gain.z) else 0.0}


def _actions(levers: Sequence[str], values: dict[str, float]) -> list[float]:
    from protogov.envs.roles import LEVER_BY_NAME

    return [float(LEVER_BY_NAME[name].action(np.asarray(values[name]))) for name in levers]
