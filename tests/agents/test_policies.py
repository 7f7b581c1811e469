"""A shared policy acts as its learner does, and files that are not one are refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.policies import PolicyError, load_policy
from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.export import export_policy

SETTINGS = PPOSettings(num_steps=7, batch_size=14, num_epochs=2, hidden_sizes=(8, 5), twin="none")


def trained(quadratic_world, **changes):
    settings = PPOSettings(**{**SETTINGS.__dict__, **changes})
    trainer = Trainer(quadratic_world(num_agents=2), settings, total_rollouts=2)
    trainer.run()
    return trainer


@pytest.mark.parametrize("changes", [{}, {"critic": "central"}, {"activation": "tanh"}, {"hidden_sizes": ()}])
def test_exported_policy_predicts_what_stable_baselines_does(quadratic_world, tmp_path, changes):
    trainer = trained(quadratic_world, **changes)
    trainer.save_policies(tmp_path)
    rng = np.random.default_rng(0)
    for learner in trainer.learners:
        seen = rng.normal(scale=30, size=(50, learner.policy.observation_space.shape[0])).astype(np.float32)
        expected, _ = learner.model.predict(seen, deterministic=True)
        governor = load_policy(tmp_path / f"policy_{learner.agent}.json")
        actions = governor.act(SimpleNamespace(obs=seen[:, :3], feature_names=governor.features))
        assert np.array_equal(actions, expected)
        assert actions.dtype == np.float32
        assert governor.agent == learner.agent
        assert np.array_equal(actions, trainer.governor(learner.agent).act_on(seen[:, :3]))


def test_exported_policy_is_a_copy(quadratic_world):
    trainer = trained(quadratic_world)
    policy = export_policy(trainer.learners[0], trainer.world)
    before = {name: array.copy() for name, array in policy.weights.items()}
    for parameter in trainer.learners[0].policy.parameters():
        parameter.data += 0.5
    for name, array in policy.weights.items():
        assert np.array_equal(array, before[name]), name


def test_stochastic_policy_repeats_by_row_and_seed(quadratic_world, tmp_path):
    trained(quadratic_world).save_policies(tmp_path)
    path = tmp_path / "policy_rate_0.json"
    seen = np.zeros((4000, 3), np.float32)
    rows, seeds = np.arange(4000), np.arange(4000).astype(np.uint64)
    one = load_policy(path, stochastic=True)
    one.reset(rows, seeds)
    first, second = one.act_on(seen), one.act_on(seen)
    assert not np.array_equal(first, second)
    mean = load_policy(path).act_on(seen)[0]
    assert first.mean() == pytest.approx(mean, abs=0.03)
    assert first.std() == pytest.approx(np.exp(one.policy.log_std[0]), rel=0.1)
    one.reset(rows[7:9], seeds[7:9])
    again = one.act_on(seen)
    assert np.array_equal(again[7:9], first[7:9])
    assert not np.array_equal(again[9:12], first[9:12])
    state = one.state_dict()
    following = one.act_on(seen)
    other = load_policy(path, stochastic=True)
    other.load_state_dict(state)
    assert np.array_equal(other.act_on(seen), following)


def test_a_policy_that_explored_by_its_state_plays_its_mean_only(quadratic_world, tmp_path):
    trainer = trained(quadratic_world, state_dependent_exploration=True)
    path = trainer.save_policies(tmp_path)[0]
    seen = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    expected, _ = trainer.learners[0].model.predict(seen, deterministic=True)
    assert np.array_equal(load_policy(path).act_on(seen), expected)
    with pytest.raises(PolicyError, match="the policy of rate_0 explored by its state"):
        load_policy(path, stochastic=True)


def test_observations_of_the_wrong_length_are_refused(quadratic_world):
    with pytest.raises(ValueError, match=r"rate_0 was given observations \(2, 4\); accepted: \(n, 3\)"):
        trained(quadratic_world).governor("rate_0").act_on(np.zeros((2, 4), np.float32))


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("feature_0", "feature_1"), "which lacks feature_2;"),
        (("feature_0", "feature_1", "latent_thing"), "which lacks feature_2 and adds latent_thing;"),
        (("feature_1", "feature_0", "feature_2"), "which has them in another order;"),
        (("a", "b", "c", "d", "e", "f", "g", "h"), "adds a, b, c, d, e, f and 2 more;"),
    ],
)
def test_a_policy_that_learned_on_another_observation_is_refused_by_name(quadratic_world, names, why):
    governor = trained(quadratic_world).governor("rate_0")
    view = SimpleNamespace(obs=np.zeros((1, 3), np.float32), feature_names=names)
    for _ in range(2):
        with pytest.raises(PolicyError, match=f"the policy of rate_0 learned on 3 numbers .* {why} train it again"):
            governor.act(view)
    assert governor.act(SimpleNamespace(obs=view.obs, feature_names=governor.features)).shape == (1, 1)


@pytest.fixture
def files(quadratic_world, tmp_path):
    return trained(quadratic_world).save_policies(tmp_path)[:2]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("format", "x", "is of the format 'x', not protogov-policy"),
        ("version", 3, "has version 3"),
        ("levers", [], "levers is"),
        ("features", ["a"], "describes"),
        ("hidden_sizes", [8, -1], "hidden_sizes is"),
        ("activation", "gelu", "accepted: relu or tanh"),
        ("log_std", [float("nan")], "log_std is"),
        ("log_std", [0.0, 0.0], "2 numbers for 1 levers"),
        ("weights_file", "../elsewhere.safetensors", "accepted: a file name"),
        ("weights_file", "missing.safetensors", "cannot be read"),
        ("weights_sha256", "00", "does not match its SHA-256"),
    ],
)
def test_a_description_that_is_wrong_is_refused(files, field, value, reason):
    description, _ = files
    document = json.loads(description.read_text())
    document[field] = value
    description.write_text(json.dumps(document))
    with pytest.raises(PolicyError, match=reason):
        load_policy(description)


def test_weights_that_were_cut_short_are_refused(files):
    description, weights = files
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(PolicyError, match="policy_rate_0.safetensors: does not match its SHA-256"):
        load_policy(description)


def test_text_that_is_no_json_is_refused(files):
    files[0].write_text("{")
    with pytest.raises(PolicyError, match="policy_rate_0.json: cannot be read as JSON"):
        load_policy(files[0])
    with pytest.raises(PolicyError, match="absent.json: there is no such file"):
        load_policy(files[0].with_name("absent.json"))
