"""The box of weights, on planes whose zero lines are known."""

import numpy as np
import pytest

from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.welfare_box import KAPPAS, LAMBDAS, Plane, over_the_box, planes, turning_pairs


def test_a_zero_line_leaves_the_box_where_algebra_says():
    # 10 - 2 lambda - 4 kappa: zero at lambda 5 with kappa 0 (a corner) and at lambda 3 with kappa 1
    assert Plane(10.0, 2.0, 4.0).turns == ((3.0, 1.0), (5.0, 0.0))
    # 9.2 - 2 lambda - .8 kappa: both points on the edges of kappa
    assert np.allclose(Plane(9.2, 2.0, 0.8).turns, [(4.2, 1.0), (4.6, 0.0)])
    # .5 - kappa: both on the edges of lambda
    assert Plane(0.5, 0.0, 1.0).turns == ((1.0, 0.5), (5.0, 0.5))
    for still in (Plane(1.0, 0.0, 0.0), Plane(0.0, 0.0, 0.0), Plane(20.0, 2.0, 4.0), Plane(-1.0, 2.0, 4.0)):
        assert still.turns == ()


def test_every_turn_is_a_zero_and_comes_in_pairs():
    rng = np.random.default_rng(2)
    turned = 0
    for rest, losses, taken in rng.normal(size=(300, 3)) * [3.0, 1.0, 3.0]:
        plane = Plane(rest, losses, taken)
        corners = [plane.at(weight, kappa) for weight in (1.0, 5.0) for kappa in (0.0, 1.0)]
        assert len(plane.turns) == (2 if min(corners) < 0.0 < max(corners) else 0)
        turned += len(plane.turns)
        for weight, kappa in plane.turns:
            assert plane.at(weight, kappa) == pytest.approx(0.0, abs=1e-9)
            assert 1.0 <= weight <= 5.0 and 0.0 <= kappa <= 1.0
    assert turned > 50


def test_the_grid_is_of_paired_differences():
    paired = np.array([[4.0, 6.0, 8.0], [1.0, 1.0, 2.0], [0.0, 2.0, 2.0]])
    box = over_the_box(paired, np.arange(3).astype(str))
    assert (len(box.grid), len(box.grid[0])) == (len(LAMBDAS), len(KAPPAS))
    assert box.grid[2][1] == student_t([4.0 - 3.0, 6.0 - 3.0 - 1.0, 8.0 - 6.0 - 1.0])
    assert box.mean == Plane(6.0, pytest.approx(4 / 3), pytest.approx(4 / 3))
    assert box.points == 12 and box.clear == sum(i.excludes_zero for row in box.grid for i in row)
    windows = over_the_box(paired, np.array(["a", "a", "b"]))
    assert windows.grid[2][0] == student_t([(1.0 + 3.0) / 2, 2.0])  # recordings count, not their windows


def test_planes_of_two_venues_count_by_their_k0_without_what_is_weighed():
    table = {"opening_value/0": np.array([3e7]), "opening_value/1": np.array([1e7])}
    for v in (0, 1):
        table |= {f"welfare/{v}": np.zeros(1), f"welfare/{v}/lps": np.array([10.0 + v])}
        table |= {f"welfare/{v}/haircuts": np.array([-3.0]), f"loss/{v}/haircuts": np.array([1.0 + v])}
        table |= {f"welfare/{v}/{name}": np.zeros(1) for name in ("deficit", "latent", "liquidation")}
        table |= {f"loss/{v}/{name}": np.array([2.0]) for name in ("deficit", "latent", "liquidation")}
    parts = ("lps", "haircuts", "deficit", "latent", "liquidation")
    assert planes(table, parts)[:, 0].tolist() == [10.25, 5.25, 2.0]
    table["opening_value/1"] = table["opening_value/0"]
    assert planes(table, parts)[:, 0].tolist() == [10.5, 5.5, 2.0]


def test_governors_that_change_places_are_named_with_who_leads_at_low_weights_first():
    found = turning_pairs(
        {"careful": Plane(3.0, 0.5, 0.0), "bold": Plane(10.0, 2.5, 0.0), "idle": Plane(0.0, 0.0, 0.0)}
    )
    assert [(turn.first, turn.second) for turn in found] == [("bold", "careful"), ("bold", "idle")]
    assert np.allclose(found[0].at, [(3.5, 0.0), (3.5, 1.0)]) and np.allclose(found[1].at, [(4.0, 0.0), (4.0, 1.0)])
