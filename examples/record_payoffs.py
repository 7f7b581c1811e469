"""Everybody's payoffs on disk, from your own loop; `protogov simulate static --record FILE` writes the same."""

import json

import gymnasium as gym
import pyarrow.parquet

import protogov.envs  # noqa: F401  registers the ids
from protogov.experiments.payoffs import PayoffRecorder

env = gym.make("protogov/Spreads-v0", episode_hours=48)
with PayoffRecorder("payoffs.parquet").attach(env):
    env.reset(seed=7)
    over = False
    while not over:
        _, _, _, over, _ = env.step(env.action_space.sample())

table = pyarrow.parquet.read_table("payoffs.parquet")
columns = json.loads(table.schema.metadata[b"columns"])
for name in table.column_names:
    if name.startswith("party/"):
        total = sum(table[name].to_pylist())
        print(f"{name:44} {total:14,.0f} USD  {columns[name]['about']}")
