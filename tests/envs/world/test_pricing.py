"""Black-Scholes against scipy, against its own finite differences, by parity, and in the tails."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import special

from protogov.envs.world.pricing import call_and_put, d1_d2, normal_cdf, normal_pdf, normalised_skew, quote, upper_tail

SPOTS = st.floats(50.0, 20_000.0)
MONEYNESS = st.floats(-0.8, 0.8)  # log of strike over spot
YEARS = st.floats(1.0 / 8760.0, 1.0)
VOLS = st.floats(0.05, 5.0)
RATES = st.floats(-0.1, 0.3)


def reference(spot: float, strike: float, years: float, vol: float, rate: float) -> tuple[float, ...]:
    """(call, put, call delta, gamma, vega) with scipy's normal distribution, each leg directly."""
    deviation = vol * math.sqrt(years)
    d1 = (math.log(spot / strike) + (rate + vol * vol / 2) * years) / deviation
    d2 = d1 - deviation
    discounted = strike * math.exp(-rate * years)
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    return (
        spot * special.ndtr(d1) - discounted * special.ndtr(d2),
        discounted * special.ndtr(-d2) - spot * special.ndtr(-d1),
        special.ndtr(d1),
        density / (spot * deviation),
        spot * density * math.sqrt(years),
    )


@given(spot=SPOTS, moneyness=MONEYNESS, years=YEARS, vol=VOLS, rate=RATES)
@example(spot=1000.0, moneyness=0.0, years=1.0, vol=0.2, rate=0.0)
@example(spot=1000.0, moneyness=-0.7, years=1.0, vol=5.0, rate=0.05)
def test_quote_is_black_scholes(spot: float, moneyness: float, years: float, vol: float, rate: float) -> None:
    strike = spot * math.exp(moneyness)
    ours = quote(spot, strike, years, vol, rate)
    theirs = reference(spot, strike, years, vol, rate)
    # the legs of the reference cancel, so it is good to 1e-13 of the spot and no more
    for got, expected in zip(ours[:2], theirs[:2], strict=True):
        assert got == pytest.approx(expected, rel=1e-11, abs=1e-12 * spot)
    assert ours[2] == pytest.approx(theirs[2], rel=1e-11, abs=1e-14)
    assert ours[3] == pytest.approx(theirs[3], rel=1e-11, abs=1e-300)
    assert ours[4] == pytest.approx(theirs[4], rel=1e-11, abs=1e-300)
    assert call_and_put(spot, strike, years, vol, rate) == ours[:2]


@given(spot=SPOTS, moneyness=MONEYNESS, years=YEARS, vol=VOLS, rate=RATES)
def test_parity_and_bounds(spot: float, moneyness: float, years: float, vol: float, rate: float) -> None:
    strike = spot * math.exp(moneyness)
    call, put, delta, gamma, vega = quote(spot, strike, years, vol, rate)
    discounted = strike * math.exp(-rate * years)
    assert call - put == pytest.approx(spot - discounted, rel=1e-12, abs=1e-12 * spot)
    assert max(spot - discounted, 0.0) - 1e-12 * spot <= call <= spot
    assert max(discounted - spot, 0.0) - 1e-12 * spot <= put <= discounted
    assert 0.0 <= delta <= 1.0 and gamma >= 0.0 and vega >= 0.0


