"""Intervals, tails, resampling and families of tests, for every study."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.experiments.core.tables import Table, columns, groups, num_rows

Floats = NDArray[np.float64]
LEVEL = 0.95
TAIL = 0.05
POWER = 0.8  # probability with which the smallest detectable effect would be found
ENOUGH_SEEDS = 8  # with fewer training seeds a comparison of learners is called underpowered
RESAMPLES = 1000
_ENDS = (50.0 * (1.0 - LEVEL), 50.0 * (1.0 + LEVEL))  # percentiles


@dataclass(frozen=True)
class Interval:
    """A number with its confidence interval.

    Attributes:
        mean: the estimate; in most cases a mean.
        low, high: ends of the interval; infinite for a single value.
        n: number of values.
        error: standard error; nan if the interval was not made from one.
    """

    mean: float
    low: float
    high: float
    n: int = 0
    error: float = float("nan")

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2.0

    @property
    def z(self) -> float:
        """The estimate in standard errors; 0 if the estimate is exactly 0."""
        if self.error > 0.0:
            return self.mean / self.error
        return 0.0 if self.mean == 0.0 else float(np.copysign(np.inf, self.mean))

    @property
    def p(self) -> float:
        """One-sided p-value of Student's test that the mean is above zero."""
        from scipy.stats import t as student  # slow to import

        return float(student.sf(self.z, self.n - 1))


def _finite(values: ArrayLike) -> Floats:
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
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    array = _finite(values)
    mean = float(array.mean())
    if array.size == 1:
        return Interval(mean, -np.inf, np.inf, 1)
    error = float(array.std(ddof=1)) / sqrt(array.size)
    half = float(stdtrit(array.size - 1, 0.5 + level / 2.0)) * error
    return Interval(mean, mean - half, mean + half, array.size, error)


def share_of(hits: int, trials: int, level: float = LEVEL) -> Interval:
    """A probability with its exact interval (Clopper and Pearson 1934), with equal tails.

    Args:
        hits: 0 to `trials`.
        trials: independent trials, at least 1.
        level: minimum coverage.
    """
    from scipy.stats import binomtest

    found = binomtest(int(hits), int(trials)).proportion_ci(level, method="exact")
    return Interval(hits / trials, float(found.low), float(found.high), int(trials))


def cluster_means(values: ArrayLike, clusters: ArrayLike) -> Floats:
    """Mean of the values of each cluster, F64[clusters] in the order of the sorted labels."""
    array, labels = _finite(values), np.asarray(clusters)
    if labels.shape != array.shape:
        raise ValueError(f"clusters have shape {labels.shape}; {array.shape} is needed.")
    return np.array([array[labels == label].mean() for label in np.unique(labels)])


def means_by(table: Table, by: Sequence[str], of: Sequence[str]) -> Table:
    """One row per group: mean of each column named in `of`, with its Student's interval as `NAME_low` and `NAME_high`.

    Args:
        table: independent rows.
        by: columns whose values make a group.
        of: columns of numbers.
    """
    rows = []
    for key, own in groups(table, by):
        for name in of:
            key |= interval_columns(name, student_t(own[name]))
        rows.append(key | {"n": num_rows(own)})
    return columns(rows)


def interval_columns(name: str, found: Interval) -> dict[str, float]:
    """Columns of one interval for `interval_of`: `NAME`, `NAME_low`, `NAME_high`."""
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


def interval_of(table: Table, row: int, name: str) -> Interval:
    """An interval of a table of `means_by` or `interval_columns`."""
    mean, low, high = (float(table[f"{name}{end}"][row]) for end in ("", "_low", "_high"))
    return Interval(mean, low, high)


def interval_in(row: Mapping[str, float], name: str) -> Interval:
    """An interval of one row of such a table."""
    return Interval(row[name], row[f"{name}_low"], row[f"{name}_high"])


def ends_of(intervals: Mapping[str, Interval]) -> dict[str, float]:
    """Columns of several intervals, by name."""
    return {end: value for name, one in intervals.items() for end, value in interval_columns(name, one).items()}


# ---------------------------------------------------------------------- tails


