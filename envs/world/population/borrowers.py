"""Borrowers: heavy-tailed sizes, thresholds in the rate, puts, top-ups, deleveraging, exit and return."""

from math import exp, log

from protogov.envs.world.compiled import compiled, copied
from protogov.envs.world.events import record_event
from protogov.envs.world.interventions import sell_by_force
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.lending import add_collateral, borrow, reduce_debt, repay
from protogov.envs.world.liquidation import health_factor
from protogov.envs.world.market import buy_from_pool, leave_impact, pool_in_line, pool_price
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.numeric import decay, power
from protogov.envs.world.population.put_buyers import protect, sell_protection
from protogov.envs.world.population.solvable_rules import even_reservation, linear_demand, linear_worth, rival_of
from protogov.envs.world.population.surplus import staircase_worth
from protogov.envs.world.population.thresholds import level_of, next_level, spread_offset
from protogov.envs.world.population.venue_choice import pull_of, review_venue, split_account
from protogov.envs.world.state import ACCOUNT_SLOTS, DELEVERAGE_SALE, HOURS_PER_YEAR, SUBSTEPS, EventKind

TOP_UP_TARGET = 1.1  # health factor after a top-up, divided by the account's safety level
REFERENCE_RATE, REFERENCE_LTV = 0.0526, 0.805  # default levers at 75% utilisation: sizes are scaled at these values
BORROWING_ROOM = 1.02  # least health factor after a new loan, divided by the account's safety level
LARGEST_DELEVERAGE = 0.25  # largest share of the collateral sold in one action


@compiled
def draw_borrowers(world, venue, v, params):
    """Draw the borrowers: Pareto sizes, reservation rates, leverage, safety, activity and wallets, but no debt yet.

    The population does not depend on the levers: it is scaled to owe `debt_size` at the reference rate and
    loan-to-value. What it owes when the episode opens follows from the opening levers, see `open_loans`. Person i has
    the same traits at every venue. With two venues, person i has one position, split between both by its taste and by
    the venues' sizes.
    """
    seed, p = world.seed, params[v]
    whole, pull = p.debt_size, 0.0  # debt [USD] at all venues
    if world.num_venues > 1:
        whole = params[0].debt_size + params[1].debt_size
        pull = pull_of(params[0].debt_size, params[1].debt_size)
    count = int(p.num_accounts)
    venue.num_accounts = count
    smallest = power(p.account_size_ratio, -p.account_tail)
    collateral, owed = venue.account_collateral, 0.0
    for i in range(count):
        # bounded Pareto by inverse CDF: size 1 .. account_size_ratio
        u = uniform(seed, i, 0, 0, Purpose.ACCOUNT_SIZE)
        size = power(1.0 - u * (1.0 - smallest), -1.0 / p.account_tail)
        u = uniform(seed, i, 0, 0, Purpose.ACCOUNT_LEVERAGE)
        venue.account_leverage[i] = p.leverage_low + (p.leverage_high - p.leverage_low) * u
        # an account that uses most of its allowed loan values the loan most
        taste = p.reservation_spread * normal(seed, i, 0, 0, Purpose.ACCOUNT_RATE) + p.leverage_taste * (2.0 * u - 1.0)
        venue.account_reservation_rate[i] = p.reservation_median * exp(taste)
        if p.reservation_top > 0.0:
            venue.account_reservation_rate[i] = even_reservation(i, count, p.reservation_top)
        u = uniform(seed, i, 0, 0, Purpose.ACCOUNT_SAFETY)
        venue.account_safety[i] = p.safety_low + (p.safety_high - p.safety_low) * u
        idle = uniform(seed, i, 0, 0, Purpose.ACCOUNT_ACTIVITY) < p.idle_share
        venue.account_activity[i] = p.attentive_activity * (p.idle_activity if idle else 1.0)
        collateral[i] = size / (venue.account_leverage[i] * REFERENCE_LTV)
        u = uniform(seed, i, 0, 0, Purpose.ACCOUNT_OFFSET)
        venue.account_offset[i] = spread_offset(u, p.level_stickiness)
        owed += size * participation(REFERENCE_RATE, venue.account_reservation_rate[i], 1.0, p)
    scale = whole / world.num_venues / (owed * venue.oracle_price)
    for i in range(count):
        collateral[i] *= scale
        if world.num_venues > 1:
            taste = p.taste_spread * normal(seed, i, 0, 0, Purpose.ACCOUNT_TASTE) + pull
            split_account(venue, v, i, taste, uniform(seed, i, 0, 0, Purpose.ACCOUNT_VENUE_OFFSET), p)
            collateral[i] *= world.num_venues * venue.account_share[i]
        u = uniform(seed, i, 0, 0, Purpose.ACCOUNT_WALLET)
        venue.account_wallet[i] = collateral[i] * p.wallet_share * u


