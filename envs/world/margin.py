"""Margined short sellers: what they must post, when they are closed out, and who bears what their margin does not.

Minimum collateral follows Lyra Avalon: the option re-priced at a shocked spot and a shocked vol, at least a static
amount.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.options import forced_terms, years_to_expiry
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.settlement import intrinsic
from protogov.envs.world.state import HOURS_PER_YEAR, EventKind
from protogov.envs.world.surface import move_surface

_NEAR_YEARS = 2.0 * 168.0 / HOURS_PER_YEAR
_FAR_YEARS = 8.0 * 168.0 / HOURS_PER_YEAR


@compiled
def shock_vol(years, near_vol, far_vol):
    """Vol of the margin shock: `near_vol` up to two weeks, `far_vol` from eight, linear between (Lyra Avalon)."""
    if years <= _NEAR_YEARS:
        return near_vol
    if years >= _FAR_YEARS:
        return far_vol
    return near_vol + (far_vol - near_vol) * (years - _NEAR_YEARS) / (_FAR_YEARS - _NEAR_YEARS)


@compiled
def minimum_collateral(spot, strike, years, is_call, contracts, p):
    """Least cash collateral [USD] of a short position: its shocked price, at least the static amount.

    A put never needs more than its strike (its largest payout). Source: Lyra Avalon OptionGreekCache.getMinCollateral.
    """
    vol = shock_vol(years, p.shock_vol_near, p.shock_vol_far)
    shocked = spot * (p.shock_up if is_call else p.shock_down)
    call, put = call_and_put(shocked, strike, years, vol, p.interest_rate)
    needed = max((call if is_call else put) * contracts, p.short_static)
    return needed if is_call else min(needed, strike * contracts)


@compiled
def remove_short(world, venue, s):
    """Take the position of short seller `s` out of the pool's book."""
    e, k = venue.short_expiry[s], venue.short_strike[s]
    if venue.short_call[s]:
        venue.short_calls[e, k] -= venue.short_contracts[s]
    else:
        venue.short_puts[e, k] -= venue.short_contracts[s]
    venue.short_contracts[s] = 0.0
    venue.mark_stale = 1


@compiled
def release_collateral(world, venue, s, to_pool, to_treasury, to_keeper):
    """Split the collateral of seller `s`: to pool, treasury and keeper [USD] as given, the rest back to the seller."""
    posted = venue.short_collateral[s]
    venue.short_collateral[s] = 0.0
    venue.short_collateral_sum -= posted
    venue.option_cash += to_pool
    venue.treasury_cash += to_treasury
    world.outside_cash += to_keeper
    world.trader_cash += posted - to_pool - to_treasury - to_keeper
    note_cash(world, posted)


@compiled
def liquidation_split(premium, collateral, least_fee, ratio):
    """Who gets what of a liquidated seller's collateral: (seller, pool, fees, shortfall of the pool) [USD].

    The fee is `ratio` of what the buy-back leaves, at least `least_fee`; where that is not there, the fee is still
    taken and the pool goes short. Source: Lyra Avalon, ShortCollateral and OptionToken.getLiquidationFees.
    """
    if collateral >= premium + least_fee:
        fees = max(least_fee, (collateral - premium) * ratio)
        return collateral - premium - fees, premium, fees, 0.0
    fees = min(least_fee, collateral)
    return 0.0, collateral - fees, fees, premium - (collateral - fees)


@compiled
def fee_split(fees, keeper_share, treasury_share):
    """(keeper, treasury, pool) parts of a liquidation fee [USD]."""
    keeper, treasury = fees * keeper_share, fees * treasury_share
    return keeper, treasury, fees - keeper - treasury


@compiled
def short_mark(venue, s):
    """Value [USD] of what seller `s` owes, at the pool's marks."""
    e, k = venue.short_expiry[s], venue.short_strike[s]
    mark = venue.mark_call[e, k] if venue.short_call[s] else venue.mark_put[e, k]
    return mark * venue.short_contracts[s]


@compiled
def close_out(world, venue, s, p):
    """What it costs [USD] to buy back the position of seller `s` by force, and the node's skew after it."""
    e, k = venue.short_expiry[s], venue.short_strike[s]
    is_call = venue.short_call[s] == 1
    owed, _, skew = forced_terms(world, venue, e, k, is_call, venue.short_contracts[s], True, p)
    return owed, skew


@compiled
def check_margins(world, venue, v, events, p):
    """Close out every seller whose collateral fell below the governed requirement; LPs bear a shortfall."""
    for s in range(venue.num_shorts):
        contracts = venue.short_contracts[s]
        if contracts <= 0.0:
            continue
        e, k = venue.short_expiry[s], venue.short_strike[s]
        years = years_to_expiry(world, venue, e)
        is_call = venue.short_call[s] == 1
        needed = minimum_collateral(world.oracle_price, venue.strike[e, k], years, is_call, contracts, p)
        posted = venue.short_collateral[s]
        if posted >= needed * venue.option_margin:
            continue
        owed, skew = close_out(world, venue, s, p)
        _, to_pool, fees, shortfall = liquidation_split(owed, posted, p.short_least_fee, p.short_penalty)
        keeper, treasury, pool = fee_split(fees, p.short_keeper_share, p.short_treasury_share)
        # what the seller pays beyond the value it leaves behind is its loss; a shortfall is the pool's
        venue.sum_uninformed_surplus -= max(to_pool + fees - short_mark(venue, s), 0.0)
        venue.sum_bad_debt += shortfall
        record_event(world, events, v, EventKind.SHORT_LIQUIDATION, s, -1, to_pool, 0.0, world.oracle_price, shortfall)
        remove_short(world, venue, s)
        release_collateral(world, venue, s, to_pool + pool, treasury, keeper)
        move_surface(world, venue, e, k, venue.base_vol[e], skew)


@compiled
def settle_shorts(world, venue, v, e, price, events):
    """Sellers of expiry `e` pay its intrinsic value at `price` from their collateral; LPs bear a shortfall."""
    for s in range(venue.num_shorts):
        contracts = venue.short_contracts[s]
        if contracts <= 0.0 or venue.short_expiry[s] != e:
            continue
        strike = venue.strike[e, venue.short_strike[s]]
        owed = contracts * intrinsic(price, strike, venue.short_call[s] == 1)
        to_pool = min(owed, venue.short_collateral[s])
        if to_pool < owed:
            venue.sum_bad_debt += owed - to_pool
            record_event(world, events, v, EventKind.SHORT_LIQUIDATION, s, -1, to_pool, 0.0, price, owed - to_pool)
        remove_short(world, venue, s)
        release_collateral(world, venue, s, to_pool, 0.0, 0.0)


@compiled
def latent_short_shortfall(venue):
    """Sum over sellers of what they owe beyond 97% of their collateral, at the pool's marks [USD]."""
    total = 0.0
    for s in range(venue.num_shorts):
        if venue.short_contracts[s] > 0.0:
            total += max(short_mark(venue, s) - 0.97 * venue.short_collateral[s], 0.0)
    return total