@given(
    spot=SPOTS, moneyness=st.floats(-0.4, 0.4), years=st.floats(0.01, 1.0), vol=st.floats(0.2, 2.0),
    rate=st.floats(-0.05, 0.1),
)  # fmt: skip
def test_greeks_are_derivatives(spot: float, moneyness: float, years: float, vol: float, rate: float) -> None:
    # near the money the price is smooth at the scale of the bumps
    assume(abs(moneyness) < 3.0 * vol * math.sqrt(years))
    strike = spot * math.exp(moneyness)

    def at(ds: float = 0.0, dv: float = 0.0) -> tuple[float, ...]:
        return quote(spot + ds, strike, years, vol + dv, rate)

    _, _, delta, gamma, vega = at()
    step = 1e-4 * spot * vol * math.sqrt(years)
    up, down = at(ds=step), at(ds=-step)
    assert (up[0] - down[0]) / (2 * step) == pytest.approx(delta, rel=1e-6, abs=1e-7)
    assert (up[1] - down[1]) / (2 * step) == pytest.approx(delta - 1.0, rel=1e-6, abs=1e-7)
    assert (up[2] - down[2]) / (2 * step) == pytest.approx(gamma, rel=1e-5, abs=1e-6 / spot)
    more, less = at(dv=1e-4 * vol), at(dv=-1e-4 * vol)
    assert (more[0] - less[0]) / (2e-4 * vol) == pytest.approx(vega, rel=1e-5, abs=1e-7 * spot)


def test_prices_far_out_of_the_money_keep_their_digits() -> None:
    # ten standard deviations away: spot * N(-10.05) - strike * N(-9.95), where a difference from one would be noise
    spot, years, vol = 1000.0, 0.01, 0.5
    deviation = vol * math.sqrt(years)
    strike = spot * math.exp(10 * deviation)
    d1, d2 = d1_d2(spot, strike, years, vol, 0.0)
    call = quote(spot, strike, years, vol, 0.0)[0]
    assert (d1, d2) == pytest.approx((-9.975, -10.025))
    assert 0.0 < call == pytest.approx(spot * special.ndtr(d1) - strike * special.ndtr(d2), rel=1e-6)
    # and a put as far below, through the other branch
    low = spot * math.exp(-10 * deviation)
    d1, d2 = d1_d2(spot, low, years, vol, 0.0)
    put = quote(spot, low, years, vol, 0.0)[1]
    assert 0.0 < put == pytest.approx(low * special.ndtr(-d2) - spot * special.ndtr(-d1), rel=1e-6)


@pytest.mark.parametrize(
    ("spot", "strike", "expected"),
    [(110.0, 100.0, (10.0, 0.0, 1.0, 0.0, 0.0)), (90.0, 100.0, (0.0, 10.0, 0.0, 0.0, 0.0))],
)
@pytest.mark.parametrize("years", [0.0, -0.1])
def test_after_expiry_the_intrinsic_value(spot: float, strike: float, years: float, expected: Any) -> None:
    assert quote(spot, strike, years, 0.5, 0.03) == expected


def test_just_before_expiry_the_intrinsic_value() -> None:
    for strike in (900.0, 1100.0):
        call, put, delta, _, vega = quote(1000.0, strike, 1e-9, 0.5, 0.0)
        assert (call, put) == pytest.approx((max(1000.0 - strike, 0.0), max(strike - 1000.0, 0.0)), abs=1e-9)
        assert delta == (1.0 if strike < 1000.0 else 0.0) and vega == pytest.approx(0.0, abs=1e-9)


def test_normal_distribution() -> None:
    x = np.linspace(-37.0, 37.0, 7401)
    ours = np.array([normal_cdf(v) for v in x])
    assert np.allclose(ours, special.ndtr(x), rtol=0, atol=1e-15)
    # and relative to itself in the lower tail, which prices far out of the money consist of
    assert np.allclose(ours, special.ndtr(x), rtol=1e-8, atol=0)
    assert np.allclose(ours[x > -3.0], special.ndtr(x[x > -3.0]), rtol=2e-14, atol=0)
    assert upper_tail(0.0, normal_pdf(0.0)) == pytest.approx(0.5, abs=1e-16)


def test_normalised_skew() -> None:
    assert normalised_skew(-0.25, 1000.0, 1000.0) == 1.0
    assert normalised_skew(-0.25, 1000.0, 1000.0 * math.exp(-0.4)) == pytest.approx(1.1)  # 1 + 0.25 * 0.4
    assert normalised_skew(-0.25, 1000.0, 1000.0 * math.exp(0.4)) == pytest.approx(0.9)
    assert normalised_skew(-5.0, 1000.0, 2000.0) == 0.6
    assert normalised_skew(-5.0, 1000.0, 500.0) == 1.8
