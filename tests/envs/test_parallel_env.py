"""The PettingZoo environment: its project's checker, whole episodes, state, the end, and what it refuses."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pettingzoo.test import parallel_api_test

from protogov.envs import ActionError, parallel_env
from protogov.envs.parallel_env import GovernorsParallelEnv

pytestmark = pytest.mark.filterwarnings("error")


def make(**fields: Any) -> GovernorsParallelEnv:
    return parallel_env(**{"episode_hours": 48, **fields})


def random_actions(env: GovernorsParallelEnv, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    return {
        agent: rng.uniform(-1, 1, env.action_space(agent).shape).astype(np.float32) for agent in env.possible_agents
    }


@pytest.mark.parametrize("venues", [1, 2])
def test_the_checker_passes_without_a_warning(venues: int, capsys: pytest.CaptureFixture[str]) -> None:
    parallel_api_test(make(venues=venues), num_cycles=20)  # beyond the end of an episode
    assert "Passed" in capsys.readouterr().out


def test_agents_are_named_by_role_and_venue() -> None:
    assert make().possible_agents == ["rate_0", "risk_0", "spread_0"]
    assert make(venues=2, roles=("rate", "spread")).possible_agents == ["rate_0", "spread_0", "rate_1", "spread_1"]


def test_spaces_are_the_same_objects_every_call_and_hold_what_is_returned() -> None:
    env = make(venues=2, scenario="crash-heldout")
    obs, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for agent in env.agents:
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is env.action_space(agent)
    while env.agents:
        assert all(obs[agent] in env.observation_space(agent) for agent in env.agents)
        assert env.state() in env.state_space
        obs, *_ = env.step(random_actions(env, rng))


@pytest.mark.parametrize("venues", [1, 2])
def test_a_seed_is_a_whole_episode(venues: int) -> None:
    """PettingZoo's own seed test stops after one step."""

    def play(seed: int) -> list[Any]:
        env, rng, course = make(venues=venues), np.random.default_rng(1), []
        env.reset(seed=3)  # something else before
        env.step(random_actions(env, rng))
        rng = np.random.default_rng(2)
        course.append(env.reset(seed=seed))
        while env.agents:
            course += [env.step(random_actions(env, rng)), env.state()]
        course.append(env.reset())
        return course

    first, again, other = play(7), play(7), play(8)
    np.testing.assert_equal(first, again)  # exact, through dicts and tuples
    assert first[-1][0]["rate_0"].tobytes() != other[-1][0]["rate_0"].tobytes()


def test_the_end_empties_the_agents_and_a_reset_brings_them_back() -> None:
    env = make(episode_hours=12)
    assert env.agents == []
    env.reset(seed=0, options={"something": "unknown"})
    rng = np.random.default_rng(0)
    _, _, terminations, truncations, _ = env.step(random_actions(env, rng))
    assert env.agents == env.possible_agents and not any(truncations.values())
    obs, rewards, terminations, truncations, infos = env.step(random_actions(env, rng))
    everybody = set(env.possible_agents)
    assert all(set(part) == everybody for part in (obs, rewards, terminations, truncations, infos))
    assert all(truncations.values()) and not any(terminations.values())
    assert env.agents == [] and env.num_agents == 0 and env.max_num_agents == 3
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(RuntimeError, match="reset it before the next step"):
        env.step(random_actions(env, rng))
    env.reset()
    assert env.agents == env.possible_agents


def test_infos_are_each_agents_own_under_the_same_keys_from_the_reset_on() -> None:
    env = make()
    _, first = env.reset(seed=0)
    *_, infos = env.step(random_actions(env, np.random.default_rng(0)))
    levers = [key for key in infos["rate_0"] if key.startswith("executed/")]
    assert levers == [f"executed/{name}" for name in ("base_rate", "slope1", "slope2", "optimal_utilisation")]
    assert "terms/edge" in infos["spread_0"] and "terms/edge" not in infos["rate_0"]
    assert infos["rate_0"]["welfare"] == infos["risk_0"]["welfare"] != 0.0  # of one venue
    for agent in env.agents:
        assert list(first[agent]) == list(infos[agent])
        assert {value for key, value in first[agent].items() if not key.startswith("executed/")} == {0.0}


def test_random_numbers_of_whoever_wraps_it_follow_the_seed() -> None:
    env, other = make(), make()
    assert env.np_random is env.np_random
    for one in (env, other):
        one.reset(seed=5)
    drawn = env.np_random.random(3)
    assert drawn.tolist() == other.np_random.random(3).tolist()
    env.reset()  # goes on
    assert env.np_random.random(3).tolist() == other.np_random.random(3).tolist() != drawn.tolist()
    env.reset(seed=5)
    assert env.np_random.random(3).tolist() == drawn.tolist()


def test_cooperation_blends_welfare_into_every_reward() -> None:
    actions = random_actions(make(), np.random.default_rng(0))
    rewards = []
    for cooperation in (0.0, 0.5, 1.0):
        env = make(cooperation=cooperation)
        env.reset(seed=1)
        rewards.append(env.step(actions)[1])
    selfish, half, common = rewards
    assert len(set(common.values())) == 1 and len(set(selfish.values())) == 3
    for agent in selfish:
        assert half[agent] == pytest.approx((selfish[agent] + common[agent]) / 2)


def test_state_is_fresh_and_moves() -> None:
    env = make()
    env.reset(seed=0)
    before = env.state()
    kept = before.copy()
    env.step(random_actions(env, np.random.default_rng(0)))
    assert before.tobytes() == kept.tobytes() != env.state().tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"risk_0": None}, "actions lack agent 'risk_0'"),
        ({"risk_1": np.zeros(4)}, "actions name 'risk_1', agents are rate_0, risk_0, spread_0"),
        ({"risk_0": np.full(4, np.nan)}, "action of risk_0 is nan for lever liquidation_threshold"),
        ({"spread_0": np.zeros(5)}, r"action of spread_0 has shape \(5,\), expected \(4,\)"),
        ({"spread_0": "up"}, "action of spread_0 is 'up'"),
    ],
)
def test_a_wrong_action_names_the_agent_and_changes_nothing(change: dict[str, Any], words: str) -> None:
    env, twin = make(), make()
    env.reset(seed=0)
    twin.reset(seed=0)
    right = random_actions(env, np.random.default_rng(0))
    wrong = {agent: action for agent, action in {**right, **change}.items() if action is not None}
    with pytest.raises(ActionError, match=words):
        env.step(wrong)
    np.testing.assert_equal(env.step(right), twin.step(right))


def test_a_wrong_setting_names_its_field() -> None:
    with pytest.raises(ValueError, match="venues = 3 must be a whole number between 1 and 2"):
        make(venues=3)
    with pytest.raises(ValueError, match="may share a lever"):
        make(roles=("joint", "rate"))
