"""An evolution strategy for many parameters: antithetic pairs, ranks instead of scores, Adam on the estimated slope.

Source: Salimans, Ho, Chen, Sidor and Sutskever, "Evolution Strategies as a Scalable Alternative to Reinforcement
Learning" (2017). CMA-ES learns a covariance of size x size, which is too much for thousands of weights. This strategy
keeps one number per parameter. Both points of a pair play the same tapes as all others of their generation. The slope
is then measured without the luck of tapes.
"""

from __future__ import annotations

from collections.abc import Callable
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
    on_generation: Callable[[Way], None] = lambda way: None,
) -> Way:
    """Search for the point with the highest score; parameters have no bounds.

    Args:
        start: F64[size], the first mean.
        budget: see `StrategyBudget`.
        score: function of (number of the generation, points F64[2 * pairs, size]); returns F64[2 * pairs], higher is
            better.
        seed: of the draws, which depend only on it and on the number of the generation.
        on_generation: called after every generation.
    """
    origin = np.asarray(start, np.float64)
    mean, slopes, squares = origin.copy(), np.zeros(origin.size), np.zeros(origin.size)
    way = Way()
    for generation in range(budget.generations):
        draws = np.random.default_rng([seed, generation]).standard_normal((budget.pairs, origin.size))
        points = mean + budget.sigma * np.concatenate([draws, -draws])
        scores = score(generation, points)
        shaped = centred_ranks(scores)
        slope = (shaped[: budget.pairs] - shaped[budget.pairs :]) @ draws / (2.0 * budget.pairs * budget.sigma)
        slopes = _FIRST * slopes + (1.0 - _FIRST) * slope
        squares = _SECOND * squares + (1.0 - _SECOND) * slope**2
        unbiased = slopes / (1.0 - _FIRST ** (generation + 1))
        scale = np.sqrt(squares / (1.0 - _SECOND ** (generation + 1))) + _LEAST
        rate = budget.rate * (1.0 - 0.9 * generation / budget.generations)
        mean = mean + rate * unbiased / scale - budget.decay * (mean - origin)
        way.means.append(mean)
        way.scores.append(float(scores.mean()))
        way.best = points[int(np.argmax(scores))]
        on_generation(way)
    return way


def centred_ranks(scores: Floats) -> Floats:
    """Ranks from -1/2 (worst) to 1/2 (best), ties shared, F64[n]: a single lucky score cannot lead a search."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2.0)[inverse] / max(len(scores) - 1, 1) - 0.5)
