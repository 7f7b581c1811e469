"""Every script in examples/ runs as it stands, is short, and uses nothing private."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"
EXAMPLES = sorted(FOLDER.rglob("*.py"))
SHELL = sorted(FOLDER.glob("*.sh"))
# the others need another library: make clients
OURS = [path for path in (*EXAMPLES, *SHELL) if path.parent == FOLDER]
NEEDS = {"wandb_curves": "wandb"}  # not installed with us
LONGEST = 40  # lines
LONGER = {"governors": 60, "strangers_study": 60}  # a whole task class, a whole study


def test_there_are_examples() -> None:
    assert {path.stem for path in OURS} >= {
        "sizes", "own_roles", "own_rewards", "frozen_rival", "dict_observation", "population_hook", "record_payoffs",
        "command_line", "strangers_study", "discrete_actions",
    }  # fmt: skip


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    environment = os.environ | {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    environment["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    python = (sys.executable, "-W", "error::DeprecationWarning:protogov")
    done = subprocess.run(
        [*(python if path.suffix == ".py" else ("bash",)), str(path)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip(), "it says nothing"


@pytest.mark.parametrize("path", (*EXAMPLES, *SHELL), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGER.get(path.stem, LONGEST)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_is_public(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    private = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    assert not private
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module and not any(part.startswith("_") for part in node.module.split("."))
