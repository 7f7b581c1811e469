"""Model organisms do what is planted, at their strength, and nothing else; detectors on records with a known truth."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator
from protogov.envs.world.lever_table import LEVER_INDEX, NUM_LEVERS
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import HERE, Running
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, concatenate, read_csv, records
from protogov.experiments.core.user_code import load_callable
from protogov.experiments.errors import BadInput
from protogov.experiments.studies import organisms as study
from protogov.experiments.studies.emergence.collusion import Anchors
from protogov.experiments.studies.emergence.forks import ForkPoint
from protogov.experiments.studies.emergence.organisms import FAMILIES, ORGANISMS, looks
from protogov.experiments.studies.emergence.organisms.behaviours import Wanderer
from protogov.experiments.studies.emergence.organisms.detectors import (
    Record,
    alarms_of,
    by_granger,
    by_spectrum,
)
from protogov.experiments.studies.emergence.organisms.looks import BY_FORKS, Look, Seen, _sessions, colluding
from protogov.experiments.studies.emergence.organisms.power import (
    DETECTOR,
    POWER_FILE,
    TRUTHS,
    Count,
    counted,
    in_words,
    power_of,
    saved,
)
from protogov.experiments.studies.emergence.reductions import PARTS
from protogov.experiments.studies.emergence.subjects import typed_subject
from protogov.experiments.studies.emergence.tasks import FIRST


class View:
    """What one row sees: the rival's lever a decision ago, and named features."""

    feature_names = ("rival_lever_lagged[half_spread]",)

    def __init__(self, rival=0.0, own=0.0, pending=0.0, **features):
        self.obs = np.array([[rival]])
        executed, waiting = np.zeros((1, NUM_LEVERS)), np.zeros((1, NUM_LEVERS))
        executed[0, LEVER_INDEX["half_spread"]], waiting[0, LEVER_INDEX["liquidation_threshold"]] = own, pending
        self.features = {"lever_executed": executed, "lever_pending": waiting}
        self.features |= {name: np.array([value]) for name, value in features.items()}

    def raw(self, name):
        return self.features[name]


def made(name):
    organism = ORGANISMS[name]
    governor = organism.make(ROLES[FAMILIES[organism.family].role].lever_rows())
    governor.reset(np.arange(1), np.zeros(1, np.uint64))
    return governor


def moves(governor, *views):
    column = list(governor.levers).index(governor.lever)
    acted = [governor.act(view)[0] for view in views]
    assert all(np.delete(own, column).tolist() == [0.0] * 3 for own in acted)  # the other levers stay
    return [float(own[column]) for own in acted]


def test_there_are_about_thirty_and_each_family_is_graded():
    assert 28 <= len(ORGANISMS) <= 36
    graded = [own for own in FAMILIES.values() if len(own.strengths) > 1]
    assert len(graded) >= 6 and all(own.strengths == tuple(sorted(own.strengths)) for own in graded)
    assert {own.answers for own in FAMILIES.values()} == {True, False}


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_answers_are_planted_at_their_strength(strength):
    assert moves(made(f"undercutter-{strength:g}"), View(0.65)) == pytest.approx([0.4 * strength])
    calm, short = (
        View(utilisation_over_optimal=0.0, unmet_withdrawals=0.0),
        View(utilisation_over_optimal=0.1, unmet_withdrawals=0.0),
    )
    assert moves(made(f"run-amplifier-{strength:g}"), calm, short) == pytest.approx([0.0, -strength * np.tanh(0.8)])
    announced = moves(made(f"front-runner-{strength:g}"), View(), View(pending=-0.05))
    assert announced == pytest.approx([0.0, strength * np.tanh(1.0)])
    swings = moves(made(f"oscillator-{strength:g}"), *[View(rival) for rival in (0.0, 1.0, -1.0, 0.0)])
    assert swings == pytest.approx([0.6 * strength * np.sin(np.pi * t / 4) for t in (1, 2, 3, 4)], abs=1e-6)


def test_a_trigger_punishes_for_four_decisions_as_low_as_its_strength_and_forgives():
    peace, war = View(rival=0.4, own=0.4), View(rival=0.2, own=0.4)
    for strength, low in ((0.5, 0.0), (1.0, -0.4)):
        path = moves(made(f"trigger-cartel-{strength:g}"), *[war] * 4, *[peace] * 2, war, *[peace] * 5)
        assert path == pytest.approx([0.4] * 6 + [low] * 4 + [0.4] * 2)


