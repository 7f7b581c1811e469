"""The options AMM: what a trade moves and costs, what the book is worth, who is paid at expiry and with what."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from protogov.envs.world import options, surface
from protogov.envs.world.attribution import fair_nav, mark_fair_book
from protogov.envs.world.population.option_trades import fill, offer
from protogov.envs.world.ticket import Ticket

WEEK = 168 * 12  # sub-steps
STRIKES = (900.0, 1000.0, 1100.0)
SETTINGS: dict[str, float] = {
    "interest_rate": 0.03,
    "standard_size": 400e3,
    "skew_impact": 0.3,
    "surface_skew": -0.25,
    "skew_shift_width": 0.2,
    "option_fee": 0.005,
    "spot_fee": 0.0003,
    "vega_fee_rate": 0.3,
    "variance_fee": 0.0,
}


def black_scholes(spot: float, strike: float, years: float, vol: float, rate: float = 0.03) -> dict[str, float]:
    """Prices and greeks with scipy's normal distribution."""
    deviation = vol * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate + vol * vol / 2) * years) / deviation
    d2 = d1 - deviation
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    call = spot * special.ndtr(d1) - strike * math.exp(-rate * years) * special.ndtr(d2)
    return {
        "call": call,
        "put": call - spot + strike * math.exp(-rate * years),
        "delta": special.ndtr(d1),
        "gamma": density / (spot * deviation),
        "vega": spot * density * math.sqrt(years),
    }


def grid(bench: Any, cash: float = 1e6, lent: float = 0.0) -> None:
    """Two expiries, in one week and in two, with three strikes, flat at 70%, and a pool with money."""
    world, venue, p, _ = bench
    venue.num_expiries, venue.num_strikes = 2, 3
    for e in range(2):
        venue.expiry[e], venue.base_vol[e] = (e + 1) * WEEK, 0.7
        for k, strike in enumerate(STRIKES):
            venue.strike[e, k], venue.skew[e, k] = strike, 1.0
    venue.next_expiry = WEEK
    venue.option_cash, venue.option_scaled, venue.scaled_deposits = cash, lent, lent
    venue.cash = lent
    venue.last_nav = cash + lent
    options.mark_book(world, venue, p)


# ---------------------------------------------------------------- a trade


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_trade_is_priced_at_the_vol_after_it(blank: Callable[..., Any], is_call: bool, sign: float) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench)
    venue.half_spread, venue.vega_fee, venue.skew_shift = 0.02, 2.0, 0.03
    venue.net_standard_vega = -500.0
    size, years = 30.0, 168.0 / 8760.0
    ticket = Ticket(0, 0, is_call, size, sign)
    total, fees, vol, base, skew, delta, vega = options.trade_terms(world, venue, ticket, p)
    move = sign * size / 400.0 / 100.0
    assert (base, skew) == pytest.approx((0.7 + move, 1.0 + 0.3 * move), rel=1e-14)
    assert vol == pytest.approx(base * skew + 0.03 * math.log(10.0 / 9.0) / 0.2 + sign * 0.02, rel=1e-12)
    priced = black_scholes(1000.0, 900.0, years, vol)
    assert (delta, vega) == pytest.approx((priced["delta"], priced["vega"]), rel=1e-10)
    premium = priced["call" if is_call else "put"] * size
    expected = 0.005 * premium + 0.0003 * 1000.0 * size
    if sign > 0.0:  # the pool is short vega already and sells more of it
        post = 500.0 + size * priced["vega"] / 100.0 * math.sqrt(30.0 / 7.0)
        expected += 2.0 * 0.3 * vol * post / venue.last_nav * size * 1000.0
    assert fees == pytest.approx(expected, rel=1e-10)
    assert total == pytest.approx(premium + sign * fees, rel=1e-10)


def test_a_seller_never_pays_to_sell(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS | {"spot_fee": 0.5})
    grid(bench)
    total, fees, *_ = options.trade_terms(world, venue, Ticket(0, 2, True, 10.0, -1.0), p)
    assert total == 0.0 and fees > 0.0
    total_of_a_buyer, charged, *_ = options.trade_terms(world, venue, Ticket(0, 2, True, 10.0, 1.0), p)
    assert charged == pytest.approx(0.5 * 1000.0 * 10.0, rel=0.1) and total_of_a_buyer > charged


