"""A lever anywhere against the same lever kept within +-.8, the others tuned both times: what does keeping it lose?

All that any search of a suite found is one pool, with copies whose lever is set to its edge and to the nearer +-.8. Its
best on tapes of selection are the suite's free constants; the best with a lever within +-.8 are that lever's kept ones.
A search with the lever kept is spared where the tuned constants keep it themselves, one with it held at its edge where
they hold it there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.audit.claims import Totals, difference, play_claims
from protogov.experiments.audit.measurement import (
    FIRST_SCORING,
    FIRST_SELECTION,
    PICKING,
    PROMISING,
    Floats,
    Paired,
)
from protogov.experiments.audit.playing import WELFARE, Play, as_points, play_pieces_of, unique_points
from protogov.experiments.audit.running import Piece, Running, run_pieces
from protogov.experiments.audit.searching import Effort, Search, offers, search_piece
from protogov.experiments.audit.tuned import LEVER_NAMES

EDGE, WITHIN = 0.9, 0.8  # an action beyond the one is at an edge if none up to the other does as well
AGAIN = Effort(generations=32, population=11, tapes=32, sigma=0.2)  # as `tuned`, from its constants on, which are near
FIRST_AGAIN = 16  # seed of these searches: beyond those of `tuned`
SEARCHES = 3  # of a lever whose loss may be one, each of its own tapes; one of the others
Key = tuple[str, str]  # (suite, lever)


@dataclass(frozen=True)
class Plan:
    """What a contest spends.

    Attributes:
        again: of each search with a lever kept or held.
        pick_seeds: tapes on which the pool is picked from.
        first_seeds: scoring tapes on which is seen whether a loss may be one.
        claim_seeds: of the loss itself.
    """

    again: Effort
    pick_seeds: int
    first_seeds: int
    claim_seeds: int


@dataclass(frozen=True)
class Contest:
    """The best constants with a lever anywhere against the best with it kept within +-.8.

    Attributes:
        free: F64[12] actions of the one.
        kept: of the other.
        searches: on each side that was searched; 0 for a lever that nothing suggests to be at an edge, which has no
            contest: both are the best of all.
        loss: of W by keeping it; None where the best of all keeps it.
    """

    free: Floats
    kept: Floats
    searches: int
    loss: Paired | None = None

    @property
    def differ(self) -> bool:
        """Whether the best of all is not within +-.8 itself."""
        return not np.array_equal(self.free, self.kept)


def hold_contests(
    config: WorldConfig, tuned: Mapping[str, Floats], edges: Mapping[Key, float], plan: Plan, how: Running
) -> dict[Key, Contest]:
    """A contest of every lever of every suite.

    Args:
        config: one venue.
        tuned: suite -> F64[12], from where searches start.
        edges: (suite, lever) -> -1 or 1, the edge that the lever may be best at; further ones are added where what is
            found has others beyond .9.
        plan: see `Plan`.
        how: processes, and where finished pieces are kept.
    """
    sides, tried = dict(edges), dict.fromkeys(edges, 1)
    while True:
        contests = _pick(config, tuned, sides, tried, plan, how)
        new = {
            key: float(np.sign(contest.free[LEVER_NAMES.index(key[1])]))
            for key, contest in contests.items()
            if key not in tried and abs(contest.free[LEVER_NAMES.index(key[1])]) > EDGE
        }
        if not new:
            losses = _losses(config, contests, plan, how, claim=False)
            close = [key for key, loss in losses.items() if loss.z > PROMISING and tried.get(key) == 1]
            if not close:
                break
            tried |= dict.fromkeys(close, SEARCHES)
        sides |= new
        tried |= dict.fromkeys(new, 1)
    losses = _losses(config, contests, plan, how, claim=True)
    return {key: Contest(one.free, one.kept, one.searches, losses.get(key)) for key, one in contests.items()}


def lever_searches(suite: str, lever: str, tuned: Floats, side: float, again: Effort, count: int) -> list[Search]:
    """With the lever kept within +-.8, and of the others with it held at its edge, as far as tuned does not do so."""
    number = LEVER_NAMES.index(lever)
    first = FIRST_AGAIN + SEARCHES * number
    kept, held = tuned.copy(), tuned.copy()
    kept[number], held[number] = np.clip(tuned[number], -WITHIN, WITHIN), side
    others = tuple(name for name in LEVER_NAMES if name != lever)
    jobs = []
    for seed in range(first, first + count):
        if abs(tuned[number]) > WITHIN:
            jobs.append(Search(suite, LEVER_NAMES, again, seed, as_points(kept)[0], {lever: (-WITHIN, WITHIN)}))
        if abs(tuned[number]) <= EDGE:
            jobs.append(Search(suite, others, again, seed, as_points(held)[0]))
    return jobs


def snapped(points: Floats, lever: str, side: float) -> Floats:
    """The points, and copies of each with the lever at its edge and at the nearer of +-.8: F64[c, 12]."""
    number = LEVER_NAMES.index(lever)
    edge, inside = points.copy(), points.copy()
    edge[:, number] = side
    inside[:, number] = np.where(
        np.abs(points[:, number]) > WITHIN, WITHIN * np.sign(points[:, number]), points[:, number]
    )
    return unique_points(np.concatenate([points, edge, inside]))


def pick_sides(pool: Floats, means: Floats, lever: str) -> tuple[Floats, Floats]:
    """(the best of all, the best with the lever within +-.8) of candidates F64[c, 12] with mean W F64[c]."""
    inside = np.abs(pool[:, LEVER_NAMES.index(lever)]) <= WITHIN
    return pool[int(means.argmax())], pool[int(np.where(inside, means, -np.inf).argmax())]


def _pick(
    config: WorldConfig,
    tuned: Mapping[str, Floats],
    sides: Mapping[Key, float],
    tried: Mapping[Key, int],
    plan: Plan,
    how: Running,
) -> dict[Key, Contest]:
    """Search what is to be tried, and pick both sides of every contest from all that a suite's searches found."""
    jobs = {key: lever_searches(*key, tuned[key[0]], sides[key], plan.again, tried[key]) for key in tried}
    pieces = [Piece(f"optima_{job.suite}_{key[1]}_{job.seed}", job) for key, some in jobs.items() for job in some]
    found = iter(run_pieces(search_piece, config, pieces, how, "optima: searches"))
    # a pool a lever, so that one more lever leaves the pieces of the others as they are
    pools = {f"{suite}/": point[None, :] for suite, point in tuned.items()}
    for (suite, lever), some in jobs.items():
        points = [tuned[suite], *(end for _ in some for end in offers(next(found)))]
        pools[f"{suite}/{lever}"] = snapped(np.array(points), lever, sides[suite, lever])
    asked = {
        name: Play(name.partition("/")[0], as_points(pool), FIRST_SELECTION + PICKING, plan.pick_seeds)
        for name, pool in pools.items()
    }
    played = play_pieces_of(config, asked, how, "optima: picking")
    contests = {}
    for suite in tuned:
        own = [name for name in pools if name.partition("/")[0] == suite]
        pool = np.concatenate([pools[name] for name in own])
        means = np.concatenate([played[name][f"{WELFARE}/0"].mean(axis=1) for name in own])
        for lever in LEVER_NAMES:
            searches = tried.get((suite, lever), 0)
            free, kept = pick_sides(pool, means, lever)
            contests[suite, lever] = Contest(free, kept if searches else free, searches)
    return contests


