"""A policy's front inside a stable-baselines3 policy."""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

from protogov.agents.policies.architectures import Front
from protogov.agents.policies.networks import make_network


class FrontExtractor(BaseFeaturesExtractor):
    """Puts a front before actor and critic, which share it. What the critic alone reads follows the front.

    Args:
        observation_space: of the learner: a governor's own numbers (a window of them if the front has one), followed by
            what the critic alone reads.
        front: with or without learned weights.
    """

    def __init__(self, observation_space: spaces.Box, front: Front) -> None:
        self._own_size = front.window * len(front.features)
        super().__init__(observation_space, front.size + spaces.flatdim(observation_space) - self._own_size)
        network = make_network(front)
        assert network is not None
        self.network = network

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Features F32[n, features_dim] of F32[n, d]."""
        own = self.network(observations[:, : self._own_size])
        beyond = observations[:, self._own_size :]
        return torch.cat([own, beyond], dim=1) if beyond.shape[1] else own
