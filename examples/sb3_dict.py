"""stable-baselines3's policy for several inputs on the dict form of the observation."""

from stable_baselines3 import PPO

from protogov.envs import Simulator, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv

worlds = Simulator(WorldConfig(roles=("rate",), episode_hours=24), num_worlds=4)
env = SB3VecEnv(worlds, observation="dict")
model = PPO("MultiInputPolicy", env, n_steps=4, batch_size=16, n_epochs=1, device="cpu", seed=0)
model.learn(16)
print("decisions learned from:", model.num_timesteps)
