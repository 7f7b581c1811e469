"""The lever table and the shield: caps, delays, notice, deadband, reasons, and what autonomy does to them."""

import itertools
import math
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.roles import ROLES
from protogov.envs.world.lever_table import (
    AT,
    LEVER_INDEX,
    LEVERS,
    NUM_LEVERS,
    Lever,
    action_of_value,
    levers_of,
    value_of_action,
    with_defaults,
)
from protogov.envs.world.levers import (
    CapKind,
    Reason,
    Verdict,
    announce,
    announce_levers,
    apply_levers,
    execute_due_levers,
    opening_levers,
    steward_verdict,
)
from protogov.envs.world.state import NEVER

BY_INDEX = pytest.mark.parametrize("index", range(NUM_LEVERS), ids=[lever.name for lever in LEVERS])

# game.md: (low, default, high, cap), (least delay [h] at autonomy 1, 12, 72), (notice [h] at 1, 12, 72)
SPECIFIED: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "base_rate": ((0.0, 0.01, 0.10, 0.01), (72, 6, 1), (24, 2, 1 / 3)),
    "slope1": ((0.015, 0.05, 0.20, 0.01), (72, 6, 1), (24, 2, 1 / 3)),
    "slope2": ((0.20, 0.60, 3.00, 0.20), (72, 6, 1), (24, 2, 1 / 3)),
    "optimal_utilisation": ((0.55, 0.88, 0.95, 0.03), (72, 6, 1), (24, 2, 1 / 3)),
    "liquidation_threshold": ((0.60, 0.83, 0.92, 0.005), (72, 6, 1), (72, 6, 1)),
    "ltv_gap": ((0.01, 0.025, 0.25, 0.005), (72, 6, 1), (0, 0, 0)),
    "liquidation_bonus": ((0.01, 0.05, 0.15, 0.005), (72, 6, 1), (24, 2, 1 / 3)),
    "option_margin": ((0.8, 1.0, 2.0, 0.05), (72, 6, 1), (72, 6, 1)),
    "half_spread": ((0.0025, 0.015, 0.12, math.log(1.25)), (12, 1, 1), (0, 0, 0)),
    "skew_shift": ((-0.08, 0.0, 0.08, 0.01), (12, 1, 1), (0, 0, 0)),
    "vega_fee": ((0.0, 1.0, 4.0, 0.5), (12, 1, 1), (0, 0, 0)),
    "hedge_ratio": ((0.0, 0.8, 1.2, 0.2), (12, 1, 1), (0, 0, 0)),
}
LOGARITHMIC = {"slope1", "slope2", "option_margin", "half_spread"}


class Shield:
    """A venue's levers on their own, run hour by hour as `step.py` runs them."""

    def __init__(self, bench: Any) -> None:
        self.venue = bench.venue
        self.rows = bench.venue.levers
        self.substep = 0
        self.changes: list[tuple[Any, ...]] = []  # (sub-step, lever, from, to)
        self.announced: list[tuple[Any, ...]] = []  # (sub-step, lever, pending)

    def aim(self, index: int, value: float) -> None:
        self.rows[index].target = value

    def hour(self) -> None:
        self.land()
        pending = [row.due == NEVER for row in self.rows]
        announce_levers(self.venue, self.substep)
        for index, none in enumerate(pending):
            if none and self.rows[index].due != NEVER:
                self.announced.append((self.substep, index, float(self.rows[index].pending)))
        for _ in range(12):
            self.land()
            self.substep += 1

    def land(self) -> None:
        if self.venue.next_due <= self.substep:
            before = self.executed()
            execute_due_levers(self.venue, self.substep)
            after = self.executed()
            for changed in np.flatnonzero(before != after).tolist():
                self.changes.append((self.substep, changed, before[changed], after[changed]))

    def hours(self, count: int) -> None:
        for _ in range(count):
            self.hour()

    def executed(self) -> np.ndarray:
        return np.array([row.executed for row in self.rows])


# ---------------------------------------------------------------- the table


