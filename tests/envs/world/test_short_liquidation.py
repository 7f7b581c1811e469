"""Short positions that end: by force, by expiry, from cash, from coin sold through the pool, from a pledge."""

from collections.abc import Callable
from typing import Any

import pytest

from protogov.envs.world import short_liquidation
from protogov.envs.world.margin import buy_back, minimum_collateral
from protogov.envs.world.market import sell_to_pool
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import CollateralKind, EventKind

WEEK = 168 * 12
WEEK_YEARS = 168.0 / 8760.0
SETTINGS = {
    "shock_up": 1.2, "shock_down": 0.8, "shock_vol_near": 1.4, "shock_vol_far": 1.1, "short_static": 100.0,
    "interest_rate": 0.03, "short_penalty": 0.1,
}  # fmt: skip


def mark(bench: Any) -> None:
    world, venue, p, _ = bench
    years = max(WEEK - world.substep, 0) / 12 / 8760.0
    call, put = call_and_put(venue.oracle_price, venue.strike[0, 0], years, 0.7, p.interest_rate)
    venue.mark_call[0, 0], venue.mark_put[0, 0] = call, put


def sell(bench: Any, is_call: bool, contracts: float, cash: float = 0.0, coin: float = 0.0) -> None:
    """One seller of one option that settles in a week, marked; the pool holds its contracts."""
    world, venue, p, _ = bench
    venue.num_expiries = venue.num_strikes = venue.num_shorts = 1
    venue.expiry[0], venue.base_vol[0], venue.strike[0, 0], venue.skew[0, 0] = WEEK, 0.7, 1000.0, 1.0
    venue.short_contracts[0], venue.short_call[0], venue.short_account[0] = contracts, is_call, -1
    venue.short_collateral[0] = venue.short_collateral_sum = cash
    venue.short_coin[0] = venue.short_coin_sum = coin
    venue.short_kind[0] = CollateralKind.COIN if coin else CollateralKind.CASH
    (venue.short_calls if is_call else venue.short_puts)[0, 0] = contracts
    mark(bench)


def pledge(bench: Any, collateral: float, debt: float) -> None:
    """The seller is account 0, whose loan is backed by `collateral` coin."""
    _, venue, _, _ = bench
    venue.num_accounts = 1
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = collateral, debt, debt
    venue.short_kind[0], venue.short_account[0], venue.account_pledges[0] = CollateralKind.PLEDGE, 0, 1


def gone(venue: Any) -> bool:
    return bool(
        venue.short_contracts[0] == venue.short_collateral[0] == venue.short_coin[0] == 0.0
        and venue.short_collateral_sum == venue.short_coin_sum == venue.account_pledges[0] == 0.0
        and venue.short_calls[0, 0] == venue.short_puts[0, 0] == 0.0
    )


