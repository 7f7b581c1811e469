"""Shares of the option pool and the LPs who own them: prices, queue, cooldown, fee, breakers, who leaves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world import liquidity_pool
from protogov.envs.world.population import liquidity_providers

COOLDOWN = 72 * 12


def pool(
    blank: Callable[..., Any], shares: tuple[float, ...] = (600.0, 400.0), cash: float = 1000.0, **p: float
) -> Any:
    """LPs with `shares`, priced at 1 USD, of a pool that has nothing but `cash`."""
    bench = _, venue, _, _ = blank(**({"lp_cooldown": 72.0, "lp_exit_fee": 0.01} | p))
    venue.num_lps = len(shares)
    venue.lp_shares[: len(shares)], venue.lp_money[: len(shares)] = shares, shares
    venue.lp_level[: len(shares)] = 1.0
    venue.lp_total, venue.lp_start, venue.lp_price, venue.option_cash = sum(shares), 1.0, 1.0, cash
    return bench


def test_a_share_is_worth_its_part_of_cash_loans_hedge_and_book_less_what_is_owed(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank)
    venue.option_scaled, venue.supply_index, venue.hedge_coin, venue.option_unpaid = 300.0, 1.1, 0.5, 40.0
    value = liquidity_pool.price_shares(world, venue, p)
    assert value == pytest.approx(1000.0 + 330.0 + 500.0 - 40.0)
    assert venue.lp_price == pytest.approx(value / 1000.0)


def test_the_price_of_a_share_cannot_be_pushed_by_a_trade_of_now(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, cash=1e5)
    venue.num_expiries = venue.num_strikes = 1
    venue.expiry[0], venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = 4000, 1000.0, 0.7, 1.0
    venue.long_calls[0, 0], world.substep = 10.0, 240
    before = liquidity_pool.pool_value(world, venue, p)
    from protogov.envs.world.surface import move_surface

    move_surface(world, venue, 0, 0, 1.4, 1.0)  # the average of the last hours is what it was
    assert liquidity_pool.pool_value(world, venue, p) == pytest.approx(before, rel=1e-12)
    world.substep += 240
    assert liquidity_pool.pool_value(world, venue, p) < before - 10.0  # held for as long, it counts


def test_shares_wait_for_the_cooldown_and_leave_a_fee(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = pool(blank)
    venue.lp_queued[0], venue.lp_queued_at[0] = 300.0, 0
    totals = books.cash(world)
    world.substep = COOLDOWN - 1
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.lp_total == 1000.0
    world.substep = COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert (venue.lp_shares[0], venue.lp_queued[0], venue.lp_total) == pytest.approx((300.0, 0.0, 700.0))
    assert world.outside_cash == pytest.approx(297.0) and venue.sum_lp_flow == pytest.approx(-297.0)
    assert liquidity_pool.price_shares(world, venue, p) / 700.0 == pytest.approx(703.0 / 700.0)  # the fee stays
    assert books.cash(world) == pytest.approx(totals)


def test_a_withdrawal_takes_no_more_than_is_free_and_the_rest_waits(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, breaker_liquidity=0.0)
    venue.lp_queued[0], venue.locked, world.substep = 600.0, 800.0, COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash == pytest.approx(200.0 * 0.99)
    assert venue.lp_queued[0] == pytest.approx(400.0) and venue.lp_shares[0] == pytest.approx(400.0)


def test_a_withdrawal_waits_for_cash_that_is_lent(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, cash=100.0)
    venue.option_scaled = venue.scaled_deposits = 900.0
    venue.supply_index, venue.cash = 1.0, 50.0  # all but 50 is with borrowers
    venue.lp_queued[0], world.substep = 600.0, COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash == pytest.approx(150.0 * 0.99) and venue.option_cash == pytest.approx(150.0 * 0.01)


def test_unpaid_holders_come_before_lps(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank)
    venue.lp_queued[0], venue.option_unpaid, world.substep = 600.0, 1.0, COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash == 0.0 and venue.lp_queued[0] == 600.0
    venue.option_unpaid = 0.0
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash > 0.0


@pytest.mark.parametrize(("cause", "hours"), [("liquidity", 72), ("variance", 36)])
def test_a_breaker_stops_shares_for_its_time(blank: Callable[..., Any], cause: str, hours: int) -> None:
    world, venue, p, _ = pool(blank, breaker_liquidity=0.05, breaker_variance=0.1)
    venue.lp_queued[0], world.substep = 300.0, COOLDOWN
    if cause == "liquidity":
        venue.locked = 960.0
    else:
        venue.num_expiries, venue.base_vol[0] = 1, 0.7
        world.substep = 12
        liquidity_pool.base_gwav(world, venue, 0, 36)
        from protogov.envs.world.surface import accumulate_base

        world.substep = COOLDOWN
        accumulate_base(world, venue, 0)
        venue.base_vol[0] = 0.81
        venue.expiry[0] = 100_000
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.breaker_until == COOLDOWN + hours * 12 and world.outside_cash == 0.0
    venue.locked, venue.num_expiries = 0.0, 0
    world.substep = int(venue.breaker_until) - 1
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash == 0.0
    world.substep += 1
    liquidity_pool.serve_queue(world, venue, p)
    assert world.outside_cash > 0.0


def test_a_deposit_waits_apart_and_buys_at_the_price_of_its_issue(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = pool(blank)
    totals = books.cash(world)
    liquidity_pool.deposit(world, venue, 1, 550.0)
    assert (venue.lp_waiting_sum, venue.option_cash, venue.lp_total) == (550.0, 1000.0, 1000.0)
    venue.option_cash += 100.0  # the pool earns before the shares are issued
    world.outside_cash -= 100.0
    world.substep = COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.lp_shares[1] == pytest.approx(400.0 + 550.0 / 1.1)
    assert venue.option_cash == pytest.approx(1650.0) and venue.lp_waiting_sum == 0.0
    assert venue.sum_lp_flow == pytest.approx(550.0)
    liquidity_pool.deposit(world, venue, 0, 80.0)
    liquidity_pool.withdraw_deposit(world, venue, 0)  # a change of mind costs nothing
    assert venue.lp_waiting_sum == 0.0 and books.cash(world) == pytest.approx(totals)


def test_who_asks_for_more_waits_anew(blank: Callable[..., Any]) -> None:
    # else a token request would open the door for all that is asked for later
    world, venue, p, _ = pool(blank)
    liquidity_pool.ask_back(world, venue, 0, 1.0)
    liquidity_pool.deposit(world, venue, 1, 1.0)
    world.substep = COOLDOWN - 12
    liquidity_pool.ask_back(world, venue, 0, 500.0)
    liquidity_pool.deposit(world, venue, 1, 500.0)
    world.substep = COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.lp_queued[0] == 501.0 and venue.lp_waiting[1] == 501.0
    world.substep = 2 * COOLDOWN - 12
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.lp_queued[0] == venue.lp_waiting[1] == 0.0
    assert venue.lp_received[:2] == pytest.approx((501.0 * 0.99, -501.0))


def test_the_last_to_leave_leaves_no_crumb_of_a_share(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, shares=(1000.0,))
    venue.lp_queued[0], world.substep = 1000.0 * (1.0 - 1e-13), COOLDOWN
    liquidity_pool.serve_queue(world, venue, p)
    assert venue.lp_total == venue.lp_shares[0] == 0.0
    liquidity_pool.price_shares(world, venue, p)
    assert np.isfinite(venue.lp_price)


def test_wishes_are_logistic_in_what_is_expected_beyond_what_is_asked(blank: Callable[..., Any]) -> None:
    _, _, p, _ = blank(lp_choice=12.0)
    share = liquidity_providers.wanted_share
    assert share(0.08, 0.08, p) == 0.5
    assert share(0.18, 0.08, p) == pytest.approx(1.0 / (1.0 + np.exp(-1.2)))
    assert share(-5.0, 0.08, p) < 1e-6 and share(1e9, 0.0, p) <= 1.0


def test_the_pools_own_returns_correct_what_lps_expect(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, lp_expected=0.12, lp_patience=20.0)
    assert liquidity_providers.expected_yield(world, venue, p) == pytest.approx(0.12)
    world.hour, venue.lp_price = 240, np.exp(-0.03)  # ten days and 3% lost
    expected = (0.12 * 20.0 / 365.0 - 0.03) / (30.0 / 365.0)
    assert liquidity_providers.expected_yield(world, venue, p) == pytest.approx(expected)


def test_lps_leave_after_losses_and_stay_without_choice(simulate: Callable[..., Simulator], hold: Any) -> None:
    left = {}
    for choice in (0.0, 12.0):
        simulator = simulate("crash-heldout", 24, decision_hours=24, parameters={"lp_choice": choice})
        flow = np.zeros(24)
        while not simulator.truncated().any():
            flow += simulator.step(hold(simulator)).records["pool_flow"][:, 0]
        left[choice] = flow
    assert (left[0.0] == 0.0).all()
    assert left[12.0].mean() < -5e6


def test_a_level_that_falls_queues_shares_and_one_that_rises_brings_money(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = pool(blank, lp_choice=1e4, level_stickiness=0.0)
    venue.lp_offset[:] = 0.5
    liquidity_providers.review(world, venue, 0, -1.0, p)
    assert venue.lp_level[0] == 0.0 and venue.lp_queued[0] == 600.0
    liquidity_providers.review(world, venue, 0, 1.0, p)  # it thinks better of it: the request is off
    assert venue.lp_level[0] == 1.0 and venue.lp_queued[0] == 0.0
    venue.lp_level[1] = 0.5
    liquidity_providers.review(world, venue, 1, 1.0, p)
    assert venue.lp_waiting[1] == pytest.approx(200.0)
