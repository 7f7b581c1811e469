"""W for other weights of losses: does a comparison depend on the weights?

W is linear in lambda, the weight of haircuts, open deficit and latent losses, and in kappa, the weight of liquidation
costs:

    W(lambda, kappa) = rest - lambda * (haircuts + deficit + latent) - kappa * liquidation

with the losses before their weights (columns `loss/v/...` of an evaluation). A difference of two governors is therefore
a plane over the box lambda 1-5 x kappa 0-1. It is zero on a straight line. The points at which that line leaves the
box show where the order of the two changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.statistics import Interval, cluster_means, student_t
from protogov.experiments.core.tables import Table
from protogov.experiments.core.venues import all_venues, venues_of

LAMBDAS, KAPPAS = (1.0, 2.0, 3.0, 5.0), (0.0, 0.5, 1.0)
BY_LAMBDA, BY_KAPPA = ("haircuts", "deficit", "latent"), ("liquidation",)
WEIGHED = (*BY_LAMBDA, *BY_KAPPA)  # parts of W that hold a weight of the box
BOX = f"lambda {LAMBDAS[0]:g}-{LAMBDAS[-1]:g} x kappa {KAPPAS[0]:g}-{KAPPAS[-1]:g}"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """A number that is linear in both weights [bp of K0 per episode]: `rest` - lambda * `losses` - kappa * `taken`."""

    rest: float
    losses: float
    taken: float

    def at(self, loss_weight: float, liquidation_weight: float) -> float:
        """Its value at lambda and kappa."""
        return self.rest - loss_weight * self.losses - liquidation_weight * self.taken

    def less(self, other: "Plane") -> "Plane":
        """The difference of two planes."""
        return Plane(self.rest - other.rest, self.losses - other.losses, self.taken - other.taken)

    @property
    def corners(self) -> tuple[float, ...]:
        """Its values at the corners of the box."""
        return tuple(self.at(*weights) for weights in product((LAMBDAS[0], LAMBDAS[-1]), (KAPPAS[0], KAPPAS[-1])))

    @property
    def turns(self) -> tuple[tuple[float, float], ...]:
        """(lambda, kappa) of the points on the box's edges where its sign changes: two, or none."""
        if min(self.corners) >= 0.0 or max(self.corners) <= 0.0:
            return ()
        found = set()
        for kappa in (KAPPAS[0], KAPPAS[-1]):
            low, high = self.at(LAMBDAS[0], kappa), self.at(LAMBDAS[-1], kappa)
            if low * high <= 0.0 and low != high:
                found.add((LAMBDAS[0] + (LAMBDAS[-1] - LAMBDAS[0]) * low / (low - high), kappa))
        for weight in (LAMBDAS[0], LAMBDAS[-1]):
            low, high = self.at(weight, KAPPAS[0]), self.at(weight, KAPPAS[-1])
            if low * high <= 0.0 and low != high:
                found.add((weight, KAPPAS[0] + (KAPPAS[-1] - KAPPAS[0]) * low / (low - high)))
        return tuple(sorted(found))


@dataclass(frozen=True)
class Box:
    """A paired difference of W over the box.

    Attributes:
        mean: mean of the difference.
        grid: its interval over tapes (or recordings) at each of `LAMBDAS` (outer) and `KAPPAS` (inner).
    """

    mean: Plane
    grid: tuple[tuple[Interval, ...], ...]

    @property
    def clear(self) -> int:
        """Points of the grid at which the interval excludes zero."""
        return sum(found.excludes_zero for row in self.grid for found in row)

    @property
    def points(self) -> int:
        """Points of the grid."""
        return sum(len(row) for row in self.grid)


@dataclass(frozen=True)
class Turn:
    """Two governors whose order by mean W changes within the box.

    Attributes:
        first, second: their names; the first is ahead at the lowest lambda and kappa.
        at: (lambda, kappa) of the points on the edges where the order changes.
    """

    first: str
    second: str
    at: tuple[tuple[float, float], ...]


def planes(table: Table, parts: Sequence[str]) -> Floats:
    """rest, losses and taken of every row of an evaluation, F64[3, n] bp of K0; of two venues by their K0.

    Args:
        table: of `protogov.experiments.core.evaluation`.
        parts: names of all parts of W.
    """

    def total(prefix: str, names: Sequence[str]) -> Floats:
        own = [np.sum([table[f"{prefix}/{v}/{name}"] for name in names], axis=0) for v in venues_of(table)]
        return all_venues(table, own)

    rest = total("welfare", [part for part in parts if part not in WEIGHED])
    return np.stack([rest, total("loss", BY_LAMBDA), total("loss", BY_KAPPA)])


def over_the_box(paired: Floats, clusters: NDArray[np.str_]) -> Box:
    """The box of a paired difference.

    Args:
        paired: rest, losses and taken of each tape minus the baseline's, F64[3, tapes].
        clusters: label of each tape, as in `cluster_means`.
    """
    rest, losses, taken = (cluster_means(row, clusters) for row in paired)
    grid = tuple(tuple(student_t(rest - weight * losses - kappa * taken) for kappa in KAPPAS) for weight in LAMBDAS)
    return Box(Plane(float(rest.mean()), float(losses.mean()), float(taken.mean())), grid)


def turning_pairs(planes_by_name: dict[str, Plane]) -> list[Turn]:
    """Pairs of governors whose order by mean W changes within the box.

    Args:
        planes_by_name: governor -> mean difference of its W to one baseline, on the same tapes.
    """
    found = []
    for one, other in combinations(planes_by_name, 2):
        difference = planes_by_name[one].less(planes_by_name[other])
        if difference.turns:
            ahead = difference.at(LAMBDAS[0], KAPPAS[0]) > 0.0
            found.append(Turn(one if ahead else other, other if ahead else one, difference.turns))
    return found
