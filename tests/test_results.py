"""What is committed under results: small pictures, short tables, one manifest, and pages whose links lead somewhere."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from protogov.experiments.cli import COMMANDS
from protogov.experiments.core.results import LARGEST_ALL, LARGEST_FIGURE, LARGEST_FOLDER, LARGEST_POLICIES, MANIFEST
from protogov.experiments.studies import STUDIES

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"


IGNORED = {"runs", "pieces", "policies", "governors", "rules"}


def committed() -> list[Path]:
    """Files of results that git keeps; all files of a copy without git, those apart that it would ignore."""
    try:
        said = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=True)
        found = [ROOT / line for line in said.stdout.splitlines()]
    except (OSError, subprocess.CalledProcessError):
        kept = (path for path in RESULTS.rglob("*") if not IGNORED & set(path.relative_to(RESULTS).parts))
        found = [path for path in kept if path.suffix != ".parquet"]
    return [path for path in found if path.is_file()]


FILES = committed()
FOLDERS = sorted({path.parent for path in FILES if path.name == MANIFEST})
BY_HAND = {"test"}  # what is sealed
# what learners left for the stages of a study that goes on, which may be emptied when it has ended
WHILE_IT_GOES_ON = {"learning/kept", "coexistence/kept"}
POLICIES = (".zip", ".safetensors")


def is_new(folder: Path) -> bool:
    return folder in FOLDERS and "study" in json.loads((folder / MANIFEST).read_text())


def name_of(folder: Path) -> str:
    return str(folder.relative_to(RESULTS))


def test_every_folder_says_which_study_made_it() -> None:
    """So that the limits below hold for it."""
    folders = {path.parent for path in FILES} - {RESULTS}
    # the page over a study's parts stands above their folders
    above = {folder.parent for folder in FOLDERS}
    assert {name_of(one) for one in folders - above if not is_new(one)} - WHILE_IT_GOES_ON == BY_HAND


@pytest.mark.parametrize("folder", [one for one in FOLDERS if is_new(one)], ids=name_of)
def test_a_folder_is_small_and_says_what_made_it(folder: Path) -> None:
    files = [path for path in FILES if path.parent == folder]
    about = json.loads((folder / MANIFEST).read_text())
    assert about["study"] in {*STUDIES, *COMMANDS}
    assert about["command"].startswith(("protogov ", "python -m protogov.")) and about["made"] and about["versions"]
    assert not [path.name for path in files if path.suffix in (".svg", ".parquet")]
    assert all(path.stat().st_size <= LARGEST_FIGURE for path in files if path.suffix == ".png")
    assert sum(path.stat().st_size for path in files) <= LARGEST_FOLDER
    assert (folder / "README.md").read_text().count("Made on") == 1


def test_all_together_are_small() -> None:
    kept = {path for path in FILES if path.suffix in POLICIES}
    assert sum(path.stat().st_size for path in FILES if path not in kept) <= LARGEST_ALL
    assert sum(path.stat().st_size for path in kept) <= LARGEST_POLICIES


@pytest.mark.parametrize("page", [path for path in FILES if path.name == "README.md"], ids=name_of)
def test_every_figure_of_a_page_is_committed(page: Path) -> None:
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())
    assert {page.parent / name for name in shown} <= set(FILES)
