"""skrl: PPO on the native vector environment, IPPO on all governors of a world."""

import gymnasium as gym
import torch
from checks import Weights
from skrl.agents.torch.ppo import PPO
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.multi_agents.torch.ippo import IPPO
from skrl.trainers.torch import SequentialTrainer
from torch import nn

import protogov.envs

EPISODE = {"episode_hours": 48}  # 8 decisions
# without the bootstrap, skrl's PPO runs on over the end of an episode that was truncated
SETTINGS = {"rollouts": 16, "learning_epochs": 2, "mini_batches": 2, "time_limit_bootstrap": True}
QUIET = {"experiment": {"write_interval": 0, "checkpoint_interval": 0}}
PARTS = ("learning_rate_scheduler", "observation_preprocessor", "state_preprocessor", "value_preprocessor")
STEPS = {"timesteps": 32, "headless": True, "disable_progressbar": True}


class Policy(GaussianMixin, Model):
    """A mean from two layers, a standard deviation of its own."""

    def __init__(self, **spaces) -> None:
        Model.__init__(self, device="cpu", **spaces)
        GaussianMixin.__init__(self)
        self.net = nn.Sequential(nn.Linear(self.num_observations, 32), nn.ReLU(), nn.Linear(32, self.num_actions))
        self.log_sd = nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs, role=""):
        return self.net(inputs["observations"]), {"log_std": self.log_sd}


class Value(DeterministicMixin, Model):
    """Two layers."""

    def __init__(self, **spaces) -> None:
        Model.__init__(self, device="cpu", **spaces)
        DeterministicMixin.__init__(self)
        self.net = nn.Sequential(nn.Linear(self.num_observations, 32), nn.ReLU(), nn.Linear(32, 1))

    def compute(self, inputs, role=""):
        return self.net(inputs["observations"]), {}


def main() -> None:
    # skrl takes the observation after an end for the first of the next episode, as Isaac Gym gives it
    env = wrap_env(gym.make_vec("protogov/Rates-v0", num_envs=8, autoreset_mode="SameStep", **EPISODE))
    spaces = {"observation_space": env.observation_space, "action_space": env.action_space}
    models, memory = {"policy": Policy(**spaces), "value": Value(**spaces)}, RandomMemory(memory_size=16, num_envs=8)
    agent = PPO(models=models, memory=memory, cfg={**SETTINGS, **QUIET}, device="cpu", **spaces)
    weights = Weights(*models.values())
    SequentialTrainer(env=env, agents=agent, cfg=STEPS).train()
    weights.report("skrl", "PPO", memory.get_tensor_by_name("rewards").flatten())

    env = wrap_env(protogov.envs.parallel_env(**EPISODE), wrapper="pettingzoo")
    models, memories = {}, {}
    for name in env.possible_agents:
        spaces = {"observation_space": env.observation_spaces[name], "action_space": env.action_spaces[name]}
        models[name] = {"policy": Policy(**spaces), "value": Value(**spaces)}
        memories[name] = RandomMemory(memory_size=16)
    # skrl 2.1.1 refuses its own defaults for these: an empty mapping has no entry for an agent
    none = {f"{part}_kwargs": {name: {} for name in env.possible_agents} for part in PARTS}
    several = IPPO(
        possible_agents=env.possible_agents,
        models=models,
        memories=memories,
        observation_spaces=env.observation_spaces,
        state_spaces=env.state_spaces,
        action_spaces=env.action_spaces,
        cfg={**SETTINGS, **QUIET, **none},
        device="cpu",
    )
    weights = Weights(*(model for pair in models.values() for model in pair.values()))
    SequentialTrainer(env=env, agents=several, cfg=STEPS).train()
    rewards = [memory.get_tensor_by_name("rewards").flatten() for memory in memories.values()]
    weights.report("skrl", "IPPO", torch.cat(rewards))


if __name__ == "__main__":
    main()
