"""The Gymnasium environment: the project's own checkers, episodes, what it returns, and what it refuses."""

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

from protogov.envs import IDS, LEVERS, ROLES, ActionError, ConfigError, WorldConfig, get_scenario
from protogov.envs.gymnasium_env import GovernorEnv

pytestmark = pytest.mark.filterwarnings("error")


def make(name: str = "protogov/Rates-v0", **fields: Any) -> GovernorEnv:
    env = gym.make(name, **{"episode_hours": 48, **fields}).unwrapped
    assert isinstance(env, GovernorEnv)
    return env


@pytest.mark.parametrize("name", IDS)
def test_both_checkers_pass_without_a_warning(name: str) -> None:
    check_env(make(name), skip_render_check=name != "protogov/Joint-v0")
    check_env_for_sb3(make(name, render_mode="rgb_array" if name == "protogov/Rates-v0" else None))


@pytest.mark.parametrize(
    ("name", "levers"),
    [("Rates", range(4)), ("Thresholds", range(4, 8)), ("Spreads", range(8, 12)), ("Joint", range(12))],
)
def test_a_role_moves_its_own_levers_and_no_others(name: str, levers: range) -> None:
    env = make(f"protogov/{name}-v0")
    assert env.action_space.shape == (len(levers),)
    env.reset(seed=1)
    for _ in range(4):
        *_, info = env.step(np.full(len(levers), 0.9))
    now = env.simulator.lever_values(0)[0]
    defaults = np.array([lever.default for lever in LEVERS])
    moved = now != defaults
    assert moved[list(levers)].all() and not np.delete(moved, list(levers)).any()
    executed = {key: value for key, value in info.items() if key.startswith("executed/")}
    assert executed == {f"executed/{LEVERS[i].name}": now[i] for i in levers}


@pytest.mark.parametrize("name", IDS)
def test_the_reward_is_the_roles_own_mandate(name: str) -> None:
    env, role = make(name), ROLES[IDS[name]["role"]]
    env.reset(seed=3)
    paid = []
    for _ in range(5):
        _, reward, _, _, info = env.step(env.action_space.sample())
        mandate = sum(term.weight * info[f"terms/{term.name}"] for term in role.terms)
        assert reward == pytest.approx(mandate / role.daily_sd, rel=1e-12, abs=1e-15)
        assert isinstance(reward, float)
        paid.append(reward)
    assert len(set(paid)) == 5  # a tiny pool may have an hour without anything
    if name == "protogov/Joint-v0":
        assert info["terms/welfare"] == info["welfare"]


def test_an_episode_ends_by_truncation_alone_and_then_needs_a_reset() -> None:
    env = make(episode_hours=22, decision_hours=5)  # four decisions of 5 hours and one of 2
    env.reset(seed=0)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(5)]
    assert ends == [(False, False)] * 4 + [(False, True)]
    assert env.simulator.worlds["hour"][0] == 22
    with pytest.raises(RuntimeError, match="world 0 is truncated; reset it"):
        env.step(env.action_space.sample())
    env.reset()
    env.step(env.action_space.sample())


def test_step_before_reset_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        make().step(np.zeros(4))


def test_observations_stay_in_their_space_and_infos_hold_plain_finite_floats() -> None:
    env = make("protogov/Joint-v0", scenario="crash-heldout", episode_hours=336)
    obs, first = env.reset(seed=2)
    assert "terms/welfare" in first and "executed/base_rate" in first
    assert all(type(value) is float and np.isfinite(value) for value in first.values())
    truncated = False
    while not truncated:
        assert obs in env.observation_space and obs.dtype == np.float32
        obs, _, _, truncated, info = env.step(env.action_space.sample())
        assert list(info) == list(first)
        assert all(type(value) is float and np.isfinite(value) for value in info.values())
    again = env.reset()[1]
    assert list(again) == list(first) and info["terms/welfare"] != 0.0  # of the last decision, not of the new episode
    assert {value for key, value in again.items() if not key.startswith("executed/")} == {0.0}
    assert obs in env.observation_space
    assert len(env.feature_names) == len(set(env.feature_names)) == obs.size


def test_seeds_restart_a_world_and_resets_without_go_on_to_its_next_episode() -> None:
    env = make()

    def opening(seed: int | None = None) -> NDArray[np.float32]:
        env.reset(seed=seed)
        return env.step(np.zeros(4))[0]

    first, second, third = opening(7), opening(), opening()
    assert len({x.tobytes() for x in (first, second, third, opening(8))}) == 4
    np.testing.assert_array_equal(opening(7), first)
    np.testing.assert_array_equal(opening(), second)
    # not the same for everybody who forgets the seed
    assert make().reset()[0].tobytes() != make().reset()[0].tobytes()