@given(
    e=st.integers(0, 1), k=st.integers(0, 2), is_call=st.booleans(), size=st.floats(0.1, 2000.0),
    spread=st.floats(0.0025, 0.12), first=st.sampled_from([1.0, -1.0]), fee=st.floats(0.0, 4.0),
)  # fmt: skip
def test_a_round_trip_never_pays(
    blank: Callable[..., Any], e: int, k: int, is_call: bool, size: float, spread: float, first: float, fee: float
) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench, cash=1e9)
    venue.half_spread, venue.vega_fee = spread, fee
    money = 0.0
    for sign in (first, -first):
        terms = options.trade_terms(world, venue, Ticket(e, k, is_call, size, sign), p)
        surface.move_surface(world, venue, e, k, terms.base, terms.skew)
        money -= sign * terms.total
    assert money <= 1e-9 * size
    # the surface is where it was, unless a vol met its bounds on the way
    if size < 1000.0:
        assert (venue.base_vol[e], venue.skew[e, k]) == pytest.approx((0.7, 1.0))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_fill_moves_money_contracts_and_surface(blank: Callable[..., Any], books: Any, sign: float) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench)
    venue.long_calls[0, 1] = 50.0
    totals = books.cash(world)
    ticket = Ticket(0, 1, True, 20.0, sign)
    terms = options.trade_terms(world, venue, ticket, p)
    assert fill(world, venue, ticket, terms, False, p)
    assert venue.long_calls[0, 1] == 50.0 + sign * 20.0
    assert venue.option_cash == pytest.approx(1e6 + sign * terms.total)
    assert world.trader_cash == pytest.approx(-sign * terms.total)
    assert (venue.base_vol[0], venue.skew[0, 1]) == (terms.base, terms.skew) and venue.skew[0, 0] == 1.0
    assert books.cash(world) == pytest.approx(totals)
    # the edge is what was paid beyond the tape's fair value, whatever the pool's own marks
    fair = black_scholes(1000.0, 1000.0, 168.0 / 8760.0, 0.7)["call"] * 20.0
    assert venue.sum_edge == pytest.approx(sign * (terms.total - fair), rel=1e-9)
    assert venue.sum_option_fees == terms.fees and venue.sum_option_contracts == 20.0


def test_a_pool_without_money_buys_nothing(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench, cash=10.0)
    venue.vega_fee = 0.0
    venue.long_calls[0, 1] = 50.0
    ticket = Ticket(0, 1, True, 20.0, -1.0)
    assert not fill(world, venue, ticket, options.trade_terms(world, venue, ticket, p), False, p)
    assert venue.long_calls[0, 1] == 50.0 and venue.option_cash == 10.0 and venue.base_vol[0] == 0.7


def test_where_the_pool_quotes(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, min_delta=0.15, trading_cutoff=6.0)
    grid(bench)
    assert options.quotable(world, venue, 0, 0.5, 0.7, 1.0, p)
    assert options.quotable(world, venue, 0, 0.15, 0.7, 1.0, p) and options.quotable(world, venue, 0, 0.85, 0.7, 1.0, p)
    assert not options.quotable(world, venue, 0, 0.149, 0.7, 1.0, p)
    assert not options.quotable(world, venue, 0, 0.851, 0.7, 1.0, p)
    for base, skew in ((0.049, 1.1), (5.01, 0.9), (1.0, 0.19), (0.5, 5.1), (0.06, 0.5), (3.0, 2.0)):
        assert not options.quotable(world, venue, 0, 0.5, base, skew, p), (base, skew)
    world.substep = WEEK - 6 * 12 - 1
    assert options.quotable(world, venue, 0, 0.5, 0.7, 1.0, p)
    world.substep += 1
    assert not options.quotable(world, venue, 0, 0.5, 0.7, 1.0, p)
    assert options.quotable(world, venue, 1, 0.5, 0.7, 1.0, p)


