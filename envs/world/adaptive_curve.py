"""The adaptive interest-rate curve: a rule that needs no governance. Governors are compared with it.

Source: Morpho's AdaptiveCurveIrm. The curve has a fixed shape: at full utilisation its rate is four times the rate at
the target utilisation, and at zero utilisation it is a quarter of it. The rule scales the whole curve. The curve moves
up while utilisation is above the target and down while it is below, by at most 50 e-folds a year. One number
moves; the contract calls it the rate at target.
"""

from math import exp

from protogov.envs.world.compiled import compiled

TARGET_UTILISATION = 0.9
CURVE_STEEPNESS = 4.0  # rate at full utilisation over the rate at target; its inverse at zero utilisation
ADJUSTMENT_SPEED = 50.0  # e-folds a year of the rate at target, at full utilisation
INITIAL_RATE_AT_TARGET = 0.04  # annual
MIN_RATE_AT_TARGET, MAX_RATE_AT_TARGET = 0.001, 2.0  # annual
# logs of the smallest and the largest number of the contract's arithmetic: 1e-18 and 2^255 * 1e-36
EXP_LOWEST, EXP_HIGHEST = -41.446531673892822, 93.859467695000404


@compiled
def utilisation_error(utilisation):
    """Distance from the target, divided by the room on that side: -1 at zero utilisation, 0 at target, 1 at full."""
    room = 1.0 - TARGET_UTILISATION if utilisation > TARGET_UTILISATION else TARGET_UTILISATION
    return (utilisation - TARGET_UTILISATION) / room


@compiled
def curve_multiplier(error):
    """Borrow rate divided by the rate at target: 1/4 at error -1, 1 at 0, 4 at 1, linear between these points."""
    if error < 0.0:
        return (1.0 - 1.0 / CURVE_STEEPNESS) * error + 1.0
    return (CURVE_STEEPNESS - 1.0) * error + 1.0


@compiled
def bounded_exp(x):
    """Exponential within the range of the contract's fixed-point numbers: 0 below the log of 1e-18, clipped above."""
    return 0.0 if x < EXP_LOWEST else exp(min(x, EXP_HIGHEST))


@compiled
def adapted_rate(rate_at_target, error, years):
    """Rate at target [annual] after `years` with a constant error, limited to its bounds."""
    rate = rate_at_target * bounded_exp(ADJUSTMENT_SPEED * error * years)
    return min(max(rate, MIN_RATE_AT_TARGET), MAX_RATE_AT_TARGET)


@compiled
def charged_rate(rate_at_target, utilisation, years):
    """(borrow rate charged over the last `years`, rate at target at their end) [annual].

    The rate charged is the value of the curve at the mean rate at target over that time. The mean is computed by the
    trapezoidal rule in two steps. A rate at target of 0 marks the first call of a market: it gets the initial rate.
    """
    error = utilisation_error(utilisation)
    if rate_at_target == 0.0:
        return INITIAL_RATE_AT_TARGET * curve_multiplier(error), INITIAL_RATE_AT_TARGET
    end = adapted_rate(rate_at_target, error, years)
    middle = adapted_rate(rate_at_target, error, years / 2.0)
    mean = (rate_at_target + end + 2.0 * middle) / 4.0
    return mean * curve_multiplier(error), end


@compiled
def kinked_form(rate_at_target):
    """(base rate, slope1, slope2, optimal utilisation): this curve at one moment, written as a two-slope curve."""
    base = rate_at_target / CURVE_STEEPNESS
    return base, rate_at_target - base, (CURVE_STEEPNESS - 1.0) * rate_at_target, TARGET_UTILISATION
