"""A policy that does not fit is imitated by one that does, on markets that may be trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.onchain import distil as module
from protogov.agents.onchain.distil import distil, student_front
from protogov.agents.onchain.network import ExportError, plain_layers
from protogov.agents.policies import PolicyGovernor
from protogov.agents.policies.architectures import COMPACT_INPUTS
from protogov.agents.policies.incumbent import Incumbent
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator

TINY = WorldConfig(size="tiny", roles=("rate",), decision_hours=2, episode_hours=72)
SEEDS = np.arange(32, dtype=np.uint64).reshape(2, 16)


@pytest.fixture(scope="module")
def names():
    return Simulator(TINY, 1).observation_names("rate_0"), Simulator(TINY, 1).roles["rate_0"].levers


@pytest.fixture
def teacher(make_policy, names):
    """An mlp of all inputs around an incumbent, which does not fit. It reads no more than what its student sees."""
    features, levers = names
    policy = make_policy((len(features), 16, len(levers)), features=features, levers=levers)
    read = {name for sum_ in COMPACT_INPUTS.values() if len(sum_) == 1 for name in sum_}
    policy.weights["layer_0.weight"][:, [name not in read for name in features]] = 0.0
    return replace(policy, incumbent=Incumbent("mine", (0.3,) * len(levers)))


def test_student_acts_like_its_teacher_and_fits(teacher):
    found = distil(teacher, TINY, "natural", SEEDS, {}, steps=300)
    assert plain_layers(found.policy)[0][0].shape == (32, 32)
    assert (found.policy.agent, found.policy.levers) == ("rate_0", teacher.levers)
    decisions = 72 // 2
    assert found.samples == 2 * 14 * decisions, "every eighth tape is kept"
    actions = _teachers_actions(teacher, PolicyGovernor(teacher))
    spread = float(np.sqrt(((actions - actions.mean(axis=0)) ** 2).mean()))
    assert len(found.errors) == 2 and max(found.errors) < 0.6 * spread


def _teachers_actions(teacher, governor):
    """The teacher's actions in the states of a governor's episodes."""
    world = Simulator(TINY, 16, scenario="natural")
    world.reset(seeds=SEEDS[0])
    actions = []
    while not world.truncated().any():
        view = world.view("rate_0")
        actions.append(PolicyGovernor(teacher).act(view))
        world.step({"rate_0": governor.act(view)})
    return np.concatenate(actions)


def test_later_rounds_are_played_by_the_student_and_all_rounds_are_fitted_to(teacher, monkeypatch):
    played, fitted = [], []
    play, fit = module._play, module._Network.fit

    def watched_play(teacher, student, *rest):
        played.append(student is not None)
        return play(teacher, student, *rest)

    def watched_fit(network, samples, *rest):
        fitted.append(len(samples.features))
        return fit(network, samples, *rest)

    monkeypatch.setattr(module, "_play", watched_play)
    monkeypatch.setattr(module._Network, "fit", watched_fit)
    once, again = (distil(teacher, TINY, "natural", SEEDS, {}, steps=5).errors for _ in range(2))
    decisions = 16 * 72 // 2
    assert played == [False, True] * 2 and fitted == [decisions, 2 * decisions] * 2
    assert once == again, "a repeat differs"


def test_samples_are_the_teachers_actions_in_the_states_of_whoever_plays(teacher, make_policy, names):
    features, levers = names
    student = PolicyGovernor(make_policy((len(features), 4, len(levers)), 5, features=features, levers=levers))
    world = Simulator(TINY, 16, scenario="natural")
    found = module._play(PolicyGovernor(teacher), student, student_front(teacher), world, SEEDS[0], {})
    assert np.array_equal(found.actions, _teachers_actions(teacher, student))
    assert not np.array_equal(found.actions, _teachers_actions(teacher, PolicyGovernor(teacher)))


def test_an_action_beyond_its_end_is_no_error(names):
    """A teacher whose action is 1 everywhere: outputs above 1 are as good, and weights stay small."""
    network = module._Network(len(COMPACT_INPUTS), 2, 0)
    rng = np.random.default_rng(0)
    samples = module._Samples(
        rng.normal(size=(256, 32)).astype(np.float32), np.ones((256, 2), np.float32), np.ones(256, bool)
    )
    network.fit(samples, 300, rng)
    assert network.actions(samples.features).min() > 0.97
    assert network.forward(module.torch.from_numpy(samples.features)).max() > 1.0


@pytest.mark.parametrize("scenario", ["crisis-2020-03", "crash-heldout"])
def test_held_out_markets_are_never_learned_from(teacher, scenario):
    with pytest.raises(ValueError, match="never trained or tuned on"):
        distil(teacher, TINY, scenario, SEEDS, {}, steps=5)


def test_a_policy_that_nothing_can_imitate_is_refused(make_policy, teacher):
    with pytest.raises(ExportError, match=r"none that fits can imitate it: .*return_6h.*a plain stack"):
        student_front(make_policy((40, 4, 1)))
    with pytest.raises(ValueError, match=r"seeds are \(2, 4\)"):
        distil(teacher, TINY, "natural", SEEDS[:, :4], {}, steps=5)
