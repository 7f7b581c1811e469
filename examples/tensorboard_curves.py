"""Payoffs as curves in TensorBoard, with any learner; use `WandbLogger(project=..., mode="offline")` likewise."""

from stable_baselines3 import PPO

from protogov.envs import Simulator, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.experiments.loggers import TensorBoardLogger

env = SB3VecEnv(Simulator(WorldConfig(roles=("rate",), episode_hours=24), num_worlds=4))
with TensorBoardLogger("curves", every=4).attach(env) as logger:
    PPO("MlpPolicy", env, n_steps=8, batch_size=16, n_epochs=1, device="cpu", seed=0).learn(32)
print("decisions logged:", logger.steps)
