"""Pricers that are not learned: implied vol as it stands, the pool's own surface, EWMA, GARCH.

Their laws are normal but for that of the surface, which is what its smile implies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protogov.agents.pricing.pricer import years_of
from protogov.agents.pricing.quantile_law import LEVELS, Floats, QuantileLaw, normal_law
from protogov.agents.pricing.reader import Reading
from protogov.envs.world.state import HOURS_PER_YEAR

_GRID = np.linspace(-8.0, 8.0, 321)  # in standard deviations


def _normal(variance: Floats) -> QuantileLaw:
    """The normal law of a martingale with these variances of the log return, F64[m]."""
    return normal_law(-0.5 * variance, np.sqrt(variance))


@dataclass(frozen=True)
class ImpliedPricer:
    """The public index of implied vol as it stands, for every expiry."""

    name: str = "implied"

    def laws(self, reading: Reading) -> QuantileLaw:
        """Normal, with the index as vol."""
        vol = np.repeat(reading.implied_vol, reading.hours.shape[1])
        return _normal(vol * vol * years_of(reading))


@dataclass(frozen=True)
class SurfacePricer:
    """Lyra's rule: the vols to which trades have pushed the pool's surface, expiry by expiry and strike by strike.

    Lyra Avalon moves the base vol of an expiry by one vol point a standard size that is bought, and the skew of the
    strike with it. Between strikes the vol is linear in log moneyness and beyond them it is flat; the law is the one
    whose calls have these prices (Breeden and Litzenberger 1978).
    """

    name: str = "lyra"

    def laws(self, reading: Reading) -> QuantileLaw:
        """What the smile of each expiry implies."""
        from scipy.special import ndtr  # slow to import

        years = years_of(reading)
        k = reading.strike.shape[2]
        vols, strikes = reading.node_vol.reshape(-1, k), reading.strike.reshape(-1, k)
        spot = np.repeat(reading.spot, reading.hours.shape[1])
        drift = np.repeat(reading.rate, reading.hours.shape[1]) * years
        quantiles = np.empty((len(years), len(LEVELS)))
        for row in range(len(years)):
            listed = strikes[row] > 0.0
            places = np.log(strikes[row][listed] / spot[row]) - drift[row] if listed.any() else np.zeros(1)
            own = vols[row][listed] if listed.any() else np.full(1, 0.7)
            root = np.sqrt(years[row])
            x = _GRID * float(own.mean()) * root
            vol = np.interp(x, places, own)
            deviation = vol * root
            upper = -x / deviation + 0.5 * deviation
            density = np.exp(-0.5 * upper * upper) / np.sqrt(2.0 * np.pi)
            # one less the slope of the call in its strike, the smile's own slope included
            cdf = 1.0 - ndtr(upper - deviation) + density * root * np.gradient(vol, x) * np.exp(-x)
            cdf = np.maximum.accumulate(np.clip(cdf, 0.0, 1.0)) + 1e-12 * np.arange(len(x))
            quantiles[row] = np.interp(LEVELS, cdf, x) + drift[row]
        return QuantileLaw(quantiles + 1e-9 * np.arange(len(LEVELS)))


@dataclass(frozen=True)
class EwmaPricer:
    """Exponentially weighted hourly returns (RiskMetrics 1996): their variance stays as it is.

    Attributes:
        half_life: of a weight, hours.
    """

    half_life: float = 72.0
    name: str = "ewma"

    def laws(self, reading: Reading) -> QuantileLaw:
        """Normal, with the weighted vol; before an hour was seen with the typical one."""
        count = reading.returns.shape[1]
        weights = np.exp2(-np.arange(count) / self.half_life) * (np.arange(count) < reading.hour[:, None])
        seen = weights.sum(axis=1)
        mean = (weights * reading.returns**2).sum(axis=1) / np.maximum(seen, 1e-9)
        hourly = np.where(seen > 0.0, mean, reading.reference_vol() ** 2 / HOURS_PER_YEAR)
        return _normal(np.repeat(hourly * HOURS_PER_YEAR, reading.hours.shape[1]) * years_of(reading))


@dataclass(frozen=True)
class GarchPricer:
    """GARCH(1, 1) of hourly returns (Bollerslev 1986): next = omega + alpha * return^2 + beta * last.

    Attributes:
        omega: variance of an hour.
        alpha, beta: with alpha + beta below 1.

    Raises:
        ValueError: out of range.
    """

    omega: float
    alpha: float
    beta: float
    name: str = "garch"

    def __post_init__(self) -> None:
        if not (self.omega > 0.0 and self.alpha >= 0.0 and self.beta >= 0.0 and self.alpha + self.beta < 1.0):
            raise ValueError(
                f"omega, alpha, beta are {self.omega:g}, {self.alpha:g}, {self.beta:g}; omega above 0 and the others "
                "from 0 with a sum below 1 are accepted."
            )

    def laws(self, reading: Reading) -> QuantileLaw:
        """Normal, with the sum of the expected variances of all hours to the expiry."""
        lasting = self.alpha + self.beta
        level = self.omega / (1.0 - lasting)
        variance = np.full(len(reading.hour), level)
        for age in range(reading.returns.shape[1] - 1, -1, -1):
            seen = age < reading.hour
            following = self.omega + self.alpha * reading.returns[:, age] ** 2 + self.beta * variance
            variance = np.where(seen, following, variance)
        hours = years_of(reading) * HOURS_PER_YEAR
        now = np.repeat(variance, reading.hours.shape[1])
        return _normal(hours * level + (now - level) * (1.0 - lasting**hours) / (1.0 - lasting))


def fit_garch(returns: Sequence[Floats]) -> GarchPricer:
    """GARCH(1, 1) fitted by maximum likelihood with `arch` (the extra `pricing`) to hourly log returns of tapes.

    Raises:
        ImportError: `arch` is not installed; the message says how it is.
    """
    try:
        from arch import arch_model
    except ImportError:
        raise ImportError("GARCH needs arch: pip install -c constraints.txt -e '.[pricing]'") from None
    percent = 100.0 * np.concatenate([np.asarray(one, np.float64) for one in returns])  # arch wants numbers around 1
    fitted = arch_model(percent, mean="Zero", vol="GARCH", p=1, q=1, dist="normal", rescale=False).fit(disp="off")
    alpha, beta = float(fitted.params["alpha[1]"]), float(fitted.params["beta[1]"])
    if alpha + beta >= 0.9999:  # at the edge of what it can be: keep a level
        alpha, beta = alpha * 0.9999 / (alpha + beta), beta * 0.9999 / (alpha + beta)
    return GarchPricer(max(float(fitted.params["omega"]), 1e-8) * 1e-4, alpha, beta)
