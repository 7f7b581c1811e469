"""Evolution on a score with a known best point, and candidates that share their tapes."""

import numpy as np
import pytest

from protogov.agents.baselines.linear_feedback import LinearFeedback
from protogov.agents.baselines.tuned import tuned_file
from protogov.agents.policies import PolicyGovernor, load_policy_file
from protogov.agents.tuning import Budget, Constants, Linear, Tapes, evolve
from protogov.agents.tuning.networks import Networks
from protogov.agents.tuning.rewards import rewards_of
from protogov.agents.tuning.strategy import StrategyBudget, ascend, centred_ranks
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES
from protogov.envs.simulator import Simulator

CONFIG = WorldConfig(episode_hours=24)
SPREAD = Constants(ROLES["spread"].levers)


def bowl(best):
    """Minus the squared distance to `best`, plus a noise of the generation that all its candidates share."""

    def score(generation, points):
        noise = np.random.default_rng(generation).normal()
        return noise - ((points - np.asarray(best)) ** 2).sum(axis=1)

    return score


def still(best):
    return lambda generation, points: -((points - np.asarray(best)) ** 2).sum(axis=1)


def test_every_owner_of_parameters_climbs_its_own_score():
    """The first is paid for the distance to its own point, the second for that of the first: it drifts, blind."""
    start = np.zeros(6)

    def score(generation, points):
        own = -((points[:, :3] - 1.0) ** 2).sum(axis=1)
        return np.stack([own, own])

    budget = StrategyBudget(generations=150, pairs=8, sigma=0.1, rate=0.05)
    way = ascend(start, budget, score, owners=(3, 3))
    np.testing.assert_allclose(way.last[:3], 1.0, atol=0.1)
    one = ascend(start, budget, still([1.0] * 3 + [0.5] * 3))
    same = ascend(start, budget, still([1.0] * 3 + [0.5] * 3), owners=(6,))
    np.testing.assert_array_equal(one.last, same.last)
    apart = ascend(
        start, budget,
        lambda generation, points: np.stack([still([1.0] * 3)(generation, points[:, :3]),
                                             still([0.5] * 3)(generation, points[:, 3:])]),
        owners=(3, 3),
    )  # fmt: skip
    np.testing.assert_allclose(apart.last, [1.0] * 3 + [0.5] * 3, atol=0.1)
    with pytest.raises(ValueError, match="owners have 5 parameters; 6 are accepted"):
        ascend(start, budget, score, owners=(2, 3))


def test_on_tapes_that_stay_a_search_finds_the_best_point_and_ends_when_there_is_no_more_to_gain():
    best = [0.4, -0.3, 0.0, 0.7]
    way = evolve(np.zeros(4), Budget(generations=80, tolerance=1e-4), still(best))
    np.testing.assert_allclose(way.last, best, atol=0.05)
    np.testing.assert_allclose(way.best, best, atol=0.1)
    assert way.stopped in ("narrow", "plateau") and len(way.means) == len(way.scores) < 80
    assert way.scores[-1] > way.scores[0]
    short = evolve(np.zeros(4), Budget(generations=2), still(best))
    assert short.stopped == "budget" and len(short.means) == 2


def test_on_fresh_tapes_only_the_budget_ends_a_search_and_the_average_of_its_later_half_is_no_worse():
    best = np.array([0.4, -0.3, 0.0, 0.7])
    way = evolve(np.zeros(4), Budget(generations=60, plateau=None), bowl(best))
    assert way.stopped == "budget" and len(way.means) == 60
    np.testing.assert_allclose(way.average, best, atol=0.1)
    np.testing.assert_allclose(way.average, np.mean(way.means[30:], axis=0))
    np.testing.assert_array_equal(way.average_after(60), way.average)
    np.testing.assert_allclose(way.average_after(10), np.mean(way.means[5:10], axis=0))
    np.testing.assert_array_equal(way.average_after(1), way.means[0])


def test_a_search_keeps_to_its_bounds_and_tells_of_every_generation():
    lengths = []
    bounds = np.array([[-1.0, 0.5], [-1.0, 1.0]])
    way = evolve(
        np.array([0.9, 0.0]), Budget(generations=30, plateau=None), still([0.9, 0.9]), bounds=bounds,
        on_generation=lambda way: lengths.append(len(way.means)),
    )  # fmt: skip
    assert lengths == list(range(1, 31))
    assert all(mean[0] <= 0.5 for mean in way.means) and way.last[1] > 0.8


