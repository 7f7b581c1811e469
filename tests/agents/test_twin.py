"""What a twin takes from advantages: the part that nobody caused, by the least-variance share, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.ppo import PPOSettings, Trainer

SETTINGS = PPOSettings(num_steps=9, batch_size=18, num_epochs=1, hidden_sizes=(8, 8), log_std_final=None)
STILL = -30.0  # log of a standard deviation that moves no float32


def collected(world, **change):
    """A trainer that has a rollout and has not learned from it, and its first learner's buffer."""
    trainer = Trainer(world, replace(SETTINGS, **change), total_rollouts=1)
    trainer._joint.collect(trainer.learners, SETTINGS.num_steps)
    return trainer, trainer.learners[0].model.rollout_buffer


@pytest.mark.parametrize("twin", ["defaults", "policies"])
def test_a_shock_that_nobody_caused_leaves_the_advantages(quadratic_world, twin):
    world = dict(num_worlds=16, horizon=5, stagger=False)
    _, calm = collected(quadratic_world(**world), twin="none")
    trainer, with_twin = collected(quadratic_world(**world, shock=100.0), twin=twin)
    _, without = collected(quadratic_world(**world, shock=100.0), twin="none")
    assert np.array_equal(with_twin.rewards, without.rewards), "rewards are the world's"
    assert np.array_equal(with_twin.returns, without.returns), "so is what the critic learns"
    assert without.advantages.std() > 50 * calm.advantages.std()
    assert with_twin.advantages.std() < 3 * calm.advantages.std()
    assert trainer.learners[0].model.logger.name_to_value["train/twin_share"] > 0.999


@pytest.mark.parametrize("change", [{}, {"critic": "central"}, {"architecture": "recurrent"}, {"bootstrap": "none"}])
def test_whoever_does_not_explore_has_no_advantage_over_the_same_policy(quadratic_world, change):
    world = quadratic_world(num_agents=2, num_worlds=12, horizon=5, shock=1.0)
    trainer, buffer = collected(world, twin="policies", log_std_init=STILL, **change)
    _, alone = collected(
        quadratic_world(num_agents=2, num_worlds=12, horizon=5, shock=1.0), twin="none", log_std_init=STILL, **change
    )
    # the same estimator on the same numbers: stable-baselines3's in the world, ours in the twin
    ends = trainer._joint.episode_starts
    theirs = trainer._joint.twin.advantages(trainer.learners[0], buffer.episode_starts, ends)
    np.testing.assert_allclose(theirs, alone.advantages, rtol=1e-5, atol=1e-5)
    assert np.abs(buffer.advantages - alone.advantages.mean()).max() < 1e-4 * np.abs(alone.advantages).max()


def test_the_share_is_that_of_least_variance(quadratic_world):
    trainer, buffer = collected(quadratic_world(num_worlds=64, shock=0.5), twin="defaults", log_std_init=0.0)
    _, alone = collected(quadratic_world(num_worlds=64, shock=0.5), twin="none", log_std_init=0.0)
    other = trainer._joint.twin.advantages(trainer.learners[0], buffer.episode_starts, trainer._joint.episode_starts)
    best = min(float(np.var(alone.advantages - share * other)) for share in np.linspace(-1.0, 2.0, 301))
    assert np.var(buffer.advantages) <= best * (1 + 1e-6)
    np.testing.assert_allclose(np.var(buffer.advantages), best, rtol=1e-3)  # of a grid
    share = trainer.learners[0].model.logger.name_to_value["train/twin_share"]
    np.testing.assert_allclose(1.0 - share, np.var(buffer.advantages) / np.var(alone.advantages), rtol=1e-4)


def test_without_a_bootstrap_the_last_reward_of_an_episode_is_the_worlds(quadratic_world):
    world = dict(num_worlds=6, horizon=4, stagger=False)
    _, counted = collected(quadratic_world(**world), bootstrap="rows")
    _, episode = collected(quadratic_world(**world), bootstrap="none")
    raw = np.zeros_like(episode.rewards)
    again = quadratic_world(**world)
    again.reset()
    for step in range(SETTINGS.num_steps):
        result = again.step({"rate_0": np.clip(episode.actions.reshape(raw.shape + (1,))[step], -1, 1)})
        raw[step] = result.rewards["rate_0"]
        if result.truncated.any():
            again.reset(mask=result.truncated)
    np.testing.assert_allclose(episode.rewards, raw, rtol=1e-6)
    differs = counted.rewards != episode.rewards
    assert differs[3].all() and differs[7].all() and differs.sum() == 12


def test_a_twin_that_falls_out_of_step_is_noticed(quadratic_world):
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=1)
    trainer._joint.twin.world.time[2] += 1
    with pytest.raises(RuntimeError, match="twin's episodes ended apart"):
        trainer.run()
