"""stable-baselines3 and sb3-contrib: one compiled batch, Gymnasium environments, worker processes."""

import numpy as np
from checks import Weights
from sb3_contrib import TQC, RecurrentPPO
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecMonitor

from protogov.envs import Simulator, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv

EPISODE = {"episode_hours": 48}


def main() -> None:
    config = WorldConfig(roles=("rate",), **EPISODE)
    env = VecMonitor(SB3VecEnv(Simulator(config, num_worlds=16)))
    train(PPO("MlpPolicy", env, n_steps=16, batch_size=64, device="cpu"), 512, "PPO, one batch")

    env = make_vec_env("protogov/Spreads-v0", n_envs=2, env_kwargs=EPISODE)
    train(RecurrentPPO("MlpLstmPolicy", env, n_steps=16, batch_size=16, device="cpu"), 64, "RecurrentPPO")
    train(TQC("MlpPolicy", env, learning_starts=16, batch_size=16, device="cpu"), 64, "TQC")

    # a worker imports the module before the colon, and with it the ids are registered there too
    workers = make_vec_env("protogov.envs:protogov/Rates-v0", 2, env_kwargs=EPISODE, vec_env_cls=SubprocVecEnv)
    train(PPO("MlpPolicy", workers, n_steps=16, batch_size=16, device="cpu"), 64, "PPO, two processes")
    workers.close()


def train(model: BaseAlgorithm, steps: int, what: str) -> None:
    weights = Weights(model.policy)
    model.learn(steps)
    assert model.num_timesteps == steps
    rewards = [episode["r"] for episode in model.ep_info_buffer]
    assert np.isin([episode["l"] for episode in model.ep_info_buffer], 8).all()  # 48 hours of 6
    weights.report(type(model).__module__.split(".")[0], what, rewards)


if __name__ == "__main__":
    main()
