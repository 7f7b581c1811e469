"""Borrowers and suppliers: how they answer to rates and prices, and what they can never do."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import lending
from protogov.envs.world.population import borrowers, suppliers
from protogov.envs.world.state import EventKind

RATES = st.floats(0.0, 3.0)


def lend(bench: Any, collateral: float, debt: float, cash: float = 1e6, **account: float) -> None:
    """One borrower in a market with `cash`; the levers' threshold is 83% and loan-to-value 80.5%."""
    world, venue, p, _ = bench
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = collateral, debt, debt
    venue.cash = cash
    venue.supplier_scaled[0] = venue.scaled_deposits = cash + debt
    settings = {"reservation_rate": 0.08, "leverage": 0.9, "safety": 1.1, "activity": 1.0, "wallet": 0.0} | account
    for name, value in settings.items():
        venue[f"account_{name}"][0] = value
    lending.refresh_rates(venue, p)


# ---------------------------------------------------------------- borrowers: wishes


def test_half_of_the_wish_at_the_reservation_rate(blank: Callable[..., Any]) -> None:
    _, _, p, _ = blank(borrow_elasticity=6.0)
    assert borrowers.participation(0.08, 0.08, 1.0, p) == 0.5
    assert borrowers.participation(0.12, 0.08, 1.5, p) == pytest.approx(0.5)  # demand scales the reservation rate
    assert borrowers.participation(0.0, 0.08, 1.0, p) == pytest.approx(1.0)
    assert borrowers.participation(0.16, 0.08, 1.0, p) == pytest.approx(1.0 / (1.0 + 2.0**6))


@given(low=RATES, high=RATES, reservation=st.floats(0.001, 1.0), demand=st.floats(0.1, 5.0))
def test_dearer_money_is_wanted_less(
    blank: Callable[..., Any], low: float, high: float, reservation: float, demand: float
) -> None:
    _, _, p, _ = blank(borrow_elasticity=6.0)
    low, high = sorted((low, high))
    at_low = borrowers.participation(low, reservation, demand, p)
    at_high = borrowers.participation(high, reservation, demand, p)
    assert 0.0 <= at_high <= at_low <= 1.0


