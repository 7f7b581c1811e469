"""A learner that diverges is listed, and the study goes on; what opening the test takes; how long a training takes."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from protogov.agents.policies.policy import load_policy_file
from protogov.experiments.bench.reference import TARGET_MACHINE
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, records
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.studies.learning import leave_out, pages, preregistration, study, training
from protogov.experiments.studies.learning.candidates import find_candidates
from protogov.experiments.studies.learning.kept import Place, Unit
from protogov.experiments.studies.learning.opponents import CRISES
from protogov.experiments.studies.learning.options import STAGES, Options
from protogov.experiments.studies.learning.runs import Learner, Start, Trained, linear_policies

START = Start(np.zeros(12), np.zeros((12, 4)))
SMALL = {"size": ("tiny",), "seeds": 2, "tapes": 4}


class Rivals:
    """Opponents of which only a start and a name are asked for."""

    def start(self, size, market):
        return START

    def named(self, size, market, label):
        return SimpleNamespace(name=label)


def place(folder, name="ppo"):
    (candidate,) = find_candidates((name,))
    return Place(folder, Learner(candidate, "tiny", "cooperative", "mix", (100, 101), 1e4, 4), START, ())


def diverge():
    raise CheckFailed("seed 101: the rate's loss is nan; start another run with a smaller --ppo.learning-rate")


def test_a_seed_that_diverged_is_kept_and_not_tried_again_and_other_faults_are_not_kept(tmp_path):
    def full():
        raise CheckFailed("disk: No space left on device")

    one = place(tmp_path)
    with pytest.raises(CheckFailed, match="No space left"):
        one.once(full)
    assert one.read() is None
    assert one.once(diverge).failed.startswith("seed 101: the rate's loss is nan")
    assert one.once(full).failed.startswith("seed 101")  # nothing is measured again
    assert place(tmp_path, "mappo").once(lambda: Unit({"runs": [{"seed": 1}]})).tables["runs"] == [{"seed": 1}]


def test_a_weight_that_half_precision_does_not_hold_is_a_seed_that_diverged(tmp_path):
    one = place(tmp_path)
    folder = tmp_path / "way"
    folder.mkdir()
    for policy in linear_policies(one.learner.config(), START.linear):
        policy.save(folder)
    path = folder / "policy_rate_0.json"
    policy = load_policy_file(path)
    name = next(iter(policy.weights))
    replace(policy, weights={**policy.weights, name: np.full_like(policy.weights[name], 1e5)}).save(folder)
    trained = [Trained(one.learner, 101, ((1e4, folder),))]
    unit = one.once(lambda: Unit(archive=one.keep_policies(trained)[1]))
    assert unit.failed == "seed 101: a weight of policy_rate_0.json is larger than half precision holds (65504.0)"


@pytest.fixture
def played(monkeypatch):
    """Trainings that take no time, of which that of evolution on natural diverges; returns the names of all."""
    names = []

    def train(learner, start, out, how):
        names.append(learner.name)
        if learner.name == "evolution cooperative on natural":
            diverge()
        return [Trained(learner, seed, ((1e4, out),), 60.0) for seed in learner.seeds]

    monkeypatch.setattr(training, "train_learner", train)
    monkeypatch.setattr(training, "play_matches", lambda *arguments: {})
    monkeypatch.setattr(training, "reference_rate", lambda: TARGET_MACHINE / 2)
    monkeypatch.setattr(training, "Match", lambda *arguments: None)
    monkeypatch.setattr(training, "curve_rows", lambda trained, *others: [{"learner": trained[0][0].learner.name}])
    monkeypatch.setattr(Trained, "governors", lambda self: None)
    monkeypatch.setattr(Place, "keep_policies", lambda self, trained: (trained, "digest"))
    monkeypatch.setattr(
        Place, "policies", lambda self, unit: [Trained(self.learner, one, ()) for one in self.learner.seeds]
    )
    return names


def test_learners_after_one_that_diverged_are_trained_and_it_is_listed(played, tmp_path):
    options = Options(out=tmp_path, **SMALL)
    chosen = ["ppo", "evolution"]
    tables = training.measure(options, HERE, Rivals(), chosen).tables
    assert played.index("evolution cooperative on natural") < played.index("evolution cooperative on mix")
    assert len(played) == 8
    (failed,) = records(tables["failed"])
    assert failed["learner"] == "evolution cooperative on natural" and failed["reason"].startswith("seed 101")
    runs = records(tables["runs"])
    assert len(runs) == 7 * 2 and {row["seconds"] for row in runs} == {60.0}
    assert {row["reference"] for row in runs} == {TARGET_MACHINE / 2}
    found = training.trained_before(options, Rivals(), chosen)
    assert len(found) == 7 and all(len(of) == 2 for of in found)
    before = list(played)
    training.measure(options, HERE, Rivals(), chosen)
    assert played == before


def test_seeds_that_were_trained_outlast_a_machine_that_ends_before_their_learner_is_complete(
    played, tmp_path, monkeypatch
):
    seeds, train, under_way = [], training.train_learner, True

    def train_until_the_end(learner, *others):
        if under_way and seeds[-1:] == [104]:
            raise CheckFailed("disk: No space left on device")
        seeds.append(learner.seeds[0])
        return train(learner, *others)

    monkeypatch.setattr(training, "train_learner", train_until_the_end)
    options = Options(out=tmp_path, size=("tiny",), tapes=4, forms=("cooperative",))
    with pytest.raises(CheckFailed, match="No space left"):
        training.measure(options, HERE, Rivals(), ["ppo"])
    with pytest.raises(BadInput, match="ppo-cooperative-on-natural_108.json: is missing; restore it, or train again"):
        training.trained_before(options, Rivals(), ["ppo"])
    under_way = False
    runs = training.measure(options, HERE, Rivals(), ["ppo"]).tables["runs"]
    assert seeds == [100, 104, 108, 100, 104, 108]  # each part once a market
    assert runs["seed"].tolist() == [*range(100, 112)] * 2
    found = training.trained_before(options, Rivals(), ["ppo"])
    assert [one.seed for one in found[1]] == [*range(100, 112)]
    whole = training.roster(options, ["ppo"])[1]
    assert all(one.learner == whole for one in found[1])  # all seeds, for what looks one up among them


def test_a_part_that_diverged_is_the_end_of_its_learner(played, tmp_path, monkeypatch):
    train = training.train_learner
    monkeypatch.setattr(
        training, "train_learner", lambda one, *others: diverge() if 101 in one.seeds else train(one, *others)
    )
    options = Options(out=tmp_path, size=("tiny",), tapes=4, forms=("cooperative",))
    learner = training.roster(options, ["ppo"])[0]
    assert training.train_kept(options, HERE, Rivals(), learner).failed.startswith("seed 101")
    assert played == []  # no part after it is trained
    assert training.policies_of(options, Rivals(), learner) == []


def test_a_study_all_of_whose_learners_diverge_says_so(played, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train_learner", lambda *arguments: diverge())
    options = Options(out=tmp_path, **SMALL)
    with pytest.raises(CheckFailed, match="the training of every learner diverged: seed 101"):
        training.measure(options, HERE, Rivals(), ["ppo"])
    with pytest.raises(BadInput, match="the training of every learner diverged; there is nothing to play"):
        training.trained_before(options, Rivals(), ["ppo"])


def test_how_long_the_registered_training_of_a_learner_takes():
    own = {"learner": "ppo", "hours": 1e6, "reference": TARGET_MACHINE / 2}
    rows = [{**own, "seconds": 40.0}, {**own, "seconds": 60.0}, {**own, "learner": "mappo", "seconds": 100.0}]
    (ppo, mappo) = records(training.speed(rows))
    assert ppo["hours_per_second"] == 20_000.0
    assert ppo["minutes"] == 12 / 2 * 1e7 / 20_000.0 / 60.0  # two of twelve seeds at a time
    assert ppo["minutes_there"] == ppo["minutes"] / 2  # on a machine that is twice as fast
    assert mappo["minutes"] == 2 * ppo["minutes"]


def test_pages_say_what_took_how_long_what_diverged_and_what_was_not_registered():
    run = {"learner": "ppo", "hours": 1e7, "reference": TARGET_MACHINE / 2, "seconds": 500.0}
    curve = {"learner": "ppo", "hours": 1e7, "gain": 2.0, "seed_1": -1.0, "seed_2": 5.0}
    failed = columns([{"learner": "mappo", "reason": "seed 3: a weight is not finite"}])
    tables = {"runs": columns([run]), "curves": columns([curve]), "speed": training.speed([run]), "failed": failed}
    said = pages.sentences("training", Found(tables, {"reduced": []}))
    (time,) = (one for one in said if "minutes" in one)
    assert "take 50 minutes here with two processes, 25 on the machine" in time and "45 are asked for" in time
    assert "ppo: +2.00 bp over the constants on validation at the end, seeds −1.00 to +5.00." in said
    assert said[-1] == "Diverged: mappo: seed 3: a weight is not finite"

    row = {"candidate": "ppo", "left_out": "a", "split": "left out", "difference": 3.0}
    tables = {"crises": columns([row, {**row, "left_out": "b", "difference": 1.0}]),
              "described": columns([{**row, "candidate": "linear", "difference": -4.0}]), "failed": failed}  # fmt: skip
    own, other, diverged = pages.sentences("crises", Found(tables, {"reduced": [], "candidate": "ppo"}))
    assert own.startswith("left out: ppo gains +1.00 to +3.00") and "+2.00 on average over 2" in own
    assert "linear (described, not registered) gains −4.00 to −4.00" in other and diverged.startswith("Diverged: mappo")


# ---------------------------------------------------------------------- without a crisis


def test_the_first_candidate_is_tested_without_each_crisis_and_the_others_are_described(tmp_path, monkeypatch):
    order = []

    def measured(options, how, opponents, learner, place):
        order.append(learner.candidate.name)
        if learner.name == f"ppo cooperative on mix-without-{CRISES[1]}":
            diverge()
        return Unit({"crises": [{"left_out": learner.scenario, "seeds": len(learner.seeds)}]})

    monkeypatch.setattr(leave_out, "measured", measured)
    options = Options(out=tmp_path, size=("tiny",))
    found = leave_out.measure(options, HERE, Rivals(), ["ppo", "evolution"])
    assert order == [name for name in ("ppo", "evolution", "linear") for _ in CRISES]
    assert {row["candidate"] for row in records(found.tables["crises"])} == {"ppo"}
    assert len(records(found.tables["crises"])) == len(CRISES) - 1
    assert [row["candidate"] for row in records(found.tables["described"])] == order[len(CRISES) :]
    assert {row["seeds"] for row in records(found.tables["described"])} == {3}
    (failed,) = records(found.tables["failed"])
    assert failed["learner"] == f"ppo cooperative on mix-without-{CRISES[1]}"
    assert found.facts["candidate"] == "ppo"


def test_a_candidate_around_the_linear_rule_says_that_there_is_none_without_a_crisis(tmp_path, monkeypatch):
    row = {"left_out": CRISES[0], "split": "train", "difference": 1.0}
    monkeypatch.setattr(leave_out, "measured", lambda *arguments: Unit({"crises": [row]}))
    found = leave_out.measure(Options(out=tmp_path, size=("tiny",)), HERE, Rivals(), ["ppo-residual", "ppo-constants"])
    assert set(found.tables["crises"]["start"]) == {"constants instead of linear"}
    described = {(row["candidate"], row["start"]) for row in records(found.tables["described"])}
    assert described == {("ppo-constants", "constants"), ("linear", "constants")}
    (kept, *_) = json.loads(next(iter((tmp_path / "kept").glob("*ppo-residual*"))).read_text())["tables"]["crises"]
    assert kept == row  # files of before have no start, and are read
    assert leave_out.start_of(find_candidates(("ppo-residual",))[0], "mix") == "linear"
    (said,) = (one for one in pages.sentences("crises", Found(found.tables, {**found.facts, "reduced": []}))
               if "linear rule" in one)  # fmt: skip
    assert said.startswith("ppo-residual starts around the linear rule in the other stages; here it started around")


# ---------------------------------------------------------------------- the seal


@pytest.mark.parametrize("lacking", ["ceilings", "crises"])
def test_the_test_is_not_opened_before_everything_that_trains(lacking, tmp_path):
    study.register(tmp_path)
    for stage in (one for one in STAGES[1:] if one != lacking):
        folder = tmp_path / stage
        folder.mkdir()
        facts = {"preregistration": preregistration.digest(), "reduced": [], "chosen": ["ppo"], "controllers": []}
        about = {"command": "", "made": "", "versions": {}, "tables": {}, "study": "learning",
                 "physics": study.source_digest(), "facts": {stage: facts}}  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(about))
    with pytest.raises(BadInput, match=f"{lacking}: is missing; run it first"):
        next(study.measure(Options(out=tmp_path, final=True), HERE))
