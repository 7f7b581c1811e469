"""Option traders and short sellers: how much they trade at a spread, what they gain, what they post."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.margin import minimum_collateral
from protogov.envs.world.options import years_to_expiry
from protogov.envs.world.population.option_trades import routed
from protogov.envs.world.state import CollateralKind
from protogov.envs.world.ticket import Ticket

# Traders who want nothing but at-the-money calls from a pool whose quote is the fair vol plus the half-spread.
PURE = {
    "option_fee": 0.0, "spot_fee": 0.0, "vega_fee_rate": 0.0, "standard_size": 1e15, "surface_skew": 0.0,
    "buy_share": 1.0, "put_look": 0.0, "gamma_widening": 0.0, "gamma_limit": 1e9, "vega_limit": 1e9,
    "lock_share": 0.0, "min_delta": 0.0, "trading_cutoff": 0.0, "position_cap": 100.0,
    "strike_gap": 0.001, "num_shorts": 0, "arrivals": 12.0, "trade_size": 1000.0, "spread_elasticity": 35.0,
    "opening_notional": 0.0, "interest_rate": 0.0, "lp_size": 1e9, "hedge_depth": 0.0, "lp_choice": 0.0,
}  # fmt: skip


@pytest.mark.parametrize("half_spread", [0.0025, 0.015, 0.04])
@pytest.mark.parametrize("intensity", [0.5, 1.5])
def test_option_flow_falls_exponentially_with_the_spread(
    simulate: Callable[..., Any], made: Any, hold: Any, half_spread: float, intensity: float
) -> None:
    hours, worlds = 48, 48
    simulator = simulate(
        made([1000.0], flow_intensity=intensity), worlds, parameters=PURE, autonomy=0.0, decision_hours=24,
        defaults={"half_spread": half_spread},
    )  # fmt: skip
    contracts = 0.0
    for _ in range(hours // 24):
        simulator.step(hold(simulator))
        contracts += simulator.worlds["venues"]["sum_option_contracts"].sum()
    arrivals = 12.0 * intensity * hours * worlds
    expected = arrivals * math.exp(-35.0 * half_spread)
    # exponential sizes: the variance of one trade is twice its squared mean
    assert contracts == pytest.approx(expected, abs=4.0 * math.sqrt(2.0 * expected) + 0.01 * expected)


def test_surplus_of_the_uninformed_is_their_mean_margin(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    # margins are exponential, so whoever trades has 1/35 of vol to spare on average, at any spread
    simulator = simulate(made([1000.0]), 64, parameters=PURE, autonomy=0.0, decision_hours=24)
    simulator.step(hold(simulator))
    venues = simulator.worlds["venues"]
    vega = 0.0
    years = (venues["expiry"][:, 0] - 12 * 12)[..., None] / 12.0 / 8760.0  # in the middle of the day
    vega = (venues["long_calls"] + venues["long_puts"])[:, 0] * 1000.0 * 0.3989 * np.sqrt(np.maximum(years, 0.0))
    assert venues["sum_uninformed_surplus"].sum() == pytest.approx(vega.sum() / 35.0, rel=0.05)


def test_surplus_stays_finite_where_vega_all_but_vanishes(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    # three sub-steps before the expiry the outer strikes are 38.55 deviations away: vega is the smallest of numbers,
    # and a put deep in the money is bought back for its worth but for a rounding error
    deviation = 0.5 * math.sqrt(3.0 / (12.0 * 8760.0))
    still = PURE | {
        "strike_gap": 38.55 * deviation / 2.0, "buy_share": 0.0, "opening_notional": 16e6 / 50.0, "arrivals": 60.0,
        "vol_reversion": 1e9, "min_delta": 0.0,
    }  # fmt: skip
    simulator = simulate(made([1000.0], implied_vol=0.5), 32, parameters=still, autonomy=0.0, decision_hours=24)
    for _ in range(7):
        step = simulator.step(hold(simulator))
        assert np.isfinite(simulator.worlds["venues"]["sum_uninformed_surplus"]).all()
        assert all(np.isfinite(reward).all() for reward in step.rewards.values())


def test_informed_traders_gain_and_are_rationed(simulate: Callable[..., Any], shake: Any) -> None:
    simulator = simulate(
        "jump",
        32,
        decision_hours=1,
        parameters={"informed_cap": 60e3, "arrivals": 60.0, "buy_share": 0.5, "num_shorts": 0, "put_look": 0.0},
    )
    simulator.tape["informed_share"] = 1.0
    rng = np.random.default_rng(0)
    profit = 0.0
    for _ in range(24):
        simulator.step(shake(simulator, rng))
        venues = simulator.worlds["venues"]
        assert (venues["sum_informed_profit"] >= 0.0).all() and (venues["sum_uninformed_surplus"] == 0.0).all()
        assert (venues["informed_room"] >= -1e-9).all()
        profit += venues["sum_informed_profit"].sum()
    assert profit > 0.0


def test_a_short_seller_posts_what_the_governor_asks(simulate: Callable[..., Any], hold: Any) -> None:
    cash = {"short_entry": 0.5, "short_coin_share": 0.0, "short_pledge_share": 0.0}
    simulator = simulate("flat", 64, decision_hours=1, defaults={"option_margin": 1.5}, autonomy=0.0, parameters=cash)
    simulator.step(hold(simulator))
    seen = 0
    p = simulator.params[0, 0]
    for world in simulator.worlds:
        venue = world.venues[0]
        world.substep = 6  # when they look for a trade
        for s in np.flatnonzero(venue.short_contracts[: venue.num_shorts]):
            e, k = venue.short_expiry[s], venue.short_strike[s]
            needed = minimum_collateral(
                3000.0, venue.strike[e, k], years_to_expiry(world, venue, e), venue.short_call[s] == 1,
                venue.short_contracts[s], p,
            )  # fmt: skip
            # the requirement, and a buffer of a tenth to seven tenths of it
            assert 1.1 * 1.5 * needed <= venue.short_collateral[s] <= 1.7 * 1.5 * needed * (1.0 + 1e-12)
            seen += 1
    assert seen > 20


def test_a_wide_spread_and_a_high_margin_drive_short_sellers_away(simulate: Callable[..., Any], hold: Any) -> None:
    def written(**defaults: float) -> float:
        simulator = simulate("flat", 64, decision_hours=24, defaults=defaults, autonomy=0.0)
        simulator.step(hold(simulator))
        return float(simulator.worlds["venues"]["short_contracts"].sum())

    usual = written()
    assert written(half_spread=0.06) < 0.7 * usual
    assert written(option_margin=2.0) < usual


# Nothing between the market and the oracle: every move is reported in the sub-step in which it happens.
NO_LAG = {"oracle_deviation": 0.0, "oracle_delay": 0.0, "oracle_pool_weight": 0.0, "oracle_heartbeat": 1e6}
EAGER = {"arrivals": 60.0, "option_fee": 0.0, "spot_fee": 0.0, "vega_fee_rate": 0.0, "informed_cap": 1e9}


def profits(simulator: Any, hold: Any, days: int = 3) -> tuple[float, float]:
    """Profit [USD] of latency traders and of vol arbitrageurs where every arrival is informed."""
    simulator.tape["informed_share"] = 1.0
    latency, both = 0.0, 0.0
    for _ in range(days):
        simulator.step(hold(simulator))
        venues = simulator.worlds["venues"]
        latency += float(venues["sum_latency_profit"].sum())
        both += float(venues["sum_informed_profit"].sum())
    return latency, both - latency


def test_latency_traders_gain_by_the_lateness_of_the_oracle_alone(simulate: Callable[..., Any], hold: Any) -> None:
    def gain(**parameters: float) -> float:
        simulator = simulate(
            "jump", 32, decision_hours=24, autonomy=0.0, defaults={"half_spread": 0.0025},
            parameters=EAGER | NO_LAG | {"latency_share": 1.0} | parameters,
        )  # fmt: skip
        latency, vol = profits(simulator, hold)
        assert vol == 0.0
        return latency

    assert gain() == 0.0
    wide, wider = gain(oracle_deviation=0.005), gain(oracle_deviation=0.02)
    assert 0.0 < wide < wider
    assert gain(oracle_delay=36.0) > 0.0  # late only where blocks are full


def test_latency_traders_know_nothing_of_the_coming_vol(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    def gain(vols: list[float], share: float) -> tuple[float, float]:
        simulator = simulate(
            made([1000.0, 1000.0, (1000.0, 1040.0, 960.0, 1010.0)], implied_vol=vols), 16, decision_hours=2,
            autonomy=0.0, defaults={"half_spread": 0.0025},
            parameters=EAGER | {"latency_share": share, "oracle_deviation": 0.03},
        )  # fmt: skip
        return profits(simulator, hold, 1)

    # the vol of hour 7 is what vol arbitrageurs know in hours 1 and 2
    calm, storm = [0.7], [0.7] * 7 + [1.4]
    assert gain(calm, 1.0) == gain(storm, 1.0) and gain(calm, 1.0)[0] > 0.0
    assert gain(storm, 0.0)[1] > gain(calm, 0.0)[1]


def test_vol_arbitrageurs_gain_by_the_vol_of_the_coming_hours_alone(
    simulate: Callable[..., Any], made: Any, hold: Any
) -> None:
    def gain(vols: list[float], **parameters: float) -> tuple[float, float]:
        # the pool's price stands still, its surface too
        fixed = {"vol_reversion": 1e9, "anchor_half_life": 1e9, "standard_size": 1e15, "num_shorts": 0}
        simulator = simulate(
            made([1000.0], implied_vol=vols), 16, decision_hours=24, autonomy=0.0, defaults={"half_spread": 0.02},
            parameters=EAGER | fixed | {"latency_share": 0.0} | parameters,
        )  # fmt: skip
        return profits(simulator, hold, 1)

    assert gain([0.7]) == (0.0, 0.0)
    assert gain([0.7] * 31 + [0.9]) == (0.0, 0.0)  # beyond the horizon of six hours
    latency, early = gain([0.7] * 6 + [0.9])
    assert latency == 0.0 and early > 0.0
    assert gain([0.7] * 6 + [0.5])[1] > 0.0  # they sell what they hold too
    assert gain([0.7] * 6 + [0.9], informed_horizon=0.0)[1] < early


def test_the_kinds_come_in_their_shares(simulate: Callable[..., Any], hold: Any) -> None:
    parts = []
    for share in (0.0, 0.5, 1.0):
        simulator = simulate(
            "jump", 32, decision_hours=24, parameters=EAGER | {"latency_share": share, "oracle_deviation": 0.02},
            autonomy=0.0, defaults={"half_spread": 0.0025},
        )  # fmt: skip
        parts.append(profits(simulator, hold)[0])
    assert parts[0] == 0.0
    assert parts[1] == pytest.approx(0.5 * parts[2], rel=0.25)


def test_latency_traders_read_the_market_as_an_oracle_that_ignores_the_peg_will(
    simulate: Callable[..., Any], made: Any, hold: Any
) -> None:
    # the dollar price stands still: an oracle in dollars is never late, whatever the debt asset does
    simulator = simulate(
        made([1000.0], peg=[1.0] * 6 + [0.9]), 8, decision_hours=12, autonomy=0.0, defaults={"half_spread": 0.0025},
        parameters=EAGER | {"latency_share": 1.0, "oracle_ignores_peg": 1.0, "oracle_pool_weight": 0.0,
                            "lasting_share": 0.0},
    )  # fmt: skip
    assert profits(simulator, hold, 1)[0] == pytest.approx(0.0, abs=1e-6)
    assert simulator.worlds["outside_price"][0] == pytest.approx(1000.0 / 0.9, rel=1e-6)


def test_a_node_without_vega_leaves_surplus_finite(simulate: Callable[..., Any], made: Any, hold: Any) -> None:
    # holders who sell back minutes before the expiry of options far from the money: a vega of 1e-300 or nothing
    wanted = {"arrivals": 60.0, "buy_share": 0.0, "strike_gap": 1.0, "interest_rate": 0.0, "opening_notional": 50e6}
    simulator = simulate(made([1000.0]), 8, parameters=wanted, autonomy=0.0, decision_hours=24)
    for _ in range(8):
        simulator.step(hold(simulator))
        assert np.isfinite(simulator.worlds["venues"]["sum_uninformed_surplus"]).all()


# ---------------------------------------------------------------- two venues


def traded(simulate: Callable[..., Any], hold: Any, spread: float, **parameters: float) -> np.ndarray:
    """Contracts traded at each of two venues, of which the second asks `spread` (the first its default)."""
    simulator = simulate("flat", 48, venues=2, decision_hours=24, autonomy=0.0, parameters=parameters)
    simulator.worlds["venues"]["levers"]["executed"][:, 1, LEVER_INDEX["half_spread"]] = spread
    simulator.worlds["venues"]["half_spread"][:, 1] = spread
    total = np.zeros(2)
    for _ in range(3):
        simulator.step(hold(simulator))
        total += simulator.worlds["venues"]["sum_option_contracts"].sum(axis=0)
    return total


def test_rival_venues_list_the_same_options(simulate: Callable[..., Any]) -> None:
    simulator = simulate("jump", 16, venues=2)
    venues = simulator.worlds["venues"]
    assert np.array_equal(venues["expiry"][:, 0], venues["expiry"][:, 1])
    assert np.array_equal(venues["strike"][:, 0], venues["strike"][:, 1])


def test_traders_of_two_venues_go_smoothly_to_the_better_quote(simulate: Callable[..., Any], hold: Any) -> None:
    even = traded(simulate, hold, 0.015)
    assert even[1] / even.sum() == pytest.approx(0.5, abs=0.03)
    shares = [float(x[1] / x.sum()) for x in (traded(simulate, hold, spread) for spread in (0.0075, 0.03, 0.06))]
    assert shares[0] > 0.52 > 0.48 > shares[1] > shares[2]
    # the same venues without comparison: a wide spread loses its own flow alone
    apart = traded(simulate, hold, 0.06, option_choice=0.0)
    assert shares[2] < float(apart[1] / apart.sum())


def test_the_share_of_a_venue_is_logistic_in_its_advantage(blank: Callable[..., Any]) -> None:
    bench = blank(num_venues=2, option_choice=60.0, interest_rate=0.0, option_fee=0.0, spot_fee=0.0,
                  vega_fee_rate=0.0, variance_fee=0.0)  # fmt: skip
    world, params, ticket = bench.world, bench.params, Ticket(0, 0, True, 1.0, 1.0)
    for venue, spread in zip(world.venues, (0.02, 0.03), strict=True):
        venue.num_expiries = venue.num_strikes = 1
        venue.expiry[0], venue.strike[0, 0], venue.base_vol[0], venue.skew[0, 0] = 2016, 1000.0, 0.7, 1.0
        venue.half_spread, venue.last_nav = spread, 1e6
    went = 0
    for number in range(4000):
        went += routed(world, 0, number, 0, ticket, 0.0, params)[0] == 0
    # a vol point dearer elsewhere
    assert went / 4000 == pytest.approx(1.0 / (1.0 + math.exp(-60.0 * 0.01)), abs=0.03)


def test_sellers_post_cash_coin_or_a_pledge_in_their_shares(simulate: Callable[..., Any], hold: Any) -> None:
    simulator = simulate("flat", 96, decision_hours=24, autonomy=0.0, parameters={"short_entry": 1.0})
    simulator.step(hold(simulator))
    venues = simulator.worlds["venues"][:, 0]
    open_now = venues["short_contracts"] > 0.0
    kinds = venues["short_kind"][open_now]
    for kind, least in ((CollateralKind.CASH, 0.1), (CollateralKind.COIN, 0.1), (CollateralKind.PLEDGE, 0.4)):
        assert np.mean(kinds == kind) > least
    coin = open_now & (venues["short_kind"] == CollateralKind.COIN)
    assert (venues["short_call"][coin] == 1).all()  # who hands over coin writes calls
    assert (venues["short_coin"][coin] <= venues["short_contracts"][coin] * (1 + 1e-12)).all()
    pledged = open_now & (venues["short_kind"] == CollateralKind.PLEDGE)
    assert (venues["short_collateral"][pledged] == 0.0).all() and (venues["short_account"][pledged] >= 0).all()
    assert venues["account_pledges"].sum() == pledged.sum()
