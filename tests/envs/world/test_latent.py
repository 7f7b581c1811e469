"""What loans may come to owe beyond their collateral: a put, against scipy's normal distribution and its own limits."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from protogov.envs.world import latent, liquidation

DEVIATIONS = st.floats(0.01, 1.0)


@given(backing=st.floats(1.0, 1e6), debt=st.floats(1.0, 1e6), deviation=DEVIATIONS)
def test_the_put_is_blacks(backing: float, debt: float, deviation: float) -> None:
    d1 = math.log(backing / debt) / deviation + deviation / 2.0
    expected = debt * norm.cdf(deviation - d1) - backing * norm.cdf(-d1)
    found = latent.default_put(backing, debt, deviation)
    assert found == pytest.approx(expected, rel=1e-9, abs=2e-9 * max(debt, backing))
    assert found >= max(debt - backing, 0.0) - 1e-9 * debt
    assert found <= debt


def test_a_loan_of_nothing_and_a_loan_against_nothing() -> None:
    assert latent.default_put(100.0, 0.0, 0.2) == 0.0
    assert latent.default_put(0.0, 50.0, 0.2) == 50.0


@given(backing=st.floats(10.0, 1e4), deviation=DEVIATIONS)
def test_a_loan_at_its_collateral_is_worth_something_before_any_of_it_is_lost(backing: float, deviation: float) -> None:
    # at the money: debt * (2 N(deviation / 2) - 1)
    expected = backing * (2.0 * norm.cdf(deviation / 2.0) - 1.0)
    assert latent.default_put(backing, backing, deviation) == pytest.approx(expected, rel=1e-9)


def test_the_sum_runs_over_all_loans_at_the_tapes_vol(blank: Callable[..., Any]) -> None:
    world, venue, _, _ = blank()
    rng = np.random.default_rng(4)
    venue.num_accounts = 40
    venue.account_collateral[:40] = rng.uniform(0.1, 10.0, 40)
    venue.account_scaled_debt[:40] = rng.uniform(10.0, 9000.0, 40)
    venue.borrow_index, world.implied_vol = 1.05, 0.8
    deviation = 0.8 * math.sqrt(14.0 / 365.0)
    debt, backing = venue.account_scaled_debt[:40] * 1.05, 0.97 * 900.0 * venue.account_collateral[:40]
    d1 = np.log(backing / debt) / deviation + deviation / 2.0
    expected = (debt * norm.cdf(deviation - d1) - backing * norm.cdf(-d1)).sum()
    found = latent.loans_shortfall_at(world, venue, 900.0)
    assert found == pytest.approx(expected, rel=1e-6)
    assert latent.latent_shortfall_at(world, venue, 900.0) == found  # nobody has sold an option
    assert found > liquidation.shortfall_at(venue, 900.0) > 0.0
    world.implied_vol = 1.6  # fear alone makes loans dearer to whoever bears them
    assert latent.loans_shortfall_at(world, venue, 900.0) > found
