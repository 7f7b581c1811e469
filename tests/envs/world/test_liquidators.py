"""Liquidators: who wins a loan and what it pays, capital that depletes and comes back, and what is skipped."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from protogov.envs.simulator import Simulator
from protogov.envs.world.ledger import check_books
from protogov.envs.world.population import liquidators
from protogov.envs.world.state import EventKind

# the rules, whatever the defaults of the day: nothing but what a test names costs anything
FREE = {
    "gas_cost": 0.0, "gas_congestion": 20.0, "liquidator_margin": 0.0, "liquidator_margin_congested": 0.0,
    "pool_fee": 0.0, "protocol_fee": 0.0, "full_close_health": 0.95, "dust_balance": 2000.0, "dust_leftover": 1000.0,
    "close_factor": 0.5, "priority_share": 0.5, "inventory_risk": 0.0, "inventory_hours": 1e6,
}  # fmt: skip
DEEP = 1e9  # the pool's size over its usual one: a sale fetches the price


def owe(bench: Any, collateral: float = 10.0, debt: float = 8000.0, depth: float = DEEP, v: int = 0) -> None:
    """One account at 900 USD a coin, threshold 83%, bonus 5%: health 0.934, all 8,000 may go for 9.333 coins."""
    world = bench.world
    venue = world.venues[v]
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = collateral, debt, debt
    venue.cash = 1e6
    venue.supplier_scaled[0] = venue.scaled_deposits = 1e6 + debt
    venue.liquidation_threshold, venue.liquidation_bonus, venue.health_stale = 0.83, 0.05, 1
    venue.oracle_price = world.tape_price = world.outside_price = 900.0
    world.pool_cash, world.pool_coin = 9e5 * depth, 1e3 * depth


def compete(world: Any, *who: dict[str, float]) -> None:
    """As many liquidators as given, who all watch; flash, without margin and with the median's gas unless told."""
    world.num_liquidators = len(who)
    for j, fields in enumerate(who):
        settings = {"flash": 1, "watching": 1, "attention": 1.0, "gas": 1.0, "margin": 0.0, "serial": -1} | fields
        for name, value in settings.items():
            world[f"liquidator_{name}"][j] = value


def close_books(world: Any, books: Any) -> None:
    """Take what everybody holds now as the opening books."""
    world.opening_cash, world.opening_coin = books.cash(world), books.coin(world)
    world.gross_cash, world.gross_coin = 1e6, 1e3
    for v in range(world.num_venues):
        world.venues[v].opening_net = books.lending(world.venues[v])


# ---------------------------------------------------------------- who they are


