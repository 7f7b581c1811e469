"""An experiment in one file: trained from it, written down resolved, and repeated bit for bit from what was written."""

import csv
import json
import tomllib
from pathlib import Path

import pytest

from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.training import train

EXAMPLE = Path(__file__).parents[3] / "examples" / "experiment.toml"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, trained."""
    folder = tmp_path_factory.mktemp("runs")
    assert main(["train", "--config", str(EXAMPLE), "--runs", str(folder)]) == 0
    return folder


def weights(run: RunFolder) -> dict[str, bytes]:
    """Of every policy, by its place in the folder."""
    paths = run.path.glob("seed_*/checkpoints/*/*.safetensors")
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


def metrics(run: RunFolder) -> list[dict[str, str]]:
    """Of all seeds, without what a clock wrote."""
    rows: list[dict[str, str]] = []
    for path in sorted(run.path.glob("seed_*/metrics.csv")):
        with path.open(newline="") as file:
            rows += [
                {name: value for name, value in row.items() if "second" not in name} for row in csv.DictReader(file)
            ]
    return rows


def asked(run: RunFolder) -> dict[str, object]:
    """What config.json says of the experiment."""
    found = json.loads(run.config.read_text())
    return {name: value for name, value in found.items() if name not in ("name", "command", "started")}


def test_a_file_is_what_its_options_would_be(runs: Path) -> None:
    given = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    run = RunFolder(runs / "experiment")
    written, found = tomllib.loads(run.options.read_text(encoding="utf-8")), asked(run)
    for name in ("scenario", "seeds", "worlds", "market_hours"):
        assert written[name] == given[name]
    for section in ("world", "ppo"):
        assert written[section] == written[section] | given[section]
    # resolved: what the size fills in stands there
    assert (written["world"]["venues"], written["world"]["decision_hours"]) == (1, 6)
    assert found["settings"]["gamma"] == 0.99 and found["settings"]["target_kl"] is None
    assert found["world"]["background"] == {"risk_0": "steward_var"} and found["world"]["defaults"] == {
        "base_rate": 0.02
    }
    assert list(found["agents"]) == ["rate_0", "spread_0"]


def test_what_was_written_repeats_the_run(runs: Path) -> None:
    first = RunFolder(runs / "experiment")
    assert main(["train", "--config", str(first.options), "--runs", str(runs)]) == 0
    again = RunFolder(runs / "experiment-2")  # named after the folder that the file lies in
    assert asked(again) == asked(first)
    assert metrics(again) == metrics(first) and len(weights(first)) == 4 and weights(again) == weights(first)
    told = [run.options.read_text(encoding="utf-8").splitlines() for run in (first, again)]
    assert told[0][1:] == told[1][1:] and told[0][0].startswith("# The options of this run.")


def test_what_is_typed_wins_and_is_written(runs: Path) -> None:
    typed = ["--seeds", "3", "--ppo.gamma", "0.5", "--world.decision-hours", "12", "--member", "w02"]
    assert main(["train", "other", "--config", str(EXAMPLE), "--runs", str(runs), *typed]) == 0
    written = tomllib.loads(RunFolder(runs / "other").options.read_text(encoding="utf-8"))
    assert (written["seeds"], written["ppo"]["gamma"]) == ([3], 0.5)
    assert (written["world"]["decision_hours"], written["world"]["member"]) == (12, "w02")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ppo]\ngamma = 2", "gamma is 2.0; accepted: a number from 0 to 1"),
        ("worlds = 0", "worlds is 0; a whole number of at least 1 is accepted"),
        ("scenario = 'crash-heldout'", "never trained or tuned on"),
        ("[world]\nvenues = 3", "venues = 3 must be a whole number between 1 and 2"),
        ("[world]\nlevers = ['base_rate=9']", "base_rate"),
        ("[ppo]\ngama = 0.9", "ppo.gama is no option, did you mean ppo.gamma"),
    ],
)
def test_what_is_wrong_in_it_is_one_sentence_with_the_file(text: str, said: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    assert main(["train", "--config", str(path), "--runs", str(tmp_path / "runs")]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"protogov: {path}: ") and told.count("\n") == 1 and said in told
    assert [one.name for one in tmp_path.iterdir()] == ["own.toml"]


def test_a_run_needs_a_name_from_somewhere(tmp_path: Path, capsys) -> None:
    for words in ([], ["--resume", "--config", str(EXAMPLE)]):
        assert main(["train", "--runs", str(tmp_path), *words]) == 2
        assert "NAME is missing" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["full", "core", "rivals", "tiny"])
def test_a_resolved_world_is_the_same_world(size: str) -> None:
    for asked_for in (WorldOptions(size=size), WorldOptions(size=size, episode_hours=24, roles=("rate",))):
        made = asked_for.make()
        resolved = asked_for.resolved(made)
        assert resolved.make() == made and resolved.episode_hours == made.episode_hours and resolved.roles


def test_first_light_s_runs_can_be_repeated_by_train(tmp_path: Path) -> None:
    """Its budget is decided after the options were read, and must stand in the file."""
    from protogov.experiments.training import first_light

    options = first_light.Options(runs=tmp_path, worlds=4, market_hours=1e4)
    folder, config = first_light.begin(options, "protogov first-light")
    config = train.with_budget(config, 700.0)
    train.write_configuration(folder, first_light.train_options(options, folder), config)
    written = tomllib.loads(folder.options.read_text(encoding="utf-8"))
    assert written["market_hours"] == 700.0 and written["ppo"]["checkpoint_every"] == 10
