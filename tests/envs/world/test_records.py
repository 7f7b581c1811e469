"""The records of a step, against its events, the sums of the world and loop gains reckoned here."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.records import RECORD, fill_record
from protogov.envs.world.state import EventKind
from protogov.envs.world.step import close_hour
from protogov.envs.world.welfare import clear_sums

WORLDS = 16
CRASH = {"depth_scale": 0.3, "leverage_low": 0.9, "leverage_high": 1.0, "lasting_share": 0.3}


def trees_of(rows: np.ndarray, known: dict[int, tuple[int, int]]) -> None:
    """Walk events of an episode in their order from parent to child; every place in the record must be the walk's."""
    for event in rows:
        serial, parent = int(event["serial"]), int(event["parent"])
        assert parent < serial
        place = (serial, 0)
        if parent >= 0:
            root, generation = known[parent]
            place = (root, generation + 1)
        assert (int(event["root"]), int(event["generation"])) == place
        known[serial] = place


@pytest.mark.parametrize(("venues", "hours"), [(1, 1), (2, 6)])
def test_records_and_trees_of_a_crash(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int, hours: int
) -> None:
    simulator = simulate("crash-heldout", WORLDS, venues=venues, decision_hours=hours, parameters=CRASH)
    rng = np.random.default_rng(1)
    known: list[dict[int, tuple[int, int]]] = [{} for _ in range(WORLDS)]
    deepest = borders = crossed = 0
    for _ in range(simulator.horizon):
        step = simulator.step(shake(simulator, rng))
        assert step.records.shape == (WORLDS, venues) and step.records.dtype == RECORD
        assert not step.records["events_lost"].any()
        for i in range(WORLDS):
            rows = step.events[i, : step.n_events[i]]
            newest = max(known[i], default=-1)
            trees_of(rows, known[i])
            roots = rows["root"]
            borders += int(((rows["parent"] >= 0) & (rows["parent"] <= newest)).sum())
            for v in range(venues):
                record, here = step.records[i, v], rows["venue"] == v
                sold = here & (rows["kind"] == EventKind.LIQUIDATION)
                caused = sold & (rows["parent"] >= 0)
                assert record["events"] == here.sum() and record["liquidations"] == sold.sum()
                assert record["caused_liquidations"] == caused.sum()
                assert record["caused"] == pytest.approx(rows["repaid"][caused].sum())
                assert record["liquidated"] == pytest.approx(rows["repaid"][sold].sum())
                losses = here & np.isin(rows["kind"], (EventKind.BAD_DEBT, EventKind.SHORT_LIQUIDATION))
                assert record["bad_debt"] == pytest.approx(rows["bad_debt"][losses].sum())
                assert record["deepest_generation"] == rows["generation"][here].max(initial=0)
                sizes = [int((roots == root).sum()) for root in np.unique(roots[here])]
                assert record["cascade_size"] == max(sizes, default=0)
                crossed += len(set(rows["venue"][np.isin(roots, roots[caused])].tolist())) > 1
        deepest = max(deepest, int(step.records["deepest_generation"].max()))
    assert deepest >= 3  # a cascade that deserves the name
    assert borders > 0  # and some of it over the border of a decision
    assert (crossed > 0) == (venues == 2)


def gains(simulator: Simulator, v: int) -> tuple[np.ndarray, np.ndarray]:
    """Both loop gains of every world as it stands, reckoned account by account and from the book."""
    worlds, venue = simulator.worlds, simulator.worlds["venues"][:, v]
    price, depth = venue["oracle_price"][:, None], worlds["depth"]
    debt = venue["account_scaled_debt"] * venue["borrow_index"][:, None]
    safe = venue["account_collateral"] * price * venue["liquidation_threshold"][:, None]
    falling = np.where((0.95 * safe < debt) & (debt <= safe), debt, 0.0).sum(axis=1) / 5.0
    gamma = np.abs(venue["net_gamma"]) * venue["oracle_price"] ** 2 * 0.01
    return falling / depth, gamma / depth


def test_loop_gains_at_the_end_of_a_decision(simulate: Callable[..., Simulator], shake: Callable[..., Any]) -> None:
    simulator = simulate("jump", 8, venues=2, episode_hours=96)
    rng = np.random.default_rng(2)
    seen = 0
    for _ in range(simulator.horizon):
        records = simulator.step(shake(simulator, rng)).records
        for v in range(2):
            liquidation, hedge = gains(simulator, v)
            np.testing.assert_allclose(records["liquidation_gain"][:, v], liquidation, rtol=1e-9)
            np.testing.assert_allclose(records["hedge_gain"][:, v], hedge, rtol=1e-9)
        seen += int(((records["liquidation_gain"] > 0.0) & (records["hedge_gain"] > 0.0)).sum())
    assert seen > 20


