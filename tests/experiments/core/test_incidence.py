"""Who bears it, on accounts and suppliers small enough to be reckoned by hand."""

import numpy as np
import pytest

from protogov.experiments.core.incidence import COLUMNS, borrowers, suppliers, tenths, who_bears


def test_tenths_follow_the_order_and_leave_out_what_is_not_counted():
    values = np.array([[5.0, 1.0, 4.0, 2.0, 3.0], [7.0, 0.0, 0.0, 9.0, 0.0]])
    assert tenths(values, values > 0.0).tolist() == [[9, 1, 7, 3, 5], [1, 0, 0, 6, 0]]
    many = np.arange(128.0)[None, :]
    found = tenths(many, many >= 28.0)[0]  # 100 counted: ten each
    assert [int((found == tenth).sum()) for tenth in range(11)] == [28, *[10] * 10]
    assert (np.diff(found) >= 0).all()


def test_borrowers_by_hand():
    debt = np.array([[100.0 * (i + 1) for i in range(20)] + [0.0]])  # tenths of two accounts; the last owes nothing
    surplus, penalty = np.full((1, 21), 3.0), np.zeros((1, 21))
    surplus[0, 0], surplus[0, 20], penalty[0, 19], penalty[0, 4] = 9.0, 1e9, 50.0, 40.0
    found = {name: float(values[0]) for name, values in borrowers(debt, surplus, penalty).items()}
    assert found["decile_1"] == pytest.approx((9.0 + 3.0) / 300.0)
    assert found["decile_10"] == pytest.approx(6.0 / 3900.0)
    assert found["penalty_10"] == pytest.approx(50.0 / 3900.0)
    assert found["small"] == pytest.approx((9.0 + 9 * 3.0) / 5500.0)
    assert found["small_penalty"] == pytest.approx(40.0 / 5500.0)
    # of 2000 owed -47 is left and of 500 owed -37: the second is worse off for its size
    assert found["worst"] == pytest.approx(6.0 / 2500.0)
    assert found["worst_penalty"] == pytest.approx(90.0 / 2500.0)


def test_nobody_owes_anything():
    empty = np.zeros((2, 5))
    assert all(np.isnan(values).all() for values in borrowers(empty, empty, empty).values())


def test_suppliers_by_hand():
    opening = np.array([[100.0, 200.0, 300.0, 400.0, 0.0]] * 4)
    gain = np.array([[1.0, -4.0, 3.0, 8.0, 1e9]] * 4)
    out = np.array([[50, 10, 20, -1, 3], [-1] * 5, [7, 9, -1, -1, -1], [5, 5, 5, 5, 5]])
    found = suppliers(opening, gain, out)
    # hours 10, 20, 50: those at 10 and 20 are the earlier half; nobody leaves; of two the earlier; all at once
    assert found["first_out"] == pytest.approx([-1.0 / 500.0, np.nan, 1.0 / 100.0, 8.0 / 1000.0], nan_ok=True)
    assert found["stayed"] == pytest.approx([9.0 / 500.0, 8.0 / 1000.0, 7.0 / 900.0, np.nan], nan_ok=True)
    assert found["left"] == pytest.approx([0.6, 0.0, 0.3, 1.0])


def test_units_are_a_fortnight_of_the_own_money():
    fields = [("account_opening_debt", "f8", (3,)), ("account_surplus", "f8", (3,)), ("account_penalty", "f8", (3,))]
    fields += [("supplier_opening", "f8", (2,)), ("supplier_gain", "f8", (2,)), ("supplier_out", "i8", (2,))]
    venue = np.zeros(1, np.dtype(fields))
    venue["account_opening_debt"], venue["account_surplus"] = [1000.0, 0.0, 0.0], [5.0, 0.0, 0.0]
    venue["supplier_opening"], venue["supplier_gain"], venue["supplier_out"] = [400.0, 100.0], [2.0, 0.0], [-1, 4]
    found = who_bears(venue, np.array([168]))  # a week
    assert set(found) == set(COLUMNS)
    assert found["decile_1"] == pytest.approx(2 * 50.0)
    assert found["stayed"] == pytest.approx(2 * 50.0)
    assert found["left"] == pytest.approx(20.0)  # percent, whatever the time
    assert np.isnan(found["decile_10"]).all()
    # of two venues a person's debt at both counts: half of its own money here, and one who owes only there is a group
    found = who_bears(venue, np.array([168]), np.array([[2000.0, 3000.0, 0.0]]))
    assert found["decile_1"] == pytest.approx(2 * 25.0) and found["decile_6"] == pytest.approx(0.0)
