"""Attackers: people with their own capital who use the protocol's rules against it, at their own risk.

The pusher trades the spot pool away from the market just before the oracles look at it. The tape's `oracle_push` says
how far; the pusher's money limits it. For a push upward it posts collateral first, and then borrows all that the
pushed price allows. For a push downward it sells a stock of coin, and buys coin back after forced sales have lowered
the price. When the push ends, or can gain no more, the pusher closes its position. It repays its loan if its
collateral is worth more than the loan. If not, it leaves the loan unpaid.

The griefer borrows the market's cash until utilisation reaches the tape's `griefing`. It does this every hour and pays
the interest. It repays all when the tape's `griefing` returns to 0.

Both bring their capital from outside and take out what is left. What they gain, somebody else loses, and the other way
round. Their loans are accounts with indices after those of the borrowers. They are liquidated like any other account.
"""

from math import exp, log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.lending import borrow, repay
from protogov.envs.world.market import buy_from_pool, leave_impact, pool_price, sell_to_pool
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.state import MAX_ATTACKERS, EventKind

PUSHER, GRIEFER = 0, 1
AWAY, AT_WORK, LEAVING, TRADED_OUT = 0, 1, 2, 3
SLACK = 0.001  # log price: smaller gaps are not traded
UNWIND_STEP = 0.005  # log price: largest distance from the market to which closing may move the pool in a sub-step
CAREFUL = 0.999  # share of a limit that an attacker uses: rounding must not make a loan unhealthy
SPARE = 0.05  # share of its capital that the griefer keeps to pay interest
CRUMB = 1e-6  # USD at the opening price: a smaller position counts as closed


@compiled
def account_of(attacker, p):
    """Index of an attacker's account at its venue. These accounts follow those of the borrowers."""
    return int(p.num_accounts) + attacker


@compiled
def debt_at(venue, i):
    """Debt of account `i`, with interest [USD]."""
    return venue.account_scaled_debt[i] * venue.borrow_index


# ---------------------------------------------------------------- before the oracle looks at the pool


@compiled
def push_pool(world, events, p):
    """The pusher's trades with the spot pool, after arbitrage and before the oracle: a push, or the closing trades."""
    open_accounts(world, p)
    active = world.attacker_active
    if world.oracle_push == 0.0:
        world.push_done = 0
        if active[PUSHER] == AT_WORK:
            active[PUSHER] = LEAVING
    elif active[PUSHER] == AWAY and world.push_done == 0:
        world.push_done = 1  # one arrival for each push of the tape
        arrive(world, PUSHER, p.push_capital)
        prepare_push(world, p)
    if active[PUSHER] == AT_WORK:
        trade_toward(world, world.tape_price * exp(world.oracle_push), events, p)
    elif active[PUSHER] == LEAVING:
        trade_out(world, events, p)


@compiled
def open_accounts(world, p):
    """Give every attacker an account at every venue. The rules of borrowers do not act for this account.

    Its reservation rate is the rate it pays: the worth of a loan to an attacker is not part of welfare.
    """
    people = int(p.num_accounts)
    for v in range(world.num_venues):
        venue = world.venues[v]
        venue.num_accounts = people + MAX_ATTACKERS
        for attacker in range(MAX_ATTACKERS):
            venue.account_safety[people + attacker] = 1.0
            venue.account_reservation_rate[people + attacker] = venue.borrow_rate / world.leverage_demand


@compiled
def arrive(world, attacker, capital):
    """An attacker brings `capital` USD from outside to a venue that a keyed random number picks."""
    u = uniform(world.seed, attacker, world.hour, 0, Purpose.ATTACK_VENUE)
    world.attacker_venue[attacker] = int(u * world.num_venues)
    world.attacker_active[attacker] = AT_WORK
    world.attacker_stock[attacker] = 0.0
    world.attacker_brought[attacker] += capital
    world.attacker_cash[attacker] += capital
    world.outside_cash -= capital
    note_cash(world, capital)


@compiled
def buy_outside(world, attacker, coin, p):
    """Buy `coin` (negative: sell) from people outside, at the outside price, with the same fee as the pool's."""
    price = world.outside_price * (1.0 + p.pool_fee if coin > 0.0 else 1.0 - p.pool_fee)
    cash = coin * price
    world.attacker_cash[attacker] -= cash
    world.outside_cash += cash
    world.attacker_coin[attacker] += coin
    world.outside_coin -= coin
    note_cash(world, cash)
    note_coin(world, coin)


@compiled
def post(world, venue, attacker, i, coin):
    """Post `coin` as collateral of account `i` (negative: withdraw it)."""
    world.attacker_coin[attacker] -= coin
    venue.account_collateral[i] += coin
    note_coin(world, coin)


