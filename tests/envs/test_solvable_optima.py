"""Optimal policies against other ways to them: enumeration, scipy's Riccati solver, differential equations."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import eigh, solve_discrete_are, solve_discrete_lyapunov

from protogov.envs.solvable_policies.market_maker import quoting_theory
from protogov.envs.solvable_policies.optima import Quoting, Switching, Tracking, jump_by

# ---------------------------------------------------------------- switching

PRICES = np.array([0.2, 0.6])
COARSE = Switching(low=0.5, high=1.5, switch=0.1, cost=0.25, decisions=3, opening=0.2, grid=PRICES)


def plan_value(world: Switching, plan, decisions: int) -> float:
    """Mean reward a decision of a plan (decision, state, price before) -> price, over every path of the demand."""
    total = 0.0
    for states in product((0, 1), repeat=decisions):
        chance = 0.5 * np.prod([0.9 if one == other else 0.1 for one, other in zip(states, states[1:], strict=False)])
        before, earned = 0, 0.0
        for t, z in enumerate(states):
            to = plan(t, z, before)
            price = PRICES[to]
            earned += price * max(1.0 - price / (0.5, 1.5)[z], 0.0) - world.cost * abs(price - PRICES[before])
            before = to
        total += chance * earned
    return total / decisions


def test_no_plan_of_all_there_are_beats_backward_induction_and_none_of_the_stationary_ones_value_iteration():
    tables = list(product((0, 1), repeat=4))  # state and price before -> price
    best = max(
        plan_value(COARSE, lambda t, z, before, p=plan: p[t][2 * z + before], 3) for plan in product(tables, repeat=3)
    )
    assert COARSE.value_with_a_clock() == pytest.approx(best, abs=1e-12)
    stationary = [np.array(table).reshape(2, 2) for table in tables]
    values = [COARSE.value(table) for table in stationary]
    plans = [plan_value(COARSE, lambda t, z, before, p=table: p[z, before], 3) for table in stationary]
    assert values == pytest.approx(plans, abs=1e-12)
    # value iteration's policy is the best of all in an episode without an end
    endless = Switching(0.5, 1.5, 0.1, 0.25, 3000, 0.2, PRICES)
    assert endless.value(endless.policy) == pytest.approx(max(endless.value(table) for table in stationary), abs=1e-9)
    assert (endless.policy == [[0, 0], [1, 1]]).all()


def test_the_band_of_a_proportional_cost_is_the_one_that_two_derivatives_give():
    # In the long run r alternates between a in the low state and b in the high one; each way is gone with probability
    # p / 2 a decision, so that (1 - 2 a / z) / 2 = - p c and (1 - 2 b / z) / 2 = p c.
    world = Switching(0.5, 1.5, 0.1, 0.8, 40, 0.4, np.linspace(0.0, 0.8, 161))
    down, up = world.grid[world.policy[0]], world.grid[world.policy[1]]
    assert down.max() == pytest.approx(0.25 * (1.0 + 2.0 * 0.08), abs=0.005)
    assert up.min() == pytest.approx(0.75 * (1.0 - 2.0 * 0.08), abs=0.005)


# ---------------------------------------------------------------- tracking


@pytest.mark.parametrize(("persistence", "cost"), [(0.95, 10.0), (0.5, 1.0), (0.0, 3.0)])
def test_the_gains_are_those_of_the_riccati_equation(persistence, cost):
    world = Tracking(persistence, 0.3, cost, 40, 0.4)
    # state (u before, y), control u; cost (u - y / 2)^2 + c (u - u before)^2
    forward, control = np.diag([0.0, persistence]), np.array([[1.0], [0.0]])
    state, weight = np.diag([cost, 0.25]), np.array([[1.0 + cost]])
    cross = np.array([[-cost], [-0.5]])
    p = solve_discrete_are(forward, control, state, weight, s=cross)
    gain = -np.linalg.solve(weight + control.T @ p @ control, control.T @ p @ forward + cross.T)
    assert world.gains == pytest.approx(gain[0], rel=1e-9)
    # the clock of an episode without an end tells nothing
    long = Tracking(persistence, 0.3, cost, 4000, 0.5)
    assert long.value(*long.gains) == pytest.approx(long.value_with_a_clock(), abs=2e-6)


def test_the_value_of_a_linear_policy_is_what_its_stationary_moments_say():
    world, keep, answer = Tracking(0.9, 0.3, 4.0, 20_000, 0.5), 0.6, 0.2
    forward = np.array([[keep, answer], [0.0, 0.9]])
    moments = solve_discrete_lyapunov(forward, np.diag([0.0, 0.09 * 0.19]))
    price = np.array([keep, answer])
    expected = 0.25 + price @ moments @ (np.array([0.0, 1.0]) - price)
    expected -= 4.0 * (price - [1.0, 0.0]) @ moments @ (price - [1.0, 0.0])
    assert world.value(keep, answer) == pytest.approx(expected, abs=1e-4)


def test_a_price_that_stands_still_gains_by_the_floor():
    world = Tracking(0.95, 0.3, 10.0, 40, 0.4)
    draws = 1.0 + 0.3 * np.random.default_rng(0).normal(size=1_000_000)
    expected = (0.55 * np.maximum(draws - 0.55, 0.0)).mean() - 10.0 * 0.15**2 / 40
    assert world.constant_value(0.55) == pytest.approx(expected, abs=5e-4)
    assert world.constant_value(0.55) > world.value(0.0, 0.0, 0.55) + 0.001


# ---------------------------------------------------------------- quoting

CHARGE, FLOW, LIMIT = 0.3, 2.0, 6  # a unit of time


def test_quotes_of_a_short_decision_and_unit_trades_are_those_of_the_linear_differential_equation():
    # Cartea, Jaimungal and Penalva (2015), 10.2 and Gueant, Lehalle and Fernandez-Tapia (2013): with u = exp(v) the
    # equation of Avellaneda and Stoikov's market maker is linear, du/dt = M u, and its long run the top eigenvector.
    grid = np.arange(-LIMIT, LIMIT + 1.0)
    down, up = (jump_by(grid, np.array([way]), np.ones(1)) for way in (-1.0, 1.0))
    step, margins = 0.02, np.linspace(-2.0, 4.0, 121)  # in the equation more buyers come below 0
    short, long = (Quoting(FLOW * step, CHARGE * step, n, grid, (down, up), margins) for n in (1000, 2000))
    matrix = np.diag(-CHARGE * grid**2)
    for row in range(len(grid)):  # a fill beyond the limits leaves the inventory at them, here as there
        for to in (max(row - 1, 0), min(row + 1, len(grid) - 1)):
            matrix[row, to] += FLOW / np.e
    rates, vectors = eigh(matrix)
    v = np.log(np.abs(vectors[:, -1]))
    endless = (2.0 * long.value(long.policy) - short.value(short.policy)) / step
    assert endless == pytest.approx(rates[-1], rel=0.01)
    inner = slice(3, -3)
    for rows, jump in zip(long.policy, (down, up), strict=True):
        expected = 1.0 - (jump @ v - v)
        assert margins[rows][inner] == pytest.approx(expected[inner], abs=0.08)


def test_an_hour_between_quotes_costs_little_against_quotes_that_never_rest():
    # The same equation for trades of any size, dv/dt = - c y^2 + A / e * sum of exp(E v(y + trade) - v), by scipy.
    world = quoting_theory()

    def slope(_, v):
        gains = sum(np.exp(jump @ v - v) for jump in world.jumps)
        return -world.charge * world.grid**2 + world.arrivals / np.e * gains

    solved = solve_ivp(slope, (0.0, world.decisions), np.zeros(len(world.grid)), "LSODA", rtol=1e-6)
    flowing = solved.y[len(world.grid) // 2, -1] / world.decisions
    clocked, found = world.value_with_a_clock(), world.value(world.policy)
    assert found < clocked < flowing
    assert found == pytest.approx(clocked, rel=0.01)
    assert clocked == pytest.approx(flowing, rel=0.1)


def test_a_margin_that_stands_still_is_worth_its_closed_form():
    world = replace(quoting_theory(), decisions=8)  # few enough that the grid has no end
    for at in (10, 19):
        assert world.value(np.full((2, len(world.grid)), at)) == pytest.approx(
            world.constant_value(world.margins[at]), abs=0.01
        )
    grid = [world.constant_value(margin) for margin in world.margins]
    assert world.margins[int(np.argmax(grid))] == pytest.approx(world.best_constant(), abs=0.05)


def test_a_jump_keeps_its_mean_and_stays_on_the_grid():
    grid = np.linspace(-2.0, 2.0, 17)
    jump = jump_by(grid, np.array([0.1, -0.3]), np.array([0.75, 0.25]))
    assert jump.sum(axis=1) == pytest.approx(np.ones(17))
    assert (jump @ grid)[3:-3] == pytest.approx(grid[3:-3])
    assert jump[0, 0] == pytest.approx(0.75 * 0.6 + 0.25)
