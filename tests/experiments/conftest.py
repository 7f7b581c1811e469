"""A run small enough for a test, trained once, and a file of candles."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from protogov.experiments.cli import main
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.figures import style
from protogov.experiments.training import open_test

# 4 worlds x 4 decisions of 6 hours: a rollout is 96 market hours
TINY = ["--worlds", "4", "--world.episode-hours", "48", "--ppo.num-steps", "4", "--ppo.batch-size", "16"]


@pytest.fixture(scope="session", autouse=True)
def no_record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test meets this repository's record of openings, after which nothing is trained, or adds to it."""
    with pytest.MonkeyPatch.context() as patch:
        empty = tmp_path_factory.mktemp("openings")
        patch.setattr(open_test, "default_folder", lambda: empty)
        yield


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of `train` that make it small."""
    return TINY


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Two seeds, three rollouts each, on one process; not evaluated."""
    runs = tmp_path_factory.mktemp("runs")
    assert main(["train", "tiny", "--runs", str(runs), "--seeds", "3", "5", "--market-hours", "288", *TINY]) == 0
    return RunFolder(runs / "tiny")


@pytest.fixture(scope="session")
def evaluated(trained: RunFolder) -> RunFolder:
    """The same run, compared with static and random governors on two suites, and reported."""
    arguments = ["--no-natural", "--scenarios", "crash-heldout", "jump", "--episodes", "3", "--baselines", "random"]
    assert main(["evaluate", str(trained.path), *arguments]) == 0
    assert main(["report", str(trained.path)]) == 0
    return trained


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of reports are made, and written empty: drawing takes most of a report's time, and others draw them."""

    def save(figure: Figure, folder: Path, name: str) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.svg"
        path.write_text("<svg/>")
        return path

    monkeypatch.setattr(style, "save", save)


@pytest.fixture(scope="session")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of 400 hourly candles."""
    folder = tmp_path_factory.mktemp("candles")
    for number in (1, 2):
        noise = np.random.default_rng(number).normal(0.0, 0.01, 400)
        closes = 2000.0 * np.exp(np.cumsum(noise))
        opens = np.r_[2000.0, closes[:-1]]
        start = datetime(2022, number, 1, tzinfo=UTC)
        with (folder / f"window_{number}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["timestamp", "open", "high", "low", "close"])
            for hour, (first, last) in enumerate(zip(opens, closes, strict=True)):
                time = (start + timedelta(hours=hour)).isoformat()
                writer.writerow([time, first, max(first, last) * 1.002, min(first, last) * 0.998, last])
    return folder
