"""Exploration that lasts: a Gaussian policy with noise that is correlated from decision to decision.

White noise moves a lever with caps, notice and a deadband back and forth, and rarely far. Here the noise of a row and
lever is a stationary process of first order,

    e(0) = x(0),    e(t) = c e(t-1) + sqrt(1 - c^2) x(t),    x standard normal.

Every action is mean + std * e with e standard normal, as in stock PPO. A push lasts about 1 / (1 - c) decisions.

**Which probability belongs to an action.** The one of the stationary marginal, N(mean, std). Stock PPO computes it
from the buffer, so nothing else in PPO changes. It is not the probability given the decision before,
N(mean + c std e(t-1), (1 - c^2) std^2), whose gradient would be unbiased (autoregressive policies, Korenkevych et al.
2019, "Autoregressive Policies for Continuous Control Deep Reinforcement Learning"). The difference:

- The score e(t) / std credits an action with the effect of its whole push, because later noise continues it. The
  gradient is that of a change that is kept for about 1 / (1 - c) decisions, not of a single one. This is useful if
  levers take days to act. For a lasting change of the mean and equally large noise, the gradient given the decision
  before has (1 - c) / sqrt(1 - c^2) of the length of this one (0.23 at c = 0.9).
- The state shows a part of the push so far, so e(t) given the state has a mean m that is not zero. A perfect critic
  would remove the effect of m from the gradient. The error of a real critic, times m / std, remains: it pulls toward
  the direction of the past noise in states that the critic values too low. It shrinks with the critic's error, and is
  zero at c = 0.
- PPO's ratio and its clip use the marginal. They measure how far the policy moved, not how probable a sequence is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class LastingNoise:
    """The process above for a batch: one standard normal number per row and lever.

    Args:
        correlation: c, at least 0 and below 1.
        num_rows: number of worlds.
        size: number of levers.
    """

    def __init__(self, correlation: float, num_rows: int, size: int) -> None:
        self._correlation = correlation
        self._fresh = math.sqrt(1.0 - correlation**2)
        self._state = torch.zeros(num_rows, size)

    def draw(self, starts: NDArray[np.bool_]) -> torch.Tensor:
        """The next numbers, F32[n, k], from torch's global generator.

        Args:
            starts: bool[n], rows whose episode begins with this decision. Their earlier noise is forgotten.
        """
        drawn = torch.randn_like(self._state)
        lasting = self._correlation * self._state + self._fresh * drawn
        self._state = torch.where(torch.from_numpy(starts)[:, None], drawn, lasting)
        return self._state

    def fork(self, rows: NDArray[np.int64]) -> LastingNoise:
        """A copy of rows, I64[m], which may be repeated. The copies continue from the same numbers."""
        other = LastingNoise(self._correlation, len(rows), self._state.shape[1])
        other._state = self._state[torch.from_numpy(np.asarray(rows, np.int64))]
        return other

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state of every row, for a checkpoint."""
        return {"lasting_noise": self._state.numpy().copy()}

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `arrays`.

        Raises:
            ValueError: the arrays belong to another batch.
        """
        state = np.array(arrays["lasting_noise"], np.float32)
        if state.shape != tuple(self._state.shape):
            raise ValueError(f"lasting_noise has shape {state.shape}; accepted: {tuple(self._state.shape)}")
        self._state = torch.from_numpy(state)
