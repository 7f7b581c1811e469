"""Liquidations: who, how much, whether it pays, and who bears what is left."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protogov.envs.world import liquidation
from protogov.envs.world.liquidation import (
    bonus_in_force,
    close_factor,
    critical_ltv,
    health_factor,
    protocol_share,
    seizure,
    without_dust,
)
from protogov.envs.world.population import liquidators
from protogov.envs.world.state import EventKind

FREE = {"gas_cost": 0.0, "liquidator_margin": 0.0, "liquidator_margin_congested": 0.0, "pool_fee": 0.0}
# what the rules below are about, whatever the defaults of the day
RULES = {"full_close_health": 0.95, "dust_balance": 2000.0, "dust_leftover": 1000.0, "close_factor": 0.5}


def owe(bench: Any, collateral: float, debt: float, price: float, threshold: float = 0.83, bonus: float = 0.05) -> None:
    """One account, a market with plenty of cash, and the oracle at `price`; the tape agrees with it."""
    world, venue, _, _ = bench
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_collateral[0], venue.account_scaled_debt[0] = collateral, debt
    venue.scaled_debt = debt
    venue.cash = 1e6
    venue.supplier_scaled[0] = venue.scaled_deposits = 1e6 + debt
    venue.liquidation_threshold, venue.liquidation_bonus = threshold, bonus
    venue.oracle_price = world.tape_price = world.outside_price = price


def deepen(world: Any, factor: float) -> None:
    """The same pool price, `factor` times the depth."""
    world.pool_cash *= factor
    world.pool_coin *= factor


# ---------------------------------------------------------------- the rules


def test_health_factor() -> None:
    assert health_factor(10.0, 900.0, 0.83, 8000.0) == pytest.approx(0.93375)
    assert health_factor(0.0, 900.0, 0.83, 8000.0) == 0.0
    assert health_factor(10.0, 900.0, 0.83, 0.0) > 1e15


@pytest.mark.parametrize(
    ("health", "collateral", "debt", "share"),
    [
        (0.951, 1e5, 9e4, 0.5),
        (0.95, 1e5, 9e4, 1.0),
        (0.2, 1e5, 9e4, 1.0),
        (0.99, 1999.0, 9e4, 1.0),
        (0.99, 1e5, 1999.0, 1.0),
        (0.99, 2000.0, 2000.0, 0.5),
    ],
)
def test_close_factor(blank: Callable[..., Any], health: float, collateral: float, debt: float, share: float) -> None:
    _, _, p, _ = blank(**RULES)
    assert close_factor(health, collateral, debt, p) == share


def test_seizure_takes_the_bonus_on_top() -> None:
    assert seizure(10.0, 900.0, 4000.0, 0.05) == pytest.approx((4000.0, 4000.0 / 900.0 * 1.05))
    # all there is, for the debt that it covers
    assert seizure(4.0, 900.0, 4000.0, 0.05) == pytest.approx((4.0 * 900.0 / 1.05, 4.0))


@given(
    collateral=st.floats(0.1, 1e6), price=st.floats(1.0, 1e5), debt=st.floats(1.0, 1e9), bonus=st.floats(0.0, 0.15),
)  # fmt: skip
def test_seizure_never_takes_more_than_there_is(collateral: float, price: float, debt: float, bonus: float) -> None:
    repaid, seized = seizure(collateral, price, debt, bonus)
    assert 0.0 < seized <= collateral and 0.0 < repaid <= debt * (1 + 1e-12)
    assert seized * price == pytest.approx(repaid * (1.0 + bonus), rel=1e-12)


def test_protocol_fee_is_a_share_of_the_bonus_alone() -> None:
    # 1.05 coin seized for one coin's worth: a tenth of the 0.05
    assert protocol_share(1.05, 0.05, 0.1) == pytest.approx(0.005)
    assert protocol_share(1.05, 0.0, 0.1) == 0.0


@pytest.mark.parametrize("bonus", [0.0, 0.05, 0.15])
def test_above_the_critical_loan_to_value_a_liquidation_makes_things_worse(bonus: float) -> None:
    for ltv in (0.8, critical_ltv(bonus) - 1e-6, critical_ltv(bonus) + 1e-6, 1.1):
        repaid, seized = seizure(1.0, 1000.0, 50.0, bonus)
        after = (1000.0 * ltv - repaid) / (1000.0 * (1.0 - seized))
        assert (after > ltv) == (ltv > critical_ltv(bonus))
    assert critical_ltv(0.05) == pytest.approx(0.952381, rel=1e-6)


def test_the_bonus_has_a_switch(blank: Callable[..., Any]) -> None:
    for scale in (0.0, 0.4, 1.0):
        _, venue, p, _ = blank(bonus_scale=scale)
        venue.liquidation_bonus = 0.05
        assert bonus_in_force(venue, p) == pytest.approx(0.05 * scale)


@pytest.mark.parametrize(
    ("repaid", "debt", "collateral", "allowed"),
    [
        (4000.0, 8000.0, 10_000.0, 4000.0),  # plenty is left of both
        (7500.0, 8000.0, 10_000.0, 7000.0),  # 1,000 of debt must stay
        (7000.0, 8000.0, 8000.0, 7000.0 / 1.05),  # 1,000 of collateral must stay: (8,000 - 1,000) / 1.05
        (500.0, 900.0, 5000.0, 0.0),  # there is no thousand of debt: all or nothing
        (500.0, 5000.0, 900.0, 0.0),
    ],
)
def test_dust_on_both_sides(
    blank: Callable[..., Any], repaid: float, debt: float, collateral: float, allowed: float
) -> None:
    _, _, p, _ = blank(**RULES)
    assert without_dust(repaid, debt, collateral, 0.05, p) == pytest.approx(allowed)


# ---------------------------------------------------------------- one liquidation


def test_a_liquidation_in_full(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**FREE, **RULES, protocol_fee=0.1, lasting_share=0.5)
    deepen(world, 100.0)
    owe(bench, collateral=10.0, debt=8000.0, price=900.0)
    world.pool_cash *= 0.9  # 900 a coin: 90M and 100,000
    totals = books.cash(world), books.coin(world), books.lending(venue)
    world.substep, world.num_events = 33, 5
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    # health 0.93 <= 0.95: all of it. 8000 / 900 * 1.05 = 9.3333 coin, of which a tenth of 0.4444 is the protocol's
    sold = 9.333333333333334 - 0.04444444444444444
    assert venue.account_scaled_debt[0] == venue.scaled_debt == 0.0
    assert venue.account_collateral[0] == pytest.approx(10.0 - 9.333333333333334)
    assert venue.treasury_coin == pytest.approx(0.04444444444444444)
    assert venue.cash == pytest.approx(1e6 + 8000.0)
    assert world.pool_coin == pytest.approx(1e5 + sold, rel=1e-14)
    gross = 90e6 * sold / (1e5 + sold)
    assert world.liquidator_cash[0] == pytest.approx(gross - 8000.0)
    assert venue.sum_liquidated == pytest.approx(8000.0)
    assert venue.sum_liquidator_profit == pytest.approx(gross - 8000.0)
    assert venue.sum_liquidation_cost == pytest.approx(400.0)  # the bonus, at the tape's price
    impact = -2.0 * math.log1p(sold / 1e5)
    assert world.lasting_impact == pytest.approx(0.5 * impact, rel=1e-6)
    event = events.rows[0]
    assert (event.kind, event.venue, event.account, event.parent, event.serial) == (EventKind.LIQUIDATION, 0, 0, -1, 5)
    assert (event.substep, event.repaid, event.price, event.bad_debt) == (33, 8000.0, 900.0, 0.0)
    assert event.seized == pytest.approx(9.333333333333334)
    assert world.step_events == 1
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals[:2], rel=1e-13)
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-6)


def test_half_of_the_debt_while_health_is_near_one(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE, **RULES)
    deepen(world, 100.0)
    owe(bench, collateral=10.0, debt=8000.0, price=960.0)  # health 0.996
    world.pool_cash *= 0.96
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == pytest.approx(4000.0)


def test_a_healthy_account_is_left_alone(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=10.0, debt=8000.0, price=964.0)  # health 1.00015
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert not liquidation.any_unhealthy(venue)
    assert liquidators.liquidate_all(world, venue, 0, events, p) == 0
    assert world.num_events == 0


def test_liquidators_skip_what_gas_makes_unprofitable(blank: Callable[..., Any]) -> None:
    for gas, done in ((350.0, True), (400.0, False)):
        bench = world, venue, p, events = blank(
            **(FREE | {"gas_cost": gas}), **RULES, protocol_fee=0.0, gas_congestion=20.0
        )
        deepen(world, 1e6)
        owe(bench, collateral=10.0, debt=8000.0, price=900.0)
        world.pool_cash *= 0.9
        # the bonus of 5% is 400: it pays for a gas of 350 and not of 400
        assert liquidators.liquidate_account(world, venue, 0, 0, events, p) == done
        assert world.num_events == done
        if done:  # gas goes to the miners, outside
            assert world.outside_cash == pytest.approx(gas)
            assert world.liquidator_cash[0] == pytest.approx(400.0 - gas, abs=0.2)


def test_congestion_makes_gas_dear(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(
        **(FREE | {"gas_cost": 35.0}), **RULES, protocol_fee=0.0, gas_congestion=20.0
    )
    deepen(world, 1e6)
    owe(bench, collateral=10.0, debt=8000.0, price=900.0)
    world.pool_cash *= 0.9
    world.congestion = 0.6  # 35 * (1 + 20 * 0.6) = 455 > 400
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)
    world.congestion = 0.5  # 385
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)


def test_liquidators_ask_for_their_margin(blank: Callable[..., Any]) -> None:
    for margin, done in ((0.049, True), (0.051, False)):
        bench = world, venue, p, events = blank(**(FREE | {"liquidator_margin": margin}), **RULES, protocol_fee=0.0)
        deepen(world, 1e6)
        owe(bench, collateral=10.0, debt=8000.0, price=900.0)
        world.pool_cash *= 0.9
        assert liquidators.liquidate_account(world, venue, 0, 0, events, p) == done


def test_in_a_thin_pool_only_the_part_that_pays(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE, **RULES, protocol_fee=0.0)
    owe(bench, collateral=100.0, debt=80_000.0, price=900.0)
    world.pool_cash, world.pool_coin = 9e5, 1e3  # 900 a coin
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    # a coin costs 900 / 1.05; it is fetched until the pool's price has fallen there: 1000 * (sqrt(1.05) - 1) coins
    coin = 1e3 * (math.sqrt(1.05) - 1.0)
    assert events.rows[0].seized == pytest.approx(coin, rel=1e-12)
    assert events.rows[0].repaid == pytest.approx(coin * 900.0 / 1.05, rel=1e-12)
    assert world.pool_cash / world.pool_coin == pytest.approx(900.0 / 1.05, rel=1e-12)
    assert world.liquidator_cash[0] > 0.0
    # and nobody goes on at this price
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)


def test_no_dust_is_left(blank: Callable[..., Any]) -> None:
    # health 0.996, so a half: 900 of 1,800 would be left. Debt under 2,000 is closed in full instead.
    bench = world, venue, p, events = blank(**FREE, **RULES)
    deepen(world, 1e4)
    owe(bench, collateral=2.5, debt=1800.0, price=864.0)
    world.pool_cash *= 0.864
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == 0.0
    # a thin pool pays for 81 of 85 coins, which would leave less than 1,000 of 70,000: a round 1,000 stays instead
    bench = world, venue, p, events = blank(**FREE, **RULES, protocol_fee=0.0)
    owe(bench, collateral=85.0, debt=70_000.0, price=900.0)
    venue.liquidation_bonus = 0.05
    world.pool_cash, world.pool_coin = 9e5 * 3.27, 1e3 * 3.27
    profitable = 3270.0 * (math.sqrt(1.05) - 1.0)
    assert 0.0 < 70_000.0 - profitable * 900.0 / 1.05 < 1000.0
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == pytest.approx(1000.0)


def test_what_no_collateral_covers_is_written_off(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**FREE, **RULES, protocol_fee=0.0)
    deepen(world, 1e6)
    owe(bench, collateral=10.0, debt=8000.0, price=600.0)
    world.pool_cash *= 0.6
    totals = books.cash(world), books.coin(world), books.lending(venue)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    # all 10 coins for 6000 / 1.05 = 5714.29; the other 2285.71 are gone
    assert venue.account_collateral[0] == venue.account_scaled_debt[0] == 0.0
    assert venue.deficit == venue.sum_bad_debt == pytest.approx(8000.0 - 6000.0 / 1.05)
    assert venue.sum_liquidation_cost == pytest.approx(6000.0 - 6000.0 / 1.05)
    assert [event.kind for event in events.rows[:2]] == [EventKind.LIQUIDATION, EventKind.BAD_DEBT]
    assert (events.rows[1].serial, events.rows[1].parent) == (1, 0)  # caused by the sale before it
    assert events.rows[1].bad_debt == venue.deficit
    assert (books.cash(world), books.coin(world)) == pytest.approx(totals[:2], rel=1e-13)
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-6)


def test_an_empty_account_is_written_off_at_once(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**RULES)
    owe(bench, collateral=1e-9, debt=8000.0, price=900.0)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.deficit == pytest.approx(8000.0)
    assert venue.treasury_coin == 1e-9 and venue.account_collateral[0] == 0.0
    assert world.pool_coin == 1e3


@pytest.mark.parametrize(("tape", "parent"), [(965.0, 3), (963.0, -1)])
def test_the_parent_is_who_moved_the_pool_unless_the_tape_suffices(
    blank: Callable[..., Any], tape: float, parent: int
) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=10.0, debt=8000.0, price=950.0)  # unhealthy below 963.86
    world.tape_price = tape
    venue.parent_serial, world.num_events = 3, 9
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert events.rows[0].parent == parent


# ---------------------------------------------------------------- invariants


@given(
    collateral=st.floats(0.5, 2000.0), loan=st.floats(0.7, 1.3), bonus=st.floats(0.0, 0.15),
    threshold=st.floats(0.6, 0.92), depth=st.floats(0.01, 1000.0), pool_gap=st.floats(-0.1, 0.1),
    fee=st.floats(0.0, 0.3), gas=st.floats(0.0, 100.0), congestion=st.floats(0.0, 1.0), index=st.floats(1.0, 2.0),
)  # fmt: skip
@example(
    collateral=12.0, loan=0.7, bonus=0.05, threshold=0.6, depth=1.0, pool_gap=0.0, fee=0.1, gas=10.0, congestion=0.0,
    index=1.0,
)  # fmt: skip
def test_a_liquidation_keeps_its_promises(
    blank: Callable[..., Any], books: Any, collateral: float, loan: float, bonus: float, threshold: float,
    depth: float, pool_gap: float, fee: float, gas: float, congestion: float, index: float,
) -> None:  # fmt: skip
    bench = world, venue, p, events = blank(
        **RULES, gas_cost=gas, gas_congestion=20.0, protocol_fee=fee, pool_fee=0.001, liquidator_margin=0.004
    )
    debt = loan * collateral * 900.0
    owe(bench, collateral, debt / index, 900.0, threshold, bonus)
    venue.borrow_index, venue.supplier_scaled[0] = index, 1e6 + debt
    venue.scaled_deposits = 1e6 + debt
    world.pool_cash, world.pool_coin = 9e5 * depth, 1e3 * depth * math.exp(-pool_gap)
    world.congestion = congestion
    assume(health_factor(collateral, 900.0, threshold, debt) < 1.0)
    totals = books.cash(world), books.coin(world), books.lending(venue)
    done = liquidators.liquidate_account(world, venue, 0, 0, events, p)
    left, owed = float(venue.account_collateral[0]), float(venue.account_scaled_debt[0] * index)
    scale = 1e6 + debt
    assert books.cash(world) == pytest.approx(totals[0], abs=1e-10 * (scale + world.pool_cash))
    assert books.coin(world) == pytest.approx(totals[1], abs=1e-10 * (collateral + world.pool_coin))
    assert books.lending(venue) == pytest.approx(totals[2], abs=1e-10 * scale)
    if not done:
        assert world.num_events == 0 and left == collateral
        return
    first = events.rows[0]
    assert 0.0 <= left < collateral and 0.0 <= owed < debt
    assert venue.treasury_coin >= 0.0 and venue.deficit >= 0.0
    assert venue.sum_liquidator_profit >= -1e-9 * scale  # nobody works at a loss
    # of neither a dust is left beside the other; nothing at all is left beside none
    assert owed == 0.0 or owed >= 1000.0 * (1.0 - 1e-9)
    assert owed == 0.0 or left * 900.0 >= 1000.0 * (1.0 - 1e-9)
    assert left > 0.0 or owed == 0.0
    assert first.seized * 900.0 == pytest.approx(first.repaid * (1.0 + bonus), rel=1e-9)
    # below 1 / (1 + bonus) of the collateral's value the borrower gets healthier, above it a toxic spiral begins
    before, after = debt / (collateral * 900.0), owed / (left * 900.0) if left > 0.0 else 0.0
    if owed > 0.0:
        assert (after <= before + 1e-9) if before <= 1.0 / (1.0 + bonus) else (after >= before - 1e-9)


# ---------------------------------------------------------------- scans


def crowd(bench: Any, seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    world, venue, _, _ = bench
    rng = np.random.default_rng(seed)
    venue.num_accounts = count
    collateral, scaled = rng.uniform(1.0, 50.0, count), rng.uniform(0.0, 40_000.0, count)
    venue.account_collateral[:count], venue.account_scaled_debt[:count] = collateral, scaled
    venue.account_scaled_debt[count] = 1e9  # beyond the count: nobody's
    venue.scaled_debt, venue.borrow_index = scaled.sum(), 1.1
    venue.liquidation_threshold = 0.8
    return collateral, scaled * 1.1


def test_risk_is_measured_over_all_accounts(blank: Callable[..., Any]) -> None:
    bench = world, venue, _, _ = blank()
    collateral, debt = crowd(bench, seed=3)
    world.depth = 5e4
    liquidation.measure_risk(world, venue)
    limit = collateral * 1000.0 * 0.8
    assert venue.at_risk == pytest.approx(debt[limit * 0.90 < debt].sum() / debt.sum(), rel=1e-12)
    # the mean over the next five per cent, over the depth of one; what is liquidatable already is not freed by a fall
    freed = (limit * 0.95 < debt) & (debt <= limit)
    assert freed.any() and (limit < debt).any()
    assert venue.liquidation_gain == pytest.approx(0.2 * debt[freed].sum() / 5e4, rel=1e-12)
    assert liquidation.any_unhealthy(venue) == (limit < debt).any()


def test_the_shortfall_is_what_debts_exceed_their_collateral_by(blank: Callable[..., Any]) -> None:
    bench = _, venue, _, _ = blank()
    collateral, debt = crowd(bench, seed=4)
    for price in (800.0, 600.0):
        expected = np.maximum(debt - 0.97 * price * collateral, 0.0).sum()
        assert expected > 0.0
        assert liquidation.shortfall_at(venue, price) == pytest.approx(expected, rel=1e-12)


def test_a_round_tries_every_unhealthy_account_once(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE, **RULES)
    collateral, debt = crowd(bench, seed=5)
    deepen(world, 1e6)
    venue.liquidation_bonus = 0.05
    unhealthy = np.flatnonzero(collateral * 1000.0 * 0.8 < debt)
    assert liquidators.liquidate_all(world, venue, 0, events, p) == unhealthy.size > 3
    tried = [event.account for event in events.rows[: world.step_events] if event.kind == EventKind.LIQUIDATION]
    assert tried == unhealthy.tolist()
