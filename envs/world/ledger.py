"""Holders of cash and coin. Every transfer has two ends, so the totals of cash and coin never change.

Physics moves money with the paired statements ``a.x -= amount; b.y += amount`` and notes the flow here. The check at
the end of every hour counts all holders again. Outside balances are the net amounts received since the episode began.
They may be negative, because they stand for the rest of the world. `hedge_coin` may be negative: it is then coin
borrowed from outside and sold.
"""

from protogov.envs.world.compiled import compiled


@compiled
def note_cash(world, amount):
    """Add a transfer of `amount` USD (either sign) to the gross flow, which is the scale of the check."""
    world.gross_cash += abs(amount)


@compiled
def note_coin(world, amount):
    """Add a transfer of `amount` coin (either sign) to the gross flow."""
    world.gross_coin += abs(amount)


@compiled
def total_cash(world):
    """Cash of all holders [USD]."""
    total = world.pool_cash + world.arbitrage_cash + world.outside_cash + world.trader_cash
    cash = world.liquidator_cash
    for liquidator in range(world.num_liquidators):
        total += cash[liquidator]
    cash = world.attacker_cash
    for attacker in range(cash.shape[0]):
        total += cash[attacker]
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += venue.cash + venue.treasury_cash + venue.option_cash + venue.short_collateral_sum
        total += venue.lp_waiting_sum
    return total


@compiled
def total_coin(world):
    """Coin of all holders."""
    total = world.pool_coin + world.arbitrage_coin + world.outside_coin
    coin = world.liquidator_coin
    for liquidator in range(world.num_liquidators):
        total += coin[liquidator]
    coin = world.attacker_coin
    for attacker in range(coin.shape[0]):
        total += coin[attacker]
    for v in range(world.num_venues):
        venue = world.venues[v]
        total += venue.treasury_coin + venue.hedge_coin + venue.short_coin_sum
        collateral = venue.account_collateral
        for i in range(venue.num_accounts):
            total += collateral[i]
    return total


@compiled
def lending_residual(venue):
    """Assets minus claims of a lending market [USD]: cash + debt + deficit - deposits - treasury's claim - backstop."""
    debt = venue.scaled_debt * venue.borrow_index
    deposits = venue.scaled_deposits * venue.supply_index
    return venue.cash + debt + venue.deficit - deposits - venue.reserve - venue.backstop


@compiled
def worse(error, other):
    """The larger of two errors. A nan is kept, whereas max() may lose it."""
    return error if error >= other or error != error else other


@compiled
def sum_residual(venue):
    """Largest gap [USD] between a running total and the sum of its parts: debts, deposits, collateral, pool shares."""
    debts = 0.0
    for i in range(venue.num_accounts):
        debts += venue.account_scaled_debt[i]
    deposits = venue.option_scaled
    for j in range(venue.num_suppliers):
        deposits += venue.supplier_scaled[j]
    posted, coin = 0.0, 0.0
    for s in range(venue.num_shorts):
        posted += venue.short_collateral[s]
        coin += venue.short_coin[s]
    shares, waiting = 0.0, 0.0
    for j in range(venue.num_lps):
        shares += venue.lp_shares[j]
        waiting += venue.lp_waiting[j]
    # in USD: after a loss that took nearly all deposits, one dollar of new deposits is a huge scaled number
    worst = abs(debts - venue.scaled_debt) * venue.borrow_index
    worst = worse(worst, abs(deposits - venue.scaled_deposits) * venue.supply_index)
    worst = worse(worst, abs(posted - venue.short_collateral_sum))
    worst = worse(worst, abs(coin - venue.short_coin_sum) * venue.oracle_price)
    worst = worse(worst, abs(shares - venue.lp_total) * abs(venue.lp_price))
    return worse(worst, abs(waiting - venue.lp_waiting_sum))


@compiled
def check_books(world):
    """Count everything again and remember the largest residual relative to gross flow; correct books: below 1e-9."""
    error = abs(total_cash(world) - world.opening_cash) / world.gross_cash
    error = worse(error, abs(total_coin(world) - world.opening_coin) / world.gross_coin)
    for v in range(world.num_venues):
        venue = world.venues[v]
        error = worse(error, abs(lending_residual(venue) - venue.opening_net) / world.gross_cash)
        error = worse(error, sum_residual(venue) / world.gross_cash)
    world.book_error = worse(world.book_error, error)
