"""What an experimenter does to worlds: it does what it says, keeps the books, and is nothing where there is none."""

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import SnapshotError
from protogov.envs.interventions import NO_EVENT, SALES, Interventions
from protogov.envs.simulator import Simulator
from protogov.envs.world import interventions, short_liquidation
from protogov.envs.world.hedging import hedge
from protogov.envs.world.lever_table import LEVER_INDEX
from protogov.envs.world.population.borrowers import deleverage
from protogov.envs.world.population.liquidators import liquidate_account
from protogov.envs.world.state import DELEVERAGE_SALE, HEDGE_SALE, LIQUIDATION_SALE, SHORT_SALE

FREE = {"liquidator_margin": 0.0, "gas_cost": 0.0, "pool_fee": 0.003, "protocol_fee": 0.0, "lasting_share": 0.5}
CRASH = {"depth_scale": 0.1, "leverage_high": 1.0, "leverage_low": 0.9, "attentive_activity": 0.02}


def owe(bench: Any) -> None:
    """Account 0 owes 800 USD behind a coin at 900 USD outside and by the oracle: it can be liquidated."""
    world, venue, _, _ = bench
    venue.num_accounts = venue.num_suppliers = 1
    venue.account_collateral[0], venue.account_scaled_debt[0], venue.scaled_debt = 1.0, 800.0, 800.0
    venue.supplier_scaled[0] = venue.scaled_deposits = 1800.0
    venue.cash, venue.oracle_price = 1000.0, 900.0
    world.tape_price, world.outside_price, world.pool_cash = 900.0, 900.0, 9e5


# ---------------------------------------------------------------- one sale


@pytest.mark.parametrize(("muted", "reaches"), [(NO_EVENT, True), (4, True), (5, False)])
def test_a_muted_liquidation_reaches_nobody(blank: Callable[..., Any], books: Any, muted: int, reaches: bool) -> None:
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    world.num_events = 5  # the serial of what comes next
    before = books.cash(world), books.coin(world)
    events.interventions[0].active, events.interventions[0].muted = 1, muted + 1
    assert liquidate_account(world, venue, 0, 0, events, p)
    seized = events.rows[0].seized
    assert events.rows[0].serial == 5 and seized > 0.0
    assert (world.pool_coin == 1e3, world.lasting_impact == 0.0, world.pool_stress == 0.0) == (not reaches,) * 3
    assert (venue.impact_serial == 5) == reaches
    if not reaches:  # at the tape's price, without fee
        assert world.liquidator_cash[0] == pytest.approx(seized * 900.0 - events.rows[0].repaid)
        assert world.outside_coin == seized
    assert (books.cash(world), books.coin(world)) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("pool_price", [900.0, 950.0])
def test_a_muted_flash_liquidation_brings_at_least_what_the_pool_would_pay(
    blank: Callable[..., Any], books: Any, pool_price: float
) -> None:
    """A flash liquidator has no money of its own: with the tape below the pool, the tape's price leaves it in debt."""
    bench = world, venue, p, events = blank(**FREE)
    owe(bench)
    world.tape_price, world.pool_cash, world.liquidator_flash[0] = 850.0, 1e3 * pool_price, 1
    before = books.cash(world), books.coin(world), world.liquidator_cash[0]
    events.interventions[0].active, events.interventions[0].without_impact[LIQUIDATION_SALE] = 1, 1
    assert liquidate_account(world, venue, 0, 0, events, p)
    seized, gain = events.rows[0].seized, world.liquidator_cash[0] - before[2]
    paid = 1e3 * pool_price / (1e3 + seized) * (1.0 - p.pool_fee)
    assert world.pool_coin == 1e3 and world.lasting_impact == 0.0
    assert gain == pytest.approx(seized * paid - events.rows[0].repaid, rel=1e-9) and gain >= 0.0
    assert (books.cash(world), books.coin(world)) == pytest.approx(before[:2], rel=1e-12)