def test_what_may_be_opened(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, min_delta=0.15, position_cap=0.5)
    grid(bench)  # a value of 1M: at most 500 contracts at 1,000 a node
    venue.long_calls[0, 1] = 400.0
    assert offer(world, venue, Ticket(0, 1, True, 100.0, 1.0), p)[0]
    assert not offer(world, venue, Ticket(0, 1, True, 101.0, 1.0), p)[0]
    venue.oracle_price = 2000.0  # deep in the money: nothing opens, and what is held closes by force
    assert not offer(world, venue, Ticket(0, 1, True, 1.0, 1.0), p)[0]
    sale = Ticket(0, 1, True, 10.0, -1.0)
    offered, terms = offer(world, venue, sale, p)
    assert offered and (terms.total, terms.vol, terms.skew) == options.forced_terms(world, venue, sale, p)
    assert (terms.fees, terms.base) == (0.0, venue.base_vol[0])
    venue.last_nav, venue.oracle_price = -5.0, 1000.0
    assert not offer(world, venue, Ticket(0, 1, True, 1.0, 1.0), p)[0]


def test_the_pool_writes_what_its_free_liquidity_can_lock(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, position_cap=100.0, lock_share=0.5, vega_limit=1e9)
    grid(bench, cash=1e5)
    world.depth = 1e12
    total = options.trade_terms(world, venue, Ticket(0, 1, True, 100.0, 1.0), p)[0]
    # 100 calls lock half of 100 coins; the premium is the pool's before it locks them
    venue.option_cash = 5e4 - total + 1.0
    assert offer(world, venue, Ticket(0, 1, True, 100.0, 1.0), p)[0]
    venue.option_cash -= 2.0
    assert not offer(world, venue, Ticket(0, 1, True, 100.0, 1.0), p)[0]
    # what is lent and the hedge's coin count, what is locked or owed does not
    venue.option_cash, venue.option_scaled, venue.supply_index, venue.hedge_coin = 100.0, 200.0, 1.5, 2.0
    venue.locked, venue.option_unpaid = 30.0, 7.0
    assert options.free_liquidity(venue) == pytest.approx(100.0 + 300.0 + 2000.0 - 37.0)
    # a sale to the pool locks nothing
    venue.long_calls[0, 1], venue.locked = 100.0, 1e9
    assert offer(world, venue, Ticket(0, 1, True, 100.0, -1.0), p)[0]


@pytest.mark.parametrize("limit", ["gamma", "vega"])
def test_no_trade_takes_gamma_or_vega_beyond_its_limit(blank: Callable[..., Any], limit: str) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, lock_share=0.0)
    grid(bench)
    years, vol = WEEK / 12.0 / 8760.0, 0.7
    one = black_scholes(1000.0, 1000.0, years, vol)
    if limit == "gamma":
        # what a move of 1% makes the hedge trade, over the depth of 1%
        most = p.gamma_limit * world.depth / (one["gamma"] * 1000.0**2 * 0.01)
        p.vega_limit = 1e9
    else:
        most = p.vega_limit * venue.last_nav / (one["vega"] * math.sqrt(30.0 / 7.0) / 100.0)
        p.gamma_limit = 1e9
    for contracts, allowed in ((most * 0.999, True), (most * 1.001, False)):
        for sign in (1.0, -1.0):
            ticket = Ticket(0, 1, True, contracts, sign)
            assert options.within_limits(world, venue, ticket, vol, one["vega"], p) == allowed
    # a trade that brings the book back is always allowed
    venue.net_gamma, venue.net_standard_vega = -1e3, -1e9
    assert options.within_limits(world, venue, Ticket(0, 1, True, 1.0, -1.0), vol, one["vega"], p)
    assert not options.within_limits(world, venue, Ticket(0, 1, True, 1.0, 1.0), vol, one["vega"], p)


def test_the_spread_widens_with_the_gain_of_the_hedge_on_the_side_that_adds_gamma(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, gamma_widening=0.5)
    grid(bench)
    venue.hedge_gain, venue.half_spread = 0.8, 0.02
    venue.net_gamma = -1.0  # short: who buys makes it shorter
    assert options.half_spread_for(venue, 1.0, p) == pytest.approx(0.02 * 1.4)
    assert options.half_spread_for(venue, -1.0, p) == 0.02
    venue.net_gamma = 1.0
    assert options.half_spread_for(venue, -1.0, p) == pytest.approx(0.02 * 1.4)
    assert options.half_spread_for(venue, 1.0, p) == 0.02


