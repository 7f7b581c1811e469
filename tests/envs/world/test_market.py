"""The one price: the tape's path within an hour, the pool's closed forms, arbitrage, lasting impact, the oracle."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import market
from protogov.envs.world.state import NEVER, TAPE

COINS = st.floats(1e-3, 5e3)
FEES = st.floats(0.0, 0.1)


def candle(open_: float, high: float, low: float, close: float, **conditions: float) -> Any:
    row = np.zeros(1, TAPE).view(np.recarray)[0]
    row.open, row.high, row.low, row.close = open_, high, low, close
    row.depth, row.implied_vol, row.leverage_demand, row.flow_intensity, row.peg = 1e6, 0.7, 1.0, 1.0, 1.0
    for name, value in conditions.items():
        row[name] = value
    return row


# ---------------------------------------------------------------- the tape within an hour


def test_an_hour_that_closed_up_visits_its_low_first() -> None:
    row = candle(100.0, 120.0, 90.0, 110.0)
    assert [market.tape_point(row, k, 0.0) for k in (0, 4, 8, 11)] == [100.0, 90.0, 120.0, 110.0]
    assert market.tape_point(row, 2, 0.0) == pytest.approx(95.0)
    assert market.tape_point(row, 6, 0.0) == pytest.approx(105.0)


def test_an_hour_that_closed_down_visits_its_high_first() -> None:
    row = candle(110.0, 120.0, 90.0, 100.0)
    assert [market.tape_point(row, k, 0.0) for k in (0, 4, 8, 11)] == [110.0, 120.0, 90.0, 100.0]


@given(
    prices=st.lists(st.floats(10.0, 1000.0), min_size=4, max_size=4), substep=st.integers(0, 11),
    noise=st.floats(-6.0, 6.0),
)  # fmt: skip
def test_the_bridge_stays_inside_the_candle(prices: list[float], substep: int, noise: float) -> None:
    low, *middle, high = sorted(prices)
    row = candle(middle[0], high, low, middle[1])
    assert row.low <= market.tape_point(row, substep, noise) <= row.high
    # the four points of the candle are met whatever the noise
    if substep in (0, 11):
        assert market.tape_point(row, substep, noise) == (row.open if substep == 0 else row.close)


def test_outside_price_is_the_tape_times_the_lasting_impact(blank: Callable[..., Any]) -> None:
    world, _, _, _ = blank()
    world.lasting_impact = -0.1
    market.move_outside_price(world, candle(1000.0, 1000.0, 1000.0, 1000.0), 3)
    assert world.tape_price == 1000.0
    assert world.outside_price == pytest.approx(1000.0 * math.exp(-0.1), rel=1e-15)


@pytest.mark.parametrize("half_life", [12.0, 48.0])
def test_lasting_impact_halves_in_its_half_life(blank: Callable[..., Any], half_life: float) -> None:
    world, _, p, _ = blank(lasting_half_life=half_life)
    world.lasting_impact = 0.2
    for _ in range(int(half_life)):
        market.read_tape(world, candle(1000.0, 1000.0, 1000.0, 1000.0), p)
    assert world.lasting_impact == pytest.approx(0.1, rel=1e-12)


def test_the_anchor_of_the_surface_halves_its_gap_in_its_half_life(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(anchor_half_life=24.0)
    world.anchor_vol = 1.0
    for _ in range(24):
        market.read_tape(world, candle(1000.0, 1000.0, 1000.0, 1000.0, implied_vol=0.5), p)
    assert world.implied_vol == 0.5
    assert world.anchor_vol == pytest.approx(0.75, rel=1e-12)


def test_a_forced_trade_leaves_its_share_behind(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(lasting_share=0.3, lasting_cap=0.05)
    market.leave_impact(world, 4, -0.1, p)
    assert world.lasting_impact == pytest.approx(-0.03)
    assert world.outside_price == pytest.approx(1000.0 * math.exp(-0.03))
    assert (world.impact_serial, world.impact_largest) == (4, 0.1)
    market.leave_impact(world, -1, -0.5, p)  # a hedge: nobody's parent, but it moves the price
    assert world.lasting_impact == -0.05
    assert (world.impact_serial, world.impact_largest) == (4, 0.1)
    market.leave_impact(world, -1, 2.0, p)
    assert world.lasting_impact == 0.05


def test_no_lasting_share_no_lasting_impact(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(lasting_share=0.0)
    market.leave_impact(world, 0, -0.3, p)
    assert world.lasting_impact == 0.0 and world.outside_price == 1000.0


# ---------------------------------------------------------------- the spot pool


@given(coin=COINS, fee=FEES)
def test_a_sale_at_constant_product(blank: Callable[..., Any], books: Any, coin: float, fee: float) -> None:
    world, _, _, _ = blank()
    before = books.cash(world)
    cash, impact = market.sell_to_pool(world, coin, fee)
    gross = 1e6 * coin / (1e3 + coin)
    assert cash == pytest.approx(gross * (1.0 - fee), rel=1e-12)
    assert world.pool_cash * world.pool_coin == pytest.approx(1e9, rel=1e-12)
    assert world.pool_coin == pytest.approx(1e3 + coin)
    # price = 1e9 / coin^2
    assert impact == pytest.approx(-2.0 * math.log1p(coin / 1e3), rel=1e-9, abs=1e-12)
    # the fee is the pool owners', outside; the seller's side is the caller's to book
    assert books.cash(world) + cash == pytest.approx(before, rel=1e-12)


@given(coin=st.floats(1e-3, 900.0), fee=FEES)
def test_a_purchase_at_constant_product(blank: Callable[..., Any], books: Any, coin: float, fee: float) -> None:
    world, _, _, _ = blank()
    before = books.cash(world)
    cash, impact = market.buy_from_pool(world, coin, fee)
    gross = 1e6 * coin / (1e3 - coin)
    assert cash == pytest.approx(gross / (1.0 - fee), rel=1e-12)
    assert world.pool_cash * world.pool_coin == pytest.approx(1e9, rel=1e-12)
    assert impact == pytest.approx(-2.0 * math.log1p(-coin / 1e3), rel=1e-9, abs=1e-12)
    assert books.cash(world) - cash == pytest.approx(before, rel=1e-12)


@given(coin=st.floats(1e-3, 900.0), fee=FEES)
def test_a_round_trip_costs_both_fees(blank: Callable[..., Any], coin: float, fee: float) -> None:
    world, _, _, _ = blank()
    paid, up = market.buy_from_pool(world, coin, fee)
    received, down = market.sell_to_pool(world, coin, fee)
    assert received == pytest.approx(paid * (1.0 - fee) ** 2, rel=1e-11)
    assert up == pytest.approx(-down, rel=1e-9, abs=1e-12)
    assert (world.pool_cash, world.pool_coin) == pytest.approx((1e6, 1e3), rel=1e-12)


@pytest.mark.parametrize("depth", [0.2e6, 0.8e6])
def test_depth_is_the_cash_that_moves_the_price_by_one_percent(
    blank: Callable[..., Any], books: Any, depth: float
) -> None:
    world, _, _, _ = blank()
    totals = books.cash(world), books.coin(world)
    market.set_pool_depth(world, depth)
    assert market.pool_price(world) == pytest.approx(1000.0, rel=1e-13)  # liquidity comes and goes at the price
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12, abs=1e-6)
    coin = world.pool_coin * (1.0 - math.exp(-0.005))
    cash, impact = market.buy_from_pool(world, coin, 0.0)
    assert cash == pytest.approx(depth, rel=1e-11)
    assert impact == pytest.approx(0.01, rel=1e-11)


# ---------------------------------------------------------------- arbitrage


@pytest.mark.parametrize("outside", [900.0, 1100.0])
@pytest.mark.parametrize("speed", [0.25, 1.0])
@pytest.mark.parametrize("band", [0.0, 0.01])
def test_arbitrage_closes_its_share_of_the_gap(
    blank: Callable[..., Any], books: Any, outside: float, speed: float, band: float
) -> None:
    world, _, p, _ = blank(arbitrage_speed=speed, arbitrage_band=band, arbitrage_capacity=1e12)
    world.outside_price = outside
    totals = books.cash(world), books.coin(world)
    market.arbitrage(world, p)
    gap = abs(math.log(outside / 1000.0))
    left = math.copysign(band + (1.0 - speed) * (gap - band), outside - 1000.0)
    assert math.log(outside / market.pool_price(world)) == pytest.approx(left, rel=1e-10, abs=1e-13)
    assert world.pool_cash * world.pool_coin == pytest.approx(1e9, rel=1e-12)
    # bought where it was cheap and settled outside where it was dear
    assert world.arbitrage_cash > 0.0
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12)


def test_arbitrage_leaves_the_band_alone(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(arbitrage_band=0.01)
    world.outside_price = 1009.9
    market.arbitrage(world, p)
    assert (world.pool_cash, world.pool_coin, world.arbitrage_cash) == (1e6, 1e3, 0.0)


@pytest.mark.parametrize(("congestion", "capacity"), [(0.0, 1000.0), (0.5, 600.0), (1.0, 200.0)])
@pytest.mark.parametrize("outside", [900.0, 1100.0])
def test_arbitrage_capital_is_finite_and_leaves_under_congestion(
    blank: Callable[..., Any], outside: float, congestion: float, capacity: float
) -> None:
    world, _, p, _ = blank(arbitrage_capacity=1000.0, arbitrage_stress=0.8, arbitrage_band=0.0)
    world.outside_price, world.congestion = outside, congestion
    market.arbitrage(world, p)
    assert abs(world.pool_cash - 1e6) == pytest.approx(capacity, rel=1e-9)


# ---------------------------------------------------------------- the oracle


def test_oracle_reports_on_deviation(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(oracle_deviation=0.005, oracle_heartbeat=100.0, oracle_pool_weight=0.0)
    world.outside_price = 1005.0
    assert not market.update_oracle(world, p)
    world.outside_price = 1005.1
    assert market.update_oracle(world, p)
    assert world.oracle_price == 1005.1


def test_oracle_reports_on_heartbeat(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(oracle_deviation=0.5, oracle_heartbeat=2.0, oracle_pool_weight=0.0)
    world.outside_price = 1001.0
    world.substep = 23
    assert not market.update_oracle(world, p)
    world.substep = 24
    assert market.update_oracle(world, p)
    assert (world.oracle_price, world.oracle_substep) == (1001.0, 24)
    world.substep = 47
    world.outside_price = 1002.0
    assert not market.update_oracle(world, p)
    world.substep, world.outside_price = 48, 1001.0
    assert not market.update_oracle(world, p)  # reports, but the price is the same
    assert world.oracle_substep == 48


@pytest.mark.parametrize(("congestion", "late"), [(0.0, 0), (0.5, 2), (0.99, 3), (1.0, 4)])
def test_oracle_is_late_under_congestion(blank: Callable[..., Any], congestion: float, late: int) -> None:
    world, _, p, _ = blank(oracle_delay=4.0, oracle_pool_weight=0.0, oracle_deviation=0.005)
    world.congestion, world.substep, world.outside_price = congestion, 10, 900.0
    seen = []
    for _ in range(6):
        if market.update_oracle(world, p):
            seen.append(world.substep)
            break
        world.substep += 1
        world.outside_price -= 10.0  # what is on its way is what was seen when it left
    assert seen == [10 + late]
    assert world.oracle_price == 900.0
    assert world.oracle_due == NEVER


def test_oracle_sees_some_of_the_pool(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(oracle_pool_weight=0.2)
    world.outside_price, world.pool_cash = 900.0, 8e5
    assert market.oracle_source(world, p) == pytest.approx(0.8 * 900.0 + 0.2 * 800.0)


def test_an_update_remembers_who_moved_the_pool_before_it(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(oracle_pool_weight=1.0, lasting_share=0.0)
    world.outside_price = 500.0
    market.leave_impact(world, 11, -0.02, p)
    market.leave_impact(world, 12, -0.05, p)
    market.leave_impact(world, 13, -0.01, p)
    assert world.parent_serial == -1
    world.pool_cash = 9e5
    assert market.update_oracle(world, p)
    assert (world.parent_serial, world.impact_serial, world.impact_largest) == (12, -1, 0.0)


# ---------------------------------------------------------------- history


def test_realised_vol_and_highs(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank()
    prices = 1000.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 400)))
    world.hourly_close[0] = prices[0]
    for hour in range(1, 400):
        world.hour, world.oracle_price = hour, prices[hour]
        market.remember_hour(world, p)
        if hour in (1, 5, 100, 399):
            for window, got in ((1, world.realised_1h), (6, world.realised_6h), (72, world.realised_72h)):
                closes = prices[max(hour - window, 0) : hour + 1]
                steps = closes[1:] / closes[:-1] - 1.0
                assert got == pytest.approx(math.sqrt((steps**2).mean() * 8760.0), rel=1e-12)
            assert world.high_week == prices[max(hour - 167, 0) : hour + 1].max()
