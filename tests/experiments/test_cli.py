"""What is typed wrongly gets one sentence and exit code 2; help is worth reading."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protogov.experiments import cli
from protogov.experiments.cli import COMMANDS, main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.command_line import parse
from protogov.experiments.core.paths import RunFolder, latest_run_folder, new_run_folder
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.studies import STUDIES
from protogov.experiments.training import train


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """Standard error of a command that must fail: one sentence on one line."""
    assert main(list(arguments)) == code
    said = capsys.readouterr().err
    assert said.startswith("protogov: ") and said.endswith(".\n") and said.count("\n") == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["tarin"],
            "'tarin' is not a command of protogov; commands are first-light, train, evaluate, emergence, diff, "
            "simulate, dataset, study, tune, features, scenarios, zoo, export-evm, verify, report, bench, warm-up, "
            "smoke",
        ),
        (["train"], "NAME"),
        (["train", "a", "--bogus", "1"], "--bogus"),
        (["train", "a", "--seeds", "x"], "--seeds"),
        (["train", "a", "--seeds", "1", "1"], "seeds are (1, 1)"),
        (["train", "a", "--seeds", "-1"], "seeds are (-1,)"),
        (["train", "a", "--seeds", "1099511"], "different whole numbers from 0 to 1099510 are accepted"),
        (["train", "a", "--worlds", "0"], "worlds is 0"),
        (["train", "a", "--processes", "0"], "processes is 0"),
        (["train", "a", "--market-hours", "nan"], "market_hours is nan"),
        (["train", "a", "--ppo.num-steps", "0"], "num_steps is 0"),
        (["train", "a", "--ppo.activation", "gelu"], "'gelu'"),
        (["train", "a", "--world.venues", "3"], "venues = 3"),
        (["train", "a", "--world.roles", "rate", "rate"], "roles"),
        (["train", "a", "--world.observe", "latent"], "set privileged = True for it"),
        (["train", "a", "--world.levers", "half_spread=9"], "half_spread"),
        (["train", "a", "--world.levers", "half_sprade=0.02"], "'half_sprade'"),
        (["train", "a", "--world.parameters", "gas_cost"], "name=value"),
        (["train", "a", "--world.parameters", "gas_cost=cheap"], "'cheap'"),
        (["train", "a", "--world.parameters", "gas_cost=-1"], "gas_cost"),
        (["train", "a/b"], "name is 'a/b'"),
        (["train", ".."], "name is '..'"),
        (["train", "a", "--scenario", "jmup"], "known are between-crises, calm, crash-heldout"),
        (["train", "a", "--scenario", "crash-heldout"], "never trained or tuned on"),
        (["train", "a", "--scenario", "crisis-2020-03"], "never trained or tuned on"),
        (["train", "a", "--scenario", "nowhere.csv"], "nowhere.csv"),
        (["train", "a", "--resume"], "no such folder of a run"),
        (["tune", "--out", "t.json", "--world.observe", "chain"], "the linear rule reads outside_yield"),
        (["evaluate", "nowhere"], "nowhere"),
        (["evaluate"], "out is missing"),
        (["evaluate", "--out", "x"], "nothing to compare"),
        (["evaluate", "--out", "x", "--baselines", "greedy"], "known are static, adaptive_curve"),
        (["evaluate", "--out", "x", "--baselines", "random", "--episodes", "1"], "episodes is 1"),
        (["evaluate", "--out", "x", "--baselines", "random", "--scenarios", "jmup"], "'jmup'"),
        (["simulate", "--out", "x", "--scenario", "nowhere.csv"], "nowhere.csv"),
        (["simulate", "--out", "x", "--seeds", "-1"], "seeds are (-1,)"),
        (["simulate", "--out", "x", "--seeds", "18446744073709551616"], "from 0 to 2**64 - 1 are accepted"),
        (["simulate", "static", "random", "--out", "x"], "one baseline"),
        (["simulate"], "--out"),
        (["report"], "FOLDER"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = ["--runs", "runs"] if arguments[0] == "train" and len(arguments) > 1 else []
    assert expected in complaint(capsys, *arguments, *runs)
    assert list(tmp_path.iterdir()) == []  # refused before anything was written


def test_training_does_not_overwrite_a_run(trained: RunFolder, capsys):
    before = trained.config.read_bytes()
    said = complaint(capsys, "train", "tiny", "--runs", str(trained.path.parent))
    assert "already holds a run; give --resume" in said
    assert trained.config.read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["--worlds", "8"], "worlds is 8, and the run to resume has 4"),
        (["--seeds", "3"], "seeds"),
        (["--ppo.gamma", "0.5"], "ppo"),
        (["--world.decision-hours", "3"], "world"),
    ],
)
def test_a_resumed_run_stays_what_it_is(trained: RunFolder, capsys, changed, expected):
    said = complaint(capsys, "train", "tiny", "--runs", str(trained.path.parent), "--resume", *changed)
    assert expected in said


def test_a_run_keeps_its_world(trained: RunFolder, capsys):
    said = complaint(capsys, "evaluate", str(trained.path), "--world.decision-hours", "3")
    assert "play in the world of their run" in said
    said = complaint(capsys, "simulate", str(trained.path), "--training-seed", "4", "--out", "x")
    assert "training_seed is 4; seeds with a checkpoint are 3, 5" in said


def test_damaged_files_are_named(trained: RunFolder, capsys, tmp_path):
    folder = RunFolder(tmp_path / "tiny")
    shutil.copytree(trained.path, folder.path)
    folder.config.write_text("{")
    assert "config.json: cannot be read as JSON" in complaint(capsys, "report", str(folder.path))
    folder.config.write_text(json.dumps({"format": "another"}))
    assert "is not the configuration of a protogov-run" in complaint(capsys, "report", str(folder.path))
    shutil.copy(trained.config, folder.config)
    policy = next(folder.path.glob("seed_3/checkpoints/*/policy_risk_0.safetensors"))
    policy.write_bytes(policy.read_bytes()[:-8])
    said = complaint(capsys, "evaluate", str(folder.path), "--scenarios", "jump", "--episodes", "2")
    assert "policy_risk_0.safetensors" in said and "cut short" in said
    said = complaint(capsys, "train", "tiny", "--runs", str(tmp_path), "--resume")
    assert "policy_risk_0.safetensors" in said


def test_policies_must_fit_the_world(trained: RunFolder, capsys, tmp_path):
    source = next(trained.path.glob("seed_3/checkpoints/*/policy_rate_0.json"))
    both = [str(source), str(next(trained.path.glob("seed_5/checkpoints/*/policy_rate_0.json")))]
    common = ["--out", str(tmp_path / "out"), "--scenarios", "jump", "--episodes", "2"]
    assert "second policy for rate_0" in complaint(capsys, "evaluate", *both, *common)
    said = complaint(capsys, "evaluate", str(source), *common, "--world.decision-hours", "3")
    assert "decides every 6 hours" in said
    said = complaint(capsys, "evaluate", str(source), *common, "--world.roles", "risk")
    assert "the world's agents are risk_0" in said
    for part in (source, source.with_suffix(".safetensors")):
        shutil.copy(part, tmp_path)
    changed = json.loads(source.read_text()) | {"features": ["x", *json.loads(source.read_text())["features"][1:]]}
    (tmp_path / source.name).write_text(json.dumps(changed))
    said = complaint(capsys, "evaluate", str(tmp_path / source.name), *common)
    assert "train it again" in said
    assert not (tmp_path / "out").exists()


def test_a_failed_check_is_exit_code_one(capsys, monkeypatch):
    class Module:
        Options = cli.import_module("protogov.experiments.commands.report").Options

        @staticmethod
        def run(options, command):
            raise CheckFailed("books of world 3 do not balance")

    assert cli.run_command(Module, ["x"], "protogov report") == 1
    assert capsys.readouterr().err == "protogov: books of world 3 do not balance.\n"


def test_an_error_of_ours_is_not_called_bad_input():
    class Module:
        Options = cli.import_module("protogov.experiments.commands.report").Options

        @staticmethod
        def run(options, command):
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        cli.run_command(Module, ["x"], "protogov report")


def test_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([]) == 0
    text = capsys.readouterr().out
    for name, (_, line) in COMMANDS.items():
        assert f"  {name}" in text and line in text
    named = [[name] for name in COMMANDS if name != "study"] + [["study", name] for name in STUDIES]
    for command in named:
        with pytest.raises(SystemExit) as end:
            main([*command, "--help"])
        assert end.value.code in (0, None)
        told = capsys.readouterr().out
        assert "Example: protogov" in told
        assert told.startswith(f"usage: protogov {' '.join(command)}")
        assert all(len(line) <= 80 or "/" in line for line in told.splitlines())  # a default may be a long path


def test_help_of_protogov_loads_nothing_heavy():
    code = (
        "import sys; from protogov.experiments.cli import main; main([]); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'matplotlib', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60).returncode == 0


def test_run_folders_are_numbered(tmp_path: Path):
    assert latest_run_folder(tmp_path, "a") is None
    for expected in ("a", "a-2", "a-3"):
        folder = new_run_folder(tmp_path, "a")
        assert folder.name == expected
        folder.path.mkdir()
        found = latest_run_folder(tmp_path, "a")
        assert found is not None and found.name == expected


def test_bad_input_is_a_value_error():
    assert issubclass(BadInput, ValueError)


@pytest.mark.parametrize("name", ["simulate", "train", "evaluate", "tune", "study stress", "study audit"])
def test_every_command_that_builds_a_world_takes_a_member(name, capsys):
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    assert "--member" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["calibration", "scales", "lp_rounds", "prediction", "sweeps"])
def test_every_study_that_builds_a_world_takes_a_member(name, capsys):
    assert main(["study", name, "--member", "w99"]) == 2
    assert "member = 'w99'" in capsys.readouterr().err


def test_a_member_is_written_into_the_configuration_of_a_run():
    world = parse(train.Options, ["a", "--member", "w02"], "train").world
    assert world.make().member == "w02" == WorldOptions(member="w02").make().to_dict()["member"]
    with pytest.raises(BadInput, match="member = 'w99'"):
        WorldOptions(member="w99").make()
    with pytest.raises(BadInput, match="parameters set supplier_need"):
        WorldOptions(member="w02", parameters=("supplier_need=.1",)).make()
