"""Different venues: a market that only lends against a small one with an option pool, and their people."""

import numpy as np

from protogov.envs import Simulator, WorldConfig

LENDING_ALONE = {"options_on": 0, "reserve_factor": 0.1}
SMALL = {"supply_size": 4e7, "debt_size": 3e7, "lp_size": 1e7, "oracle_delay": 24}  # 24 sub-steps of five minutes
fields = {"size": "tiny", "venues": 2, "venue_overrides": [LENDING_ALONE, SMALL]}

world = Simulator(WorldConfig(**fields), num_worlds=8, scenario="jump")  # the same in gym.make, make_vec, parallel_env
world.reset(seeds=1)
opening = world.worlds["venues"]["opening_value"][0]
print("opening value [USD]:", opening.round())

welfare = np.zeros((2, 8))
while not world.truncated().any():
    step = world.step({agent: np.zeros((8, world.action_size(agent))) for agent in world.agents})
    welfare += [world.welfare(0), world.welfare(1)]

for venue in range(2):
    deposits, debt, pool = (world.venue_feature(venue, name).mean() for name in ("deposits", "debt", "option_nav"))
    print(
        f"venue {venue}: deposits {deposits:.2f}, debt {debt:.2f}, option pool {pool:.2f} of its opening value; "
        f"welfare {welfare[venue].mean():+.1f} bp"
    )

# written and read back
config = WorldConfig(**fields)
assert WorldConfig.from_dict(config.to_dict()) == config
