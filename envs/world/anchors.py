"""Anchors of the option pool's surface that a pricer writes once a decision, as smiles in moneyness.

Without a pricer the surface reverts to the public index and a fixed slope. With one it reverts to a smile for each
expiry: vols at some points of log(strike / spot), linear between and flat beyond them. A strike's anchor is read where
the spot is now, so that it is never stale: between two decisions it moves with the spot, and the strike's skew with it
at once. Everything else of the surface stays: trades move it, fees, spread and limits apply.

Beside the vols stand two numbers of the pricer's greeks. Its delta is that of Black-Scholes at the node's vol plus
vega * slope / spot, where the slope is what a rise of the log spot does to the vol of a fixed strike. Its gamma is a
multiple of that of Black-Scholes. A third smile is what vol arbitrageurs know where the law of the market is known.
"""

from protogov.envs.world.compiled import compiled

MIN_SKEW, MAX_SKEW = 0.2, 5.0


@compiled
def on_smile(points, values, e, count, place):
    """Value of the smile of expiry `e` at log(strike / spot) = `place`: linear between its points, flat beyond."""
    if place <= points[e, 0]:
        return values[e, 0]
    for k in range(1, count):
        if place <= points[e, k]:
            share = (place - points[e, k - 1]) / (points[e, k] - points[e, k - 1])
            return values[e, k - 1] + share * (values[e, k] - values[e, k - 1])
    return values[e, count - 1]


@compiled
def anchor_base(world, venue, e):
    """Vol to which the base vol of an expiry reverts: the public index, or the pricer's vol at the money."""
    if venue.anchored == 0:
        return world.anchor_vol
    return on_smile(venue.anchor_moneyness, venue.anchor_smile, e, venue.num_strikes, 0.0)


@compiled
def anchor_ratio(venue, e, place):
    """The pricer's vol at log(strike / spot) = `place` divided by that at the money, within the bounds of a skew."""
    points, smile, count = venue.anchor_moneyness, venue.anchor_smile, venue.num_strikes
    ratio = on_smile(points, smile, e, count, place) / on_smile(points, smile, e, count, 0.0)
    return min(max(ratio, MIN_SKEW), MAX_SKEW)


@compiled
def greeks_of_pricer(venue, e, spot, moneyness, delta, gamma, vega):
    """(call delta, gamma) of a pricer from those of Black-Scholes and vega, at log(spot / strike) = `moneyness`."""
    points, count = venue.anchor_moneyness, venue.num_strikes
    slope = on_smile(points, venue.anchor_slope, e, count, -moneyness)
    return delta + vega * slope / spot, gamma * on_smile(points, venue.anchor_gamma, e, count, -moneyness)


@compiled
def inherit_smile(venue, e):
    """A newly listed expiry has the smiles of the farthest other one until they are written; alone it keeps its own."""
    farthest = e
    for other in range(venue.num_expiries):
        if other != e and (farthest == e or venue.expiry[other] > venue.expiry[farthest]):
            farthest = other
    for k in range(venue.num_strikes):
        venue.anchor_moneyness[e, k] = venue.anchor_moneyness[farthest, k]
        venue.anchor_smile[e, k] = venue.anchor_smile[farthest, k]
        venue.anchor_slope[e, k] = venue.anchor_slope[farthest, k]
        venue.anchor_gamma[e, k] = venue.anchor_gamma[farthest, k]
        venue.law_smile[e, k] = venue.law_smile[farthest, k]
