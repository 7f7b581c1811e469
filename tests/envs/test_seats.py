"""Sizes, own roles and own rewards: the same by every interface, written down, and refused in one sentence."""

import json
import pickle
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from protogov.envs import (
    IDS,
    LEVERS,
    PRESETS,
    ROLES,
    SIZES,
    ConfigError,
    RewardError,
    Role,
    Simulator,
    Step,
    Term,
    WorldConfig,
    parallel_env,
)
from protogov.envs.gymnasium_env import GovernorEnv
from protogov.envs.layout import Layout
from protogov.envs.mandates import WELFARE_DAILY_SD
from protogov.envs.sb3_vec_env import SB3VecEnv
from protogov.envs.world.state import SCORED
from protogov.envs.world.welfare import TERM_NAMES

DECISIONS = 5
OWN = {"curator": ("base_rate", "liquidation_threshold"), "quoter": ("half_spread", "hedge_ratio")}
EDGE = {"edge": 1.0, "hedging_cost": -2.0, "daily_sd": 4.0}


def utilisation_gap(step: Step, agent: str) -> NDArray[np.float32]:
    """A reward for the tests: W less what the first lever is away from 1."""
    return (step.welfare() - np.abs(step.executed[agent][:, 0] - 1.0)).astype(np.float32)


# fields -> role that governs where one does
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "tiny": ({"size": "tiny"}, "spread"),
    "core": ({"size": "core", "episode_hours": 48}, "joint"),
    "own roles": ({"size": "tiny", "roles": OWN, "mandates": {"quoter": EDGE}}, "quoter"),
    "own roles, paid by W": ({"size": "tiny", "roles": OWN}, "curator"),
    "preset": ({"size": "tiny", "mandates": "profit"}, "risk"),
    "weights": ({"size": "tiny", "mandates": {"rate": {"reserve_income": 1.0, "lockup": -3.0}}}, "rate"),
    "reward": ({"size": "tiny", "reward_fn": utilisation_gap}, "rate"),
    "unlike venues": (
        {
            "size": "tiny",
            "venues": 2,
            "background": {"rate_1": None},
            "venue_overrides": [{"reserve_factor": 0.5}, {"supply_size": 4e7, "options_on": 0}],
        },
        "rate",
    ),
    "reward by name": ({"size": "tiny", "reward_fn": f"{__name__}:utilisation_gap"}, "risk"),
}


def actions_of(size: int) -> NDArray[np.float32]:
    return np.random.default_rng(size).uniform(-1.0, 1.0, (DECISIONS, size)).astype(np.float32)


def fields_of(case: str) -> tuple[dict[str, Any], str]:
    fields, role = CASES[case]
    return dict(fields), role


def by_simulator(fields: dict[str, Any], role: str) -> list[float]:
    """The whole world, whose other governors do nothing."""
    if role not in WorldConfig(**fields).roles:
        fields = {**fields, "roles": (role,)}
    world = Simulator(WorldConfig(**fields))
    world.reset(seeds=5)
    agent, rewards = f"{role}_0", []
    for action in actions_of(world.action_size(agent)):
        asked = {name: np.zeros((1, world.action_size(name))) for name in world.agents}
        rewards.append(world.step({**asked, agent: action[None]}).rewards[agent][0])
    return rewards


def by_gym_make(fields: dict[str, Any], role: str) -> list[float]:
    env = gym.make("protogov/Joint-v0", role=role, **fields)
    env.reset(seed=5)
    return [env.step(action)[1] for action in actions_of(env.action_space.shape[0])]


def by_make_vec(fields: dict[str, Any], role: str) -> list[float]:
    envs = gym.make_vec("protogov/Joint-v0", num_envs=2, role=role, **fields)
    envs.reset(seed=[9, 5])
    actions = actions_of(envs.single_action_space.shape[0])
    return [envs.step(np.repeat(action[None], 2, axis=0))[1][1] for action in actions]


def by_parallel_env(fields: dict[str, Any], role: str) -> list[float]:
    if role not in WorldConfig(**fields).roles:
        fields = {**fields, "roles": (role,)}
    env = parallel_env(**fields)
    env.reset(seed=5)
    agent, rewards = f"{role}_0", []
    for action in actions_of(env.action_space(agent).shape[0]):
        asked = {name: np.zeros(env.action_space(name).shape, np.float32) for name in env.agents}
        rewards.append(env.step({**asked, agent: action})[1][agent])
    return rewards


