"""From predictive laws to the smiles of an option pool, with greeks: compiled, because it runs once a decision.

The vols are those of `prices.price`: calls are means under the law at its forward, and an expiry takes the larger of
its own call and of every earlier one's at the same moneyness. The greeks follow the law when the spot moves: `slopes`
say what a rise of the log spot does to each quantile of the log return. All derivatives are exact but for gamma, which
is the change of delta over a move of `GAMMA_MOVE` to each side: a law of steps has no useful density at a point.
"""

from functools import cache
from math import exp, log, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import protogov.envs.world
from protogov.agents.pricing.quantile_law import LARGEST_TAIL, LEVELS, Floats, QuantileLaw
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.pricing import normal_cdf, normal_pdf, upper_tail
from protogov.envs.world.surface import MAX_VOL, MIN_VOL

GAMMA_MOVE = 0.01  # log of the spot: the move that the pool's limit of gamma is about
LEAST_GAMMA, MOST_GAMMA = 0.2, 5.0  # of Black-Scholes'
MOST_SLOPE = 5.0  # vol per log of the spot
_LEAST = 1e-9  # of a vega or gamma, per coin: a node without any has the greeks of Black-Scholes
_T = np.array(LEVELS)
_LOWER, _UPPER = log(LEVELS[1] / LEVELS[0]), log((1.0 - LEVELS[-2]) / (1.0 - LEVELS[-1]))


class Smiles(NamedTuple):
    """What a law asks at each node, F64[n, e, k] each; where nothing is listed, the lowest vol and no greeks."""

    vol: Floats  # annual decimal, within the bounds of the surface
    slope: Floats  # of the vol of a fixed strike, per log of the spot
    gamma: Floats  # divided by that of Black-Scholes


def smiles(law: QuantileLaw, moneyness: Floats, years: Floats, rate: Floats, slopes: Floats | None = None) -> Smiles:
    """Smiles of n worlds with e expiries, the nearest first, of k strikes each.

    Args:
        law: n * e rows, world by world, before the shift to the forward.
        moneyness: F64[n, e, k], log(strike / spot).
        years: F64[n, e], to expiry; 0 where nothing is listed.
        rate: F64[n], annual.
        slopes: F64[n * e, levels], quantile per log of the spot; None: vols alone are wanted, and greeks are those of
            Black-Scholes at these vols.
    """
    n, e, k = moneyness.shape
    if len(law) != n * e:
        raise ValueError(f"law has {len(law)} rows; {n} worlds of {e} expiries need {n * e}.")
    out = Smiles(np.full((n, e, k), MIN_VOL), np.zeros((n, e, k)), np.ones((n, e, k)))
    quantiles = np.ascontiguousarray(law.quantiles)
    moved = np.zeros_like(quantiles) if slopes is None else np.ascontiguousarray(slopes)
    arrays = (quantiles, moved, np.ascontiguousarray(moneyness, np.float64), np.ascontiguousarray(years, np.float64))
    _kernel()(*arrays, np.asarray(rate, np.float64), _T, slopes is not None, *out)
    return out


@cache
def _kernel() -> Any:
    return keep_compiled(
        _rows(source_digest(str(Path(__file__).parent), str(Path(protogov.envs.world.__file__).parent)))
    )


# ---------------------------------------------------------------- one law


