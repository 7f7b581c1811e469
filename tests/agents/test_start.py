"""A policy starts exactly where it was asked to, learns from there, and its file plays the same alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.baselines import make_governor, tuned
from protogov.agents.policies import PolicyError, load_policy
from protogov.agents.policies.execution import Change, Execution
from protogov.agents.policies.incumbent import Incumbent, Slope
from protogov.agents.ppo import PPOSettings, Trainer, latest_checkpoint
from protogov.agents.ppo.start import check_learners
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.errors import BadInput
from protogov.experiments.training.train import Options, prepare

TINY = WorldConfig(size="tiny", randomise_levers=0.25)
SETTINGS = PPOSettings(num_steps=4, batch_size=32, num_epochs=2, twin="none")
SMALL = replace(SETTINGS, hidden_sizes=(8,))  # for worlds of three numbers


def mean_actions(learner, observations):
    """What a learner would do without its noise."""
    with torch.no_grad():
        mean = learner.policy.get_distribution(torch.from_numpy(observations)).distribution.mean.numpy()
    return learner.execution.actions(observations, mean)


def some_states(world, count=3):
    """Observations of a world some decisions after its opening, with levers under way."""
    rng, seen = np.random.default_rng(0), []
    for _ in range(count):
        world.step({a: rng.uniform(-1, 1, (world.num_worlds, world.action_size(a))) for a in world.agents})
        seen.append(world.observe())
    return seen


@pytest.mark.parametrize(
    ("start", "name"), [("tuned", "tuned"), ("tuned-mix", "tuned-mix"), ("linear", "linear_feedback")]
)
def test_the_first_mean_action_is_the_incumbents(start, name):
    trainer = Trainer(Simulator(TINY, 8), replace(SETTINGS, start=start), total_rollouts=1)
    world, moved = trainer.world, 0.0
    for seen in some_states(world):
        for learner in trainer.learners:
            expected = make_governor(name, world.roles[learner.agent]).act(world.view(learner.agent))
            view = world.view(learner.agent).obs
            np.testing.assert_allclose(
                mean_actions(learner, view), expected, atol=0 if name != "linear_feedback" else 1e-6
            )
            moved = max(moved, float(np.ptp(expected, axis=0).max()))
            assert seen[learner.agent].shape == view.shape
    assert (moved > 0) == (start == "linear"), "a rule's action is of the state"


@pytest.mark.parametrize("change", [{"start": "linear"}, {"start": "tuned"}, {"action_form": "change"}])
def test_a_file_plays_alone_what_was_learned(tmp_path, monkeypatch, change):
    trainer = Trainer(Simulator(TINY, 8), replace(SETTINGS, learning_rate=0.02, **change), total_rollouts=1)
    world = trainer.world
    before = {learner.agent: mean_actions(learner, world.observe()[learner.agent]) for learner in trainer.learners}
    opening = {agent: obs.copy() for agent, obs in world.observe().items()}
    trainer.run()
    trainer.save_policies(tmp_path)
    monkeypatch.setattr(tuned, "TUNED_FILE", tmp_path / "gone.json")  # nothing of it is read any more
    tuned.tuned_file.cache_clear()
    try:
        for learner in trainer.learners:
            governor = load_policy(tmp_path / f"policy_{learner.agent}.json")
            assert not np.allclose(governor.act_on(opening[learner.agent]), before[learner.agent]), (
                "nothing was learned"
            )
            for seen in (opening, world.observe()):
                expected = mean_actions(learner, seen[learner.agent])
                assert np.array_equal(governor.act_on(seen[learner.agent]), expected)
                assert np.array_equal(
                    trainer.governor(learner.agent).act(world.view(learner.agent)),
                    mean_actions(learner, world.view(learner.agent).obs),
                )
    finally:
        tuned.tuned_file.cache_clear()


def test_execution_is_walked_by_hand():
    levers, features = (
        ("a", "b"),
        ("x", "lever_executed[a]", "lever_executed[b]", "lever_pending[a]", "lever_pending[b]"),
    )
    seen = np.array([[np.log(3.0), 0.25, -0.5, 0.5, 0.0], [-np.log(3.0), 1.0, 0.75, 0.0, -5.0]], np.float32)
    outputs = np.array([[0.5, 3.0], [0.0, -0.1]], np.float32)
    changes = Execution(levers, features, change=Change(0.5, 1.0, 0.2)).actions(seen, outputs)
    # 0.25 + 0.1 + 0.25, -0.5 + 0.5 * 1; 1 and no change, 0.75 - 1 - 0.05
    np.testing.assert_allclose(changes, [[0.6, 0.0], [1.0, -0.3]], atol=1e-7)
    # x is 0.1 * (3 - 1) = 0.2 and -0.2 behind the signed log; (x - 0.1) / 0.05 is 2 and -6, which counts as -3
    rule = Incumbent("rule", (0.1, 0.2), (Slope("b", "x", 0.25, 0.1, 0.05, 0.1, True),))
    residual = Execution(levers, features, rule).actions(seen, outputs)
    np.testing.assert_allclose(residual, [[0.6, 1.0], [0.1, -0.65]], atol=1e-6)
    assert np.array_equal(Execution(levers, features).actions(seen, outputs), np.clip(outputs, -1, 1))


def test_no_change_leaves_levers_where_they_are_bound():
    """Scattered levers stay; a change that is announced (six hours here) and then left alone comes into force."""
    config = replace(TINY, autonomy=12.0)  # decides every hour
    trainer = Trainer(Simulator(config, 8), replace(SETTINGS, action_form="change"), total_rollouts=1)
    world, learner = trainer.world, trainer.learners[1]
    agent, shape = learner.agent, (8, world.action_size("risk_0"))
    opened = world.executed(agent)

    def step(output):
        acts = {other: np.zeros((8, world.action_size(other)), np.float32) for other in world.agents if other != agent}
        outputs = np.full(shape, output, np.float32)
        return world.step(acts | {agent: learner.execution.actions(world.view(agent).obs, outputs)}).executed[agent]

    np.testing.assert_allclose(step(0.0), opened, rtol=1e-6)
    threshold = world.roles[agent].levers.index("liquidation_threshold")
    assert np.array_equal(step(1.0)[:, threshold], opened[:, threshold]), "on notice"
    later = [step(0.0)[:, threshold] for _ in range(16)]  # time enough to go back, too
    np.testing.assert_allclose(later[-1], opened[:, threshold] + 0.005, rtol=1e-6)  # a steward's cap, once


def test_learning_goes_on_from_a_file_with_fresh_exploration(quadratic_world, tmp_path):
    first = Trainer(quadratic_world(num_agents=2), SMALL, total_rollouts=2)
    first.run()
    first.save_policies(tmp_path)
    seen = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    again = Trainer(quadratic_world(num_agents=2), replace(SMALL, start=str(tmp_path)), total_rollouts=2, seed=5)
    for learner in again.learners:
        assert np.array_equal(mean_actions(learner, seen), first.governor(learner.agent).act_on(seen))
        assert float(learner.policy.log_std.detach().max()) == SMALL.log_std_init
    one = str(tmp_path / "policy_rate_1.json")
    both = Trainer(quadratic_world(num_agents=2), replace(SMALL, start=one), total_rollouts=2)
    assert np.array_equal(mean_actions(both.learners[0], seen), first.governor("rate_1").act_on(seen))


def test_a_resumed_run_needs_nothing_of_what_it_started_from(quadratic_world, tmp_path):
    Trainer(quadratic_world(), SMALL, total_rollouts=1, folder=tmp_path / "first").run()
    start = tmp_path / "start"
    shutil.copytree(latest_checkpoint(tmp_path / "first/checkpoints"), start)
    with_rule = json.loads((start / "policy_rate_0.json").read_text())
    with_rule["incumbent"] = Incumbent("rule", (0.2,), (Slope("lever_0", "feature_1", 0.3, 0, 1, 1, False),)).to_dict()
    (start / "policy_rate_0.json").write_text(json.dumps(with_rule))
    settings = replace(SMALL, start=str(start))
    whole = Trainer(quadratic_world(), settings, total_rollouts=3)
    assert whole.learners[0].execution.incumbent.name == "rule"
    whole.run()
    half = tmp_path / "half"
    Trainer(quadratic_world(), settings, total_rollouts=3, folder=half).run(stop_after=1)
    shutil.rmtree(start)
    resumed = Trainer.resume(latest_checkpoint(half / "checkpoints"), quadratic_world())
    resumed.run()
    theirs = whole.learners[0].policy.state_dict()
    assert all(torch.equal(x, theirs[name]) for name, x in resumed.learners[0].policy.state_dict().items())
    assert resumed.learners[0].execution.incumbent == whole.learners[0].execution.incumbent


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"start": "pi"},
            "start is 'pi'; accepted: defaults, tuned or another baseline of constants, linear, an entry of the zoo",
        ),
        ({"start": "tund"}, "start is 'tund'; accepted: defaults"),
        ({"start": "absent.json"}, "absent.json: there is no such file"),
        (
            {"start": "tuned", "action_form": "change"},
            "start is 'tuned'; accepted where action_form is change: defaults",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_anything_is_written(tmp_path, changes, reason):
    options = Options(name="x", ppo=replace(SETTINGS, **changes), runs=tmp_path)
    with pytest.raises(BadInput, match=reason):
        prepare(options, "protogov train x")
    assert list(tmp_path.iterdir()) == []


def test_a_rule_that_reads_what_is_not_observed_is_refused():
    chain = Simulator(WorldConfig(size="tiny", observe=("chain",)))
    with pytest.raises(ValueError, match=r"rate_0 cannot learn so: .*reads outside_yield, which are not observed"):
        check_learners(replace(SETTINGS, start="linear"), chain)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start": "tuned"}, "start is 'tuned'"),  # a world that does not know what its levers are
        ({"action_form": "change"}, r"a change of the lever needs lever_executed\[lever_0\], lever_pending"),
    ],
)
def test_worlds_that_name_no_levers_have_neither(quadratic_world, changes, reason):
    with pytest.raises(ValueError, match=reason):
        Trainer(quadratic_world(), replace(SMALL, **changes), total_rollouts=1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden_sizes": (9,)}, r"rate_0 cannot start as the policy of rate_0 .* its hidden_sizes is \(8,\), here"),
        ({"activation": "tanh"}, "its activation is relu, here it is tanh"),
        ({"action_form": "change"}, "its action_form is target, here it is change"),
    ],
)
def test_a_policy_of_another_kind_is_no_start(quadratic_world, tmp_path, changes, reason):
    Trainer(quadratic_world(), SMALL, total_rollouts=1).save_policies(tmp_path)
    with pytest.raises(ValueError, match=reason):
        Trainer(quadratic_world(), replace(SMALL, start=str(tmp_path), **changes), total_rollouts=1)


def test_a_file_of_before_has_neither_incumbent_nor_changes(quadratic_world, tmp_path):
    description = Trainer(quadratic_world(), SMALL, total_rollouts=1).save_policies(tmp_path)[0]
    document = json.loads(description.read_text())
    seen = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    expected = load_policy(description).act_on(seen)
    del document["incumbent"], document["change"]
    description.write_text(json.dumps({**document, "version": 1}))
    assert np.array_equal(load_policy(description).act_on(seen), expected)


SLOPE = {"lever": "lever_0", "feature": "feature_0", "weight": 1, "centre": 0, "scale": 1, "unit": 1, "symlog": False}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("incumbent", {"name": "x"}, "incumbent cannot be read"),
        ("incumbent", {"name": "x", "constants": [0, 0], "slopes": []}, "2 constants for 1 levers"),
        ("incumbent", {"name": "x", "constants": [float("inf")], "slopes": []}, "not finite"),
        ("incumbent", {"name": "x", "constants": [0], "slopes": [{**SLOPE, "scale": 0}]}, "a scale of 0"),
        ("incumbent", {"name": "x", "constants": [0], "slopes": [{**SLOPE, "feature": "y"}]}, "reads y, which are not"),
        ("incumbent", {"name": "x", "constants": [0], "slopes": [{**SLOPE, "lever": "y"}]}, "has slopes of y"),
        ("change", {"size": 0, "executed_unit": 1, "pending_unit": 1}, "accepted: a size above 0 and at most 2"),
        ("change", {"size": 0.1}, "change cannot be read"),
        ("change", {"size": 0.1, "executed_unit": 1, "pending_unit": 1}, "a change of the lever needs lever_executed"),
    ],
)
def test_files_that_make_no_sense_are_refused(quadratic_world, tmp_path, field, value, reason):
    description = Trainer(quadratic_world(), SMALL, total_rollouts=1).save_policies(tmp_path)[0]
    document = json.loads(description.read_text())
    description.write_text(json.dumps({**document, field: value}))
    with pytest.raises(PolicyError, match=f"policy_rate_0.json: .*{reason}"):
        load_policy(description)
