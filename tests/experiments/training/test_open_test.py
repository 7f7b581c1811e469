"""--open-test, with a fake sealed test in a temporary folder: refusals, the record, the warning, the tapes."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import PathScenario, base, seal
from protogov.envs.scenarios.bates import BatesProcess
from protogov.envs.scenarios.sealed import read_sealed, sealed_list
from protogov.experiments.cli import main
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.tables import read_table
from protogov.experiments.training import open_test

FIRST = 2**55  # of the fake test's tapes; the real ones are never drawn here


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sealed markets that nobody has seen, on seeds of their own, and a commit that is clean."""
    markets = {name: PathScenario(name, "test", BatesProcess()) for name in ("test-fake", "test-other")}
    others = {name: one for name, one in base._registry.items() if one.split != "test"}
    monkeypatch.setattr(base, "_registry", others | markets)
    path = tmp_path / "sealed.json"
    path.write_text(sealed_list(first_seed=FIRST, episodes=3))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(open_test, "read_sealed", lambda: read_sealed(path, digest))
    monkeypatch.setattr(open_test, "commit", lambda: "0123456789ab")
    monkeypatch.setattr(open_test, "default_folder", lambda: tmp_path / "default")
    return tmp_path


def openings(folder: Path) -> list[dict]:
    return json.loads((folder / "openings.json").read_text())["openings"]


def test_it_is_recorded_then_played_on_the_sealed_tapes(
    fake: Path, trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(trained.path), "--open-test", "--no-controls", "--baselines", "random"]
    assert main(arguments) == 0
    assert "opened before" not in capsys.readouterr().out
    (opening,) = openings(fake / "default")
    assert opening["commit"] == "0123456789ab" and "--open-test" in opening["command"]
    assert opening["sealed"] == hashlib.sha256((fake / "sealed.json").read_bytes()).hexdigest()
    names = [(one["name"], one["training_seed"]) for one in opening["governors"]]
    assert names == [("static", -1), ("learned", 3), ("learned", 5), ("random", -1)]
    files = opening["governors"][1]["files"]
    assert len(files) == 6  # of three governors, what it is and its weights
    for path, digest in files.items():
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == digest
    table = read_table(fake / "default" / "opening-1" / "episodes.parquet")
    assert set(table["scenario"].tolist()) == {"test-fake", "test-other"} and set(table["split"].tolist()) == {"test"}
    np.testing.assert_array_equal(np.unique(table["tape_seed"]), FIRST + np.arange(3, dtype=np.uint64))
    assert set(table["suite"].tolist()) == {"sealed test: test-fake", "sealed test: test-other"}
    assert set(table["governors"].tolist()) == {"static", "learned", "random"}  # --no-controls
    assert len(opening["sources"]) == 64


def test_a_second_opening_is_allowed_and_warns(
    fake: Path, trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(trained.path), "--open-test", "--no-controls"]
    assert main(arguments) == 0
    capsys.readouterr()
    # another folder does not hide the first one
    assert main([*arguments, "--out", str(fake / "elsewhere")]) == 0
    said = capsys.readouterr().out
    assert "The sealed test has been opened before, 1 time:" in said
    assert "at 0123456789ab for static, learned: protogov evaluate" in said
    assert len(openings(fake / "default")) == len(openings(fake / "elsewhere")) == 1
    assert main(arguments) == 0
    assert len(openings(fake / "default")) == 2
    assert (fake / "default" / "opening-2" / "evaluation.json").is_file()


def test_what_breaks_off_has_been_opened_all_the_same(
    fake: Path, trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        assert seal.is_open() and len(openings(fake / "default")) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(open_test, "run_evaluation", broken)
    assert main(["evaluate", str(trained.path), "--open-test"]) == 130
    assert len(openings(fake / "default")) == 1 and not seal.is_open()


@pytest.mark.parametrize("version", ["unknown", "0123456789ab+changes"])
def test_only_a_commit_without_changes_opens_it(
    version: str, fake: Path, trained: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(open_test, "commit", lambda: version)
    assert main(["evaluate", str(trained.path), "--open-test"]) == 2
    said = capsys.readouterr().err
    assert f"the commit is {version}; the sealed test opens only for a commit without changes" in said
    assert said.count("\n") == 1 and not (fake / "default").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenarios", "jump"], "--scenarios is given with --open-test"),
        (["--episodes", "3"], "--episodes is given with --open-test"),
    ],
)
def test_what_was_sealed_is_not_chosen(
    arguments: list[str], said: str, fake: Path, trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(trained.path), "--open-test", *arguments]) == 2
    assert said in capsys.readouterr().err and not (fake / "default").exists()


def test_rules_alone_do_not_open_it(fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--open-test", "--baselines", "random"]) == 2
    assert "GOVERNORS are missing" in capsys.readouterr().err and not (fake / "default").exists()


def test_a_list_that_was_changed_is_not_played(
    fake: Path, trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    (fake / "sealed.json").write_text(sealed_list(first_seed=FIRST, episodes=4))
    assert main(["evaluate", str(trained.path), "--open-test"]) == 2
    assert "the sealed test has been changed" in capsys.readouterr().err and not (fake / "default").exists()


def test_a_record_that_is_damaged_is_told(fake: Path, trained: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (fake / "default").mkdir()
    (fake / "default" / "openings.json").write_text('{"openings": 3}')
    assert main(["evaluate", str(trained.path), "--open-test"]) == 2
    assert "is not a record of openings" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["evaluate", "--baselines", "random", "--out", "x", "--scenarios", "test-bates"],
                                     ["study", "leaderboard", "--scenarios", "test-bates"],
                                     ["simulate", "static", "--out", "x", "--scenario", "test-bates"],
                                     ["train", "a", "--scenario", "test-bates"],
                                     ["tune", "--out", "x.json", "--scenarios", "test-bates"],
                                     ["study", "audit", "balance", "--suites", "test-bates"]])  # fmt: skip
def test_no_other_command_reaches_it(
    command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "belongs to the sealed test" in said and said.count("\n") == 1


def test_sealing_anew_is_refused_once_it_was_opened(fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from protogov.experiments import cli
    from protogov.experiments import seal as sealing

    out = fake / "list.json"
    assert cli.run_command(sealing, ["--out", str(out)], sealing.PROGRAM) == 0
    assert hashlib.sha256(out.read_bytes()).hexdigest() in capsys.readouterr().out
    (fake / "default").mkdir()
    (fake / "default" / "openings.json").write_text('{"openings": [{"when": "now"}]}')
    assert cli.run_command(sealing, ["--out", str(out)], sealing.PROGRAM) == 2
    assert "the test has been opened" in capsys.readouterr().err
