"""Short positions that end: closed by force when their margin is too small, or settled at expiry; who bears the loss.

Coin that must become cash is sold to the spot pool, at once and at any price. Like a liquidator's sale it may cause
other events. Of pledged coin, only the part is taken that the loan leaves: the lending market's claim is served first.
The option pool bears what the collateral does not cover.
"""

from protogov.envs.world.attribution import book_closed_short
from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.interventions import is_muted, sell_by_force
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.liquidation import bonus_in_force
from protogov.envs.world.margin import below_margin, buy_back, short_mark
from protogov.envs.world.market import leave_impact
from protogov.envs.world.options import forced_terms
from protogov.envs.world.oracle import in_quote
from protogov.envs.world.settlement import intrinsic
from protogov.envs.world.state import SHORT_SALE, CollateralKind, EventKind
from protogov.envs.world.surface import move_surface

LARGEST_SALE = 0.5  # largest share of the pool's cash that one sale takes
ROUNDING = 1e-9  # share of a debt that a sale may miss by rounding


@compiled
def liquidation_split(premium, collateral, least_fee, ratio):
    """Split a liquidated seller's collateral: (to the seller, to the pool, fees, shortfall of the pool) [USD].

    The fee is `ratio` of what the buy-back leaves, at least `least_fee`. If the collateral does not suffice, the fee is
    still taken and the pool gets less. Source: Lyra Avalon, ShortCollateral and OptionToken.getLiquidationFees.
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
def coin_for_cash(world, cash, fee):
    """Coin whose sale to the spot pool brings `cash` USD after the fee; at most half of the pool's cash."""
    gross = min(cash / (1.0 - fee), LARGEST_SALE * world.pool_cash)
    return world.pool_coin * gross / (world.pool_cash - gross)


@compiled
def available_coin(venue, s, p):
    """Coin that may be sold for the debt of seller `s`: coin that it posted, or pledged coin that its loan leaves."""
    if venue.short_kind[s] != CollateralKind.PLEDGE:
        return venue.short_coin[s]
    i = venue.short_account[s]
    senior = venue.account_scaled_debt[i] * venue.borrow_index * (1.0 + bonus_in_force(venue, p))
    return max(venue.account_collateral[i] - senior / venue.oracle_price, 0.0)


@compiled
def raise_cash(world, venue, s, needed, events, p):
    """Turn the collateral of seller `s` into at most `needed` USD. The caller books what was raised.

    Returns:
        (cash raised [USD], coin sold, log price impact of the sale).
    """
    raised = min(needed, venue.short_collateral[s])
    venue.short_collateral[s] -= raised
    venue.short_collateral_sum -= raised
    serial = world.num_events  # of the event that the caller records
    coin = min(coin_for_cash(world, needed - raised, p.pool_fee), available_coin(venue, s, p))
    if is_muted(events, serial, SHORT_SALE):  # at the better of two prices: see `interventions.sell_by_force`
        coin = min(coin, (needed - raised) / world.tape_price)
    if coin <= 0.0:
        note_cash(world, raised)
        return raised, 0.0, 0.0
    if venue.short_kind[s] == CollateralKind.PLEDGE:
        venue.account_collateral[venue.short_account[s]] -= coin
        venue.health_stale = 1
    else:
        venue.short_coin[s] -= coin
        venue.short_coin_sum -= coin
    cash, impact = sell_by_force(world, events, serial, SHORT_SALE, coin, p.pool_fee)
    note_coin(world, coin)
    note_cash(world, raised + cash)
    return raised + cash, coin, impact