@compiled
def prepare_push(world, p):
    """The pusher buys coin outside before the push: collateral for a push upward, a stock to sell for one downward."""
    price = world.outside_price * (1.0 + p.pool_fee)
    if world.oracle_push > 0.0:
        coin = p.push_collateral * world.attacker_cash[PUSHER] / price
        buy_outside(world, PUSHER, coin, p)
        post(world, world.venues[world.attacker_venue[PUSHER]], PUSHER, account_of(PUSHER, p), coin)
    else:
        coin = world.attacker_cash[PUSHER] / price
        buy_outside(world, PUSHER, coin, p)
        world.attacker_stock[PUSHER] = coin


@compiled
def own_cash(world, attacker, p):
    """An attacker's cash without what it has borrowed [USD]."""
    venue = world.venues[world.attacker_venue[attacker]]
    return max(world.attacker_cash[attacker] - debt_at(venue, account_of(attacker, p)), 0.0)


@compiled
def trade_toward(world, price, events, p):
    """Trade with the pool until its price is `price`, as far as the pusher's cash and coin suffice; record it."""
    gap = log(price / pool_price(world))
    if gap > SLACK:
        gross = min(world.pool_cash * (exp(0.5 * gap) - 1.0), own_cash(world, PUSHER, p) * (1.0 - p.pool_fee))
        buy(world, gross, events, p)
    elif gap < -SLACK:
        sell(world, min(world.pool_coin * (exp(-0.5 * gap) - 1.0), world.attacker_coin[PUSHER]), events, p)


@compiled
def buy(world, gross, events, p):
    """The pusher spends `gross` USD, plus the fee, in the pool."""
    if gross <= 0.0:
        return
    coin = world.pool_coin * gross / (world.pool_cash + gross)
    paid, impact = buy_from_pool(world, coin, p.pool_fee)
    world.attacker_cash[PUSHER] -= paid
    world.attacker_coin[PUSHER] += coin
    record_push(world, paid, coin, impact, events, p)


@compiled
def sell(world, coin, events, p):
    """The pusher sells `coin` to the pool."""
    if coin <= 0.0:
        return
    received, impact = sell_to_pool(world, coin, p.pool_fee)
    world.attacker_cash[PUSHER] += received
    world.attacker_coin[PUSHER] -= coin
    record_push(world, received, coin, impact, events, p)


@compiled
def record_push(world, cash, coin, impact, events, p):
    """Record a trade of the pusher. What this trade causes then has it as its parent."""
    v, i = world.attacker_venue[PUSHER], account_of(PUSHER, p)
    price = world.venues[v].oracle_price
    serial = record_event(world, events, v, EventKind.ATTACK, i, -1, cash, coin, price, 0.0)
    leave_impact(world, serial, impact, p)


@compiled
def trade_out(world, events, p):
    """After the push: return the position to its value before the push.

    The pusher sells what it bought in the push and buys back what it sold. It never moves the pool price beyond the
    market's price by more than `UNWIND_STEP`.
    """
    position = world.attacker_coin[PUSHER] - world.attacker_stock[PUSHER]
    crumb = CRUMB / world.venues[world.attacker_venue[PUSHER]].opening_price
    if position > crumb:
        room = log(pool_price(world) / world.outside_price) + UNWIND_STEP
        if room > SLACK:
            sell(world, min(world.pool_coin * (exp(0.5 * room) - 1.0), position), events, p)
        return
    cash = own_cash(world, PUSHER, p) * (1.0 - p.pool_fee)
    if position < -crumb and cash > 1.0:
        room = log(world.outside_price / pool_price(world)) + UNWIND_STEP
        if room > SLACK:
            wanted = world.pool_cash * -position / max(world.pool_coin + position, crumb)
            buy(world, min(world.pool_cash * (exp(0.5 * room) - 1.0), wanted, cash), events, p)
        return
    world.attacker_active[PUSHER] = TRADED_OUT


# ---------------------------------------------------------------- after the oracle's report and people's actions


@compiled
def use_market(world, p):
    """Attackers use the lending market at the current price of its oracle; then their profit is recorded.

    This runs after interest has accrued, because interest is due on the debts that existed until now.
    """
    active = world.attacker_active
    if active[PUSHER] == AT_WORK and world.oracle_push > 0.0:
        borrow_most(world, PUSHER, p)
        if worth_leaving(world, p):
            active[PUSHER] = LEAVING
    elif active[PUSHER] == TRADED_OUT:
        settle_loan(world, PUSHER, p)
        go_home(world, PUSHER, p)
    if world.griefing > 0.0:
        if active[GRIEFER] == AWAY:
            arrive(world, GRIEFER, p.grief_capital)
        borrow_cash(world, p)
    elif active[GRIEFER]:
        settle_loan(world, GRIEFER, p)
        go_home(world, GRIEFER, p)
    for attacker in range(MAX_ATTACKERS):
        if active[attacker]:
            world.attacker_profit[attacker] = worth_of(world, attacker, p) - world.attacker_brought[attacker]


