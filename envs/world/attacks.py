"""Attackers: people with capital of their own who turn the protocol's rules against it, at their own risk.

The pusher trades the spot pool away from the market just before oracles look, as far as the tape's `oracle_push`
asks and its money goes. Upward it has posted collateral before, and borrows all that the pushed price allows; downward
it sells a stock of coin, and buys it back from those whom the fall forced to sell. When the push is over, or has given
what it could, it trades out, pays its loan back if its collateral is worth more, and walks away from it if not. The
griefer borrows the market's cash up to the tape's utilisation `griefing`, hour after hour, pays the interest, and pays
all back when the tape lets go.

Both bring their capital from outside and take home what is left: what they gain somebody else has lost, and the other
way round. Their loans are accounts behind those of the borrowers and can be liquidated like any other.
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
SLACK = 0.001  # log price: gaps below it are not traded on
UNWIND_STEP = 0.005  # log price by which trading out may move the pool away from the market in a sub-step
CAREFUL = 0.999  # share of a limit that an attacker uses: rounding must not make a loan unhealthy
SPARE = 0.05  # of its capital that the griefer keeps for interest
CRUMB = 1e-6  # USD at the opening price, below which a position is closed


@compiled
def account_of(attacker, p):
    """Index of an attacker's account at its venue: behind all borrowers."""
    return int(p.num_accounts) + attacker


@compiled
def debt_at(venue, i):
    """Debt of account `i` with interest [USD]."""
    return venue.account_scaled_debt[i] * venue.borrow_index


# ---------------------------------------------------------------- before the oracle looks


@compiled
def push_pool(world, events, p):
    """The pusher's trades with the spot pool, after arbitrage and before the oracle: the push, or the way out."""
    open_accounts(world, p)
    active = world.attacker_active
    if world.oracle_push == 0.0:
        world.push_done = 0
        if active[PUSHER] == AT_WORK:
            active[PUSHER] = LEAVING
    elif active[PUSHER] == AWAY and world.push_done == 0:
        world.push_done = 1  # one coming for each push of the tape
        arrive(world, PUSHER, p.push_capital)
        prepare_push(world, p)
    if active[PUSHER] == AT_WORK:
        trade_toward(world, world.tape_price * exp(world.oracle_push), events, p)
    elif active[PUSHER] == LEAVING:
        trade_out(world, events, p)


@compiled
def open_accounts(world, p):
    """Give every attacker an account at every venue, of somebody who never acts by himself as borrowers do.

    Its reservation rate is the rate it pays: what a loan is worth to an attacker is no part of anybody's welfare.
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
    """An attacker comes with `capital` USD from outside, to a keyed venue."""
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
    """Buy `coin` (negative sells) from people outside, at the outside price and a fee as high as the pool's."""
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
    """Post `coin` as collateral of account `i`; negative takes it back."""
    world.attacker_coin[attacker] -= coin
    venue.account_collateral[i] += coin
    note_coin(world, coin)


@compiled
def prepare_push(world, p):
    """What the pusher buys beforehand, quietly and outside: collateral for a push upward, a stock for one downward."""
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
    """Cash of an attacker that it has not borrowed [USD]."""
    venue = world.venues[world.attacker_venue[attacker]]
    return max(world.attacker_cash[attacker] - debt_at(venue, account_of(attacker, p)), 0.0)


@compiled
def trade_toward(world, price, events, p):
    """Trade with the pool until it stands at `price`, as far as own cash and coin go; the pusher's event."""
    gap = log(price / pool_price(world))
    if gap > SLACK:
        gross = min(world.pool_cash * (exp(0.5 * gap) - 1.0), own_cash(world, PUSHER, p) * (1.0 - p.pool_fee))
        buy(world, gross, events, p)
    elif gap < -SLACK:
        sell(world, min(world.pool_coin * (exp(-0.5 * gap) - 1.0), world.attacker_coin[PUSHER]), events, p)


@compiled
def buy(world, gross, events, p):
    """The pusher spends `gross` USD, and the fee, in the pool."""
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
    """Record a trade of the pusher, so that what it causes has it as its parent."""
    v, i = world.attacker_venue[PUSHER], account_of(PUSHER, p)
    price = world.venues[v].oracle_price
    serial = record_event(world, events, v, EventKind.ATTACK, i, -1, cash, coin, price, 0.0)
    leave_impact(world, serial, impact, p)


@compiled
def trade_out(world, events, p):
    """After the push: bring the position back to what it was before, never beyond the market's price by much.

    What the push bought is sold, what it sold is bought back.
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


# ---------------------------------------------------------------- after the oracle has looked and people have acted


@compiled
def use_market(world, p):
    """What attackers do with the lending market at the price that its oracle has now, and what they are worth.

    After interest has accrued, which is on the debts that stood until now.
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
    """What an attacker has [USD]: cash, coin at the outside price, and its collateral beyond the loan, if there is any.

    A loan that is worth more than its collateral is not paid back, and so no debt of anybody's.
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
    """An attacker pays `amount` USD of the debt of its account `i`."""
    world.attacker_cash[attacker] -= amount
    world.outside_cash += amount
    note_cash(world, amount)
    repay(world, venue, i, amount)


@compiled
def borrow_most(world, attacker, p):
    """Borrow all that the posted collateral allows at the oracle's price, as far as there is cash."""
    venue, i = world.venues[world.attacker_venue[attacker]], account_of(attacker, p)
    limit = CAREFUL * venue.loan_to_value * venue.account_collateral[i] * venue.oracle_price
    amount = min(limit - debt_at(venue, i), venue.cash)
    if amount > 0.0:
        lend_to(world, venue, attacker, i, amount)


@compiled
def worth_leaving(world, p):
    """Whether the pusher owes more than its collateral is worth by at least half of what the push could give it.

    From then on another minute of holding the price costs more than it brings: the loan has been made.
    """
    venue, i = world.venues[world.attacker_venue[PUSHER]], account_of(PUSHER, p)
    worth = venue.account_collateral[i] * world.outside_price
    hoped = venue.loan_to_value * exp(world.oracle_push) - 1.0
    return debt_at(venue, i) > worth * (1.0 + 0.5 * max(hoped, 0.0))


@compiled
def borrow_cash(world, p):
    """The griefer borrows until utilisation is what the tape says, and posts as much collateral as that takes."""
    venue, i = world.venues[world.attacker_venue[GRIEFER]], account_of(GRIEFER, p)
    debt = debt_at(venue, i)
    owed = venue.scaled_debt * venue.borrow_index
    wanted = min(max(world.griefing * (owed + venue.cash) - owed, 0.0), max(venue.cash, 0.0))
    backing = CAREFUL * venue.loan_to_value * venue.oracle_price  # of a coin of collateral
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
    """Pay the loan back and take the collateral out, if that is worth more than the loan; walk away from it if not."""
    venue, i = world.venues[world.attacker_venue[attacker]], account_of(attacker, p)
    debt, collateral = debt_at(venue, i), venue.account_collateral[i]
    if collateral * world.outside_price <= debt:
        return
    paid = min(debt, world.attacker_cash[attacker])
    if paid > 0.0:
        pay_back(world, venue, attacker, i, paid)
    # what it could not pay stays owed, with the collateral that backs it
    debt = debt_at(venue, i)
    kept = debt / (CAREFUL * venue.loan_to_value * venue.oracle_price)
    if kept < collateral:
        post(world, venue, attacker, i, kept - collateral)


@compiled
def go_home(world, attacker, p):
    """Sell the last coin outside and take all cash home; what the attack has gained or lost stays on record."""
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
