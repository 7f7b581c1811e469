"""The dict form flattens to the vector bit for bit in every interface; the table says what each number is."""

from math import expm1, log1p
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces.utils import flatten, flatten_space
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv
from pettingzoo.test import api_test
from pettingzoo.utils.conversions import parallel_to_aec

from protogov.envs import IDS, ConfigError, Simulator, WorldConfig, feature_table, parallel_env
from protogov.envs.sb3_vec_env import SB3VecEnv

EPISODE: dict[str, Any] = {"episode_hours": 12}
ALL = ("chain", "feeds", "surface", "accounts")


def test_gymnasium_flattens_to_the_vector() -> None:
    fields = {**EPISODE, "observe": ALL}  # features of every shape
    plain, env = (gym.make("protogov/Rates-v0", observation=form, **fields) for form in ("vector", "dict"))
    space = env.observation_space
    assert flatten_space(space) == plain.observation_space
    assert list(space) == list(dict.fromkeys(row.feature for row in env.unwrapped.feature_table))
    vector, seen = plain.reset(seed=3)[0], env.reset(seed=3)[0]
    for decision in range(2):
        assert seen in space and seen["node_vol"].shape == (4, 5) and seen["utilisation"].shape == (1,)
        assert flatten(space, seen).tobytes() == vector.tobytes()
        action = np.full(4, 0.3 * decision, np.float32)
        vector, seen = plain.step(action)[0], env.step(action)[0]
    check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_native_batch_is_the_same_by_rows(mode: str) -> None:
    fields = {**EPISODE, "autoreset_mode": mode}
    plain, envs = (
        gym.make_vec("protogov/Rates-v0", num_envs=2, observation=form, **fields) for form in ("vector", "dict")
    )
    rows, seen = plain.reset(seed=3)[0], envs.reset(seed=3)[0]
    assert list(envs.observation_space) == list(envs.single_observation_space)
    for _ in range(3):  # over the end of an episode
        assert seen in envs.observation_space
        for i, row in enumerate(rows):
            one = {key: values[i] for key, values in seen.items()}
            assert flatten(envs.single_observation_space, one).tobytes() == row.tobytes()
        (rows, *_, told), (seen, *_, infos) = (e.step(np.zeros((2, 4), np.float32)) for e in (plain, envs))
        assert ("final_obs" in infos) == ("final_obs" in told)
        for last, vector in zip(infos.get("final_obs", ()), told.get("final_obs", ()), strict=True):
            assert flatten(envs.single_observation_space, last).tobytes() == vector.tobytes()
    synced = SyncVectorEnv([lambda: gym.make("protogov/Rates-v0", observation="dict", **EPISODE)] * 2)
    ours, theirs = envs.reset(seed=3)[0], synced.reset(seed=3)[0]
    assert ours.keys() == theirs.keys() and all((ours[key] == theirs[key]).all() for key in ours)


def test_parallel_agents_see_rivals_apart() -> None:
    plain, env = (parallel_env(venues=2, observation=form, **EPISODE) for form in ("vector", "dict"))
    vectors, seen = plain.reset(seed=3)[0], env.reset(seed=3)[0]
    for agent in env.agents:
        assert seen[agent] in env.observation_space(agent) and seen[agent]["rival_lever_lagged"].shape == (12,)
        assert flatten(env.observation_space(agent), seen[agent]).tobytes() == vectors[agent].tobytes()
    assert env.feature_table("risk_1")[-1].name.startswith("rival_lever_lagged[")


def test_stable_baselines_learns_from_the_dict() -> None:
    from stable_baselines3 import PPO

    worlds = Simulator(WorldConfig(roles=("rate",), **EPISODE), 2)
    env = SB3VecEnv(worlds, observation="dict")
    env.seed(3)
    first = env.reset()
    assert {key: value.shape for key, value in first.items()}["lever_executed"] == (2, 12)
    env.step(np.zeros((2, 4)))
    *_, infos = env.step(np.zeros((2, 4)))
    assert infos[0]["terminal_observation"] in env.observation_space
    model = PPO("MultiInputPolicy", env, n_steps=4, batch_size=8, n_epochs=1, device="cpu", seed=0)
    assert model.learn(8).num_timesteps == 8


@pytest.mark.parametrize("make", [parallel_env, lambda **words: gym.make("protogov/Rates-v0", **words)])
def test_other_forms_are_refused(make: Any) -> None:
    with pytest.raises(ConfigError, match="observation = 'tuple' must be one of vector, dict"):
        make(observation="tuple", **EPISODE)


@pytest.mark.parametrize("form", ["vector", "dict"])
@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array", "ignore:Observation space for each agent")
def test_the_conversion_to_aec_passes_the_checker(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    api_test(parallel_to_aec(parallel_env(observation=form, **EPISODE)), num_cycles=20)
    assert "Passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", IDS)
def test_the_table_is_the_observation(name: str) -> None:
    env = gym.make(name, **EPISODE).unwrapped
    table = env.feature_table  # type: ignore[attr-defined]
    assert [row.index for row in table] == list(range(env.observation_space.shape[0]))
    assert tuple(row.name for row in table) == env.feature_names  # type: ignore[attr-defined]
    assert {row.group for row in table} == {"chain", "feeds"} and all(row.unit for row in table)
    assert str(table).splitlines()[0].split() == "index name group unit transform scale low high".split()
    assert len(str(table).splitlines()) == len(table) + 1


def test_scale_and_transform_of_the_table_give_the_normalised_numbers() -> None:
    world = Simulator(WorldConfig(**EPISODE), 3)
    vectors = world.reset(seeds=5)["risk_0"]
    checked = 0
    for row in feature_table(world, "risk_0"):
        if row.name != row.feature:  # one number of an array
            continue
        raw = world.feature("risk_0", row.feature)
        seen = raw / row.scale
        if row.transform == "symlog":
            seen = np.array([log1p(x) if x >= 0.0 else -log1p(-x) for x in seen])
        np.testing.assert_array_equal(vectors[:, row.index], np.clip(seen, -10.0, 10.0).astype(np.float32))
        assert row.high == -row.low == row.scale * (expm1(10.0) if row.transform == "symlog" else 10.0)
        checked += 1
    assert checked > 30
