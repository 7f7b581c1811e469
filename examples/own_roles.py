"""Own roles: any levers in any role. Two own governors, together and one of them alone."""

import gymnasium as gym
import numpy as np

from protogov.envs import WorldConfig, parallel_env

ROLES = {"curator": ("base_rate", "liquidation_threshold"), "quoter": ("half_spread", "hedge_ratio")}
# a role without a mandate is paid welfare
MANDATES = {"quoter": {"edge": 1.0, "hedging_cost": -1.0, "daily_sd": 2.0}}

market = parallel_env(size="tiny", roles=ROLES, mandates=MANDATES)
observations, infos = market.reset(seed=1)
actions = {agent: np.full(market.action_space(agent).shape, 0.5, np.float32) for agent in market.agents}
observations, rewards, *_, infos = market.step(actions)
for agent in market.agents:
    print(agent, f"{rewards[agent]:+.4f}", {key: round(value, 4) for key, value in infos[agent].items()})

# one of them alone: the other's levers stay at their defaults
env = gym.make("protogov/TinyJoint-v0", roles=ROLES, mandates=MANDATES, role="curator")
env.reset(seed=1)
print("curator alone:", env.step(np.full(2, 0.5, np.float32))[1])

# written and read back
config = WorldConfig(size="tiny", roles=ROLES, mandates=MANDATES)
assert WorldConfig.from_dict(config.to_dict()) == config
