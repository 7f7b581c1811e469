"""Readable observations: a dict by feature, the table of its content, and the vector that it flattens to."""

import gymnasium as gym
import numpy as np
from gymnasium.spaces.utils import flatten

import protogov.envs  # noqa: F401  registers the ids

plain = gym.make("protogov/Rates-v0", episode_hours=48)
env = gym.make("protogov/Rates-v0", episode_hours=48, observation="dict")
vector, _ = plain.reset(seed=7)
observation, _ = env.reset(seed=7)

print(observation["utilisation"], observation["lever_executed"])
np.testing.assert_array_equal(flatten(env.observation_space, observation), vector)

table = env.unwrapped.feature_table  # the same as `protogov features protogov/Rates-v0`
print(table[:3])
print("\n".join(str(table).splitlines()[:5]))
print({row.feature: row.unit for row in table if row.group == "feeds"})