def test_the_ablest_comes_first(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(
        num_liquidators=8, liquidator_margin=0.01, liquidator_skill=0.4, liquidator_attention=0.9,
        liquidator_capital=5e6, liquidator_inventory_share=0.5, liquidator_tail=1.2,
    )  # fmt: skip
    flash = np.zeros(8)
    for seed in range(400):
        world.seed = seed
        for name in ("cash", "capital"):
            world[f"liquidator_{name}"][:] = 0.0
        liquidators.draw_liquidators(world, p)
        attention, margin = world.liquidator_attention, world.liquidator_margin
        assert attention[0] == pytest.approx(0.9) and (np.diff(attention) < 0.0).all() and attention[7] > 0.0
        # margins and gas from 40% below the median's to 40% above
        assert (np.diff(margin) > 0.0).all() and 0.006 < margin[0] < 0.007 < 0.013 < margin[7] < 0.014
        assert world.liquidator_gas[:8] == pytest.approx(margin / 0.01)
        assert (world.liquidator_capital[world.liquidator_flash == 1] == 0.0).all()
        if not world.liquidator_flash.all():
            assert world.liquidator_cash.sum() == pytest.approx(5e6)
        assert (world.liquidator_cash == world.liquidator_capital).all()
        flash += world.liquidator_flash
    assert abs(flash / 400 - 0.5).max() < 0.12  # four standard errors are 0.1


def test_capital_and_attention_have_heavy_tails(blank: Callable[..., Any]) -> None:
    for tail, largest in ((1.0, 0.45), (50.0, 0.14)):
        world, _, p, _ = blank(liquidator_inventory_share=1.0, liquidator_tail=tail, liquidator_attention=1.0)
        shares = []
        for seed in range(200):
            world.seed = seed
            liquidators.draw_liquidators(world, p)
            shares.append(world.liquidator_capital[0] / world.liquidator_capital.sum())
            assert world.liquidator_attention / world.liquidator_attention[0] == pytest.approx(
                world.liquidator_capital / world.liquidator_capital[0]
            )
        # quantiles of a Pareto distribution: the first of eight has 1/(1/16) of the sum of 1/((2j+1)/16), about .43
        assert np.median(shares) == pytest.approx(largest, abs=0.06)


def test_a_negative_margin_is_the_more_negative_the_worse(blank: Callable[..., Any]) -> None:
    world, _, p, _ = blank(liquidator_margin=-0.5, liquidator_skill=0.4)
    liquidators.draw_liquidators(world, p)
    assert -0.7 < world.liquidator_margin[0] < -0.5 < world.liquidator_margin[7] < -0.3


def test_an_episode_opens_with_them(simulate: Callable[..., Simulator]) -> None:
    numbers = {"num_liquidators": 5, "liquidator_inventory_share": 1.0, "liquidator_capital": 1e6}
    worlds = simulate("jump", 3, parameters=numbers).worlds
    assert (worlds["num_liquidators"] == 5).all() and ((worlds["liquidator_attention"] > 0.0).sum(axis=1) == 5).all()
    assert worlds["liquidator_cash"].sum(axis=1) == pytest.approx(1e6)
    assert (worlds["opening_cash"] > 1e6).all() and not worlds["liquidators_holding"].any()
    assert np.unique(worlds["liquidator_attention"][:, 1]).size == 3  # another draw in another world


def test_who_watches_is_drawn_for_each_sub_step(blank: Callable[..., Any]) -> None:
    world, _, _, _ = blank()
    compete(world, {"attention": 0.7}, {"attention": 0.2}, {"attention": 0.0}, {"attention": 1.0})
    seen = np.zeros((2000, 4))
    for substep in range(2000):
        world.substep = substep
        assert liquidators.watch(world) == world.liquidator_watching[:4].sum()
        seen[substep] = world.liquidator_watching[:4]
        liquidators.watch(world)
        assert (world.liquidator_watching[:4] == seen[substep]).all()  # keyed: the same in every round
    assert seen.mean(axis=0) == pytest.approx([0.7, 0.2, 0.0, 1.0], abs=0.04)
    assert abs(np.corrcoef(seen[:, 0], seen[:, 1])[0, 1]) < 0.08


# ---------------------------------------------------------------- what it is worth


@given(worth=st.floats(1.0, 5000.0), fee=st.floats(0.0, 0.1))
def test_profitable_sale_stops_at_the_last_coin_that_pays(blank: Callable[..., Any], worth: float, fee: float) -> None:
    world, _, p, _ = blank(pool_fee=fee)
    coin = liquidators.profitable_sale(world, worth, p)
    marginal = 1e9 / (1e3 + coin) ** 2 * (1.0 - fee)
    if 1000.0 * (1.0 - fee) <= worth:
        assert coin == 0.0
    else:
        assert marginal == pytest.approx(worth, rel=1e-9)


@given(
    margin=st.floats(-0.5, 0.1), bonus=st.floats(0.0, 0.15), depth=st.floats(0.01, 100.0), share=st.floats(0.0, 2.0),
)  # fmt: skip
def test_no_other_amount_gains_more(
    blank: Callable[..., Any], margin: float, bonus: float, depth: float, share: float
) -> None:
    bench = world, _, p, _ = blank(**FREE)
    owe(bench, depth=depth)
    compete(world, {"margin": margin})
    per_cash = (1.0 + bonus) / 900.0
    best = liquidators.wanted_repayment(world, 0, per_cash, p)
    gain = liquidators.gain_of(world, 0, best, per_cash, p)
    assert gain >= liquidators.gain_of(world, 0, share * best, per_cash, p) - 1e-9 * (1.0 + best)


def test_who_holds_coin_charges_for_its_risk(blank: Callable[..., Any]) -> None:
    hourly = 0.7 / math.sqrt(8760.0)
    for risk in (0.0, 1.0, 5.0):
        world, _, p, _ = blank(inventory_risk=risk, pool_fee=0.001)
        assert liquidators.holding_price(world, p) == pytest.approx(999.0 * (1.0 - risk * hourly))
        world.realised_6h = 2.1  # a storm: three times the implied vol
        assert liquidators.holding_price(world, p) == pytest.approx(999.0 * (1.0 - 3.0 * risk * hourly))
    # at 5 hourly deviations of 2.24% the bonus of 5% is no reason any more
    bench = world, venue, p, events = blank(**FREE | {"inventory_risk": 5.0})
    owe(bench)
    compete(world, {"flash": 0, "cash": 1e6})
    world.implied_vol = 2.1
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)
    world.implied_vol = 0.7  # 3.74%
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)