def test_nothing_that_was_returned_changes_later() -> None:
    env = make()
    returned = [env.reset(seed=0)]
    returned += [env.step(env.action_space.sample())[::4] for _ in range(4)]
    returned.append(env.reset())
    kept = copy.deepcopy(returned)
    env.step(np.ones(4))
    for (obs, info), (old_obs, old_info) in zip(returned, kept, strict=True):
        assert obs.tobytes() == old_obs.tobytes() and info == old_info
    for i, (obs, _) in enumerate(returned):
        assert not any(np.shares_memory(obs, other) for other, _ in returned[:i])


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ([0.0, np.nan, 0.0, 0.0], "action of rate_0 is nan for lever slope1 of world 0"),
        ([0.0, 0.0, 0.0, -np.inf], "action of rate_0 is -inf for lever optimal_utilisation"),
        ([1e200, np.inf, 0.0, 0.0], "action of rate_0 is inf for lever slope1"),
        ([0.0] * 3, r"action of rate_0 has shape \(3,\), expected \(4,\)"),
        ([[0.0] * 4], r"action of rate_0 has shape \(1, 4\), expected \(4,\)"),
        (0.5, r"action of rate_0 has shape \(\), expected \(4,\)"),
        (["a", "b", "c", "d"], r"action of rate_0 is \['a', 'b', 'c', 'd'\], expected numbers of shape \(4,\)"),
        ([[0.0], [0.0, 1.0]], "action of rate_0 is .* expected numbers"),
    ],
)
def test_a_wrong_action_is_named_and_changes_nothing(action: Any, words: str) -> None:
    env, twin = make(), make()
    env.reset(seed=0)
    twin.reset(seed=0)
    env.step(np.full(4, 0.5))
    twin.step(np.full(4, 0.5))
    before = env.simulator.worlds.tobytes()
    with pytest.raises(ActionError, match=words):
        env.step(action)
    assert env.simulator.worlds.tobytes() == before
    assert env.step(np.full(4, -0.5))[0].tobytes() == twin.step(np.full(4, -0.5))[0].tobytes()


def test_finite_actions_beyond_the_box_are_clipped() -> None:
    env, twin = make(), make()
    env.reset(seed=0)
    twin.reset(seed=0)
    for action in ([3.0, -1e200, 1.5, 0.2], [1e308, 1e308, 1.0, -7.0]):
        obs, *_, info = env.step(action)
        twin_obs, *_, twin_info = twin.step(np.clip(action, -1.0, 1.0))
        assert obs.tobytes() == twin_obs.tobytes() and info == twin_info


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"roles": ("risk",)}, "role = 'rate' must be one of roles, which are risk"),
        ({"venues": 3}, "venues = 3 must be a whole number between 1 and 2"),
        ({"decision_hours": 25}, "decision_hours = 25"),
        ({"scenario": "nowhere"}, "scenario 'nowhere' is not known; known are .*jump"),
    ],
)
def test_an_impossible_environment_is_refused_with_the_field(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**fields)


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="render_mode = 'ansi' must be None or 'rgb_array'"):
        GovernorEnv("rate", render_mode="ansi")


def test_configuration_and_scenario_reach_the_world() -> None:
    env = make(scenario=get_scenario("flat"), decision_hours=2, autonomy=12.0, defaults={"base_rate": 0.02})
    expected = WorldConfig(
        roles=("rate",), episode_hours=48, decision_hours=2, autonomy=12.0, defaults={"base_rate": 0.02}
    )
    assert env.simulator.config == expected and env.simulator.scenario.name == "flat"
    assert env.reset(seed=0)[1]["executed/base_rate"] == 0.02


def test_copies_go_on_as_the_original_does() -> None:
    env = make(render_mode="rgb_array")
    env.reset(seed=5)
    env.step(np.full(4, 0.7))
    env.render()
    for copied in (lambda: pickle.loads(pickle.dumps(env)), lambda: copy.deepcopy(env)):
        twin = copied()
        assert twin.simulator.worlds.tobytes() == env.simulator.worlds.tobytes()
        assert (twin.render() == env.render()).all()
        twin.step(np.full(4, -0.7))  # must not reach the original
        np.testing.assert_array_equal(twin.reset(seed=9)[0], env.reset(seed=9)[0])
        for _ in range(3):
            assert twin.step(np.full(4, 0.1))[0].tobytes() == env.step(np.full(4, 0.1))[0].tobytes()


def test_made_again_from_its_own_spec() -> None:
    env = gym.make("protogov/Spreads-v0", decision_hours=3, episode_hours=12)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))  # type: ignore[union-attr]
    np.testing.assert_array_equal(env.reset(seed=1)[0], again.reset(seed=1)[0])
    assert again.unwrapped.simulator.config.decision_hours == 3  # type: ignore[attr-defined]
