"""Two venues: how borrowers, suppliers and collateral choose between them. Worlds with one venue never come here.

Person i is account (or supplier) i at both venues, with the same traits. A taste, log odds for the first venue, splits
a person's position where both are equally good; a better rate moves the odds (a logit). Of unlike venues the larger one
is liked better by the log of how much larger it is, so that at equal rates each has its size. Borrowers move quarters
of their position, collateral and debt together; suppliers move money with their patience, see `suppliers.py`.
"""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.lending import add_collateral, borrow, repay
from protogov.envs.world.liquidation import health_factor
from protogov.envs.world.population.thresholds import level_of, next_level, spread_offset

LARGEST_ODDS = 40.0  # |log odds| beyond which a share is 0 or 1 to the last bit
NOT_HERE = 1e9  # log odds that no rate outweighs: of a venue that nobody is meant to come to


@compiled
def preferred_share(advantage, taste, steepness):
    """Share of a position that belongs here: 1 / (1 + exp(-(taste + steepness * advantage))).

    `advantage` is how much better this venue is [annual rate], `taste` the log odds for it at no advantage.
    """
    odds = min(max(taste + steepness * advantage, -LARGEST_ODDS), LARGEST_ODDS)
    return 1.0 / (1.0 + exp(-odds))


@compiled
def pull_of(first, second):
    """Log odds for the first of two venues of these sizes [USD]; 0 where they are alike."""
    if first == second:
        return 0.0
    if first == 0.0:
        return -NOT_HERE
    return log(first / second) if second > 0.0 else NOT_HERE


@compiled
def borrowing_advantage(here, there, reservation_rate):
    """How much better a borrower does here [annual]: surplus (v - R) on what each venue lends on the same collateral.

    Relative to the mean loan-to-value, so that with equal ones it is the rate there less the rate here.
    """
    gain_here = (reservation_rate - here.borrow_rate) * here.loan_to_value
    gain_there = (reservation_rate - there.borrow_rate) * there.loan_to_value
    return 2.0 * (gain_here - gain_there) / (here.loan_to_value + there.loan_to_value)


@compiled
def split_account(venue, v, i, taste, u, p):
    """Where account `i` of venue `v` begins: its taste, its thresholds, and the quarters of its position held here.

    `taste` (log odds for the first venue) and `u` (uniform) belong to the person; the second venue is the mirror image.
    """
    offset = spread_offset(u, p.level_stickiness)
    share = level_of(preferred_share(0.0, taste, 0.0), offset)
    venue.account_taste[i] = taste if v == 0 else -taste
    venue.account_venue_offset[i] = offset if v == 0 else 1.0 - offset
    venue.account_share[i] = share if v == 0 else 1.0 - share


@compiled
def review_venue(world, here, there, i, p):
    """Account `i` compares the venues and, past a threshold of its own, moves quarters of its position there."""
    if p.venue_choice == 0.0:
        return
    reservation = here.account_reservation_rate[i] * world.leverage_demand
    wish = preferred_share(borrowing_advantage(here, there, reservation), here.account_taste[i], p.venue_choice)
    held = here.account_share[i]
    wanted = next_level(held, wish, here.account_venue_offset[i], p.level_stickiness)
    # who wants more here decides so in a review of its account there
    if wanted < held and refinance(world, here, there, i, (held - wanted) / held):
        here.account_share[i] = wanted
        there.account_share[i] = 1.0 - wanted


@compiled
def refinance(world, here, there, i, share):
    """Move `share` of the position of account `i`: a loan there repays the loan here, and collateral follows.

    The move is made whole or not at all: the venue there must have the cash, and the account must end within its
    loan-to-value and the account's own safety level. Coins at home and in the wallet move by a word. True when done.
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
