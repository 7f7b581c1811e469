"""The same promises on the real world: it learns, it is `PPO.learn`, its twin is its twin, and it goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer

from protogov.agents.baselines import make_governor
from protogov.agents.ppo import CheckpointError, PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo.learner import learner_seed, ppo_arguments
from protogov.agents.ppo.rollout import JointRollout
from protogov.envs.config import WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.simulator import Simulator

# A day between decisions and a week for an episode: many ends of episodes in few steps.
SHORT = WorldConfig(decision_hours=24, episode_hours=168, stagger=True, randomise_levers=0.25)
SETTINGS = PPOSettings(num_steps=6, batch_size=24, num_epochs=2, hidden_sizes=(8, 8))


def play(governors, world, seeds):
    """Mean raw reward of every world under governors, F64[n] an agent."""
    world.reset(seeds=seeds)
    totals = {agent: np.zeros(world.num_worlds) for agent in world.agents}
    rows = np.arange(world.num_worlds)
    for governor in governors.values():
        governor.reset(rows, seeds)
    for _ in range(world.horizon):
        step = world.step({agent: governors[agent].act(world.view(agent)) for agent in world.agents})
        for agent, reward in step.rewards.items():
            totals[agent] += reward
    assert step.truncated.all()
    return totals


@pytest.mark.long  # the quick claim is that of analytic worlds, in test_joint_ppo.py
def test_training_raises_the_return_of_a_badly_set_protocol():
    """The incumbent hardly hedges and asks five times the usual spread; a few seconds of learning must find better."""
    config = WorldConfig(roles=("spread",), stagger=True, defaults={"half_spread": 0.08, "hedge_ratio": 0.2})
    settings = PPOSettings(num_steps=28, batch_size=448, num_epochs=10, learning_rate=2e-3, log_std_final=-1.5)
    reports = []
    trainer = Trainer(Simulator(config, 64), settings, total_rollouts=25, callback=reports.append)
    trainer.run()
    gain = np.array([report.metrics["spread_0/over_twin"] for report in reports])
    assert gain[-5:].mean() > gain[:5].mean()

    world = Simulator(replace(config, stagger=False), 128)
    seeds = np.arange(10_000, 10_128, dtype=np.uint64)  # tapes it has not seen
    learned = play({"spread_0": trainer.governor("spread_0")}, world, seeds)["spread_0"]
    incumbent = play({"spread_0": make_governor("constant", world.roles["spread_0"])}, world, seeds)["spread_0"]
    difference = learned - incumbent
    assert difference.mean() > 3 * difference.std() / np.sqrt(len(seeds))


def test_one_learner_equals_ppo_learn_on_the_vector_environment_bit_for_bit():
    config, settings = replace(SHORT, roles=("risk",)), replace(SETTINGS, twin="none", log_std_final=None)
    seed = learner_seed(1, 0)  # stable-baselines3 seeds its environment with the learner's
    trainer = Trainer(Simulator(config, 8, seed=seed), settings, total_rollouts=3, seed=1)
    before = trainer.learners[0].policy.state_dict()["action_net.weight"].clone()
    trainer.run()
    arguments = ppo_arguments(settings, seed=seed, decision_hours=24, own_size=0, rollout_size=48)
    env = SB3VecEnv(Simulator(config, 8))
    theirs = PPO(env=env, **{**arguments, "rollout_buffer_class": RolloutBuffer}).learn(3 * 48)
    ours = trainer.learners[0].policy.state_dict()
    assert not torch.equal(before, ours["action_net.weight"])
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs.policy.state_dict()[name]), name


def test_twin_of_a_world_under_defaults_earns_exactly_the_same():
    joint = JointRollout(Simulator(SHORT, 16), twin="defaults", bootstrap=True, central=False)
    still = {agent: np.zeros((16, joint.world.action_size(agent)), np.float32) for agent in joint.world.agents}
    ends = 0
    for _ in range(20):
        step = joint.world.step(still)
        over = joint._over_twin(step, [])
        assert all((reward == 0).all() for reward in over.values())
        assert any(np.any(reward) for reward in step.rewards.values())
        assert all((joint.twin.observations[agent] == own).all() for agent, own in step.obs.items())
        if step.truncated.any():
            ends += 1
            seen = joint._next_episodes(step.truncated, np.flatnonzero(step.truncated))
            assert all((joint.twin.observations[agent] == own).all() for agent, own in seen.items())
    assert ends > 3


@pytest.mark.parametrize("critic", ["own", "central"])
def test_resumed_run_equals_the_uninterrupted_one(tmp_path, critic):
    settings = replace(SETTINGS, critic=critic)
    whole = Trainer(Simulator(SHORT, 8), settings, total_rollouts=3)
    whole.run()
    Trainer(Simulator(SHORT, 8), settings, total_rollouts=3, folder=tmp_path).run(stop_after=1)
    half = Trainer.resume(latest_checkpoint(tmp_path / "checkpoints"), Simulator(SHORT, 8))
    half.run()
    for ours, theirs in zip(half.learners, whole.learners, strict=True):
        for name, tensor in ours.policy.state_dict().items():
            assert torch.equal(tensor, theirs.policy.state_dict()[name]), (ours.agent, name)
    ours, theirs = half._joint.arrays(), whole._joint.arrays()
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_checkpoint_of_another_configuration_is_refused(tmp_path):
    Trainer(Simulator(SHORT, 8), SETTINGS, total_rollouts=1, folder=tmp_path).run()
    other = Simulator(replace(SHORT, autonomy=12.0), 8)
    with pytest.raises(CheckpointError, match="world.npz: does not fit this run .*another configuration"):
        Trainer.resume(latest_checkpoint(tmp_path / "checkpoints"), other)


def test_report_and_policy_carry_the_worlds_names():
    reports = []
    world = Simulator(SHORT, 8)
    trainer = Trainer(world, SETTINGS, total_rollouts=1, callback=reports.append)
    trainer.run()
    metrics = reports[0].metrics
    for agent, role in world.roles.items():
        assert {f"{agent}/term/{term.name}" for term in role.terms} <= set(metrics)
        assert {f"{agent}/lever/{lever}" for lever in role.levers} <= set(metrics)
        assert trainer.governor(agent).levers == role.levers
        assert trainer.governor(agent).features == world.observation_names(agent)
    parts = [value for name, value in metrics.items() if name.startswith("welfare/0/")]
    assert len(parts) > 3
    assert sum(parts) == pytest.approx(metrics["welfare/0"])
    assert reports[0].market_hours == 6 * 8 * 24


def test_every_baseline_plays_every_role():
    world = Simulator(replace(SHORT, stagger=False), 4)
    seeds = np.arange(4, dtype=np.uint64)

    def totals(name):
        return play({agent: make_governor(name, role) for agent, role in world.roles.items()}, world, seeds)

    constant, random = totals("constant"), totals("random")
    assert all(not np.array_equal(constant[agent], random[agent]) for agent in world.agents)
    again = totals("random")
    assert all(np.array_equal(again[agent], random[agent]) for agent in world.agents)


def test_constant_holds_its_values_in_a_world_of_other_defaults():
    config = WorldConfig(roles=("spread",), decision_hours=24, episode_hours=168, defaults={"half_spread": 0.03})
    world = Simulator(config, 2)
    values = {"half_spread": 0.02, "vega_fee": 2.0, "hedge_ratio": 0.5}
    governor = make_governor("constant", world.roles["spread_0"], values=values, defaults=config.defaults)
    world.reset()
    for _ in range(3):
        step = world.step({"spread_0": governor.act(world.view("spread_0"))})
    proposed = dict(zip(world.roles["spread_0"].levers, step.proposed["spread_0"][0], strict=True))
    assert proposed == pytest.approx({**values, "skew_shift": 0.0}, rel=1e-6)