def test_a_muted_buy_back_raises_no_more_than_is_needed_from_a_dear_pool(blank: Callable[..., Any]) -> None:
    world, venue, p, events = bench = blank(**FREE)
    owe(bench)
    world.pool_cash = 1e6  # at 1000 USD, the tape at 900
    events.interventions[0].active = events.interventions[0].without_impact[SHORT_SALE] = 1
    venue.num_shorts, venue.short_kind[0], venue.short_coin[0], venue.short_coin_sum = 1, 1, 3.0, 3.0
    raised, coin, impact = short_liquidation.raise_cash(world, venue, 0, 90.0, events, p)
    assert raised == pytest.approx(90.0, rel=1e-12) and 0.09 < coin < 0.1 and impact == 0.0


def test_a_muted_buy_back_and_deleveraging_reach_nobody(blank: Callable[..., Any], books: Any) -> None:
    for kind, muted in ((SHORT_SALE, False), (SHORT_SALE, True), (DELEVERAGE_SALE, False), (DELEVERAGE_SALE, True)):
        bench = world, venue, p, events = blank(**FREE)
        owe(bench)
        events.interventions[0].active = 1
        events.interventions[0].without_impact[kind] = muted
        venue.num_shorts, venue.short_kind[0], venue.short_coin[0], venue.short_coin_sum = 1, 1, 3.0, 3.0
        before = books.cash(world), books.coin(world)
        if kind == SHORT_SALE:
            raised, coin, impact = short_liquidation.raise_cash(world, venue, 0, 90.0, events, p)
            world.trader_cash += raised  # to whom it is owed
            assert raised == pytest.approx(90.0, rel=1e-12) and (impact == 0.0) == muted
            assert (coin == pytest.approx(0.1, rel=1e-12)) == muted  # nothing lost on the way
        else:
            deleverage(world, venue, 0, 0, 800.0, 900.0, 1.2, events, p)
            assert venue.account_scaled_debt[0] < 800.0
        assert (world.pool_coin == 1e3) == muted
        assert (books.cash(world), books.coin(world)) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize(("substep", "muted"), [(23, False), (24, True), (35, True), (36, False)])
def test_hedges_are_muted_in_their_hours_alone(blank: Callable[..., Any], substep: int, muted: bool) -> None:
    world, venue, p, events = blank(pool_fee=0.003)
    own = events.interventions[0]
    own.active, own.venues[0].hedges_from, own.venues[0].hedges_until = 1, 24, 36
    world.substep, venue.hedge_slice, venue.hedge_slices_left = substep, -5.0, 1
    hedge(world, venue, 0, events, p)
    assert venue.hedge_coin == -5.0 and venue.hedge_slices_left == 0
    assert (world.pool_coin == 1e3) == muted and (venue.option_cash == 5000.0) == muted


def test_kinds_of_sales_have_numbers_of_their_own() -> None:
    assert list(SALES.values()) == [LIQUIDATION_SALE, SHORT_SALE, DELEVERAGE_SALE, HEDGE_SALE] == [0, 1, 2, 3]


def test_a_stolen_stake_is_borne_by_its_owner_alone(blank: Callable[..., Any], books: Any) -> None:
    world, venue, _, _ = blank()
    venue.num_lps, venue.lp_price, venue.option_cash = 2, 2.0, 1000.0
    venue.lp_shares[:2], venue.lp_total, venue.lp_queued[0] = (300.0, 200.0), 500.0, 250.0
    before = books.cash(world)
    interventions.lose_stake(world, venue, 0, 150.0)
    assert (venue.lp_shares[0], venue.lp_queued[0], venue.lp_total) == (150.0, 150.0, 350.0)
    assert venue.option_cash / venue.lp_total == pytest.approx(2.0)  # a share is worth what it was
    assert (venue.sum_lp_haircuts, venue.pool_interest, world.outside_cash) == (300.0, -300.0, 300.0)
    assert books.cash(world) == before
    venue.locked = venue.option_cash - 100.0  # of 300 USD only 100 are free
    interventions.lose_stake(world, venue, 0, 150.0)
    assert (venue.lp_shares[0], venue.option_cash) == (100.0, 600.0)


