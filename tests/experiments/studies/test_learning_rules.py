"""The rules of the study: who is selected, what is refused, results of the planned tests where the truth is known."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.tuning.networks import Networks
from protogov.agents.tuning.objective import open_tapes
from protogov.agents.tuning.strategy import StrategyBudget, ascend
from protogov.envs.scenarios import get_scenario
from protogov.envs.scenarios.mixture import Mixture
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.fresh_tapes import Effort, search_tapes
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.play import open_worlds
from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import analysis, final, opponents, preregistration, study
from protogov.experiments.studies.learning.analysis import captured, columns_of, confirmatory, differences, verdict
from protogov.experiments.studies.learning.candidates import CANDIDATES, Candidate, find_candidates
from protogov.experiments.studies.learning.options import FINAL, SCREENING, Options
from protogov.experiments.studies.learning.pages import readable, sentences
from protogov.experiments.studies.learning.played import Played, part_names
from protogov.experiments.studies.learning.preregistration import PLAN, Plan
from protogov.experiments.studies.learning.runs import Learner, Start, effort, forms_of, train_learner, train_options
from protogov.experiments.studies.learning.screening import choose
from protogov.experiments.studies.tuning.searches import Search, search_piece
from protogov.experiments.studies.tuning.study import actions_of
from protogov.experiments.training import open_test

PAGE = study.PAGE


def row(candidate, gain, feedback=1.0, **changed):
    plain = {"size": "full", "candidate": candidate, "algorithm": "gradient", "reference": False, "failed": "",
             "gain": gain, "feedback": feedback}  # fmt: skip
    return plain | changed


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        # the second is .9 bp behind: within the smallest effect of interest
        ([row("ppo", 3.0), row("mappo", 3.9), row("compact", 2.8)], ["mappo", "ppo"]),
        # the second is 1.1 bp behind
        ([row("ppo", 2.8), row("mappo", 3.9)], ["mappo"]),
        # the best by score has no feedback: it found better constants
        ([row("ppo", 9.0, -0.1), row("mappo", 2.0)], ["mappo"]),
        # nobody has feedback, so that all are ranked
        ([row("ppo", 2.0, -0.1), row("mappo", 4.0, -0.2)], ["mappo"]),
        # references, those that broke off and other sizes do not count
        ([row("linear", 9.0, reference=True, algorithm="linear"), row("ppo", 8.0, failed="seed 1: diverged"),
          row("mappo", 7.0, size="core"), row("compact", 1.0)], ["compact"]),
        # evolution is selected like all others
        ([row("evolution", 9.0, algorithm="network"), row("ppo", 1.0), row("mappo", 2.0)], ["evolution"]),
        # equal scores go by the order of the table
        ([row("mappo", 2.0), row("ppo", 2.0), row("ppo-long", 2.0)], ["ppo", "ppo-long"]),
        ([row("ppo", 1.0, failed="seed 2: diverged")], []),
    ],
)  # fmt: skip
def test_who_is_selected(rows, chosen):
    assert choose(rows, "full")[0] == chosen


def effects(rng, mean, of_seeds=0.5, of_tapes=10.0, seeds=12, tapes=200):
    """Paired differences of learners that vary with seed and with tape."""
    return mean + rng.normal(0.0, of_seeds, (seeds, 1)) + rng.normal(0.0, of_tapes, (1, tapes))


# errors of the mean over tapes and over seeds: mostly tapes, the same, mostly seeds
@pytest.mark.parametrize(("of_seeds", "of_tapes"), [(0.5, 10.0), (2.0, 8.0), (3.0, 1.0)])
def test_what_is_there_is_found_as_often_as_its_size_says_and_nothing_at_the_level(of_seeds, of_tapes):
    rng = np.random.default_rng(0)
    size = np.mean([analysis.tested(effects(rng, 0.0, of_seeds, of_tapes)).detectable for _ in range(5)])
    found = np.mean([analysis.tested(effects(rng, size, of_seeds, of_tapes)).p <= 0.05 for _ in range(200)])
    assert 0.68 < found < 0.92
    nothing = np.mean([analysis.tested(effects(rng, 0.0, of_seeds, of_tapes)).p <= 0.05 for _ in range(400)])
    assert nothing < 0.085  # .05 and three standard errors; the larger p of two samples would give .12 where both count


def test_a_lucky_seed_does_not_make_a_difference_over_tapes_one_of_seeds():
    rng = np.random.default_rng(1)
    pairs = np.zeros((12, 400)) + rng.normal(0.0, 0.1, (12, 400))
    pairs[0] += 60.0  # one seed of twelve
    found = analysis.tested(pairs)
    assert found.tapes.low > 4.0 and found.seeds.low < 0.0 and found.both.low < 0.0
    assert found.p > 0.05 and verdict(found, found.p, directed=True) == "undecided"


def test_a_tie_is_claimed_only_within_the_margin():
    rng = np.random.default_rng(2)
    close = 0.1 + rng.normal(0.0, 0.3, (12, 1)) + rng.normal(0.0, 1.0, (1, 400))
    assert verdict(analysis.tested(close), 0.3, directed=True) == "tie"
    wide = rng.normal(0.0, 4.0, (12, 1)) + rng.normal(0.0, 10.0, (1, 400))
    assert verdict(analysis.tested(wide), 0.3, directed=True) == "undecided"
    assert verdict(analysis.tested(close), float("nan"), directed=True) == "not tested"
    assert verdict(analysis.tested(-close - 5.0), 0.01, directed=False) == "lower"
    # a directed claim of which the contrary is seen
    assert verdict(analysis.tested(-close - 5.0), 1.0, directed=True) == "not better; interval below zero"
    slightly = -0.5 + rng.normal(0.0, 0.1, (12, 1)) + rng.normal(0.0, 0.5, (1, 400))
    assert verdict(analysis.tested(slightly), 1.0, directed=True) == "tie; interval below zero"
    assert verdict(analysis.tested(-close - 5.0), 1.0, directed=False) == "undecided"


def test_where_seeds_are_alike_the_test_is_that_of_the_tapes():
    values = np.array([-0.2, 0.1, 0.3, 0.0, 0.4])
    found = analysis.tested(np.tile(values, (4, 1)))
    alone = student_t(values)
    assert (found.both.low, found.both.high, found.both.n) == pytest.approx((alone.low, alone.high, alone.n))
    assert found.p == pytest.approx(alone.p)
    assert found.tie == pytest.approx(max(student_t(values + 1.0).p, student_t(1.0 - values).p))
    one = analysis.tested(values[None, :])
    assert np.isnan(one.p) and np.isnan(one.detectable) and one.both.mean == pytest.approx(0.12)


def suites_of(levels, seeds=6, tapes=60):
    """Suites of learners and opponents at these mean levels, with tapes and seeds in common."""
    rng, found = np.random.default_rng(3), {}
    luck = {suite: rng.normal(0.0, 20.0, tapes) for suite in ("natural", "mix")}
    for (suite, name), level in levels.items():
        learned = not name.startswith(("tuned", "linear", "selfish c"))
        shape = (seeds if learned else 1, 1)
        welfare = luck[suite] + level + rng.normal(0.0, 0.3, shape) * learned + rng.normal(0.0, 1.0, (shape[0], tapes))
        found.setdefault(suite, {})[name] = {"W": welfare}
    return {suite: Played(suite, 2, np.full(tapes, suite), sets) for suite, sets in found.items()}


def family_of(levels):
    """Tests of both markets, each of which was measured on another machine."""
    kept = [json.dumps(differences(one, "ppo")) for one in suites_of(levels).values()]
    return confirmatory([row for part in kept for row in json.loads(part)], "ppo")


def test_the_family_finds_what_is_true_and_nothing_else():
    levels = {}
    for market in ("natural", "mix"):
        levels |= {(market, f"tuned constants on {market}"): 0.0, (market, f"linear rule on {market}"): 2.0,
                   (market, f"selfish constants on {market}"): -4.0, (market, f"ppo cooperative on {market}"): 2.0,
                   (market, f"ppo joint on {market}"): 5.0, (market, f"ppo selfish on {market}"): -6.0}  # fmt: skip
    rows = family_of(levels)
    assert len(rows) == 12
    said = {(row["hypothesis"], row["learner"].split()[1], row["against"].split(" on ")[0]): row["verdict"]
            for row in rows if row["suite"] == "natural"}  # fmt: skip
    assert said["H1", "cooperative", "tuned constants"] == "better"
    assert said["H1", "cooperative", "linear rule"] in ("tie", "undecided")  # no difference
    assert said["H1", "joint", "linear rule"] == said["H1", "joint", "tuned constants"] == "better"
    # worse: the claim is one-sided, so that nothing is found; the interval is described
    assert said["H2", "selfish", "selfish constants"] == "not better; interval below zero"
    assert said["H3", "selfish", "ppo cooperative"] == "lower"
    assert all(row["adjusted"] >= row["p"] for row in rows)
    # the family sets the level of what could be found
    (one,) = (suite for name, suite in suites_of(levels).items() if name == "mix")
    for row in rows[6:]:
        pairs, directed = one.difference(row["learner"], row["against"]), row["hypothesis"] != "H3"
        alone = columns_of(analysis.tested(pairs, directed=directed, level=0.05 / 12))
        assert {name: row[name] for name in alone} == alone
    # a learner that was not trained has no test, and the family is smaller
    few = {key: level for key, level in levels.items() if "joint" not in key[1]}
    assert len(family_of(few)) == 8


def test_captured_room_is_a_ratio_of_means_with_an_interval_and_none_without_room():
    rng = np.random.default_rng(4)
    room = 10.0 + rng.normal(0.0, 3.0, 200)
    found = captured(0.5 * room, room)
    assert found.mean == pytest.approx(0.5) and found.high - found.low < 1e-9
    noisy = captured(0.5 * room + rng.normal(0.0, 2.0, 200), room)
    assert noisy.low < 0.5 < noisy.high
    assert np.isnan(captured(room, rng.normal(0.0, 3.0, 200)).mean)


# ---------------------------------------------------------------------- the registration and the seal


def stage(folder, facts=None, **changed):
    """A folder of a stage as a study leaves it."""
    folder.mkdir(parents=True)
    own = {"preregistration": preregistration.digest(), "reduced": Options().reduced(), **(facts or {})}
    about = {"command": "", "made": "", "versions": {}, "tables": {}, "study": "learning",
             "physics": study.source_digest(), "facts": {folder.name: own}, **changed}  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(about))


def test_nothing_is_measured_without_registration_or_under_another_one(tmp_path, monkeypatch):
    options = Options(out=tmp_path, stage=(SCREENING,))
    with pytest.raises(BadInput, match=r"preregistration.md is missing; write it first"):
        next(study.measure(options, Running()))
    study.register(tmp_path)
    with pytest.raises(BadInput, match=r"opponents: is missing; run it first"):
        next(study.measure(options, Running()))
    stage(tmp_path / "opponents")
    assert study.stored(tmp_path, "opponents", Options()).facts["reduced"] == []
    monkeypatch.setattr(preregistration, "PLAN", Plan(smallest_effect=0.5))
    with pytest.raises(BadInput, match="nothing is scored under a changed registration"):
        next(study.measure(options, Running()))
    with pytest.raises(BadInput, match="was made under another registration"):
        study.register(tmp_path)  # what was made cannot be registered away
    with pytest.raises(BadInput, match="was made under another registration"):
        study.stored(tmp_path, "opponents", Options())


def test_a_stage_of_other_sizes_or_of_another_world_is_not_read(tmp_path):
    stage(tmp_path / "opponents", physics="0")
    with pytest.raises(BadInput, match="was made in another world"):
        study.stored(tmp_path, "opponents", Options())
    stage(tmp_path / "screening", {"reduced": ["seeds 2 instead of 12"]})
    with pytest.raises(BadInput, match="was made with seeds 2 instead of 12"):
        study.stored(tmp_path, "screening", Options())


def test_after_the_test_was_opened_nothing_is_trained(tmp_path, monkeypatch):
    (tmp_path / "openings.json").write_text('{"openings": [{"when": "now", "command": "protogov evaluate"}]}')
    monkeypatch.setattr(open_test, "default_folder", lambda: tmp_path)
    study.register(tmp_path)
    for name in study.TRAINS:
        with pytest.raises(BadInput, match=r"was opened on now \(protogov evaluate\); nothing is trained after it"):
            next(study.measure(Options(out=tmp_path, stage=(name,)), Running()))


def test_a_reduced_study_does_not_open_the_test(tmp_path, monkeypatch):
    monkeypatch.setattr(open_test, "default_folder", lambda: tmp_path)
    with pytest.raises(BadInput, match=r"registered study alone; here seeds 3 instead of 12"):
        final.measure(Options(out=tmp_path, seeds=3), Running(), None, ["ppo"])
    assert not list(tmp_path.iterdir())


def test_the_committed_page_is_what_the_code_registers():
    page = study.Path(__file__).resolve().parents[3] / "results" / "learning" / PAGE
    assert page.read_text() == preregistration.render()
    assert Options().reduced() == [] and len(Options(seeds=3, tapes=8).reduced()) == 2


def test_k0_is_that_of_the_default_world():
    world = open_worlds(Learner(CANDIDATES[2], "full", "cooperative", "jump", (1,), 1.0, 1).config(), "flat",
                        np.arange(1, dtype=np.uint64))  # fmt: skip
    assert world.worlds["venues"]["opening_value"][0, 0] == pytest.approx(PLAN.k0, rel=1e-3)


def test_a_reduced_stage_claims_nothing():
    tests = {name: np.array([value]) for name, value in {
        "hypothesis": "H1", "learner": "ppo joint on mix", "against": "linear rule on mix", "suite": "mix",
        "difference": 2.0, "difference_low": 1.0, "difference_high": 3.0, "over_seeds_low": 1.0, "over_seeds_high": 3.0,
        "adjusted": 0.01, "verdict": "better", "detectable": 0.4}.items()}  # fmt: skip
    for reduced in ([], ["seeds 2 instead of 12"]):
        said = sentences("evaluation", Found({"tests": tests}, {"reduced": reduced}))
        assert ("better" in " ".join(said)) == ("The aim" in " ".join(said)) == (not reduced)
        assert said[0].startswith("Reduced run, not the registered study (seeds 2") == bool(reduced)
        page = "\n".join(study.pages.page("evaluation", Found({"tests": tests}, {"reduced": reduced})))
        assert ("verdict" in page) == ("## The aim" in page) == (not reduced)
    assert FINAL == "final" and analysis.FORMS == ("cooperative", "joint", "selfish")


# ---------------------------------------------------------------------- candidates


START = Start(np.linspace(-0.5, 0.5, 12), np.zeros((12, 4)))


@pytest.mark.parametrize(
    "candidate", [one for one in CANDIDATES if one.algorithm == "gradient"], ids=lambda one: one.name
)
def test_every_row_of_the_table_can_be_trained(candidate, tmp_path):
    learner = Learner(candidate, "tiny", "cooperative", "mix", (1, 2), 1e5, 16)
    chosen = train_options(learner, START, tmp_path / "run")
    assert (chosen.scenario, chosen.seeds, chosen.worlds, chosen.world.cooperation) == ("mix", (1, 2), 16, 1.0)
    assert chosen.ppo.keep_checkpoints == 0
    for name, value in candidate.options.items():
        section, _, field = name.rpartition(".")
        assert getattr(getattr(chosen, section) if section else chosen, field) == value


def test_a_row_may_set_any_option_of_train_and_no_other(tmp_path):
    row = Candidate("x", "", options={"tensorboard": True})
    chosen = train_options(Learner(row, "tiny", "selfish", "mix", (1,), 1.0, 4), START, tmp_path)
    assert chosen.tensorboard and chosen.world.cooperation == 0.0
    for options, words in (({"ppo.magic": 1}, "magic"), ({"ppo.gamma": 2.0}, "gamma is 2.0"), ({"magic": 1}, "magic")):
        learner = Learner(Candidate("x", "", options=options), "tiny", "joint", "mix", (1,), 1.0, 4)
        with pytest.raises(BadInput, match=f"candidate x cannot be trained: .*{words}"):
            train_options(learner, START, tmp_path)
    for algorithm, name, words in (
        ("gradient", "scenario", "sets scenario; options of world"), ("gradient", "learner.rate", "sets learner.rate"),
        ("gradient", "validation", "none may learn from it"), ("gradient", "validation.every", "none may learn from"),
        ("network", "ppo.gamma", "sets ppo.gamma; options of world"),
    ):  # fmt: skip
        learner = Learner(Candidate("x", "", algorithm, options={name: 1}), "tiny", "cooperative", "mix", (1,), 1.0, 4)
        with pytest.raises(BadInput, match=words):  # each would be ignored, or decide on what it is scored on
            train_learner(learner, START, tmp_path, Running())
    recurrent = Candidate("x", "", start="linear", options={"ppo.architecture": "recurrent"})
    with pytest.raises(BadInput, match="the architecture mlp of"):
        train_options(Learner(recurrent, "tiny", "joint", "mix", (1,), 1.0, 4), START, tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("evolution", (77, 24, 16, 0.05)), ("linear", (19, 24, 64, 0.12))],  # 1e7 hours / (336 * 24 * tapes)
)
def test_evolution_has_the_hours_of_the_others_and_generations_of_the_tuner(name, expected):
    (candidate,) = find_candidates((name,))
    found = effort(Learner(candidate, "core", "cooperative", "mix", (1,), 1e7, 512), 336)
    assert (found.generations, found.population, found.tapes, found.sigma) == expected


def test_a_selfish_search_has_every_governor_climb_its_own_mandate():
    config, spent = WorldOptions(size="tiny").make(), Effort(2, 4, 2, 0.05)
    family = Networks(config)
    point = family.start(np.zeros(len(family.levers)))
    job = Search("jump", "network", 1, spent, tuple(point.tolist()))
    own, welfare = (search_piece(config, replace(job, selfish=selfish)) for selfish in (True, False))

    def mandates(generation, points):
        (tapes,) = open_tapes(config, ["jump"], search_tapes(1, spent)[generation * 2], 2)
        totals = tapes.play(family, points).totals
        return np.array([totals[name].mean(axis=1) for name in config.roles])

    expected = ascend(point, StrategyBudget(2, 2, 0.05), mandates, seed=1, owners=tuple(family.sizes.values()))
    np.testing.assert_array_equal(own["last"], expected.last)
    assert not np.array_equal(own["last"], welfare["last"])


def test_no_row_may_see_a_crisis_that_is_left_out():
    """Whatever else a row learns on must hold no recorded crisis: a training without one crisis keeps these options."""
    for row in CANDIDATES:
        for stage in row.options.get("curriculum", ()):
            scenario = get_scenario(stage.partition("=")[0])
            assert not isinstance(scenario, Mixture) and "crisis" not in scenario.name, row.name


def test_names_and_forms_are_checked():
    assert [one.name for one in find_candidates(("ppo", "linear"))] == ["linear", "ppo"]
    with pytest.raises(BadInput, match="candidates holds 'magic'"):
        find_candidates(("magic",))
    evolution = next(one for one in CANDIDATES if one.name == "evolution")
    (linear,) = find_candidates(("linear",))
    assert forms_of(evolution, ("cooperative", "joint", "selfish")) == ("cooperative", "joint", "selfish")
    assert forms_of(linear, ("cooperative", "joint", "selfish")) == ("cooperative", "joint")
    refused = {"out is missing": {"out": None}, "tapes is 1": {"tapes": 1}, "hours is 0": {"hours": 0.0},
               "size holds 'rivals'": {"size": ("rivals",)}, "members holds": {"members": ("w99",)}}  # fmt: skip
    for words, changed in refused.items():
        with pytest.raises(BadInput, match=words):
            replace(Options(out=study.Path("x")), **changed).check()


# ---------------------------------------------------------------------- opponents


def test_best_responses_find_each_role_s_own_optimum_where_roles_do_not_meet(monkeypatch):
    """A stand-in for tapes, where a role's mandate is the distance of its own levers from its target."""
    config = WorldOptions(size="tiny").make()
    targets = {role.name: 0.3 * (at - 1) for at, role in enumerate(config.roles.values())}
    first = []

    class Tapes:
        def play(self, family, points, others):
            assert others.shape == (NUM_LEVERS,)
            totals = {
                name: -((points - target) ** 2).sum(axis=1, keepdims=True) - 5.0 * (others**2).sum()
                for name, target in targets.items()
            }
            return SimpleNamespace(totals=totals)

    def open_tapes(config, scenarios, start, count):
        first.append(start)
        return (Tapes(),)

    monkeypatch.setattr(opponents, "open_tapes", open_tapes)
    found = opponents.rounds_piece(config, opponents.Rounds("flat", 60, 2, 25, 12, 2))
    actions = actions_of(found["value"])
    for role in config.roles.values():
        own = [found["lever"].tolist().index(name) for name in role.levers]
        np.testing.assert_allclose(actions[own], targets[role.name], atol=0.06)
    assert found["moved"].max() < 0.1  # the second round begins where the first one ended
    assert len(first) == len(set(first)) == 2 * len(config.roles) * 25  # every generation has fresh tapes


