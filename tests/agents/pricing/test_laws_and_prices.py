"""Predictive laws against numeric integrals, and prices without arbitrage whatever the law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from protogov.agents.pricing.prices import Premium, anchor_vols, black_call, implied_vol, price, to_forward
from protogov.agents.pricing.quantile_law import LEVELS, MEDIAN, QuantileLaw, normal_law
from protogov.agents.pricing.reader import Reading

K = len(LEVELS)
steps = st.lists(st.floats(1e-5, 0.2), min_size=K - 1, max_size=K - 1)


def law_of(increments: list[float], middle: float = 0.0) -> QuantileLaw:
    q = np.concatenate([[0.0], np.cumsum(increments)])
    return QuantileLaw((q - q[MEDIAN] + middle)[None, :])


def reading_of(hours: list[float], strikes: np.ndarray, spot: float = 100.0, rate: float = 0.03) -> Reading:
    """A market of one world with these expiries and the same strikes at each."""
    e, k = len(hours), len(strikes)
    zero, nodes = np.zeros((1, 1)), np.zeros((1, e, k, 8))
    return Reading(
        world=zero, expiry=np.zeros((1, e, 1)), nodes=nodes, listed=np.ones((1, e), bool), hours=np.array([hours]),
        strike=np.broadcast_to(strikes, (1, e, k)).copy(), node_vol=np.full((1, e, k), 0.7),
        flow=np.zeros((1, 4, e, k)), spot=np.array([spot]), pool_average=np.array([spot]), rate=np.array([rate]),
        realised=np.full((1, 3), 0.6), returns=np.zeros((1, 168)), implied_vol=np.array([0.7]), hour=np.array([10]),
        slot=np.arange(e)[None, :],
    )  # fmt: skip


@pytest.mark.parametrize("x", [-0.9, -0.21, -0.1, 0.0, 0.03, 0.4, 1.1])
def test_everything_about_a_law_is_the_integral_that_it_is(x: float) -> None:
    rng = np.random.default_rng(0)
    law = law_of(list(rng.uniform(0.005, 0.03, K - 1)), 0.01)
    grid = np.linspace(-3.0, 3.0, 120_001)
    many = QuantileLaw(np.repeat(law.quantiles, len(grid), axis=0))
    cdf, density = many.cdf(grid), np.exp(many.log_density(grid))
    at = np.array([x])
    np.testing.assert_allclose(law.cdf(at), np.interp(x, grid, cdf), atol=1e-4)
    np.testing.assert_allclose(np.trapezoid(density, grid), 1.0, atol=1e-3)
    np.testing.assert_allclose(law.crps(at), np.trapezoid((cdf - (x <= grid)) ** 2, grid), atol=1e-4)
    mean, variance = law.moments()
    np.testing.assert_allclose(mean, np.trapezoid(density * grid, grid), atol=1e-4)
    np.testing.assert_allclose(variance, np.trapezoid(density * (grid - mean) ** 2, grid), rtol=1e-3)
    np.testing.assert_allclose(law.mean_growth(), np.trapezoid(density * np.exp(grid), grid), rtol=1e-3)
    payoff = np.maximum(np.exp(grid) - np.exp(x), 0.0)
    np.testing.assert_allclose(law.call(at), np.trapezoid(density * payoff, grid), atol=5e-4)
    levels = [0.0001, 0.01, 0.3, 0.999, 0.9999]
    np.testing.assert_allclose(law.cdf(law.quantile(levels)[0][:1]), levels[:1], rtol=1e-9)
    many = QuantileLaw(np.repeat(law.quantiles, 5, axis=0))
    np.testing.assert_allclose(many.cdf(law.quantile(levels)[0]), levels, rtol=1e-9)


def test_quantile_scores_add_up_to_crps() -> None:
    law = normal_law(np.array([0.1]), np.array([0.2]))
    levels = (np.arange(4000) + 0.5) / 4000
    for x in (-0.5, 0.1, 0.6):
        assert 2.0 * law.pinball(np.array([x]), levels).mean() == pytest.approx(law.crps(np.array([x]))[0], rel=2e-3)


def test_what_is_no_law_is_refused() -> None:
    with pytest.raises(ValueError, match="finite rising rows of"):
        QuantileLaw(np.zeros((1, K)))
    with pytest.raises(ValueError, match="one for each row"):
        normal_law(np.zeros(2), np.ones(2)).cdf(np.zeros(1))
    with pytest.raises(ValueError, match="width of a premium is 4"):
        Premium(4.0)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(steps, min_size=3, max_size=3), st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3), st.floats(0.6, 2)
)
def test_no_law_prices_an_arbitrage(increments: list[list[float]], middles: list[float], width: float) -> None:
    """Forward, bounds, slope and convexity in the strike, parity, and rising in time at the same moneyness."""
    laws = QuantileLaw(np.concatenate([law_of(a, b).quantiles for a, b in zip(increments, middles, strict=True)]))
    martingale, _ = to_forward(laws, Premium(width))
    np.testing.assert_allclose(martingale.mean_growth(), 1.0, rtol=1e-12)
    strikes = np.linspace(20.0, 320.0, 61)
    hours = [24.0, 300.0, 700.0]
    found = price(laws, reading_of(hours, strikes), premium=Premium(width))
    discount = np.exp(-0.03 * np.array(hours) / 8760.0)[:, None]
    call, put = found.call[0], found.put[0]
    slope = np.diff(call, axis=1) / np.diff(strikes)
    assert (slope <= 1e-9).all() and (slope >= -discount - 1e-9).all()
    assert (np.diff(slope, axis=1) >= -1e-9).all()
    assert (call >= np.maximum(100.0 - strikes * discount, 0.0) - 1e-9).all() and (call <= 100.0).all()
    np.testing.assert_allclose(call - put, 100.0 - strikes * discount, atol=1e-9)
    np.testing.assert_allclose(found.forward[0], 100.0 / discount[:, 0], rtol=1e-12)
    # across expiries: strikes at the same share of each forward
    forwards = found.forward[0]
    for share in (0.7, 0.95, 1.0, 1.2):
        same = np.array([price(laws, reading_of(hours, np.array([share * f])), premium=Premium(width)).call[0, e, 0]
                         for e, f in enumerate(forwards)])  # fmt: skip
        assert (np.diff(same) >= -1e-9).all()
    assert (found.lifted >= 0.0).all()


def test_a_later_law_that_is_narrower_is_lifted_and_only_there() -> None:
    laws = normal_law(np.zeros(2), np.array([0.2, 0.1]))
    found = price(laws, reading_of([100.0, 200.0], np.array([90.0, 100.0, 110.0]), rate=0.0))
    np.testing.assert_allclose(found.call[0, 1], found.call[0, 0])
    assert (found.lifted[0, 1] > 0.0).all() and (found.lifted[0, 0] == 0.0).all()
    wider = price(normal_law(np.zeros(2), np.array([0.1, 0.2])), reading_of([100.0, 200.0], np.array([90.0, 110.0])))
    assert (wider.lifted == 0.0).all()


def test_a_normal_law_prices_as_black_scholes() -> None:
    hours, vol = 400.0, 0.8
    deviation = vol * np.sqrt(hours / 8760.0)
    laws = normal_law(np.array([0.3]), np.array([deviation]))  # its own drift is shifted away
    strikes = np.array([85.0, 100.0, 120.0])
    reading = reading_of([hours], strikes)
    found = price(laws, reading)
    years = hours / 8760.0
    d1 = (np.log(100.0 / strikes) + (0.03 + 0.5 * vol * vol) * years) / deviation
    call = 100.0 * norm.cdf(d1) - strikes * np.exp(-0.03 * years) * norm.cdf(d1 - deviation)  # Black and Scholes (1973)
    np.testing.assert_allclose(found.call[0, 0], call, atol=0.05)
    np.testing.assert_allclose(found.put[0, 0], call - 100.0 + strikes * np.exp(-0.03 * years), atol=0.05)
    np.testing.assert_allclose(anchor_vols(laws, reading), vol, rtol=0.02)
    assert (anchor_vols(laws, reading, Premium(1.2)) > 1.15 * vol).all()
    assert found.drift[0, 0] == pytest.approx(0.03 * hours / 8760.0 - 0.3 - 0.5 * deviation**2, abs=1e-3)


def test_vols_come_back_from_their_prices() -> None:
    moneyness, years = np.linspace(-0.4, 0.4, 9), np.full(9, 0.1)
    for vol in (0.2, 0.7, 2.5):
        call = black_call(moneyness, vol * np.sqrt(years))
        inside = call > np.maximum(1.0 - np.exp(moneyness), 0.0) + 1e-6
        np.testing.assert_allclose(implied_vol(call, moneyness, years)[inside], vol, rtol=1e-4)
