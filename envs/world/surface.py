"""The vol surface of the options AMM: a base vol per expiry, a skew per node, and their time-weighted averages.

A node is one (expiry, strike). Its vol is base_vol[expiry] * skew[expiry, strike], tilted by the skew-shift lever. A
trade moves both factors. Some uses must not be moved by a trade for a profit: forced closes and the variance fee. They
use the geometric time-weighted average (GWAV): exp of the mean of ln(vol) over a window. Source: Lyra Avalon.
"""

from math import exp, log

from protogov.envs.world.anchors import MAX_SKEW, MIN_SKEW, anchor_base, anchor_ratio, inherit_smile
from protogov.envs.world.compiled import compiled
from protogov.envs.world.numeric import decay
from protogov.envs.world.oracle import quoted_spot
from protogov.envs.world.pricing import normalised_skew
from protogov.envs.world.state import GWAV_HOURS, SUBSTEPS

MIN_VOL, MAX_VOL = 0.05, 5.0


@compiled
def clipped_vol(vol):
    """The vol, limited to [5%, 500%]."""
    return min(max(vol, MIN_VOL), MAX_VOL)


@compiled
def within_bounds(base_vol, skew):
    """True while base vol, skew and their product are within their bounds; other trades are refused."""
    return MIN_VOL <= base_vol <= MAX_VOL and MIN_SKEW <= skew <= MAX_SKEW and MIN_VOL <= base_vol * skew <= MAX_VOL


@compiled
def tilt(moneyness, width):
    """Weight of the skew shift at log(spot / strike): +1 far below the spot, -1 far above, linear between."""
    return min(max(moneyness / width, -1.0), 1.0)


@compiled
def mid_vol(venue, e, k, spot, p):
    """The pool's own vol of a node, before a trade and without the spread."""
    return node_vol(venue, e, k, log(spot / venue.strike[e, k]) if venue.skew_shift != 0.0 else 0.0, p)


@compiled
def node_vol(venue, e, k, moneyness, p):
    """:func:`mid_vol` given log(spot / strike)."""
    shift = venue.skew_shift * tilt(moneyness, p.skew_shift_width) if venue.skew_shift != 0.0 else 0.0
    return clipped_vol(venue.base_vol[e] * venue.skew[e, k] + shift)


@compiled
def fair_vol(implied_vol, spot, strike, p):
    """The tape's vol at a strike: at-the-money implied vol times a ratio that is linear in log moneyness."""
    return clipped_vol(implied_vol * normalised_skew(p.surface_skew, spot, strike))


@compiled
def vol_impact(base_vol, skew, signed_contracts, standard_size, skew_impact):
    """(base vol, skew) after a trade; bought contracts are positive (source: Lyra Avalon _getPostTradeVols)."""
    move = signed_contracts / standard_size / 100.0
    return base_vol + move, skew + move * skew_impact


@compiled
def move_surface(world, venue, e, k, base, skew):
    """Set the vol of a node to its value after a trade."""
    accumulate_base(world, venue, e)
    accumulate_skew(world, venue, e, k)
    venue.base_vol[e] = clipped_vol(base)
    venue.skew[e, k] = min(max(skew, MIN_SKEW), MAX_SKEW)
    venue.mark_stale = 1


@compiled
def fair_skew(venue, e, k, spot, p):
    """Ratio to which the skew of a node reverts: the fair slope, or the pricer's smile where one is written."""
    if venue.anchored == 0:
        return normalised_skew(p.surface_skew, spot, venue.strike[e, k])
    return anchor_ratio(venue, e, log(venue.strike[e, k] / spot))


@compiled
def hold_anchors(venue, p):
    """Start of a decision: from now on skews move with the smiles that have just been written."""
    spot = quoted_spot(venue, p)
    for e in range(venue.num_expiries):
        for k in range(venue.num_strikes):
            venue.carried_ratio[e, k] = fair_skew(venue, e, k, spot, p)


@compiled
def carry_skews(world, venue, p):
    """The spot has moved: each strike now has another place on its pricer's smile, and its skew moves as much."""
    spot = quoted_spot(venue, p)
    for e in range(venue.num_expiries):
        for k in range(venue.num_strikes):
            ratio = fair_skew(venue, e, k, spot, p)
            if ratio != venue.carried_ratio[e, k]:
                accumulate_skew(world, venue, e, k)
                skew = venue.skew[e, k] * ratio / venue.carried_ratio[e, k]
                venue.skew[e, k] = min(max(skew, MIN_SKEW), MAX_SKEW)
                venue.carried_ratio[e, k] = ratio
                venue.mark_stale = 1


