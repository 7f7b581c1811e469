"""The actor inside a learner's policy, as plain arrays: for a policy's file, and to start from one."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy

from protogov.agents.ppo.extractor import FrontExtractor


def actor_layers(policy: ActorCriticPolicy) -> list[torch.nn.Linear]:
    """Its linear layers from the input to the action."""
    hidden = [layer for layer in policy.mlp_extractor.policy_net if isinstance(layer, torch.nn.Linear)]
    assert isinstance(policy.action_net, torch.nn.Linear)
    return [*hidden, policy.action_net]


def actor_weights(policy: ActorCriticPolicy) -> dict[str, NDArray[np.float32]]:
    """Copies of its weights under the names of a policy's file."""
    weights = {}
    for index, layer in enumerate(actor_layers(policy)):
        weights[f"layer_{index}.weight"] = layer.weight.detach().numpy().copy()
        weights[f"layer_{index}.bias"] = layer.bias.detach().numpy().copy()
    if isinstance(policy.features_extractor, FrontExtractor):
        learned = policy.features_extractor.network.state_dict()
        weights |= {f"front.{name}": tensor.numpy().copy() for name, tensor in learned.items()}
    return weights


def take_weights(policy: ActorCriticPolicy, weights: dict[str, NDArray[np.float32]]) -> None:
    """Replace its weights by those of a policy's file with the same shapes."""
    with torch.no_grad():
        for index, layer in enumerate(actor_layers(policy)):
            layer.weight.copy_(torch.from_numpy(weights[f"layer_{index}.weight"]))
            layer.bias.copy_(torch.from_numpy(weights[f"layer_{index}.bias"]))
        if isinstance(policy.features_extractor, FrontExtractor):
            for name, tensor in policy.features_extractor.network.state_dict().items():
                tensor.copy_(torch.from_numpy(weights[f"front.{name}"]))


def silence(policy: ActorCriticPolicy) -> None:
    """Make its mean action exactly 0 in every state. Lower layers stay, and learn once the last layer is not 0."""
    with torch.no_grad():
        last = actor_layers(policy)[-1]
        last.weight.zero_()
        last.bias.zero_()