def test_the_table_is_the_specified_one() -> None:
    assert tuple(lever.name for lever in LEVERS) == tuple(SPECIFIED)
    assert LEVER_INDEX == {name: index for index, name in enumerate(SPECIFIED)}
    assert AT._asdict() == LEVER_INDEX and len(LEVERS) == NUM_LEVERS
    for lever in LEVERS:
        assert lever.log_map == (lever.name in LOGARITHMIC)
        assert lever.cap_kind == ("ratio" if lever.name == "half_spread" else "absolute")


def test_every_lever_belongs_to_one_role_and_the_joint_one_has_all() -> None:
    for name, positions in {"rate": (0, 1, 2, 3), "risk": (4, 5, 6, 7), "spread": (8, 9, 10, 11)}.items():
        assert levers_of(name) == positions
        assert ROLES[name].levers == tuple(LEVERS[index].name for index in positions)
    assert ROLES["joint"].levers == tuple(lever.name for lever in LEVERS)


@pytest.mark.parametrize(("autonomy", "column"), [(1.0, 0), (12.0, 1), (72.0, 2)])
def test_limits_at_each_autonomy(autonomy: float, column: int) -> None:
    for row, (values, delay, notice) in zip(opening_levers(autonomy), SPECIFIED.values(), strict=True):
        assert (row["low"], row["default"], row["high"], row["cap"]) == pytest.approx(values)
        assert row["delay"] == delay[column] * 12
        assert row["notice"] == pytest.approx(notice[column] * 12)
        assert row["deadband"] == pytest.approx(values[3] / 4)
        assert row["executed"] == row["target"] == row["pending"] == row["default"]
        assert row["due"] == NEVER


def test_no_limits_and_no_change_at_the_two_ends_of_autonomy() -> None:
    free, frozen = opening_levers(inf), opening_levers(0.0)
    assert np.isinf(free["cap"]).all() and not free["delay"].any() and not free["notice"].any()
    assert not free["deadband"].any()
    assert (frozen["delay"] == NEVER).all()


@pytest.mark.parametrize("autonomy", [1.0, 7.3, 12.0, 72.0, 500.0])
def test_delay_is_never_below_an_hour_and_notice_never_above_the_delay(autonomy: float) -> None:
    rows = opening_levers(autonomy)
    assert (rows["delay"] >= 12).all() and (rows["notice"] <= rows["delay"]).all()


def test_a_row_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lever x: low 2.0 <= default 1.0 <= high 3.0 must hold"):
        Lever("x", "rate", "", 2.0, 1.0, 3.0, "linear", 0.1, 1, 0)
    with pytest.raises(ValueError, match=r"lever x: low = 0.0 must be positive for a log map"):
        Lever("x", "rate", "", 0.0, 1.0, 3.0, "log", 0.1, 1, 0)
    with pytest.raises(ValueError, match=r"lever x: low = 0.0 must be positive for a relative cap"):
        Lever("x", "rate", "", 0.0, 1.0, 3.0, "linear", 0.1, 1, 0, cap_kind="relative")


# ---------------------------------------------------------------- the steward's rule

CAP, RATIO, SHARE = CapKind.ABSOLUTE, CapKind.RATIO, CapKind.RELATIVE


@pytest.mark.parametrize(
    ("current", "new", "cap", "kind", "elapsed", "verdict"),
    [
        (8000, 8300, 300, CAP, 4, Verdict.ALLOWED),  # just the cap
        (8000, 7700, 300, CAP, 4, Verdict.ALLOWED),
        (8000, 8301, 300, CAP, 4, Verdict.OUT_OF_RANGE),
        (8000, 7699, 300, CAP, 4, Verdict.OUT_OF_RANGE),
        (8000, 8000, 300, CAP, 4, Verdict.ALLOWED),
        (8000, 8300, 300, CAP, 3, Verdict.TOO_SOON),  # more than the delay, not the delay itself
        (8000, 9999, 300, CAP, 3, Verdict.TOO_SOON),  # what is both too soon and too large is too soon
        (8000, 9999, math.inf, CAP, math.inf, Verdict.ALLOWED),
        (1000, 1500, 0.5, SHARE, 4, Verdict.ALLOWED),  # a share of the value in force, the same up and down
        (1000, 500, 0.5, SHARE, 4, Verdict.ALLOWED),
        (1000, 1501, 0.5, SHARE, 4, Verdict.OUT_OF_RANGE),
        (1000, 499, 0.5, SHARE, 4, Verdict.OUT_OF_RANGE),
        (1000, 2000, math.log(2.0), RATIO, 4, Verdict.ALLOWED),  # doubled, and halved
        (1000, 500, math.log(2.0), RATIO, 4, Verdict.ALLOWED),
        (1000, 2001, math.log(2.0), RATIO, 4, Verdict.OUT_OF_RANGE),
        (1000, 499, math.log(2.0), RATIO, 4, Verdict.OUT_OF_RANGE),
        (100, 0, 300, CAP, 4, Verdict.TO_ZERO),
        (100, 0, 300, CAP, 3, Verdict.TO_ZERO),  # refused for good, so that is what is said
        (100, 0, 1.0, SHARE, 4, Verdict.TO_ZERO),
    ],
)
def test_verdicts(current: float, new: float, cap: float, kind: CapKind, elapsed: float, verdict: Verdict) -> None:
    assert steward_verdict(current, new, cap, kind, elapsed, 3, True) == verdict
    if verdict != Verdict.TO_ZERO:
        assert steward_verdict(current, new, cap, kind, elapsed, 3, False) == verdict


