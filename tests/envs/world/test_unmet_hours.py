"""Hours at whose end a withdrawal stood unmet: counted hour by hour, and added up over a decision."""

from dataclasses import replace

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

HOURLY = WorldConfig(decision_hours=1, episode_hours=72).with_parameters(supplier_need=0.9)  # most want their money


def records(config):
    world = Simulator(config, 4)
    world.reset()
    found = []
    while not world.truncated().any():
        step = world.step({agent: np.zeros((4, world.action_size(agent))) for agent in world.agents})
        found.append(step.records[:, 0])
    return np.stack(found)


def test_an_hour_counts_when_somebody_is_owed_at_its_end():
    hourly = records(HOURLY)
    assert np.array_equal(hourly["unmet_hours"], hourly["unmet_withdrawals"] > 0.0)
    assert 0 < hourly["unmet_hours"].sum() < hourly["unmet_hours"].size
    daily = records(replace(HOURLY, decision_hours=24))
    assert np.array_equal(daily["unmet_hours"], hourly["unmet_hours"].reshape(3, 24, 4).sum(axis=1))


def test_nobody_waits_where_the_outside_lends_what_a_withdrawal_lacks():
    assert (records(HOURLY.with_parameters(cash_backstop=1.0))["unmet_hours"] == 0).all()
