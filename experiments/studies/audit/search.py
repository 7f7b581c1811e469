"""Searches by CMA-ES: constants that are best in W, and a role's best response to what others do.

A search for W plays fresh tapes in every generation. It offers the mean of its last distribution and the average of the
means of the second half of its generations; these are picked on tapes of selection that no search has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from protogov.agents.tuning.evolution import Budget, evolve
from protogov.agents.tuning.objective import Constants, Episodes, Family, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import FIRST_SELECTION
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.audit.play import (
    DEFAULTS,
    WELFARE,
    Actions,
    as_points,
    play_constants,
    tape_range,
)
from protogov.experiments.studies.audit.suites import find_suite


@dataclass(frozen=True)
class Search:
    """One search for constants that are best in W.

    Attributes:
        suite: source of the tapes.
        levers: searched levers; the others stay at `start`.
        effort: see `Effort`.
        seed: of the search and of its tapes.
        start: actions of all twelve levers.
        limits: lever -> (least, most) action, for levers that may not move from -1 to 1.
    """

    suite: str
    levers: tuple[str, ...]
    effort: Effort
    seed: int
    start: Actions = as_points(DEFAULTS)[0]
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)


def search_all(config: WorldConfig, jobs: Sequence[Search], how: Running, label: str) -> list[list[Floats]]:
    """The offer of each search: two F64[12]."""
    pieces = [Piece(f"search_{job.suite}_{job.seed}", job) for job in jobs]
    return [[table["last"], table["average"]] for table in run_pieces(search_piece, config, pieces, how, label)]


def search_piece(config: WorldConfig, job: Search) -> Table:
    """A row a lever of what the search offers: "last" and "average" actions of all twelve levers."""
    scenario, tapes = find_suite(job.suite), search_tapes(job.seed, job.effort)

    def score(generation: int, actions: Floats) -> Floats:
        seeds = tape_range(tapes[generation * job.effort.tapes], job.effort.tapes)
        return np.asarray(play_constants(config, scenario, seeds, actions[:, None, :])[WELFARE].mean(axis=1))

    last, average = offers(job, score)
    return {"last": last, "average": average}


def offers(job: Search, score: Callable[[int, Floats], Floats]) -> tuple[Floats, Floats]:
    """(mean of the last distribution, average of the means of the later half of generations), F64[12] each.

    Args:
        job: what is searched.
        score: (generation, actions F64[c, 12]) -> F64[c], higher is better.
    """
    own = [LEVER_INDEX[name] for name in job.levers]
    bounds = np.array([job.limits.get(name, (-1.0, 1.0)) for name in job.levers])
    start = np.array(job.start)

    def score_own(generation: int, points: Floats) -> Floats:
        actions = np.tile(start, (len(points), 1))
        actions[:, own] = points
        return score(generation, actions)

    way = evolve(start[own], job.effort.budget, score_own, seed=job.seed, bounds=bounds)
    last, average = start.copy(), start.copy()
    last[own], average[own] = way.last, way.average
    return last, average


# ---------------------------------------------------------------------- responses of a role


@dataclass(frozen=True)
class Response:
    """One search for a role's best response on its own mandate.

    Attributes:
        suite: source of the tapes.
        answerer: role whose levers are searched.
        held: actions of all twelve levers, for everybody but the answerer.
        budget: of the search.
        count: number of its tapes.
        start: actions of the answerer's levers at the start.
        seed: of the search.
    """

    suite: str
    answerer: str
    held: Actions
    budget: Budget
    count: int
    start: Actions
    seed: int


def search_response(config: WorldConfig, job: Response) -> Table:
    """A row a lever of the answerer: the point that was found; and, in each row, episodes.

    The search plays the same tapes in every generation, and picks on them among the start, its last mean and the best
    of its last candidates: what is luck there, the tapes of selection sort out with more power.
    """
    family, held = Constants(role_levers(job.answerer)), np.array(job.held)
    tapes = ResponseTapes(config, job.suite, tape_range(FIRST_SELECTION, job.count))

    def score(generation: int, points: Floats) -> Floats:
        return np.asarray(tapes.play(family, points, held).totals[job.answerer].mean(axis=1))

    way = evolve(np.array(job.start), job.budget, score, seed=job.seed)
    candidates = np.array([job.start, way.last, way.best])
    point = candidates[int(np.argmax(score(len(way.means), candidates)))]
    episodes = (len(way.means) * job.budget.population + len(candidates)) * job.count
    return {"point": point, "episodes": np.full(family.size, episodes)}


class ResponseTapes:
    """Tapes on which one role's constants of venue 0 are played against fixed actions of the others.

    The others are the other roles on one venue, and the other venue on two; levers that are not held stay at the
    defaults.

    Args:
        config: one venue or two.
        suite: source of the tapes.
        seeds: U64[m] of the tapes.
    """

    def __init__(self, config: WorldConfig, suite: str, seeds: np.ndarray) -> None:
        self.config, self.suite, self.seeds = config, suite, seeds

    def play(self, family: Family, points: Floats, held: Floats | None = None) -> Episodes:
        """Mandates and welfare of venue 0 for every point."""
        actions = joined_actions(self.config, family.levers, points, DEFAULTS if held is None else held)
        shape = (len(points), self.config.venues, len(LEVERS))
        totals = play_constants(self.config, find_suite(self.suite), self.seeds, actions.reshape(shape))
        own = {role: totals[f"mandate/{role}_0"] for role in self.config.roles}
        return Episodes({"welfare": totals[WELFARE]} | own)


def joined_actions(config: WorldConfig, levers: Sequence[str], points: Floats, held: Floats) -> Floats:
    """Actions of all levers of all venues, F64[c, 12 * venues], from an answerer's points and F64[12] of others."""
    actions = np.zeros((len(points), config.venues, len(LEVERS)))
    actions[:, -1] = held
    actions[:, 0, [LEVER_INDEX[name] for name in levers]] = points
    return actions.reshape(len(points), -1)