# ---------------------------------------------------------------- competition


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("cheap", [0, 1])
def test_the_cheaper_one_wins_and_pays_for_priority(blank: Callable[..., Any], share: float, cheap: int) -> None:
    # the bonus is 400. One pays 20 for gas and could make 380, the other 100 and 300: the first wins and gives
    # validators `share` of 300
    bench = world, venue, p, events = blank(**FREE | {"gas_cost": 100.0, "priority_share": share})
    owe(bench)
    gas = [{"gas": 1.0}, {"gas": 1.0}]
    gas[cheap]["gas"] = 0.2
    compete(world, *gas)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    kept = 380.0 - share * 300.0
    assert world.liquidator_profit[cheap] == pytest.approx(kept, abs=1e-3)
    assert world.liquidator_cash[cheap] == pytest.approx(kept, abs=1e-3)
    assert (world.liquidator_profit[1 - cheap], world.liquidator_cash[1 - cheap]) == (0.0, 0.0)
    assert world.liquidator_count.tolist() == [int(j == cheap) for j in range(8)]
    assert venue.sum_priority_fees == pytest.approx(share * 300.0, abs=1e-3)
    assert world.outside_cash == pytest.approx(20.0 + share * 300.0, abs=1e-3)
    assert venue.sum_liquidator_profit == world.liquidator_profit[cheap]


def test_what_counts_is_the_profit_beyond_the_margin(blank: Callable[..., Any]) -> None:
    # 400 less 0.5% and less 2% of 8,000: 360 against 240, in a pool where the last coin fetches the price
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    compete(world, {"margin": 0.06}, {"margin": 0.02}, {"margin": 0.005})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert world.liquidator_profit[2] == pytest.approx(400.0 - 120.0, abs=1e-3)
    # congestion raises what all of them ask: 2% more, and half of 80 for priority
    bench = world, venue, p, events = blank(**FREE | {"liquidator_margin_congested": 0.04})
    owe(bench)
    compete(world, {"margin": 0.06}, {"margin": 0.02}, {"margin": 0.005})
    world.congestion = 0.5
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert world.liquidator_profit[2] == pytest.approx(400.0 - 40.0, abs=1e-3)


