"""TorchRL's PPO on the native batch, briefly: `python examples/torchrl/train.py`."""

import gymnasium as gym
import torch
from tensordict.nn import TensorDictModule
from tensordict.nn.distributions import NormalParamExtractor
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import GymWrapper
from torchrl.modules import ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import protogov.envs  # noqa: F401  registers the ids

env = GymWrapper(gym.make_vec("protogov/Rates-v0", num_envs=16, autoreset_mode="SameStep", episode_hours=48))
inputs, actions = env.observation_spec["observation"].shape[-1], env.action_spec.shape[-1]
body = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 2 * actions), NormalParamExtractor())
actor = ProbabilisticActor(
    TensorDictModule(body, in_keys=["observation"], out_keys=["loc", "scale"]),
    in_keys=["loc", "scale"],
    spec=env.action_spec_unbatched,
    distribution_class=TanhNormal,
    return_log_prob=True,
)
critic = ValueOperator(nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 1)), in_keys=["observation"])
loss, advantage = ClipPPOLoss(actor, critic), GAE(gamma=0.99, lmbda=0.95, value_network=critic)
optimizer = torch.optim.Adam(loss.parameters(), lr=3e-4)
for batch in Collector(env, actor, frames_per_batch=128, total_frames=256):
    advantage(batch)
    parts = loss(batch.reshape(-1))
    optimizer.zero_grad()
    sum(value for name, value in parts.items() if name.startswith("loss_")).backward()
    optimizer.step()
    print("trained: mean reward", batch["next", "reward"].mean().item())
