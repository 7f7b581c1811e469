"""Constants by CMA-ES on fresh tapes every generation: what is found cannot be the luck of a few tapes.

Hansen, "The CMA evolution strategy: a tutorial" (2016), by the library cmaes. All candidates of a generation play the
same tapes, the next generation others. A search ends with its budget: over other tapes a generation's mean says little
of whether there is more to gain. What it offers is the mean of its last distribution and the average of the means of
the second half of its generations; who picks does so on tapes of selection that no search has seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.audit.measurement import FIRST_SELECTION, PICKING, Floats
from protogov.experiments.audit.playing import WELFARE, Actions, play_constants, tape_range
from protogov.experiments.audit.suites import find_suite
from protogov.experiments.core.tables import Table

STRIDE = 2**14  # tapes between those of two search seeds: searches of one suite share none


@dataclass(frozen=True)
class Effort:
    """What a search spends.

    Attributes:
        generations: of the search.
        population: candidates a generation, at least 4.
        tapes: fresh ones a generation.
        sigma: first step, in actions.
    """

    generations: int
    population: int
    tapes: int
    sigma: float = 0.35

    @property
    def distinct(self) -> int:
        """Tapes that a search sees."""
        return self.generations * self.tapes

    @property
    def episodes(self) -> int:
        """That a search plays."""
        return self.distinct * self.population


@dataclass(frozen=True)
class Search:
    """One search for constants that are best in W.

    Attributes:
        suite: what is drawn from.
        levers: that are searched; the others stand at `start`.
        effort: see `Effort`.
        seed: of the search and of its tapes.
        start: actions of all twelve levers; the defaults by default.
        limits: lever -> (least, most) action, of those that are not free to move from -1 to 1.
    """

    suite: str
    levers: tuple[str, ...]
    effort: Effort
    seed: int
    start: Actions = (0.0,) * len(LEVERS)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)


def search_tapes(job: Search) -> range:
    """Seeds of all tapes that the search sees, in their order."""
    first = FIRST_SELECTION + job.seed * STRIDE
    if job.effort.distinct > STRIDE or (job.seed + 1) * STRIDE > PICKING:
        raise ValueError(
            f"a search of seed {job.seed} sees {job.effort.distinct} tapes; at most {STRIDE} tapes and seeds below "
            f"{PICKING // STRIDE} are accepted."
        )
    return range(first, first + job.effort.distinct)


def search_piece(config: WorldConfig, job: Search) -> Table:
    """A row a lever of what the search offers: "last" and "average" actions of all twelve levers."""
    scenario, tapes = find_suite(job.suite), search_tapes(job)

    def score(generation: int, actions: Floats) -> Floats:
        seeds = tape_range(tapes[generation * job.effort.tapes], job.effort.tapes)
        totals = play_constants(config, scenario, seeds, actions[:, None, :])
        return np.asarray(totals[f"{WELFARE}/0"].mean(axis=1))

    last, average = evolve(job, score)
    return {"last": last, "average": average}


def evolve(job: Search, score: Callable[[int, Floats], Floats]) -> tuple[Floats, Floats]:
    """(mean of the last distribution, average of the means of the later half of generations), F64[12] each.

    Args:
        job: what is searched.
        score: of (generation, actions F64[c, 12]), the higher the better, F64[c].
    """
    from cmaes import CMA  # only where something is searched

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
    ends = []
    for mean in (means[-1], np.mean(means[len(means) // 2 :], axis=0)):
        end = start.copy()
        end[own] = mean
        ends.append(end)
    return ends[0], ends[1]


def offers(table: Table) -> list[Floats]:
    """What `search_piece` offers, F64[12] each."""
    return [table["last"], table["average"]]


def total_episodes(jobs: Sequence[Search]) -> int:
    """That all searches play."""
    return sum(job.effort.episodes for job in jobs)
