"""Gains of controllers: one row each, any controller of a row, candidates side by side, and files that hold them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import CHEATERS, controller_gains, controller_names, make_governor
from protogov.agents.baselines.baseline import REGISTER
from protogov.agents.baselines.controller_file import ControllerFile
from protogov.agents.baselines.gains import Gain
from protogov.agents.baselines.pi import PIController
from protogov.agents.baselines.rule import Rule
from protogov.agents.tuning import Constants, Controllers, Tapes
from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME, ROLES
from protogov.envs.simulator import Simulator
from protogov.experiments.core.governors import NO_SEED, GovernorSet
from protogov.experiments.core.play import open_worlds, play
from protogov.experiments.errors import BadInput

CONFIG = WorldConfig(episode_hours=48)
SEEDS = np.array([5, 6], np.uint64)
TUNED = {"slope1": 0.09, "slope2": 1.2, "optimal_utilisation": 0.8, "vega_fee": 2.0, "ltv_gap": 0.1}


def role_of(name):
    (role,) = (
        ROLES[role] for role in ("rate", "risk", "spread") if set(REGISTER[name].kind.needs) <= set(ROLES[role].levers)
    )
    return role


def views(rows, decisions=12):
    """Draws of everything that a controller reads, the same in every call."""
    rng, busy = np.random.default_rng(3), np.tile(np.linspace(0.7, 1.0, 10), rows // 10 + 1)[:rows]
    for _ in range(decisions):
        share = {name: rng.uniform(0.0, 1.0, rows) for name in ("congestion", "hedge_gain", "flow_toxicity")}
        sign = {
            name: rng.normal(0.0, 0.5, rows) for name in ("liquidation_gain", "implied_less_realised", "book_delta")
        }
        vols = {name: rng.lognormal(-0.5, 0.5, rows) for name in ("realised_72h", "implied_vol")}
        others = {
            "utilisation": busy + rng.uniform(-0.03, 0.0, rows),
            "at_risk": rng.uniform(0.0, 0.1, rows),
            "book_vega": rng.normal(0.0, 0.02, rows),
        }
        full = share | sign | vols | others
        levers = {"liquidation_threshold": rng.uniform(0.6, 0.92, rows)}
        yield SimpleNamespace(obs=np.zeros((rows, 1), np.float32), decision_hours=24, raw=full.get, levers=levers)


def acted(governor, rows):
    return np.array([governor.act(view) for view in views(rows)])


def test_controllers_have_gains_and_nobody_else():
    assert set(controller_names()) == {"adaptive_curve", "inventory_quotes", "pi", "slope2_escalator", "steward_var"}
    assert not any(controller_gains(name) for name in (*CHEATERS, "constant", "random", "mainnet", "slope2_oracle"))


@pytest.mark.parametrize("name", controller_names())
def test_every_row_acts_by_its_own_gains_and_every_gain_has_an_effect(name):
    """A batch with the gains of three candidates is three batches; a row with the defaults is the plain controller."""
    role, table, rows = role_of(name), controller_gains(name), 30
    plain = acted(make_governor(name, role), rows)
    places = np.random.default_rng(1).uniform(-0.9, 0.9, (3, len(table)))
    places[0] = 0.0
    each = {gain.name: gain.value(np.repeat(places[:, at], rows // 3)) for at, gain in enumerate(table)}
    together = acted(make_governor(name, role, gains={name: each}), rows)
    np.testing.assert_array_equal(together[:, : rows // 3], plain[:, : rows // 3])
    for number in (1, 2):
        own = {gain.name: float(gain.value(place)) for gain, place in zip(table, places[number], strict=True)}
        alone = acted(make_governor(name, role, gains={name: own}), rows)
        part = slice(number * rows // 3, (number + 1) * rows // 3)
        np.testing.assert_array_equal(together[:, part], alone[:, part])
        assert not np.array_equal(alone, plain)
    for gain in table:
        ends = [acted(make_governor(name, role, gains={name: {gain.name: end}}), rows) for end in (gain.low, gain.high)]
        assert not np.array_equal(*ends), f"{gain.name} does nothing"


def test_places_are_the_map_of_levers():
    gain = Gain("speed", 50.0, 2.0, 800.0, "a year", log_map=True)
    np.testing.assert_allclose(gain.value([-1.0, -0.5, 0.0, 0.5, 1.0, 7.0]), [2.0, 10.0, 50.0, 200.0, 800.0, 800.0])
    assert gain.value(0.0) == 50.0
    np.testing.assert_allclose(gain.place(gain.value([-0.7, 0.3])), [-0.7, 0.3])
    np.testing.assert_allclose(Gain("x", 1.0, 0.0, 3.0, "").value([-0.5, 0.5]), [0.5, 2.0])
    with pytest.raises(ValueError, match="gain x: low 2.0 <= default 1.0"):
        Gain("x", 1.0, 2.0, 3.0, "")
    with pytest.raises(ValueError, match="gain x: low = 0.0 must be positive for a log map"):
        Gain("x", 1.0, 0.0, 3.0, "", log_map=True)


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("pi", {"gains": {"pi": {"proportional": 11.0}}}, r"proportional is 11.0; accepted of pi: 0.02 to 10.0 \["),
        ("pi", {"gains": {"pi": {"lowest": float("nan")}}}, "lowest is nan; accepted of pi: -0.05 to 0.0"),
        ("pi", {"gains": {"pi": {"lowest": np.array([-0.01, 0.2])}}}, "lowest is 0.2; accepted of pi"),
        ("pi", {"gains": {"pi": {"clever": 1.0}}}, "gain is 'clever'; accepted of pi: proportional, integral, "),
        ("pi", {"gains": {"pi": {"lowest": np.zeros(2), "highest": np.full(3, 0.1)}}}, r"have \[2, 3\] rows"),
        ("pi", {"gains": {"pi": {"lowest": np.zeros((2, 2))}}}, r"lowest has the shape \(2, 2\); accepted of pi: a"),
        ("pi", {"gains": {"steward_var": {"room": 0.1}}}, "gains are given of 'steward_var'; accepted: pi"),
        ("pi+steward_var", {"gains": {"steward_var": {"room": 9.0}}}, "room is 9.0; accepted of steward_var: 0.0 to"),
        ("mainnet", {"gains": {}}, "governor 'mainnet' has no gains; accepted: adaptive_curve, inventory_quotes, pi"),
        ("steward_var", {"gains": {}}, "governor 'steward_var' has no part for a role that sets base_rate"),
        ("pi", {"around": {"slope9": 0.1}}, "around holds 'slope9'; accepted: base_rate, slope1"),
        ("pi", {"around": {"slope1": 9.0}}, "slope1 is 9.0; accepted: 0.015 to 0.2"),
        ("policy.json", {"gains": {}}, "governor is 'policy.json'; accepted:"),
    ],
)  # fmt: skip
def test_what_is_not_accepted_is_said_in_one_sentence(name, arguments, reason):
    with pytest.raises(ValueError, match=reason):
        make_governor(name, ROLES["rate"], **arguments)


def test_gains_of_rows_are_of_the_rows_of_the_view():
    governor = PIController(ROLES["rate"].lever_rows(), gains={"proportional": np.full(3, 0.5)})
    with pytest.raises(ValueError, match="gains of pi are of 3 rows; the view has 4"):
        acted(governor, 4)
    with pytest.raises(ValueError, match="around holds 'vega_fee'; accepted: base_rate, slope1"):
        PIController(ROLES["rate"].lever_rows(), around={"vega_fee": 1.0})
    with pytest.raises(ValueError, match="around holds slope1 = 9.0; accepted: 0.015 to 0.2"):
        PIController(ROLES["rate"].lever_rows(), around={"slope1": 9.0})


def test_around_other_values_it_moves_from_there_and_what_it_does_not_move_stays_there():
    def values(role, actions):
        return {name: LEVER_BY_NAME[name].value(actions[:, at]) for at, name in enumerate(role.levers)}

    for role in (ROLES["rate"], ROLES["joint"]):
        moved = values(role, acted(make_governor("pi", role, around=TUNED), 20)[-1].astype(float))
        others = set(role.levers) - {"base_rate", "slope1"}
        for name in others:
            np.testing.assert_allclose(moved[name], TUNED.get(name, LEVER_BY_NAME[name].default), rtol=1e-6)
    # at its target, the tuned kink, it rests at the tuned slope
    view = SimpleNamespace(obs=np.zeros((1, 1)), decision_hours=6, raw=lambda name: np.full(1, 0.8))
    at_rest = values(ROLES["rate"], make_governor("pi", ROLES["rate"], around=TUNED).act(view).astype(float))
    np.testing.assert_allclose([at_rest["slope1"][0], at_rest["base_rate"][0]], [0.09, 0.01], rtol=1e-6)
    # a role without a controller stands at them
    spread = values(ROLES["spread"], acted(make_governor("pi", ROLES["spread"], around=TUNED), 2)[0].astype(float))
    np.testing.assert_allclose(spread["vega_fee"], 2.0)


def test_a_new_gain_is_one_row_and_a_search_over_it_is_a_search_over_what_it_does(request):
    class Level(Rule):
        name = "level"
        needs = ("half_spread",)
        gains = (Gain("level", 0.015, 0.0025, 0.12, "vol", log_map=True),)  # the range of the lever

        def targets(self, view, memory, num_rows):
            return {"half_spread": self.gain["level"]}

    request.addfinalizer(lambda: REGISTER.pop("level"))
    family, tapes = Controllers(CONFIG, "level"), Tapes(CONFIG, "jump", SEEDS)
    assert "level" in controller_names() and family.size == 1
    points = np.array([[0.0], [0.5], [-0.75]])  # as single precision holds them
    found = tapes.play(family, points).totals["welfare"]
    np.testing.assert_array_equal(found, tapes.play(Constants(("half_spread",)), points).totals["welfare"])
    assert not np.array_equal(found[0], found[1])


def test_candidates_do_not_depend_on_their_batch_and_play_from_a_file_as_they_were_tuned(tmp_path):
    name = "pi+steward_var+inventory_quotes"
    family, tapes = Controllers(CONFIG, name, TUNED), Tapes(CONFIG, "jump", SEEDS)
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (3, family.size))
    points[0] = 0.0
    together = tapes.play(family, points).totals["welfare"]
    np.testing.assert_array_equal(tapes.play(family, points[1:2]).totals["welfare"][0], together[1])
    np.testing.assert_array_equal(tapes.play(family, points).totals["welfare"], together)  # nothing is remembered
    assert len({*together[:, 0]}) == 3
    path = tmp_path / "controllers.json"
    path.write_text(family.member(points[1]).text())
    sets = GovernorSet("tuned", NO_SEED, dict.fromkeys(("rate_0", "risk_0", "spread_0"), str(path)))
    world = open_worlds(CONFIG, "jump", SEEDS)
    played = sum(step.welfare(0) for step in play(world, sets.make(CONFIG), SEEDS))
    np.testing.assert_array_equal(played, together[1])
    background = Simulator(replace(CONFIG, background={"risk_0": str(path), "spread_0": str(path)}), 2, scenario="jump")
    background.reset(seeds=SEEDS)
    rate, alone = sets.make(CONFIG)["rate_0"], np.zeros(2)
    while not background.truncated().any():
        alone += background.step({"rate_0": rate.act(background.view("rate_0"))}).welfare(0)
    np.testing.assert_array_equal(alone, played)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "has version 2; this code reads version 1"),
        ({"gains": {"pi": {"lowest": "low"}}}, "a name, gains of each controller and values around which"),
        ({"around": [1.0]}, "a name, gains of each controller and values around which"),
        ({"name": None}, "a name, gains of each controller and values around which"),
        ({"gains": {"pi": {"lowest": 1.0}}}, "lowest is 1.0; accepted of pi: -0.05 to 0.0"),
        ({"name": "other.json"}, "governor is 'other.json'"),
    ],
)
def test_a_file_that_does_not_hold_controllers_is_refused_by_its_name(tmp_path, changed, reason):
    path = tmp_path / "controllers.json"
    path.write_text(json.dumps({**json.loads(ControllerFile("pi", {}, {}).text()), **changed}))
    with pytest.raises(BadInput, match=reason) as error:
        GovernorSet("tuned", NO_SEED, {"rate_0": str(path)}).make(CONFIG)
    assert str(path) in str(error.value)
