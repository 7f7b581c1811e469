"""Own rewards: a preset by name, weights by term, or a function in plain numpy over a step of all worlds."""

import gymnasium as gym
import numpy as np

from protogov.envs import Step, WorldConfig


def careful(step: Step, agent: str) -> np.ndarray:
    """The mandate, minus 1 for every hour with an unmet withdrawal at venue 0."""
    return step.rewards[agent] - step.records["unmet_hours"][:, 0]


REWARDS = {
    "today's mandate": {},
    "profit": {"mandates": "profit"},
    "welfare": {"mandates": "welfare"},
    "weights [bp of K0]": {"mandates": {"rate": {"reserve_income": 1.0, "lockup": -2.0}}},
    "half welfare": {"mandates": "profit", "cooperation": 0.5},
    "a function": {"reward_fn": careful},
}
for name, fields in REWARDS.items():
    envs = gym.make_vec("protogov/TinyRates-v0", num_envs=4, **fields)
    envs.reset(seed=1)
    total = sum(envs.step(np.full((4, 4), 0.3, np.float32))[1] for _ in range(6))
    print(f"{name:20}", total.round(4))

# a configuration stores presets and weights as their terms
print(WorldConfig(mandates="profit").to_dict()["roles"]["rate"]["terms"])