# ---------------------------------------------------------------------- markets


def test_a_tape_of_a_mixture_is_named_by_the_part_that_drew_it():
    config = Learner(CANDIDATES[2], "tiny", "cooperative", "mix", (1,), 1.0, 1).config()
    seeds = np.arange(2**40, 2**40 + 12, dtype=np.uint64)
    world = open_worlds(config, "mix", seeds)
    names = part_names({"scenario": np.full(12, "mix"), "tape_seed": seeds})
    keys = np.array(world.worlds["seed"])
    for at, name in enumerate(names):
        part = next(one for one in get_scenario("mix").parts if one.name == name)
        own = part.draw(keys[at : at + 1], config.episode_hours)
        np.testing.assert_array_equal(own["close"][0], world.tape["close"][at])


def test_a_mixture_can_do_without_a_part():
    mix, less = get_scenario("mix"), get_scenario("mix-without-crisis-2022-06")
    assert [part.name for part in less.parts] == [part.name for part in mix.parts if part.name != "crisis-2022-06"]
    kept = mix.shares[[part.name != "crisis-2022-06" for part in mix.parts]]
    np.testing.assert_allclose(less.shares, kept / kept.sum())
    assert less.split == "train" and less.salt != mix.salt
    for name, words in (("mix-without-summer", "has no part 'summer'"), ("jump-without-jump", "is not known")):
        with pytest.raises(ValueError, match=words):
            get_scenario(name)


def test_a_number_and_its_interval_are_one_cell_of_a_page():
    table = {"size": np.array(["full"]), "gain": np.array([2.0]), "gain_low": np.array([1.0]),
             "gain_high": np.array([3.0]), "over_seeds_low": np.array([-1.0]), "over_seeds_high": np.array([5.0]),
             "tapes": np.array([8])}  # fmt: skip
    assert readable(table) == [
        "| size | gain (95%) | over seeds (95%) | tapes |", "| --- | --- | --- | --- |",
        "| full | +2.00 [+1.00, +3.00] | [−1.00, +5.00] | 8 |",
    ]  # fmt: skip


def test_counts_of_tapes_and_seeds_are_not_read_as_means_of_their_intervals():
    found = {"seeds": 3, "tapes": 5, **columns_of(analysis.tested(np.arange(15.0).reshape(3, 5)))}
    head, _, row = readable(columns([found]))
    cells = dict(zip(head.split(" | "), row.split(" | "), strict=True))
    assert (cells["| seeds"], cells["tapes"]) == ("| 3", "5")
    assert cells["over tapes (95%)"] == "[+5.04, +8.96]"  # 7 -+ 2.776 * sqrt(2.5 / 5)
