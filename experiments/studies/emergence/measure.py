"""The result of every measure, and how a failed control withholds its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from protogov.envs.interfaces import Governor
from protogov.experiments.core.statistics import ENOUGH_SEEDS, Interval, sign_flips, student_t
from protogov.experiments.core.text import number
from protogov.experiments.studies.emergence.forks import BranchingWorld, Floats, Plan

SIGNIFICANT = 0.05
S = TypeVar("S")  # sample of a measure


@dataclass(frozen=True)
class Finding:
    """One number of a report.

    Attributes:
        measure: its measure, for example "influence".
        name: of the number, for example "total rate_0/0 -> reward/risk_0 @1-4".
        interval: the value with its 95% interval over `n` units: Student's, or a percentile interval without `error`.
        null: the value if there is no effect.
        adjusted_p: two-sided, adjusted for all numbers that the measure tests at once.
        detectable: smallest true difference from `null` that would have been found in 4 of 5 cases.
        verdict: in words. The measure's claim stands in it only if it holds.
        found: whether the claim holds.
        detail: how the number came about in this report. The name holds none of it: by measure and name a number is
            found again in another report.
    """

    measure: str
    name: str
    interval: Interval
    null: float
    adjusted_p: float
    detectable: float
    verdict: str
    found: bool
    detail: str = ""

    @property
    def value(self) -> float:
        """The estimate."""
        return self.interval.mean

    def row(self) -> dict[str, Any]:
        """As it stands in a report; `error` is the standard error, NaN where the interval is not Student's."""
        return {
            "measure": self.measure, "name": self.name, "value": self.value, "low": self.interval.low,
            "high": self.interval.high, "n": self.interval.n, "error": self.interval.error, "null": self.null,
            "adjusted_p": self.adjusted_p, "minimum_detectable_effect": self.detectable, "verdict": self.verdict,
            "detail": self.detail,
        }  # fmt: skip


class Measure(Protocol[S]):
    """A measure of a set of governors: what is run, apart from what is made of it."""

    def extract(self, world: BranchingWorld, governors: Mapping[str, Governor], plan: Plan) -> S:
        """Run what is needed and keep the numbers."""
        ...

    def reduce(self, sample: S) -> list[Finding]:
        """Findings, one family."""
        ...


def family(
    measure: str, claim: str | Sequence[str], names: Sequence[str], values: Floats, *, upward: bool = False
) -> list[Finding]:
    """Findings on means that are 0 if there is nothing, tested together by sign flips over units and max-T.

    Args:
        measure: its name.
        claim: the claim where a mean is not 0, for example "influence"; or k of them, one a member.
        names: of the k members.
        values: F64[units, k].
        upward: whether the claim is made of means above 0 alone.
    """
    flips = sign_flips(values)
    findings = []
    for column, name in enumerate(names):
        own, p = values[:, column], float(flips.adjusted[column])
        spread = float(own.std(ddof=1)) if len(own) > 1 else np.inf
        detectable = flips.detectable * spread if spread > 0.0 else 0.0
        found = bool(len(own) >= ENOUGH_SEEDS and p <= SIGNIFICANT and (own.mean() > 0.0 or not upward))
        words = verdict(claim if isinstance(claim, str) else claim[column], found, len(own), detectable)
        findings.append(Finding(measure, name, student_t(own), 0.0, p, detectable, words, found))
    return findings


def verdict(claim: str, found: bool, units: int, detectable: float) -> str:
    """The claim, or why it is not made."""
    if found:
        return claim
    if units < ENOUGH_SEEDS:
        return f"underpowered: {units} units, {ENOUGH_SEEDS} are needed for a claim"
    if np.isinf(detectable):
        return "not found, and of no size could it have been: too few units for so large a family"
    return f"not found; one of {number(detectable)} would have been in 4 of 5 cases"


# ---------------------------------------------------------------------- controls


@dataclass(frozen=True)
class Control:
    """A case with a known answer: a measure that does not find it does not work here.

    Attributes:
        name: of the control.
        expected, found: in words.
        passed: whether they agree.
        guards: names of the measures whose claims are withheld if it fails.
    """

    name: str
    expected: str
    found: str
    passed: bool
    guards: tuple[str, ...]


def withhold(findings: Sequence[Finding], controls: Sequence[Control]) -> list[Finding]:
    """The findings, without the claims of those measures of which a control failed, and with the reason in words."""
    return [_withheld(finding, [one for one in controls if not one.passed]) for finding in findings]


def _withheld(finding: Finding, failed: Sequence[Control]) -> Finding:
    against = [control for control in failed if finding.measure in control.guards]
    if not against:
        return finding
    reasons = "; ".join(f"{one.name} should be {one.expected} and was {one.found}" for one in against)
    return replace(finding, found=False, verdict=f"withheld, because a control failed: {reasons}")
