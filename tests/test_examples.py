"""Every script in examples/ runs as it stands and stays short."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.py"))
LONGER = {"governors": 60}  # lines of a whole task class
UNCOMPILED = ("population_hook",)  # takes as long to compile as the world does
OURS = [path for path in EXAMPLES if path.parent.name == "examples"]  # the others need another library: make clients


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if path.stem in UNCOMPILED:
        subprocess.run([sys.executable, str(path)], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, check=True)
        return
    runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGER.get(path.stem, 40)
