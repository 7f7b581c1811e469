"""The lending market: rates, interest, and the movements of cash, debt, deposits and collateral."""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEP_YEARS

SMALLEST_INDEX = 1e-6  # lower bound of the supply index, even if losses take all deposits again and again


@compiled
def kinked_borrow_rate(utilisation, base, slope1, slope2, optimal):
    """Annual borrow rate of a two-slope curve; source: Aave v3 DefaultReserveInterestRateStrategyV2."""
    if utilisation <= optimal:
        return base + slope1 * utilisation / optimal
    return base + slope1 + slope2 * (utilisation - optimal) / (1.0 - optimal)


@compiled
def supply_rate_of(borrow_rate, debt, cash, unbacked, reserve_factor):
    """Annual supply rate: borrowers' interest minus the reserve's share, divided by all that suppliers are owed.

    `unbacked` is the part of this claim without cash or debt behind it (Aave's unbacked; here the open deficit).
    """
    total = debt + cash + unbacked
    return borrow_rate * (1.0 - reserve_factor) * debt / total if total > 0.0 else 0.0


@compiled
def linear_growth(rate, years):
    """Growth of the supply index over `years` at a constant rate; source: Aave MathUtils.calculateLinearInterest."""
    return rate * years


@compiled
def compounded_growth(rate, years):
    """Growth of the borrow index: third-order series of exp(rate * years) - 1; source: Aave MathUtils."""
    x = rate * years
    return x + x * x / 2.0 + x * x * x / 6.0


@compiled
def debt_of(venue):
    """Debt of all accounts, with interest [USD]."""
    return venue.scaled_debt * venue.borrow_index


@compiled
def deposits_of(venue):
    """What suppliers and the option pool are owed [USD]."""
    return venue.scaled_deposits * venue.supply_index


@compiled
def refresh_rates(venue, p):
    """Compute utilisation and both rates after cash, debt or a lever has changed."""
    # rounding may leave a negative amount in an emptied market; utilisation from it could take any value
    debt, cash = max(debt_of(venue), 0.0), max(venue.cash, 0.0)
    venue.utilisation = debt / (debt + cash) if debt + cash > 0.0 else 0.0
    venue.borrow_rate = kinked_borrow_rate(
        venue.utilisation, venue.base_rate, venue.slope1, venue.slope2, venue.optimal_utilisation
    )
    venue.supply_rate = supply_rate_of(venue.borrow_rate, debt, cash, venue.deficit, p.reserve_factor)


@compiled
def accrue_interest(venue, p):
    """One sub-step of interest: borrowers owe more, suppliers are owed more, the treasury gets the difference."""
    earned = debt_of(venue) * compounded_growth(venue.borrow_rate, SUBSTEP_YEARS)
    owed = deposits_of(venue) * linear_growth(venue.supply_rate, SUBSTEP_YEARS)
    venue.borrow_index *= 1.0 + compounded_growth(venue.borrow_rate, SUBSTEP_YEARS)
    growth = linear_growth(venue.supply_rate, SUBSTEP_YEARS)
    venue.pool_interest += venue.option_scaled * venue.supply_index * growth
    venue.supply_index *= 1.0 + growth
    venue.reserve += earned - owed
    venue.sum_reserve_income += earned - owed


@compiled
def pay_funding_cost(world, venue, p):
    """The treasury pays an hour's cost of the lent money to the outside, as far as its cash suffices."""
    cost = min(p.funding_cost * debt_of(venue) / HOURS_PER_YEAR, max(venue.treasury_cash, 0.0))
    venue.treasury_cash -= cost
    world.outside_cash += cost
    venue.sum_funding_cost += cost
    note_cash(world, cost)


@compiled
def borrow(world, venue, i, amount):
    """Account `i` draws `amount` USD, at most the market's cash; the caller has checked the loan-to-value."""
    scaled = amount / venue.borrow_index
    venue.account_scaled_debt[i] += scaled
    venue.scaled_debt += scaled
    venue.cash -= amount
    world.outside_cash += amount
    venue.sum_net_borrow += amount
    note_cash(world, amount)


@compiled
def reduce_debt(venue, i, amount):
    """Reduce the debt of account `i` by `amount` USD; to zero if only rounding would remain. Returns the reduction."""
    scaled = venue.account_scaled_debt[i]
    change = amount / venue.borrow_index
    if change > scaled * (1.0 - 1e-12):
        change = scaled
    venue.account_scaled_debt[i] = scaled - change
    venue.scaled_debt -= change
    return change * venue.borrow_index


