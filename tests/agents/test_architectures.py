"""Every family of policies learns as a stock PPO, and its file plays what was learned."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from protogov.agents.baselines.linear_feedback import FEATURES as READ_BY_THE_RULE
from protogov.agents.policies import PolicyError, PolicyGovernor, load_policy
from protogov.agents.policies.architectures import ARCHITECTURES, COMPACT_INPUTS, FEW_INPUTS, WINDOW, make_front
from protogov.agents.policies.networks import make_network
from protogov.agents.policies.window import Window
from protogov.agents.ppo import PPOSettings, Trainer
from protogov.agents.ppo.optimizer import MatrixDecay
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import FEATURES

SEEING = WorldConfig(
    size="tiny", roles=("risk",), randomise_levers=0.25, observe=("chain", "feeds", "surface", "accounts")
)
SETTINGS = PPOSettings(num_steps=4, batch_size=32, num_epochs=2, learning_rate=0.01, twin="none")
SMALL = replace(SETTINGS, hidden_sizes=(8,))  # for worlds of three numbers


def outputs(learner, given):
    """What its network puts out for what it is given."""
    with torch.no_grad():
        return learner.policy.get_distribution(torch.from_numpy(given)).distribution.mean.numpy()


def windows(course, length=WINDOW):
    """The newest observations of a course F32[t, n, d], oldest first and zeros before it, F32[n, length * d]."""
    before = np.zeros((length, *course.shape[1:]), np.float32)
    newest = np.concatenate([before, course])[-length:]
    return np.ascontiguousarray(newest.swapaxes(0, 1)).reshape(course.shape[1], -1)


@pytest.mark.parametrize("critic", ["own", "central"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_file_plays_what_was_learned(tmp_path, architecture, critic):
    settings = replace(SETTINGS, architecture=architecture, critic=critic, start="tuned")
    trainer = Trainer(Simulator(SEEING, 8), settings, total_rollouts=1)
    (learner,), world = trainer.learners, trainer.world
    before = {name: tensor.clone() for name, tensor in learner.policy.state_dict().items()}
    trainer.run()
    after = learner.policy.state_dict()
    fronts = [name for name in after if name.startswith("features_extractor.")]
    assert bool(fronts) == (architecture in ("recurrent", "attention"))
    assert all(not torch.equal(before[name], after[name]) for name in fronts), "a weight of the front did not learn"

    path = trainer.save_policies(tmp_path)[0]
    governor, alone = load_policy(path), PolicyGovernor(load_policy(path).policy, any_batch=True)
    single = PolicyGovernor(governor.policy, any_batch=True)
    assert json.loads(path.read_text())["architecture"] == architecture == governor.policy.architecture
    seen = [world.reset()["risk_0"]]
    for one in (governor, alone):
        one.reset(np.arange(8), np.arange(8, dtype=np.uint64))
    single.reset(np.arange(1), np.arange(1, dtype=np.uint64))
    for _ in range(3):
        own = windows(np.array(seen)) if architecture == "recurrent" else seen[-1]
        given = own if critic == "own" else np.concatenate([own, world.state()], axis=1)
        expected = learner.execution.actions(seen[-1], outputs(learner, given))
        actions = governor.act_on(seen[-1])
        # a central critic's actor reads a slice of a wider row; one layer alone then has other last bits
        last_bits = 1e-6 if (architecture, critic) == ("linear", "central") else 0.0
        np.testing.assert_allclose(actions, expected, rtol=0.0, atol=last_bits)
        mine = alone.act_on(seen[-1])
        np.testing.assert_allclose(mine, expected, atol=1e-5)
        assert np.array_equal(single.act_on(seen[-1][:1]), mine[:1]), "another batch, other bits"
        seen.append(world.step({"risk_0": actions}).obs["risk_0"])


def test_windows_are_walked_by_hand():
    window = Window(3, 1)
    first = window.push(np.array([[1.0], [5.0]], np.float32))
    assert first.tolist() == [[0, 0, 1], [0, 0, 5]]
    assert window.push(np.array([[2.0], [6.0]], np.float32)).tolist() == [[0, 1, 2], [0, 5, 6]]
    assert first.tolist() == [[0, 0, 1], [0, 0, 5]], "what was returned is the caller's"
    window.reset(np.array([1]))
    assert window.push(np.array([[9.0], [7.0]], np.float32), np.array([1])).tolist() == [[0, 1, 2], [0, 0, 7]]
    other = window.fork(np.array([1, 0, 0]))
    assert other.push(np.array([[8.0], [3.0], [4.0]], np.float32)).tolist() == [[0, 7, 8], [1, 2, 3], [1, 2, 4]]
    again = Window(3, 1)
    again.load_state_dict(window.state_dict())
    expected = [[1, 2, 3], [0, 7, 8]]
    assert again.push(np.array([[3.0], [8.0]], np.float32)).tolist() == expected
    assert window.push(np.array([[3.0], [8.0]], np.float32)).tolist() == expected
    again.load(np.array(expected))
    assert again.push(np.array([[4.0], [9.0]], np.float32)).tolist() == [[2, 3, 4], [7, 8, 9]]


def test_a_learners_window_begins_with_the_episode(quadratic_world):
    settings = replace(SMALL, architecture="recurrent", num_steps=9, batch_size=72)
    trainer = Trainer(quadratic_world(horizon=4, stagger=True), settings, total_rollouts=1)
    (learner,) = trainer.learners
    lasts, remember = [], learner.remember
    learner.remember = lambda *given: (lasts.append(given[3]), remember(*given))
    trainer._joint.collect(trainer.learners, 9)
    given = learner.model.rollout_buffer.observations.reshape(9, 8, WINDOW, 3)
    begins = learner.model.rollout_buffer.episode_starts.astype(bool)
    for row in range(8):
        begun = 0
        for t in range(9):
            begun = t if begins[t, row] else begun
            course = given[begun : t + 1, row, None, -1]  # what was newest at each decision of the episode
            assert np.array_equal(given[t, row].reshape(1, -1), windows(course)), (row, t)
    assert begins[1].any() and not begins[1].all(), "rows begin apart"
    at = int(
        np.flatnonzero(begins[1])[0]
    )  # a row whose first episode was one decision long: its last sight is beside it
    (ended,) = lasts[0].reshape(-1, WINDOW, 3)[np.flatnonzero(begins[1]) == at]
    assert np.array_equal(ended[-2], given[0, at, -1])
    assert not ended[:-2].any() and ended[-1].any()


def test_memory_of_a_recurrent_policy_forks_with_its_row(tmp_path):
    config = replace(SEEING, roles=("risk", "rate"))
    trainer = Trainer(Simulator(config, 2), replace(SETTINGS, architecture="recurrent"), total_rollouts=1)
    path = str(trainer.save_policies(tmp_path)[0])
    assert "risk" in path
    world = Simulator(replace(config, background={"risk_0": path}), 3)
    world.reset()
    zeros = {n: {"rate_0": np.zeros((n, 4), np.float32)} for n in (2, 3)}
    for _ in range(3):
        world.step(zeros[3])
    other = world.fork(np.array([2, 0]))
    (governor,) = other.background.values()
    for _ in range(3):
        ours, theirs = world.step(zeros[3]), other.step(zeros[2])
        assert np.array_equal(theirs.proposed["risk_0"], ours.proposed["risk_0"][[2, 0]])
    governor.reset(np.arange(2), np.arange(2, dtype=np.uint64))  # and does it matter?
    assert not np.array_equal(other.step(zeros[2]).proposed["risk_0"], world.step(zeros[3]).proposed["risk_0"][[2, 0]])


def test_compact_reads_32_numbers_of_the_chain():
    assert len(COMPACT_INPUTS) == 32
    read = {name for sum_ in COMPACT_INPUTS.values() for name in sum_}
    assert {FEATURES[name.partition("[")[0]].group for name in read} == {"chain"}
    names = Simulator(SEEING).observation_names("risk_0")
    front = make_front("compact", names)
    seen = torch.randn(4, len(names))
    inputs = make_network(front)(seen)
    at = {name: column for column, name in enumerate(names)}
    bound = seen[:, at["lever_executed[ltv_gap]"]] + 0.2 * seen[:, at["lever_pending[ltv_gap]"]]
    flow = seen[:, at["net_borrow_day"]] - seen[:, at["net_supply_day"]]
    for name, expected in {"bound[ltv_gap]": bound, "net_outflow_day": flow, "at_risk": seen[:, at["at_risk"]]}.items():
        torch.testing.assert_close(inputs[:, list(front.inputs).index(name)], expected)
    others = [at[name] for name in names if name not in read]
    seen[:, others] = 7.0
    assert torch.equal(make_network(front)(seen), inputs)


def test_few_reads_what_the_linear_rule_reads_and_nothing_else():
    assert set(FEW_INPUTS) == set(READ_BY_THE_RULE)
    trainer = Trainer(Simulator(SEEING, 8), replace(SETTINGS, architecture="few"), total_rollouts=1)
    trainer.run()
    (learner,), seen = trainer.learners, trainer.world.observe()["risk_0"]
    others = [column for column, name in enumerate(learner.front.features) if name not in READ_BY_THE_RULE]
    changed = seen.copy()
    changed[:, others] = 7.0
    assert np.array_equal(outputs(learner, changed), outputs(learner, seen))
    assert np.array_equal(learner.values(changed), learner.values(seen)), "the critic sees more"
    changed[:, learner.front.features.index("at_risk")] += 1.0
    assert (outputs(learner, changed) != outputs(learner, seen)).any()


def test_attention_weighs_the_tokens_of_each_group():
    """Against the formula, token by token; and the order of tokens matters, for each knows its place."""
    names = Simulator(SEEING).observation_names("risk_0")
    front = make_front("attention", names)
    tokens = front.tokens()
    assert {group: columns.shape for group, columns in tokens.items()} == {"surface": (20, 4), "accounts": (10, 1)}
    assert names[tokens["surface"][7, 1]] == "node_interest[1,2]"
    assert names[tokens["accounts"][3, 0]] == "debt_by_health[3]"
    assert front.rest().size + 4 * 20 + 10 == len(names)
    network = make_network(front)
    seen = torch.randn(2, len(names))
    answer = network(seen)[:, -16:]
    part, rest = network.accounts, seen[:, front.rest()]
    with torch.no_grad():
        query = part.query(rest)
        embedded = [torch.tanh(part.embed(seen[:, tokens["accounts"][j]]) + part.place[j]) for j in range(10)]
        scores = torch.stack([(part.key(token) * query).sum(1) / 4.0 for token in embedded]).exp()
        values = torch.stack([part.value(token) for token in embedded])
        expected = (scores[:, :, None] * values).sum(0) / scores.sum(0)[:, None]
    torch.testing.assert_close(answer, expected)
    swapped = seen.clone()
    swapped[:, tokens["accounts"][[2, 3], 0]] = seen[:, tokens["accounts"][[3, 2], 0]]
    assert not torch.allclose(network(swapped)[:, -16:], answer)


@pytest.mark.parametrize(
    ("architecture", "observe", "reason"),
    [
        ("attention", ("chain", "feeds"), r"risk_0 cannot learn so: .*reads debt_by_health\[0\], node_interest\[0,0\]"),
        ("attention", ("chain", "feeds", "surface"), r"reads debt_by_health\[0\], which are not observed"),
    ],
)
def test_a_front_that_reads_what_is_not_observed_is_refused(architecture, observe, reason):
    world = Simulator(replace(SEEING, observe=observe))
    with pytest.raises(ValueError, match=reason):
        Trainer(world, replace(SETTINGS, architecture=architecture), total_rollouts=1)


def test_compact_needs_the_features_of_a_venue(quadratic_world):
    with pytest.raises(ValueError, match="rate_0 cannot learn so: architecture 'compact' reads at_risk, borrow_rate"):
        Trainer(quadratic_world(), replace(SETTINGS, architecture="compact"), total_rollouts=1)


def test_decay_is_of_matrices_alone(quadratic_world):
    settings = replace(SMALL, weight_decay=0.5)
    policy = Trainer(quadratic_world(), settings, total_rollouts=1).learners[0].policy
    before = {name: tensor.clone() for name, tensor in policy.named_parameters()}
    assert isinstance(policy.optimizer, MatrixDecay)
    for parameter in policy.parameters():
        parameter.grad = torch.zeros_like(parameter)
    policy.optimizer.step()
    for name, tensor in policy.named_parameters():
        factor = 1 - 0.5 * 0.01 if name.endswith("weight") else 1.0
        torch.testing.assert_close(tensor, before[name] * factor)
    assert {"log_std", "action_net.bias"} <= set(before)


def test_learners_see_through_noise_and_the_incumbent_does_not(quadratic_world):
    settings = replace(SMALL, observation_noise=0.5, num_steps=10, batch_size=500)
    trainer = Trainer(quadratic_world(num_worlds=50), settings, total_rollouts=1)
    (learner,), truth, executed = trainer.learners, [], []
    act, actions = learner.act, learner.execution.actions
    learner.act = lambda observations, starts: (truth.append(observations.copy()), act(observations, starts))[1]
    learner.execution.actions = lambda seen, put_out: (executed.append(seen.copy()), actions(seen, put_out))[1]
    trainer._joint.collect(trainer.learners, 10)
    noise = learner.model.rollout_buffer.observations - np.array(truth)
    assert noise.std() == pytest.approx(0.5, rel=0.1) and abs(noise.mean()) < 0.05
    assert np.array_equal(executed, truth)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "transformer"}, "architecture is 'transformer'; accepted: linear, mlp, recurrent, attention"),
        ({"architecture": "compact", "hidden_sizes": (64, 64)}, r"hidden_sizes is \(64, 64\); accepted: \(32, 32\) wh"),
        ({"architecture": "compact", "activation": "tanh"}, "activation is 'tanh'; accepted: relu where it is compact"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; accepted: a finite number of at least 0"),
        ({"observation_noise": float("nan")}, "observation_noise is nan"),
        ({"weight_decay": 0.1, "state_dependent_exploration": True}, "weight_decay is 0.1; accepted: 0 where explor"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        replace(SETTINGS, **changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "x"}, "architecture is 'x'; accepted: linear, mlp, recurrent, attention, compact"),
        ({"window": 0}, "window is 0"),
        ({"architecture": "mlp", "window": 24}, "window is 24; accepted: a whole number of at least 1, and 1 unless"),
        ({"architecture": "attention", "window": 1}, r"reads debt_by_health\[0\], node_interest"),
        ({"architecture": "compact", "window": 1}, "inputs are {}; accepted: some where"),
        ({"architecture": "compact", "window": 1, "inputs": {"x": {"y": 1}}}, "reads y, which are not observed"),
        ({"inputs": []}, "inputs cannot be read"),
        ({"inputs": {"x": {"feature_0": 1}}}, "inputs are .*; accepted: some where the architecture is compact or few"),
        ({"architecture": "mlp", "window": 1}, "describes"),
        ({"architecture": "linear", "window": 1}, "hidden_sizes is .*; accepted: none where it is linear"),
    ],
)
def test_files_that_make_no_sense_are_refused(quadratic_world, tmp_path, changes, reason):
    settings = replace(SMALL, architecture="recurrent")
    description = Trainer(quadratic_world(), settings, total_rollouts=1).save_policies(tmp_path)[0]
    document = json.loads(description.read_text())
    description.write_text(json.dumps({**document, **changes}))
    with pytest.raises(PolicyError, match=f"policy_rate_0.*: .*{reason}"):
        load_policy(description)


def test_learning_goes_on_from_a_recurrent_file(quadratic_world, tmp_path):
    settings = replace(SMALL, architecture="recurrent")
    first = Trainer(quadratic_world(), settings, total_rollouts=1)
    first.run()
    first.save_policies(tmp_path)
    again = Trainer(quadratic_world(), replace(settings, start=str(tmp_path)), total_rollouts=1, seed=5)
    given = np.random.default_rng(0).normal(size=(8, WINDOW * 3)).astype(np.float32)
    assert np.array_equal(outputs(again.learners[0], given), outputs(first.learners[0], given))
    with pytest.raises(ValueError, match="its architecture is recurrent, here it is mlp"):
        Trainer(quadratic_world(), replace(SMALL, start=str(tmp_path)), total_rollouts=1)
