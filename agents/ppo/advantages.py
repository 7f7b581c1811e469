"""Generalised advantage estimation (Schulman et al. 2016) over arrays: of twins, and averse to risk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rollout = NDArray[np.float32]


def estimate_advantages(
    rewards: Rollout, values: Rollout, starts: Rollout, last_values: NDArray[np.float32], dones: NDArray[np.bool_],
    *, gamma: float, gae_lambda: float, risk_aversion: float = 0.0,
) -> Rollout:  # fmt: skip
    """Advantages F32[t, n]; without aversion those of `RolloutBuffer.compute_returns_and_advantage`, bit for bit.

    Args:
        rewards: F32[t, n].
        values: of the states in which was decided, F32[t, n].
        starts: F32[t, n], 1 where a decision was the first of an episode.
        last_values: of the states after the rollout, F32[n].
        dones: bool[n], rows whose episode ended with it.
        gamma: discount of a decision.
        gae_lambda: lambda.
        risk_aversion: k of ``risk.py``: differences above 0 count 1 - k times, those below 1 + k times.
    """
    found = np.empty_like(rewards)
    following, goes_on = last_values, 1.0 - dones.astype(np.float32)
    advantage = np.zeros_like(last_values)
    for step in reversed(range(len(rewards))):
        difference = rewards[step] + gamma * following * goes_on - values[step]
        if risk_aversion:
            bent = np.where(difference > 0, 1.0 - risk_aversion, 1.0 + risk_aversion).astype(np.float32)
            difference = difference * bent
        advantage = difference + gamma * gae_lambda * goes_on * advantage
        found[step] = advantage
        following, goes_on = values[step], 1.0 - starts[step]
    return found
