"""Arbitrage: its share of the gap, finite capital, lateness; what of an impact is temporary and what lasts."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world.arbitrage import arbitrage, arbitrage_capital, price_seen
from protogov.envs.world.market import leave_impact, move_outside_price, pool_price, read_tape, sell_to_pool
from protogov.envs.world.state import TAPE

FREE = {"arbitrage_band": 0.0, "arbitrage_capacity": 1e12, "arbitrage_calm_vol": 1e9}


@pytest.mark.parametrize("outside", [900.0, 1100.0])
@pytest.mark.parametrize("speed", [0.25, 1.0])
@pytest.mark.parametrize("band", [0.0, 0.01])
def test_arbitrage_closes_its_share_of_the_gap(
    blank: Callable[..., Any], books: Any, outside: float, speed: float, band: float
) -> None:
    world, _, p, _ = blank(arbitrage_speed=speed, arbitrage_band=band, arbitrage_capacity=1e12)
    world.outside_price = outside
    totals = books.cash(world), books.coin(world)
    arbitrage(world, p)
    gap = abs(math.log(outside / 1000.0))
    left = math.copysign(band + (1.0 - speed) * (gap - band), outside - 1000.0)
    assert math.log(outside / pool_price(world)) == pytest.approx(left, rel=1e-10, abs=1e-13)
    assert world.pool_cash * world.pool_coin == pytest.approx(1e9, rel=1e-12)
    # bought where it was cheap and settled outside where it was dear
    assert world.arbitrage_cash > 0.0
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12)


def test_arbitrage_leaves_the_band_alone(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(arbitrage_band=0.01)
    world.outside_price = 1009.9
    arbitrage(world, p)
    assert (world.pool_cash, world.pool_coin, world.arbitrage_cash) == (1e6, 1e3, 0.0)


@pytest.mark.parametrize(("congestion", "capacity"), [(0.0, 1000.0), (0.5, 600.0), (1.0, 200.0)])
@pytest.mark.parametrize("outside", [900.0, 1100.0])
def test_arbitrage_capital_is_finite_and_leaves_under_congestion(
    blank: Callable[..., Any], outside: float, congestion: float, capacity: float
) -> None:
    world, _, p, _ = blank(arbitrage_capacity=1000.0, arbitrage_stress=0.8, arbitrage_band=0.0, arbitrage_delay=0.0)
    world.outside_price, world.congestion = outside, congestion
    arbitrage(world, p)
    assert abs(world.pool_cash - 1e6) == pytest.approx(capacity, rel=1e-9)


@pytest.mark.parametrize(("realised", "share"), [(0.0, 1.0), (1.0, 1.0), (2.0, 0.5), (5.0, 0.2), (1e9, 0.1)])
def test_arbitrage_capital_shrinks_when_prices_move(blank: Callable[..., Any], realised: float, share: float) -> None:
    world, _, p, _ = blank(arbitrage_capacity=1e6, arbitrage_stress=0.5, arbitrage_calm_vol=1.0)
    world.realised_6h, world.congestion = realised, 0.4
    assert arbitrage_capital(world, p) == pytest.approx(0.8e6 * share, rel=1e-15)


@given(congestion=st.floats(0.0, 1.0), realised=st.floats(0.0, 20.0), outside=st.floats(300.0, 3000.0))
def test_no_trade_beyond_the_capital(
    blank: Callable[..., Any], books: Any, congestion: float, realised: float, outside: float
) -> None:
    world, _, p, _ = blank(arbitrage_capacity=3e4, arbitrage_delay=0.0)
    world.congestion, world.realised_6h, world.outside_price = congestion, realised, outside
    totals, before = (books.cash(world), books.coin(world)), pool_price(world)
    arbitrage(world, p)
    traded = abs(world.pool_cash - 1e6)
    assert traded <= arbitrage_capital(world, p) * (1.0 + 1e-12) <= 3e4 * (1.0 + 1e-9)
    # toward the outside price, never beyond it
    assert min(before, outside) * (1 - 1e-12) <= pool_price(world) <= max(before, outside) * (1 + 1e-12)
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12)


@pytest.mark.parametrize(("congestion", "late"), [(0.0, 0), (0.33, 0), (0.34, 1), (0.7, 2), (1.0, 3)])
def test_arbitrageurs_act_on_the_price_that_they_saw(blank: Callable[..., Any], congestion: float, late: int) -> None:
    world, _, p, _ = blank(arbitrage_delay=3.0)
    world.congestion = congestion
    row = make_candle(900.0)
    for substep, price in enumerate((990.0, 970.0, 940.0, 900.0), start=37):
        world.substep = substep
        row.open = row.high = row.low = row.close = price
        move_outside_price(world, row, 0)
    assert price_seen(world, p) == (900.0, 940.0, 970.0, 990.0)[late]


def make_candle(price: float) -> Any:
    row = np.zeros(1, TAPE).view(np.recarray)[0]
    row.open = row.high = row.low = row.close = price
    row.depth, row.implied_vol, row.leverage_demand, row.flow_intensity, row.peg = 1e6, 0.7, 1.0, 1.0, 1.0
    return row


def test_late_arbitrage_settles_at_the_price_of_now_and_can_lose(blank: Callable[..., Any], books: Any) -> None:
    world, _, p, _ = blank(**FREE, arbitrage_speed=1.0, arbitrage_stress=0.0, arbitrage_delay=2.0)
    world.congestion, world.substep = 1.0, 40
    world.outside_seen[38 % 16], world.outside_price = 1210.0, 1000.0
    totals = books.cash(world), books.coin(world)
    arbitrage(world, p)
    assert pool_price(world) == pytest.approx(1210.0, rel=1e-12)
    # to 1.1 times the cash: 100,000 in for 1000/11 coin, which fetch 1,000 each outside
    assert world.arbitrage_cash == pytest.approx(1e6 / 11.0 - 1e5, rel=1e-9)
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-12)


# ---------------------------------------------------------------- temporary and lasting impact


@pytest.mark.parametrize("share", [0.0, 0.03, 0.4, 1.0])
@pytest.mark.parametrize("speed", [0.25, 1.0])
def test_arbitrage_takes_back_all_of_an_impact_but_the_share_that_lasts(
    blank: Callable[..., Any], share: float, speed: float
) -> None:
    world, _, p, _ = blank(**FREE, arbitrage_speed=speed, lasting_share=share, lasting_cap=1.0, depth_flight=0.0)
    _, impact = sell_to_pool(world, 50.0, 0.0)
    leave_impact(world, 0, impact, p)
    assert impact == pytest.approx(-2.0 * math.log1p(0.05), rel=1e-12)
    for n in range(1, 7):
        arbitrage(world, p)
        # the lasting part for good, the rest closed by `speed` a sub-step
        expected = impact * (share + (1.0 - share) * (1.0 - speed) ** n)
        assert math.log(pool_price(world) / 1000.0) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_lasting_part_leaves_the_pool_as_it_decays_outside(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(
        **FREE, arbitrage_speed=1.0, lasting_share=0.5, lasting_half_life=12.0, depth_flight=0.0, arbitrage_delay=0.0
    )
    _, impact = sell_to_pool(world, 50.0, 0.0)
    leave_impact(world, 0, impact, p)
    row = make_candle(1000.0)
    for hour in range(1, 25):
        read_tape(world, row, p)
        move_outside_price(world, row, 0)
        arbitrage(world, p)
        expected = 0.5 * impact * 2.0 ** (-hour / 12.0)
        assert math.log(pool_price(world) / 1000.0) == pytest.approx(expected, rel=1e-9)


def test_without_arbitrage_an_impact_stays(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(arbitrage_speed=0.0, lasting_share=0.0)
    _, impact = sell_to_pool(world, 50.0, 0.0)
    leave_impact(world, 0, impact, p)
    for _ in range(50):
        arbitrage(world, p)
    assert math.log(pool_price(world) / 1000.0) == pytest.approx(impact, rel=1e-12)
