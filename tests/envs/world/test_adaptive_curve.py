"""The adaptive interest-rate curve against its definition: shape, speed, bounds, and the two-slope curve that it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.world.adaptive_curve import (
    EXP_HIGHEST,
    EXP_LOWEST,
    MAX_RATE_AT_TARGET,
    MIN_RATE_AT_TARGET,
    adapted_rate,
    bounded_exp,
    charged_rate,
    curve_multiplier,
    kinked_form,
    utilisation_error,
)
from protogov.envs.world.lending import kinked_borrow_rate

RATES = st.floats(MIN_RATE_AT_TARGET, MAX_RATE_AT_TARGET)
SHARES = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("utilisation", "error", "multiplier"),
    [(0.0, -1.0, 0.25), (0.45, -0.5, 0.625), (0.9, 0.0, 1.0), (0.95, 0.5, 2.5), (1.0, 1.0, 4.0)],
)
def test_error_and_multiplier(utilisation: float, error: float, multiplier: float) -> None:
    assert utilisation_error(utilisation) == pytest.approx(error, abs=1e-15)
    assert curve_multiplier(error) == pytest.approx(multiplier)


@given(rate=RATES, utilisation=SHARES)
def test_it_is_a_two_slope_curve_at_every_moment(rate: float, utilisation: float) -> None:
    base, slope1, slope2, optimal = kinked_form(rate)
    expected = rate * curve_multiplier(utilisation_error(utilisation))
    assert kinked_borrow_rate(utilisation, base, slope1, slope2, optimal) == pytest.approx(expected, rel=1e-12)


def test_speed() -> None:
    days = 365.0 * math.log(2.0) / 50.0
    assert days == pytest.approx(5.06, abs=0.001)
    assert adapted_rate(0.04, 1.0, days / 365.0) == pytest.approx(0.08)
    assert adapted_rate(0.04, -1.0, days / 365.0) == pytest.approx(0.02)
    assert adapted_rate(0.04, 0.5, 2.0 * days / 365.0) == pytest.approx(0.08)
    assert adapted_rate(0.04, 0.0, 10.0) == 0.04


@given(rate=RATES, error=st.floats(-1.0, 1.0), years=st.floats(0.0, 0.2), parts=st.integers(1, 6))
def test_many_short_steps_are_one_long_one(rate: float, error: float, years: float, parts: int) -> None:
    at_once, in_parts = adapted_rate(rate, error, years), rate
    for _ in range(parts):
        in_parts = adapted_rate(in_parts, error, years / parts)
    assert in_parts == pytest.approx(at_once, rel=1e-12)
    assert MIN_RATE_AT_TARGET <= at_once <= MAX_RATE_AT_TARGET


@given(rate=RATES, utilisation=SHARES, years=st.floats(0.0, 1.0))
def test_charged_between_the_rates_at_both_ends(rate: float, utilisation: float, years: float) -> None:
    charged, end = charged_rate(rate, utilisation, years)
    multiplier = curve_multiplier(utilisation_error(utilisation))
    low, high = min(rate, end) * multiplier, max(rate, end) * multiplier
    assert low * (1.0 - 1e-12) <= charged <= high * (1.0 + 1e-12)


def test_charged_is_the_mean_of_the_rate_over_the_time() -> None:
    # exact mean of an exponential; two trapezia overstate it by x^2 / 48
    x = 50.0 / 365.0
    exact = 0.16 * math.expm1(x) / x
    assert charged_rate(0.04, 1.0, 1.0 / 365.0)[0] == pytest.approx(exact, rel=x * x / 40.0)
    assert charged_rate(0.04, 1.0, 1.0 / 365.0)[0] > exact


def test_the_first_call_starts_at_the_initial_rate_whatever_the_time() -> None:
    assert charged_rate(0.0, 1.0, 3.0) == (pytest.approx(0.16), 0.04)


def test_exponential_is_the_fixed_points() -> None:
    assert bounded_exp(math.nextafter(EXP_LOWEST, -math.inf)) == 0.0
    assert bounded_exp(EXP_LOWEST) == pytest.approx(1e-18, rel=1e-9, abs=0.0)
    assert bounded_exp(1e6) == bounded_exp(EXP_HIGHEST) == pytest.approx(2.0**255 / 1e36, rel=1e-12)
    assert adapted_rate(0.04, -1.0, 1.0) == MIN_RATE_AT_TARGET