# ---------------------------------------------------------------- in the world


def play(simulator: Simulator, steps: int, actions: Callable[[Simulator, Any], Any], seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        simulator.step(actions(simulator, rng))


def test_none_and_a_blank_record_are_the_same_bit_for_bit(simulate: Callable[..., Any], shake: Any) -> None:
    found = []
    for record in (None, "blank", "empty", "taken off"):
        world = simulate("jump + supplier-run", 5, venues=1, parameters=CRASH)
        if record is not None:
            own = Interventions(world)
            world.intervene(own if record == "blank" else own.mute(np.full(5, NO_EVENT)))
        assert world.intervened == (record in ("empty", "taken off"))
        if record == "taken off":
            world.intervene(None)
        play(world, 12, shake)
        found.append((world.worlds.tobytes(), world.all_terms().tobytes(), world.state().tobytes()))
    assert len(set(found)) == 1


def test_a_pin_holds_a_lever_for_its_hours_and_the_shield_takes_it_back(
    simulate: Callable[..., Any], hold: Any
) -> None:
    free, pinned = (simulate("flat", 2, autonomy=72.0, decision_hours=1) for _ in range(2))
    values = np.full((2, 4), np.nan)
    values[1, 0] = 0.05
    pinned.intervene(Interventions(pinned).pin("rate_0", values, ([9, 3], 6 + np.array([4, 0]))))
    path = []
    for _ in range(11):
        for world in (free, pinned):
            world.step(hold(world))
        path.append(pinned.executed("rate_0")[:, 0])
        for column in (1, 2, 3):  # the other levers
            assert (pinned.executed("rate_0")[:, column] == free.executed("rate_0")[:, column]).all()
    assert [row[0] for row in path] == [0.01] * 11
    # one point an hour back to its default, a third of an hour's notice each
    assert [row[1] for row in path] == pytest.approx([0.01] * 3 + [0.05] * 3 + [0.04, 0.03, 0.02, 0.01, 0.01])
    assert free.worlds[0].tobytes() == pinned.worlds[0].tobytes() != pinned.worlds[1].tobytes()


def test_a_lever_that_nobody_holds_can_be_pinned_too(simulate: Callable[..., Any], hold: Any) -> None:
    """In the core world no governor has the hedge ratio; pinned through its seat a lever is pinned alike."""
    world = simulate("flat", 2, size="core", decision_hours=1)
    world.intervene(Interventions(world).pin_lever(0, "hedge_ratio", [np.nan, 0.2], (1, 3)))
    path = []
    for _ in range(4):
        world.step(hold(world))
        path.append(world.worlds["venues"]["levers"]["executed"][:, 0, LEVER_INDEX["hedge_ratio"]].copy())
    assert [row[0] for row in path] == [0.8] * 4
    assert [row[1] for row in path][:3] == [0.8, 0.2, 0.2] and path[3][1] > 0.2
    whole = simulate("flat", 2, decision_hours=1)
    by_seat = Interventions(whole).pin("spread_0", [[np.nan] * 3 + [0.2]] * 2, (1, 3))
    assert by_seat.record.tobytes() == Interventions(whole).pin_lever(0, "hedge_ratio", 0.2, (1, 3)).record.tobytes()
    with pytest.raises(ValueError, match="name = 'hedge' is no lever"):
        Interventions(world).pin_lever(0, "hedge", 0.2, (1, 3))
    with pytest.raises(ValueError, match="hedge_ratio cannot be pinned at 2; 0 to 1.2 can"):
        Interventions(world).pin_lever(0, "hedge_ratio", 2.0, (1, 3))


def test_a_pin_where_a_lever_stands_is_nothing(simulate: Callable[..., Any], hold: Any) -> None:
    free, pinned = (simulate("jump", 2, decision_hours=6, episode_hours=48, parameters=CRASH) for _ in range(2))
    pinned.intervene(Interventions(pinned).pin("risk_0", pinned.executed("risk_0"), (6, 30)))
    for _ in range(8):
        ours, theirs = free.step(hold(free)), pinned.step(hold(pinned))
        for name in ours.terms:
            assert ours.terms[name].tobytes() == theirs.terms[name].tobytes()
        assert ours.events.tobytes() == theirs.events.tobytes()


def test_stolen_deposits_are_haircuts_of_their_owners(simulate: Callable[..., Any], hold: Any, books: Any) -> None:
    world = simulate("flat", 2, venues=2, decision_hours=1)
    play(world, 3, lambda at, _: hold(at))
    before = world.worlds.copy()
    world.intervene(Interventions(world).write_off(1, 3, suppliers=0.02, option_pool=0.5))
    world.step(hold(world))
    after, there = world.worlds["venues"][:, 1], before["venues"][:, 1]
    stolen = 0.02 * (there["supplier_scaled"] * there["supply_index"][:, None]).sum(axis=1)
    assert after["sum_haircuts"] == pytest.approx(stolen)
    assert after["sum_lp_haircuts"] == pytest.approx(0.5 * there["option_scaled"] * there["supply_index"])
    assert (world.worlds["venues"][:, 0]["sum_haircuts"] == 0.0).all()
    world.step(hold(world))
    assert (world.worlds["venues"]["sum_haircuts"] == 0.0).all()  # once, and not in every hour
    for row in world.worlds:
        assert books.lending(row.venues[1]) == pytest.approx(0.0, abs=1e-9 * row.gross_cash)


def test_a_market_that_lacks_the_cash_owes_it(simulate: Callable[..., Any], hold: Any) -> None:
    world = simulate("flat", 1, decision_hours=1)
    world.intervene(Interventions(world).write_off(0, 0, suppliers=0.9))
    step = world.step(hold(world))
    venue = world.worlds[0].venues[0]
    assert venue.backstop > 0.0 and venue.cash == 0.0 and venue.utilisation == 1.0
    assert step.records["pool_residual"] == pytest.approx(0.0, abs=1e-3)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_books_balance_whatever_is_done(simulate: Any, shake: Any, watch: Any, books: Any, data: st.DataObject) -> None:
    venues = data.draw(st.sampled_from([1, 1, 2]))
    world = simulate("jump", 4, seed=data.draw(st.integers(0, 9)), venues=venues, autonomy=inf, parameters=CRASH)
    share = st.floats(0.0, 1.0)
    own = Interventions(world).without_impact(data.draw(st.sets(st.sampled_from(sorted(SALES)))))
    for venue in range(venues):
        own.write_off(
            venue, data.draw(st.integers(0, 60)), suppliers=data.draw(st.lists(share, min_size=1, max_size=16)),
            option_pool=data.draw(share), liquidity_providers=data.draw(st.lists(share, min_size=1, max_size=8)),
        )  # fmt: skip
        own.mute_hedges(venue, (data.draw(st.integers(0, 30)), 40))
        for agent in (f"rate_{venue}", f"risk_{venue}", f"spread_{venue}"):
            names = world.places[agent].role.levers
            levers = [world.config.lever(name) for name in names]
            at = [data.draw(share) for _ in names]
            values = [lever.low + x * (lever.high - lever.low) for lever, x in zip(levers, at, strict=True)]
            own.pin(agent, [values] * 4, (data.draw(st.integers(0, 40)), 50))
    world.intervene(own.mute(data.draw(st.lists(st.integers(-1, 40), min_size=4, max_size=4))))
    rng, watcher = np.random.default_rng(0), watch(world)
    for _ in range(12):
        watcher.check(world.step(shake(world, rng)))
    for row in world.worlds:
        assert books.cash(row) == pytest.approx(row.opening_cash, abs=1e-9 * row.gross_cash)
        assert books.coin(row) == pytest.approx(row.opening_coin, abs=1e-9 * row.gross_coin)
        for venue in range(venues):
            assert books.lending(row.venues[venue]) == pytest.approx(0.0, abs=1e-9 * row.gross_cash)


# ---------------------------------------------------------------- the record


def test_forks_take_interventions_along_and_episodes_end_them(simulate: Callable[..., Any], hold: Any) -> None:
    world = simulate("flat", 3, decision_hours=1, episode_hours=12)
    values = np.full((3, 4), np.nan)
    values[2, 0] = 0.05
    world.intervene(Interventions(world).pin("rate_0", values, (0, 12)))
    fork = world.fork([2, 0])
    fork.step(hold(fork))
    assert fork.executed("rate_0")[:, 0].tolist() == [0.05, 0.01]
    assert fork.fork([1]).intervened  # blank, and in force
    with pytest.raises(SnapshotError, match="no place for interventions"):
        world.snapshot()
    world.reset(mask=np.array([False, False, True]))
    world.step(hold(world))
    assert world.executed("rate_0")[2, 0] == 0.01
    world.reset()
    assert not world.intervened
    world.snapshot()


def nobody(worlds: np.recarray, hour: int) -> None:
    """A population hook that changes nothing; with one, the rows run hour by hour."""


@pytest.mark.parametrize("more", [{}, {"num_threads": 2}, {"population_hook": nobody}], ids=["", "threads", "hook"])
def test_no_record_is_left_for_another_row_or_the_next_decision(hold: Any, more: dict[str, Any]) -> None:
    """Rows of a slice share one log: the record of a row must not stay there for the next row, or the next call."""
    world = Simulator(WorldConfig(decision_hours=2), 4, scenario="flat", **more)
    world.reset()
    values = np.full((4, 4), np.nan)
    values[:, 0] = 0.05, 0.06, 0.07, 0.08
    done = Interventions(world).pin("rate_0", values, (0, 40))
    done.record[[1, 3]] = 0  # rows 0 and 2 alone; on two threads the first of either slice
    world.intervene(done)
    fork = world.fork([1, 2, 3, 0])
    for at, wanted in ((world, [0.05, 0.01, 0.07, 0.01]), (fork, [0.01, 0.07, 0.01, 0.05])):
        for _ in range(2):
            at.step(hold(at))
            assert at.executed("rate_0")[:, 0].tolist() == wanted
    world.intervene(None)
    for _ in range(8):  # back to the default
        world.step(hold(world))
    assert world.executed("rate_0")[:, 0].tolist() == [0.01] * 4
    fork.reset()
    fork.step(hold(fork))
    assert fork.executed("rate_0")[:, 0].tolist() == [0.01] * 4


def test_what_cannot_be_done_is_refused(simulate: Callable[..., Any]) -> None:
    world = simulate("flat", 2)
    own = Interventions(world)
    for wrong, message in (
        (lambda: own.pin("rate_1", np.zeros((2, 4)), (0, 1)), "rate_1"),
        (lambda: own.pin("rate_0", np.zeros(4), (0, 1)), r"\(2, 4\)"),
        (lambda: own.pin("rate_0", np.full((2, 4), 0.5), (0, 1)), "base_rate cannot be pinned at 0.5"),
        (lambda: own.pin("rate_0", np.full((2, 4), np.nan), (3, 3)), "hours"),
        (lambda: own.mute([1]), r"\(2,\)"),
        (lambda: own.mute_hedges(1, (0, 1)), "venue = 1"),
        (lambda: own.without_impact(["arbitrage"]), "arbitrage"),
        (lambda: own.write_off(0, 3, suppliers=1.5), "suppliers"),
        (lambda: world.fork([0]).intervene(own), "2 worlds"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
