"""The hand-written rules by hand-made views, the cheaters, and how names fill roles together."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import CHEATERS, controller_gains, governor_names, make_governor
from protogov.agents.baselines.linear_feedback import WEIGHTS, LinearFeedback
from protogov.agents.baselines.steward_var import value_at_risk
from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.simulator import Simulator
from protogov.experiments.core.governors import baseline
from protogov.experiments.errors import BadInput


def view(rows: int = 2, hours: int = 6, levers=None, **features):
    full = {name: np.broadcast_to(np.asarray(value, float), (rows,)) for name, value in features.items()}
    return SimpleNamespace(
        obs=np.zeros((rows, 1), np.float32), decision_hours=hours, levers=levers or {},
        raw=lambda name: full.get(name, np.zeros(rows)),
    )  # fmt: skip


def value(role: str, lever: str, actions):
    return LEVER_BY_NAME[lever].value(actions[:, ROLES[role].levers.index(lever)].astype(float))


def test_pi_is_the_closed_form_of_a_leaky_trapezoid():
    governor = make_governor("pi", ROLES["rate"])
    gain = {one.name: one.default for one in controller_gains("pi")}
    governor.act(view(utilisation=0.90))
    actions = governor.act(view(utilisation=0.92))
    integral = 0.5 * (0.02 + 0.04) * 6.0  # nothing before the first decision to leak
    output = gain["proportional"] * 0.04 + gain["integral"] * integral
    np.testing.assert_allclose(value("rate", "slope1", actions), 0.05 + output, rtol=1e-6)
    governor.act(view(utilisation=0.88))
    before = governor.state_dict()["integral"]
    governor.act(view(utilisation=0.882))  # within the noise barrier: it only leaks
    np.testing.assert_allclose(governor.state_dict()["integral"], before * 2 ** (-6 / gain["leak_half_life"]))


def test_pi_does_not_wind_up_and_forgets_a_row_that_is_reset():
    governor = make_governor("pi", ROLES["rate"])
    for _ in range(200):
        governor.act(view(utilisation=1.0))
    assert governor.state_dict()["integral"].max() < 60.0
    governor.reset(np.array([1]), np.zeros(1, np.uint64))
    state = governor.state_dict()
    assert state["integral"][1] == 0.0 < state["integral"][0]
    assert state["output"][1] == 0.0


def test_escalator_climbs_a_step_an_interval_and_returns_to_its_default():
    governor = make_governor("slope2_escalator", ROLES["rate"])
    seen = [value("rate", "slope2", governor.act(view(utilisation=0.97, hours=8)))[0] for _ in range(4)]
    np.testing.assert_allclose(seen, [0.64, 0.68, 0.72, 0.76], rtol=1e-6)
    held = value("rate", "slope2", governor.act(view(utilisation=0.87, hours=8)))[0]
    assert held == pytest.approx(0.76)
    for _ in range(8):
        last = value("rate", "slope2", governor.act(view(utilisation=0.5, hours=8)))[0]
    assert last == pytest.approx(0.60)


def test_steward_covers_the_tail_and_never_cuts_under_loans_at_the_edge():
    held = {"liquidation_threshold": np.full(2, 0.83)}
    calm, wild = (
        make_governor("steward_var", ROLES["risk"]).act(
            view(realised_72h=vol, implied_vol=vol, at_risk=0.0, levers=held)
        )
        for vol in (0.4, 2.4)
    )
    for actions, vol in ((calm, 0.4), (wild, 2.4)):
        lent = 0.83 - value("risk", "ltv_gap", actions)
        bonus = value("risk", "liquidation_bonus", actions)
        assert (lent * (1 + bonus) <= 1 - value_at_risk(np.array(vol), 24.0) + 1e-6).all()
        assert (value("risk", "liquidation_threshold", actions) <= 0.83 + 1e-6).all()
    assert (value("risk", "liquidation_threshold", wild) < 0.83).all()
    assert (value("risk", "ltv_gap", wild) > value("risk", "ltv_gap", calm)).all()
    edge = make_governor("steward_var", ROLES["risk"]).act(
        view(realised_72h=1.6, implied_vol=1.6, at_risk=0.5, levers=held)
    )
    np.testing.assert_allclose(value("risk", "liquidation_threshold", edge), 0.83, rtol=1e-6)


def test_quotes_widen_with_vol_and_informed_flow_and_tilt_with_the_book():
    def quotes(**features):
        return make_governor("inventory_quotes", ROLES["spread"]).act(view(implied_vol=0.7, **features))

    plain = quotes()
    assert (value("spread", "half_spread", quotes(flow_toxicity=0.5)) > value("spread", "half_spread", plain)).all()
    wild = make_governor("inventory_quotes", ROLES["spread"]).act(view(implied_vol=2.0))
    assert (value("spread", "half_spread", wild) > value("spread", "half_spread", plain)).all()
    puts, calls = quotes(book_delta=0.5, book_vega=-0.01), quotes(book_delta=-0.5, book_vega=-0.01)
    assert (value("spread", "skew_shift", puts) > 0).all()
    np.testing.assert_allclose(value("spread", "skew_shift", puts), -value("spread", "skew_shift", calls))
    assert (value("spread", "hedge_ratio", quotes(hedge_gain=2.0)) < value("spread", "hedge_ratio", plain)).all()


def test_linear_feedback_is_a_clipped_scalar_product():
    weights = np.zeros((4, WEIGHTS))
    weights[1] = [0.1, 0.2, 0.0, 0.0]
    governor = LinearFeedback(ROLES["rate"].lever_rows(), weights)
    np.testing.assert_allclose(governor.act(view(utilisation_over_optimal=0.1))[0], [0, 0.3, 0, 0], atol=1e-6)
    assert governor.act(view(utilisation_over_optimal=9.0))[0, 1] == pytest.approx(0.7)  # three scales at most


def test_extend_and_pretend_acts_in_a_fall_alone_and_the_farmer_takes_turns():
    governor = make_governor("extend_and_pretend", ROLES["risk"])
    actions = governor.act(view(drawdown_week=[-0.2, -0.01]))
    np.testing.assert_allclose(value("risk", "liquidation_threshold", actions), [0.92, 0.83])
    np.testing.assert_allclose(value("risk", "liquidation_bonus", actions), [0.05, 0.05])
    farmer = make_governor("liquidation_farmer", ROLES["risk"])
    seen = [value("risk", "liquidation_threshold", farmer.act(view(hours=24)))[0] for _ in range(6)]
    np.testing.assert_allclose(seen, [0.92, 0.92, 0.60, 0.60, 0.92, 0.92])


@pytest.mark.parametrize("name", ["pi+steward_var+inventory_quotes", *(n for n in governor_names() if n != "constant")])
def test_every_baseline_plays_repeats_and_goes_on_from_its_state(name):
    config = WorldConfig(episode_hours=48)
    chosen = baseline(name, config)

    def episode(world, governors, decisions):
        for _ in range(decisions):
            step = world.step({agent: governors[agent].act(world.view(agent)) for agent in world.agents})
        return step

    world = Simulator(config, 2, scenario="jump")
    world.reset()
    governors = chosen.make(config)
    for governor in governors.values():
        governor.reset(np.arange(2), np.array([7, 8], np.uint64))
    episode(world, governors, 3)
    copy, others = world.fork([0, 1]), chosen.make(config)
    for agent, governor in others.items():
        governor.load_state_dict(governors[agent].state_dict())
    one, two = episode(world, governors, 3), episode(copy, others, 3)
    for agent in world.agents:
        assert np.array_equal(one.executed[agent], two.executed[agent])
        assert np.isfinite(one.executed[agent]).all()


def test_names_fill_roles_together_and_one_role_that_holds_everything():
    config = WorldConfig()
    mixed = baseline("pi+steward_var+inventory_quotes", config)
    assert dict(mixed.sources) == {"rate_0": "pi", "risk_0": "steward_var", "spread_0": "inventory_quotes"}
    assert dict(baseline("rate=random+spread=no_trade", config).sources) == {"rate_0": "random", "spread_0": "no_trade"}
    for wrong in ("pi+clever", "treasury=pi", "risk=pi"):
        with pytest.raises(BadInput):
            baseline(wrong, config)
    joint = make_governor("pi+no_trade", ROLES["joint"])
    actions = joint.act(view(utilisation=0.95))
    levers = ROLES["joint"].levers
    alone = make_governor("pi", ROLES["rate"]).act(view(utilisation=0.95))
    assert np.array_equal(actions[:, : len(alone[0])], alone)
    assert (actions[:, [levers.index(name) for name in ("half_spread", "vega_fee", "option_margin")]] == 1).all()
    assert (actions[:, levers.index("hedge_ratio")] == -1).all()
    assert (actions[:, levers.index("liquidation_threshold")] == 0).all()


def test_there_are_eight_cheaters():
    assert len(CHEATERS) == 8
    assert set(CHEATERS) <= set(governor_names())
