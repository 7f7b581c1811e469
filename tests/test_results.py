"""What is committed under results: small pictures, short tables, one manifest, and pages whose links lead somewhere."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, MANIFEST
from protogov.experiments.studies import STUDIES

ROOT = Path(__file__).parents[1]


def committed() -> list[Path]:
    """Files of results that git keeps; all files of a copy without git, those apart that it would ignore."""
    try:
        said = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=True)
        found = [ROOT / line for line in said.stdout.splitlines()]
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in (ROOT / "results").glob("*/*") if path.suffix != ".parquet"]
    return [path for path in found if path.is_file()]


FOLDERS = sorted({path.parent for path in committed() if path.name == MANIFEST})
# measured before studies had one shape; each goes from here when its command has been run again
OLD = ("leaderboard",)


def test_what_is_old_is_still_old() -> None:
    """A folder that was made anew must leave the list, so that the limits hold for it."""
    manifests = {folder.name: json.loads((folder / MANIFEST).read_text()) for folder in FOLDERS}
    assert {name for name, about in manifests.items() if "study" not in about} == set(OLD)


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder.name not in OLD], ids=lambda path: path.name)
def test_a_folder_is_small_and_says_what_made_it(folder: Path) -> None:
    files = [path for path in committed() if path.parent == folder]
    about = json.loads((folder / MANIFEST).read_text())
    assert about["study"] in STUDIES
    for part in about.get("parts", {}).values() or [about]:
        assert part["command"].startswith(("protogov ", "python -m protogov.")) and part["made"] and part["versions"]
    assert not [path.name for path in files if path.suffix in (".svg", ".parquet")]
    assert all(path.stat().st_size <= LARGEST_FIGURE for path in files if path.suffix == ".png")
    assert sum(path.stat().st_size for path in files) <= LARGEST_FOLDER
    shown = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert {folder / name for name in shown} <= set(files)
