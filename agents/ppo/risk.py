"""Aversion to risk: negative temporal differences count more than positive ones.

Mihatsch and Neuneier (2002), "Risk-Sensitive Reinforcement Learning": every temporal difference d becomes

    (1 - k) d where d > 0,    (1 + k) d where d < 0,    k from 0, stock PPO, to below 1, the worst case.

A value is then not a mean. In an episode of one decision it solves E[bent(reward - value)] = 0: it is the expectile of
the reward at the level (1 - k) / 2 (Newey and Powell 1987). For k of at least 0 that is a coherent measure of risk
(Bellini et al. 2014), and depends on the size of bad outcomes, not only on their frequency. k = .8 is the level .1, at
which a loss weighs nine times a gain. In longer episodes the difference of every decision is bent. A twin's
advantages are not: whatever is taken from an advantage and does not depend on the action leaves the gradient unbiased.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer

from protogov.agents.ppo.advantages import estimate_advantages


def compute_returns(
    buffer: RolloutBuffer, last_values: torch.Tensor, dones: NDArray[np.bool_], risk_aversion: float
) -> None:
    """Fill the buffer's advantages and returns, by generalised advantage estimation over bent differences.

    Args:
        buffer: a full rollout.
        last_values: of the states after it, F32[n, 1].
        dones: bool[n], rows whose episode ended with it.
        risk_aversion: k above; 0 gives the numbers of `RolloutBuffer.compute_returns_and_advantage`, bit for bit.
    """
    buffer.advantages = estimate_advantages(
        buffer.rewards, buffer.values, buffer.episode_starts, last_values.cpu().numpy().flatten(), dones,
        gamma=buffer.gamma, gae_lambda=buffer.gae_lambda, risk_aversion=risk_aversion,
    )  # fmt: skip
    buffer.returns = buffer.advantages + buffer.values
