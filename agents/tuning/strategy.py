"""An evolution strategy for many parameters: antithetic pairs, ranks instead of scores, Adam on the estimated slope.

Source: Salimans, Ho, Chen, Sidor and Sutskever, "Evolution Strategies as a Scalable Alternative to Reinforcement
Learning" (2017). CMA-ES learns a covariance of size x size, which is too much for thousands of weights. This strategy
keeps one number per parameter. Both points of a pair play the same tapes as all others of their generation. The slope
is then measured without the luck of tapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.agents.tuning.evolution import Floats, Way

_FIRST, _SECOND, _LEAST = 0.9, 0.999, 1e-8  # Adam's decay of slopes and of squared slopes; avoids a division by zero


@dataclass(frozen=True)
class StrategyBudget:
    """How much a strategy may compute.

    Attributes:
        generations: number of generations.
        pairs: pairs of points per generation, at `sigma` times a normal draw on both sides of the mean.
        sigma: standard deviation of the draws, in units of a parameter.
        rate: step of Adam (Kingma and Ba 2015), in units of a parameter; it falls linearly to a tenth.
        decay: share of the distance to the start that is taken back in a generation.
    """

    generations: int
    pairs: int
    sigma: float = 0.05
    rate: float = 0.02
    decay: float = 0.0

    @property
    def population(self) -> int:
        """Points per generation."""
        return 2 * self.pairs


def ascend(
    start: Floats,
    budget: StrategyBudget,
    score: Callable[[int, Floats], Floats],
    *,
    seed: int = 0,
    owners: Sequence[int] = (),
    on_generation: Callable[[Way], None] = lambda way: None,
) -> Way:
    """Search for the point with the highest score; parameters have no bounds.

    With `owners` the parameters belong to several searchers, each of which has its own score and climbs it alone: to
    each of them the others' draws are noise, as in independent learning.

    Args:
        start: F64[size], the first mean.
        budget: see `StrategyBudget`.
        score: function of (number of the generation, points F64[2 * pairs, size]); returns F64[2 * pairs], higher is
            better; with owners F64[owners, 2 * pairs], a row each.
        seed: of the draws, which depend only on it and on the number of the generation.
        owners: numbers of parameters of each searcher, in their order; by default one has all.
        on_generation: called after every generation.

    Raises:
        ValueError: the owners' numbers do not add up to `size`.
    """
    if owners and sum(owners) != len(start):
        raise ValueError(f"owners have {sum(owners)} parameters; {len(start)} are accepted, those of the start.")
    ends = np.cumsum(owners or [len(start)])
    own = [slice(end - count, end) for end, count in zip(ends, owners or [len(start)], strict=True)]
    origin = np.asarray(start, np.float64)
    mean, slopes, squares = origin.copy(), np.zeros(origin.size), np.zeros(origin.size)
    way = Way()
    for generation in range(budget.generations):
        draws = np.random.default_rng([seed, generation]).standard_normal((budget.pairs, origin.size))
        points = mean + budget.sigma * np.concatenate([draws, -draws])
        scores = np.asarray(score(generation, points), np.float64)
        shaped = [centred_ranks(row) for row in scores.reshape(len(own), -1)]
        slope = np.concatenate(
            [
                (ranks[: budget.pairs] - ranks[budget.pairs :]) @ draws[:, part] / (2.0 * budget.pairs * budget.sigma)
                for ranks, part in zip(shaped, own, strict=True)
            ]
        )
        slopes = _FIRST * slopes + (1.0 - _FIRST) * slope
        squares = _SECOND * squares + (1.0 - _SECOND) * slope**2
        unbiased = slopes / (1.0 - _FIRST ** (generation + 1))
        scale = np.sqrt(squares / (1.0 - _SECOND ** (generation + 1))) + _LEAST
        rate = budget.rate * (1.0 - 0.9 * generation / budget.generations)
        mean = mean + rate * unbiased / scale - budget.decay * (mean - origin)
        way.means.append(mean)
        way.scores.append(float(scores.mean()))
        way.best = points[int(np.argmax(scores.reshape(len(own), -1).mean(axis=0)))]
        on_generation(way)
    return way


def centred_ranks(scores: Floats) -> Floats:
    """Ranks from -1/2 (worst) to 1/2 (best), ties shared, F64[n]: a single lucky score cannot lead a search."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2.0)[inverse] / max(len(scores) - 1, 1) - 0.5)
