"""What does W lose if a lever is kept within +-.8 instead of moving freely? The other levers are tuned both times.

The results of all searches of a suite form one pool, with copies whose lever is set to its edge and to the nearer
+-.8. The best on tapes of selection are the suite's free constants; the best with the lever within +-.8 are its kept
constants. A search with the lever kept is skipped if the tuned constants already keep it; a search with the lever at
its edge is skipped if they already have it there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.experiments.core.fresh_tapes import Effort
from protogov.experiments.core.statistics import Floats, Interval
from protogov.experiments.studies.audit.claims import PROMISING, difference, play_claims
from protogov.experiments.studies.audit.plan import Audit, Sizes
from protogov.experiments.studies.audit.play import (
    LEVER_NAMES,
    WELFARE,
    Totals,
    as_points,
    picking,
    scoring,
    unique_points,
)
from protogov.experiments.studies.audit.search import Search, search_all

EDGE, WITHIN = 0.9, 0.8  # an action beyond the first is at an edge if no action within the second is as good
SIGMA = 0.2  # first step of these searches: they start at tuned constants, which are near
FIRST_AGAIN = 16  # seed of these searches: beyond those of `tuned`
SEARCHES = 3  # searches of a lever that may lose, each with its own tapes; other levers have one
Key = tuple[str, str]  # (suite, lever)


@dataclass(frozen=True)
class Contest:
    """The best constants with a free lever, and the best with the lever kept within +-.8.

    Attributes:
        free: F64[12] actions of the former.
        kept: F64[12] actions of the latter.
        searches: on each side that was searched; 0 if nothing suggests that the lever is at an edge. Then there is no
            contest: both are the best of all.
        loss: of W by keeping the lever; None if the best of all keeps it.
    """

    free: Floats
    kept: Floats
    searches: int
    loss: Interval | None = None

    @property
    def differ(self) -> bool:
        """Whether the best of all is not within +-.8 itself."""
        return not np.array_equal(self.free, self.kept)


def hold_contests(
    audit: Audit, sizes: Sizes, tuned: Mapping[str, Floats], edges: Mapping[Key, float]
) -> dict[Key, Contest]:
    """A contest of every lever of every suite.

    Args:
        audit: the world, and how it is played.
        sizes: of the searches with a lever kept or held, of picking, and of the losses.
        tuned: suite -> F64[12], start of the searches.
        edges: (suite, lever) -> -1 or 1, the edge at which the lever may be best; a lever that a search moves beyond
            .9 is added.
    """
    sides, tried = dict(edges), dict.fromkeys(edges, 1)
    while True:
        contests = _pick(audit, sizes, tuned, sides, tried)
        new = {}
        for key, contest in contests.items():
            action = float(contest.free[LEVER_NAMES.index(key[1])])
            if key not in tried and abs(action) > EDGE:
                new[key] = float(np.sign(action))
        if not new:
            losses = _losses(audit, sizes, contests, claim=sizes.num_seeds)
            close = [key for key, loss in losses.items() if loss.z > PROMISING and tried.get(key) == 1]
            if not close:
                break
            tried |= dict.fromkeys(close, SEARCHES)
        sides |= new
        tried |= dict.fromkeys(new, 1)
    losses = _losses(audit, sizes, contests, claim=sizes.claim_seeds)
    return {key: replace(contest, loss=losses.get(key)) for key, contest in contests.items()}


def lever_searches(suite: str, lever: str, tuned: Floats, side: float, again: Effort, count: int) -> list[Search]:
    """Searches with the lever kept within +-.8 or held at its edge, unless the tuned constants already are so."""
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
    edge[:, number], inside[:, number] = side, np.clip(points[:, number], -WITHIN, WITHIN)
    return unique_points(np.concatenate([points, edge, inside]))


def pick_sides(pool: Floats, means: Floats, lever: str) -> tuple[Floats, Floats]:
    """(the best of all, the best with the lever within +-.8) of candidates F64[c, 12] with mean W F64[c]."""
    inside = np.abs(pool[:, LEVER_NAMES.index(lever)]) <= WITHIN
    return pool[int(means.argmax())], pool[int(np.where(inside, means, -np.inf).argmax())]


def _pick(
    audit: Audit, sizes: Sizes, tuned: Mapping[str, Floats], sides: Mapping[Key, float], tried: Mapping[Key, int]
) -> dict[Key, Contest]:
    """Search, and pick both sides of every contest from the results of all searches of a suite."""
    again = replace(sizes.effort, sigma=SIGMA)
    jobs = {key: lever_searches(*key, tuned[key[0]], sides[key], again, count) for key, count in tried.items()}
    found = iter(search_all(audit.config, [job for some in jobs.values() for job in some], audit.how, "optima: again"))
    # one pool per lever: one more lever does not change the pieces of the others
    pools = {(suite, ""): point[None, :] for suite, point in tuned.items()}
    for key, some in jobs.items():
        points = [tuned[key[0]], *(end for _ in some for end in next(found))]
        pools[key] = snapped(np.array(points), key[1], sides[key])
    asked = {"/".join(key): picking(key[0], pool, sizes.pick_seeds) for key, pool in pools.items()}
    played = audit.play(asked, "optima: picking")
    contests = {}
    for suite in tuned:
        own = [key for key in pools if key[0] == suite]
        pool = np.concatenate([pools[key] for key in own])
        means = np.concatenate([played["/".join(key)][WELFARE].mean(axis=1) for key in own])
        for lever in LEVER_NAMES:
            searches = tried.get((suite, lever), 0)
            free, kept = pick_sides(pool, means, lever)
            contests[suite, lever] = Contest(free, kept if searches else free, searches)
    return contests


def _losses(audit: Audit, sizes: Sizes, contests: Mapping[Key, Contest], claim: int) -> dict[Key, Interval]:
    """The loss by keeping the lever, for contests with two sides."""
    two = {key: one for key, one in contests.items() if one.differ}
    points = {
        suite: as_points(unique_points([side for key, one in two.items() if key[0] == suite
                                        for side in (one.free, one.kept)]))
        for suite in dict.fromkeys(suite for suite, _ in two)
    }  # fmt: skip
    pairs = {
        (suite, lever): tuple(points[suite].index(as_points(side)[0]) for side in (one.free, one.kept))
        for (suite, lever), one in two.items()
    }

    def second_stage(suite: str, totals: Sequence[Totals]) -> set[int]:
        own = [pair for (at, _), pair in pairs.items() if at == suite]
        return {at for pair in own if difference(totals, WELFARE, *pair).z > PROMISING for at in pair}

    asked = {suite: scoring(suite, some, sizes.num_seeds) for suite, some in points.items()}
    played = play_claims(audit.config, asked, claim, second_stage, audit.how, "optima: claim")
    return {key: difference(played[key[0]], WELFARE, *pair) for key, pair in pairs.items()}