def test_zero_is_a_value_where_it_is_not_forbidden() -> None:
    assert steward_verdict(100, 0, 300, CAP, 4, 3, False) == Verdict.ALLOWED
    assert steward_verdict(400, 0, 300, CAP, 4, 3, False) == Verdict.OUT_OF_RANGE


def test_a_lever_whose_cap_is_relative_moves_by_a_share_of_itself(blank: Callable[..., Any]) -> None:
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[AT.slope2]  # delay 6 h, notice 2 h
    row.cap_kind, row.cap = CapKind.RELATIVE, 0.3
    shield.aim(AT.slope2, 3.0)
    shield.hours(13)
    assert [pending for *_, pending in shield.announced] == pytest.approx([0.6 * 1.3, 0.6 * 1.3**2, 0.6 * 1.3**3])
    shield.aim(AT.slope2, 0.2)
    shield.hours(6)
    assert shield.announced[-1][2] == pytest.approx(0.6 * 1.3**3 * 0.7)


@given(
    current=st.floats(0.6, 0.92), target=st.floats(0.6, 0.92), waited=st.integers(0, 200), delay=st.integers(12, 100)
)
def test_the_shield_asks_the_rule(
    blank: Callable[..., Any], current: float, target: float, waited: int, delay: int
) -> None:
    # a change that the rule allows is made in full, one that is too large as far as it allows, and none too soon
    row = blank(autonomy=12.0).venue.levers[AT.liquidation_threshold]
    row.executed, row.target, row.deadband, row.delay, row.notice = current, target, 0.0, delay, 0
    row.allowed = delay  # the last change was at sub-step 0
    announce(row, waited)
    # an act in sub-step k is over at its end, in sub-step k + 1
    verdict = steward_verdict(current, target, row.cap, CAP, waited + 1, delay, True)
    assert (row.due != NEVER) == (waited >= delay and target != current)
    if row.due != NEVER:
        assert verdict in (Verdict.ALLOWED, Verdict.OUT_OF_RANGE)
        assert (row.pending == target) == (verdict == Verdict.ALLOWED)
        assert steward_verdict(current, row.pending, row.cap * (1 + 1e-9), CAP, waited + 1, delay, True) == (
            Verdict.ALLOWED
        )
    elif target != current:
        assert verdict == Verdict.TOO_SOON and row.reason == Reason.WAITING


# ---------------------------------------------------------------- actions


@BY_INDEX
def test_actions_map_to_the_range_piecewise(index: int) -> None:
    lever, row = LEVERS[index], opening_levers(1.0).view(np.recarray)[index]
    assert value_of_action(row, -1.0) == pytest.approx(lever.low, abs=1e-15)
    assert value_of_action(row, 0.0) == lever.default
    assert value_of_action(row, 1.0) == pytest.approx(lever.high)
    assert value_of_action(row, -7.0) == value_of_action(row, -1.0)
    assert value_of_action(row, 7.0) == value_of_action(row, 1.0)
    middle = value_of_action(row, 0.5), value_of_action(row, -0.5)
    if lever.map == "log":
        expected = math.sqrt(lever.default * lever.high), math.sqrt(lever.default * lever.low)
    else:
        expected = (lever.default + lever.high) / 2, (lever.default + lever.low) / 2
    assert middle == pytest.approx(expected, rel=1e-12)