@compiled
def worth_of(world, attacker, p):
    """Worth of an attacker [USD]: cash, coin at the outside price, and collateral minus the loan if that is positive.

    An attacker does not repay a loan that exceeds its collateral. Such a loan therefore does not lower its worth.
    """
    venue, i = world.venues[world.attacker_venue[attacker]], account_of(attacker, p)
    price = world.outside_price
    equity = max(venue.account_collateral[i] * price - debt_at(venue, i), 0.0)
    return world.attacker_cash[attacker] + world.attacker_coin[attacker] * price + equity


@compiled
def lend_to(world, venue, attacker, i, amount):
    """Account `i` borrows `amount` USD for its attacker; the caller has checked the loan-to-value and the cash."""
    borrow(world, venue, i, amount)
    world.outside_cash -= amount
    world.attacker_cash[attacker] += amount
    note_cash(world, amount)


@compiled
def pay_back(world, venue, attacker, i, amount):
    """An attacker repays `amount` USD of the debt of its account `i`."""
    world.attacker_cash[attacker] -= amount
    world.outside_cash += amount
    note_cash(world, amount)
    repay(world, venue, i, amount)


@compiled
def borrow_most(world, attacker, p):
    """Borrow all that the posted collateral allows at the oracle's price, limited by the market's cash."""
    venue, i = world.venues[world.attacker_venue[attacker]], account_of(attacker, p)
    limit = CAREFUL * venue.loan_to_value * venue.account_collateral[i] * venue.oracle_price
    amount = min(limit - debt_at(venue, i), venue.cash)
    if amount > 0.0:
        lend_to(world, venue, attacker, i, amount)


@compiled
def worth_leaving(world, p):
    """Whether the pusher's debt exceeds its collateral by at least half of the largest gain that the push allows.

    From then on, holding the price for another minute costs more than it brings.
    """
    venue, i = world.venues[world.attacker_venue[PUSHER]], account_of(PUSHER, p)
    worth = venue.account_collateral[i] * world.outside_price
    hoped = venue.loan_to_value * exp(world.oracle_push) - 1.0
    return debt_at(venue, i) > worth * (1.0 + 0.5 * max(hoped, 0.0))


@compiled
def borrow_cash(world, p):
    """The griefer borrows until utilisation is `griefing`, and posts the collateral that this loan needs."""
    venue, i = world.venues[world.attacker_venue[GRIEFER]], account_of(GRIEFER, p)
    debt = debt_at(venue, i)
    owed = venue.scaled_debt * venue.borrow_index
    wanted = min(max(world.griefing * (owed + venue.cash) - owed, 0.0), max(venue.cash, 0.0))
    backing = CAREFUL * venue.loan_to_value * venue.oracle_price  # what one coin of collateral allows to borrow [USD]
    missing = (debt + wanted) / backing - venue.account_collateral[i]
    money = own_cash(world, GRIEFER, p) - SPARE * p.grief_capital
    coin = min(missing, money / (world.outside_price * (1.0 + p.pool_fee)))
    if coin > 0.0:
        buy_outside(world, GRIEFER, coin, p)
        post(world, venue, GRIEFER, i, coin)
    amount = min(wanted, venue.account_collateral[i] * backing - debt)
    if amount > 0.0:
        lend_to(world, venue, GRIEFER, i, amount)


@compiled
def settle_loan(world, attacker, p):
    """Repay the loan and withdraw the collateral if it is worth more than the loan; otherwise leave both."""
    venue, i = world.venues[world.attacker_venue[attacker]], account_of(attacker, p)
    debt, collateral = debt_at(venue, i), venue.account_collateral[i]
    if collateral * world.outside_price <= debt:
        return
    paid = min(debt, world.attacker_cash[attacker])
    if paid > 0.0:
        pay_back(world, venue, attacker, i, paid)
    # the unpaid part stays owed, and the collateral that backs it stays posted
    debt = debt_at(venue, i)
    kept = debt / (CAREFUL * venue.loan_to_value * venue.oracle_price)
    if kept < collateral:
        post(world, venue, attacker, i, kept - collateral)


@compiled
def go_home(world, attacker, p):
    """Sell the remaining coin outside and take all cash out. The gain or loss of the attack stays recorded."""
    coin = world.attacker_coin[attacker]
    if coin != 0.0:
        buy_outside(world, attacker, -coin, p)
    world.attacker_profit[attacker] = worth_of(world, attacker, p) - world.attacker_brought[attacker]
    cash = world.attacker_cash[attacker]
    world.attacker_cash[attacker] = 0.0
    world.attacker_brought[attacker] -= cash
    world.outside_cash += cash
    note_cash(world, cash)
    world.attacker_stock[attacker] = 0.0
    world.attacker_active[attacker] = AWAY
