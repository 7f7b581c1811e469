"""What stands beside the tests of the study of learning, where the truth is known, and pages of registered size."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.envs.scenarios.sealed import sealed_names
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.governors import NO_SEED, STATIC, GovernorSet, baseline
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, LONGEST, write_figure
from protogov.experiments.core.statistics import Interval, lowest_mean, student_t
from protogov.experiments.core.study import Found, conclude, redraw
from protogov.experiments.core.tables import columns, num_rows, records
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.learning import aim, analysis, drawing, ensemble, evaluation, final, screening, study
from protogov.experiments.studies.learning.analysis import effect, over_box, registered, who_bears
from protogov.experiments.studies.learning.candidates import CANDIDATES
from protogov.experiments.studies.learning.describing import COMMITTED, TUNED, Description, Grid
from protogov.experiments.studies.learning.kept import Unit
from protogov.experiments.studies.learning.kept_suites import SuitePlace
from protogov.experiments.studies.learning.opponents import tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.played import GROUPS, Played, gather
from protogov.experiments.studies.learning.playing import (
    MARKETS,
    Match,
    Tapes,
    controls_of,
    part_of,
    play_part,
    suites,
    world_of,
)
from protogov.experiments.studies.learning.runs import Learner, Trained
from protogov.experiments.studies.learning.tails import resampled_shortfall, shortfall_difference, tape_counts

ALONE = ("adaptive_curve", "inventory_quotes", "mainnet", "pi", "slope2_escalator", "slope2_oracle", "steward_var")
TUNED_GAINS = (*ALONE[:2], *ALONE[3:5], ALONE[6], "pi+steward_var+inventory_quotes")
CONTROLLERS = [*ALONE, *(f"{tuned}+{name}" for tuned in ("tuned", "tuned-mix") for name in ALONE),
               *(f"tuned gains of {name} on {market}" for name in TUNED_GAINS for market in MARKETS)]  # fmt: skip
SCENARIOS = {
    "natural": ["calm + drift", "regimes + drift", "self-exciting + drift", "jump + drift", "crisis-2021-05",
                "crisis-2022-05", "crisis-2022-06", "crisis-2022-11", "crisis-2025-02"],
    "mix": ["regimes", "jump", "self-exciting", "crisis-2021-05", "crisis-2022-05", "crisis-2022-06", "crisis-2022-11",
            "crisis-2025-02"],
    "validation": ["crash-heldout", "crisis-2020-03", "crisis-2023-03", "crisis-2024-08", "crisis-2025-10"],
}  # fmt: skip


def sets(**own):
    """W of sets of governors as a suite, with nothing at stake for the weights or for people."""
    first = next(iter(own.values()))
    tapes = first.shape[1]
    found = {}
    for name, values in own.items():
        plain = np.zeros_like(values)
        found[name] = {"W": values, "rest": values, "losses": plain, "taken": plain, "price_drawdown": plain,
                       "price_change": plain, **{f"bears/{group}": plain for group in GROUPS}}  # fmt: skip
    return Played("natural", 2, np.full(tapes, "calm"), found)


def learners(names):
    """Seeds of learners of the registered study."""
    by_name = {one.name: one for one in CANDIDATES}
    found = []
    for at, name in enumerate(names):
        for market in MARKETS:
            for form in ("cooperative", "joint", "selfish")[: 3 if at == 0 else 1]:
                learner = Learner(by_name[name], "full", form, market, tuple(range(100, 112)), 1e7, 512)
                found.append([Trained(learner, seed, ()) for seed in learner.seeds])
    return found


def rivals():
    names = [STATIC, *(tuned_on(name, market) for name in TUNED for market in MARKETS)]
    names += [*CONTROLLERS, *(name for pair in COMMITTED.values() for name in pair)]
    return [GovernorSet(name, NO_SEED, {}) for name in names]


def fake(tapes, trained, tapes_each=40, better=3.0, controls=True):
    """A suite at which learners are better than all others by so many bp."""
    rng = np.random.default_rng(len(tapes.name))
    names = SCENARIOS.get(tapes.name.removesuffix("-12w"), list(tapes.scenarios))
    parts = np.repeat(names, tapes_each // len(names) + 1)[:tapes_each]
    luck, found = 20.0 + rng.normal(0.0, 30.0, tapes_each), {}
    fall = rng.uniform(-0.3, 0.0, (1, tapes_each))

    def put(name, seeds, level):
        values = {"W": luck + level + rng.normal(0.0, 0.5, (seeds, 1)) + rng.normal(0.0, 2.0, (seeds, tapes_each))}
        for part in ("rest", "losses", "taken", *(f"bears/{group}" for group in GROUPS)):
            values[part] = rng.normal(-12.3, 9.8, (seeds, tapes_each))
        values["bears/stayed"] += 35.0 * name.startswith("ppo ")  # the first candidate
        values["rest"] = values["W"] + 3.0 * values["losses"] + 0.5 * values["taken"]
        values["price_drawdown"] = values["price_change"] = np.tile(fall, (seeds, 1))
        found[name] = values

    for one in rivals():
        put(one.name, 1, 0.0)
    for of in trained:
        name = of[0].learner.name
        put(name, len(of), better)
        for control in controls_of(name) if controls else ():
            put(control, len(of), 0.1)
    return Played(tapes.name, 2 * tapes.times, parts, found)


# ---------------------------------------------------------------------- intervals over tapes and seeds


def test_every_interval_beside_a_test_counts_the_luck_of_seeds():
    """Seeds differ by 3 bp, tapes hardly: over tapes alone all would be clear of zero."""
    rng = np.random.default_rng(0)
    learner, against = "ppo cooperative on natural", "tuned constants on natural"
    own = 0.5 + rng.normal(0.0, 3.0, (12, 1)) + rng.normal(0.0, 0.2, (12, 300))
    played = sets(**{learner: own, against: np.zeros((1, 300))})
    for values in played.sets[learner], played.sets[against]:
        values.update({f"bears/{name}": values["W"] for name in GROUPS})
    (pair,) = registered("ppo", "natural", played.sets)
    assert student_t(own.mean(axis=0)).excludes_zero
    points = over_box(played, learner, against)
    assert len(points) == 12 and not any(one.excludes_zero for one in points)
    row = effect(played, pair)
    assert row["box_clear"] == 0 and row["difference_low"] < 0.0 < row["difference_high"]
    assert row["over_tapes_low"] > 0.0 or row["over_tapes_high"] < 0.0
    bears = who_bears(played, learner, against)
    assert len(bears) == len(GROUPS) and not any(one.excludes_zero for one in bears.values())
    description = Description(learners(["ppo"])[:1], rivals())
    description.add(played)
    scenario, crash = records(description.tables()["scenarios"])
    assert scenario[f"{learner}_low"] < 0.0 < scenario[f"{learner}_high"] and crash["scenario"] == "without a crash"


def test_the_box_is_clear_only_on_the_side_of_the_difference():
    """W gains 2 at the usual weights, and loses where losses weigh five times."""
    shape = (12, 200)
    noise = np.random.default_rng(1).normal(0.0, 0.1, shape)
    learner, against = "ppo joint on mix", "linear rule on mix"
    played = sets(**{learner: 2.0 + noise, against: np.zeros((1, 200))})
    cells = played.sets[learner]
    cells["losses"], cells["taken"] = np.full(shape, 1.5), np.zeros(shape)
    cells["rest"] = cells["W"] + 3.0 * cells["losses"]
    (pair,) = registered("ppo", "mix", played.sets)
    row = effect(played, pair)
    assert (row["box_clear"], row["box_points"]) == (9, 12)  # -1 at lambda 5, at each of three kappas
    cells["losses"] = np.full(shape, 0.5)
    cells["rest"] = cells["W"] + 3.0 * cells["losses"]
    assert effect(played, pair)["box_clear"] == 12


def test_a_group_without_members_on_a_tape_leaves_that_tape_out():
    learner, against = "ppo cooperative on natural", "tuned constants on natural"
    played = sets(**{learner: np.ones((3, 50)), against: np.zeros((1, 50))})
    column = np.full((3, 50), 4.0)
    column[1, :10] = np.nan  # with one seed of three
    played.sets[learner]["bears/first_out"] = column
    played.sets[learner]["bears/stayed"] = np.full((3, 50), np.nan)
    found = who_bears(played, learner, against)
    assert found["Suppliers who were out first: gain"].mean == 4.0
    assert "Suppliers who stayed or left later: gain" not in found


# ---------------------------------------------------------------------- expected shortfall


def test_a_resampled_shortfall_is_that_of_the_resampled_tapes():
    values = np.random.default_rng(2).normal(0.0, 5.0, (3, 90))
    counts = tape_counts(90)[:20]
    found = resampled_shortfall(values, counts)
    for draw in range(20):
        expected = lowest_mean(np.repeat(values, counts[draw], axis=1))
        np.testing.assert_allclose(found[:, draw], expected)
    # a tail that lies beyond the lowest values looked at first
    few = np.zeros((1, 400), np.int64)
    few[0, -1] = 400
    rising = np.arange(400.0)[None, :]
    assert resampled_shortfall(rising, few)[0, 0] == 399.0


def shifted(rng, tail, seeds=0.5):
    """A learner whose lowest twentieth of tapes is so much better; its seeds differ."""
    luck = rng.normal(0.0, 20.0, 600)
    low = luck <= np.quantile(luck, 0.06)
    own = luck + tail * low + rng.normal(0.0, seeds, (12, 1)) + rng.normal(0.0, 1.0, (12, 600))
    return sets(own=own, other=luck[None, :])


def test_expected_shortfall_finds_a_known_shift_and_nothing_where_there_is_none():
    rng = np.random.default_rng(3)
    found = shifted(rng, 3.0).shortfall("own", "other")
    assert found.low > 0.0 and found.low < 3.0 < found.high + 1.0
    covered = [shifted(rng, 0.0, seeds).shortfall("own", "other") for seeds in (0.5,) * 12]
    assert sum(one.low <= 0.0 <= one.high for one in covered) >= 10  # of 12; fewer has a chance of .02 at 95%
    # the luck of seeds makes it wider
    wide, narrow = (np.mean([shifted(rng, 0.0, seeds).shortfall("own", "other").half_width for _ in range(2)])
                    for seeds in (4.0, 0.1))  # fmt: skip
    assert wide > 2.0 * narrow


def test_two_learners_are_paired_by_seed_in_expected_shortfall():
    rng = np.random.default_rng(4)
    luck = rng.normal(0.0, 20.0, (12, 300)) + rng.normal(0.0, 10.0, (12, 1))
    counts = tape_counts(300)
    own, other = luck + 1.0, luck
    found = shortfall_difference(own, other, resampled_shortfall(own, counts), resampled_shortfall(other, counts))
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


# ---------------------------------------------------------------------- pieces as arrays


def piece(name, seed, times=1):
    tapes = 4
    rng = np.random.default_rng(abs(seed))
    order = rng.permutation(tapes)
    table = {"governors": np.full(tapes, name), "training_seed": np.full(tapes, seed),
             "scenario": np.array(["b", "a"] * 2), "tape_seed": np.arange(tapes, dtype=np.uint64)}  # fmt: skip
    level = 100.0 * (table["scenario"] == "b") + table["tape_seed"]
    table |= {f"welfare/0/{part}": np.zeros(tapes) for part in PARTS}
    table |= {"welfare/0": times * (level + 1000.0 * seed), "welfare/0/borrowers": times * level}
    table |= {f"loss/0/{part}": times * np.ones(tapes) for part in ("haircuts", "deficit", "latent", "liquidation")}
    table |= {f"bears/0/{group}": level for group in GROUPS}
    table |= {"price_drawdown": -0.1 * level, "price_change": level}
    return {key: values[order] for key, values in table.items()}


def test_pieces_in_any_order_become_pairs_and_money_is_per_fortnight(monkeypatch):
    monkeypatch.setattr("protogov.experiments.studies.learning.played.get_scenario", lambda name: None)
    for times in (1, 6):
        tapes = Tapes("x", ("b", "a"), 2, 0, times)
        played = gather([piece("one", 7, times), piece("none", NO_SEED, times), piece("one", 5, times)], tapes)
        assert played.weeks == 2 * times and played.parts.tolist() == ["a", "a", "b", "b"]
        level = np.array([1.0, 3.0, 100.0, 102.0])
        np.testing.assert_array_equal(played.of("one"), level + [[5000.0], [7000.0]])
        np.testing.assert_array_equal(played.difference("one", "none"), [[6000.0] * 4, [8000.0] * 4])
        np.testing.assert_array_equal(played.of("one", "rest"), [level, level])
        np.testing.assert_array_equal(played.of("one", "losses"), np.full((2, 4), 3.0))
        np.testing.assert_array_equal(played.of("none", "bears/stayed"), [level])  # is per fortnight already
        assert played.crashes.tolist() == [False, True, True, True]
        second = played.part("b")
        assert second.suite == "x: b" and second.weeks == played.weeks and second.parts.tolist() == ["b", "b"]
        np.testing.assert_array_equal(second.of("one"), played.of("one")[:, 2:])
    with pytest.raises(KeyError, match="two on x"):
        played.of("two")


def test_an_episode_of_twelve_weeks_is_played_to_its_end():
    config = WorldOptions(size="tiny").make()
    tapes = suites(Options(tapes=2))["mix-12w"]
    one = Match(config, baseline(STATIC, config), tapes)
    table = play_part(world_of(one), part_of(one))
    assert (table["hours"] == 6 * config.episode_hours).all() and np.isfinite(table["welfare/0"]).all()
    assert gather([table], tapes).of(STATIC).shape == (1, 2)


def test_a_tie_over_twelve_weeks_is_a_tie_of_a_fortnight():
    """Six bp in twelve weeks are one a fortnight: within a margin of 1.2, not within .9."""
    rng = np.random.default_rng(5)
    weeks = 6.0 + rng.normal(0.0, 0.1, (12, 1)) + rng.normal(0.0, 0.5, (12, 200))
    a_fortnight, whole = analysis.tested(weeks / 6.0, margin=1.2), analysis.tested(weeks, margin=7.2)
    assert a_fortnight.tie == pytest.approx(whole.tie) and a_fortnight.tie < 0.05
    assert a_fortnight.detectable == pytest.approx(whole.detectable / 6.0)
    assert analysis.tested(weeks / 6.0, margin=0.9).tie > 0.5


def test_a_wide_table_has_nothing_where_a_row_lacks_a_column():
    grid = Grid("suite", "learner")
    grid.put(("a", "x"), {"gain": 1.0})
    grid.put(("b", "y"), {"controller": "pi", "gain_low": 2.0})
    grid.put(("a", "x"), {"gain_low": 0.5})
    table = grid.table()
    assert list(table) == ["suite", "learner", "gain", "gain_low", "controller"]
    assert table["controller"].tolist() == ["", "pi"] and table["gain_low"].tolist() == [0.5, 2.0]
    assert np.isnan(table["gain"][1]) and Grid("a").table() == {}


# ---------------------------------------------------------------------- the ensemble


def test_shares_of_the_ensemble_are_those_of_the_sign_of_the_default_world():
    pair = SimpleNamespace(market="natural", learner="own", against="other")
    found = [Interval(-1.0, -2.0, -0.5), Interval(-1.0, -2.0, 0.5), Interval(1.0, 0.5, 2.0), Interval(1.0, -1.0, 2.0)]
    row = ensemble.share_row(-1.0, pair, found)
    assert (row["keeps_sign"], row["clear_of_zero"], row["opposite"], row["members"]) == (0.5, 0.5, 0.25, 4)
    assert row["keeps_sign_low"] < 0.5 < row["keeps_sign_high"] and row["default_world"] == -1.0


def test_what_is_kept_of_a_suite_is_of_its_governors_wherever_their_files_lie(tmp_path, monkeypatch):
    tapes = Tapes("natural", ("natural",), 4, 0)

    def place(folder, weights=b"1", other="pi", tapes=tapes, members=("w01",), lever=0.8, settings=None):
        file = tmp_path / folder / "policy_rate_0.json"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(weights)
        learned = GovernorSet("ppo", 100, {"rate_0": str(file), "risk_0": other})
        rival = GovernorSet("constants", NO_SEED, {}, {"liquidation_threshold": lever})
        sets = [learned, rival]
        return SuitePlace(tmp_path, "full", "evaluation natural", tapes, sets, [], members, settings or {})

    kept = place("here").once(lambda: Unit({"pairs": [{"W": np.float64(np.nan), "tapes": np.int64(4)}]}))
    assert np.isnan(kept.tables["pairs"][0]["W"]) and kept.tables["pairs"][0]["tapes"] == 4
    assert repr(place("there").once(Unit)) == repr(kept)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["full_evaluation-natural.json"]
    changes = [{"weights": b"2"}, {"other": "tuned"}, {"members": ()}, {"tapes": replace(tapes, episodes=5)},
               {"lever": 0.9}, {"settings": {"branches": 8}}]  # fmt: skip
    for changed in changes:
        with pytest.raises(BadInput, match="was made with another"):
            place("there", **changed).once(Unit)
    monkeypatch.setattr(SuitePlace, "version", 2)  # as after a correction of what is described
    with pytest.raises(BadInput, match="has version 1; this code reads version 2"):
        place("there").once(Unit)


# ---------------------------------------------------------------------- the aim


def test_a_clause_needs_the_whole_interval():
    assert aim.decide(Interval(2.0, 0.5, 3.5), 0.0, 0.0) == "yes"
    assert aim.decide(Interval(2.0, -0.5, 4.5), 0.0, 0.0) == "not shown"
    assert aim.decide(Interval(-2.0, -3.5, -0.5), 0.0, 0.0) == "no"
    # no worse in expected shortfall: within the margin, worse beyond it, worse
    assert aim.decide(Interval(-0.3, -0.8, -0.1), -1.0, 0.0) == "yes"
    assert aim.decide(Interval(-0.3, -1.8, 1.1), -1.0, 0.0) == "not shown"
    assert aim.decide(Interval(-3.0, -5.5, -0.5), -1.0, 0.0) == "no"
    assert aim.decide(Interval(9.0, -np.inf, np.inf), 0.0, 0.0) == "not shown"  # one seed


def stages(w=2.0, closest=1.5, tail=0.5, captured=0.9, test=2.0):
    """Tables of the stages with one learner, of which each clause has one number."""
    name = "ppo joint on natural"

    def one(column, value, half=0.2):
        return {column: value, f"{column}_low": value - half, f"{column}_high": value + half}

    def suite(suite, level):
        row = {"suite": suite, "learner": name, "controller": "pi", **one("tuned constants", level),
               **one("linear rule", 9.0), **one("best controller", 5.0)}  # fmt: skip
        controllers = [{"suite": suite, "controller": of, **one(name, value)}
                       for of, value in (("pi", 5.0), ("mainnet", closest))]  # fmt: skip
        pair = {"suite": suite, "hypothesis": "H1", "learner": name, "against": "tuned constants on natural",
                **one("shortfall_difference", tail)}  # fmt: skip
        return Found({"effects": columns([row]), "controllers": columns(controllers), "pairs": columns([pair])})

    room = {"learner": name, "ceiling": "constants by market", **one("captured", captured, 0.1)}
    none = {"learner": name, "ceiling": "constants by tape", **one("captured", float("nan"))}
    return {"evaluation": suite("natural", w), "final": suite(aim.TEST, test),
            "ceilings": Found({"room": columns([room, none])})}  # fmt: skip


def test_the_aim_is_met_only_if_every_clause_is():
    name = "ppo joint on natural"
    assert aim.verdict(aim.parts_of(stages())).startswith(f"The aim is met by {name} (W on natural: 1 of 1; W on the")
    for clause, changed in {
        "W on natural": {"w": 0.1}, "W on the test": {"test": -1.0}, "two thirds of the room": {"captured": 0.7},
        "expected shortfall on natural": {"tail": -1.0}, "W on natural: ": {"closest": 0.1},
    }.items():  # fmt: skip
        said = aim.verdict(aim.parts_of(stages(**changed)))
        assert "is met by none of the 1 learners" in said and f"{clause.removesuffix(': ')}: 0 of 1" in said, clause
    (met, least) = aim.summary(aim.parts_of(stages(closest=0.1)))["W on natural", name]
    assert met == "not shown" and least.against == "mainnet, the closest of 2 controllers"


def test_what_is_not_measured_is_open():
    name = "ppo joint on natural"
    parts = aim.parts_of({"evaluation": stages()["evaluation"]})
    assert aim.verdict(parts) == (
        f"The aim is open for {name} (W on natural: 1 of 1; W on the test: open; two thirds of the room: open; "
        "expected shortfall on natural: 1 of 1; expected shortfall on the test: open)."
    )
    lines = aim.section({"evaluation": stages(w=-3.0)["evaluation"]})
    assert f"| W on natural | {name} | no | 3 | −3.00 [−3.20, −2.80] bp, tuned constants |" in lines
    assert "Open on this page: W on the test (stage final), two thirds of the room (stage ceilings)" in " ".join(lines)


# ---------------------------------------------------------------------- pages at the registered sizes


@pytest.fixture
def trained(monkeypatch):
    """Two candidates; nothing is played: every suite is made up."""
    found = learners(["ppo", "ppo-episode-constants"])
    for module in (evaluation, final):
        monkeypatch.setattr(module, "trained_before", lambda *arguments: found)
        monkeypatch.setattr(module, "every_opponent", lambda *arguments: rivals())
    for module in (evaluation, ensemble, final):
        monkeypatch.setattr(module, "Match", lambda *arguments, **named: SimpleNamespace(governors=arguments[1]))
        each = 200 if module is final else 40  # the sealed test is five markets
        monkeypatch.setattr(
            module, "gather",
            lambda tables, tapes, each=each: fake(tapes, found, each, controls=tapes.times == 1),
        )  # fmt: skip
    for module, name in ((evaluation, "play_tables"), (ensemble, "play_tables"), (final, "run_pieces"),
                         (ensemble, "with_physics"), (final, "part_of"), (final, "world_of")):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *arguments: None)
    monkeypatch.setattr(Learner, "config", lambda self: None)
    monkeypatch.setattr(Trained, "governors", lambda self: GovernorSet("learner", self.seed, {}))
    return found


def write(found, stage, folder):
    """Write the folder of a stage, check that its tables give the page again; the page, and bytes without figures."""
    about = {stage: {**found.facts, "reduced": [], "preregistration": ""}}
    conclude(study.STUDY, Found(found.tables, about), folder, "protogov study learning", stage)
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert not [name for name in files if name.endswith(".parquet")]
    assert all(num_rows(one) <= LONGEST for one in found.tables.values())
    page = (folder / "README.md").read_text()
    (folder / "README.md").unlink()
    redraw(study.STUDY, folder)
    assert (folder / "README.md").read_text() == page
    return page, sum(files.values())


def in_parts(options, chosen, monkeypatch):
    """An evaluation on machines of which each ends after one suite, or one market of the ensemble."""
    names, played = [*suites(options), *MARKETS], []
    for parts in range(len(names)):
        begun = []

        def play(tapes, find, begun=begun, last=parts):
            begun.append(tapes.name)
            if len(set(begun)) > 1 and last < len(names) - 1:
                raise KeyboardInterrupt
            played.append(tapes.name)
            return find(None, tapes)

        with monkeypatch.context() as patch:
            for module in (evaluation, ensemble):
                patch.setattr(module, "gather", lambda tables, tapes, find=module.gather: play(tapes, find))
            try:
                found = evaluation.measure(options, Running(), None, chosen)
            except KeyboardInterrupt:
                continue
    assert played == [*suites(options), *(name for name in MARKETS for _ in options.chosen_members)]
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "gather", None)  # all is kept
        again = evaluation.measure(options, Running(), None, chosen)
    assert again.tables.keys() == found.tables.keys()
    for name, table in found.tables.items():
        assert repr(records(again.tables[name])) == repr(records(table))  # where nan is nan
    return found


def test_a_full_evaluation_fits_its_folder_and_says_what_is_registered(trained, tmp_path, monkeypatch):
    chosen = ["ppo", "ppo-episode-constants"]
    found = in_parts(Options(out=tmp_path / "study"), chosen, monkeypatch)
    drawn = []
    monkeypatch.setattr(study.drawing, "draw", lambda *arguments: drawn.append(arguments) or {})
    page, size = write(found, "evaluation", tmp_path / "evaluation")
    figure = write_figure(tmp_path / "effects.png", drawing.effects(*drawn[0][1:]), LARGEST_FIGURE // 2)
    assert size + figure.stat().st_size <= 0.95 * LARGEST_FOLDER  # words of results may be longer than these
    pairs = records(found.tables["pairs"])
    assert len(pairs) == 5 * (12 + 4) and len(found.tables["tests"]["p"]) == 12
    assert len(found.tables["shares"]["members"]) == 12 and num_rows(found.tables["members"]) == 2 * 32
    assert page.index("## The aim") < page.index("Are learners better than honest opponents")
    for name in ("tests", "pairs", "effects", "controllers", "seeds", "scenarios", "bears", "shares", "suites"):
        assert f"\n## {name}\n" in page  # none is too long
    for words in (
        "The aim is open for ", "H3 on mix: ppo selfish on mix against ppo cooperative on mix",
        "points of the box; expected shortfall", "of 32 worlds of the ensemble", "adaptation of ppo joint on natural",
        "tapes with a crash", "of 33 controllers", "12 of 12 seeds of ppo selfish on mix", "mix-12w: ppo joint on mix",
        "| natural | natural | Borrowers, largest tenth (whales): surplus |", "Episodes of 12 weeks",
    ):  # fmt: skip
        assert words in page, words


def test_curves_of_every_learner_of_registered_size_are_kept_by_git_and_drawn():
    rng, learner = np.random.default_rng(5), " cooperative on mix"
    finalists = [one for one in CANDIDATES if one.reference] + [one for one in CANDIDATES if not one.reference][:8]
    rows = [
        {"size": size, "candidate": one.name, "learner": one.name + learner, "algorithm": one.algorithm, "seed": seed,
         "hours": hours, "gain": rng.normal()}
        for size, entrants in (("core", CANDIDATES), ("full", finalists)) for one in entrants
        for seed in range(1, 5) for hours in (3e5, 6e5, 1.2e6, 2.5e6)
    ]  # fmt: skip
    table = screening.by_hours(columns(rows))
    assert len(rows) > LONGEST >= num_rows(table) == len(rows) / 4
    own = [row["gain"] for row in rows[:16] if row["hours"] == 6e5]
    assert records(table)[1] == {
        "size": "core", "candidate": "linear", "learner": f"linear{learner}", "algorithm": "linear", "hours": 6e5,
        "gain": pytest.approx(np.mean(own)), **{f"seed_{seed}": gain for seed, gain in enumerate(own, start=1)},
    }  # fmt: skip
    assert screening.by_hours(table) is table
    # a folder of before has a row a seed, and is drawn as well; a learner without a seed is drawn without it
    old = [row for row in rows[:32] if (row["candidate"], row["seed"]) != (rows[16]["candidate"], 2)]
    figure = drawing.draw("screening", Found({"curves": columns(old)}), "one")["curves"]
    first, second = (panel.get_lines() for panel in figure.axes[:2])
    assert [len(lines) for lines in (first, second)] == [4 + 1 + 1, 3 + 1 + 1]  # seeds, their mean, and zero
    np.testing.assert_array_equal(first[4].get_ydata(), table["gain"][:4])


def test_the_sealed_test_fits_its_folder_and_answers_its_clauses(trained, tmp_path, monkeypatch):
    sealed = SimpleNamespace(scenarios=dict.fromkeys(sealed_names()), episodes=4, first_seed=2**55)
    monkeypatch.setattr(final.open_test, "read_sealed", lambda: sealed)
    monkeypatch.setattr(final, "_was_opened", lambda governors: True)
    monkeypatch.setattr(study.drawing, "draw", lambda *arguments: {})
    found = final.measure(Options(out=tmp_path), Running(), None, ["ppo", "ppo-episode-constants"])
    page, size = write(found, "final", tmp_path / "final")
    assert size + LARGEST_FIGURE // 2 <= 0.95 * LARGEST_FOLDER
    assert len(dict.fromkeys(found.tables["pairs"]["suite"].tolist())) == 6
    assert "W on the test: 6 of 6" in page and "W on natural: open" in page
    assert f"sealed test: {sealed_names()[-1]}: ppo joint on mix against tuned constants on mix" in page
    assert set(found.tables["bears"]["market"].tolist()) == {"natural", "mix"}
    beside = [line for line in page.splitlines() if "points of the box; expected" in line and "over tuned" in line]
    people = ["Suppliers who stayed or left later: gain +3" in line for line in beside]
    assert people == ["ppo-episode" not in line for line in beside] and len(people) == 6
