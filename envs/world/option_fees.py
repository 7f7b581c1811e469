"""The four fees of the options AMM: on the premium, on the notional, on the vega it adds, on how odd its vol is.

Source of the formulas: Lyra Avalon, OptionMarketPricer. Vega is USD per 1.00 of vol of one contract.
"""

from math import sqrt

from protogov.envs.world.compiled import compiled

_WEEKS_A_YEAR = 8760.0 / 168.0


@compiled
def time_weight(weeks, near, far):
    """Weight of the premium and notional fees: 1 up to `near` weeks, 2 at `far`, on along the line without a cap."""
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
    """Vega of one vol point normalised to 30 days, expiries under a week as a week."""
    return vega * sqrt(30.0 / max(7.0, years * 365.0)) / 100.0


@compiled
def vega_fee_of(vol, pre_vega, post_vega, nav, contracts, rate):
    """Fee [USD] on a trade that makes the pool's net standardised vega larger; nothing otherwise."""
    if abs(pre_vega) >= abs(post_vega) or nav <= 0.0:
        return 0.0
    return rate * vol * abs(post_vega) / nav * contracts


@compiled
def variance_fee_of(vega, skew_gap, vol_gap, contracts, coefficient, vega_part, skew_part, vol_part):
    """Fee [USD] that grows with a trade's vega, the oddness of its skew and the distance of base vol from its average.

    Each of the three parts is a pair (static, slope): static + slope * |value|, and the parts multiply.
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
    """The variance fee at this world's coefficients; its static part of vega is a share of the opening price."""
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
    """Years in weeks."""
    return years * _WEEKS_A_YEAR
