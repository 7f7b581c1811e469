"""Hours by kind, regressions of liquidations on returns, and inequality, with intervals that resample whole seeds.

A seed is one population, and the same seed plays every source. Its hours, days and liquidators are not independent.
Intervals therefore resample whole seeds. They say nothing about other price histories: each recorded window exists only
once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.experiments.core.statistics import RESAMPLES, Floats, Interval, percentile
from protogov.experiments.studies.calibration.bands import CALM_DRAWDOWN, CALM_VOL, STRESS_DRAWDOWN, STRESS_VOL

CALM, BETWEEN, STRESS = 0, 1, 2
HOUR_KINDS = ("calm", "between", "stress")
FIRST_HOUR = 6  # hours before it have too short a past to have a kind
DAY = 24
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


def seed_weights(num_seeds: int, replicates: int = RESAMPLES) -> Floats:
    """How often each seed is drawn in each replicate, float64 [replicates, num_seeds]; equal at every call."""
    draws = np.random.default_rng(20210519).multinomial(num_seeds, np.full(num_seeds, 1.0 / num_seeds), replicates)
    return draws.astype(np.float64)


def ratio_of_sums(above: Floats, below: Floats) -> Interval:
    """Ratio of two sums over seeds, both float64 [seeds]; nan where nothing was counted."""
    if below.sum() <= 0.0:
        return Interval(np.nan, np.nan, np.nan)
    weights = seed_weights(above.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        replicated = (weights @ above) / (weights @ below)
    return percentile(float(above.sum() / below.sum()), replicated, above.size)


# ---------------------------------------------------------------------- regressions of a day's liquidations


@dataclass(frozen=True)
class Fit:
    """A regression on the day's fall, that of the day before and the day's rise.

    Attributes:
        coefficients: in the order of `REGRESSORS`, with 95% intervals.
        r_squared: share of the variance explained; nan of the Poisson regression.
        days: observations.
        events: in all of them.
        clusters: number of seeds or tapes.
    """

    coefficients: tuple[Interval, ...]
    r_squared: float
    days: int
    events: int
    clusters: int

    @property
    def multiplier(self) -> Interval:
        """Factor of a day's fall of 5%, on the same day, on the dependent variable."""
        fall = self.coefficients[1]
        mean, low, high = (float(np.exp(-0.05 * value)) for value in (fall.mean, fall.high, fall.low))
        return Interval(mean, low, high)


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
    """Least squares of ln(events + 1); the first day of each world serves only as the day before.

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
    found = _solve(gram.sum(axis=0), moment.sum(axis=0))
    # a draw of few seeds may hold no rise
    replicated = np.stack([_solve(np.tensordot(w, gram, 1), w @ moment) for w in seed_weights(labels.size)])
    rest, total = float(((y - x @ found) ** 2).sum()), float(((y - y.mean()) ** 2).sum())
    return Fit(
        tuple(percentile(value, replicated[:, k], labels.size) for k, value in enumerate(found)),
        1.0 - rest / total if total > 0.0 else float("nan"),
        int(y.size),
        int(events[:, 1:].sum()),
        labels.size,
    )


def _solve(gram: Floats, moment: Floats) -> Floats:
    """Solution of the normal equations; nan where a regressor never varies."""
    if np.linalg.matrix_rank(gram) < gram.shape[0]:
        return np.full(moment.shape, np.nan)
    return np.asarray(np.linalg.solve(gram, moment))


def poisson_fit(returns: Floats, events: Floats, clusters: ArrayLike, accounts: float) -> Fit:
    """The regression events ~ Poisson(accounts * exp(x b)): what a day does to the risk of one account.

    Unlike those of ln(events + 1), its coefficients do not depend on how many accounts a market has: worlds on one tape
    added up give the same ones. Maximum likelihood; errors by the sandwich of Huber and White, summed by cluster
    (Cameron and Miller 2015, without their correction for few clusters).

    Args:
        returns: daily log returns, float64 [n, days].
        events: liquidations a day, float64 [n, days].
        clusters: int [n], the tape of each world.
        accounts: of each world.
    """
    from statsmodels.genmod.families import Poisson  # slow to import
    from statsmodels.genmod.generalized_linear_model import GLM

    x, y = design(returns).reshape(-1, 4), events[:, 1:].ravel()
    labels, index = np.unique(np.repeat(np.asarray(clusters), returns.shape[1] - 1), return_inverse=True)
    ends = np.full((4, 3), np.nan)
    if y.sum() > 0.0 and np.linalg.matrix_rank(x) == 4:
        model = GLM(y, x, family=Poisson(), exposure=np.full(y.size, float(accounts)))
        by_tape = {"groups": index, "use_correction": False}
        found = model.fit(maxiter=100, tol=1e-12, cov_type="cluster", cov_kwds=by_tape)
        ends = np.column_stack([found.params, found.conf_int()])
    coefficients = tuple(Interval(float(mean), float(low), float(high), labels.size) for mean, low, high in ends)
    return Fit(coefficients, float("nan"), y.size, int(y.sum()), labels.size)


# ---------------------------------------------------------------------- inequality


def gini(values: ArrayLike) -> float:
    """Gini index of amounts; losses count as zero; nan without any amount.

    0 if all have the same, (n - 1) / n if one of n has everything: the plain index, without a correction for n.
    """
    amounts = np.sort(np.maximum(np.asarray(values, np.float64).ravel(), 0.0))
    total = amounts.sum()
    if amounts.size == 0 or total <= 0.0:
        return float("nan")
    rank = np.arange(1, amounts.size + 1)
    return float(((2.0 * rank - amounts.size - 1.0) * amounts).sum() / (amounts.size * total))