@BY_INDEX
@given(action=st.floats(-1.0, 1.0))
def test_the_action_map_has_an_inverse_and_two_equal_forms(index: int, action: float) -> None:
    lever, row = LEVERS[index], opening_levers(1.0).view(np.recarray)[index]
    value = value_of_action(row, action)
    assert min(lever.low, lever.high) - 1e-12 <= value <= lever.high + 1e-12
    assert float(lever.value(np.array(action))) == pytest.approx(value, rel=1e-12, abs=1e-15)
    assert action_of_value(row, value) == pytest.approx(action, abs=1e-9)
    assert float(lever.action(np.array(value))) == pytest.approx(action, abs=1e-9)


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_default_at_an_end_of_the_range_is_action_zero(end: str) -> None:
    for lever, at in (("hedge_ratio", AT.hedge_ratio), ("slope1", AT.slope1)):
        default = getattr(LEVERS[at], end)
        row = opening_levers(1.0, {lever: default}).view(np.recarray)[at]
        assert row.default == row.executed == row.target == row.pending == default
        (own,) = with_defaults([LEVERS[at]], {lever: default})
        assert action_of_value(row, default) == float(own.action(default)) == 0.0
        way = -1.0 if end == "low" else 1.0  # nothing lies there
        assert value_of_action(row, way) == float(own.value(way)) == default
        assert float(own.value(-way)) == pytest.approx(value_of_action(row, -way), rel=1e-12)


def test_values_and_actions_keep_the_shape_of_what_is_asked() -> None:
    for lever in LEVERS:
        actions = np.linspace(-1.0, 1.0, 6, dtype=np.float32).reshape(2, 3)
        values = lever.value(actions)
        assert values.shape == (2, 3) and values.dtype == np.float64
        assert values.min() == pytest.approx(lever.low) and values.max() == pytest.approx(lever.high)
        assert lever.low <= values.min() and values.max() <= lever.high
        np.testing.assert_allclose(lever.action(values), actions, atol=1e-12)
        assert lever.value(7.0) == lever.value(1.0) and lever.value(0.0).shape == ()


# ---------------------------------------------------------------- the shield


@BY_INDEX
@pytest.mark.parametrize("action", [-1.0, 1.0])
def test_one_change_is_one_cap_and_lands_after_its_notice(blank: Callable[..., Any], index: int, action: float) -> None:
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[index]
    shield.aim(index, value_of_action(row, action))
    notice, cap, before = int(row.notice), float(row.cap), float(row.executed)
    shield.hour()
    after = before * math.exp(math.copysign(cap, action)) if row.cap_kind else before + math.copysign(cap, action)
    assert shield.announced == [(0, index, pytest.approx(after))]
    assert row.reason == (Reason.MOVED if after == row.target else Reason.CAPPED)
    while not shield.changes:
        assert row.executed == before  # announced and visible, and not yet in force
        assert row.pending == pytest.approx(after) and row.due == notice
        shield.hour()
    assert shield.changes == [(notice, index, before, pytest.approx(after))]
    if notice < row.delay:  # otherwise the next change was announced as this one landed
        assert row.due == NEVER and row.executed == row.pending


@BY_INDEX
def test_a_small_change_is_made_in_full(blank: Callable[..., Any], index: int) -> None:
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[index]
    target = row.executed * math.exp(0.3 * row.cap) if row.cap_kind else row.executed + 0.3 * row.cap
    shield.aim(index, target)
    shield.hour()
    assert row.reason == Reason.MOVED
    shield.hours(8)
    assert row.executed == target and row.reason == Reason.AT_TARGET
    assert row.travelled == pytest.approx(0.3)