@compiled
def full_debt(venue, i, value):
    """Debt [USD] of account `i` at its highest level, against collateral worth `value` USD.

    Nobody borrows so much that a small fall of the price would force a sale. The account's own safety level therefore
    also limits the debt.
    """
    careful = venue.liquidation_threshold / (venue.account_safety[i] * BORROWING_ROOM)
    return min(venue.account_leverage[i] * venue.loan_to_value, careful) * value


@compiled
def wanted_loans(world, venue, rate, fall, p):
    """Wanted debt [USD] of all accounts at `rate`, each on its level: it falls with the rate in steps.

    Returns:
        (debt, what of it would exceed 97% of its own collateral after a price fall of `fall`) [USD].
    """
    left = 0.97 * (1.0 - fall)
    total, uncovered = 0.0, 0.0
    for i in range(venue.num_accounts):
        share = participation(rate, venue.account_reservation_rate[i], world.leverage_demand, p)
        value = venue.account_collateral[i] * venue.oracle_price
        debt = level_of(share, venue.account_offset[i]) * full_debt(venue, i, value)
        total += debt
        uncovered += max(debt - left * value, 0.0)
    return total, uncovered


@compiled
def open_loans(world, venue, rate, scale, p):
    """Set every account to its level at `rate`, with `scale` times the debt of that level; indices are 1.

    An account with the level 0 has already left: its collateral is outside.
    """
    venue.scaled_debt = 0.0
    for i in range(venue.num_accounts):
        share = participation(rate, venue.account_reservation_rate[i], world.leverage_demand, p)
        level = level_of(share, venue.account_offset[i])
        hold_level(venue, i, level, p)
        debt = scale * level * full_debt(venue, i, venue.account_collateral[i] * venue.oracle_price)
        venue.account_scaled_debt[i] = venue.account_opening_debt[i] = debt
        venue.scaled_debt += debt
        if level == 0.0:
            venue.account_home[i], venue.account_collateral[i] = venue.account_collateral[i], 0.0


@compiled
def hold_level(venue, i, level, p):
    """Set account `i` to `level`. The worth of this level to the account follows from its demand in steps."""
    venue.account_level[i] = level
    venue.account_worth[i] = staircase_worth(level, venue.account_offset[i], p.borrow_elasticity)


@compiled
def participation(rate, reservation_rate, demand, p):
    """Share of its wanted debt that an account takes at `rate`: 1 at zero, one half at its reservation rate.

    Logistic in the log of the rate with the exponent `borrow_elasticity`. `demand` scales the reservation rate.
    """
    ratio = max(rate, 1e-9) / (reservation_rate * demand)
    return 1.0 / (1.0 + exp(p.borrow_elasticity * log(ratio)))


