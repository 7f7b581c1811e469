"""One tiny episode through every interface, compared with stored numbers: does this installation work?

All interfaces play the same two episodes with the same actions: one with a single governor, one with three. Their
rewards must equal those of `smoke.json` up to a tolerance, because the last bit of an exponential differs between
processors and libraries.
"""

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

GOLDEN = Path(__file__).with_name("smoke.json")
# fields of WorldConfig that are also options of the command line
WORLD: dict[str, Any] = {"size": "tiny"}
SCENARIO, SEED, SINGLE = "jump", 7, "protogov/Rates-v0"
RELATIVE, ABSOLUTE = 1e-5, 1e-7  # tolerance of every number
DIGITS = 3  # significant digits in the printed digest

Rewards = dict[str, list[float]]  # agent, or what a command reports -> one number per decision


def lever_path(agent: str, size: int, decision: int) -> NDArray[np.float32]:
    """The action of `agent` in a decision, float32 [size]: the same in every interface."""
    phase = sum(agent.encode()) + 2.0 * np.arange(size)
    return (0.6 * np.sin(phase + decision)).astype(np.float32)


def _gymnasium() -> Rewards:
    import gymnasium as gym

    from protogov.envs import register_all

    register_all()
    env = gym.make(SINGLE, scenario=SCENARIO, **WORLD)
    env.reset(seed=SEED)
    rewards: list[float] = []
    over = False
    while not over:
        action = lever_path("rate_0", env.action_space.shape[0], len(rewards))  # type: ignore[index]
        _, reward, _, over, _ = env.step(action)
        rewards.append(float(reward))
    return {"rate_0": rewards}


def _vector() -> Rewards:
    import gymnasium as gym

    from protogov.envs import register_all

    register_all()
    envs = gym.make_vec(SINGLE, num_envs=2, scenario=SCENARIO, **WORLD)
    envs.reset(seed=SEED)
    return {"rate_0": _play_batch(envs.step, envs.action_space.shape, 3)}  # type: ignore[arg-type]


def _sb3() -> Rewards:
    from protogov.envs import Simulator, WorldConfig
    from protogov.envs.sb3_vec_env import SB3VecEnv

    envs = SB3VecEnv(Simulator(WorldConfig(roles=("rate",), **WORLD), 2, scenario=SCENARIO))
    envs.seed(SEED)
    envs.reset()
    return {"rate_0": _play_batch(envs.step, (2, *envs.action_space.shape), 2)}  # type: ignore[misc]


def _play_batch(step: Callable[[Any], Any], shape: tuple[int, int], over_at: int) -> list[float]:
    """Rewards of row 0 until the end of its episode."""
    rewards: list[float] = []
    over = False
    while not over:
        result = step(np.tile(lever_path("rate_0", shape[1], len(rewards)), (shape[0], 1)))
        rewards.append(float(result[1][0]))
        over = bool(result[over_at][0])
    return rewards


def _parallel() -> Rewards:
    from protogov.envs import parallel_env

    env = parallel_env(scenario=SCENARIO, **WORLD)
    env.reset(seed=SEED)
    rewards: Rewards = {agent: [] for agent in env.agents}
    while env.agents:
        done = len(rewards[env.agents[0]])
        result = env.step({agent: lever_path(agent, env.action_space(agent).shape[0], done) for agent in env.agents})
        for agent, reward in result[1].items():
            rewards[agent].append(reward)
    return rewards


def _aec() -> Rewards:
    from pettingzoo.utils.conversions import parallel_to_aec

    from protogov.envs import parallel_env

    env = parallel_to_aec(parallel_env(scenario=SCENARIO, **WORLD))
    env.reset(seed=SEED)
    rewards: Rewards = {agent: [] for agent in env.possible_agents}
    turns = 0
    for agent in env.agent_iter():
        _, _, terminated, truncated, _ = env.last()
        if terminated or truncated:
            env.step(None)
            continue
        env.step(lever_path(agent, env.action_space(agent).shape[0], turns // len(rewards)))
        turns += 1
        if turns % len(rewards) == 0:  # everybody has acted, and the world has moved
            for name in rewards:
                rewards[name].append(float(env.rewards[name]))
    return rewards


def _simulator() -> Rewards:
    from protogov.envs import Simulator, WorldConfig

    world = Simulator(WorldConfig(**WORLD), 2, scenario=SCENARIO)
    world.reset(seeds=SEED)
    rewards: Rewards = {agent: [] for agent in world.agents}
    for decision in range(world.horizon):
        step = world.step(
            {agent: np.tile(lever_path(agent, world.action_size(agent), decision), (2, 1)) for agent in world.agents}
        )
        for agent in rewards:
            rewards[agent].append(float(step.rewards[agent][0]))
    return rewards


def _command_line() -> Rewards:
    from protogov.experiments.cli import main
    from protogov.experiments.core.tables import read_table
    from protogov.experiments.errors import CheckFailed

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "payoffs.parquet"
        options = ["--scenario", SCENARIO, "--seeds", str(SEED), "--against", "None", "--record", str(file)]
        options += [f"--world.{name.replace('_', '-')}={value}" for name, value in WORLD.items()]
        options += ["--out", str(Path(folder) / "out")]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as printed:
            code = main(["simulate", "static", *options])
        if code:
            raise CheckFailed(f"protogov simulate ended with {code}: {printed.getvalue().strip()}")
        return {"welfare": read_table(file)["welfare"].tolist()}


# interface -> (name of its numbers in smoke.json, function that plays it)
INTERFACES: dict[str, tuple[str, Callable[[], Rewards]]] = {
    "gym.make": ("single", _gymnasium),
    "gym.make_vec": ("single", _vector),
    "SB3VecEnv": ("single", _sb3),
    "Simulator": ("governors", _simulator),
    "parallel_env": ("governors", _parallel),
    "parallel_to_aec": ("governors", _aec),
    "protogov simulate": ("static", _command_line),
}


def golden_numbers() -> dict[str, Rewards]:
    """The stored rewards of the episodes."""
    numbers: dict[str, Rewards] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return numbers


def difference(found: Mapping[str, ArrayLike], wanted: Mapping[str, ArrayLike]) -> str:
    """The difference in a few words; empty if all numbers agree."""
    if set(found) != set(wanted):
        return f"returned {', '.join(found)} instead of {', '.join(wanted)}"
    for name, values in found.items():
        got, expected = np.asarray(values, float), np.asarray(wanted[name], float)
        if got.shape != expected.shape:
            return f"{name}: {got.size} decisions instead of {expected.size}"
        wrong = ~np.isclose(got, expected, RELATIVE, ABSOLUTE)  # NaN is never close
        if wrong.any():
            first = int(np.argmax(wrong))
            return f"{name}: {got[first]:.9g} instead of {expected[first]:.9g} in decision {first}"
    return ""


def digest(numbers: Mapping[str, ArrayLike]) -> str:
    """A short digest of numbers, to `DIGITS` significant digits; it is shown, not compared."""
    text = json.dumps({name: [f"{x:.{DIGITS}g}" for x in np.asarray(row, float)] for name, row in numbers.items()})
    return hashlib.sha256(text.encode()).hexdigest()[:12]
