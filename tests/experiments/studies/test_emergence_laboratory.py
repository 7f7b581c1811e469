"""The whole laboratory: its self-test, what a failed control withholds, pieces, anchors, and two reports compared."""

import json
from dataclasses import asdict, fields, replace
from html import unescape

import numpy as np
import pytest
from scipy.stats import ttest_ind

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.core.evaluation import PARTS as PARTS_OF_WELFARE
from protogov.experiments.core.evaluation import evaluate
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.results import MANIFEST
from protogov.experiments.core.statistics import Interval, student_t
from protogov.experiments.core.tables import read_csv, read_table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence import bench as bench_module
from protogov.experiments.studies.emergence import drawing, extraction, laboratory, reductions, self_test
from protogov.experiments.studies.emergence.anchors import FINE, ConstantGame, Solved, fixed_points
from protogov.experiments.studies.emergence.bench import Bench, Notes
from protogov.experiments.studies.emergence.collusion import Anchors, Collusion, CollusionSample
from protogov.experiments.studies.emergence.committed import save_report
from protogov.experiments.studies.emergence.difference import compare, described
from protogov.experiments.studies.emergence.exploitability import ExploitabilitySample
from protogov.experiments.studies.emergence.forks import ForkPoint
from protogov.experiments.studies.emergence.influence import KINDS, InfluenceSample
from protogov.experiments.studies.emergence.laboratory import Report, examine, headline
from protogov.experiments.studies.emergence.measure import Control, Finding
from protogov.experiments.studies.emergence.q_learning import Session
from protogov.experiments.studies.emergence.reading import LOSSES, WELFARE, market_of
from protogov.experiments.studies.emergence.responses import TRAINED_RUNGS
from protogov.experiments.studies.emergence.subjects import Subject, baselines_of, typed_subject
from protogov.experiments.studies.emergence.tasks import FIRST, Setting, Task, tapes_of
from protogov.experiments.studies.emergence.tiers import TIERS
from protogov.experiments.studies.emergence.writing import FILE, PAGE, read_report, write_report

WORLD = WorldConfig(size="tiny", venues=2, episode_hours=10)
TIER = replace(
    TIERS["smoke"],
    worlds=2,
    episodes=2,
    windows=(1, 3),
    doses=(1.0,),
    crisis_worlds=2,
    muted=2,
    settings=2,
    control_worlds=2,
    moments=(0.2,),
)


def test_the_self_test_passes_and_its_command_writes_a_report(tmp_path, capsys):
    saved = tmp_path / "saved"
    assert main(["emergence", "--tier", "self-test", "--out", str(tmp_path / "report"), "--save", str(saved)]) == 0
    data = read_report(tmp_path / "report")
    assert len(data["controls"]) >= 19 and all(control["passed"] for control in data["controls"])
    guarded = {name for control in data["controls"] for name in control["guards"]}
    assert guarded >= {"influence", "dividends", "exploitability", "cross-play", "collusion", "cascades"}
    page = (tmp_path / "report" / PAGE).read_text()
    assert "Q-learners" in page and "http" not in page.replace("http-equiv", "")
    said = capsys.readouterr().out
    assert "controls passed" in said and f"Saved: {saved / 'README.md'}" in said
    assert json.loads((saved / MANIFEST).read_text())["study"] == "emergence"
    assert read_csv(saved / "controls.csv")["control"].tolist() == [control["name"] for control in data["controls"]]
    assert "protogov emergence --tier self-test" in (saved / "README.md").read_text()


def test_a_broken_detector_is_seen_by_the_self_test(monkeypatch):
    monkeypatch.setattr(self_test, "learned_sessions", lambda count, discount: [FORGIVING] * count)
    failed = [control.name for control in self_test.q_learners(8) if not control.passed]
    # those who always play Nash prices gain nothing
    assert failed == ["Q-learners: gain", "Q-learners: verdict"]


