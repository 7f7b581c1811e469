"""The linear-quadratic game: its closed forms, its play, and that it is a world like any other."""

import numpy as np
import pytest

from protogov.envs.interfaces import ForkableWorld
from protogov.experiments.studies.emergence.fixtures import LinearQuadraticGame


def play(world, gains, steps):
    total = {agent: 0.0 for agent in world.agents}
    obs = {agent: world.x for agent in world.agents}
    for _ in range(steps):
        actions = {agent: -(obs[agent] @ gains[i])[:, None] for i, agent in enumerate(world.agents)}
        step = world.step(actions)
        obs = step.obs
        total = {agent: total[agent] + step.rewards[agent] for agent in total}
    return np.stack([total[agent] for agent in world.agents], axis=1) / steps


def test_nash_and_social_costs_and_the_gap_between_them():
    game = LinearQuadraticGame
    nash, social = game.nash(), game.social()
    assert game.costs(nash) == pytest.approx([0.15090, 0.14703], abs=5e-6)
    assert game.costs(social) == pytest.approx([0.15082, 0.14673], abs=5e-6)
    assert game.nash_conv(nash) < 1e-8
    assert game.nash_conv(social) == pytest.approx(3.51e-4, abs=5e-7)
    assert game.costs(nash).sum() / game.costs(social).sum() == pytest.approx(1.00129, abs=5e-6)


def test_no_small_change_helps_anybody_at_nash_nor_both_at_the_social_optimum():
    game, draw = LinearQuadraticGame, np.random.default_rng(0)
    nash, social = game.nash(), game.social()
    for _ in range(20):
        change = 0.02 * draw.normal(size=2)
        for i in range(2):
            other = nash.copy()
            other[i] += change
            assert game.costs(other)[i] > game.costs(nash)[i]
            other = social.copy()
            other[i] += change
            assert game.costs(other).sum() > game.costs(social).sum()


def test_played_costs_are_the_stationary_ones():
    game = LinearQuadraticGame
    gains, world = game.nash(), game(64, horizon=10_000)
    world.reset()
    play(world, gains, 40)  # forget the start
    costs = -play(world, gains, 150)
    error = costs.std(axis=0, ddof=1) / 8.0
    assert (np.abs(costs.mean(axis=0) - game.costs(gains)) < 4 * error).all() and (error < 0.01).all()


def test_a_fork_runs_on_as_its_parent_and_an_influence_is_what_algebra_says():
    game = LinearQuadraticGame
    gains, world = game.nash(), game(3)
    assert isinstance(world, ForkableWorld)
    world.reset(seeds=np.array([7, 8, 9]))
    play(world, gains, 5)
    fork, nudged = world.fork([2, 2, 0]), world.fork([2])
    actions = {agent: -(world.x @ gains[i])[:, None] for i, agent in enumerate(world.agents)}
    same = {agent: action[[2, 2, 0]] for agent, action in actions.items()}
    moved = {agent: action[[2]] + (0.5 if agent == "rate_0" else 0.0) for agent, action in actions.items()}
    for one, chosen in ((world, actions), (fork, same), (nudged, moved)):
        one.step(chosen)
        play(one, gains, 3)
    assert np.array_equal(fork.x, world.x[[2, 2, 0]])
    loop = np.linalg.matrix_power(game.A - game.B.T @ gains, 3) @ game.B[0]
    assert nudged.x[0] - world.x[2] == pytest.approx(0.5 * loop, abs=1e-6)  # observations are float32


def test_a_masked_reset_leaves_the_other_rows():
    world = LinearQuadraticGame(2, horizon=3)
    world.reset()
    play(world, np.zeros((2, 2)), 3)
    before = world.x[1].copy()
    world.reset(mask=np.array([True, False]))
    assert (world.x[0] == 0.0).all() and np.array_equal(world.x[1], before) and world.time.tolist() == [0, 3]