def test_who_does_not_watch_is_no_rival(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    compete(world, {"watching": 0}, {"margin": 0.01}, {"watching": 0})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert world.liquidator_profit[:3] == pytest.approx([0.0, 400.0, 0.0], abs=1e-3)
    assert venue.sum_priority_fees == 0.0


def test_in_a_thin_pool_own_capital_beats_a_flash_loan(blank: Callable[..., Any]) -> None:
    for depth, winner in ((0.02, 1), (100.0, 0)):
        bench = world, venue, p, events = blank(**FREE | {"inventory_risk": 1.0})
        owe(bench, depth=depth)
        compete(world, {}, {"flash": 0, "cash": 1e5})
        assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
        assert world.liquidator_count[winner] == 1, depth


# ---------------------------------------------------------------- an inventory


def test_capital_depletes_and_an_inventory_is_sold_off(blank: Callable[..., Any], books: Any) -> None:
    bench = world, venue, p, events = blank(**FREE | {"gas_cost": 100.0, "inventory_speed": 0.5, "lasting_share": 0.5})
    owe(bench, collateral=9.5, depth=0.1)  # 90,000 USD and 100 coins
    compete(world, {"flash": 0, "cash": 5100.0, "capital": 5100.0})
    close_books(world, books)
    world.depth, world.num_events = 5400.0, 4
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    # all of its 5,100, of which gas takes 100: 5,000 / 900 * 1.05 = 5.8333 coins. Nothing is sold yet.
    assert (events.rows[0].repaid, events.rows[0].seized) == pytest.approx((5000.0, 5.833333333333333))
    assert world.liquidator_cash[0] == pytest.approx(0.0, abs=1e-9)
    assert world.liquidator_coin[0] == pytest.approx(5.833333333333333)
    assert world.liquidator_cost[0] == pytest.approx(5100.0)
    assert world.liquidators_holding == 1
    assert (world.pool_coin, world.liquidator_profit[0], venue.sum_liquidator_profit) == (100.0, 0.0, 0.0)
    assert venue.impact_serial == -1
    # and nobody has money for the other 3,000
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert (venue.sum_skipped, venue.skipped_debt) == (1.0, pytest.approx(3000.0))
    # half of the depth of 1% at 900 are 3 coins: 90,000 * 3 / 103 = 2621.36 USD, of a cost of 5,100 * 3 / 5.8333
    liquidators.work_off_inventory(world, events, p)
    assert world.liquidator_coin[0] == pytest.approx(2.833333333333333)
    assert world.liquidator_cash[0] == pytest.approx(2621.3592, abs=1e-3)
    assert world.liquidator_profit[0] == pytest.approx(2621.3592 - 2622.8571, abs=1e-3)
    assert (venue.impact_serial, world.liquidators_holding) == (4, 1)
    assert world.lasting_impact == pytest.approx(0.5 * -2.0 * math.log1p(0.03), rel=1e-9)
    # the rest in the next sub-step, when the pool is at 848.3 and a slice is 3.18 coins
    liquidators.work_off_inventory(world, events, p)
    assert (world.liquidator_coin[0], world.liquidator_cost[0], world.liquidators_holding) == (0.0, 0.0, 0)
    received = 90_000.0 - 9e6 / 105.83333333333333
    assert world.liquidator_cash[0] == pytest.approx(received)
    assert world.liquidator_profit[0] == venue.sum_liquidator_profit == pytest.approx(received - 5100.0)
    check_books(world)
    assert world.book_error < 1e-14
    before = world.tobytes()
    liquidators.work_off_inventory(world, events, p)
    assert world.tobytes() == before


def test_nobody_takes_on_more_than_it_can_sell(blank: Callable[..., Any]) -> None:
    # two hours of selling a tenth of a depth of 2,250 USD in a sub-step: 5,400 USD or 6 coins at 900, less those held
    for held, expected in ((0.0, 6.0), (2.0, 4.0), (7.0, 0.0)):
        bench = world, venue, p, events = blank(**FREE | {"inventory_speed": 0.1, "inventory_hours": 2.0})
        owe(bench)
        world.depth = 2250.0
        compete(world, {"flash": 0, "cash": 1e6, "coin": held})
        assert liquidators.liquidate_account(world, venue, 0, 0, events, p) == (expected > 0.0)
        assert world.liquidator_coin[0] - held == pytest.approx(expected)
    # it is no limit to who sells at once
    bench = world, venue, p, events = blank(**FREE, inventory_speed=0.0)
    owe(bench)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)


