"""The protocol's rules of liquidation: which account, how much, at what bonus, and who bears the remaining debt.

The rules are those of Aave v3.3: a health factor below one, a close factor, a dust rule, a bonus of which the protocol
takes a share, and a write-off of debt without collateral into a deficit. `population/liquidators.py` decides who
liquidates and whether it pays.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.lending import reduce_debt
from protogov.envs.world.state import EventKind


@compiled
def health_factor(collateral, price, threshold, debt):
    """Collateral value times threshold divided by debt; 1e18 without debt."""
    return collateral * price * threshold / debt if debt > 0.0 else 1e18


@compiled
def close_factor(health, collateral_value, debt, p):
    """Largest share of a debt that one liquidation may repay; 1 for very unhealthy or very small loans (Aave v3.3)."""
    if health <= p.full_close_health or collateral_value < p.dust_balance or debt < p.dust_balance:
        return 1.0
    return p.close_factor


@compiled
def seizure(collateral, price, debt_to_cover, bonus):
    """(debt repaid [USD], coin seized): seized = repaid / price * (1 + bonus).

    If the account has less coin, all of it is seized, and the repaid debt is what this coin covers.

    Source: Aave v3 LiquidationLogic._calculateAvailableCollateralToLiquidate.
    """
    seized = debt_to_cover / price * (1.0 + bonus)
    if seized > collateral:
        return collateral * price / (1.0 + bonus), collateral
    return debt_to_cover, seized


@compiled
def protocol_share(seized, bonus, fee):
    """Coin of a seizure that goes to the treasury: the share `fee` of the bonus only."""
    return (seized - seized / (1.0 + bonus)) * fee


@compiled
def critical_ltv(bonus):
    """Ratio of debt to collateral value above which a liquidation raises this ratio: 1 / (1 + bonus), a toxic spiral.

    Source: Warmuz, Chaudhary, Pinna, "Toxic liquidation spirals" (arXiv 2212.07306).
    """
    return 1.0 / (1.0 + bonus)


@compiled
def bonus_in_force(venue, p):
    """Coin that a liquidator gets beyond what it repays, as a share of the repayment; `bonus_scale` 0 removes it."""
    return venue.liquidation_bonus * p.bonus_scale


@compiled
def without_dust(repaid, debt, collateral_value, bonus, p):
    """The part of a repayment that leaves at least `dust_leftover` USD of debt and of collateral; may be 0.

    A liquidation may leave less only if it clears all debt or all collateral. Source: Aave v3.3 LiquidationLogic
    (MIN_LEFTOVER_BASE, MUST_NOT_LEAVE_DUST).
    """
    by_debt = debt - p.dust_leftover
    by_collateral = (collateral_value - p.dust_leftover) / (1.0 + bonus)
    return max(min(repaid, by_debt, by_collateral), 0.0)


@compiled
def settle_liquidation(world, venue, i, repaid, seized, bonus, p):
    """Book the protocol's side of a liquidation: it gets `repaid` USD, and `seized` coin leaves the account.

    Returns:
        (cash that the liquidator owes [USD], coin that it gets). The caller books both for the liquidator.
    """
    collateral = venue.account_collateral[i]
    repaid = reduce_debt(venue, i, repaid)
    fee_coin = protocol_share(seized, bonus, p.protocol_fee)
    venue.cash += repaid
    venue.account_collateral[i] = collateral - seized if seized < collateral else 0.0
    venue.treasury_coin += fee_coin
    note_cash(world, repaid)
    note_coin(world, seized)
    venue.sum_liquidated += repaid
    cost = max(seized * world.tape_price - repaid, 0.0)
    venue.sum_liquidation_cost += cost
    venue.account_penalty[i] += cost
    return repaid, seized - fee_coin


@compiled
def is_empty(venue, i, price):
    """True if an account owes and its collateral is worth less than a millionth of its debt."""
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    return debt > 0.0 and venue.account_collateral[i] * price < 1e-6 * debt


@compiled
def write_off(world, venue, v, i, events, parent):
    """Write off the debt of an account without collateral: it becomes a deficit and bears no more interest."""
    left = venue.account_collateral[i]
    venue.account_collateral[i] = 0.0
    venue.treasury_coin += left
    note_coin(world, left)
    lost = reduce_debt(venue, i, venue.account_scaled_debt[i] * venue.borrow_index)
    venue.deficit += lost
    venue.sum_bad_debt += lost
    record_event(world, events, v, EventKind.BAD_DEBT, i, parent, 0.0, 0.0, venue.oracle_price, lost)
    return lost > 0.0


@compiled
def any_unhealthy(venue):
    """True if at least one account can be liquidated at the oracle price."""
    limit = venue.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    unhealthy = 0
    for i in range(venue.num_accounts):
        unhealthy += collateral[i] * limit < debt[i]
    return unhealthy > 0


@compiled
def measure_risk(world, venue):
    """Hourly: compute the share of debt that a 10% fall makes liquidatable, and the liquidation gain.

    Liquidation gain = debt that a 1% fall makes liquidatable / depth of 1% (a dimensionless loop gain). With a hundred
    accounts most intervals of 1% hold no account. The gain is therefore the mean over the next five percent. A loan
    that can already be liquidated counts as at risk. It is not part of the gain, because no further fall adds it.
    """
    limit = venue.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    five_percent, ten_percent = 0.0, 0.0
    for i in range(venue.num_accounts):
        backed = collateral[i] * limit
        if backed * 0.95 < debt[i] <= backed:
            five_percent += debt[i]
        if backed * 0.90 < debt[i]:
            ten_percent += debt[i]
    venue.at_risk = ten_percent / venue.scaled_debt if venue.scaled_debt > 0.0 else 0.0
    venue.liquidation_gain = 0.2 * five_percent * venue.borrow_index / world.depth


@compiled
def shortfall_at(venue, market_price):
    """Sum over accounts of the debt beyond 97% of their collateral at `market_price` [USD]."""
    price = 0.97 * market_price
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    total = 0.0
    for i in range(venue.num_accounts):
        total += max(debt[i] * venue.borrow_index - price * collateral[i], 0.0)
    return total
