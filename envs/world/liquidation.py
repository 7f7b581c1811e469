"""Liquidations that sell into the pool: who may be liquidated, for how much, whether it pays, and what is left.

Rules of Aave v3.3: a health factor below one, a close factor, a dust rule, a bonus with the protocol's share of it, and
debt without collateral burned into a deficit. Liquidators sell what they seize in the same breath and skip what does
not pay, or take only the part that does.
"""

from math import sqrt

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.lending import reduce_debt
from protogov.envs.world.market import leave_impact, sell_to_pool
from protogov.envs.world.state import EventKind


@compiled
def health_factor(collateral, price, threshold, debt):
    """Collateral value times threshold over debt; infinite without debt."""
    return collateral * price * threshold / debt if debt > 0.0 else 1e18


@compiled
def close_factor(health, collateral_value, debt, p):
    """Share of a debt that one liquidation may repay; all of it deep under water or for dust (Aave v3.3)."""
    if health <= p.full_close_health or collateral_value < p.dust_balance or debt < p.dust_balance:
        return 1.0
    return p.close_factor


@compiled
def seizure(collateral, price, debt_to_cover, bonus):
    """(debt repaid [USD], coin seized): repaid / price * (1 + bonus), or all there is for the debt that it covers.

    Source: Aave v3 LiquidationLogic._calculateAvailableCollateralToLiquidate.
    """
    seized = debt_to_cover / price * (1.0 + bonus)
    if seized > collateral:
        return collateral * price / (1.0 + bonus), collateral
    return debt_to_cover, seized


@compiled
def protocol_share(seized, bonus, fee):
    """Coin of a seizure that goes to the treasury: `fee` of the bonus part alone."""
    return (seized - seized / (1.0 + bonus)) * fee


@compiled
def profitable_sale(world, worth, p):
    """Largest sale [coin] whose last coin still fetches `worth` USD from the pool after its fee (may be 0)."""
    product = world.pool_cash * world.pool_coin
    coin_then = sqrt(product * (1.0 - p.pool_fee) / worth)
    return max(coin_then - world.pool_coin, 0.0)


@compiled
def liquidate_account(world, venue, v, i, events, p):
    """Liquidate account `i` once if it is unhealthy and that pays; True when something happened."""
    price = world.oracle_price
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    collateral = venue.account_collateral[i]
    health = health_factor(collateral, price, venue.liquidation_threshold, debt)
    if health >= 1.0:
        return False
    # the event's parent: nobody when the tape's own move suffices
    parent = world.parent_serial
    if health_factor(collateral, world.tape_price, venue.liquidation_threshold, debt) < 1.0:
        parent = -1
    if collateral * price < 1e-6 * debt:
        return write_off(world, venue, v, i, events, parent)
    bonus = venue.liquidation_bonus
    limit = close_factor(health, collateral * price, debt, p) * debt
    repaid, seized = seizure(collateral, price, limit, bonus)
    # a coin that the liquidator keeps must fetch what it cost, its margin included
    kept_share = 1.0 - protocol_share(1.0, bonus, p.protocol_fee)
    margin = p.liquidator_margin + p.liquidator_margin_congested * world.congestion
    worth = repaid / (seized * kept_share) * (1.0 + margin)
    coin = min(seized * kept_share, profitable_sale(world, worth, p))
    if coin < seized * kept_share:
        repaid, seized = repaid * coin / (seized * kept_share), coin / kept_share
    # dust: a leftover too small to be worth anybody's gas is not allowed, so the whole or clearly less is taken
    if 0.0 < debt - repaid < p.dust_leftover and seized < collateral:
        repaid = debt - p.dust_leftover
        seized = repaid / price * (1.0 + bonus)
        coin = seized * kept_share
    gas = p.gas_cost * (1.0 + p.gas_congestion * world.congestion)
    fetched = world.pool_cash * coin / (world.pool_coin + coin) * (1.0 - p.pool_fee)
    if repaid <= 0.0 or fetched < repaid * (1.0 + margin) + gas:
        return False
    repaid = reduce_debt(venue, i, repaid)
    venue.cash += repaid
    world.liquidator_cash -= repaid
    fee_coin = seized - coin
    venue.account_collateral[i] = collateral - seized if seized < collateral else 0.0
    venue.treasury_coin += fee_coin
    note_cash(world, repaid)
    note_coin(world, seized)
    cash, impact = sell_to_pool(world, coin, p.pool_fee)
    world.liquidator_cash += cash - gas
    world.outside_cash += gas
    note_cash(world, gas)
    venue.sum_liquidated += repaid
    venue.sum_liquidator_profit += cash - gas - repaid
    venue.sum_liquidation_cost += max(seized * world.tape_price - repaid, 0.0)
    serial = record_event(world, events, v, EventKind.LIQUIDATION, i, parent, repaid, seized, price, 0.0)
    leave_impact(world, serial, impact, p)
    if venue.account_collateral[i] * price < 1e-6 * debt and venue.account_scaled_debt[i] > 0.0:
        write_off(world, venue, v, i, events, serial)
    return True


@compiled
def write_off(world, venue, v, i, events, parent):
    """Debt with no collateral left is burned from the account and booked as a deficit, without further interest."""
    left = venue.account_collateral[i]
    venue.account_collateral[i] = 0.0
    venue.treasury_coin += left
    note_coin(world, left)
    lost = reduce_debt(venue, i, venue.account_scaled_debt[i] * venue.borrow_index)
    venue.deficit += lost
    venue.sum_bad_debt += lost
    record_event(world, events, v, EventKind.BAD_DEBT, i, parent, 0.0, 0.0, world.oracle_price, lost)
    return lost > 0.0


@compiled
def any_unhealthy(world, venue):
    """True when some account can be liquidated at the oracle price."""
    limit = world.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    unhealthy = 0
    for i in range(venue.num_accounts):
        unhealthy += collateral[i] * limit < debt[i]
    return unhealthy > 0


@compiled
def liquidate_all(world, venue, v, events, p):
    """One round: every unhealthy account is tried once, largest debt relative to collateral not preferred.

    Returns the number of liquidations.
    """
    limit = world.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    done = 0
    for i in range(venue.num_accounts):
        if collateral[i] * limit < debt[i]:
            done += liquidate_account(world, venue, v, i, events, p)
    return done


@compiled
def measure_risk(world, venue):
    """Hourly: the share of debt that a 10% fall makes liquidatable, and the liquidation gain.

    Liquidation gain = debt that a 1% fall makes liquidatable over the depth of 1% (a dimensionless loop gain). With a
    hundred accounts a single percent is mostly empty, so the gain is the mean over the next five.
    """
    limit = world.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    five_percent, ten_percent = 0.0, 0.0
    for i in range(venue.num_accounts):
        backed = collateral[i] * limit
        if backed * 0.95 < debt[i]:
            five_percent += debt[i]
        if backed * 0.90 < debt[i]:
            ten_percent += debt[i]
    venue.at_risk = ten_percent / venue.scaled_debt if venue.scaled_debt > 0.0 else 0.0
    venue.liquidation_gain = 0.2 * five_percent * venue.borrow_index / world.depth


@compiled
def latent_shortfall(world, venue):
    """Sum over accounts of debt beyond 97% of their collateral at the tape's price [USD]."""
    price = 0.97 * world.tape_price
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    total = 0.0
    for i in range(venue.num_accounts):
        total += max(debt[i] * venue.borrow_index - price * collateral[i], 0.0)
    return total
