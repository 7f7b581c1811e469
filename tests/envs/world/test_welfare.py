"""Reward terms and welfare: the sum is the sum of its parts, each part is recounted from the record."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from protogov.envs.mandates import score_weights
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world import welfare
from protogov.envs.world.state import CollateralKind
from protogov.envs.world.welfare import TERM_NAMES, WELFARE_PARTS

PARTS = tuple(name for name in WELFARE_PARTS if name != "welfare")


def options_value(simulator: Simulator) -> np.ndarray:
    """Value [world, venue] of the pools' option books at the tape's price and vols, with scipy's distribution."""
    worlds, params = simulator.worlds.view(np.ndarray), simulator.params.view(np.ndarray)
    venues = worlds["venues"]
    spot = worlds["tape_price"][:, None, None, None]
    ratio = venues["strike"] / spot
    listed = ratio > 0.0  # slots beyond the counts are empty
    strike = np.where(listed, venues["strike"], spot)
    skew = np.clip(1.0 + params["surface_skew"][:, :, None, None] * np.log(strike / spot), 0.6, 1.8)
    vol = np.clip(worlds["implied_vol"][:, None, None, None] * skew, 0.05, 5.0)
    years = ((venues["expiry"] - worlds["substep"][:, None, None]) / 12.0 / 8760.0)[..., None]
    assert (years[listed.any(axis=3)] > 0.0).all()
    rate = params["interest_rate"][:, :, None, None]
    deviation = vol * np.sqrt(np.maximum(years, 1e-9))
    d1 = (np.log(spot / strike) + (rate + 0.5 * vol**2) * years) / deviation
    discounted = strike * np.exp(-rate * years)
    call = spot * special.ndtr(d1) - discounted * special.ndtr(d1 - deviation)
    put = call - spot + discounted
    held = (venues["short_calls"] - venues["long_calls"]) * call + (venues["short_puts"] - venues["long_puts"]) * put
    return np.where(listed, held, 0.0).sum(axis=(2, 3))


