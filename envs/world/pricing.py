"""Black-Scholes prices and greeks of European options with a continuously compounded rate.

One exponential gives both normal probabilities: density(d2) = density(d1) * spot / discounted strike, and the
distribution function is a rational function times the density.
"""

from math import exp, log, sqrt

from protogov.envs.world.compiled import compiled, copied

_SQRT_TWO_PI = 2.5066282746310002
_INV_SQRT_TWO_PI = 0.3989422804014327


@compiled
def normal_pdf(x):
    """Standard normal density at `x`."""
    return _INV_SQRT_TWO_PI * exp(-0.5 * x * x)


@compiled
def upper_tail(x, density):
    """1 - CDF of the standard normal at `x` >= 0, given the density at `x`; accurate to about 1e-15.

    Source: Hart (1968) algorithm 5666 as given by West, 'Better approximations to cumulative normal functions' (2005).
    """
    if x < 7.07106781186547:
        top = (
            (((((0.0352624965998911 * x + 0.700383064443688) * x + 6.37396220353165) * x + 33.912866078383) * x
              + 112.079291497871) * x + 221.213596169931) * x + 220.206867912376
        )  # fmt: skip
        bottom = (
            ((((((0.0883883476483184 * x + 1.75566716318264) * x + 16.064177579207) * x + 86.7807322029461) * x
               + 296.564248779674) * x + 637.333633378831) * x + 793.826512519948) * x + 440.413735824752
        )  # fmt: skip
        return density * _SQRT_TWO_PI * top / bottom
    return density / (x + 1.0 / (x + 2.0 / (x + 3.0 / (x + 4.0 / (x + 0.65)))))


@compiled
def normal_cdf(x):
    """Standard normal cumulative distribution at `x`, accurate to about 1e-15."""
    tail = upper_tail(abs(x), normal_pdf(x))
    return 1.0 - tail if x > 0.0 else tail


@compiled
def d1_d2(spot, strike, years, vol, rate):
    """The two arguments d1 and d2 of Black-Scholes; `years` and `vol` are positive."""
    deviation = vol * sqrt(years)
    d1 = (log(spot / strike) + (rate + 0.5 * vol * vol) * years) / deviation
    return d1, d1 - deviation


@compiled
def quote(spot, strike, years, vol, rate):
    """Prices and greeks of a call and a put on one coin at one strike.

    Args:
        spot: USD per coin, positive.
        strike: USD per coin, positive.
        years: time to expiry.
        vol: annual decimal, positive.
        rate: annual decimal.

    Returns:
        (call [USD], put [USD], call delta [coin], gamma [coin per USD], vega [USD per 1.00 of vol]). The put's delta is
        the call's minus one. At or after expiry the prices are intrinsic values. Source: Black and Scholes (1973).
    """
    root, discount = expiry_factors(years, rate)
    return quote_node(spot, strike, log(spot / strike), years, root, discount, vol, rate)


@compiled
def expiry_factors(years, rate):
    """(square root of the years, discount factor): the same for all strikes of an expiry."""
    return sqrt(max(years, 0.0)), exp(-rate * years)


@copied
def quote_node(spot, strike, moneyness, years, root, discount, vol, rate):
    """:func:`quote` for many nodes: takes log(spot / strike) and the expiry's factors, which callers already have."""
    if years <= 0.0:
        return max(spot - strike, 0.0), max(strike - spot, 0.0), (1.0 if spot > strike else 0.0), 0.0, 0.0
    deviation = vol * root
    discounted = strike * discount
    d1 = (moneyness + (rate + 0.5 * vol * vol) * years) / deviation
    d2 = d1 - deviation
    density1 = normal_pdf(d1)
    density2 = density1 * spot / discounted
    tail1, tail2 = upper_tail(abs(d1), density1), upper_tail(abs(d2), density2)
    # price the leg that is out of the money directly and the other by parity: both keep their relative accuracy
    if d1 + d2 > 0.0:
        put = discounted * tail2 - spot * tail1 if d2 > 0.0 else discounted * (1.0 - tail2) - spot * tail1
        put = max(put, 0.0)
        call = put + spot - discounted
    else:
        call = spot * tail1 - discounted * tail2 if d1 <= 0.0 else spot * (1.0 - tail1) - discounted * tail2
        call = max(call, 0.0)
        put = call - spot + discounted
    delta = 1.0 - tail1 if d1 > 0.0 else tail1
    return call, put, delta, density1 / (spot * deviation), spot * density1 * root


@compiled
def call_and_put(spot, strike, years, vol, rate):
    """Prices [USD] of a call and a put; see :func:`quote`."""
    call, put, _, _, _ = quote(spot, strike, years, vol, rate)
    return call, put


@compiled
def normalised_skew(slope, spot, strike):
    """Ratio of a node's fair vol to the at-the-money vol: linear in log moneyness, within [0.6, 1.8]."""
    return min(max(1.0 + slope * log(strike / spot), 0.6), 1.8)