@BY_INDEX
@pytest.mark.parametrize("way", [-1.0, 1.0])
def test_a_move_of_exactly_one_cap_is_made_in_full(blank: Callable[..., Any], index: int, way: float) -> None:
    # from many places of the range: the sum of a value and a cap rounds either way
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[index]
    for share in np.linspace(0.3, 0.7, 9):
        start = row.low + share * (row.high - row.low)
        row.executed = row.pending = start
        row.due, row.allowed = NEVER, shield.substep
        shield.aim(index, start * math.exp(way * row.cap) if row.cap_kind else start + way * row.cap)
        announce(row, shield.substep)
        assert row.reason == Reason.MOVED and row.pending == row.target


@BY_INDEX
def test_the_shield_does_not_dither(blank: Callable[..., Any], index: int) -> None:
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[index]
    target = row.executed * math.exp(0.24 * row.cap) if row.cap_kind else row.executed + 0.24 * row.cap
    shield.aim(index, target)
    shield.hours(12)
    assert not shield.announced and row.reason == Reason.DEADBAND and row.executed == row.default


def test_reasons_while_waiting(blank: Callable[..., Any]) -> None:
    shield = Shield(blank(autonomy=12.0))
    row = shield.rows[AT.base_rate]  # delay 6 h, notice 2 h
    shield.aim(AT.base_rate, 0.10)
    shield.hour()
    assert row.reason == Reason.CAPPED
    shield.hours(2)
    assert row.executed == pytest.approx(0.02) and row.reason == Reason.WAITING  # the notice ran
    shield.hours(3)
    assert row.reason == Reason.WAITING and len(shield.announced) == 1  # the delay runs
    shield.hour()
    assert row.reason == Reason.CAPPED and [a[0] for a in shield.announced] == [0, 72]


def test_a_frozen_lever_says_so(blank: Callable[..., Any]) -> None:
    shield = Shield(blank(autonomy=0.0))
    shield.aim(AT.base_rate, 0.10)
    shield.hours(100)
    assert not shield.announced and not shield.changes
    assert shield.rows[AT.base_rate].reason == Reason.FROZEN
    assert shield.rows[AT.slope1].reason == Reason.AT_TARGET


@BY_INDEX
@pytest.mark.parametrize("action", [-1.0, -0.001, 1.0])
def test_full_autonomy_executes_at_once(blank: Callable[..., Any], index: int, action: float) -> None:
    shield = Shield(blank(autonomy=inf))
    target = value_of_action(shield.rows[index], action)
    shield.aim(index, target)
    shield.hour()
    assert shield.changes == [(0, index, LEVERS[index].default, target)]
    assert shield.rows[index].executed == target


@pytest.mark.parametrize(("autonomy", "delay"), [(1.0, 72), (12.0, 6), (72.0, 1)])
def test_steps_inside_a_long_decision(blank: Callable[..., Any], autonomy: float, delay: int) -> None:
    # the base rate from 1% to 10% in caps of one point: the first at hour 0, one more each time the delay has passed
    shield = Shield(blank(autonomy=autonomy))
    shield.aim(AT.base_rate, 0.10)
    shield.hours(4 * delay)
    assert [at for at, *_ in shield.announced] == [0, 12 * delay, 24 * delay, 36 * delay]
    assert [pending for *_, pending in shield.announced] == pytest.approx([0.02, 0.03, 0.04, 0.05])
    assert shield.rows[AT.base_rate].executed == pytest.approx(0.05)
    assert shield.rows[AT.base_rate].travelled == pytest.approx(4.0)


@pytest.mark.parametrize("name", ["liquidation_threshold", "option_margin"])
@pytest.mark.parametrize(("autonomy", "delay"), [(1.0, 72), (12.0, 6), (72.0, 1)])
def test_a_lever_whose_notice_is_its_delay_moves_each_delay(
    blank: Callable[..., Any], name: str, autonomy: float, delay: int
) -> None:
    # game.md: "a = 72 trains (a change an hour)", "one cap each time its delay has passed"
    shield = Shield(blank(autonomy=autonomy))
    index = LEVER_INDEX[name]
    shield.aim(index, value_of_action(shield.rows[index], 1.0))
    shield.hours(3 * delay + 1)
    assert [at for at, *_ in shield.announced] == [0, 12 * delay, 24 * delay, 36 * delay]
    assert [at for at, *_ in shield.changes] == [12 * delay, 24 * delay, 36 * delay]


