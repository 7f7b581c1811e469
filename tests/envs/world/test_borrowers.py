"""Borrowers: thresholds, safety, exit and return, and what they can never do."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import lending
from protogov.envs.world.population import borrowers
from protogov.envs.world.population.thresholds import level_of, next_level, spread_offset
from protogov.envs.world.state import EventKind

RATES = st.floats(0.0, 3.0)


def lend(bench: Any, collateral: float, debt: float, cash: float = 1e6, **account: float) -> None:
    """One borrower in a market with `cash`; the levers' threshold is 83% and loan-to-value 80.5%."""
    world, venue, p, _ = bench
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = collateral, debt, debt
    venue.cash = cash
    venue.supplier_scaled[0] = venue.scaled_deposits = cash + debt
    settings = {
        "reservation_rate": 0.08, "leverage": 0.9, "safety": 1.03, "activity": 1.0, "wallet": 0.0, "level": 1.0,
        "offset": 0.5,
    } | account  # fmt: skip
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


def test_the_full_debt_is_limited_by_leverage_and_by_the_own_safety(blank: Callable[..., Any]) -> None:
    bench = _, venue, _, _ = blank()
    lend(bench, collateral=10.0, debt=0.0, leverage=0.8, safety=1.05)
    assert borrowers.full_debt(venue, 0, 1e4) == pytest.approx(0.8 * 0.805 * 1e4)
    # who wants a health factor of 1.2 never borrows below 2% more than that, whatever leverage it likes
    lend(bench, collateral=10.0, debt=0.0, leverage=0.97, safety=1.2)
    assert borrowers.full_debt(venue, 0, 1e4) == pytest.approx(0.83 * 1e4 / (1.2 * 1.02))


# ---------------------------------------------------------------- borrowers: thresholds


@given(share=st.floats(0.0, 1.0), stickiness=st.floats(0.0, 0.12))
def test_levels_are_the_smooth_wish_on_average(share: float, stickiness: float) -> None:
    offsets = [spread_offset((k + 0.5) / 2000, stickiness) for k in range(2000)]
    levels = [level_of(share, offset) for offset in offsets]
    assert set(levels) <= {0.0, 0.25, 0.5, 0.75, 1.0}
    # offsets keep clear of both ends by the stickiness, which flattens each step there and nowhere by more
    assert np.mean(levels) == pytest.approx(share, abs=stickiness + 1e-3)
    if stickiness == 0.0:
        assert np.mean(levels) == pytest.approx(share, abs=3e-4)


@given(
    level=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), share=st.floats(0.0, 1.0), u=st.floats(0.0, 1.0),
    stickiness=st.floats(0.0, 0.125),
)  # fmt: skip
def test_a_level_is_left_only_beyond_its_band(level: float, share: float, u: float, stickiness: float) -> None:
    offset = spread_offset(u, stickiness)
    after = next_level(level, share, offset, stickiness)
    # thresholds of its own in the wish: the level's lower end, and a quarter above it
    lower = level - offset / 4.0
    if lower - stickiness + 1e-9 < share < lower + 0.25 + stickiness - 1e-9:
        assert after == level
    if not lower - stickiness - 1e-9 < share < lower + 0.25 + stickiness + 1e-9:
        assert after == level_of(share, offset) != level
    # and it stays where it went to
    assert next_level(after, share, offset, stickiness) == after


@given(u=st.floats(0.0, 1.0), stickiness=st.floats(0.0, 0.125))
def test_everybody_leaves_in_the_end_and_everybody_can_want_all(u: float, stickiness: float) -> None:
    offset = spread_offset(min(max(u, 1e-6), 1.0 - 1e-6), stickiness)
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        assert next_level(level, 0.0, offset, stickiness - 1e-9) == 0.0
        assert next_level(level, 1.0, offset, stickiness - 1e-9) == 1.0


