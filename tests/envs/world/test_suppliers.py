"""Suppliers: how they answer to rates and fears, the order and the limits of withdrawals, runs and the backstop."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from protogov.envs.world import lending
from protogov.envs.world.population import suppliers
from protogov.envs.world.state import EventKind

RATES = st.floats(0.0, 3.0)


def deposit(bench: Any, claims: list[float], cash: float, rate: float = 0.05) -> None:
    """Suppliers with `claims`, who each would hold 1,000 at a yield of 5% and take an hour to move half of the way."""
    world, venue, p, _ = bench
    count = len(claims)
    venue.num_suppliers = count
    venue.supplier_scaled[:count] = claims
    venue.supplier_size[:count], venue.supplier_premium[:count], venue.supplier_patience[:count] = 1000.0, 0.01, 0.5
    venue.supplier_fear[:count] = 1.0
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
    # at the asked yield the first dollars are worth more to them than they ask for
    assert venue.sum_supplier_surplus > 0.0
    assert books.cash(world) == pytest.approx(totals[0]) and books.lending(venue) == pytest.approx(totals[1])


def test_a_withdrawal_is_limited_by_cash(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**CONTENT)
    deposit(bench, [1400.0, 1400.0], cash=300.0, rate=0.05)
    totals = books.cash(world), books.lending(venue)
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.cash == 0.0
    assert sorted(venue.supplier_scaled[:2]) == pytest.approx([1200.0, 1300.0])
    assert venue.unmet_withdrawals == pytest.approx(100.0)
    assert venue.sum_lockup == pytest.approx(0.25 * 100.0 / 8760.0)
    event = events.rows[0]
    assert (event.kind, event.account, event.bad_debt) == (EventKind.WITHDRAWAL_UNMET, -1, pytest.approx(100.0))
    assert books.cash(world) == pytest.approx(totals[0]) and books.lending(venue) == pytest.approx(totals[1])
    # in a market without cash nobody gets anything, and claims stay
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert sorted(venue.supplier_scaled[:2]) == pytest.approx([1200.0, 1300.0]) and venue.unmet_withdrawals > 100.0


def test_who_comes_first_differs_from_hour_to_hour(blank: Callable[..., Any]) -> None:
    served = np.zeros(4)
    for hour in range(400):
        bench = world, venue, p, events = blank(**CONTENT)
        world.hour = hour
        deposit(bench, [1400.0] * 4, cash=200.0, rate=0.05)  # each asks for 200: one of them gets it
        suppliers.visit_suppliers(world, venue, 0, events, p)
        paid = 1400.0 - venue.supplier_scaled[:4]
        assert sorted(paid) == pytest.approx([0.0, 0.0, 0.0, 200.0])
        served[int(np.argmax(paid))] += 1
    assert (np.abs(served - 100.0) < 4.0 * math.sqrt(400 * 0.25 * 0.75)).all()


def test_fear_grows_with_utilisation_queue_and_losses(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, _ = blank(lockup_fear=0.3, loss_fear=10.0, crash_frequency=2.0, crash_size=0.25)
    deposit(bench, [600.0, 400.0], cash=0.0)
    for utilisation, unmet, expected in ((0.9, 0.0, 0.0), (0.95, 0.0, 0.15), (1.0, 0.0, 0.3), (1.0, 200.0, 0.36)):
        venue.utilisation, venue.unmet_withdrawals = utilisation, unmet
        assert suppliers.fear_of_lockup(venue, p) == pytest.approx(expected)
    assert suppliers.fear_of_loss(world, venue, p) == 0.0
    venue.deficit, venue.supply_index = 20.0, 2.0
    assert suppliers.fear_of_loss(world, venue, p) == pytest.approx(10.0 * 20.0 / 2000.0)
    # a coin of 1,000 USD covers 970 now and 727.50 after a fall by a quarter
    venue.num_accounts = 2
    venue.account_collateral[:2], venue.account_scaled_debt[:2] = 1.0, (700.0, 767.5)
    assert suppliers.fear_of_loss(world, venue, p) == pytest.approx((10.0 * 20.0 + 2.0 * 40.0) / 2000.0)


def test_the_fearful_go_first(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**CONTENT | {"lockup_fear": 0.3})
    deposit(bench, [1000.0] * 3, cash=1000.0)
    venue.supplier_fear[:3] = 0.0, 1.0, 2.0
    venue.utilisation = 0.91
    suppliers.visit_suppliers(world, venue, 0, events, p)
    fearless, average, fearful = venue.supplier_scaled[:3]
    assert fearless == pytest.approx(1000.0) and fearless > average > fearful


def test_loans_close_to_their_collateral_cost_deposits(simulate: Callable[..., Any], hold: Any) -> None:
    """What risk allows reaches the suppliers through a crash that they reckon with, and in no other way."""

    def day(frequency: float, **levers: float) -> tuple[np.ndarray, np.ndarray]:
        """Deposits [USD] at the opening and a day later of 64 markets."""
        simulator = simulate(
            "flat", 64, seed=3, autonomy=0.0, decision_hours=24, defaults=levers,
            parameters={"options_on": 0, "crash_frequency": frequency},
        )  # fmt: skip
        opening = deposits(simulator)
        simulator.step(hold(simulator))
        return opening, deposits(simulator)

    # loans of at most 67.5% survive a fall by a quarter: nobody minds how often it comes
    strict = {"liquidation_threshold": 0.70, "ltv_gap": 0.025}
    assert np.array_equal(day(0.0, **strict), day(1.0, **strict))
    lax = {"liquidation_threshold": 0.92, "ltv_gap": 0.01}
    careless, careful = day(0.0, **lax), day(1.0, **lax)
    opening, later = (np.log(with_fear / without) for with_fear, without in zip(careful, careless, strict=True))
    assert opening.mean() < -0.05 and later.mean() < -0.05
    # the market opens at rest with that fear: were it not, the first day would bring most of the 5% asked for above
    assert opening.mean() == pytest.approx(later.mean(), abs=0.03), (opening.mean(), later.mean())


# ---------------------------------------------------------------- runs and the backstop


def market(simulate: Callable[..., Any], **parameters: float) -> Any:
    """A flat world without options, people as drawn, levers frozen: what suppliers do to each other."""
    settings = {"options_on": 0, "supplier_need": 0.0, "losses_socialised": 0} | parameters
    return simulate("flat", 16, seed=3, autonomy=0.0, decision_hours=6, parameters=settings)


def burn(simulator: Any, share: float) -> None:
    """Write off `share` of everybody's debt, as bad debt does; the treasury has nothing left."""
    for world in simulator.worlds:
        venue = world.venues[0]
        lost = share * venue.scaled_debt
        venue.account_scaled_debt *= 1.0 - share
        venue.scaled_debt -= lost
        venue.deficit += lost * venue.borrow_index
        world.opening_cash -= venue.treasury_cash
        venue.treasury_cash = 0.0


