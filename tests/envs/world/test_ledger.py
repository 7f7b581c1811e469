"""The books: every unit has a holder, transfers have two ends, and an error is found and named."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world import ledger

CASH = ("pool_cash", "arbitrage_cash", "outside_cash", "trader_cash", "liquidator_cash")
COIN = ("pool_coin", "arbitrage_coin", "outside_coin", "liquidator_coin")
VENUE_CASH = ("cash", "treasury_cash", "option_cash", "short_collateral_sum", "lp_waiting_sum")
VENUE_COIN = ("treasury_coin", "hedge_coin", "short_coin_sum")


def holdings(simulator: Simulator) -> dict[str, np.ndarray]:
    """Name of the holder -> what it holds, [world]."""
    worlds, venues = simulator.worlds, simulator.worlds["venues"]
    out = {name: worlds[name].reshape(worlds.size, -1).sum(axis=1) for name in (*CASH, *COIN)}
    for v in range(simulator.config.venues):
        for name in (*VENUE_CASH, *VENUE_COIN):
            out[f"{name}_{v}"] = venues[name][:, v].copy()
        out[f"collateral_coin_{v}"] = venues["account_collateral"][:, v].sum(axis=1)
    return out


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("scenario", ["jump", "crash-heldout"])
def test_what_one_holder_loses_others_gain(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], scenario: str, venues: int
) -> None:
    simulator = simulate(scenario, 16, seed=9, venues=venues)
    rng = np.random.default_rng(5)
    first = holdings(simulator)
    for _ in range(simulator.horizon):
        simulator.step(shake(simulator, rng))
    change = {name: amount - first[name] for name, amount in holdings(simulator).items()}
    cash = {name: amount for name, amount in change.items() if "coin" not in name}
    coin = {name: amount for name, amount in change.items() if "coin" in name}
    assert len(cash) == 5 + 5 * venues and len(coin) == 4 + 4 * venues
    assert np.abs(sum(cash.values())).max() < 1e-9 * simulator.worlds["gross_cash"].min()
    assert np.abs(sum(coin.values())).max() < 1e-9 * simulator.worlds["gross_coin"].min()
    # and they did trade: most holders have more or less than they began with
    idle = [name for name, amount in change.items() if not amount.any()]
    assert {name.rstrip("_01") for name in idle} <= {"arbitrage_coin", "liquidator_coin", "treasury_cash"}, idle


def test_totals_count_everybody_once(blank: Callable[..., Any]) -> None:
    world, _, _, _ = blank(num_venues=2)
    weight = iter(10.0**n for n in range(40))
    for names, total in (((*CASH,), ledger.total_cash), ((*COIN,), ledger.total_coin)):
        world.pool_cash = world.pool_coin = 0.0
        expected = 0.0
        world.num_liquidators = 3
        for name in names:
            if name.startswith("liquidator"):
                world[name][:4] = [next(weight), next(weight), next(weight), 1.0]
                expected += world[name][:3].sum()  # who is beyond the count holds nothing
                continue
            world[name] = next(weight)
            expected += world[name]
        for v in range(2):
            venue = world.venues[v]
            for name in VENUE_CASH if total is ledger.total_cash else VENUE_COIN:
                venue[name] = next(weight)
                expected += venue[name]
            if total is ledger.total_coin:
                venue.num_accounts = 3
                venue.account_collateral[:5] = 1.0
                expected += 3.0  # accounts beyond the count hold nothing
        assert total(world) == pytest.approx(expected, rel=1e-12)
        assert math.isclose(total(world), expected, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("field", "amount"), [("outside_cash", 5.0), ("pool_coin", 1e-3), ("trader_cash", -5.0), ("liquidator_coin", 1e-3)]
)
def test_an_error_in_the_worlds_books_is_found(
    simulate: Callable[..., Simulator], hold: Callable[..., Any], field: str, amount: float
) -> None:
    simulator = simulate("jump", 3)
    simulator.step(hold(simulator))
    simulator.worlds[field][1] += amount
    with pytest.raises(RuntimeError, match=r"books of world 1 do not balance: residual .* of gross flow at hour 12"):
        simulator.step(hold(simulator))


@pytest.mark.parametrize(
    "field",
    ["cash", "scaled_debt", "scaled_deposits", "reserve", "deficit", "treasury_cash", "option_cash", "option_scaled",
     "short_collateral_sum", "short_coin_sum", "lp_waiting_sum"],
)  # fmt: skip
@pytest.mark.parametrize("amount", [5.0, np.nan, np.inf])
def test_an_error_in_a_venues_books_is_found(
    simulate: Callable[..., Simulator], hold: Callable[..., Any], field: str, amount: float
) -> None:
    simulator = simulate("jump", 3, decision_hours=1)
    simulator.step(hold(simulator))
    simulator.worlds["venues"][field][2, 0] += amount
    with pytest.raises(RuntimeError, match=r"books of world 2 do not balance"), np.errstate(invalid="ignore"):
        simulator.step(hold(simulator))


def test_the_worst_error_is_remembered(blank: Callable[..., Any], books: Any) -> None:
    world, _, _, _ = blank()
    world.opening_cash, world.opening_coin = books.cash(world), books.coin(world)
    world.gross_cash, world.gross_coin = 1e6, 1e3
    ledger.check_books(world)
    assert world.book_error == 0.0
    world.outside_cash += 2.0
    ledger.check_books(world)
    assert world.book_error == pytest.approx(2e-6)
    world.outside_cash -= 1.0
    ledger.check_books(world)
    assert world.book_error == pytest.approx(2e-6)
    world.outside_cash = math.nan
    ledger.check_books(world)
    assert math.isnan(world.book_error)
    world.outside_cash = 0.0
    ledger.check_books(world)
    assert math.isnan(world.book_error)  # once broken, broken


def test_a_running_total_is_compared_in_usd(blank: Callable[..., Any]) -> None:
    # after a loss that took nearly all of the deposits, a dollar of new ones is a huge scaled number
    world, venue, _, _ = blank()
    venue.num_suppliers, venue.num_accounts = 2, 1
    venue.supply_index = 1e-8
    venue.supplier_scaled[:2] = 1e15, 2e15
    venue.scaled_deposits = 3e15 + 2.0
    assert ledger.sum_residual(venue) == pytest.approx(2e-8)
    venue.borrow_index = 1.5
    venue.account_scaled_debt[0], venue.scaled_debt = 10.0, 8.0
    assert ledger.sum_residual(venue) == pytest.approx(3.0)
    # collateral in coin at the oracle's price, shares at theirs
    venue.num_shorts, venue.short_coin[0], venue.short_coin_sum = 1, 2.0, 1.9
    assert ledger.sum_residual(venue) == pytest.approx(100.0)
    venue.num_lps, venue.lp_shares[0], venue.lp_total, venue.lp_price = 1, 500.0, 300.0, 2.0
    assert ledger.sum_residual(venue) == pytest.approx(400.0)
