"""Features in physical units, recounted from the record, and their normalisation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protogov.envs.simulator import Simulator
from protogov.envs.world import observe
from protogov.envs.world.levers import LEVERS
from protogov.envs.world.state import NEVER
from protogov.envs.world.surface import fair_vol, mid_vol


def expected_world(world: Any, closes: list[float], p: Any) -> dict[str, float]:
    """Features of the outside market; `closes` are the oracle's hourly prices since the opening."""
    now = float(world.oracle_price)

    def past(hours: int) -> float:
        return math.log(now / closes[max(len(closes) - 1 - hours, 0)])

    return {
        "return_1h": past(1),
        "return_6h": past(6),
        "return_24h": past(24),
        "return_72h": past(72),
        "realised_1h": world.realised_1h,
        "realised_6h": world.realised_6h,
        "realised_72h": world.realised_72h,
        "implied_vol": world.implied_vol,
        "implied_less_realised": world.implied_vol - world.realised_72h,
        "drawdown_week": now / max(closes[-168:]) - 1.0,
        "leverage_demand": math.log(world.leverage_demand),
        "outside_yield": world.outside_yield,
        "informed_share": world.informed_share,
        "flow_intensity": math.log(world.flow_intensity),
        "congestion": world.congestion,
        "funding": world.funding,
        "peg_gap": world.peg - 1.0,
        "depth": math.log(world.depth / 0.5e6),
        "depth_over_week": math.log(world.depth / world.depth_week),
        "pool_over_oracle": math.log(world.pool_cash / world.pool_coin / now),
        "open_interest": math.log(world.open_interest / p.open_interest),
    }


def expected_venue(world: Any, venue: Any, p: Any) -> dict[str, float]:
    """Scalar features of a venue; money over K0 or over the pool's value."""
    k0, spot = float(venue.opening_value), float(world.oracle_price)
    nav = max(float(venue.last_nav), 1e-3 * k0)
    debt = float(venue.account_scaled_debt[: venue.num_accounts].sum() * venue.borrow_index)
    owed = float((venue.supplier_scaled[: venue.num_suppliers].sum() + venue.option_scaled) * venue.supply_index)
    middle = int(venue.num_strikes) // 2
    gaps = [
        mid_vol(venue, e, middle, spot, p) - fair_vol(world.implied_vol, spot, venue.strike[e, middle], p)
        for e in range(venue.num_expiries)
    ]
    return {
        "utilisation": venue.utilisation,
        "utilisation_over_optimal": venue.utilisation - venue.optimal_utilisation,
        "borrow_rate": venue.borrow_rate,
        "supply_rate": venue.supply_rate,
        "supply_rate_over_outside": venue.supply_rate - world.outside_yield,
        "debt": debt / k0,
        "deposits": owed / k0,
        "net_borrow_day": venue.borrow_flow_day / k0,
        "net_supply_day": venue.supply_flow_day / k0,
        "unmet_withdrawals": venue.unmet_withdrawals / k0,
        "at_risk": venue.at_risk,
        "liquidation_gain": venue.liquidation_gain,
        "liquidated": venue.sum_liquidated / k0,
        "latent": venue.last_latent / k0,
        "deficit": venue.deficit / k0,
        "treasury": (
            venue.treasury_cash + venue.reserve + venue.treasury_coin * world.tape_price - venue.deficit
        ) / k0,
        "option_nav": venue.last_nav / k0,
        "option_return": venue.nav_change / nav,
        "option_free_cash": venue.option_cash / nav,
        "option_unpaid": venue.option_unpaid / k0,
        "net_delta": (venue.net_delta + venue.hedge_coin) * spot / nav,
        "book_delta": venue.net_delta * spot / nav,
        "book_gamma": venue.net_gamma * (spot * 0.01) ** 2 / nav,
        "book_vega": venue.net_vega * 0.01 / nav,
        "hedge_gain": venue.hedge_gain,
        "surface_over_fair": float(np.mean(gaps)) if gaps else 0.0,
        "hours_to_expiry": (venue.next_expiry - world.substep) / 12.0 if gaps else 0.0,
        "hours_to_hedge": p.hedge_interval - world.hour % p.hedge_interval,
        "option_flow": venue.sum_option_contracts * spot / nav,
        "option_free_liquidity": (venue.option_cash + venue.option_scaled * venue.supply_index
                                  + venue.hedge_coin * spot - venue.locked - venue.option_unpaid) / nav,
        "lp_queue": venue.lp_queued[: venue.num_lps].sum() * max(venue.lp_price, 0.0) / nav,
        "short_interest": venue.short_collateral[: venue.num_shorts].sum() / nav,
    }  # fmt: skip


