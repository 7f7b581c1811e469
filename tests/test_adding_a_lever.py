"""A lever is one row of the table and one line of `apply_levers`, a baseline one file: shown in a copy of the package.

The copy's world is compiled anew, which takes minutes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from protogov.experiments.cli import main

ROOT = Path(__file__).resolve().parents[1]
LEVER = "reserve_fee"
EDITS = {  # file of envs/world -> (line that stands there once, what goes before it)
    "lever_table.py": (
        ")\n# fmt: on",
        f'    Lever("{LEVER}", "rate", "share", 0.0, 0.10, 0.50, "linear", 0.05, 72, 24),\n',
    ),
    "levers.py": ("    venue.mark_stale = 1", f"    venue.{LEVER} = rows[AT.{LEVER}].executed\n"),
}
BASELINE = f"""
from protogov.agents.baselines.rule import Rule

class HighFee(Rule):
    name = "high_fee"
    needs = ("{LEVER}",)

    def targets(self, view, memory, num_rows):
        return {{"{LEVER}": 0.5}}
"""
TINY = ["--worlds", "4", "--world.episode-hours", "48", "--ppo.num-steps", "4", "--ppo.batch-size", "16"]
SCRIPT = f"""
import json
import numpy as np
import protogov
from protogov.agents.baselines import governor_fits, rule_names, make_governor
from protogov.envs import ROLES, Simulator, WorldConfig
from protogov.envs.rendering import Renderer

world = Simulator(WorldConfig(episode_hours=48), 4, scenario="jump")
renderer = Renderer(world)
world.reset()
renderer.restart()
names = {{agent: world.observation_names(agent) for agent in world.agents}}
actions = {{agent: np.zeros((4, world.action_size(agent))) for agent in world.agents}}
actions["rate_0"][:, -1] = 1.0
step = world.step(actions)
renderer.record()
played = []
for role in ROLES.values():
    for name in rule_names():
        if governor_fits(name, role):
            other = Simulator(WorldConfig(roles=(role.name,), episode_hours=24), 2, scenario="jump")
            other.reset()
            governor = make_governor(name, role)
            governor.reset(np.arange(2), np.arange(2, dtype=np.uint64))
            agent = other.agents[0]
            moved = other.step({{agent: governor.act(other.view(agent))}})
            assert np.isfinite(moved.rewards[agent]).all()
            played.append([name, role.name])
print(json.dumps({{
    "package": protogov.__file__,
    "roles": {{name: role.levers for name, role in ROLES.items()}},
    "executed": step.executed["rate_0"][0].tolist(),
    "field": world.worlds["venues"]["{LEVER}"][:, 0].tolist(),
    "churn": step.terms["rate_0"][0, [t.name for t in ROLES["rate"].terms].index("churn")],
    "seen": sum(name.startswith("lever_executed") for name in names["spread_0"]),
    "high": make_governor("high_fee", ROLES["rate"]).act(world.view("rate_0"))[0].tolist(),
    "frame": renderer.frame(0).shape,
    "played": played,
}}))
"""


def copy_of_the_package(folder: Path) -> Path:
    """The three parts as one package below `folder`, as an install has them."""
    package = folder / "protogov"
    for part in ("envs", "agents", "experiments"):
        shutil.copytree(ROOT / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (package / "envs" / "_root").iterdir():
        if path.is_file():
            shutil.copy(path, package)
    return package


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_lever_is_a_row_and_a_line(tmp_path: Path) -> None:
    package = copy_of_the_package(tmp_path / "src")
    for name, (line, before) in EDITS.items():
        path = package / "envs" / "world" / name
        source = path.read_text(encoding="utf-8")
        assert source.count(line) == 1, name
        path.write_text(source.replace(line, before + line), encoding="utf-8")
    (package / "agents" / "baselines" / "high_fee.py").write_text(BASELINE, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("-c", SCRIPT)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    assert Path(found["package"]).is_relative_to(package)
    assert [name for name, levers in found["roles"].items() if LEVER in levers] == ["rate", "joint"]
    # a cap of 5 points an hour for six hours, and its field follows; the other rate levers stood still
    assert found["executed"] == pytest.approx([0.01, 0.05, 0.60, 0.88, 0.40]) and found["churn"] == pytest.approx(6.0)
    assert found["field"] == pytest.approx([0.40] * 4)
    assert found["seen"] == 13 and found["frame"] == [500, 800, 3]
    assert found["high"] == [0, 0, 0, 0, 1]
    assert {tuple(pair) for pair in found["played"]} >= {(n, "rate") for n in ("random", "pi", "linear_feedback")}
    assert ["high_fee", "rate"] in found["played"] and ["high_fee", "risk"] not in found["played"]

    cli = ("-m", "protogov.experiments.cli")
    trained = run(*cli, "train", "new", "--runs", "runs", "--market-hours", "96", *TINY)
    assert trained.returncode == 0, trained.stderr[-3000:]
    (policy,) = (tmp_path / "runs" / "new").rglob("policy_rate_0.json")
    assert json.loads(policy.read_text())["levers"][-1] == LEVER
    drawn = run(*cli, "simulate", "runs/new", "--out", "drawn", "--seeds", "7")
    assert drawn.returncode == 0, drawn.stderr[-3000:]

    assert main(["train", "old", "--runs", str(tmp_path / "runs"), "--market-hours", "96", *TINY]) == 0
    # of the role that got the lever, and of one that would only see it
    for agent in ("rate_0", "spread_0"):
        (policy,) = (tmp_path / "runs" / "old").rglob(f"policy_{agent}.json")
        refused = run(*cli, "simulate", str(policy), "--out", "refused", "--seeds", "7")
        assert refused.returncode == 2 and LEVER in refused.stderr, refused.stderr
        assert not (tmp_path / "refused").exists()
