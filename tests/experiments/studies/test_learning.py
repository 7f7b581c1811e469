"""The study of learning end to end in a tiny world: every stage runs, resumes, and says that it is not registered."""

import json
from pathlib import Path

import pytest

from protogov.experiments.cli import main
from protogov.experiments.studies.learning import (
    ceilings,
    imagination,
    leave_out,
    opponents,
    options,
    preregistration,
    runs,
    screening,
)
from protogov.experiments.studies.learning.planner import Planner

SMALL = ["study", "learning", "--size", "tiny", "--candidates", "linear", "evolution", "ppo", "--hours", "224", "--seeds",
         "2", "--tapes", "2", "--states", "4", "--members", "w01", "--generations", "1", "--worlds", "4", "--forms",
         "cooperative", "selfish", "--jobs", "1"]  # fmt: skip


@pytest.fixture(scope="module")
def patched():
    """Searches, planners and crises so few that seconds are enough."""
    with pytest.MonkeyPatch.context() as patch:
        few = {"POPULATION": 4, "TAPES": 2, "PARTS": ("calm", "regimes", "self-exciting", "jump", *opponents.CRISES)}
        for name, value in few.items():
            patch.setattr(opponents, name, value)
        patch.setattr(opponents, "CRISES", opponents.CRISES[:1])
        patch.setattr(leave_out, "CRISES", opponents.CRISES[:1])
        patch.setattr(runs, "POPULATION", {"network": 4, "linear": 4})
        patch.setattr(runs, "TAPES", {"network": 2, "linear": 2})
        patch.setattr(ceilings, "PLANNER", Planner(candidates=2, rounds=1, hold=24, horizon=24, branches=1))
        patch.setattr(imagination, "LIBRARY", 4)
        # ppo alone would win or lose by chance
        patch.setattr(screening, "choose", lambda rows, size: (["ppo"], ["ppo goes on, as this test wants it."]))
        yield patch


@pytest.fixture(scope="module")
def whole(tmp_path_factory, patched):
    """The folder of a study whose stages have all run, the sealed test apart."""
    out = tmp_path_factory.mktemp("study") / "learning"
    assert main([*SMALL, "--out", str(out)]) == 0
    return out


def facts(out: Path, stage: str) -> dict:
    return json.loads((out / stage / "manifest.json").read_text())["facts"][stage]


def test_every_stage_runs_and_says_that_it_is_reduced(whole):
    for stage in options.STAGES[1:]:
        page = (whole / stage / "README.md").read_text()
        assert page.splitlines()[2].startswith("Reduced run, not the registered study (size tiny instead of core full;")
        assert facts(whole, stage)["preregistration"] == preregistration.digest()
    assert "verdict" not in (whole / "evaluation" / "README.md").read_text()
    assert (whole / "preregistration.md").read_text() == preregistration.render()
    index = (whole / "README.md").read_text()
    assert "## Not measured yet\n\nfinal:" in index and "![effects](evaluation/effects.png)" in index