@pytest.mark.parametrize("is_call", [True, False])
def test_a_forced_closing_is_the_worse_of_spot_and_average(blank: Callable[..., Any], is_call: bool) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, force_close_shock=1.2, force_close_discount=0.8)
    grid(bench)
    world.substep = 120  # ten hours at 0.7, and now the base vol is pushed to 0.9
    surface.move_surface(world, venue, 0, 1, 0.9, 1.0)
    years = (WEEK - 120) / 12.0 / 8760.0
    move = 8.0 / 400.0 / 100.0 * 0.3
    dear, dear_vol, dear_skew = options.forced_terms(world, venue, Ticket(0, 1, is_call, 8.0, 1.0), p)
    cheap, cheap_vol, cheap_skew = options.forced_terms(world, venue, Ticket(0, 1, is_call, 8.0, -1.0), p)
    # who is short pays at the pushed vol, who is long is paid at the average one: a push earns nothing
    assert dear_vol == pytest.approx(0.9 * (1.0 + move) * 1.2) and cheap_vol == pytest.approx(0.7 * 0.8)
    assert (dear_skew, cheap_skew) == pytest.approx((1.0 + move, 1.0 - move))
    name = "call" if is_call else "put"
    assert dear == pytest.approx(8.0 * black_scholes(1000.0, 1000.0, years, dear_vol)[name], rel=1e-9)
    assert cheap == pytest.approx(8.0 * black_scholes(1000.0, 1000.0, years, cheap_vol)[name], rel=1e-9)


def test_without_averages_a_push_decides_forced_closings(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, gwav_on=0.0, force_close_discount=0.8)
    grid(bench)
    world.substep = 120
    surface.move_surface(world, venue, 0, 1, 0.9, 1.0)
    _, vol, skew = options.forced_terms(world, venue, Ticket(0, 1, True, 8.0, -1.0), p)
    assert vol == pytest.approx(0.9 * skew * 0.8)


def test_a_forced_buy_back_costs_parity_and_a_share_of_the_spot(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS, forced_spot_share=0.05)
    grid(bench)
    world.substep = WEEK - 1  # nothing left but the intrinsic value
    owed, _, _ = options.forced_terms(world, venue, Ticket(0, 0, True, 3.0, 1.0), p)
    assert owed == pytest.approx(3.0 * (100.0 + 0.05 * 1000.0))
    brought, _, _ = options.forced_terms(world, venue, Ticket(0, 0, True, 3.0, -1.0), p)
    assert brought == pytest.approx(3.0 * 100.0, rel=1e-3)


# ---------------------------------------------------------------- the book


