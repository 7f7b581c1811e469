"""Sizes of the game: one lever per role, full, two rival protocols, and small enough for tests."""

import gymnasium as gym
import numpy as np

from protogov.envs import SIZES, Simulator, WorldConfig, parallel_env

for size in SIZES:
    world = Simulator(WorldConfig(size=size))
    levers = sum(world.action_size(agent) for agent in world.agents)
    print(f"{size:7}{len(world.agents)} governors, {levers:2} levers, {world.horizon} decisions")

# your own keywords override the size
world = Simulator(WorldConfig(size="tiny", venues=2, episode_hours=24), num_worlds=4)
world.reset()
step = world.step({agent: np.zeros((4, world.action_size(agent))) for agent in world.agents})
print("tiny, two venues:", {agent: float(rewards.mean().round(4)) for agent, rewards in step.rewards.items()})

# every size has its own Gymnasium ids; with rivals one governor of venue 0 learns, and venue 1 does not move
for name in ("TinyRates", "RivalsRates"):
    env = gym.make(f"protogov/{name}-v0")
    env.reset(seed=1)
    print(name, env.step(env.action_space.sample())[1])
print("rivals:", parallel_env(size="rivals").possible_agents)
