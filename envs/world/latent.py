"""Losses that nobody has booked yet: the value of a possible default on a loan whose collateral is close to its debt.

A borrower may give up the collateral and leave the debt unpaid. The lender has therefore written a put on the
collateral, with the debt as its strike. A sum of intrinsic values jumps when a price crosses a debt; the value of the
put moves earlier. Observations, rewards and welfare all use this one quantity. Suppliers' fear uses the intrinsic
shortfall of `liquidation.shortfall_at`.
"""

from math import exp, log, sqrt

from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.margin import short_shortfall_at
from protogov.envs.world.pricing import normal_pdf, upper_tail

LOAN_YEARS = 14.0 / 365.0  # horizon of the put: a default within this time counts
KEPT = 0.97  # share of its value that collateral brings in a forced sale
FAR = 8.0  # standard deviations; farther away a put is worth nothing, or exactly its intrinsic value


@copied
def default_put(backing, debt, deviation):
    """Put [USD] on collateral that brings `backing` USD, with the strike `debt` USD, without interest.

    debt * N(-d2) - backing * N(-d1) with d1 = ln(backing / debt) / deviation + deviation / 2 and d2 = d1 - deviation.
    `deviation` is the standard deviation of the log price over the horizon. Source: Merton 1974 values a loan this way.
    """
    if debt <= 0.0:
        return 0.0
    if backing <= 0.0 or deviation <= 0.0:
        return max(debt - max(backing, 0.0), 0.0)
    distance = log(backing / debt) / deviation
    if abs(distance) >= FAR:
        return max(debt - backing, 0.0)
    d1 = distance + 0.5 * deviation
    d2 = d1 - deviation
    density = normal_pdf(d1)
    tail1, tail2 = upper_tail(abs(d1), density), upper_tail(abs(d2), density * backing / debt)
    below1 = tail1 if d1 > 0.0 else 1.0 - tail1
    below2 = tail2 if d2 > 0.0 else 1.0 - tail2
    return debt * below2 - backing * below1


@compiled
def loans_shortfall_at(world, venue, price):
    """Sum over accounts of `default_put` on 97% of their collateral at `price`, for 14 days at the tape's vol [USD]."""
    deviation = world.implied_vol * sqrt(LOAN_YEARS)
    safe = exp(FAR * deviation)
    kept = KEPT * price
    collateral, scaled = venue.account_collateral, venue.account_scaled_debt
    total = 0.0
    for i in range(venue.num_accounts):
        debt, backing = scaled[i] * venue.borrow_index, kept * collateral[i]
        if backing < debt * safe:
            total += default_put(backing, debt, deviation)
    return total


@compiled
def latent_shortfall_at(world, venue, price):
    """Value of what loans and short sellers may later owe beyond their collateral, at `price` [USD].

    Sellers count with what they now owe beyond 97% of their collateral, because margin is called within the hour.
    """
    return loans_shortfall_at(world, venue, price) + short_shortfall_at(venue, price)
