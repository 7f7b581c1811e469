"""Tuning of controllers: the searches of constants, for their gains, around the constants of a market.

As for constants: searches with fresh tapes in every generation, a pick on other tapes, and a score on a third set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from protogov.agents.baselines.controller_file import ControllerFile
from protogov.agents.tuning.controllers import Controllers
from protogov.agents.tuning.objective import WELFARE, open_tapes
from protogov.envs.config import WorldConfig
from protogov.experiments.core.fresh_tapes import Effort
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.tuning.searches import CHUNK, TAPES, climb, offer_of, offered

AS_THEY_ARE = 0  # number of the search that is picked where the default gains are best


@dataclass(frozen=True)
class ControllerSearch:
    """One search.

    Attributes:
        scenario: whose tapes it plays.
        controllers: name, several joined by "+".
        around: lever -> value around which they act, and at which the other levers stay.
        number: of the search, from 1 on; it seeds the search and chooses its tapes.
        effort: what it spends.
    """

    scenario: str
    controllers: str
    around: Mapping[str, float]
    number: int
    effort: Effort


@dataclass(frozen=True)
class ControllerPoints:
    """Members F64[c][gains] of controllers on some tapes of a scenario: the first tape's seed, and how many."""

    scenario: str
    controllers: str
    around: Mapping[str, float]
    points: tuple[tuple[float, ...], ...]
    first: int
    count: int


@dataclass(frozen=True)
class TunedControllers:
    """What searches found for controllers in a market.

    Attributes:
        member: the controllers with the picked gains.
        picked: number of the search that it comes from; `AS_THEY_ARE` if the default gains are best.
        ends: W of the best that each search offers over the default gains, on the tapes of picking [bp].
        hours: market hours of the searches.
        tapes: that each search saw.
        scored: "tuned", "default gains" (around the same constants) and "as they are" (around the defaults) -> W on
            tapes that decided nothing, F64[tapes].
    """

    member: ControllerFile
    picked: int
    ends: tuple[float, ...]
    hours: int
    tapes: int
    scored: Mapping[str, Floats] = field(default_factory=dict)


def search_piece(config: WorldConfig, job: ControllerSearch) -> Table:
    """A row a gain of what the search offers, as places in the ranges; columns as of `searches.search_piece`."""
    family = Controllers(config, job.controllers, job.around)
    return offered(climb(config, job.scenario, job.number, job.effort, family, np.zeros(family.size)))


def play_piece(config: WorldConfig, job: ControllerPoints) -> Table:
    """A row a point and tape, point by point: W [bp of K0]."""
    (tapes,) = open_tapes(config, [job.scenario], job.first, job.count)
    family = Controllers(config, job.controllers, job.around)
    return {WELFARE: tapes.play(family, np.array(job.points)).totals[WELFARE].ravel()}


def tune_controllers(
    config: WorldConfig,
    scenario: str,
    name: str,
    around: Mapping[str, float],
    effort: Effort,
    how: Running,
    *,
    searches: int = 2,
    checks: int = 0,
) -> TunedControllers:
    """Search the gains of controllers on a scenario, from their defaults on, pick, and score.

    Args:
        config: of the world.
        scenario: its name.
        name: of the controllers, several of different roles joined by "+".
        around: lever -> value around which they act, and at which the other levers stay.
        effort: of each search.
        how: processes, and where finished pieces are kept.
        searches: number of searches, every one with tapes and noise of its own.
        checks: tapes on which is picked and scored, at most; 0 for those of `TAPES`.

    Raises:
        ValueError: the controllers are unknown or have no gains, or the scenario is held out.
    """
    family, label = Controllers(config, name, around), f"{name} on {scenario}"
    jobs = [ControllerSearch(scenario, name, around, number, effort) for number in range(1, searches + 1)]
    pieces = [Piece(f"search_{scenario}_{name}_{job.number}", job) for job in jobs]
    offers = [offer_of(table) for table in run_pieces(search_piece, config, pieces, how, f"{label}: searches")]
    start = np.zeros(family.size)
    points = np.concatenate([start[None], *(np.vstack([one.ends, one.way]) for one in offers)])
    means = _play(config, scenario, name, around, points, "picking", checks, how).mean(axis=1)
    best, each = int(means.argmax()), (len(points) - 1) // searches
    gained = (means[1:] - means[0]).reshape(searches, each)
    pair = _play(config, scenario, name, around, np.stack([start, points[best]]), "scoring", checks, how)
    (plain,) = _play(config, scenario, name, {}, start[None], "scoring", checks, how)
    return TunedControllers(
        member=family.member(points[best]),
        picked=(best - 1) // each + 1 if best else AS_THEY_ARE,
        ends=tuple(gained.max(axis=1).tolist()),
        hours=searches * effort.episodes * config.episode_hours,
        tapes=effort.distinct,
        scored={"tuned": pair[1], "default gains": pair[0], "as they are": plain},
    )


def _play(
    config: WorldConfig, scenario: str, name: str, around: Mapping[str, float], points: Floats, purpose: str,
    checks: int, how: Running,
) -> Floats:  # fmt: skip
    """W of every point on the tapes of a purpose, F64[points, tapes]."""
    first, count = TAPES[purpose]
    count = min(checks or count, count)
    each = max(CHUNK // count, 1)
    parts: Sequence[Floats] = [points[at : at + each] for at in range(0, len(points), each)]
    pieces = [
        Piece(f"{purpose}_{scenario}_{name}",
              ControllerPoints(scenario, name, around, tuple(tuple(map(float, one)) for one in part), first, count))
        for part in parts
    ]  # fmt: skip
    tables = run_pieces(play_piece, config, pieces, how, f"{name} on {scenario}: {purpose}")
    return np.concatenate([table[WELFARE] for table in tables]).reshape(-1, count)
