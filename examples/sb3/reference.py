"""stable-baselines3's PPO beside results/references, on an id: `python examples/sb3/reference.py ID HOURS`.

Settings are those of `protogov train` without its twin and without falling learning rate and exploration.
"""

import sys

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO

from protogov.envs.sb3_vec_env import SB3VecEnv

name, hours = sys.argv[1], float(sys.argv[2])
tapes = gym.make_vec(name, num_envs=128)
world = tapes.unwrapped.simulator.config
market = gym.make_vec(name, num_envs=512, stagger=True, randomise_levers=0.25)  # as `protogov train` has it
length = world.decision_hours / 6  # of a decision: discounts are given for six hours


def returns(choose):
    """Sum of rewards of an episode on each of the tapes that the references are played on."""
    (obs, _), total = tapes.reset(seed=2**40), 0.0
    for _ in range(world.horizon):
        obs, rewards, *_ = tapes.step(choose(obs))
        total = total + rewards
    return total


network = {"net_arch": [32, 32], "activation_fn": torch.nn.ReLU, "log_std_init": -1.0}
settings = {"n_steps": 28, "batch_size": 2048, "n_epochs": 5, "learning_rate": 1e-3, "policy_kwargs": network}
settings |= {"gamma": 0.95**length, "gae_lambda": 0.95**length}
model = PPO("MlpPolicy", SB3VecEnv(market.unwrapped.simulator), **settings, device="cpu", seed=0)
defaults = returns(lambda obs: np.zeros(tapes.action_space.shape))
while model.num_timesteps * world.decision_hours < hours:
    model.learn(512 * 28, reset_num_timesteps=False)
    gain = (returns(lambda obs: model.predict(obs, deterministic=True)[0]) - defaults).mean()
    print(f"{model.num_timesteps * world.decision_hours:,} market hours: return {gain:+.3f} over the defaults")
