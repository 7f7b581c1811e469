"""From predictive laws to prices without arbitrage: forwards, strikes, parity, expiries; and to the vols of a surface.

A law says what returns are like. Before it prices it is stretched by a premium that is stated and shifted so that its
mean growth is that of the money market: E exp(return) = exp(rate * years), to rounding. Calls are means under that law:
convex and falling in the strike. Puts follow by parity. Across expiries the price of a call over its forward may not
fall with time: an expiry takes the larger of its own and of every earlier one at the same moneyness. The larger of two
convex falling functions is one again, so that nothing else is lost; what it changes is told (`Prices.lifted`).
"""

from dataclasses import dataclass

import numpy as np

from protogov.agents.pricing.quantile_law import Floats, QuantileLaw
from protogov.agents.pricing.reader import Reading
from protogov.envs.world.state import HOURS_PER_YEAR
from protogov.envs.world.surface import MAX_VOL, MIN_VOL


@dataclass(frozen=True)
class Premium:
    """What a pricer asks beyond what it expects.

    Attributes:
        width: factor on all distances from the median, 0.5 to 3: above 1, options cost more than they pay on average.

    Raises:
        ValueError: out of range.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        if not 0.5 <= self.width <= 3.0:
            raise ValueError(f"width of a premium is {self.width!r}; 0.5 to 3 is accepted.")


NO_PREMIUM = Premium()


@dataclass(frozen=True)
class Prices:
    """Prices of all nodes, in USD an option on one coin; 0 where nothing is listed.

    Attributes:
        call, put: F64[n, e, k].
        forward: F64[n, e], USD.
        vol: F64[n, e, k], annual, of Black-Scholes: within the bounds of the surface.
        drift: F64[n, e], what the shift to the forward added to every log return: the law's own mean is not used.
        lifted: F64[n, e, k], what an earlier expiry added to a call, as a share of the forward.
    """

    call: Floats
    put: Floats
    forward: Floats
    vol: Floats
    drift: Floats
    lifted: Floats


def to_forward(law: QuantileLaw, premium: Premium = NO_PREMIUM) -> tuple[QuantileLaw, Floats]:
    """The law of the log return over the forward (mean growth 1), and what was added to every return, F64[n]."""
    wider = law if premium.width == 1.0 else law.stretched(premium.width)
    drift = -np.log(wider.mean_growth())
    return wider.moved(drift), drift


def price(law: QuantileLaw, reading: Reading, *, spot: Floats | None = None, premium: Premium = NO_PREMIUM) -> Prices:
    """Prices of every listed node.

    Args:
        law: a row a world and expiry, world by world: n * e.
        reading: of these worlds.
        spot: F64[n], USD: what the forward starts from; the oracle's price by default.
        premium: stated, see above.
    """
    n, e, k = reading.strike.shape
    if len(law) != n * e:
        raise ValueError(f"law has {len(law)} rows; {n} worlds of {e} expiries need {n * e}.")
    start = reading.spot if spot is None else spot
    years = reading.hours / HOURS_PER_YEAR
    growth = np.exp(reading.rate[:, None] * years)
    forward = start[:, None] * growth
    martingale, drift = to_forward(law, premium)
    strike = np.where(reading.strike > 0.0, reading.strike, forward[:, :, None])
    moneyness = np.log(strike / forward[:, :, None])
    own = _calls(martingale, moneyness)
    over = own.copy()
    for earlier in range(e - 1):
        rows = np.arange(n) * e + earlier
        for later in range(earlier + 1, e):
            usable = (reading.listed[:, earlier] & reading.listed[:, later])[:, None]
            floor = _calls(martingale.rows(rows), moneyness[:, later : later + 1])[:, 0]
            over[:, later] = np.where(usable, np.maximum(over[:, later], floor), over[:, later])
    vol = implied_vol(over, moneyness, np.maximum(years, 1e-9)[:, :, None])
    scale = np.where(reading.listed[:, :, None] & (reading.strike > 0.0), start[:, None, None], 0.0)
    call = over * scale
    # put = call - spot + strike * discount
    put = (over - 1.0 + np.exp(moneyness)) * scale
    shown = scale > 0.0
    return Prices(
        call, put, forward, np.where(shown, vol, 0.0), drift.reshape(n, e) + np.log(growth),
        np.where(shown, over - own, 0.0),
    )  # fmt: skip


def anchor_vols(law: QuantileLaw, reading: Reading, premium: Premium = NO_PREMIUM) -> Floats:
    """Vol of every node, F64[n, e, k], annual, at which Black-Scholes gives the law's price; 0 where none is listed.

    The interface for an option pool that is anchored to a pricer.
    """
    return price(law, reading, premium=premium).vol


def _calls(law: QuantileLaw, moneyness: Floats) -> Floats:
    """Undiscounted calls over the forward, F64[n, e, k] for laws of n * e rows."""
    flat = moneyness.reshape(len(law), -1)
    return np.stack([law.call(flat[:, column]) for column in range(flat.shape[1])], axis=1).reshape(moneyness.shape)


def black_call(moneyness: Floats, deviation: Floats) -> Floats:
    """Undiscounted call over its forward at log(strike / forward) and vol * root of years, both of one shape (1976)."""
    from scipy.special import ndtr  # slow to import

    held = np.maximum(deviation, 1e-12)
    upper = -moneyness / held + 0.5 * held
    return np.asarray(ndtr(upper) - np.exp(moneyness) * ndtr(upper - held))


def implied_vol(call: Floats, moneyness: Floats, years: Floats) -> Floats:
    """Annual vol of an undiscounted call over its forward, by bisection, within the bounds of the pool's surface.

    A price at or below the intrinsic value has the lowest vol, one out of reach the highest.
    """
    root = np.sqrt(years)
    low, high = np.full(call.shape, MIN_VOL), np.full(call.shape, MAX_VOL)
    for _ in range(40):
        middle = 0.5 * (low + high)
        dear = black_call(moneyness, middle * root) > call
        low, high = np.where(dear, low, middle), np.where(dear, middle, high)
    return np.asarray(0.5 * (low + high))
