"""What the study plays: searches on fresh tapes, and points on tapes that no search sees, each a piece of its own.

Candidates are picked on some tapes and scored on others. What was found for one market may well do in another: a choice
between several markets' constants has tapes of its own again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.agents.baselines.linear_feedback import WEIGHTS
from protogov.agents.tuning.evolution import Way, evolve
from protogov.agents.tuning.networks import Networks
from protogov.agents.tuning.objective import WELFARE, Constants, Linear, open_tapes, role_levers
from protogov.agents.tuning.strategy import ascend
from protogov.envs.config import WorldConfig
from protogov.experiments.core.fresh_tapes import FIRST_PICKING, Effort, search_tapes
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import FIRST_SCORING
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table

LEVERS = role_levers("joint")
SHARES = (0.125, 0.25, 0.5, 1.0)  # of a search's generations after which its way is looked at
CHUNK = 2048  # about so many episodes are a piece
# purpose -> (seed of the first tape, tapes)
TAPES = {"picking": (FIRST_PICKING, 512), "choice": (FIRST_PICKING + 2**16, 256), "scoring": (FIRST_SCORING, 1024)}


@dataclass(frozen=True)
class Kind:
    """A family of governors, and how it is searched.

    Attributes:
        make: the family of all levers in a world.
        start: (family, actions of constants F64[levers]) -> the member that stands still there, F64[size].
        times: generations, candidates a generation and tapes a generation, over those of a search of constants.
        sigma: first step of CMA-ES; of a strategy the distance of its pairs.
        strategy: searched by the strategy of pairs: there are too many parameters for CMA-ES.
    """

    make: Callable[[WorldConfig], Any]
    start: Callable[[Any, Floats], Floats]
    times: tuple[float, float, float]
    sigma: float
    strategy: bool = False


CONSTANTS, LINEAR, NETWORK = "constants", "linear", "network"
# rules and networks start at tuned constants and must not leap away from them
FAMILIES = {
    CONSTANTS: Kind(lambda config: Constants(LEVERS), lambda family, actions: actions, (1, 1, 1), 0.35),
    LINEAR: Kind(lambda config: Linear(LEVERS), lambda family, actions: linear_start(actions), (1 / 3, 2, 2), 0.12),
    NETWORK: Kind(
        Networks,
        lambda family, actions: family.start(actions[[LEVERS.index(name) for name in family.levers]]),
        (4 / 3, 2, 0.5),
        0.05,
        strategy=True,
    ),
}


@dataclass(frozen=True)
class Search:
    """One search.

    Attributes:
        scenario: whose tapes it plays.
        kind: name of the family.
        number: of the search, from 1 on; it seeds the search and chooses its tapes.
        effort: what it spends.
        start: F64[size] parameters at which it starts.
        selfish: every governor climbs its own mandate instead of W; only where a strategy searches.
        rule: F64[4 * levers] weights of the linear rule to which networks add; empty: they stand alone.
    """

    scenario: str
    kind: str
    number: int
    effort: Effort
    start: tuple[float, ...]
    selfish: bool = False
    rule: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a rule that the family would ignore."""
        if self.rule and self.kind != NETWORK:
            raise ValueError(f"a search of the family {self.kind} has a rule; it is accepted for {NETWORK} alone.")


@dataclass(frozen=True)
class Points:
    """Members of a family on some tapes of a scenario: the first tape's seed, and how many."""

    scenario: str
    kind: str
    points: tuple[tuple[float, ...], ...]
    first: int
    count: int


@dataclass(frozen=True)
class Offer:
    """What a search offers.

    Attributes:
        ends: F64[2, size]: the last mean, and the average of the later half of all means.
        way: F64[4, size]: that average after each of `SHARES` of the generations.
    """

    ends: Floats
    way: Floats


def effort_of(kind: str, generations: int, population: int, tapes: int) -> Effort:
    """What a search of this family spends where one of constants has these sizes."""
    sizes = zip((generations, population, tapes), FAMILIES[kind].times, strict=True)
    generations, population, tapes = (max(round(size * times), 1) for size, times in sizes)
    return Effort(generations, population, tapes, FAMILIES[kind].sigma)


def linear_start(constants: Floats) -> Floats:
    """Weights of the rule that stands at these constants, F64[4 * levers]."""
    weights = np.zeros((len(LEVERS), WEIGHTS))
    weights[:, 0] = constants
    return weights.ravel()


def networks_around(config: WorldConfig, weights: Floats) -> Networks:
    """Networks that add to the linear rule of these weights, F64[4 * levers] or F64[levers, 4]."""
    rows = np.reshape(weights, (len(LEVERS), WEIGHTS)).tolist()
    return Networks(config, dict(zip(LEVERS, rows, strict=True)))


