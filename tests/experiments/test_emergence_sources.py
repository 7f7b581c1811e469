"""A stored cell of the study of coexistence is examined as a run is: all its parts, every training seed a unit."""

import json
import shutil
from dataclasses import asdict, replace
from math import inf

import numpy as np
import pytest

from protogov.agents.policies.policy import load_policy_file
from protogov.agents.tuning.networks import Networks
from protogov.experiments.cli import main
from protogov.experiments.commands import emergence
from protogov.experiments.commands.emergence_sources import read_trained
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.coexistence.cells import Cell
from protogov.experiments.studies.coexistence.start import find_start
from protogov.experiments.studies.emergence import laboratory, reductions
from protogov.experiments.studies.emergence.writing import FILE, PAGE

CELL = Cell("evolution", 1.0, 2, inf)
WORLD = replace(CELL.world("tiny"), episode_hours=10)
START = find_start(WORLD, "tuned-mix")
MADE = {"algorithm": CELL.algorithm, "scenario": "mix", "hours": 2.5e6, "start": asdict(START)}
CHECKPOINTS = 4


def weights(seed, checkpoint):
    """Unlike all others; the seeds of a part are near each other, so that a path has a direction."""
    networks = Networks(WORLD)
    draw = np.random.default_rng(seed)
    start = networks.start(np.full(len(networks.levers), 0.1))
    return (start + 0.1 * (1 + checkpoint) * draw.normal(size=networks.size)).astype(np.float32)


def keep(folder, seeds, failed=(), made=MADE):
    """A part of the cell, as the study stores it."""
    size = Networks(WORLD).size
    tables = [
        {**{f"after_{k}": weights(seed, k) for k in range(CHECKPOINTS)},
         **{f"hours_{k}": np.full(size, 1e6 + 100.0 * k) for k in range(CHECKPOINTS)},
         **{name: np.ones(size) for name in store.SPENT}}
        if seed not in failed
        else {store.FAILED: np.array(["rate_0 diverged"]), **{name: np.ones(1) for name in store.SPENT}}
        for seed in seeds
    ]  # fmt: skip
    name = f"{CELL.name}_{seeds[0]}"
    store.write_cell(folder, name, WORLD, {**made, "seeds": list(seeds)}, tables, seeds, "protogov study coexistence")
    return folder / f"{name}.json"


@pytest.fixture
def stored(tmp_path):
    """Parts of the seeds 0, 1 and 8, 9, 10, of which 9 diverged; beside them a cell whose name begins alike."""
    folder = tmp_path / "policies"
    paths = [keep(folder, (0, 1)), keep(folder, (8, 9, 10), failed=(9,))]
    for suffix in (".json", ".safetensors"):
        shutil.copy(paths[0].with_suffix(suffix), folder / f"{CELL.name}-2_0{suffix}")
    return paths


def test_a_cell_is_examined_with_all_its_seeds_and_checkpoints(stored, tmp_path, monkeypatch, capsys):
    seen, examine = [], laboratory.examine
    monkeypatch.setattr(emergence, "examine", lambda *given: seen.append(given) or examine(*given))
    monkeypatch.setattr(laboratory, "PARTS", (reductions._cross_play, reductions._training))
    monkeypatch.setattr(laboratory.self_test, "self_test", lambda sessions: [])
    out = tmp_path / "out"
    given = ["--tier", "smoke", "--stress", "jump", "--crisis", "jump", "--jobs", "1", "--out", str(out)]
    assert main(["emergence", str(stored[1]), *given]) == 0
    ((subject, setting, *_),) = seen
    assert subject.training_seeds == (0, 1, 8, 10) and setting.world == WORLD
    assert subject.name == f"cell {CELL.name} without seed 9, whose learning failed"
    for seed, seats in zip(subject.training_seeds, subject.members, strict=True):
        policies = [load_policy_file(out.parent / dict(seats)[agent.name]) for agent in WORLD.learners()]
        np.testing.assert_array_equal(START.networks(WORLD).point(policies), weights(seed, CHECKPOINTS - 1))
    report = json.loads((out / FILE).read_text())
    assert report["facts"]["units"] == "training seeds" and report["facts"]["training_seeds"] == 4
    assert set(read_csv(out / "cross_play.csv")["visitor"].tolist()) == {0, 1, 2, 3} and not report["missing"]
    assert "No paths" not in (out / PAGE).read_text()
    ways = setting.checkpoints(subject.training_seeds)
    assert [hours for hours, _ in ways[8]] == [1e6, 1e6 + 100, 1e6 + 200, 1e6 + 300]
    (first,) = ways[10][0][1].members
    policies = [load_policy_file(out.parent / dict(first)[agent.name]) for agent in WORLD.learners()]
    np.testing.assert_array_equal(START.networks(WORLD).point(policies), weights(10, 0))
    # the same command goes on from finished pieces: policies lie where they lay
    pieces = {path.name for path in (out / "pieces").iterdir()}
    assert main(["emergence", str(stored[0]), *given]) == 0
    assert {path.name for path in (out / "pieces").iterdir()} == pieces
    capsys.readouterr()


def test_where_nothing_is_named_the_report_of_a_cell_is_beside_runs(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(emergence, "runs_folder", lambda: tmp_path / "runs")
    place = emergence._default_place(emergence.Options(run=(stored[0],)))
    assert place == tmp_path / "runs" / CELL.name / "emergence"
    assert emergence._default_place(emergence.Options(run=(tmp_path,))) == tmp_path / "emergence"


def test_what_is_no_cell_or_not_of_one_training_is_refused(stored, tmp_path):
    path = stored[0]
    with pytest.raises(BadInput, match=r"none\.json: .*"):
        read_trained(tmp_path / "none.json", tmp_path / "unpacked")
    (tmp_path / "policy.json").write_text('{"format": "protogov-policy"}')
    with pytest.raises(BadInput, match="is of the format 'protogov-policy', not protogov-cell"):
        read_trained(tmp_path / "policy.json", tmp_path / "unpacked")
    keep(path.parent, (4, 5), made={**MADE, "hours": 1.0})
    with pytest.raises(BadInput, match=f"{CELL.name}_4.json: was trained in another world, or with other options"):
        read_trained(path, tmp_path / "unpacked")
    about = json.loads(path.read_text())
    del about["made_with"]
    path.write_text(json.dumps(about))
    with pytest.raises(BadInput, match=r"_0\.json: does not describe a cell \('made_with'\)"):
        read_trained(path, tmp_path / "unpacked")
