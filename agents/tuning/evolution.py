"""CMA-ES: one search, on the same tapes in every generation or on new ones.

Source: Hansen, "The CMA evolution strategy: a tutorial" (2016), by the library cmaes. All candidates of a generation
play the same tapes, so their differences are paired. With the same tapes in all generations, a search ends when there
is no more to gain on them, and its result partly fits these tapes by luck. With new tapes in every generation it cannot
fit them. A generation's mean then says little, and the search ends with its budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """How much a search may compute, and when it ends.

    Attributes:
        generations: largest number of generations.
        population: candidates in a generation, at least 4.
        sigma: first step size, in units of an action.
        plateau: the search ends after this many generations without a gain of `tolerance`; None: only the budget ends
            it.
        tolerance: smallest gain of a generation's mean that counts [bp of K0].
        narrow: the search ends at a smaller step size, in units of an action; not used if `plateau` is None.
    """

    generations: int = 40
    population: int = 12
    sigma: float = 0.35
    plateau: int | None = 10
    tolerance: float = 0.05
    narrow: float = 0.02


@dataclass
class Way:
    """The course of a search.

    Attributes:
        means: mean of the distribution after each generation, F64[size] each.
        scores: mean score of each generation's candidates.
        best: candidate with the best score in the last generation, F64[size].
        stopped: why the search ended.
    """

    means: list[Floats] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best: Floats = field(default_factory=lambda: np.zeros(0))
    stopped: Literal["budget", "narrow", "plateau"] = "budget"

    @property
    def last(self) -> Floats:
        """The last mean, F64[size]."""
        return self.means[-1]

    @property
    def average(self) -> Floats:
        """Average of the means of the second half of all generations, F64[size]; it has less noise than the last."""
        return self.average_after(len(self.means))

    def average_after(self, generations: int) -> Floats:
        """The average that a search of this many generations would have had, F64[size]."""
        return np.asarray(np.mean(self.means[generations // 2 : generations], axis=0))


def evolve(
    start: Floats,
    budget: Budget,
    score: Callable[[int, Floats], Floats],
    *,
    seed: int = 0,
    bounds: Floats | None = None,
    on_generation: Callable[[Way], None] = lambda way: None,
) -> Way:
    """Search for the point with the highest score.

    Args:
        start: F64[size], mean of the first distribution.
        budget: see `Budget`.
        score: function of (number of the generation, points F64[c, size]); returns F64[c], higher is better.
        seed: seed of the search.
        bounds: (lowest, highest) value of each parameter, F64[size, 2]; by default -1 and 1.
        on_generation: called after every generation.
    """
    from cmaes import CMA  # imported here: only tuning needs it

    limits = np.tile([-1.0, 1.0], (len(start), 1)) if bounds is None else np.asarray(bounds, np.float64)
    search = CMA(
        mean=np.clip(start, *limits.T), sigma=budget.sigma, bounds=limits, seed=seed,
        population_size=budget.population,
    )  # fmt: skip
    way, highest, since = Way(), -np.inf, 0
    for generation in range(budget.generations):
        points = np.array([search.ask() for _ in range(budget.population)])
        scores = score(generation, points)
        search.tell([(point, -value) for point, value in zip(points, scores, strict=True)])
        way.means.append(np.clip(search.mean, *limits.T))
        way.scores.append(float(scores.mean()))
        way.best = points[int(np.argmax(scores))]
        on_generation(way)
        if budget.plateau is None:
            continue
        since = 0 if way.scores[-1] > highest + budget.tolerance else since + 1
        highest = max(highest, way.scores[-1])
        if search._sigma * float(np.sqrt(np.diag(search._C).max())) < budget.narrow:
            way.stopped = "narrow"
            break
        if since >= budget.plateau:
            way.stopped = "plateau"
            break
    return way
