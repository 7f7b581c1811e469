"""Lower, hold, raise: steps of one cap from the value in force, in every form of environment."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from protogov.envs import LEVERS, ActionError, ConfigError, discrete_levers, parallel_env
from protogov.envs.world.lever_table import LEVER_BY_NAME

SMALL: dict[str, Any] = {"size": "tiny", "decision_hours": 6, "episode_hours": 48}
SPREADS = ("half_spread", "skew_shift", "vega_fee", "hedge_ratio")


def caps_moved(before: dict[str, float], after: dict[str, float], name: str) -> float:
    """How many caps a lever moved, as a cap of its kind measures it."""
    lever, key = LEVER_BY_NAME[name], f"executed/{name}"
    if lever.cap_kind == "ratio":
        return float(np.log(after[key] / before[key]) / np.log(lever.cap))
    return (after[key] - before[key]) / lever.cap


@pytest.mark.filterwarnings("error", "ignore:.*is different from the unwrapped version:UserWarning")
def test_the_checkers_pass() -> None:
    check_env(discrete_levers(gym.make("protogov/TinySpreads-v0").unwrapped), skip_render_check=True)
    check_env_for_sb3(discrete_levers(gym.make("protogov/TinyRates-v0").unwrapped))
    parallel_api_test(discrete_levers(parallel_env(size="tiny", venues=1)), num_cycles=20)


def test_a_step_is_one_cap_from_the_value_in_force() -> None:
    """Also of the half-spread, whose cap is a ratio; a lever that is held stays where it stands."""
    env = discrete_levers(gym.make("protogov/Spreads-v0", **SMALL))
    assert env.action_space == gym.spaces.MultiDiscrete([3, 3, 3, 3])
    _, opened = env.reset(seed=3)
    *_, first = env.step(np.array([2, 0, 1, 2]))
    *_, second = env.step(np.array([1, 0, 1, 0]))
    found = [[caps_moved(*pair, name) for name in SPREADS] for pair in ((opened, first), (first, second))]
    np.testing.assert_allclose(found, [[1, -1, 0, 1], [0, -1, 0, -1]], atol=1e-9)
    # by hand: 1.5 vol points raised by the ratio of 1.25, and a shift lowered twice by one point
    assert first["executed/half_spread"] == pytest.approx(0.015 * 1.25)
    assert second["executed/skew_shift"] == pytest.approx(-0.02)


def test_steps_end_at_the_ends_of_the_range() -> None:
    env = discrete_levers(gym.make("protogov/Spreads-v0", **SMALL))
    env.reset(seed=3)
    for _ in range(4):
        *_, info = env.step(np.array([1, 1, 0, 1]))  # 1, .5, 0, 0
    assert info["executed/vega_fee"] == 0.0


def test_a_share_of_a_cap() -> None:
    env = discrete_levers(gym.make("protogov/Spreads-v0", **SMALL), caps=0.5)
    _, opened = env.reset(seed=3)
    *_, info = env.step(np.array([2, 2, 0, 0]))
    np.testing.assert_allclose([caps_moved(opened, info, name) for name in SPREADS], [0.5, 0.5, -0.5, -0.5], atol=1e-9)


@pytest.mark.parametrize("caps", [0.25, 0, -1.0, float("nan"), float("inf"), "1", True])
def test_a_step_that_the_shield_would_swallow_is_refused(caps: Any) -> None:
    with pytest.raises(ConfigError, match="must be a finite number above 0.25"):
        discrete_levers(gym.make("protogov/TinyRates-v0"), caps)


def test_all_forms_are_one_environment() -> None:
    """Rows of a batch, and an agent of several, go the way of the single environment."""
    single = discrete_levers(gym.make("protogov/Spreads-v0", **SMALL))
    batch = discrete_levers(gym.make_vec("protogov/Spreads-v0", num_envs=2, **SMALL))
    several = discrete_levers(parallel_env(venues=1, **SMALL))
    assert batch.action_space.shape == (2, 4) and batch.single_action_space == single.action_space
    assert several.action_space("spread_0") == single.action_space
    assert several.action_space("spread_0") is several.action_space("spread_0")
    observations = [single.reset(seed=5)[0], batch.reset(seed=5)[0][0], several.reset(seed=5)[0]["spread_0"]]
    rng = np.random.default_rng(1)
    for _ in range(8):
        choice = rng.integers(0, 3, 4)
        held = {agent: np.ones(several.action_space(agent).shape, int) for agent in several.agents}
        steps = (single.step(choice), batch.step(np.stack([choice, choice])), several.step(held | {"spread_0": choice}))
        rewards = [steps[0][1], steps[1][1][0], steps[2][1]["spread_0"]]
        observations = [steps[0][0], steps[1][0][0], steps[2][0]["spread_0"]]
        assert len(set(rewards)) == 1
        for other in observations[1:]:
            np.testing.assert_array_equal(observations[0], other)
    assert steps[0][3] and several.agents == []


def test_a_finished_row_of_a_batch_begins_anew() -> None:
    batch = discrete_levers(gym.make_vec("protogov/Spreads-v0", num_envs=2, **SMALL))
    batch.reset(seed=5)
    for _ in range(9):  # eight decisions, and the step that resets
        *_, infos = batch.step(np.full((2, 4), 2))
    assert infos["executed/vega_fee"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("action", [[0, 1, 2], [0, 1, 2, 3], [-1, 1, 1, 1], [0.5, 1, 1, 1], [[1, 1, 1, 1]], "hold"])
def test_what_is_no_choice_is_refused_and_changes_nothing(action: Any) -> None:
    env = discrete_levers(gym.make("protogov/Spreads-v0", **SMALL))
    env.reset(seed=5)
    before = env.unwrapped.simulator.snapshot()
    with pytest.raises(ActionError, match="0 .lower., 1 .hold. or 2 .raise. is accepted for each of half_spread"):
        env.step(action)
    assert env.unwrapped.simulator.snapshot() == before


def test_other_environments_are_refused() -> None:
    with pytest.raises(TypeError, match="not dict"):
        discrete_levers({})
    several = discrete_levers(parallel_env(**SMALL))
    several.reset(seed=1)
    with pytest.raises(ActionError, match="'nobody'"):
        several.step({"nobody": np.ones(4)})


def test_every_kind_of_cap_is_known() -> None:
    assert {lever.cap_kind for lever in LEVERS} <= {"absolute", "ratio", "relative"}
