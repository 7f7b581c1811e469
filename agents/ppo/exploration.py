"""Exploration that lasts: a Gaussian policy whose noise is correlated from decision to decision.

White noise moves a lever that has caps, notice and a deadband to and fro and seldom far. Here the noise of a row and
lever is a stationary process of first order,

    e(0) = x(0),    e(t) = c e(t-1) + sqrt(1 - c^2) x(t),    x standard normal,

so that every action is mean + std * e with e standard normal, as in stock PPO, and a push lasts 1 / (1 - c) decisions.

**Which probability goes with an action.** The one of the stationary marginal, N(mean, std): what stock PPO works out
from the buffer alone, so that nothing else in it changes. It is not the probability given the decision before, N(mean +
c std e(t-1), (1 - c^2) std^2) (autoregressive policies, Korenkevych et al. 2019, "Autoregressive Policies for
Continuous Control Deep Reinforcement Learning"), whose gradient would be unbiased. The difference:

- The score e(t) / std credits an action with what its whole push brings, since the noise that follows goes on from it:
  the gradient is that of holding a change for about 1 / (1 - c) decisions, not of making it once. Where levers take
  days to act this is what one wants to know; the gradient given the decision before has (1 - c) / sqrt(1 - c^2) of its
  length for a lasting change of the mean (0.23 at c = 0.9), under noise as large.
- The state shows part of the push so far, so that e(t) given the state has a mean m other than zero. What a perfect
  critic expects takes its effect out of the gradient; the error of a real critic, times m / std, stays in it, as a pull
  toward wherever the noise had pushed in states that the critic holds too low. It shrinks with the critic's error, and
  is none where c = 0.
- PPO's ratio and its clip are of the marginal. They measure how far the policy moved, not how probable a course is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class LastingNoise:
    """The process above for a batch: a standard normal number for each row and lever.

    Args:
        correlation: c, at least 0 and below 1.
        num_rows: worlds.
        size: levers.
    """

    def __init__(self, correlation: float, num_rows: int, size: int) -> None:
        self._correlation = correlation
        self._fresh = math.sqrt(1.0 - correlation**2)
        self._state = torch.zeros(num_rows, size)

    def draw(self, starts: NDArray[np.bool_]) -> torch.Tensor:
        """The next numbers, F32[n, k], from torch's global generator.

        Args:
            starts: bool[n], rows whose episode begins with this decision: what they had is forgotten.
        """
        drawn = torch.randn_like(self._state)
        lasting = self._correlation * self._state + self._fresh * drawn
        self._state = torch.where(torch.from_numpy(starts)[:, None], drawn, lasting)
        return self._state

    def fork(self, rows: NDArray[np.int64]) -> LastingNoise:
        """A copy of rows, I64[m], which may repeat: they go on from the same numbers."""
        other = LastingNoise(self._correlation, len(rows), self._state.shape[1])
        other._state = self._state[torch.from_numpy(np.asarray(rows, np.int64))]
        return other

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Where every row stands, for a checkpoint."""
        return {"lasting_noise": self._state.numpy().copy()}

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Go on from `arrays`.

        Raises:
            ValueError: they are of another batch.
        """
        state = np.array(arrays["lasting_noise"], np.float32)
        if state.shape != tuple(self._state.shape):
            raise ValueError(f"lasting_noise has shape {state.shape}; accepted: {tuple(self._state.shape)}")
        self._state = torch.from_numpy(state)
