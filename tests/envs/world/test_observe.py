"""Features in physical units, recounted from the record, and their normalisation."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from protogov.envs.config import OBSERVABLE, ConfigError, WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world import features, observe
from protogov.envs.world.lever_table import LEVERS
from protogov.envs.world.state import NEVER, CollateralKind
from protogov.envs.world.surface import fair_vol, mid_vol


def expected_world(world: Any, venue: Any, closes: list[float], p: Any) -> dict[str, float]:
    """Features of the outside market; `closes` are the hourly prices of the venue's oracle since the opening."""
    now = float(venue.oracle_price)

    def past(hours: int) -> float:
        return math.log(now / closes[max(len(closes) - 1 - hours, 0)])

    return {
        "return_1h": past(1),
        "return_6h": past(6),
        "return_24h": past(24),
        "return_72h": past(72),
        "realised_1h": venue.realised_1h,
        "realised_6h": venue.realised_6h,
        "realised_72h": venue.realised_72h,
        "implied_vol": world.implied_vol,
        "implied_less_realised": world.implied_vol - venue.realised_72h,
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


def own_nav(world: Any, venue: Any) -> float:
    """The option pool's value at its own marks: every position at the mark of its node."""
    book = ((venue.short_calls - venue.long_calls) * venue.mark_call).sum()
    book += ((venue.short_puts - venue.long_puts) * venue.mark_put).sum()
    money = venue.option_cash + venue.option_scaled * venue.supply_index - venue.option_unpaid
    return float(money + venue.hedge_coin * venue.oracle_price + book)


def shortfall(world: Any, venue: Any) -> float:
    """Puts on 97% of loans' collateral at the oracle's price, and what short sellers owe beyond 97% of theirs."""
    price, total = float(venue.oracle_price), 0.0
    deviation = float(world.implied_vol) * math.sqrt(14.0 / 365.0)
    debts = venue.account_scaled_debt * venue.borrow_index
    for i in range(int(venue.num_accounts)):
        backing = 0.97 * price * venue.account_collateral[i]
        if debts[i] > 0.0 and backing > 0.0:
            d1 = math.log(backing / debts[i]) / deviation + deviation / 2.0
            total += debts[i] * norm.cdf(deviation - d1) - backing * norm.cdf(-d1)
    for s in range(int(venue.num_shorts)):
        marks = venue.mark_call if venue.short_call[s] == 1 else venue.mark_put
        owed = venue.short_contracts[s] * marks[venue.short_expiry[s], venue.short_strike[s]]
        backing = venue.short_collateral[s] + venue.short_coin[s] * price
        if venue.short_kind[s] == CollateralKind.PLEDGE:
            i = venue.short_account[s]
            backing = max(venue.account_collateral[i] * price - debts[i], 0.0)
        if venue.short_contracts[s] > 0.0:
            total += max(owed - 0.97 * backing, 0.0)
    return total


def expected_venue(world: Any, venue: Any, p: Any) -> dict[str, float]:
    """Scalar features of a venue; money over K0 or over the pool's value."""
    k0, spot = float(venue.opening_value), float(venue.oracle_price)
    nav = max(own_nav(world, venue), 1e-3 * k0)
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
        "shortfall": shortfall(world, venue) / k0,
        "deficit": venue.deficit / k0,
        "treasury": (
            venue.treasury_cash + venue.reserve + venue.treasury_coin * spot - venue.deficit
        ) / k0,
        "option_nav": own_nav(world, venue) / k0,
        "option_return": venue.marked_change / nav,
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
        "flow_toxicity": venue.toxic_gain / (venue.toxic_size + 1e-5 * nav),
        "option_flow": venue.sum_option_contracts * spot / nav,
        "option_free_liquidity": (venue.option_cash + venue.option_scaled * venue.supply_index
                                  + venue.hedge_coin * spot - venue.locked - venue.option_unpaid) / nav,
        "lp_queue": venue.lp_queued[: venue.num_lps].sum() * max(venue.lp_price, 0.0) / nav,
        "short_interest": venue.short_collateral[: venue.num_shorts].sum() / nav,
    }  # fmt: skip