@compiled
def visit_borrowers(world, venue, v, substep_of_hour, events, p):
    """Visit every account once an hour, in a sub-step that a keyed draw rotates."""
    first = int(uniform(world.seed, v, world.hour, 0, Purpose.ACCOUNT_SLOT) * SUBSTEPS)
    start = (substep_of_hour + first) % SUBSTEPS
    activity, hourly = venue.account_activity, venue.borrow_index / HOURS_PER_YEAR
    # an attentive account looks `attentive_activity` times an hour; half of them have reviewed after one half-life
    reviews = 1.0 - decay(1.0, p.borrow_half_life * p.attentive_activity)
    total = 0.0
    for i in range(start, venue.num_accounts, SUBSTEPS):
        surplus = (worth_of_debt(world, venue, v, i, p) - venue.borrow_rate) * venue.account_scaled_debt[i] * hourly
        venue.account_surplus[i] += surplus
        total += surplus
        if uniform(world.seed, v * ACCOUNT_SLOTS + i, world.hour, 0, Purpose.ACCOUNT_ACTS) < activity[i]:
            act(world, venue, v, i, reviews, events, p)
    venue.sum_borrower_surplus += total


@compiled
def worth_of_debt(world, venue, v, i, p):
    """Mean rate [annual] up to which account `i` would keep its wanted debt: the mean height of its demand curve."""
    if p.demand_choke > 0.0:
        return linear_worth(venue.account_level[i], rival_of(world, v).borrow_rate, p.demand_choke)
    return venue.account_worth[i] * venue.account_reservation_rate[i] * world.leverage_demand


@copied
def act(world, venue, v, i, reviews, events, p):
    """One look of account `i` at its position: first its safety, then, with the probability `reviews`, the rate."""
    price = venue.oracle_price
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    collateral = venue.account_collateral[i]
    if collateral * price < p.dust_balance and venue.account_home[i] == 0.0:
        refill_account(world, venue, v, i, p)
        return
    safety = venue.account_safety[i]
    health = health_factor(collateral, price, venue.liquidation_threshold, debt)
    if health < safety:
        if venue.account_puts[i] > 0.0:
            sell_protection(world, venue, i, p)
            debt = venue.account_scaled_debt[i] * venue.borrow_index
        health = top_up(world, venue, i, debt, price, safety)
        if health < safety:
            deleverage(world, venue, v, i, debt, price, safety, events, p)
        return
    if p.options_on > 0.0 and health < p.put_health and venue.account_puts[i] == 0.0:
        protect(world, venue, v, i, debt, p)
    if venue.account_pledges[i] > 0:
        return  # its coin backs options that it wrote: until they end, it cannot leave and cannot borrow more
    if uniform(world.seed, v * ACCOUNT_SLOTS + i, world.hour, 0, Purpose.ACCOUNT_REVIEWS) < reviews:
        if world.num_venues > 1:
            review_venue(world, venue, world.venues[1 - v], i, p)
        if p.demand_choke > 0.0:
            level = linear_demand(venue.borrow_rate, rival_of(world, v).borrow_rate, p.demand_choke)
            take_level(world, venue, i, level, p)
        else:
            review_rate(world, venue, i, p)


@compiled
def top_up(world, venue, i, debt, price, safety):
    """Add coin from the wallet until the health factor is safe or the wallet is empty; the new health factor."""
    threshold = venue.liquidation_threshold
    needed = safety * TOP_UP_TARGET * debt / (threshold * price) - venue.account_collateral[i]
    coin = min(max(needed, 0.0), venue.account_wallet[i])
    if coin > 0.0:
        venue.account_wallet[i] -= coin
        add_collateral(world, venue, i, coin)
    return health_factor(venue.account_collateral[i], price, threshold, debt)


