"""Liquidators: who competes for unhealthy loans, with which means, and what the winner pays and keeps.

A few explicit liquidators serve all venues. A liquidator in flash mode borrows what it repays and sells what it seizes
in the same transaction. A liquidator in inventory mode pays from its own capital, keeps the coin and sells it in
slices; its capital falls and is refilled later. Each liquidator watches only part of the time. Each one that watches
computes its profit beyond the margin that it asks. The highest profit wins, and the winner pays validators a share of
the second highest, as in a priority auction. A liquidation that pays nobody is skipped.
"""

from math import sqrt

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.events import record_event
from protogov.envs.world.interventions import sell_by_force
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.liquidation import (
    any_unhealthy,
    bonus_in_force,
    close_factor,
    health_factor,
    is_empty,
    protocol_share,
    seizure,
    settle_liquidation,
    without_dust,
    write_off,
)
from protogov.envs.world.market import leave_impact, pool_price
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.numeric import decay, power
from protogov.envs.world.oracle import in_quote
from protogov.envs.world.state import HOURS_PER_YEAR, LIQUIDATION_SALE, MAX_LIQUIDATORS, SUBSTEPS, EventKind

NOBODY = -1


@compiled
def draw_liquidators(world, p):
    """Draw the liquidators: Pareto attention and capital, skill, mode; the ablest first.

    Rank j draws from the j-th of equal slices of the distribution, with one uniform. The number of a liquidator
    therefore means the same in every world.
    """
    count = int(p.num_liquidators)
    world.num_liquidators = count
    sizes = np.zeros(MAX_LIQUIDATORS)
    total = 0.0
    for j in range(count):
        position = (j + uniform(world.seed, j, 0, 0, Purpose.LIQUIDATOR_SIZE)) / count
        sizes[j] = power(position, -1.0 / p.liquidator_tail)
        position = (j + uniform(world.seed, j, 0, 0, Purpose.LIQUIDATOR_SKILL)) / count
        skill = p.liquidator_skill * (1.0 - 2.0 * position)  # the median liquidator has skill 0
        world.liquidator_margin[j] = p.liquidator_margin - skill * abs(p.liquidator_margin)
        world.liquidator_gas[j] = 1.0 - skill
        world.liquidator_attention[j] = p.liquidator_attention * sizes[j] / sizes[0]
        flash = uniform(world.seed, j, 0, 0, Purpose.LIQUIDATOR_MODE) >= p.liquidator_inventory_share
        world.liquidator_flash[j] = flash
        world.liquidator_serial[j] = NOBODY
        if not flash:
            total += sizes[j]
    for j in range(count):
        if world.liquidator_flash[j] == 0:
            world.liquidator_capital[j] = p.liquidator_capital * sizes[j] / total
            world.liquidator_cash[j] = world.liquidator_capital[j]


# ---------------------------------------------------------------- the worth of a liquidation to each liquidator


@compiled
def gas_of(world, j, p):
    """Current gas cost [USD] of a liquidation by liquidator `j`."""
    return p.gas_cost * (1.0 + p.gas_congestion * world.congestion) * world.liquidator_gas[j]


@compiled
def margin_of(world, j, p):
    """Profit that liquidator `j` now asks, as a share of its repayment."""
    return world.liquidator_margin[j] + p.liquidator_margin_congested * world.congestion


@compiled
def profitable_sale(world, worth, p):
    """Largest sale [coin] of which the last coin still brings `worth` > 0 USD after the pool's fee; may be 0."""
    product = world.pool_cash * world.pool_coin
    coin_then = sqrt(product * (1.0 - p.pool_fee) / worth)
    return max(coin_then - world.pool_coin, 0.0)


@compiled
def holding_price(world, p):
    """Worth of a coin [USD] to a liquidator that keeps it: the pool's price after its fee, minus a charge for risk."""
    hourly = max(world.implied_vol, world.realised_6h) / sqrt(HOURS_PER_YEAR)
    return pool_price(world) * (1.0 - p.pool_fee) * max(1.0 - p.inventory_risk * hourly, 0.0)


@compiled
def slice_of(world, p):
    """Coin that an inventory sells in one sub-step."""
    return p.inventory_speed * world.depth / pool_price(world)


@compiled
def value_of(world, j, coin, p):
    """Worth [USD] of `coin` seized to liquidator `j`: sold at once in flash mode, else kept."""
    if world.liquidator_flash[j]:
        return world.pool_cash * coin / (world.pool_coin + coin) * (1.0 - p.pool_fee)
    return coin * holding_price(world, p)