def by_sb3(fields: dict[str, Any], role: str) -> list[float]:
    config = WorldConfig(**{**fields, "roles": fields.get("roles", (role,))})
    env = SB3VecEnv(Simulator(replace(config, roles={role: config.roles[role]})))
    env.seed(5)
    env.reset()
    return [float(env.step(action[None])[1][0]) for action in actions_of(env.action_space.shape[0])]


@pytest.mark.parametrize("case", CASES)
def test_every_interface_pays_the_same(case: str) -> None:
    fields, role = fields_of(case)
    if "mandates" in fields and not isinstance(fields["mandates"], str) and "roles" not in fields:
        fields["roles"] = (role,)  # mandates are of roles that there are
    rewards = by_simulator(fields, role)
    assert len(set(rewards)) == DECISIONS and np.isfinite(rewards).all()
    assert by_gym_make(fields, role) == by_make_vec(fields, role) == by_parallel_env(fields, role) == rewards
    assert by_sb3(fields, role) == np.float32(rewards).tolist()


# ---------------------------------------------------------------- sizes


def test_the_ids_are_sizes_times_roles() -> None:
    assert len(IDS) == 16 and set(IDS) <= set(gym.registry)
    for size, prefix in (("full", ""), ("core", "Core"), ("tiny", "Tiny")):
        for title, role in (("Rates", "rate"), ("Thresholds", "risk"), ("Spreads", "spread"), ("Joint", "joint")):
            assert IDS[f"protogov/{prefix}{title}-v0"] == {"role": role, "size": size}


def test_core_is_one_lever_a_role() -> None:
    levers = ("base_rate", "liquidation_threshold", "half_spread")
    config = WorldConfig(size="core")
    assert [role.levers for role in config.roles.values()] == [(name,) for name in levers]
    assert config.parameters.num_accounts == 128 and (config.venues, config.episode_hours) == (1, 336)
    assert [role.terms for role in config.roles.values()] == [ROLES[name].terms for name in config.roles]
    joint = gym.make("protogov/CoreJoint-v0")
    assert joint.unwrapped.simulator.roles["joint_0"].levers == levers  # type: ignore[attr-defined]
    for title, name in zip(("Rates", "Thresholds", "Spreads"), levers, strict=True):
        env = gym.make(f"protogov/Core{title}-v0", episode_hours=12)
        env.reset(seed=0)
        *_, info = env.step(np.ones(1, np.float32))
        now = env.unwrapped.simulator.lever_values(0)[0]  # type: ignore[attr-defined]
        assert [lever.name for lever, value in zip(LEVERS, now, strict=True) if value != lever.default] == [name]
        assert info[f"executed/{name}"] == now[[lever.name for lever in LEVERS].index(name)]


def test_full_is_the_default_and_rivals_are_two_of_it() -> None:
    assert WorldConfig(size="full") == WorldConfig()
    config = WorldConfig(size="rivals")
    assert [agent.name for agent in config.seats()] == [f"{r}_{v}" for v in (0, 1) for r in ("rate", "risk", "spread")]
    assert parallel_env(size="rivals").possible_agents == list(Simulator(config).agents)
    assert replace(config, size="full") == WorldConfig(venues=2)


def test_a_tiny_world_is_few_people_and_two_days() -> None:
    world = Simulator(WorldConfig(size="tiny"))
    world.reset()
    venue = world.worlds["venues"][0, 0]
    counts = {name: int(venue[name]) for name in ("num_expiries", "num_strikes")}
    assert counts == {"num_expiries": 1, "num_strikes": 2} and (venue["account_scaled_debt"] > 0.0).sum() <= 4
    assert world.horizon == 48 and world.config.decision_hours == 1
    assert world.worlds.dtype == Simulator(WorldConfig()).worlds.dtype  # nothing is compiled for it


def test_what_is_given_beside_a_size_wins() -> None:
    config = WorldConfig(size="tiny", venues=2, episode_hours=72, roles=("risk",))
    assert (config.venues, config.episode_hours, list(config.roles), config.decision_hours) == (2, 72, ["risk"], 1)
    assert config.with_parameters(gas_cost=1.0).parameters.num_accounts == 4
    assert gym.make("protogov/Rates-v0", size="core").action_space.shape == (1,)
    with pytest.raises(ConfigError, match=r"size = 'huge' must be one of full, core, rivals, tiny\."):
        WorldConfig(size="huge")
    rivals = gym.make("protogov/Rates-v0", size="rivals").unwrapped
    assert isinstance(rivals, GovernorEnv) and rivals.simulator.config.venues == 2  # the rival stays at its defaults