def test_the_way_down_and_up_a_rate(blank: Callable[..., Any]) -> None:
    # Reservation rate 8%, elasticity 6, offset a half: at level 1/2 the wish may lie between 3/8 and 5/8, less and
    # more 2% for stickiness: between the rates at which participation is 0.355 and 0.645.
    bench = world, venue, p, _ = blank(borrow_elasticity=6.0, level_stickiness=0.02, leverage_buying=0.0)
    full = 0.9 * 0.805 * 1e4
    dear, cheap = (0.08 * (1.0 / share - 1.0) ** (1.0 / 6.0) for share in (0.355, 0.645))
    for rate, level in ((dear - 1e-6, 0.5), (dear + 1e-6, 0.25), (cheap + 1e-6, 0.5), (cheap - 1e-6, 0.75)):
        lend(bench, collateral=10.0, debt=0.5 * full, level=0.5)
        venue.borrow_rate = rate
        borrowers.review_rate(world, venue, 0, p)
        assert venue.account_level[0] == level
        assert venue.account_scaled_debt[0] == pytest.approx(level * full)  # the whole step at once


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
    assert events.rows[0].kind == EventKind.DELEVERAGE and events.rows[0].seized == pytest.approx(10.0 - collateral)
    assert events.rows[0].repaid == pytest.approx(8000.0 - debt)
    assert venue.impact_serial == 0  # it may be somebody's parent
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
def test_half_of_the_attentive_have_reviewed_after_the_half_life(blank: Callable[..., Any], half_life: float) -> None:
    # 128 accounts that owe all they can and want nothing any more; those who look every second hour
    gone = np.zeros(20)
    for seed in range(20):
        bench = world, venue, p, events = blank(borrow_half_life=half_life, attentive_activity=0.5)
        lend(bench, collateral=10.0, debt=1000.0, activity=0.5)
        world.seed, venue.num_accounts, venue.scaled_debt = seed, 128, 128_000.0
        for name in venue.dtype.names:
            if name.startswith("account_"):
                venue[name][:] = venue[name][0]
        venue.borrow_rate = 10.0
        for hour in range(int(half_life)):
            world.hour = hour
            for k in range(12):
                borrowers.visit_borrowers(world, venue, 0, k, events, p)
        gone[seed] = (venue.account_scaled_debt == 0.0).mean()
    # a look with probability a half, a review with 1 - 2 ** (-2 / half_life) of it
    chance = 0.5 * (1.0 - 0.5 ** (2.0 / half_life))
    expected = 1.0 - (1.0 - chance) ** half_life
    assert gone.mean() == pytest.approx(expected, abs=4.0 * math.sqrt(0.25 / (20 * 128)))
    assert expected == pytest.approx(0.5, abs=0.04)


def test_a_small_gap_is_not_acted_on(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(borrow_stickiness=0.1, leverage_buying=0.0)
    wanted = 0.75 * 0.9 * 0.805 * 1e4
    for debt, moves in ((0.91 * wanted, False), (1.09 * wanted, False), (0.89 * wanted, True), (1.11 * wanted, True)):
        lend(bench, collateral=10.0, debt=debt, level=0.75)
        borrowers.adjust_debt(world, venue, 0, debt, p)
        assert venue.account_scaled_debt[0] == pytest.approx(wanted if moves else debt)


@given(
    debt=st.floats(0.0, 12_000.0), cash=st.floats(0.0, 5000.0), gap=st.floats(0.01, 0.25),
    buying=st.floats(0.0, 1.0), level=st.sampled_from([0.0, 0.25, 0.5, 1.0]), leverage=st.floats(0.3, 2.0),
    safety=st.floats(0.5, 1.2),
)  # fmt: skip
def test_nobody_borrows_beyond_the_loan_to_value_or_the_cash(
    blank: Callable[..., Any], books: Any, debt: float, cash: float, gap: float, buying: float, level: float,
    leverage: float, safety: float,
) -> None:  # fmt: skip
    # a leverage above one is nobody's: the limit holds all the same
    bench = world, venue, p, _ = blank(leverage_buying=buying)
    lend(bench, collateral=10.0, debt=debt, cash=cash, leverage=leverage, safety=safety, level=level)
    venue.loan_to_value = 0.83 - gap
    totals = books.cash(world), books.coin(world), books.lending(venue)
    borrowers.adjust_debt(world, venue, 0, debt, p)
    owed = float(venue.account_scaled_debt[0])
    assert venue.cash >= 0.0 and owed >= 0.0
    assert owed <= max(debt, (0.83 - gap) * 1e4) * (1 + 1e-12)
    assert books.cash(world) == pytest.approx(totals[0], rel=1e-12)
    assert books.coin(world) == pytest.approx(totals[1], rel=1e-12)
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-9)


