"""One learner is `PPO.learn` bit for bit; several do not disturb each other."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback

from protogov.agents.ppo import DivergedError, PPOSettings, Trainer
from protogov.agents.ppo.learner import clamp_log_std, learner_seed, ppo_arguments

SETTINGS = PPOSettings(num_steps=7, batch_size=14, num_epochs=3, hidden_sizes=(8, 8), twin="none")


class Anneal(BaseCallback):
    """What the trainer does before a rollout, as a user of stable-baselines3 would write it."""

    def __init__(self, settings):
        super().__init__()
        self.settings = settings

    def _on_rollout_start(self):
        clamp_log_std(self.model.policy, self.settings, self.model._current_progress_remaining)

    def _on_step(self):
        return True


def learn_the_usual_way(env, settings, seed, rollouts, own_size=3):
    size = settings.num_steps * env.num_envs
    arguments = ppo_arguments(
        settings, seed=learner_seed(seed, 0), decision_hours=6, own_size=own_size, rollout_size=size
    )
    arguments["rollout_buffer_class"] = RolloutBuffer  # the stock one
    model = PPO(env=env, **arguments)
    return model.learn(rollouts * size, callback=Anneal(settings))


def weights(policy):
    return {name: tensor.clone() for name, tensor in policy.state_dict().items()}


def assert_equal_weights(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize("stagger", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"log_std_final": None, "activation": "tanh"},
        {"critic": "central"},
        {"gamma": 0.8, "entropy_coefficient": 0.01, "target_kl": 0.005, "batch_size": 15},
        {"state_dependent_exploration": True, "log_std_final": None, "critic": "central"},
        {"state_dependent_exploration": True, "exploration_every": 3, "log_std_final": None},
    ],
    ids=["defaults", "free-std", "central-critic", "others", "state-dependent", "state-dependent-anew"],
)
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_one_learner_equals_ppo_learn_bit_for_bit(quadratic_world, world_vec_env, change, stagger):
    settings = replace(SETTINGS, **change)
    env = world_vec_env(quadratic_world(stagger=stagger), central=settings.critic == "central")
    theirs = learn_the_usual_way(env, settings, seed=3, rollouts=4)
    trainer = Trainer(quadratic_world(stagger=stagger), settings, total_rollouts=4, seed=3)
    before = weights(trainer.learners[0].policy)
    trainer.run()
    ours = weights(trainer.learners[0].policy)
    assert not torch.equal(before["action_net.weight"], ours["action_net.weight"]), "nothing was learned"
    assert_equal_weights(ours, theirs.policy.state_dict())
    assert trainer.learners[0].model.num_timesteps == theirs.num_timesteps
    for ours_moment, theirs_moment in zip(
        trainer.learners[0].policy.optimizer.state.values(), theirs.policy.optimizer.state.values(), strict=True
    ):
        assert torch.equal(ours_moment["exp_avg_sq"], theirs_moment["exp_avg_sq"])


def test_bootstrap_in_one_batch_agrees_with_row_by_row(quadratic_world):
    buffers = []
    for bootstrap in ("rows", "batch"):
        trainer = Trainer(quadratic_world(num_worlds=64), replace(SETTINGS, bootstrap=bootstrap), total_rollouts=1)
        trainer._joint.collect(trainer.learners, SETTINGS.num_steps)
        buffers.append(trainer.learners[0].model.rollout_buffer)
    rows, batch = buffers
    np.testing.assert_allclose(batch.rewards, rows.rewards, atol=1e-6)
    np.testing.assert_allclose(batch.advantages, rows.advantages, atol=1e-6)
    assert np.array_equal(rows.actions, batch.actions)


def test_last_value_is_added_to_the_reward_of_rows_that_ran_out_of_time(quadratic_world):
    trainer = Trainer(quadratic_world(horizon=3), SETTINGS, total_rollouts=1)
    learner, joint, world = trainer.learners[0], trainer._joint, trainer.world
    rewards, lasts = [], []
    step = world.step
    world.step = lambda actions: record(step(actions))

    def record(result):
        rewards.append(result.rewards["rate_0"].copy())
        lasts.append(result.obs["rate_0"].copy())
        return result

    joint.collect(trainer.learners, 4)
    stored = learner.model.rollout_buffer.rewards
    with torch.no_grad():
        value = learner.policy.predict_values(torch.from_numpy(lasts[2])).numpy()[:, 0]
    np.testing.assert_allclose(stored[2], rewards[2] + learner.model.gamma * value, atol=1e-6)
    np.testing.assert_allclose(stored[[0, 1, 3]], np.array(rewards)[[0, 1, 3]], atol=1e-6)
    assert learner.model.rollout_buffer.episode_starts[:4, 0].tolist() == [1, 0, 0, 1]


def test_buffer_keeps_the_draw_and_the_world_gets_it_clipped(quadratic_world):
    trainer = Trainer(quadratic_world(), replace(SETTINGS, log_std_init=1.0, log_std_final=None), total_rollouts=1)
    trainer._joint.collect(trainer.learners, SETTINGS.num_steps)  # the world asserts that actions are within [-1, 1]
    assert np.abs(trainer.learners[0].model.rollout_buffer.actions).max() > 1


def test_learners_start_from_different_weights(quadratic_world):
    trainer = Trainer(quadratic_world(num_agents=3), SETTINGS, total_rollouts=1)
    first = [learner.policy.state_dict()["mlp_extractor.policy_net.0.weight"] for learner in trainer.learners]
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], first[2])


def test_a_learner_does_not_feel_others_whose_actions_do_not_matter(quadratic_world):
    alone = Trainer(quadratic_world(num_agents=1), SETTINGS, total_rollouts=3)
    beside = Trainer(quadratic_world(num_agents=3), SETTINGS, total_rollouts=3)
    alone.run()
    torch.manual_seed(77)  # nor what anybody does to the global generators
    np.random.seed(77)  # noqa: NPY002
    beside.run()
    assert_equal_weights(weights(alone.learners[0].policy), weights(beside.learners[0].policy))


def test_training_leaves_the_global_generators_alone(quadratic_world):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = torch.rand(3), np.random.random(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    Trainer(quadratic_world(), SETTINGS, total_rollouts=1).run()
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.random(3), expected[1])  # noqa: NPY002


@pytest.mark.parametrize("critic", ["own", "central"])
def test_training_raises_the_return_of_every_learner(quick_world, critic):
    settings = PPOSettings(num_steps=10, batch_size=320, hidden_sizes=(16, 16), learning_rate=3e-3, critic=critic)
    trainer = Trainer(quick_world(num_agents=3, num_worlds=64, horizon=10), settings, total_rollouts=25)
    reports = []
    trainer._callback = reports.append
    trainer.run()
    for agent in trainer.agents:
        gain = np.array([report.metrics[f"{agent}/over_twin"] for report in reports])
        assert gain[0] < 0, "exploration alone costs"
        assert gain[-3:].mean() > 0.15, agent
        returns = [report.metrics[f"{agent}/return"] for report in reports]
        assert np.mean(returns[-3:]) > np.mean(returns[:3]) + 1.0


def test_exploration_stays_under_its_falling_ceiling(quadratic_world):
    settings = replace(SETTINGS, log_std_init=-1.0, log_std_final=-2.0)
    reports = []
    trainer = Trainer(quadratic_world(), settings, total_rollouts=5, callback=reports.append)
    ceilings = []
    for _ in range(5):
        trainer.learners[0].begin_rollout()
        ceilings.append(float(trainer.learners[0].policy.log_std.detach().max()))
        trainer.run(stop_after=1)
    assert all(c <= -1.0 - k / 5 + 1e-6 for k, c in enumerate(ceilings))
    assert min(ceilings) >= -2.0


def test_discount_is_scaled_to_the_decision_interval():
    hourly = ppo_arguments(PPOSettings(), seed=0, decision_hours=1, own_size=3, rollout_size=9999)
    assert hourly["gamma"] == pytest.approx(0.95 ** (1 / 6))
    assert hourly["gae_lambda"] == pytest.approx(0.95 ** (1 / 6))


@pytest.mark.parametrize(
    ("field", "value"),
    [("num_steps", 0), ("gamma", 1.5), ("learning_rate", float("nan")), ("critic", "other"), ("log_std_final", 0.0)],
)
def test_impossible_settings_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        PPOSettings(**{field: value})


def test_run_of_no_rollouts_is_refused(quadratic_world):
    with pytest.raises(ValueError, match="total_rollouts is 0"):
        Trainer(quadratic_world(), SETTINGS, total_rollouts=0)


@pytest.mark.parametrize("tamper", ["nan", "huge", "rate"])
def test_a_learner_that_diverges_is_named_with_rollout_and_rate(quadratic_world, tmp_path, tamper):
    settings = replace(SETTINGS, checkpoint_every=1)
    if tamper == "rate":
        settings = replace(settings, learning_rate=1e30, final_learning_rate=1e30)
    trainer = Trainer(quadratic_world(num_agents=2), settings, total_rollouts=4, folder=tmp_path)
    if tamper != "rate":
        trainer.run(stop_after=1)
        with torch.no_grad():
            trainer.learners[1].policy.action_net.weight.fill_(float("nan") if tamper == "nan" else 3e38)
    halfway = (settings.learning_rate + settings.final_learning_rate) / 2
    who, number, rate = ("rate_0", 1, 1e30) if tamper == "rate" else ("rate_1", 2, halfway)
    said = rf"^{who} diverged in rollout {number} at learning rate {re.escape(f'{rate:g}')}: its .* no longer finite"
    with pytest.raises(DivergedError, match=said):
        trainer.run()
    with (tmp_path / "metrics.csv").open() as file:
        assert len(list(csv.DictReader(file))) == number - 1
    assert len(list((tmp_path / "checkpoints").glob("*"))) == number - 1  # nothing of what ran away was kept


def test_other_errors_of_a_learner_stay_what_they_are(quadratic_world, monkeypatch):
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=1)

    def fail():
        raise ValueError("a bug")

    monkeypatch.setattr(trainer.learners[0].model, "train", fail)
    with pytest.raises(ValueError, match="a bug"):
        trainer.run()