@compiled
def prepare(q, slope, move, levels, law):
    """Sums over the law with quantiles q + move * slope, so that a call is a look-up; the log of its mean growth.

    Args:
        q: F64[levels], quantiles of one row.
        slope: F64[levels], what a rise of the log spot does to them.
        move: log of the spot.
        levels: `LEVELS`.
        law: F64[5, levels + 1], written: quantiles, their exponentials, the mean of exp(return) above each, what a rise
            of the log spot does to that, and the tails: scales of the lower and upper, their derivatives.
    """
    last = levels.size - 1
    for j in range(levels.size):
        law[0, j] = q[j] + move * slope[j]
        law[1, j] = exp(law[0, j])
    lower, upper = (law[0, 1] - law[0, 0]) / _LOWER, (law[0, last] - law[0, last - 1]) / _UPPER
    lower_slope, upper_slope = (slope[1] - slope[0]) / _LOWER, (slope[last] - slope[last - 1]) / _UPPER
    if lower > LARGEST_TAIL:
        lower, lower_slope = LARGEST_TAIL, 0.0
    if upper > LARGEST_TAIL:
        upper, upper_slope = LARGEST_TAIL, 0.0
    law[4, 0], law[4, 1], law[4, 2], law[4, 3] = lower, upper, lower_slope, upper_slope
    rest = 1.0 - levels[last]
    law[2, last] = rest * law[1, last] / (1.0 - upper)
    law[3, last] = law[2, last] * (slope[last] + upper_slope / (1.0 - upper))
    for j in range(last - 1, -1, -1):
        weight = levels[j + 1] - levels[j]
        law[2, j] = law[2, j + 1] + weight * (law[1, j + 1] - law[1, j]) / (law[0, j + 1] - law[0, j])
        law[3, j] = law[3, j + 1] + weight * moved_step(
            law[0, j], law[1, j], slope[j], law[0, j + 1], law[1, j + 1], slope[j + 1]
        )
    below = levels[0] * law[1, 0] / (1.0 + lower)
    law[2, last + 1] = law[2, 0] + below
    law[3, last + 1] = law[3, 0] + below * (slope[0] - lower_slope / (1.0 + lower))
    return log(law[2, last + 1])


@compiled
def moved_step(a, exp_a, slope_a, b, exp_b, slope_b):
    """Mean over a step of exp(return) times the slope, both linear in the level: from a to b."""
    width = b - a
    mean = (exp_b - exp_a) / width
    return slope_a * mean + (slope_b - slope_a) * (exp_b - mean) / width


@compiled
def call_of(law, slope, levels, growth, x):
    """(call over the forward at log(strike / forward) = x, its derivative, the probability to end above).

    The derivative is by the log of the spot, for a call over its spot: delta is the sum of both.
    """
    last = levels.size - 1
    total, total_slope = law[2, last + 1], law[3, last + 1]
    drift_slope = -total_slope / total
    y = x + growth
    price_y = exp(y)
    if y < law[0, 0]:
        lower, lower_slope = law[4, 0], law[4, 2]
        below = levels[0] * exp((y - law[0, 0]) / lower)
        put = below * price_y * lower / (1.0 + lower)
        rate = -slope[0] / lower - (y - law[0, 0]) / (lower * lower) * lower_slope
        rate += lower_slope / lower - lower_slope / (1.0 + lower)
        value, moved, above = total - price_y + put, total_slope + put * rate, 1.0 - below
    elif y >= law[0, last]:
        upper, upper_slope = law[4, 1], law[4, 3]
        above = (1.0 - levels[last]) * exp(-(y - law[0, last]) / upper)
        value = above * price_y * upper / (1.0 - upper)
        rate = slope[last] / upper + (y - law[0, last]) / (upper * upper) * upper_slope
        moved = value * (rate + upper_slope / upper + upper_slope / (1.0 - upper))
    else:
        low, high = 0, last
        while high - low > 1:
            middle = (low + high) // 2
            if law[0, middle] <= y:
                low = middle
            else:
                high = middle
        share = (y - law[0, low]) / (law[0, high] - law[0, low])
        weight = (levels[high] - levels[low]) * (1.0 - share)
        above = 1.0 - levels[high] + weight
        value, moved = law[2, high] - above * price_y, law[3, high]
        if share < 1.0 - 1e-9:
            value += weight * (law[1, high] - price_y) / (law[0, high] - y)
            here = slope[low] + share * (slope[high] - slope[low])
            moved += weight * moved_step(y, price_y, here, law[0, high], law[1, high], slope[high])
    scale = exp(-growth)
    derivative = scale * (value * drift_slope + moved + price_y * above * (1.0 + drift_slope))
    return scale * max(value, 0.0), derivative, above