@compiled
def deleverage(world, venue, v, i, debt, price, safety, events, p):
    """Sell own collateral to the pool and repay, as much as safety needs and one action allows.

    Coin s to sell solves (collateral - s) * price * LT = safety * (debt - s * sale price).
    """
    threshold = venue.liquidation_threshold
    collateral = venue.account_collateral[i]
    sale_price = pool_price(world) * (1.0 - p.pool_fee)
    gain = safety * sale_price - price * threshold
    if gain <= 0.0:
        return
    coin = min(max((safety * debt - collateral * price * threshold) / gain, 0.0), LARGEST_DELEVERAGE * collateral)
    coin = min(coin, debt / sale_price)
    if coin * price < p.gas_cost:
        return
    venue.account_collateral[i] -= coin
    note_coin(world, coin)
    cash, impact = sell_by_force(world, events, world.num_events, DELEVERAGE_SALE, coin, p.pool_fee)
    paid = reduce_debt(venue, i, min(cash, debt))
    venue.cash += paid
    world.outside_cash += cash - paid
    venue.sum_net_borrow -= paid
    note_cash(world, cash)
    serial = record_event(world, events, v, EventKind.DELEVERAGE, i, -1, paid, coin, price, 0.0)
    leave_impact(world, serial, impact, p)


@compiled
def review_rate(world, venue, i, p):
    """Compare the rate with the thresholds of account `i`: it changes its level, leaves, returns, or adjusts its debt.

    A change of level is made completely and at once. Only the market's cash and the loan-to-value limit a new loan.
    """
    share = participation(venue.borrow_rate, venue.account_reservation_rate[i], world.leverage_demand, p)
    level = next_level(venue.account_level[i], share, venue.account_offset[i], p.level_stickiness)
    take_level(world, venue, i, level, p)


@compiled
def take_level(world, venue, i, level, p):
    """Set account `i` to `level`, a share of its full debt, and change its debt and collateral to match."""
    if level != venue.account_level[i]:
        hold_level(venue, i, level, p)
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    if level == 0.0:
        leave(world, venue, i, debt)
        return
    if venue.account_home[i] > 0.0 and venue.cash > 0.0:
        add_collateral(world, venue, i, venue.account_home[i])
        venue.account_home[i] = 0.0
    adjust_debt(world, venue, i, debt, p)


@compiled
def leave(world, venue, i, debt):
    """Leave: repay all debt and take the collateral out."""
    if debt > 0.0:
        repay(world, venue, i, debt)
    coin = venue.account_collateral[i]
    venue.account_home[i] += coin
    add_collateral(world, venue, i, -coin)


@compiled
def adjust_debt(world, venue, i, debt, p):
    """Move the debt of account `i` to that of its level; part of a new loan buys coin in the pool."""
    value = venue.account_collateral[i] * venue.oracle_price
    wanted = venue.account_level[i] * full_debt(venue, i, value)
    change = wanted - debt
    if abs(change) <= p.borrow_stickiness * wanted:
        return
    if change < 0.0:
        repay(world, venue, i, -change)
        return
    change = min(change, min(max(venue.cash, 0.0), max(venue.loan_to_value * value - debt, 0.0)))
    if change > 0.0:
        borrow(world, venue, i, change)
        spent = p.leverage_buying * change
        if spent > 0.0:
            buy_with_loan(world, venue, i, spent, p)


@compiled
def buy_with_loan(world, venue, i, spent, p):
    """A levered long position: borrowed cash buys coin in the spot pool, and the coin becomes collateral."""
    if not pool_in_line(world):
        return
    gross = min(spent * (1.0 - p.pool_fee), world.pool_cash)  # at this limit it buys half of the pool's coin
    coin = world.pool_coin * gross / (world.pool_cash + gross)
    paid, _ = buy_from_pool(world, coin, p.pool_fee)
    world.outside_cash -= paid
    venue.account_collateral[i] += coin


@compiled
def refill_account(world, venue, v, i, p):
    """An emptied account returns after some time with the coin in its wallet."""
    chance = (1.0 - decay(1.0, p.return_half_life)) / venue.account_activity[i]
    if uniform(world.seed, v * ACCOUNT_SLOTS + i, world.hour, 0, Purpose.ACCOUNT_RETURNS) < chance:
        coin = venue.account_wallet[i]
        venue.account_wallet[i] = 0.0
        add_collateral(world, venue, i, coin)
