"""Equilibria of a table of payoffs: pure ones by comparison, a mixed one by mixed-integer programming; and anarchy.

Nash here is that of the finite game of constant strategies on the grid, not of the dynamic game. Points are chosen on
the means over tapes; their intervals come from resampled tapes, which are the same in every cell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.statistics import Floats, Interval, percentile
from protogov.experiments.studies.rivalry.cells import WELFARE
from protogov.experiments.studies.rivalry.games import Played, lever_values

RESAMPLES = 200
# the direction of a lever in which a venue takes business from its rival: cheaper loans, laxer limits, tighter quotes
UNDERCUT = {"base_rate": -1.0, "liquidation_threshold": 1.0, "half_spread": -1.0}


@dataclass(frozen=True)
class Strategies:
    """Of both venues: F64[g] each, probabilities of the actions of the grid; a pure one is 1 at one action."""

    first: Floats
    second: Floats

    @property
    def pure(self) -> bool:
        """Whether neither venue mixes."""
        return bool(self.first.max() == 1.0 and self.second.max() == 1.0)

    def value(self, table: Floats) -> Floats:
        """Expected payoff, from F64[g, g, ...]."""
        return np.asarray(np.tensordot(self.second, np.tensordot(self.first, table, (0, 0)), (0, 0)))


def pure_at(a: int, b: int, size: int) -> Strategies:
    """The pure strategies of cell (a, b)."""
    return Strategies(np.eye(size)[a], np.eye(size)[b])


def pure_equilibria(first: Floats, second: Floats) -> list[tuple[int, int]]:
    """Cells of which no venue would move away.

    Args:
        first: F64[g, h], payoffs of venue 0, who chooses the row.
        second: the same of venue 1, who chooses the column.
    """
    best = (first == first.max(axis=0)) & (second == second.max(axis=1, keepdims=True))
    return [(int(a), int(b)) for a, b in np.argwhere(best)]


def mixed_equilibrium(first: Floats, second: Floats) -> Strategies:
    """An equilibrium in mixed strategies; every finite game has one (Nash 1951).

    A mixed-integer programme: an action is played with a probability above 0 only if its regret is 0. Source: Sandholm,
    Gilpin and Conitzer, "Mixed-integer programming methods for finding Nash equilibria" (2005), formulation 1, solved
    by HiGHS in scipy.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    scaled = [(own - own.min()) / max(float(np.ptp(own)), 1e-12) for own in (first, second.T)]  # payoffs from 0 to 1
    sizes = first.shape
    columns = sum(sizes)
    # variables: probabilities of both, then whether each action is off, then both values
    total = 2 * columns + 2
    starts = (0, sizes[0])
    rows, low, high = [], [], []

    def require(coefficients: dict[int, float], least: float, most: float) -> None:
        row = np.zeros(total)
        for at, value in coefficients.items():
            row[at] = value
        rows.append(row)
        low.append(least)
        high.append(most)

    for side in (0, 1):
        own, other, value = starts[side], starts[1 - side], 2 * columns + side
        require({own + s: 1.0 for s in range(sizes[side])}, 1.0, 1.0)
        for s in range(sizes[side]):
            expected = {other + t: -float(scaled[side][s, t]) for t in range(sizes[1 - side])}
            off = columns + own + s
            require({value: 1.0, **expected}, 0.0, np.inf)  # no action is better than the value
            require({value: 1.0, **expected, off: -1.0}, -np.inf, 0.0)  # one that is on has no regret
            require({own + s: 1.0, off: 1.0}, -np.inf, 1.0)  # one that is off is not played
    kinds = np.concatenate([np.zeros(columns), np.ones(columns), np.zeros(2)])
    found = milp(
        np.zeros(total), integrality=kinds, bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(np.array(rows), low, high),
    )  # fmt: skip
    if found.x is None:
        raise ArithmeticError(f"no equilibrium was found, although every finite game has one: {found.message}")
    parts = [np.clip(found.x[start : start + size], 0.0, None) for start, size in zip(starts, sizes, strict=True)]
    return Strategies(*(own / own.sum() for own in parts))


def regret(first: Floats, second: Floats, at: Strategies) -> float:
    """The most that a venue would gain by another action."""
    own, rival = first @ at.second, at.first @ second
    return float(max(own.max() - at.first @ own, rival.max() - rival @ at.second))


def equilibria(first: Floats, second: Floats, *, exact: bool = True) -> list[Strategies]:
    """All pure equilibria; if there is none, a mixed one.

    Args:
        first: F64[g, h], payoffs of venue 0, who chooses the row.
        second: the same of venue 1, who chooses the column.
        exact: otherwise the cell of least regret stands for a mixed one, which takes seconds to find.
    """
    pure = [pure_at(a, b, len(first)) for a, b in pure_equilibria(first, second)]
    if pure:
        return pure
    if exact:
        return [mixed_equilibrium(first, second)]
    most = np.maximum(first.max(axis=0) - first, second.max(axis=1, keepdims=True) - second)
    return [pure_at(*_best(-most), len(first))]


# ---------------------------------------------------------------------- points of a game


@dataclass(frozen=True)
class Points:
    """What is marked on a table, chosen on some tapes.

    Attributes:
        nash: equilibria of the objective.
        joint: the best cell for both governors together; of equal venues, on the diagonal.
        planner: the best cell for W of both venues.
        default: both at the defaults.
        alone: number of the best action of each venue without its rival.
    """

    nash: tuple[Strategies, ...]
    joint: Strategies
    planner: Strategies
    default: Strategies
    alone: tuple[int, int]

    def worst(self, welfare: Floats) -> Strategies:
        """The equilibrium with the least W, from F64[g, g]."""
        return min(self.nash, key=lambda one: float(one.value(welfare)))


