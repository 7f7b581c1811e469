"""How an episode begins: prices, pool, people, an option book with open positions, and the opening books."""

from math import exp, log

import numpy as np

from protogov.envs.world.attribution import mark_fair_book
from protogov.envs.world.compiled import compiled, inlined
from protogov.envs.world.funding import set_funding
from protogov.envs.world.hedging import hedge_target
from protogov.envs.world.ledger import lending_residual, total_cash, total_coin
from protogov.envs.world.lending import deposits_of, kinked_borrow_rate, refresh_rates
from protogov.envs.world.lever_table import NUM_LEVERS
from protogov.envs.world.levers import apply_levers
from protogov.envs.world.liquidation import measure_risk
from protogov.envs.world.market import CASH_PER_DEPTH
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.options import mark_book
from protogov.envs.world.oracle import open_oracle
from protogov.envs.world.population.borrowers import draw_borrowers, open_loans, wanted_loans
from protogov.envs.world.population.liquidators import draw_liquidators
from protogov.envs.world.population.liquidity_providers import draw_providers
from protogov.envs.world.population.suppliers import draw_suppliers, open_deposits, share_of, total_wanted_deposits
from protogov.envs.world.settlement import HOURS_BETWEEN_EXPIRIES, list_expiry
from protogov.envs.world.state import NEVER, SUBSTEPS
from protogov.envs.world.welfare import clear_sums, remember_values

REFERENCE_POOL = 20e6  # USD: the size of the pool for which `opening_notional` is given
BISECTIONS = 20  # steps that find the opening utilisation, to 1e-6


@inlined
def open_world(world, tape, params):
    """Open an episode on a blank record that holds its seed, length, decision hours, counts and lever limits."""
    opening, p = tape[0], params[0]
    world.peg = opening.peg
    world.tape_price = np.float64(opening.close) / world.peg
    world.outside_price = world.tape_price
    world.outside_seen[:] = world.outside_price
    world.implied_vol = opening.implied_vol
    world.anchor_vol = opening.implied_vol
    world.realised_6h = opening.implied_vol
    world.congestion = opening.congestion
    world.leverage_demand = opening.leverage_demand
    world.outside_yield = opening.outside_yield
    world.informed_share = opening.informed_share
    world.flow_intensity = opening.flow_intensity
    world.depth = opening.depth * p.depth_scale
    world.tape_depth = world.depth
    world.depth_week = world.depth
    world.pool_cash = world.depth * CASH_PER_DEPTH
    world.pool_coin = world.pool_cash / world.outside_price
    world.open_interest = p.open_interest * world.leverage_demand
    world.dollar_mark = opening.close
    for v in range(world.num_venues):
        open_oracle(world, world.venues[v], params[v])
    draw_liquidators(world, p)
    for v in range(world.num_venues):
        open_venue(world, world.venues[v], v, params)
    set_funding(world, opening, p)
    world.opening_cash = total_cash(world)
    world.opening_coin = total_coin(world)
    # the opening endowment counts as a flow: the check has a scale before anything is traded
    world.gross_cash = max(abs(world.opening_cash), 1.0)  # at least one dollar, and its worth in coin
    world.gross_coin = max(abs(world.opening_coin), 1.0 / world.outside_price)
    for v in range(world.num_venues):
        world.venues[v].opening_net = lending_residual(world.venues[v])


@inlined
def open_venue(world, venue, v, params):
    """Open one venue: levers, loans, suppliers, option pool, treasury."""
    p = params[v]
    venue.borrow_index, venue.supply_index = 1.0, 1.0
    venue.health_stale = 1
    venue.backstop_on = 1 if p.cash_backstop > 0.0 else 0
    draw_levers(world, venue, v)
    draw_borrowers(world, venue, v, params)
    draw_suppliers(world, venue, v, params)
    open_option_pool(world, venue, v, p)
    open_lending(world, venue, p)
    value = p.lp_size * (p.options_on > 0.0)
    venue.treasury_cash = p.treasury_share * (p.supply_size + value)
    venue.opening_value = p.supply_size + value + venue.treasury_cash
    refresh_rates(venue, p)
    measure_risk(world, venue)
    remember_values(world, venue, p)
    clear_sums(venue)  # the first marking counted the whole opening book as profit