def test_priority_is_paid_from_what_is_left(blank: Callable[..., Any]) -> None:
    # one with 8,050 wins by a hair's margin and would owe 200 for priority; it has 50
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    compete(world, {"flash": 0, "cash": 8050.0}, {"margin": 1e-4})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert world.liquidator_count[0] == 1
    assert venue.sum_priority_fees == pytest.approx(50.0) and world.liquidator_cash[0] == pytest.approx(0.0, abs=1e-9)


def test_profit_goes_to_the_venue_that_the_coin_came_from(blank: Callable[..., Any]) -> None:
    bench = world, _, p, events = blank(2, **FREE, inventory_speed=1e9)
    owe(bench, v=1)
    compete(world, {"flash": 0, "cash": 1e5})
    venue = world.venues[1]
    assert liquidators.liquidate_account(world, venue, 1, 0, events, p)
    liquidators.work_off_inventory(world, events, p)
    assert venue.sum_liquidator_profit == pytest.approx(400.0, abs=1e-3)
    assert world.venues[0].sum_liquidator_profit == 0.0


@pytest.mark.parametrize(
    ("cash", "cost", "expected"),
    [
        (2000.0, 0.0, 2000.0 + 0.5 * 8000.0),  # half of what is missing in a half-life
        (12_000.0, 0.0, 12_000.0 - 0.5 * 2000.0),  # and half of what is too much goes home
        (2000.0, 8000.0, 2000.0),  # coin is capital too
        (100.0, 30_000.0, 0.0),  # only cash goes home
    ],
)
def test_capital_comes_back(blank: Callable[..., Any], books: Any, cash: float, cost: float, expected: float) -> None:
    world, _, p, _ = blank(liquidator_refill_half_life=1.0)
    compete(world, {"flash": 0, "capital": 10_000.0, "cash": cash, "cost": cost}, {"cash": 64.0})
    total = books.cash(world)
    liquidators.refill_capital(world, p)
    assert world.liquidator_cash[0] == pytest.approx(expected)
    assert world.liquidator_cash[1] == pytest.approx(32.0)  # in flash mode it is all profit
    assert books.cash(world) == pytest.approx(total)
    assert world.gross_cash == pytest.approx(abs(cash - expected) + 32.0)


# ---------------------------------------------------------------- what is skipped, and what is subsidised


def test_what_pays_nobody_is_skipped_and_counted(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE | {"gas_cost": 50.0})
    owe(bench)
    compete(world, {"gas": 0.5}, {"gas": 1.0})
    world.congestion = 1.0  # gas of 1,050 and 525 against a bonus of 400
    for look in (1.0, 2.0):
        assert liquidators.liquidate_round(world, events, bench.params) == 0
        assert (venue.sum_skipped, venue.skipped_debt, venue.health_stale) == (look, pytest.approx(8000.0), 1)
    world.congestion = 0.5  # 550 and 275
    assert liquidators.liquidate_round(world, events, bench.params) == 1
    assert world.liquidator_count[:2].tolist() == [1, 0]
    assert (venue.sum_skipped, venue.skipped_debt) == (2.0, 0.0)


def test_what_became_healthy_is_skipped_no_more(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE | {"gas_cost": 500.0})
    owe(bench)
    compete(world, {})
    assert liquidators.liquidate_round(world, events, bench.params) == 0
    assert venue.skipped_debt > 0.0
    venue.oracle_price = 1000.0
    assert liquidators.liquidate_round(world, events, bench.params) == 0
    assert (venue.skipped_debt, venue.health_stale) == (0.0, 0)


