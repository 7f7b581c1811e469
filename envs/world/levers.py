"""The levers as a table, and the shield between what a governor proposes and what the protocol executes.

Ranges, caps, delays and notice periods follow the limits of Aave's risk stewards (three-day delay, a cap a change);
`autonomy` divides delay and notice. A lever moves toward its target by at most one cap each time its delay has passed.
To add a lever: a row in `LEVERS`, its index below, a named field in `venue_dtype` and a line in `apply_levers`.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import exp, inf, isinf, log
from typing import Literal

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.numeric import power
from protogov.envs.world.state import NEVER, NUM_LEVERS, SUBSTEPS, lever_dtype


class CapKind(IntEnum):
    """What the size of a change is measured in."""

    ABSOLUTE = 0  # the parameter's unit
    RATIO = 1  # log of the ratio of the two values: as far down as up
    RELATIVE = 2  # share of the value in force, as Aave's stewards measure changes of supply and borrow caps


class Verdict(IntEnum):
    """A steward's answer to one proposed change."""

    ALLOWED = 0
    TO_ZERO = 1
    TOO_SOON = 2
    OUT_OF_RANGE = 3


class Reason(IntEnum):
    """Why the executed lever is what it is after a decision."""

    AT_TARGET = 0
    MOVED = 1  # announced or executed in full
    CAPPED = 2  # the step toward the target was cut to one cap
    WAITING = 3  # delay or notice still runs
    DEADBAND = 4  # the target is within a quarter of the cap of the present value
    FROZEN = 5  # autonomy 0


BASE_RATE, SLOPE1, SLOPE2, OPTIMAL_UTILISATION = 0, 1, 2, 3
LIQUIDATION_THRESHOLD, LTV_GAP, LIQUIDATION_BONUS, OPTION_MARGIN = 4, 5, 6, 7
HALF_SPREAD, SKEW_SHIFT, VEGA_FEE, HEDGE_RATIO = 8, 9, 10, 11

ROUNDING = 1e-9  # of a cap: a change of exactly one cap may come out a bit larger
MAX_THRESHOLD_WITH_BONUS = 0.98  # threshold * (1 + bonus) stays below: seizing must not raise the loan-to-value