def expected_surface(world: Any, venue: Any, p: Any) -> dict[str, np.ndarray]:
    """The group `surface`: rows by time to expiry."""
    spot, n, m = float(venue.oracle_price), int(venue.num_expiries), int(venue.num_strikes)
    nav = max(own_nav(world, venue), 1e-3 * float(venue.opening_value))
    held = venue.long_calls + venue.long_puts + venue.short_calls + venue.short_puts
    out = {name: np.zeros((4, 5)) for name in ("node_vol", "node_interest", "node_flow", "node_vol_over_fair")}
    for row, e in enumerate(np.argsort(venue.expiry[:n])):
        for k in range(m):
            vol = mid_vol(venue, e, k, spot, p)
            out["node_vol"][row, k] = vol
            out["node_interest"][row, k] = held[e, k] * spot / nav
            out["node_flow"][row, k] = venue.node_flow[e, k] * spot / nav
            out["node_vol_over_fair"][row, k] = vol - fair_vol(world.implied_vol, spot, venue.strike[e, k], p)
    return out


def expected_accounts(world: Any, venue: Any) -> dict[str, Any]:
    """The group `accounts`."""
    n = int(venue.num_accounts)
    debt = venue.account_scaled_debt[:n] * venue.borrow_index
    shares = debt / max(debt.sum(), 1e-300)
    owing = debt > 0.0
    backing = venue.account_collateral[:n] * venue.oracle_price * venue.liquidation_threshold
    edges = [-np.inf, 1.0, 1.02, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2.0, np.inf]
    bins, _ = np.histogram(backing[owing] / debt[owing], edges, weights=shares[owing])
    held = (venue.long_calls + venue.long_puts + venue.short_calls + venue.short_puts).ravel()
    return {
        "debt_by_health": bins,
        "debt_concentration": (shares**2).sum(),
        "interest_concentration": (held**2).sum() / held.sum() ** 2 if held.sum() > 0.0 else 0.0,
    }