def test_nobody_skips_what_nobody_sees(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    for absent in ([], [{"attention": 0.0}]):
        compete(world, *absent)
        assert liquidators.liquidate_round(world, events, bench.params) == 0
        assert (venue.sum_skipped, venue.health_stale, world.num_events) == (0.0, 1, 0)


@pytest.mark.parametrize("flash", [0, 1])
def test_a_subsidised_keeper_is_made_whole_from_outside(blank: Callable[..., Any], books: Any, flash: int) -> None:
    # Without a bonus, with gas of 100 and a margin of -5%: it works at a loss of 100, which its sponsor pays.
    bench = world, venue, p, events = blank(**FREE | {"gas_cost": 100.0, "bonus_scale": 0.0, "inventory_speed": 1e9})
    owe(bench)
    compete(world, {"margin": 0.0, "flash": flash, "cash": 9e3})
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)
    compete(world, {"margin": -0.05, "flash": flash, "cash": 9e3})
    close_books(world, books)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    liquidators.work_off_inventory(world, events, p)
    assert events.rows[0].seized == pytest.approx(8000.0 / 900.0)
    assert venue.sum_keeper_subsidy == pytest.approx(100.0, abs=1e-3)
    assert world.liquidator_profit[0] == pytest.approx(0.0, abs=1e-3)
    assert world.liquidator_cash[0] == pytest.approx(9e3, abs=1e-3)
    assert world.outside_cash == pytest.approx(0.0, abs=1e-3)  # gas came to the miners and went from the sponsor
    check_books(world)
    assert world.book_error < 1e-14


def test_a_keeper_who_asks_for_nothing_takes_all(blank: Callable[..., Any]) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, depth=1e-3)  # 900 USD in the pool
    compete(world, {"margin": -1.0})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == 0.0
    assert world.liquidator_cash[0] == pytest.approx(0.0, abs=1e-9)
    assert venue.sum_keeper_subsidy == pytest.approx(8000.0 - 900.0 * 9.3333333 / 10.3333333)


# ---------------------------------------------------------------- dust


@pytest.mark.parametrize(("depth", "best", "left"), [(3.29, 69_640.0, 0.0), (3.27, 69_216.0, 1000.0)])
def test_rather_than_leave_dust_all_or_clearly_less(
    blank: Callable[..., Any], depth: float, best: float, left: float
) -> None:
    # Best would be to stop where the last coin pays, short of the 70,000 by less than a thousand. What is lost on the
    # way from there is a parabola: the rest is taken too when it is nearer than the round thousand, and left if not.
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=85.0, debt=70_000.0, depth=depth)
    assert liquidators.wanted_repayment(world, 0, 1.05 / 900.0, p) == pytest.approx(best, abs=1.0)
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == pytest.approx(left)


def test_dust_binds_who_has_no_money_for_all(blank: Callable[..., Any]) -> None:
    # 9,500 would leave 500 of 10,000; it cannot pay 10,000, so it takes 9,000
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=12.5, debt=10_000.0)
    compete(world, {"flash": 0, "cash": 9500.0})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_scaled_debt[0] == pytest.approx(1000.0)
    # 8,000 of 9,500 would leave 10 coins less 9.3333, 600 of collateral: it takes (9,000 - 1,000) / 1.05
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=10.0, debt=9500.0)
    compete(world, {"flash": 0, "cash": 8000.0})
    assert liquidators.liquidate_account(world, venue, 0, 0, events, p)
    assert venue.account_collateral[0] * 900.0 == pytest.approx(1000.0)
    # nothing is allowed short of all of a small one
    bench = world, venue, p, events = blank(**FREE)
    owe(bench, collateral=1.1, debt=990.0)
    compete(world, {"flash": 0, "cash": 900.0})
    assert not liquidators.liquidate_account(world, venue, 0, 0, events, p)


# ---------------------------------------------------------------- two venues