def test_placebos_do_not_look_at_the_rival_and_their_memory_goes_on():
    for name in ("still", "wanderer-1", "weather-1"):
        low, high = (moves(made(name), *[View(rival, implied_vol=0.9)] * 3) for rival in (-1.0, 1.0))
        assert low == high
    walker = made("wanderer-1")
    moves(walker, *[View()] * 3)
    kept, ahead = walker.state_dict(), moves(walker, View(), View())
    again = Wanderer(ROLES["spread"].lever_rows())
    again.load_state_dict(kept)
    assert moves(again, View(), View()) == ahead and len({*ahead}) == 2


def test_q_learners_answer_by_the_policy_that_they_learned():
    governor = made("q-learner")
    grid, policy = governor._actions, governor._policy
    first, second = moves(governor, View(), View(rival=grid[3]))
    assert first == pytest.approx(grid[governor._start])
    assert second == pytest.approx(grid[policy[governor._start, 3]])
    assert not np.array_equal(made("q-learner")._policy, made("myopic")._policy)


def test_an_organism_needs_its_lever_and_a_rival():
    with pytest.raises(ValueError, match="moves half_spread; this role sets base_rate"):
        ORGANISMS["follower-1"].make(ROLES["rate"].lever_rows())
    alone = View()
    alone.feature_names = ()
    with pytest.raises(ValueError, match="two venues"):
        made("follower-1").act(alone)
    seats = typed_subject(["follower-1"], WorldConfig(size="tiny", venues=2)).members[0]
    assert seats == (("spread_0", "follower-1"), ("spread_1", "follower-1"))


# ---------------------------------------------------------------------- detectors


def record(subject, other):
    return Record(other, subject, {}, {}, np.zeros_like(subject))


def test_detectors_of_records_find_what_is_there_and_keep_their_level_where_nothing_is():
    draw, steps, rows = np.random.default_rng(1), 56, 60
    other = draw.normal(size=(steps, rows)).cumsum(axis=0)
    alone = draw.normal(size=(steps, rows)).cumsum(axis=0)
    follows = np.vstack([np.zeros((1, rows)), 0.6 * other[:-1]]) + 0.1 * draw.normal(size=(steps, rows))
    assert alarms_of(by_granger, record(follows, other), "granger").mean() == 1.0
    assert alarms_of(by_granger, record(alone, other), "granger").mean() < 0.17  # 5% and 4 standard errors
    still = record(np.zeros((steps, 3)), other[:, :3])
    assert by_granger(still).tolist() == by_spectrum(still).tolist() == [1.0] * 3
    swings = np.sin(2.0 * np.pi * np.arange(steps)[:, None] / 8.0) + 0.3 * draw.normal(size=(steps, 20))
    assert alarms_of(by_spectrum, record(swings, other[:, :20]), "spectrum").mean() == 1.0
    red = np.zeros((steps, 40))
    for t in range(1, steps):
        red[t] = 0.8 * red[t - 1] + draw.normal(size=40)
    assert alarms_of(by_spectrum, record(red, other[:, :40]), "spectrum").mean() < 0.2


def test_a_strangers_detector_is_one_function_and_what_does_not_fit_is_named(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "def detect(record):\n    return 0.0 * record.subject[0] + 0.01\n\ndef bad(record):\n    return 2.0\n"
        "LEVEL = 0.01\n"
    )
    ones = record(np.zeros((4, 3)), np.zeros((4, 3)))
    assert alarms_of(load_callable(f"{file}:detect", "detectors"), ones, "mine").tolist() == [True] * 3
    with pytest.raises(BadInput, match="probabilities of shape"):
        alarms_of(load_callable(f"{file}:bad", "detectors"), ones, "mine")
    for name in ("other", "LEVEL"):
        with pytest.raises(BadInput, match=f"holds no function or class '{name}'"):
            load_callable(f"{file}:{name}", "detectors")
    with pytest.raises(BadInput, match="detectors is 'grangr'; FILE.py:NAME is accepted"):
        load_callable("grangr", "detectors")


