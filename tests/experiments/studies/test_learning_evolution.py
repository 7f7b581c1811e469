"""Candidates that search: where they start, what they spend, what is saved along their way, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.baselines.tuned import tuned_file
from protogov.agents.policies import PolicyGovernor, load_policy_file
from protogov.agents.tuning.objective import open_tapes
from protogov.agents.tuning.strategy import StrategyBudget, ascend
from protogov.envs.simulator import Simulator
from protogov.envs.sizes import SIZES
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.pieces import HERE, Running, piece_digest
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import runs
from protogov.experiments.studies.learning.candidates import Candidate, find_candidates
from protogov.experiments.studies.learning.runs import Learner, Start, effort, linear_policies, train_learner
from protogov.experiments.studies.tuning.searches import LEVERS, Search, networks_around, search_piece

WEIGHTS = np.array([tuned_file()["linear"]["mix"][name] for name in LEVERS])
START = Start(np.linspace(-0.5, 0.5, 12), WEIGHTS)
SMALL = {"search.pairs": 2, "search.tapes": 1, "search.sigma": 0.02, "search.rate": 0.01}
SPENT = Effort(3, 4, 1, 0.02, 0.01)


def learner(candidate, form="cooperative", size="tiny", hours=3 * 4 * 12.0, seeds=(1,)):
    return Learner(candidate, size, form, "mix", seeds, hours, 4)


def residual(**options):
    return Candidate("x", "", "network", "linear", options={**SMALL, **options})


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Episodes of half a day."""
    for size in ("tiny", "core", "full"):
        monkeypatch.setitem(SIZES, size, replace(SIZES[size], episode_hours=12))


def saved(trained, step=-1):
    """Policies of a seed at a step of its way."""
    return [load_policy_file(path) for path in sorted(trained.way[step][1].glob("policy_*.json"))]


@pytest.mark.parametrize(
    ("size", "form"), [("tiny", "cooperative"), ("tiny", "selfish"), ("core", "joint"), ("full", "joint")]
)
def test_a_residual_climbs_from_the_linear_rule_and_its_files_say_so(size, form, tmp_path):
    own = learner(residual(), form, size)
    (trained,) = train_learner(own, START, tmp_path, HERE)
    config = own.config()
    family = networks_around(config, WEIGHTS)
    paid = list(config.roles) if form == "selfish" else ["welfare"]

    def score(generation, points):
        (tapes,) = open_tapes(config, ["mix"], search_tapes(1, SPENT)[generation], 1)
        return np.array([tapes.play(family, points).totals[name].mean(axis=1) for name in paid])

    owners = tuple(family.sizes.values()) if form == "selfish" else ()
    start = family.start(np.zeros(len(family.levers)))
    way = ascend(start, StrategyBudget(3, 2, 0.02, 0.01), score, seed=1, owners=owners)
    assert [hours for hours, _ in trained.way] == [48.0, 96.0, 144.0]  # 12 hours of 4 points on one tape
    for step, generations in ((-1, 3), (0, 1)):
        point = family.point(saved(trained, step))  # which refuses another rule
        np.testing.assert_array_equal(point, way.average_after(generations).astype(np.float32))
    np.testing.assert_array_equal(way.average_after(3), np.mean(way.means[1:], axis=0))
    if size == "tiny":
        rule = [one.incumbent for one in linear_policies(config, WEIGHTS)]
        assert rule == [one.incumbent for one in saved(trained)]


def test_before_its_first_step_a_residual_is_the_linear_rule_that_is_its_opponent(monkeypatch, tmp_path):
    """A search whose steps are too small to be seen; the rule is played on the states that the rule leads to."""
    still = residual(**{"search.sigma": 1e-9, "search.rate": 1e-12})
    (trained,) = train_learner(learner(still), START, tmp_path, HERE)
    config = learner(still).config()
    opponents = {one.agent: PolicyGovernor(one) for one in linear_policies(config, WEIGHTS)}
    governors = {one.agent: PolicyGovernor(one) for one in saved(trained)}
    world, moved = Simulator(config, 4, scenario="mix"), 0.0
    world.reset(seeds=np.arange(4, dtype=np.uint64))
    for _ in range(world.horizon):
        actions = {agent: one.act(world.view(agent)) for agent, one in opponents.items()}
        for agent, one in governors.items():
            np.testing.assert_allclose(one.act(world.view(agent)), actions[agent], atol=1e-6)
        moved = max(moved, *(float(np.ptp(one, axis=0).max()) for one in actions.values()))
        world.step(actions)
    assert moved > 0.01


