"""Evolution on a score with a known best point, and candidates that share their tapes."""

import numpy as np

from protogov.agents.tuning import Budget, Constants, Linear, Tapes, evolve
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES

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
