"""The one price: the tape's path in an hour, the peg, the pool's closed forms, depth that leaves, lasting impact."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import market
from protogov.envs.world.state import TAPE

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
    world, venue, p, _ = blank(lasting_share=0.3, lasting_cap=0.05)
    market.leave_impact(world, 4, -0.1, p)
    assert world.lasting_impact == pytest.approx(-0.03)
    assert world.outside_price == pytest.approx(1000.0 * math.exp(-0.03))
    assert (venue.impact_serial, venue.impact_largest) == (4, 0.1)
    market.leave_impact(world, -1, -0.5, p)  # a hedge: nobody's parent, but it moves the price
    assert world.lasting_impact == -0.05
    assert (venue.impact_serial, venue.impact_largest) == (4, 0.1)
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


# ---------------------------------------------------------------- depth that leaves


@pytest.mark.parametrize(("stress", "left"), [(0.0, 1.0), (0.05, math.exp(-0.4)), (0.2, math.exp(-1.6)), (2.0, 0.1)])
def test_an_hour_opens_with_the_depth_that_stress_leaves(
    blank: Callable[..., Any], books: Any, stress: float, left: float
) -> None:
    world, _, p, _ = blank(depth_floor=0.1, depth_flight=8.0, depth_return_half_life=4.0, depth_scale=2.0)
    totals = books.cash(world), books.coin(world)
    world.pool_stress = stress * 2.0**0.25  # an hour decays first
    market.read_tape(world, candle(1000.0, 1000.0, 1000.0, 1000.0, depth=4e5), p)
    assert world.pool_stress == pytest.approx(stress, rel=1e-12)
    assert world.tape_depth == 8e5
    assert world.depth == pytest.approx(8e5 * left, rel=1e-12)
    assert world.pool_cash * (math.exp(0.005) - 1.0) == pytest.approx(8e5 * left, rel=1e-12)
    assert market.pool_price(world) == pytest.approx(1000.0, rel=1e-13)
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12, abs=1e-6)


def test_half_of_the_stress_is_forgotten_in_its_half_life(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(depth_return_half_life=6.0)
    world.pool_stress = 0.08
    for _ in range(6):
        market.read_tape(world, candle(1000.0, 1000.0, 1000.0, 1000.0), p)
    assert world.pool_stress == pytest.approx(0.04, rel=1e-12)


def test_every_forced_trade_scares_whatever_its_direction(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank()
    market.leave_impact(world, 3, -0.04, p)
    market.leave_impact(world, -1, 0.01, p)
    assert world.pool_stress == pytest.approx(0.05, rel=1e-15)


def test_within_the_hour_providers_take_their_share_out(blank: Callable[..., Any], books: Any) -> None:
    world, _, p, _ = blank(depth_floor=0.1, depth_flight=8.0)
    depth = float(world.depth)
    _, impact = market.sell_to_pool(world, 5.0, 0.0)
    market.leave_impact(world, 0, impact, p)
    totals = books.cash(world), books.coin(world)
    price, cash = market.pool_price(world), float(world.pool_cash)
    market.withdraw_liquidity(world, p)
    left = math.exp(-8.0 * 2.0 * math.log1p(0.005))
    assert world.depth == pytest.approx(depth * left, rel=1e-12)
    assert world.pool_cash == pytest.approx(cash * left, rel=1e-12)  # of what the sale left, both sides alike
    assert market.pool_price(world) == pytest.approx(price, rel=1e-13)
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12, abs=1e-6)
    before = world.tobytes()
    market.withdraw_liquidity(world, p)  # nothing new happened
    assert world.tobytes() == before


@pytest.mark.parametrize("floored", [False, True])
def test_providers_do_not_move_for_a_trifle_nor_come_back_in_a_rout(blank: Callable[..., Any], floored: bool) -> None:
    world, _, p, _ = blank(depth_floor=0.1, depth_flight=8.0)
    if floored:
        world.pool_stress = 5.0
        market.withdraw_liquidity(world, p)
        assert world.depth == pytest.approx(0.1 * world.tape_depth, rel=1e-12)
        world.pool_cash, world.pool_stress = 0.5 * world.pool_cash, 6.0
    else:
        world.pool_stress = 0.0024  # 1.9%
    cash, depth = float(world.pool_cash), float(world.depth)
    market.withdraw_liquidity(world, p)
    assert (world.pool_cash, world.depth) == (cash, depth)


@given(trades=st.lists(st.floats(0.01, 200.0), min_size=1, max_size=12), flight=st.floats(0.0, 50.0))
def test_depth_only_falls_within_an_hour_and_never_below_a_tenth(
    blank: Callable[..., Any], books: Any, trades: list[float], flight: float
) -> None:
    world, _, p, _ = blank(depth_flight=flight)
    market.set_pool_depth(world, world.tape_depth)
    totals, depth, received = (books.cash(world), books.coin(world)), float(world.depth), 0.0
    for coin in trades:
        cash, impact = market.sell_to_pool(world, coin, 0.001)
        received += cash
        market.leave_impact(world, -1, impact, p)
        price = market.pool_price(world)
        market.withdraw_liquidity(world, p)
        assert 0.1 * world.tape_depth * (1.0 - 1e-12) <= world.depth <= depth
        assert market.pool_price(world) == pytest.approx(price, rel=1e-12)
        depth = float(world.depth)
    assert books.cash(world) + received == pytest.approx(totals[0], abs=1e-9 * world.gross_cash + 1e-6)
    assert books.coin(world) - sum(trades) == pytest.approx(totals[1], abs=1e-9 * world.gross_coin + 1e-9)


def test_without_flight_depth_is_the_tapes(simulate: Callable[..., Any], hold: Any) -> None:
    simulator = simulate("crash-heldout", 8, parameters={"depth_flight": 0.0, "depth_scale": 0.5}, decision_hours=1)
    for hour in range(1, 97):
        simulator.step(hold(simulator))
        tape = simulator.tape["depth"][:, hour].astype(float) * 0.5
        assert np.array_equal(simulator.worlds["depth"], tape)
        assert np.array_equal(simulator.worlds["tape_depth"], tape)
    assert simulator.worlds["pool_stress"].max() > 0.05  # there was something to run from


def test_depth_leaves_in_a_crash_and_comes_back(simulate: Callable[..., Any], hold: Any) -> None:
    simulator = simulate("crash-heldout", 16, decision_hours=1, parameters={"depth_flight": 4.0, "depth_floor": 0.3})
    left = []
    for _ in range(336):
        simulator.step(hold(simulator))
        left.append(simulator.worlds["depth"] / simulator.worlds["tape_depth"])
    share = np.array(left)
    assert share.min() == pytest.approx(0.3, rel=1e-9) and share.max() <= 1.0
    assert np.median(share[:24]) > 0.85 and (share[-24:].max(axis=0) > 0.5).mean() > 0.5


# ---------------------------------------------------------------- the debt asset's peg


def test_a_coin_costs_more_of_a_debt_asset_that_is_worth_less(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank()
    world.lasting_impact, world.peg = 0.02, 0.98
    hour = candle(1000.0, 1000.0, 1000.0, 1000.0, peg=0.87)
    market.read_tape(world, hour, p)
    pegs = []
    for k in range(12):
        market.move_outside_price(world, hour, k)
        pegs.append(float(world.peg))
        assert world.tape_price == pytest.approx(1000.0 / world.peg, rel=1e-15)
        assert world.outside_price == pytest.approx(
            world.tape_price * math.exp(0.02 * 2.0 ** (-1 / p.lasting_half_life)), rel=1e-12
        )
    # evenly from the last hour's to this hour's, as a candle goes from its open to its close
    assert pegs == pytest.approx(np.linspace(0.98, float(np.float32(0.87)), 12), rel=1e-12)


def test_a_peg_of_one_changes_no_bit(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank()
    row = candle(1003.7, 1017.9, 991.3, 1011.1)
    market.read_tape(world, row, p)
    for k in range(12):
        market.move_outside_price(world, row, k)
        noise = market.normal(world.seed, 0, 0, k, market.Purpose.PRICE_BRIDGE)
        assert world.tape_price == market.tape_point(row, k, noise)


def test_an_episode_opens_in_units_of_the_debt_asset(simulate: Callable[..., Any], made: Any) -> None:
    world = simulate(made([1000.0], peg=[0.8, 1.0])).worlds[0]
    peg = float(np.float32(0.8))
    assert world.peg == peg
    for price in (world.tape_price, world.outside_price, world.venues[0].oracle_price, world.venues[0].opening_price):
        assert price == 1000.0 / peg
    assert market.pool_price(world) == pytest.approx(1000.0 / peg, rel=1e-14)
    assert world.dollar_mark == 1000.0


# ---------------------------------------------------------------- history


def test_realised_vol_and_highs(blank: Callable[..., Any]) -> None:
    world, venue, _, _ = blank()
    prices = 1000.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.02, 400)))
    venue.hourly_close[0] = venue.high_week = prices[0]
    for hour in range(1, 400):
        world.hour, venue.oracle_price = hour, prices[hour]
        market.remember_hour(world)
        assert venue.high_week == prices[max(hour - 167, 0) : hour + 1].max()
        assert world.realised_6h == venue.realised_6h
        if hour in (1, 5, 100, 399):
            for window, got in ((1, venue.realised_1h), (6, venue.realised_6h), (72, venue.realised_72h)):
                closes = prices[max(hour - window, 0) : hour + 1]
                steps = closes[1:] / closes[:-1] - 1.0
                assert got == pytest.approx(math.sqrt((steps**2).mean() * 8760.0), rel=1e-12)