def expected_shortfall(values: ArrayLike, share: float = TAIL) -> float:
    """Mean of the lowest `share` of the values; the value on the boundary counts partly.

    Args:
        values: finite floats [n].
        share: of the values in the tail, within (0, 1].

    Raises:
        ValueError: no values, one that is not finite, or a share out of range.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share is {share}; it must lie in (0, 1].")
    return float(lowest_mean(_finite(values), share))


def lowest_mean(values: Floats, share: float = TAIL) -> Floats:
    """`expected_shortfall` along the last axis of float64 [..., n].

    Acerbi and Tasche (2002), 'On the coherence of expected shortfall', equation 4.4 for a sample.
    """
    count = share * values.shape[-1]
    weights = np.clip(count - np.arange(values.shape[-1]), 0.0, 1.0)
    return np.asarray((np.sort(values, axis=-1) * weights).sum(axis=-1) / count)


def value_at_risk(losses: Floats, level: float) -> Floats:
    """The loss that is exceeded with probability 1 - `level`: the ceil(n * level)-th smallest of the last axis.

    Args:
        losses: float64 [..., n], a loss is positive.
        level: within (0, 1), for example 0.95.
    """
    # rounding may put a product like 0.95 * 20 slightly above the whole number
    return np.asarray(np.sort(losses, axis=-1)[..., max(ceil(losses.shape[-1] * level - 1e-9), 1) - 1])


# ---------------------------------------------------------------------- resampling whole seeds


def seed_draws(seeds: int, resamples: int = RESAMPLES) -> NDArray[np.int64]:
    """Numbers of the seeds of each resample, int64 [resamples, seeds]; always the same, so pairs stay pairs."""
    return np.random.default_rng(0).integers(0, seeds, (resamples, seeds))


def percentile(estimate: float, replicated: ArrayLike, n: int = 0) -> Interval:
    """An estimate with the 95% percentile interval of its finite replicates; nan if fewer than half are finite."""
    values = np.asarray(replicated, np.float64)
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.size < 0.5 * values.size:
        return Interval(float(estimate), float("nan"), float("nan"), n)
    low, high = np.percentile(finite, _ENDS)
    return Interval(float(estimate), float(low), float(high), n)


def bootstrap_mean(values: Floats, draws: NDArray[np.int64]) -> Interval:
    """Mean of float64 [seeds] with its percentile interval over `draws` of :func:`seed_draws`."""
    return percentile(float(values.mean()), values[draws].mean(axis=1), values.size)


# ---------------------------------------------------------------------- families of tests


def holm(p: Floats) -> Floats:
    """Holm's step-down adjusted probabilities of one family of tests, F64[n] in the order of `p`.

    NaN means no test: it stays NaN and does not count.
    """
    from statsmodels.stats.multitest import multipletests  # slow to import

    adjusted = np.full(len(p), np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    if tests.size:
        adjusted[tests] = multipletests(p[tests], method="holm")[1]
    return adjusted


def critical_max_t(differences: Iterable[Floats], draws: NDArray[np.int64]) -> float:
    """95% quantile of the largest |resampled mean - mean| / standard error over a family (Westfall and Young 1993).

    Members whose |mean| exceeds this number of standard errors differ from zero simultaneously.

    Args:
        differences: paired differences of each member, float64 [seeds] each, in the same order of seeds.
        draws: of :func:`seed_draws`.
    """
    largest = np.zeros(len(draws))
    for values in differences:
        error = values.std(ddof=1) / np.sqrt(values.size)
        if error > 0.0:
            largest = np.maximum(largest, np.abs(values[draws].mean(axis=1) - values.mean()) / error)
    return float(np.quantile(largest, LEVEL))


@dataclass(frozen=True)
class SignFlips:
    """The result of `sign_flips` for a family of k means.

    Attributes:
        p: F64[k], two-sided p-value of each mean alone.
        adjusted: F64[k], p-value of each mean as a member of the family: max-T in a single step.
        detectable: true mean that would be significant in the family in 4 of 5 cases, in standard deviations of its
            values; infinite if no mean can be significant, because there are too few units.
    """

    p: Floats
    adjusted: Floats
    detectable: float


def sign_flips(values: Floats, flips: int = 9999) -> SignFlips:
    """Test whether means are zero by flipping the signs of whole units: all members of a unit at once.

    Exact if there are at most `flips` possible flips: the smallest two-sided p is 2 / 2^n, .0625 for 5 units and .00049
    for 12. Members are compared by |sum| / sqrt(sum of squares), which increases with |t| and is finite without spread
    (Westfall and Young 1993). NaN means no test: a member with a NaN stays NaN and does not count.

    Args:
        values: F64[n, k], one row per unit (a training seed, or a tape), one column per member; symmetric
            about 0 under the null hypothesis.
        flips: largest number of flips.
    """
    from scipy.stats import permutation_test  # slow to import

    tests = np.flatnonzero(np.isfinite(values).all(axis=0))
    p, adjusted = np.full((2, values.shape[1]), np.nan)
    if len(values) < 2 or not tests.size:  # a single unit has only one flip, which proves nothing
        return SignFlips(p, adjusted, inf)
    length = np.sqrt((values[:, tests] ** 2).sum(axis=0))
    directions = values[:, tests] / np.where(length > 0.0, length, 1.0)
    found = permutation_test(
        (directions,), lambda x, axis: np.abs(x.sum(axis=axis)), permutation_type="samples", vectorized=True,
        n_resamples=flips, batch=max(1, 10_000_000 // directions.size), alternative="greater", rng=0,
    )  # fmt: skip
    chance, observed = (
        found.null_distribution + 1e-9,
        found.statistic,
    )  # the margin: sums in another order differ in their last bits
    largest = chance.max(axis=1)
    one = int(len(chance) == flips)  # if flips are drawn, the observed one counts in addition
    p[tests] = ((chance >= observed).sum(axis=0) + one) / (len(chance) + one)
    adjusted[tests] = ((largest[:, None] >= observed).sum(axis=0) + one) / (len(chance) + one)
    return SignFlips(p, adjusted, _detectable(largest, len(values)))


def _detectable(largest: Floats, n: int) -> float:
    """`SignFlips.detectable`, from F[flips], the largest |sum| / sqrt(sum of squares) of each flip, and n units."""
    critical = float(np.quantile(largest, LEVEL, method="higher")) ** 2 / n  # 1 if all units have the same value
    if critical >= 1.0 - 1e-6:
        return inf
    return detectable_mean(sqrt((n - 1) * critical / (1.0 - critical)), n)


def detectable_mean(critical: float, n: int) -> float:
    """The true mean, in standard deviations, for which the t of n values exceeds `critical` in 4 of 5 cases.

    Uses the noncentral t. The root-finder of statsmodels' `TTestPower` fails at levels below about 1e-4, which large
    families have.

    Args:
        critical: value of |t|; the value of a single test at 5% is used if it is larger.
        n: number of values, at least 2.
    """
    from scipy.optimize import brentq  # slow to import
    from scipy.stats import nct
    from scipy.stats import t as student

    least = max(critical, float(student.isf(0.5 * (1.0 - LEVEL), n - 1)))
    found = brentq(lambda shift: nct.sf(least, n - 1, shift) - POWER, 0.0, 4.0 * least + 10.0)
    return float(found) / sqrt(n)