def test_pieces_of_a_strangers_detector_are_not_reused_after_its_file_changed(tmp_path, monkeypatch):
    def stop(function, config, pieces, how, label):
        digests.append(pieces[0].job.digests)
        raise BadInput("nothing is played here")

    digests, file = [], tmp_path / "mine.py"
    monkeypatch.setattr(study, "run_pieces", stop)
    options = study.Options(organisms=("still",), detectors=("granger", f"{file}:detect"))
    for level in (0.01, 0.5, 0.5):
        file.write_text(f"def detect(record):\n    return 0.0 * record.subject[0] + {level}\n")
        with pytest.raises(BadInput, match="nothing is played"):
            study.measure(options, HERE)
    assert len(digests[0]) == 1 and digests[0] != digests[1] == digests[2]


def test_a_search_and_every_replicate_have_tapes_of_their_own():
    three = [Look(number, 10, "jump", "jump") for number in range(3)]
    tapes = np.concatenate([look.seeds(use) for look in three for use in FIRST])
    assert tapes.size == np.unique(tapes).size == 90


def test_a_look_at_which_the_battery_is_withheld_is_no_look():
    """Of refused anchors nothing is said: no alarm, and no look without one."""
    refused = Look(0, 3, "jump", "jump", anchors=Anchors(1.0, 1.001))
    job = study.Job("trigger-cartel-1", refused, ("collusion",))
    table = study.examine(WorldConfig(size="tiny", venues=2, episode_hours=12), job)
    assert [table[name].tolist() for name in ("alarms", "looks", "withheld")] == [[0], [0], [1]]
    rates = study.rates_of(concatenate([table, table]))
    assert np.isnan(rates["rate"]).all() and rates["withheld"].tolist() == [2]
    assert counted(rates, "collusion", ("trigger-cartel",)) == Count(0, 0, 2)
    facts = {"refusal": "too close", "failed": [], "reduced": []}
    withheld, why = study.judge(Found({"organisms": rates}, facts)).sentences
    assert withheld.startswith("collusion: withheld in 2 looks") and why == "The battery is withheld here: too close."


def test_a_look_whose_books_fail_is_withheld_with_its_reason_and_a_rerun_does_not_end_on_it(monkeypatch, tmp_path):
    def fails(*arguments):
        played.append(arguments)
        raise RuntimeError(f"{words} 3 do not balance")

    played, words = [], "books of world"
    monkeypatch.setattr(study, "BY_FORKS", {**BY_FORKS, "influence": fails})
    monkeypatch.setattr(study, "constant_game", fails)  # of the anchors of collusion
    options = study.Options(
        organisms=("still",), detectors=("influence", "collusion"), replicates=2, tapes=2,
        world=WorldOptions(size="tiny", venues=2, episode_hours=12),
    )  # fmt: skip
    for times in (3, 3):  # twice at influence, once at the anchors; all is kept
        found = study.measure(options, Running(1, tmp_path))
        assert len(played) == times
    influence, collusion = records(found.tables["organisms"])
    assert (influence["looks"], influence["withheld"], collusion["looks"], collusion["withheld"]) == (0, 2, 0, 2)
    said = study.judge(found).sentences
    assert said[0].startswith("influence: withheld in 2 looks")
    assert "influence: 2 looks failed; the first, at still, replicate 0: books of world 3 do not balance." in said
    assert "The battery is withheld here: books of world 3 do not balance." in said
    assert not any("collusion: 2 looks failed" in one for one in said)
    words = "a mistake of ours: books"
    with pytest.raises(RuntimeError, match="a mistake"):
        study.examine(WorldConfig(), study.Job("still", Look(0, 2, "jump", "jump"), ("influence",)))


def test_rates_count_looks_over_replicates():
    row = {"organism": "follower-1", "family": "follower", "strength": 1.0, "answers": True, "detector": "granger"}
    table = columns(
        [
            {**row, "replicate": number, "alarms": alarms, "looks": 8, "withheld": 0, "failed": ""}
            for number, alarms in enumerate((4, 8))
        ]
    )
    rates = study.rates_of(table)
    assert rates["rate"].tolist() == [0.75] and rates["looks"].tolist() == [16]
    assert rates["rate_low"][0] < 0.75 < rates["rate_high"][0]


