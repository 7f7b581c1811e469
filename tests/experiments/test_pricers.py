"""A pricer of the option pool on the command line: read, refused, played, written down, and kept by a run."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.governors import baseline
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import record
from protogov.experiments.core.tables import read_csv
from protogov.experiments.errors import BadInput


def test_pricers_are_read_venue_by_venue() -> None:
    asked = WorldOptions(size="rivals", pricers=("1=implied", "0=ewma"))
    assert asked.make() == WorldConfig(size="rivals", pricers={1: "implied", 0: "ewma"})


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (("ewma",), r"--pricers 'ewma' must read venue=pricer, for example 0=ewma"),
        (("0=ewma", "0=implied"), "--pricers gives 0 both ewma and implied"),
        (("1=ewma",), "pricers names venue '1'; 0 to 0 are accepted"),
        (("0=lyra",), r"pricers\[0\] = 'lyra': it is no pricer; accepted: implied, ewma, zoo/pricer, or the path"),
        (("0=nowhere.json",), "nowhere.json"),
    ],
)
def test_what_no_pool_can_have_is_refused(items: tuple[str, ...], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        WorldOptions(pricers=items).make()


def test_a_world_is_simulated_with_a_pricer(tmp_path: Path) -> None:
    arguments = ["--world.size", "tiny", "--world.pricers", "0=zoo/pricer", "--against", "None", "--format", "csv"]
    assert main(["simulate", "static", *arguments, "--out", str(tmp_path)]) == 0
    world = json.loads((tmp_path / "manifest.json").read_text())["facts"]["world"]
    assert world["pricers"] == {"0": "zoo/pricer"}
    quoted = read_csv(tmp_path / "decisions.csv")["net_vega"]
    config = replace(WorldConfig.from_dict(world), pricers={})
    plain = record(config, "jump", np.zeros(1, np.uint64), baseline("static", config).make(config))
    assert len(plain.decisions["net_vega"]) == len(quoted) and (plain.decisions["net_vega"] != quoted).any()


@pytest.mark.long
def test_a_run_goes_on_with_its_pricer(tmp_path: Path, tiny: list[str]) -> None:
    arguments = ["--market-hours", "288", *tiny, "--world.roles", "spread", "--world.pricers", "0=ewma"]
    assert main(["train", "quoted", "--runs", str(tmp_path), *arguments]) == 0
    run = RunFolder(tmp_path / "quoted")
    assert json.loads(run.config.read_text())["world"]["pricers"] == {"0": "ewma"}
    assert main(["train", "quoted", "--runs", str(tmp_path), "--resume"]) == 0
    out = tmp_path / "out"
    arguments = ["--no-natural", "--scenarios", "jump", "--episodes", "2", "--no-controls"]
    assert main(["evaluate", str(run.path), *arguments, "--out", str(out)]) == 0  # in the world of the run
