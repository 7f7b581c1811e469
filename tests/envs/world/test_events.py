"""The record of what happened: complete, ordered, with parents before children."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world import events as log
from protogov.envs.world import records as log_records
from protogov.envs.world.state import MAX_ACCOUNTS, MAX_EVENTS_PER_HOUR, MAX_EXPIRIES, MAX_SHORTS, EventKind
from protogov.envs.world.welfare import clear_sums


def oracle_follows(world: Any) -> None:
    """The oracle of each venue looks at the market and reports at once."""
    for venue in world.venues[: world.num_venues]:
        log.name_parent(venue, *log.forget_impact(venue))


def test_an_event_is_written_with_its_serial(blank: Callable[..., Any]) -> None:
    world, _, _, events = blank(2)
    world.substep, world.num_events, world.step_events, world.events_hour = 17, 40, 3, 3
    serial = log.record_event(world, events, 1, EventKind.LIQUIDATION, 9, 38, 100.0, 0.2, 500.0, 1.0)
    assert serial == 40
    assert tuple(events.rows[3]) == (17, EventKind.LIQUIDATION, 1, 9, 38, 38, 1, 40, 100.0, 0.2, 500.0, 1.0)
    assert (world.num_events, world.step_events, world.events_hour, world.events_lost) == (41, 4, 4, 0)


def test_events_beyond_the_hours_capacity_are_counted(blank: Callable[..., Any]) -> None:
    world, _, _, events = blank()
    serials = [
        log.record_event(world, events, 0, EventKind.DELEVERAGE, 0, -1, 0.0, 0.0, 1.0, 0.0)
        for _ in range(MAX_EVENTS_PER_HOUR + 5)
    ]
    assert serials == list(range(MAX_EVENTS_PER_HOUR + 5))
    assert (world.step_events, world.events_lost) == (MAX_EVENTS_PER_HOUR, 5)
    world.events_hour = 0  # the next hour
    log.record_event(world, events, 0, EventKind.DELEVERAGE, 0, -1, 0.0, 0.0, 1.0, 0.0)
    assert events.rows[MAX_EVENTS_PER_HOUR].serial == MAX_EVENTS_PER_HOUR + 5


def test_the_largest_mover_is_remembered_until_the_oracle_has_passed_it_on(blank: Callable[..., Any]) -> None:
    world, venue, _, _ = blank()
    for serial, impact in ((3, -0.01), (4, 0.03), (5, -0.02)):
        log.note_impact(world, serial, impact)
    assert (venue.impact_serial, venue.impact_largest) == (4, 0.03)
    oracle_follows(world)
    assert (venue.parent_serial, venue.impact_serial, venue.impact_largest) == (4, -1, 0.0)


def sale(world: Any, events: Any, parent: int, impact: float = 0.0, venue: int = 0) -> int:
    """A liquidation of 100 USD that moved the pool by `impact`; its serial."""
    kind = EventKind.LIQUIDATION
    serial: int = log.record_event(world, events, venue, kind, 9, parent, 100.0, 0.2, 500.0, 0.0)
    if impact:
        log.note_impact(world, serial, impact)
    return serial


def places(events: Any, world: Any) -> list[tuple[int, int, int]]:
    """(parent, root, generation) of every event of the decision."""
    return [(int(e.parent), int(e.root), int(e.generation)) for e in events.rows[: world.step_events]]


def test_a_tree_of_three_generations_by_hand(blank: Callable[..., Any]) -> None:
    world, venue, _, events = blank()
    # the tape makes two loans fall; the second sale moves the pool more
    assert sale(world, events, -1, -0.01) == 0
    assert sale(world, events, -1, -0.03) == 1
    oracle_follows(world)  # the oracle follows
    # two more fall by it; the first of them leaves bad debt, whose parent is that liquidation itself
    assert sale(world, events, world.venues[0].parent_serial, -0.05) == 2
    log.record_event(world, events, 0, EventKind.BAD_DEBT, 9, 2, 0.0, 0.0, 500.0, 40.0)
    assert sale(world, events, world.venues[0].parent_serial, -0.02) == 4
    oracle_follows(world)
    # the grandchildren, and one that the tape's own move suffices for
    sale(world, events, world.venues[0].parent_serial)
    sale(world, events, -1)
    assert places(events, world) == [
        (-1, 0, 0), (-1, 1, 0), (1, 1, 1), (2, 1, 2), (1, 1, 1), (2, 1, 2), (-1, 6, 0),
    ]  # fmt: skip
    assert (venue.sum_events, venue.sum_liquidations, venue.sum_caused_liquidations) == (7, 6, 3)
    assert (venue.sum_caused, venue.deepest_generation) == (300.0, 2)
    assert log_records.largest_tree(events, world.step_events, 0) == 5


def test_a_cascade_goes_on_over_the_border_of_decisions(blank: Callable[..., Any]) -> None:
    world, _, p, events = blank()
    sale(world, events, -1, -0.01)
    oracle_follows(world)
    sale(world, events, 0, -0.04)  # serial 1, generation 1
    begin_decision(world)
    sale(world, events, world.venues[0].parent_serial)  # no oracle update yet: still a child of serial 0
    oracle_follows(world)
    begin_decision(world)
    sale(world, events, world.venues[0].parent_serial)
    assert places(events, world) == [(1, 0, 2)]
    assert world.venues[0].deepest_generation == 2


def begin_decision(world: Any) -> None:
    """What the start of a decision forgets."""
    world.step_events = 0
    clear_sums(world.venues[0])


def test_a_parent_beyond_the_capacity_still_hands_its_place_on(blank: Callable[..., Any]) -> None:
    world, venue, _, events = blank()
    sale(world, events, -1, -0.01)
    oracle_follows(world)
    world.events_hour = MAX_EVENTS_PER_HOUR
    sale(world, events, 0, -0.02)  # generation 1, lost
    oracle_follows(world)
    world.events_hour = 0
    sale(world, events, 1)
    assert places(events, world) == [(-1, 0, 0), (1, 0, 2)]
    assert (venue.sum_events, venue.sum_events_lost, venue.sum_caused_liquidations) == (3, 1, 2)


def test_any_earlier_event_of_the_decision_may_be_a_parent(blank: Callable[..., Any]) -> None:
    world, _, _, events = blank()
    sale(world, events, -1)
    sale(world, events, 0)
    for _ in range(3):
        sale(world, events, -1)
    sale(world, events, 1)
    log.note_impact(world, 1, 0.5)
    oracle_follows(world)
    sale(world, events, world.venues[0].parent_serial)
    assert places(events, world)[-2:] == [(1, 0, 2), (1, 0, 2)]


def test_trees_may_span_venues(blank: Callable[..., Any]) -> None:
    world, _, _, events = blank(2)
    assert [log_records.largest_tree(events, 0, v) for v in (0, 1)] == [0, 0]
    sale(world, events, -1, -0.01)
    sale(world, events, -1, venue=1)
    assert [log_records.largest_tree(events, 2, v) for v in (0, 1)] == [1, 1]
    oracle_follows(world)
    for _ in range(3):
        sale(world, events, world.venues[0].parent_serial, venue=0)
    assert [log_records.largest_tree(events, 5, v) for v in (0, 1)] == [4, 1]
    sale(world, events, world.venues[1].parent_serial, venue=1)
    assert [log_records.largest_tree(events, 6, v) for v in (0, 1)] == [5, 5]
    assert [world.venues[v].sum_caused_liquidations for v in (0, 1)] == [3, 1]


def check_events(simulator: Simulator, step: Any, hour: int, serials: np.ndarray) -> np.ndarray:
    """Every event of a decision is well-formed; returns each world's next serial."""
    for i, world in enumerate(simulator.worlds):
        rows = step.events[i][: step.n_events[i]]
        assert rows.size <= MAX_EVENTS_PER_HOUR * simulator.config.decision_hours
        if not rows.size:
            continue
        numbers, parents = rows["serial"], rows["parent"]
        assert (np.diff(numbers) > 0).all() and numbers[0] >= serials[i] and numbers[-1] < world["num_events"]
        assert (parents < numbers).all() and (parents >= -1).all()
        assert (np.diff(rows["substep"]) >= 0).all()
        assert rows["substep"][0] >= 12 * hour and rows["substep"][-1] < world["substep"]
        assert np.isin(rows["kind"], list(EventKind)).all()
        assert ((rows["venue"] >= 0) & (rows["venue"] < simulator.config.venues)).all()
        for name in ("repaid", "seized", "bad_debt"):
            assert (rows[name] >= 0.0).all() and np.isfinite(rows[name]).all()
        assert (rows["price"] > 0.0).all()
        bounds = {
            EventKind.LIQUIDATION: MAX_ACCOUNTS, EventKind.BAD_DEBT: MAX_ACCOUNTS, EventKind.DELEVERAGE: MAX_ACCOUNTS,
            EventKind.SHORT_LIQUIDATION: MAX_SHORTS, EventKind.OPTION_UNPAID: MAX_EXPIRIES,
            EventKind.SETTLEMENT_SALE: MAX_SHORTS,
        }  # fmt: skip
        for kind, count in bounds.items():
            account = rows["account"][rows["kind"] == kind]
            assert ((account >= 0) & (account < count)).all()
        sold = rows[rows["kind"] == EventKind.LIQUIDATION]
        assert (sold["repaid"] > 0.0).all() and (sold["seized"] > 0.0).all() and (sold["bad_debt"] == 0.0).all()
        # who seizes at the oracle's price takes the bonus on top, never less than the debt that it repays
        assert (sold["seized"] * sold["price"] >= sold["repaid"] * (1.0 - 1e-9)).all()
        lost = rows[rows["kind"] == EventKind.BAD_DEBT]
        assert (lost["bad_debt"] > 0.0).all() and (lost["repaid"] == 0.0).all()
        # people act of their own accord and expiries come by the calendar; prices cause the rest
        own = rows[np.isin(rows["kind"], (EventKind.DELEVERAGE, EventKind.SETTLEMENT_SALE, EventKind.OPTION_UNPAID))]
        assert (own["parent"] == -1).all()
    return simulator.worlds["num_events"].copy()


