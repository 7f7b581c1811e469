"""The shield between what a governor proposes and what the protocol executes. The table is in `lever_table.py`.

Ranges, caps, delays and notice periods follow the limits of Aave's risk stewards (three days of delay, a cap on each
change). `autonomy` divides delay and notice. Each time its delay has passed, a lever moves toward its target by at most
one cap.
"""

from collections.abc import Mapping
from enum import IntEnum
from math import exp, inf, isinf, log

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.lever_table import AT, LEVERS, NUM_LEVERS, with_defaults
from protogov.envs.world.state import NEVER, SUBSTEPS, lever_dtype


class CapKind(IntEnum):
    """How the size of a change is measured."""

    ABSOLUTE = 0  # difference in the parameter's unit
    RATIO = 1  # log of the ratio of the two values: the same size down as up
    RELATIVE = 2  # share of the current value, as Aave's stewards measure changes of supply and borrow caps


class Verdict(IntEnum):
    """A steward's answer to one proposed change."""

    ALLOWED = 0
    TO_ZERO = 1
    TOO_SOON = 2
    OUT_OF_RANGE = 3


class Reason(IntEnum):
    """Why the executed lever has its value after a decision."""

    AT_TARGET = 0
    MOVED = 1  # the whole change was announced or executed
    CAPPED = 2  # the step toward the target was cut to one cap
    WAITING = 3  # the delay or the notice has not ended
    DEADBAND = 4  # the target is less than a quarter of the cap away from the present value
    FROZEN = 5  # autonomy is 0


ROUNDING = 1e-9  # share of a cap: rounding may make a change of exactly one cap slightly larger
MAX_THRESHOLD_WITH_BONUS = 0.98  # upper limit of threshold * (1 + bonus): a seizure must not raise the loan-to-value


def opening_levers(autonomy: float, defaults: Mapping[str, float] | None = None) -> np.ndarray:
    """Opening `lever_dtype` rows of a venue: every lever at its default, with its limits scaled by `autonomy`.

    Args:
        autonomy: divides delay (never below an hour) and notice; inf removes cap, delay and notice; 0 freezes levers.
        defaults: lever name -> value that replaces the default of the table.
    """
    rows = np.zeros(NUM_LEVERS, lever_dtype)
    for row, lever in zip(rows, with_defaults(LEVERS, defaults or {}), strict=True):
        row["low"], row["default"], row["high"] = lever.low, lever.default, lever.high
        row["log_map"], row["cap_kind"] = lever.log_map, CapKind[lever.cap_kind.upper()]
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
def distance(cap_kind, value, other):
    """Signed distance from `other` to `value`, as this kind of cap measures it; positive values unless absolute."""
    if cap_kind == CapKind.RATIO:
        return log(value / other)
    if cap_kind == CapKind.RELATIVE:
        return (value - other) / other
    return value - other


@compiled
def moved(cap_kind, value, way):
    """The value at the signed distance `way` from `value`; the inverse of `distance`."""
    if cap_kind == CapKind.RATIO:
        return value * exp(way)
    if cap_kind == CapKind.RELATIVE:
        return value * (1.0 + way)
    return value + way


@compiled
def steward_verdict(current, new, cap, cap_kind, elapsed, delay, zero_forbidden):
    """Whether a steward may change a parameter from `current` to `new` in one step.

    The change is allowed if two conditions hold. More than `delay` has passed since the last change (`elapsed`, in the
    same unit of time). And the change is at most `cap`, measured by `cap_kind`. `zero_forbidden` refuses a change to
    zero, for parameters where zero would mean "no limit". Source: Aave's RiskSteward, with its order of checks.
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
    """The shield acts on one lever at the top of an hour: it announces at most one cap toward the target.

    It acts only after the delay. A steward refuses a change that is too large. The shield therefore proposes the
    largest change that the steward allows.
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
    # a sub-step counts as finished here: a delay of whole sub-steps ends when the same point of the clock returns
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
    """Top of an hour: each lever may announce one change."""
    rows = venue.levers
    earliest = NEVER
    for index in range(NUM_LEVERS):
        lever = rows[index]
        announce(lever, substep)
        earliest = min(earliest, lever.due)
    venue.next_due = earliest


@compiled
def execute_due_levers(venue, substep):
    """Execute announced changes whose notice has passed, and copy all levers to the fields of the venue."""
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
    """Copy the executed levers to the named fields that the physics reads."""
    rows = venue.levers
    venue.base_rate = rows[AT.base_rate].executed
    venue.slope1 = rows[AT.slope1].executed
    venue.slope2 = max(rows[AT.slope2].executed, venue.slope1)
    venue.optimal_utilisation = rows[AT.optimal_utilisation].executed
    venue.ltv_gap = rows[AT.ltv_gap].executed
    if venue.engine_ltv > 0.0:  # a margin engine moves the threshold, see margin_engine.py
        put_threshold(venue, venue.liquidation_threshold, engine_threshold(venue))
    else:
        threshold = rows[AT.liquidation_threshold].executed
        put_threshold(venue, threshold, threshold)
    venue.option_margin = rows[AT.option_margin].executed
    venue.half_spread = rows[AT.half_spread].executed
    venue.skew_shift = rows[AT.skew_shift].executed
    venue.vega_fee = rows[AT.vega_fee].executed
    venue.hedge_ratio = rows[AT.hedge_ratio].executed
    venue.mark_stale = 1


@compiled
def put_threshold(venue, threshold, for_new_loans):
    """Put a liquidation threshold into force, and the loan-to-value, which also stays the gap below `for_new_loans`.

    The bonus is lowered where threshold * (1 + bonus) would exceed `MAX_THRESHOLD_WITH_BONUS`.
    """
    venue.liquidation_threshold = threshold
    venue.loan_to_value = max(min(threshold, for_new_loans) - venue.ltv_gap, 0.0)
    bonus = venue.levers[AT.liquidation_bonus].executed
    venue.liquidation_bonus = max(min(bonus, MAX_THRESHOLD_WITH_BONUS / threshold - 1.0), 0.0)


@compiled
def engine_threshold(venue):
    """Liquidation threshold that a margin engine wants: its limit, within the range of the lever.

    The lever is measured from its default: moved up by one point, it moves the engine's limit up by one point.
    """
    lever = venue.levers[AT.liquidation_threshold]
    return min(max(venue.engine_ltv + (lever.executed - lever.default), lever.low), lever.high)