def check(simulator: Simulator, closes: list[np.ndarray]) -> None:
    """Every number of every agent; `closes` [hour][world, venue] are the oracles' prices since the opening."""
    for i, world in enumerate(simulator.worlds):
        p = simulator.params[i, 0]
        for agent, place in simulator.places.items():
            venue = world.venues[place.venue]
            outside = expected_world(world, venue, [float(prices[i, place.venue]) for prices in closes], p)
            assert outside.keys() == {feature.name for feature in features.WORLD_FEATURES}
            scalars = expected_venue(world, venue, p)
            assert scalars.keys() == {f.name for f in features.VENUE_SCALARS}
            view = simulator.view(agent)
            for name, value in (outside | scalars).items():
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
            for name, table in (expected_surface(world, venue, p) | expected_accounts(world, venue)).items():
                assert view.raw(name)[i] == pytest.approx(table, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("venues", [1, 2])
@pytest.mark.parametrize("options_on", [0, 1])
def test_every_feature_is_recounted(
    simulate: Callable[..., Simulator], shake: Callable[..., Any], venues: int, options_on: int
) -> None:
    simulator = simulate(
        "crash-heldout", 3, seed=1, venues=venues, autonomy=12.0, decision_hours=1, observe=OBSERVABLE, privileged=True,
        parameters={"options_on": options_on, "hedge_interval": 3.0},
        venue_overrides=[{}, {"oracle_deviation": 0.04, "oracle_heartbeat": 5.0}] if venues == 2 else (),
    )  # fmt: skip
    closes = [simulator.worlds["venues"]["oracle_price"].copy()]
    rng = np.random.default_rng(3)
    check(simulator, closes)
    for hour in range(1, 241):
        lagged = simulator.worlds["venues"]["levers"]["executed"].copy()
        simulator.step(shake(simulator, rng))
        closes.append(simulator.worlds["venues"]["oracle_price"].copy())
        assert np.array_equal(simulator.worlds["venues"]["lagged_levers"], lagged)
        if hour in (1, 5, 40, 100, 170, 240):
            check(simulator, closes)


@given(
    raw=hnp.arrays(np.float64, 8, elements=st.floats(-1e12, 1e12)),
    scale=hnp.arrays(np.float64, 8, elements=st.floats(1e-3, 1e3)), symlog=hnp.arrays(np.bool_, 8),
)  # fmt: skip
def test_normalisation(raw: np.ndarray, scale: np.ndarray, symlog: np.ndarray) -> None:
    out = np.full(11, 7.0, np.float32)
    observe.normalise(raw, scale, symlog, out, 2, 0, 8)
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
        for feature in (one for one in role.feature_rows() if simulator.config.shows(one)):
            x = view.raw(feature.name).reshape(4, -1) / feature.scale
            columns.append(np.clip(np.sign(x) * np.log1p(np.abs(x)) if feature.transform == "symlog" else x, -10, 10))
        rival = f"{role.name}_{1 - simulator.places[agent].venue}"
        columns.append(simulator.view(rival).raw("lever_lagged"))
        expected = np.concatenate(columns, axis=1)
        assert view.obs.dtype == np.float32
        assert view.obs == pytest.approx(expected.astype(np.float32), rel=1e-5, abs=1e-6)


def test_there_is_no_clock_and_no_scenario_name() -> None:
    for name in features.FEATURES:
        assert name not in ("hour", "substep", "time", "step", "scenario", "seed", "episode")


def test_hours_until() -> None:
    assert observe.hours_until(36, 12) == 2.0
    assert observe.hours_until(12, 36) == observe.hours_until(12, 12) == observe.hours_until(NEVER, 12) == 0.0


# ---------------------------------------------------------------- groups: what a contract, a feed, the simulator knows

FEEDS = {
    "implied_vol", "implied_less_realised", "outside_yield", "funding", "peg_gap", "supply_rate_over_outside",
    "surface_over_fair", "shortfall",
}  # fmt: skip
LATENT = {"leverage_demand", "informed_share", "flow_intensity", "open_interest"}
# what only feeds and the simulator know, in the record of a world and of its venues; the peg moves true dollars alone
UNREADABLE = (
    "implied_vol", "outside_yield", "funding", "peg", "leverage_demand", "informed_share", "flow_intensity",
    "open_interest", "tape_price", "outside_price", "anchor_vol", "lasting_impact", "tape_depth", "outside_seen",
    "dollar_mark", "peg_opening",
)  # fmt: skip
UNREADABLE_AT_VENUES = (
    "last_nav", "nav_change", "last_latent", "last_treasury", "fair_price", "fair_call", "fair_put", "fair_delta",
    "fair_node_vol", "informed_fair", "traded_fair", "supplier_premium", "account_reservation_rate", "lp_premium",
)  # fmt: skip


def names_of(**config: Any) -> tuple[str, ...]:
    return Simulator(WorldConfig(**config)).observation_names("spread_0")


def test_governors_see_the_chain_and_the_feeds_and_nothing_latent() -> None:
    usual = set(names_of())
    assert not usual & LATENT and usual >= FEEDS and "flow_toxicity" in usual
    assert usual - set(names_of(observe=("chain",))) == FEEDS
    assert set(names_of(privileged=True)) - usual == LATENT
    assert set(names_of(observe=("feeds",))) == FEEDS


def test_what_a_contract_reads_says_nothing_of_what_only_feeds_and_the_simulator_know(
    simulate: Callable[..., Simulator], hold: Any
) -> None:
    # the same state with other indices, and with other values worked out from them: the chain part keeps its bits
    one = simulate("jump", 4, decision_hours=6)
    for _ in range(8):
        one.step(hold(one))
    other = one.fork(np.arange(4))
    for name in UNREADABLE:
        other.worlds[name] *= 1.5
    for name in UNREADABLE_AT_VENUES:
        other.worlds["venues"][name] *= 1.5
    shown = {}
    for simulator in (one, other):
        for world, p, outside, inside in zip(
            simulator.worlds, simulator.params[:, 0], simulator._world_features, simulator._venue_features, strict=True
        ):
            observe.observe_world(world, world.venues[0], outside[0], p)
            observe.observe_venue(world, world.venues[0], inside[0], p)
        shown[simulator is one] = {
            feature.name: simulator.feature("spread_0", feature.name)
            for feature in (*features.WORLD_FEATURES, *features.VENUE_SCALARS)
        }
    changed = {name for name, value in shown[True].items() if not np.array_equal(value, shown[False][name])}
    assert not {name for name in changed if features.FEATURES[name].group == "chain"}
    assert changed >= LATENT | {"implied_vol", "outside_yield", "funding", "peg_gap", "surface_over_fair"}


def test_nothing_that_is_seen_at_the_opening_is_a_latent_driver(simulate: Callable[..., Simulator]) -> None:
    simulator = simulate("jump", 64)
    seen = {name: simulator.view("rate_0").obs[:, at] for at, name in enumerate(simulator.observation_names("rate_0"))}
    for latent in ("leverage_demand", "informed_share", "flow_intensity"):
        driver = simulator.feature("rate_0", latent)
        for name, column in seen.items():
            if column.std() > 1e-6:  # beyond rounding; funding is published, and leans on the demand: with noise
                assert abs(np.corrcoef(column, driver)[0, 1]) < 0.97, (latent, name)


def test_new_groups_leave_the_observation_as_it_was_bit_for_bit(simulate: Callable[..., Simulator], shake: Any) -> None:
    plain = simulate("jump", 3, venues=2, decision_hours=6)
    full = simulate("jump", 3, venues=2, decision_hours=6, observe=OBSERVABLE)
    assert plain.worlds.tobytes() != full.worlds.tobytes()  # the switches
    for simulator in (plain, full):
        rng = np.random.default_rng(1)
        for _ in range(5):
            simulator.step(shake(simulator, rng))
    for agent in plain.agents:
        place = {name: at for at, name in enumerate(full.observation_names(agent))}
        columns = [place[name] for name in plain.observation_names(agent)]
        assert np.array_equal(full.observe()[agent][:, columns], plain.observe()[agent])
        assert full.observation_size(agent) - plain.observation_size(agent) == 4 * 20 + 12
    assert full.state_size - plain.state_size == 2 * (4 * 20 + 12)
    assert len(full.state_names()) == full.state_size and len(set(full.state_names())) == full.state_size
    assert set(LATENT) <= set(plain.state_names())
    shared = [name in set(plain.state_names()) for name in full.state_names()]
    assert np.array_equal(full.state()[:, shared], plain.state())


def test_a_surface_without_feeds_does_not_show_the_fair_gap() -> None:
    names = names_of(observe=("chain", "surface"))
    assert "node_vol[0,0]" in names and not any(name.startswith("node_vol_over_fair") for name in names)


def test_what_cannot_be_seen_is_refused_by_name(simulate: Callable[..., Simulator]) -> None:
    view = simulate("flat", observe=("chain", "surface")).view("rate_0")
    for name, why in (
        ("informed_share", "only the simulator knows it"),
        ("implied_vol", "it is of the group 'feeds', which observe leaves out"),
        ("node_vol_over_fair", "it needs the groups 'surface' and 'feeds' in observe"),
        ("debt_by_health", "it is of the group 'accounts', which observe leaves out"),
    ):
        with pytest.raises(KeyError, match=f"feature '{name}' cannot be seen by governors: {why}"):
            view.raw(name)
    assert view.feature_names == names_of(observe=("chain", "surface"))
    with pytest.raises(ConfigError, match=r"observe names the group 'latent', known groups .*; set privileged = True"):
        WorldConfig(observe=("latent",))
    with pytest.raises(ConfigError, match=r"observe = \(\) must name at least one of chain, feeds"):
        WorldConfig(observe=())
    assert WorldConfig(observe=["feeds", "chain", "chain"]) == WorldConfig()


def test_health_bins() -> None:
    assert [observe.health_bin(h) for h in (0.5, 0.999, 1.0, 1.049, 1.05, 1.99, 2.0, 1e18)] == [0, 0, 1, 2, 3, 8, 9, 9]
