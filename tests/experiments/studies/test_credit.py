"""Forks say what one decision's noise brings: where it is known, just that; without noise, nothing at all."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.ppo.settings import PPOSettings
from protogov.envs.simulator import Simulator
from protogov.envs.solvable_policies import solvable_policy
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import HERE
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.credit import study as credit
from protogov.experiments.studies.credit.branches import Draws, rewards_of_branches
from protogov.experiments.studies.credit.plan import (
    ALONE,
    CRITICS,
    EVERYBODY,
    GIVEN,
    GOING_ON,
    PUSH,
    RETURN,
    TWINS,
    gae,
)
from protogov.experiments.studies.credit.playing import Job, Rollout, Visits, effects, learn_critics, other_future
from protogov.experiments.studies.credit.study import STUDY, Options
from protogov.experiments.studies.credit.summary import Sample, reached
from protogov.experiments.studies.learning.imagination import Imagination

LAGS, COST, TOP = 6, 10.0, 0.12


@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_forks_find_the_effect_that_theory_has(keep):
    """In `tracking`, r (z - r) - 10 (r - r before)^2, under r = keep r before + what z says.

    Noise d moves r by d keep^k after k decisions. The mean of both signs is -(d_k^2) - 10 (d_k - d_(k-1))^2: what is
    odd in d depends on the tape.
    """
    world = solvable_policy("tracking")
    worlds = Simulator(world.config, 16, scenario=world.scenario, seed=11)
    worlds.reset()
    names = worlds.observation_names(world.agent)
    before, funding = names.index("lever_executed[base_rate]"), names.index("funding")

    def act(seen, noise):
        return np.float32(keep) * seen[:, [before]] + np.float32(0.2 * (1 - keep)) * seen[:, [funding]] + noise

    size = np.linspace(0.1, 0.4, 16, dtype=np.float32)[None, :, None]
    up, down = Draws({world.agent: size}, 0), Draws({world.agent: -size}, 0)
    branches = [up.still, up.alone(world.agent), down.alone(world.agent)]
    still, plus, minus = rewards_of_branches(worlds, {world.agent: act}, branches, LAGS)[world.agent]
    found = ((plus + minus) / 2.0 - still).sum(axis=1)
    lever = world.config.lever("base_rate")
    moves = (lever.high - lever.low) / 2.0 / TOP * size[0, :, 0] * keep ** np.arange(LAGS)[:, None]
    steps = np.diff(moves, axis=0, prepend=0.0)
    expected = (-(moves**2) - COST * steps**2).sum(axis=1)
    np.testing.assert_allclose(found[0], expected[0], rtol=0.05)  # 64 borrowers, each of whom borrows or not
    np.testing.assert_allclose(found.sum(), expected.sum(), rtol=0.05)


# ---------------------------------------------------------------------- learners

SETTINGS = PPOSettings(
    start="tuned", log_std_init=-1.5, log_std_final=-1.5, bootstrap="none", twin="none", num_steps=24, batch_size=64
)


@pytest.fixture(scope="module")
def visited():
    config = WorldOptions(size="tiny", cooperation=1.0).make(randomise_levers=0.25)
    taught = learn_critics(config, Job("jump", "tuned", 1.0, 4, 4, 1, LAGS), SETTINGS)
    visits = Visits(np.array([3]))

    def rollout(twin, visits=None):
        return Rollout(Simulator(config, 4, scenario="jump", seed=9), replace(SETTINGS, twin=twin), 1, taught, visits)

    return {"none": rollout("none", visits)} | {twin: rollout(twin) for twin in TWINS[1:]}, visits.worlds[3], taught


def test_branches_take_the_learners_own_rollout_apart(visited):
    rollouts, worlds, _ = visited
    rollout, agent = rollouts["none"], worlds.agents[0]
    draws = Draws(rollout.noise, 3)
    none = Draws({name: np.zeros_like(noise) for name, noise in rollout.noise.items()}, 3)
    branches = [draws.going_on, draws.still, none.alone(agent), none.everybody, draws.everybody]
    rewards = rewards_of_branches(worlds, rollout.actors, branches, LAGS)
    for name in worlds.agents:
        again, still, placebo, nothing, everybody = rewards[name]
        np.testing.assert_allclose(again, rollout.rewards[name][3 : 3 + LAGS], rtol=1e-5, atol=1e-6)
        assert np.array_equal(still, placebo) and np.array_equal(still, nothing)
        assert not np.array_equal(still, everybody)
    assert worlds.worlds["hour"][0] == 3, "visited states stay as they are"


def test_an_agents_noise_is_taken_out_of_one_decision():
    noise = {"a": np.array([[[1.0]], [[2.0]]], np.float32), "b": np.array([[[3.0]], [[4.0]]], np.float32)}
    draws = Draws(noise, 0)

    def played(branch):
        return [[float(branch(agent, lag)[0, 0]) for lag in range(2)] for agent in ("a", "b")]

    assert played(draws.still) == [[0, 0], [0, 0]]
    assert played(draws.everybody) == [[1, 0], [3, 0]]
    assert played(draws.going_on) == [[1, 2], [3, 4]]
    assert played(draws.alone("a")) == [[1, 0], [0, 0]]
    assert played(draws.alone("b", 0.5)) == [[0, 0], [3, 1.5]]
    assert played(draws.without("b")) == [[1, 2], [0, 4]]


def test_twins_judge_the_same_rollout_and_only_critics_learn(visited):
    rollouts, _, taught = visited
    for twin in TWINS[1:]:
        for agent, noise in rollouts["none"].noise.items():
            assert np.array_equal(rollouts[twin].noise[agent], noise)
            assert np.array_equal(rollouts[twin].rewards[agent], rollouts["none"].rewards[agent])
            own, beside = (rollouts[name].advantages[agent] for name in (twin, "none"))
            assert np.std(own) < np.std(beside)
    for learner in taught.learners:
        assert not any(weight.any() for weight in learner.policy.action_net.parameters()), "an actor has learned"
        assert learner.policy.value_net.bias.item() != 0.0


def test_another_future_is_another_market_from_the_same_state(visited):
    rollouts, worlds, _ = visited
    rollout, agent = rollouts["none"], worlds.agents[0]
    future = other_future(Imagination("jump", 48, library=8), worlds)
    found = effects(worlds, rollout, 3, LAGS, future)[agent]
    assert not np.allclose(found["effect_5"], found["again_5"])
    fork = worlds.fork(np.arange(4))
    future(fork)
    assert np.array_equal(fork.tape["close"][:, :4], worlds.tape["close"][:, :4])
    assert not np.array_equal(fork.tape["close"][:, 4:], worlds.tape["close"][:, 4:])
    assert (fork.worlds["seed"] != worlds.worlds["seed"]).all()


# ---------------------------------------------------------------------- tables


def made(tapes=400, states=5):
    """Rows of one governor whose effect is 1 after 0 decisions and 1/2 after 1, times a normal number."""
    generator = np.random.default_rng(0)
    count = tapes * states
    drawn, other, noise = generator.normal(size=(3, count))
    rows = {"tape": np.repeat(np.arange(tapes), states), "decision": np.tile(np.arange(states), tapes)}
    for lag, size in enumerate((1.0, 0.5, 0.0)):
        rows |= {f"effect_{lag}": size * drawn, f"again_{lag}": size * (0.6 * drawn + 0.8 * other)}
        rows[f"fork_{lag}"] = size * drawn
    rows |= {name: 1.5 * drawn + 3.0 * noise for name in (GOING_ON, RETURN, PUSH)}
    return rows | {gae(critic, twin): 1.5 * drawn + 15.0 * noise for critic in CRITICS for twin in TWINS}


def test_numbers_of_an_effect_that_is_known():
    sample = Sample(made(), 3)
    effect = sample.effect()
    assert effect["deviation"] == pytest.approx(1.5, rel=0.05) and effect["day"] == effect["deviation"]
    assert (effect["half"], effect["most"]) == (1, 2)
    arrived = sample.arrival()
    assert [row["absolute"] for row in arrived] == pytest.approx([2 / 3, 1.0])
    assert [row["repeats"] for row in arrived] == pytest.approx([0.6, 0.6], abs=0.05)
    assert all(row["repeats_low"] < 0.6 < row["repeats_high"] for row in arrived)
    judged = {row["estimator"]: row for row in sample.judged()}
    assert judged[GIVEN]["signal"] == pytest.approx(1 / 101, rel=0.1)
    assert judged[GIVEN]["correlation"] == pytest.approx(101**-0.5, abs=0.05)
    assert judged[GOING_ON]["signal"] == pytest.approx(1 / 5, rel=0.1)
    assert judged[ALONE]["correlation"] == judged[EVERYBODY]["correlation"] == pytest.approx(1.0)
    # a fork of three decisions beside the rollout, over a rollout and its twin
    assert judged[GIVEN]["common"] == pytest.approx(0.6 / 101, rel=0.15)
    assert judged[GIVEN]["reduction"] == 1.0 and judged[EVERYBODY]["reduction"] == pytest.approx(
        (1 / 4) / (1 / 101 / 2), rel=0.1
    )
    assert all(row["same"] == pytest.approx(1.0) for row in sample.discounted())
    assert reached(np.array([1.0, 1.0, 2.0]), 0.5) == 2


def test_the_study_says_draws_and_writes_what_it_found(monkeypatch):
    monkeypatch.setattr(credit, "WORLDS", 4)
    monkeypatch.setattr("protogov.experiments.studies.learning.imagination.LIBRARY", 8)
    found = STUDY.measure(
        Options(sizes=("tiny",), markets=("jump",), market_hours=1.0, tapes=3, states=2, decisions=5), HERE
    )
    kinds = len(set(found.tables["estimators"]["estimator"]))
    assert [len(table["role"]) for table in found.tables.values()] == [3, 9, 15, 3 * kinds]
    judged = STUDY.judge(found)
    assert judged.sentences[0].startswith("Of the variance of what an update is told")
    assert set(STUDY.draw(found)) == {"credit"}
    page = "\n".join(STUDY.page(found, judged))
    assert "| gae, gamma .99, twin policies |" in page and "| tiny, jump | rate |" in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"decisions": 57}, "decisions is 57"), ({"tapes": 1}, "tapes is 1"), ({"states": 0}, "states is 0"),
     ({"markets": ("crash-heldout",)}, "crash-heldout"), ({"markets": ()}, "names none"),
     ({"start": "magic"}, "start is 'magic'"), ({"market_hours": 0.0}, "market-hours is 0")],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        STUDY.measure(Options(**{"sizes": ("core",), **changed}), HERE)