@pytest.mark.parametrize("size", SIZES)
def test_a_size_survives_being_written_down(size: str) -> None:
    config = WorldConfig(size=size, decision_hours=4)
    again = WorldConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config and again.to_dict()["size"] == size


# ---------------------------------------------------------------- roles


def test_own_roles_hold_their_levers_and_nothing_else_moves() -> None:
    world = Simulator(WorldConfig(roles=OWN, venues=2, episode_hours=12))
    assert world.agents == ("curator_0", "quoter_0", "curator_1", "quoter_1")
    world.reset()
    step = world.step({name: np.full((1, 2), 0.9) for name in world.agents})
    moved = {lever.name for lever, now in zip(LEVERS, world.lever_values(1)[0], strict=True) if now != lever.default}
    assert moved == {name for levers in OWN.values() for name in levers}
    assert step.executed["curator_1"][0] == pytest.approx(world.lever_values(1)[0][[0, 4]])
    assert world.observation_names("curator_0") == Simulator(WorldConfig(venues=2)).observation_names("rate_0")


def test_own_roles_are_paid_welfare_unless_something_else_is_said() -> None:
    config = WorldConfig(roles=OWN, mandates={"quoter": EDGE})
    curator, quoter = config.roles.values()
    assert curator.mandate == ROLES["joint"].mandate
    assert quoter.terms == (Term("edge", 1.0, "edge"), Term("hedging_cost", -2.0, "hedging_cost"))
    assert quoter.daily_sd == 4.0
    # a name that is known keeps what it is paid for
    assert WorldConfig(roles={"rate": ("slope1", "hedge_ratio")}).roles["rate"].mandate == ROLES["rate"].mandate


def test_the_joint_role_is_one_such_row() -> None:
    everything = {"joint": tuple(lever.name for lever in LEVERS)}
    assert WorldConfig(roles=everything) == WorldConfig(roles=("joint",)) == WorldConfig(roles=(ROLES["joint"],))


def test_a_role_may_be_an_object_that_sees_less() -> None:
    role = Role("desk", ("half_spread",), ("utilisation", "implied_vol"), (Term("pay", 2.0, "edge"),), 3.0)
    config = WorldConfig(roles=[role], size="tiny")
    world = Simulator(config)
    assert world.observation_names("desk_0") == ("utilisation", "implied_vol")
    assert world.reset()["desk_0"].shape == (1, 2)
    assert WorldConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert gym.make("protogov/Joint-v0", role="desk", roles=[role]).observation_space.shape == (2,)


BAD_ROLES: list[tuple[Any, str]] = [
    ({}, r"roles = \(\) must be at least one role"),
    ({"a": ("base_rate",), "b": ("base_rate",)}, r"roles = \('a', 'b'\) .* no two of them may share a lever"),
    ({"a": ()}, r"levers = \(\) of role 'a' must be a tuple of names, at least one"),
    ({"a": "base_rate"}, r"levers = 'base_rate' of role 'a' must be a tuple of names"),
    ({"a": ("base",)}, "role 'a' names 'base', known levers are base_rate, slope1"),
    ({"a": ("base_rate", "base_rate")}, "of role 'a' must name each once"),
    ({"a b": ("base_rate",)}, "roles names 'a b', a name must be letters, digits and '_'"),
    ({"welfare": ("base_rate",)}, "roles names 'welfare', a name must"),
    ({3: ("base_rate",)}, "roles names 3, a name must"),
    ({"a": {"lever": ("base_rate",)}}, "role 'a' has 'lever', known are levers, features, terms and daily_sd"),
    ({"a": {"levers": ("base_rate",), "terms": [3]}}, "terms = .* of role 'a' must be a list of mappings"),
    ({"a": ROLES["rate"]}, "roles has the role 'rate' under the name 'a'"),
    (("rates",), "roles contains 'rates', known roles are rate, risk, spread, joint"),
    ((3,), "roles contains 3, known roles are"),
    ("rate", "roles = 'rate' must be a tuple of role names, or a mapping"),
]