@pytest.mark.parametrize("substep", [0, 1])
def test_capital_goes_where_the_bonus_is(blank: Callable[..., Any], substep: int) -> None:
    for bonuses, first in (((0.05, 0.08), 1), ((0.08, 0.05), 0), ((0.05, 0.05), substep)):
        bench = world, _, p, events = blank(2, **FREE)
        world.substep = substep
        for v in range(2):
            owe(bench, v=v)
            world.venues[v].liquidation_bonus = bonuses[v]
        compete(world, {"flash": 0, "cash": 8000.0})
        assert liquidators.liquidate_round(world, events, bench.params) == 1
        assert events.rows[0].venue == first


# ---------------------------------------------------------------- invariants

ABLE = st.fixed_dictionaries(
    {
        "flash": st.integers(0, 1), "watching": st.integers(0, 1), "gas": st.floats(0.0, 3.0),
        "margin": st.floats(-0.2, 0.1), "cash": st.floats(0.0, 2e4),
    }
)  # fmt: skip


@given(
    who=st.lists(ABLE, max_size=8), collateral=st.floats(0.1, 50.0), loan=st.floats(0.75, 1.3),
    depth=st.floats(1e-3, 1e3), gap=st.floats(-0.1, 0.1), gas=st.floats(0.0, 200.0), congestion=st.floats(0.0, 1.0),
    share=st.floats(0.0, 1.0), bonus=st.floats(0.0, 1.0),
)  # fmt: skip
def test_liquidators_keep_their_promises(
    blank: Callable[..., Any], books: Any, who: list[dict[str, float]], collateral: float, loan: float, depth: float,
    gap: float, gas: float, congestion: float, share: float, bonus: float,
) -> None:  # fmt: skip
    assume(loan > 0.831)
    numbers = {"gas_cost": gas, "priority_share": share, "bonus_scale": bonus, "pool_fee": 5e-4, "protocol_fee": 0.1}
    bench = world, venue, p, events = blank(**FREE | numbers, inventory_speed=0.1)
    debt = loan * collateral * 900.0
    owe(bench, collateral, debt, depth)
    world.pool_coin *= math.exp(gap)
    world.congestion = congestion
    compete(world, *who)
    rich = world.liquidator_cash.copy()
    close_books(world, books)
    done = liquidators.liquidate_account(world, venue, 0, 0, events, p)
    check_books(world)
    assert world.book_error < 1e-12
    cash, coin = world.liquidator_cash, world.liquidator_coin
    assert (cash >= -1e-8).all() and (coin >= 0.0).all() and (world.liquidator_cost >= 0.0).all()
    assert (coin > 0.0).sum() == world.liquidators_holding
    assert world.liquidator_count.sum() == done
    if not done:
        assert (cash == rich).all() and venue.sum_skipped == 1.0 and 0.0 < venue.skipped_debt <= debt
        return
    winner = int(world.liquidator_count.argmax())
    fields = who[winner]
    assert fields["watching"]
    assert (np.delete(cash, winner) == np.delete(rich, winner)).all()
    left, owed = float(venue.account_collateral[0]), float(venue.account_scaled_debt[0])
    assert owed == 0.0 or (owed >= 1000.0 - 1e-6 and left * 900.0 >= 1000.0 - 1e-6)
    assert venue.sum_priority_fees >= 0.0 and venue.sum_keeper_subsidy >= 0.0
    if fields["margin"] >= 0.0:
        # nobody is paid to work who did not ask for it, and it gains what it asks for
        assert venue.sum_keeper_subsidy < 1e-6
        if fields["flash"]:
            assert world.liquidator_profit[winner] >= fields["margin"] * events.rows[0].repaid - 1e-6
    if fields["flash"]:
        assert coin[winner] == 0.0 and cash[winner] >= rich[winner] - 1e-8
    else:
        assert cash[winner] < rich[winner] and coin[winner] > 0.0
    for _ in range(3):
        if world.liquidators_holding:
            liquidators.work_off_inventory(world, events, p)
    liquidators.refill_capital(world, p)
    check_books(world)
    assert world.book_error < 1e-12


