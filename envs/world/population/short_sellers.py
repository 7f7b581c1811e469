"""Yield sellers: they write options to the pool against margin, when the bid and the cost of capital suit them."""

from math import log

from protogov.envs.world.compiled import compiled
from protogov.envs.world.ledger import note_cash
from protogov.envs.world.margin import minimum_collateral
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.options import book_edge, pay_from_pool, quotable, trade_terms, years_to_expiry
from protogov.envs.world.population.option_traders import draw_node
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import MAX_SHORTS
from protogov.envs.world.surface import fair_vol, move_surface


@compiled
def visit_short_sellers(world, venue, v, p):
    """Hourly: an idle seller sometimes looks for a trade, and writes if it is paid enough for its collateral.

    It accepts when (fair vol - vol received) plus the cost of its collateral in vol stays below an exponential margin,
    so a wide spread and a high margin requirement both drive sellers away.
    """
    if p.options_on == 0.0:
        return
    for s in range(int(p.num_shorts)):
        entity = v * MAX_SHORTS + s
        if venue.short_contracts[s] > 0.0:
            continue
        if uniform(world.seed, entity, world.hour, 0, Purpose.SHORT_SELLER_ENTRY) < p.short_entry:
            consider_writing(world, venue, s, entity, p)


@compiled
def consider_writing(world, venue, s, entity, p):
    """One look of seller `s` at one node; on a deal collateral is posted and the premium is paid to the seller."""
    seed, hour = world.seed, world.hour
    e, k = draw_node(world, venue, 4096 + entity, 0)
    is_call = uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_NODE) < 0.5
    contracts = -log(uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_SIZE)) * p.short_size
    if contracts < 0.1:
        return
    total, fees, _, base, skew, delta, _ = trade_terms(world, venue, e, k, is_call, contracts, -1.0, p)
    if venue.option_cash < total or not quotable(world, venue, e, delta, base, skew, p):
        return
    spot, strike = world.oracle_price, venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    fair = fair_vol(world.implied_vol, spot, strike, p)
    call, put, _, _, vega = quote(spot, strike, years, fair, p.interest_rate)
    buffer = 1.1 + 0.6 * uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_BUFFER)
    collateral = minimum_collateral(spot, strike, years, is_call, contracts, p) * venue.option_margin * buffer
    cost = collateral * p.short_capital_cost * years
    given_up = (call if is_call else put) * contracts - total + cost
    margin = -log(uniform(seed, entity, hour, 0, Purpose.OPTION_MARGIN)) / p.spread_elasticity
    surplus = margin * vega * contracts - given_up
    if surplus < 0.0:
        return
    pay_from_pool(world, venue, total)
    world.trader_cash -= collateral
    venue.short_collateral[s] = collateral
    venue.short_collateral_sum += collateral
    note_cash(world, collateral)
    venue.short_contracts[s] = contracts
    venue.short_expiry[s], venue.short_strike[s], venue.short_call[s] = e, k, 1 if is_call else 0
    venue.short_buffer[s] = buffer
    if is_call:
        venue.short_calls[e, k] += contracts
    else:
        venue.short_puts[e, k] += contracts
    book_edge(world, venue, e, k, is_call, contracts, -1.0, total, p)
    venue.sum_option_fees += fees
    venue.sum_option_contracts += contracts
    venue.sum_uninformed_surplus += surplus
    move_surface(world, venue, e, k, base, skew)
