"""What a venue makes of a margin engine's numbers, by hand, and with numbers that nobody would ask for."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.margin_engine import Margins
from protogov.envs.simulator import Simulator
from protogov.envs.world import margin, margin_engine, settlement, short_liquidation
from protogov.envs.world.lever_table import AT
from protogov.envs.world.levers import apply_levers
from protogov.envs.world.margin import minimum_collateral, standard_margins
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import CollateralKind
from protogov.envs.world.ticket import Ticket

WEEK = 168 * 12
YEARS = 168.0 / 8760.0
SETTINGS = {
    "shock_up": 1.2, "shock_down": 0.8, "shock_vol_near": 1.4, "shock_vol_far": 1.1, "short_static": 100.0,
    "short_static_coin": 0.0, "interest_rate": 0.03,
}  # fmt: skip


def one_seller(bench: Any, is_call: bool, collateral: float, call: float, put: float, coin: float) -> Any:
    """A seller of 10 options at 1,000 USD for a week, and an engine that asks these numbers of a contract."""
    world, venue, p, _ = bench
    venue.num_expiries = venue.num_strikes = venue.num_shorts = 1
    venue.expiry[0], venue.base_vol[0], venue.strike[0, 0], venue.skew[0, 0] = WEEK, 0.7, 1000.0, 1.0
    venue.mark_call[0, 0], venue.mark_put[0, 0] = call_and_put(1000.0, 1000.0, YEARS, 0.7, 0.03)
    venue.short_contracts[0], venue.short_collateral[0], venue.short_call[0] = 10.0, collateral, is_call
    venue.short_collateral_sum = collateral
    (venue.short_calls if is_call else venue.short_puts)[0, 0] = 10.0
    venue.engine_margins = 1
    venue.engine_call[0, 0], venue.engine_put[0, 0], venue.engine_coin[0, 0] = call, put, coin
    margin_engine.follow_engine(world, venue, p)
    return Ticket(0, 0, is_call, 10.0, -1.0)


@pytest.mark.parametrize("standard", [0.0, 1.0])
@pytest.mark.parametrize("is_call", [True, False])
def test_the_engines_number_times_the_governed_multiplier(
    blank: Callable[..., Any], is_call: bool, standard: float
) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, standard_margin=standard)
    ticket = one_seller(bench, is_call, 0.0, call=140.0, put=90.0, coin=0.11)
    venue.option_margin = 1.5
    asked = 10.0 * (140.0 if is_call else 90.0)
    assert margin.cash_requirement(world, venue, ticket, 1000.0, False, p) == pytest.approx(1.5 * asked)
    opening, staying = standard_margins(1000.0, 1000.0, is_call, venue.mark_call[0, 0], p)
    more = 10.0 * (opening - staying) if standard else 0.0  # what Derive's rule asks more of new positions stays
    found = margin.cash_requirement(world, venue, ticket, 1000.0, True, p)
    assert found == pytest.approx(1.5 * (asked + more))
    if is_call:
        assert margin.coin_requirement(world, venue, ticket, 1000.0, False, p) == pytest.approx(1.5 * 1.1)
    # within the hour it moves with the price as the rule does
    moved = margin.cash_requirement(world, venue, ticket, 1050.0, False, p) - 1.5 * asked
    venue.extra_call[0, 0] = venue.extra_put[0, 0] = 0.0
    rule = [margin.cash_requirement(world, venue, ticket, spot, False, p) for spot in (1000.0, 1050.0)]
    assert moved == pytest.approx(rule[1] - rule[0], rel=1e-9)


def test_mark_static_amount_strike_and_coin_bound_it(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    ticket = one_seller(bench, True, 0.0, call=0.0, put=5000.0, coin=3.0)
    mark = 10.0 * float(venue.mark_call[0, 0])
    assert mark > 100.0 and margin.cash_requirement(world, venue, ticket, 1000.0, False, p) == pytest.approx(mark)
    venue.option_margin = 0.8  # the mark is the least, whatever the governor lets off
    assert margin.cash_requirement(world, venue, ticket, 1000.0, False, p) == pytest.approx(mark)
    venue.option_margin = 1.0
    few = Ticket(0, 0, True, 0.01, -1.0)
    assert margin.cash_requirement(world, venue, few, 1000.0, False, p) == 100.0
    put = Ticket(0, 0, False, 10.0, -1.0)
    assert margin.cash_requirement(world, venue, put, 1000.0, False, p) == 10_000.0
    assert margin.coin_requirement(world, venue, ticket, 1000.0, False, p) == 10.0


def test_who_has_less_than_the_engine_asks_is_closed_and_who_has_enough_is_not(blank: Callable[..., Any]) -> None:
    needed = minimum_collateral(1000.0, 1000.0, YEARS, True, 10.0, blank(**SETTINGS)[2])
    for factor, contracts in ((1.2, 0.0), (1.09, 10.0), (0.5, 10.0)):
        bench = world, venue, p, events = blank(**SETTINGS)
        one_seller(bench, True, 1.1 * needed, call=factor * needed / 10.0, put=0.0, coin=0.0)
        short_liquidation.check_margins(world, venue, 0, events, p)
        assert venue.short_contracts[0] == contracts
    # and one that today's rule would close stays if the engine asks for less
    bench = world, venue, p, events = blank(**SETTINGS)
    one_seller(bench, True, 0.7 * needed, call=0.6 * needed / 10.0, put=0.0, coin=0.0)
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert venue.short_contracts[0] == 10.0
    venue.extra_call[0, 0] = 0.0
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert venue.short_contracts[0] == 0.0


def test_coin_is_asked_in_coin(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    one_seller(bench, True, 0.0, call=500.0, put=0.0, coin=0.2)
    venue.short_kind[0], venue.short_coin[0] = CollateralKind.COIN, 2.01
    assert not margin.below_margin(world, venue, 0, 1000.0, p)
    venue.short_coin[0] = 1.99
    assert margin.below_margin(world, venue, 0, 1000.0, p)


def test_a_new_expiry_has_the_rule_alone(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    one_seller(bench, True, 0.0, call=900.0, put=900.0, coin=0.9)
    assert venue.extra_call[0, 0] > 0.0 and venue.extra_put[0, 0] > 0.0 and venue.extra_coin[0, 0] > 0.0
    settlement.list_expiry(world, venue, 0, 2 * WEEK, p)
    assert venue.extra_call[0, 0] == venue.extra_put[0, 0] == venue.extra_coin[0, 0] == 0.0


def test_the_threshold_follows_by_half_a_point_an_hour_and_new_loans_at_once(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(**SETTINGS)
    venue.engine_ltv, venue.health_stale = 0.815, 0
    seen = []
    for _ in range(4):
        margin_engine.follow_engine(world, venue, p)
        seen.append((float(venue.liquidation_threshold), float(venue.loan_to_value)))
    assert np.allclose(seen, [(0.825, 0.79), (0.82, 0.79), (0.815, 0.79), (0.815, 0.79)]) and venue.health_stale == 1
    venue.engine_ltv = 0.5  # at most the lever's range
    for _ in range(60):
        margin_engine.follow_engine(world, venue, p)
    assert (venue.liquidation_threshold, venue.loan_to_value) == pytest.approx((0.60, 0.575))
    venue.engine_ltv = 1.0
    margin_engine.follow_engine(world, venue, p)
    assert (venue.liquidation_threshold, venue.loan_to_value) == pytest.approx((0.605, 0.58))  # up as slowly
    for _ in range(70):
        margin_engine.follow_engine(world, venue, p)
    assert venue.liquidation_threshold == 0.92
    assert venue.liquidation_threshold * (1.0 + venue.liquidation_bonus) <= 0.98
    # a lever that moves shifts the engine's limit, and does not jump to its own value
    venue.engine_ltv, venue.levers[AT.liquidation_threshold].executed = 0.85, 0.81
    apply_levers(venue)
    assert venue.liquidation_threshold == 0.92 and venue.loan_to_value == pytest.approx(0.83 - 0.025)
    for _ in range(30):
        margin_engine.follow_engine(world, venue, p)
    assert venue.liquidation_threshold == pytest.approx(0.83)


class Wild:
    """Numbers that jump anywhere in what is accepted, the same in every run."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def requirements(self, simulator: Simulator) -> Margins:
        venue = simulator.worlds.view(np.ndarray)["venues"][:, 0]
        share = self.rng.choice([0.0, 0.02, 0.1, 0.3, 2.0], size=(3, *venue["strike"].shape))
        spot = venue["oracle_price"][:, None, None]
        ltv = self.rng.uniform(0.01, 1.0, simulator.num_worlds)
        return Margins(share[0] * spot, share[1] * spot, share[2], ltv)

    def fork(self, rows: Any) -> "Wild":
        return self


@pytest.mark.parametrize("standard", [0.0, 1.0])
def test_books_balance_and_ranges_hold_under_numbers_that_jump(watch: Any, shake: Any, standard: float) -> None:
    config = WorldConfig(episode_hours=72, decision_hours=6).with_parameters(
        standard_margin=standard, short_entry=0.3, short_pledge_share=0.3, short_coin_share=0.3, num_accounts=60
    )
    rng = np.random.default_rng(1)
    world = Simulator(config, 6, scenario="crisis-2021-05", seed=4, margin_engines={0: Wild(2)})
    world.reset()
    watcher = watch(world)
    watcher.remember()
    closed = 0
    before = world.worlds["venues"]["liquidation_threshold"].copy()
    while not world.truncated().any():
        step = world.step(shake(world, rng))
        watcher.check(step)
        closed += int(((step.events["kind"] == 3) & (np.arange(step.events.shape[1]) < step.n_events[:, None])).sum())
        threshold = world.worlds["venues"]["liquidation_threshold"]
        assert (np.abs(threshold - before) <= 6 * 0.005 + 1e-12).all()
        assert ((threshold >= 0.60) & (threshold <= 0.92)).all()
        before = threshold.copy()
    assert closed > 10
