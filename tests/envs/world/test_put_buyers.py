"""Borrowers who protect a loan with puts: which they buy, what these bring, and how quotes reach loans."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from protogov.envs.simulator import Simulator
from protogov.envs.world.population import put_buyers

EAGER = {"put_look": 1.0, "put_need": 100.0, "gamma_limit": 1e9, "vega_limit": 1e9, "lock_share": 0.0, "min_delta": 0.0}


def market(blank: Callable[..., Any], **parameters: float) -> Any:
    """A loan of 800 against a coin of 1,000 USD, and a pool that lists three strikes in one week and in two."""
    bench = world, venue, p, _ = blank(**(EAGER | {"position_cap": 100.0, "put_cover": 0.5} | parameters))
    venue.num_accounts, venue.num_expiries, venue.num_strikes = 1, 2, 3
    for e in range(2):
        venue.expiry[e], venue.base_vol[e] = (e + 1) * 2016, 0.7
        venue.strike[e, :3], venue.skew[e, :3] = (900.0, 1000.0, 1100.0), 1.0
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = 1.0, 720.0, 720.0
    venue.option_cash, venue.last_nav, world.depth = 1e6, 1e6, 1e9
    return bench


def test_the_lowest_strike_that_pays_before_the_loan_is_liquidated(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = market(blank)
    totals = books.cash(world)
    put_buyers.protect(world, venue, 0, 0, 720.0, p)
    # liquidated at 720 / .83 = 867: a strike of 900 pays before
    assert venue.account_puts[0] == 0.5
    e, k = divmod(int(venue.account_put_node[0]), 5)
    assert k == 0 and venue.protective_puts[e, 0] == venue.long_puts[e, 0] == 0.5
    assert venue.option_cash > 1e6 and books.cash(world) == pytest.approx(totals)


@pytest.mark.parametrize("need", [30.0, 100.0])
def test_what_protection_costs_above_fair_value_is_the_pools_gain_and_its_owners_loss(
    blank: Callable[..., Any], need: float
) -> None:
    # the pool's edge and the borrower's loss cancel in W, however much he needs the put
    world, venue, p, _ = market(blank, put_need=need)
    put_buyers.protect(world, venue, 0, 0, 720.0, p)
    bought = venue.sum_edge
    assert bought > 0.0 and venue.sum_uninformed_surplus == pytest.approx(-bought)
    put_buyers.sell_protection(world, venue, 0, p)
    assert venue.account_puts[0] == 0.0 and venue.sum_edge > bought
    assert venue.sum_uninformed_surplus == pytest.approx(-venue.sum_edge)


def test_nobody_protects_where_no_strike_helps_or_the_price_is_too_high(blank: Callable[..., Any]) -> None:
    world, venue, p, _ = market(blank)
    put_buyers.protect(world, venue, 0, 0, 950.0, p)  # liquidated at 1,145 already
    assert venue.account_puts[0] == 0.0
    world, venue, p, _ = market(blank, put_need=0.0)
    put_buyers.protect(world, venue, 0, 0, 720.0, p)
    assert venue.account_puts[0] == 0.0


def test_expiries_that_are_too_near_are_passed_over(blank: Callable[..., Any]) -> None:
    world, venue, _, _ = market(blank)
    assert put_buyers.nearest_expiry(world, venue, False) == 0 and put_buyers.nearest_expiry(world, venue, True) == 1
    world.substep = 2016 - 47 * 12
    assert put_buyers.nearest_expiry(world, venue, False) == put_buyers.nearest_expiry(world, venue, True) == 1
    world.substep = 4000
    assert put_buyers.nearest_expiry(world, venue, False) == -1


def hold_puts(venue: Any, contracts: float, node: int = 1) -> None:
    venue.account_puts[0], venue.account_put_node[0] = contracts, node
    venue.long_puts[0, node] += contracts
    venue.protective_puts[0, node] += contracts


def test_in_need_puts_are_sold_and_the_proceeds_repay(blank: Callable[..., Any], books: Any) -> None:
    world, venue, p, _ = market(blank)
    hold_puts(venue, 0.5)
    venue.oracle_price = 900.0
    totals = books.cash(world), books.lending(venue)
    put_buyers.sell_protection(world, venue, 0, p)
    brought = 720.0 - venue.account_scaled_debt[0]
    assert 40.0 < brought < 60.0  # half a put that is 100 in the money
    assert venue.sum_put_payouts == pytest.approx(brought) and venue.cash == pytest.approx(brought)
    assert venue.account_puts[0] == venue.protective_puts[0, 1] == venue.long_puts[0, 1] == 0.0
    assert (books.cash(world), books.lending(venue)) == pytest.approx(totals)


@pytest.mark.parametrize("share", [1.0, 0.25, 0.0])
def test_a_put_repays_as_far_as_the_pool_has_paid(blank: Callable[..., Any], share: float) -> None:
    world, venue, _, _ = market(blank)
    hold_puts(venue, 0.5)
    put_buyers.pay_out_protection(world, venue, 0, 900.0, share)
    assert venue.account_scaled_debt[0] == pytest.approx(720.0 - 50.0 * share)
    assert venue.account_puts[0] == 0.0


def test_more_than_the_debt_is_its_owners(blank: Callable[..., Any]) -> None:
    world, venue, _, _ = market(blank)
    venue.account_scaled_debt[0] = venue.scaled_debt = 10.0
    hold_puts(venue, 0.5)
    put_buyers.pay_out_protection(world, venue, 0, 900.0, 1.0)
    assert venue.account_scaled_debt[0] == 0.0 and world.outside_cash == pytest.approx(40.0)


def test_other_traders_cannot_sell_what_protects_a_loan(blank: Callable[..., Any]) -> None:
    from protogov.envs.world.population.option_trades import for_sale

    _, venue, _, _ = market(blank)
    venue.long_puts[0, 1] = 3.0
    hold_puts(venue, 2.0)
    assert for_sale(venue, 0, 1, False) == 3.0


def bought(simulate: Callable[..., Simulator], hold: Any, **changes: Any) -> tuple[float, float]:
    """Protective puts of a week [contracts], and USD that they brought."""
    simulator = simulate("crash-heldout", 32, decision_hours=24, autonomy=0.0, **changes)
    most, paid = 0.0, 0.0
    while not simulator.truncated().any():
        simulator.step(hold(simulator))
        venues = simulator.worlds["venues"]
        protective, longs = venues["protective_puts"], venues["long_puts"]
        assert (protective <= longs + 1e-6).all()
        owned = venues["account_puts"].sum(axis=2)
        assert protective.sum(axis=(2, 3)) == pytest.approx(owned, rel=1e-9, abs=1e-6)
        most = max(most, float(owned.sum()))
        paid += float(venues["sum_put_payouts"].sum())
    return most, paid


def test_a_wide_spread_leaves_loans_without_protection(simulate: Callable[..., Simulator], hold: Any) -> None:
    usual = bought(simulate, hold)
    dear = bought(simulate, hold, defaults={"half_spread": 0.12})
    none = bought(simulate, hold, parameters={"put_look": 0.0})
    assert usual[0] > 2.0 * dear[0] > 0.0 and usual[1] > dear[1]
    assert none == (0.0, 0.0)


def test_protection_saves_the_market_bad_debt(simulate: Callable[..., Simulator], hold: Any) -> None:
    def lost(look: float) -> np.ndarray:
        simulator = simulate("crash-heldout", 192, decision_hours=24, autonomy=0.0, parameters={"put_look": look})
        total = np.zeros(192)
        while not simulator.truncated().any():
            total += simulator.step(hold(simulator)).records["bad_debt"][:, 0]
        return total

    # as much is liquidated as ever, since the pool hedges the puts with sales of its own, but less of it too late
    saved = lost(0.0) - lost(0.4)
    assert saved.mean() > 2.0 * saved.std() / np.sqrt(saved.size)