@compiled
def revert_surface(world, venue, p):
    """Hourly: base vols revert to the public index and skews to the fair slope; `vol_reversion` is the half-life.

    Where a pricer writes anchors, both revert to these. First the integrals of the averages are updated, and their
    values are stored for the windows.
    """
    share = 1.0 - decay(1.0, p.vol_reversion)
    spot = quoted_spot(venue, p)
    position = world.hour % GWAV_HOURS
    for e in range(venue.num_expiries):
        accumulate_base(world, venue, e)
        venue.base_log_ring[e, position] = venue.base_log_sum[e]
        venue.base_vol[e] += (anchor_base(world, venue, e) - venue.base_vol[e]) * share
        for k in range(venue.num_strikes):
            accumulate_skew(world, venue, e, k)
            venue.skew_log_ring[e, k, position] = venue.skew_log_sum[e, k]
            fair = fair_skew(venue, e, k, spot, p)
            venue.skew[e, k] += (fair - venue.skew[e, k]) * share
        venue.fee_vol[e] = base_gwav(world, venue, e, p.gwav_fee_hours)
    venue.mark_stale = 1


@compiled
def open_surface(world, venue, e, p):
    """A new expiry: base vol and skews at their anchors; its averages begin now."""
    if venue.anchored or venue.law_known:
        inherit_smile(venue, e)
    venue.base_vol[e] = anchor_base(world, venue, e)
    venue.fee_vol[e] = venue.base_vol[e]
    venue.base_log_sum[e] = 0.0
    venue.base_since[e] = world.substep
    venue.listed[e] = world.substep
    for k in range(venue.num_strikes):
        venue.skew[e, k] = fair_skew(venue, e, k, quoted_spot(venue, p), p)
        venue.carried_ratio[e, k] = venue.skew[e, k]
        venue.skew_log_sum[e, k] = 0.0
        venue.skew_since[e, k] = world.substep
    venue.mark_stale = 1


# ---------------------------------------------------------------- geometric time-weighted averages


@compiled
def log_area(vol, elapsed):
    """Addition to the integral of ln(vol) by `elapsed` sub-steps at `vol`."""
    return log(vol) * elapsed


@compiled
def geometric_average(area_now, area_then, elapsed):
    """GWAV over `elapsed` > 0 sub-steps between two values of the integral (source: Lyra Avalon GWAV.queryGWAV)."""
    return exp((area_now - area_then) / elapsed)


@compiled
def accumulate_base(world, venue, e):
    """Update the integral of ln(base vol) to the present, before the vol changes."""
    venue.base_log_sum[e] += log_area(venue.base_vol[e], world.substep - venue.base_since[e])
    venue.base_since[e] = world.substep


@compiled
def accumulate_skew(world, venue, e, k):
    """Update the integral of ln(skew) to the present, before the skew changes."""
    venue.skew_log_sum[e, k] += log_area(venue.skew[e, k], world.substep - venue.skew_since[e, k])
    venue.skew_since[e, k] = world.substep


@compiled
def window_start(world, venue, e, hours):
    """(hour, sub-step) at which a window of `hours` begins: the end of an hour, or the listing (then hour is -1)."""
    hour = world.hour - min(int(hours), GWAV_HOURS - 2) - 1
    substep = hour * SUBSTEPS + SUBSTEPS - 1
    if hour < 0 or substep <= venue.listed[e]:
        return -1, venue.listed[e]
    return hour, substep


@compiled
def base_gwav(world, venue, e, hours):
    """Average base vol of an expiry over the last `hours` (a whole number, at most 36), or since its listing."""
    hour, start = window_start(world, venue, e, hours)
    elapsed = world.substep - start
    if elapsed <= 0:
        return venue.base_vol[e]
    now = venue.base_log_sum[e] + log_area(venue.base_vol[e], world.substep - venue.base_since[e])
    then = venue.base_log_ring[e, hour % GWAV_HOURS] if hour >= 0 else 0.0
    return geometric_average(now, then, elapsed)


@compiled
def skew_gwav(world, venue, e, k, hours):
    """Average skew of a node over the last `hours` (a whole number, at most 36), or since its listing."""
    hour, start = window_start(world, venue, e, hours)
    elapsed = world.substep - start
    if elapsed <= 0:
        return venue.skew[e, k]
    now = venue.skew_log_sum[e, k] + log_area(venue.skew[e, k], world.substep - venue.skew_since[e, k])
    then = venue.skew_log_ring[e, k, hour % GWAV_HOURS] if hour >= 0 else 0.0
    return geometric_average(now, then, elapsed)


@compiled
def average_vol(world, venue, e, k, hours):
    """Average vol of a node: average base vol times average skew."""
    return clipped_vol(base_gwav(world, venue, e, hours) * skew_gwav(world, venue, e, k, hours))


@compiled
def forced_vol(world, venue, e, k, base, skew, trader_is_short, p):
    """Vol at which a position is closed by force (source: Lyra Avalon, OptionMarketPricer).

    The less favourable of current and average vol, times a shock: a short is bought back at a high price, a long is
    taken back at a low price. With `gwav_on` = 0 only the current vol counts, and a trade can push it for a profit.
    """
    spot = base * skew
    average = average_vol(world, venue, e, k, p.gwav_forced_hours) if p.gwav_on > 0.0 else spot
    if trader_is_short:
        return clipped_vol(max(spot, average) * p.force_close_shock)
    return clipped_vol(min(spot, average) * p.force_close_discount)
