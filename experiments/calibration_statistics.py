"""Least squares, inequality and hours by kind, each with intervals that resample whole seeds.

A seed is one population, and the same seed plays every source: its hours, days and liquidators are anything but
independent. All intervals therefore come from a bootstrap that draws seeds with everything that belongs to them. They
say nothing about other price histories: of each recorded window there is one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.experiments.calibration_bands import CALM_DRAWDOWN, CALM_VOL, STRESS_DRAWDOWN, STRESS_VOL

Floats = NDArray[np.float64]

CALM, BETWEEN, STRESS = 0, 1, 2
HOUR_KINDS = ("calm", "between", "stress")
FIRST_HOUR = 6  # hours before it have too short a past to be of any kind
DAY = 24
HOURS_PER_YEAR = 8760.0
REPLICATES = 1000
LEVEL = 0.95
REGRESSORS = ("intercept", "fall_today", "fall_yesterday", "rise_today")


# ---------------------------------------------------------------------- hours


def realised_vol(closes: Floats, window: int = DAY) -> Floats:
    """Annualised root mean square of the last `window` hourly log returns, fewer at the start.

    Args:
        closes: USD, float64 [n, hours + 1], the opening first.
        window: hours.

    Returns:
        float64 [n, hours], annual decimal; entry h is known at the end of hour h.
    """
    squares = np.diff(np.log(closes), axis=1) ** 2
    total = np.cumsum(squares, axis=1)
    total[:, window:] -= total[:, :-window].copy()
    count = np.minimum(np.arange(1, squares.shape[1] + 1), window)
    return np.sqrt(np.maximum(total, 0.0) / count * HOURS_PER_YEAR)


def drawdown(closes: Floats, window: int) -> Floats:
    """Share by which each close lies below the highest of the last `window` hours, float64 [n, hours], 0 or more."""
    high = closes.copy()
    for back in range(1, min(window, closes.shape[1] - 1) + 1):
        np.maximum(high[:, back:], closes[:, :-back], out=high[:, back:])
    return np.asarray(1.0 - closes[:, 1:] / high[:, 1:])


def hour_kinds(closes: Floats) -> NDArray[np.int8]:
    """Kind of every hour from the tape's closes alone: CALM, BETWEEN, STRESS, or -1 before `FIRST_HOUR`.

    Stress: vol realised over 24 h of at least `STRESS_VOL`, or a price `STRESS_DRAWDOWN` below its high of 72 h. Calm:
    that vol below `CALM_VOL` and the price less than `CALM_DRAWDOWN` below its high of seven days.

    Args:
        closes: USD, float64 [n, hours + 1].

    Returns:
        int8 [n, hours].
    """
    vol = realised_vol(closes)
    stress = (vol >= STRESS_VOL) | (drawdown(closes, 72) >= STRESS_DRAWDOWN)
    calm = (vol < CALM_VOL) & (drawdown(closes, 168) < CALM_DRAWDOWN) & ~stress
    kinds = np.where(stress, STRESS, np.where(calm, CALM, BETWEEN)).astype(np.int8)
    kinds[:, :FIRST_HOUR] = -1
    return kinds


# ---------------------------------------------------------------------- resampling


def seed_weights(num_seeds: int, replicates: int = REPLICATES) -> Floats:
    """How often each seed is drawn in each replicate, float64 [replicates, num_seeds]; the same at every call."""
    draws = np.random.default_rng(20210519).multinomial(num_seeds, np.full(num_seeds, 1.0 / num_seeds), replicates)
    return draws.astype(np.float64)


def interval(replicated: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of the finite replicates; (nan, nan) where fewer than half are finite."""
    finite = replicated[np.isfinite(replicated)]
    if finite.size < 0.5 * replicated.size or finite.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return float(low), float(high)