def default_puts(debt: np.ndarray, backing: np.ndarray, vol: np.ndarray) -> np.ndarray:
    """Puts [world, venue] on what collateral brings, struck at the debt, 14 days, without interest."""
    deviation = (vol * np.sqrt(14.0 / 365.0))[:, None, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = np.log(backing / debt) / deviation + deviation / 2.0
        put = debt * special.ndtr(deviation - d1) - backing * special.ndtr(-d1)
    return np.where(debt > 0.0, np.where(backing > 0.0, put, debt), 0.0).sum(axis=2)


def values(simulator: Simulator) -> dict[str, np.ndarray]:
    """What differences are taken of, [world, venue] in USD, recounted from the records."""
    worlds = simulator.worlds.view(np.ndarray)
    venues, tape = worlds["venues"], worlds["tape_price"][:, None]
    debt = venues["account_scaled_debt"] * venues["borrow_index"][..., None]
    collateral = venues["account_collateral"] * tape[..., None]
    contracts, e, k = venues["short_contracts"], venues["short_expiry"], venues["short_strike"]
    rows, columns = np.arange(simulator.num_worlds)[:, None, None], np.arange(simulator.config.venues)[:, None]
    mark = np.where(venues["short_call"] == 1, venues["mark_call"][rows, columns, e, k],
                    venues["mark_put"][rows, columns, e, k])  # fmt: skip
    posted = venues["short_collateral"] + venues["short_coin"] * tape[..., None]
    rest = np.maximum(collateral - debt, 0.0)  # what a loan's debt leaves of its coin
    pledged = rest[rows, columns, np.maximum(venues["short_account"], 0)]
    posted = np.where(venues["short_kind"] == CollateralKind.PLEDGE, pledged, posted)
    short_latent = np.where(contracts > 0.0, np.maximum(mark * contracts - 0.97 * posted, 0.0), 0.0)
    money = venues["option_cash"] + venues["option_scaled"] * venues["supply_index"] - venues["option_unpaid"]
    return {
        "nav": money + venues["hedge_coin"] * tape + options_value(simulator),
        "treasury": venues["treasury_cash"] + venues["reserve"] + venues["treasury_coin"] * tape,
        "deficit": venues["deficit"].copy(),
        "latent": default_puts(debt, 0.97 * collateral, worlds["implied_vol"]) + short_latent.sum(axis=2),
        "spread_drawdown": venues["spread_drawdown"].copy(),
        "risk_drawdown": venues["risk_drawdown"].copy(),
    }


@pytest.mark.parametrize(("venues", "socialised"), [(1, 0.0), (2, 1.0)])
def test_welfare_is_the_sum_of_its_parts_and_each_is_recounted(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int, socialised: float
) -> None:
    parameters = {"losses_socialised": socialised}
    simulator = simulate("crash-heldout", 24, seed=3, decision_hours=5, venues=venues, parameters=parameters)
    rng = np.random.default_rng(1)
    before = values(simulator)
    moved = dict.fromkeys(PARTS, 0.0)
    for _ in range(67):
        start = simulator.worlds["hour"].copy()
        step = simulator.step(shake(simulator, rng))
        hours = (simulator.worlds["hour"] - start)[:, None]
        after = values(simulator)
        sums = simulator.worlds["venues"]
        bp = 1e4 / sums["opening_value"]
        change = {name: after[name] - before[name] for name in after}
        # what the pool earns by serving others, haircuts on its deposit put back, less the outside yield
        served = ("fees", "interest", "hedging", "adverse_selection", "shorts", "settlement")
        income = sum(sums[f"pool_{name}"] for name in served) + sums["sum_lp_haircuts"] - sums["sum_variance_charge"]
        elsewhere = simulator.worlds["outside_yield"][:, None] * np.maximum(before["nav"], 0.0) * hours / 8760.0
        expected = {
            "welfare_borrowers": sums["sum_borrower_surplus"],
            "welfare_suppliers": sums["sum_supplier_surplus"],
            "welfare_lps": income - elsewhere,
            "welfare_traders": sums["sum_uninformed_surplus"],
            "welfare_treasury": change["treasury"],
            "welfare_haircuts": -3.0 * (sums["sum_haircuts"] + sums["sum_lp_haircuts"]),
            "welfare_deficit": -3.0 * change["deficit"],
            "welfare_latent": -3.0 * change["latent"],
            "welfare_liquidation": -0.5 * sums["sum_liquidation_cost"],
            "welfare_lockup": -sums["sum_lockup"],
        }
        assert set(expected) == set(PARTS)
        for v in range(venues):
            got = dict(zip(WELFARE_PARTS, step.terms[f"welfare_{v}"].T, strict=True))
            total = np.zeros(24)
            for name in PARTS:
                assert got[name] == pytest.approx((expected[name] * bp)[:, v], rel=1e-9, abs=1e-9), name
                moved[name] += float(np.abs(got[name]).sum())
                total += got[name]
            assert got["welfare"] == pytest.approx(total, rel=1e-12, abs=1e-9)
            risk, spread = (dict(zip(_sources(simulator, f"{r}_{v}"), step.terms[f"{r}_{v}"].T, strict=True))
                            for r in ("risk", "spread"))  # fmt: skip
            growth = sums["sum_bad_debt"] + change["latent"]
            assert risk["bad_debt_growth"] == pytest.approx((growth * bp)[:, v], rel=1e-9, abs=1e-9)
            for name, terms in (("spread_drawdown", spread), ("risk_drawdown", risk)):
                assert terms[f"{name}_growth"] == pytest.approx((change[name] * bp)[:, v], rel=1e-9, abs=1e-9)
                assert (change[name] >= 0.0).all()
        before = after
    # a part that never moved was never tested; what is not socialised is a deficit
    never = "welfare_haircuts" if socialised == 0.0 else "welfare_deficit"
    assert all(amount > 0.0 for name, amount in moved.items() if name != never), moved


def _sources(simulator: Simulator, agent: str) -> list[str]:
    return [term.source for term in simulator.roles[agent].terms]


def test_lps_profit_adds_up_over_an_episode(simulate: Callable[..., Simulator], shake: Callable[..., Any]) -> None:
    simulator = simulate("jump", 16)
    rng = np.random.default_rng(2)
    first = values(simulator)["nav"][:, 0]
    column = TERM_NAMES.index("lp_profit")
    profit, flow = np.zeros(16), np.zeros(16)
    for _ in range(simulator.horizon):
        simulator.step(shake(simulator, rng))
        flow += simulator.worlds["venues"]["sum_lp_flow"][:, 0]
        profit += simulator._terms_flat[:, 0, column]
    assert simulator.truncated().all()
    bp = 1e4 / simulator.worlds["venues"]["opening_value"][:, 0]
    assert (flow != 0.0).any()
    assert profit == pytest.approx((values(simulator)["nav"][:, 0] - first - flow) * bp, rel=1e-9, abs=1e-7)


def test_the_value_of_a_venue_is_fixed_when_it_opens(
    simulate: Callable[..., Simulator], shake: Callable[..., Any]
) -> None:
    simulator = simulate("jump", 8, parameters={"supply_size": 5e7, "lp_size": 1e7, "treasury_share": 0.02})
    opening = simulator.worlds["venues"]["opening_value"].copy()
    simulator.step(shake(simulator, np.random.default_rng(0)))
    assert np.array_equal(simulator.worlds["venues"]["opening_value"], opening)


def test_a_drawdown_is_charged_once_and_beyond_the_free_part(blank: Callable[..., Any]) -> None:
    _, venue, _, _ = blank()
    venue.opening_value = 1e6  # free: 5,000
    bp = 1e4 / 1e6

    def spread(nav_change: float) -> float:
        return float(welfare.grow_drawdowns(venue, 0.0, nav_change, bp)[1])

    assert spread(1000.0) == 0.0
    assert spread(-4000.0) == 0.0  # 4,000 below the peak
    assert spread(-3000.0) == pytest.approx(20.0)  # 7,000 below: 2,000 beyond
    assert spread(2500.0) == 0.0
    assert spread(-2500.0) == 0.0  # as deep as before, charged then
    assert spread(-1000.0) == pytest.approx(10.0)
    assert spread(50_000.0) == 0.0
    assert spread(-9000.0) == pytest.approx(10.0)  # from the new peak: 4,000 beyond, of which 3,000 were charged


def test_the_risk_drawdown_counts_income_surplus_and_losses(blank: Callable[..., Any]) -> None:
    _, venue, _, _ = blank()
    venue.opening_value = 1e6
    venue.sum_reserve_income, venue.sum_borrower_surplus = 100.0, 400.0
    venue.sum_bad_debt, venue.sum_liquidation_cost = 2000.0, 5000.0
    for name, weight in score_weights(ROLES["risk"].mandate).items():
        venue.score_weights[name] = weight
    growth, _ = welfare.grow_drawdowns(venue, 2000.0, 0.0, 0.01)
    assert venue.risk_score == pytest.approx(100.0 + 400.0 - 1.5 * 4000.0 - 0.1 * 5000.0)
    assert growth == pytest.approx((6000.0 - 5000.0) * 0.01)
    # the same again: only what is deeper than before
    growth, _ = welfare.grow_drawdowns(venue, 2000.0, 0.0, 0.01)
    assert growth == pytest.approx(6000.0 * 0.01)
    venue.sum_bad_debt = venue.sum_liquidation_cost = 0.0
    assert welfare.grow_drawdowns(venue, 0.0, 0.0, 0.01)[0] == 0.0


def test_a_decision_begins_with_empty_sums(blank: Callable[..., Any]) -> None:
    _, venue, _, _ = blank()
    names = [name for name in venue.dtype.names if name.startswith(("sum_", "flow_mark", "pool_"))]
    names.remove("pool_seen")  # by the oracle
    assert len(names) > 15
    for name in names:
        venue[name] = 1.0
    venue.levers[3].travelled = 1.0
    welfare.clear_sums(venue)
    assert not any(venue[name] for name in names) and venue.levers[3].travelled == 0.0


def test_churn_counts_the_rate_levers_travel(simulate: Callable[..., Simulator], hold: Callable[..., Any]) -> None:
    simulator = simulate("flat", 1, decision_hours=6, autonomy=72.0)
    actions = hold(simulator)
    actions["rate_0"][:] = [1.0, -1.0, 0.0, 0.0]
    actions["risk_0"][:] = 1.0
    step = simulator.step(actions)
    churn = step.terms["rate_0"][0, _sources(simulator, "rate_0").index("rate_churn")]
    # six caps of the base rate; slope1 goes from 5% to its floor of 1.5% in caps of one point
    assert churn == pytest.approx(6.0 + 3.5)


def test_the_gain_of_latency_traders_is_reported_as_a_part_of_the_informed(
    simulate: Callable[..., Simulator], shake: Callable[..., Any]
) -> None:
    simulator = simulate("jump", 16, decision_hours=24, parameters={"oracle_deviation": 0.02})
    rng = np.random.default_rng(4)
    seen = 0.0
    for _ in range(5):
        simulator.step(shake(simulator, rng))
        sums = simulator.worlds["venues"][:, 0]
        row = dict(zip(TERM_NAMES, simulator._terms_flat[:, 0].T, strict=True))
        bp = 1e4 / sums["opening_value"]
        assert row["latency_profit"] == pytest.approx(sums["sum_latency_profit"] * bp)
        assert row["informed_profit"] == pytest.approx(sums["sum_informed_profit"] * bp)
        assert (row["latency_profit"] <= row["informed_profit"] * (1.0 + 1e-12)).all()
        seen += row["latency_profit"].sum()
    assert seen > 0.0
