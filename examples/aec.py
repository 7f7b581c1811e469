"""PettingZoo's AEC form: governors act one after another, and the world moves when all have acted."""

from pettingzoo.utils.conversions import parallel_to_aec

import protogov.envs

env = parallel_to_aec(protogov.envs.parallel_env(episode_hours=24))
env.reset(seed=7)
for agent in env.agent_iter():
    observation, reward, terminated, truncated, info = env.last()
    over = terminated or truncated
    print(f"{agent}: reward {reward:+.3f}")
    env.step(None if over else env.action_space(agent).sample())
