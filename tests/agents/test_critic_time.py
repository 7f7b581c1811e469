"""A critic that sees the time that is left: it does, its actor does not, and without it nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.policies import load_policy
from protogov.agents.policies.architectures import ARCHITECTURES
from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.sights import Sights, critic_size
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

EPISODE = PPOSettings(num_steps=6, batch_size=24, num_epochs=2, hidden_sizes=(8, 8), bootstrap="none", twin="policies")
TIMED = replace(EPISODE, critic_sees_time=True)
SEEING = WorldConfig(size="tiny", roles=("risk",), observe=("chain", "feeds", "surface", "accounts"))


def collected(world, settings):
    """A trainer that has a rollout and has not learned from it, and the inputs in its first buffer, F32[t, n, d]."""
    trainer = Trainer(world, settings, total_rollouts=1)
    trainer._joint.collect(trainer.learners, settings.num_steps)
    return trainer, trainer.learners[0].model.rollout_buffer.observations


@pytest.mark.parametrize("critic", ["own", "central"])
@pytest.mark.parametrize("architecture", ["mlp", "recurrent"])
def test_the_clock_is_walked_by_hand(quadratic_world, architecture, critic):
    settings = replace(TIMED, architecture=architecture, critic=critic)
    world = quadratic_world(num_agents=2, num_worlds=4, horizon=4, stagger=True)  # first episodes of 1, 2, 3 and 4
    trainer, seen = collected(world, settings)
    _, without = collected(
        quadratic_world(num_agents=2, num_worlds=4, horizon=4, stagger=True),
        replace(settings, critic_sees_time=False),
    )
    left = np.array([[1, 4, 3, 2, 1, 4], [2, 1, 4, 3, 2, 1], [3, 2, 1, 4, 3, 2], [4, 3, 2, 1, 4, 3]]) / 4
    assert np.array_equal(seen[:, :, -1], left.T)
    assert np.array_equal(seen[0, :, :-1], without[0]), "the rest of an input is what it was"
    assert seen.shape[2] == without.shape[2] + 1
    # the twin's clock is its world's, at every decision and after the last
    twin = trainer._joint.twin
    assert np.array_equal([of["rate_0"][:, -1] for of in twin._seen], left.T)
    assert np.array_equal(twin.observations["rate_0"][:, -1], np.array([3, 4, 1, 2]) / 4)
    assert np.array_equal(trainer._joint.observations["rate_1"][:, -1], np.array([3, 4, 1, 2]) / 4)
    assert {float(last["rate_0"][:, -1].max(initial=0.0)) for _, last in twin._ends} == {0.0}, "0 at an end"


def test_the_simulators_clock_counts_the_hours_of_a_whole_episode():
    config = WorldConfig(size="tiny", decision_hours=24, episode_hours=168, stagger=True)
    world = Simulator(config, 16)
    world.reset()
    first, length = world.time_left(), world.worlds["length"]
    assert first.dtype == np.float32 and np.array_equal(first, (length / 168).astype(np.float32))
    assert 0 < first.min() < 0.5 < first.max() <= 1, "first episodes are staggered"
    still = {agent: np.zeros((16, world.action_size(agent)), np.float32) for agent in world.agents}
    row, twin, ended = int(first.argmax()), world.fork(np.arange(16)[::-1]), np.zeros(16, bool)
    while not ended[row]:
        before = world.time_left()
        ended = world.step(still).truncated
        np.testing.assert_allclose(before - world.time_left(), 24 / 168, atol=1e-6)
        assert np.array_equal(world.time_left() == 0.0, ended)
        if not ended[row]:
            world.reset(mask=ended)
            assert (world.time_left()[ended] == 1.0).all()
    assert np.array_equal(twin.time_left(), first[::-1])
    again = Simulator(config, 16)
    again.restore(world.snapshot())
    assert np.array_equal(again.time_left(), world.time_left()), "a run that resumes reads the same"
    assert np.array_equal(
        Sights(world, central=False, clock=True).see(world.observe())["risk_0"][:, -1], world.time_left()
    )


@pytest.mark.parametrize("critic", ["own", "central"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_critic_reads_the_clock_and_the_actor_does_not(tmp_path, architecture, critic):
    settings = replace(TIMED, architecture=architecture, critic=critic, hidden_sizes=(32, 32))
    trainer, seen = collected(Simulator(SEEING, 4), settings)
    (learner,), world = trainer.learners, trainer.world
    own = world.observation_size("risk_0") * learner.front.window
    assert seen.shape[2] == own + critic_size(settings, world)
    assert critic_size(settings, world) == 1 + world.state_size * (critic == "central")
    early, late = seen[0].copy(), seen[0].copy()
    early[:, -1], late[:, -1] = 1.0, 0.0
    assert np.abs(learner.values(early) - learner.values(late)).min() > 0.0
    with torch.no_grad():
        means = [learner.policy.get_distribution(torch.from_numpy(given)).mode() for given in (early, late)]
    assert torch.equal(*means)
    # a policy's file is of the shapes that it has without a clock
    plain = Trainer(Simulator(SEEING, 4), replace(settings, critic_sees_time=False), total_rollouts=1)
    files = [load_policy(one.save_policies(tmp_path / name)[0]).policy for name, one in (("a", trainer), ("b", plain))]
    assert files[0].features == files[1].features == world.observation_names("risk_0")
    assert {k: v.shape for k, v in files[0].weights.items()} == {k: v.shape for k, v in files[1].weights.items()}


def test_only_a_critic_with_a_clock_knows_what_an_episode_still_pays(quick_world):
    """Every decision pays 1, so that a state is worth the decisions left, which no observation tells."""
    off = {}
    for timed in (True, False):
        world = quick_world(num_worlds=64, horizon=5, stagger=True)
        step = world.step
        world.step = lambda actions, step=step: step(actions)._replace(rewards={"rate_0": np.ones(64)})
        settings = PPOSettings(
            num_steps=10, batch_size=64, learning_rate=3e-3, final_learning_rate=1e-3, hidden_sizes=(16, 16), gamma=1.0,
            bootstrap="none", twin="none", critic_sees_time=timed,
        )  # fmt: skip
        trainer = Trainer(world, settings, total_rollouts=15)
        trainer.run()
        left = np.round(5 * world.time_left())
        assert set(left) == {1.0, 2.0, 3.0, 4.0, 5.0}
        off[timed] = float(np.std(trainer.learners[0].values(trainer._joint.observations["rate_0"]) - left))
    assert off[True] < 0.2
    assert off[False] > 1.0, "1.4 is the deviation of 1 to 5"


def test_a_clock_beside_a_value_beyond_the_end_is_refused():
    for bootstrap in ("rows", "batch"):
        with pytest.raises(ValueError, match="^critic_sees_time is True; accepted: True where bootstrap is none"):
            PPOSettings(critic_sees_time=True, bootstrap=bootstrap)
    assert not PPOSettings().critic_sees_time
