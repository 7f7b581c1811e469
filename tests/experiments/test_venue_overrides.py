"""Unlike venues on the command line: read, refused, and written into what was played."""

import json
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.experiments.cli import main
from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording
from protogov.experiments.core.tables import select
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.dashboard import View
from protogov.experiments.training import train


def test_overrides_are_read_venue_by_venue() -> None:
    asked = WorldOptions(
        size="rivals",
        member="w02",
        venue_overrides=("1.supply_size=4e7", "0.reserve_factor=0.2", "1.num_lps=2", "0.oracle_delay=12"),
    )
    overrides = [{"reserve_factor": 0.2, "oracle_delay": 12}, {"supply_size": 4e7, "num_lps": 2}]
    assert asked.make() == WorldConfig(size="rivals", member="w02", venue_overrides=overrides)
    assert WorldOptions(venues=2).make().venue_overrides == ()


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("supply_size=4e7", r"'supply_size=4e7' must read venue.name=value, venue 0 to 1"),
        ("2.supply_size=4e7", "must read venue.name=value, venue 0 to 1"),
        ("1.supply=4e7", "names 'supply'; known are"),
        ("1.supply_size=much", "gives supply_size the value 'much'; a number is accepted"),
        ("1.lasting_share=0.1", "it is the same at all venues"),
        ("1.close_factor=2", "close_factor = 2"),
    ],
)
def test_what_no_venue_can_have_is_refused(item: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        WorldOptions(venues=2, venue_overrides=(item,)).make()


def test_a_run_writes_the_overrides_down_and_goes_on_with_them(tmp_path: Path, tiny: list[str]) -> None:
    arguments = ["--market-hours", "288", *tiny, "--world.roles", "rate", "--world.venues", "2"]
    arguments += ["--world.venue-overrides", "1.options_on=0", "--world.venue-overrides", "1.reserve_factor=0.3"]
    assert main(["train", "unlike", "--runs", str(tmp_path), *arguments]) == 0
    run = RunFolder(tmp_path / "unlike")
    written = json.loads(run.config.read_text())["world"]
    assert written["venue_overrides"] == [{}, {"options_on": 0, "reserve_factor": 0.3}]
    assert train.run_to_resume(run).world == WorldConfig.from_dict(written)
    out = tmp_path / "out"
    arguments = ["--no-natural", "--scenarios", "jump", "--episodes", "2", "--no-controls"]
    assert main(["evaluate", str(run.path), *arguments, "--out", str(out)]) == 0  # in the world of the run


def test_a_recording_has_the_oracle_of_each_venue(tmp_path: Path) -> None:
    arguments = ["--world.size", "tiny", "--world.venues", "2", "--scenario", "jump", "--seeds", "7"]
    arguments += ["--world.venue-overrides", "1.oracle_pause_hours=1e6", "--out", str(tmp_path)]
    assert main(["simulate", "random", *arguments]) == 0
    recording = Recording.load(tmp_path)
    for venue, name in enumerate(("oracle_close", "oracle_close_1")):
        seen = select(recording.decisions, recording.decisions["venue"] == venue)
        np.testing.assert_array_equal(recording.hours[name][seen["hour"]], seen["oracle_price"])
        view = View.of(recording, 0, venue)
        np.testing.assert_array_equal(view.hours["oracle_close"], recording.hours[name])
    # the first one follows the market, the second is paused
    assert np.ptp(recording.hours["oracle_close"]) > 0.0 and np.ptp(recording.hours["oracle_close_1"]) == 0.0
