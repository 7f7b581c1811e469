"""Rows with levers and physics of their own: the same worlds as one configuration each if any can be."""

import numpy as np
import pytest

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX

SHORT = WorldConfig(episode_hours=24, decision_hours=12)


def advance(world: Simulator, decisions: int = 2) -> np.ndarray:
    for _ in range(decisions):
        step = world.step({agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents})
    return step.terms["welfare_0"]


def test_each_row_is_the_world_of_a_configuration_of_its_own():
    gaps, depths = [0.02, 0.2], [1.0, 0.3]
    batch = Simulator(SHORT, 2, lever_defaults={"ltv_gap": gaps}, parameters={"depth_scale": depths})
    batch.reset(seeds=np.array([5, 5], np.uint64))
    advance(batch)
    for row in range(2):
        config = WorldConfig(episode_hours=24, decision_hours=12, defaults={"ltv_gap": gaps[row]})
        alone = Simulator(config.with_parameters(depth_scale=depths[row]), 1)
        alone.reset(seeds=np.array([5], np.uint64))
        advance(alone)
        assert batch.worlds[row].tobytes() == alone.worlds[0].tobytes()
    assert batch.worlds[0].tobytes() != batch.worlds[1].tobytes()


def test_a_later_episode_a_fork_a_snapshot_and_another_scenario_keep_each_rows_levers():
    world = Simulator(SHORT, 2, lever_defaults={"base_rate": [0.02, 0.07]})
    world.reset()
    world.reset()  # the second episode
    column = LEVER_INDEX["base_rate"]
    assert list(world.worlds["venues"]["base_rate"][:, 0]) == [0.02, 0.07]
    advance(world)
    assert list(world.lever_values(0)[:, column]) == [0.02, 0.07]
    fork = world.fork([1])
    fork.reset()
    assert fork.worlds["venues"]["base_rate"][0, 0] == 0.07
    other = Simulator(SHORT, 2)
    other.restore(world.snapshot())
    other.reset()
    assert list(other.worlds["venues"]["base_rate"][:, 0]) == [0.02, 0.07]
    elsewhere = world.with_scenario("flat")
    elsewhere.reset()
    assert list(elsewhere.worlds["venues"]["base_rate"][:, 0]) == [0.02, 0.07]


def test_actions_are_read_around_each_rows_own_default():
    config = WorldConfig(episode_hours=24, decision_hours=12, autonomy=float("inf"))
    world = Simulator(config, 2, lever_defaults={"hedge_ratio": [0.2, 1.1]})
    world.reset()
    advance(world)
    assert list(world.lever_values(0)[:, LEVER_INDEX["hedge_ratio"]]) == [0.2, 1.1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lever_defaults": {"gap": [0.1, 0.1]}}, "'gap'"),
        ({"lever_defaults": {"ltv_gap": [0.1]}}, r"shape \(1,\), expected \(2,\)"),
        ({"lever_defaults": {"ltv_gap": [0.1, 0.5]}}, "row 1 is 0.5"),
        ({"lever_defaults": {"ltv_gap": [0.1, np.nan]}}, "row 1 is nan"),
        ({"lever_defaults": {"ltv_gap": ["a", "b"]}}, "must be 2 numbers"),
        ({"parameters": {"depth": [1, 1]}}, "'depth'"),
        ({"parameters": {"close_factor": [0.5, 2.0]}}, "row 1 is 2"),
        ({"parameters": {"num_accounts": [3, 2.5]}}, "whole number"),
        ({"parameters": {"safety_low": [1.0, 1.5]}}, "safety_low = 1.5 must not exceed"),
    ],
)
def test_a_row_that_no_world_can_have_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        Simulator(SHORT, 2, **given)
