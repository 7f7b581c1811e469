"""Tiny worlds on hand-made tapes, worked out by hand in the comments and then run through the simulator."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world.lending import refresh_rates
from protogov.envs.world.state import EventKind

# A pool of 1,000,000 USD and 1,000 coins that nobody but a forced seller touches; an oracle that sees the outside alone
# and at once; no fees, margins or gas; nobody who acts by himself. The rules of liquidation are Aave's.
ALONE = {
    "num_accounts": 1, "num_suppliers": 1, "options_on": 0, "arbitrage_capacity": 0.0, "lasting_share": 0.0,
    "oracle_pool_weight": 0.0, "oracle_deviation": 0.005, "oracle_heartbeat": 1.0, "oracle_delay": 4.0,
    "pool_fee": 0.0, "gas_cost": 0.0, "liquidator_margin": 0.0, "liquidator_margin_congested": 0.0, "protocol_fee": 0.1,
    "close_factor": 0.5, "full_close_health": 0.95, "dust_balance": 2000.0, "dust_leftover": 1000.0,
    "num_liquidators": 1, "liquidator_inventory_share": 0.0, "liquidator_attention": 1.0, "liquidator_skill": 0.0,
    "liquidator_refill_half_life": 1e12, "reserve_factor": 0.1, "supplier_need": 0.0, "supplier_flight": 0.0,
    "lockup_fear": 0.0, "treasury_share": 0.0, "depth_scale": 1.0,
}  # fmt: skip
DEPTH = 1e6 * math.expm1(0.005)
LEVERS = {"liquidation_threshold": 0.83, "ltv_gap": 0.025, "liquidation_bonus": 0.05, "base_rate": 0.0, "slope1": 0.05}
PLENTY = 1e12  # of cash: utilisation and with it interest vanish


@pytest.fixture
def tiny(simulate: Callable[..., Simulator], made: Any, books: Any) -> Callable[..., Simulator]:
    """`tiny(candles, loans, cash, ...)`: accounts with (collateral, debt), one supplier who owns the rest."""

    def build(
        candles: list[Any], loans: list[tuple[float, float]], cash: float = PLENTY, *, reserve: float = 0.0,
        treasury: float = 0.0, parameters: dict[str, float] | None = None, conditions: dict[str, Any] | None = None,
        **config: Any,
    ) -> Simulator:  # fmt: skip
        settings = {"decision_hours": 1, "autonomy": 0.0, "defaults": LEVERS} | config
        scenario = made(candles, **{"depth": DEPTH} | (conditions or {}))
        numbers = ALONE | {"num_accounts": len(loans)} | (parameters or {})
        simulator = simulate(scenario, parameters=numbers, **settings)
        venue = simulator.worlds[0].venues[0]
        for i, (collateral, debt) in enumerate(loans):
            venue.account_collateral[i], venue.account_scaled_debt[i], venue.account_activity[i] = collateral, debt, 0.0
        venue.supplier_patience[0] = 0.0
        venue.supplier_scaled[0] = cash + sum(debt for _, debt in loans) - reserve
        venue.cash, venue.reserve, venue.treasury_cash = cash, reserve, treasury
        books.rebook(simulator)
        refresh_rates(venue, simulator.params[0, 0])
        return simulator

    return build


def hours(simulator: Simulator, count: int, hold: Callable[..., Any]) -> Any:
    """Run `count` decisions; the events of all of them."""
    events = []
    for _ in range(count):
        step = simulator.step(hold(simulator))
        events += list(step.events[0][: step.n_events[0]])
    return events


def test_a_liquidation(tiny: Callable[..., Simulator], hold: Any) -> None:
    # 10 coins against 8,000 USD; the price falls from 1,000 to 900 at the start of the second hour, sub-step 12.
    simulator = tiny([1000.0, 1000.0, 900.0], [(10.0, 8000.0)])
    world, venue = simulator.worlds[0], simulator.worlds[0].venues[0]
    assert hours(simulator, 1, hold) == []
    assert world.pool_cash / world.pool_coin == pytest.approx(1000.0)
    (event,) = hours(simulator, 1, hold)
    # Health 10 * 900 * 0.83 / 8000 = 0.934 <= 0.95, so all of the debt is repaid, for 8000 / 900 * 1.05 = 9.3333
    # coins. A tenth of the bonus of 0.4444 goes to the treasury, 9.2889 coins to the pool, which is still at 1,000:
    # 1,000,000 * 9.2889 / 1009.2889 = 9203.40 USD, of which 1203.40 is the liquidator's. The pool's price is then
    # 990,796.60 / 1,009.2889 = 981.678.
    assert (event["kind"], event["substep"], event["account"], event["parent"], event["serial"]) == (1, 12, 0, -1, 0)
    assert event["repaid"] == pytest.approx(8000.0) and event["seized"] == pytest.approx(9.333333, rel=1e-6)
    assert event["price"] == pytest.approx(900.0)
    assert venue.account_scaled_debt[0] == 0.0
    assert venue.account_collateral[0] == pytest.approx(0.666667, rel=1e-5)
    assert venue.treasury_coin == pytest.approx(0.0444444, rel=1e-5)
    assert venue.cash == pytest.approx(PLENTY + 8000.0, abs=1e-2)
    assert world.liquidator_cash[0] == pytest.approx(1203.40, abs=0.01)
    assert world.pool_cash / world.pool_coin == pytest.approx(981.678, abs=0.001)
    # the bonus that the borrower lost, at the tape's price
    assert venue.sum_liquidation_cost == pytest.approx(400.0, rel=1e-6)


def test_a_liquidation_after_arbitrage(tiny: Callable[..., Simulator], hold: Any) -> None:
    # The same with an arbitrageur who closes every gap: the pool meets the fall first, at constant product
    # 948,683.30 USD and 1,054.0926 coins. The sale brings 948,683.30 * 9.2889 / 1,063.3814 = 8286.97 less 0.1% fee.
    free = {"arbitrage_capacity": 1e12, "arbitrage_speed": 1.0, "arbitrage_band": 0.0, "pool_fee": 0.001}
    simulator = tiny([1000.0, 1000.0, 900.0], [(10.0, 8000.0)], parameters=free)
    world = simulator.worlds[0]
    (event,) = hours(simulator, 2, hold)
    assert event["substep"] == 12
    assert world.liquidator_cash[0] == pytest.approx(8286.97 * 0.999 - 8000.0, abs=0.01)
    # five minutes later the arbitrageur has bought the coins back to 900 and gained on both trades
    assert world.pool_cash / world.pool_coin == pytest.approx(900.0, rel=1e-9)
    assert world.arbitrage_cash > 0.0


def test_a_cascade_of_two(tiny: Callable[..., Simulator], hold: Any) -> None:
    # The oracle is the pool. Account 0 (20 coins, 18,000 USD) is unhealthy from the start, 0.922: repaid in full for
    # 18.9 coins. The pool falls to 1e9 / 1018.9^2 = 963.25, the oracle follows in the same five minutes, and account 1
    # (50 coins, 40,000 USD) falls from 1.0375 to 0.9994: half of its debt for 20,000 / 963.25 * 1.05 = 21.801 coins.
    # The pool ends at 1e9 / 1040.701^2 = 923.31, where account 1 has a health of 1.08: quiet.
    parameters = {"oracle_pool_weight": 1.0, "protocol_fee": 0.0}
    simulator = tiny([1000.0, 1000.0], [(20.0, 18_000.0), (50.0, 40_000.0)], parameters=parameters)
    venue = simulator.worlds[0].venues[0]
    first, second = hours(simulator, 1, hold)
    assert (first["account"], first["substep"], first["serial"], first["parent"]) == (0, 0, 0, -1)
    assert (second["account"], second["substep"], second["serial"], second["parent"]) == (1, 0, 1, 0)
    assert (first["repaid"], first["seized"]) == pytest.approx((18_000.0, 18.9))
    assert second["price"] == pytest.approx(963.25, abs=0.01)
    assert (second["repaid"], second["seized"]) == pytest.approx((20_000.0, 21.801), rel=1e-4)
    assert venue.oracle_price == pytest.approx(923.31, abs=0.01)
    assert venue.account_collateral[:2] == pytest.approx([1.1, 28.199], rel=1e-4)
    # what the second would not have suffered had the first one's sale not moved the pool: nothing at all
    simulator = tiny(
        [1000.0, 1000.0], [(20.0, 18_000.0), (50.0, 40_000.0)], parameters=parameters | {"depth_scale": 1e6}
    )
    (only,) = hours(simulator, 1, hold)
    assert only["account"] == 0


@pytest.mark.parametrize(("congestion", "late"), [(0.0, 0), (0.5, 2), (1.0, 4)])
def test_an_oracle_that_is_late(tiny: Callable[..., Simulator], hold: Any, congestion: float, late: int) -> None:
    # the fall of sub-step 12 is reported `late` sub-steps later, and nobody is liquidated before
    simulator = tiny([1000.0, 1000.0, 900.0], [(10.0, 8000.0)], conditions={"congestion": [0.0, 0.0, congestion]})
    (event,) = hours(simulator, 2, hold)
    assert event["substep"] == 12 + late and event["price"] == pytest.approx(900.0)


@pytest.mark.parametrize(("autonomy", "due"), [(72.0, 12), (12.0, 72)])
def test_a_threshold_that_was_announced(tiny: Callable[..., Simulator], hold: Any, autonomy: float, due: int) -> None:
    # A loan with a health of 1.003 at 83%. The governor asks for 60%; the first cut, to 82.5%, is announced at once, is
    # due after a notice of 1 h (6 h), and makes it 0.997: liquidated in that sub-step and not before.
    simulator = tiny([1000.0], [(10.0, 8300.0 / 1.003)], autonomy=autonomy)
    actions = hold(simulator)
    actions["risk_0"][:, 0] = -1.0
    events: list[Any] = []
    for hour in range(due // 12 + 1):
        assert not events
        step = simulator.step(actions)
        events += list(step.events[0][: step.n_events[0]])
        row = simulator.worlds[0].venues[0].levers[4]
        if hour < due // 12:
            assert (row.executed, row.pending, row.due) == (0.83, pytest.approx(0.825), due)
    assert events[0]["substep"] == due and events[0]["parent"] == -1
    assert simulator.worlds[0].venues[0].liquidation_threshold == pytest.approx(0.825)


def walk_interest(debt: float, cash: float, rates: list[float]) -> tuple[float, float]:
    """Debt and deposits after as many sub-steps as `rates` (base rates), by hand: slope 5% to a kink at 88%."""
    deposits = debt + cash
    dt = 1.0 / (365 * 24 * 12)
    for base in rates:
        rate = base + 0.05 * debt / (debt + cash) / 0.88
        x = rate * dt
        deposits *= 1.0 + rate * 0.9 * debt / (debt + cash) * dt
        debt *= 1.0 + x + x * x / 2.0 + x**3 / 6.0
    return debt, deposits


def test_interest_of_a_day(tiny: Callable[..., Simulator], hold: Any) -> None:
    # 7,500 lent of 10,000: 5% * 0.75 / 0.88 = 4.26% a year, so about 0.8756 USD in a day, of which a tenth is kept
    simulator = tiny([1000.0], [(100.0, 7500.0)], cash=2500.0, decision_hours=24)
    venue = simulator.worlds[0].venues[0]
    hours(simulator, 1, hold)
    debt, deposits = walk_interest(7500.0, 2500.0, [0.0] * 288)
    assert debt - 7500.0 == pytest.approx(0.8756, abs=1e-4)
    assert venue.account_scaled_debt[0] * venue.borrow_index == pytest.approx(debt, rel=1e-13)
    assert venue.supplier_scaled[0] * venue.supply_index == pytest.approx(deposits, rel=1e-13)
    assert venue.reserve == pytest.approx((debt - 7500.0) - (deposits - 10_000.0), rel=1e-8)
    assert venue.reserve == pytest.approx(0.1 * (debt - 7500.0), rel=1e-3)
    assert venue.cash == 2500.0


def test_a_rate_that_was_announced(tiny: Callable[..., Simulator], hold: Any) -> None:
    # The base rate is to rise from nothing to 10%: 1% is announced at once and in force after two hours, at sub-step
    # 24. The five minutes that end there are charged at the old rate, those from there on at the new one.
    simulator = tiny([1000.0], [(100.0, 7500.0)], cash=2500.0, autonomy=12.0)
    actions = hold(simulator)
    actions["rate_0"][:, 0] = 1.0
    venue = simulator.worlds[0].venues[0]
    for _ in range(4):
        simulator.step(actions)
    assert venue.base_rate == pytest.approx(0.01)
    debt, deposits = walk_interest(7500.0, 2500.0, [0.0] * 25 + [0.01] * 23)
    assert venue.account_scaled_debt[0] * venue.borrow_index == pytest.approx(debt, rel=1e-13)
    assert venue.supplier_scaled[0] * venue.supply_index == pytest.approx(deposits, rel=1e-13)


@pytest.mark.parametrize("socialised", [0, 1])
def test_who_bears_a_loss(tiny: Callable[..., Simulator], hold: Any, socialised: int) -> None:
    # From 1,000 to 500: 10 coins cover 5000 / 1.05 = 4761.90 of 8,000 USD. The other 3238.10 are written off;
    # the treasury's claim of 1,000 goes first, its 500 of cash next, and 1738.10 stay open. Or all is the suppliers'.
    simulator = tiny(
        [1000.0, 1000.0, 500.0], [(10.0, 8000.0)], reserve=1000.0, treasury=500.0,
        parameters={"losses_socialised": socialised},
    )  # fmt: skip
    venue = simulator.worlds[0].venues[0]
    hours(simulator, 1, hold)
    claim = float(venue.supplier_scaled[0] * venue.supply_index)
    sold, lost = hours(simulator, 1, hold)
    assert (sold["kind"], lost["kind"], lost["parent"]) == (EventKind.LIQUIDATION, EventKind.BAD_DEBT, sold["serial"])
    assert (sold["repaid"], sold["seized"]) == pytest.approx((4761.90, 10.0), abs=0.01)
    assert lost["bad_debt"] == venue.sum_bad_debt == pytest.approx(3238.10, abs=0.01)
    assert venue.account_collateral[0] == venue.account_scaled_debt[0] == 0.0
    assert venue.treasury_coin == pytest.approx(0.047619, rel=1e-4)  # a tenth of 10 - 10 / 1.05
    assert venue.reserve == pytest.approx(1000.0 if socialised else 0.0, abs=1e-6)
    assert venue.treasury_cash == (500.0 if socialised else 0.0)
    assert venue.cash == pytest.approx(PLENTY + 4761.90 + (0.0 if socialised else 500.0), abs=0.01)
    left = venue.supplier_scaled[0] * venue.supply_index
    # float64 has four decimals at 1e12
    assert claim - left == pytest.approx(3238.10 if socialised else 0.0, abs=0.01)
    assert venue.deficit == pytest.approx(0.0 if socialised else 1738.10, abs=0.01)
    assert venue.sum_haircuts == pytest.approx(3238.10 if socialised else 0.0, abs=0.01)


def test_a_liquidation_that_does_not_pay_waits(tiny: Callable[..., Simulator], hold: Any) -> None:
    # Gas of 500 eats a bonus of 400 at 900 a coin while the network is jammed, and not any more an hour later.
    parameters = {"gas_cost": 50.0, "gas_congestion": 9.0, "protocol_fee": 0.0, "oracle_delay": 0.0}
    conditions = {"congestion": [0.0, 0.0, 1.0, 0.0], "depth": 1e12}
    parameters |= {"arbitrage_capacity": 1e18, "arbitrage_speed": 1.0, "arbitrage_band": 0.0, "arbitrage_delay": 0.0}
    simulator = tiny([1000.0, 1000.0, 900.0], [(10.0, 8000.0)], parameters=parameters, conditions=conditions)
    assert hours(simulator, 2, hold) == []
    (event,) = hours(simulator, 1, hold)
    assert event["substep"] == 24
    assert simulator.worlds[0].liquidator_cash[0] == pytest.approx(400.0 - 50.0, abs=0.1)


def test_interest_alone_makes_a_loan_unhealthy(tiny: Callable[..., Simulator], hold: Any) -> None:
    # Nothing moves but the debt: at 99% utilisation it grows by about 0.14% a day, from a health of 1.0005.
    simulator = tiny([1000.0], [(10.0, 8300.0 / 1.0005)], cash=80.0)
    events = hours(simulator, 24, hold)
    assert [event["kind"] for event in events[:1]] == [EventKind.LIQUIDATION]


def test_a_loss_is_no_reason_for_interest(tiny: Callable[..., Simulator], hold: Any) -> None:
    # All debt is written off at 90% utilisation: from then on nobody pays interest, so nobody is owed any.
    simulator = tiny([1000.0, 1000.0, 1e-3], [(10.0, 8000.0)], cash=900.0)
    hours(simulator, 2, hold)
    venue = simulator.worlds[0].venues[0]
    assert venue.scaled_debt == pytest.approx(0.0, abs=1e-9)
    assert venue.utilisation == venue.borrow_rate == venue.supply_rate == 0.0
    assert venue.reserve >= 0.0


# ---------------------------------------------------------------- options

BOOK = {
    "options_on": 1, "num_expiries": 1, "num_strikes": 1, "num_shorts": 0, "arrivals": 0.0, "lend_share": 0.0,
    "opening_notional": 0.0, "lp_size": 1000.0, "hedge_depth": 0.0, "interest_rate": 0.0,
}  # fmt: skip


def hold_options(simulator: Simulator, calls: float, puts: float, strike: float, hour: int) -> Any:
    """Traders hold options at one strike that settle at the end of `hour`."""
    venue = simulator.worlds[0].venues[0]
    venue.long_calls[0, 0], venue.long_puts[0, 0], venue.strike[0, 0] = calls, puts, strike
    venue.expiry[0] = venue.next_expiry = hour * 12
    return venue


@pytest.mark.parametrize(("calls", "puts", "paid"), [(2.0, 0.0, 200.0), (0.0, 3.0, 0.0), (1.0, 5.0, 100.0)])
def test_an_option_that_settles(
    tiny: Callable[..., Simulator], hold: Any, calls: float, puts: float, paid: float
) -> None:
    # Calls at 900 are worth 100 each at 1,000, puts nothing; the pool's 1,000 of cash pays them at the end of hour 2.
    simulator = tiny([1000.0], [(0.0, 0.0)], parameters=BOOK)
    venue = hold_options(simulator, calls, puts, 900.0, hour=2)
    world = simulator.worlds[0]
    hours(simulator, 1, hold)
    assert (world.trader_cash, venue.option_cash, venue.long_calls[0, 0]) == (0.0, 1000.0, calls)
    hours(simulator, 1, hold)
    assert (world.trader_cash, venue.option_cash) == pytest.approx((paid, 1000.0 - paid))
    assert venue.option_unpaid == 0.0
    # the next expiry is a week later, at the money, and nobody holds it
    assert venue.expiry[0] == venue.next_expiry == 24 + 168 * 12
    assert venue.strike[0, 0] == pytest.approx(1000.0) and venue.long_calls[0, 0] == venue.long_puts[0, 0] == 0.0
    # what was owed is in NAV0 no more: it is what is left
    assert venue.last_nav == pytest.approx(1000.0 - paid)


def test_an_option_that_cannot_be_paid_at_once(tiny: Callable[..., Simulator], hold: Any) -> None:
    # 12 calls are owed 1,200. The pool has 1,000, so 200 stay open until an hour later somebody brings cash.
    simulator = tiny([1000.0], [(0.0, 0.0)], parameters=BOOK)
    venue = hold_options(simulator, 12.0, 0.0, 900.0, hour=1)
    world = simulator.worlds[0]
    (event,) = hours(simulator, 1, hold)
    assert (event["kind"], event["substep"]) == (EventKind.OPTION_UNPAID, 11)
    assert (event["repaid"], event["bad_debt"]) == pytest.approx((1000.0, 200.0))
    assert (world.trader_cash, venue.option_cash, venue.option_unpaid) == pytest.approx((1000.0, 0.0, 200.0))
    assert venue.last_nav == pytest.approx(-200.0)
    venue.option_cash += 150.0
    world.outside_cash -= 150.0
    hours(simulator, 1, hold)
    assert (world.trader_cash, venue.option_cash, venue.option_unpaid) == pytest.approx((1150.0, 0.0, 50.0))


def test_the_hedge_of_a_known_book(tiny: Callable[..., Simulator], hold: Any) -> None:
    # The pool is short one call deep in the money, a delta of one; a hedge ratio of 0.8 buys 0.8 coins at 1,000 and a
    # little more: 1e6 * 0.8 / 999.2 = 800.64 USD. Ordered at the end of the first hour, worked off in the second.
    parameters = BOOK | {"hedge_depth": 1.5, "hedge_interval": 1.0, "hedge_slices": 4, "hedge_minimum": 0.02}
    defaults = LEVERS | {"hedge_ratio": 0.8, "skew_shift": 0.0}
    simulator = tiny([1000.0], [(0.0, 0.0)], parameters=parameters, defaults=defaults)
    venue = hold_options(simulator, 1.0, 0.0, 100.0, hour=100)
    hours(simulator, 1, hold)
    assert venue.net_delta == pytest.approx(-1.0, abs=1e-9)
    hours(simulator, 1, hold)
    assert venue.hedge_coin == pytest.approx(0.8, rel=1e-6)
    assert venue.option_cash == pytest.approx(1000.0 - 800.64, abs=0.01)
    assert venue.sum_hedge_cost == pytest.approx(0.64, abs=0.01)
    assert np.isfinite(venue.last_nav)
