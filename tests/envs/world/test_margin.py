"""Short sellers' margin: what must be posted, who is closed out, and who bears what the margin does not."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import margin
from protogov.envs.world.margin import minimum_collateral, shock_vol
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import EventKind

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
    call, put = call_and_put(world.oracle_price, venue.strike[0, 0], years, 0.7, p.interest_rate)
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


def test_a_seller_with_enough_is_left_alone(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    needed = minimum_collateral(1000.0, 1000.0, WEEK_YEARS, True, 10.0, p)
    sell(bench, True, 10.0, needed * 1.3)
    venue.option_margin = 1.3
    margin.check_margins(world, venue, 0, events, p)
    assert venue.short_contracts[0] == 10.0 and world.num_events == 0
    venue.option_margin = 1.3001  # the governor asks for more
    margin.check_margins(world, venue, 0, events, p)
    assert venue.short_contracts[0] == 0.0 and world.num_events == 1


@pytest.mark.parametrize(
    ("premium", "collateral", "least", "expected"),
    [
        (100.0, 1100.0, 20.0, (900.0, 100.0, 100.0, 0.0)),  # a tenth of what is left
        (100.0, 150.0, 20.0, (30.0, 100.0, 20.0, 0.0)),  # at least the least fee
        (100.0, 110.0, 20.0, (0.0, 90.0, 20.0, 10.0)),  # the fee first: the pool goes short
        (100.0, 15.0, 20.0, (0.0, 0.0, 15.0, 100.0)),
    ],
)
def test_split_of_a_liquidation(premium: float, collateral: float, least: float, expected: tuple[float, ...]) -> None:
    split = margin.liquidation_split(premium, collateral, least, 0.1)
    assert split == pytest.approx(expected)
    assert sum(split[:3]) == pytest.approx(collateral) and split[1] + split[3] == pytest.approx(premium)
    keeper, treasury, pool = margin.fee_split(split[2], 0.2, 0.3)
    assert (keeper, treasury, pool) == pytest.approx((0.2 * split[2], 0.3 * split[2], 0.5 * split[2]))


@pytest.mark.parametrize("is_call", [True, False])
def test_a_margin_call_pays_the_pool_first(blank: Callable[..., Any], books: Any, is_call: bool) -> None:
    bench = world, venue, p, events = blank(
        **SETTINGS, force_close_shock=1.2, short_keeper_share=0.1, short_treasury_share=0.3
    )
    sell(bench, is_call, 10.0, 1200.0)
    totals = books.cash(world)
    margin.check_margins(world, venue, 0, events, p)
    # bought back at 1.2 times the vol that the buy-back itself moves; a tenth of what is left is the penalty
    years = WEEK / 12 / 8760.0
    skew = 1.0 + p.skew_impact * 10.0 / p.standard_size / 100.0
    owed = 10.0 * call_and_put(1000.0, 1000.0, years, 0.7 * skew * 1.2, 0.03)[0 if is_call else 1]
    penalty = 0.1 * (1200.0 - owed)
    assert 0.0 < owed < 1200.0
    assert venue.option_cash == pytest.approx(owed + 0.6 * penalty)
    assert venue.treasury_cash == pytest.approx(0.3 * penalty)
    assert world.outside_cash == pytest.approx(0.1 * penalty)
    assert (venue.base_vol[0], venue.skew[0, 0]) == pytest.approx((0.7, skew))
    assert world.trader_cash == pytest.approx(1200.0 - owed - penalty)
    assert venue.short_collateral_sum == venue.short_collateral[0] == venue.short_contracts[0] == 0.0
    assert venue.short_calls[0, 0] == venue.short_puts[0, 0] == 0.0
    assert venue.sum_bad_debt == 0.0
    event = events.rows[0]
    assert (event.kind, event.account, event.parent, event.bad_debt) == (EventKind.SHORT_LIQUIDATION, 0, -1, 0.0)
    assert event.repaid == pytest.approx(owed)
    assert books.cash(world) == pytest.approx(totals)


def test_the_pool_bears_a_shortfall(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(
        **SETTINGS, force_close_shock=1.0, short_least_fee=0.0, forced_spot_share=0.0, skew_impact=0.0
    )
    sell(bench, True, 10.0, 1200.0)
    world.oracle_price = 1300.0
    mark(bench)
    totals = books.cash(world)
    margin.check_margins(world, venue, 0, events, p)
    owed = 10.0 * float(venue.mark_call[0, 0])
    assert owed > 3000.0
    assert venue.option_cash == 1200.0 and venue.treasury_cash == 0.0 and world.trader_cash == 0.0
    assert venue.sum_bad_debt == events.rows[0].bad_debt == pytest.approx(owed - 1200.0)
    assert books.cash(world) == pytest.approx(totals)


@pytest.mark.parametrize(
    ("is_call", "spot", "owed"), [(True, 1040.0, 400.0), (True, 960.0, 0.0), (False, 960.0, 400.0), (True, 1500.0, 5e3)]
)
def test_sellers_settle_from_their_collateral(
    blank: Callable[..., Any], books: Any, is_call: bool, spot: float, owed: float
) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, is_call, 10.0, 1200.0)
    world.oracle_price = spot
    totals = books.cash(world)
    margin.settle_shorts(world, venue, 0, 0, spot, events)
    paid = min(owed, 1200.0)
    assert venue.option_cash == pytest.approx(paid) and world.trader_cash == pytest.approx(1200.0 - paid)
    assert venue.short_contracts[0] == venue.short_collateral_sum == venue.short_calls.sum() == 0.0
    assert venue.sum_bad_debt == pytest.approx(owed - paid)
    assert world.num_events == (owed > paid)
    assert books.cash(world) == pytest.approx(totals)


def test_other_expiries_do_not_settle(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, True, 10.0, 1200.0)
    margin.settle_shorts(world, venue, 0, 1, 1000.0, events)
    assert venue.short_contracts[0] == 10.0 and world.trader_cash == 0.0


def test_latent_shortfall_of_sellers(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    sell(bench, True, 10.0, 300.0)
    venue.mark_call[0, 0] = 40.0
    assert margin.latent_short_shortfall(venue) == pytest.approx(400.0 - 0.97 * 300.0)
    venue.mark_call[0, 0] = 29.0
    assert margin.latent_short_shortfall(venue) == 0.0
