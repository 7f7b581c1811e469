"""The outside perpetual market: open interest that falls flush, and funding that crowded hedges pay themselves."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import funding, hedging
from protogov.envs.world.state import TAPE


def tape_funding(rate: float) -> Any:
    row = np.zeros(1, TAPE).view(np.recarray)[0]
    row.funding = rate
    return row


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_crowded_hedge_pays_for_its_own_size(blank: Callable[..., Any], sign: float) -> None:
    world, _, p, _ = blank(num_venues=2, funding_crowding=0.5)
    world.open_interest, world.outside_price, world.peg = 2e8, 1250.0, 0.8
    world.venues[0].hedge_coin, world.venues[1].hedge_coin = sign * 3000.0, sign * 5000.0
    funding.set_funding(world, tape_funding(0.25), p)
    # 8,000 coin at 1,000 true dollars are 4% of open interest
    assert world.funding == pytest.approx(0.25 + sign * 0.5 * 0.04, rel=1e-14)
    venue = world.venues[0]
    venue.option_cash = 1e6
    hedging.pay_funding(world, venue)
    paid = sign * 3000.0 * 1250.0 * (0.25 + sign * 0.02) / 8760.0
    assert venue.sum_hedge_cost == pytest.approx(paid, rel=1e-12)  # a short hedge earns less


def test_without_crowding_or_a_hedge_funding_is_the_tapes(blank: Callable[..., Any]) -> None:
    for crowding, coin in ((0.0, 1e4), (5.0, 0.0)):
        world, venue, p, _ = blank(funding_crowding=crowding)
        venue.hedge_coin = coin
        funding.set_funding(world, tape_funding(0.25), p)
        assert world.funding == 0.25


def test_open_interest_halves_its_gap_to_what_demand_wants_in_a_day(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(open_interest=1e8)
    world.open_interest, world.leverage_demand = 3e8, 2.0
    for _ in range(24):
        funding.move_open_interest(world, p)
    assert world.open_interest == pytest.approx(2.5e8, rel=1e-12)


@pytest.mark.parametrize(("close", "lost"), [(1100.0, 0.0), (981.0, 0.0), (970.0, 0.03), (900.0, 0.24), (500.0, 1.44)])
def test_a_fall_flushes_longs_out(blank: Callable[..., Any], close: float, lost: float) -> None:
    world, _, p, _ = blank(open_interest=1e8, open_interest_flush=3.0)
    world.open_interest, world.outside_price = 1e8, close
    funding.move_open_interest(world, p)
    assert world.open_interest == pytest.approx(1e8 * math.exp(-lost), rel=1e-12)
    assert world.dollar_mark == close
    funding.move_open_interest(world, p)  # a level is no fall
    assert world.open_interest >= 1e8 * math.exp(-lost)


def test_a_depeg_of_the_debt_asset_flushes_nobody(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(open_interest=1e8)
    world.open_interest, world.outside_price, world.peg = 1e8, 800.0, 1.25  # the debt asset is dear, the coin as ever
    funding.move_open_interest(world, p)
    assert world.open_interest == 1e8


@given(
    prices=st.lists(st.floats(1.0, 1e5), min_size=1, max_size=30), flush=st.floats(0.0, 100.0),
    demand=st.floats(0.1, 10.0),
)  # fmt: skip
def test_open_interest_stays_between_nothing_and_what_demand_wants(
    blank: Callable[..., Any], prices: list[float], flush: float, demand: float
) -> None:
    world, _, p, _ = blank(open_interest=1e8, open_interest_flush=flush)
    world.open_interest, world.leverage_demand = 1e8, demand
    for price in prices:
        world.outside_price = price
        funding.move_open_interest(world, p)
        assert 0.0 < world.open_interest <= 1e8 * max(1.0, demand) * (1.0 + 1e-12)


def test_crashes_flush_open_interest_and_calm_does_not(simulate: Callable[..., Any], hold: Any) -> None:
    def left(scenario: str) -> float:
        usual, calm = (
            simulate(scenario, 16, decision_hours=24, parameters={"open_interest_flush": flush}) for flush in (3.0, 0.0)
        )
        least = 1.0
        for _ in range(14):
            usual.step(hold(usual))
            calm.step(hold(calm))
            least = min(least, (usual.worlds["open_interest"] / calm.worlds["open_interest"]).min())
        return float(least)

    assert left("crash-heldout") < 0.8 and left("calm") > 0.98


def test_an_opening_is_at_its_normal(simulate: Callable[..., Any], made: Any) -> None:
    simulator = simulate(made([1000.0], leverage_demand=1.5, funding=0.125), parameters={"open_interest": 1e8})
    world = simulator.worlds[0]
    assert world.open_interest == 1.5e8
    hedge = float(world.venues[0].hedge_coin)
    assert hedge != 0.0
    assert world.funding == pytest.approx(0.125 + 0.5 * hedge * 1000.0 / 1.5e8, rel=1e-12)
    for agent in simulator.agents:
        assert simulator.feature(agent, "open_interest")[0] == pytest.approx(math.log(1.5))