def test_the_peak_of_six_hours_is_the_largest_of_the_six(
    simulate: Callable[..., Simulator], hold: Callable[..., Any]
) -> None:
    # without options the length of a decision changes nothing but when the levers are aimed
    parameters = {"options_on": 0.0, "leverage_low": 0.9, "leverage_high": 1.0}
    coarse, fine = (
        simulate("jump", 8, decision_hours=hours, episode_hours=96, parameters=parameters) for hours in (6, 1)
    )
    earlier = 0
    for _ in range(coarse.horizon):
        actions = hold(coarse)
        hourly = np.stack([fine.step(actions).records["liquidation_gain"] for _ in range(6)])
        records = coarse.step(actions).records
        assert np.array_equal(records["liquidation_gain_peak"], hourly.max(axis=0))
        earlier += int((hourly.max(axis=0) > hourly[-1]).sum())
    assert earlier > 20


def test_the_hedge_gain_s_peak_is_kept_within_the_decision(blank: Callable[..., Any]) -> None:
    world, venue, p, events = blank()
    out = np.zeros(1, RECORD).view(np.recarray)[0]
    for gain in (0.3, 1.4, 0.6):
        venue.hedge_gain = gain
        close_hour(world, venue, p)
    fill_record(world, venue, 0, events, out)
    assert (out.hedge_gain, out.hedge_gain_peak) == (0.6, 1.4)
    clear_sums(venue)
    close_hour(world, venue, p)
    fill_record(world, venue, 0, events, out)
    assert (out.hedge_gain, out.hedge_gain_peak) == (0.6, 0.6)


def test_records_are_fresh_and_belong_to_their_decision(
    simulate: Callable[..., Simulator], hold: Callable[..., Any]
) -> None:
    simulator = simulate("crash-heldout", 4, parameters=CRASH, episode_hours=96)
    kept, copies = [], []
    for _ in range(simulator.horizon):
        step = simulator.step(hold(simulator))
        kept.append(step.records)
        copies.append(step.records.copy())
        step.events["root"] = -9  # theirs to write in
    assert all(np.array_equal(one, other) for one, other in zip(kept, copies, strict=True))
    assert not any(np.shares_memory(one, simulator.worlds) for one in kept)
    assert sum(int(one["events"].sum()) for one in kept) == int(simulator.worlds["num_events"].sum())


def test_a_calm_world_has_no_cascade(simulate: Callable[..., Simulator], hold: Callable[..., Any]) -> None:
    simulator = simulate("flat", 4, episode_hours=48)
    for _ in range(simulator.horizon):
        records = simulator.step(hold(simulator)).records
        for name in ("liquidations", "deepest_generation", "caused", "bad_debt", "events_lost"):
            assert not records[name].any(), name
        assert (records["cascade_size"] <= 1).all()  # somebody may sell in good time: a tree of one


def test_what_nobody_liquidates_is_on_record(simulate: Callable[..., Simulator], hold: Callable[..., Any]) -> None:
    # a gas price at which no liquidation pays
    simulator = simulate("crash-heldout", 4, parameters={**CRASH, "gas_cost": 1e7}, episode_hours=240)
    most = np.zeros((4, 1))
    for _ in range(simulator.horizon):
        records = simulator.step(hold(simulator)).records
        assert not records["liquidations"].any()
        assert ((records["skipped"] > 0) | (records["skipped_debt"] == 0.0)).all()
        most = np.maximum(most, records["skipped_debt"])
    debt = simulator.worlds["venues"]["scaled_debt"] * simulator.worlds["venues"]["borrow_index"]
    assert (most > 0.0).all() and (most < 2.0 * debt).all()


@pytest.mark.parametrize("venues", [1, 2])
def test_a_step_returns_the_levers_of_the_worlds(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int
) -> None:
    simulator = simulate("jump", 5, venues=venues, episode_hours=96, randomise_levers=0.5)
    rng = np.random.default_rng(3)
    reasons: set[int] = set()
    for number in range(simulator.horizon):
        step = simulator.step(shake(simulator, rng))
        if number == 3:  # also those of rows that begin anew, and of copies
            simulator.reset(mask=np.arange(5) == 2)
            fork = simulator.fork([2, 0])
            assert np.array_equal(fork.executed("rate_0"), simulator.executed("rate_0")[[2, 0]])
        rows = simulator.worlds["venues"]["levers"]
        for agent, place in simulator.places.items():
            columns = [LEVER_INDEX[lever] for lever in place.role.levers]
            levers = rows[:, place.venue][:, columns]
            assert np.array_equal(simulator.executed(agent), levers["executed"])
            if number != 3:
                assert np.array_equal(step.proposed[agent], levers["target"])
                assert np.array_equal(step.executed[agent], levers["executed"])
                assert np.array_equal(step.reason[agent], levers["reason"]) and step.reason[agent].dtype == np.int8
                assert not np.array_equal(step.proposed[agent], step.executed[agent])
            reasons |= set(step.reason[agent].ravel().tolist())
        for v in range(venues):
            assert np.array_equal(simulator.lever_values(v), rows[:, v]["executed"])
    assert len(reasons) > 2
