"""Noise that lasts is an AR(1) process a row with stock PPO's probabilities, and goes on from where it stood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.ppo import CheckpointError, PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo.exploration import LastingNoise

SETTINGS = PPOSettings(
    num_steps=12, batch_size=48, num_epochs=1, hidden_sizes=(8,), twin="none", exploration_correlation=0.9
)
GO_ON = np.zeros(3, bool)


def normals(seed, count):
    """As many standard normal draws F32[3, 2] as the process will take."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [torch.randn(3, 2) for _ in range(count)]


def test_it_is_walked_by_hand():
    noise, x = LastingNoise(0.6, 3, 2), normals(4, 3)
    torch.manual_seed(4)
    first = noise.draw(np.ones(3, bool))
    second = noise.draw(np.array([False, True, False]))
    third = noise.draw(GO_ON)
    assert torch.equal(first, x[0])
    expected = 0.6 * x[0] + 0.8 * x[1]
    expected[1] = x[1][1]  # an episode that begins forgets what was
    torch.testing.assert_close(second, expected)
    torch.testing.assert_close(third, 0.6 * expected + 0.8 * x[2])


def test_copies_of_rows_go_on_from_the_same_numbers():
    noise = LastingNoise(0.9, 3, 2)
    before = noise.draw(np.ones(3, bool)).clone()
    other = noise.fork(np.array([2, 0, 2]))
    torch.manual_seed(8)
    theirs = other.draw(GO_ON)
    noise.draw(GO_ON)
    torch.testing.assert_close(theirs, 0.9 * before[[2, 0, 2]] + 0.19**0.5 * normals(8, 1)[0])
    assert np.array_equal(other.fork(np.array([1])).arrays()["lasting_noise"], theirs[1:2].numpy())


def collected(world, settings):
    """Deviates F[t, n] of a rollout, its episode starts bool[t, n], and the learner."""
    trainer = Trainer(world, settings, total_rollouts=1)
    (learner,) = trainer.learners
    trainer._joint.collect(trainer.learners, settings.num_steps)
    buffer = learner.model.rollout_buffer
    seen, actions = torch.from_numpy(buffer.observations.copy()), torch.from_numpy(buffer.actions.copy())
    with torch.no_grad():
        spread = learner.policy.get_distribution(seen.flatten(0, 1)).distribution
        deviates = (actions.flatten(0, 1) - spread.mean) / spread.stddev
        _, log_probs, _ = learner.policy.evaluate_actions(seen.flatten(0, 1), actions.flatten(0, 1))
    return deviates.reshape(actions.shape)[..., 0].numpy(), buffer, log_probs.reshape(buffer.log_probs.shape)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_pushes_last_within_an_episode_and_keep_their_size(quadratic_world, correlation):
    settings = replace(SETTINGS, exploration_correlation=correlation, batch_size=4800)
    deviates, buffer, log_probs = collected(quadratic_world(num_worlds=400, horizon=4), settings)
    begins = buffer.episode_starts.astype(bool)
    assert begins[::4].all() and begins.sum() == 3 * 400
    assert np.abs(deviates.std(axis=1) - 1.0).max() < 0.15, "the stationary deviation, from the first decision on"
    for t in range(1, settings.num_steps):
        expected = 0.0 if t % 4 == 0 else correlation
        assert np.corrcoef(deviates[t - 1], deviates[t])[0, 1] == pytest.approx(expected, abs=0.15), t
    # stock PPO works the same probabilities out of the buffer: its first ratio is 1
    np.testing.assert_allclose(log_probs.numpy(), buffer.log_probs, atol=1e-5)


def test_a_learner_does_not_feel_another_ones_noise(quadratic_world):
    def weights(agents):
        trainer = Trainer(quadratic_world(num_agents=agents), SETTINGS, total_rollouts=2)
        trainer.run()
        return trainer.learners[0].policy.state_dict()

    alone, beside = weights(1), weights(2)
    assert all(torch.equal(tensor, beside[name]) for name, tensor in alone.items())


def test_a_resumed_run_goes_on_from_the_same_noise(quadratic_world, tmp_path):
    world = quadratic_world(horizon=9)  # a rollout of 12 decisions ends within an episode
    whole = Trainer(quadratic_world(horizon=9), SETTINGS, total_rollouts=2)
    whole.run()
    Trainer(world, SETTINGS, total_rollouts=2, folder=tmp_path).run(stop_after=1)
    place = latest_checkpoint(tmp_path / "checkpoints")

    def resumed(forgets):
        trainer = Trainer.resume(place, quadratic_world(horizon=9))
        if forgets:
            trainer.learners[0]._noise._state.zero_()
        trainer.run()
        theirs = whole.learners[0].policy.state_dict()
        return all(torch.equal(x, theirs[name]) for name, x in trainer.learners[0].policy.state_dict().items())

    assert resumed(forgets=False)
    assert not resumed(forgets=True), "the noise did not matter"


def test_noise_of_another_batch_is_refused():
    with pytest.raises(ValueError, match=r"lasting_noise has shape \(3, 2\); accepted: \(4, 2\)"):
        LastingNoise(0.5, 4, 2).load_arrays(LastingNoise(0.5, 3, 2).arrays())


def test_a_checkpoint_without_noise_is_none_of_a_run_with_it(quadratic_world, tmp_path, monkeypatch):
    trainer = Trainer(quadratic_world(), SETTINGS, total_rollouts=2, folder=tmp_path)
    monkeypatch.setattr(trainer.learners[0], "_noise", None)
    trainer.save_checkpoint()
    with pytest.raises(CheckpointError, match="rng.npz: does not fit this run"):
        Trainer.resume(latest_checkpoint(tmp_path / "checkpoints"), quadratic_world())


def test_state_dependent_exploration_lasts_where_the_state_does(quadratic_world):
    """The same function of the state for a whole rollout; anew every decision it is noise like any other."""

    class Still(quadratic_world):
        def observe(self):
            return {agent: np.ones((self.num_worlds, 3), np.float32) for agent in self.agents}

    def moves(every):
        settings = replace(
            SETTINGS, exploration_correlation=0.0, state_dependent_exploration=True, exploration_every=every
        )
        trainer = Trainer(Still(), settings, total_rollouts=1)
        trainer._joint.collect(trainer.learners, settings.num_steps)
        return np.ptp(trainer.learners[0].model.rollout_buffer.actions, axis=0)

    assert moves(0).max() < 1e-6
    assert moves(1).min() > 1e-3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exploration_correlation": 1.0}, "exploration_correlation is 1.0; accepted: a number from 0 to below 1"),
        ({"exploration_correlation": -0.1}, "exploration_correlation is -0.1"),
        ({"state_dependent_exploration": True}, "exploration_correlation is 0.9; accepted: 0 where it is state-"),
        ({"exploration_every": 4}, "exploration_every is 4; accepted: 0 unless it is state-dependent"),
        ({"exploration_every": -1}, "exploration_every is -1; accepted: a whole number of at least 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(SETTINGS, **changes)
