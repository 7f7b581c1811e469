"""Discrete actions: lower, hold or raise each lever by one cap, for learners whose policies are categorical."""

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO

from protogov.envs import discrete_levers, parallel_env

LOWER, HOLD, RAISE = 0, 1, 2

env = discrete_levers(gym.make("protogov/TinySpreads-v0"))  # caps=0.5 halves the steps
print("one governor:", env.action_space)
_, info = env.reset(seed=1)
print("half-spread", round(info["executed/half_spread"], 4), end="")
for choice in (RAISE, RAISE, LOWER):
    *_, info = env.step(np.array([choice, HOLD, HOLD, HOLD]))
    print(" ->", round(info["executed/half_spread"], 4), end="")
print()

envs = discrete_levers(gym.make_vec("protogov/TinySpreads-v0", num_envs=8))
envs.reset(seed=1)
print("a batch:", envs.step(envs.action_space.sample())[1].round(3))

market = discrete_levers(parallel_env(size="tiny"))
market.reset(seed=1)
print("all of a market:", {agent: market.action_space(agent).nvec.tolist() for agent in market.agents})
market.step({agent: market.action_space(agent).sample() for agent in market.agents})

model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0).learn(16)
print("decisions learned from:", model.num_timesteps)
