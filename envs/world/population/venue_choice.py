"""Two venues: how borrowers, suppliers and collateral choose between them. A world with one venue does not use this.

Person i is account (or supplier) i at both venues, with the same traits. A taste (log odds for the first venue) splits
a person's position if both venues are equally good. A better rate changes the odds (a logit). If the venues differ in
size, the log of the ratio of sizes is added to the taste, so at equal rates each venue keeps its size. Borrowers move
quarters of their position, collateral and debt together. Suppliers move money gradually, see `suppliers.py`.
"""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.lending import add_collateral, borrow, repay
from protogov.envs.world.liquidation import health_factor
from protogov.envs.world.population.thresholds import level_of, next_level, spread_offset

LARGEST_ODDS = 40.0  # |log odds| beyond which a share is 0 or 1 to the last bit
NOT_HERE = 1e9  # log odds that no rate outweighs: for a venue of size 0


@compiled
def preferred_share(advantage, taste, steepness):
    """Share of a position that belongs to this venue: 1 / (1 + exp(-(taste + steepness * advantage))).

    `advantage` is how much better this venue is [annual rate]. `taste` is the log odds for it without an advantage.
    """
    odds = min(max(taste + steepness * advantage, -LARGEST_ODDS), LARGEST_ODDS)
    return 1.0 / (1.0 + exp(-odds))


@compiled
def pull_of(first, second):
    """Log odds for the first of two venues of these sizes [USD]; 0 if the sizes are equal."""
    if first == second:
        return 0.0
    if first == 0.0:
        return -NOT_HERE
    return log(first / second) if second > 0.0 else NOT_HERE


@compiled
def borrowing_advantage(here, there, reservation_rate):
    """How much better off a borrower is here [annual]: surplus (v - R) on what each venue lends on the same collateral.

    The difference is divided by the mean loan-to-value. With equal loan-to-values it is the rate there minus the rate
    here.
    """
    gain_here = (reservation_rate - here.borrow_rate) * here.loan_to_value
    gain_there = (reservation_rate - there.borrow_rate) * there.loan_to_value
    return 2.0 * (gain_here - gain_there) / (here.loan_to_value + there.loan_to_value)


@compiled
def split_account(venue, v, i, taste, u, p):
    """Opening state of account `i` at venue `v`: its taste, its thresholds, and the quarters of its position held here.

    `taste` (log odds for the first venue) and `u` (uniform) belong to the person. The second venue gets the mirror
    image.
    """
    offset = spread_offset(u, p.level_stickiness)
    share = level_of(preferred_share(0.0, taste, 0.0), offset)
    venue.account_taste[i] = taste if v == 0 else -taste
    venue.account_venue_offset[i] = offset if v == 0 else 1.0 - offset
    venue.account_share[i] = share if v == 0 else 1.0 - share


@compiled
def review_venue(world, here, there, i, p):
    """Account `i` compares the venues. Past one of its thresholds it moves quarters of its position to the other."""
    if p.venue_choice == 0.0:
        return
    reservation = here.account_reservation_rate[i] * world.leverage_demand
    wish = preferred_share(borrowing_advantage(here, there, reservation), here.account_taste[i], p.venue_choice)
    held = here.account_share[i]
    wanted = next_level(held, wish, here.account_venue_offset[i], p.level_stickiness)
    # an account that wants more here decides this in the review of its account at the other venue
    if wanted < held and refinance(world, here, there, i, (held - wanted) / held):
        here.account_share[i] = wanted
        there.account_share[i] = 1.0 - wanted


@compiled
def refinance(world, here, there, i, share):
    """Move `share` of the position of account `i`: a loan there repays the loan here, and the collateral follows.

    The whole move is made, or nothing. The other venue must have the cash. The account must end within the
    loan-to-value there and within its own safety level. Coins outside and in the wallet are only reassigned, without a
    transfer.

    Returns:
        True if the move was made.
    """
    debt = share * here.account_scaled_debt[i] * here.borrow_index
    coin = share * here.account_collateral[i]
    if debt > 0.0:
        owed = there.account_scaled_debt[i] * there.borrow_index + debt
        held = there.account_collateral[i] + coin
        price = there.oracle_price
        if debt > there.cash or owed > there.loan_to_value * held * price:
            return False
        if health_factor(held, price, there.liquidation_threshold, owed) < there.account_safety[i]:
            return False
        if there.account_scaled_debt[i] == 0.0:
            there.account_level[i], there.account_worth[i] = here.account_level[i], here.account_worth[i]
        borrow(world, there, i, debt)
        repay(world, here, i, debt)
    add_collateral(world, here, i, -coin)
    add_collateral(world, there, i, coin)
    at_home, wallet = share * here.account_home[i], share * here.account_wallet[i]
    here.account_home[i] -= at_home
    there.account_home[i] += at_home
    here.account_wallet[i] -= wallet
    there.account_wallet[i] += wallet
    return True