@compiled
def wanted_repayment(world, j, coin_per_cash, p):
    """Repayment [USD] at which liquidator `j` gains most, if each USD buys `coin_per_cash`.

    In inventory mode two limits apply: the capital that is left, and what can be sold within `inventory_hours`.
    """
    margin = margin_of(world, j, p)
    if world.liquidator_flash[j]:
        worth = max(1.0 + margin, 1e-9) / coin_per_cash
        return profitable_sale(world, worth, p) / coin_per_cash
    if holding_price(world, p) * coin_per_cash <= 1.0 + margin:
        return 0.0
    room = p.inventory_hours * SUBSTEPS * slice_of(world, p) - world.liquidator_coin[j]
    return max(min(world.liquidator_cash[j] - gas_of(world, j, p), room / coin_per_cash), 0.0)


@compiled
def gain_of(world, j, repaid, coin_per_cash, p):
    """Profit [USD] of liquidator `j` beyond the margin that it asks, after gas, if it repays `repaid`."""
    asked = repaid * (1.0 + margin_of(world, j, p))
    return value_of(world, j, repaid * coin_per_cash, p) - asked - gas_of(world, j, p)


@compiled
def best_offer(world, j, limit, clears, debt, collateral_value, bonus, coin_per_cash, p):
    """(profit beyond its margin [USD], repayment [USD]): the best that liquidator `j` can do with an account.

    `limit` is the largest allowed repayment. `clears` is true if that takes all debt or all collateral. If the best
    amount would leave dust, the liquidator takes the better of two amounts: one that leaves no dust, or all.
    """
    most = wanted_repayment(world, j, coin_per_cash, p)
    wanted = min(most, limit)
    if wanted == limit and clears:
        return gain_of(world, j, limit, coin_per_cash, p), limit
    less = without_dust(wanted, debt, collateral_value, bonus, p)
    gain = gain_of(world, j, less, coin_per_cash, p)
    if less < wanted and clears and (world.liquidator_flash[j] or most >= limit):
        whole = gain_of(world, j, limit, coin_per_cash, p)
        if whole > gain:
            return whole, limit
    return gain, less


# ---------------------------------------------------------------- one liquidation


@compiled
def liquidate_account(world, venue, v, i, events, p):
    """Liquidators that watch compete for account `i` if it is unhealthy. True if something happened."""
    price = venue.oracle_price
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    collateral = venue.account_collateral[i]
    health = health_factor(collateral, price, venue.liquidation_threshold, debt)
    if health >= 1.0:
        return False
    # the event's parent; there is none if the tape's own move suffices
    parent = venue.parent_serial
    if health_factor(collateral, in_quote(world, world.tape_price, p), venue.liquidation_threshold, debt) < 1.0:
        parent = -1
    if is_empty(venue, i, price):
        return write_off(world, venue, v, i, events, parent)
    bonus = bonus_in_force(venue, p)
    share = close_factor(health, collateral * price, debt, p)
    limit, most_seized = seizure(collateral, price, share * debt, bonus)
    clears = limit >= debt or most_seized >= collateral
    coin_per_cash = (1.0 + bonus) / price * (1.0 - protocol_share(1.0, bonus, p.protocol_fee))
    winner, first, second, repaid = NOBODY, 0.0, 0.0, 0.0
    watching = world.liquidator_watching
    for j in range(world.num_liquidators):
        if watching[j]:
            gain, amount = best_offer(world, j, limit, clears, debt, collateral * price, bonus, coin_per_cash, p)
            if amount > 0.0 and gain >= 0.0 and (winner == NOBODY or gain > first):
                winner, first, second, repaid = j, gain, first, amount
            else:
                second = max(second, gain)
    if winner == NOBODY:
        venue.sum_skipped += 1.0
        venue.skipped_debt += limit
        return False
    seized = most_seized * (repaid / limit)
    repaid, coin = settle_liquidation(world, venue, i, repaid, seized, bonus, p)
    serial = record_event(world, events, v, EventKind.LIQUIDATION, i, parent, repaid, seized, price, 0.0)
    pay_and_keep(world, venue, v, winner, repaid, coin, p.priority_share * second, serial, events, p)
    if is_empty(venue, i, price):
        write_off(world, venue, v, i, events, serial)
    return True


