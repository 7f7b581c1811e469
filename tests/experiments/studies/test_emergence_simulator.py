"""The controls in the real world, with governors as a user would write them; and red where its noise is a stream."""

import os
import shutil
import subprocess
import sys
from math import inf
from pathlib import Path

import numpy as np
import pytest

import protogov.envs
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.studies.emergence import controls
from protogov.experiments.studies.emergence.controls import SideBySide
from protogov.experiments.studies.emergence.forks import Plan, read_actions, read_all, read_rewards
from protogov.experiments.studies.emergence.influence import Influence

ENVS = Path(protogov.envs.__file__).parent.resolve()
PLAN = Plan(np.arange(3, dtype=np.uint64), times=(6,), steps=6, read=read_all(read_rewards, read_actions))


class Leaning:
    """Follows utilisation and the price, and remembers what it did last."""

    def __init__(self, levers):
        self.last = np.zeros((len(PLAN.seeds), levers))

    def reset(self, rows, seeds):
        self.last[rows] = 0.0

    def act(self, view):
        wish = np.tanh(4.0 * view.raw("utilisation_over_optimal") + 3.0 * view.raw("drawdown_week"))
        self.last = 0.5 * self.last + 0.5 * wish[:, None]
        return self.last

    def state_dict(self):
        return {"last": self.last}

    def load_state_dict(self, state):
        self.last = state["last"]


def worlds(size="tiny"):
    return Simulator(WorldConfig(size=size, autonomy=inf), len(PLAN.seeds), scenario="jump")


def leaning(world):
    return {agent: Leaning(world.action_size(agent)) for agent in world.agents}


@pytest.mark.parametrize("size", ["tiny", "core"])
def test_placebo_is_nothing_bit_for_bit(size):
    world = worlds(size)
    control = controls.placebo(world, leaning(world), PLAN)
    assert control.passed, control.found


def test_two_worlds_of_one_tape_side_by_side_are_decoupled_and_one_world_is_not():
    pair = SideBySide([worlds(), worlds()])
    control = controls.decoupled(pair, leaning(pair), PLAN)
    assert control.passed, control.found
    one = worlds()
    assert not controls.decoupled(one, leaning(one), PLAN, (["rate_0"], ["risk_0", "spread_0"])).passed


def test_a_rate_moves_everybodys_rewards_and_the_replay_is_one():
    world = worlds()
    measure = Influence(windows=((1, 6),), agents=("rate_0",), doses=(4.0,))
    sample = measure.extract(world, leaning(world), PLAN)
    assert controls.replay(sample).passed
    assert (sample.effect("total", "rate_0", 0, "reward/rate_0") != 0.0).all()
    others = [name for name in sample.outcomes if name.startswith("action/risk_0")]
    assert all((sample.effect("mechanical", "rate_0", 0, name) == 0.0).all() for name in others)
    assert any((sample.effect("policy", "rate_0", 0, name) != 0.0).any() for name in others)


STREAM = """

_keyed, STREAM = uniform, [0]


def uniform(seed, entity, step, substep, purpose):
    STREAM[0] += 1
    return _keyed(np.uint64(1), STREAM[0], 0, 0, 0)
"""

SCRIPT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("test_emergence_simulator", sys.argv[1])
tests = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tests)
from protogov.envs.world import noise

class Streamed(tests.SideBySide):
    def fork(self, rows):  # the stream is part of the state
        copy = Streamed([world.fork(rows) for world in self.worlds])
        noise.STREAM[0] = 0
        return copy

assert str(tests.ENVS) == sys.argv[2], tests.ENVS
tests.PLAN = tests.Plan(tests.np.arange(1, dtype=tests.np.uint64), times=(1,), steps=3)  # uncompiled: little of it
pair = Streamed([tests.worlds(), tests.worlds()])
for control in (tests.controls.placebo, tests.controls.decoupled):
    print(control(pair, tests.leaning(pair), tests.PLAN).passed)
"""


def test_decoupled_fails_in_a_copy_of_the_world_whose_noise_is_one_stream(tmp_path):
    package = tmp_path / "protogov"
    shutil.copytree(ENVS, package / "envs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("agents", "experiments"):
        (package / name).symlink_to(ENVS.parent / name)
    for file in (ENVS / "_root").glob("*.py"):
        shutil.copy(file, package)
    with (package / "envs" / "world" / "noise.py").open("a") as noise:
        noise.write(STREAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, __file__, str(package / "envs")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"},
        timeout=280,
    )
    assert done.stdout.split() == ["True", "False"], done.stdout + done.stderr[-2000:]
