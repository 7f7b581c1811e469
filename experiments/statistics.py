"""Intervals and tails: what a difference between two protocols is worth."""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
TAIL = 0.05
ENOUGH_SEEDS = 8  # training seeds below which a comparison of learners is called underpowered


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: of the values.
        low, high: ends of the interval; infinite when one value says nothing of the spread.
        n: values that it rests on.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2.0


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"values have shape {array.shape}; at least one value in one dimension is needed.")
    if not np.isfinite(array).all():
        raise ValueError(f"values hold {array[~np.isfinite(array)][0]}; they must be finite.")
    return array


def student_t(values: ArrayLike, level: float = LEVEL) -> Interval:
    """Mean of independent values with Student's t interval: mean +- t(n - 1) * sd / sqrt(n).

    Args:
        values: finite floats [n].
        level: coverage, within (0, 1).

    Raises:
        ValueError: no values, or one that is not finite.
    """
    from scipy.stats import t as student  # slow to import: only when intervals are asked for

    array = _finite(values)
    mean = float(array.mean())
    if array.size == 1:
        return Interval(mean, -np.inf, np.inf, 1)
    half = float(student.ppf(0.5 + level / 2.0, array.size - 1)) * float(array.std(ddof=1)) / sqrt(array.size)
    return Interval(mean, mean - half, mean + half, array.size)


def cluster_means(values: ArrayLike, clusters: ArrayLike) -> NDArray[np.float64]:
    """Mean of the values of each cluster, F64[clusters] in the order of the sorted labels."""
    array, labels = _finite(values), np.asarray(clusters)
    if labels.shape != array.shape:
        raise ValueError(f"clusters have shape {labels.shape}; {array.shape} is needed.")
    return np.array([array[labels == label].mean() for label in np.unique(labels)])


def expected_shortfall(values: ArrayLike, share: float = TAIL) -> float:
    """Mean of the lowest `share` of the values; the value on the boundary counts by the part of it that is inside.

    Args:
        values: finite floats [n].
        share: of the values that is the tail, within (0, 1].

    Raises:
        ValueError: no values, one that is not finite, or a share out of range.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share is {share}; it must lie in (0, 1].")
    array = np.sort(_finite(values))
    count = share * array.size
    whole = ceil(count)
    weights = np.ones(whole)
    weights[-1] -= whole - count
    return float(np.average(array[:whole], weights=weights))
