"""`protogov simulate --population-hook`: the function is called, what it breaks is exit code 1, what is wrong is 2."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protogov.envs import WorldConfig
from protogov.experiments.errors import BadInput
from protogov.experiments.hooks import load_hook

FEW = ("num_accounts=8", "num_suppliers=3", "options_on=0")
HOOKS = """
def population_hook(worlds, hour):
    if hour == 3:
        worlds.venues.cash[:] += 1000.0

def careful(worlds, hour):
    worlds.venues.account_safety[:] = 1.5
    print("hour", hour, len(worlds))
"""


@pytest.fixture
def hooks(tmp_path: Path) -> Path:
    file = tmp_path / "people.py"
    file.write_text(HOOKS)
    return file


def simulate(hook: str, out: Path) -> subprocess.CompletedProcess[str]:
    """In a process without compilation, where a tiny world takes as long as compiled code takes to load."""
    options = ["--world.episode-hours", "8", "--against", "None", "--out", str(out), "--population-hook", hook]
    options += [word for value in FEW for word in ("--world.parameters", value)]
    command = [sys.executable, "-m", "protogov.experiments.cli", "simulate", "static", *options]
    return subprocess.run(command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True)


def test_the_command_calls_it_before_every_hour(hooks: Path, tmp_path: Path) -> None:
    done = simulate(f"{hooks}:careful", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("hour ")] == [f"hour {k} 1" for k in range(8)]
    about = json.loads((tmp_path / "out" / "manifest.json").read_text())["facts"]
    assert about["population_hook"] == f"{hooks}:careful" and about["seeds"] == [0] and about["scenario"] == "jump"
    assert about["population_hook_sha256"] == hashlib.sha256(hooks.read_bytes()).hexdigest()
    assert WorldConfig.from_dict(about["world"]).parameters.num_accounts == 8


def test_books_that_it_breaks_are_a_failed_check(hooks: Path, tmp_path: Path) -> None:
    done = simulate(str(hooks), tmp_path / "out")
    assert done.returncode == 1 and done.stderr.startswith(
        "protogov: books of world 0 do not balance after the population hook at hour 3"
    )


def test_the_file_and_the_name_are_told_apart(hooks: Path) -> None:
    assert load_hook(str(hooks)).__name__ == "population_hook"
    assert load_hook(f"{hooks}:careful").__name__ == "careful"


def test_what_cannot_be_loaded_gets_a_sentence(hooks: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="but there is no file .*; FILE.py:NAME is accepted"):
        load_hook(str(tmp_path / "nobody.py"))
    with pytest.raises(BadInput, match="holds no function or class 'HOOKS'"):
        load_hook(f"{hooks}:HOOKS")
    hooks.write_text("1 / 0")
    with pytest.raises(BadInput, match="cannot be run .ZeroDivisionError: division by zero"):
        load_hook(str(hooks))
