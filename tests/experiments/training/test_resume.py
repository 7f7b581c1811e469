"""Training that is interrupted goes on as if nothing had happened; seeds side by side equal seeds one by one."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protogov.agents.ppo.checkpoint import checkpoints, read_manifest
from protogov.experiments.cli import main
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.training import seed, train
from protogov.experiments.training.learned import latest
from protogov.experiments.training.seed import Progress, SeedJob, progress_of, train_seed


def rows(seed_folder: Path) -> list[dict[str, str]]:
    """metrics.csv without what a clock wrote."""
    with (seed_folder / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if "second" not in k} for row in csv.DictReader(file)]


def policies(seed_folder: Path) -> dict[str, bytes]:
    """Weights in the latest checkpoint."""
    checkpoint = latest(seed_folder)
    assert checkpoint is not None
    return {path.name: path.read_bytes() for path in sorted(checkpoint.glob("*.safetensors"))}


def test_an_interrupted_seed_goes_on_bit_for_bit(trained: RunFolder, tmp_path: Path):
    config = train.run_to_resume(trained)
    told: list[Progress] = []

    def stop_after_first() -> bool:
        return len(told) == 1

    first = train_seed(SeedJob(config, 3, tmp_path), told.append, stop_after_first)
    assert (first.rollout, first.total_rollouts, first.finished) == (1, 3, False)
    checkpoint = latest(tmp_path)
    assert checkpoint is not None and progress_of(checkpoint) == (1, 3, 96.0)
    second = train_seed(SeedJob(config, 3, tmp_path, resume=True), told.append, lambda: False)
    assert second.finished and second.market_hours == 288.0
    assert [progress.rollout for progress in told] == [1, 1, 2, 3]  # what it resumed from is told first
    assert rows(tmp_path) == rows(trained.path / "seed_3")
    assert policies(tmp_path) == policies(trained.path / "seed_3")


def test_a_deadline_stops_training_and_saves(trained: RunFolder, tmp_path: Path):
    config = train.run_to_resume(trained)
    result = train_seed(SeedJob(config, 3, tmp_path, deadline=0.0), lambda progress: None, lambda: False)
    assert result.rollout == 1 and latest(tmp_path) is not None


def test_resuming_a_finished_run_trains_nothing(trained: RunFolder, capsys):
    before = rows(trained.path / "seed_3"), policies(trained.path / "seed_3")
    assert main(["train", "tiny", "--runs", str(trained.path.parent), "--resume"]) == 0
    assert "seed 3: done" in capsys.readouterr().out
    assert (rows(trained.path / "seed_3"), policies(trained.path / "seed_3")) == before


def test_a_checkpoint_of_another_run_is_refused(trained: RunFolder, tmp_path: Path):
    config = train.run_to_resume(trained)
    folder = trained.path / "seed_5"  # where the checkpoint is of seed 5
    with pytest.raises(ValueError, match="another run"):
        train_seed(SeedJob(config, 3, folder, resume=True), lambda progress: None, lambda: False)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_whole(tiny: list[str], tmp_path: Path, capsys):
    options = ["--market-hours", "288", "--ppo.checkpoint-every", "1", "--world.roles", "rate"]
    assert main(["train", "hurt", "--runs", str(tmp_path), *options, *tiny]) == 0
    expected, folder = policies(tmp_path / "hurt"), tmp_path / "hurt" / "checkpoints"
    before, last = checkpoints(folder)  # two are kept
    damaged = last / "learner_rate_0.zip"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    resume = ["train", "hurt", "--runs", str(tmp_path), "--resume"]
    capsys.readouterr()
    assert main(resume) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"protogov: {damaged}: does not match its SHA-256") and said.count("\n") == 1
    assert f"without the folder {last} the run continues from the checkpoint before it" in said
    assert read_manifest(before)["rollout"] == 2
    shutil.rmtree(last)
    assert main(resume) == 0
    assert policies(tmp_path / "hurt") == expected


def test_a_folder_that_is_deleted_meanwhile_is_one_sentence(tiny: list[str], tmp_path: Path, capsys, monkeypatch):
    place = tmp_path / "gone"

    def delete(metrics: dict[str, float]) -> str:
        shutil.rmtree(place)
        return ""

    monkeypatch.setattr(seed, "describe", delete)  # called after every rollout
    options = ["--market-hours", "288", "--world.roles", "rate"]
    assert main(["train", "gone", "--runs", str(tmp_path), *options, *tiny]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("protogov: ")]
    assert said == [f"protogov: {place / 'metrics.csv'}: No such file or directory."]
    assert not place.exists()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal here")
def test_ctrl_c_stops_after_the_rollout_and_saves(tiny: list[str], tmp_path: Path, capsys, monkeypatch):
    """The signal itself, in this process; processes that are interrupted are tested below."""

    def interrupt(metrics: dict[str, float]) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return ""

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(seed, "describe", interrupt)  # called after every rollout
    command = ["train", "cut", "--runs", str(tmp_path), "--world.roles", "rate", *tiny]
    assert main([*command, "--market-hours", "288"]) == 130
    assert signal.getsignal(signal.SIGINT) is before
    written = capsys.readouterr()
    assert "Continue with: protogov train cut --resume" in written.out and "Ctrl-C again ends at once" in written.err
    checkpoint = latest(tmp_path / "cut")
    assert checkpoint is not None and progress_of(checkpoint) == (1, 3, 96.0)


@pytest.mark.long  # five processes that each import torch
def test_ctrl_c_leaves_a_run_that_processes_resume(trained: RunFolder, tiny: list[str], tmp_path: Path):
    """Two processes, interrupted in the middle, go on to what one process had reached undisturbed."""
    options = ["--runs", str(tmp_path), "--seeds", "3", "5", "--processes", "2"]
    budget = ["--market-hours", str(96 * 150)]
    command = [sys.executable, "-m", "protogov.experiments.cli", "train", "long", *options]
    with subprocess.Popen(
        [*command, *budget, *tiny], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        folders = [tmp_path / "long" / f"seed_{seed}" for seed in (3, 5)]
        patience = time.monotonic() + 60.0
        while not all((folder / "metrics.csv").exists() and rows(folder) for folder in folders):
            assert running.poll() is None and time.monotonic() < patience, running.communicate()
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Continue with: protogov train long --resume" in told
    assert "Traceback" not in said
    done = [len(rows(folder)) for folder in folders]
    assert all(0 < count < 150 for count in done)
    for folder, count in zip(folders, done, strict=True):
        checkpoint = latest(folder)
        assert checkpoint is not None and progress_of(checkpoint)[0] == count
    # the first three rollouts do not depend on how many follow, but for schedules that anneal over them: compare tapes
    other = rows(trained.path / "seed_3")
    assert rows(folders[0])[0]["rate_0/term/reserve_income"] == other[0]["rate_0/term/reserve_income"]