def deposits(simulator: Any) -> np.ndarray:
    venues = simulator.worlds["venues"][:, 0]
    return np.asarray(venues["scaled_deposits"] * venues["supply_index"])


def requests(simulator: Any, hold: Any, shock: float, hours: int = 48) -> list[float]:
    """Share of the deposits before a loss of `shock` of the debt that suppliers want out, met or not, every 6 hours."""
    out = []
    start = deposits(simulator)
    burn(simulator, shock)
    for _ in range(hours // 6):
        simulator.step(hold(simulator))
        left = deposits(simulator) - simulator.worlds["venues"][:, 0]["unmet_withdrawals"]
        out.append(float(np.mean(1.0 - left / start)))
    return out


def test_a_loss_starts_a_run_that_feeds_itself(simulate: Callable[..., Any], hold: Any) -> None:
    # 4% of the debt is burned. Fear of the hole alone, fear of the queue alone, both, and none.
    both = requests(market(simulate, lockup_fear=1.0, loss_fear=10.0), hold, 0.04)
    loss = requests(market(simulate, lockup_fear=0.0, loss_fear=10.0), hold, 0.04)
    calm = requests(market(simulate, lockup_fear=0.0, loss_fear=0.0), hold, 0.04)
    queue = requests(market(simulate, lockup_fear=1.0, loss_fear=0.0), hold, 0.04)
    assert abs(calm[-1]) < 0.05 and abs(queue[-1]) < 0.05
    assert both[-1] > loss[-1] > 0.1, (both, loss)


def test_nobody_is_locked_in_when_the_outside_lends(simulate: Callable[..., Any], hold: Any, books: Any) -> None:
    # The same loss and the same fear of it, with and without the backstop; options on, so that the pool recalls too.
    ends = {}
    for backstop in (0.0, 1.0):
        simulator = market(simulate, loss_fear=30.0, cash_backstop=backstop, options_on=1)
        burn(simulator, 0.05)
        venues = simulator.worlds["venues"][:, 0]
        unmet, owed = [], []
        for _ in range(16):
            simulator.step(hold(simulator))
            unmet.append(np.max(venues["unmet_withdrawals"]))
            owed.append(np.max(venues["backstop"]))
        ends[backstop] = (max(unmet), max(owed), float(np.mean(deposits(simulator))))
        for world in simulator.worlds:
            assert books.lending(world.venues[0]) == pytest.approx(0.0, abs=1e-9 * world.gross_cash)
            assert books.cash(world) == pytest.approx(world.opening_cash, abs=1e-9 * world.gross_cash)
        # the outside is repaid first: there is no cash while it is owed anything
        assert ((venues["backstop"] == 0.0) | (venues["cash"] < 1e-3)).all()
    assert ends[0.0][0] > 1e6 and ends[0.0][1] == 0.0
    assert ends[1.0][0] == 0.0 and ends[1.0][1] > 1e6
    assert ends[1.0][2] < ends[0.0][2]  # who wanted to leave has left


def test_surplus_is_the_area_below_the_rate_up_to_the_claim_that_is_met(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**CONTENT | {"supplier_need": 1.0})
    # both want a tenth, and there is cash for neither to get all that it asks for
    deposit(bench, [1000.0, 500.0], cash=300.0, rate=0.07)
    suppliers.visit_suppliers(world, venue, 0, events, p)
    request, claim = venue.supplier_request[:2], venue.supplier_scaled[:2]
    assert venue.unmet_withdrawals == pytest.approx(request.sum()) and (request > 0.0).any()
    expected = 0.0
    for j in range(2):
        met, most = claim[j] - request[j], 1.5 * venue.supplier_size[j]
        area, _ = quad(lambda q, most=most: 0.15 * (0.5 * q / (most - q)) ** (1 / 12) - 0.1, 0.0, met)
        expected += 0.07 * met - area
    assert venue.sum_supplier_surplus == pytest.approx(expected / 8760.0, rel=1e-3)
    # what is asked for and not paid is charged once, and earns nothing
    assert venue.sum_lockup == pytest.approx(0.25 * request.sum() / 8760.0)
    assert venue.supplier_gain[:2].sum() == pytest.approx(venue.sum_supplier_surplus - venue.sum_lockup)


@pytest.mark.parametrize(("need", "hours"), [(0.0, [-1, 7]), (1.0, [-1, -1])])
def test_who_wants_less_than_half_is_gone_and_who_needs_its_money_is_not(
    blank: Callable[..., Any], need: float, hours: list[int]
) -> None:
    bench = world, venue, p, events = blank(**CONTENT | {"supplier_need": need})
    deposit(bench, [1000.0, 1000.0], cash=2000.0)
    venue.supplier_opening[:2], venue.supplier_out[:2] = (1000.0, 1500.0 if need else 3000.0), -1
    world.hour = 7
    suppliers.visit_suppliers(world, venue, 0, events, p)
    world.hour = 8
    suppliers.visit_suppliers(world, venue, 0, events, p)
    assert venue.supplier_out[:2].tolist() == hours
    assert need == 0.0 or venue.supplier_scaled[1] < 750.0


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


def test_the_last_to_leave_leaves_nothing_behind_whatever_the_units(blank: Callable[..., Any]) -> None:
    # after a haircut of nearly everything a dollar is millions of units, and their rounding is no small number
    rng = np.random.default_rng(5)
    for _ in range(50):
        bench = world, venue, _, _ = blank(**CONTENT)
        deposit(bench, list(rng.uniform(1e6, 1e8, 12)), cash=1e10)
        venue.supply_index = rng.uniform(1e-7, 1e-6)
        units = venue.supplier_scaled[:12].copy() / venue.supply_index
        venue.supplier_scaled[:12], venue.scaled_deposits = units, 0.0
        for unit in units:
            venue.scaled_deposits += unit
        for j in rng.permutation(12):
            lending.supply(world, venue, j, -venue.supplier_scaled[j] * venue.supply_index)
            assert venue.supplier_scaled[j] >= 0.0 and venue.scaled_deposits >= 0.0


def test_a_slump_calls_suppliers_money_elsewhere(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(supplier_need=0.2, supplier_flight=4.0)
    venue.high_week = 1000.0

    def in_need(price: float) -> float:
        venue.oracle_price = price
        seen = []
        for hour in range(0, 4800, 48):
            world.hour = hour
            seen += [suppliers.needs_money(world, venue, j, p) for j in range(16)]
        return float(np.mean(seen))

    # .2 whatever the price, and 4 times the part of the fall beyond 8%
    assert in_need(1000.0) == in_need(925.0) == pytest.approx(0.2, abs=0.03)
    assert in_need(820.0) == pytest.approx(0.6, abs=0.04)
    assert in_need(700.0) == 1.0


def test_nobody_waits_for_more_than_all_there_is(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(lockup_fear=0.25, loss_fear=10.0)
    venue.supply_index, venue.scaled_deposits, venue.utilisation = 1.0, 0.0, 1.0
    venue.unmet_withdrawals = venue.deficit = 1e6
    # where nothing is left to be a share of, all of it is gone: twice the fear of lock-up, the whole fear of loss
    assert suppliers.fear_of_lockup(venue, p) == pytest.approx(0.5)
    assert suppliers.fear_of_loss(world, venue, p) == pytest.approx(10.0)
    venue.scaled_deposits = 4e6
    assert suppliers.fear_of_loss(world, venue, p) == pytest.approx(2.5)
