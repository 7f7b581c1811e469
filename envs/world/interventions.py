"""Interventions of an experimenter, from a record beside the state: levers pinned, forced sales muted, deposits lost.

The record belongs to the log of a decision, as the place where its events go does: it is no part of a world, and no
fork, snapshot or parameter changes where there is none. A record of zeros, the usual one, costs a look at one number in
every hour and at every forced sale.

- A pinned lever is in force at its value from the top of an hour to the end of another, whatever the shield has
  announced. Released, it moves to its target from there as the shield lets it.
- A muted sale reaches nobody: its coin goes outside at the tape's price, without fee, and the pool, the lasting impact
  and the liquidity providers do not see it. If the pool would pay more, the outside pays that: a liquidator who has no
  money of its own counted on it, and would end in debt.
- A deposit that is lost is stolen: its owner bears it as a haircut, and the outside gets the money. What the lending
  market lacks of it in cash it owes to the outside as it would a backstop, ahead of everybody.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.lending import add_deposits, refresh_rates, repay_backstop
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.levers import apply_levers
from protogov.envs.world.liquidity_pool import count_shares
from protogov.envs.world.market import sell_to_pool
from protogov.envs.world.options import free_liquidity, recall_loans
from protogov.envs.world.state import HEDGE_SALE, NEVER


@compiled
def lay_beside(log, interventions, i):
    """Before world `i` runs: put its record of interventions, or the one of all worlds, into the log."""
    own = interventions[min(i, interventions.shape[0] - 1)]
    if own.active or log.interventions[0].active:
        log.interventions[0] = own


# ---------------------------------------------------------------- sales


@compiled
def is_muted(events, serial, kind):
    """Whether the sale of the event `serial` reaches nobody: it is muted alone, or with all sales of its kind."""
    own = events.interventions[0]
    if own.active == 0:
        return False
    return (serial >= 0 and own.muted == serial + 1) or own.without_impact[kind] > 0


@compiled
def hedge_is_muted(world, events, v):
    """Whether what venue `v` trades for its hedge in this sub-step reaches nobody."""
    own = events.interventions[0]
    if own.active == 0:
        return False
    venue = own.venues[v]
    return own.without_impact[HEDGE_SALE] > 0 or venue.hedges_from <= world.substep < venue.hedges_until


@compiled
def sell_by_force(world, events, serial, kind, coin, fee):
    """Sell `coin` > 0 to the spot pool, or outside if that sale is muted; see `market.sell_to_pool`."""
    if not is_muted(events, serial, kind):
        return sell_to_pool(world, coin, fee)
    received = coin * max(world.tape_price, world.pool_cash / (world.pool_coin + coin) * (1.0 - fee))
    world.outside_cash -= received
    world.outside_coin += coin
    note_cash(world, received)
    note_coin(world, coin)
    return received, 0.0


# ---------------------------------------------------------------- the top of an hour


@compiled
def intervene(world, events, params):
    """Top of an hour: hold the pinned levers, take the deposits that are lost in it."""
    for v in range(world.num_venues):
        venue, own = world.venues[v], events.interventions[0].venues[v]
        hold_levers(world, venue, own)
        if world.hour == own.loss_hour:
            lose_deposits(world, venue, own, params[v])


@compiled
def hold_levers(world, venue, own):
    """Put every lever that is pinned in this hour into force and stop what is announced, or would be."""
    rows = venue.levers
    moved = False
    for index in range(NUM_LEVERS):
        if own.pin_from[index] <= world.hour < own.pin_until[index]:
            lever = rows[index]
            moved = moved or lever.executed != own.pin[index]
            lever.executed = lever.pending = own.pin[index]
            lever.due = NEVER
            lever.allowed = max(lever.allowed, world.substep + 1)
    if moved:
        apply_levers(venue)
        venue.health_stale = 1


@compiled
def lose_deposits(world, venue, own, p):
    """Shares of suppliers' deposits, of the option pool's, and of LPs' stakes are stolen."""
    index = venue.supply_index
    stolen = 0.0
    for j in range(venue.num_suppliers):
        scaled = own.supplier_loss[j] * venue.supplier_scaled[j]
        venue.supplier_scaled[j] -= scaled
        add_deposits(venue, -scaled)
        venue.supplier_gain[j] -= scaled * index
        venue.sum_haircuts += scaled * index
        stolen += scaled * index
    scaled = own.pool_loss * venue.option_scaled
    venue.option_scaled -= scaled
    add_deposits(venue, -scaled)
    book_pool_loss(venue, scaled * index)
    stolen += scaled * index
    if stolen > 0.0:
        venue.backstop += stolen
        repay_backstop(world, venue)
        refresh_rates(venue, p)
    for j in range(venue.num_lps):
        if own.lp_loss[j] > 0.0 and venue.lp_shares[j] > 0.0 and venue.lp_price > 0.0:
            lose_stake(world, venue, j, own.lp_loss[j] * venue.lp_shares[j])


@compiled
def lose_stake(world, venue, j, shares):
    """`shares` of LP `j` are redeemed at once for the thief, as far as the pool's free liquidity and cash go."""
    due = shares * venue.lp_price
    payable = min(due, max(free_liquidity(venue), 0.0))
    recall_loans(world, venue, payable)
    payable = min(payable, max(venue.option_cash, 0.0))
    left = venue.lp_shares[j] - (shares if payable >= due else payable / venue.lp_price)
    venue.lp_shares[j] = max(left, 0.0)
    venue.lp_queued[j] = min(venue.lp_queued[j], venue.lp_shares[j])
    count_shares(venue)
    venue.option_cash -= payable
    world.outside_cash += payable
    note_cash(world, payable)
    book_pool_loss(venue, payable)


@compiled
def book_pool_loss(venue, amount):
    """`amount` USD of what the LPs own are gone: a haircut, as where the lending market cuts their deposit."""
    venue.pool_interest -= amount
    venue.sum_lp_haircuts += amount
