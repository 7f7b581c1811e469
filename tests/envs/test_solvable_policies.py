"""Worlds whose best governor is a policy: the simulator plays what theory says, and mistakes cost what they must."""

from dataclasses import replace

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.solvable_policies import SolvablePolicy, solvable_policy, solvable_policy_names
from protogov.envs.solvable_policies.market_maker import delta_at_strike
from protogov.envs.solvable_policies.moving_demand import MovingDemand, wandering
from protogov.experiments.core.known_answers import measure, rewards_on
from protogov.experiments.core.play import open_worlds, play, tape_seeds

LENDERS = ("switching", "tracking")
TOP = {"switching": 0.125, "tracking": 0.12}
TAPES = {"switching": 32, "tracking": 32, "quoting": 256}


class Seen:
    """A view with other eyes: of what a governor would see it shows what `look` makes of it."""

    def __init__(self, view, look) -> None:
        self._view, self._look, self.obs = view, look, view.obs

    @property
    def levers(self):
        return self._view.levers

    def raw(self, name):
        return self._look(self._view.raw(name))


class Mistaken:
    """The optimum of a world behind such eyes, which may remember: `look` is called once a decision."""

    def __init__(self, world: SolvablePolicy, look) -> None:
        self._governor, self._look = world.optimum.governor, look

    def reset(self, rows, seeds) -> None:
        pass

    def act(self, view):
        return self._governor.act(Seen(view, self._look))


def late(decisions: int):
    """What was seen some decisions ago; at the beginning the first sight."""
    seen = []

    def look(value):
        seen.append(value)
        return seen[max(len(seen) - 1 - decisions, 0)]

    return look


# ---------------------------------------------------------------- theory and simulator


class Model:
    """The formula of a reward in ten lines of numpy, on the simulator's own path of the demand."""

    def __init__(self, world: SolvablePolicy, demand: np.ndarray) -> None:
        self.world, self.demand, self.lever = world, demand, world.config.lever("base_rate")
        self.levers = {"base_rate": np.full(len(demand), 0.05)}
        self.obs = np.zeros((len(demand), 1))

    def raw(self, name: str) -> np.ndarray:
        assert name == "funding"
        return MovingDemand.signal * (self.now - 1.0)

    def play(self, governor) -> np.ndarray:
        rewards, top = [], TOP[self.world.name]
        for now in self.demand.T:
            self.now = now
            before = self.levers["base_rate"] / top
            self.levers = {"base_rate": self.lever.value(governor.act(self)[:, 0])}
            r = self.levers["base_rate"] / top
            if self.world.name == "switching":
                rewards.append(r * np.maximum(1.0 - r / self.now, 0.0) - 0.8 * np.abs(r - before))
            else:
                rewards.append(r * np.maximum(self.now - r, 0.0) - 10.0 * (r - before) ** 2)
        return np.array(rewards).T


@pytest.mark.parametrize("name", LENDERS)
def test_rewards_are_the_formula_on_every_tape_and_its_mean_is_the_value(name):
    world, seeds = solvable_policy(name), tape_seeds(32)
    model_seeds = np.arange(1000, dtype=np.uint64)
    walk = world.scenario.walk
    with np.errstate(over="ignore"):
        paths = walk(model_seeds, world.config.horizon)
    for label, known in world.known.items():
        worlds = open_worlds(world.config, world.scenario, seeds)
        demand = worlds.tape["leverage_demand"][:, 1 :: world.config.decision_hours].astype(float)
        steps = [step.rewards[world.agent] for step in play(worlds, {world.agent: known.governor}, seeds)]
        found, expected = np.mean(steps, axis=0), Model(world, demand).play(known.governor).mean(axis=1)
        # borrowers hold whole quarters of their loans, and look once an hour
        assert found == pytest.approx(expected, abs=0.006), label
        assert found.mean() - expected.mean() == pytest.approx(0.0, abs=0.05 * world.room), label
        model = Model(world, paths).play(known.governor).mean(axis=1)
        error = model.std(ddof=1) / np.sqrt(len(model))
        assert abs(model.mean() - known.value) < 3.0 * error + 0.02 * world.room, label


