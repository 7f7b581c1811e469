"""A law as a sample of it: what futures of one state say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SampleLaw:
    """The empirical distribution of log returns, one law for every row that asks.

    Attributes:
        values: F64[m], ascending.
    """

    values: Floats

    @staticmethod
    def of(returns: ArrayLike) -> "SampleLaw":
        """The law of a sample, F64[m] in any order.

        Raises:
            ValueError: fewer than two returns, or one that is not finite.
        """
        values = np.sort(np.asarray(returns, np.float64))
        if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
            raise ValueError(f"returns have shape {values.shape}; two or more finite numbers in one row are accepted.")
        return SampleLaw(values)

    def cdf(self, returns: ArrayLike) -> Floats:
        """Share of the sample that is at most this, of any shape; a return among equals counts half of them."""
        asked = np.asarray(returns, np.float64)
        left = np.searchsorted(self.values, asked, "left")
        right = np.searchsorted(self.values, asked, "right")
        return np.asarray(0.5 * (left + right) / self.values.size)

    def quantile(self, levels: ArrayLike) -> Floats:
        """Quantiles of the sample at probabilities `levels`, of any shape."""
        return np.asarray(np.quantile(self.values, np.asarray(levels, np.float64)))

    def crps(self, returns: ArrayLike) -> Floats:
        """Continuous ranked probability score of the sample's distribution, of any shape: E|X - y| - E|X - X'| / 2."""
        asked = np.asarray(returns, np.float64)
        count, below = self.values.size, np.searchsorted(self.values, asked)
        sums = np.concatenate([[0.0], np.cumsum(self.values)])
        distance = asked * (2.0 * below - count) - 2.0 * sums[below] + sums[-1]
        return np.asarray(distance / count - 0.5 * self.mean_difference(fair=False))

    def mean_difference(self, fair: bool = True) -> float:
        """Mean distance of two draws: of two different members of the sample if `fair`, else of any two."""
        count = self.values.size
        total = 2.0 * float(((2.0 * np.arange(1, count + 1) - count - 1.0) * self.values).sum())
        return total / (count * (count - 1.0 if fair else count))

    def expected_crps(self) -> float:
        """What the law that the sample is from scores on average, without bias: half the mean distance of two draws."""
        return 0.5 * self.mean_difference()
