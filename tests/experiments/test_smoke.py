"""`protogov smoke`: seven interfaces agree with the package's numbers, and what is wrong turns the exit code."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from protogov.envs import Simulator, WorldConfig
from protogov.experiments import smoke
from protogov.experiments.cli import main


def test_all_interfaces_agree_with_the_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["smoke"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["ok"] * len(smoke.INTERFACES)
    assert all(name in line and "48 decisions" in line for name, line in zip(smoke.INTERFACES, lines, strict=True))


def test_another_number_or_a_break_is_exit_code_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = smoke.golden_numbers()
    numbers["single"]["rate_0"][3] *= 1.001
    changed = tmp_path / "smoke.json"
    changed.write_text(json.dumps(numbers))

    def breaks() -> smoke.Rewards:
        raise RuntimeError("the world\nis gone")

    monkeypatch.setattr(smoke, "GOLDEN", changed)
    kept = {name: smoke.INTERFACES[name] for name in ("gym.make", "Simulator")}
    monkeypatch.setattr(smoke, "INTERFACES", {**kept, "broken": ("single", breaks)})
    assert main(["smoke"]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("FAILED") and "rate_0: 0.0083" in first and "in decision 3" in first
    assert second.startswith("ok") and "digest" in second
    assert third.split(maxsplit=2)[2] == "RuntimeError: the world is gone"


def play(config: WorldConfig, change: float = 0.0) -> smoke.Rewards:
    world = Simulator(config, scenario=smoke.SCENARIO)
    world.reset(seeds=smoke.SEED)
    world.worlds["venues"]["account_reservation_rate"] *= 1.0 + change
    steps = [
        world.step({name: smoke.lever_path(name, world.action_size(name), k)[None] for name in world.agents})
        for k in range(world.horizon)
    ]
    return {name: [float(step.rewards[name][0]) for step in steps] for name in world.agents}


def test_rounding_of_another_processor_passes_and_another_world_does_not() -> None:
    config, wanted = WorldConfig(**smoke.WORLD), smoke.golden_numbers()["governors"]
    assert smoke.difference(play(config), wanted) == ""
    rounded = play(config, 1e-13)
    assert rounded != play(config) and smoke.difference(rounded, wanted) == ""
    assert "instead of" in smoke.difference(play(config, 1e-2), wanted)
    assert "instead of" in smoke.difference(play(replace(config, autonomy=1.0)), wanted)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": [1.0, 2.0]}, ""),
        ({"a": [1.0, 2.0 + 1e-6]}, ""),
        ({"a": [1.0, np.nan]}, "a: nan instead of 2 in decision 1"),
        ({"a": [1.0]}, "a: 1 decisions instead of 2"),
        ({"b": [1.0, 2.0]}, "returned b instead of a"),
    ],
)
def test_what_differs_is_said(found: smoke.Rewards, said: str) -> None:
    assert smoke.difference(found, {"a": [1.0, 2.0]}) == said
