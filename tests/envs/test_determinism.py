"""Given recorded actions, the same seed gives the same episode bit for bit, however it is run."""

import os
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

import protogov.envs
from protogov.envs import ROLES, Simulator, Step, WorldConfig
from protogov.envs.interfaces import SnapshotError
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.world.state import EVENT

Trace = dict[str, NDArray[Any]]  # by name, [steps, worlds, ...]
LEVERS = {name: len(role.levers) for name, role in ROLES.items()}
PACKED = np.dtype([(name, EVENT[name]) for name in EVENT.names or ()])  # without padding, which holds anything
FULL = WorldConfig(randomise_levers=0.25)  # three governors, 56 decisions of 6 hours, levers that start anywhere


def recorded_actions(world_seed: int, steps: int, agents: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """What the governors of world `world_seed` do, whatever else happens: {agent: [steps, levers]}."""
    rng = np.random.default_rng(world_seed)
    held = np.repeat(rng.uniform(-1.1, 1.1, (-(-steps // 4), LEVERS["joint"])), 4, axis=0)[:steps].astype(np.float32)
    return {agent: held[:, : LEVERS[agent.split("_")[0]]] for agent in agents}


def actions_of(worlds: Sequence[int], steps: int, agents: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    each = [recorded_actions(world, steps, agents) for world in worlds]
    return {agent: np.stack([one[agent] for one in each], axis=1) for agent in agents}


def flat(step: Step) -> dict[str, NDArray[Any]]:
    """Everything a step returned, by name; events as a checksum of the valid ones."""
    named = {"truncated": step.truncated, "n_events": step.n_events}
    for part in ("obs", "rewards", "terms", "proposed", "executed", "reason"):
        named.update({f"{part}/{key}": value for key, value in getattr(step, part).items()})
    named.update({f"records/{name}": step.records[name] for name in step.records.dtype.names or ()})
    counts = step.n_events.tolist()
    named["events"] = np.array(
        [zlib.crc32(step.events[i, :count].astype(PACKED).tobytes()) if count else 0 for i, count in enumerate(counts)]
    )
    return named


def run(simulator: Simulator, actions: Mapping[str, NDArray[Any]], start: int, stop: int) -> Trace:
    steps = [flat(simulator.step({agent: rows[t] for agent, rows in actions.items()})) for t in range(start, stop)]
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def same(one: Trace, other: Trace) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].shape == other[name].shape and one[name].dtype == other[name].dtype, name
        assert one[name].tobytes() == other[name].tobytes(), name


def rows(trace: Trace, picked: Sequence[int]) -> Trace:
    return {name: values[:, picked] for name, values in trace.items()}


def part(trace: Trace, start: int, stop: int) -> Trace:
    return {name: values[start:stop] for name, values in trace.items()}


@pytest.fixture(scope="module")
def batch() -> tuple[Simulator, dict[str, NDArray[np.float32]], Trace]:
    """Worlds 0 to 511, a whole default episode on one thread."""
    simulator = Simulator(FULL, 512)
    actions = actions_of(range(512), simulator.horizon, simulator.agents)
    simulator.reset(seeds=np.arange(512))
    return simulator, actions, run(simulator, actions, 0, simulator.horizon)


def test_the_reference_is_worth_comparing_with(batch: tuple[Simulator, Any, Trace]) -> None:
    _, _, trace = batch
    assert trace["truncated"][-1].all() and not trace["truncated"][:-1].any()
    assert trace["n_events"].sum() > 100
    assert len({row.tobytes() for row in trace["obs/rate_0"][-1]}) == 512
    assert all(np.isfinite(values).all() for values in trace.values())


@pytest.mark.parametrize("worlds", [(511,), (300, 5, 511, 0, 77, 78, 6)], ids=["1", "7"])
def test_in_a_smaller_batch(batch: tuple[Simulator, Any, Trace], worlds: tuple[int, ...]) -> None:
    simulator = Simulator(FULL, len(worlds))
    simulator.reset(seeds=np.array(worlds))
    own = run(simulator, actions_of(worlds, simulator.horizon, simulator.agents), 0, simulator.horizon)
    same(own, rows(batch[2], worlds))


def test_on_two_threads(batch: tuple[Simulator, Any, Trace]) -> None:
    _, actions, trace = batch
    simulator = Simulator(FULL, 512, num_threads=2)  # world i has seed 0 + i without being told
    simulator.reset()
    same(run(simulator, actions, 0, simulator.horizon), trace)


def test_after_a_snapshot_and_after_a_fork(batch: tuple[Simulator, Any, Trace]) -> None:
    _, actions, trace = batch
    worlds, half, end = (4, 0, 9), 20, FULL.horizon
    mine = {agent: values[:, worlds] for agent, values in actions.items()}
    simulator = Simulator(FULL, 3)
    simulator.reset(seeds=np.array(worlds))
    run(simulator, mine, 0, half)
    saved = simulator.snapshot()
    branch = simulator.fork([2, 0, 2])
    rest = rows(part(trace, half, end), worlds)

    # the branch first, with actions of its own in a row: neither may reach into the original
    branch_actions = {agent: values[:, [2, 0, 2]].copy() for agent, values in mine.items()}
    for values in branch_actions.values():
        values[half + 3 :, 2] = 1.0
    branched = run(branch, branch_actions, half, end)
    same(rows(branched, [0, 1]), rows(rest, [2, 0]))
    assert branched["obs/rate_0"][-1, 2].tobytes() != rest["obs/rate_0"][-1, 2].tobytes()

    same(run(simulator, mine, half, end), rest)
    restored = Simulator(FULL, 3, seed=99)
    restored.restore(saved)
    same(run(restored, mine, half, end), rest)
    # and into one that has run elsewhere since
    simulator.restore(saved)
    same(run(simulator, mine, half, end), rest)


def test_later_episodes_of_rows_that_end_at_different_times() -> None:
    config = WorldConfig(roles=("joint",), episode_hours=48, stagger=True)
    worlds, steps = (3, 8, 21, 40), 20
    actions = actions_of(worlds, steps, ("joint_0",))

    def play(simulator: Simulator, mine: dict[str, NDArray[Any]]) -> Trace:
        parts = []
        for t in range(steps):
            step = flat(simulator.step({"joint_0": mine["joint_0"][t]}))
            over = step["truncated"]
            if over.any():
                step["obs/joint_0"] = simulator.reset(mask=over)["joint_0"]
            parts.append(step)
        return {name: np.stack([step[name] for step in parts]) for name in parts[0]}

    together = Simulator(config, 4)
    together.reset(seeds=np.array(worlds))
    trace = play(together, actions)
    assert len({tuple(column) for column in trace["truncated"].T}) > 1
    for row, world in enumerate(worlds):
        alone = Simulator(config, 1)
        alone.reset(seeds=np.array([world]))
        same(play(alone, {"joint_0": actions["joint_0"][:, [row]]}), rows(trace, [row]))


def test_an_opening_taken_over_is_the_opening_drawn() -> None:
    """A twin need not draw the tapes that its world has just drawn."""
    background = {"risk_0": "random"}  # has a memory
    config = WorldConfig(
        size="tiny", randomise_levers=0.25, stagger=True, member="ensemble", background=background, episode_hours=8
    )
    world = Simulator(config, 3, scenario="natural", seed=5)
    world.reset()
    drawn, taken = world.fork([0, 1, 2]), world.fork([0, 1, 2])
    actions = {agent: np.full((3, world.action_size(agent)), 0.5) for agent in world.agents}
    still = {agent: np.zeros_like(action) for agent, action in actions.items()}
    renewed = 0
    for _ in range(20):
        over = world.step(actions).truncated
        one, other = drawn.step(still), taken.step(still)
        same(*({name: value[None] for name, value in flat(step).items()} for step in (one, other)))
        if over.any():
            renewed += int(over.sum())
            with pytest.raises(ValueError, match="not at the opening"):
                taken.open_like(world, over)
            world.reset(mask=over)
            drawn.reset(mask=over)
            taken.open_like(world, over)
            for agent in world.agents:
                np.testing.assert_array_equal(drawn.observe()[agent], taken.observe()[agent])
    assert renewed > 5
    with pytest.raises(ValueError, match="configuration, scenario or number of worlds"):
        taken.open_like(Simulator(config, 2, scenario="natural"), np.array([True, False]))


def test_unlike_venues_alone_after_a_snapshot_and_after_a_fork() -> None:
    overrides = [{"options_on": 0, "reserve_factor": 0.3}, {"supply_size": 4e7, "debt_size": 0.0, "oracle_delay": 20.0}]
    config = WorldConfig(venues=2, venue_overrides=overrides, randomise_levers=0.25, episode_hours=96)
    worlds, half, end = (3, 8, 21), 7, config.horizon
    together = Simulator(config, 3, num_threads=2)
    actions = actions_of(worlds, end, together.agents)
    together.reset(seeds=np.array(worlds))
    first = run(together, actions, 0, half)
    saved, branch = together.snapshot(), together.fork([2])
    rest = run(together, actions, half, end)
    for row, world in enumerate(worlds):
        alone = Simulator(config, 1)
        alone.reset(seeds=np.array([world]))
        mine = {agent: values[:, [row]] for agent, values in actions.items()}
        same(run(alone, mine, 0, half), rows(first, [row]))
        same(run(alone, mine, half, end), rows(rest, [row]))
    same(run(branch, {agent: values[:, [2]] for agent, values in actions.items()}, half, end), rows(rest, [2]))
    restored = Simulator(config, 3)
    restored.restore(saved)
    same(run(restored, actions, half, end), rest)
    like = Simulator(replace(config, venue_overrides=()), 3)
    with pytest.raises(SnapshotError, match="another configuration"):
        like.restore(saved)


CHILD = """
import hashlib, os, sys
import numpy as np
from protogov.envs import Simulator, WorldConfig

def digest(simulator):
    sums = hashlib.sha256()
    rng = np.random.default_rng(1)
    for _ in range(4):
        step = simulator.step({a: rng.uniform(-1, 1, (24, simulator.action_size(a))) for a in simulator.agents})
        for agent in simulator.agents:
            sums.update(step.obs[agent].tobytes() + step.rewards[agent].tobytes())
    return sums.hexdigest()

simulator = Simulator(WorldConfig(), 24, seed=5, num_threads=int(sys.argv[1]))
simulator.reset()
simulator.step({a: np.zeros((24, simulator.action_size(a))) for a in simulator.agents})  # its threads live now
if sys.argv[2] == "fork":
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, digest(simulator).encode())
        os._exit(0)
    os.close(write)
    print(os.read(read, 64).decode())
print(digest(simulator))
"""


def digests(threads: int, mode: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(threads), mode],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_in_other_processes_with_threads_and_after_a_fork_of_the_process() -> None:
    parent_and_child = digests(2, "fork")
    assert len(parent_and_child) == 2 and len(set(parent_and_child)) == 1
    assert digests(1, "plain") == parent_and_child[:1]


ROLE_IDS = {of["role"]: name for name, of in protogov.envs.IDS.items() if of["size"] == "full"}


@pytest.mark.parametrize("role", ["rate", "joint"])
def test_through_every_adapter(role: str) -> None:
    """The worlds 40, 41 and 42, one whole episode and into the next, by every way in."""
    worlds, fields = (40, 41, 42), {"episode_hours": 96, "randomise_levers": 0.25}
    agent = f"{role}_0"
    config = WorldConfig(roles=(role,), **fields)  # type: ignore[arg-type]
    actions = actions_of(worlds, config.horizon, (agent,))[agent]
    simulator = Simulator(config, 3)
    opening = simulator.reset(seeds=np.array(worlds))[agent]
    trace = run(simulator, {agent: actions}, 0, config.horizon)
    obs, rewards = trace[f"obs/{agent}"], trace[f"rewards/{agent}"]
    following = simulator.reset()[agent]

    for row, world in enumerate(worlds):
        env = gym.make(ROLE_IDS[role], **fields)  # type: ignore[arg-type]
        assert env.reset(seed=world)[0].tobytes() == opening[row].tobytes()
        for t in range(config.horizon):
            seen, reward, terminated, truncated, info = env.step(actions[t, row])
            assert seen.tobytes() == obs[t, row].tobytes() and reward == rewards[t, row]
            assert not terminated and truncated == (t == config.horizon - 1)
            for part in ("terms", "executed"):
                told = [value for key, value in info.items() if key.startswith(f"{part}/")]
                assert told == trace[f"{part}/{agent}"][t, row].tolist()
            assert info["welfare"] == trace["terms/welfare_0"][t, row, -1]
        assert env.reset()[0].tobytes() == following[row].tobytes()

        par = protogov.envs.parallel_env(roles=(role,), **fields)  # type: ignore[arg-type]
        assert par.reset(seed=world)[0][agent].tobytes() == opening[row].tobytes()
        for t in range(config.horizon):
            seens, pays, _, truncations, _ = par.step({agent: actions[t, row]})
            assert seens[agent].tobytes() == obs[t, row].tobytes() and pays[agent] == rewards[t, row]
        assert truncations == {agent: True} and par.agents == []
        assert par.reset()[0][agent].tobytes() == following[row].tobytes()

    envs = gym.make_vec(ROLE_IDS[role], num_envs=3, num_threads=2, **fields)  # type: ignore[arg-type]
    assert envs.reset(seed=worlds[0])[0].tobytes() == opening.tobytes()
    learner = SB3VecEnv(Simulator(config, 3))
    learner.seed(worlds[0])
    assert learner.reset().tobytes() == opening.tobytes()  # type: ignore[union-attr]
    for t in range(config.horizon):
        batch_obs, pay, _, over, _ = envs.step(actions[t])
        assert batch_obs.tobytes() == obs[t].tobytes() and pay.tobytes() == rewards[t].tobytes()
        learner_obs, learner_pay, dones, infos = learner.step(actions[t])
        assert learner_pay.tobytes() == rewards[t].astype(np.float32).tobytes()
        assert dones.tolist() == over.tolist() == trace["truncated"][t].tolist()
        last = t == config.horizon - 1
        assert learner_obs.tobytes() == (following if last else obs[t]).tobytes()
        if last:
            assert np.stack([info["terminal_observation"] for info in infos]).tobytes() == obs[t].tobytes()
    assert envs.step(actions[0])[0].tobytes() == following.tobytes()
