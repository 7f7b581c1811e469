"""Surprises for the worse weigh more: by hand, stock at no aversion, and in a world with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.risk import compute_returns


def full_buffer(num_steps=6, rows=3, gamma=0.9, gae_lambda=0.8):
    box, rng = spaces.Box(-1.0, 1.0, (1,), np.float32), np.random.default_rng(2)
    buffer = RolloutBuffer(num_steps, box, box, "cpu", gae_lambda, gamma, rows)
    for step in range(num_steps):
        starts = (np.arange(rows) + step) % 4 == 0
        numbers = [rng.normal(size=rows).astype(np.float32) for _ in range(3)]
        draws, values = np.zeros((rows, 1), np.float32), torch.from_numpy(numbers[1])
        buffer.add(draws, draws, numbers[0], starts, values, torch.from_numpy(numbers[2]))
    return buffer, torch.from_numpy(rng.normal(size=(rows, 1)).astype(np.float32)), np.array([True, False, False])


def test_without_aversion_it_is_the_stock_buffer_bit_for_bit():
    stock, last, dones = full_buffer()
    ours, _, _ = full_buffer()
    stock.compute_returns_and_advantage(last, dones)
    compute_returns(ours, last, dones, 0.0)
    assert np.array_equal(ours.advantages, stock.advantages)
    assert np.array_equal(ours.returns, stock.returns)


def test_two_decisions_are_walked_by_hand():
    box = spaces.Box(-1.0, 1.0, (1,), np.float32)
    buffer = RolloutBuffer(2, box, box, "cpu", 0.5, 0.8, 1)
    nothing = np.zeros((1, 1), np.float32)
    for reward, value in ((1.0, 3.0), (2.0, 1.0)):
        start = np.array([value == 3.0])
        buffer.add(nothing, nothing, np.array([reward]), start, torch.tensor([value]), torch.zeros(1))
    compute_returns(buffer, torch.tensor([[5.0]]), np.array([False]), 0.6)
    # 2 + .8 * 5 - 1 = 5 counts .4 * 5 = 2; 1 + .8 * 1 - 3 = -1.2 counts 1.6 * -1.2, with .8 * .5 * 2 of the other
    np.testing.assert_allclose(buffer.advantages[:, 0], [-1.92 + 0.8, 2.0], rtol=1e-6)
    np.testing.assert_allclose(buffer.returns[:, 0], [3 - 1.12, 3.0], rtol=1e-6)


@pytest.mark.parametrize(("risk_aversion", "action"), [(0.0, 1.0), (0.8, -1.0)])
def test_a_gamble_with_a_good_mean_and_a_bad_tail(quick_world, risk_aversion, action):
    """+1 with probability .8, -2 with .2: the mean is .4, and the expectile at the level .1, where a loss counts nine
    times a gain, is below 0, since .2 * 2 * 9 > .8. The action is the share put into it, from -1, nothing, to 1, all.
    """

    class Gamble(quick_world):
        def step(self, actions):
            share = (1.0 + np.asarray(actions["rate_0"], np.float64)[:, 0]) / 2.0
            lost = self._draw(7, 1)[0] < -0.8416
            return super().step(actions)._replace(rewards={"rate_0": np.where(lost, -2.0, 1.0) * share})

    settings = PPOSettings(
        num_steps=8, batch_size=512, hidden_sizes=(8,), learning_rate=4e-2, gamma=0.0, twin="none",
        log_std_init=-0.5, log_std_final=None, risk_aversion=risk_aversion,
    )  # fmt: skip
    trainer = Trainer(Gamble(num_worlds=256, horizon=1000), settings, total_rollouts=20)
    trainer.run()
    assert abs(trainer.governor("rate_0").act_on(np.zeros((1, 3), np.float32))[0, 0] - action) < 0.5


def test_impossible_aversion_is_refused():
    with pytest.raises(ValueError, match="risk_aversion is 1.0; accepted: a number from 0 to below 1"):
        PPOSettings(risk_aversion=1.0)