@compiled
def pay_and_keep(world, venue, v, j, repaid, coin, fee, serial, events, p):
    """Book the winner's side: it pays the debt, gas and the priority `fee`, and sells or keeps its `coin`.

    Only a liquidator with a negative margin works below cost. Its sender pays the difference from outside.
    """
    cash = world.liquidator_cash
    gas = gas_of(world, j, p)
    if not world.liquidator_flash[j]:
        fee = max(min(fee, cash[j] - repaid - gas), 0.0)  # limited by its cash
    cost = repaid + gas + fee
    subsidy = max(cost - value_of(world, j, coin, p), 0.0)
    cash[j] += subsidy - cost
    world.outside_cash += gas + fee - subsidy
    note_cash(world, gas + fee)
    note_cash(world, subsidy)
    venue.sum_priority_fees += fee
    venue.sum_keeper_subsidy += subsidy
    world.liquidator_count[j] += 1
    world.liquidator_serial[j] = serial
    world.liquidator_root[j], world.liquidator_generation[j] = world.newest_root, world.newest_generation
    world.liquidator_venue[j] = v
    world.liquidators_holding += world.liquidator_coin[j] == 0.0
    world.liquidator_coin[j] += coin
    world.liquidator_cost[j] += cost - subsidy
    if world.liquidator_flash[j]:
        sell_inventory(world, j, coin, events, p)


@compiled
def sell_inventory(world, j, coin, events, p):
    """Liquidator `j` sells `coin` > 0 of its holding to the pool. Its profit is booked here, not at the seizure."""
    holding, cost = world.liquidator_coin[j], world.liquidator_cost[j]
    serial = world.liquidator_serial[j]
    received, impact = sell_by_force(world, events, serial, LIQUIDATION_SALE, coin, p.pool_fee)
    if coin < holding:
        share = cost * (coin / holding)
        world.liquidator_coin[j] = holding - coin
        world.liquidator_cost[j] = cost - share
    else:
        share = cost
        world.liquidator_coin[j] = 0.0
        world.liquidator_cost[j] = 0.0
        world.liquidators_holding -= 1
    world.liquidator_cash[j] += received
    world.liquidator_profit[j] += received - share
    world.venues[world.liquidator_venue[j]].sum_liquidator_profit += received - share
    leave_impact(world, serial, impact, p)


# ---------------------------------------------------------------- rounds, and changes over time


@compiled
def watch(world):
    """Draw which liquidators watch in this sub-step. Returns their number."""
    attention, watching = world.liquidator_attention, world.liquidator_watching
    count = 0
    for j in range(world.num_liquidators):
        watching[j] = uniform(world.seed, j, world.substep, 0, Purpose.LIQUIDATOR_WATCHES) < attention[j]
        count += watching[j]
    return count


@compiled
def liquidate_all(world, venue, v, events, p):
    """Watching liquidators try every unhealthy account of a venue once. Returns the number of liquidations."""
    limit = venue.oracle_price * venue.liquidation_threshold / venue.borrow_index
    collateral, debt = venue.account_collateral, venue.account_scaled_debt
    venue.skipped_debt = 0.0
    done = 0
    for i in range(venue.num_accounts):
        if collateral[i] * limit < debt[i]:
            done += liquidate_account(world, venue, v, i, events, p)
    return done


@compiled
def liquidate_round(world, events, params):
    """One round over the venues, the one with the higher bonus first. Returns the number of liquidations.

    Capital and the pool's depth are then used where the profit is highest. Venues with equal bonuses take turns.
    """
    first = world.substep % world.num_venues
    if world.num_venues == 2 and world.venues[1 - first].liquidation_bonus > world.venues[first].liquidation_bonus:
        first = 1 - first
    done = 0
    for turn in range(world.num_venues):
        v = (first + turn) % world.num_venues
        venue = world.venues[v]
        if venue.health_stale == 0:
            continue
        if not any_unhealthy(venue):
            venue.health_stale = 0
            venue.skipped_debt = 0.0
        elif watch(world) > 0:
            # stays stale: a liquidation that does not pay now may pay in the next sub-step
            done += liquidate_all(world, venue, v, events, params[v])
    return done


@compiled
def work_off_inventory(world, events, p):
    """Every sub-step while a liquidator holds coin: each sells a slice, and arbitrage can work between two slices."""
    slice_coin = slice_of(world, p)
    holding = world.liquidator_coin
    for j in range(world.num_liquidators):
        coin = min(holding[j], slice_coin)
        if coin > 0.0:
            sell_inventory(world, j, coin, events, p)


@compiled
def refill_capital(world, p):
    """Hourly: take out capital above its normal level; refill missing capital from outside. Coin counts at its cost."""
    share = 1.0 - decay(1.0, p.liquidator_refill_half_life)
    cash, cost, capital = world.liquidator_cash, world.liquidator_cost, world.liquidator_capital
    for j in range(world.num_liquidators):
        missing = capital[j] - cash[j] - cost[j]
        if missing != 0.0:
            amount = max(share * missing, -max(cash[j], 0.0))
            cash[j] += amount
            world.outside_cash -= amount
            note_cash(world, amount)