def test_the_same_seed_gives_the_same_search_and_another_seed_another():
    one, two, three = (evolve(np.zeros(4), Budget(generations=5), still([0.2] * 4), seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.means, two.means) and one.scores == two.scores
    assert not np.array_equal(one.means, three.means)


def test_candidates_share_tapes_whatever_batch_they_are_in():
    tapes = Tapes(CONFIG, "jump", np.array([5, 6], np.uint64))
    points = np.array([[0.0] * 4, [0.5] * 4, [0.0] * 4])
    totals = tapes.play(SPREAD, points).totals
    for name in ("welfare", "rate", "risk", "spread"):
        assert np.array_equal(totals[name][0], totals[name][2])
    assert not np.array_equal(totals["spread"][0], totals["spread"][1])
    assert np.array_equal(tapes.play(SPREAD, points[1:2]).totals["spread"][0], totals["spread"][1])


def test_what_is_held_moves_the_others_levers_and_a_linear_rule_without_slopes_is_a_constant():
    tapes = Tapes(CONFIG, "jump", np.array([5, 6], np.uint64))
    held = np.zeros(12)
    held[1] = 1.0  # slope1
    free, dear = (tapes.play(SPREAD, np.zeros((1, 4)), actions).totals["rate"] for actions in (None, held))
    assert not np.array_equal(free, dear)
    weights = np.zeros((1, 4, 4))
    weights[0, :, 0] = 0.5
    linear = tapes.play(Linear(SPREAD.levers), weights.reshape(1, -1)).totals
    constant = tapes.play(SPREAD, np.full((1, 4), 0.5)).totals
    assert np.array_equal(linear["welfare"], constant["welfare"])


def test_the_strategy_climbs_a_bowl_of_many_dimensions_through_noise_that_pairs_share():
    best = np.linspace(-1.0, 1.0, 300)
    budget = StrategyBudget(generations=150, pairs=16, sigma=0.1, rate=0.05)
    way = ascend(np.zeros(300), budget, bowl(best), seed=1)
    assert ((way.last - best) ** 2).sum() < 0.02 * (best**2).sum()
    again = ascend(np.zeros(300), budget, bowl(best), seed=1)
    np.testing.assert_array_equal(again.last, way.last)
    assert not np.array_equal(ascend(np.zeros(300), StrategyBudget(2, 4), bowl(best), seed=2).last, way.means[1])


def test_a_generation_of_the_strategy_is_pairs_and_only_ranks_count():
    seen = []

    def score(generation, points):
        seen.append(points)
        return points[:, 0] ** 3  # the same ranks as the first parameter itself

    start = np.array([0.3, -0.2])
    way = ascend(start, StrategyBudget(1, 6, sigma=0.1, rate=0.02), score)
    np.testing.assert_allclose(seen[0][:6] + seen[0][6:], np.tile(2 * start, (6, 1)))
    assert way.last[0] > start[0]
    plain = ascend(start, StrategyBudget(1, 6, sigma=0.1, rate=0.02), lambda generation, points: points[:, 0])
    np.testing.assert_array_equal(way.last, plain.last)
    still = ascend(start, StrategyBudget(5, 6), lambda generation, points: np.zeros(len(points)))
    np.testing.assert_array_equal(still.last, start)  # no difference, no step
    back = ascend(start, StrategyBudget(5, 6, rate=0.02, decay=1.0), score)
    assert np.abs(back.last - start).max() <= 0.0201  # each step starts over
    assert centred_ranks(np.array([3.0, 1.0, 2.0, 2.0])).tolist() == [0.5, -0.5, 0.0, 0.0]


def test_networks_start_as_constants_and_act_as_the_policies_that_they_are_saved_as(tmp_path):
    family, tapes = Networks(CONFIG), Tapes(CONFIG, "jump", np.array([5, 6], np.uint64))
    constants = np.linspace(-0.6, 0.6, 12)
    start = family.start(constants)
    assert family.levers == Constants(family.levers).levers and start.shape == (family.size,)
    net = tapes.play(family, start[None]).totals["welfare"]
    plain = tapes.play(Constants(family.levers), constants[None]).totals["welfare"]
    np.testing.assert_allclose(net, plain, rtol=1e-4)  # the networks' actions are single precision
    points = start + 0.1 * np.random.default_rng(0).standard_normal((2, family.size))
    for policy in family.policies(points[1]):
        policy.save(tmp_path)
    files = [load_policy_file(tmp_path / f"policy_{agent}.json") for agent in ("rate_0", "risk_0", "spread_0")]
    np.testing.assert_array_equal(family.point(files), points[1].astype(np.float32))
    world = Simulator(CONFIG, 6, scenario="jump")
    world.reset(seeds=np.arange(6, dtype=np.uint64))
    acted = family.actions(world, points)
    assert np.ptp(acted[3:], axis=0).max() > 0.0  # they see what differs between worlds
    own = [PolicyGovernor(one).act(world.view(one.agent))[3:] for one in files]
    np.testing.assert_allclose(acted[3:], np.concatenate(own, axis=1), atol=1e-5)
    with pytest.raises(ValueError, match="are accepted"):
        family.point(files[:2])


RULE = tuned_file()["linear"]["mix"]  # the slopes of all twelve levers are far from zero


def after_a_day(rows):
    """Worlds whose rows differ, as governors see them after a day."""
    world = Simulator(WorldConfig(episode_hours=72), rows, scenario="mix")
    world.reset(seeds=np.arange(rows, dtype=np.uint64))
    for decision in range(world.horizon // 3):
        draw = np.random.default_rng(decision)
        world.step({agent: draw.uniform(-1.0, 1.0, (rows, world.action_size(agent))) for agent in world.agents})
    return world


def test_networks_around_a_rule_start_exactly_at_it_and_act_as_the_policies_that_they_are_saved_as(tmp_path):
    world, family = after_a_day(6), Networks(CONFIG, RULE)
    start = family.start(np.zeros(12))
    acted = family.actions(world, start[None])
    saved = [PolicyGovernor(one).act(world.view(one.agent)) for one in family.policies(start)]
    np.testing.assert_array_equal(acted, np.concatenate(saved, axis=1))
    rules = [
        LinearFeedback(role.lever_rows(), np.array([RULE[name] for name in role.levers])).act(world.view(agent))
        for agent, role in world.roles.items()
    ]
    np.testing.assert_allclose(acted, np.concatenate(rules, axis=1), atol=1e-6)
    assert np.ptp(acted, axis=0).max() > 0.1 and np.abs(acted).max() == 1.0  # it reacts, and is clipped somewhere
    np.testing.assert_array_equal(Networks(CONFIG).actions(world, start[None]), 0.0)

    points = start + 0.03 * np.random.default_rng(0).standard_normal((3, family.size))
    batch = family.actions(world, points)
    for number, point in enumerate(points):
        for policy in family.policies(point):
            policy.save(tmp_path)
        files = [load_policy_file(tmp_path / f"policy_{agent}.json") for agent in world.agents]
        own = [PolicyGovernor(one).act(world.view(one.agent)) for one in files]
        np.testing.assert_allclose(
            batch[2 * number : 2 * number + 2], np.concatenate(own, axis=1)[2 * number : 2 * number + 2], atol=1e-6
        )
        np.testing.assert_array_equal(family.point(files), point.astype(np.float32))
    assert 0.01 < np.abs(batch - acted).max() < 1.0
    with pytest.raises(ValueError, match="around the same rule"):  # or its numbers would be read as actions
        Networks(CONFIG).point(files)


def test_around_a_rule_every_governor_earns_what_the_rule_earns():
    tapes, opening = Tapes(CONFIG, "mix", np.array([5, 6], np.uint64)), Simulator(CONFIG, 2, scenario="mix")
    opening.reset(seeds=np.array([5, 6], np.uint64))
    family = Networks(CONFIG, RULE)
    start = family.start(np.zeros(12))
    linear = Linear(family.levers)
    weights = np.array([RULE[name] for name in family.levers]).reshape(1, -1)
    rule, around, alone = (
        tapes.play(one, point).totals
        for one, point in ((linear, weights), (family, start[None]), (Networks(CONFIG), start[None]))
    )
    for name, total in rule.items():
        np.testing.assert_allclose(around[name], total, rtol=1e-3, err_msg=name)
        assert not np.allclose(alone[name], total, rtol=1e-2)
    paid = rewards_of(opening, family, np.array([start, start + 0.05]))
    scales = np.array([role.daily_sd for role in opening.roles.values()])
    mandates = np.array([rule[role.name].mean() for role in opening.roles.values()])
    np.testing.assert_allclose(paid[:, 0] * scales, mandates, rtol=1e-3)  # nobody shares: each has its own mandate
    assert not np.allclose(paid[:, 0], paid[:, 1])


@pytest.mark.parametrize("weights", [None, [0.1, 0.2]])
def test_a_rule_has_four_weights_of_every_lever(weights):
    less = {name: own for name, own in RULE.items() if name != "skew_shift"} | (
        {"skew_shift": weights} if weights else {}
    )
    with pytest.raises(ValueError, match=f"rule has {len(weights or ())} weights of skew_shift; 4 of every lever"):
        Networks(CONFIG, less)