@dataclass(frozen=True)
class Lever:
    """One governed parameter: its range and the limits on its change at autonomy 1.

    `cap` is in the lever's unit; of kind "ratio" the largest ratio of two values, of kind "relative" a share of the
    value in force. `delay_h` and `notice_h` are hours.
    """

    name: str
    unit: str
    low: float
    default: float
    high: float
    map: Literal["linear", "log"]
    cap: float
    delay_h: float
    notice_h: float
    cap_kind: Literal["absolute", "ratio", "relative"] = "absolute"

    def __post_init__(self) -> None:
        """Raises ValueError when the row contradicts itself."""
        if not self.low < self.default < self.high:
            raise ValueError(
                f"lever {self.name}: low {self.low} < default {self.default} < high {self.high} must hold."
            )
        if self.map == "log" and self.low <= 0:
            raise ValueError(f"lever {self.name}: low = {self.low} must be positive for a log map.")
        if self.cap_kind != "absolute" and self.low <= 0:
            raise ValueError(f"lever {self.name}: low = {self.low} must be positive for a {self.cap_kind} cap.")

    def value(self, action: np.ndarray) -> np.ndarray:
        """Physical value of actions in [-1, 1]: -1 low, 0 default, +1 high, piecewise linear or log."""
        side = np.where(np.asarray(action) < 0.0, self.low, self.high)
        share = np.abs(action)
        if self.map == "log":
            return self.default * (side / self.default) ** share
        return self.default + (side - self.default) * share

    def action(self, value: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`value` for physical values within [low, high]."""
        value = np.asarray(value, np.float64)
        side = np.where(value < self.default, self.low, self.high)
        if self.map == "log":
            share = np.log(value / self.default) / np.log(side / self.default)
        else:
            share = (value - self.default) / (side - self.default)
        return np.where(value < self.default, -share, share)


LEVERS: tuple[Lever, ...] = (
    Lever("base_rate", "annual", 0.0, 0.01, 0.10, "linear", 0.01, 72, 24),
    Lever("slope1", "annual", 0.015, 0.05, 0.20, "log", 0.01, 72, 24),
    Lever("slope2", "annual", 0.20, 0.60, 3.00, "log", 0.20, 72, 24),
    Lever("optimal_utilisation", "share", 0.55, 0.88, 0.95, "linear", 0.03, 72, 24),
    Lever("liquidation_threshold", "share", 0.60, 0.83, 0.92, "linear", 0.005, 72, 72),
    Lever("ltv_gap", "share", 0.01, 0.025, 0.25, "linear", 0.005, 72, 0),
    Lever("liquidation_bonus", "share", 0.01, 0.05, 0.15, "linear", 0.005, 72, 24),
    Lever("option_margin", "ratio", 0.8, 1.0, 2.0, "log", 0.05, 72, 72),
    Lever("half_spread", "vol", 0.0025, 0.015, 0.12, "log", 1.25, 12, 0, cap_kind="ratio"),
    Lever("skew_shift", "vol", -0.08, 0.0, 0.08, "linear", 0.01, 12, 0),
    Lever("vega_fee", "ratio", 0.0, 1.0, 4.0, "linear", 0.5, 12, 0),
    Lever("hedge_ratio", "ratio", 0.0, 0.8, 1.2, "linear", 0.2, 12, 0),
)
assert len(LEVERS) == NUM_LEVERS
LEVER_INDEX = {lever.name: index for index, lever in enumerate(LEVERS)}


def lever_rows(autonomy: float) -> np.ndarray:
    """Opening `lever_dtype` rows of a venue: every lever at its default, its limits scaled by `autonomy`.

    Args:
        autonomy: divides delay (never below an hour) and notice; inf lifts cap, delay and notice; 0 freezes.
    """
    rows = np.zeros(NUM_LEVERS, lever_dtype)
    for row, lever in zip(rows, LEVERS, strict=True):
        row["low"], row["default"], row["high"] = lever.low, lever.default, lever.high
        row["log_map"], row["cap_kind"] = lever.map == "log", CapKind[lever.cap_kind.upper()]
        row["executed"] = row["target"] = row["pending"] = lever.default
        row["due"] = NEVER
        row["cap_unit"] = log(lever.cap) if lever.cap_kind == "ratio" else lever.cap
        if isinf(autonomy):
            row["cap"], row["delay"], row["notice"] = inf, 0, 0
        elif autonomy == 0:
            row["cap"], row["delay"], row["notice"] = 0.0, NEVER, 0
        else:
            row["cap"] = row["cap_unit"]
            row["deadband"] = row["cap_unit"] / 4
            row["delay"] = max(SUBSTEPS, round(lever.delay_h * SUBSTEPS / autonomy))
            row["notice"] = round(lever.notice_h * SUBSTEPS / autonomy)
    return rows


@compiled
def target_of_action(lever, action):
    """Physical target of an action clipped to [-1, 1]: -1 low, 0 default, +1 high."""
    share = min(max(action, -1.0), 1.0)
    side = lever.low if share < 0.0 else lever.high
    share = abs(share)
    if lever.log_map:
        return lever.default * power(side / lever.default, share)
    return lever.default + (side - lever.default) * share


@compiled
def distance(cap_kind, value, other):
    """Signed way from `other` to `value` as a cap of that kind measures it; positive values unless absolute."""
    if cap_kind == CapKind.RATIO:
        return log(value / other)
    if cap_kind == CapKind.RELATIVE:
        return (value - other) / other
    return value - other


@compiled
def moved(cap_kind, value, way):
    """The value that lies `way` from `value`; inverse of `distance`."""
    if cap_kind == CapKind.RATIO:
        return value * exp(way)
    if cap_kind == CapKind.RELATIVE:
        return value * (1.0 + way)
    return value + way


@compiled
def steward_verdict(current, new, cap, cap_kind, elapsed, delay, zero_forbidden):
    """May a steward change a parameter from `current` to `new` in one go?

    Only when more than `delay` has passed since the last change (`elapsed`, the same unit of time) and the change is at
    most `cap` as `cap_kind` measures it; never to zero where that would mean no limit at all. Source: Aave's
    RiskSteward, whose order of checks this keeps.
    """
    if zero_forbidden and new == 0.0:
        return Verdict.TO_ZERO
    if elapsed <= delay:
        return Verdict.TOO_SOON
    if abs(distance(cap_kind, new, current)) > cap:
        return Verdict.OUT_OF_RANGE
    return Verdict.ALLOWED


@compiled
def announce(lever, substep):
    """Let the shield act on one lever at the top of an hour: at most one cap toward the target, after its delay.

    A steward refuses a change that is too large; the shield asks for the largest that it allows.
    """
    if lever.due != NEVER:
        lever.reason = Reason.WAITING
        return
    gap = distance(lever.cap_kind, lever.target, lever.executed)
    if gap == 0.0:
        lever.reason = Reason.AT_TARGET
        return
    if lever.delay == NEVER:
        lever.reason = Reason.FROZEN
        return
    if abs(gap) < lever.deadband:
        lever.reason = Reason.DEADBAND
        return
    # what is done in a sub-step is done by its end: a delay of whole sub-steps is over when the same tick comes round
    elapsed = substep + 1 - (lever.allowed - lever.delay)
    verdict = steward_verdict(
        lever.executed, lever.target, lever.cap, lever.cap_kind, elapsed, lever.delay, lever.low > 0.0
    )
    if verdict == Verdict.OUT_OF_RANGE and abs(gap) <= lever.cap * (1.0 + ROUNDING):
        verdict = Verdict.ALLOWED
    if verdict == Verdict.ALLOWED:
        lever.pending = lever.target
        lever.reason = Reason.MOVED
    elif verdict == Verdict.OUT_OF_RANGE:
        lever.pending = moved(lever.cap_kind, lever.executed, lever.cap if gap > 0.0 else -lever.cap)
        lever.reason = Reason.CAPPED
    else:
        lever.reason = Reason.WAITING
        return
    lever.due = substep + lever.notice
    lever.allowed = substep + lever.delay


@compiled
def announce_levers(venue, substep):
    """Top of an hour: every lever may announce one change."""
    rows = venue.levers
    earliest = NEVER
    for index in range(NUM_LEVERS):
        lever = rows[index]
        announce(lever, substep)
        earliest = min(earliest, lever.due)
    venue.next_due = earliest


@compiled
def execute_due_levers(venue, substep):
    """Put announced changes whose notice has passed into force; True when a threshold moved."""
    rows = venue.levers
    earliest = NEVER
    for index in range(NUM_LEVERS):
        lever = rows[index]
        if lever.due <= substep:
            lever.travelled += abs(distance(lever.cap_kind, lever.pending, lever.executed)) / lever.cap_unit
            lever.executed = lever.pending
            lever.due = NEVER
        earliest = min(earliest, lever.due)
    venue.next_due = earliest
    apply_levers(venue)


@compiled
def apply_levers(venue):
    """Copy the levers in force to the named fields that the physics reads; the bonus gives way to the threshold."""
    rows = venue.levers
    venue.base_rate = rows[BASE_RATE].executed
    venue.slope1 = rows[SLOPE1].executed
    venue.slope2 = max(rows[SLOPE2].executed, venue.slope1)
    venue.optimal_utilisation = rows[OPTIMAL_UTILISATION].executed
    threshold = rows[LIQUIDATION_THRESHOLD].executed
    venue.liquidation_threshold = threshold
    venue.loan_to_value = max(threshold - rows[LTV_GAP].executed, 0.0)
    venue.liquidation_bonus = max(
        min(rows[LIQUIDATION_BONUS].executed, MAX_THRESHOLD_WITH_BONUS / threshold - 1.0), 0.0
    )
    venue.option_margin = rows[OPTION_MARGIN].executed
    venue.half_spread = rows[HALF_SPREAD].executed
    venue.skew_shift = rows[SKEW_SHIFT].executed
    venue.vega_fee = rows[VEGA_FEE].executed
    venue.hedge_ratio = rows[HEDGE_RATIO].executed
    venue.mark_stale = 1