@compiled
def vol_of_call(call, x, root, guess):
    """Annual vol at which Black's call over its forward at log(strike / forward) = x costs `call`, within its bounds.

    Newton's steps, with bisection where they leave what is still possible.
    """
    low, high = MIN_VOL, MAX_VOL
    vol, strike = min(max(guess, low), high), exp(x)
    for _ in range(60):
        deviation = vol * root
        d1 = -x / deviation + 0.5 * deviation
        d2 = d1 - deviation
        density = normal_pdf(d1)  # which is the strike times that at d2: one exponential does
        first, second = upper_tail(abs(d1), density), upper_tail(abs(d2), density / strike)
        error = (1.0 - first if d1 > 0.0 else first) - strike * (1.0 - second if d2 > 0.0 else second) - call
        if error > 0.0:
            high = vol
        else:
            low = vol
        vega = density * root
        following = vol - error / vega if vega > _LEAST else -1.0
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - vol) < 1e-6:
            return following
        vol = following
    return vol


# ---------------------------------------------------------------- all rows


def _rows(version: str) -> Any:
    def smile_rows(quantiles, slopes, moneyness, years, rate, levels, greeks, vols, vol_slopes, gammas):
        _ = version
        worlds, expiries, strikes = moneyness.shape
        width = levels.size + 1
        laws, ups, downs = np.empty((expiries, 5, width)), np.empty((5, width)), np.empty((5, width))
        growths = np.empty(expiries)
        for i in range(worlds):
            for e in range(expiries):
                time = years[i, e]
                if time <= 0.0:
                    continue
                row = i * expiries + e
                slope, root, drift = slopes[row], sqrt(time), rate[i] * time
                growths[e] = prepare(quantiles[row], slope, 0.0, levels, laws[e])
                up_growth, down_growth = 0.0, 0.0
                if greeks:
                    up_growth = prepare(quantiles[row], slope, GAMMA_MOVE, levels, ups)
                    down_growth = prepare(quantiles[row], slope, -GAMMA_MOVE, levels, downs)
                vol = 0.7
                for k in range(strikes):
                    x = moneyness[i, e, k] - drift
                    call, derivative, _ = call_of(laws[e], slope, levels, growths[e], x)
                    chosen = e
                    for earlier in range(e):
                        if years[i, earlier] > 0.0:
                            other, moved, _ = call_of(
                                laws[earlier], slopes[i * expiries + earlier], levels, growths[earlier], x
                            )
                            if other > call:
                                call, derivative, chosen = other, moved, earlier
                    vol = vol_of_call(call, x, root, vol)
                    vols[i, e, k] = vol
                    if not greeks:
                        continue
                    deviation = vol * root
                    d1 = -x / deviation + 0.5 * deviation
                    vega = normal_pdf(d1) * root
                    if vega > _LEAST and MIN_VOL < vol < MAX_VOL:
                        plain = exp(x) * normal_cdf(d1 - deviation)
                        found = (derivative - plain) / vega
                        vol_slopes[i, e, k] = min(max(found, -MOST_SLOPE), MOST_SLOPE)
                    # delta at both ends of the move, of this law and of Black-Scholes
                    up, up_moved, _ = call_of(ups, slope, levels, up_growth, x - GAMMA_MOVE)
                    down, down_moved, _ = call_of(downs, slope, levels, down_growth, x + GAMMA_MOVE)
                    own = up + up_moved - down - down_moved
                    step = GAMMA_MOVE / deviation
                    standard = normal_cdf(d1 + step) - normal_cdf(d1 - step)
                    if standard > 1e-6 and chosen == e:
                        gammas[i, e, k] = min(max(own / standard, LEAST_GAMMA), MOST_GAMMA)

    return smile_rows