@compiled
def repay(world, venue, i, amount):
    """Account `i` repays `amount` USD (at most its debt) with cash from outside."""
    paid = reduce_debt(venue, i, amount)
    venue.cash += paid
    world.outside_cash -= paid
    venue.sum_net_borrow -= paid
    note_cash(world, paid)


@compiled
def add_collateral(world, venue, i, coin):
    """Account `i` moves `coin` from its wallet into the protocol (negative: out of it)."""
    venue.account_collateral[i] += coin
    world.outside_coin -= coin
    note_coin(world, coin)


@compiled
def add_deposits(venue, scaled):
    """Change the total of deposits by `scaled` units. If rounding makes the total negative, it is summed again."""
    venue.scaled_deposits += scaled
    if venue.scaled_deposits < 0.0:
        venue.scaled_deposits = venue.option_scaled
        for j in range(venue.num_suppliers):
            venue.scaled_deposits += venue.supplier_scaled[j]


@compiled
def supply(world, venue, j, amount):
    """Supplier `j` deposits `amount` USD, or withdraws -amount. The caller limits a withdrawal to cash and claim."""
    # after a haircut that took nearly everything, a claim is a huge number of units: its rounding could overdraw it
    scaled = max(amount / venue.supply_index, -venue.supplier_scaled[j])
    venue.supplier_scaled[j] += scaled
    add_deposits(venue, scaled)
    venue.cash += amount
    world.outside_cash -= amount
    venue.sum_net_supply += amount
    note_cash(world, amount)


@compiled
def lend_option_cash(world, venue, amount):
    """The option pool lends `amount` USD to the lending market, or takes -amount back. The caller sets the limits."""
    scaled = max(amount / venue.supply_index, -venue.option_scaled)
    venue.option_scaled += scaled
    add_deposits(venue, scaled)
    venue.cash += amount
    venue.option_cash -= amount
    note_cash(world, amount)


@compiled
def draw_backstop(world, venue, amount):
    """If the backstop is on, the outside lends the part of `amount` USD that the market lacks, without interest."""
    lent = amount - venue.cash
    if venue.backstop_on and lent > 0.0:
        venue.cash = amount
        venue.backstop += lent
        world.outside_cash -= lent
        note_cash(world, lent)


@compiled
def repay_backstop(world, venue):
    """All cash of the market goes to the outside first, until the loan of the backstop is repaid."""
    paid = min(venue.backstop, max(venue.cash, 0.0))
    venue.cash -= paid
    venue.backstop -= paid
    world.outside_cash += paid
    note_cash(world, paid)


@compiled
def cover_deficit(world, venue, p):
    """Decide who bears debt that was written off. A switch chooses one of two rules.

    Socialised (source: Morpho Blue): all deposits are cut at once. Otherwise (source: Aave) the treasury pays, first
    with its claim on the market, then with its cash. The rest stays an open deficit without interest, which the
    treasury's later income fills.
    """
    if venue.deficit <= 0.0:
        return
    if p.losses_socialised > 0.0:
        cut_deposits(venue)
    from_claim = min(venue.deficit, max(venue.reserve, 0.0))
    venue.reserve -= from_claim
    venue.deficit -= from_claim
    from_cash = min(venue.deficit, venue.treasury_cash)
    venue.treasury_cash -= from_cash
    venue.cash += from_cash
    venue.deficit -= from_cash
    note_cash(world, from_cash)


@compiled
def cut_deposits(venue):
    """Cut all deposits by the same share to cover the deficit. What they cannot bear stays a deficit."""
    deposits = deposits_of(venue)
    # a small value stays: a share with the value zero could never get a price again
    haircut = min(venue.deficit, deposits - SMALLEST_INDEX * venue.scaled_deposits)
    if haircut > 0.0:
        pool_share = venue.option_scaled / venue.scaled_deposits
        venue.pool_interest -= haircut * pool_share
        venue.sum_lp_haircuts += haircut * pool_share
        venue.sum_haircuts += haircut * (1.0 - pool_share)
        for j in range(venue.num_suppliers):
            venue.supplier_gain[j] -= haircut * (venue.supplier_scaled[j] / venue.scaled_deposits)
        venue.supply_index *= 1.0 - haircut / deposits
        venue.deficit -= haircut