@pytest.mark.parametrize(("roles", "words"), BAD_ROLES)
def test_roles_that_cannot_be_are_refused(roles: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WorldConfig(roles=roles)
    with pytest.raises(ConfigError, match=words):
        parallel_env(roles=roles)


def test_a_single_governor_is_one_of_the_roles() -> None:
    with pytest.raises(ConfigError, match="role = 'joint' must be one of roles, which are curator, quoter"):
        gym.make("protogov/Joint-v0", roles=OWN)
    env = gym.make("protogov/Joint-v0", roles=OWN, role="quoter", mandates={"curator": EDGE}).unwrapped
    assert env.agent == "quoter_0" and list(env.simulator.config.roles) == ["quoter"]  # type: ignore[attr-defined]


# ---------------------------------------------------------------- mandates


def recounted(mandates: Any, role: str, **fields: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rewards of a role over some decisions, and the same from the world's own table of terms."""
    world = Simulator(WorldConfig(mandates=mandates, size="tiny", **fields), 3, scenario="crash-heldout")
    world.reset()
    own = world.config.roles[role]
    paid, counted = [], []
    for _ in range(6):
        step = world.step({name: np.full((3, world.action_size(name)), 0.5) for name in world.agents})
        terms = world.world_terms(0)
        paid.append(step.rewards[f"{role}_0"])
        counted.append(sum(term.weight * terms[term.source] for term in own.terms) / own.daily_sd)
    return np.array(paid), np.array(counted)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("role", ["rate", "risk", "spread", "joint"])
def test_a_preset_pays_its_terms_over_its_scale(preset: str, role: str) -> None:
    roles = ("joint",) if role == "joint" else ("rate", "risk", "spread")
    paid, counted = recounted(preset, role, roles=roles)
    assert paid == pytest.approx(counted, rel=1e-12) and (paid != 0.0).all()
    assert WorldConfig(roles=(role,), mandates=preset).roles[role].mandate == PRESETS[preset][role]


def test_profit_is_what_the_issue_of_each_role_earns() -> None:
    roles = WorldConfig(mandates="profit").roles
    weights = {name: {term.source: term.weight for term in role.terms} for name, role in roles.items()}
    pool = {"pool_fees": 1.0, "pool_interest": 1.0, "pool_hedging": 1.0, "pool_adverse_selection": 1.0}
    assert weights == {
        "rate": {"reserve_income": 1.0}, "risk": {"reserve_income": 1.0, "bad_debt_growth": -1.0}, "spread": pool,
    }  # fmt: skip


def test_own_weights_are_in_basis_points_and_welfare_blends_in() -> None:
    paid, counted = recounted({"rate": {"reserve_income": 2.0, "lp_profit": -1}}, "rate", cooperation=0.0)
    assert WorldConfig(mandates={"rate": {"reserve_income": 2.0}}).roles["rate"].daily_sd == 1.0
    assert paid == pytest.approx(counted, rel=1e-12)
    config = WorldConfig(mandates={"rate": {"reserve_income": 2.0}}, cooperation=0.25)
    row = Layout(config, {agent.name: agent for agent in config.seats()}).reward_weights["rate_0"]
    assert row[TERM_NAMES.index("reserve_income")] == 1.5
    assert row[TERM_NAMES.index("welfare")] == pytest.approx(0.25 / WELFARE_DAILY_SD)
    assert np.count_nonzero(row) == 2


def test_the_pools_terms_are_those_of_its_record() -> None:
    world = Simulator(WorldConfig(), 4, scenario="jump")
    world.reset()
    names = ("pool_fees", "pool_interest", "pool_hedging", "pool_adverse_selection")
    seen = dict.fromkeys(names, 0.0)
    for _ in range(8):
        step = world.step({name: np.zeros((4, 4)) for name in world.agents})
        terms = world.world_terms(0)
        bp = 1e4 / world.worlds["venues"]["opening_value"][:, 0]
        for name in names:
            assert terms[name] == pytest.approx(step.records[name][:, 0] * bp, rel=1e-12)
            seen[name] += np.abs(terms[name]).sum()
    assert all(amount > 0.0 for amount in seen.values()), seen


def test_a_drawdown_is_of_the_sum_that_the_role_is_paid() -> None:
    """Free part 50 bp: a mandate of large weights falls beyond it, and the growth is that of its own score."""
    weights = {"reserve_income": 1.0, "lockup": -2.0, "bad_debt_growth": -40.0, "risk_drawdown_growth": -0.5}
    world = Simulator(WorldConfig(mandates={"risk": weights}), 8, scenario="crash-heldout")
    world.reset()
    score, peak, deepest = np.zeros(8), np.zeros(8), np.zeros(8)
    charged = np.zeros(8)
    for _ in range(30):
        step = world.step({name: np.zeros((8, 4)) for name in world.agents})
        terms = step.terms["risk_0"]
        score += terms[:, :3] @ np.array([weights[name] for name in ("reserve_income", "lockup", "bad_debt_growth")])
        peak = np.maximum(peak, score)
        now = np.maximum(deepest, peak - score - 50.0)
        assert terms[:, 3] == pytest.approx(now - deepest, abs=1e-9)
        deepest = now
        charged += terms[:, 3]
    assert (charged > 0.0).any()
    assert world.roles["risk_0"].terms[3].source == "risk_drawdown_growth"


def test_drawdown_scores_have_the_weights_of_the_role() -> None:
    for config in (WorldConfig(), WorldConfig(roles=("rate",)), WorldConfig(size="core", venues=2)):
        row = Layout(config, {agent.name: agent for agent in config.seats()}).blank_world()
        found = {name: row["venues"]["score_weights"][name] for name in SCORED}
        terms = {term.source: term.weight for term in ROLES["risk"].terms}
        assert all((found[name] == terms.get(name, 0.0)).all() for name in SCORED)


BAD_MANDATES: list[tuple[Any, str]] = [
    (3, "mandates = 3 must be the name of a preset, or a mapping from roles to mandates"),
    ("profits", r"mandates\['rate'\] = 'profits' must be one of mandate, profit, welfare, or a mapping of weights"),
    ({"rates": "profit"}, "mandates names the role 'rates', this world's are rate, risk, spread"),
    ({"rate": 3}, r"mandates\['rate'\] = 3 must be one of"),
    ({"rate": {}}, r"mandates\['rate'\] must name at least one term"),
    ({"rate": {"profit": 1.0}}, r"mandates\['rate'\] names the term 'profit', known terms are reserve_income"),
    ({"rate": {"edge": "much"}}, r"mandates\['rate'\]\['edge'\] = 'much' must be a number between -1e\+12 and 1e\+12"),
    ({"rate": {"edge": float("nan")}}, r"mandates\['rate'\]\['edge'\] = nan must be a number"),
    ({"rate": {"edge": 1.0, "daily_sd": 0.0}}, r"daily_sd = 0.0 of mandates\['rate'\] must be a finite number above 0"),
    ({"rate": {"welfare": 1.0, "risk_drawdown_growth": -1.0}}, "drawdown of its own sum, which can hold .* 'welfare'"),
    (
        {"rate": {"lockup": -1.0, "risk_drawdown_growth": -1.0}},
        "roles 'rate' and 'risk' are both charged for risk_drawdown_growth with other weights",
    ),
]


@pytest.mark.parametrize(("mandates", "words"), BAD_MANDATES)
def test_mandates_that_cannot_be_are_refused(mandates: Any, words: str) -> None:
    for build in (WorldConfig, parallel_env):
        with pytest.raises(ConfigError, match=words) as error:
            build(mandates=mandates)
        assert str(error.value).endswith(".") and ". " not in str(error.value)


def test_profit_of_an_own_role_needs_weights() -> None:
    with pytest.raises(ConfigError, match="is known only for rate, risk, spread, joint; give weights by term instead"):
        WorldConfig(roles=OWN, mandates="profit")


# ---------------------------------------------------------------- reward functions


def test_a_reward_function_sees_a_whole_step_of_all_worlds_once_a_decision() -> None:
    seen = []

    def reward(step: Step, agent: str) -> NDArray[np.float64]:
        seen.append((agent, step))
        return 2.0 * step.rewards[agent] + step.obs[agent][:, 0]

    plain, own = (Simulator(WorldConfig(size="tiny", reward_fn=fn), 3) for fn in (None, reward))
    for world in (plain, own):
        world.reset()
    for _ in range(3):
        actions = {name: np.full((3, plain.action_size(name)), 0.4) for name in plain.agents}
        expected, step = plain.step(actions), own.step(actions)
        for agent in plain.agents:
            np.testing.assert_array_equal(step.rewards[agent], 2 * expected.rewards[agent] + expected.obs[agent][:, 0])
            np.testing.assert_array_equal(own.rewards(agent), step.rewards[agent])
        assert step.obs["rate_0"].tobytes() == expected.obs["rate_0"].tobytes()
    assert [agent for agent, _ in seen[:3]] == list(plain.agents)
    assert seen[0][1].events.shape[0] == 3 and seen[0][1].welfare().shape == (3,)


def test_rewards_follow_forks_and_snapshots() -> None:
    world = Simulator(WorldConfig(size="tiny", reward_fn=lambda step, agent: step.welfare()), 2)
    world.reset()
    actions = {name: np.full((2, world.action_size(name)), 0.4) for name in world.agents}
    world.step(actions)
    kept, fork = world.snapshot(), world.fork([1, 0])
    expected = world.step(actions).rewards["rate_0"]
    np.testing.assert_array_equal(fork.step(actions).rewards["rate_0"], expected[::-1])
    world.restore(kept)
    np.testing.assert_array_equal(world.step(actions).rewards["rate_0"], expected)
    world.restore(kept)
    assert world.rewards("rate_0").tolist() != expected.tolist()  # of the decision before


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (np.zeros((2, 1)), r"reward_fn returned shape \(2, 1\) for agent rate_0, expected numbers of shape \(2,\)\."),
        (1.0, r"reward_fn returned shape \(\) for agent rate_0"),
        (None, r"reward_fn returned .* for agent rate_0"),
        (["a", "b"], r"reward_fn returned \['a', 'b'\] for agent rate_0, expected numbers of shape \(2,\)\."),
        ([0.0, np.nan], "reward_fn returned nan for agent rate_0 in world 1, finite numbers are accepted"),
    ],
)
def test_what_no_reward_can_be_names_shape_and_agent(returned: Any, words: str) -> None:
    def reward(step: Step, agent: str) -> Any:
        return returned

    world = Simulator(WorldConfig(size="tiny", roles=("rate",), reward_fn=reward), 2)
    envs = gym.make_vec("protogov/TinyRates-v0", num_envs=2, reward_fn=reward)
    world.reset()
    envs.reset(seed=0)
    with pytest.raises(RewardError, match=words):
        world.step({"rate_0": np.zeros((2, 4))})
    with pytest.raises(RewardError, match=words):
        envs.step(np.zeros((2, 4)))


