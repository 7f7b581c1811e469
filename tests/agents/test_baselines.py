"""Governors that do not learn, and how they are found by name."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.baselines import baseline, governor_fits, make_governor, rule_names
from protogov.agents.baselines.baseline import REGISTER
from protogov.agents.baselines.rule import Rule
from protogov.agents.policies import PolicyError
from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.row_noise import RowNoise
from protogov.envs.roles import ROLES
from protogov.envs.world.lever_table import LEVERS

ROLE = ROLES["spread"]
VIEW = SimpleNamespace(obs=np.zeros((5, 3), np.float32))


def test_every_name_makes_a_governor_that_answers_in_range():
    view = SimpleNamespace(obs=VIEW.obs, decision_hours=6, raw=lambda name: np.linspace(0.0, 1.0, 5))
    view.levers = {lever.name: np.full(5, lever.default) for lever in LEVERS}
    for name, role in itertools.product(rule_names(), ROLES.values()):
        if not governor_fits(name, role):
            with pytest.raises(ValueError, match=f"governor '{name}' sets"):
                make_governor(name, role)
            continue
        actions = make_governor(name, role).act(view)
        assert actions.shape == (5, len(role.levers))
        assert actions.dtype == np.float32
        assert (np.abs(actions) <= 1).all()


def test_a_class_with_a_name_registers_itself_and_no_name_is_taken_twice(monkeypatch):
    monkeypatch.setattr(baseline, "REGISTER", known := dict(REGISTER))

    class Wide(Rule):
        name = "wide"
        sets = ("half_spread",)

        def targets(self, view, memory, num_rows):
            return {"half_spread": 0.12}

    assert known["wide"].kind is Wide
    assert Wide.fits(ROLES["spread"].levers)
    assert not Wide.fits(ROLES["rate"].levers)
    assert known["wide"].make(ROLE.lever_rows(), 0).act(VIEW)[0].tolist() == [1, 0, 0, 0]
    with pytest.raises(ValueError, match="name = 'wide' of Other is taken by Wide"):

        class Other(Wide):
            name = "wide"


def test_every_file_of_the_folder_is_known():
    files = {path.stem for path in Path(baseline.__file__).parent.glob("*.py")}
    kinds = {entry.kind.__module__.rpartition(".")[2] for entry in REGISTER.values()}
    assert kinds == files - {"__init__", "baseline", "composite", "controller_file", "gains", "row_memory", "rule"}


def test_a_world_whose_default_is_an_end_of_the_range_has_governors():
    governor = make_governor("constant", ROLE, values={"hedge_ratio": 0.6}, defaults={"hedge_ratio": 1.2})
    np.testing.assert_allclose(governor.act(VIEW)[0], [0, 0, 0, -0.5])


def test_constant_is_the_default_levers_unless_told():
    assert not make_governor("constant", ROLE).act(VIEW).any()
    actions = make_governor("constant", ROLE, values={"half_spread": 0.12, "hedge_ratio": 0.4}).act(VIEW)
    np.testing.assert_allclose(actions[3], [1, 0, 0, -0.5])
    for lever, action in zip(ROLE.lever_rows(), actions[0], strict=True):
        expected = {"half_spread": 0.12, "hedge_ratio": 0.4}.get(lever.name, lever.default)
        assert lever.value(action) == pytest.approx(expected)


def test_random_repeats_by_row_and_seed_in_any_batch():
    one, other = make_governor("random", ROLE), make_governor("random", ROLE)
    rows = np.arange(5)
    one.reset(rows, rows.astype(np.uint64) + 40)
    other.reset(rows[:1], np.array([42], np.uint64))
    first = one.act(VIEW)
    assert np.array_equal(first[2], other.act(SimpleNamespace(obs=VIEW.obs[:1]))[0])
    assert not np.array_equal(first, one.act(VIEW))
    assert len(np.unique(first)) == first.size
    state = one.state_dict()
    third = one.act(VIEW)
    other.load_state_dict(state)
    assert np.array_equal(other.act(VIEW), third)
    assert not np.array_equal(make_governor("random", ROLE, seed=1).act(VIEW), make_governor("random", ROLE).act(VIEW))


def test_row_noise_is_uniform_and_normal_and_independent_across_columns():
    noise = RowNoise(3)
    u = noise.uniform(20_000, 2)
    assert u.min() > 0
    assert u.max() < 1
    assert np.histogram(u, bins=10, range=(0, 1))[0] == pytest.approx(4000, abs=250)
    assert np.corrcoef(u.T)[0, 1] == pytest.approx(0, abs=0.03)
    z = noise.normal(20_000, 2)
    assert z.mean(axis=0) == pytest.approx(0, abs=0.03)
    assert z.std(axis=0) == pytest.approx(1, abs=0.03)
    assert np.corrcoef(z.T)[0, 1] == pytest.approx(0, abs=0.03)
    after = noise.uniform(20_000, 2)
    assert np.corrcoef(u[:, 0], after[:, 0])[0, 1] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"name": "clever"}, "governor is 'clever'; accepted: adaptive_curve, collapse, constant, .*, or the path"),
        ({"name": "random", "values": {"half_spread": 0.01}}, "values is given for governor 'random'"),
        ({"name": "constant", "values": {"slope1": 0.1}}, "lever is 'slope1'; accepted: half_spread"),
        ({"name": "constant", "values": {"hedge_ratio": 2.0}}, "hedge_ratio is 2.0; accepted: 0.0 to 1.2"),
        ({"name": "constant", "values": {"hedge_ratio": float("nan")}}, "hedge_ratio is nan"),
        ({"name": "absent.json"}, "absent.json: there is no such file"),
    ],
)
def test_what_cannot_be_made_is_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        make_governor(arguments.pop("name"), ROLE, **arguments)


def test_a_policy_is_found_by_its_path_and_must_set_the_roles_levers(quadratic_world, tmp_path):
    trainer = Trainer(quadratic_world(), PPOSettings(num_steps=2, batch_size=8), total_rollouts=1)
    path = trainer.save_policies(tmp_path)[0]
    role = SimpleNamespace(levers=("lever_0",))
    view = SimpleNamespace(obs=VIEW.obs, feature_names=("feature_0", "feature_1", "feature_2"))
    assert make_governor(path, role).act(view).shape == (5, 1)
    with pytest.raises(PolicyError, match="sets lever_0; this role sets half_spread"):
        make_governor(path, ROLE)
