"""Payoffs as curves in Weights & Biases, here without a network: `pip install wandb` first."""

import gymnasium as gym

import protogov.envs  # noqa: F401  registers the ids
from protogov.experiments.loggers import WandbLogger

env = gym.make("protogov/TinyRates-v0", mandates="profit")
with WandbLogger(project="governors", mode="offline", every=4).attach(env) as logger:
    env.reset(seed=7)
    over = False
    while not over:
        _, _, _, over, _ = env.step(env.action_space.sample())
print("decisions logged:", logger.steps, "into", logger.run.dir)