def test_an_account_leaves_and_returns_with_what_it_took(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, _ = blank(leverage_buying=0.0)
    lend(bench, collateral=10.0, debt=1800.0, wallet=3.0, level=0.25)
    totals = books.cash(world), books.coin(world), books.lending(venue)
    venue.borrow_rate = 0.5
    borrowers.review_rate(world, venue, 0, p)
    assert (venue.account_level[0], venue.account_scaled_debt[0], venue.account_collateral[0]) == (0.0, 0.0, 0.0)
    assert (venue.account_home[0], venue.account_wallet[0]) == (10.0, 3.0)  # the reserve for top-ups stays apart
    assert venue.cash == pytest.approx(1e6 + 1800.0)
    assert (world.outside_coin, world.outside_cash) == (10.0, -1800.0)
    borrowers.review_rate(world, venue, 0, p)  # nothing more to do
    assert venue.account_home[0] == 10.0
    venue.borrow_rate = 0.01
    borrowers.review_rate(world, venue, 0, p)
    assert (venue.account_level[0], venue.account_collateral[0], venue.account_home[0]) == (1.0, 10.0, 0.0)
    assert venue.account_scaled_debt[0] == pytest.approx(0.9 * 0.805 * 1e4)
    assert books.cash(world) == pytest.approx(totals[0]) and books.coin(world) == pytest.approx(totals[1])
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-9)


def test_nobody_returns_to_an_empty_market(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank()
    lend(bench, collateral=0.0, debt=0.0, cash=0.0, level=0.0, home=10.0)
    venue.borrow_rate = 0.01
    borrowers.review_rate(world, venue, 0, p)
    assert (venue.account_level[0], venue.account_collateral[0], venue.account_home[0]) == (1.0, 0.0, 10.0)
    venue.cash = 100.0
    borrowers.review_rate(world, venue, 0, p)
    assert venue.account_home[0] == 0.0 and venue.account_scaled_debt[0] == pytest.approx(100.0)


def test_who_has_left_is_not_taken_for_one_who_lost_all(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(return_half_life=0.1)
    lend(bench, collateral=0.0, debt=0.0, wallet=3.0, level=0.0, home=10.0)
    borrowers.act(world, venue, 0, 0, 0.0, events, p)  # it looks, and does not review its level
    assert (venue.account_collateral[0], venue.account_wallet[0], venue.account_home[0]) == (0.0, 3.0, 10.0)


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
        borrowers.refill_account(world, venue, 0, 0, p)
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
    venue.account_worth[:100] = rng.uniform(0.8, 1.4, 100)
    venue.borrow_index, venue.borrow_rate, world.leverage_demand = 1.5, 0.06, 1.2
    worth = venue.account_reservation_rate[:100] * venue.account_worth[:100] * 1.2
    expected = ((worth - 0.06) * venue.account_scaled_debt[:100] * 1.5).sum()
    for hour in range(3):
        world.hour = hour
        for k in range(12):
            borrowers.visit_borrowers(world, venue, 0, k, events, p)
        # the surplus of everybody over the rate, each once
        assert venue.sum_borrower_surplus == pytest.approx((hour + 1) * expected / 8760.0, rel=1e-12)
        assert venue.account_surplus.sum() == pytest.approx((hour + 1) * expected / 8760.0, rel=1e-12)
