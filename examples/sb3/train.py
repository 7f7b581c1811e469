"""stable-baselines3's PPO on one compiled batch, briefly: `python examples/sb3/train.py`."""

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecMonitor

from protogov.envs import Simulator, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv

worlds = Simulator(WorldConfig(roles=("rate",), episode_hours=48), num_worlds=16, scenario="jump")
model = PPO("MlpPolicy", VecMonitor(SB3VecEnv(worlds)), n_steps=16, batch_size=64, device="cpu", seed=0)
model.learn(512)
rewards = [episode["r"] for episode in model.ep_info_buffer]
print("trained:", model.num_timesteps, "decisions, mean return", sum(rewards) / len(rewards))
