"""Areas between people's curves and the rates they get, against numerical integrals of the curves on which they act."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from protogov.envs.simulator import Simulator
from protogov.envs.world.population import borrowers, solvable_rules, suppliers, surplus
from protogov.envs.world.population.thresholds import level_of

OFFSETS = st.floats(0.08, 0.92)  # what `spread_offset` gives at the default stickiness


@given(held=st.integers(1, 4), offset=OFFSETS, elasticity=st.floats(3.0, 12.0))
def test_a_levels_worth_is_the_area_under_the_staircase(
    blank: Callable[..., Any], held: int, offset: float, elasticity: float
) -> None:
    _, _, p, _ = blank(borrow_elasticity=elasticity)
    reservation, level = 0.09, held / 4
    rates = np.linspace(1e-6, reservation * 4.0, 4_001)  # beyond it the last quarter is given up
    share = [borrowers.participation(rate, reservation, 1.0, p) for rate in rates]
    kept = np.minimum([level_of(s, offset) for s in share], level)
    area = float(np.sum(kept) * (rates[1] - rates[0]))
    worth = surplus.staircase_worth(level, offset, elasticity)
    assert worth * reservation * level == pytest.approx(area, rel=4e-3, abs=5e-5)


def test_who_holds_nothing_or_minds_no_rate_has_a_finite_worth() -> None:
    assert surplus.staircase_worth(0.0, 0.5, 6.0) == 1.0
    assert surplus.staircase_worth(1.0, 0.5, 0.0) == surplus.staircase_worth(1.0, 0.5, 1.0) < 10.0


def test_fewer_quarters_are_the_ones_worth_most() -> None:
    worth = [surplus.staircase_worth(level, 0.5, 6.0) for level in (0.25, 0.5, 0.75, 1.0)]
    assert worth == sorted(worth, reverse=True) and worth[0] > 1.0 > worth[3] * 0.9


@given(level=st.floats(0.01, 1.0), rival=st.floats(0.0, 0.1))
def test_linear_demand_has_a_linear_worth(level: float, rival: float) -> None:
    choke = 0.18

    def height(quantity: float) -> float:
        return float(brentq(lambda rate: solvable_rules.linear_demand(rate, rival, choke) - quantity, 0.0, 0.2))

    area, _ = quad(height, 1e-9, level * (1 - 1e-9))
    assert solvable_rules.linear_worth(level, rival, choke) * level == pytest.approx(area, rel=1e-6)


@given(
    filled=st.floats(0.01, 0.95), asked=st.floats(-0.02, 0.2), room=st.floats(0.2, 3.0), elasticity=st.floats(4.0, 40.0)
)
def test_what_a_deposit_asks_is_the_inverse_of_the_deposit_wanted(
    blank: Callable[..., Any], filled: float, asked: float, room: float, elasticity: float
) -> None:
    _, _, p, _ = blank(supply_headroom=room, supply_elasticity=elasticity)
    # by the change of variable rate -> deposit: the area under the inverse is rate * deposit less the area of deposits
    most = 1.0 + room
    edge = (0.1 + asked) * (room * filled / (1.0 - filled)) ** (1.0 / elasticity) - 0.1
    if edge < -0.049:
        return  # where `wanted_deposit` is flat and has no inverse
    assert suppliers.wanted_deposit(1.0, edge, asked, p) == pytest.approx(filled * most, rel=1e-9)
    e = 1.0 / elasticity
    area, _ = quad(lambda c: (0.1 + asked) * (room * c / (1.0 - c)) ** e - 0.1, 0.0, filled, limit=200)
    mean = surplus.mean_asked(filled, asked, room, elasticity, surplus.series_ratios(elasticity))
    assert mean == pytest.approx(area / filled, rel=1e-3, abs=2e-5)
    assert mean <= edge + 1e-9


def test_an_empty_deposit_asks_for_nothing_and_a_full_one_goes_on_level() -> None:
    ratios = surplus.series_ratios(12.0)
    assert surplus.mean_asked(0.0, 0.05, 1.0, 12.0, ratios) == -0.1
    full = surplus.FULLEST
    last = 0.15 * (full / (1.0 - full)) ** (1.0 / 12.0) - 0.1
    expected = (full * surplus.mean_asked(full, 0.05, 1.0, 12.0, ratios) + (1.3 - full) * last) / 1.3
    assert surplus.mean_asked(1.3, 0.05, 1.0, 12.0, ratios) == pytest.approx(expected, rel=1e-12)


def test_everybodys_gains_add_up_to_the_parts_of_welfare(
    simulate: Callable[..., Simulator], shake: Callable[..., Any]
) -> None:
    """Accounts' surpluses are W's; suppliers' gains are theirs less haircuts and lock-up: nobody is counted twice."""
    simulator = simulate("crash-heldout", 16, seed=5, venues=2, parameters={"losses_socialised": 1.0})
    rng = np.random.default_rng(3)
    borrowed, supplied = np.zeros((16, 2)), np.zeros((16, 2))
    for _ in range(simulator.horizon):
        simulator.step(shake(simulator, rng))
        sums = simulator.worlds["venues"]
        borrowed += sums["sum_borrower_surplus"]
        supplied += sums["sum_supplier_surplus"] - sums["sum_haircuts"] - sums["sum_lockup"]
    venues = simulator.worlds["venues"]
    assert venues["account_surplus"].sum(axis=2) == pytest.approx(borrowed, rel=1e-9, abs=1e-3)
    assert venues["supplier_gain"].sum(axis=2) == pytest.approx(supplied, rel=1e-9, abs=1e-3)
    left = venues["supplier_out"] >= 0
    assert left.any() and (venues["supplier_out"] < simulator.config.episode_hours).all()
    assert (venues["account_penalty"] >= 0.0).all() and venues["account_penalty"].any()