def test_a_battery_that_says_nothing_fails_both_verdicts(monkeypatch):
    """Not to be called collusive is not enough: that it is no cartel has to be said."""
    monkeypatch.setattr(self_test, "duopoly_anchors", lambda: Anchors(0.2, 0.3, unique=False))
    monkeypatch.setattr(self_test, "learned_sessions", lambda count, discount: [FORGIVING] * count)
    monkeypatch.setattr(self_test, "gain_with_strangers", lambda pairs: 0.0)
    failed = {control.name: control.found for control in self_test.q_learners(8) if not control.passed}
    assert all(failed[f"{name}: verdict"].startswith("withheld") for name in ("Q-learners", "myopic Q-learners"))


PRICES, PAYOFFS = self_test.price_game()
NASH_PLACE = int(np.abs(PRICES - self_test.LogitDuopoly.nash()).argmin())
FORGIVING = Session(PRICES, np.full((2, 15, 15), NASH_PLACE), np.array([NASH_PLACE, NASH_PLACE]))


def test_a_failed_control_withholds_the_claim_in_words_and_pieces_are_not_played_twice(tmp_path, monkeypatch):
    subject = typed_subject(["spread_1=follower-1", "rate=pi"], WORLD)
    monkeypatch.setattr(laboratory, "PARTS", (reductions._dividends, reductions._cross_play, reductions._cascades,
                                              reductions._episodes))  # fmt: skip
    broken = Control("broken", "exactly 0", "0.3", False, ("dividends",))
    monkeypatch.setattr(laboratory.self_test, "self_test", lambda sessions: [broken])
    setting, how = Setting(WORLD, calm="calm", stress="jump", crisis="jump"), Running(1, tmp_path / "pieces")
    report = examine(subject, setting, TIER, how)
    own = [one for one in report.findings if one.measure == "dividends"]
    assert own and all(one.verdict.startswith("withheld, because a control failed: broken") for one in own)
    assert not any("withheld" in one.verdict for one in report.findings if one.measure == "cascades")
    assert "2 seeds are needed" in report.missing["cross-play"]

    def refuse(config, task):
        raise AssertionError("played again")

    monkeypatch.setattr(extraction, "PARTS", dict.fromkeys(extraction.PARTS, refuse))
    again = examine(subject, setting, TIER, how)
    np.testing.assert_array_equal([one.value for one in again.findings], [one.value for one in report.findings])

    write_report(tmp_path / "out", report, "the command")
    data = json.loads((tmp_path / "out" / FILE).read_text())
    names = {"name", "value", "interval", "null", "adjusted_p", "minimum_detectable_effect", "verdict"}
    assert names <= set(data["measures"][0]) and data["controls"][0]["passed"] is False
    assert "FAILED" in (tmp_path / "out" / PAGE).read_text()
    saved = save_report(tmp_path / "saved", report, "protogov emergence").read_text()
    assert "| broken | exactly 0 | 0.3 | FAILED | dividends |" in saved and "| dividends |  | " in saved
    why = "because a control failed: broken should be exactly 0 and was 0.3"
    assert f"| dividends | {len(own)} of {len(own)} numbers | {why} |" in saved
    assert "| cross-play | not measured | governors of one training seed" in saved
    _check_episodes(read_table(tmp_path / "out" / "episodes.parquet"))
    assert next(headline(report)) == "1 of 1 controls failed: broken."


def _check_episodes(table):
    """Two episodes of calm and of jump, governors and defaults each, on paired tapes, as they are played."""
    assert table["governors"].tolist() == ["examined"] * 2 + ["defaults"] * 2 + ["examined"] * 2 + ["defaults"] * 2
    assert table["scenario"].tolist() == ["calm"] * 4 + ["jump"] * 4 and set(table["training_seed"].tolist()) == {-1}
    assert table["tape_seed"][:2].tolist() == table["tape_seed"][2:4].tolist() != table["tape_seed"][4:6].tolist()
    for venue in (0, 1):
        parts = sum(table[f"welfare/{venue}/{part}"] for part in PARTS_OF_WELFARE)
        assert table[f"welfare/{venue}"] == pytest.approx(parts, rel=1e-9, abs=1e-9)
    still = evaluate(WORLD, "jump", table["tape_seed"][6:8].astype(np.uint64), baselines_of(WORLD))
    np.testing.assert_array_equal(table["mandate/spread_1"][6:8], still["mandate/spread_1"])