def points_of(played: Played, objective: str, weights: Floats, *, exact: bool = True) -> Points:
    """Choose the points on the tapes, each with a weight.

    Args:
        played: the game.
        objective: a column that governors maximise.
        weights: F64[tapes], which add up to 1.
        exact: see `equilibria`.
    """
    own, both = (table @ weights for table in (played.totals[objective], played.both(objective)))
    welfare, alone = played.both(WELFARE) @ weights, played.alone[objective] @ weights
    size = len(played.actions)
    if played.game.pairing == "alike":
        at = int(np.argmax(np.diagonal(both)))
        joint = (at, at)
        welfare = np.where(np.tri(size, k=-1) > 0, -np.inf, welfare)  # (a, b) and (b, a) are the same
    else:
        joint = _best(both)
    return Points(
        tuple(equilibria(own[0], own[1], exact=exact)), pure_at(*joint, size), pure_at(*_best(welfare), size),
        pure_at(played.default, played.default, size), (int(alone[0].argmax()), int(alone[1].argmax())),
    )  # fmt: skip


def _best(table: Floats) -> tuple[int, int]:
    a, b = np.unravel_index(int(table.argmax()), table.shape)
    return int(a), int(b)


def even(tapes: int) -> Floats:
    """Equal weights."""
    return np.full(tapes, 1.0 / tapes)


def resampled(tapes: int, halves: Sequence[NDArray[np.int64]] = ()) -> Iterator[Floats]:
    """Weights of `RESAMPLES` draws of tapes with replacement, F64[tapes] each; within halves, each adds up to 1."""
    drawn = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        weights = np.zeros(tapes)
        for part in halves or [np.arange(tapes)]:
            weights += np.bincount(drawn.choice(part, part.size), minlength=tapes) / part.size
        yield weights


@dataclass(frozen=True)
class Race:
    """Where rivals end beside where a venue without a rival stands, in the unit of venue 0's lever.

    Attributes:
        alone: the best constant without a rival.
        nash: the mean over the equilibria.
        difference: nash - alone.
        stable: share of resamples in which every equilibrium of the means is one again.
    """

    alone: float
    nash: float
    difference: Interval
    stable: float

    def words(self, lever: str) -> str:
        """What it is called."""
        way = self.difference.mean * UNDERCUT[lever]
        if not self.difference.excludes_zero:
            return "no move shown"
        return "undercuts" if way > 0.0 else "softer than alone"


def race(played: Played, objective: str, side: int) -> Race:
    """How far rivalry moves the lever of one venue."""
    values = lever_values(played.game.levers[side], played.actions)
    tapes = played.totals[objective].shape[-1]

    def places(points: Points) -> tuple[float, float]:
        mixed = np.mean([(one.first, one.second)[side] @ values for one in points.nash])
        return float(values[points.alone[side]]), float(mixed)

    first = points_of(played, objective, even(tapes))
    alone, nash = places(first)
    wanted = {(int(one.first.argmax()), int(one.second.argmax())) for one in first.nash if one.pure}
    found, again = [], 0
    for weights in resampled(tapes):
        points = points_of(played, objective, weights, exact=False)
        at, between = places(points)
        found.append(between - at)
        have = {(int(one.first.argmax()), int(one.second.argmax())) for one in points.nash if one.pure}
        again += bool(wanted) and wanted <= have
    return Race(alone, nash, percentile(nash - alone, found, tapes), again / RESAMPLES)


@dataclass(frozen=True)
class Anarchy:
    """The price of anarchy in W of both venues [bp of their common K0 per episode].

    Points are chosen on one half of the tapes and paid on the other, both ways round: the best of many cells looks
    better on the tapes on which it was chosen. Where there is no pure equilibrium on half of the tapes, the cell of
    least regret counts as one.

    Attributes:
        lost: W of the planner less W of the worst equilibrium.
        share: the same, as a share of what the planner gains over the defaults; nan if the planner gains nothing.
        planner: what the planner gains over the defaults.
    """

    lost: Interval
    share: Interval
    planner: Interval

    @property
    def words(self) -> str:
        """Whether there is a price at all."""
        if not self.planner.low > 0.0:
            return "planner not found: no cell is clearly better than the defaults on other tapes"
        return "a price" if self.lost.excludes_zero else "no price shown"


def anarchy(played: Played, objective: str) -> Anarchy:
    """Choose and pay on different halves of the tapes; intervals by resampling tapes within the halves."""
    tapes = played.totals[objective].shape[-1]
    halves = [np.arange(tapes // 2), np.arange(tapes // 2, tapes)]
    welfare = played.both(WELFARE)

    def once(weights: Floats) -> tuple[float, float]:
        lost, gained = [], []
        for chosen, paid in ((0, 1), (1, 0)):
            on, off = np.zeros((2, tapes))
            on[halves[chosen]], off[halves[paid]] = weights[halves[chosen]], weights[halves[paid]]
            points, table = points_of(played, objective, on, exact=False), welfare @ off
            best, worst = points.planner.value(table), points.worst(welfare @ on).value(table)
            lost.append(float(best - worst))
            gained.append(float(best - points.default.value(table)))
        return float(np.mean(lost)), float(np.mean(gained))

    middle = once(np.concatenate([even(half.size) for half in halves]))
    drawn = np.array([once(weights) for weights in resampled(tapes, halves)])
    planner = percentile(middle[1], drawn[:, 1], tapes)
    share = Interval(nan, nan, nan, tapes)
    if planner.low > 0.0:
        share = percentile(middle[0] / middle[1], drawn[:, 0] / drawn[:, 1], tapes)
    return Anarchy(percentile(middle[0], drawn[:, 0], tapes), share, planner)
