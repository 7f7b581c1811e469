"""A trained policy as a governor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from protogov.agents.policies.policy import Policy, PolicyError, load_policy_file
from protogov.agents.row_noise import RowNoise

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


_ROWS = 32  # multiplied at a time: the products of some rows stay in the cache


class PolicyGovernor:
    """Acts as its policy does: the mean action, or a draw around it.

    The forward pass is torch's, so that actions equal those of the learner the policy was exported from, bit for bit in
    a batch of the same size. In another size the last bits of a matrix product differ; with `any_batch` they do not, as
    the background of worlds needs it, and actions equal the learner's to about 1e-6.

    Args:
        policy: the network and its names.
        stochastic: draw with the exploration of the end of training instead of acting on the mean. Draws are keyed by a
            row's seed and decision, so that they repeat, and new in each, however exploration lasted.
        seed: of those draws.
        any_batch: give a row the same action, bit for bit, in a batch of any size.

    Raises:
        PolicyError: `stochastic`, of a policy whose exploration depended on the state.
    """

    def __init__(self, policy: Policy, *, stochastic: bool = False, seed: int = 0, any_batch: bool = False) -> None:
        self.policy = policy
        self.stochastic = stochastic
        self.any_batch = any_batch
        depth = len(policy.hidden_sizes)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in policy.weights.items()}
        self._layers = [(tensors[f"layer_{i}.weight"], tensors[f"layer_{i}.bias"]) for i in range(depth + 1)]
        self._activation = {"relu": torch.relu, "tanh": torch.tanh}[policy.activation]
        if stochastic and policy.log_std is None:
            raise PolicyError(f"the policy of {policy.agent} explored by its state; its file plays the mean alone")
        self._execution = policy.execution()
        self._std = np.exp(np.array(policy.log_std or [0.0], np.float32))
        self._noise = RowNoise(seed)
        self._seen: tuple[str, ...] | None = None  # names of a view that were found to fit

    @property
    def agent(self) -> str:
        """The governor that learned the policy."""
        return self.policy.agent

    @property
    def levers(self) -> tuple[str, ...]:
        """A name for each column of an action."""
        return self.policy.levers

    @property
    def features(self) -> tuple[str, ...]:
        """A name for each number of an observation."""
        return self.policy.features

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over; the policy itself remembers nothing."""
        self._noise.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1].

        Raises:
            PolicyError: the view shows other features than those that the policy learned on; the message names them.
        """
        names = view.feature_names
        if names is not self._seen:
            self.policy.check_features(names)
            self._seen = names
        return self.act_on(view.obs)

    def act_on(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decide from observations F32[n, d]: F32[n, k] in [-1, 1].

        Raises:
            ValueError: the observations are not n times as many numbers as the policy has features.
        """
        if observations.ndim != 2 or observations.shape[1] != len(self.features):
            expected = f"(n, {len(self.features)})"
            raise ValueError(
                f"the policy of {self.agent} was given observations {observations.shape}; accepted: {expected}"
            )
        observations = np.ascontiguousarray(observations, np.float32)
        if self.any_batch:
            mean = _row_by_row(self.policy, observations)
        else:
            with torch.no_grad():
                hidden = torch.from_numpy(observations)
                for weight, bias in self._layers[:-1]:
                    hidden = self._activation(functional.linear(hidden, weight, bias))
                mean = functional.linear(hidden, *self._layers[-1]).numpy()
        if self.stochastic:
            mean = mean + self._std * self._noise.normal(*mean.shape).astype(np.float32)
        return self._execution.actions(observations, mean)

    def state_dict(self) -> dict[str, Any]:
        """Where the draws stand; the weights do not change."""
        return {"noise": self._noise.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self._noise.load_state_dict(state["noise"])


def _row_by_row(policy: Policy, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean action F32[n, k]; every sum is added up in an order that does not depend on n."""
    hidden, depth = observations, len(policy.hidden_sizes)
    for layer in range(depth + 1):
        weight, bias = policy.weights[f"layer_{layer}.weight"], policy.weights[f"layer_{layer}.bias"]
        sums = np.empty((len(hidden), len(weight)), np.float32)
        for at in range(0, len(hidden), _ROWS):
            np.add.reduce(hidden[at : at + _ROWS, None, :] * weight, axis=2, out=sums[at : at + _ROWS])
        sums += bias
        if layer < depth:
            sums = np.tanh(sums) if policy.activation == "tanh" else np.maximum(sums, np.float32(0.0))
        hidden = sums
    return hidden


def load_policy(path: Path, *, stochastic: bool = False, seed: int = 0) -> PolicyGovernor:
    """The governor of a policy_<agent>.json file.

    Raises:
        PolicyError: see `load_policy_file`.
    """
    return PolicyGovernor(load_policy_file(path), stochastic=stochastic, seed=seed)
