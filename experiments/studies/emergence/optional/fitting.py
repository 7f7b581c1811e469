"""The likelihood of a Hawkes process with an exponential kernel, fitted to the times of events of many episodes.

Hawkes (1971); Ozaki (1979): rate(t) = mu + sum over earlier events of m b exp(-b (t - t_i)); m is the branching ratio,
the mean number of events that one begets. Written by hand, as the libraries for it are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protogov.experiments.studies.emergence.forks import Floats

HIGHEST = 0.999  # branching ratio; from 1 on the process explodes


@dataclass(frozen=True)
class Hawkes:
    """A fitted process.

    Attributes:
        rate: mu, events from outside per unit of time.
        branching: m.
        decay: b, per unit of time.
    """

    rate: float
    branching: float
    decay: float


@dataclass(frozen=True)
class Episodes:
    """Times of events, an episode a row.

    Attributes:
        times: F64[E, N], in order, padded with infinity.
        length: of an episode.
    """

    times: Floats
    length: float

    @classmethod
    def of(cls, times: Sequence[Floats], length: float) -> Episodes:
        """Episodes of unequal numbers of events."""
        most = max((len(own) for own in times), default=0)
        padded = np.full((len(times), max(most, 1)), np.inf)
        for row, own in enumerate(times):
            padded[row, : len(own)] = np.sort(own)
        return cls(padded, float(length))

    @property
    def counts(self) -> np.ndarray:
        """Events of each episode, I64[E]."""
        return np.isfinite(self.times).sum(axis=1)


def log_likelihood(process: Hawkes, seen: Episodes) -> Floats:
    """Of each episode, F64[E]."""
    real = np.isfinite(seen.times)
    times = np.where(real, seen.times, 0.0)
    excited = np.zeros(len(times))
    total = np.zeros(len(times))
    for place in range(times.shape[1]):
        if place:
            gap = np.where(real[:, place], times[:, place] - times[:, place - 1], 0.0)
            excited = (excited + 1.0) * np.exp(-process.decay * gap)
        rate = process.rate + process.branching * process.decay * excited
        total += np.where(real[:, place], np.log(rate), 0.0)
    left = np.where(real, -np.expm1(-process.decay * (seen.length - times)), 0.0).sum(axis=1)
    return np.asarray(total - process.rate * seen.length - process.branching * left)


def fit(seen: Episodes, weights: Floats | None = None, start: Hawkes | None = None) -> Hawkes:
    """The process with the largest likelihood.

    Args:
        seen: episodes with at least one event.
        weights: F64[E], how often each episode counts; once by default.
        start: where the search begins.
    """
    from scipy.optimize import minimize  # slow to import

    weight = np.ones(len(seen.times)) if weights is None else weights
    mean = float((seen.counts * weight).sum() / (weight.sum() * seen.length))
    begins = [start] if start else [Hawkes(mean * (1.0 - m), m, b) for m, b in ((0.5, 1.0), (0.9, 0.2))]

    def cost(x: Floats) -> float:
        return -float((log_likelihood(_process(x), seen) * weight).sum())

    found = [minimize(cost, _free(one), method="L-BFGS-B") for one in begins]
    return _process(min(found, key=lambda one: float(one.fun)).x)


def _free(process: Hawkes) -> Floats:
    share = process.branching / HIGHEST
    return np.array(
        [np.log(process.rate), np.log(max(share, 1e-6) / max(1.0 - share, 1e-6)), np.log(process.decay)], np.float64
    )


def _process(x: Floats) -> Hawkes:
    rate, share, decay = np.clip(x, -12.0, 12.0)
    return Hawkes(float(np.exp(rate)), float(HIGHEST / (1.0 + np.exp(-share))), float(np.exp(decay)))
