"""One learner against a frozen rival: train a rate governor against a rule, freeze it, train another one against it."""

import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np

from protogov.agents.ppo import PPOSettings, Trainer
from protogov.envs import Simulator, WorldConfig

SMALL = PPOSettings(num_steps=4, batch_size=32)


def train(rival: str, folder: Path) -> str:
    """A few rollouts of venue 0's rate governor, with `rival` on venue 1; the path of its policy."""
    config = WorldConfig(roles=("rate",), venues=2, episode_hours=24, background={"rate_1": rival})
    trainer = Trainer(Simulator(config, num_worlds=16), SMALL, total_rollouts=2, seed=0)
    trainer.run()
    folder.mkdir()
    return str(trainer.save_policies(folder)[0])


with tempfile.TemporaryDirectory() as place:
    first = train("pi", Path(place) / "first")  # against a rule
    second = train(first, Path(place) / "second")  # against the learned policy
    fields = {"venues": 2, "episode_hours": 24, "background": {"rate_1": second, "risk": "steward_var"}}
    env = gym.make("protogov/Rates-v0", scenario="jump", **fields)  # the same in make_vec, parallel_env and Simulator
    obs, info = env.reset(seed=7)
    truncated = False
    while not truncated:
        obs, reward, _, truncated, info = env.step(np.zeros(4, np.float32))
        print(f"reward {reward:+.3f}, welfare of venue 0 {info['welfare']:+.2f} bp of K0")
