"""Searches by CMA-ES: constants that are best in W, and a role's best response to what others do.

Hansen, "The CMA evolution strategy: a tutorial" (2016), by the library cmaes. A search for W plays fresh tapes every
generation, all candidates on the same ones, so its result cannot be the luck of a few tapes. It ends with its budget:
because tapes change, a generation's mean says little about whether more can be gained. A search offers two points: the
mean of its last distribution, and the average of the means of the second half of its generations. The pick uses tapes
of selection that no search has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from protogov.agents.tuning.evolution import Budget, tune
from protogov.agents.tuning.objective import Constants, Episodes, Family, role_levers
from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import FIRST_SELECTION
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table
from protogov.experiments.studies.audit.play import (
    DEFAULTS,
    FIRST_PICKING,
    WELFARE,
    Actions,
    as_points,
    play_constants,
    tape_range,
)
from protogov.experiments.studies.audit.suites import find_suite

STRIDE = 2**14  # distance between the tapes of two search seeds: searches of one suite share no tapes


@dataclass(frozen=True)
class Effort:
    """What a search spends.

    Attributes:
        generations: of the search.
        population: candidates a generation, at least 4.
        tapes: fresh tapes per generation.
        sigma: first step, in actions.
    """

    generations: int
    population: int
    tapes: int
    sigma: float = 0.35

    @property
    def distinct(self) -> int:
        """Number of tapes that a search plays."""
        return self.generations * self.tapes

    @property
    def episodes(self) -> int:
        """Number of episodes that a search plays."""
        return self.distinct * self.population


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


def search_tapes(job: Search) -> range:
    """Seeds of all tapes that the search plays, in order."""
    first = FIRST_SELECTION + job.seed * STRIDE
    if job.effort.distinct > STRIDE or first + STRIDE > FIRST_PICKING:
        raise ValueError(
            f"a search of seed {job.seed} sees {job.effort.distinct} tapes; at most {STRIDE} tapes and seeds below "
            f"{(FIRST_PICKING - FIRST_SELECTION) // STRIDE} are accepted."
        )
    return range(first, first + job.effort.distinct)


def search_all(config: WorldConfig, jobs: Sequence[Search], how: Running, label: str) -> list[list[Floats]]:
    """The offer of each search: two F64[12]."""
    pieces = [Piece(f"search_{job.suite}_{job.seed}", job) for job in jobs]
    return [[table["last"], table["average"]] for table in run_pieces(search_piece, config, pieces, how, label)]


def search_piece(config: WorldConfig, job: Search) -> Table:
    """The offer of the search, one row per lever: "last" and "average" actions of all twelve levers."""
    scenario, tapes = find_suite(job.suite), search_tapes(job)

    def score(generation: int, actions: Floats) -> Floats:
        seeds = tape_range(tapes[generation * job.effort.tapes], job.effort.tapes)
        return np.asarray(play_constants(config, scenario, seeds, actions[:, None, :])[WELFARE].mean(axis=1))

    last, average = evolve(job, score)
    return {"last": last, "average": average}


def evolve(job: Search, score: Callable[[int, Floats], Floats]) -> tuple[Floats, Floats]:
    """(mean of the last distribution, average of the means of the later half of generations), F64[12] each.

    Args:
        job: what is searched.
        score: (generation, actions F64[c, 12]) -> F64[c], higher is better.
    """
    from cmaes import CMA  # imported only for a search

    own = [LEVER_INDEX[name] for name in job.levers]
    bounds = np.array([job.limits.get(name, (-1.0, 1.0)) for name in job.levers])
    start = np.array(job.start)
    search = CMA(
        mean=np.clip(start[own], *bounds.T), sigma=job.effort.sigma, bounds=bounds, seed=job.seed,
        population_size=job.effort.population,
    )  # fmt: skip
    means = []
    for generation in range(job.effort.generations):
        points = np.array([search.ask() for _ in range(job.effort.population)])
        actions = np.tile(start, (len(points), 1))
        actions[:, own] = points
        scores = score(generation, actions)
        search.tell([(point, -value) for point, value in zip(points, scores, strict=True)])
        means.append(np.clip(search.mean, *bounds.T))
    last, average = start.copy(), start.copy()
    last[own], average[own] = means[-1], np.mean(means[len(means) // 2 :], axis=0)
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
    """One row per lever of the answerer: the point found, and in each row the number of episodes."""
    family = Constants(role_levers(job.answerer))
    tapes = [ResponseTapes(config, job.suite, tape_range(FIRST_SELECTION, job.count))]
    # a search picks on its own tapes; the tapes of selection remove luck with more power
    found = tune(
        family, tapes, tapes, job.budget, measure=job.answerer, held=np.array(job.held), start=np.array(job.start),
        seed=job.seed,
    )  # fmt: skip
    return {"point": found.point, "episodes": np.full(family.size, found.episodes)}


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