def test_a_decision_of_the_option_pool_is_that_of_the_market_maker():
    world, seeds = solvable_policy("quoting"), tape_seeds(TAPES["quoting"])
    weight = {term.source: term.weight for term in world.config.roles["spread"].terms}
    delta, _ = delta_at_strike()
    for label, known in world.known.items():
        worlds = open_worlds(world.config, world.scenario, seeds)
        inventory, edges, drifts, spreads, totals = np.zeros(len(seeds)), [], [], [], []
        for step in play(worlds, {world.agent: known.governor}, seeds):
            half_spread, skew = step.executed[world.agent].T
            margins = 40.0 * (half_spread + skew), 40.0 * (half_spread - skew)
            fills = [4.0 * np.minimum(np.exp(-margin), 1.0) for margin in margins]
            edge = step.terms[world.agent][:, 0] * weight["edge"]
            before, inventory = inventory, worlds.worlds["venues"]["net_delta"][:, 0] * 3000.0 / 33e3
            assert step.rewards[world.agent] == pytest.approx(edge - 0.06 * inventory**2, abs=1e-9)
            edges.append(edge - sum(margin * fill for margin, fill in zip(margins, fills, strict=True)))
            drifts.append(inventory - before - (delta - 0.5) * (fills[1] - fills[0]))
            spreads.append(drifts[-1] ** 2 / (sum(fills) * (delta**2 + (1.0 - delta) ** 2)))
            totals.append(step.rewards[world.agent])
        # an option is not linear in its vol, and its tenor differs from tape to tape
        errors = [np.mean(x, axis=0).std(ddof=1) / np.sqrt(len(seeds)) for x in (edges, drifts, totals)]
        assert abs(np.mean(edges)) < 3.0 * errors[0] + 0.1, label
        assert abs(np.mean(drifts)) < 3.0 * errors[1] + 0.02, label
        assert np.mean(spreads) == pytest.approx(1.0, abs=0.15), label
        assert abs(np.mean(totals) - known.value) < 3.0 * errors[2] + 0.05 * world.room, label


# ---------------------------------------------------------------- what a policy is worth


@pytest.mark.parametrize("name", solvable_policy_names())
def test_the_optimum_is_worth_the_room_more_than_the_best_constant(name):
    world = solvable_policy(name)
    assert world.room > (world.optimum.value - world.default.value) / 3.0
    assert world.captured(world.optimum.value) == 1.0 and world.captured(world.constant.value) == 0.0
    perfect = measure(world, world.optimum.governor, 2)
    assert perfect.captured.mean == 1.0 and perfect.captured.half_width == 0.0
    still = measure(world, world.constant.governor, 2 * TAPES[name], first=500)
    assert still.captured.high < 0.5
    assert abs(still.captured.mean) < 3.0 * still.captured.error + 0.05
    for label, known in world.others.items():
        assert known.value < world.optimum.value - 0.1 * world.room, label


@pytest.mark.parametrize("name", solvable_policy_names())
def test_no_constant_near_the_best_one_is_worth_more_in_the_simulator(name):
    world, seeds = solvable_policy(name), tape_seeds(TAPES[name])
    actions = world.constant.governor.act(open_worlds(world.config, world.scenario, seeds[:1]).view(world.agent))
    around = actions + 0.15 * np.array([[0.0], [1.0], [-1.0]]) * np.eye(1, actions.shape[1])
    values = [rewards_on(world, Still(one), seeds) for one in around]
    for other in values[1:]:
        gain = other - values[0]
        assert gain.mean() < 2.0 * gain.std(ddof=1) / np.sqrt(len(seeds)) + 0.05 * world.room


class Still:
    """Takes one action all the time."""

    def __init__(self, action: np.ndarray) -> None:
        self.action = action

    def reset(self, rows, seeds) -> None:
        pass

    def act(self, view):
        return np.tile(self.action, (len(view.obs), 1))


@pytest.mark.parametrize("name", solvable_policy_names())
def test_who_reads_the_signal_upside_down_or_late_loses(name):
    world, seeds = solvable_policy(name), tape_seeds(TAPES[name])
    best = rewards_on(world, world.optimum.governor, seeds)
    lost = {
        label: best - rewards_on(world, Mistaken(world, look), seeds)
        for label, look in (("flipped", lambda seen: -seen), ("late", late(4)), ("blind", lambda seen: 0.0 * seen))
    }
    share = {
        label: (one.mean() - 2.0 * one.std(ddof=1) / np.sqrt(len(seeds))) / world.room for label, one in lost.items()
    }
    assert share["flipped"] > 1.0  # worse than the best constant
    assert share["late"] > 0.05 and share["blind"] > 0.3


# ---------------------------------------------------------------- as worlds like any other