@compiled
def open_lending(world, venue, p):
    """Open loans and deposits at the utilisation where borrowers and suppliers agree, found by bisection.

    With rising utilisation, wanted debt falls in steps and wanted deposits rise. There is therefore one such point,
    mostly at the edge of a step. If borrowers want more than the deposits, all loans are cut in proportion.
    """
    lent = venue.option_scaled  # the option pool has already deposited this
    low, high = 0.0, 1.0
    borrow_rate, supply_rate, debt, deposits, fear = 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(BISECTIONS):
        utilisation = 0.5 * (low + high)
        borrow_rate = kinked_borrow_rate(
            utilisation, venue.base_rate, venue.slope1, venue.slope2, venue.optimal_utilisation
        )
        supply_rate = borrow_rate * utilisation * (1.0 - p.reserve_factor)
        debt, uncovered = wanted_loans(world, venue, borrow_rate, p.crash_size, p)
        # deposits are debt / utilisation at the point where the two agree
        fear = p.crash_frequency * share_of(uncovered * utilisation, debt)
        deposits = lent + total_wanted_deposits(world, venue, supply_rate, fear, p)
        if debt > utilisation * deposits:
            low = utilisation
        else:
            high = utilisation
    scale = min(1.0, deposits / debt) if debt > 0.0 else 1.0
    open_loans(world, venue, borrow_rate, scale, p)
    open_deposits(world, venue, supply_rate, fear, p)
    # rationed loans leave no cash; rounding must not make it negative
    venue.cash = max(deposits_of(venue) - venue.scaled_debt, 0.0)


@compiled
def draw_levers(world, venue, v):
    """Set levers to their defaults, or draw them uniformly around the defaults if the world asks for it."""
    rows = venue.levers
    earliest = NEVER
    for index in range(NUM_LEVERS):
        lever = rows[index]
        if world.lever_noise > 0.0:
            u = uniform(world.seed, v * NUM_LEVERS + index, 0, 0, Purpose.LEVER_START)
            way = (2.0 * u - 1.0) * world.lever_noise
            if lever.log_map:
                value = lever.default * exp(way * log(lever.high / lever.low))
            else:
                value = lever.default + way * (lever.high - lever.low)
            lever.executed = min(max(value, lever.low), lever.high)
        lever.target = lever.executed
        lever.pending = lever.executed
        venue.lagged_levers[index] = lever.executed
        earliest = min(earliest, lever.due)
    venue.next_due = earliest
    apply_levers(venue)


@compiled
def open_option_pool(world, venue, v, p):
    """Open an option pool worth `lp_size` that has already sold options: listed expiries and a hedged book.

    The phase of the expiries is random. The book is in proportion to the pool: half the pool, half the options.
    """
    venue.next_expiry = NEVER
    if p.options_on == 0.0:
        return
    venue.num_expiries, venue.num_strikes = int(p.num_expiries), int(p.num_strikes)
    venue.num_shorts = int(p.num_shorts)
    # the same phase at every venue: rival venues then quote the same options
    phase = 1 + int(uniform(world.seed, 0, 0, 0, Purpose.EXPIRY_PHASE) * HOURS_BETWEEN_EXPIRIES)
    venue.next_expiry = phase * SUBSTEPS
    nodes = venue.num_expiries * venue.num_strikes
    notional = p.opening_notional * (p.lp_size / REFERENCE_POOL)
    contracts = 0.5 * notional / (nodes * venue.oracle_price)
    for e in range(venue.num_expiries):
        list_expiry(world, venue, e, (phase + e * HOURS_BETWEEN_EXPIRIES) * SUBSTEPS, p)
        for k in range(venue.num_strikes):
            node = (v * venue.num_expiries + e) * venue.num_strikes + k
            venue.long_calls[e, k] = 2.0 * contracts * uniform(world.seed, node, 0, 0, Purpose.OPENING_BOOK)
            venue.long_puts[e, k] = 2.0 * contracts * uniform(world.seed, node, 1, 0, Purpose.OPENING_BOOK)
    mark_book(world, venue, p)
    money = p.lp_size - mark_fair_book(world, venue, p)
    draw_providers(world, venue, v, p.lp_size, p)
    venue.hedge_coin = min(hedge_target(venue), max(money, 0.0) / world.tape_price)
    money -= venue.hedge_coin * world.tape_price
    venue.option_scaled = p.lend_share * max(money, 0.0)
    venue.scaled_deposits += venue.option_scaled
    venue.option_cash = money - venue.option_scaled