# ---------------------------------------------------------------- through the simulator


def test_profits_of_a_crash_add_up(simulate: Callable[..., Simulator], shake: Callable[..., Any]) -> None:
    numbers = {"liquidator_inventory_share": 0.5, "leverage_low": 0.9, "liquidator_margin": 0.004}
    simulator = simulate("crash-heldout", 12, seed=4, venues=2, episode_hours=240, parameters=numbers)
    worlds, rng = simulator.worlds, np.random.default_rng(2)
    capital = worlds["liquidator_capital"].sum(axis=1)
    profit = np.zeros(12)
    held, lowest = 0, 0.0
    for _ in range(simulator.horizon):
        step = simulator.step(shake(simulator, rng))
        profit += worlds["venues"]["sum_liquidator_profit"].sum(axis=1)
        held += int(worlds["liquidators_holding"].sum())
        lowest = min(lowest, float(worlds["liquidator_cash"].min()))
        assert (worlds["liquidators_holding"] == (worlds["liquidator_coin"] > 0.0).sum(axis=1)).all()
        assert step.n_events.max() < 256 * 6
    assert profit == pytest.approx(worlds["liquidator_profit"].sum(axis=1), rel=1e-9, abs=1e-6)
    assert worlds["liquidator_count"].sum() > 100 and held > 0 and capital.max() > 0.0
    assert lowest > -1e-6
    assert worlds["book_error"].max() < 1e-9


def test_a_sale_from_an_inventory_is_the_parent_of_what_it_causes(
    simulate: Callable[..., Simulator], made: Any, books: Any, hold: Any
) -> None:
    # The oracle is the pool, 1,000 coins at 1,000 USD, and nobody arbitrages. Account 0 (20 coins, 18,000 USD, health
    # 0.922) is taken in the first five minutes by one who keeps the 18.9 coins and sells 5 in each of the next.
    # Account 1 (50 coins, 40,500 USD) falls below one at 975.9 USD: after 12.3 coins, so in the third slice's.
    depth = 1e6 * math.expm1(0.005)
    numbers = FREE | {
        "num_accounts": 2, "num_suppliers": 1, "options_on": 0, "arbitrage_capacity": 0.0, "lasting_share": 0.0,
        "oracle_pool_weight": 1.0, "oracle_deviation": 0.0, "oracle_heartbeat": 1.0, "oracle_delay": 0.0,
        "num_liquidators": 1, "liquidator_inventory_share": 1.0, "liquidator_capital": 1e6, "liquidator_skill": 0.0,
        "liquidator_attention": 1.0, "inventory_speed": 5.0 * 1000.0 / depth, "supplier_need": 0.0,
    }  # fmt: skip
    levers = {"liquidation_threshold": 0.83, "liquidation_bonus": 0.05}
    simulator = simulate(
        made([1000.0], depth=depth), parameters=numbers, decision_hours=1, autonomy=0.0, defaults=levers
    )
    world, venue = simulator.worlds[0], simulator.worlds[0].venues[0]
    for i, (collateral, debt) in enumerate([(20.0, 18_000.0), (50.0, 40_500.0)]):
        venue.account_collateral[i], venue.account_scaled_debt[i], venue.account_activity[i] = collateral, debt, 0.0
    venue.cash, venue.supplier_scaled[0], venue.supplier_patience[0] = 1e12, 1e12 + 58_500.0, 0.0
    books.rebook(simulator)
    step = simulator.step(hold(simulator))
    first, second = step.events[0][:2]
    assert (first["kind"], first["account"], first["substep"], first["parent"]) == (EventKind.LIQUIDATION, 0, 0, -1)
    assert (second["account"], second["parent"], second["root"], second["generation"]) == (1, 0, 0, 1)
    assert second["substep"] in (3, 4)  # the oracle sees a slice in the sub-step of the sale or the next
    assert world.liquidator_count[0] >= 2