def test_a_search_that_is_interrupted_ends_as_it_would_have_and_leaves_nothing_of_an_earlier_row(monkeypatch, tmp_path):
    how, search, played = Running(keep=tmp_path / "pieces"), search_piece, []

    def interrupted(config, job):
        if job.number == 2:
            raise KeyboardInterrupt
        return noted(config, job)

    def noted(config, job):
        played.append(job.number)
        return search(config, job)

    for one in (interrupted, noted):
        one.__module__, one.__qualname__ = search.__module__, search.__qualname__  # kept under the same digest
    own = learner(residual(), seeds=(1, 2))
    earlier = tmp_path / "cut" / "runs" / own.folder / "seed_1" / "way" / "77"
    earlier.mkdir(parents=True)
    monkeypatch.setattr(runs, "search_piece", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_learner(own, START, tmp_path / "cut", how)
    monkeypatch.setattr(runs, "search_piece", noted)
    cut, whole = train_learner(own, START, tmp_path / "cut", how), train_learner(own, START, tmp_path / "whole", HERE)
    assert played == [1, 2, 1, 2] and not earlier.exists()
    for one, other in zip(cut, whole, strict=True):
        assert [hours for hours, _ in one.way] == [hours for hours, _ in other.way]
        for (_, ours), (_, theirs) in zip(one.way, other.way, strict=True):
            files = sorted(path.name for path in ours.iterdir())
            assert [(ours / name).read_bytes() for name in files] == [(theirs / name).read_bytes() for name in files]


def test_kept_searches_are_told_apart_by_all_that_their_numbers_depend_on():
    config, job = learner(residual()).config(), Search("mix", "network", 1, SPENT, (0.0,), rule=(0.1, 0.2))
    others = [replace(job, rule=()), replace(job, rule=(0.1, 0.3)), replace(job, selfish=True)]
    others += [replace(job, effort=replace(SPENT, **{name: value}))
               for name, value in (("rate", 0.02), ("sigma", 0.03), ("tapes", 2), ("population", 6))]  # fmt: skip
    assert len({piece_digest(search_piece, config, one) for one in (job, *others)}) == 1 + len(others)
    with pytest.raises(ValueError, match="a search of the family linear has a rule; it is accepted for network alone"):
        replace(job, kind="linear")


@pytest.mark.parametrize("start", ["defaults", "constants", "linear"])
def test_both_families_start_where_their_row_says(start, monkeypatch, tmp_path):
    jobs = []

    def noted(config, job):
        jobs.append(job)
        return {f"after_{share:g}": np.array(job.start) for share in runs.SHARES}

    monkeypatch.setattr(runs, "search_piece", noted)
    constants = START.constants if start == "constants" else np.zeros(12)
    rule = WEIGHTS if start == "linear" else np.column_stack([constants, np.zeros((12, 3))])
    world, seen = Simulator(learner(residual()).config(), 3, scenario="mix"), []
    world.reset(seeds=np.arange(3, dtype=np.uint64))
    for algorithm in ("network", "linear"):
        (trained,) = train_learner(learner(Candidate("x", "", algorithm, start)), START, tmp_path / algorithm, HERE)
        seen.append([PolicyGovernor(one).act(world.view(one.agent)) for one in saved(trained)])
    expected = [PolicyGovernor(one).act(world.view(one.agent)) for one in linear_policies(world.config, rule)]
    for found in seen:
        np.testing.assert_allclose(np.concatenate(found, 1), np.concatenate(expected, 1), atol=1e-6)
    assert [bool(job.rule) for job in jobs] == [start == "linear", False]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("evolution-residual", Effort(77, 24, 16, 0.05, 0.02)),
        ("evolution-steps", Effort(930, 16, 2, 0.02, 0.01)),  # 1e7 hours / (336 * 16 * 2)
        ("evolution-residual-steps", Effort(930, 16, 2, 0.02, 0.01)),
    ],
)
def test_generations_follow_from_the_market_hours_whatever_a_row_sets(name, expected):
    (candidate,) = find_candidates((name,))
    found = effort(learner(candidate, hours=1e7), 336)
    assert found == expected and found.pairs.pairs * 2 == found.population and found.pairs.rate == expected.rate
    hours = 336 * found.episodes
    assert 0 <= 1e7 - hours < hours / found.generations
    search_tapes(max(range(1, 240)), found)  # no more tapes than there are


@pytest.mark.parametrize(
    ("algorithm", "options", "words"),
    [
        ("network", {"search.pairs": 1}, "search.pairs to 1; a whole number of at least 2 is accepted"),
        ("network", {"search.tapes": 1.5}, "search.tapes to 1.5; a whole number of at least 1"),
        ("network", {"search.sigma": 0.0}, "search.sigma to 0.0; a finite number above 0"),
        ("network", {"search.rate": float("nan")}, "search.rate to nan; a finite number above 0"),
        ("network", {"search.rate": True}, "search.rate to True; a finite number above 0"),
        ("network", {"search.generations": 5}, "search.generations; options of world are accepted, and search.pairs,"),
        ("network", {"search.tapes.more": 5}, "search.tapes.more; options of world"),
        ("linear", {"search.rate": 0.1}, "search.rate; options of world are accepted, and search.tapes, search.sigma"),
        ("gradient", {"search.sigma": 0.1}, "search.sigma; options of world are accepted, and those of ppo"),
        ("network", {"world.observe": ("chain",)}, "which are not observed"),
    ],
)
def test_options_that_a_search_has_not_are_refused(algorithm, options, words, tmp_path):
    candidate = Candidate("x", "", algorithm, "linear", options=options)
    with pytest.raises(BadInput, match=words):
        train_learner(learner(candidate), START, tmp_path, HERE)
