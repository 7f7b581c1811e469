"""A predictive distribution as its quantiles at fixed levels: linear between them, exponential tails beyond.

Below the lowest quantile the distribution function is level * exp((x - quantile) / scale), with the scale that leads
through the next quantile; above the highest the same of one less it. Everything here is exact for that law: scores,
the mean growth, the price of a call.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LEVELS: tuple[float, ...] = (
    0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
    0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.965, 0.98, 0.99, 0.995, 0.9975,
)  # fmt: skip
MEDIAN = LEVELS.index(0.5)
LARGEST_TAIL = 0.5  # scale of a tail [log]: below 1, or the mean growth would be infinite
LEAST_STEP = 1e-9  # between two quantiles
_T = np.array(LEVELS)


@dataclass(frozen=True)
class QuantileLaw:
    """The law of a log return for each of n rows.

    Attributes:
        quantiles: F64[n, len(LEVELS)], ascending.

    Raises:
        ValueError: they are not finite, or do not rise.
    """

    quantiles: Floats

    def __post_init__(self) -> None:
        q = np.asarray(self.quantiles, np.float64)
        if q.ndim != 2 or q.shape[1] != len(LEVELS) or not np.isfinite(q).all() or (np.diff(q, axis=1) <= 0).any():
            raise ValueError(f"quantiles have shape {q.shape}; finite rising rows of {len(LEVELS)} are accepted.")
        object.__setattr__(self, "quantiles", q)

    def __len__(self) -> int:
        return len(self.quantiles)

    @property
    def tails(self) -> tuple[Floats, Floats]:
        """Scales of the lower and the upper tail, F64[n] each, at most `LARGEST_TAIL`."""
        q = self.quantiles
        lower = (q[:, 1] - q[:, 0]) / np.log(_T[1] / _T[0])
        upper = (q[:, -1] - q[:, -2]) / np.log((1.0 - _T[-2]) / (1.0 - _T[-1]))
        return np.minimum(lower, LARGEST_TAIL), np.minimum(upper, LARGEST_TAIL)

    def moved(self, by: ArrayLike) -> "QuantileLaw":
        """The law of the return plus something, F64[n]."""
        return QuantileLaw(self.quantiles + np.asarray(by, np.float64)[:, None])

    def stretched(self, factor: ArrayLike) -> "QuantileLaw":
        """The law with all distances from the median multiplied, F64[n] or a number, positive."""
        middle = self.quantiles[:, MEDIAN, None]
        return QuantileLaw(
            middle + np.broadcast_to(np.asarray(factor, np.float64), len(self))[:, None] * (self.quantiles - middle)
        )

    def rows(self, chosen: ArrayLike) -> "QuantileLaw":
        """The laws of some rows, I64[k] or bool [n]."""
        return QuantileLaw(self.quantiles[np.asarray(chosen)])

    # ------------------------------------------------------------------ distribution

    def cdf(self, returns: ArrayLike) -> Floats:
        """Probability of at most this log return, F64[n] for F64[n]."""
        x, at, share = self._place(returns)
        lower, upper = self.tails
        q = self.quantiles
        inside = _T[at] + share * (_T[at + 1] - _T[at])
        below = _T[0] * np.exp(np.minimum(x - q[:, 0], 0.0) / lower)
        above = 1.0 - (1.0 - _T[-1]) * np.exp(-np.maximum(x - q[:, -1], 0.0) / upper)
        return np.where(x < q[:, 0], below, np.where(x > q[:, -1], above, inside))

    def log_density(self, returns: ArrayLike) -> Floats:
        """Log of the density at a log return, F64[n] for F64[n]: the log score."""
        x, at, _ = self._place(returns)
        lower, upper = self.tails
        q, rows = self.quantiles, np.arange(len(self))
        inside = np.log((_T[at + 1] - _T[at]) / (q[rows, at + 1] - q[rows, at]))
        below = np.log(_T[0] / lower) + np.minimum(x - q[:, 0], 0.0) / lower
        above = np.log((1.0 - _T[-1]) / upper) - np.maximum(x - q[:, -1], 0.0) / upper
        return np.where(x < q[:, 0], below, np.where(x > q[:, -1], above, inside))

    def quantile(self, levels: ArrayLike) -> Floats:
        """Log returns F64[n, k] that are not exceeded with probabilities `levels`, F64[k] in (0, 1)."""
        wanted = np.asarray(levels, np.float64)
        lower, upper = self.tails
        inside = np.array([np.interp(wanted, _T, row) for row in self.quantiles])
        below = self.quantiles[:, :1] + lower[:, None] * np.log(np.minimum(wanted / _T[0], 1.0))
        above = self.quantiles[:, -1:] - upper[:, None] * np.log(np.minimum((1.0 - wanted) / (1.0 - _T[-1]), 1.0))
        return np.where(wanted < _T[0], below, np.where(wanted > _T[-1], above, inside))

    def crps(self, returns: ArrayLike) -> Floats:
        """Continuous ranked probability score, F64[n] for F64[n]: the integral of (F - 1{y <= x})^2."""
        x, at, _ = self._place(returns)
        lower, upper = self.tails
        q, rows = self.quantiles, np.arange(len(self))
        steps = np.diff(q, axis=1)
        under = np.concatenate([(_T[0] ** 2 * lower / 2.0)[:, None], steps * _square(_T[:-1], _T[1:])], axis=1)
        over = np.concatenate(
            [steps * _square(1 - _T[:-1], 1 - _T[1:]), ((1 - _T[-1]) ** 2 * upper / 2.0)[:, None]], axis=1
        )
        under_at = np.cumsum(under, axis=1)  # integral of F^2 up to each quantile
        over_at = np.cumsum(over[:, ::-1], axis=1)[:, ::-1]  # of (1 - F)^2 from each quantile on
        here = self.cdf(x)
        clipped = np.clip(x, q[:, 0], q[:, -1])
        inside = under_at[rows, at] + (clipped - q[rows, at]) * _square(_T[at], here)
        inside += over_at[rows, at + 1] + (q[rows, at + 1] - clipped) * _square(1.0 - here, 1.0 - _T[at + 1])
        far = q[:, 0] - x
        below = here**2 * lower / 2.0 + over_at[:, 0]
        below += far - 2.0 * lower * (_T[0] - here) + lower / 2.0 * (_T[0] ** 2 - here**2)
        far, left = x - q[:, -1], 1.0 - here
        above = left**2 * upper / 2.0 + under_at[:, -1]
        above += far - 2.0 * upper * (1 - _T[-1] - left) + upper / 2.0 * ((1 - _T[-1]) ** 2 - left**2)
        return np.where(x < q[:, 0], below, np.where(x > q[:, -1], above, inside))

    def pinball(self, returns: ArrayLike, levels: ArrayLike = LEVELS) -> Floats:
        """Quantile score at each level, F64[n, k]: (level - 1{y < q}) (y - q). Its mean over all levels is CRPS / 2."""
        wanted = np.asarray(levels, np.float64)
        miss = np.asarray(returns, np.float64)[:, None] - self.quantile(wanted)
        return np.asarray(np.maximum(wanted * miss, (wanted - 1.0) * miss))

    def moments(self) -> tuple[Floats, Floats]:
        """Mean and variance of the log return, F64[n] each."""
        lower, upper = self.tails
        q, share = self.quantiles, np.diff(_T)
        ends = (_T[0], 1.0 - _T[-1])
        middle = 0.5 * (q[:, 1:] + q[:, :-1])
        far = q[:, 0] - lower, q[:, -1] + upper
        mean = (share * middle).sum(axis=1) + ends[0] * far[0] + ends[1] * far[1]
        inside = share * ((middle - mean[:, None]) ** 2 + np.diff(q, axis=1) ** 2 / 12.0)
        outside = ends[0] * ((far[0] - mean) ** 2 + lower**2) + ends[1] * ((far[1] - mean) ** 2 + upper**2)
        return mean, inside.sum(axis=1) + outside

    # ------------------------------------------------------------------ exponentials

    def mean_growth(self) -> Floats:
        """Mean of the exponential of the return, F64[n]."""
        return self.growth_above(np.full(len(self), -np.inf))

    def growth_above(self, floor: ArrayLike) -> Floats:
        """Mean of exp(return) where the return is above a floor, else 0: F64[n] for F64[n]."""
        x = np.asarray(floor, np.float64)
        lower, upper = self.tails
        q = self.quantiles
        # mean of exp over the part of each step above the floor
        left = np.clip(x[:, None], q[:, :-1], q[:, 1:])
        slope = np.diff(_T) / np.diff(q, axis=1)
        total = (slope * np.exp(left) * np.expm1(q[:, 1:] - left)).sum(axis=1)
        start = np.minimum(x, q[:, 0])
        total += _T[0] / (1.0 + lower) * (np.exp(q[:, 0]) - np.exp(start + (start - q[:, 0]) / lower))
        end = np.maximum(x, q[:, -1])
        total += (1.0 - _T[-1]) / (1.0 - upper) * np.exp(end - (end - q[:, -1]) / upper)
        return np.asarray(total)

    def call(self, log_strike: ArrayLike) -> Floats:
        """Mean of max(exp(return) - exp(log_strike), 0), F64[n] for F64[n]: convex and falling in the strike."""
        x = np.asarray(log_strike, np.float64)
        return np.maximum(self.growth_above(x) - np.exp(x) * (1.0 - self.cdf(x)), 0.0)

    def _place(self, returns: ArrayLike) -> tuple[Floats, NDArray[np.int64], Floats]:
        """The returns, the quantile before each (the first below all), and the share of the way to the next."""
        x = np.asarray(returns, np.float64)
        if x.shape != (len(self),):
            raise ValueError(f"returns have shape {x.shape}; ({len(self)},), one for each row, is accepted.")
        at = np.clip((self.quantiles <= x[:, None]).sum(axis=1) - 1, 0, len(LEVELS) - 2)
        rows = np.arange(len(self))
        left, right = self.quantiles[rows, at], self.quantiles[rows, at + 1]
        return x, at, np.clip((x - left) / (right - left), 0.0, 1.0)


def _square(a: ArrayLike, b: ArrayLike) -> Floats:
    """Mean square of a line from a to b."""
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.asarray((left * left + left * right + right * right) / 3.0)


def normal_law(mean: ArrayLike, deviation: ArrayLike) -> QuantileLaw:
    """The normal law at the levels, with F64[n] means and standard deviations."""
    from scipy.special import ndtri  # slow to import

    return QuantileLaw(np.asarray(mean)[:, None] + np.maximum(np.asarray(deviation), 1e-7)[:, None] * ndtri(_T))
