"""A policy whose critic sees more than its actor: centralised training with decentralised execution."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import MlpExtractor
from stable_baselines3.common.type_aliases import Schedule


class _SplitExtractor(MlpExtractor):
    """Two hidden stacks: the actor's reads the first `own_size` inputs, the critic's reads all of them."""

    def __init__(self, own_size: int, size: int, arch: dict[str, list[int]], activation: type[torch.nn.Module]) -> None:
        super().__init__(own_size, {"pi": arch["pi"]}, activation, device="cpu")
        critic = MlpExtractor(size, {"vf": arch["vf"]}, activation, device="cpu")
        self.value_net, self.latent_dim_vf = critic.value_net, critic.latent_dim_vf
        self._own_size = own_size

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward_actor(features[:, : self._own_size])


class CentralCriticPolicy(ActorCriticPolicy):
    """MAPPO's policy (Yu et al. 2022, "The Surprising Effectiveness of PPO in Cooperative, Multi-Agent Games").

    The observation is the learner's own, followed by the global state, or the time that is left, or both. The actor is
    a function of the own part only, so it needs neither in play. Without them, it is the stock policy, bit for bit.

    Args:
        own_size: length of the own part, from 1 to the length of the observation.

    Raises:
        ValueError: `own_size` does not fit the observation space.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Schedule,
        *,
        own_size: int,
        **kwargs: Any,
    ) -> None:
        size = spaces.flatdim(observation_space)
        if not 1 <= own_size <= size:
            raise ValueError(f"own_size is {own_size}; accepted: 1 to {size}, the observation's length")
        self.own_size = own_size
        super().__init__(observation_space, action_space, lr_schedule, **kwargs)

    def _build_mlp_extractor(self) -> None:
        assert isinstance(self.net_arch, dict)
        self.mlp_extractor = _SplitExtractor(self.own_size, self.features_dim, self.net_arch, self.activation_fn)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "own_size": self.own_size}