def ratio_of_sums(above: Floats, below: Floats) -> tuple[float, float, float]:
    """(ratio, low, high) of two sums over seeds, both float64 [seeds]; nan where nothing was counted."""
    if below.sum() <= 0.0:
        return float("nan"), float("nan"), float("nan")
    weights = seed_weights(above.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicated = (weights @ above) / (weights @ below)
    return (float(above.sum() / below.sum()), *interval(replicated))


# ---------------------------------------------------------------------- the daily regression


@dataclass(frozen=True)
class Fit:
    """Ordinary least squares of ln(events + 1) on a day's return.

    Attributes:
        coefficients: float64 [4], in the order of `REGRESSORS`.
        low, high: float64 [4], 95% intervals over seeds.
        r_squared: share of the variance explained.
        days: observations.
        events: in all of them.
    """

    coefficients: Floats
    low: Floats
    high: Floats
    r_squared: float
    days: int
    events: int

    def multiplier(self, fall: float = 0.05) -> float:
        """Factor on (events + 1) of a day that falls by `fall`, on the day itself."""
        return float(np.exp(-fall * self.coefficients[1]))


def design(returns: Floats) -> Floats:
    """Regressors of days 2 to D: 1, min(r, 0), min(r of the day before, 0), max(r, 0).

    Args:
        returns: daily log returns, float64 [n, days].

    Returns:
        float64 [n, days - 1, 4].
    """
    today, before = returns[:, 1:], returns[:, :-1]
    return np.stack(
        [np.ones_like(today), np.minimum(today, 0.0), np.minimum(before, 0.0), np.maximum(today, 0.0)], axis=-1
    )


def daily_fit(returns: Floats, events: Floats, clusters: ArrayLike) -> Fit:
    """Fit the daily regression; the first day of each world only serves as the day before.

    Args:
        returns: daily log returns, float64 [n, days].
        events: liquidations a day, float64 [n, days].
        clusters: int [n], the seed of each world; intervals resample seeds.

    Raises:
        ValueError: fewer than two days.
    """
    if returns.shape[1] < 2:
        raise ValueError(f"returns have {returns.shape[1]} days; the regression needs at least 2.")
    x, y = design(returns), np.log1p(events[:, 1:])
    labels, index = np.unique(np.asarray(clusters), return_inverse=True)
    gram, moment = np.zeros((labels.size, 4, 4)), np.zeros((labels.size, 4))
    np.add.at(gram, index, np.einsum("nda,ndb->nab", x, x))
    np.add.at(moment, index, np.einsum("nda,nd->na", x, y))
    coefficients = _solve(gram.sum(axis=0), moment.sum(axis=0))
    weights = seed_weights(labels.size)
    replicated = np.stack(
        [_solve(np.tensordot(w, gram, 1), w @ moment) for w in weights]  # a draw of few seeds may know no rise
    )
    ends = np.array([interval(replicated[:, k]) for k in range(4)])
    rest = float(((y - x @ coefficients) ** 2).sum()) if np.isfinite(coefficients).all() else float("nan")
    total = float(((y - y.mean()) ** 2).sum())
    return Fit(
        coefficients,
        ends[:, 0],
        ends[:, 1],
        1.0 - rest / total if total > 0.0 else float("nan"),
        int(y.size),
        int(events[:, 1:].sum()),
    )


def _solve(gram: Floats, moment: Floats) -> Floats:
    """Solution of the normal equations; nan where a regressor never varies."""
    if np.linalg.matrix_rank(gram) < gram.shape[0]:
        return np.full(moment.shape, np.nan)
    return np.asarray(np.linalg.solve(gram, moment))


@dataclass(frozen=True)
class PoissonFit:
    """Maximum likelihood of events ~ Poisson(accounts * exp(x b)): what a day does to the risk of one account.

    Attributes:
        coefficients: float64 [4], in the order of `REGRESSORS`; the intercept is per account and day.
        errors: float64 [4], standard errors that let the days of a cluster depend on one another.
        observations: days of a world.
        clusters: tapes.
        events: in all of them.
    """

    coefficients: Floats
    errors: Floats
    observations: int
    clusters: int
    events: int

    def interval(self, number: int) -> tuple[float, float, float]:
        """(value, low, high) of a coefficient at 95%."""
        value, half = float(self.coefficients[number]), 1.959964 * float(self.errors[number])
        return value, value - half, value + half


def poisson_fit(returns: Floats, events: Floats, clusters: ArrayLike, accounts: float) -> PoissonFit:
    """The Poisson regression of liquidations on the same four regressors, with `accounts` as exposure.

    Unlike ln(events + 1), its coefficients do not depend on how many accounts a market has: worlds on one tape added up
    give the same ones. Newton's method; errors by the sandwich of Huber and White, summed by cluster (Cameron and
    Miller 2015, without their correction for few clusters).

    Args:
        returns: daily log returns, float64 [n, days].
        events: liquidations a day, float64 [n, days].
        clusters: int [n], the tape of each world.
        accounts: of each world.
    """
    x = design(returns).reshape(-1, 4)
    y = events[:, 1:].ravel()
    labels, index = np.unique(np.repeat(np.asarray(clusters), returns.shape[1] - 1), return_inverse=True)
    nothing = np.full(4, np.nan)
    if y.sum() <= 0.0 or np.linalg.matrix_rank(x) < 4:
        return PoissonFit(nothing, nothing, y.size, labels.size, int(y.sum()))
    b = np.array([np.log(y.mean() / accounts), 0.0, 0.0, 0.0])
    bread = np.eye(4)
    for _ in range(100):
        mean = accounts * np.exp(np.minimum(x @ b, 30.0))
        bread = np.linalg.inv((x * mean[:, None]).T @ x)
        move = bread @ (x.T @ (y - mean))
        b = b + move * min(1.0, 10.0 / max(float(np.abs(move).max()), 1e-300))
        if np.abs(move).max() < 1e-10 * (1.0 + np.abs(b).max()):
            break
    scores = np.zeros((labels.size, 4))
    np.add.at(scores, index, x * (y - accounts * np.exp(np.minimum(x @ b, 30.0)))[:, None])
    errors = np.sqrt(np.diag(bread @ (scores.T @ scores) @ bread))
    return PoissonFit(b, errors, y.size, labels.size, int(y.sum()))


# ---------------------------------------------------------------------- inequality


def gini(values: ArrayLike) -> float:
    """Gini index of amounts; losses count as nothing, and without any amount it is nan.

    0 when all have the same, (n - 1) / n when one of n has everything: the plain index, without a correction for n.
    """
    amounts = np.sort(np.maximum(np.asarray(values, np.float64).ravel(), 0.0))
    total = amounts.sum()
    if amounts.size == 0 or total <= 0.0:
        return float("nan")
    rank = np.arange(1, amounts.size + 1)
    return float(((2.0 * rank - amounts.size - 1.0) * amounts).sum() / (amounts.size * total))


def lorenz(values: ArrayLike) -> tuple[Floats, Floats]:
    """Lorenz curve: (share of holders from the poorest on, share of the amounts that they hold), both from 0 to 1."""
    amounts = np.sort(np.maximum(np.asarray(values, np.float64).ravel(), 0.0))
    held = np.concatenate([[0.0], np.cumsum(amounts)])
    return np.linspace(0.0, 1.0, held.size), held / max(held[-1], 1e-300)