def family_of(config: WorldConfig, job: Search) -> Any:
    """What a search searches: a family, or networks around its rule."""
    return networks_around(config, np.array(job.rule)) if job.rule else FAMILIES[job.kind].make(config)


def search_all(config: WorldConfig, jobs: Sequence[Search], how: Running) -> list[Offer]:
    """What each search offers."""
    pieces = [Piece(f"search_{job.scenario}_{job.kind}_{job.number}", job) for job in jobs]
    label = f"{jobs[0].kind}: searches" if jobs else ""
    tables = run_pieces(search_piece, config, pieces, how, label) if jobs else []
    return [offer_of(table) for table in tables]


def fresh_scores(
    config: WorldConfig, scenario: str, number: int, effort: Effort, family: Any, roles: Iterable[str] = ()
) -> Callable[[int, Floats], Floats]:
    """Function of (generation, points F64[c, size]) of search `number`, which plays the generation's fresh tapes.

    It returns W, F64[1, c], or with roles each one's mandate, F64[roles, c].
    """
    tapes = search_tapes(number, effort)

    def score(generation: int, points: Floats) -> Floats:
        (own,) = open_tapes(config, [scenario], tapes[generation * effort.tapes], effort.tapes)
        totals = own.play(family, points).totals
        return np.array([totals[name].mean(axis=1) for name in tuple(roles) or (WELFARE,)])

    return score


def climb(config: WorldConfig, scenario: str, number: int, effort: Effort, family: Any, start: Floats) -> Way:
    """The way of CMA-ES with seed `number`, for W, on fresh tapes."""
    score = fresh_scores(config, scenario, number, effort, family)
    return evolve(start, effort.budget, lambda *generation: score(*generation)[0], seed=number)


def offered(way: Way) -> Table:
    """A row a parameter of what a way offers: columns "last", "average", and "after_" each of `SHARES`."""
    found = {"last": way.last, "average": way.average}
    return found | {f"after_{share:g}": way.average_after(max(round(share * len(way.means)), 1)) for share in SHARES}


def offer_of(table: Table) -> Offer:
    """What a piece of a search offers."""
    return Offer(np.array([table["last"], table["average"]]), np.array([table[f"after_{share:g}"] for share in SHARES]))


def search_piece(config: WorldConfig, job: Search) -> Table:
    """A row a parameter of what the search offers: columns "last", "average", and "after_" each share of its way."""
    kind, family, start = FAMILIES[job.kind], family_of(config, job), np.array(job.start)
    if kind.strategy:
        score = fresh_scores(config, job.scenario, job.number, job.effort, family, config.roles if job.selfish else ())
        owners = tuple(family.sizes.values()) if job.selfish else ()
        way = ascend(start, job.effort.pairs, score, seed=job.number, owners=owners)
    else:
        way = climb(config, job.scenario, job.number, job.effort, family, start)
    found = offered(way)
    if not kind.strategy:
        # levers that nobody holds here have no effect and would only drift
        held = {lever for role in config.roles.values() for lever in role.levers}
        inert = np.repeat([name not in held for name in LEVERS], start.size // len(LEVERS))
        found = {name: np.where(inert, start, point) for name, point in found.items()}
    return found


def play_all(
    config: WorldConfig, groups: Sequence[tuple[str, str, Floats]], purpose: str, tapes: int, how: Running
) -> list[Floats]:
    """W of every point on every tape, F64[points, tapes] for each group.

    Args:
        config: the world.
        groups: (scenario, family, points F64[c, size]) of each.
        purpose: a key of `TAPES`.
        tapes: at most; 0 for those of the purpose.
        how: processes, and where finished pieces are kept.
    """
    first, count = TAPES[purpose]
    count = min(tapes or count, count)
    pieces, counts = [], []
    for scenario, kind, points in groups:
        each = max(CHUNK // count, 1)
        parts = [points[at : at + each] for at in range(0, len(points), each)]
        counts.append(len(parts))
        pieces += [
            Piece(f"{purpose}_{scenario}_{kind}",
                  Points(scenario, kind, tuple(tuple(map(float, point)) for point in part), first, count))
            for part in parts
        ]  # fmt: skip
    tables = iter(run_pieces(play_piece, config, pieces, how, f"tune: {purpose}"))
    return [np.concatenate([next(tables)[WELFARE] for _ in range(parts)]).reshape(-1, count) for parts in counts]


def play_piece(config: WorldConfig, job: Points) -> Table:
    """A row a point and tape, point by point: W [bp of K0]."""
    (tapes,) = open_tapes(config, [job.scenario], job.first, job.count)
    return {WELFARE: tapes.play(FAMILIES[job.kind].make(config), np.array(job.points)).totals[WELFARE].ravel()}
