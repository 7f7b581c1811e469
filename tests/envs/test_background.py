"""Governors that do not learn: they act inside as they would from outside, and their memory goes with the rows."""

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from protogov.agents.background import background_governor
from protogov.agents.policies.policy import Policy
from protogov.envs import ActionError, ConfigError, Simulator, SnapshotError, WorldConfig, parallel_env
from protogov.envs.background import seat_seed
from protogov.envs.memory import pack, pick_rows, unpack
from protogov.envs.roles import ROLES
from protogov.envs.sb3_vec_env import SB3VecEnv

FIELDS: dict[str, Any] = {"venues": 2, "episode_hours": 24}  # 4 decisions an episode
EPISODES, ROWS, SEED = 2, 3, 11
BACKGROUND = {"risk_0": "steward_var", "rate_1": "pi", "risk_1": "random"}
LEARNER = "rate_0"
Course = list[tuple[bytes, float]]  # observation and reward after every decision


def action_of(row: int, decision: int) -> np.ndarray:
    return np.random.default_rng([row, decision]).uniform(-1.0, 1.0, 4)


def actions_of(decision: int, rows: int = ROWS) -> np.ndarray:
    return np.array([action_of(row, decision) for row in range(rows)])


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A policy of rate_1 that nobody trained: what it does depends on all that it sees."""
    world = Simulator(WorldConfig(roles=("rate",), **FIELDS))
    names, rng = world.observation_names("rate_1"), np.random.default_rng(0)
    weights = {
        "layer_0.weight": rng.normal(0.0, 0.3, (32, len(names))),
        "layer_0.bias": rng.normal(0.0, 0.3, 32),
        "layer_1.weight": rng.normal(0.0, 0.3, (4, 32)),
        "layer_1.bias": np.zeros(4),
    }
    made = Policy(
        agent="rate_1", features=names, levers=ROLES["rate"].levers, hidden_sizes=(32,), activation="tanh",
        log_std=(-1.0,) * 4, decision_hours=6, weights={k: v.astype(np.float32) for k, v in weights.items()},
    )  # fmt: skip
    return str(made.save(tmp_path_factory.mktemp("policy"))[0])


@pytest.fixture(params=["baselines", "policy"])
def background(request: pytest.FixtureRequest, policy: str) -> dict[str, Any]:
    return BACKGROUND if request.param == "baselines" else {"rate_1": policy}


# ---------------------------------------------------------------- inside is outside


def from_outside(background: dict[str, Any]) -> list[Course]:
    """The same governors as agents like any other, asked by the test."""
    roles = tuple(dict.fromkeys(["rate", *(name.partition("_")[0] for name in background)]))
    config = WorldConfig(roles=roles, **FIELDS)
    world = Simulator(config, ROWS, seed=SEED)
    seats = {name: seat for name, seat in world.places.items() if name in background}
    governors = {
        name: background_governor(background[name], seat, config, seed=seat_seed(name)) for name, seat in seats.items()
    }
    courses: list[Course] = [[] for _ in range(ROWS)]
    for decision in range(EPISODES * world.horizon):
        if decision % world.horizon == 0:
            world.reset()
            for governor in governors.values():
                governor.reset(np.arange(ROWS), world.worlds["seed"].copy())
        acts = {name: np.zeros((ROWS, world.action_size(name))) for name in world.agents}
        acts |= {name: governor.act(world.view(name)) for name, governor in governors.items()}
        step = world.step(acts | {LEARNER: actions_of(decision)})
        for row, course in enumerate(courses):
            course.append((step.obs[LEARNER][row].tobytes(), float(step.rewards[LEARNER][row])))
    return courses


def in_gym_make(background: dict[str, Any]) -> list[Course]:
    env = gym.make("protogov/Rates-v0", background=background, **FIELDS)

    def play(row: int) -> Iterator[tuple[bytes, float]]:
        env.reset(seed=SEED + row)
        for decision in range(EPISODES * 4):
            obs, reward, _, truncated, info = env.step(action_of(row, decision))
            yield obs.tobytes(), reward
            assert {name.partition("/")[2] for name in info if name.startswith("executed/")} == set(
                ROLES["rate"].levers
            )
            if truncated:
                env.reset()

    return [list(play(row)) for row in range(ROWS)]


def in_make_vec(background: dict[str, Any]) -> list[Course]:
    envs = gym.make_vec(
        "protogov/Rates-v0", ROWS, background=background, autoreset_mode="SameStep", num_threads=2, **FIELDS
    )
    envs.reset(seed=SEED)
    courses: list[Course] = [[] for _ in range(ROWS)]
    for decision in range(EPISODES * 4):
        obs, rewards, _, truncated, infos = envs.step(actions_of(decision))
        for row, course in enumerate(courses):
            seen = infos["final_obs"][row] if truncated[row] else obs[row]
            course.append((seen.tobytes(), float(rewards[row])))
    return courses


def in_parallel_env(background: dict[str, Any]) -> list[Course]:
    env = parallel_env(roles=("rate",), background={"rate_1": None} | background, **FIELDS)
    assert env.possible_agents == [LEARNER]

    def play(row: int) -> Iterator[tuple[bytes, float]]:
        env.reset(seed=SEED + row)
        for decision in range(EPISODES * 4):
            obs, rewards, _, truncations, infos = env.step({LEARNER: action_of(row, decision)})
            assert set(obs) == set(rewards) == set(infos) == {LEARNER}
            yield obs[LEARNER].tobytes(), rewards[LEARNER]
            if truncations[LEARNER]:
                env.reset()

    return [list(play(row)) for row in range(ROWS)]


def simulator(background: dict[str, Any], rows: int = ROWS, **more: Any) -> Simulator:
    return Simulator(WorldConfig(roles=("rate",), background=background, **FIELDS), rows, seed=SEED, **more)


def in_sb3(background: dict[str, Any]) -> list[Course]:
    env = SB3VecEnv(simulator(background))
    env.seed(SEED)
    env.reset()
    courses: list[Course] = [[] for _ in range(ROWS)]
    for decision in range(EPISODES * 4):
        obs, rewards, dones, infos = env.step(actions_of(decision))
        for row, course in enumerate(courses):
            seen = infos[row]["terminal_observation"] if dones[row] else obs[row]  # type: ignore[index]
            course.append((seen.tobytes(), float(rewards[row])))
    return courses


def in_simulator(background: dict[str, Any]) -> list[Course]:
    world = simulator(background, num_threads=3)
    world.reset()
    courses: list[Course] = [[] for _ in range(ROWS)]
    for decision in range(EPISODES * 4):
        step = world.step({LEARNER: actions_of(decision)})
        for row, course in enumerate(courses):
            course.append((step.obs[LEARNER][row].tobytes(), float(step.rewards[LEARNER][row])))
        if step.truncated.any():
            world.reset(mask=step.truncated)
    return courses


@pytest.mark.parametrize("play", [in_gym_make, in_make_vec, in_parallel_env, in_sb3, in_simulator])
def test_inside_is_outside_bit_for_bit(play: Callable[..., list[Course]], background: dict[str, Any]) -> None:
    expected = from_outside(background)
    if play is in_sb3:  # whose rewards are float32
        expected = [[(obs, float(np.float32(reward))) for obs, reward in course] for course in expected]
    assert play(background) == expected
    still = from_outside({name: "constant" for name in background})
    assert all(one != other for one, other in zip(still, expected, strict=True))  # they do move the world


def test_a_step_tells_what_everybody_did_and_only_learners_act() -> None:
    world = simulator(BACKGROUND)
    world.reset()
    assert world.agents == (LEARNER,) and set(world.places) == {LEARNER, *BACKGROUND} == set(world.roles)
    step = world.step({LEARNER: actions_of(0)})
    assert set(step.obs) == {LEARNER}
    for told in (step.rewards, step.terms, step.proposed, step.executed, step.reason):
        assert {LEARNER, *BACKGROUND} <= set(told)
    assert (step.proposed["risk_1"] != step.executed["risk_1"]).any()  # the shield holds a random governor back
    draws = [world.background[name].state_dict()["decisions"].tolist() for name in ("risk_1",)]
    assert draws == [[1, 1, 1]]
    with pytest.raises(ActionError, match="actions name 'risk_0', a seat in the background, agents are rate_0"):
        world.step({LEARNER: actions_of(0), "risk_0": actions_of(0)})


def test_a_step_that_is_refused_changes_no_memory() -> None:
    world = simulator(BACKGROUND)
    world.reset()
    before = world.snapshot()
    with pytest.raises(ActionError):
        world.step({LEARNER: np.full((ROWS, 4), np.nan)})
    assert world.snapshot() == before
    for decision in range(4):
        world.step({LEARNER: actions_of(decision)})
    before = world.snapshot()
    with pytest.raises(RuntimeError, match="world 0 is truncated"):
        world.step({LEARNER: actions_of(0)})
    assert world.snapshot() == before


def test_nobody_is_a_constant_at_the_defaults() -> None:
    nobody = gym.make("protogov/Rates-v0", **FIELDS)
    static = gym.make("protogov/Rates-v0", background={"rate_1": "constant", "risk": "constant"}, **FIELDS)
    assert nobody.unwrapped.simulator.config.background == {"rate_1": None}  # type: ignore[attr-defined]
    for env in (nobody, static):
        env.reset(seed=1)
    for decision in range(4):
        one, other = (env.step(action_of(0, decision)) for env in (nobody, static))
        assert one[0].tobytes() == other[0].tobytes() and one[1] == other[1]


def test_two_of_one_kind_do_not_draw_alike() -> None:
    world = Simulator(WorldConfig(roles=("risk",), background={"rate": "random"}, **FIELDS), 2)
    world.reset()
    step = world.step({agent: np.zeros((2, 4)) for agent in world.agents})
    assert not np.array_equal(step.proposed["rate_0"], step.proposed["rate_1"])


# ---------------------------------------------------------------- copies


def course(world: Simulator, rows: list[int], decisions: range) -> list[bytes]:
    """Everything after each decision, of actions that belong to `rows`."""
    seen = []
    for decision in decisions:
        step = world.step({LEARNER: np.array([action_of(row, decision) for row in rows])})
        parts = [step.obs[LEARNER], *(step.executed[name] for name in world.places), *(step.rewards.values())]
        seen.append(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))
    return seen


@pytest.mark.parametrize(
    "chosen", [{"rate_1": "pi"}, {"risk_0": "steward_var", "rate_1": None}, {"rate_1": "random"}, "policy", BACKGROUND]
)
def test_copies_go_on_bit_for_bit(chosen: Any, policy: str) -> None:
    background = {"rate_1": policy} if chosen == "policy" else chosen
    fields = FIELDS | {"episode_hours": 72}
    config = WorldConfig(roles=("rate",), background=background, **fields)
    world = Simulator(config, ROWS, seed=SEED)
    world.reset()
    course(world, [0, 1, 2], range(5))
    saved, forked, pickled = world.snapshot(), world.fork([2, 0, 2]), pickle.loads(pickle.dumps(world))
    other = Simulator(config, ROWS, seed=99)
    other.restore(saved)
    assert other.snapshot() == saved
    again = Simulator(config, ROWS, seed=SEED)
    again.reset()
    course(again, [0, 1, 2], range(5))
    expected = course(world, [0, 1, 2], range(5, 12))
    assert course(pickled, [0, 1, 2], range(5, 12)) == expected
    assert course(other, [0, 1, 2], range(5, 12)) == expected
    reordered = again.fork([2, 0, 2])  # of a world that went the same way: a fork leaves its parent alone
    assert course(forked, [2, 0, 2], range(5, 12)) == course(reordered, [2, 0, 2], range(5, 12))
    # row 1 of the fork is row 0 of the world
    assert forked.worlds[1].tobytes() == world.worlds[0].tobytes()
    assert forked.worlds[0].tobytes() == forked.worlds[2].tobytes() == world.worlds[2].tobytes()
    for name, governor in world.background.items():
        assert pack(pick_rows(governor.state_dict(), np.array([2, 0, 2]), ROWS, ""), [], "") == pack(
            forked.background[name].state_dict(), [], ""
        )


@pytest.mark.parametrize("name", ["pi", "random"])
def test_without_its_memory_a_copy_goes_another_way(name: str) -> None:
    config = WorldConfig(roles=("rate",), background={"rate_1": name}, **(FIELDS | {"episode_hours": 72}))
    world = Simulator(config, ROWS, seed=SEED)
    world.reset()
    course(world, [0, 1, 2], range(5))
    whole, bare = world.fork([0, 1, 2]), world.fork([0, 1, 2])
    bare.background["rate_1"].reset(np.arange(ROWS), bare.worlds["seed"].copy())
    expected = course(world, [0, 1, 2], range(5, 12))
    assert course(whole, [0, 1, 2], range(5, 12)) == expected != course(bare, [0, 1, 2], range(5, 12))


def test_a_fork_before_the_first_reset_and_after_the_file_is_gone(policy: str, tmp_path: Path) -> None:
    for file in Path(policy).parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    world = simulator({"rate_1": str(tmp_path / Path(policy).name)}, rows=2)
    saved = world.snapshot()
    for file in tmp_path.iterdir():
        file.unlink()
    copy = world.fork([1, 0])
    assert copy.config is world.config
    copy.restore(saved)
    for one in (world, copy):
        one.reset(seeds=[5, 6])
    assert course(world, [0, 1], range(4)) == course(copy, [0, 1], range(4))


def test_a_snapshot_of_another_policy_is_refused(policy: str, tmp_path: Path) -> None:
    description, weights = Path(policy), Path(policy).with_suffix(".safetensors")
    path = tmp_path / description.name
    (tmp_path / weights.name).write_bytes(weights.read_bytes())
    path.write_text(description.read_text())
    world = simulator({"rate_1": str(path)})
    world.reset()
    saved = world.snapshot()
    path.write_text(description.read_text() + "\n")
    other = simulator({"rate_1": str(path)})
    before = other.snapshot()
    with pytest.raises(SnapshotError, match="the background governor of rate_1 differs from that in the snapshot"):
        other.restore(saved)
    assert other.snapshot() == before


# ---------------------------------------------------------------- objects


class Counter:
    """Moves every lever a little further up with every decision of a row."""

    def __init__(self, extra: Any = None) -> None:
        self.count = np.zeros(0)
        self.extra = extra

    def reset(self, rows: np.ndarray, seeds: np.ndarray) -> None:
        if self.count.size <= rows.max():
            self.count = np.zeros(rows.max() + 1)
        self.count[rows] = 0.0

    def act(self, view: Any) -> np.ndarray:
        self.count += 1.0
        return np.repeat(self.count[:, None] / 10.0, 4, axis=1)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count.copy()} | ({} if self.extra is None else {"extra": self.extra})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = np.array(state["count"])


def test_an_object_is_copied_for_every_batch() -> None:
    mine = Counter()
    config = WorldConfig(roles=("rate",), background={"rate_1": mine, "risk": mine}, **FIELDS)
    one, other = Simulator(config, 2), Simulator(config, 2)
    one.reset(), other.reset()
    one.step({LEARNER: actions_of(0, 2)})
    counts = [[one.background[name].count.tolist() for name in ("rate_1", "risk_0", "risk_1")], mine.count.size]  # type: ignore[attr-defined]
    assert counts == [[[1.0, 1.0]] * 3, 0]
    assert other.background["rate_1"].count.tolist() == [0.0, 0.0]  # type: ignore[attr-defined]
    saved = one.snapshot()
    other.restore(saved)
    assert other.background["rate_1"].count.tolist() == [1.0, 1.0]  # type: ignore[attr-defined]
    told = config.to_dict()["background"]
    assert told["risk_1"] == {"object": f"{__name__}.Counter"}
    with pytest.raises(ConfigError, match=r"background\['risk_0'\] = \{'object'.* must be a governor's name"):
        WorldConfig.from_dict(config.to_dict())


def test_what_cannot_be_copied_is_refused_by_the_seat() -> None:
    config = WorldConfig(roles=("rate",), background={"rate_1": Counter(iter([(x for x in "ab")]))}, **FIELDS)
    with pytest.raises(ConfigError, match=r"background\['rate_1'\] is a Counter that cannot be copied"):
        Simulator(config)
    by_lever = simulator({"rate_1": Counter(np.zeros((4, 2)))})
    by_lever.reset()
    with pytest.raises(ValueError, match=r"governor of rate_1\['extra'\] has shape \(4, 2\); .* each of 3 worlds"):
        by_lever.fork([0])
    foreign = simulator({"rate_1": Counter({1, 2})})
    foreign.reset()
    with pytest.raises(TypeError, match=r"governor of rate_1\['extra'\] is a set; a snapshot keeps"):
        foreign.snapshot()


def test_a_governor_that_answers_nonsense_is_named() -> None:
    class Wrong(Counter):
        def act(self, view: Any) -> np.ndarray:
            return np.zeros((1, 4))

    world = simulator({"rate_1": Wrong()})
    world.reset()
    with pytest.raises(ActionError, match=r"action of rate_1 has shape \(1, 4\), expected \(3, 4\)"):
        world.step({LEARNER: actions_of(0)})


def test_memory_is_kept_without_pickling() -> None:
    state = {"a": np.arange(6).reshape(3, 2), "b": [1, (2.5, None)], "c": {"d": np.float32(0.1), "e": "x"}, "f": True}
    arrays: list[np.ndarray] = []
    back = unpack(pack(state, arrays, "it"), arrays)
    assert back["a"].tolist() == state["a"].tolist() and back["b"] == [1, (2.5, None)]  # type: ignore[attr-defined]
    assert back["c"] == state["c"] and type(back["c"]["d"]) is np.float32 and back["f"] is True
    picked = pick_rows(state, np.array([2, 2]), 3, "it")
    assert picked["a"].tolist() == [[4, 5], [4, 5]] and picked["b"] == state["b"] and picked["c"] == state["c"]
    with pytest.raises(TypeError, match="it is a ndarray"):
        pack(np.array([None, 1]), [], "it")


# ---------------------------------------------------------------- who sits where


@pytest.mark.parametrize(
    ("fields", "background", "expected", "learners"),
    [
        ({}, {"risk": "pi"}, {"risk_0": "pi"}, "rate_0 spread_0"),
        (
            {"venues": 2, "roles": ("rate", "risk")}, {"risk": "a", "risk_1": "b"}, {"risk_0": "a", "risk_1": "b"},
            "rate_0 rate_1",
        ),
        ({"roles": ("rate",), "venues": 2}, {"rate_1": "a"}, {"rate_1": "a"}, "rate_0"),
        ({"roles": ("rate",)}, {"risk": Path("x.json")}, {"risk_0": "x.json"}, "rate_0"),
        # the joint governor of venue 0 has all levers there
        (
            {"roles": ("joint",), "venues": 2}, {"risk": "a", "joint_1": None}, {"joint_1": None, "risk_1": "a"},
            "joint_0",
        ),
    ],
)  # fmt: skip
def test_a_role_stands_for_its_free_seats(fields: Any, background: Any, expected: Any, learners: str) -> None:
    config = WorldConfig(**fields, background=background)
    assert config.background == expected and " ".join(seat.name for seat in config.learners()) == learners
    sitting = {name for name, source in expected.items() if source is not None}
    assert {seat.name for seat in config.seats()} == {*learners.split(), *sitting}
    assert WorldConfig.from_dict(config.to_dict()) == config == replace(config)
    assert "background" not in WorldConfig().to_dict()


@pytest.mark.parametrize(
    ("background", "words"),
    [
        ([], r"background = \[\] must be a mapping from seats or roles to governors"),
        ({"risk_1": "pi"}, "background names 'risk_1', known are the seats rate_0, .* and the roles rate, risk"),
        ({"treasury": "pi"}, "background names 'treasury'"),
        ({3: "pi"}, "background names 3, known"),
        ({"risk": 3}, r"background\['risk'\] = 3 must be a governor's name, .* or None for nobody"),
        ({"risk": Counter}, "must be a governor's name"),
        ({"risk": ""}, "must be a governor's name"),
        ({"risk": "a", "risk_0": "b"}, "role 'risk', but its seats or levers already have governors"),
        ({"joint": "a"}, "role 'joint', but its seats"),
        ({"joint_0": "a"}, "background fills rate_0 and joint_0, which both move base_rate, slope1"),
        (
            {"rate": "a", "risk": "a", "spread": "a"},
            "fills every seat, rate_0, risk_0, spread_0: at least one governor",
        ),
    ],
)
def test_a_background_that_cannot_be_is_refused(background: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WorldConfig(background=background)
    with pytest.raises(ConfigError, match=words):
        parallel_env(background=background)


@pytest.mark.parametrize(
    ("background", "words"),
    [
        ({"rate_0": "pi"}, "background names 'rate_0', which is the seat of the governor that learns"),
        ({"rate": "pi"}, "role 'rate', but its seats or levers already have governors"),
        ({"risk": "steward_vra"}, r"background\['risk_0'\] = 'steward_vra': governor is 'steward_vra'; accepted: adap"),
        ({"risk": "pi"}, r"background\['risk_0'\] = 'pi': governor 'pi' sets base_rate"),
        ({"risk": "nowhere/policy.json"}, r"background\['risk_0'\] = .*nowhere/policy.json: there is no such file"),
    ],
)
def test_a_learner_keeps_its_seat_and_names_are_known(background: Any, words: str) -> None:
    for make in (gym.make, lambda name, **fields: gym.make_vec(name, num_envs=2, **fields)):
        with pytest.raises(ConfigError, match=words):
            make("protogov/Rates-v0", background=background)  # type: ignore[operator]


def test_a_governor_must_see_what_it_reads(policy: str) -> None:
    with pytest.raises(
        ConfigError, match="it reads implied_vol, which governors of this world, whose observe is chain"
    ):
        Simulator(WorldConfig(observe=("chain",), background={"risk": "steward_var"}))
    with pytest.raises(ConfigError, match="rate_1 learned on 110 numbers that are not the 98 of this observation"):
        Simulator(WorldConfig(background={"rate": policy}))
    with pytest.raises(ConfigError, match="decides every 6 hours; the world's decision_hours is 3"):
        Simulator(WorldConfig(background={"rate_1": policy}, decision_hours=3, venues=2))


def test_a_fresh_process_knows_the_names() -> None:
    code = (
        "import sys, gymnasium as gym, protogov.envs\n"
        "fields = dict(episode_hours=6, venues=2)\n"
        "gym.make('protogov/Rates-v0', **fields)\n"
        "assert 'protogov.agents' not in sys.modules\n"
        "env = gym.make('protogov/Rates-v0', background={'rate': 'pi'}, **fields)\n"
        "env.reset(seed=0); env.step(env.action_space.sample())\n"
        "assert 'protogov.agents.baselines.pi' in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