@pytest.mark.parametrize("name", solvable_policy_names())
def test_the_optimum_is_a_governor_that_sees_ordinary_features(name):
    world = solvable_policy(name)
    governor = world.optimum.governor
    governor.load_state_dict(governor.state_dict())
    worlds = Simulator(world.config, 1, scenario=world.scenario)
    assert worlds.agents == (world.agent,) and not world.config.privileged
    assert set(world.features) <= set(worlds.observation_names(world.agent))
    assert WorldConfig.from_dict(world.config.to_dict()) == world.config
    # forks go on as their parents do
    worlds.reset(seeds=[3])
    pair = (worlds, worlds.fork([0, 0]))
    steps = [one.step({world.agent: governor.act(one.view(world.agent))}) for one in pair]
    assert (steps[1].rewards[world.agent] == steps[0].rewards[world.agent]).all()


@pytest.mark.parametrize("name", LENDERS)
def test_what_is_seen_is_the_demand_that_follows_and_nothing_later(name):
    world = solvable_policy(name)
    long, short = (world.scenario.draw(np.arange(5), hours) for hours in (240, 100))
    assert (long[:, :101] == short).all()
    seen = 1.0 + long["funding"][:, :-1] / MovingDemand.signal
    assert seen == pytest.approx(long["leverage_demand"][:, 1:], abs=1e-5)
    moves = np.diff(long["leverage_demand"][:, 1:], axis=1) != 0.0
    assert not moves[:, np.arange(239) % 6 != 5].any() and moves[:, 5::6].any()


def test_the_wandering_demand_has_its_moments():
    with np.errstate(over="ignore"):
        demand = wandering(np.arange(2000, dtype=np.uint64), 21) - 1.0
    assert demand.mean() == pytest.approx(0.0, abs=0.02)
    assert demand.std(axis=0)[[0, 20]] == pytest.approx([0.3, 0.3], abs=0.015)
    assert (demand[:, 1:] * demand[:, :-1]).mean() / (demand[:, :-1] ** 2).mean() == pytest.approx(0.95, abs=0.01)


def test_borrowers_are_safe_whatever_the_price_does():
    world, seeds = solvable_policy("tracking"), tape_seeds(64)
    worlds = open_worlds(world.config, world.scenario, seeds)
    for step in play(worlds, {world.agent: world.optimum.governor}, seeds):
        assert (step.n_events == 0).all()
    assert worlds.tape["close"].min() < 0.3 * worlds.tape["close"][0, 0]


def test_a_wrong_theory_would_be_seen():
    world, seeds = solvable_policy("switching"), tape_seeds(32)
    dearer = replace(world, config=world.config.with_parameters(reservation_top=0.15))
    found = rewards_on(dearer, world.optimum.governor, seeds) - rewards_on(world, world.optimum.governor, seeds)
    assert found.mean() > 0.2 * world.room


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="known are switching, tracking, quoting"):
        solvable_policy("rate")


# ---------------------------------------------------------------- within reach


class Linear:
    """Actions linear in the needed features as they are observed; W is F64[n, levers, 1 + features], a rule a row."""

    def __init__(self, features: tuple[str, ...], weights: np.ndarray) -> None:
        self.features, self.weights = features, weights

    def reset(self, rows, seeds) -> None:
        pass

    def act(self, view):
        columns = [view.feature_names.index(name) for name in self.features]
        seen = np.column_stack([np.ones(len(view.obs)), view.obs[:, columns]])
        return np.clip(np.einsum("nkm,nm->nk", self.weights, seen), -1.0, 1.0)


@pytest.mark.long
@pytest.mark.parametrize(("name", "generations"), [("switching", 15), ("tracking", 20), ("quoting", 15)])
def test_a_linear_rule_over_the_needed_features_captures_nine_tenths(name, generations):
    from cmaes import CMA

    world, candidates, tapes = solvable_policy(name), 12, 24
    shape = (len(world.config.roles[world.agent.partition("_")[0]].levers), 1 + len(world.features))
    search = CMA(mean=np.zeros(shape[0] * shape[1]), sigma=0.4, population_size=candidates, seed=1)
    for generation in range(generations):
        points = [search.ask() for _ in range(candidates)]
        weights = np.repeat(np.reshape(points, (candidates, *shape)), tapes, axis=0)
        seeds = np.tile(np.arange(tapes, dtype=np.uint64) + np.uint64(generation * tapes), candidates)
        values = rewards_on(world, Linear(world.features, weights), seeds).reshape(candidates, tapes).mean(axis=1)
        search.tell([(point, -value) for point, value in zip(points, values, strict=True)])
    found = measure(world, Linear(world.features, search.mean.reshape(1, *shape).repeat(128, axis=0)), 128, first=9000)
    assert found.captured.mean > 0.9
