"""Demand in closed form, and the cost of what is lent: by hand, and with two ends in the books."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.solvable import solvable
from protogov.envs.world.population.solvable_rules import linear_demand


@pytest.mark.parametrize(
    ("own", "rival", "share"), [(0.0, 0.0, 1.0), (0.06, 0.06, 2 / 3), (0.06, 0.09, 0.8333333), (0.1, 0.0, 0.0)]
)
def test_linear_demand_by_hand(own, rival, share):
    assert linear_demand(own, rival, 0.18) == pytest.approx(share, abs=1e-6)


def test_funding_is_paid_by_the_treasury_to_the_outside_as_far_as_it_has_money():
    for treasury, all_paid in ((0.01, True), (1e-6, False)):
        config = WorldConfig(decision_hours=1, episode_hours=24).with_parameters(
            funding_cost=0.05, options_on=0.0, treasury_share=treasury
        )
        world = Simulator(config, 1, scenario="flat")
        world.reset()
        opening = float(world.worlds["venues"]["treasury_cash"][0, 0])
        world.step({agent: np.zeros((1, 4)) for agent in world.agents})
        venue = world.worlds["venues"][0, 0]
        owed = 0.05 * venue["scaled_debt"] * venue["borrow_index"] / 8760.0
        paid = min(owed, opening)
        assert (paid == owed) == all_paid
        assert venue["sum_funding_cost"] == pytest.approx(paid, rel=1e-9)
        assert world.worlds["book_error"][0] < 1e-9


def test_reservation_rates_are_spread_evenly():
    world = Simulator(solvable("rate").config, 1, scenario="flat")
    world.reset()
    rates = world.worlds["venues"]["account_reservation_rate"][0, 0, :128]
    assert rates == pytest.approx(0.16 * (np.arange(128) + 0.5) / 128)
