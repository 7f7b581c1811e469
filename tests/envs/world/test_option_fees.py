"""The fees of the options AMM, by their formulas."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world import option_fees
from protogov.envs.world.option_fees import standard_vega, time_weight, variance_fee_of, vega_fee_of


def test_vega_fee_is_for_what_adds_to_the_books_vega() -> None:
    assert vega_fee_of(0.7, -100.0, -150.0, 1e6, 50.0, 0.3) == pytest.approx(0.3 * 0.7 * 150.0 / 1e6 * 50.0)
    assert vega_fee_of(0.7, 100.0, 150.0, 1e6, 50.0, 0.3) == pytest.approx(0.3 * 0.7 * 150.0 / 1e6 * 50.0)
    assert vega_fee_of(0.7, -150.0, -100.0, 1e6, 50.0, 0.3) == 0.0
    assert vega_fee_of(0.7, -150.0, 150.0, 1e6, 50.0, 0.3) == 0.0
    assert vega_fee_of(0.7, 0.0, 150.0, -1.0, 50.0, 0.3) == 0.0


def test_standard_vega() -> None:
    assert standard_vega(230.0, 30.0 / 365.0) == pytest.approx(2.3)
    assert standard_vega(230.0, 7.5 / 365.0) == pytest.approx(4.6)
    assert standard_vega(230.0, 1.0 / 365.0) == standard_vega(230.0, 7.0 / 365.0)


def test_fees_of_far_expiries_weigh_more(blank: Callable[..., Any]) -> None:
    assert [time_weight(w, 2.0, 6.0) for w in (0.0, 1.9, 2.0, 4.0, 6.0, 10.0)] == [1.0, 1.0, 1.0, 1.5, 2.0, 3.0]
    _, _, p, _ = blank(option_fee=0.01, spot_fee=0.002, fee_near=2.0, fee_far=10.0)
    assert option_fees.premium_fee(500.0, 4.0, p) == pytest.approx(0.01 * 1.25 * 500.0)
    assert option_fees.notional_fee(1000.0, 5.0, 4.0, p) == pytest.approx(0.002 * 1.25 * 5000.0)


def test_variance_fee_multiplies_its_parts() -> None:
    # a quarter of (14 * 0.01) * (1 + 3 * 0.1) * (1 + 1.5 * 0.2) for each of two contracts
    fee = variance_fee_of(14.0, -0.1, 0.2, 2.0, 0.25, (0.0, 0.01), (1.0, 3.0), (1.0, 1.5))
    assert fee == pytest.approx(0.25 * 0.14 * 1.3 * 1.3 * 2.0)


@given(vega=st.floats(0.0, 500.0), skew=st.floats(-1.0, 1.0), vol=st.floats(-1.0, 1.0), size=st.floats(0.0, 1e4))
def test_variance_fee_is_even_and_grows_with_distance(
    blank: Callable[..., Any], vega: float, skew: float, vol: float, size: float
) -> None:
    _, _, p, _ = blank()
    fee = option_fees.variance_fee(vega, 1000.0, skew, vol, size, p)
    assert fee >= 0.0 and fee == option_fees.variance_fee(vega, 1000.0, -skew, -vol, size, p)
    assert option_fees.variance_fee(vega, 1000.0, 2.0 * skew, 2.0 * vol, size, p) >= fee