@pytest.mark.parametrize("hours", [1, 24])
@pytest.mark.parametrize("venues", [1, 2])
def test_events_of_crashes_are_well_formed(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], hours: int, venues: int
) -> None:
    simulator = simulate(
        "crash-heldout", 24, decision_hours=hours, venues=venues,
        parameters={"depth_scale": 0.3, "leverage_low": 0.9, "leverage_high": 1.0, "lasting_share": 0.3},
    )  # fmt: skip
    rng = np.random.default_rng(0)
    serials = np.zeros(24, np.int64)
    kinds: set[int] = set()
    children = 0
    for number in range(simulator.horizon):
        step = simulator.step(shake(simulator, rng))
        serials = check_events(simulator, step, number * hours, serials)
        for i in range(24):
            rows = step.events[i][: step.n_events[i]]
            kinds |= set(rows["kind"].tolist())
            children += int((rows["parent"] >= 0).sum())
    assert {EventKind.LIQUIDATION, EventKind.BAD_DEBT, EventKind.DELEVERAGE, EventKind.WITHDRAWAL_UNMET} <= kinds
    assert children > 10


def test_liquidations_and_losses_in_the_record_are_those_of_the_terms(
    simulate: Callable[..., Simulator], shake: Callable[..., Any]
) -> None:
    simulator = simulate("crash-heldout", 24, parameters={"depth_scale": 0.3, "leverage_high": 1.0})
    rng = np.random.default_rng(0)
    repaid = 0.0
    for _ in range(simulator.horizon):
        step = simulator.step(shake(simulator, rng))
        assert not simulator.worlds["events_lost"].any()
        venues = simulator.worlds["venues"][:, 0]
        for i in range(24):
            rows = step.events[i][: step.n_events[i]]
            sold = rows["repaid"][rows["kind"] == EventKind.LIQUIDATION].sum()
            lost = rows["bad_debt"][np.isin(rows["kind"], (EventKind.BAD_DEBT, EventKind.SHORT_LIQUIDATION))].sum()
            assert sold == pytest.approx(venues["sum_liquidated"][i])
            assert lost == pytest.approx(venues["sum_bad_debt"][i])
            repaid += sold
    assert repaid > 0.0
