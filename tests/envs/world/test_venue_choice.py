"""Two venues: who chooses what, in closed form, by hand, and in whole worlds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import lending
from protogov.envs.world.population import borrowers, suppliers, venue_choice
from protogov.envs.world.state import MAX_ACCOUNTS

ODDS = st.floats(-5.0, 5.0)


# ---------------------------------------------------------------- the choice


@given(advantage=st.floats(-1.0, 1.0), taste=ODDS, steepness=st.floats(0.0, 1e4))
def test_shares_are_a_logit_and_add_up(advantage: float, taste: float, steepness: float) -> None:
    here = venue_choice.preferred_share(advantage, taste, steepness)
    there = venue_choice.preferred_share(-advantage, -taste, steepness)
    assert here + there == pytest.approx(1.0, abs=1e-15)
    odds = taste + steepness * advantage
    if abs(odds) < 30.0:
        assert math.log(here / there) == pytest.approx(odds, abs=1e-6 * math.exp(abs(odds) / 2))
    else:
        assert here == pytest.approx(1.0 if odds > 0.0 else 0.0, abs=1e-12)


def test_one_point_of_rate_by_hand() -> None:
    # a point of rate at 50 per 1.00 is half a unit of log odds: 1 / (1 + e^-0.5)
    assert venue_choice.preferred_share(0.01, 0.0, 50.0) == pytest.approx(0.6224593, abs=1e-7)
    assert venue_choice.preferred_share(0.3, 0.0, 0.0) == 0.5


def test_a_borrower_compares_rates_and_loan_to_values(blank: Callable[..., Any]) -> None:
    world = blank(2).world
    here, there = world.venues[0], world.venues[1]
    here.borrow_rate, there.borrow_rate = 0.05, 0.07
    here.loan_to_value = there.loan_to_value = 0.8
    assert venue_choice.borrowing_advantage(here, there, 0.09) == pytest.approx(0.02)
    # at 4 points of surplus here and 2 there, half the loan-to-value is what makes up for half the surplus
    here.loan_to_value, there.loan_to_value = 0.4, 0.8
    assert venue_choice.borrowing_advantage(here, there, 0.09) == pytest.approx(0.0, abs=1e-15)
    here.loan_to_value = 0.5
    assert venue_choice.borrowing_advantage(here, there, 0.09) > 0.0


# ---------------------------------------------------------------- borrowers move


def pair(blank: Callable[..., Any], debts: tuple[float, float] = (4000.0, 0.0), cash: float = 1e6, **p: float) -> Any:
    """Two venues with `cash`; account 0 holds 10 coins at the first and 2 at the second, against `debts`."""
    bench = blank(2, **{"leverage_buying": 0.0} | p)
    for v, collateral in ((0, 10.0), (1, 2.0)):
        venue = bench.world.venues[v]
        venue.num_accounts = venue.num_suppliers = 1
        venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = collateral, debts[v], debts[v]
        venue.cash = cash
        venue.supplier_scaled[0] = venue.scaled_deposits = cash + debts[v]
        venue.account_reservation_rate[0], venue.account_leverage[0], venue.account_safety[0] = 0.09, 0.9, 1.1
        venue.account_share[0], venue.account_level[0], venue.account_offset[0] = 0.5, 0.5 * (v == 0), 0.5
        venue.account_venue_offset[0], venue.account_wallet[0] = 0.5, 4.0 * (v == 0)
        venue.borrow_rate = 0.05
    return bench


def everything(books: Any, world: Any) -> list[float]:
    wallets = sum(float(venue.account_wallet[0] + venue.account_home[0]) for venue in world.venues)
    lendings = [books.lending(venue) for venue in world.venues]
    return [books.cash(world), books.coin(world), wallets, *lendings, float(world.outside_cash + world.outside_coin)]


def test_refinancing_by_hand(blank: Callable[..., Any], books: Any) -> None:
    world, here, p, _ = pair(blank)
    there = world.venues[1]
    before = everything(books, world)
    assert venue_choice.refinance(world, here, there, 0, 0.25)
    # a quarter of 4,000 USD, of 10 coins and of a wallet of 4
    assert (here.account_scaled_debt[0], there.account_scaled_debt[0]) == pytest.approx((3000.0, 1000.0))
    assert (here.account_collateral[0], there.account_collateral[0]) == pytest.approx((7.5, 4.5))
    assert (here.account_wallet[0], there.account_wallet[0]) == pytest.approx((3.0, 1.0))
    assert (here.cash, there.cash) == pytest.approx((1e6 + 1000.0, 1e6 - 1000.0))
    assert there.account_level[0] == 0.5  # whoever owed nothing there wants there what it wants here
    assert (here.sum_net_borrow, there.sum_net_borrow) == pytest.approx((-1000.0, 1000.0))
    assert everything(books, world) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "value"),
    [("cash", 900.0), ("loan_to_value", 0.2), ("liquidation_threshold", 0.24)],
)
def test_a_move_is_made_whole_or_not_at_all(blank: Callable[..., Any], change: str, value: float) -> None:
    # 1,000 USD against 4.5 coins there: it needs that cash, 22.2% of loan-to-value, and 1.1 * 22.2% of threshold
    world, here, p, _ = pair(blank)
    there = world.venues[1]
    there[change] = value
    before = world.tobytes()
    assert not venue_choice.refinance(world, here, there, 0, 0.25)
    assert world.tobytes() == before
    there[change] = {"cash": 1000.0, "loan_to_value": 0.23, "liquidation_threshold": 0.25}[change]
    assert venue_choice.refinance(world, here, there, 0, 0.25)


@given(
    debt=st.floats(0.0, 8000.0), other=st.floats(0.0, 1600.0), cash=st.floats(0.0, 5000.0), share=st.floats(0.01, 1.0),
    limit=st.floats(0.1, 0.8), index=st.floats(1.0, 2.0),
)  # fmt: skip
def test_moves_conserve_and_leave_healthy_accounts(
    blank: Callable[..., Any], books: Any, debt: float, other: float, cash: float, share: float, limit: float,
    index: float,
) -> None:  # fmt: skip
    world, here, p, _ = pair(blank, (debt, other), cash)
    there = world.venues[1]
    there.loan_to_value, here.borrow_index = limit, index
    before = everything(books, world)
    done = venue_choice.refinance(world, here, there, 0, share)
    assert everything(books, world) == pytest.approx(before, abs=1e-6)
    assert here.cash >= 0.0 and there.cash >= -1e-9
    if done and there.account_scaled_debt[0] > other:
        assert there.account_scaled_debt[0] <= limit * there.account_collateral[0] * 1000.0 * (1 + 1e-9)
        assert there.account_collateral[0] * 830.0 >= 1.1 * there.account_scaled_debt[0] * (1 - 1e-9)


def test_a_review_moves_quarters_toward_the_better_venue(blank: Callable[..., Any]) -> None:
    # half of the position here, at equal odds; 2 points dearer here is one unit of log odds: a share of 0.269
    world, here, p, _ = pair(blank, venue_choice=50.0, level_stickiness=0.02)
    there = world.venues[1]
    here.account_venue_offset[0] = 0.8  # 4 * 0.269 + 0.8 is one quarter
    for rate, share in ((0.051, 0.5), (0.07, 0.25), (0.05, 0.25), (2.0, 0.0)):
        here.borrow_rate = rate
        venue_choice.review_venue(world, here, there, 0, p)
        assert (here.account_share[0], there.account_share[0]) == (share, 1.0 - share)
    assert (here.account_collateral[0], there.account_collateral[0]) == (0.0, 12.0)  # half of it twice, so all
    assert (here.account_scaled_debt[0], there.account_scaled_debt[0]) == pytest.approx((0.0, 4000.0))


def test_who_has_left_may_return_at_the_other_venue(blank: Callable[..., Any]) -> None:
    world, here, p, _ = pair(blank, (0.0, 0.0))
    there = world.venues[1]
    for venue in world.venues:
        venue.account_home[0], venue.account_collateral[0] = venue.account_collateral[0], 0.0
        venue.account_level[0] = 0.0
    here.borrow_rate, there.borrow_rate = 0.5, 0.05
    venue_choice.review_venue(world, here, there, 0, p)
    assert (here.account_home[0], there.account_home[0]) == (0.0, 12.0) and world.outside_coin == 0.0
    borrowers.review_rate(world, there, 0, p)
    assert there.account_collateral[0] == 12.0 and there.account_scaled_debt[0] > 0.0
    assert here.account_scaled_debt[0] == 0.0


# ---------------------------------------------------------------- suppliers


def test_suppliers_keep_a_logit_share_of_their_money_here(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = blank(2, venue_choice=50.0)
    venue.supplier_size[0], venue.supplier_taste[0] = 1000.0, 0.4
    share = venue_choice.preferred_share(0.03, 0.4, 50.0)
    assert suppliers.money_for(world, venue, 0, 0.03, p) == pytest.approx(2.0 * 1000.0 * share)
    world.num_venues = 1
    assert suppliers.money_for(world, venue, 0, 0.03, p) == 1000.0


@pytest.mark.parametrize(("choice", "moved"), [(50.0, True), (0.0, False)])
def test_what_is_locked_in_there_cannot_come_here(blank: Callable[..., Any], choice: float, moved: bool) -> None:
    paid_in = []
    for stuck in (0.0, 300.0, 1e6):
        world, venue, p, events = blank(2, venue_choice=choice, supplier_need=0.0)
        venue.num_suppliers = 1
        venue.supplier_size[0], venue.supplier_patience[0], world.outside_yield = 1000.0, 0.5, 0.04
        venue.supplier_scaled[0] = venue.scaled_deposits = 500.0
        venue.supply_rate = world.venues[1].supply_rate = 0.04
        world.venues[1].supplier_request[0] = stuck
        suppliers.visit_suppliers(world, venue, 0, events, p)
        paid_in.append(float(venue.supplier_scaled[0]) - 500.0)
    assert paid_in == pytest.approx([250.0, 100.0, 0.0] if moved else [250.0] * 3)


# ---------------------------------------------------------------- whole worlds


def rivals(simulate: Callable[..., Any], worlds: int, **parameters: float) -> Any:
    """Two venues whose only link is that the same people use both: a flat price, no options, no levered purchases."""
    settings = {"options_on": 0, "leverage_buying": 0.0} | parameters
    return simulate("flat", worlds, seed=40, venues=2, autonomy=0.0, decision_hours=24, parameters=settings)


def money(simulator: Any) -> tuple[np.ndarray, np.ndarray]:
    """Debt and deposits [world, venue] in USD."""
    venues = simulator.worlds["venues"]
    debt = np.asarray(venues["scaled_debt"] * venues["borrow_index"])
    return debt, np.asarray(venues["scaled_deposits"] * venues["supply_index"])


def days(simulator: Any, hold: Any, count: int) -> Any:
    for _ in range(count):
        simulator.step(hold(simulator))
    return simulator


def test_one_person_with_two_accounts(simulate: Callable[..., Any]) -> None:
    one = simulate("flat", 8, seed=40, parameters={"options_on": 0}).worlds["venues"][:, 0]
    two = rivals(simulate, 8).worlds["venues"]
    for name in ("reservation_rate", "leverage", "safety", "activity", "offset"):
        assert np.array_equal(two[f"account_{name}"][:, 0], one[f"account_{name}"])
        assert np.array_equal(two[f"account_{name}"][:, 0], two[f"account_{name}"][:, 1])
    shares = two["account_share"][:, :, :MAX_ACCOUNTS]  # behind them are the accounts of attackers
    assert (shares.sum(axis=1) == 1.0).all()
    assert np.array_equal(two["account_taste"][:, 0], -two["account_taste"][:, 1])
    position = two["account_collateral"] + two["account_home"]
    alone = one["account_collateral"] + one["account_home"]
    assert position.sum(axis=1) == pytest.approx(2.0 * alone)  # twice the people's position, in quarters
    assert position == pytest.approx(2.0 * alone[:, None] * two["account_share"])
    assert shares.mean(axis=(0, 2)) == pytest.approx([0.5, 0.5], abs=0.03)
    assert np.array_equal(two["supplier_size"][:, 0], one["supplier_size"])
    assert np.array_equal(two["supplier_premium"][:, 0], two["supplier_premium"][:, 1])


def test_a_cheaper_venue_draws_debt_and_a_better_paid_one_draws_money(simulate: Callable[..., Any], hold: Any) -> None:
    base = rivals(simulate, 48)
    cut = base.fork(np.arange(48))
    cut.worlds["venues"]["base_rate"][:, 0] += 0.03
    debt, deposits = money(days(base, hold, 3))
    changed_debt, changed_deposits = money(days(cut, hold, 3))
    gained = np.log(changed_debt / debt)
    # three points dearer at the first: its borrowers leave, and the second gets more than its error
    assert gained[:, 0].mean() < -0.05
    assert gained[:, 1].mean() > 0.03 and gained[:, 1].mean() > 4.0 * gained[:, 1].std() / math.sqrt(48)
    # utilisation rises at the second, and with it what it pays: money follows
    assert np.log(changed_deposits / deposits)[:, 1].mean() > 0.01
    for simulator in (base, cut):
        assert simulator.worlds["book_error"].max() < 1e-12


def test_a_venue_that_pays_more_draws_money_from_the_other(blank: Callable[..., Any]) -> None:
    for rate, sign in ((0.05, 1.0), (0.03, -1.0)):
        held = []
        for choice in (0.0, 50.0):
            world, venue, p, events = blank(2, venue_choice=choice, supplier_need=0.0)
            for v in range(2):
                here = world.venues[v]
                here.num_suppliers, here.supplier_size[0], here.supplier_patience[0] = 1, 1000.0, 0.5
                here.supplier_scaled[0] = here.scaled_deposits = here.cash = 1000.0
                here.supply_rate = 0.04
            world.outside_yield, venue.supply_rate = 0.04, rate
            suppliers.visit_suppliers(world, world.venues[1], 1, events, p)
            held.append(float(world.venues[1].supplier_scaled[0]))
        assert held[0] == pytest.approx(1000.0)  # nobody looks at the other venue
        assert sign * (1000.0 - held[1]) > 50.0


def test_without_a_choice_the_venues_are_strangers(simulate: Callable[..., Any], hold: Any) -> None:
    base = rivals(simulate, 16, venue_choice=0.0)
    cut = base.fork(np.arange(16))
    cut.worlds["venues"]["base_rate"][:, 0] += 0.03
    days(base, hold, 3)
    days(cut, hold, 3)
    ours, theirs = base.worlds["venues"].view(np.ndarray), cut.worlds["venues"].view(np.ndarray)
    assert ours[:, 1].tobytes() == theirs[:, 1].tobytes()  # not a bit of the second venue has changed
    assert ours[:, 0].tobytes() != theirs[:, 0].tobytes()


def test_alike_venues_stay_alike_on_average(simulate: Callable[..., Any], hold: Any) -> None:
    simulator = rivals(simulate, 128)
    for _ in range(3):
        days(simulator, hold, 2)
        for values in money(simulator):
            gap = np.log(values[:, 0] / values[:, 1])
            assert abs(gap.mean()) < 3.5 * gap.std() / math.sqrt(128)
    # and they compete: without the choice the rates of two venues stray farther from each other
    rates = np.asarray(simulator.worlds["venues"]["borrow_rate"])
    strangers = days(rivals(simulate, 128, venue_choice=0.0), hold, 6)
    apart = np.asarray(strangers.worlds["venues"]["borrow_rate"])
    assert np.median(np.abs(rates[:, 0] - rates[:, 1])) < np.median(np.abs(apart[:, 0] - apart[:, 1]))


def test_the_funds_of_a_move_come_from_the_market(blank: Callable[..., Any]) -> None:
    world, here, p, _ = pair(blank)
    there = world.venues[1]
    lending.refresh_rates(there, p)
    before = float(there.borrow_rate)
    assert venue_choice.refinance(world, here, there, 0, 1.0)
    lending.refresh_rates(there, p)
    assert there.borrow_rate > before  # who refinances there makes it dearer there