def test_a_seller_with_enough_is_left_alone(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    needed = minimum_collateral(1000.0, 1000.0, WEEK_YEARS, True, 10.0, p)
    sell(bench, True, 10.0, needed * 1.3)
    venue.option_margin = 1.3
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert venue.short_contracts[0] == 10.0 and world.num_events == 0
    venue.option_margin = 1.3001  # the governor asks for more
    short_liquidation.check_margins(world, venue, 0, events, p)
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
    split = short_liquidation.liquidation_split(premium, collateral, least, 0.1)
    assert split == pytest.approx(expected)
    assert sum(split[:3]) == pytest.approx(collateral) and split[1] + split[3] == pytest.approx(premium)
    keeper, treasury, pool = short_liquidation.fee_split(split[2], 0.2, 0.3)
    assert (keeper, treasury, pool) == pytest.approx((0.2 * split[2], 0.3 * split[2], 0.5 * split[2]))


@pytest.mark.parametrize("is_call", [True, False])
def test_a_margin_call_pays_the_pool_first(blank: Callable[..., Any], books: Any, is_call: bool) -> None:
    bench = world, venue, p, events = blank(
        **SETTINGS, force_close_shock=1.2, short_keeper_share=0.1, short_treasury_share=0.3
    )
    sell(bench, is_call, 10.0, 1200.0)
    totals = books.cash(world)
    short_liquidation.check_margins(world, venue, 0, events, p)
    # bought back at 1.2 times the vol that the buy-back itself moves; a tenth of what is left is the penalty
    skew = 1.0 + p.skew_impact * 10.0 * 1000.0 / p.standard_size / 100.0
    owed = 10.0 * call_and_put(1000.0, 1000.0, WEEK_YEARS, 0.7 * skew * 1.2, 0.03)[0 if is_call else 1]
    penalty = 0.1 * (1200.0 - owed)
    assert 0.0 < owed < 1200.0
    assert venue.option_cash == pytest.approx(owed + 0.6 * penalty)
    assert venue.treasury_cash == pytest.approx(0.3 * penalty)
    assert world.outside_cash == pytest.approx(0.1 * penalty)
    assert (venue.base_vol[0], venue.skew[0, 0]) == pytest.approx((0.7, skew))
    assert world.trader_cash == pytest.approx(1200.0 - owed - penalty)
    assert gone(venue) and venue.sum_bad_debt == 0.0
    event = events.rows[0]
    assert (event.kind, event.account, event.parent, event.bad_debt) == (EventKind.SHORT_LIQUIDATION, 0, -1, 0.0)
    assert event.repaid == pytest.approx(owed) and event.seized == 0.0
    assert books.cash(world) == pytest.approx(totals)


def test_the_pool_bears_a_shortfall(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(
        **SETTINGS, force_close_shock=1.0, short_least_fee=0.0, forced_spot_share=0.0, skew_impact=0.0
    )
    sell(bench, True, 10.0, 1200.0)
    venue.oracle_price = 1300.0
    mark(bench)
    totals = books.cash(world)
    short_liquidation.check_margins(world, venue, 0, events, p)
    owed = 10.0 * float(venue.mark_call[0, 0])
    assert owed > 3000.0
    assert venue.option_cash == 1200.0 and venue.treasury_cash == 0.0 and world.trader_cash == 0.0
    assert venue.sum_bad_debt == events.rows[0].bad_debt == pytest.approx(owed - 1200.0)
    assert books.cash(world) == pytest.approx(totals)


def test_a_price_move_that_only_the_oracle_made_has_a_parent(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    world.num_events, venue.parent_serial = 5, 3
    sell(bench, True, 10.0, minimum_collateral(1000.0, 1000.0, WEEK_YEARS, True, 10.0, p) * 1.01)
    venue.oracle_price = 1100.0  # the tape stands at 1,000, where the margin would still do
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert events.rows[0].parent == 3


def test_coin_is_sold_through_the_pool_and_moves_it(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**SETTINGS, short_static_coin=0.0, lasting_share=0.3)
    sell(bench, True, 10.0, coin=1.0)  # worth 1,000, and 10 calls need more than that
    cash, coin, before = books.cash(world), books.coin(world), world.pool_cash / world.pool_coin
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert gone(venue)
    event = events.rows[0]
    assert 0.0 < event.seized <= 1.0 and event.repaid > 0.0
    # what was raised is what the sale brought after the pool's fee
    received = 1e6 * event.seized / (1e3 + event.seized) * (1.0 - p.pool_fee)
    raised = venue.option_cash + venue.treasury_cash + world.outside_cash - 1e6 * event.seized / (
        1e3 + event.seized) * p.pool_fee  # fmt: skip
    assert raised == pytest.approx(received)
    assert world.pool_cash / world.pool_coin < before and world.lasting_impact < 0.0 and venue.impact_serial == 0
    assert world.outside_coin == pytest.approx(1.0 - event.seized)  # the rest is the seller's again
    assert (books.cash(world), books.coin(world)) == pytest.approx((cash, coin))


def test_a_pledge_gives_what_the_loan_leaves_and_the_loan_comes_first(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, True, 10.0)
    pledge(bench, collateral=20.0, debt=18_000.0)  # at 83% it leaves nothing: the margin is gone
    cash, coin = books.cash(world), books.coin(world)
    senior = 18_000.0 * (1.0 + venue.liquidation_bonus) / 1000.0
    owed = short_liquidation.forced_terms(world, venue, buy_back(venue, 0), p)[0]
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert gone(venue) and venue.health_stale == 1
    assert venue.account_collateral[0] >= senior - 1e-12  # 18.9 coins stay for the lending market
    assert events.rows[0].seized == pytest.approx(20.0 - venue.account_collateral[0])
    # what it took paid for part of the position at most; the pool bears the rest
    assert venue.sum_bad_debt == pytest.approx(max(owed - events.rows[0].repaid, 0.0))
    assert (books.cash(world), books.coin(world)) == pytest.approx((cash, coin))


def test_a_pledge_that_covers_leaves_the_rest_with_the_loan(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, True, 10.0)
    pledge(bench, collateral=100.0, debt=82_000.0)
    owed = short_liquidation.forced_terms(world, venue, buy_back(venue, 0), p)[0]
    short_liquidation.check_margins(world, venue, 0, events, p)
    assert gone(venue) and venue.sum_bad_debt == pytest.approx(0.0, abs=1e-6)
    assert events.rows[0].repaid == pytest.approx(owed, rel=1e-9)
    # a loan that stood is nearer to liquidation than before: an option's loss has reached the lending market
    assert venue.account_collateral[0] < 100.0


@pytest.mark.parametrize(
    ("is_call", "spot", "owed"), [(True, 1040.0, 400.0), (True, 960.0, 0.0), (False, 960.0, 400.0), (True, 1500.0, 5e3)]
)
def test_sellers_settle_from_their_collateral(
    blank: Callable[..., Any], books: Any, is_call: bool, spot: float, owed: float
) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, is_call, 10.0, 1200.0)
    venue.oracle_price = spot
    totals = books.cash(world)
    received = short_liquidation.settle_shorts(world, venue, 0, 0, spot, events, p)
    paid = min(owed, 1200.0)
    assert received == pytest.approx(paid)
    assert venue.option_cash == pytest.approx(paid) and world.trader_cash == pytest.approx(1200.0 - paid)
    assert gone(venue)
    assert venue.sum_bad_debt == pytest.approx(owed - paid)
    assert world.num_events == (owed > paid)
    assert books.cash(world) == pytest.approx(totals)


def test_a_covered_call_is_settled_by_selling_its_coin(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, True, 10.0, coin=10.0)
    venue.oracle_price = 1040.0
    totals = books.cash(world), books.coin(world)
    assert short_liquidation.settle_shorts(world, venue, 0, 0, 1040.0, events, p) == pytest.approx(400.0, rel=1e-9)
    event = events.rows[0]
    assert (event.kind, event.parent, event.bad_debt) == (EventKind.SETTLEMENT_SALE, -1, 0.0)
    assert world.outside_coin == pytest.approx(10.0 - event.seized) and venue.sum_bad_debt == 0.0
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals)


def test_other_expiries_do_not_settle(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**SETTINGS)
    sell(bench, True, 10.0, 1200.0)
    assert short_liquidation.settle_shorts(world, venue, 0, 1, 1000.0, events, p) == 0.0
    assert venue.short_contracts[0] == 10.0 and world.trader_cash == 0.0


@pytest.mark.parametrize("cash", [1.0, 1e3, 1e5])
def test_coin_for_cash_brings_that_cash(blank: Callable[..., Any], cash: float) -> None:
    world, _, p, _ = blank()
    coin = short_liquidation.coin_for_cash(world, cash, p.pool_fee)
    received, _ = sell_to_pool(world, coin, p.pool_fee)
    assert received == pytest.approx(cash, rel=1e-12)


def test_no_sale_takes_more_than_half_of_the_pools_cash(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank()
    assert short_liquidation.coin_for_cash(world, 1e12, p.pool_fee) == pytest.approx(1e3)
