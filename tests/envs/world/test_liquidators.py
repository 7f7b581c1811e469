"""Liquidators: who wins a loan and what it pays, capital that depletes and comes back, and what is skipped."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world.population import liquidators


@given(worth=st.floats(1.0, 5000.0), fee=st.floats(0.0, 0.1))
def test_profitable_sale_stops_at_the_last_coin_that_pays(blank: Callable[..., Any], worth: float, fee: float) -> None:
    world, _, p, _ = blank(pool_fee=fee)
    coin = liquidators.profitable_sale(world, worth, p)
    marginal = 1e9 / (1e3 + coin) ** 2 * (1.0 - fee)
    if 1000.0 * (1.0 - fee) <= worth:
        assert coin == 0.0
    else:
        assert marginal == pytest.approx(worth, rel=1e-9)