def test_the_ratio_cap_of_the_half_spread(blank: Callable[..., Any]) -> None:
    shield = Shield(blank(autonomy=72.0))
    shield.aim(AT.half_spread, 0.12)
    shield.hours(3)
    assert shield.rows[AT.half_spread].executed == pytest.approx(0.015 * 1.25**3)
    shield.aim(AT.half_spread, 0.0025)
    shield.hours(2)
    assert shield.rows[AT.half_spread].executed == pytest.approx(0.015 * 1.25)
    shield.hours(40)
    # nine steps of 1.25 from 0.015 are 0.0020, below the target: the last one is cut to it, or left in the deadband
    assert shield.rows[AT.half_spread].executed == pytest.approx(0.0025, rel=0.06)
    assert shield.rows[AT.half_spread].executed >= 0.0025 * (1 - 1e-12)


@given(
    autonomy=st.sampled_from([1.0, 3.0, 12.0, 72.0, 200.0]),
    index=st.integers(0, NUM_LEVERS - 1),
    aims=st.lists(st.tuples(st.integers(1, 30), st.floats(-1.0, 1.0)), min_size=1, max_size=12),
)
def test_at_most_one_cap_a_delay(
    blank: Callable[..., Any], autonomy: float, index: int, aims: list[tuple[int, float]]
) -> None:
    shield = Shield(blank(autonomy=autonomy))
    row = shield.rows[index]
    for hours, action in aims:
        shield.aim(index, value_of_action(row, action))
        shield.hours(hours)
    delay, notice, cap = int(row.delay), int(row.notice), float(row.cap)
    times = [at for at, *_ in shield.announced]
    assert all(later - earlier >= delay for earlier, later in itertools.pairwise(times))
    # everything announced lands, notice later, in order, and nothing else ever changes
    landed = [(at + notice, pending) for at, _, pending in shield.announced if at + notice < shield.substep]
    assert [(at, to) for at, _, _, to in shield.changes] == landed
    for _, changed, start, end in shield.changes:
        assert changed == index
        assert abs(math.log(end / start) if row.cap_kind else end - start) <= cap * (1 + 1e-9)
        assert row.low - 1e-12 <= end <= row.high + 1e-12
    moved = sum(abs(math.log(b / a) if row.cap_kind else b - a) for *_, a, b in shield.changes)
    assert row.travelled == pytest.approx(moved / row.cap_unit, abs=1e-9)


# ---------------------------------------------------------------- what the physics reads


def test_levers_in_force_reach_their_fields(blank: Callable[..., Any]) -> None:
    _, venue, _, _ = blank()
    for index, lever in enumerate(LEVERS):
        venue.levers[index].executed = (lever.low + lever.default) / 2
    apply_levers(venue)
    for lever in LEVERS:
        value = (lever.low + lever.default) / 2
        assert venue[lever.name] == pytest.approx(value)
    assert venue.loan_to_value == pytest.approx(venue.liquidation_threshold - venue.ltv_gap)


@given(threshold=st.floats(0.6, 0.92), bonus=st.floats(0.01, 0.15))
def test_the_bonus_gives_way_to_the_threshold(blank: Callable[..., Any], threshold: float, bonus: float) -> None:
    _, venue, _, _ = blank()
    venue.levers[AT.liquidation_threshold].executed = threshold
    venue.levers[AT.liquidation_bonus].executed = bonus
    apply_levers(venue)
    assert venue.liquidation_threshold == threshold
    assert venue.liquidation_threshold * (1.0 + venue.liquidation_bonus) <= 0.98 + 1e-12
    assert venue.liquidation_bonus == pytest.approx(min(bonus, 0.98 / threshold - 1.0))


def test_slopes_stay_in_order_and_a_loan_to_value_is_no_debt(blank: Callable[..., Any]) -> None:
    _, venue, _, _ = blank()
    venue.levers[AT.slope1].executed, venue.levers[AT.slope2].executed = 0.3, 0.2
    venue.levers[AT.ltv_gap].executed, venue.levers[AT.optimal_utilisation].executed = 2.0, 0.7
    apply_levers(venue)
    assert venue.slope2 == venue.slope1 == 0.3
    assert venue.loan_to_value == 0.0
    assert venue.optimal_utilisation == 0.7
