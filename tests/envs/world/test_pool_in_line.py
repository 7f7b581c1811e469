"""A pool that arbitrage has left: neither the hedge nor a levered buyer follows its price wherever it goes."""

from collections.abc import Callable
from typing import Any

import pytest

from protogov.envs.world.hedging import hedge
from protogov.envs.world.market import pool_in_line
from protogov.envs.world.population.borrowers import buy_with_loan


@pytest.mark.parametrize(
    ("price", "in_line"), [(1000.0, True), (1900.0, True), (2010.0, False), (510.0, True), (490.0, False)]
)
def test_who_may_wait_trades_within_a_factor_of_two(blank: Callable[..., Any], price: float, in_line: bool) -> None:
    world, venue, p, events = blank()  # 1,000 coins at 1,000 USD outside
    world.pool_cash = price * world.pool_coin
    assert pool_in_line(world) == in_line
    venue.option_cash = 1e6
    venue.hedge_slice, venue.hedge_slices_left = 10.0, 2
    hedge(world, venue, 0, events, p)
    assert venue.hedge_coin == (10.0 if in_line else 0.0)
    assert venue.hedge_slices_left == 1  # the order runs out all the same
    before = world.pool_coin
    buy_with_loan(world, venue, 0, 1e4, p)
    assert (venue.account_collateral[0] > 0.0) == in_line
    assert before - world.pool_coin == pytest.approx(venue.account_collateral[0])


def test_one_purchase_takes_at_most_half_of_the_pool(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    buy_with_loan(world, venue, 0, 1e12, p)
    assert venue.account_collateral[0] == pytest.approx(500.0)
    assert world.pool_coin == pytest.approx(500.0)
    assert world.outside_cash < 0.0 and world.outside_cash > -1.01e6  # the rest was not spent


def test_loans_cannot_drive_a_pool_without_arbitrage_away(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    for _ in range(500):
        buy_with_loan(world, venue, 0, 3e5, p)
    assert 2.0 <= world.pool_cash / world.pool_coin / world.outside_price < 4.0
