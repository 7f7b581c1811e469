"""From rows to what is told: relative scores, Diebold-Mariano, uniform PITs, tails."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.tables import Table, select
from protogov.experiments.studies.pricing.plan import STRIDE

Floats = NDArray[np.float64]
WEEK = 168.0  # hours


@dataclass(frozen=True)
class Compared:
    """A Diebold-Mariano test of two forecasts' scores.

    Attributes:
        difference: mean of one less the other; negative where the first is better.
        error: its HAC standard error.
        p: two-sided, of a difference of zero.
        lags: that the error counts.
    """

    difference: float
    error: float
    p: float
    lags: int


def diebold_mariano(difference: Floats, tape: NDArray[np.int64], lags: int) -> Compared:
    """Whether two forecasts score alike, from the differences of their scores (Diebold and Mariano 1995).

    The error is Newey and West's (Bartlett weights) within each tape, by statsmodels; tapes are independent.

    Args:
        difference: F64[m], in order of time within each tape.
        tape: I64[m], ascending.
        lags: decisions by which scores of overlapping windows depend on each other: the horizon, less one.
    """
    import statsmodels.api as sm

    _, counts = np.unique(tape, return_counts=True)
    used = int(min(lags, counts.min() - 1))
    fitted = sm.OLS(difference, np.ones(len(difference))).fit(
        cov_type="hac-panel", cov_kwds={"groups": np.asarray(tape, np.int64), "maxlags": used, "use_correction": False}
    )
    return Compared(float(fitted.params[0]), float(fitted.bse[0]), float(fitted.pvalues[0]), used)


def by_decision(table: Table, values: Floats, near: bool | None) -> tuple[Floats, NDArray[np.int64], int]:
    """Means over the expiries of each tape and hour, with tapes and the horizon's lags.

    Args:
        table: scores.
        values: F64[m], of its rows.
        near: expiries within a week, those beyond it, or all (None).
    """
    chosen = np.ones(len(values), np.bool_) if near is None else (table["hours"] <= WEEK) == near
    rows = select(table, chosen)
    if not len(rows["tape"]):
        return np.zeros(0), np.zeros(0, np.int64), 0
    keys = rows["tape"].astype(np.int64) * 10**6 + rows["hour"].astype(np.int64)
    unique, places = np.unique(keys, return_inverse=True)
    sums = np.bincount(places, values[chosen]) / np.bincount(places)
    step = float(np.diff(np.unique(rows["hour"])).min()) if len(np.unique(rows["hour"])) > 1 else STRIDE * 6.0
    return sums, unique // 10**6, max(ceil(float(rows["hours"].max()) / step) - 1, 0)


def uniform_p(pit: Floats) -> float:
    """p-value of Kolmogorov and Smirnov that values are uniform on (0, 1); NaN with fewer than 8."""
    from scipy.stats import kstest

    return float(kstest(pit, "uniform").pvalue) if len(pit) >= 8 else float("nan")


def binomial_p(hits: int, trials: int, share: float) -> float:
    """Two-sided p-value that hits come with a share; NaN without trials."""
    from scipy.stats import binomtest

    return float(binomtest(hits, trials, share).pvalue) if trials else float("nan")


def pit_counts(pit: Floats, bins: int = 10) -> NDArray[np.int64]:
    """PIT values in equal bins, I64[bins]."""
    return np.histogram(pit, bins=bins, range=(0.0, 1.0))[0].astype(np.int64)
