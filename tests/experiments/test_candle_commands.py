"""Commands on files of candles: what they say of one, which hours they play, what they refuse before they begin."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from protogov.experiments import bates_fit, cli
from protogov.experiments.cli import main
from protogov.experiments.commands.scenario_library import entries
from protogov.experiments.core.paths import candle_files, repository
from protogov.experiments.core.tables import read_table
from protogov.experiments.figures.scenarios import Drawn

SHORT = ["--world.episode-hours", "24", "--world.decision-hours", "12"]


@pytest.fixture
def gapped(candles: Path, tmp_path: Path) -> Path:
    """A gzipped file of 397 hours as pandas writes it: an index without a name, three hours missing after 100."""
    header, *rows = (candles / "window_1.csv").read_text().splitlines()
    path = tmp_path / "eth.csv.gz"
    lines = [header.replace("timestamp", ""), *rows[:100], *rows[103:]]
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


REPORT = [
    "eth: The column without a name was read as the time.",
    "eth: Not filled: 3 hours in 1 gap, the longest from 2022-01-05T04:00Z to 2022-01-05T07:00Z; an episode lies "
    "within one of the 2 stretches between, of which the longest has 297 hours.",
]  # fmt: skip
HELD = "eth: 397 recorded hours, 2022-01-01T00:00Z to 2022-01-17T15:00Z, in 2 stretches"


def test_simulate_tells_of_the_file_and_plays_the_hours_asked_for(gapped: Path, tmp_path: Path, capsys) -> None:
    arguments = ["simulate", "static", "--scenario", str(gapped), "--seeds", *map(str, range(12)), "--against", "None"]
    window = ["--from", "2022-01-04T12:00", "--to", "2022-01-06T12:00"]
    assert main([*arguments, *SHORT, *window, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{HELD}; 5 can open an episode of 24 hours."  # 7:00 to 11:00 on the 5th
    assert said[1:3] == REPORT
    assert said[3] == "eth: Episodes lie in 45 of 397 hours, 2022-01-04T12:00Z to 2022-01-06T11:00Z."
    with gzip.open(gapped, "rt") as file:
        closes = np.array([float(line.split(",")[4]) for line in file.read().splitlines()[1:]])
    hours = read_table(tmp_path / "out" / "hours.parquet")
    opened = hours["close"][hours["hour"] == 0]
    index = [int(np.argmin(np.abs(closes / price - 1.0))) for price in opened]
    assert set(index) <= set(range(100, 105)) and len(set(index)) > 2


def test_a_clean_file_is_said_to_be_clean(candles: Path, tmp_path: Path, capsys) -> None:
    path = candles / "window_1.csv"
    assert main(["simulate", "static", "--scenario", f"{path} + oracle-push", *SHORT, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("window_1: 400 recorded hours, ") and said[0].endswith(
        "376 can open an episode of 24 hours."
    )
    assert said[1] == "window_1: Nothing had to be cleaned."


def test_evaluate_tells_of_each_file_and_keeps_what_it_said(
    gapped: Path, candles: Path, tmp_path: Path, capsys
) -> None:
    arguments = [
        "evaluate",
        "--baselines",
        "random",
        "--no-natural",
        "--episodes",
        "2",
        *SHORT,
        "--out",
        str(tmp_path / "o"),
    ]
    files = [f"{candles / 'window_1.csv'} + pool-drain", str(gapped)]
    assert main([*arguments, "--scenarios", *files, "--from", "2022-01-06"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("window_1: 400 recorded hours") and said[2].startswith(HELD)
    assert said[3:5] == REPORT
    chosen = "Episodes lie in 280 of 400 hours, 2022-01-06T00:00Z to 2022-01-17T15:00Z."
    assert said[1] == f"window_1: {chosen}" and said[5] == f"eth: {chosen.replace('400', '397')}"
    suites = json.loads((tmp_path / "o" / "evaluation.json").read_text())["suites"]
    assert [suite["cleaned"] for suite in suites] == [[said[1]], said[3:6]]


def test_scenarios_lists_and_draws_the_hours_asked_for(gapped: Path, tmp_path: Path, capsys) -> None:
    arguments = ["scenarios", str(gapped), "--from", "2022-01-06", "--to", "2022-01-07", "--seeds", "20"]
    assert main([*arguments, "--out", str(tmp_path / "page")]) == 0
    said = capsys.readouterr().out.splitlines()
    at = said.index(f"{HELD}; 0 can open an episode of 336 hours.")
    chosen = "Episodes lie in 24 of 397 hours, 2022-01-06T00:00Z to 2022-01-06T23:00Z."
    assert said[at + 1 : at + 4] == [*REPORT, f"eth: {chosen}"]
    assert f"<li>{chosen}</li>" in (tmp_path / "page" / "scenarios.html").read_text()
    drawn = Drawn.of(entries((str(gapped),), begin="2022-01-06", end="2022-01-07")[0], 20)
    assert drawn.tapes.shape == (20, 7)  # the longest of its lengths that fits into 24 hours


def test_a_file_too_short_for_any_picture_is_bad_input(candles: Path, tmp_path: Path, capsys) -> None:
    lines = (candles / "window_1.csv").read_text().splitlines()
    path = tmp_path / "short.csv"
    path.write_text("\n".join([*lines[:2], lines[6], lines[7]]))
    assert main(["scenarios", str(path)]) == 0
    capsys.readouterr()
    assert main(["scenarios", str(path), "--to", "2022-01-01T02:00"]) == 2
    said = capsys.readouterr().err
    assert "the file holds 1 hourly candle within 2022-01-01T00:00Z to 2022-01-01T00:00Z without a gap" in said


ALL = {
    "simulate": ["simulate", "static", "--out", "{out}", "--scenario"],
    "evaluate": ["evaluate", "--baselines", "random", "--out", "{out}", "--scenarios"],
    "scenarios": ["scenarios", "--out", "{out}"],
}


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize(
    ("window", "said"),
    [
        (["--from", "soon"], "--from is 'soon'; a time such as 2022-05-01 or 2022-05-01T12:00 is accepted"),
        (["--to", "1/2/2022"], "--to is '1/2/2022'; a time such as 2022-05-01"),
        (["--from", "2022-01-02", "--to", "2022-01-02"], "--from is '2022-01-02' and --to is '2022-01-02'; a time"),
        (["--from", "2022-01-02T01:00+01:00", "--to", "2022-01-02"], "a time before that of --to is accepted"),
        (["--from", "2023-01-01"], "none of its hours, 2022-01-01T00:00Z to 2022-01-17T15:00Z, lies at or after '2023"),
    ],
)
def test_windows_that_mean_nothing(
    command: str, window: list[str], said: str, gapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word.format(out=tmp_path / "out") for word in ALL[command]]
    assert main([*arguments, str(gapped), *window]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ALL)
def test_a_window_without_candles(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [word.format(out=tmp_path / "out") for word in ALL[command]]
    assert main([*arguments, "jump", "--to", "2022-01-05"]) == 2
    assert "--to is given, but no scenario is a file of candles; only these have dates" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "--open-test", "--from", "2022-01-01"], "--from is given with --open-test"),
    ],
)
def test_a_window_where_no_file_is_played(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["simulate", "evaluate"])
def test_a_file_without_room_for_an_episode_is_refused_before_anything_is_played(
    command: str, gapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [word.format(out=tmp_path / "out") for word in ALL[command]]
    assert main([*arguments, str(gapped)]) == 2
    told = capsys.readouterr()
    assert "eth.csv.gz: the file holds 297 hourly candles without a gap; an episode of 336 hours needs 337." in told.err
    assert told.err.count("\n") == 1 and told.out == "" and not (tmp_path / "out").exists()


def test_make_run_refuses_it_before_it_trains(gapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:

    arguments = ["--data", str(gapped), "--runs", str(tmp_path / "runs")]
    assert main(["first-light", *arguments]) == 2
    assert "the file holds 297 hourly candles without a gap" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_two_files_of_one_name_are_refused(gapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "eth.csv").write_bytes(gapped.read_bytes())
    assert [path.name for path in candle_files(tmp_path)] == ["eth.csv.gz", "eth.csv"]
    arguments = ["evaluate", "--baselines", "random", "--out", str(tmp_path / "out"), "--scenarios"]
    assert main([*arguments, str(tmp_path)]) == 2
    assert "eth.csv has the same name as" in capsys.readouterr().err


def test_fitting_takes_its_candles_by_data(candles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (([], "--data"), (["--data", str(candles)], "candles of calm months and of crises")):
        assert cli.run_command(bates_fit, arguments, bates_fit.PROGRAM) == 2
        assert said in capsys.readouterr().err


def test_no_command_looks_outside_the_project() -> None:
    for package in ("envs", "agents", "experiments"):
        for path in (repository() / package).rglob("*.py"):
            assert "shared/data" not in path.read_text().replace('" / "', "/"), path


def test_the_fixture_begins_when_the_reports_say(candles: Path) -> None:
    first = (candles / "window_1.csv").read_text().splitlines()[1].split(",")[0]
    assert datetime.fromisoformat(first) == datetime(2022, 1, 1, tzinfo=UTC)
