"""Features of a world in physical units, and their fixed normalisation without state. The table is `features.py`."""

from math import log, log1p

from protogov.envs.world.compiled import compiled
from protogov.envs.world.features import HEALTH_BINS, LIMIT
from protogov.envs.world.fills import flow_toxicity
from protogov.envs.world.latent import latent_shortfall_at
from protogov.envs.world.lever_table import NUM_LEVERS, action_of_value
from protogov.envs.world.liquidation import health_factor
from protogov.envs.world.market import pool_price
from protogov.envs.world.options import free_liquidity, marked_nav
from protogov.envs.world.population.liquidity_providers import queue_value
from protogov.envs.world.state import NEVER, SUBSTEPS
from protogov.envs.world.surface import fair_vol, mid_vol


@compiled
def normalise(raw, scale, symlog, out, offset, start, stop):
    """Write the normalised columns `start` to `stop` of a flat row of features to `out`, beginning at `offset`."""
    for c in range(start, stop):
        x = raw[c] / scale[c]
        if symlog[c]:
            x = log1p(x) if x >= 0.0 else -log1p(-x)
        out[offset + c] = min(max(x, -LIMIT), LIMIT)


@compiled
def past_return(world, venue, hours):
    """Log return of a venue's oracle price over the last `hours`; over a shorter time at the start of an episode."""
    closes = venue.hourly_close
    ring = closes.shape[0]
    back = min(hours, world.hour)
    return log(venue.oracle_price / closes[(world.hour - back) % ring])


@compiled
def observe_world(world, venue, out, p):
    """Fill the features of the outside market as a venue sees it: prices are those of the venue's oracle."""
    out.return_1h = past_return(world, venue, 1)
    out.return_6h = past_return(world, venue, 6)
    out.return_24h = past_return(world, venue, 24)
    out.return_72h = past_return(world, venue, 72)
    out.realised_1h = venue.realised_1h
    out.realised_6h = venue.realised_6h
    out.realised_72h = venue.realised_72h
    out.implied_vol = world.implied_vol
    out.implied_less_realised = world.implied_vol - venue.realised_72h
    out.drawdown_week = venue.oracle_price / venue.high_week - 1.0
    out.leverage_demand = log(world.leverage_demand)
    out.outside_yield = world.outside_yield
    out.informed_share = world.informed_share
    out.flow_intensity = log(max(world.flow_intensity, 1e-3))
    out.congestion = world.congestion
    out.funding = world.funding
    out.peg_gap = world.peg - 1.0
    out.depth = log(world.depth / 0.5e6)
    out.depth_over_week = log(world.depth / world.depth_week)
    out.pool_over_oracle = log(pool_price(world) / venue.oracle_price)
    out.open_interest = log(world.open_interest / p.open_interest)


@compiled
def hours_until(substep, now):
    """Hours from `now` to `substep`; 0 if `substep` is past or is NEVER."""
    if substep == NEVER or substep <= now:
        return 0.0
    return (substep - now) / SUBSTEPS


@compiled
def observe_venue(world, venue, out, p):
    """Fill the features of one venue; money is a share of K0 or of the option pool's value at its own marks."""
    value = venue.opening_value
    own_nav = marked_nav(venue)
    nav = max(own_nav, 1e-3 * value)
    spot = venue.oracle_price
    out.utilisation = venue.utilisation
    out.utilisation_over_optimal = venue.utilisation - venue.optimal_utilisation
    out.borrow_rate = venue.borrow_rate
    out.supply_rate = venue.supply_rate
    out.supply_rate_over_outside = venue.supply_rate - world.outside_yield
    out.debt = venue.scaled_debt * venue.borrow_index / value
    out.deposits = venue.scaled_deposits * venue.supply_index / value
    out.net_borrow_day = venue.borrow_flow_day / value
    out.net_supply_day = venue.supply_flow_day / value
    out.unmet_withdrawals = venue.unmet_withdrawals / value
    out.at_risk = venue.at_risk
    out.liquidation_gain = venue.liquidation_gain
    out.liquidated = venue.sum_liquidated / value
    out.shortfall = latent_shortfall_at(world, venue, spot) / value
    out.deficit = venue.deficit / value
    coin = venue.treasury_coin * spot
    out.treasury = (venue.treasury_cash + venue.reserve + coin - venue.deficit) / value
    out.option_nav = own_nav / value
    out.option_return = venue.marked_change / nav
    out.option_free_cash = venue.option_cash / nav
    out.option_unpaid = venue.option_unpaid / value
    out.option_free_liquidity = free_liquidity(venue) / nav
    out.lp_queue = queue_value(venue) / nav
    out.net_delta = (venue.net_delta + venue.hedge_coin) * spot / nav
    out.book_delta = venue.net_delta * spot / nav
    out.book_gamma = venue.net_gamma * spot * spot * 1e-4 / nav
    out.book_vega = venue.net_vega * 0.01 / nav
    out.hedge_gain = venue.hedge_gain
    out.surface_over_fair = surface_gap(world, venue, p)
    out.hours_to_expiry = hours_until(venue.next_expiry, world.substep)
    out.hours_to_hedge = p.hedge_interval - world.hour % p.hedge_interval
    out.option_flow = venue.sum_option_contracts * spot / nav
    out.flow_toxicity = flow_toxicity(venue, nav)
    out.short_interest = venue.short_collateral_sum / nav
    rows, executed, pending = venue.levers, out.lever_executed, out.lever_pending
    effect, allowed, lagged = out.lever_hours_to_effect, out.lever_hours_to_allowed, out.lever_lagged
    for index in range(NUM_LEVERS):
        lever = rows[index]
        executed[index] = action_of_value(lever, lever.executed)
        pending[index] = action_of_value(lever, lever.pending) - executed[index] if lever.due != NEVER else 0.0
        effect[index] = hours_until(lever.due, world.substep)
        allowed[index] = hours_until(lever.allowed, world.substep)
        lagged[index] = action_of_value(lever, venue.lagged_levers[index])