def test_what_waits_for_nothing_is_played_in_one_pool_and_asked_for_as_it_was_played(monkeypatch):
    """Two sets of baselines stand for two training seeds. Only what depends on another part is played later."""
    asked, later = [], []

    def remember(function, config, pieces, how, label):
        (asked if label == "all parts" else later).append([piece.job for piece in pieces])
        raise BadInput("nothing is played here") if label != "all parts" else StopIteration

    monkeypatch.setattr(bench_module, "run_pieces", remember)
    seats = tuple((agent.name, "constant") for agent in WORLD.learners())
    bench = Bench(Subject("two", (seats, seats), (0, 1)), Setting(WORLD), TIER, Running())
    with pytest.raises(StopIteration):
        bench.play_ahead(reductions.ahead(bench, reductions.PARTS))
    (tasks,) = asked
    assert len(set(tasks)) == len(tasks) and set(reductions.AHEAD) == set(reductions.PARTS)
    order = [task.part for task in tasks]
    assert order[0] == "turning-point" and order.index("ladder") < order.index("influence") < order.index("control")
    bench.played.update((task, {"part": task.part}) for task in tasks)
    for part, focuses, scenario in (
        ("control", reductions.CONTROLS, ""), ("influence", bench.agents, "calm"), ("influence", bench.agents, "mix"),
        ("dividends", [""], ""), ("ladder", [f"{agent}|linear" for agent in bench.agents], ""),
        ("cross-play", bench.agents, ""), ("anchors", ["rate", "risk", "spread"], "calm"),
        ("cascade", [""], "crisis-2022-06"), ("turning-point", [""], "crisis-2022-06"),
    ):  # fmt: skip
        assert bench.run(part, *focuses, scenario=scenario) == [{"part": part}] * len(focuses)
    assert not later
    with pytest.raises(BadInput, match="nothing is played"):
        bench.run("fan", "rate_0|0|mandate/risk_0|1")
    alone = Bench(typed_subject(["rate=pi"], WORLD), Setting(WORLD), TIER, Running())
    assert reductions.AHEAD[reductions._cross_play](alone) == []


def test_welfare_of_two_venues_is_weighted_by_their_capital():
    world = extraction._open(replace(WORLD, venue_overrides=[{}, {"supply_size": 3e7}]), "jump", 2)
    seeds = np.arange(2, dtype=np.uint64)
    market = market_of(world, seeds)
    assert market.capital.shape == (2, 2) and (market.capital[:, 0] != market.capital[:, 1]).all()
    step = world.step({agent: np.zeros((2, world.action_size(agent))) for agent in world.agents})
    weights = market.capital / market.capital.sum(axis=1, keepdims=True)
    wanted = weights[:, 0] * step.welfare(0) + weights[:, 1] * step.welfare(1)
    found = market(step, dict.fromkeys(world.agents))
    assert found[WELFARE] == pytest.approx(wanted, rel=1e-12) and f"reward/{world.agents[0]}" in found


