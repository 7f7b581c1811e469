"""Short sellers' margin: what must be posted by either rule, in cash, in coin and in a pledge."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import margin
from protogov.envs.world.margin import minimum_collateral, shock_vol
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import CollateralKind
from protogov.envs.world.ticket import Ticket

WEEK = 168 * 12
WEEK_YEARS = 168.0 / 8760.0
SETTINGS = {
    "shock_up": 1.2,
    "shock_down": 0.8,
    "shock_vol_near": 1.4,
    "shock_vol_far": 1.1,
    "short_static": 100.0,
    "interest_rate": 0.03,
    "short_penalty": 0.1,
}


def sell(bench: Any, is_call: bool, contracts: float, collateral: float, strike: float = 1000.0) -> None:
    """One seller of one option that settles in a week, marked; the pool holds its contracts and its cash."""
    world, venue, p, _ = bench
    venue.num_expiries = venue.num_strikes = venue.num_shorts = 1
    venue.expiry[0], venue.base_vol[0], venue.strike[0, 0], venue.skew[0, 0] = WEEK, 0.7, strike, 1.0
    venue.short_contracts[0], venue.short_collateral[0] = contracts, collateral
    venue.short_call[0], venue.short_collateral_sum = is_call, collateral
    (venue.short_calls if is_call else venue.short_puts)[0, 0] = contracts
    mark(bench)


def mark(bench: Any) -> None:
    world, venue, p, _ = bench
    years = max(WEEK - world.substep, 0) / 12 / 8760.0
    call, put = call_and_put(venue.oracle_price, venue.strike[0, 0], years, 0.7, p.interest_rate)
    venue.mark_call[0, 0], venue.mark_put[0, 0] = call, put


def test_shock_vol_is_linear_between_two_and_eight_weeks() -> None:
    for weeks, vol in ((0.0, 1.4), (1.0, 1.4), (2.0, 1.4), (5.0, 1.25), (8.0, 1.1), (50.0, 1.1)):
        assert shock_vol(weeks * WEEK_YEARS, 1.4, 1.1) == pytest.approx(vol)


@pytest.mark.parametrize(("is_call", "shocked"), [(True, 1200.0), (False, 800.0)])
def test_minimum_collateral_is_the_price_after_a_shock(
    blank: Callable[..., Any], is_call: bool, shocked: float
) -> None:
    _, _, p, _ = blank(**SETTINGS)
    prices = call_and_put(shocked, 1050.0, WEEK_YEARS, 1.4, 0.03)
    expected = 10.0 * prices[0 if is_call else 1]
    assert minimum_collateral(1000.0, 1050.0, WEEK_YEARS, is_call, 10.0, p) == pytest.approx(expected)


def test_a_small_position_posts_the_static_amount_and_a_put_never_more_than_its_strike(
    blank: Callable[..., Any],
) -> None:
    _, _, p, _ = blank(**SETTINGS)
    assert minimum_collateral(1000.0, 5000.0, WEEK_YEARS, True, 0.1, p) == 100.0
    assert minimum_collateral(1000.0, 50.0, WEEK_YEARS, False, 1.0, p) == 50.0
    assert minimum_collateral(1.0, 5000.0, WEEK_YEARS, False, 2.0, p) <= 10_000.0


@given(
    strike=st.floats(300.0, 3000.0), contracts=st.floats(0.5, 100.0), years=st.floats(0.001, 0.3),
    is_call=st.booleans(), vol=st.floats(0.2, 1.1),
)  # fmt: skip
def test_the_minimum_covers_the_option_at_any_lower_vol(
    blank: Callable[..., Any], strike: float, contracts: float, years: float, is_call: bool, vol: float
) -> None:
    _, _, p, _ = blank(**SETTINGS)
    needed = minimum_collateral(1000.0, strike, years, is_call, contracts, p)
    worth = call_and_put(1000.0, strike, years, vol, 0.03)[0 if is_call else 1] * contracts
    assert needed >= worth * (1.0 - 1e-12)


def test_coin_collateral_is_the_shocked_price_in_coin_and_never_more_than_covers_the_call(
    blank: Callable[..., Any],
) -> None:
    _, _, p, _ = blank(**SETTINGS)
    call, _ = call_and_put(1200.0, 1050.0, WEEK_YEARS, 1.4, 0.03)
    assert margin.minimum_coin(1000.0, 1050.0, WEEK_YEARS, 10.0, 0.2, p) == pytest.approx(10.0 * call / 1200.0)
    assert margin.minimum_coin(1000.0, 50.0, 1e-9, 10.0, 0.2, p) <= 10.0
    assert margin.minimum_coin(1000.0, 5000.0, WEEK_YEARS, 1.0, 0.2, p) == 0.2  # the static amount
    assert margin.minimum_coin(1000.0, 5000.0, WEEK_YEARS, 0.1, 0.2, p) == 0.1  # covered


@pytest.mark.parametrize(
    ("strike", "is_call", "mark", "initial", "maintenance"),
    [
        (1000.0, True, 30.0, 150.0 + 30.0, 90.0 + 30.0),  # at the money
        (1010.0, True, 25.0, 140.0 + 25.0, 90.0 + 25.0),  # less what it is out of the money
        (1500.0, True, 1.0, 130.0 + 1.0, 90.0 + 1.0),  # down to the least
        (990.0, False, 25.0, 140.0 + 25.0, 90.0 + 25.0),
        (3000.0, False, 2000.0, 1.1 * 2180.0, 180.0 + 2000.0),  # deep in the money the mark decides
    ],
)
def test_standard_margin(
    blank: Callable[..., Any], strike: float, is_call: bool, mark: float, initial: float, maintenance: float
) -> None:
    _, _, p, _ = blank(**SETTINGS)
    assert margin.standard_margins(1000.0, strike, is_call, mark, p) == pytest.approx((initial, maintenance))


@pytest.mark.parametrize("standard", [0.0, 1.0])
def test_the_rule_in_force_times_the_governed_multiplier(blank: Callable[..., Any], standard: float) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, standard_margin=standard)
    sell(bench, True, 10.0, 0.0)
    venue.option_margin = 1.5
    written = Ticket(0, 0, True, 10.0, -1.0)
    opening = margin.cash_requirement(world, venue, written, 1000.0, True, p)
    staying = margin.cash_requirement(world, venue, written, 1000.0, False, p)
    if standard:
        mark = float(venue.mark_call[0, 0])
        assert opening == pytest.approx(1.5 * 10.0 * (150.0 + mark))
        assert staying == pytest.approx(1.5 * 10.0 * (90.0 + mark))
        coin = margin.coin_requirement(world, venue, written, 1000.0, True, p)
        assert coin == pytest.approx(min(opening / 1000.0, 10.0))
    else:
        expected = 1.5 * minimum_collateral(1000.0, 1000.0, WEEK_YEARS, True, 10.0, p)
        assert opening == staying == pytest.approx(expected)


def test_a_pledge_counts_for_what_the_loan_leaves_at_the_threshold(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    sell(bench, True, 10.0, 0.0)
    venue.num_accounts = 3
    venue.account_collateral[2], venue.account_scaled_debt[2], venue.borrow_index = 100.0, 60_000.0, 1.1
    venue.short_kind[0], venue.short_account[0] = CollateralKind.PLEDGE, 2
    venue.liquidation_threshold = 0.8
    assert margin.posted_value(venue, 0, 1000.0) == pytest.approx(80_000.0 - 66_000.0)
    assert not margin.below_margin(world, venue, 0, 1000.0, p)
    venue.liquidation_threshold = 0.665  # a cut of the threshold alone calls the option's margin
    assert margin.below_margin(world, venue, 0, 1000.0, p)
    venue.liquidation_threshold = 0.5
    assert margin.posted_value(venue, 0, 1000.0) == 0.0


def test_latent_shortfall_of_sellers(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    sell(bench, True, 10.0, 300.0)
    venue.mark_call[0, 0] = 40.0
    assert margin.short_shortfall_at(venue, world.tape_price) == pytest.approx(400.0 - 0.97 * 300.0)
    venue.mark_call[0, 0] = 29.0
    assert margin.short_shortfall_at(venue, world.tape_price) == 0.0
    # coin at the tape's price; of pledged coin what the loan's debt leaves
    venue.mark_call[0, 0], venue.short_collateral[0], venue.short_coin[0] = 40.0, 0.0, 0.2
    assert margin.short_shortfall_at(venue, world.tape_price) == pytest.approx(400.0 - 0.97 * 200.0)
    venue.short_coin[0], venue.short_kind[0], venue.short_account[0] = 0.0, CollateralKind.PLEDGE, 0
    venue.account_collateral[0], venue.account_scaled_debt[0] = 1.0, 900.0
    assert margin.short_shortfall_at(venue, world.tape_price) == pytest.approx(400.0 - 0.97 * 100.0)
