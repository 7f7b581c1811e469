"""Regimes: time is spent in them as the chain says, and each acts on everything that a governor could adapt to."""

import numpy as np
import pytest

from protogov.envs.scenarios import PathScenario, Regime, RegimeProcess, RegimeWalk, get_scenario

TWO = {"quiet": Regime(stay=60.0, vol=0.3), "wild": Regime(stay=20.0, vol=1.5, depth=0.5, demand=0.6, intensity=2.0)}
TURNS = {"quiet": {"wild": 1.0}, "wild": {"quiet": 1.0}}


def registered() -> tuple[PathScenario, RegimeWalk]:
    found = get_scenario("regimes")
    assert isinstance(found, PathScenario) and isinstance(found.walk, RegimeWalk)
    return found, found.walk


def test_two_regimes_share_time_as_their_stays() -> None:
    walk = RegimeWalk(TWO, TURNS)
    np.testing.assert_allclose(walk.stationary, [0.75, 0.25])
    visited = PathScenario("test-two", "free", walk).marks(range(2000), 300)
    for hour in (0, 150, 300):  # stationary from the opening
        assert (visited[:, hour] == 1).mean() == pytest.approx(0.25, abs=0.04)
    leaving = ((visited[:, :-1] == 1) & (visited[:, 1:] == 0)).sum() / (visited[:, :-1] == 1).sum()
    assert leaving == pytest.approx(1 / 20, rel=0.05)


def test_time_in_each_of_the_registered_regimes_is_the_closed_form() -> None:
    market, walk = registered()
    visited = market.marks(range(3000), 336)
    share = np.bincount(visited.ravel(), minlength=5) / visited.size
    np.testing.assert_allclose(share, walk.stationary, atol=0.012)
    assert (np.array([len(set(row)) for row in visited]) > 1).mean() > 0.85  # something to adapt to in most episodes


def test_a_row_of_one_regime_has_its_vol_and_drift() -> None:
    process = RegimeProcess(vol_spread=0.0, leverage=0.0)
    still = {"one": Regime(stay=1e5, vol=0.8, drift=3.0), "other": Regime(stay=1.0, vol=0.8, drift=3.0)}
    walk = RegimeWalk(still, {"one": {"other": 1.0}, "other": {"one": 1.0}}, process)
    tapes = PathScenario("test-one", "free", walk).draw(range(1500), 336)
    growth = np.log(tapes["close"][:, -1].astype(float) / tapes["close"][:, 0])
    expected = (3.0 - 0.5 * 0.8**2) * 336 / 8760
    assert growth.mean() == pytest.approx(expected, abs=4 * growth.std() / np.sqrt(growth.size))
    assert growth.std() == pytest.approx(0.8 * np.sqrt(336 / 8760), rel=0.06)


def test_jumps_of_a_regime_do_not_change_its_drift() -> None:
    process = RegimeProcess(vol_spread=0.0, leverage=0.0)
    falling = Regime(stay=1e5, vol=0.3, jump_hazard=0.1, jump_mean=-0.02)
    walk = RegimeWalk({"a": falling, "b": falling}, {"a": {"b": 1.0}, "b": {"a": 1.0}}, process)
    tapes = PathScenario("test-jumping", "free", walk).draw(range(2000), 200)
    growth = tapes["close"][:, -1].astype(float) / tapes["close"][:, 0]
    assert growth.mean() == pytest.approx(1.0, abs=4 * growth.std() / np.sqrt(growth.size))


def test_a_regime_acts_on_vol_depth_demand_yield_and_flow() -> None:
    market, walk = registered()
    tapes, visited = market.draw(range(1500), 336), market.marks(range(1500), 336)
    names = list(walk.regimes)
    # a day after it began, a regime is seen in full by nearly everybody
    steady = np.array([(visited[:, h - 24 : h + 1] == visited[:, h : h + 1]).all(axis=1) for h in range(24, 337)]).T
    here = visited[:, 24:]

    def mean(field: str, regime: str) -> float:
        return float(tapes[field][:, 24:][steady & (here == names.index(regime))].mean())

    assert mean("leverage_demand", "boom") > 1.4 * mean("leverage_demand", "calm")
    assert mean("outside_yield", "boom") > mean("outside_yield", "calm") + 0.025
    assert mean("depth", "turbulent") < 0.7 * mean("depth", "calm")
    assert mean("flow_intensity", "turbulent") > 1.4 * mean("flow_intensity", "calm")
    assert mean("informed_share", "turbulent") > mean("informed_share", "calm") + 0.08
    move = np.diff(np.log(tapes["close"].astype(float)), axis=1)[:, 23:]
    vols = {name: move[steady & (here == i)].std() * np.sqrt(8760) for i, name in enumerate(names)}
    assert vols["calm"] < vols["normal"] < vols["turbulent"]
    assert vols["stress"] > 1.4


def test_the_market_has_no_trend_in_the_long_run() -> None:
    tapes = registered()[0].draw(range(3000), 336)
    growth = tapes["close"][:, -1].astype(float) / tapes["close"][:, 0]
    assert abs(growth.mean() - 1.0) < 0.01


def test_transitions_that_make_no_chain_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        RegimeWalk({"a": Regime()}, {"a": {}})
    with pytest.raises(ValueError, match=r"transitions\['wild'\] add up to 0.5"):
        RegimeWalk(TWO, {"quiet": {"wild": 1.0}, "wild": {"quiet": 0.5}})
    with pytest.raises(ValueError, match=r"transitions\['quiet'\] gives 'quiet' the share 1.0"):
        RegimeWalk(TWO, {"quiet": {"quiet": 1.0}, "wild": {"quiet": 1.0}})
    with pytest.raises(ValueError, match="Regime.stay is 0"):
        Regime(stay=0.0)
