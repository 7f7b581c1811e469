"""People in plain Python, as a prototype: from hour 6 on a campaign makes every fourth borrower repay a little.

The first run compiles for as long as the world itself.
"""

import numpy as np

from protogov.envs import Parameters, Simulator, WorldConfig


def pay_back(worlds: np.recarray, hour: int) -> None:
    """They repay 1% of their debt every hour; the cash comes from the wallets outside, so the books balance."""
    if hour < 6:
        return
    venue = worlds.venues[:, 0]
    scaled = 0.01 * venue.account_scaled_debt[:, ::4]
    paid = (scaled * venue.borrow_index[:, None]).sum(axis=1)
    venue.account_scaled_debt[:, ::4] -= scaled
    venue.scaled_debt -= scaled.sum(axis=1)
    venue.cash += paid
    worlds.outside_cash -= paid


config = WorldConfig(episode_hours=12, parameters=Parameters(num_accounts=16, options_on=0))
for hook in (None, pay_back):
    world = Simulator(config, 2, scenario="flat", population_hook=hook)
    world.reset()
    while not world.truncated().any():
        world.step({agent: np.zeros((2, world.action_size(agent))) for agent in world.agents})
    print("utilisation", world.feature("rate_0", "utilisation"))
