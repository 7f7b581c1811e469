"""A trained policy as a governor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from protogov.agents.policies.networks import make_network
from protogov.agents.policies.policy import Policy, PolicyError, load_policy_file
from protogov.agents.policies.window import Window
from protogov.agents.row_noise import RowNoise

if TYPE_CHECKING:
    from protogov.envs.interfaces import RoleView


_ROWS = 32  # rows that are multiplied at a time: their products then stay in the processor's cache


class PolicyGovernor:
    """Acts as its policy does: the mean action, or a random draw around it.

    The forward pass is torch's. Actions therefore equal those of the exported learner, bit for bit, in a batch of the
    same size. In another batch size the last bits of a matrix product differ. With `any_batch` they do not differ, as
    background governors need it; actions then equal the learner's to about 1e-6. A network with a GRU or attention
    then computes its rows one by one, which is slow.

    Args:
        policy: the network and its names.
        stochastic: draw with the exploration at the end of training instead of playing the mean. Draws are keyed by
            a row's seed and decision, so they are reproducible. They are independent between decisions, also if the
            exploration in training was correlated.
        seed: seed of these draws.
        any_batch: give a row the same action, bit for bit, in a batch of any size.

    Raises:
        PolicyError: `stochastic` for a policy whose exploration depended on the state.
    """

    def __init__(self, policy: Policy, *, stochastic: bool = False, seed: int = 0, any_batch: bool = False) -> None:
        self.policy = policy
        self.stochastic = stochastic
        self.any_batch = any_batch
        self._front = make_network(policy.front)
        if self._front is not None:
            learned = {
                name.removeprefix("front."): w for name, w in policy.weights.items() if name.startswith("front.")
            }
            self._front.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in learned.items()})
        self._window = Window(policy.front.window, len(policy.features)) if policy.front.window > 1 else None
        depth = len(policy.hidden_sizes)
        tensors = {name: torch.from_numpy(array.copy()) for name, array in policy.weights.items()}
        self._layers = [(tensors[f"layer_{i}.weight"], tensors[f"layer_{i}.bias"]) for i in range(depth + 1)]
        self._activation = {"relu": torch.relu, "tanh": torch.tanh}[policy.activation]
        if stochastic and policy.log_std is None:
            raise PolicyError(f"the policy of {policy.agent} explored by its state; its file plays the mean alone")
        self._execution = policy.execution()
        self._std = np.exp(np.array(policy.log_std or [0.0], np.float32))
        self._noise = RowNoise(seed)
        self._seen: tuple[str, ...] | None = None  # feature names of a view that has passed the check

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
        """Begin new episodes in rows. A recurrent policy forgets its observations there."""
        self._noise.reset(rows, seeds)
        if self._window is not None:
            self._window.reset(rows)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """Decide for all worlds of the view: F32[n, k] in [-1, 1].

        Raises:
            PolicyError: the view shows other features than those that the policy learned from. The message names them.
        """
        names = view.feature_names
        if names is not self._seen:
            self.policy.check_features(names)
            self._seen = names
        return self.act_on(view.obs)

    def act_on(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Decide from observations F32[n, d]: F32[n, k] in [-1, 1]. A recurrent policy stores them as the newest.

        Raises:
            ValueError: the shape of the observations is not (n, number of the policy's features).
        """
        if observations.ndim != 2 or observations.shape[1] != len(self.features):
            expected = f"(n, {len(self.features)})"
            raise ValueError(
                f"the policy of {self.agent} was given observations {observations.shape}; accepted: {expected}"
            )
        observations = np.ascontiguousarray(observations, np.float32)
        seen = observations if self._window is None else self._window.push(observations)
        if not self.any_batch:
            mean = self._mean(torch.from_numpy(seen))
        elif self.policy.architecture in ("recurrent", "attention"):
            mean = np.concatenate([self._mean(row) for row in torch.from_numpy(seen).split(1)])
        else:
            mean = _row_by_row(self.policy, seen)
        if self.stochastic:
            mean = mean + self._std * self._noise.normal(*mean.shape).astype(np.float32)
        return self._execution.actions(observations, mean)

    def _mean(self, seen: torch.Tensor) -> NDArray[np.float32]:
        """The network's output, F32[n, k]."""
        with torch.no_grad():
            hidden = seen if self._front is None else self._front(seen)
            for weight, bias in self._layers[:-1]:
                hidden = self._activation(functional.linear(hidden, weight, bias))
            return functional.linear(hidden, *self._layers[-1]).numpy()

    def state_dict(self) -> dict[str, Any]:
        """The state of the draws, and the observations of a recurrent policy; the weights do not change."""
        state = {"noise": self._noise.state_dict()}
        return state if self._window is None else {**state, "window": self._window.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._noise.load_state_dict(state["noise"])
        if self._window is not None:
            self._window.load_state_dict(state["window"])


def _row_by_row(policy: Policy, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean action F32[n, k] of a plain stack. Each sum is computed in an order that does not depend on n."""
    hidden, depth = observations, len(policy.hidden_sizes)
    if policy.front.inputs:
        hidden = _products(hidden, policy.front.matrix())
    for layer in range(depth + 1):
        sums = _products(hidden, policy.weights[f"layer_{layer}.weight"])
        sums += policy.weights[f"layer_{layer}.bias"]
        if layer < depth:
            sums = np.tanh(sums) if policy.activation == "tanh" else np.maximum(sums, np.float32(0.0))
        hidden = sums
    return hidden


def _products(rows: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Products F32[n, out] of F32[n, in] and F32[out, in]."""
    sums = np.empty((len(rows), len(weight)), np.float32)
    for at in range(0, len(rows), _ROWS):
        np.add.reduce(rows[at : at + _ROWS, None, :] * weight, axis=2, out=sums[at : at + _ROWS])
    return sums


def load_policy(path: Path, *, stochastic: bool = False, seed: int = 0) -> PolicyGovernor:
    """The governor of a policy_<agent>.json file.

    Raises:
        PolicyError: see `load_policy_file`.
    """
    return PolicyGovernor(load_policy_file(path), stochastic=stochastic, seed=seed)