def test_the_study_finds_a_follower_by_forks_and_no_placebo(tmp_path, capsys):
    arguments = ["study", "organisms", "--organisms", "follower-1", "wanderer-1", "--detectors", "influence", "granger"]
    world = ["--world.size", "tiny", "--world.venues", "2", "--world.episode-hours", "28", "--world.autonomy", "inf"]
    small = ["--replicates", "1", "--tapes", "8", "--scenario", "jump", "--jobs", "1", "--out", str(tmp_path / "out")]
    assert main([*arguments, *world, *small, "--store", str(tmp_path / "power.csv")]) == 0
    printed = capsys.readouterr().out
    said = "influence: finds an answer to the other governor in 1 of 1 looks at governors that have it; false alarms in"
    assert f"{said} 0 of 1" in printed and "Reduced: 1 replicates instead of 10" in printed
    assert "follower-1" in (tmp_path / "out" / "README.md").read_text()
    stored = read_csv(tmp_path / "power.csv")
    assert stored["detector"].tolist() == ["influence"] * 2 and set(stored["tapes"].tolist()) == {8}
    assert main(["study", "organisms", "--organisms", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


# ---------------------------------------------------------------------- the power that reports quote


@pytest.fixture
def rows(tmp_path, monkeypatch):
    """Rates of two replicates of influence and collusion, by hand, in the place of the saved ones."""
    lines = ["organism,family,strength,detector,rate,looks,withheld,failed,tapes"]
    checks = {"trigger-cartel": '"cross-play 1, by reaction 2"', "follower": "gain 2"}
    for family, strength, detector, rate in (
        ("follower", 0.1, "influence", 0.5), ("follower", 1.0, "influence", 1.0), ("still", 0.0, "influence", 0.0),
        ("undercutter", 1.0, "influence", 1.0), ("wanderer", 1.0, "influence", 0.5),
        ("q-learner", 0.95, "influence", 0.0),
        ("trigger-cartel", 1.0, "collusion", 0.5), ("follower", 1.0, "collusion", 0.0),
        ("follower", 0.5, "collusion", ""), ("q-learner", 0.95, "cross-play", ""),
    ):  # fmt: skip
        count, withheld = (2, 0) if rate != "" else (0, 3)
        failed = checks.get(family, '""') if detector == "collusion" and count else '""'
        lines.append(f"{family}-x,{family},{strength},{detector},{rate},{count},{withheld},{failed},10")
    file = tmp_path / "power.csv"
    file.write_text("\n".join(lines))
    monkeypatch.setattr("protogov.experiments.studies.emergence.organisms.power.POWER_FILE", file)
    saved.cache_clear()
    yield read_csv(file)
    saved.cache_clear()


def test_power_counts_what_is_planted_by_strength_and_alarms_where_nothing_is(rows):
    assert counted(rows, "influence", ("follower", "undercutter")) == Count(5, 6)
    found = power_of("influence")
    assert (found["weak"], found["strong"], found["false"]) == ([1, 2], [4, 6], [1, 4]) and found["tapes"] == 10
    assert in_words("influence") == (
        "Its power: of model organisms with an answer to the other governor it finds 1 of 2 of a strength up to 0.5 "
        "and 4 of 6 of a larger one; false alarms in 1 of 4; 10 tapes are the units of a look."
    )
    cartels = in_words("collusion")
    assert cartels == (
        "Its power: of model organisms with punishments of who undercuts it finds 1 of 2 of a larger one; checks that "
        f"do not hold there: cross-play in 1 and by reaction in 2 looks; {TRUTHS['collusion'].caveat}; false alarms in "
        "0 of 2; it was withheld in 3 looks at model organisms; 10 tapes are the units of a look."
    )
    assert power_of("collusion")["failed"] == {"cross-play": 1, "by reaction": 2}  # of what is planted alone
    assert in_words("cross-play") == "Its power is not known: it was withheld in 3 looks at model organisms."
    assert power_of("dividends") is None and "--detectors dividends measures it" in in_words("dividends")


def test_every_measure_of_a_report_has_a_detector_and_every_detector_a_truth():
    assert set(DETECTOR) == {"influence", "dividends", "exploitability", "cross-play", "collusion", "cascades"}
    assert set(DETECTOR.values()) == set(BY_FORKS) and len(PARTS) == len(DETECTOR) + 3  # controls, training, episodes
    assert set(TRUTHS) == set(study.KNOWN)
    for truth in TRUTHS.values():
        assert set(truth.planted) | set(truth.nothing) <= set(FAMILIES) and not set(truth.planted) & set(truth.nothing)


def test_the_saved_rows_are_of_these_organisms():
    table = read_csv(POWER_FILE)
    assert set(table["organism"].tolist()) <= set(ORGANISMS) and set(table["detector"].tolist()) <= set(BY_FORKS)
    assert all(ORGANISMS[row["organism"]].strength == pytest.approx(row["strength"]) for row in records(table))
    assert "not known" not in in_words("influence") and power_of("influence")["false"][0] == 0


def test_a_look_for_collusion_names_the_checks_that_do_not_hold_and_the_page_counts_them(monkeypatch):
    """Of two sessions nothing is found, so that no check holds; deviations are counted to the end of the episode."""
    ends, run = set(), ForkPoint.run
    monkeypatch.setattr(ForkPoint, "run", lambda at, steps, *rest: ends.add(at.time + steps) or run(at, steps, *rest))
    config = WorldConfig(size="tiny", venues=2, episode_hours=14)
    look = Look(0, 2, "jump", "jump", "jump", Anchors(0.1, 0.2), (0.5, -1.0))
    seen = looks.collusion(config, look, ORGANISMS["trigger-cartel-1"])
    checks = ("gain", "cross-play", "punished", "by reaction", "downward")
    assert seen == Seen(False, checks) and max(ends) == colluding(config).horizon == 14
    asked = []

    def again(*arguments):  # the second look fails at one check alone, the third at none
        asked.append(arguments)
        return [seen, Seen(False, ("by reaction",)), Seen(True)][len(asked) - 1]

    monkeypatch.setattr(study, "BY_FORKS", {**BY_FORKS, "collusion": again})
    job = study.Job("trigger-cartel-1", look, ("collusion", "granger"))
    monkeypatch.setattr(study, "record_of", lambda *_: record(np.zeros((9, 2)), np.zeros((9, 2))))
    rates = study.rates_of(concatenate([study.examine(config, job) for _ in range(3)]))
    assert rates["failed"].tolist() == ["gain 1, cross-play 1, punished 1, by reaction 2, downward 1", ""]
    assert rates["rate"].tolist() == pytest.approx([1 / 3, 0.0])
    facts = {
        "replicates": 3,
        "tapes": 2,
        "scenario": "jump",
        "calm": "jump",
        "refusal": "",
        "failed": [],
        "reduced": [],
    }
    found = Found({"organisms": rates}, facts)
    lines = study.page(found, study.judge(found))
    assert "| trigger-cartel-1 | 3 | 1 | 1 | 1 | 2 | 1 |" in lines
    assert "But with base rates they are no cartel by the battery's definition" in study.judge(found).sentences[0]


def test_sessions_of_a_cartel_settle_on_spreads_of_their_own_and_followers_are_all_alike():
    config = colluding(WorldConfig(size="tiny", venues=2, episode_hours=12))
    assert config.autonomy == 72.0
    look = Look(0, 3, "jump", "jump")
    for name, distinct in (("trigger-cartel-1", 3), ("follower-1", 1)):
        world, governors = _sessions(config, look, ORGANISMS[name], "rate", "jump", "base_rate")
        world.reset(seeds=look.seeds())
        governors["rate_0"].reset(np.arange(3), look.seeds())
        action = governors["rate_0"].act(world.view("rate_0"))
        assert len(np.unique(action[:, 0])) == distinct and (action[:, 1:] == 0.0).all()
    assert np.diff([member.high for member in _sessions(config, look, ORGANISMS["trigger-cartel-1"], "rate", "jump",
                    "base_rate")[1]["rate_1"].members]) == pytest.approx([0.06, 0.06])  # fmt: skip


def test_organisms_sit_in_the_full_two_venue_world():
    world = Simulator(WorldConfig(size="rivals", episode_hours=24), 2, scenario="jump")
    world.reset(seeds=np.arange(2, dtype=np.uint64))
    for organism in ORGANISMS.values():
        if organism.family in ("q-learner", "myopic"):
            continue
        governor = organism.make(world.roles[organism.seat].lever_rows())
        governor.reset(np.arange(2), np.arange(2, dtype=np.uint64))
        action = governor.act(world.view(organism.seat))
        assert action.shape == (2, 4) and np.isfinite(action).all() and organism.watched in world.agents
