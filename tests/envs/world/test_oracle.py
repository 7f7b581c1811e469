"""The oracle: when it reports, how late, when it stops, how low it goes, what it ignores; and a mean of the pool."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.world import market, oracle
from protogov.envs.world.state import NEVER


def test_oracle_reports_on_deviation(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_deviation=0.005, oracle_heartbeat=100.0, oracle_pool_weight=0.0)
    world.outside_price = 1005.0
    assert not oracle.update_oracle(world, venue, p)
    world.outside_price = 1005.1
    assert oracle.update_oracle(world, venue, p)
    assert venue.oracle_price == 1005.1


def test_oracle_reports_on_heartbeat(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_deviation=0.5, oracle_heartbeat=2.0, oracle_pool_weight=0.0)
    world.outside_price = 1001.0
    world.substep = 23
    assert not oracle.update_oracle(world, venue, p)
    world.substep = 24
    assert oracle.update_oracle(world, venue, p)
    assert (venue.oracle_price, venue.oracle_substep) == (1001.0, 24)
    world.substep = 47
    world.outside_price = 1002.0
    assert not oracle.update_oracle(world, venue, p)
    world.substep, world.outside_price = 48, 1001.0
    assert not oracle.update_oracle(world, venue, p)  # reports, but the price is the same
    assert venue.oracle_substep == 48


@pytest.mark.parametrize(("congestion", "late"), [(0.0, 0), (0.5, 2), (0.99, 3), (1.0, 4)])
def test_oracle_is_late_under_congestion(blank: Callable[..., Any], congestion: float, late: int) -> None:
    world, venue, p, _ = blank(oracle_delay=4.0, oracle_pool_weight=0.0, oracle_deviation=0.005)
    world.congestion, world.substep, world.outside_price = congestion, 10, 900.0
    seen = []
    for _ in range(6):
        if oracle.update_oracle(world, venue, p):
            seen.append(world.substep)
            break
        world.substep += 1
        world.outside_price -= 10.0  # what is on its way is what was seen when it left
    assert seen == [10 + late]
    assert venue.oracle_price == 900.0
    assert venue.oracle_due == NEVER


def test_oracle_sees_some_of_the_pool(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(oracle_pool_weight=0.2)
    world.outside_price, world.pool_cash = 900.0, 8e5
    assert oracle.oracle_source(world, p) == pytest.approx(0.8 * 900.0 + 0.2 * 800.0)


def test_an_update_remembers_who_moved_the_pool_before_it(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_pool_weight=1.0, lasting_share=0.0)
    world.outside_price = 500.0
    market.leave_impact(world, 11, -0.02, p)
    market.leave_impact(world, 12, -0.05, p)
    market.leave_impact(world, 13, -0.01, p)
    assert venue.parent_serial == -1
    world.pool_cash = 9e5
    assert oracle.update_oracle(world, venue, p)
    assert (venue.parent_serial, venue.impact_serial, venue.impact_largest) == (12, -1, 0.0)


def test_the_parent_is_who_moved_the_pool_before_the_look_not_before_the_landing(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_delay=2.0, lasting_share=0.0)
    world.congestion, world.tape_price = 1.0, 900.0
    market.leave_impact(world, 5, -0.02, p)
    assert not oracle.update_oracle(world, venue, p)
    world.substep = 1
    market.leave_impact(world, 6, -0.2, p)  # the report that lands now has not seen this
    assert not oracle.update_oracle(world, venue, p)
    world.substep = 2
    assert oracle.update_oracle(world, venue, p)
    assert (venue.parent_serial, venue.impact_serial) == (5, 6)
    world.outside_price = 800.0
    oracle.update_oracle(world, venue, p)
    world.substep = 4
    assert oracle.update_oracle(world, venue, p)
    assert (venue.parent_serial, venue.impact_serial) == (6, -1)


@pytest.mark.parametrize("source", [1000.0 * (1.0 + 2.0**-52), 1000.0 * (1.0 - 2.0**-52), 1000.001])
def test_a_deviation_of_zero_reports_every_move_and_nothing_else(blank: Callable[..., Any], source: float) -> None:
    world, venue, p, _ = blank(oracle_deviation=0.0, oracle_heartbeat=1e6, oracle_pool_weight=0.0)
    assert not oracle.update_oracle(world, venue, p)
    assert venue.oracle_substep == 0
    world.substep, world.outside_price = 3, source
    assert oracle.update_oracle(world, venue, p)
    assert (venue.oracle_price, venue.oracle_substep) == (source, 3)


# ---------------------------------------------------------------- a pause and a floor


def test_no_report_lands_in_a_pause(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_pause_from=1.0, oracle_pause_hours=0.5, oracle_pool_weight=0.0)
    landed = {}
    for substep in range(30):
        world.substep, world.outside_price = substep, 1000.0 - 10.0 * substep
        if oracle.update_oracle(world, venue, p):
            landed[substep] = float(venue.oracle_price)
    # an hour in, for six sub-steps; the first after it knows the price of now
    assert sorted(landed) == [s for s in range(1, 30) if not 12 <= s < 18]
    assert (landed[11], landed[18]) == (890.0, 820.0)


def test_a_report_on_its_way_is_lost_in_a_pause(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(oracle_pause_from=1.0, oracle_pause_hours=1.0, oracle_pool_weight=0.0, oracle_delay=4.0)
    world.substep, world.congestion, world.outside_price = 10, 1.0, 900.0
    assert not oracle.update_oracle(world, venue, p) and venue.oracle_due == 14
    for substep in range(11, 24):
        world.substep = substep
        assert not oracle.update_oracle(world, venue, p)
    world.substep, world.congestion, world.outside_price = 24, 0.0, 700.0
    assert oracle.update_oracle(world, venue, p)
    assert venue.oracle_price == 700.0


@pytest.mark.parametrize("pool_average", [0.0, 1.0])
def test_a_report_is_never_below_the_floor(blank: Callable[..., Any], pool_average: float) -> None:
    world, venue, p, _ = blank(
        oracle_floor=0.8, oracle_pool_weight=0.0, oracle_pool_average=pool_average, oracle_average_window=1
    )
    for substep, (price, reported) in enumerate([(900.0, 900.0), (790.0, 800.0), (10.0, 800.0), (850.0, 850.0)]):
        world.substep, world.outside_price, world.pool_cash = substep, price, price * 1e3
        oracle.remember_pool(world, venue, p)
        oracle.update_oracle(world, venue, p)
        assert venue.oracle_price == pytest.approx(reported, rel=1e-12)


def test_the_floor_refers_to_the_opening_price(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    # Terra: the feed of Venus stopped at its least price while the market went on
    simulator = simulate(
        made([2000.0, 2000.0, 600.0, 500.0]), 1, decision_hours=1, parameters={"oracle_floor": 0.5, "num_accounts": 1}
    )
    seen = []
    for _ in range(4):
        simulator.step(hold(simulator))
        seen.append(float(simulator.worlds["venues"]["oracle_price"][0, 0]))
    assert seen[0] == pytest.approx(2000.0) and seen[2:] == [1000.0, 1000.0]
    assert simulator.worlds["outside_price"][0] < 510.0


# ---------------------------------------------------------------- a debt asset that is not worth a dollar


def test_an_oracle_that_knows_the_peg_quotes_in_the_debt_asset(blank: Callable[..., Any]) -> None:
    for ignores, quoted in ((0.0, 1250.0), (1.0, 1000.0)):
        world, _, p, _ = blank(oracle_ignores_peg=ignores, oracle_pool_weight=0.3)
        world.peg, world.outside_price, world.pool_cash = 0.8, 1250.0, 1.25e6
        assert oracle.oracle_source(world, p) == pytest.approx(quoted, rel=1e-14)


def test_a_depeg_that_the_oracle_ignores_makes_loans_look_worse_than_they_are(
    simulate: Callable[..., Any], made: Any, hold: Any
) -> None:
    def falls(ignores: float) -> tuple[float, float, float]:
        simulator = simulate(
            made([1000.0], peg=[1.0, 1.0, 0.87]), 1, decision_hours=1, seed=3,
            parameters={"oracle_ignores_peg": ignores, "oracle_pool_weight": 0.0, "options_on": 0.0},
        )  # fmt: skip
        for _ in range(4):
            simulator.step(hold(simulator))
        world = simulator.worlds[0]
        assert world.book_error < 1e-9
        return float(world.venues[0].oracle_price), float(world.outside_price), float(world.pool_cash / world.pool_coin)

    for ignores in (0.0, 1.0):
        quoted, outside, pool = falls(ignores)
        assert outside == pytest.approx(1000.0 / 0.87, rel=0.01)
        assert pool == pytest.approx(outside, rel=0.003)  # coin costs more of what is worth less
        assert quoted == pytest.approx(1000.0 if ignores else outside, rel=0.01)


# ---------------------------------------------------------------- a mean of the pool alone


AVERAGE = {"oracle_pool_average": 1.0, "lasting_share": 0.0, "depth_flight": 0.0}


def walk(bench: Any, prices: list[float]) -> list[float]:
    """Oracle price in each sub-step, where the pool ends it at the given price."""
    world, venue, p, _ = bench
    seen = []
    for price in prices:
        oracle.remember_pool(world, venue, p)
        oracle.update_oracle(world, venue, p)
        seen.append(float(venue.oracle_price))
        world.pool_cash = price * 1e3
        world.substep += 1
    return seen


@pytest.mark.parametrize("window", [1, 3, 12])
def test_a_pool_average_is_the_geometric_mean_of_the_prices_that_stood(blank: Callable[..., Any], window: int) -> None:
    prices = list(1000.0 * np.exp(np.cumsum(np.random.default_rng(window).normal(0.0, 0.1, 60))))
    stood = np.log([1000.0] * window + prices)
    expected = [math.exp(stood[k : k + window].mean()) for k in range(1, len(prices))]
    got = walk(blank(**AVERAGE, oracle_average_window=window), prices)
    # the price at the end of a sub-step stands until the next, so it counts from there on
    assert got[0] == pytest.approx(1000.0, rel=1e-13)
    assert got[1:] == pytest.approx(expected, rel=1e-12)


def test_a_pool_average_sees_no_outside_market_and_waits_for_nothing(blank: Callable[..., Any]) -> None:
    bench = world, _, p, _ = blank(
        **AVERAGE, oracle_average_window=1, oracle_deviation=1.0, oracle_heartbeat=1e6, oracle_delay=288.0,
        oracle_ignores_peg=1.0,
    )  # fmt: skip
    world.congestion, world.outside_price, world.peg = 1.0, 123.0, 0.5
    assert walk(bench, [990.0, 980.0, 970.0]) == pytest.approx([1000.0, 990.0, 980.0], rel=1e-13)


def test_what_is_sold_and_bought_back_at_once_leaves_no_trace_in_a_pool_average(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(**AVERAGE, oracle_average_window=1)
    for substep in range(1, 4):
        world.substep = substep
        oracle.remember_pool(world, venue, p)
        market.sell_to_pool(world, 500.0, 0.0)
        oracle.update_oracle(world, venue, p)
        market.buy_from_pool(world, 500.0, 0.0)
        assert venue.oracle_price == pytest.approx(1000.0, rel=1e-12)
    # a spot price would have believed it
    world, venue, p, _ = blank(oracle_pool_weight=1.0)
    market.sell_to_pool(world, 500.0, 0.0)
    assert oracle.update_oracle(world, venue, p)
    assert venue.oracle_price == pytest.approx(1000.0 / 1.5**2, rel=1e-12)


def test_the_parent_under_a_pool_average_is_the_largest_mover_within_the_window(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(**AVERAGE, oracle_average_window=3)
    moves = {0: (7, -0.04), 1: (8, -0.01), 2: (9, 0.02)}
    parents = []
    for substep in range(8):
        world.substep = substep
        oracle.remember_pool(world, venue, p)
        oracle.update_oracle(world, venue, p)
        parents.append(int(venue.parent_serial))
        if substep in moves:
            market.leave_impact(world, *moves[substep], p)
    # 7 moved in sub-step 0 and is in the mean from 1 to 3, then 9 until 5
    assert parents == [-1, 7, 7, 7, 9, 9, -1, -1]


def test_a_pool_average_follows_the_pool_in_a_whole_world(simulate: Callable[..., Any], hold: Any) -> None:
    simulator = simulate(
        "jump", 4, decision_hours=1,
        parameters={"oracle_pool_average": 1.0, "oracle_average_window": 12.0, "lasting_share": 0.0},
    )  # fmt: skip
    gaps = []
    for _ in range(100):
        simulator.step(hold(simulator))
        worlds = simulator.worlds
        gaps.append(np.log(worlds["venues"]["oracle_price"][:, 0] / (worlds["pool_cash"] / worlds["pool_coin"])))
        for world in worlds:
            venue = world.venues[0]
            # the window of the last sub-step that ran
            back = [(int(world.substep) - 1 - k) % venue.pool_seen.size for k in range(12)]
            assert venue.oracle_price == pytest.approx(
                venue.opening_price * math.exp(venue.pool_seen[back].mean()), rel=1e-12
            )
    assert 1e-4 < np.abs(gaps).mean() < 0.02
    assert simulator.worlds["book_error"].max() < 1e-9