def check(simulator: Simulator, closes: list[list[float]]) -> None:
    for i, world in enumerate(simulator.worlds):
        p = simulator.params[i]
        features = expected_world(world, closes[i], p)
        assert features.keys() == {feature.name for feature in observe.WORLD_FEATURES}
        for agent, place in simulator.places.items():
            venue = world.venues[place.venue]
            scalars = expected_venue(world, venue, p)
            assert scalars.keys() == {f.name for f in observe.VENUE_FEATURES if not f.shape}
            view = simulator.view(agent)
            for name, value in (features | scalars).items():
                assert view.raw(name)[i] == pytest.approx(value, rel=1e-9, abs=1e-12), name
            for index, lever in enumerate(LEVERS):
                row = venue.levers[index]
                executed = lever.action(np.array(row.executed))
                assert view.raw("lever_executed")[i, index] == pytest.approx(executed, abs=1e-9)
                pending = lever.action(np.array(row.pending)) - executed if row.due != NEVER else 0.0
                assert view.raw("lever_pending")[i, index] == pytest.approx(pending, abs=1e-9)
                effect = max(row.due - world.substep, 0) / 12.0 if row.due != NEVER else 0.0
                assert view.raw("lever_hours_to_effect")[i, index] == pytest.approx(effect)
                wait = max(row.allowed - world.substep, 0) / 12.0
                assert view.raw("lever_hours_to_allowed")[i, index] == pytest.approx(wait)
                lagged = lever.action(np.array(venue.lagged_levers[index]))
                assert view.raw("lever_lagged")[i, index] == pytest.approx(lagged, abs=1e-9)


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("options_on", [0, 1])
def test_every_feature_is_recounted(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int, options_on: int
) -> None:
    simulator = simulate(
        "crash-heldout", 3, seed=1, venues=venues, autonomy=12.0, decision_hours=1,
        parameters={"options_on": options_on, "hedge_interval": 3.0},
    )  # fmt: skip
    closes = [[float(price)] for price in simulator.worlds["oracle_price"]]
    rng = np.random.default_rng(3)
    check(simulator, closes)
    for hour in range(1, 241):
        lagged = simulator.worlds["venues"]["levers"]["executed"].copy()
        simulator.step(shake(simulator, rng))
        for i, price in enumerate(simulator.worlds["oracle_price"]):
            closes[i].append(float(price))
        assert np.array_equal(simulator.worlds["venues"]["lagged_levers"], lagged)
        if hour in (1, 5, 40, 100, 170, 240):
            check(simulator, closes)


@given(
    raw=hnp.arrays(np.float64, 8, elements=st.floats(-1e12, 1e12)),
    scale=hnp.arrays(np.float64, 8, elements=st.floats(1e-3, 1e3)), symlog=hnp.arrays(np.bool_, 8),
)  # fmt: skip
def test_normalisation(raw: np.ndarray, scale: np.ndarray, symlog: np.ndarray) -> None:
    out = np.full(11, 7.0, np.float32)
    observe.normalise(raw, scale, symlog, out, 2)
    x = raw / scale
    expected = np.clip(np.where(symlog, np.sign(x) * np.log1p(np.abs(x)), x), -10.0, 10.0)
    assert out[2:10] == pytest.approx(expected.astype(np.float32), rel=1e-6, abs=1e-7)
    assert (out[[0, 1, 10]] == 7.0).all()


def test_an_observation_is_its_features_normalised(
    simulate: Callable[..., Simulator], shake: Callable[..., Any]
) -> None:
    simulator = simulate("jump", 4, venues=2)
    simulator.step(shake(simulator, np.random.default_rng(0)))
    for agent, role in simulator.roles.items():
        view = simulator.view(agent)
        columns = []
        for feature in role.feature_rows():
            x = view.raw(feature.name).reshape(4, -1) / feature.scale
            columns.append(np.clip(np.sign(x) * np.log1p(np.abs(x)) if feature.transform == "symlog" else x, -10, 10))
        rival = f"{role.name}_{1 - simulator.places[agent].venue}"
        columns.append(simulator.view(rival).raw("lever_lagged"))
        expected = np.concatenate(columns, axis=1)
        assert view.obs.dtype == np.float32
        assert view.obs == pytest.approx(expected.astype(np.float32), rel=1e-5, abs=1e-6)


def test_there_is_no_clock_and_no_scenario_name() -> None:
    for name in observe.FEATURES:
        assert name not in ("hour", "substep", "time", "step", "scenario", "seed", "episode")


def test_hours_until() -> None:
    assert observe.hours_until(36, 12) == 2.0
    assert observe.hours_until(12, 36) == observe.hours_until(12, 12) == observe.hours_until(NEVER, 12) == 0.0
