"""A run that is killed at random moments, and resumed each time, ends where one ends that nobody touched."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from protogov.agents.ppo.checkpoint import checkpoints, read_manifest
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.training.learned import latest

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal here"),
]

KILLS, ROLLOUTS = 20, 400
BUDGET = ["--market-hours", str(96 * ROLLOUTS), "--ppo.checkpoint-every", "2"]


def command(runs: Path, name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "protogov.experiments.cli", "train", name, "--runs", str(runs), *options]


def rollouts(run: RunFolder) -> int:
    """Whole rows of metrics.csv: what a kill cut in two is no row."""
    path = run.path / "metrics.csv"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def ending(run: RunFolder) -> tuple[dict[str, bytes], list[str]]:
    """Weights of every policy, and metrics without what a clock wrote."""
    last = latest(run.path)
    assert last is not None and read_manifest(last)["rollout"] == ROLLOUTS
    lines = [line.split(",") for line in (run.path / "metrics.csv").read_text().splitlines()]
    kept = [at for at, name in enumerate(lines[0]) if "second" not in name]
    weights = {path.name: path.read_bytes() for path in sorted(last.glob("policy_*.safetensors"))}
    return weights, [",".join(line[at] for at in kept) for line in lines]


def kill_at_a_random_moment(running: "subprocess.Popen[bytes]", run: RunFolder, moment: random.Random) -> bool:
    """Kill a training a random while after its first rollout; False when it ended by itself before that."""
    begun = rollouts(run)
    patience = time.monotonic() + 300.0
    while rollouts(run) == begun:  # resuming drops rows after the checkpoint: any change is a sign of life
        if running.poll() is not None:
            return False
        assert time.monotonic() < patience, "nothing happens"
        time.sleep(0.002)
    time.sleep(moment.uniform(0.0, 0.3))
    running.send_signal(signal.SIGKILL)
    return running.wait(60) == -signal.SIGKILL


def test_killed_at_twenty_random_moments_it_ends_where_it_would_have(tiny: list[str], tmp_path: Path) -> None:
    whole, killed = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "killed")
    subprocess.run(command(tmp_path, "whole", *BUDGET, *tiny), check=True, capture_output=True, timeout=600)
    moment, kills = random.Random(7), 0
    begin = command(tmp_path, "killed", *BUDGET, *tiny)
    while kills < KILLS:
        with subprocess.Popen(begin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            if not kill_at_a_random_moment(running, killed, moment):
                assert running.stderr is not None
                pytest.fail(f"it ended after {kills} kills: {running.stderr.read().decode()[-2000:]}")
        kills += 1
        for one in checkpoints(killed.path / "checkpoints"):
            read_manifest(one)  # whole, against every digest
        begin = command(tmp_path, "killed", "--resume")
    done = subprocess.run(begin, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    weights, metrics = ending(killed)
    expected, rows = ending(whole)
    assert len(weights) == 3 and weights == expected and metrics == rows
