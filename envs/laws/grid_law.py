"""A law for each row as its distribution function on a grid, and how that is found from a characteristic function."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
TERMS = 384  # of the cosine series
POINTS = 1025  # of the grid
WIDTH = 12.0  # of the grid to each side, in standard deviations that count fat tails
_BLOCK = 512  # rows at once: what bounds the memory


@dataclass(frozen=True)
class GridLaw:
    """A distribution of a log return for each of n rows, linear between the points of a grid.

    Attributes:
        low, high: F64[n], ends of the grid; nothing lies beyond.
        cdf_at: F64[n, m], the distribution function at m equidistant points from low to high, from 0 to 1.
    """

    low: Floats
    high: Floats
    cdf_at: Floats

    def __len__(self) -> int:
        return len(self.low)

    @property
    def step(self) -> Floats:
        """F64[n], distance between two points."""
        return np.asarray((self.high - self.low) / (self.cdf_at.shape[1] - 1))

    def cdf(self, returns: ArrayLike) -> Floats:
        """Probability of at most this log return, F64[n] for F64[n]."""
        values, at, share = self._place(returns)
        rows = np.arange(len(values))
        below, above = self.cdf_at[rows, at], self.cdf_at[rows, at + 1]
        return np.asarray(below + share * (above - below))

    def density(self, returns: ArrayLike) -> Floats:
        """Density at a log return, F64[n] for F64[n]."""
        values, at, _ = self._place(returns)
        rows = np.arange(len(values))
        inside = (values >= self.low) & (values <= self.high)
        return np.where(inside, (self.cdf_at[rows, at + 1] - self.cdf_at[rows, at]) / self.step, 0.0)

    def quantile(self, levels: ArrayLike) -> Floats:
        """Log returns F64[n, k] that are not exceeded with probabilities `levels`, F64[k] in (0, 1)."""
        wanted = np.asarray(levels, np.float64)
        grid = np.linspace(0.0, 1.0, self.cdf_at.shape[1])
        shares = np.array([np.interp(wanted, row, grid) for row in self.cdf_at])
        return np.asarray(self.low[:, None] + shares * (self.high - self.low)[:, None])

    def crps(self, returns: ArrayLike) -> Floats:
        """Continuous ranked probability score, F64[n] for F64[n]: the integral of (F - 1{y <= x})^2, exact on the grid.

        Matheson and Winkler (1976), Gneiting and Raftery (2007).
        """
        values, at, share = self._place(returns)
        rows = np.arange(len(values))
        left, right = self.cdf_at[:, :-1], self.cdf_at[:, 1:]
        step = self.step[:, None]
        below = np.cumsum((left * left + left * right + right * right) / 3.0 * step, axis=1)
        rest = 1.0 - self.cdf_at
        left, right = rest[:, :-1], rest[:, 1:]
        above = np.cumsum((left * left + left * right + right * right) / 3.0 * step, axis=1)
        here = self.cdf(np.clip(values, self.low, self.high))
        before, after = self.cdf_at[rows, at], self.cdf_at[rows, at + 1]
        part = share * step[:, 0]
        low_part = (before * before + before * here + here * here) / 3.0 * part
        up_here, up_after = 1.0 - here, 1.0 - after
        high_part = (up_here * up_here + up_here * up_after + up_after * up_after) / 3.0 * (step[:, 0] - part)
        done = np.where(at > 0, below[rows, np.maximum(at - 1, 0)], 0.0)
        left_over = above[:, -1] - above[rows, at]
        beyond = np.maximum(self.low - values, 0.0) + np.maximum(values - self.high, 0.0)
        return np.asarray(done + low_part + high_part + left_over + beyond)

    def expected_crps(self) -> Floats:
        """What the law itself scores on average, F64[n]: the integral of F (1 - F). No forecast scores less."""
        left, right = self.cdf_at[:, :-1], self.cdf_at[:, 1:]
        area = 0.5 * (left + right) - (left * left + left * right + right * right) / 3.0
        return np.asarray((area * self.step[:, None]).sum(axis=1))

    def mean_growth(self) -> Floats:
        """Mean of the exponential of the return, F64[n]."""
        grid = self.low[:, None] + np.arange(self.cdf_at.shape[1]) * self.step[:, None]
        powers = np.exp(grid)
        return np.asarray((np.diff(self.cdf_at, axis=1) * np.diff(powers, axis=1)).sum(axis=1) / self.step)

    def moments(self) -> tuple[Floats, Floats]:
        """Mean and variance of the return, F64[n] each."""
        share = np.diff(self.cdf_at, axis=1)
        middle = self.low[:, None] + (np.arange(share.shape[1]) + 0.5) * self.step[:, None]
        mean = (share * middle).sum(axis=1)
        return mean, (share * (middle - mean[:, None]) ** 2).sum(axis=1) + self.step**2 / 12.0

    def rows(self, chosen: ArrayLike) -> "GridLaw":
        """The laws of some rows, I64[k] or bool [n]."""
        at = np.asarray(chosen)
        return GridLaw(self.low[at], self.high[at], self.cdf_at[at])

    def _place(self, returns: ArrayLike) -> tuple[Floats, NDArray[np.int64], Floats]:
        """The returns, the point of the grid before each, and the share of the way to the next."""
        values = np.asarray(returns, np.float64)
        if values.shape != self.low.shape:
            raise ValueError(f"returns have shape {values.shape}; {self.low.shape}, one for each row, is accepted.")
        way = np.clip((values - self.low) / self.step, 0.0, self.cdf_at.shape[1] - 1.0)
        at = np.minimum(way.astype(np.int64), self.cdf_at.shape[1] - 2)
        return values, at, way - at


def invert(log_characteristic: Callable[[Complexes], Complexes], count: int, typical: Floats) -> GridLaw:
    """The laws of log characteristic functions, by a cosine series (Fang and Oosterlee 2008, the COS method).

    Args:
        log_characteristic: log of E exp(iuX) for real u, C128[n, k] of C128[n, k]; row i belongs to law i.
        count: n.
        typical: F64[n], the order of magnitude of the standard deviation, positive.
    """
    mean, deviation, fat = _cumulants(log_characteristic, typical)
    half = WIDTH * np.sqrt(deviation * deviation + np.sqrt(fat))
    low, high = mean - half, mean + half
    numbers = np.arange(TERMS)
    place = np.linspace(0.0, 1.0, POINTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        # integral of cos(k pi s) over s from 0 to the place
        waves = np.where(
            numbers[:, None] > 0, np.sin(np.pi * numbers[:, None] * place) / (np.pi * numbers[:, None]), place
        )
    cdf = np.empty((count, POINTS))
    frequencies = numbers * np.pi / (high - low)[:, None]
    values = log_characteristic(frequencies.astype(np.complex128))
    terms = 2.0 * np.exp(values - 1j * frequencies * low[:, None]).real
    terms[:, 0] *= 0.5
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        cdf[rows] = terms[rows] @ waves
    # ripples of the series are some 1e-9
    cdf = np.maximum.accumulate(np.clip(cdf, 0.0, 1.0), axis=1)
    cdf[:, 0], cdf[:, -1] = 0.0, 1.0
    return GridLaw(low, high, cdf)


def _cumulants(log_characteristic: Callable[[Complexes], Complexes], typical: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and fourth cumulant of each law, by differences of the log characteristic at zero."""
    step = 0.05 / typical
    offsets = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    at = log_characteristic((step[:, None] * offsets).astype(np.complex128))
    mean = (at[:, 3] - at[:, 1]).imag / (2.0 * step)
    variance = -(at[:, 3] - 2.0 * at[:, 2] + at[:, 1]).real / step**2
    fourth = (at[:, 4] - 4.0 * at[:, 3] + 6.0 * at[:, 2] - 4.0 * at[:, 1] + at[:, 0]).real / step**4
    return mean, np.sqrt(np.maximum(variance, 1e-16)), np.maximum(fourth, 0.0)
