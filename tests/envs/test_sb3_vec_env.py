"""The stable-baselines3 environment does what that library's own does with the single environments, and trains."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from protogov.envs import ActionError, ConfigError, Simulator, WorldConfig
from protogov.envs.sb3_vec_env import SB3VecEnv

FIELDS = {"episode_hours": 30, "stagger": True}
COUNT = 4


def make(render_mode: str | None = None, **fields: Any) -> SB3VecEnv:
    config = WorldConfig(roles=("spread",), **{**FIELDS, **fields})
    return SB3VecEnv(Simulator(config, COUNT), render_mode=render_mode)


def recorded(steps: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (steps, COUNT, 4)).astype(np.float32)


def test_step_for_step_like_the_librarys_own() -> None:
    mine = make()
    own = DummyVecEnv([lambda: gym.make("protogov/Spreads-v0", **FIELDS)] * COUNT)  # type: ignore[arg-type]
    assert mine.observation_space == own.observation_space and mine.action_space == own.action_space
    assert mine.seed(30) == own.seed(30)
    assert mine.reset().tobytes() == own.reset().tobytes()  # type: ignore[union-attr]
    assert mine.reset_infos == own.reset_infos
    ends = np.zeros(COUNT)
    for actions in recorded(16):
        obs, rewards, dones, infos = mine.step(actions)
        own_obs, own_rewards, own_dones, own_infos = own.step(actions)
        assert obs.dtype == own_obs.dtype and obs.tobytes() == own_obs.tobytes()  # type: ignore[union-attr]
        assert rewards.dtype == own_rewards.dtype and rewards.tobytes() == own_rewards.tobytes()
        assert dones.dtype == own_dones.dtype and dones.tolist() == own_dones.tolist()
        assert data_equivalence(infos, own_infos, exact=True)
        assert mine.reset_infos == own.reset_infos
        ends += dones
        for done, info in zip(dones, infos, strict=True):
            assert info["TimeLimit.truncated"] is bool(done) and ("terminal_observation" in info) == done
    assert ends.min() >= 2
    assert mine.reset().tobytes() == own.reset().tobytes()  # type: ignore[union-attr]


def test_nothing_that_was_returned_changes_later() -> None:
    env = make()
    env.seed(0)
    start = env.reset()
    returned = [start, *env.step(recorded(1)[0])[:3]]
    kept = [value.copy() for value in returned]
    for actions in recorded(3):
        env.step(actions)
    assert all(value.tobytes() == old.tobytes() for value, old in zip(returned, kept, strict=True))


def test_seeds_are_used_once_and_lacking_ones_are_drawn() -> None:
    env = make()
    env.seed(3)
    first = env.reset()
    second = env.reset()
    assert (first != second).any()
    env.seed(3)
    assert (env.reset() == first).all() and (env.reset() == second).all()
    assert (make().reset() != make().reset()).any()


@pytest.mark.filterwarnings("error")
def test_the_library_trains_and_evaluates_on_it() -> None:
    env = VecMonitor(make())
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=32, n_epochs=1, seed=0, device="cpu")
    model.learn(96)
    assert model.num_timesteps == 96 and len(model.ep_info_buffer) >= COUNT  # type: ignore[arg-type]
    mean, spread = evaluate_policy(model, env, n_eval_episodes=COUNT)
    assert np.isfinite([mean, spread]).all()


def test_a_wrong_action_changes_nothing() -> None:
    env, twin = make(), make()
    env.seed(0), twin.seed(0)
    env.reset(), twin.reset()
    with pytest.raises(ActionError, match="action of spread_0 is inf for lever hedge_ratio of world 2"):
        env.step(np.where(np.arange(16).reshape(4, 4) == 11, np.inf, 0.0))
    with pytest.raises(ActionError, match=r"action of spread_0 has shape \(4,\), expected \(4, 4\)"):
        env.step(np.zeros(4))
    assert env.step(recorded(1)[0])[0].tobytes() == twin.step(recorded(1)[0])[0].tobytes()  # type: ignore[union-attr]


def test_several_governors_are_refused() -> None:
    with pytest.raises(ConfigError, match="one governor that learns, this configuration has rate_0, risk_0, spread_0"):
        SB3VecEnv(Simulator(WorldConfig()))
    with pytest.raises(ConfigError, match="render_mode = 'human'"):
        make(render_mode="human")


def test_attributes_and_methods_of_rows() -> None:
    env = make()
    assert env.get_attr("render_mode") == [None] * COUNT
    assert env.get_attr("agent", indices=[0, 2]) == ["spread_0"] * 2 and env.get_attr("agent", 1) == ["spread_0"]
    assert not env.has_attr("nothing_of_that_name")
    env.set_attr("note", "mine")
    assert env.get_attr("note", [3]) == ["mine"]
    with pytest.raises(ValueError, match="note can be set for all rows only"):
        env.set_attr("note", "yours", indices=[1])
    assert env.env_is_wrapped(gym.Wrapper) == [False] * COUNT
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.env_method("render", indices=0) == [None]
    with pytest.raises(AttributeError, match="no method 'fly', known are render"):
        env.env_method("fly")
    with pytest.raises(IndexError):
        env.get_attr("agent", indices=[COUNT])


def test_frames_are_tiled() -> None:
    env = make(render_mode="rgb_array")
    assert env.render_mode == "rgb_array" and env.get_attr("render_mode") == ["rgb_array"] * COUNT
    env.reset()
    env.step(recorded(1)[0])
    picture = env.render()
    assert picture is not None and picture.shape == (1000, 1600, 3)
    assert (picture[:500, :800] == env.env_method("render", indices=0)[0]).all()
    assert (picture[:500, 800:] != picture[:500, :800]).any()
