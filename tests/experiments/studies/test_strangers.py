"""Test tasks among strangers: the table, environments over the focal seats, scores, and their reference rows."""

from dataclasses import replace

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

from protogov.agents.policies.policy_governor import PolicyGovernor, load_policy
from protogov.agents.zoo import zoo_policies
from protogov.envs.config import WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.simulator import Simulator
from protogov.experiments.cli import main
from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.core.tables import read_csv, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.alone import Alone, OwnVenue
from protogov.experiments.studies.emergence.forks import Plan
from protogov.experiments.studies.emergence.subjects import governor_of, typed_subject
from protogov.experiments.studies.strangers import TASKS, make_task, playing, reference, study, tasks
from protogov.experiments.studies.strangers.reference import REFERENCE_FILE, complete, ends_of
from protogov.experiments.studies.strangers.tasks import LEARNED, RANDOM, TUNED, TestTask, rivals

TINY = {"size": "tiny", "venues": 2, "episode_hours": 12}
CARTEL = "rivals/visitor-among-cartel-v0"


def test_every_task_seats_everybody_once_and_is_named_by_its_world():
    assert len(TASKS) >= 10 and list(TASKS) == [task.name for task in TASKS.values()]
    for task in TASKS.values():
        world = task.config()
        assert sorted(agent.name for agent in world.learners()) == sorted(task.focal)
        assert set(world.background) == set(task.background) and task.name.endswith("-v0")
        assert {"rivals": 2, "market": 1}[task.name.partition("/")[0]] == world.venues


def test_a_task_that_names_a_seat_twice_or_an_unknown_governor_is_refused():
    task = make_task(CARTEL)
    with pytest.raises(BadInput, match="task x names .*each once"):
        replace(task, name="x", focal=(*task.focal, "rate_1")).config()
    with pytest.raises(BadInput, match="governor is 'nobody'"):
        replace(task, background=rivals(spread="nobody")).config()
    with pytest.raises(BadInput, match="task 'rivals/none-v0' is not known; known are rivals/visitor-among-cartel-v0"):
        make_task("rivals/none-v0")


def test_the_saved_rows_are_of_these_tasks_with_seeds_and_intervals_that_are_apart():
    assert complete() == []
    rows = records(read_csv(REFERENCE_FILE))
    assert len(rows) == 2 * len(TASKS)
    for task in TASKS.values():
        low, high = ends_of(task)
        assert task.score(low) == 0.0 and task.score(high) == pytest.approx(100.0)
        own = {row["governor"]: row for row in rows if row["task"] == task.name}
        assert own[RANDOM]["reward_high"] < own[task.upper]["reward_low"], task.name
        assert all(row["tapes"] >= 1024 and row["first_seed"] == EVALUATION_SEEDS for row in own.values())


def test_a_changed_task_has_no_reference_rows():
    with pytest.raises(BadInput, match="reference rows of another definition.*--tapes 1024 --tasks rivals/visitor"):
        replace(make_task(CARTEL), scenario="mix").score(0.0)
    assert replace(make_task(CARTEL), about="other words").score(0.0) == make_task(CARTEL).score(0.0)


def test_only_the_focal_seats_are_agents_and_the_background_plays():
    env = make_task(CARTEL).parallel_env(episode_hours=12)
    parallel_api_test(env, num_cycles=3)
    _, infos = env.reset(seed=3)
    assert list(infos) == ["rate_0", "risk_0", "spread_0"]
    for _ in range(2):
        env.step({agent: np.zeros(env.action_space(agent).shape, np.float32) for agent in env.agents})
    executed = env.simulator.worlds["venues"]["levers"]["executed"][0]
    assert not np.array_equal(executed[0], executed[1])  # the first venue stood still, the cartel did not


