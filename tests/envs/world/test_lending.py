"""Rates, interest and the movements of a lending market, in closed form."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import lending
from protogov.envs.world.lending import compounded_growth, kinked_borrow_rate, linear_growth, supply_rate_of
from protogov.envs.world.state import SUBSTEP_YEARS

SUBSTEPS_A_YEAR = 8760 * 12


def test_substep_is_five_minutes_of_a_year() -> None:
    assert SUBSTEP_YEARS * 365 * 24 * 60 == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("utilisation", "rate"),
    [
        (0.0, 0.01),
        (0.4, 0.01 + 0.04 / 2),  # half of the way to the kink at 80%
        (0.8, 0.05),
        (0.9, 0.05 + 0.6 / 2),  # half of the way beyond it
        (1.0, 0.65),
    ],
)
def test_kinked_curve(utilisation: float, rate: float) -> None:
    assert kinked_borrow_rate(utilisation, 0.01, 0.04, 0.6, 0.8) == pytest.approx(rate, rel=1e-14)


@given(
    low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0), base=st.floats(0.0, 0.1), slope1=st.floats(0.015, 0.2),
    slope2=st.floats(0.2, 3.0), optimal=st.floats(0.55, 0.95),
)  # fmt: skip
def test_kinked_curve_rises_without_a_jump(
    low: float, high: float, base: float, slope1: float, slope2: float, optimal: float
) -> None:
    low, high = sorted((low, high))
    at_low = kinked_borrow_rate(low, base, slope1, slope2, optimal)
    at_high = kinked_borrow_rate(high, base, slope1, slope2, optimal)
    steepest = max(slope1 / optimal, slope2 / (1.0 - optimal))
    assert 0.0 <= at_high - at_low + 1e-12 and at_high - at_low <= steepest * (high - low) + 1e-12


def test_supply_rate_is_what_borrowers_pay_less_the_reserve_over_all_that_is_owed() -> None:
    # 800 of debt at 5%, a tenth kept: 36 a year over 1,000 owed, or over 1,600 when 600 of it has no backing
    assert supply_rate_of(0.05, 800.0, 200.0, 0.0, 0.1) == pytest.approx(0.036, rel=1e-14)
    assert supply_rate_of(0.05, 800.0, 200.0, 600.0, 0.1) == pytest.approx(0.0225, rel=1e-14)
    assert supply_rate_of(0.05, 0.0, 0.0, 0.0, 0.1) == 0.0


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.65, 3.3])
@pytest.mark.parametrize("years", [SUBSTEP_YEARS, 1.0 / 365.0, 1.0])
def test_growth_is_linear_for_suppliers_and_cubic_for_borrowers(rate: float, years: float) -> None:
    x = rate * years
    assert linear_growth(rate, years) == x
    assert compounded_growth(rate, years) == pytest.approx(x + x**2 / 2 + x**3 / 6, rel=1e-15)
    # the series stops short of the exponential by its fourth term at most
    assert 0.0 <= math.expm1(x) - compounded_growth(rate, years) + 1e-16 <= x**4 / 24 * math.exp(x) + 1e-15


def fund(venue: Any, debt: float, cash: float, deficit: float = 0.0) -> None:
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_scaled_debt[0] = venue.scaled_debt = debt
    venue.supplier_scaled[0] = venue.scaled_deposits = debt + cash + deficit
    venue.cash, venue.deficit = cash, deficit


def test_accrual_of_one_substep(blank: Callable[..., Any]) -> None:
    _, venue, p, _ = blank(reserve_factor=0.1)
    fund(venue, debt=750.0, cash=250.0)
    venue.base_rate, venue.slope1, venue.slope2, venue.optimal_utilisation = 0.01, 0.05, 0.6, 0.75
    lending.refresh_rates(venue, p)
    assert venue.utilisation == 0.75
    assert venue.borrow_rate == pytest.approx(0.06, rel=1e-14)
    assert venue.supply_rate == pytest.approx(0.06 * 0.75 * 0.9, rel=1e-14)
    lending.accrue_interest(venue, p)
    x = 0.06 / SUBSTEPS_A_YEAR
    owed = 750.0 * (x + x**2 / 2 + x**3 / 6)
    earned = 1000.0 * 0.0405 / SUBSTEPS_A_YEAR
    assert lending.debt_of(venue) == pytest.approx(750.0 + owed, rel=1e-15)
    assert lending.deposits_of(venue) == pytest.approx(1000.0 + earned, rel=1e-15)
    # what borrowers owe more and suppliers do not is the treasury's; and it is income
    assert venue.reserve == pytest.approx(owed - earned, rel=1e-9)
    assert venue.sum_reserve_income == venue.reserve


@given(
    debt=st.floats(1.0, 1e9), cash=st.floats(0.0, 1e9), deficit=st.floats(0.0, 1e8), factor=st.floats(0.0, 1.0),
    slope1=st.floats(0.015, 0.2), slope2=st.floats(0.2, 3.0), optimal=st.floats(0.55, 0.95),
)  # fmt: skip
def test_accrual_never_takes_from_the_treasury(
    blank: Callable[..., Any], debt: float, cash: float, deficit: float, factor: float, slope1: float, slope2: float,
    optimal: float,
) -> None:  # fmt: skip
    _, venue, p, _ = blank(reserve_factor=factor)
    fund(venue, debt, cash, deficit)
    venue.slope1, venue.slope2, venue.optimal_utilisation = slope1, slope2, optimal
    reserve = 0.0
    for _ in range(3):
        lending.refresh_rates(venue, p)
        assert 0.0 <= venue.utilisation <= 1.0
        indices = venue.borrow_index, venue.supply_index
        lending.accrue_interest(venue, p)
        assert venue.borrow_index >= indices[0] and venue.supply_index >= indices[1]
        assert venue.reserve >= reserve - 1e-13 * (debt + cash + deficit)
        reserve = venue.reserve


def test_borrow_and_repay_move_cash_between_market_and_outside(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    fund(venue, debt=500.0, cash=500.0)
    venue.borrow_index = 1.25
    assert lending.debt_of(venue) == 625.0
    lending.borrow(world, venue, 0, 100.0)
    assert (venue.cash, world.outside_cash, lending.debt_of(venue)) == pytest.approx((400.0, 100.0, 725.0))
    lending.repay(world, venue, 0, 300.0)
    assert (venue.cash, world.outside_cash, lending.debt_of(venue)) == pytest.approx((700.0, -200.0, 425.0))
    assert venue.sum_net_borrow == pytest.approx(-200.0)
    lending.repay(world, venue, 0, 425.0)  # all of it: not a rounding error remains
    assert venue.account_scaled_debt[0] == 0.0
    assert venue.scaled_debt == pytest.approx(0.0, abs=1e-12)
    assert world.gross_cash == pytest.approx(100.0 + 300.0 + 425.0)


def test_supply_and_withdraw(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    fund(venue, debt=0.0, cash=1000.0)
    venue.supply_index = 1.6
    lending.supply(world, venue, 0, 160.0)
    assert venue.supplier_scaled[0] == pytest.approx(1100.0)
    lending.supply(world, venue, 0, -80.0)
    assert venue.supplier_scaled[0] == venue.scaled_deposits == pytest.approx(1050.0)
    assert (venue.cash, world.outside_cash, venue.sum_net_supply) == pytest.approx((1080.0, -80.0, 80.0))


def test_the_option_pool_lends_and_recalls(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank()
    fund(venue, debt=0.0, cash=1000.0)
    venue.option_cash, venue.supply_index = 300.0, 2.0
    lending.lend_option_cash(world, venue, 200.0)
    assert (venue.option_cash, venue.option_scaled, venue.cash) == pytest.approx((100.0, 100.0, 1200.0))
    assert venue.scaled_deposits == pytest.approx(1100.0)
    lending.lend_option_cash(world, venue, -50.0)
    assert (venue.option_cash, venue.option_scaled, venue.cash) == pytest.approx((150.0, 75.0, 1150.0))


@pytest.mark.parametrize(
    ("deficit", "reserve", "treasury", "open_deficit"),
    [
        (100.0, 150.0, 80.0, 0.0),  # the claim on the market alone
        (100.0, 30.0, 80.0, 0.0),  # and some of the cash
        (100.0, 30.0, 50.0, 20.0),  # and then there is nothing left
    ],
)
def test_an_open_deficit_falls_on_the_treasury_first(
    blank: Callable[..., Any], books: Any, deficit: float, reserve: float, treasury: float, open_deficit: float
) -> None:
    world, venue, p, _ = blank(losses_socialised=0.0)
    # 900 of debt, 200 of cash and a hole of 100: what 1,170 or so of deposits and the treasury's claim are owed
    fund(venue, debt=900.0, cash=200.0, deficit=deficit)
    venue.supplier_scaled[0] = venue.scaled_deposits = 1200.0 - reserve
    venue.reserve, venue.treasury_cash = reserve, treasury
    before = books.lending(venue), books.cash(world)
    lending.cover_deficit(world, venue, p)
    from_claim = min(deficit, reserve)
    from_cash = min(deficit - from_claim, treasury)
    assert venue.reserve == pytest.approx(reserve - from_claim)
    assert venue.treasury_cash == pytest.approx(treasury - from_cash)
    assert venue.cash == pytest.approx(200.0 + from_cash)
    assert venue.deficit == pytest.approx(open_deficit, abs=1e-12)
    assert lending.deposits_of(venue) == pytest.approx(1200.0 - reserve)
    assert venue.sum_haircuts == 0.0
    assert books.lending(venue) == pytest.approx(before[0], abs=1e-9)
    assert books.cash(world) == pytest.approx(before[1], abs=1e-9)


def test_socialised_losses_are_the_suppliers_at_once(blank: Callable[..., Any], books: Any) -> None:
    # the treasury could pay, and does not: every deposit is cut by 100 of 1,150
    world, venue, p, _ = blank(losses_socialised=1.0)
    fund(venue, debt=900.0, cash=200.0, deficit=100.0)
    venue.supplier_scaled[0] = venue.scaled_deposits = 1150.0
    venue.reserve, venue.treasury_cash = 50.0, 80.0
    before = books.lending(venue), books.cash(world)
    lending.cover_deficit(world, venue, p)
    assert (venue.deficit, venue.reserve, venue.treasury_cash, venue.cash) == (0.0, 50.0, 80.0, 200.0)
    assert lending.deposits_of(venue) == pytest.approx(1050.0)
    assert venue.supply_index == pytest.approx(1050.0 / 1150.0)
    assert venue.sum_haircuts == pytest.approx(100.0)
    assert books.lending(venue) == pytest.approx(before[0], abs=1e-9) and books.cash(world) == before[1]


def test_what_deposits_cannot_bear_is_the_treasurys(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = blank(losses_socialised=1.0)
    fund(venue, debt=0.0, cash=0.0, deficit=1000.0)
    venue.supplier_scaled[0] = venue.scaled_deposits = 600.0
    venue.treasury_cash = 150.0
    before = books.lending(venue), books.cash(world)
    lending.cover_deficit(world, venue, p)
    assert lending.deposits_of(venue) == pytest.approx(600.0 * 1e-6)  # a crumb: the index is never zero
    assert venue.deficit == pytest.approx(250.0 + 600.0 * 1e-6)
    assert venue.treasury_cash == 0.0
    assert books.lending(venue) == pytest.approx(before[0]) and books.cash(world) == pytest.approx(before[1])


@pytest.mark.parametrize("socialised", [0.0, 1.0])
def test_burned_debt_bears_no_interest(blank: Callable[..., Any], books: Any, socialised: float) -> None:
    # Of 900 of debt 300 is burned. A year of interest on the other 600 at a flat 6%, a tenth of it kept; a hole that
    # nobody can fill neither grows nor earns, and what borrowers pay is all that anybody gets.
    world, venue, p, _ = blank(losses_socialised=socialised, reserve_factor=0.1)
    fund(venue, debt=900.0, cash=100.0)
    venue.account_scaled_debt[0], venue.scaled_debt, venue.deficit = 600.0, 600.0, 300.0
    lending.cover_deficit(world, venue, p)
    claims, net = lending.deposits_of(venue), books.lending(venue)
    assert claims == pytest.approx(700.0 if socialised else 1000.0)
    venue.base_rate, venue.slope1, venue.slope2 = 0.06, 0.0, 0.0
    for _ in range(100):
        lending.refresh_rates(venue, p)
        lending.accrue_interest(venue, p)
    assert venue.deficit == (0.0 if socialised else 300.0)
    paid = lending.debt_of(venue) - 600.0
    assert paid == pytest.approx(600.0 * math.expm1(0.06 * 100 / SUBSTEPS_A_YEAR), rel=1e-9)
    assert lending.deposits_of(venue) - claims == pytest.approx(0.9 * paid, rel=1e-3)
    assert lending.deposits_of(venue) - claims + venue.reserve == pytest.approx(paid)
    assert books.lending(venue) == pytest.approx(net, abs=1e-9)


def test_the_backstop_lends_what_is_missing_and_is_repaid_first(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = blank()
    fund(venue, debt=900.0, cash=100.0)
    totals = books.cash(world), books.lending(venue)
    lending.draw_backstop(world, venue, 300.0)  # without the switch nobody lends
    assert (venue.cash, venue.backstop) == (100.0, 0.0)
    venue.backstop_on = 1
    lending.draw_backstop(world, venue, 80.0)  # there is enough
    assert (venue.cash, venue.backstop) == (100.0, 0.0)
    lending.draw_backstop(world, venue, 300.0)
    assert (venue.cash, venue.backstop, world.outside_cash) == (300.0, 200.0, -200.0)
    lending.supply(world, venue, 0, -300.0)
    lending.repay(world, venue, 0, 150.0)
    lending.repay_backstop(world, venue)
    assert (venue.cash, venue.backstop) == pytest.approx((0.0, 50.0))
    lending.repay(world, venue, 0, 150.0)
    lending.repay_backstop(world, venue)
    assert (venue.cash, venue.backstop) == pytest.approx((100.0, 0.0))
    assert books.cash(world) == pytest.approx(totals[0]) and books.lending(venue) == pytest.approx(totals[1], abs=1e-9)


def test_haircuts_are_charged_to_suppliers_alone(blank: Callable[..., Any]) -> None:
    # The option pool owns a quarter of all deposits. Its part of the loss is in its net asset value already, so the
    # suppliers' haircut is three quarters: each loss is charged once.
    world, venue, p, _ = blank(losses_socialised=1.0)
    fund(venue, debt=900.0, cash=0.0, deficit=100.0)
    venue.supplier_scaled[0], venue.option_scaled = 750.0, 250.0
    lending.cover_deficit(world, venue, p)
    assert venue.supply_index == pytest.approx(0.9)
    assert venue.sum_haircuts == pytest.approx(75.0)


@pytest.mark.parametrize(("debt", "cash"), [(-1e-12, 2e-12), (-1e-9, 0.0), (5.0, -1e-10), (0.0, 0.0)])
def test_rounding_in_an_emptied_market_leaves_a_rate_on_the_curve(
    blank: Callable[..., Any], debt: float, cash: float
) -> None:
    _, venue, p, _ = blank()
    venue.scaled_debt, venue.cash = debt, cash
    lending.refresh_rates(venue, p)
    assert 0.0 <= venue.utilisation <= 1.0
    assert venue.base_rate <= venue.borrow_rate <= venue.base_rate + venue.slope1 + venue.slope2


def test_losses_that_take_all_again_and_again_leave_a_deposit_a_price(blank: Callable[..., Any]) -> None:
    _, venue, p, _ = blank(losses_socialised=1.0)
    for _ in range(100):
        fund(venue, debt=1000.0, cash=0.0, deficit=1e9)
        lending.cut_deposits(venue)
    assert venue.supply_index == pytest.approx(lending.SMALLEST_INDEX)
    assert venue.deficit > 0.0
