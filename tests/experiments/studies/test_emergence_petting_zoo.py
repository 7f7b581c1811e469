"""A stranger's environment goes through the laboratory: its placebo, and an influence that algebra knows."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from pettingzoo import ParallelEnv

from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.controls import placebo
from protogov.experiments.studies.emergence.fixtures import Feedback, Still
from protogov.experiments.studies.emergence.forks import Plan
from protogov.experiments.studies.emergence.influence import Influence
from protogov.experiments.studies.emergence.petting_zoo import ParallelWorlds


class Fishery(ParallelEnv):
    """Two fish from one stock, which grows by itself and by chance."""

    metadata = {"name": "fishery"}
    possible_agents = ["north", "south"]

    def observation_space(self, agent):
        return Box(-np.inf, np.inf, (1,), np.float64)

    def action_space(self, agent):
        return Box(-1.0, 1.0, (1,), np.float64)

    def reset(self, seed=None, options=None):
        self.agents, self.random, self.stock, self.time = (
            list(self.possible_agents),
            np.random.default_rng(seed),
            1.0,
            0,
        )
        return self.seen(), {}

    def seen(self):
        return {agent: np.array([self.stock]) for agent in self.possible_agents}

    def step(self, actions):
        caught = {agent: float(actions[agent][0]) for agent in self.agents}
        self.stock = 0.8 * self.stock + 0.2 - 0.1 * sum(caught.values()) + 0.05 * self.random.normal()
        self.time += 1
        over = dict.fromkeys(self.agents, self.time >= 30)
        rewards = {agent: own * self.stock for agent, own in caught.items()}
        return self.seen(), rewards, dict.fromkeys(self.agents, False), over, {agent: {} for agent in self.agents}


PLAN = Plan(np.arange(9, dtype=np.uint64), times=(3, 8), steps=4)


def test_a_strangers_environment_has_a_placebo_of_nothing_and_an_influence_as_algebra_says():
    world, governors = ParallelWorlds(Fishery, 9), {"north": Still(0.1), "south": Still(0.2)}
    assert placebo(world, {"north": Feedback([-0.2]), "south": Feedback([-0.1])}, PLAN).passed
    measure = Influence(windows=((1, 1), (3, 3)), agents=("north",))
    sample = measure.extract(world, governors, PLAN)
    # a push of 1 takes a tenth of the stock, of which .8 a step is still missing later; the other catches .2 of it
    expected = -0.2 * 0.1 * sample.pushes[0] * np.array([1.0, 0.64])
    np.testing.assert_allclose(sample.effect("total", "north", 0, "reward/south"), np.tile(expected, (9, 1)))
    found = {finding.name: finding for finding in measure.reduce(sample)}
    assert found["total north/0 -> reward/south @3-3"].verdict == "influence"
    assert not found["policy north/0 -> reward/south @3-3"].found


def test_actions_that_are_no_box_are_named():
    class Choice(Fishery):
        def action_space(self, agent):
            return Discrete(3)

    with pytest.raises(BadInput, match=r"'north' are Discrete\(3\); a Box"):
        ParallelWorlds(Choice, 2)