def test_one_focal_seat_is_a_gymnasium_environment_and_several_are_refused():
    env = make_task("market/rate-among-stewards-v0").gymnasium_env(episode_hours=12)
    env.reset(seed=1)
    assert env.agent == "rate_0" and np.isfinite(env.step(env.action_space.sample())[1])
    with pytest.raises(BadInput, match=r"one agent, at venue 0: use parallel_env\(\)"):
        make_task(CARTEL).gymnasium_env()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Two tasks of a tiny world, and a file of reference rows of their own."""
    one = TestTask("tiny/cartel-v0", "a cartel", rivals(spread="trigger-cartel-1"), world=TINY, scenario="jump")
    alone = replace(one, name="tiny/risk-v0", background={**one.background, "rate_0": "pi", "spread_0": TUNED},
                    focal=("risk_0",))  # fmt: skip
    table = {task.name: task for task in (one, alone)}
    for module in (tasks, study, reference):
        monkeypatch.setattr(module, "TASKS", table)
    monkeypatch.setattr(reference, "REFERENCE_FILE", tmp_path / "reference.csv")
    make_task.cache_clear()
    reference._rows.cache_clear()
    yield tmp_path
    make_task.cache_clear()
    reference._rows.cache_clear()


def test_the_study_makes_its_reference_and_scores_governors_between_its_ends(small, capsys):
    stored, out = small / "reference.csv", small / "out"
    assert main(["study", "strangers", "--tapes", "6"]) == 2  # nothing was stored yet
    assert "no reference rows of random" in capsys.readouterr().err
    main(["study", "strangers", "--store", str(stored), "--tapes", "6", "--jobs", "1"])
    rows = read_csv(stored)
    assert sorted(set(rows["task"].tolist())) == ["tiny/cartel-v0", "tiny/risk-v0"] and set(rows["tapes"]) == {6}
    reference._rows.cache_clear()
    names = ["static", "pi", "follower-1"]
    arguments = ["study", "strangers", "--governors", *names, "--tapes", "6", "--jobs", "1", "--out", str(out)]
    assert main(arguments) == 0
    scores = {(row["task"], row["governor"]): row for row in records(read_csv(out / "scores.csv"))}
    for task in ("tiny/cartel-v0", "tiny/risk-v0"):
        assert scores[task, RANDOM]["score"] == pytest.approx(0.0, abs=1e-3)
        assert scores[task, TUNED]["score"] == pytest.approx(100.0, abs=1e-3)
        assert scores[task, TUNED]["score_low"] == pytest.approx(100.0, abs=1e-3)  # the difference from itself
    own = scores["tiny/cartel-v0", "static"]
    again = playing.play_job(
        WorldConfig(), playing.Job("tiny/cartel-v0", "", playing.subject_of("static", make_task("tiny/cartel-v0"),
                    make_task("tiny/cartel-v0").config()), 6)
    )  # fmt: skip
    assert own["reward"] == pytest.approx(again["reward"].mean(), rel=1e-3)
    assert own["score"] == pytest.approx(make_task("tiny/cartel-v0").score(own["reward"]), abs=0.05)
    page = (out / "README.md").read_text()
    assert "Left out" in page and "pi in tiny/risk-v0" in page and "scores.png" in page
    assert main(["study", "strangers", "--governors", "nobody", "--out", str(out)]) == 2


def test_of_joined_baselines_those_that_fit_no_focal_seat_are_left_out():
    world = make_task("rivals/quoter-beside-oscillator-v0").config()
    assert study.fitting("pi+inventory_quotes", world) == "inventory_quotes"
    assert study.fitting("pi", world) == "pi" and study.fitting("results/runs/a", world) == "results/runs/a"


def test_learned_governors_are_seated_by_role_and_their_training_seeds_are_the_units():
    task = make_task(CARTEL)
    sources = {"rate_1": "a.json", "risk_0": "b.json"}
    assert playing._focal(sources, task) == {"rate_0": "a.json", "risk_0": "b.json"}
    table = {"member": np.repeat([0, 1], 2), "tape": np.tile([0, 1], 2), "reward": np.array([1.0, 3.0, 5.0, 7.0]),
             "background": np.ones(4), "welfare": np.ones(4)}  # fmt: skip
    upper = {"tape": np.array([0, 1]), "reward": np.array([1.0, 3.0])}
    subject = playing.Subject("x", ((), ()), (0, 1))
    row = study.scored(task, "x", playing.Job(task.name, "", subject, 2), table, upper)
    low, high = ends_of(task)
    assert row["units"] == "training seeds" and row["n"] == 2
    assert row["score"] == pytest.approx(100.0 * (high - low + 2.0) / (high - low))


def test_a_learner_takes_a_batch_of_a_task():
    env = SB3VecEnv(replace(make_task("rivals/quoter-beside-oscillator-v0"), world=TINY).simulator(2, seed=5))
    env.reset()
    for _ in range(2):
        _, rewards, _, infos = env.step(np.full((2, *env.action_space.shape), 0.5, np.float32))
    assert rewards.shape == (2,) and np.isfinite(rewards).all() and len(infos) == 2


# ---------------------------------------------------------------------- governors of the zoo beside a rival


def test_who_learned_on_one_venue_governs_beside_a_rival_as_alone_and_does_not_see_it():
    plain = WorldConfig(size="rivals", episode_hours=24)
    seats = {agent.name: agent for agent in plain.learners()}
    world = Simulator(plain, 3, scenario="jump")
    seeds = np.arange(3, dtype=np.uint64)
    obs = world.reset(seeds=seeds)["risk_1"]
    seated = {name: governor_of(LEARNED, seats[name], plain, any_batch=True) for name in ("risk_1", "spread_0")}
    inside = zoo_policies(LEARNED)["risk_0"]
    own = len(load_policy(inside).features)
    assert len(world.observation_names("risk_1")) == own + 12 == obs.shape[1]
    alone = PolicyGovernor(load_policy(inside).policy, any_batch=True).act_on(obs[:, :own])
    np.testing.assert_array_equal(seated["risk_1"].act(world.view("risk_1")), alone)
    for _ in range(3):  # the rival moves, and is seen a decision late
        step = world.step({agent: np.full((3, 4), 0.7 if agent.endswith("_1") else 0.0) for agent in world.agents})
    assert (step.obs["spread_0"][:, -12:] != obs[:, -12:]).any()
    blind = OwnVenue(step.obs["spread_0"][:, :own], world.observation_names("spread_0")[:own])
    np.testing.assert_array_equal(seated["spread_0"].act(world.view("spread_0")), seated["spread_0"].inner.act(blind))
    with pytest.raises(BadInput, match="policy_rate_0.json: sets base_rate, .* this role sets liquidation_threshold"):
        governor_of(str(zoo_policies(LEARNED)["rate_0"]), seats["risk_1"], plain)
    with pytest.raises(BadInput, match="decides every 6 hours; the world's decision_hours is 12"):
        governor_of(LEARNED, seats["risk_1"], replace(plain, decision_hours=12))


def test_a_task_with_trained_governors_is_another_once_their_files_are(monkeypatch):
    learned, other = make_task("rivals/visitor-beside-learned-v0"), make_task(CARTEL)
    before = learned.digest, other.digest
    monkeypatch.setattr(tasks, "digests_of", lambda sources: ("trained again",) if LEARNED in tuple(sources) else ())
    assert learned.digest != before[0] and other.digest == before[1]
    with pytest.raises(BadInput, match="reference rows of another definition"):
        learned.score(0.0)


def test_the_laboratory_examines_shipped_governors_as_rivals_and_their_placebo_is_nothing():
    world = WorldConfig(size="rivals", episode_hours=24)
    subject = typed_subject([LEARNED, "spread_1=follower-1"], world)
    governors = subject.governors(world, 2)
    assert {seat for seat, own in governors.items() if isinstance(own, Alone)} == set(governors) - {"spread_1"}
    assert len(subject.digests) == 6  # a description and weights of each role
    plan = Plan(np.arange(2, dtype=np.uint64), times=(1,), steps=2)
    control = controls.placebo(Simulator(world, 2, scenario="jump"), governors, plan)
    assert control.passed, control.found
