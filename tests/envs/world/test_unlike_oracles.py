"""Venues of one world that read the outside market by oracles of their own."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world import market, oracle
from protogov.envs.world.features import ORACLE_FEATURES
from protogov.envs.world.parameters import ORACLE_PARAMETERS, VENUE_PARAMETERS
from protogov.envs.world.population.option_traders import belief, furthest_oracle, informed_arrival
from protogov.envs.world.population.option_trades import better_here, fair_gap, worth
from protogov.envs.world.state import EventKind
from protogov.envs.world.surface import fair_vol
from protogov.envs.world.ticket import Ticket

PRECISE = {"oracle_deviation": 0.0, "oracle_delay": 0.0, "oracle_pool_weight": 0.0}
STOPPED = {"oracle_pause_from": 0.0, "oracle_pause_hours": 1e6}


def unlike(*overrides: dict[str, float], **fields: Any) -> WorldConfig:
    return WorldConfig(venues=2, venue_overrides=overrides, **fields)


def two(blank: Callable[..., Any], first: dict[str, float], second: dict[str, float], **both: float) -> Any:
    """(world, parameters of both venues) of a blank world whose venues differ in these."""
    bench = blank(num_venues=2, **both)
    params = bench.params
    for venue, own in enumerate((first, second)):
        for name, value in own.items():
            params[name][venue] = value
    return bench.world, params


# ---------------------------------------------------------------- the oracle


def test_each_reports_by_its_own_rules(blank: Callable[..., Any]) -> None:
    rare = {"oracle_deviation": 0.05, "oracle_heartbeat": 1e6}
    world, params = two(blank, {"oracle_deviation": 0.005}, rare, oracle_pool_weight=0.0)
    world.substep, world.outside_price = 1, 1020.0
    assert oracle.update_oracles(world, params)
    assert [venue.oracle_price for venue in world.venues] == [1020.0, 1000.0]
    assert [venue.oracle_moved for venue in world.venues] == [1, 0]
    world.outside_price = 1050.1  # now 3% from the first, 5.01% from the second
    assert oracle.update_oracles(world, params)
    assert [venue.oracle_price for venue in world.venues] == [1050.1, 1050.1]
    assert [venue.oracle_moved for venue in world.venues] == [1, 1]
    assert not oracle.update_oracles(world, params)
    assert [venue.oracle_moved for venue in world.venues] == [0, 0]


def test_each_names_the_largest_mover_since_its_own_last_look(blank: Callable[..., Any]) -> None:
    late = {"oracle_deviation": 1.0, "oracle_heartbeat": 0.5}  # looks every six sub-steps
    world, params = two(blank, {"oracle_deviation": 0.0}, late, oracle_pool_weight=0.0, lasting_share=0.0)
    sales = {0: (10, -0.05), 3: (11, -0.01), 6: (12, -0.02)}
    named = []
    for substep in range(7):
        world.substep, world.outside_price = substep + 1, 999.0 - substep
        market.leave_impact(world, *sales.get(substep, (-1, 0.0)), params[0])
        world.outside_price = 999.0 - substep
        oracle.update_oracles(world, params)
        named.append([int(venue.parent_serial) for venue in world.venues])
    first, second = zip(*named, strict=True)
    assert first == (10, -1, -1, 11, -1, -1, 12)
    assert second == (-1, -1, -1, -1, -1, 10, 10)  # in sub-step 6, of those since the opening the largest
    assert world.venues[0].impact_serial == -1 and world.venues[1].impact_serial == 12


def test_a_floor_and_the_peg_are_a_venues_own(simulate: Callable[..., Simulator], made: Any, hold: Any) -> None:
    world = simulate(
        made([2000.0, 2000.0, 600.0], peg=[0.8, 0.8]), 1, decision_hours=1, venues=2,
        venue_overrides=[PRECISE, PRECISE | {"oracle_ignores_peg": 1, "oracle_floor": 0.5}],
    )  # fmt: skip
    venues = world.worlds["venues"][0]
    assert venues["opening_price"] == pytest.approx([2500.0, 2000.0], rel=1e-7)
    # sizes and strikes are told in each venue's own quote
    assert venues["strike"][:, 0, 2] == pytest.approx([2500.0, 2000.0], rel=1e-7)
    assert venues["informed_room"][0] * 2500.0 == venues["informed_room"][1] * 2000.0
    for _ in range(3):
        world.step(hold(world))
    venues = world.worlds["venues"][0]
    assert venues["oracle_price"][1] == 0.5 * venues["opening_price"][1]
    assert venues["oracle_price"][0] == pytest.approx(world.worlds["outside_price"][0])
    assert world.worlds["book_error"][0] < 1e-9


def test_who_belongs_to_no_venue_goes_by_the_most_restless_oracle(blank: Callable[..., Any]) -> None:
    world, _ = two(blank, {}, {})
    closes = np.array([[1000.0, 1010.0, 990.0, 1000.0], [1000.0, 1000.0, 1000.0, 1100.0]])
    for venue in world.venues:
        venue.hourly_close[0] = venue.high_week = 1000.0
    for hour in range(1, 4):
        world.hour = hour
        world.venues["oracle_price"] = closes[:, hour]
        market.remember_hour(world)
    steps = closes[:, 1:] / closes[:, :-1] - 1.0
    vols = np.sqrt((steps**2).mean(axis=1) * 8760.0)
    assert world.venues["realised_6h"] == pytest.approx(vols) and world.realised_6h == pytest.approx(vols[1])
    assert world.venues["high_week"].tolist() == [1010.0, 1100.0]


# ---------------------------------------------------------------- what follows it


def test_only_a_venue_whose_oracle_sees_the_fall_liquidates(
    simulate: Callable[..., Simulator], made: Any, hold: Any
) -> None:
    def repaid(*overrides: dict[str, float]) -> list[float]:
        world = simulate(
            made([2000.0] * 5 + [1500.0]), 4, decision_hours=12, venues=2, venue_overrides=overrides,
            parameters={"options_on": 0, "venue_choice": 0.0},
        )  # fmt: skip
        step = world.step(hold(world))
        assert world.worlds["book_error"].max() < 1e-9
        events = step.events[np.arange(step.events.shape[1]) < step.n_events[:, None]]
        fallen = events[events["kind"] == EventKind.LIQUIDATION]
        assert (fallen["price"] < 1990.0).all()
        return [float(fallen["repaid"][fallen["venue"] == v].sum()) for v in (0, 1)]

    seen, unseen = repaid(PRECISE, STOPPED)
    assert seen > 1e6 and unseen == 0.0
    unseen, seen = repaid(STOPPED, PRECISE)
    assert seen > 1e6 and unseen == 0.0
    assert min(repaid(PRECISE, PRECISE)) > 1e6  # the negative control


def test_options_are_marked_listed_and_settled_at_their_own_venues_oracle(
    simulate: Callable[..., Simulator], hold: Any
) -> None:
    world = simulate("crash-heldout", 8, decision_hours=1, venues=2, venue_overrides=[PRECISE, STOPPED])
    opening = world.worlds["venues"]["opening_price"][:, 1].copy()
    settled = 0
    while not world.truncated().any():
        before = world.worlds["venues"]["next_expiry"].copy()
        world.step(hold(world))
        venues = world.worlds["venues"]
        for row in np.flatnonzero(before[:, 0] != venues["next_expiry"][:, 0]):
            listed = int(np.argmax(venues["expiry"][row, 0]))
            # the market has moved, and what the second venue lists has not
            assert venues["strike"][row, 1, listed, 2] == opening[row]
            assert venues["strike"][row, 0, listed, 2] == pytest.approx(venues["oracle_price"][row, 0], rel=0.02)
            settled += venues["strike"][row, 0, listed, 2] != opening[row]
    assert settled >= 8
    assert (world.worlds["venues"]["oracle_price"][:, 1] == opening).all()
    assert world.worlds["book_error"].max() < 1e-9


# ---------------------------------------------------------------- people who compare


def listed(blank: Callable[..., Any], **both: float) -> tuple[Any, Any, Ticket]:
    """Two venues with one option of a week at the money, at the fair vol and without a spread; and a buyer of calls."""
    free = {"interest_rate": 0.0, "option_fee": 0.0, "vega_fee_rate": 0.0, "variance_fee": 0.0, "spot_fee": 0.0}
    world, params = two(blank, {}, {}, surface_skew=0.0, standard_size=1e12, **free, **both)
    for venue in world.venues:
        venue.num_expiries = venue.num_strikes = 1
        venue.expiry[0], venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = 2016, 1000.0, 0.7, 1.0
        venue.half_spread, venue.last_nav = 0.0, 1e9
        venue.option_cash, venue.informed_room = 1e9, 100.0
    return world, params, Ticket(0, 0, True, 2.0, 1.0)


def test_quotes_about_unlike_options_are_compared_by_what_they_cost_above_fair_value(blank: Callable[..., Any]) -> None:
    world, params, ticket = listed(blank)
    assert fair_gap(world, 0, ticket, params) == 0.0
    other = world.venues[1]
    other.oracle_price, other.strike[0, 0] = 1010.0, 1005.0  # its oracle is 1% higher, and was half of that at listing
    gap = fair_gap(world, 0, ticket, params)
    vol = fair_vol(world.implied_vol, 1010.0, 1005.0, params[1])
    value = worth(world, other, ticket, 1010.0, vol, params[1]) - worth(
        world, world.venues[0], ticket, 1000.0, 0.7, params[0]
    )
    assert gap == pytest.approx(value) and gap > 2.0
    assert fair_gap(world, 1, ticket, params) == pytest.approx(-gap)
    # both sell at fair value: neither is better, though a contract costs more there
    assert better_here(world, 0, ticket, gap, params) == pytest.approx(0.0, abs=1e-4)
    assert better_here(world, 0, ticket, 0.0, params) > 0.02  # the negative control
    other.half_spread = 0.02
    assert better_here(world, 0, ticket, gap, params) == pytest.approx(0.02, rel=0.02)
    params[1].options_on = 0.0
    assert fair_gap(world, 0, ticket, params) == 0.0  # nobody to compare with


def test_who_races_takes_the_side_of_the_later_oracle(blank: Callable[..., Any]) -> None:
    world, params, ticket = listed(blank, latency_share=1.0, option_choice=1e4, oracle_pool_weight=0.0)
    assert furthest_oracle(world, 0, params) == 0 and furthest_oracle(world, 1, params) == 1
    world.venues[1].oracle_price = 960.0  # has not seen the rise to 1,000
    assert furthest_oracle(world, 0, params) == furthest_oracle(world, 1, params) == 1
    assert belief(world, world.venues[1], ticket, True, 0.7, 0.9, params[1]) == (1000.0, 0.7)
    spot, vol = belief(world, world.venues[1], ticket, False, 0.7, 0.9, params[1])
    assert (spot, vol) == (960.0, 0.9)
    # traders of the precise venue go to the late one, and buy its calls and sell its puts
    for venue in world.venues:
        venue.long_puts[0, 0] = 50.0
    for entity in range(40):
        informed_arrival(world, world.venues[0], 0, entity, 0, 0.7, params)
    here, there = world.venues[0], world.venues[1]
    assert there.sum_latency_profit > 0.0 and here.sum_latency_profit == here.sum_option_contracts == 0.0
    assert there.long_calls[0, 0] > 0.0 and there.long_puts[0, 0] < 50.0
    assert there.sum_informed_profit == there.sum_latency_profit


def test_latency_traders_gain_where_the_oracle_is_late(simulate: Callable[..., Simulator], hold: Any) -> None:
    late = {"oracle_deviation": 0.03, "oracle_heartbeat": 24.0, "oracle_pool_weight": 0.0}
    gains = np.zeros((2, 2))
    for case, overrides in enumerate(([PRECISE, late], [late, PRECISE])):
        world = simulate(
            "jump", 16, decision_hours=24, venues=2, venue_overrides=overrides, defaults={"half_spread": 0.01},
            parameters={"latency_share": 1.0},
        )  # fmt: skip
        while not world.truncated().any():
            world.step(hold(world))
            gains[case] += world.worlds["venues"]["sum_latency_profit"].sum(axis=0)
    assert gains[0, 1] > 10.0 * gains[0, 0] and gains[1, 0] > 10.0 * gains[1, 1]
    assert gains[0, 1] == pytest.approx(gains[1, 0], rel=0.3)  # which of the venues it is does not matter


# ---------------------------------------------------------------- what is shown


def test_every_governor_sees_its_own_venues_oracle_and_the_state_sees_both() -> None:
    config = unlike(PRECISE, STOPPED, episode_hours=48)
    world = Simulator(config, 3)
    world.reset(seeds=5)
    for _ in range(4):
        step = world.step({agent: np.zeros((3, world.action_size(agent))) for agent in world.agents})
    still = ("return_1h", "return_24h", "realised_1h", "realised_6h", "drawdown_week")
    for name in still:
        assert (world.feature("rate_0", name) != 0.0).all() and (world.feature("rate_1", name) == 0.0).all()
    names = world.observation_names("rate_0")
    assert names == world.observation_names("rate_1")
    at = [names.index(name) for name in still]
    assert step.obs["rate_0"][:, at].all() and not step.obs["rate_1"][:, at].any()
    # the state has what the second oracle shows, too; that of like oracles is what it always was
    state = dict(zip(world.state_names(), world.state().T, strict=True))
    alike = Simulator(WorldConfig(venues=2, episode_hours=48), 3)
    added = {f"venue_1.{name}" for name in ORACLE_FEATURES}
    assert set(world.state_names()) - set(alike.state_names()) == added
    assert [name for name in world.state_names() if name not in added] == list(alike.state_names())
    for name in still:
        assert state[name].all() and not state[f"venue_1.{name}"].any()
    assert not alike.config.unlike_oracles and config.unlike_oracles
    assert not unlike({"oracle_delay": 4.0}, {"option_fee": 0.1}).unlike_oracles


def test_a_pool_average_beside_a_feed_changes_no_bit_where_both_have_it(shake: Callable[..., Any]) -> None:
    def played(*overrides: dict[str, float], **parameters: float) -> bytes:
        config = WorldConfig(venues=2, venue_overrides=overrides).with_parameters(**parameters)
        world, rng = Simulator(config, 2, scenario="crash-heldout", seed=4), np.random.default_rng(0)
        world.reset()
        for _ in range(12):
            world.step(shake(world, rng))
        return world.worlds.tobytes() + world.state().tobytes()

    own = {"oracle_pool_average": 1.0, "oracle_average_window": 3, "oracle_floor": 0.7}
    assert played(own, own) == played(**own)
    assert played({}, own) != played(own, own) != played(own, {})


def test_the_parameters_of_the_oracle_are_of_a_venue() -> None:
    assert set(ORACLE_PARAMETERS) <= set(VENUE_PARAMETERS) and len(ORACLE_PARAMETERS) == 10
    assert not [name for name in VENUE_PARAMETERS if name.startswith(("arbitrage_", "lasting_", "depth_", "pool_"))]
