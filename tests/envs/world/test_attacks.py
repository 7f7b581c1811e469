"""Attackers: whose money it is, what the push does to whom, who pays for griefing, and worlds without any of it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.scenarios import Flat, Pulse
from protogov.envs.simulator import Simulator
from protogov.envs.world.attacks import PUSHER, trade_toward
from protogov.envs.world.state import ATTACKS, MAX_ATTACKERS, SUBSTEPS, EventKind

# with as many suppliers as there may be, all worlds open with about the same cash to be had
QUIET = {"options_on": 0, "supplier_need": 0.0, "supplier_flight": 0.0, "crash_frequency": 0.0, "num_suppliers": 16}
POOL_ORACLE = {"oracle_pool_average": 1, "oracle_average_window": 1}


def push(size: float = 0.3, hours: int = 3, **more: Any) -> Pulse:
    return Pulse("test push", hours, sets={"oracle_push": size, **more}, onset=6)


def play(simulator: Simulator, hold: Any, watch: Any) -> list[Any]:
    """A whole episode under constants, every step watched; its steps."""
    watcher, steps = watch(simulator), []
    while not simulator.truncated().all():
        steps.append(simulator.step(hold(simulator)))
        watcher.check(steps[-1])
    return steps


@pytest.fixture
def world(simulate: Callable[..., Simulator]) -> Callable[..., Simulator]:
    """`world(overlay, parameters)`: four quiet days at 3,000 USD with something on top."""

    def build(
        overlay: Any, num_worlds: int = 4, path: Any = None, levers: Any = None, **parameters: float
    ) -> Simulator:
        scenario = (path or Flat()) + overlay
        return simulate(
            scenario, num_worlds, decision_hours=1, episode_hours=96, defaults=levers or {},
            parameters=QUIET | parameters,
        )  # fmt: skip

    return build


def test_a_push_past_a_pool_oracle_is_paid_by_the_suppliers(
    world: Callable[..., Simulator], hold: Any, watch: Any
) -> None:
    # a drained pool: 26% of the collateral's price above the market costs less than the loan beyond its worth brings
    drained = push(arbitrage_away=0.95)
    simulator = world(drained, path=Flat(depth=8e4), **POOL_ORACLE)
    steps = play(simulator, hold, watch)
    w = simulator.worlds
    gained = w["attacker_profit"][:, PUSHER]
    assert (gained > 0.3e6).all()
    assert (w["attacker_active"] == 0).all() and (w["attacker_coin"] == 0.0).all() and (w["attacker_cash"] == 0.0).all()
    # the money that it took home beyond what it brought is the profit
    np.testing.assert_allclose(-w["attacker_brought"][:, PUSHER], gained, rtol=1e-9)
    lost = sum(step.records[:, 0]["bad_debt"] for step in steps)
    latent = simulator.worlds["venues"]["last_latent"][:, 0]
    assert (lost + latent > 0.8 * gained).all()
    np.testing.assert_allclose(steps[-1].records[:, 0]["attacker_profit"], gained, rtol=1e-12)


def test_the_same_push_against_a_feed_costs_the_attacker(
    world: Callable[..., Simulator], hold: Any, watch: Any
) -> None:
    simulator = world(push(arbitrage_away=0.95), path=Flat(depth=8e4))
    steps = play(simulator, hold, watch)
    assert (simulator.worlds["attacker_profit"][:, PUSHER] < 0.0).all()
    assert sum(step.records[:, 0]["bad_debt"].sum() for step in steps) == 0.0


def test_a_push_downward_liquidates_loans_that_were_sound(
    world: Callable[..., Simulator], hold: Any, watch: Any
) -> None:
    near = {"leverage_low": 0.95, "leverage_high": 1.0, "safety_high": 1.01, "attentive_activity": 0.02}
    pushed = world(push(-0.12), **POOL_ORACLE, **near)
    steps = play(pushed, hold, watch)
    events = [e for step in steps for row, n in zip(step.events, step.n_events, strict=True) for e in row[:n]]
    kinds = {EventKind(e["kind"]) for e in events}
    assert {EventKind.ATTACK, EventKind.LIQUIDATION} <= kinds
    attacks = {e["serial"] for e in events if e["kind"] == EventKind.ATTACK}
    caused = [e for e in events if e["kind"] == EventKind.LIQUIDATION]
    # the tape never moved; those that fell right after a trade of the attacker name it, the others their forerunners
    assert any(e["parent"] in attacks for e in caused)
    assert np.mean([e["parent"] >= 0 for e in caused]) > 0.5
    alone = play(world(Pulse("none", 1, sets={"oracle_push": 0.0}, onset=6), **POOL_ORACLE, **near), hold, watch)
    assert sum(step.records[:, 0]["liquidated"].sum() for step in alone) == 0.0


def test_a_trade_toward_a_price_ends_there(blank: Callable[..., Any]) -> None:
    world, _, p, events = blank(num_accounts=1, pool_fee=0.0, lasting_share=0.0)
    world.attacker_cash[PUSHER] = 1e6
    # a pool of 1,000,000 USD and 1,000 coins at 1,000: 21% up takes 1,000,000 * (1.1 - 1) USD and 1000 / 11 coins
    trade_toward(world, 1210.0, events, p)
    assert world.pool_cash / world.pool_coin == pytest.approx(1210.0)
    assert world.attacker_cash[PUSHER] == pytest.approx(900_000.0)
    assert world.attacker_coin[PUSHER] == pytest.approx(1000.0 / 11.0)
    assert (events.rows[0].kind, events.rows[0].account) == (EventKind.ATTACK, 1)
    # all the coin back down moves it to 1,000 again
    trade_toward(world, 500.0, events, p)
    assert world.attacker_coin[PUSHER] == 0.0
    assert world.pool_cash / world.pool_coin == pytest.approx(1000.0)
    assert world.attacker_cash[PUSHER] == pytest.approx(1e6)


def test_nobody_pushes_with_money_that_he_has_not(blank: Callable[..., Any]) -> None:
    world, _, p, events = blank(num_accounts=1, pool_fee=0.01, lasting_share=0.0)
    world.attacker_cash[PUSHER] = 1000.0
    trade_toward(world, 2000.0, events, p)
    assert world.attacker_cash[PUSHER] == pytest.approx(0.0, abs=1e-9)
    trade_toward(world, 2000.0, events, p)
    assert world.attacker_cash[PUSHER] >= -1e-9


def test_a_griefer_takes_all_cash_and_pays_for_it(world: Callable[..., Simulator], hold: Any, watch: Any) -> None:
    hours = 24
    simulator = world(Pulse("grief", hours, sets={"griefing": 1.0}, onset=6))
    watcher = watch(simulator)
    interest = np.zeros(4)
    for hour in range(96):
        before = simulator.worlds["venues"]["borrow_index"][:, 0].copy()
        watcher.check(simulator.step(hold(simulator)))
        venue = simulator.worlds["venues"][:, 0]
        debt = venue["account_scaled_debt"][:, 129] * venue["borrow_index"]
        interest += debt * (1.0 - before / venue["borrow_index"])
        if hour == 8:
            assert (venue["utilisation"] > 0.98).all()
            assert (debt > 5e6).all()
        if hour == 28:
            # the others have paid back at such rates, and its capital backs no more than this
            assert (debt > 0.9 * 0.805 * 0.95 * 60e6).all()
        if hour > 30:
            assert (debt == 0.0).all() and (venue["account_collateral"][:, 129] == 0.0).all()
    spent = -simulator.worlds["attacker_profit"][:, 1]
    assert (spent > 0.0).all()
    # nothing but the interest and the fees of buying and selling its collateral: 0.05% of its worth each way
    collateral_fees = 2 * 0.0005 * 60e6
    assert (spent > 0.9 * interest).all() and (spent < 1.1 * interest + collateral_fees).all()


def test_a_griefer_without_the_capital_does_what_it_can(world: Callable[..., Simulator], hold: Any, watch: Any) -> None:
    simulator = world(Pulse("grief", 24, sets={"griefing": 1.0}, onset=6), grief_capital=1e6)
    play(simulator, hold, watch)
    assert (simulator.worlds["attacker_profit"][:, 1] < 0.0).all()
    assert (simulator.worlds["attacker_profit"][:, 1] > -0.05e6).all()


def test_attackers_are_no_part_of_welfare(world: Callable[..., Simulator], hold: Any) -> None:
    simulator = world(Pulse("grief", 24, sets={"griefing": 0.95}, onset=6))
    for _ in range(20):
        simulator.step(hold(simulator))
    venue = simulator.worlds["venues"][:, 0]
    demand = simulator.worlds["leverage_demand"]
    surplus = venue["account_reservation_rate"][:, 129] * demand
    assert (venue["account_scaled_debt"][:, 129] > 0.0).all()
    np.testing.assert_allclose(surplus, venue["borrow_rate"], rtol=0.05)


def test_a_share_of_suppliers_runs_and_the_same_ones_in_a_larger_run(
    world: Callable[..., Simulator], hold: Any, watch: Any
) -> None:
    left = {}
    for share in (0.0, 0.3, 0.8):
        simulator = world(Pulse("run", 12, sets={"supplier_exit": share}, onset=6), num_worlds=8)
        watcher = watch(simulator)
        for _ in range(10):
            watcher.check(simulator.step(hold(simulator)))
        venue = simulator.worlds["venues"][:, 0]
        claims = venue["supplier_scaled"] * venue["supply_index"][:, None]
        gone = (claims < 1.0) | (venue["supplier_request"] > 0.99 * claims)
        left[share] = gone[:, : int(venue["num_suppliers"].max())]
    assert left[0.0].sum() == 0
    assert left[0.3].mean() == pytest.approx(0.3, abs=0.12)
    assert left[0.8].mean() == pytest.approx(0.8, abs=0.12)
    assert (left[0.8] | ~left[0.3]).all()


def test_a_drained_pool_has_little_depth_and_slow_arbitrage(world: Callable[..., Simulator], hold: Any) -> None:
    path = Flat()
    simulator = world(Pulse("drain", 12, sets={"arbitrage_away": 0.8}, scales={"depth": 0.1}, onset=6), path=path)
    depths = []
    for _ in range(40):
        simulator.step(hold(simulator))
        depths.append(simulator.worlds["depth"][0])
    assert depths[2] == pytest.approx(0.8e6, rel=1e-6)
    assert depths[10] == pytest.approx(0.8e5, rel=1e-6)
    assert 0.8e5 < depths[23] < 0.8e6  # on its way back
    assert depths[35] == pytest.approx(0.8e6, rel=1e-6)


def test_an_oracle_error_liquidates_at_a_wrong_price_and_only_then(
    world: Callable[..., Simulator], hold: Any, watch: Any
) -> None:
    near = {"leverage_low": 1.0, "leverage_high": 1.0, "safety_high": 1.001, "attentive_activity": 0.02}
    gap = {"ltv_gap": 0.01}  # loans of 82% where 83% are liquidated; nobody borrows at a health factor below 1.02
    wrong = world(Pulse("wrong", 8, sets={"oracle_error": -0.0285}, onset=6), levers=gap, **near)
    right = world(Pulse("right", 8, sets={"oracle_error": 0.0}, onset=6), levers=gap, **near)
    seized = {name: play(sim, hold, watch) for name, sim in (("wrong", wrong), ("right", right))}
    assert sum(step.records[:, 0]["liquidated"].sum() for step in seized["right"]) == 0.0
    for hour, step in enumerate(seized["wrong"], start=1):
        for row, n in zip(step.events, step.n_events, strict=True):
            for event in row[:n]:
                if event["kind"] == EventKind.LIQUIDATION:
                    # the error, and what the sales themselves add by way of the pool's weight in the feed
                    assert 0.94 * 3000.0 < event["price"] <= 3000.0 * (1.0 - 0.0284)
                    assert 6 <= hour <= 6 + 8 + 1
    assert sum(step.records[:, 0]["liquidated"].sum() for step in seized["wrong"]) > 1e6


def test_two_venues_and_everything_at_once(simulate: Callable[..., Simulator], shake: Any, watch: Any) -> None:
    everything = Pulse(
        "everything", 24, rise=4, onset=(6, 40),
        sets={"oracle_push": 0.25, "griefing": 0.99, "supplier_exit": 0.5, "arbitrage_away": 0.7, "oracle_error": 0.02},
    )  # fmt: skip
    other = Pulse("later", 6, sets={"oracle_push": -0.2, "griefing": 1.0}, onset=100)
    simulator = simulate(
        Flat() + everything + other, 12, venues=2, decision_hours=1, episode_hours=150,
        parameters={"oracle_pool_weight": 0.8}, randomise_levers=0.5,
    )  # fmt: skip
    watcher, rng = watch(simulator), np.random.default_rng(0)
    while not simulator.truncated().all():
        watcher.check(simulator.step(shake(simulator, rng)))
    w = simulator.worlds
    assert set(np.unique(w["attacker_venue"])) == {0, 1}
    assert (w["attacker_active"] == 0).all()
    assert (w["book_error"] < 1e-9).all()


def test_without_attacks_nobody_comes(world: Callable[..., Simulator], hold: Any) -> None:
    simulator = world(Pulse("nothing", 3, sets=dict.fromkeys(ATTACKS, 0.0), onset=6))
    for _ in range(12):
        simulator.step(hold(simulator))
    w = simulator.worlds
    assert (w["attacking"] == 0).all() and (w["venues"]["num_accounts"] == 128).all()
    for name in ("attacker_cash", "attacker_coin", "attacker_profit", "attacker_brought"):
        assert w[name].shape[1] == MAX_ATTACKERS and not w[name].any()
    assert math.isclose(SUBSTEPS, 12)