def _losses(
    config: WorldConfig, contests: Mapping[Key, Contest], plan: Plan, how: Running, claim: bool
) -> dict[Key, Paired]:
    """What keeping the lever loses, of those contests that have two sides."""
    two = {key: one for key, one in contests.items() if one.differ}
    points: dict[str, Floats] = {}
    for (suite, _), one in two.items():
        before = [points[suite]] if suite in points else []
        points[suite] = unique_points(np.vstack([*before, one.free, one.kept]))
    row = {(suite, of): at for suite, some in points.items() for at, of in enumerate(as_points(some))}
    pairs = {
        (suite, lever): (row[suite, as_points(one.free)[0]], row[suite, as_points(one.kept)[0]])
        for (suite, lever), one in two.items()
    }
    column = f"{WELFARE}/0"

    def goes_on(suite: str, totals: Sequence[Totals]) -> set[int]:
        own = [pair for (at, _), pair in pairs.items() if at == suite]
        return {at for pair in own if difference(totals, column, *pair).z > PROMISING for at in pair}

    asked = {
        suite: Play(suite, as_points(some), FIRST_SCORING, plan.first_seeds) for suite, some in points.items()
    }  # fmt: skip
    tapes = plan.claim_seeds if claim else plan.first_seeds
    played = play_claims(config, asked, tapes, goes_on, how, "optima: claim")
    return {key: difference(played[key[0]], column, *pair) for key, pair in pairs.items()}
