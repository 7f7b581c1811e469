"""OpenSpiel as an oracle: its NashConv of games of constants beside our searches, equilibria and regrets.

Needs open-spiel, which comes with the extra `test`; a machine without it skips this file.
"""

import numpy as np
import pytest

pyspiel = pytest.importorskip("pyspiel")
from open_spiel.python.algorithms import exploitability  # noqa: E402
from open_spiel.python.policy import TabularPolicy  # noqa: E402

from protogov.experiments.studies.emergence.controls import OPEN  # noqa: E402
from protogov.experiments.studies.emergence.exploitability import Exploitability  # noqa: E402
from protogov.experiments.studies.emergence.fixtures import LogitDuopoly, Still  # noqa: E402
from protogov.experiments.studies.emergence.forks import Plan  # noqa: E402
from protogov.experiments.studies.emergence.self_test import price_game  # noqa: E402
from protogov.experiments.studies.rivalry.equilibria import equilibria, mixed_equilibrium, pure_at, regret  # noqa: E402


def nash_conv(first, second, strategies):
    """Of strategies in a finite game of two, by OpenSpiel."""
    game = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game(first.tolist(), second.tolist()))
    policy = TabularPolicy(game)
    policy.action_probability_array[:] = 0.0
    for player, own in enumerate((strategies.first, strategies.second)):
        policy.action_probability_array[player, : len(own)] = own
    return exploitability.nash_conv(game, policy)


def gains(first, second, strategies):
    """What both gain by their best replies together, by hand."""
    own, rival = first @ strategies.second, strategies.first @ second
    return own.max() - strategies.first @ own + rival.max() - rival @ strategies.second


@pytest.mark.parametrize("size", [2, 4, 7])
def test_every_equilibrium_that_is_found_has_a_nash_conv_of_nothing(size):
    draw = np.random.default_rng(size)
    for _ in range(6):
        first, second = draw.normal(size=(2, size, size))
        for found in (*equilibria(first, second), mixed_equilibrium(first, second)):
            assert nash_conv(first, second, found) < 1e-9
        away = pure_at(0, 0, size)
        oracle = nash_conv(first, second, away)
        assert oracle == pytest.approx(gains(first, second, away), abs=1e-12)
        assert regret(first, second, away) <= oracle + 1e-12 <= 2.0 * regret(first, second, away) + 2e-12


def test_the_ladders_nash_conv_of_constant_sellers_is_that_of_the_finite_game():
    """The search is free in the price, the oracle has 15 of them: it finds at most as much, and nearly as much."""
    prices, payoffs = price_game()
    seeds = np.arange(8, dtype=np.uint64)
    search, choice = seeds + np.uint64(100), seeds + np.uint64(200)
    measure = Exploitability(search, choice, rungs=("offset",), generations=15, population=6)
    for place in (3, 9, 13):
        governors = {agent: Still(prices[place]) for agent in LogitDuopoly.agents}
        *_, whole = measure.reduce(
            measure.extract(LogitDuopoly(8), governors, Plan(seeds, steps=1, limits=OPEN))
        )  # fmt: skip
        oracle = nash_conv(payoffs, payoffs.T, pure_at(place, place, len(prices)))
        assert oracle - 1e-9 <= whole.value <= oracle + 2e-3 and oracle > 0.0
