"""The study of learning end to end in a tiny world: every stage runs, resumes, and says that it is not registered."""

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.agents.baselines import controller_gains
from protogov.agents.policies.policy import load_policy_file
from protogov.envs.scenarios import PathScenario, base
from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.sealed import read_sealed, sealed_list
from protogov.envs.sizes import SIZES
from protogov.experiments.cli import main
from protogov.experiments.core.tables import read_csv, records
from protogov.experiments.errors import CheckFailed
from protogov.experiments.studies.learning import (
    ceilings,
    controllers,
    imagination,
    kept,
    leave_out,
    opponents,
    options,
    playing,
    preregistration,
    runs,
    screening,
    training,
)
from protogov.experiments.studies.learning.planner import Planner
from protogov.experiments.training import open_test

pytestmark = pytest.mark.long  # half a minute: six trainings, and every stage twice over

SMALL = [
    *("study", "learning", "--size", "tiny", "--candidates", "evolution", "ppo", "--hours", "224", "--seeds", "2"),
    *("--tapes", "2", "--states", "4", "--members", "w01", "--generations", "1", "--worlds", "4"),
    *("--forms", "cooperative", "--jobs", "1"),
]


@pytest.fixture(scope="module")
def patched():
    """Searches, planners and crises so few that seconds are enough."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"POPULATION": 4, "TAPES": 2, "rule_names": lambda: ("pi",)}.items():
            patch.setattr(opponents, name, value)
        patch.setattr(controllers, "controller_names", lambda: ("pi",))
        patch.setattr(opponents, "CRISES", opponents.CRISES[:1])
        patch.setattr(leave_out, "CRISES", opponents.CRISES[:1])
        patch.setattr(runs, "TuneOptions", lambda: opponents.TuneOptions(population=2, tapes=4))
        patch.setattr(ceilings, "PLANNER", Planner(candidates=2, rounds=1, hold=6, horizon=6, branches=1))
        patch.setitem(SIZES, "tiny", replace(SIZES["tiny"], episode_hours=12))
        patch.setattr(playing, "FORTNIGHT", playing.PLAN.long_weeks)  # long episodes are not longer
        patch.setattr(playing, "scenario_names", lambda split: ("crash-heldout",))
        patch.setattr(imagination, "LIBRARY", 4)
        # ppo alone would win or lose by chance
        patch.setattr(screening, "choose", lambda rows, size: (["ppo"], ["ppo is selected, as this test wants it."]))
        yield patch


@pytest.fixture(scope="module")
def whole(tmp_path_factory, patched):
    """The folder of a study whose stages have all run, the sealed test apart."""
    out = tmp_path_factory.mktemp("study") / "learning"
    assert main([*SMALL, "--out", str(out)]) == 0
    return out


def facts(out: Path, stage: str) -> dict:
    return json.loads((out / stage / "manifest.json").read_text())["facts"][stage]


def test_every_stage_runs_and_says_that_it_is_reduced(whole):
    for stage in options.STAGES[1:]:
        page = (whole / stage / "README.md").read_text()
        assert page.splitlines()[2].startswith("Reduced run, not the registered study (size tiny instead of core full;")
        assert facts(whole, stage)["preregistration"] == preregistration.digest()
    page = (whole / "evaluation" / "README.md").read_text()
    assert "verdict" not in page and "The aim" not in page
    assert "| natural | H1 | ppo cooperative on natural | tuned constants on natural | " in page
    assert (whole / "preregistration.md").read_text() == preregistration.render()
    index = (whole / "README.md").read_text()
    assert "## Not measured yet\n\nfinal:" in index and "![effects](evaluation/effects.png)" in index


def test_every_run_of_the_screening_is_listed_and_policies_are_kept(whole):
    rows = records(read_csv(whole / "screening" / "screening.csv"))
    assert [row["candidate"] for row in rows] == ["evolution", "ppo"] and not any(row["failed"] for row in rows)
    for row in rows:
        assert row["feedback"] <= min(row["over_own_means"], row["over_yoked"]) + 1e-9
    runs_of = records(read_csv(whole / "training" / "runs.csv"))
    assert {row["learner"] for row in runs_of} == {"ppo cooperative on natural", "ppo cooperative on mix"}
    assert {row["seed"] for row in runs_of} == {100, 101} and all(row["hours"] == 224 for row in runs_of)
    way = whole / "runs" / "tiny_ppo-cooperative-on-mix_100" / "seed_100" / "way"
    found = sorted(path.name for path in way.iterdir())
    assert found == ["112", "224", "finished"]  # two rollouts, and the mark that the run is whole
    archives = {path.stem for path in (whole / kept.FOLDER).glob("*.zip")}
    learned = ("ppo-cooperative-on-mix_100", "ppo-privileged-cooperative-on-mix_220",
               f"ppo-cooperative-on-{opponents.crisis_market(opponents.CRISES[0])}_200")  # fmt: skip
    assert archives >= {f"tiny_{name}" for name in learned}


def test_a_measured_ceiling_is_kept(whole):
    names = {path.stem for path in (whole / kept.FOLDER).glob("tiny_ceilings-*.json")}
    both = ("natural", "mix")
    assert names == {f"tiny_ceilings-{way}-{market}" for way in ("hindsight-on", "states-of") for market in both}


def test_learners_opponents_and_controls_are_compared_everywhere(whole):
    effects = records(read_csv(whole / "evaluation" / "effects.csv"))
    (own,) = [row for row in effects if (row["suite"], row["learner"]) == ("mix", "ppo cooperative on mix")]
    for name in ("static", "tuned constants", "linear rule", "other market's constants", "other market's rule",
                 "committed constants", "committed rule", "best controller", "own means", "yoked"):  # fmt: skip
        assert np.isfinite(own[name]), name
    pairs = records(read_csv(whole / "evaluation" / "pairs.csv"))
    assert {row["suite"] for row in pairs} == {"natural", "mix", "validation", "natural-12w", "mix-12w"}
    (pair,) = [row for row in pairs if row["suite"] == "mix" and row["against"] == "tuned constants on mix"]
    assert pair["difference"] == own["tuned constants"] and pair["W"] == own["W"]
    controllers = records(read_csv(whole / "evaluation" / "controllers.csv"))
    assert [row["controller"] for row in controllers] == [
        "pi", "tuned+pi", "tuned gains of pi on natural", "tuned-mix+pi", "tuned gains of pi on mix",
    ]  # fmt: skip
    tests = records(read_csv(whole / "evaluation" / "tests.csv"))
    assert [row["hypothesis"] for row in tests] == 2 * ["H1", "H1"]  # no other form was trained
    assert {row["member"] for row in records(read_csv(whole / "evaluation" / "members.csv"))} == {"w01"}
    shares = records(read_csv(whole / "evaluation" / "shares.csv"))
    assert [row["against"].rpartition(" on ")[0] for row in shares] == 2 * ["tuned constants", "linear rule"]


def test_tuned_controllers_are_opponents(whole, patched):
    rows = records(read_csv(whole / "controllers" / "controllers.csv"))
    assert [(row["market"], row["controllers"]) for row in rows] == [("natural", "pi"), ("mix", "pi")]
    for row in rows:
        assert row["hours"] == 2 * 4 * 2 * 12  # searches, candidates, tapes, hours of an episode
    gains = records(read_csv(whole / "controllers" / "gains.csv"))
    assert [row["gain"] for row in gains if row["market"] == "mix"] == [one.name for one in controller_gains("pi")]
    assert all(row["low"] <= row["tuned"] <= row["high"] for row in gains)
    assert "tuned gains of pi gain" in (whole / "controllers" / "README.md").read_text()
    assert {path.stem for path in (whole / "kept").glob("*controllers*")} == {
        "tiny_controllers-pi-on-natural", "tiny_controllers-pi-on-mix",
    }  # fmt: skip
    # they are played wherever the untuned ones are
    for market in ("natural", "mix"):
        names = {path.name for path in (whole / "rules" / f"tiny_{market}").glob("controllers*")}
        assert names == {"controllers_pi.json"}
        pieces = list((whole / "pieces").glob(f"tuned-gains-of-pi-on-{market}_*"))
        assert len(pieces) == len(playing.suites(options.Options(size=("tiny",))))


def test_ceilings_and_crises_are_measured(whole):
    rows = records(read_csv(whole / "ceilings" / "room.csv"))
    by_tape = [row for row in rows if row["ceiling"] == "constants by tape"]
    assert len(by_tape) == 2 and all(row["room"] >= 0.0 for row in by_tape)  # the best of all sets on each tape
    assert {row["ceiling"] for row in rows} >= {"planner with sight", "planner without sight", "privileged learner"}
    crises = records(read_csv(whole / "crises" / "crises.csv"))
    assert [row["split"] for row in crises] == ["train", "validation", "left out"]


def test_a_stage_continues_with_what_is_kept_and_draws_again(whole, patched, capsys):
    before = (whole / "crises" / "crises.csv").read_bytes()

    def no(*arguments, **options):
        raise AssertionError("what is kept was made again")

    with patched.context() as patch:
        patch.setattr(runs.training, "train", no)
        patch.setattr("protogov.experiments.core.evaluation.evaluate", no)
        assert main([*SMALL, "--out", str(whole), "--stage", "crises"]) == 0
    assert (whole / "crises" / "crises.csv").read_bytes() == before
    page = (whole / "README.md").read_text()
    assert main(["study", "learning", "--redraw", "--out", str(whole)]) == 0
    assert (whole / "README.md").read_text() == page
    # other options are refused: what is there was made with these
    assert main([*SMALL, "--seeds", "3", "--out", str(whole), "--stage", "evaluation"]) == 2
    assert "was made with" in capsys.readouterr().err


def test_another_machine_goes_on_from_what_is_committed(whole, patched, tmp_path, capsys):
    """Runs and pieces stay behind; the registration, finished stages and what learners left are copied."""
    there = tmp_path / "learning"
    shutil.copytree(whole, there, ignore=shutil.ignore_patterns("runs", "pieces", "controllers", "training", "crises"))

    def no(*arguments, **options):
        raise AssertionError("what is kept was made again")

    with patched.context() as patch:
        patch.setattr(runs.training, "train", no)
        patch.setattr(controllers, "tune_controllers", no)
        patch.setattr("protogov.experiments.core.evaluation.evaluate", no)
        assert main([*SMALL, "--out", str(there), "--stage", "controllers", "training", "crises"]) == 0
    for name in (
        "controllers/controllers.csv",
        "controllers/gains.csv",
        "training/runs.csv",
        "training/curves.csv",
        "crises/crises.csv",
    ):
        assert (there / name).read_bytes() == (whole / name).read_bytes()
    # the same policies play, in half precision
    assert main([*SMALL, "--out", str(there), "--stage", "evaluation"]) == 0
    assert (there / "evaluation" / "seeds.csv").read_bytes() == (whole / "evaluation" / "seeds.csv").read_bytes()
    file = there / "runs" / "tiny_ppo-cooperative-on-mix_100" / "kept" / "100" / "224" / "policy_rate_0.json"
    for array in load_policy_file(file).weights.values():
        assert (array == array.astype(np.float16)).all()
    unit = there / "kept" / "tiny_ppo-cooperative-on-mix_100.json"
    unit.write_text(unit.read_text().replace('"worlds":4', '"worlds":8'))
    capsys.readouterr()
    assert main([*SMALL, "--out", str(there), "--stage", "training"]) == 2
    assert f"{unit}: was made with another learner; delete it" in capsys.readouterr().err


def test_the_best_of_the_first_size_and_references_go_on_to_the_next():
    every = [one.name for one in screening.entrants(options.Options(), [])]
    rows = [{"size": "core", "candidate": name, "reference": name == "linear", "failed": "", "gain": float(at)}
            for at, name in enumerate(every)]  # fmt: skip
    rows[-1]["failed"] = "seed 1: diverged"
    names = [one.name for one in screening.entrants(options.Options(), rows)]
    assert names == ["linear", *every[-9:-1]]


def test_the_sealed_test_is_opened_once_and_nothing_is_trained_after_it(whole, patched, tmp_path, capsys):
    """A fake sealed test, in a folder of its own; the sizes pass as the registered ones."""
    others = {name: one for name, one in base._registry.items() if one.split != "test"}
    final_options = [*SMALL, "--out", str(whole), "--final"]
    assert main(final_options) == 2
    assert "final opens the sealed test for the registered study alone" in capsys.readouterr().err
    for stage in options.STAGES[1:]:  # as if these sizes were the registered ones
        manifest = whole / stage / "manifest.json"
        about = json.loads(manifest.read_text())
        about["facts"][stage]["reduced"] = []
        manifest.write_text(json.dumps(about))
    for path in (whole / kept.FOLDER).glob("*.json"):
        about = json.loads(path.read_text())
        about["made_with"]["reduced"] = []
        path.write_text(json.dumps(about))
    sealed = tmp_path / "sealed.json"
    with patched.context() as patch:
        patch.setattr(base, "_registry", others | {"test-fake": PathScenario("test-fake", "test", BatesProcess())})
        sealed.write_text(sealed_list(first_seed=2**55, episodes=2))
        digest = hashlib.sha256(sealed.read_bytes()).hexdigest()
        patch.setattr(open_test, "read_sealed", lambda: read_sealed(sealed, digest))
        patch.setattr(open_test, "commit", lambda: "0123456789ab")
        patch.setattr(open_test, "default_folder", lambda: tmp_path)
        patch.setattr(options.Options, "reduced", lambda self: [])
        assert main(final_options) == 0
        (opening,) = json.loads((tmp_path / "openings.json").read_text())["openings"]
        assert opening["command"].startswith("protogov study learning --final")
        names = {one["name"] for one in opening["governors"]}
        assert names >= {"static", "ppo cooperative on mix", "pi", "tuned gains of pi on mix"}
        effects = records(read_csv(whole / "final" / "effects.csv"))
        assert {row["suite"] for row in effects} == {"sealed test", "sealed test: test-fake"}
        assert all(np.isfinite(row["yoked"]) for row in effects)
        page = (whole / "final" / "README.md").read_text()
        assert "two thirds of the room (stage ceilings)" in page and "W on the test" in page
        assert "## The aim" in (whole / "README.md").read_text()
        assert main(final_options) == 0  # the same governors: the same opening is continued
        assert len(json.loads((tmp_path / "openings.json").read_text())["openings"]) == 1
        for stage in ("controllers", "training"):
            capsys.readouterr()
            assert main([*SMALL, "--out", str(whole), "--stage", stage]) == 2
            assert "nothing is trained after it" in capsys.readouterr().err
        for path in (whole / kept.FOLDER).glob("*_100.zip"):
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("100/224/policy_rate_0.safetensors", b"other weights")
            assert main(final_options) == 2
            assert f"{path}: does not match its SHA-256" in capsys.readouterr().err
            about = json.loads(path.with_suffix(".json").read_text())
            about["archive"] = hashlib.sha256(path.read_bytes()).hexdigest()
            path.with_suffix(".json").write_text(json.dumps(about))
        assert main(final_options) == 2
        assert "for other governors; it is opened once" in capsys.readouterr().err


# ---------------------------------------------------------------------- everything at once


FORMS = ("cooperative", "joint", "selfish")
EVERYTHING = [
    *("study", "learning", "--size", "tiny", "--candidates", "evolution", "ppo", "--hours", "224", "--seeds", "2"),
    *("--tapes", "2", "--states", "4", "--members", "w01", "--generations", "1", "--worlds", "4", "--jobs", "1"),
]


def test_every_form_of_two_candidates_goes_through_all_stages_and_the_seal_and_what_diverges_is_left_out(
    patched, tmp_path
):
    """As if the sizes were registered, so that pages claim what they would; one learner of a stage diverges."""
    out = tmp_path / "learning"
    broken = {"evolution cooperative on natural", "ppo privileged cooperative on mix"}
    train, others = runs.train_learner, {name: one for name, one in base._registry.items() if one.split != "test"}

    def some_diverge(learner, *arguments):
        if learner.name in broken:
            raise CheckFailed("seed 101: the loss is nan")
        return train(learner, *arguments)

    with patched.context() as patch:
        patch.setattr(training, "train_learner", some_diverge)
        patch.setattr(screening, "choose", lambda rows, size: (["ppo", "evolution"], ["both, as this test wants"]))
        patch.setattr(options.Options, "reduced", lambda self: [])
        assert main([*EVERYTHING, "--out", str(out)]) == 0
        trained = {row["learner"] for row in records(read_csv(out / "training" / "runs.csv"))}
        assert trained == {
            *(f"ppo {form} on {market}" for form in FORMS for market in ("natural", "mix")),
            "evolution cooperative on mix",
        }
        assert all(row["seconds"] > 0.0 for row in records(read_csv(out / "training" / "runs.csv")))
        for stage, learner in zip(("training", "ceilings"), sorted(broken), strict=True):
            assert [row["learner"] for row in records(read_csv(out / stage / "failed.csv"))] == [learner]
            assert learner in (out / stage / "README.md").read_text()
        tests = records(read_csv(out / "evaluation" / "tests.csv"))
        assert len(tests) == 12  # the family, on both markets
        described = records(read_csv(out / "crises" / "described.csv"))
        assert {row["candidate"] for row in described} == {"evolution", "linear"}
        seeds = records(read_csv(out / "evaluation" / "seeds.csv"))
        assert {row["learner"] for row in seeds} == trained
        room = records(read_csv(out / "ceilings" / "room.csv"))
        assert {row["learner"] for row in room} == {name for name in trained if name.startswith("ppo")}
        # the test is opened, a fake one
        patch.setattr(base, "_registry", others | {"test-fake": PathScenario("test-fake", "test", BatesProcess())})
        sealed = tmp_path / "sealed.json"
        sealed.write_text(sealed_list(first_seed=2**55, episodes=2))
        digest = hashlib.sha256(sealed.read_bytes()).hexdigest()
        patch.setattr(open_test, "read_sealed", lambda: read_sealed(sealed, digest))
        patch.setattr(open_test, "commit", lambda: "0123456789ab")
        patch.setattr(open_test, "default_folder", lambda: tmp_path)
        assert main([*EVERYTHING, "--out", str(out), "--final"]) == 0
        (opening,) = json.loads((tmp_path / "openings.json").read_text())["openings"]
        assert trained <= {one["name"] for one in opening["governors"]}
        assert {row["learner"] for row in records(read_csv(out / "final" / "seeds.csv"))} == trained
        page = (out / "README.md").read_text()
        assert "## Not measured yet" not in page and "Reduced run" not in page
        assert main(["study", "learning", "--redraw", "--out", str(out)]) == 0
        assert (out / "README.md").read_text() == page
