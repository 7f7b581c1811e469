"""A liquidation heals a loan below a loan-to-value of 1 / (1 + bonus) and makes it worse above: a closed form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world.liquidation import seizure


@given(
    bonus=st.floats(0.0, 0.2),
    distance=st.floats(1e-6, 0.3),
    share=st.floats(0.01, 0.5),
    price=st.floats(1.0, 1e5),
)
def test_a_liquidation_raises_the_loan_to_value_above_the_critical_one(
    bonus: float, distance: float, share: float, price: float
) -> None:
    critical = 1.0 / (1.0 + bonus)
    for loan_to_value in (critical * (1.0 - distance), critical * (1.0 + distance)):
        debt = loan_to_value * price  # against one coin
        repaid, seized = seizure(1.0, price, share * debt, bonus)
        after = (debt - repaid) / ((1.0 - seized) * price)
        # d(LTV) = repaid * (LTV * (1 + bonus) - 1) / what is left of the collateral
        expected = repaid * (loan_to_value * (1.0 + bonus) - 1.0) / ((1.0 - seized) * price)
        assert after - loan_to_value == pytest.approx(expected, rel=1e-6, abs=1e-13)
        assert (after > loan_to_value) == (loan_to_value > critical)


def test_without_a_bonus_only_a_loan_above_its_collateral_spirals() -> None:
    repaid, seized = seizure(1.0, 1000.0, 400.0, 0.0)
    assert (950.0 - repaid) / (1000.0 * (1.0 - seized)) < 0.95
    repaid, seized = seizure(1.0, 1000.0, 400.0, 0.0)
    assert (1050.0 - repaid) / (1000.0 * (1.0 - seized)) > 1.05
