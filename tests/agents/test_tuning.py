"""Evolution on an objective with a known best point, and candidates that share their tapes."""

import numpy as np

from protogov.agents.tuning import Budget, Constants, Episodes, Linear, Tapes, tune
from protogov.envs.config import WorldConfig
from protogov.envs.roles import ROLES

CONFIG = WorldConfig(episode_hours=24)
SPREAD = Constants(ROLES["spread"].levers)


class Bowl:
    """Tapes on which welfare is minus the squared distance to `best`, plus a noise of the tape alone."""

    def __init__(self, best, tapes=4):
        self.best, self.seeds = np.asarray(best), np.arange(tapes)

    def play(self, family, points, held=None):
        score = -((np.asarray(points) - self.best) ** 2).sum(axis=1)
        return Episodes({"welfare": score[:, None] + self.seeds[None, :]})


def test_the_best_point_is_found_and_the_budget_reported():
    best = [0.4, -0.3, 0.0, 0.7]
    budget = Budget(generations=80, tolerance=1e-4, restarts=1)
    found = tune(SPREAD, [Bowl(best)], [Bowl(best)], budget)
    np.testing.assert_allclose(found.point, best, atol=0.05)
    assert found.gain > 0.7
    assert found.converged
    assert [restart.stopped for restart in found.restarts] in (["narrow"], ["plateau"])
    assert found.episodes >= found.generations * budget.population * 4


def test_a_search_that_found_nothing_hands_back_the_start():
    found = tune(SPREAD, [Bowl([0.9] * 4)], [Bowl([0.0] * 4)], Budget(generations=30, restarts=1))
    assert not found.point.any()
    assert found.gain == 0.0


def test_the_same_seed_gives_the_same_search():
    one, two = (tune(SPREAD, [Bowl([0.2] * 4)], [Bowl([0.2] * 4)], Budget(generations=5), seed=3) for _ in range(2))
    assert np.array_equal(one.point, two.point)
    assert [restart.history for restart in one.restarts] == [restart.history for restart in two.restarts]


def test_a_spent_budget_is_told_of_each_restart_and_a_later_one_begins_at_what_is_known():
    best = [0.9, -0.9, 0.9, -0.9]
    short = Budget(generations=2, sigma=0.05)
    found = tune(SPREAD, [Bowl(best)], [Bowl(best)], short, known=[np.array([0.8, -0.8, 0.8, -0.8])])
    assert not found.converged
    assert [len(restart.history) for restart in found.restarts] == [2, 2]
    assert [restart.population for restart in found.restarts] == [12, 24]
    from_the_start, from_the_known = (restart.history[0] for restart in found.restarts)
    assert from_the_known > from_the_start + 2.0
    assert found.gain >= max(restart.gain for restart in found.restarts)


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