def test_a_reward_function_is_written_down_by_its_name_or_not_at_all() -> None:
    named = WorldConfig(reward_fn="numpy:asarray")  # any function at the top level of a module that can be imported
    assert named.reward_fn is np.asarray and named.to_dict()["reward_fn"] == "numpy:asarray"
    assert WorldConfig.from_dict(json.loads(json.dumps(named.to_dict()))) == named
    assert pickle.loads(pickle.dumps(named)) == named
    for nameless in (lambda step, agent: step.rewards[agent], replace):
        config = WorldConfig(reward_fn=nameless)
        if nameless is replace:
            assert config.to_dict()["reward_fn"] == "dataclasses:replace"
            continue
        with pytest.raises(ConfigError, match="has no name that another process could import"):
            config.to_dict()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (3, r"reward_fn = 3 must be a function of \(step, agent\)"),
        ("numpy.asarray", r"reward_fn = 'numpy.asarray' must be a function .* 'package.module:function'"),
        ("numpy:nothing", r"reward_fn = 'numpy:nothing' cannot be imported"),
        ("no_such_module:fn", "reward_fn = 'no_such_module:fn' cannot be imported"),
        (":fn", "reward_fn = ':fn' cannot be imported"),
        ("numpy:pi", r"reward_fn = 'numpy:pi' must be a function .*, but it is 3\.14"),
    ],
)
def test_a_reward_function_that_is_none_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        WorldConfig(reward_fn=given)


def test_the_configuration_says_what_it_is() -> None:
    data = WorldConfig(roles=OWN, mandates={"quoter": EDGE}).to_dict()
    assert "mandates" not in data and data["roles"]["quoter"] == {
        "levers": ["half_spread", "hedge_ratio"],
        "terms": [
            {"name": "edge", "weight": 1.0, "source": "edge"},
            {"name": "hedging_cost", "weight": -2.0, "source": "hedging_cost"},
        ],
        "daily_sd": 4.0,
    }
