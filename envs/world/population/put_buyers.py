"""Borrowers who protect a loan: they buy puts of the option pool, sell them in need, and repay with the proceeds.

This is how the quotes of the option pool, and its ability to pay, affect the lending market: an expensive put is not
bought, and the loan that it would have saved is liquidated. A borrower holds puts of only one node at a time.

Welfare counts the cost of a put above its fair value, when it is bought and when it is sold. It counts no taste for
puts. What a put saves is counted where it is saved, in the loan. Suppose that welfare counted what a buyer would have
paid. This is more for a buyer in more danger, so welfare would rise if borrowers were put in danger.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.lending import repay
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.population.option_trades import above_fair, consider, fill, offer, too_small
from protogov.envs.world.settlement import intrinsic
from protogov.envs.world.state import ACCOUNT_SLOTS, MAX_STRIKES, SUBSTEPS
from protogov.envs.world.ticket import NOT_ASKED, Ticket

NEAREST_HOURS = 48  # least time to the expiry of a put that is bought
ABOVE_LIQUIDATION = 1.02  # least strike, divided by the price at which the loan would be liquidated


@compiled
def protect(world, venue, v, i, debt, p):
    """An unprotected borrower with a thin margin asks for a put and buys it if it is worth its price to the borrower.

    The borrower wants the lowest strike that pays before the loan is liquidated, in one of the two nearest expiries.
    """
    seed, hour, entity = world.seed, world.hour, v * ACCOUNT_SLOTS + i
    if uniform(seed, entity, hour, 0, Purpose.PUT_LOOK) >= p.put_look:
        return
    liquidation_price = debt / (venue.account_collateral[i] * venue.liquidation_threshold)
    e = nearest_expiry(world, venue, uniform(seed, entity, hour, 0, Purpose.PUT_EXPIRY) < 0.5)
    if e < 0:
        return
    k = lowest_strike(venue, e, ABOVE_LIQUIDATION * liquidation_price)
    contracts = p.put_cover * venue.account_collateral[i]
    if k < 0 or too_small(venue, contracts):
        return
    u = uniform(seed, entity, hour, 0, Purpose.PUT_MARGIN)
    bought, _, cost = consider(world, venue, Ticket(e, k, False, contracts, 1.0), NOT_ASKED, u, p.put_need, p)
    if bought:
        venue.sum_uninformed_surplus -= cost
        venue.account_puts[i] = contracts
        venue.account_put_node[i] = e * MAX_STRIKES + k
        venue.protective_puts[e, k] += contracts


@compiled
def nearest_expiry(world, venue, second):
    """Index of the nearest expiry at least `NEAREST_HOURS` away, or of the next one (`second`); -1 if there is none."""
    earliest = world.substep + NEAREST_HOURS * SUBSTEPS
    first, next_one = -1, -1
    for e in range(venue.num_expiries):
        if venue.expiry[e] < earliest:
            continue
        if first < 0 or venue.expiry[e] < venue.expiry[first]:
            first, next_one = e, first
        elif next_one < 0 or venue.expiry[e] < venue.expiry[next_one]:
            next_one = e
    return next_one if second and next_one >= 0 else first


@compiled
def lowest_strike(venue, e, least):
    """Index of the lowest strike of expiry `e` that is at least `least` USD; -1 if all are lower."""
    for k in range(venue.num_strikes):
        if venue.strike[e, k] >= least:
            return k
    return -1


@compiled
def sell_protection(world, venue, i, p):
    """In need: sell the puts back to the pool at its current bid, and repay the loan with the proceeds."""
    contracts = venue.account_puts[i]
    e, k = venue.account_put_node[i] // MAX_STRIKES, venue.account_put_node[i] % MAX_STRIKES
    contracts = min(contracts, venue.long_puts[e, k])
    if too_small(venue, contracts):
        return
    ticket = Ticket(e, k, False, contracts, -1.0)
    offered, terms = offer(world, venue, ticket, p)
    if not offered:
        return
    cost, _ = above_fair(world, venue, ticket, terms.total, p)
    if fill(world, venue, ticket, terms, False, p):
        venue.sum_uninformed_surplus -= cost
        drop(venue, i, e, k)
        use_proceeds(world, venue, i, terms.total)


@compiled
def drop(venue, i, e, k):
    """Remove the puts of account `i`."""
    venue.protective_puts[e, k] = max(venue.protective_puts[e, k] - venue.account_puts[i], 0.0)
    venue.account_puts[i] = 0.0


@compiled
def use_proceeds(world, venue, i, proceeds):
    """The proceeds of puts [USD] repay the loan of account `i`; the rest goes to its owner."""
    world.trader_cash -= proceeds
    world.outside_cash += proceeds
    note_cash(world, proceeds)
    venue.sum_put_payouts += proceeds
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    if debt > 0.0:
        repay(world, venue, i, min(proceeds, debt))
        venue.health_stale = 1


@compiled
def pay_out_protection(world, venue, e, price, paid_share):
    """Expiry `e` settled at `price`, and holders got `paid_share` of their claims: this repays protected loans."""
    for i in range(venue.num_accounts):
        contracts = venue.account_puts[i]
        if contracts > 0.0 and venue.account_put_node[i] // MAX_STRIKES == e:
            k = venue.account_put_node[i] % MAX_STRIKES
            payout = contracts * intrinsic(price, venue.strike[e, k], False) * paid_share
            drop(venue, i, e, k)
            if payout > 0.0:
                use_proceeds(world, venue, i, payout)
