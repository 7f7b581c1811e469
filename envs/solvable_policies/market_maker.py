"""`quoting`: an option pool whose delta is its inventory, and whose quotes shift against this inventory.

Calls and puts are bought equally often. At the lower strike a call has a delta of .9 and a put a delta of -.1, so sales
there take delta from the pool on average. Sales at the upper strike add delta. The skew shift is full at both strikes:
it raises the vol of one and lowers the vol of the other. Together with the half-spread it sets a quote at each strike.
The price is constant, and nothing moves the pool's vols.
"""

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import RoleView
from protogov.envs.scenarios import Flat
from protogov.envs.solvable import buyers_alone
from protogov.envs.solvable_policies.base import Feedback, Known, SolvablePolicy, still
from protogov.envs.solvable_policies.optima import Floats, Quoting, jump_by
from protogov.envs.world.pricing import normal_cdf, normal_pdf
from protogov.envs.world.state import HOURS_PER_YEAR

_ELASTICITY = 40.0  # k, per 1.00 of vol
_ARRIVALS = 4.0  # per hour at each strike
_CHARGE = 0.06  # per hour, for the squared delta of one mean trade
_HOURS = 32
_TRADE = 33e3  # USD, mean of a trade
_POOL = 25 * _TRADE  # USD
_VOL = 1.0
_GAP = 0.675  # log price between the strikes
_WEEK = 168.0
_LISTED = 4  # expiries; all except the farthest are within the cutoff, so the tenor is always three to four weeks
_AVERSION = 1e-6  # per USD


def delta_at_strike() -> tuple[float, float]:
    """(delta of a call at the lower strike, vega of a coin / its price), in the middle of the tradable tenors."""
    years = (_LISTED - 0.5) * _WEEK / HOURS_PER_YEAR
    # with the interest rate -vol^2 / 2, d1 is only the log moneyness divided by the deviation
    d1 = _GAP / 2.0 / (_VOL * sqrt(years))
    return float(normal_cdf(d1)), float(normal_pdf(d1)) * sqrt(years)


def quoting_theory() -> Quoting:
    """The market maker of `quoting`: margins in units of 1 / k, inventory in units of a mean trade."""
    delta, _ = delta_at_strike()
    sizes, weights = np.polynomial.laguerre.laggauss(16)  # of exponential sizes
    ways = np.concatenate([-delta * sizes, (1.0 - delta) * sizes])  # a call or a put is sold, equally often
    weights = np.concatenate([weights, weights]) / 2.0
    grid = np.linspace(-20.0, 20.0, 161)
    low, high = (jump_by(grid, way, weights) for way in (ways, -ways))
    return Quoting(_ARRIVALS, _CHARGE, _HOURS, grid, (low, high), np.linspace(0.0, 4.0, 41))


def quoting() -> SolvablePolicy:
    """Two quotes that shift against the pool's delta."""
    _, vega = delta_at_strike()
    supply = 90e6
    worth = (supply + _POOL) / 1e4  # USD per bp of K0, with `treasury_share` = 0
    edge = worth / (_TRADE * vega / _ELASTICITY)
    charge = worth * _CHARGE / (_AVERSION * (_TRADE * _VOL) ** 2 / HOURS_PER_YEAR)
    config = WorldConfig(
        roles={"spread": ("half_spread", "skew_shift")},
        decision_hours=1,
        episode_hours=_HOURS,
        autonomy=inf,
        mandates={"spread": {"edge": edge, "variance_charge": -charge}},
        defaults={"vega_fee": 0.0, "hedge_ratio": 0.0, "half_spread": 1.0 / _ELASTICITY},
    ).with_parameters(
        **buyers_alone(
            spread_elasticity=_ELASTICITY, lp_size=_POOL, supply_size=supply, treasury_share=0.0, trade_size=_TRADE,
            arrivals=2.0 * _ARRIVALS * _LISTED, num_expiries=_LISTED, num_strikes=2, strike_gap=_GAP,
            trading_cutoff=(_LISTED - 1) * _WEEK, interest_rate=-_VOL * _VOL / 2.0, skew_shift_width=0.01,
            min_delta=0.0, variance_aversion=_AVERSION, hourly_vol_of_vol=0.0, num_accounts=1,
        )
    )  # fmt: skip
    theory = quoting_theory()

    def known(policy: NDArray[np.int64]) -> Known:
        def rule(view: RoleView) -> dict[str, Floats]:
            inventory = np.asarray(view.raw("net_delta")) * (_POOL / _TRADE)
            low, high = (np.interp(inventory, theory.grid, theory.margins[row]) for row in policy)
            return {"half_spread": (low + high) / 2.0 / _ELASTICITY, "skew_shift": (low - high) / 2.0 / _ELASTICITY}

        return Known(Feedback(config, "spread", rule), theory.value(policy))

    constant = theory.best_constant()
    return SolvablePolicy(
        "quoting",
        config,
        Flat("flat-vol", informed_share=0.0, implied_vol=_VOL),
        "spread_0",
        ("net_delta",),
        optimum=known(theory.policy),
        constant=Known(still(config, "spread", half_spread=constant / _ELASTICITY), theory.constant_value(constant)),
        default=Known(still(config, "spread"), theory.constant_value(1.0)),
        others={"myopic": known(theory.myopic())},
    )
