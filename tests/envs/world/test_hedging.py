"""Delta hedging through the spot pool: how far, how fast, what it costs, and what stays unhedged."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import hedging

SETTINGS = {"hedge_depth": 1.5, "hedge_minimum": 0.02, "hedge_slices": 4, "pool_fee": 0.001, "lasting_share": 0.5}


def work_off(bench: Any) -> int:
    """Plan and run all slices; how many there were."""
    world, venue, p, events = bench
    hedging.plan_hedge(world, venue, p)
    slices = 0
    while venue.hedge_slices_left > 0:
        hedging.hedge(world, venue, 0, events, p)
        slices += 1
    return slices


@pytest.mark.parametrize("delta", [-2.0, 2.0])
def test_the_hedge_reaches_its_target_in_equal_slices(blank: Callable[..., Any], books: Any, delta: float) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    venue.net_delta, venue.hedge_ratio, venue.option_cash = delta, 0.8, 1e5
    totals = books.cash(world), books.coin(world)
    assert work_off(bench) == 4
    assert venue.hedge_coin == pytest.approx(-0.8 * delta)
    assert world.pool_coin == pytest.approx(1e3 + 0.8 * delta)
    # at constant product, slice by slice the same as at once; the fee is on the cash
    bought = -0.8 * delta
    gross = 1e6 * bought / (1e3 - bought)
    paid = gross / 0.999 if bought > 0.0 else gross * 0.999
    assert venue.option_cash == pytest.approx(1e5 - paid)
    assert books.cash(world) == pytest.approx(totals[0]) and books.coin(world) == pytest.approx(totals[1])
    # half of the log impact lasts
    assert world.lasting_impact == pytest.approx(-math.log1p(-bought / 1e3), rel=1e-9)
    assert venue.impact_serial == -1  # nobody's parent


def test_the_cost_is_what_was_paid_beyond_the_outside_price(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS | {"lasting_share": 0.0, "hedge_slices": 1})
    venue.net_delta, venue.hedge_ratio, venue.option_cash = -1.0, 1.0, 1e5
    world.outside_price = 990.0
    work_off(bench)
    assert venue.sum_hedge_cost == pytest.approx(1e5 - venue.option_cash - 990.0)
    bench = world, venue, p, _ = blank(**SETTINGS | {"lasting_share": 0.0, "hedge_slices": 1})
    venue.net_delta, venue.hedge_ratio = 1.0, 1.0
    world.outside_price = 1010.0
    work_off(bench)
    assert venue.sum_hedge_cost == pytest.approx(1010.0 - venue.option_cash)
    assert venue.hedge_coin == -1.0  # coin borrowed from outside and sold


@pytest.mark.parametrize("delta", [-500.0, 500.0])
def test_the_hedge_is_capped_by_the_depth(blank: Callable[..., Any], delta: float) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    venue.net_delta, venue.hedge_ratio, venue.option_cash = delta, 1.0, 1e6
    work_off(bench)
    # depth is 1e6 * (exp(0.005) - 1) USD at 1,000 a coin
    assert abs(venue.hedge_coin) == pytest.approx(1.5 * 1e3 * math.expm1(0.005))


def test_a_small_change_is_not_worth_its_fee(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    venue.net_delta, venue.hedge_ratio, venue.option_cash = -2.0, 1.0, 1e5
    venue.hedge_coin = 1.97  # 1.5% short of the target
    assert work_off(bench) == 0 and venue.hedge_coin == 1.97
    venue.hedge_coin = 1.95
    assert work_off(bench) == 4 and venue.hedge_coin == pytest.approx(2.0)


@given(
    delta=st.floats(-1e6, 1e6), held=st.floats(-1e6, 1e6), drained=st.floats(0.01, 100.0),
    depth=st.floats(0.1, 100.0), slices=st.integers(1, 12),
)  # fmt: skip
def test_no_hedge_buys_more_than_the_pool_holds(
    blank: Callable[..., Any], delta: float, held: float, drained: float, depth: float, slices: int
) -> None:
    # sales have drained the pool of cash since the hour began (or purchases of coin), the depth is still the hour's
    bench = world, venue, p, _ = blank(**SETTINGS | {"hedge_slices": slices, "hedge_depth": depth})
    venue.net_delta, venue.hedge_ratio, venue.hedge_coin, venue.option_cash = delta, 1.0, held, 1e9
    world.pool_cash, world.pool_coin = 1e6 * drained, 1e3 / drained
    work_off(bench)
    assert world.pool_coin > 0.0 and world.pool_cash > 0.0


def test_funding_is_paid_by_a_long_hedge(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = blank()
    venue.option_cash = 100.0
    totals = books.cash(world)
    venue.hedge_coin, world.funding, world.outside_price = 10.0, 0.2, 900.0
    hedging.pay_funding(world, venue)
    hourly = 10.0 * 900.0 * 0.2 / 8760.0
    assert (venue.option_cash, world.outside_cash) == pytest.approx((100.0 - hourly, hourly))
    assert venue.sum_hedge_cost == pytest.approx(hourly)
    venue.hedge_coin = -10.0
    hedging.pay_funding(world, venue)
    assert (venue.option_cash, venue.sum_hedge_cost) == pytest.approx((100.0, 0.0), abs=1e-12)
    assert books.cash(world) == pytest.approx(totals)


def test_funding_that_cannot_be_paid_is_owed(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    venue.option_cash, venue.hedge_coin, world.funding, world.outside_price = 0.05, 10.0, 0.2, 900.0
    hedging.pay_funding(world, venue)
    hourly = 10.0 * 900.0 * 0.2 / 8760.0
    assert (venue.option_cash, venue.option_unpaid, world.outside_cash) == pytest.approx((0.0, hourly - 0.05, 0.05))
    assert venue.sum_hedge_cost == pytest.approx(hourly)  # a cost all the same


def test_variance_charge(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(variance_aversion=2e-6, hourly_vol_of_vol=0.01)
    venue.net_delta, venue.hedge_coin, venue.net_vega = -100.0, 80.0, 3e5
    world.implied_vol, world.tape_price = 0.8, 1500.0
    move = 20.0 * 1500.0 * 0.8 / math.sqrt(8760.0)
    assert hedging.variance_charge(world, venue, p) == pytest.approx(2e-6 * (move**2 + 3e3**2))


@pytest.mark.parametrize(
    ("cash", "lent", "market", "spent"),
    [
        (0.0, 0.0, 0.0, 0.0),
        (300.0, 0.0, 0.0, 300.0),
        (300.0, 1e6, 200.0, 500.0),  # loans are recalled as far as the lending market has cash
        (0.0, 1e6, 1e6, 2e6 / 998.0),  # two coins in all: 1e6 * 2 / 998
    ],
)
def test_a_hedge_is_paid_from_free_cash(
    blank: Callable[..., Any], books: Any, cash: float, lent: float, market: float, spent: float
) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS | {"pool_fee": 0.0, "lasting_share": 0.0, "hedge_slices": 1})
    venue.net_delta, venue.hedge_ratio = -2.0, 1.0
    venue.option_cash, venue.option_scaled, venue.scaled_deposits, venue.cash = cash, lent, lent, market
    totals = books.cash(world), books.coin(world)
    work_off(bench)
    assert world.pool_cash - 1e6 == pytest.approx(spent, abs=1e-6)
    assert venue.hedge_coin == pytest.approx(1e3 * spent / (1e6 + spent), abs=1e-9)
    assert venue.option_cash == pytest.approx(0.0, abs=1e-6)
    assert books.cash(world) == pytest.approx(totals[0]) and books.coin(world) == pytest.approx(totals[1])


@pytest.mark.parametrize("delta", [-2.0, 2.0])
def test_hedged_outside_the_pool_nothing_moves_and_nothing_is_lost(
    blank: Callable[..., Any], books: Any, delta: float
) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, hedge_through_pool=0.0)
    venue.net_delta, venue.hedge_ratio, venue.option_cash = delta, 1.0, 1e5
    world.outside_price = 990.0
    totals = books.cash(world), books.coin(world)
    assert work_off(bench) == 4
    assert venue.hedge_coin == pytest.approx(-delta)
    assert venue.option_cash == pytest.approx(1e5 + delta * 990.0)
    assert books.cash(world) == pytest.approx(totals[0]) and books.coin(world) == pytest.approx(totals[1])
    assert (world.pool_coin, world.pool_cash, world.lasting_impact, world.pool_stress) == (1e3, 1e6, 0.0, 0.0)
    assert venue.sum_hedge_cost == pytest.approx(0.0, abs=1e-9)
    # of NAV0, which counts from the tape's price of 1,000
    assert venue.pool_hedging == pytest.approx(-delta * 10.0)


def test_hedged_outside_no_more_is_bought_than_the_cash_pays(blank: Callable[..., Any]) -> None:
    bench = world, venue, _, _ = blank(**SETTINGS, hedge_through_pool=0.0)
    venue.net_delta, venue.hedge_ratio, venue.option_cash = -2.0, 1.0, 700.0
    work_off(bench)
    assert venue.hedge_coin == pytest.approx(0.7)
    assert venue.option_cash == pytest.approx(0.0, abs=1e-9)
