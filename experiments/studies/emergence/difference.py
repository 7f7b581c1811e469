"""Two reports beside each other: which numbers moved, and which claims are made in one of them alone.

The interval of a difference is Welch's, of two independent sets of units, from the standard errors in the reports.
There is none if a number has no standard error, as a ratio with a percentile interval, or fewer than two units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protogov.experiments.core.statistics import LEVEL
from protogov.experiments.core.text import number, signed


@dataclass(frozen=True)
class Change:
    """One number of either report.

    Attributes:
        measure, name: of the number.
        before, after: its value in either, None where it is missing.
        difference: after - before, and `low`, `high` of its 95% interval; None where they are not defined.
        verdicts: in both, "" where it is missing.
        found: whether its claim holds, in both.
    """

    measure: str
    name: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdicts: tuple[str, str]
    found: tuple[bool, bool]

    @property
    def moved(self) -> bool:
        """Whether the interval of the difference excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)

    @property
    def turned(self) -> bool:
        """Whether a claim holds in one report alone."""
        return self.found[0] != self.found[1]

    def row(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "measure": self.measure, "name": self.name, "before": self.before, "after": self.after,
            "difference": self.difference, "interval": [self.low, self.high], "moved": self.moved,
            "verdict_before": self.verdicts[0], "verdict_after": self.verdicts[1], "claim_changed": self.turned,
        }  # fmt: skip


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every number of two reports of `writing.read_report`, in the first one's order, then what only the second has."""
    old, new = ({(one["measure"], one["name"]): one for one in data["measures"]} for data in (before, after))
    return [_change(key, old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]


def _change(key: tuple[str, str], old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Change:
    values = [one["value"] if one is not None else None for one in (old, new)]
    difference = low = high = None
    if values[0] is not None and values[1] is not None:
        difference = values[1] - values[0]
        parts = [_error(one) for one in (old, new) if one is not None]
        if all(part is not None for part in parts):
            low, high = _welch(difference, [part for part in parts if part is not None])
    return Change(
        *key, values[0], values[1], difference, low, high,
        (old["verdict"] if old else "", new["verdict"] if new else ""),
        (bool(old and old["found"]), bool(new and new["found"])),
    )  # fmt: skip


def _error(one: Mapping[str, Any]) -> tuple[float, int] | None:
    """Standard error and number of units, or None where there is no such error."""
    return None if one["error"] is None or one["n"] < 2 else (float(one["error"]), int(one["n"]))


def _welch(difference: float, parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Welch (1947)."""
    from scipy.stats import t as student  # slow to import

    squares = [error**2 for error, _ in parts]
    whole = sum(squares)
    if whole == 0.0:
        return difference, difference
    freedom = whole**2 / sum(square**2 / (n - 1) for square, (_, n) in zip(squares, parts, strict=True))
    half = float(student.ppf(0.5 + LEVEL / 2.0, freedom)) * whole**0.5
    return difference - half, difference + half


def control_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Controls that pass in one report alone, in words."""
    old, new = ({one["name"]: one["passed"] for one in data["controls"]} for data in (before, after))
    words = {True: "passed", False: "failed", None: "was not run"}
    return [
        f"{name}: {words[old.get(name)]} before, {words[new.get(name)]} after"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def described(changes: Sequence[Change], controls: Sequence[str]) -> list[str]:
    """What changed, in lines: claims first, then numbers that moved, then what only one report has."""
    turned = [one for one in changes if one.turned]
    moved = [one for one in changes if one.moved]
    alone = [one for one in changes if (one.before is None) != (one.after is None)]
    lines = [
        f"{len(changes)} numbers: {len(turned)} claims changed, {len(moved)} values differ, {len(alone)} are in one "
        f"report alone, {len(controls)} controls changed."
    ]
    lines += [f"control {line}" for line in controls]
    lines += [
        f"claim {one.measure}, {one.name}: {one.verdicts[0] or '-'} -> {one.verdicts[1] or '-'}" for one in turned
    ]
    lines += [
        f"value {one.measure}, {one.name}: {number(one.before or 0.0)} -> {number(one.after or 0.0)}, "
        f"{signed(one.difference or 0.0)} [{signed(one.low or 0.0)}, {signed(one.high or 0.0)}]"
        for one in sorted(moved, key=lambda one: (one.measure, -abs(one.difference or 0.0)))
    ]
    return lines
