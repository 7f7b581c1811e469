"""The controls in the real world, with governors as a user would write them; and red where its noise is a stream."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
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
from protogov.experiments.studies.emergence.interventions import Push

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


class Constant:
    """Leaves every lever where it is."""

    def __init__(self, levers):
        self.levers = levers

    def reset(self, rows, seeds):
        pass

    def act(self, view):
        return np.zeros((len(view.obs), self.levers))

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


def read_levers(step, asked):
    return {f"lever/{agent}/0": np.asarray(step.executed[agent][:, 0], np.float64) for agent in asked}


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


def test_a_lever_in_force_is_pushed_by_caps_where_an_action_within_the_deadband_moves_nothing():
    """Behind the shield an action a thousandth away is no change; a cap is one, there and back, in known steps."""
    config = WorldConfig(size="tiny", autonomy=72.0)
    world = Simulator(config, len(PLAN.seeds), scenario="jump")
    still = {agent: Constant(world.action_size(agent)) for agent in world.agents}
    plan = replace(PLAN, read=read_levers)
    names = {agent: f"lever/{agent}/0" for agent in ("rate_0", "risk_0")}
    actions = Influence(windows=((1, 1), (3, 3)), agents=("risk_0",), doses=(0.02,))
    assert (actions.extract(world, still, plan).effect("total", "risk_0", 0, names["risk_0"]) == 0.0).all()
    caps = Influence(windows=((1, 1), (6, 6)), agents=("rate_0", "risk_0"), push=Push)
    sample = caps.extract(world, still, plan)
    assert sample.pushes.tolist() == [1.0] * len(sample.levers) and controls.replay(sample).passed
    for agent, cap in (("rate_0", 0.01), ("risk_0", 0.005)):  # a cap of the base rate is a point, of LT half a point
        found = sample.effect("total", agent, 0, names[agent])
        np.testing.assert_allclose(found[:, 0], cap, rtol=1e-12)
        np.testing.assert_allclose(found[:, 1], 0.0, atol=1e-12)  # it was let go
    # the base rate is at 1%, a cap above its lowest value: two caps down are one, and the effect is still that of a cap
    push = Push("rate_0", 0, -2.0)
    world.reset(seeds=plan.seeds)
    push(world)
    assert push.given == pytest.approx(np.full(len(plan.seeds), -1.0))


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
