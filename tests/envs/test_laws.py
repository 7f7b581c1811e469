"""Laws of markets: against closed forms, published prices, brute force, and simulated tapes."""

import math

import numpy as np
import pytest
from scipy import stats

from protogov.envs.laws import GridLaw, SampleLaw, future_law, known_law, known_names
from protogov.envs.laws.characteristic import heston
from protogov.envs.laws.grid_law import POINTS, invert
from protogov.envs.scenarios import HestonProcess, MertonProcess, PathScenario, get_scenario
from protogov.envs.world.state import HOURS_PER_YEAR

TAPES, HOURS = 600, 168


def marks_of(vol: float, count: int) -> np.ndarray:
    return np.full(count, round(vol * vol * 1e9))


def normal_crps(x: np.ndarray, mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Gneiting and Raftery (2007), equation 21."""
    z = (x - mean) / sd
    return np.asarray(sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)))


def test_moments_of_a_grid_are_those_of_its_law() -> None:
    law = known_law(get_scenario("gbm"), marks_of(0.6, 2), np.array([24.0, 500.0]))
    mean, variance = law.moments()
    expected = 0.36 * np.array([24.0, 500.0]) / 8760.0
    np.testing.assert_allclose(mean, -0.5 * expected, rtol=1e-4)
    np.testing.assert_allclose(variance, expected, rtol=1e-4)


def test_the_law_of_brownian_motion_is_normal() -> None:
    hours = np.array([1.0, 24.0, 500.0])
    sd = 0.6 * np.sqrt(hours / HOURS_PER_YEAR)
    law = known_law(get_scenario("gbm"), marks_of(0.6, 3), hours)
    for z in (-4.0, -1.0, 0.0, 0.3, 2.5):
        x = -0.5 * sd * sd + z * sd
        np.testing.assert_allclose(law.cdf(x), stats.norm.cdf(z), atol=2e-5)
        np.testing.assert_allclose(law.crps(x), normal_crps(x, -0.5 * sd * sd, sd), rtol=2e-4)
        np.testing.assert_allclose(law.density(x), stats.norm.pdf(z) / sd, rtol=0.02, atol=0.002 / sd.min())
    np.testing.assert_allclose(law.expected_crps(), sd / math.sqrt(math.pi), rtol=1e-3)
    np.testing.assert_allclose(
        law.quantile([0.01, 0.5]), -0.5 * sd[:, None] ** 2 + sd[:, None] * [-2.3263, 0], atol=2e-4
    )
    np.testing.assert_allclose(law.mean_growth(), 1.0, atol=1e-5)


@pytest.mark.parametrize("hours", [6.0, 168.0])
def test_the_law_of_merton_is_a_mixture_of_normals(hours: float) -> None:
    process = MertonProcess(vol=0.5, jump_hazard=0.02, jump_mean=-0.02, jump_spread=0.03)
    law = known_law(PathScenario("own", "free", process), marks_of(0.5, 9), np.full(9, hours))
    x = np.linspace(-0.15, 0.1, 9) * math.sqrt(hours / 24)
    growth = math.exp(-0.02 + 0.5 * 0.03**2) - 1
    expected = np.zeros(9)
    for jumps in range(60):
        mean = (-0.5 * 0.25 / HOURS_PER_YEAR - growth * 0.02) * hours - 0.02 * jumps
        sd = math.sqrt(0.25 * hours / HOURS_PER_YEAR + jumps * 0.03**2)
        expected += stats.poisson.pmf(jumps, 0.02 * hours) * stats.norm.cdf(x, mean, sd)
    np.testing.assert_allclose(law.cdf(x), expected, atol=2e-4)  # the grid's lines between points


@pytest.mark.parametrize(("years", "price"), [(1.0, 5.785155450), (10.0, 22.318945791)])
def test_heston_prices_what_was_published(years: float, price: float) -> None:
    """Fang and Oosterlee (2008), section 5.2: spot and strike 100, rate 0."""

    def log_characteristic(u: np.ndarray) -> np.ndarray:
        return heston(u, np.array([years]), np.array([0.0175]), 0.0398, 1.5768, 0.5751, -0.5711)

    law = invert(log_characteristic, 1, np.array([0.2 * math.sqrt(years)]))
    grid = np.linspace(law.low[0], law.high[0], POINTS)
    middle = 0.5 * (grid[1:] + grid[:-1])
    put = (np.diff(law.cdf_at[0]) * np.maximum(100.0 - 100.0 * np.exp(middle), 0.0)).sum()
    assert put == pytest.approx(price, abs=0.01)  # parity: the rate is 0
    assert law.mean_growth()[0] == pytest.approx(1.0, abs=2e-3)


def test_scores_of_a_grid_are_the_integrals_that_they_are() -> None:
    law = GridLaw(np.array([-1.0, 0.0]), np.array([1.0, 4.0]), np.array([[0.0, 0.2, 0.9, 1.0], [0.0, 0.5, 0.5, 1.0]]))
    fine = np.linspace(-3.0, 8.0, 400_001)
    for x in ([-0.7, 1.0], [0.5, 3.9], [-2.0, 6.0], [1.5, -1.0], [-1.0, 0.0]):
        for row in range(2):
            cdf = np.interp(fine, np.linspace(law.low[row], law.high[row], 4), law.cdf_at[row])
            area = np.trapezoid((cdf - (x[row] <= fine)) ** 2, fine)
            assert law.crps(x)[row] == pytest.approx(area, abs=2e-4)
    assert law.rows([1]).cdf([2.0])[0] == 0.5 and len(law) == 2
    with pytest.raises(ValueError, match="returns have shape"):
        law.cdf([0.0])


def test_scores_of_a_sample_are_those_of_its_definition() -> None:
    sample = SampleLaw.of([3.0, 1.0, 1.5, -2.0])
    for x in (-3.0, 1.2, 1.5, 4.0):
        spread = np.abs(sample.values[:, None] - sample.values).mean()
        assert sample.crps(x) == pytest.approx(np.abs(sample.values - x).mean() - 0.5 * spread)
    pairs = [abs(a - b) for i, a in enumerate(sample.values) for b in sample.values[:i]]
    assert sample.expected_crps() == pytest.approx(0.5 * np.mean(pairs))
    np.testing.assert_allclose(sample.cdf([-5.0, 1.0, 1.2, 9.0]), [0.0, 0.375, 0.5, 1.0])
    with pytest.raises(ValueError, match="two or more finite"):
        SampleLaw.of([1.0, np.nan])


@pytest.mark.parametrize("name", ["gbm", "merton", "heston"])
def test_tapes_follow_the_law_and_not_a_wrong_one(name: str) -> None:
    scenario = get_scenario(name)
    assert isinstance(scenario, PathScenario) and scenario.split == "train" and name in known_names()
    tapes, marks = scenario.draw(np.arange(TAPES), HOURS), scenario.marks(np.arange(TAPES), HOURS)
    logs = np.log(tapes["close"].astype(np.float64))
    for start, hours in ((0, 24), (24, 144)):
        x, span = logs[:, start + hours] - logs[:, start], np.full(TAPES, float(hours))
        law = known_law(scenario, marks[:, start], span)
        assert stats.kstest(law.cdf(x), "uniform").pvalue > 0.005
        assert law.crps(x).mean() == pytest.approx(law.expected_crps().mean(), rel=0.12)
    # the same law of more hours: half as wide again
    assert stats.kstest(known_law(scenario, marks[:, 24], 2.25 * span).cdf(x), "uniform").pvalue < 0.01


def test_futures_of_a_state_follow_the_law_of_that_state() -> None:
    heston_market = get_scenario("heston")
    assert isinstance(heston_market, PathScenario)
    futures = future_law(heston_market, 5, 100, [24], 800)[24]
    law = known_law(heston_market, heston_market.marks([5], 100)[:, 100], [24.0])
    pit = np.array([law.cdf([x])[0] for x in futures.values])
    assert stats.kstest(pit, "uniform").pvalue > 0.005
    assert futures.expected_crps() == pytest.approx(law.expected_crps()[0], rel=0.1)


def test_what_has_no_law_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'jump' is not known in closed form; known are gbm, heston, merton"):
        known_law(get_scenario("jump"), [1], [24.0])
    with pytest.raises(ValueError, match="hours positive"):
        known_law(get_scenario("gbm"), [1, 2], [24.0, 0.0])
    with pytest.raises(ValueError, match="hours from 1"):
        future_law(PathScenario("own", "free", HestonProcess()), 1, 5, [0])