def fill_book(venue: Any, seed: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    held = {name: rng.uniform(0.0, 60.0, (2, 3)) for name in ("long_calls", "long_puts", "short_calls", "short_puts")}
    for name, value in held.items():
        venue[name][:2, :3] = value
    return held


def test_the_book_is_the_sum_of_its_options(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench)
    held = fill_book(venue)
    venue.base_vol[:2], venue.skew[0, :3], venue.oracle_price, world.substep = (0.6, 0.8), (1.1, 1.0, 0.95), 1030.0, 300
    options.mark_book(world, venue, p)
    delta = gamma = vega = standard = value = 0.0
    for e in range(2):
        for k, strike in enumerate(STRIKES):
            years = ((e + 1) * WEEK - 300) / 12.0 / 8760.0
            one = black_scholes(1030.0, strike, years, venue.base_vol[e] * venue.skew[e, k])
            assert venue.mark_call[e, k] == pytest.approx(one["call"], rel=1e-9)
            assert venue.mark_put[e, k] == pytest.approx(one["put"], rel=1e-9)
            calls = held["short_calls"][e, k] - held["long_calls"][e, k]
            puts = held["short_puts"][e, k] - held["long_puts"][e, k]
            delta += calls * one["delta"] + puts * (one["delta"] - 1.0)
            gamma += (calls + puts) * one["gamma"]
            vega += (calls + puts) * one["vega"]
            standard += (calls + puts) * one["vega"] * math.sqrt(30.0 / max(7.0, years * 365.0)) / 100.0
            value += calls * one["call"] + puts * one["put"]
    assert venue.net_delta == pytest.approx(delta, rel=1e-9)
    assert venue.net_gamma == pytest.approx(gamma, rel=1e-9)
    assert venue.net_vega == pytest.approx(vega, rel=1e-9)
    assert venue.net_standard_vega == pytest.approx(standard, rel=1e-9)
    assert venue.book_value == pytest.approx(value, rel=1e-9)
    assert venue.mark_stale == 0
    # every option that traders hold locks a third of its coin, or of its strike
    locked = held["long_calls"].sum() * 1030.0 + (held["long_puts"] * np.array(STRIKES)).sum()
    assert venue.locked == pytest.approx(p.lock_share * locked)


def test_net_asset_value_is_at_the_tapes_price_and_vols(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(**SETTINGS)
    grid(bench, cash=1e6, lent=2e5)
    held = fill_book(venue)
    venue.hedge_coin, venue.supply_index, venue.option_unpaid = 12.0, 1.1, 3e4
    world.tape_price, world.implied_vol = 950.0, 0.9
    expected = 1e6 + 2e5 * 1.1 + 12.0 * 950.0 - 3e4
    for e in range(2):
        for k, strike in enumerate(STRIKES):
            vol = 0.9 * (1.0 - 0.25 * math.log(strike / 950.0))
            one = black_scholes(950.0, strike, (e + 1) * 168.0 / 8760.0, vol)
            expected += (held["short_calls"][e, k] - held["long_calls"][e, k]) * one["call"]
            expected += (held["short_puts"][e, k] - held["long_puts"][e, k]) * one["put"]
    assert fair_nav(world, venue, mark_fair_book(world, venue, p)) == pytest.approx(expected, rel=1e-9)
    # nobody marks itself: its own surface and the oracle say nothing
    venue.oracle_price, venue.base_vol[:2], venue.skew_shift, venue.half_spread = 2000.0, 3.0, 0.08, 0.12
    assert fair_nav(world, venue, mark_fair_book(world, venue, p)) == pytest.approx(expected, rel=1e-9)


# ---------------------------------------------------------------- money


def test_the_pool_recalls_its_loans_to_pay(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, _ = blank()
    grid(bench, cash=100.0, lent=1000.0)
    venue.supply_index, venue.cash = 1.2, 700.0  # a claim of 1,200, of which 700 can be had
    totals = books.cash(world)
    assert options.pay_from_pool(world, venue, 500.0) == 500.0
    assert (venue.option_cash, world.trader_cash, venue.cash) == pytest.approx((0.0, 500.0, 300.0))
    assert venue.option_scaled == venue.scaled_deposits == pytest.approx(1000.0 - 400.0 / 1.2)
    assert options.pay_from_pool(world, venue, 500.0) == pytest.approx(300.0)  # and no more
    assert (venue.option_cash, world.trader_cash, venue.cash) == pytest.approx((0.0, 800.0, 0.0))
    assert options.pay_from_pool(world, venue, 500.0) == 0.0
    assert books.cash(world) == pytest.approx(totals)


@pytest.mark.parametrize(
    ("cash", "lent", "market", "unpaid", "expected"),
    [
        (1000.0, 0.0, 0.0, 0.0, 50.0),  # wants 500, lends a tenth of what is missing
        (1000.0, 1000.0, 5000.0, 0.0, 1000.0),  # wants 1,000 and has it
        (0.0, 1000.0, 5000.0, 0.0, 950.0),  # wants 500, recalls a tenth of what is too much
        (0.0, 1000.0, 20.0, 0.0, 980.0),  # recalls what there is
        (1000.0, 0.0, 0.0, 2000.0, 0.0),  # owes more than it has
    ],
)
def test_loans_follow_the_wanted_share(
    blank: Callable[..., Any], cash: float, lent: float, market: float, unpaid: float, expected: float
) -> None:
    bench = world, venue, p, _ = blank(lend_share=0.5)
    grid(bench, cash=cash, lent=lent)
    venue.cash, venue.option_unpaid = market, unpaid
    options.rebalance_loans(world, venue, p)
    assert venue.option_scaled == pytest.approx(expected)
    assert venue.option_cash == pytest.approx(cash + lent - expected)
    assert venue.cash == pytest.approx(market + expected - lent)
