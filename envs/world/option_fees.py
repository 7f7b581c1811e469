"""The four fees of the options AMM: on the premium, on the notional, on the vega that a trade adds, on its variance.

Source of the formulas: Lyra Avalon, OptionMarketPricer. Vega is in USD per 1.00 of vol, for one contract.
"""

from math import sqrt

from protogov.envs.world.compiled import compiled

_WEEKS_A_YEAR = 8760.0 / 168.0


@compiled
def time_weight(weeks, near, far):
    """Weight of the premium and notional fees: 1 up to `near` weeks, 2 at `far` weeks, linear beyond, without a cap."""
    return 1.0 if weeks < near else 1.0 + (weeks - near) / (far - near)


@compiled
def premium_fee(premium, weeks, p):
    """Fee [USD] in proportion to the premium."""
    return p.option_fee * time_weight(weeks, p.fee_near, p.fee_far) * premium


@compiled
def notional_fee(spot, contracts, weeks, p):
    """Fee [USD] in proportion to the notional."""
    return p.spot_fee * time_weight(weeks, p.fee_near, p.fee_far) * spot * contracts


@compiled
def standard_vega(vega, years):
    """Vega of one vol point, normalised to 30 days. Expiries of less than a week count as a week."""
    return vega * sqrt(30.0 / max(7.0, years * 365.0)) / 100.0


@compiled
def vega_fee_of(vol, pre_vega, post_vega, nav, contracts, rate):
    """Fee [USD] on a trade that increases the absolute net standard vega of the pool; 0 for other trades."""
    if abs(pre_vega) >= abs(post_vega) or nav <= 0.0:
        return 0.0
    return rate * vol * abs(post_vega) / nav * contracts


@compiled
def variance_fee_of(vega, skew_gap, vol_gap, contracts, coefficient, vega_part, skew_part, vol_part):
    """Fee [USD] that grows with a trade's vega and with the distances of skew and base vol from their averages.

    Each of the three parts is a pair (static, slope). A part is static + slope * |value|, and the parts are multiplied.
    """
    return (
        coefficient
        * (vega_part[0] + vega_part[1] * vega)
        * (skew_part[0] + skew_part[1] * abs(skew_gap))
        * (vol_part[0] + vol_part[1] * abs(vol_gap))
        * contracts
    )


@compiled
def variance_fee(vega, opening_price, skew_gap, vol_gap, contracts, p):
    """The variance fee with this world's coefficients. Its static part of vega is a share of the opening price."""
    return variance_fee_of(
        vega,
        skew_gap,
        vol_gap,
        contracts,
        p.variance_fee,
        (p.variance_fee_vega_static * opening_price, p.variance_fee_vega),
        (p.variance_fee_skew_static, p.variance_fee_skew),
        (p.variance_fee_vol_static, p.variance_fee_vol),
    )


@compiled
def weeks_of(years):
    """Years expressed in weeks."""
    return years * _WEEKS_A_YEAR