def test_contributions_to_a_crisis_are_the_same_however_governors_are_paid():
    subject = typed_subject(["rate=pi", "spread=inventory_quotes"], WORLD)
    task = Task("attribution", subject, TIER, "crisis-2022-06")
    selfish, blended = (
        extraction.attribution(replace(WORLD, cooperation=share), task) for share in (0.0, 0.5)
    )  # fmt: skip
    assert selfish["outcomes"] == [WELFARE, *LOSSES]  # no reward among them
    np.testing.assert_array_equal(selfish["contributions"], blended["contributions"])
    assert (selfish["contributions"] != 0.0).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "RUN, the folder of one training run or a cell, or --governors"),
        (["--governors", "nobody"], "governor is 'nobody'"),
        (["--governors", "rate_7=pi"], "seats are rate_0"),
        (["--governors", "missing.py:Mine"], "there is no file missing.py"),
        (["--tier", "self-test", "--governors", "pi"], "examines nobody"),
        (["--governors", "pi", "--crisis", "test-market"], "is not known; known are"),
    ],
    ids=["nobody", "unknown", "no seat", "no file", "self-test", "scenario"],
)
def test_bad_input_is_one_sentence(arguments, words, tmp_path, capsys):
    assert main(["emergence", *arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_strata_are_pooled_within_training_seeds_and_tapes_are_units_of_their_own():
    def stratum(value):
        effects = {kind: np.full((2, 1, 1, 1), value) for kind in KINDS}
        return InfluenceSample([("a", "x")], ["reward/a"], ((1, 1),), np.ones(1), np.full(1, value), effects)

    seeds, tapes = (reductions._pooled([stratum(1.0), stratum(3.0)], trained=trained) for trained in (True, False))
    assert seeds.effects["total"].ravel().tolist() == [2.0, 2.0] and seeds.pushes == [2.0]
    assert tapes.effects["total"].ravel().tolist() == [1.0, 1.0, 3.0, 3.0]


@pytest.mark.long
def test_training_seeds_go_through_every_part_and_are_the_units(monkeypatch, tmp_path):
    """Two sets of baselines stand for two training seeds; the anchors of so small a world give no index."""
    monkeypatch.setattr(Anchors, "refusal", lambda self: "")
    units = np.array([[0.1, 0.2], [0.1, 0.2]])
    monkeypatch.setattr(ConstantGame, "solved", lambda self: Solved(Anchors(0.1, 0.2), (0.0,), 0.5, 0.2, units))
    seats = [agent.name for agent in WORLD.learners()]
    sources = {"rate": "pi", "risk": "constant", "spread": "follower-1"}
    members = (tuple((seat, "constant") for seat in seats), tuple((seat, sources[seat[:-2]]) for seat in seats))
    small = {"worlds": 4, "episodes": 4, "ladder_worlds": 4, "generations": 1, "grid": 4}
    setting = Setting(
        WORLD, stress="jump", crisis="jump", controls=False, train_responses=True, response_hours=1.0, response_worlds=4
    )
    report = examine(Subject("two", members, (0, 1)), setting, replace(TIER, **small))
    assert report.facts["units"] == "training seeds" and not set(report.missing) - {"tree", "turning-point", "training"}
    assert {one.interval.n for one in report.findings if one.measure == "influence"} == {2}
    assert {"home", "strangers", "myopic"} == set(report.series["gains"]["spread"])
    assert any(one.name == "profit gain of spread" and one.interval.n == 2 for one in report.findings)
    assert not any("no network was trained" in one.verdict for one in report.findings)
    page = write_report(tmp_path, report, "command")[-1].read_text()
    assert all(drawing.CAPTIONS[name] in unescape(page) for name in ("gains", "cross_play", "anchors"))


# ---------------------------------------------------------------------- anchors and Q-learners


def test_anchors_of_a_game_whose_equilibrium_is_algebra():
    """Own payoff p (1 - 2 p + q) with p = 2 + a: Nash where 1 - 4 p + q = 0, p = 1/3; scaled into the grid."""
    actions = np.linspace(-1.0, 1.0, 7)
    price = 0.5 + 0.4 * actions  # .1 to .9
    own, rival = np.meshgrid(price, price, indexing="ij")
    table = own * (1.0 - 2.0 * own + rival)
    solved = ConstantGame(actions, np.repeat(table[:, :, None], 3, axis=2)).solved()
    nash, joint = (1 / 3 - 0.5) / 0.4, (0.5 - 0.5) / 0.4
    assert solved.nash == pytest.approx((nash,), abs=0.011) and solved.joint == pytest.approx(joint, abs=0.011)
    assert solved.anchors.unique and solved.anchors.refusal() == ""
    assert solved.anchors.nash == pytest.approx(2 / 9, abs=1e-3) and solved.anchors.joint == pytest.approx(
        0.25, abs=1e-4
    )
    assert 0.5 + 0.4 * solved.deviation == pytest.approx(0.375, abs=0.005)  # (1 + q) / 4
    assert solved.push() == pytest.approx((0.125 / 0.4, -1.0), abs=0.02)  # down to it


HELD = """
import numpy as np

class Held:
    def __init__(self, levers): self.place, self.count = levers.index("base_rate"), len(levers)
    def reset(self, rows, seeds): pass
    def act(self, view):
        action = np.zeros((len(view.obs), self.count))
        action[:, self.place] = 0.5
        return action
    def state_dict(self): return {}
    def load_state_dict(self, state): pass
"""


def test_a_pair_that_holds_constants_earns_what_the_game_of_constants_says_of_them(tmp_path, monkeypatch):
    """Beside its own governors, behind the same limits, on its tapes, in its decisions: to the last digit."""
    (tmp_path / "held.py").write_text(HELD)
    pair = tuple((f"rate_{venue}", f"{tmp_path}/held.py:Held") for venue in range(2))
    others = ({"risk": "steward_var", "spread": "inventory_quotes"}, {"risk": "constant", "spread": "follower-1"})
    members = tuple(
        (*pair, *((f"{role}_{venue}", source) for role, source in own.items() for venue in range(2))) for own in others
    )
    world = replace(WORLD, episode_hours=36, autonomy=24.0, mandates="profit")
    tier = replace(TIER, worlds=4, grid=5, moments=(0.2, 0.5))
    task = Task("anchors", Subject("two", members, (0, 1)), tier, "jump", 1, "rate")
    game = extraction.loaded(extraction.extract(world, task))
    ends, run = set(), ForkPoint.run
    monkeypatch.setattr(ForkPoint, "run", lambda at, steps, *rest: ends.add(at.time + steps) or run(at, steps, *rest))
    played = extraction.loaded(extraction.extract(world, replace(task, part="collusion", extra=(0.1, -1.0))))
    assert max(ends) == world.horizon  # what a deviation brings is counted to the end of the episode
    assert np.mean(played["profit"]) == pytest.approx(game["own"][3][3], rel=1e-9)
    assert np.shape(game["units"]) == (2, 2) and played["profit"][0] != pytest.approx(played["profit"][1], rel=1e-3)
    # each of these would be another game
    for changed in ({"autonomy": np.inf}, {"autonomy": 6.0}):
        other = extraction.loaded(extraction.extract(replace(world, **changed), task))
        assert np.mean(played["profit"]) != pytest.approx(other["own"][3][3], rel=1e-6)


def test_the_error_of_a_profit_gain_is_that_of_a_ratio_on_paired_tapes():
    """Payoffs of 200 units on good and bad tapes: common luck drops out, anchors' own error stays."""
    draw = np.random.default_rng(2)
    luck, noise = draw.normal(0.0, 1.0, 200), draw.normal(0.0, 0.02, 200)
    nash, joint = 0.2 + luck, 0.3 + luck + noise
    battery = Collusion(Anchors(float(nash.mean()), float(joint.mean())), myopic=0.0, size=0.1)
    nothing = np.zeros(200)
    sample = CollusionSample(
        nash + 0.05, nothing, nothing, nothing, nothing, nothing, nash=nash, joint=joint
    )  # fmt: skip
    gains = battery.gains(sample, sample.profit)
    apart = (joint - nash).mean()
    assert gains.mean() == pytest.approx(0.05 / apart, rel=1e-12)
    # by the delta method: the numerator is certain, the denominator is not
    assert student_t(gains).error == pytest.approx(0.05 / apart**2 * np.std(joint - nash, ddof=1) / 200**0.5, rel=1e-9)
    # without the pairing the same tapes would swamp it
    alone = battery.gains(replace(sample, nash=None, joint=None), sample.profit)
    assert student_t(alone).error > 20.0 * student_t(gains).error


def test_a_game_of_coordination_has_several_equilibria_and_no_index():
    own, rival = np.meshgrid(FINE, FINE, indexing="ij")
    places = fixed_points(-((own - np.sign(rival) * 0.5) ** 2))
    assert [FINE[place] for place in places[:2]] == pytest.approx([-0.5, 0.0], abs=0.011) and len(places) == 3


def test_the_best_response_to_a_constant_seller_is_the_best_price_every_period():
    best = PAYOFFS[:, NASH_PLACE].max()
    gain = (best - PAYOFFS[NASH_PLACE, NASH_PLACE]) / 0.05
    assert FORGIVING.best_response(PAYOFFS, 0) == pytest.approx(gain, rel=1e-9, abs=1e-12)
    dear = Session(PRICES, np.full((2, 15, 15), 14), np.array([14, 14]))
    assert dear.best_response(PAYOFFS, 0) == pytest.approx((PAYOFFS[:, 14].max() - PAYOFFS[14, 14]) / 0.05, rel=1e-9)


def test_the_whole_battery_is_on_one_market(monkeypatch):
    """Anchors, forced deviations and best responses that are trained anew, each beside the same anchors."""
    asked = []

    def answer(self, part, *focuses, scenario="", extra=()):
        asked.append((part, scenario))
        table = [[0.1 * (own + rival) for rival in range(4)] for own in range(4)]
        data = {
            "anchors": {"anchors": asdict(Anchors(0.1, 0.2)), "units": [[0.0, 0.1], [0.2, 0.3]], "own": table,
                        "push": [0.1, -1.0]},
            "collusion": dict.fromkeys([one.name for one in fields(CollusionSample)][:6], [0.05, 0.25])
            | dict.fromkeys(("retrained", "nash", "joint")),
            "trained": {"gains": [0.3, 0.4], "chosen": 0.3},
        }  # fmt: skip
        return [data[part] for _ in focuses]

    monkeypatch.setattr(Bench, "run", answer)
    seats = tuple((agent.name, "constant") for agent in WORLD.learners())
    setting = Setting(WORLD, calm="calm", stress="jump", train_responses=True)
    found = Notes()
    reductions._collusion(Bench(Subject("two", (seats, seats), (0, 1)), setting, TIER, Running()), found)
    assert {part for part, _ in asked} == {"anchors", "collusion", "trained"}
    assert {scenario for _, scenario in asked} == {"calm"}
    # beside the anchors of each: .05 above Nash of .1 in either unit
    assert found.series["gains"]["rate"]["home"] == pytest.approx([0.5, 0.5])
    asked.clear()
    reductions._trained(Bench(Subject("two", (seats, seats), (0, 1)), setting, TIER, Running()), "rate_0", "jump")
    assert {scenario for _, scenario in asked} == {"jump"}


def test_a_report_shows_where_policies_went_over_training_or_says_why_not(monkeypatch, tmp_path):
    seats = {agent.name: "constant" for agent in WORLD.learners()}

    def at(number):
        """A checkpoint whose first governor is another one each time."""
        names = ("constant", "pi", "adaptive_curve", "constant", "pi")
        return Subject(f"0@{number}", (tuple({**seats, "rate_0": names[number]}.items()),))

    def checkpoints(seeds):
        return {seed: [(100.0 * number, at(number)) for number in range(5)] for seed in seeds}

    monkeypatch.setattr(laboratory, "PARTS", (reductions._training,))
    setting = Setting(WORLD, stress="jump", controls=False, checkpoints=checkpoints)
    report = examine(Subject("run", (tuple(seats.items()),) * 2, (0, 1)), setting, TIER)
    rows = report.series["training"]["rows"]
    assert [row["seed"] for row in rows] == [0] * 5 + [1] * 5 and [row["market_hours"] for row in rows[:2]] == [0, 100]
    assert rows[3]["x"] == pytest.approx(rows[0]["x"]) != pytest.approx(rows[1]["x"])  # there and back again
    page = unescape(write_report(tmp_path / "out", report, "command")[-1].read_text())
    assert drawing.CAPTIONS["training"] in page and "No paths" not in page
    named = examine(typed_subject(["rate=pi"], WORLD), replace(setting, checkpoints=None), TIER)
    page = write_report(tmp_path / "none", named, "command")[-1].read_text()
    why = "only governors that were trained have checkpoints"
    assert f"No paths: {why}." in page and named.missing == {"training": why}


# ---------------------------------------------------------------------- two reports


def report_of(values, verdict="influence", found=True, controls=()):
    one = Finding("influence", "a", student_t(values), 0.0, 0.01, 0.1, verdict, found)
    ratio = Finding("cascades", "branching ratio by forks", Interval(0.5, 0.4, 0.6, 8), 0.0, 0.01, 0.1, "", False)
    return Report((one, ratio), tuple(controls), {}, {}, {"subject": "x", "tier": "smoke"})


def test_the_interval_of_a_difference_is_welchs_and_changed_claims_end_with_1(tmp_path, capsys):
    draw = np.random.default_rng(0)
    first, second = draw.normal(0.0, 1.0, 12), draw.normal(2.0, 3.0, 9)
    quiet = Control("placebo", "exactly 0", "exactly 0", True, ())
    laboratory_reports = {
        "first": report_of(first, controls=[quiet]),
        "second": report_of(second, "not found", False, [replace(quiet, passed=False)]),
    }
    for name, report in laboratory_reports.items():
        write_report(tmp_path / name, replace(report, facts={**report.facts, "subject": None}), "command")
    before, after = (read_report(tmp_path / name) for name in laboratory_reports)
    change, ratio = compare(before, after)
    wanted = ttest_ind(second, first, equal_var=False).confidence_interval()
    assert [change.low, change.high] == pytest.approx([wanted.low, wanted.high], rel=1e-9)
    assert change.turned and ratio.low is None and not ratio.turned
    out = tmp_path / "diff.json"
    assert main(["diff", str(tmp_path / "first"), str(tmp_path / "second"), "--out", str(out)]) == 1
    printed = capsys.readouterr()
    assert "influence -> not found" in printed.out and "placebo: passed before, failed after" in printed.out
    assert "1 claims and 1 controls changed" in printed.err
    assert json.loads(out.read_text())["measures"][0]["claim_changed"] is True
    assert main(["diff", str(tmp_path / "first"), str(tmp_path / "first")]) == 0
    assert described(compare(before, before), [])[0].startswith("2 numbers: 0 claims changed, 0 values differ")
    assert main(["diff", str(tmp_path / "first"), str(tmp_path)]) == 2


def test_a_governor_without_a_method_or_of_a_broken_file_is_named(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("class Half:\n    def reset(self, rows, seeds): pass\n")
    with pytest.raises(BadInput, match="has no method 'act'"):
        typed_subject([f"rate={file}:Half"], WORLD)
    with pytest.raises(BadInput, match="no function or class 'Whole'"):
        typed_subject([f"rate={file}:Whole"], WORLD)
    file.write_text("1 / 0")
    with pytest.raises(BadInput, match="ZeroDivisionError"):
        typed_subject([f"rate={file}:Whole"], WORLD)


# ---------------------------------------------------------------------- the ladder


def test_of_two_rungs_the_one_that_gained_more_where_rungs_are_compared_is_scored():
    agents, gains = ("rate_0", "risk_0"), np.arange(6.0).reshape(3, 2)
    low = ExploitabilitySample(agents, np.array([["offset", "offset"]]), gains, np.array([[0.2, 0.2]]))
    high = ExploitabilitySample(agents, np.array([["linear", "linear"]]), -gains, np.array([[0.1, 0.3]]))
    best = low.better(high)
    assert best.rungs.tolist() == [["offset", "linear"]] and best.chosen.tolist() == [[0.2, 0.3]]
    assert best.gains.tolist() == [[0.0, -1.0], [2.0, -3.0], [4.0, -5.0]]
    # one search a training seed
    own = ExploitabilitySample(("a",), np.full((3, 1), "offset"), gains[:, :1], np.array([[0.1], [0.3], [0.1]]))
    net = ExploitabilitySample(("a",), np.full((3, 1), "warm"), -gains[:, :1], np.full((3, 1), 0.2))
    best = own.better(net)
    assert best.gains.ravel().tolist() == [0.0, 2.0, -4.0] and best.rungs_of("a") == "2 warm, 1 offset"


@pytest.mark.long
@pytest.mark.parametrize("rung", TRAINED_RUNGS)
def test_a_network_is_trained_as_a_best_response_and_scored_on_other_tapes(rung):
    subject = typed_subject(["rate=pi"], WORLD)
    tier = replace(TIER, ladder_worlds=3)
    task = Task("trained", subject, tier, "jump", 1, f"spread_0|{rung}|0", (1.0, 4.0))
    found = extraction.loaded(extraction.extract(WORLD, task))
    assert len(found["gains"]) == 3 and np.isfinite(found["gains"]).all() and np.isfinite(found["chosen"])
    tapes = np.concatenate([tapes_of(task, 3, use) for use in FIRST])
    assert tapes.size == np.unique(tapes).size == 9
