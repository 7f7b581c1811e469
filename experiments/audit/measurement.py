"""What every audit hands back: a table and sentences that say what it shows; and how differences are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.core.tables import Table

Floats = NDArray[np.float64]
FIRST_SELECTION = 2**41  # first tape seed on which anything is searched or chosen
FIRST_SCORING = 2**42  # first tape seed on which it is scored
PICKING = 2**22  # tapes after the first of selection from which on winners are picked: no search comes so far
CLAIM_TAPES = 12288  # paired tapes where a sign is claimed
FIRST_TAPES = 2048  # of these, on which is seen whether there may be a sign
SIGNIFICANT = 2.0  # standard errors
PROMISING = 1.0  # standard errors on the first tapes from which on a difference goes on to the others


@dataclass(frozen=True)
class Measurement:
    """One thing that was measured.

    Attributes:
        name: of the subcommand.
        question: that it answers.
        said: what came out, a sentence each; no measurement passes or fails.
        table: what was measured.
        notes: tapes, budget and other facts a reader needs.
        more: further tables by the name of their file.
    """

    name: str
    question: str
    said: tuple[str, ...]
    table: Table
    notes: tuple[str, ...] = ()
    more: Mapping[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Paired:
    """Mean of paired differences and its standard error.

    Attributes:
        mean: of the differences.
        error: its standard error.
        n: differences.
    """

    mean: float
    error: float
    n: int

    @classmethod
    def of(cls, differences: Floats) -> "Paired":
        """Of independent differences, one a tape.

        Raises:
            ValueError: fewer than two.
        """
        if differences.size < 2:
            raise ValueError(f"differences hold {differences.size} values; at least 2 are needed.")
        return cls(
            float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(differences.size)), differences.size
        )

    @property
    def z(self) -> float:
        """Mean in standard errors; 0 for a difference that is exactly nothing."""
        if self.error > 0.0:
            return self.mean / self.error
        return 0.0 if self.mean == 0.0 else float(np.copysign(np.inf, self.mean))

    @property
    def half_width(self) -> float:
        """Of Student's interval of 95%."""
        from scipy.stats import t as student  # slow to import

        return float(student.ppf(0.975, self.n - 1)) * self.error

    @property
    def low(self) -> float:
        """Lower end of the 95% interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the 95% interval."""
        return self.mean + self.half_width

    @property
    def p(self) -> float:
        """Student's probability of so large a mean where nothing is gained; one-sided."""
        from scipy.stats import t as student  # slow to import

        return float(student.sf(self.z, self.n - 1))


def holm(p: Floats) -> Floats:
    """Holm's step-down adjusted probabilities of one family of tests, F64[n] in the order of `p`.

    NaN is no test: it stays NaN and does not count.
    """
    adjusted = np.full(len(p), np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests])]
    adjusted[order] = np.maximum.accumulate(np.minimum(p[order] * np.arange(len(order), 0, -1), 1.0))
    return adjusted


def columns(rows: list[dict[str, object]]) -> Table:
    """A table of rows that have the same keys."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def told(found: Paired) -> str:
    """A mean with its interval, in bp."""
    return f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
