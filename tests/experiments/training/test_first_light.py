"""`make run` in small: it says what it does, adapts its budget, and leaves a report."""

import json
from pathlib import Path

import numpy as np
import pytest

from protogov.experiments.cli import main
from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, read_manifest
from protogov.experiments.core.tables import read_csv
from protogov.experiments.training import first_light
from protogov.experiments.training.kept import SHORTFALL

SMALL = ["--seeds", "0", "--processes", "1", "--worlds", "2", "--market-hours", "600", "--episodes", "2"]


def run(*arguments: str) -> int:
    return main(["first-light", *arguments])


def check_kept(folder: Path, told: str) -> None:
    """The one form of results: a table, one picture with a palette, a manifest, a page with one footer."""
    assert {path.name for path in folder.iterdir()} == {
        "differences.csv", "dashboard.png", "manifest.json", "README.md",
    }  # fmt: skip
    about, page, table = read_manifest(folder), (folder / "README.md").read_text(), read_csv(folder / "differences.csv")
    assert about["study"] == "first-light" and about["command"].startswith("protogov first-light --seeds 0")
    assert page.count("Made on") == 1 and "underpowered: 1 training seed;" in page
    assert next(line for line in told.splitlines() if "tapes of natural" in line) in " ".join(page.split())
    assert (folder / "dashboard.png").stat().st_size <= LARGEST_FIGURE
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LARGEST_FOLDER
    assert table["mean"] - table["static"] == pytest.approx(table["difference"], abs=1e-2)
    first = table["suite"] == "natural"
    parts = first & ~np.isin(table["measure"], ["Welfare W", SHORTFALL]) & ~is_mandate(table["measure"])
    # everybody's share adds up to W, also in what is kept
    for name in np.unique(table["governors"]):
        own = table["governors"] == name
        total = table["difference"][own & first & (table["measure"] == "Welfare W")]
        assert table["difference"][own & parts].sum() == pytest.approx(total[0], abs=1e-3)


def is_mandate(labels: np.ndarray) -> np.ndarray:
    return np.array([label.startswith("Mandate of") for label in labels])


def test_trains_within_its_budget_and_leaves_a_report(tmp_path: Path, capsys, undrawn: None):
    assert run(*SMALL, "--runs", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "Trained on the synthetic scenario “jump” alone" in told
    assert "tapes of natural" in told and "underpowered: 1 training seed;" in told
    report = tmp_path / "first-light" / "report.html"
    assert str(report) in told and "crash-heldout (validation)" in report.read_text()
    config = json.loads((tmp_path / "first-light" / "config.json").read_text())
    assert config["total_rollouts"] == 2  # 600 hours in rollouts of 2 worlds x 28 decisions x 6 hours


@pytest.mark.long  # the same twice over with recorded candles, every figure drawn, and results to keep
def test_trains_on_synthetic_tapes_and_evaluates_on_candles(candles: Path, tmp_path: Path, capsys):
    kept = tmp_path / "kept"
    assert run(*SMALL, "--data", str(candles), "--runs", str(tmp_path), "--save", str(kept)) == 0
    told = capsys.readouterr().out
    check_kept(kept, told)
    assert "Trained on the synthetic scenario “jump” alone" in told
    where = "“natural”, the stress mix “mix” and the held-out crash “crash-heldout”"
    assert f"Evaluated on {where}, and on 2 recordings of real candles from {candles}." in told
    assert "tapes of natural" in told  # the headline
    assert "underpowered: 1 training seed;" in told
    report = tmp_path / "first-light" / "report.html"
    assert str(report) in told and "recorded candles" in report.read_text()
    config = json.loads((tmp_path / "first-light" / "config.json").read_text())
    assert config["total_rollouts"] == 2  # 600 hours in rollouts of 2 worlds x 28 decisions x 6 hours
    # a finished run has nothing left to train, and is evaluated again
    assert run("--resume", "--processes", "1", "--episodes", "2", "--runs", str(tmp_path)) == 0
    assert "recordings" not in capsys.readouterr().out
    text = report.read_text()
    assert "crash-heldout (validation)" in text and "recorded candles" not in text
    suites = json.loads((tmp_path / "first-light" / "evaluation.json").read_text())["suites"]
    assert [suite["name"] for suite in suites] == [
        "natural", "mix", "crash-heldout (validation)", "jump (trained on; fresh tapes)",
    ]  # fmt: skip
    assert [suite["episodes"] for suite in suites] == [16, 8, 8, 8]


def test_a_new_run_does_not_touch_the_last(tmp_path: Path):
    folders = [first_light.begin(first_light.Options(runs=tmp_path), "test")[0].name for _ in range(3)]
    assert folders == ["first-light", "first-light-2", "first-light-3"]
    folder, config = first_light.begin(first_light.Options(runs=tmp_path, resume=True), "test")
    assert folder.name == config.name == "first-light-3"


def test_bad_options_are_refused_before_anything_is_written(tmp_path: Path, capsys):
    for arguments, expected in [
        (["--data", str(tmp_path / "nowhere")], "nowhere: there is no such file or folder"),
        (["--data", str(tmp_path)], "holds no candles"),
        (["--minutes", "0"], "minutes is 0"),
        (["--scenario", "crash-heldout"], "never trained or tuned on"),
        (["--resume"], "there is no run to resume"),
        (["--episodes", "1"], "episodes is 1"),
    ]:
        assert run(*arguments, "--runs", str(tmp_path / "runs")) == 2
        said = capsys.readouterr().err
        assert expected in said and said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_slow_machine_gets_a_smaller_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    options = first_light.Options(runs=tmp_path, minutes=6.0, market_hours=5e6)
    folder, config = first_light.begin(options, "test")

    class Slow:
        def measure_speed(self, run):
            return 1000.0

    monkeypatch.setattr(first_light.time, "monotonic", lambda: 100.0)
    decided, seconds = first_light.decide_budget(options, config, Slow(), 40.0)
    # 6 minutes, less a minute gone by, less 20 s of drawing, less 135 x 32 episodes of 336 hours at 1,500 a second
    assert seconds == first_light.LEAST_SECONDS  # nothing would be left
    assert decided.total_rollouts == 1
    monkeypatch.setattr(Slow, "measure_speed", lambda self, run: 20_000.0)
    decided, seconds = first_light.decide_budget(options, config, Slow(), 40.0)
    left = 360.0 - 60.0 - 20.0 - 135 * 32 * 336 / 30_000.0
    assert seconds == pytest.approx(min(left, 5e6 / 20_000.0))
    assert decided.market_hours <= 5e6


def test_the_headline_is_natural_and_nothing_outside_is_looked_for(candles: Path, tmp_path: Path):
    suites, words = first_light.evaluation_data(first_light.Options())
    assert [suite.name for suite in suites] == ["natural", "mix", "crash-heldout (validation)"]
    assert "real candles" not in words
    suites, words = first_light.evaluation_data(first_light.Options(data=candles, scenario="mix"))
    names = [suite.name for suite in suites]
    assert names == ["natural", "mix (trained on; fresh tapes)", "crash-heldout (validation)", "recorded candles"]
    assert [scenario.name for scenario in suites[-1].scenarios] == ["window_1", "window_2"]
    assert "2 recordings of real candles" in words


def test_episodes_of_the_evaluation_fit_what_the_budget_counts_on():
    suites, _ = first_light.evaluation_data(first_light.Options(episodes=2))
    tapes = sum(suite.episodes * len(suite.scenarios) for suite in suites) + 2 * first_light.OTHER_TAPES
    recordings = 7 * 2
    assert 5 * (tapes + recordings) <= 2 * first_light.EPISODES_PLAYED
