"""Tuning of controllers: what a search finds where the best gains are known, its tapes and hours, and what is kept."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import baseline, controller_gains
from protogov.agents.baselines.pi import PIController
from protogov.envs.config import WorldConfig
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.study import Found
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import controllers as stage
from protogov.experiments.studies.learning import drawing, pages, study
from protogov.experiments.studies.learning.opponents import Opponents
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.tuning import controllers, searches
from protogov.experiments.studies.tuning.controllers import AS_THEY_ARE, tune_controllers
from protogov.experiments.studies.tuning.searches import LEVERS, TAPES
from protogov.experiments.studies.tuning.study import values_of

CONFIG = WorldConfig(episode_hours=12)
AROUND = dict(zip(LEVERS, values_of(np.full(len(LEVERS), 0.25)).tolist(), strict=True))


@pytest.fixture
def bowl(monkeypatch):
    """Function of the best places of the gains: W is minus the squared distance to them, on every tape alike."""
    played = []

    def put(best):
        def open_tapes(config, scenarios, first, count):
            def play(family, points):
                played.append((tuple(scenarios), first, count, len(points), dict(family.around)))
                lost = ((np.asarray(points) - best) ** 2).sum(axis=1)
                return SimpleNamespace(totals={"welfare": np.repeat(-lost[:, None], count, axis=1)})

            return [SimpleNamespace(play=play)]

        for module in (controllers, searches):
            monkeypatch.setattr(module, "open_tapes", open_tapes)
        return played

    return put


def test_a_search_finds_the_best_gains_and_says_what_it_spent(bowl):
    best = np.array([0.6, -0.5, 0.3, 0.7])
    played = bowl(best)
    effort = Effort(60, 12, 2)
    found = tune_controllers(CONFIG, "flat", "slope2_escalator", AROUND, effort, HERE, checks=4)
    wanted = {gain.name: float(gain.value(place))
              for gain, place in zip(controller_gains("slope2_escalator"), best, strict=True)}  # fmt: skip
    assert found.member.gains["slope2_escalator"] == pytest.approx(wanted, rel=0.05)
    assert found.member.around == AROUND and found.picked in (1, 2)
    assert found.hours == 2 * 60 * 12 * 2 * 12 and found.tapes == 120
    np.testing.assert_allclose(found.scored["tuned"], 0.0, atol=0.01)
    np.testing.assert_allclose(found.scored["default gains"], -(best**2).sum())
    assert max(found.ends) == pytest.approx((best**2).sum(), abs=0.01)
    # searches saw their own tapes, picking and scoring others; constants around, except of controllers as they are
    seen = [first for _, first, count, points, _ in played if points == 12]
    assert seen == [first for number in (1, 2) for first in search_tapes(number, effort)[::2]]
    rest = [(first, count, bool(around)) for _, first, count, points, around in played if points != 12]
    assert rest == [(TAPES["picking"][0], 4, True), (TAPES["scoring"][0], 4, True), (TAPES["scoring"][0], 4, False)]


def test_gains_stay_as_they_are_where_the_defaults_are_best(bowl):
    bowl(np.zeros(4))
    found = tune_controllers(CONFIG, "flat", "slope2_escalator", AROUND, Effort(4, 12, 2), HERE, checks=4)
    assert found.picked == AS_THEY_ARE and max(found.ends) < 0.0
    rows = stage.gain_rows("full", "flat", found.member)
    assert [row["tuned"] for row in rows] == [row["default"] for row in rows]


def test_controllers_play_the_market_and_kept_pieces_are_not_played_again(tmp_path, monkeypatch):
    how, effort = Running(keep=tmp_path), Effort(1, 4, 2)
    found = tune_controllers(CONFIG, "jump", "pi", {}, effort, how, checks=3)
    np.testing.assert_array_equal(found.scored["default gains"], found.scored["as they are"])  # around the defaults
    monkeypatch.setattr(controllers, "climb", None)
    monkeypatch.setattr(controllers, "open_tapes", None)
    again = tune_controllers(CONFIG, "jump", "pi", {}, effort, how, checks=3)
    assert again.member == found.member and np.array_equal(again.scored["tuned"], found.scored["tuned"])
    with pytest.raises(ValueError, match="governor 'mainnet' has no gains"):
        tune_controllers(CONFIG, "jump", "mainnet", {}, effort, how)


def test_the_stage_has_every_controller_that_fits_and_one_of_each_role():
    assert stage.roster(WorldOptions(size="full").make()) == [
        "adaptive_curve", "inventory_quotes", "pi", "slope2_escalator", "steward_var",
        "pi+steward_var+inventory_quotes",
    ]  # fmt: skip
    assert stage.roster(WorldOptions(size="full", roles=("spread",)).make()) == ["inventory_quotes"]
    assert stage.roster(WorldOptions(size="core").make()) == []  # it has one lever a role
    found = stage.measure(Options(size=("core",)), HERE, Opponents({}))
    about = Found(found.tables, {**found.facts, "reduced": []})
    assert pages.sentences("controllers", about) == ["No controller with gains fits this size."]
    assert not any("png" in line for line in pages.page("controllers", about))
    assert drawing.draw("controllers", about, "") == {} and study._tuned(Path(), found) == {}
    with pytest.raises(BadInput, match="controllers: lacks its table gains; run --stage controllers again"):
        study._tuned(Path(), Found({}, {"controllers": ["pi"]}))


def test_what_was_found_is_kept_and_plays_as_an_opponent(tmp_path, monkeypatch, bowl):
    """Made once; refused after a range of a gain changed."""
    bowl(np.full(len(controller_gains("pi")), 0.2))
    monkeypatch.setattr(stage, "play_all", lambda config, levels, *rest: [np.array([[-9.0, -9.5], [-5.0, -5.0]])])
    options = Options(out=tmp_path, size=("full",), generations=2, tapes=2)
    constants = {"size": np.full(12, "full"), "market": np.full(12, "mix"), "lever": np.array(LEVERS),
                 "value": np.array(list(AROUND.values()))}  # fmt: skip
    rivals = Opponents({"constants": constants})
    unit = stage.tune_kept(options, HERE, rivals, "pi", "mix")
    (row,), gains = unit.tables["controllers"], unit.tables["gains"]
    assert row["hours"] == 2 * 2 * 12 * 32 * 336 and row["tapes"] == 64
    assert row["gain"] - row["over_constants"] == pytest.approx(9.25 - 5.0)
    assert row["untuned"] == pytest.approx(9.25 - 8 * 0.04) and row["untuned_error"] == pytest.approx(0.25)
    monkeypatch.setattr(stage, "tune_controllers", None)
    assert stage.tune_kept(options, HERE, rivals, "pi", "mix") == unit

    tuned = Opponents({**rivals.tables, "gains": {name: np.array([one[name] for one in gains]) for name in gains[0]}})
    (one,) = tuned.tuned_controllers("full", "mix", tmp_path)
    assert one.name == "tuned gains of pi on mix" and rivals.tuned_controllers("full", "mix", tmp_path) == []
    assert tuned.tuned_controllers("core", "mix", tmp_path) == []
    governor = one.make(WorldOptions(size="full").make())["rate_0"].parts[1]
    assert isinstance(governor, PIController) and governor.around["slope1"] == pytest.approx(AROUND["slope1"])
    assert governor.gain == pytest.approx({one["gain"]: one["tuned"] for one in gains})

    wider = (replace(PIController.gains[0], high=20.0), *PIController.gains[1:])
    monkeypatch.setattr(baseline.REGISTER["pi"].kind, "gains", wider)
    with pytest.raises(BadInput, match="was made with another controllers; delete it"):
        stage.tune_kept(options, HERE, rivals, "pi", "mix")
    about = json.loads((tmp_path / "kept" / "full_controllers-pi-on-mix.json").read_text())
    assert about["format"] == "protogov-tuned-controllers"
