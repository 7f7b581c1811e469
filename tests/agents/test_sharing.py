"""Governors of a role as one learner: it learns from each of them, and plays as each of them."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.policies import load_policy_file
from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.sharing import groups_of
from protogov.agents.ppo.start import check_learners
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput
from protogov.experiments.training.train import Options, prepare

SETTINGS = PPOSettings(num_steps=6, batch_size=24, num_epochs=1, hidden_sizes=(8,), twin="none", shared_parameters=True)
TWO = WorldConfig(size="tiny", venues=2, randomise_levers=0.25)


def with_roles(world, agents):
    """A world whose agents have these names."""
    world.agents = agents
    return world


@pytest.mark.parametrize(
    "change", [{}, {"critic": "central"}, {"exploration_correlation": 0.9, "parameter_noise": 0.2}]
)
def test_one_learner_learns_from_all_and_acts_for_each(quadratic_world, change):
    trainer = Trainer(quadratic_world(num_agents=2, horizon=4), replace(SETTINGS, **change), total_rollouts=1)
    (learner,) = trainer.learners
    assert learner.agents == ("rate_0", "rate_1")
    world, told, seen = trainer.world, [], [trainer._joint.observations]
    step = world.step

    def record(actions):
        result = step(actions)
        told.append((actions, result))
        return result

    world.step = record
    trainer._joint.collect(trainer.learners, SETTINGS.num_steps)
    buffer, n = learner.model.rollout_buffer, world.num_worlds
    assert buffer.observations.shape[:2] == (6, 2 * n)
    for place, agent in enumerate(("rate_0", "rate_1")):
        own = slice(place * n, (place + 1) * n)
        np.testing.assert_array_equal(buffer.observations[0, own], seen[0][agent])
        for t, (actions, result) in enumerate(told):
            if "parameter_noise" not in change:
                np.testing.assert_array_equal(np.clip(buffer.actions[t, own], -1, 1), actions[agent])
            if not result.truncated.any():
                np.testing.assert_allclose(buffer.rewards[t, own], result.rewards[agent], rtol=1e-6)
        assert buffer.episode_starts[4, own].all() and not buffer.episode_starts[5, own].any()
    assert not np.array_equal(buffer.observations[0, :n], buffer.observations[0, n:])


def test_a_value_after_the_last_decision_is_of_the_row_that_ended(quadratic_world):
    trainer = Trainer(quadratic_world(num_agents=2, stagger=True), replace(SETTINGS, num_steps=1), total_rollouts=1)
    (learner,), results = trainer.learners, []
    step = trainer.world.step
    trainer.world.step = lambda actions: results.append(step(actions)) or results[0]
    trainer._joint.collect(trainer.learners, 1)
    (result,), rewards = results, learner.model.rollout_buffer.rewards[0].reshape(2, -1)
    assert result.truncated.any() and not result.truncated.all()
    for place, agent in enumerate(("rate_0", "rate_1")):
        with torch.no_grad():
            value = learner.policy.predict_values(torch.from_numpy(result.obs[agent])).numpy()[:, 0]
        expected = result.rewards[agent] + learner.model.gamma * value * result.truncated
        np.testing.assert_allclose(rewards[place], expected, atol=1e-5)


def test_every_governor_has_its_file_column_and_curve(quadratic_world, tmp_path):
    world = with_roles(quadratic_world(num_agents=3), ("rate_0", "risk_0", "rate_1"))
    trainer = Trainer(world, SETTINGS, total_rollouts=2, folder=tmp_path, tensorboard=True)
    assert [learner.agents for learner in trainer.learners] == [("rate_0", "rate_1"), ("risk_0",)]
    trainer.run()
    place = tmp_path / "checkpoints" / "96"
    assert {path.name for path in place.glob("learner_*")} == {"learner_rate_0.zip", "learner_risk_0.zip"}
    first, second, other = (
        load_policy_file(place / f"policy_{agent}.json") for agent in ("rate_0", "rate_1", "risk_0")
    )
    assert (first.agent, second.agent) == ("rate_0", "rate_1")
    assert all(np.array_equal(array, second.weights[name]) for name, array in first.weights.items())
    assert not np.array_equal(first.weights["layer_0.weight"], other.weights["layer_0.weight"])
    (_, row) = csv.DictReader((tmp_path / "metrics.csv").open())
    assert row["rate_0/loss/value"] == row["rate_1/loss/value"] != row["risk_0/loss/value"]
    assert row["rate_0/reward"] != row["rate_1/reward"]
    assert {path.name for path in (tmp_path / "tensorboard").iterdir()} == {"rate_0", "rate_1", "risk_0", "world"}


@pytest.mark.parametrize("critic", ["own", "central"])
def test_shared_learners_raise_the_return_of_each(quick_world, critic):
    settings = PPOSettings(
        num_steps=10, batch_size=640, hidden_sizes=(16, 16), learning_rate=3e-3, twin="none", critic=critic,
        shared_parameters=True,
    )  # fmt: skip
    reports = []
    Trainer(
        quick_world(num_agents=2, num_worlds=64, horizon=10), settings, total_rollouts=20, callback=reports.append
    ).run()
    for agent in ("rate_0", "rate_1"):
        rewards = np.array([report.metrics[f"{agent}/reward"] for report in reports])
        assert rewards[-3:].mean() > rewards[:3].mean() + 0.2


def test_two_venues_of_the_simulator_share_and_one_is_refused(tmp_path):
    world = Simulator(replace(TWO, cooperation=0.5), 4)
    settings = replace(SETTINGS, critic="central", start="tuned")
    check_learners(settings, world)
    trainer = Trainer(world, settings, total_rollouts=1)
    assert [learner.agents for learner in trainer.learners] == [(f"{name}_0", f"{name}_1") for name in TWO.roles]
    trainer.run()
    alike = [trainer.governor(agent).policy.weights["layer_0.weight"] for agent in ("rate_0", "rate_1")]
    assert np.array_equal(*alike)
    with pytest.raises(BadInput, match="shared_parameters is True; accepted where a role learns on two venues"):
        prepare(Options(name="x", ppo=SETTINGS, runs=tmp_path), "protogov train x")
    assert list(tmp_path.iterdir()) == []


def test_governors_that_are_not_alike_are_refused(quadratic_world):
    world = quadratic_world(num_agents=2)
    world.action_size = lambda agent: 1 + (agent == "rate_1")
    with pytest.raises(ValueError, match="agents of a role are alike, and rate_1 sets other numbers than rate_0"):
        groups_of(SETTINGS, world)
    world.observation_size = lambda agent: 3 + (agent == "rate_1")
    with pytest.raises(ValueError, match="rate_1 sees other numbers than rate_0"):
        groups_of(SETTINGS, world)


def test_they_go_on_from_one_policy_alone(quadratic_world, tmp_path):
    apart = replace(SETTINGS, shared_parameters=False)
    Trainer(quadratic_world(num_agents=2), apart, total_rollouts=1).save_policies(tmp_path)
    one = replace(SETTINGS, start=str(tmp_path / "policy_rate_1.json"))
    trainer = Trainer(quadratic_world(num_agents=2), one, total_rollouts=1)
    given = load_policy_file(tmp_path / "policy_rate_1.json").weights["layer_0.weight"]
    assert np.array_equal(trainer.governor("rate_0").policy.weights["layer_0.weight"], given)
    with pytest.raises(ValueError, match="start alike, and rate_1 starts as another policy than rate_0"):
        Trainer(quadratic_world(num_agents=2), replace(SETTINGS, start=str(tmp_path)), total_rollouts=1)
