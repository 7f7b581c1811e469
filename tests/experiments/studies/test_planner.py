"""The planner: it sees what comes, leaves the world alone while it looks, and is never worse than who follows it."""

import numpy as np
import pytest

from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.experiments.studies.learning.imagination import Imagination, look
from protogov.experiments.studies.learning.planner import Planner, look_ahead, play_planned, remaining

DAY = WorldConfig(episode_hours=36)
CONSTANTS = np.full(12, 0.2)


def opened(rows=3, scenario="jump"):
    world = Simulator(DAY, rows, scenario=scenario)
    world.reset(seeds=np.arange(50, 50 + rows, dtype=np.uint64))
    return world


def follow(world, actions, decisions):
    total = np.zeros(world.num_worlds)
    for _ in range(decisions):
        world.take_actions({"rate_0": actions[:, :4], "risk_0": actions[:, 4:8], "spread_0": actions[:, 8:]})
        world.advance()
        total += world.welfare(0)
    return total


def test_what_is_looked_ahead_is_what_then_happens_and_looking_changes_nothing():
    world, before = opened(), opened().snapshot()
    tried = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 4, 12))
    scores = look_ahead(world, tried, CONSTANTS, hold=2, ahead=5)
    assert world.snapshot() == before
    for candidate in range(4):
        alone = opened()
        found = follow(alone, tried[:, candidate], 2) + follow(alone, np.tile(CONSTANTS, (3, 1)), 3)
        np.testing.assert_allclose(scores[:, candidate], found, rtol=1e-12)  # sums in another order


def test_a_planner_that_sees_to_the_end_never_does_worse_than_the_constants_that_follow():
    whole = remaining(opened())
    assert whole == 6
    constants = follow(opened(), np.tile(CONSTANTS, (3, 1)), whole)
    calls = []
    planned = play_planned(opened(), CONSTANTS, Planner(candidates=6, hold=2, horizon=whole), calls.append)
    assert calls == [6, 4, 2]
    assert (planned >= constants - 1e-9).all() and (planned > constants + 0.01).any()
    again = play_planned(opened(), CONSTANTS, Planner(candidates=6, hold=2, horizon=whole))
    np.testing.assert_array_equal(again, planned)


def test_who_cannot_look_far_may_be_wrong_but_nothing_is_played_twice():
    world = opened()
    play_planned(world, CONSTANTS, Planner(candidates=3, rounds=1, hold=4, horizon=4))
    assert remaining(world) == 0
    assert world.truncated().all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"candidates": 1}, "candidates is 1; a whole number of at least 2"),
        ({"hold": 5, "horizon": 4}, "horizon is 4; a whole number of at least 5"),
        ({"spread": 0.0}, "spread is 0.0; a number above 0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        Planner(**changed)


def test_worlds_that_end_at_different_hours_are_refused():
    world = Simulator(WorldConfig(episode_hours=36, stagger=True), 16, scenario="flat")
    world.reset(seeds=np.arange(16, dtype=np.uint64))
    with pytest.raises(ValueError, match="all must end at once"):
        remaining(world)


def test_who_imagines_does_not_see_what_comes_and_goes_on_from_the_present():
    imagination = Imagination("jump", 36, library=16)
    world, other = opened(), opened()
    for one in (world, other):
        follow(one, np.tile(CONSTANTS, (3, 1)), 2)
    hour = int(world.worlds["hour"][0])
    other.tape["close"][:, hour + 1 :] *= 0.5  # another future, the same past
    tried = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 2, 12))
    before = world.snapshot()
    scores = [look_ahead(one, tried, CONSTANTS, 2, 3, imagination(one), branches=2) for one in (world, other)]
    assert world.snapshot() == before
    np.testing.assert_array_equal(*scores)
    imagine = imagination(world)
    single = [
        look_ahead(world, tried, CONSTANTS, 2, 3, lambda fork, rows, _, k=k: imagine(fork, rows, k)) for k in (0, 1)
    ]
    np.testing.assert_allclose(scores[0], np.mean(single, axis=0), rtol=1e-12)  # the mean over imagined futures
    assert not np.array_equal(*single)
    assert not np.array_equal(scores[0], look_ahead(world, tried, CONSTANTS, 2, 3))  # nor what will happen
    fork = world.fork(np.arange(3))
    imagination(world)(fork, np.arange(3), 0)
    np.testing.assert_array_equal(fork.tape[:, : hour + 1], world.tape[:, : hour + 1])
    np.testing.assert_allclose(fork.tape["open"][:, hour + 1], world.tape["close"][:, hour], rtol=0.05)
    assert (fork.tape["close"][:, -1] != world.tape["close"][:, -1]).all()
    assert (fork.worlds["seed"] != world.worlds["seed"]).all()


def test_the_nearest_moment_is_that_of_the_tape_itself():
    imagination = Imagination("jump", 36, library=8)
    seen = look(imagination._tapes, 12)
    world = opened(8)
    world.tape[:] = imagination._tapes
    follow(world, np.tile(CONSTANTS, (8, 1)), 2)
    fork = world.fork(np.arange(8))
    imagination(world)(fork, np.arange(8), 0)
    np.testing.assert_allclose(fork.tape["close"], world.tape["close"], rtol=1e-5)  # its own future
    assert seen.shape == (8, 6) and np.isfinite(seen).all()
