"""Exploration by parameters: every row of the batch acts with a last layer of its own for a while.

After Plappert et al. (2018), "Parameter Space Noise for Exploration". The last linear layer of the actor, W h + b with
h the last hidden layer, is perturbed in every row by a draw of its own,

    offset = scale * (D h + d),    entries of D and d standard normal,

that is kept for an episode, or for a number of decisions. Unlike noise of the action, it is a function of the
observation. Only the last layer is perturbed: a draw for each row is small there, and every architecture has one.

**Which probability goes with an action.** The behaviour of a row is a Gaussian around its perturbed mean, N(mean +
offset, std). The buffer stores the action minus the offset, with its probability under N(mean, std), which is the same
number. Stock PPO's first ratio is therefore exactly 1, and later ratios compare perturbed policies with the offsets
that were played. The gradient is that of the return of a policy to whose means the environment adds the offsets,
averaged over their draws; it ignores that an offset changes with h. So it is as unbiased as stock PPO's, and it gives
no offset credit for its result: PPO still learns from the noise of actions, in states that the offsets lead to.
`exploration_correlation` credits lasting noise itself, at the price of a bias, and so does gSDE, whose probability is
the marginal one. The critic does not see the offsets; it predicts the mean over them.

**How large it is.** As in that paper, the scale follows a distance between actions: after each rollout it is multiplied
by target / distance, from 1/2 to 2, where distance is the root mean square of offsets over decisions, rows and levers.
The paper changes it by 1% each time; here offsets are proportional to the scale, and a run has only a hundred rollouts.
The first scale is computed from the h of the first decision.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

_FASTEST = 2.0  # factor of the scale from one rollout to the next


class ParameterNoise:
    """The perturbations of a batch.

    Args:
        target: wanted distance of the offsets, in units of the action, above 0.
        every: decisions after which a row draws again; 0 keeps a draw for the whole episode.
        num_rows: worlds, times governors that share the learner.
        hidden: width of the last hidden layer; for a linear actor, of its observation.
        size: number of levers.
    """

    def __init__(self, target: float, every: int, num_rows: int, hidden: int, size: int) -> None:
        self._target, self._every = target, every
        self._draws = torch.zeros(num_rows, size, hidden + 1)
        self._ages = np.zeros(num_rows, np.int64)  # decisions that a draw has served
        self.scale = 0.0  # standard deviation of a weight's perturbation; 0 before the first decision
        self.begin_rollout()

    def begin_rollout(self) -> None:
        """Start a new measurement of the distance."""
        self._squares, self._decisions = 0.0, 0

    def offsets(self, hidden: torch.Tensor, starts: NDArray[np.bool_]) -> torch.Tensor:
        """Numbers that are added to the means, F32[n, k]; draws from torch's global generator.

        Args:
            hidden: last hidden layer, F32[n, h].
            starts: bool[n], rows whose episode begins with this decision; they draw again.
        """
        anew = starts | (self._ages >= self._every) if self._every else starts
        rows = torch.from_numpy(np.flatnonzero(anew))
        if len(rows):
            self._draws[rows] = torch.randn(len(rows), *self._draws.shape[1:])
        self._ages = np.where(anew, 1, self._ages + 1)
        if not self.scale:
            self.scale = self._target / math.sqrt(float(hidden.square().sum(dim=1).mean()) + 1.0)
        moved = torch.matmul(self._draws[:, :, :-1], hidden[:, :, None])[:, :, 0] + self._draws[:, :, -1]
        moved = self.scale * moved
        self._squares += float(moved.square().mean())
        self._decisions += 1
        return moved

    @property
    def distance(self) -> float:
        """Root mean square of the offsets since `begin_rollout`, in units of the action."""
        return math.sqrt(self._squares / self._decisions)

    def end_rollout(self) -> None:
        """Adapt the scale to the measured distance."""
        if self.distance > 0:
            self.scale *= min(max(self._target / self.distance, 1.0 / _FASTEST), _FASTEST)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Draws, ages and scale between two rollouts, for a checkpoint."""
        return {
            "parameter_noise": self._draws.numpy().copy(),
            "parameter_noise_ages": self._ages.copy(),
            "parameter_noise_scale": np.array(self.scale),
        }

    def load_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from `arrays`.

        Raises:
            KeyError: an array is missing.
            ValueError: the arrays are of another batch.
        """
        draws = np.array(arrays["parameter_noise"], np.float32)
        if draws.shape != tuple(self._draws.shape):
            raise ValueError(f"parameter_noise has shape {draws.shape}; accepted: {tuple(self._draws.shape)}")
        self._draws = torch.from_numpy(draws)
        self._ages = np.array(arrays["parameter_noise_ages"], np.int64)
        self.scale = float(arrays["parameter_noise_scale"])
