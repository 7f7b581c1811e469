"""Expiry: the mean price that counts, who is paid, what is owed, what is listed next."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.world import settlement
from protogov.envs.world.state import EventKind

WEEK = 168 * 12  # sub-steps
STRIKES = (900.0, 1000.0, 1100.0)


def grid(bench: Any, cash: float = 1e6, lent: float = 0.0) -> None:
    """Two expiries, in one week and in two, with three strikes, and a pool with money."""
    world, venue, p, _ = bench
    venue.num_expiries, venue.num_strikes = 2, 3
    for e in range(2):
        venue.expiry[e], venue.base_vol[e] = (e + 1) * WEEK, 0.7
        venue.strike[e, :3], venue.skew[e, :3] = STRIKES, 1.0
    venue.next_expiry = WEEK
    venue.option_cash, venue.option_scaled, venue.scaled_deposits = cash, lent, lent
    venue.cash = lent


def test_the_price_that_counts_is_the_mean_of_the_window(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(settlement_window=6)
    grid(bench)
    for substep in range(WEEK - 9, WEEK):
        world.substep, venue.oracle_price = substep, 1000.0 + 10.0 * (substep - WEEK)
        settlement.watch_settlement(world, venue, p)
    assert venue.settlement_count == 6
    assert settlement.settlement_price(venue) == pytest.approx(np.mean([940, 950, 960, 970, 980, 990]))
    settlement.close_settlement(venue)
    venue.oracle_price = 700.0
    assert settlement.settlement_price(venue) == 700.0  # nothing watched yet: the last price


def test_the_last_move_counts_by_its_share_alone(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    # one call far in the money, paid in full: what its holder gets tells the price
    quiet = {"arrivals": 0.0, "num_shorts": 0, "opening_notional": 0.0, "num_expiries": 1, "num_strikes": 1}
    probe = simulate(made([1000.0]), 1, autonomy=0.0, parameters=quiet)
    hours = int(probe.worlds[0].venues[0].next_expiry // 12)
    candles = [1000.0] * hours + [(1000.0, 1000.0, 800.0, 800.0)]  # the fall is in the last hour before the expiry
    simulator = simulate(made(candles), 1, decision_hours=1, autonomy=0.0, parameters=quiet | {"oracle_deviation": 0.0})
    world = simulator.worlds[0]
    venue = world.venues[0]
    venue.strike[0, 0], venue.long_calls[0, 0] = 400.0, 10.0
    for _ in range(hours - 1):
        simulator.step(hold(simulator))
    before = float(world.trader_cash)
    simulator.step(hold(simulator))
    paid = float(world.trader_cash) - before
    last = 10.0 * (float(venue.oracle_price) - 400.0)
    assert float(venue.oracle_price) < 850.0
    assert last * 1.02 < paid < 10.0 * 600.0


def test_holders_are_paid_the_intrinsic_value(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank()
    grid(bench)
    venue.oracle_price = 1040.0
    venue.long_calls[0, :3], venue.long_puts[0, :3] = (1.0, 2.0, 4.0), (8.0, 16.0, 32.0)
    venue.long_calls[1, :3] = 64.0  # another expiry
    settlement.settle_longs(world, venue, 0, 0, venue.oracle_price, events)
    # calls at 900 and 1,000, the put at 1,100
    assert world.trader_cash == pytest.approx(1.0 * 140.0 + 2.0 * 40.0 + 32.0 * 60.0)
    assert venue.option_cash == pytest.approx(1e6 - world.trader_cash)
    assert venue.option_unpaid == 0.0 and world.num_events == 0


def test_what_the_pool_cannot_pay_is_owed_and_paid_later(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank()
    grid(bench, cash=100.0, lent=1000.0)
    venue.cash = 50.0  # the lending market is frozen but for 50
    venue.long_calls[0, 0] = 3.0  # 300 in the money
    totals = books.cash(world)
    settlement.settle_longs(world, venue, 0, 0, venue.oracle_price, events)
    assert world.trader_cash == pytest.approx(150.0) and venue.option_unpaid == pytest.approx(150.0)
    event = events.rows[0]
    assert (event.kind, event.parent, event.repaid, event.bad_debt) == (
        EventKind.OPTION_UNPAID, -1, pytest.approx(150.0), pytest.approx(150.0),
    )  # fmt: skip
    venue.cash = 120.0
    world.outside_cash -= 120.0  # somebody repaid
    settlement.pay_unpaid(world, venue)
    assert venue.option_unpaid == pytest.approx(30.0)
    venue.option_cash = 100.0
    world.outside_cash -= 100.0
    settlement.pay_unpaid(world, venue)
    assert venue.option_unpaid == pytest.approx(0.0, abs=1e-12) and world.trader_cash == pytest.approx(300.0)
    assert books.cash(world) == pytest.approx(totals)


def test_new_strikes_are_listed_around_the_spot(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(strike_gap=0.1, surface_skew=-0.25)
    grid(bench)
    for name in ("long_calls", "long_puts", "short_calls", "short_puts"):
        venue[name][:2, :3] = 5.0
    venue.oracle_price, world.anchor_vol = 1500.0, 0.8
    settlement.list_expiry(world, venue, 0, 3 * WEEK, p)
    assert venue.expiry[0] == 3 * WEEK and venue.base_vol[0] == 0.8
    assert venue.strike[0, :3] == pytest.approx(1500.0 * np.exp([-0.1, 0.0, 0.1]))
    assert venue.skew[0, :3] == pytest.approx([1.025, 1.0, 0.975])
    for name in ("long_calls", "long_puts", "short_calls", "short_puts"):
        assert not venue[name][0].any() and venue[name][1, :3].all()