@compiled
def surface_gap(world, venue, p):
    """Mean over expiries of the pool's vol minus the tape's vol at the middle strike; 0 if no expiry is listed."""
    if venue.num_expiries == 0:
        return 0.0
    middle = venue.num_strikes // 2
    gap = 0.0
    for e in range(venue.num_expiries):
        strike = venue.strike[e, middle]
        gap += mid_vol(venue, e, middle, venue.oracle_price, p)
        gap -= fair_vol(world.implied_vol, venue.oracle_price, strike, p)
    return gap / venue.num_expiries


@compiled
def nearest_after(venue, substep):
    """Index of the next expiry that settles after sub-step `substep`; -1 if there is none."""
    found = -1
    for e in range(venue.num_expiries):
        if venue.expiry[e] > substep and (found < 0 or venue.expiry[e] < venue.expiry[found]):
            found = e
    return found


@compiled
def observe_surface(world, venue, out, p):
    """Fill the group `surface`: one row per expiry, nearest first. Rows and columns that are not listed are zero."""
    vols, interest, flow, gap = out.node_vol, out.node_interest, out.node_flow, out.node_vol_over_fair
    vols[:], interest[:], flow[:], gap[:] = 0.0, 0.0, 0.0, 0.0
    spot = venue.oracle_price
    share = spot / max(marked_nav(venue), 1e-3 * venue.opening_value)
    last = -1
    for row in range(venue.num_expiries):
        e = nearest_after(venue, last)
        if e < 0:
            return
        last = venue.expiry[e]
        for k in range(venue.num_strikes):
            held = venue.long_calls[e, k] + venue.long_puts[e, k] + venue.short_calls[e, k] + venue.short_puts[e, k]
            vols[row, k] = mid_vol(venue, e, k, spot, p)
            interest[row, k] = held * share
            flow[row, k] = venue.node_flow[e, k] * share
            gap[row, k] = vols[row, k] - fair_vol(world.implied_vol, spot, venue.strike[e, k], p)


@compiled
def health_bin(health):
    """Number of the bin of `HEALTH_BINS` that a health factor belongs to; accounts in bin 0 can be liquidated."""
    for number in range(len(HEALTH_BINS)):
        if health < HEALTH_BINS[number]:
            return number
    return len(HEALTH_BINS)


@compiled
def observe_accounts(venue, out):
    """Fill the group `accounts`: debt by health factor at the oracle price; concentration of debt and options."""
    bins = out.debt_by_health
    bins[:] = 0.0
    squares = 0.0
    total = venue.scaled_debt
    if total > 0.0:
        for i in range(venue.num_accounts):
            scaled = venue.account_scaled_debt[i]
            if scaled > 0.0:
                debt = scaled * venue.borrow_index
                collateral = venue.account_collateral[i]
                health = health_factor(collateral, venue.oracle_price, venue.liquidation_threshold, debt)
                bins[health_bin(health)] += scaled / total
                squares += (scaled / total) * (scaled / total)
    out.debt_concentration = squares
    interest, squares = 0.0, 0.0
    for e in range(venue.num_expiries):
        for k in range(venue.num_strikes):
            held = venue.long_calls[e, k] + venue.long_puts[e, k] + venue.short_calls[e, k] + venue.short_puts[e, k]
            interest += held
            squares += held * held
    out.interest_concentration = squares / (interest * interest) if interest > 0.0 else 0.0
