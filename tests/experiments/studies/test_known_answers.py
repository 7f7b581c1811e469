"""The bench of algorithms: a rule that may know what counts finds the policy; what was found is what is played."""

import numpy as np
import pytest

from protogov.agents.policies.policy_governor import PolicyGovernor
from protogov.agents.tuning.observed import LinearObserved
from protogov.envs.simulator import Simulator
from protogov.envs.solvable_policies import solvable_policy
from protogov.experiments.core.pieces import HERE
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.known_answers import (
    ALGORITHMS,
    STUDY,
    Job,
    Options,
    Reader,
    learn_and_play,
)


def test_a_linear_rule_finds_the_policy_of_the_linear_quadratic_world():
    world = solvable_policy("tracking")
    found = learn_and_play(world.config, Job("tracking", "linear, CMA-ES", 0, 3e6, 32))
    assert found["captured"][0] > 0.9


@pytest.mark.parametrize("name", ["PPO", "network, strategy"])
def test_an_algorithm_that_had_no_time_is_near_the_defaults_and_says_so(name):
    world = solvable_policy("tracking")
    found = learn_and_play(world.config, Job("tracking", name, 0, 1.0, 8))
    assert found["captured"][0] < 0.9
    assert found["value_low"][0] < found["value"][0] < found["value_high"][0]


def test_a_study_judges_draws_and_writes_every_run():
    options = Options(worlds=("tracking",), algorithms=("linear, CMA-ES",), market_hours=1e4, seeds=1, tapes=4)
    found = STUDY.measure(options, HERE)
    judged = STUDY.judge(found)
    assert (
        judged.sentences[0].startswith("0 of 1 runs reach 90%") and "linear, CMA-ES on tracking" in judged.sentences[1]
    )
    assert set(STUDY.draw(found)) == {"known_answers"}
    assert "| tracking | linear, CMA-ES | 0 |" in "\n".join(STUDY.page(found, judged))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"worlds": ("flat",)}, "worlds holds 'flat'"), ({"algorithms": ("magic",)}, "algorithms holds 'magic'"),
     ({"market_hours": 0.0}, "market-hours is 0"), ({"tapes": 1}, "tapes is 1")],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        STUDY.measure(Options(**changed), HERE)


def test_a_rule_of_observed_features_is_a_clipped_scalar_product():
    preset = solvable_policy("tracking")
    world = Simulator(preset.config, 3, scenario=preset.scenario)
    world.reset(seeds=np.arange(3, dtype=np.uint64))
    family = LinearObserved(world, preset.agent, ("funding",))
    funding = world.view(preset.agent).obs[:, world.observation_names(preset.agent).index("funding")].astype(float)
    points = np.array([[0.1, 2.0]])
    np.testing.assert_allclose(family.actions(world, points)[:, 0], np.clip(0.1 + 2.0 * funding, -1, 1))
    with pytest.raises(ValueError, match="feature is 'nothing'"):
        LinearObserved(world, preset.agent, ("nothing",))
    assert set(ALGORITHMS) >= {"PPO", "linear, CMA-ES"}


def test_the_strategys_network_reads_the_features_of_the_optimum_and_no_other():
    preset = solvable_policy("tracking")
    world = Simulator(preset.config, 2, scenario=preset.scenario)
    world.reset(seeds=np.arange(2, dtype=np.uint64))
    family = Reader(preset.config, preset.features)
    np.testing.assert_array_equal(family.actions(world, family.start[None]), 0.0)  # it starts at the defaults
    assert family.start.size == (2 + 1) * 32 + (32 + 1) * 32 + 33
    point = family.start + 0.1 * np.random.default_rng(0).standard_normal(family.start.size)
    (policy,) = family.networks.policies(family.whole(point[None])[0])
    read = np.flatnonzero(np.any(policy.weights["layer_0.weight"] != 0.0, axis=0))
    assert {policy.features[column] for column in read} == set(preset.features)
    acted = PolicyGovernor(policy).act(world.view(preset.agent))
    np.testing.assert_allclose(family.actions(world, point[None]), acted, atol=1e-6)
    np.testing.assert_allclose(family.start[:64].std(), 1.0, atol=0.25)  # as of a network with two inputs
    # without features named, every weight is searched, from the same start as evolution elsewhere
    whole = Reader(preset.config)
    np.testing.assert_array_equal(whole.start, whole.networks.start(np.zeros(1)))
    np.testing.assert_array_equal(whole.whole(whole.start[None])[0], whole.start)
