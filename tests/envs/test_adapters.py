"""What holds for every way in: unknown keywords, seeds, attributes of rows, and what the pages say about sizes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import protogov.envs
from protogov.envs import IDS, ConfigError, Simulator, WorldConfig, parallel_env
from protogov.envs.gymnasium_env import GovernorEnv
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.seeds import row_seeds
from protogov.envs.vector_env import GovernorVectorEnv
from protogov.envs.world.state import MAX_EVENTS_PER_HOUR

README = Path(__file__).parents[2] / "README.md"
ENVS = Path(protogov.envs.__file__).parent
FIELDS: dict[str, Any] = {"episode_hours": 24}
LARGE = (2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1)


def single(**fields: Any) -> GovernorEnv:
    return gym.make("protogov/Rates-v0", **{**FIELDS, **fields}).unwrapped  # type: ignore[return-value]


def native(count: int, **fields: Any) -> GovernorVectorEnv:
    return gym.make_vec("protogov/Rates-v0", num_envs=count, **{**FIELDS, **fields})  # type: ignore[return-value]


def learner(count: int, **fields: Any) -> SB3VecEnv:
    return SB3VecEnv(Simulator(WorldConfig(roles=("rate",), **FIELDS), count), **fields)


# ---------------------------------------------------------------- keywords


@pytest.mark.parametrize(
    "make",
    [
        single,
        lambda **fields: native(2, **fields),
        lambda **fields: gym.make_vec("protogov/Rates-v0", num_envs=2, vectorization_mode="sync", **fields),
        parallel_env,
        lambda **fields: learner(2, **fields),
    ],
    ids=["make", "make_vec", "make_vec sync", "parallel_env", "SB3VecEnv"],
)
def test_an_unknown_keyword_is_a_type_error_in_pythons_words(make: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'frameskip'"):
        make(frameskip=4)


def test_the_fields_are_listed_and_wrong_values_stay_config_errors() -> None:
    with pytest.raises(TypeError, match="fields of a world's configuration are autonomy, background, cooperation,"):
        single(decison_hours=6)
    for make in (single, lambda **fields: native(2, **fields), parallel_env):
        with pytest.raises(ConfigError, match="decision_hours = 25 must be a whole number between 1 and 24"):
            make(decision_hours=25)
        with pytest.raises(ConfigError, match="trade_sise"):  # inside a value
            make(parameters={"trade_sise": 1.0})
    with pytest.raises(ConfigError, match="'decison_hours' is not a field of a world's configuration"):
        WorldConfig.from_dict({"decison_hours": 6})  # of a file


# ---------------------------------------------------------------- seeds


def openings(seeds: list[int]) -> list[bytes]:
    return [single().reset(seed=seed)[0].tobytes() for seed in seeds]


def test_a_seed_of_64_bits_is_the_same_world_by_every_way_in() -> None:
    expected = openings(list(LARGE))
    assert len(set(expected)) == len(LARGE)
    listed = list(LARGE)
    for rows in (
        native(4).reset(seed=listed)[0],
        native(4).reset(seed=np.array(listed, np.uint64))[0],  # type: ignore[arg-type]
        Simulator(WorldConfig(roles=("rate",), **FIELDS), 4).reset(seeds=listed)["rate_0"],
    ):
        assert [row.tobytes() for row in rows] == expected
    two = native(2).reset(seed=2**63 - 1)[0]  # over the edge of signed numbers
    assert [row.tobytes() for row in two] == expected[:2]
    env = learner(2)
    env.seed(2**63 - 1)
    assert env.reset().tobytes() == two.tobytes()  # type: ignore[union-attr]
    assert parallel_env(roles=("rate",), **FIELDS).reset(seed=2**64 - 1)[0]["rate_0"].tobytes() == expected[-1]
    assert (
        Simulator(WorldConfig(roles=("rate",), **FIELDS), 2, seed=2**64 - 2).reset()["rate_0"][1].tobytes()
        == (expected[-1])
    )


def test_a_row_without_a_seed_goes_on() -> None:
    envs, env = native(3), single()
    envs.reset(seed=10)
    rows = envs.reset(seed=[7, None, 7])[0]
    assert [rows[0].tobytes(), rows[2].tobytes()] == openings([7, 7])
    env.reset(seed=11)
    assert rows[1].tobytes() == env.reset()[0].tobytes()
    # where it has no world yet, it is given one that nobody else is
    one, other = native(3).reset(seed=[7, None, None])[0], native(3).reset(seed=[7, None, None])[0]
    assert (one[0] == other[0]).all() and len({row.tobytes() for row in (*one, *other)}) == 5
    assert native(1).reset(seed=[None])[0].tobytes() != native(1).reset()[0].tobytes()


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "7", [1, 2, 3]])
def test_what_is_no_seed_is_refused_and_changes_nothing(seed: Any) -> None:
    for env in (single(), native(2), parallel_env(**FIELDS)):
        env.reset(seed=3)
        before, drawn = env.simulator.worlds.tobytes(), env.np_random.bit_generator.state
        with pytest.raises(ValueError, match=r"seeds? = .* must be a whole number from 0 to 2\*\*64 - 1 or None"):
            env.reset(seed=seed)
        assert env.simulator.worlds.tobytes() == before and env.np_random.bit_generator.state == drawn


def test_seeds_of_rows() -> None:
    assert row_seeds(None, 2) == [None, None] and row_seeds(5, 2) == [5, 6] and row_seeds(np.int64(5), 1) == [5]
    assert row_seeds([2**63, None, 1], 3) == [2**63, None, 1] and row_seeds(range(2), 2) == [0, 1]
    for seeds in (2**64 - 1, [1, -1], [1, 2.0], [1], np.array([1.0, 2.0]), np.array([[1, 2]]), "12"):
        with pytest.raises(ValueError, match="must be a whole number .* for each of 2 rows"):
            row_seeds(seeds, 2)
    with pytest.raises(ConfigError, match=r"seed = 18446744073709551615 must be a whole number from 0 to 2\*\*64 - 2"):
        Simulator(num_worlds=2, seed=2**64 - 1)


def test_integers_of_numpy_are_seeds_like_any_other() -> None:
    assert single().reset(seed=np.int64(4))[0].tobytes() == openings([4])[0]  # type: ignore[arg-type]
    assert (native(2).reset(seed=np.uint64(4))[0] == native(2).reset(seed=4)[0]).all()  # type: ignore[arg-type]


# ---------------------------------------------------------------- make and make_vec


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("limit", [1, 3, 4, 9, -1])
def test_a_limit_of_steps_is_gymnasiums_own(mode: AutoresetMode, limit: int) -> None:
    """Episodes of 4 decisions; the same observations, rewards, ends and infos as single environments under it."""

    def same(one: Any, two: Any) -> None:
        assert all(data_equivalence(mine, its, exact=True) for mine, its in zip(one, two, strict=True)), (one, two)

    fields = {**FIELDS, "stagger": True, "max_episode_steps": limit}
    mine = native(5, autoreset_mode=mode, **fields)
    own = SyncVectorEnv([lambda: gym.make("protogov/Rates-v0", **fields)] * 5, autoreset_mode=mode)  # type: ignore[arg-type]
    same(mine.reset(seed=2), own.reset(seed=2))
    ends = np.zeros(5, int)
    for actions in np.random.default_rng(0).uniform(-1, 1, (11, 5, 4)):
        result = mine.step(actions)
        same(result, own.step(actions))
        ends += result[3]
        if mode is AutoresetMode.DISABLED and result[3].any():
            with pytest.raises(RuntimeError, match=f"world {np.flatnonzero(result[3])[0]} is truncated"):
                mine.step(actions)
            same(*(envs.reset(options={"reset_mask": result[3].copy()}) for envs in (mine, own)))
    assert ends.min() >= 2


@pytest.mark.parametrize("limit", [0, -2, 2.5, True, "4"])
def test_a_limit_that_is_none_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigError, match=f"max_episode_steps = {limit!r} must be a whole number from 1"):
        native(2, max_episode_steps=limit)
    with pytest.raises(ConfigError, match="num_envs = 0 must be a whole number from 1"):
        native(0)


def test_made_again_from_its_own_spec() -> None:
    envs = native(3, max_episode_steps=2, decision_hours=3)
    again = gym.make_vec(gym.envs.registration.EnvSpec.from_json(envs.spec.to_json()))  # type: ignore[union-attr]
    assert again.num_envs == 3 and (again.reset(seed=1)[0] == envs.reset(seed=1)[0]).all()


# ---------------------------------------------------------------- attributes of rows


def test_attributes_of_rows_are_those_of_single_environments() -> None:
    mine = native(2, render_mode="rgb_array")
    own = SyncVectorEnv([lambda: gym.make("protogov/Rates-v0", render_mode="rgb_array", **FIELDS)] * 2)
    mine.reset(seed=4), own.reset(seed=4)
    for name in ("feature_names", "render_mode", "agent", "observation_space", "action_space"):
        assert mine.get_attr(name) == own.get_attr(name) == mine.call("get_wrapper_attr", name), name
    for frame, other in zip(mine.call("render"), own.call("render"), strict=True):
        assert (frame == other).all()
    names = mine.feature_names
    assert len(names) == mine.single_observation_space.shape[0] and names == learner(2).feature_names
    assert names == parallel_env(roles=("rate",)).feature_names("rate_0")
    for name in ("step", "reset", "nothing_of_that_name"):
        with pytest.raises(AttributeError, match=name):
            mine.call(name)


# ---------------------------------------------------------------- what the pages say


def numbers(pattern: str, text: str | None) -> list[int]:
    found = [int(number) for number in re.findall(pattern, text or "")]
    assert found, pattern
    return found


def test_the_sizes_in_docstrings_are_those_of_the_environments() -> None:
    page = GovernorEnv.__doc__
    sizes = {name: gym.make(name).unwrapped for name, of in IDS.items() if of["size"] == "full"}
    assert numbers(r"Box\(-10, 10, \((\d+),\)", page) == [env.observation_space.shape[0] for env in sizes.values()][:1]
    assert len({env.observation_space.shape for env in sizes.values()}) == 1
    levers = [env.action_space.shape[0] for env in sizes.values()]
    assert numbers(r"\((?:all )?(\d+)(?: levers| of|\))", page)[:4] == levers
    config = WorldConfig()
    assert numbers(r"default (\d+) h", page) == [config.episode_hours]
    assert numbers(r"(\d+)\s+decisions of", page) == [config.horizon]
    assert numbers(r"decisions of (\d+) h", page) == [config.decision_hours]
    assert numbers(r"(\d+) \* decision_hours", protogov.envs.Step.__doc__) == [MAX_EVENTS_PER_HOUR]
    env = single(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame is not None
    told = {size for path in ENVS.glob("*.py") for size in re.findall(r"uint8 \[([\d, ]+)\]", path.read_text())}
    assert told == {", ".join(map(str, frame.shape))}


def test_the_lines_of_the_readme_run() -> None:
    section = README.read_text(encoding="utf-8").split("## The environments in 15 lines")[1]
    block = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    exec(compile(block.replace("=512", "=4"), str(README), "exec"), {})