@compiled
def release(world, venue, s):
    """End the position of seller `s`: return the rest of its collateral and remove the position from the book."""
    cash, coin = venue.short_collateral[s], venue.short_coin[s]
    venue.short_collateral[s] = 0.0
    venue.short_collateral_sum -= cash
    world.trader_cash += cash
    note_cash(world, cash)
    venue.short_coin[s] = 0.0
    venue.short_coin_sum -= coin
    world.outside_coin += coin
    note_coin(world, coin)
    if venue.short_kind[s] == CollateralKind.PLEDGE:
        venue.account_pledges[venue.short_account[s]] -= 1
    e, k = venue.short_expiry[s], venue.short_strike[s]
    shorts = venue.short_calls if venue.short_call[s] == 1 else venue.short_puts
    shorts[e, k] = max(shorts[e, k] - venue.short_contracts[s], 0.0)
    venue.short_contracts[s] = 0.0
    venue.mark_stale = 1


@compiled
def check_margins(world, venue, v, events, p):
    """Close every seller whose collateral is below the governed requirement. LPs bear a shortfall."""
    for s in range(venue.num_shorts):
        if venue.short_contracts[s] > 0.0 and below_margin(world, venue, s, venue.oracle_price, p):
            close_out(world, venue, v, s, events, p)


@compiled
def close_out(world, venue, v, s, events, p):
    """Buy back the position of seller `s` by force with its collateral, and split fees and shortfall."""
    ticket = buy_back(venue, s)
    # the event's parent; there is none if the tape's own move suffices
    parent = venue.parent_serial
    if below_margin(world, venue, s, in_quote(world, world.tape_price, p), p):
        parent = -1
    owed, _, skew = forced_terms(world, venue, ticket, p)
    # the collateral that can be taken: for a pledge more than its value at the liquidation threshold
    collateral = venue.short_collateral[s] + available_coin(venue, s, p) * venue.oracle_price
    _, to_pool, fees, _ = liquidation_split(owed, collateral, p.short_least_fee, p.short_penalty)
    raised, coin, impact = raise_cash(world, venue, s, to_pool + fees, events, p)
    # a sale may bring less than the value at the oracle's price
    fees = min(fees, raised)
    to_pool = raised - fees
    keeper, treasury, pool = fee_split(fees, p.short_keeper_share, p.short_treasury_share)
    shortfall = max(owed - to_pool, 0.0)
    # what the seller pays beyond the value of its position is its loss; a shortfall is the pool's loss
    venue.sum_uninformed_surplus -= max(raised - short_mark(venue, s), 0.0)
    venue.sum_bad_debt += shortfall
    venue.option_cash += to_pool + pool
    venue.treasury_cash += treasury
    world.outside_cash += keeper
    serial = record_event(
        world, events, v, EventKind.SHORT_LIQUIDATION, s, parent, to_pool, coin, venue.oracle_price, shortfall
    )
    if coin > 0.0:
        leave_impact(world, serial, impact, p)
    book_closed_short(world, venue, ticket, to_pool + pool, p)
    release(world, venue, s)
    move_surface(world, venue, ticket.e, ticket.k, venue.base_vol[ticket.e], skew)


@compiled
def settle_shorts(world, venue, v, e, price, events, p):
    """Sellers of expiry `e` pay its intrinsic value at `price` from their collateral. LPs bear a shortfall.

    Returns:
        What they paid [USD].
    """
    received = 0.0
    for s in range(venue.num_shorts):
        contracts = venue.short_contracts[s]
        if contracts <= 0.0 or venue.short_expiry[s] != e:
            continue
        strike = venue.strike[e, venue.short_strike[s]]
        owed = contracts * intrinsic(price, strike, venue.short_call[s] == 1)
        raised, coin, impact = raise_cash(world, venue, s, owed, events, p)
        venue.option_cash += raised
        received += raised
        shortfall = owed - raised
        if shortfall > ROUNDING * owed:
            venue.sum_bad_debt += shortfall
            kind = EventKind.SHORT_LIQUIDATION
        else:
            shortfall = 0.0
            kind = EventKind.SETTLEMENT_SALE
        if shortfall > 0.0 or coin > 0.0:
            serial = record_event(world, events, v, kind, s, -1, raised, coin, price, shortfall)
            if coin > 0.0:
                leave_impact(world, serial, impact, p)
        release(world, venue, s)
    return received
