"""Every row acts with a last layer of its own for a while; probabilities stay those of what was done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.parameter_noise import ParameterNoise

SETTINGS = PPOSettings(num_steps=8, batch_size=32, num_epochs=1, hidden_sizes=(8,), twin="none", parameter_noise=0.3)
ALL, NONE = np.ones(2, bool), np.zeros(2, bool)


def drawn(seed, *counts):
    """What torch's generator gives for so many rows of one lever and one hidden number, each time."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return [torch.randn(count, 1, 2) for count in counts]


def test_it_is_walked_by_hand():
    noise, (first, second) = ParameterNoise(0.5, 0, 2, 1, 1), drawn(3, 2, 1)
    torch.manual_seed(3)
    hidden = torch.tensor([[1.0], [2.0]])
    offsets = noise.offsets(hidden, ALL)
    scale = 0.5 / 3.5**0.5  # expected squares of D h + d are 2 and 5
    torch.testing.assert_close(offsets, scale * (first[:, :, 0] * hidden + first[:, :, 1]))
    later = noise.offsets(-hidden, np.array([False, True]))  # another state, and an episode that begins
    torch.testing.assert_close(later[0], scale * (-first[0, :, 0] + first[0, :, 1]))
    torch.testing.assert_close(later[1], scale * (-2 * second[0, :, 0] + second[0, :, 1]))
    squares = torch.cat([offsets, later]).square().mean()
    assert noise.distance == pytest.approx(float(squares) ** 0.5)
    noise.end_rollout()
    assert noise.scale == pytest.approx(scale * min(max(0.5 / float(squares) ** 0.5, 0.5), 2.0))


def test_a_draw_lasts_as_many_decisions_as_it_shall():
    noise = ParameterNoise(0.5, 3, 2, 1, 1)
    hidden = torch.ones(2, 1)
    seen = [noise.offsets(hidden, ALL)] + [noise.offsets(hidden, np.array([k == 1, False])) for k in range(5)]
    same = np.array([torch.eq(x, y).flatten().tolist() for x, y in zip(seen, seen[1:], strict=False)])
    assert same[:, 0].tolist() == [True, False, True, True, False]  # an episode began after two decisions
    assert same[:, 1].tolist() == [True, True, False, True, True]


def test_the_scale_finds_the_distance_that_is_asked_for():
    noise, rng = ParameterNoise(0.2, 0, 64, 4, 3), torch.Generator().manual_seed(0)
    for size in (1.0, 1.0, 5.0, 5.0, 5.0, 5.0):  # the hidden layer grows meanwhile
        noise.begin_rollout()
        for step in range(6):
            noise.offsets(size * torch.randn(64, 4, generator=rng), np.full(64, step == 0))
        noise.end_rollout()
    assert noise.distance == pytest.approx(0.2, rel=0.1)


def test_remembered_probabilities_are_those_of_what_was_done(quadratic_world):
    """The behaviour is a Gaussian around the perturbed mean; the first ratio of stock PPO is 1."""
    outputs = []
    trainer = Trainer(quadratic_world(num_worlds=16, horizon=4), SETTINGS, total_rollouts=1)
    (learner,) = trainer.learners
    act = learner.execution.actions
    learner.execution.actions = lambda seen, out: outputs.append(out.copy()) or act(seen, out)
    offsets, add = [], learner._parameter_noise.offsets
    learner._parameter_noise.offsets = lambda *given: offsets.append(add(*given)) or offsets[-1]
    trainer._joint.collect(trainer.learners, SETTINGS.num_steps)
    buffer = learner.model.rollout_buffer
    done, moved = np.array(outputs), torch.stack(offsets)
    np.testing.assert_allclose(done, buffer.actions + moved.numpy(), atol=1e-6)
    assert 0.1 < moved.std() < 0.6
    begins = buffer.episode_starts.astype(bool)
    assert begins[::4].all() and begins.sum() == 32
    seen = torch.from_numpy(buffer.observations.copy()).flatten(0, 1)
    with torch.no_grad():
        mean = learner.policy.get_distribution(seen).distribution.mean.reshape(moved.shape)
        std = learner.policy.log_std.exp()
        behaviour = torch.distributions.Normal(mean + moved, std).log_prob(torch.from_numpy(done)).sum(-1)
        stored = torch.from_numpy(buffer.actions.copy()).flatten(0, 1)
        _, stock, _ = learner.policy.evaluate_actions(seen, stored)
    np.testing.assert_allclose(buffer.log_probs, behaviour.numpy(), atol=1e-4)
    np.testing.assert_allclose(stock.reshape(buffer.log_probs.shape).numpy(), buffer.log_probs, atol=1e-5)


@pytest.mark.parametrize("change", [{}, {"critic": "central", "architecture": "linear", "parameter_noise_every": 3}])
def test_training_with_it_raises_the_return(quick_world, change):
    settings = PPOSettings(
        num_steps=10,
        batch_size=320,
        hidden_sizes=(16, 16),
        learning_rate=3e-3,
        twin="none",
        parameter_noise=0.2,
        **change,
    )
    reports = []
    world = quick_world(num_worlds=64, horizon=10)
    trainer = Trainer(world, settings, total_rollouts=25, callback=reports.append)
    trainer.run()
    rewards = np.array([report.metrics["rate_0/reward"] for report in reports])
    assert rewards[-3:].mean() > rewards[:3].mean() + 0.2
    assert trainer.learners[0]._parameter_noise.distance == pytest.approx(0.2, rel=0.25)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parameter_noise": -0.1}, "parameter_noise is -0.1; accepted: a finite number of at least 0"),
        ({"parameter_noise": 0.0, "parameter_noise_every": 4}, "parameter_noise_every is 4; accepted: 0 unless"),
        ({"state_dependent_exploration": True}, "parameter_noise is 0.3; accepted: 0 where exploration is state-"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(SETTINGS, **changes)


def test_noise_of_another_batch_is_refused():
    with pytest.raises(ValueError, match=r"parameter_noise has shape \(2, 1, 2\); accepted: \(3, 1, 2\)"):
        ParameterNoise(0.5, 0, 3, 1, 1).load_arrays(ParameterNoise(0.5, 0, 2, 1, 1).arrays())