def test_wishes_are_shares_of_what_the_loan_to_value_allows(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(borrow_elasticity=0.0)
    lend(bench, collateral=10.0, debt=0.0, leverage=0.8)
    # elasticity 0: a half whatever the rate; of 80% of 80.5% of 10,000
    assert borrowers.wanted_debt(world, venue, 0, 0.05, p) == pytest.approx(0.5 * 0.8 * 0.805 * 1e4)


# ---------------------------------------------------------------- borrowers: acts


@pytest.mark.parametrize(("wallet", "brought"), [(10.0, None), (0.5, 0.5), (0.0, 0.0)])
def test_a_top_up_restores_health_or_empties_the_wallet(
    blank: Callable[..., Any], books: Any, wallet: float, brought: float | None
) -> None:
    bench = world, venue, p, _ = blank()
    lend(bench, collateral=10.0, debt=8000.0, wallet=wallet)
    totals = books.coin(world)
    if brought is None:  # health 1.1 times the safety level of 1.1
        brought = 1.1 * 1.1 * 8000.0 / (0.83 * 1000.0) - 10.0
    health = borrowers.top_up(world, venue, 0, 8000.0, 1000.0, 1.1)
    assert venue.account_collateral[0] == pytest.approx(10.0 + brought)
    assert venue.account_wallet[0] == pytest.approx(wallet - brought)
    assert health == pytest.approx((10.0 + brought) * 830.0 / 8000.0)
    # a wallet is outside the protocol
    assert books.coin(world) == pytest.approx(totals)


def test_deleveraging_sells_into_the_pool_until_safe(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(pool_fee=0.0, gas_cost=0.0, lasting_share=0.5)
    world.pool_cash, world.pool_coin = 1e12, 1e9  # no slippage to speak of
    lend(bench, collateral=10.0, debt=8000.0)
    totals = books.cash(world), books.coin(world), books.lending(venue)
    borrowers.deleverage(world, venue, 0, 0, 8000.0, 1000.0, 1.1, events, p)
    collateral, debt = float(venue.account_collateral[0]), float(venue.account_scaled_debt[0])
    assert collateral * 830.0 / debt == pytest.approx(1.1, rel=1e-6)
    assert 10.0 - collateral == pytest.approx((1.1 * 8000.0 - 8300.0) / (1100.0 - 830.0), rel=1e-6)
    assert events[0].kind == EventKind.DELEVERAGE and events[0].seized == pytest.approx(10.0 - collateral)
    assert events[0].repaid == pytest.approx(8000.0 - debt)
    assert world.impact_serial == 0  # it may be somebody's parent
    after = books.cash(world), books.coin(world), books.lending(venue)
    assert after == pytest.approx(totals, rel=1e-12, abs=1e-3)


@given(
    collateral=st.floats(0.5, 500.0), loan=st.floats(0.3, 1.2), safety=st.floats(1.03, 1.2),
    pool=st.floats(0.5, 2.0), depth=st.floats(0.01, 100.0),
)  # fmt: skip
def test_deleveraging_keeps_its_promises(
    blank: Callable[..., Any], books: Any, collateral: float, loan: float, safety: float, pool: float, depth: float
) -> None:
    bench = world, venue, p, events = blank(gas_cost=10.0, pool_fee=0.001)
    debt = loan * collateral * 1000.0
    lend(bench, collateral, debt)
    world.pool_cash, world.pool_coin = 1e6 * depth, 1e3 * depth / pool
    totals = books.cash(world), books.coin(world), books.lending(venue)
    borrowers.deleverage(world, venue, 0, 0, debt, 1000.0, safety, events, p)
    left, owed = float(venue.account_collateral[0]), float(venue.account_scaled_debt[0])
    assert 0.75 * collateral <= left * (1 + 1e-12) and left <= collateral
    assert 0.0 <= owed <= debt
    assert books.cash(world) == pytest.approx(totals[0], rel=1e-12)
    assert books.coin(world) == pytest.approx(totals[1], rel=1e-12)
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-6)


@pytest.mark.parametrize("half_life", [4.0, 24.0])
def test_debt_moves_half_of_the_way_in_its_half_life(blank: Callable[..., Any], half_life: float) -> None:
    bench = world, venue, p, _ = blank(
        borrow_elasticity=0.0, borrow_half_life=half_life, borrow_stickiness=0.0, leverage_buying=0.0,
        attentive_activity=1.0,
    )  # fmt: skip
    lend(bench, collateral=10.0, debt=0.0, leverage=1.0)
    wanted = 0.5 * 0.805 * 1e4
    for _ in range(int(half_life)):
        borrowers.adjust_debt(world, venue, 0, 1e4, float(venue.account_scaled_debt[0]), p)
    assert venue.account_scaled_debt[0] == pytest.approx(wanted / 2, rel=1e-9)
    venue.account_scaled_debt[0] = venue.scaled_debt = 2 * wanted
    for _ in range(int(half_life)):
        borrowers.adjust_debt(world, venue, 0, 1e4, float(venue.account_scaled_debt[0]), p)
    assert venue.account_scaled_debt[0] == pytest.approx(1.5 * wanted, rel=1e-9)


def test_a_small_gap_is_not_acted_on(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(borrow_elasticity=0.0, borrow_stickiness=0.1)
    wanted = 0.5 * 0.9 * 0.805 * 1e4
    for debt, moves in ((0.91 * wanted, False), (1.09 * wanted, False), (0.89 * wanted, True), (1.11 * wanted, True)):
        lend(bench, collateral=10.0, debt=debt)
        borrowers.adjust_debt(world, venue, 0, 1e4, debt, p)
        assert (venue.account_scaled_debt[0] != debt) == moves


@given(
    debt=st.floats(0.0, 12_000.0), cash=st.floats(0.0, 5000.0), gap=st.floats(0.01, 0.25),
    buying=st.floats(0.0, 1.0), demand=st.floats(0.2, 5.0), leverage=st.floats(0.3, 2.0),
)  # fmt: skip
def test_nobody_borrows_beyond_the_loan_to_value_or_the_cash(
    blank: Callable[..., Any], books: Any, debt: float, cash: float, gap: float, buying: float, demand: float,
    leverage: float,
) -> None:  # fmt: skip
    # a leverage above one is nobody's: the limit holds all the same
    bench = world, venue, p, _ = blank(leverage_buying=buying, borrow_half_life=0.1, attentive_activity=1.0)
    lend(bench, collateral=10.0, debt=debt, cash=cash, leverage=leverage)
    venue.loan_to_value, world.leverage_demand = 0.83 - gap, demand
    totals = books.cash(world), books.coin(world), books.lending(venue)
    borrowers.adjust_debt(world, venue, 0, 1e4, debt, p)
    owed = float(venue.account_scaled_debt[0])
    assert venue.cash >= 0.0 and owed >= 0.0
    assert owed <= max(debt, (0.83 - gap) * 1e4) * (1 + 1e-12)
    assert books.cash(world) == pytest.approx(totals[0], rel=1e-12)
    assert books.coin(world) == pytest.approx(totals[1], rel=1e-12)
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-9)


def test_a_levered_purchase_spends_what_it_was_given(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, _ = blank(pool_fee=0.01)
    lend(bench, collateral=10.0, debt=0.0)
    totals = books.cash(world), books.coin(world)
    borrowers.buy_with_loan(world, venue, 0, 1000.0, p)
    assert venue.account_collateral[0] == pytest.approx(10.0 + 1e3 * 990.0 / (1e6 + 990.0))
    assert world.pool_cash == pytest.approx(1e6 + 990.0)
    assert world.outside_cash == pytest.approx(-990.0)  # 1,000 paid, 10 of it is the pool owners' fee, outside too
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals, rel=1e-13)


def test_an_emptied_account_comes_back_with_its_wallet(blank: Callable[..., Any], books: Any) -> None:
    back = []
    for seed in range(1000):
        bench = world, venue, p, _ = blank(return_half_life=2.0)
        world.seed = seed
        lend(bench, collateral=0.0, debt=0.0, wallet=3.0, activity=0.5)
        borrowers.come_back(world, venue, 0, 0, p)
        assert (venue.account_collateral[0], venue.account_wallet[0]) in ((0.0, 3.0), (3.0, 0.0))
        back.append(venue.account_wallet[0] == 0.0)
    # who looks every other hour returns at each look with twice the hourly probability, 1 - 2**-0.5
    expected = 2.0 * (1.0 - 2.0**-0.5)
    assert np.mean(back) == pytest.approx(expected, abs=4.0 * math.sqrt(expected * (1 - expected) / 1000))


def test_every_account_is_visited_once_an_hour(blank: Callable[..., Any]) -> None:
    world, venue, p, events = blank()
    rng = np.random.default_rng(0)
    venue.num_accounts = 100
    venue.account_scaled_debt[:100], venue.account_reservation_rate[:100] = (
        rng.uniform(1, 2, 100),
        rng.uniform(0, 1, 100),
    )
    venue.borrow_index, venue.borrow_rate, world.leverage_demand = 1.5, 0.06, 1.2
    expected = ((venue.account_reservation_rate[:100] * 1.2 - 0.06) * venue.account_scaled_debt[:100] * 1.5).sum()
    for hour in range(3):
        world.hour = hour
        for k in range(12):
            borrowers.visit_borrowers(world, venue, 0, k, events, p)
        # the surplus (v - R) D dt of everybody, each once
        assert venue.sum_borrower_surplus == pytest.approx((hour + 1) * expected / 8760.0, rel=1e-12)


# ---------------------------------------------------------------- suppliers


def deposit(bench: Any, claims: list[float], cash: float, rate: float = 0.05) -> None:
    """Suppliers with `claims`, who each would hold 1,000 at a yield of 5% and take an hour to move half of the way."""
    world, venue, p, _ = bench
    count = len(claims)
    venue.num_suppliers = count
    venue.supplier_scaled[:count] = claims
    venue.supplier_size[:count], venue.supplier_premium[:count], venue.supplier_patience[:count] = 1000.0, 0.01, 0.5
    venue.scaled_deposits, venue.cash, venue.supply_rate = sum(claims), cash, rate
    world.outside_yield = 0.04


CONTENT = {"supplier_need": 0.0, "supply_headroom": 0.5, "supply_elasticity": 12.0, "lockup_charge": 0.25}


def test_a_supplier_holds_its_size_at_what_it_asks(blank: Callable[..., Any]) -> None:
    _, _, p, _ = blank(**CONTENT)
    assert suppliers.wanted_deposit(1000.0, 0.05, 0.05, p) == pytest.approx(1000.0)
    assert suppliers.wanted_deposit(1000.0, 5.0, 0.05, p) == pytest.approx(1500.0, rel=1e-6)
    assert suppliers.wanted_deposit(1000.0, -0.05, 0.4, p) < 1.0


@given(low=RATES, high=RATES, asked=st.floats(-0.05, 0.5))
def test_a_better_rate_draws_deposits(blank: Callable[..., Any], low: float, high: float, asked: float) -> None:
    _, _, p, _ = blank(**CONTENT)
    low, high = sorted((low, high))
    at_low, at_high = (suppliers.wanted_deposit(1000.0, rate, asked, p) for rate in (low, high))
    assert 0.0 <= at_low <= at_high * (1 + 1e-12) <= 1500.0 * (1 + 1e-9)


def test_suppliers_move_half_of_the_way_to_what_they_want(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**CONTENT)
    deposit(bench, [600.0, 1400.0], cash=2000.0)
    totals = books.cash(world), books.lending(venue)
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.supplier_scaled[:2] == pytest.approx([800.0, 1200.0])
    assert venue.unmet_withdrawals == 0.0 and world.num_events == 0
    # at the asked yield nobody gains
    assert venue.sum_supplier_surplus == pytest.approx(0.0, abs=1e-12)
    assert books.cash(world) == pytest.approx(totals[0]) and books.lending(venue) == pytest.approx(totals[1])


def test_a_withdrawal_is_limited_by_cash(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**CONTENT)
    deposit(bench, [1400.0, 1400.0], cash=300.0, rate=0.05)
    totals = books.cash(world), books.lending(venue)
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.cash == 0.0
    assert venue.supplier_scaled[:2] == pytest.approx([1200.0, 1300.0])
    assert venue.unmet_withdrawals == pytest.approx(100.0)
    assert venue.sum_lockup == pytest.approx(0.25 * 100.0 / 8760.0)
    event = events[0]
    assert (event.kind, event.account, event.bad_debt) == (EventKind.WITHDRAWAL_UNMET, -1, pytest.approx(100.0))
    assert books.cash(world) == pytest.approx(totals[0]) and books.lending(venue) == pytest.approx(totals[1])
    # in a market without cash nobody gets anything, and claims stay
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.supplier_scaled[:2] == pytest.approx([1200.0, 1300.0]) and venue.unmet_withdrawals > 100.0


def test_surplus_is_the_rate_over_what_is_asked(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**CONTENT)
    deposit(bench, [1000.0, 500.0], cash=1500.0, rate=0.07)
    venue.supply_index = 1.2
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.sum_supplier_surplus == pytest.approx((0.07 - 0.05) * 1500.0 * 1.2 / 8760.0)


@given(
    claims=st.lists(st.floats(0.0, 3000.0), min_size=1, max_size=16), cash=st.floats(0.0, 5000.0),
    rate=st.floats(0.0, 3.0), need=st.floats(0.0, 1.0), hours=st.integers(1, 5),
)  # fmt: skip
def test_suppliers_never_take_what_is_not_there(
    blank: Callable[..., Any], books: Any, claims: list[float], cash: float, rate: float, need: float, hours: int
) -> None:
    bench = world, venue, p, events = blank(**CONTENT | {"supplier_need": need})
    deposit(bench, claims, cash, rate)
    totals = books.cash(world), books.lending(venue)
    for hour in range(hours):
        world.hour = hour
        suppliers.visit_suppliers(world, venue, 0, events, p)
        assert venue.cash >= 0.0 and venue.unmet_withdrawals >= 0.0
        assert venue.supplier_scaled.min() >= -1e-9
        assert venue.unmet_withdrawals <= venue.supplier_scaled.sum() * (1 + 1e-12)
    assert books.cash(world) == pytest.approx(totals[0], rel=1e-12)
    assert books.lending(venue) == pytest.approx(totals[1], abs=1e-9)
