"""Governors in the background from the command line: simulate, train, resume, evaluate, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from protogov.envs import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording
from protogov.experiments.core.tables import read_table
from protogov.experiments.errors import BadInput
from protogov.experiments.training import train
from protogov.experiments.training.learned import latest
from protogov.experiments.training.seed import Progress, SeedJob, train_seed

RIVAL = ["--world.roles", "rate", "--world.venues", "2", "--background", "risk_0=steward_var", "--background"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny: list[str]) -> RunFolder:
    """One learner on venue 0 against a rule on venue 1; three rollouts."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ["--market-hours", "288", *tiny, *RIVAL, "rate_1=pi"]
    assert main(["train", "rival", "--runs", str(runs), *arguments]) == 0
    return RunFolder(runs / "rival")


def weights(seed_folder: Path) -> list[bytes]:
    place = latest(seed_folder)
    assert place is not None
    return [path.read_bytes() for path in sorted(place.glob("*.safetensors"))]


def test_simulate_plays_the_background_as_it_plays_governors(tmp_path: Path):
    common = ["--seeds", "4", "9", "--world.episode-hours", "48", "--against", "None"]
    tables = []
    for name, arguments in (
        ("outside", ["steward_var"]),
        ("inside", ["static", "--world.roles", "rate", "--background", "risk=steward_var"]),
        ("still", ["static"]),
    ):
        assert main(["simulate", *arguments, *common, "--out", str(tmp_path / name)]) == 0
        tables.append(Recording.load(tmp_path / name).decisions)
    outside, inside, still = tables
    assert set(outside) - set(inside) == {"mandate_spread"}  # nobody has that seat
    for name, column in inside.items():
        assert np.array_equal(column, outside[name], equal_nan=column.dtype.kind == "f"), name
    assert not np.array_equal(inside["ltv_gap"], still["ltv_gap"])


def test_a_run_writes_down_its_background_and_goes_on_with_it_bit_for_bit(run: RunFolder, tmp_path: Path):
    written = json.loads(run.config.read_text())
    assert written["world"]["background"] == {"risk_0": "steward_var", "rate_1": "pi"}
    assert list(written["agents"]) == ["rate_0"]  # who learned
    config = train.run_to_resume(run)
    told: list[Progress] = []
    first = train_seed(SeedJob(config, 0, tmp_path), told.append, lambda: len(told) == 1)
    second = train_seed(SeedJob(config, 0, tmp_path, resume=True), told.append, lambda: False)
    assert (first.rollout, second.rollout) == (1, 3)
    assert weights(tmp_path) == weights(run.path) and len(weights(run.path)) == 1


def test_evaluate_keeps_the_rival_and_tells_its_payoff(run: RunFolder, tmp_path: Path):
    arguments = ["--no-natural", "--scenarios", "jump", "--episodes", "2", "--no-controls"]
    assert main(["evaluate", str(run.path), *arguments, "--out", str(tmp_path / "out")]) == 0
    table = read_table(tmp_path / "out" / "episodes.parquet")
    assert set(table["governors"].tolist()) == {"static", "learned"}
    assert {"mandate/rate_0", "mandate/risk_0", "mandate/rate_1"} <= set(table)
    moved = table["lever/1/base_rate"], table["lever/1/slope1"]
    assert any((column != column[0]).any() for column in moved)  # pi answers the tape
    # the frozen policy as a rival of somebody else
    policy = latest(run.path) / "policy_rate_0.json"  # type: ignore[operator]
    arguments = ["--world.roles", "rate", "--world.venues", "2", "--world.episode-hours", "24", "--against", "None"]
    assert main(["simulate", *arguments, "--background", f"rate_1={policy}", "--out", str(tmp_path / "s")]) == 0


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("risk_0", "--background 'risk_0' must read seat=governor, for example risk_0=steward_var"),
        ("risk_0=", "must read seat=governor"),
        ("risk_7=pi", "background names 'risk_7', known are the seats rate_0,"),
        ("risk=stewart", "background['risk_0'] = 'stewart': governor is 'stewart'; accepted: adaptive_curve,"),
        ("risk=pi", "governor 'pi' sets base_rate"),
        ("risk=nowhere/policy_risk_0.json", "nowhere/policy_risk_0.json: there is no such file"),
    ],
)
@pytest.mark.parametrize("command", ["train", "simulate", "evaluate"])
def test_bad_input_gets_one_sentence(command, item, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rest = {"train": ["a", "--runs", "r"], "simulate": ["--out", "o"], "evaluate": ["--out", "o", "--baselines", "pi"]}
    assert main([command, *rest[command], "--background", item]) == 2
    said = capsys.readouterr().err
    assert expected in said and said.count("\n") == 1 and said.startswith("protogov: ")
    assert list(tmp_path.iterdir()) == []


def test_a_seat_is_given_once_and_in_the_background_nobody_else_sits():
    options = WorldOptions(background=("risk=steward_var",))
    assert options.make() == WorldConfig(background={"risk_0": "steward_var"})
    with pytest.raises(BadInput, match="--background gives risk both steward_var and constant"):
        WorldOptions(background=("risk=steward_var", "risk=constant")).make()


def test_a_run_whose_rival_is_gone_says_so(run: RunFolder, tmp_path: Path, capsys):
    folder = tmp_path / "rival"
    shutil.copytree(run.path, folder)
    data = json.loads((folder / "config.json").read_text())
    data["world"]["background"]["rate_1"] = "gone.json"
    (folder / "config.json").write_text(json.dumps(data))
    for arguments in (["train", "rival", "--resume", "--runs", str(tmp_path)], ["evaluate", str(folder)]):
        assert main(arguments) == 2
        assert "background['rate_1'] = 'gone.json': gone.json: there is no such file" in capsys.readouterr().err
    assert main(["train", "rival", "--resume", "--runs", str(run.path.parent), *RIVAL, "rate_1=constant"]) == 2
    assert "the world in the options is not that of the run to resume" in capsys.readouterr().err
