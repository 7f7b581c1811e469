"""Yield sellers: they write options to the pool against margin if the bid pays for their cost of capital.

A seller posts cash, posts coin (and then writes only calls), or pledges the part of its coin that its own loan leaves
free. The kind stays the same for the whole episode. With two venues the better bid attracts a seller more often.
"""

from math import log

from protogov.envs.world.attribution import book_trade
from protogov.envs.world.compiled import compiled
from protogov.envs.world.fills import note_fill
from protogov.envs.world.ledger import note_cash, note_coin
from protogov.envs.world.margin import cash_requirement, coin_requirement, free_equity
from protogov.envs.world.noise import Purpose, uniform
from protogov.envs.world.options import (
    contracts_for,
    pay_from_pool,
    quotable,
    trade_terms,
    within_limits,
    years_to_expiry,
)
from protogov.envs.world.population.option_trades import better_here, draw_node, fair_gap, other_pool
from protogov.envs.world.population.venue_choice import preferred_share
from protogov.envs.world.pricing import quote
from protogov.envs.world.state import MAX_SHORTS, CollateralKind
from protogov.envs.world.surface import fair_vol, move_surface
from protogov.envs.world.ticket import Ticket

NOBODY = -1
LEAST_POSITION = 300.0  # USD at the opening price: nobody writes a smaller position


@compiled
def visit_short_sellers(world, venue, v, params):
    """Hourly: an idle seller sometimes looks for a trade, and writes if the price pays for its collateral.

    It accepts if (fair vol - vol received), plus the cost of its collateral in vol, is below an exponential margin. A
    wide spread and a high margin requirement therefore both drive sellers away.
    """
    p = params[v]
    if p.options_on == 0.0:
        return
    for s in range(int(p.num_shorts)):
        entity = v * MAX_SHORTS + s
        if venue.short_contracts[s] > 0.0:
            continue
        if uniform(world.seed, entity, world.hour, 0, Purpose.SHORT_SELLER_ENTRY) < p.short_entry:
            consider_writing(world, venue, v, s, entity, params)


@compiled
def kind_of(world, entity, p):
    """The kind of collateral that this seller posts, the same for the whole episode."""
    u = uniform(world.seed, entity, 0, 0, Purpose.SHORT_SELLER_KIND)
    if u < p.short_pledge_share:
        return CollateralKind.PLEDGE
    return CollateralKind.COIN if u < p.short_pledge_share + p.short_coin_share else CollateralKind.CASH


@compiled
def pledged_account(venue, s, p):
    """The borrower's account that seller `s` pledges. Sellers are spread over accounts; NOBODY if there are too few."""
    people = int(p.num_accounts)
    i = s * max(people // max(venue.num_shorts, 1), 1)
    return i if i < people else NOBODY


@compiled
def consider_writing(world, venue, v, s, entity, params):
    """One look of seller `s` at one node. If it writes, it posts collateral and receives the premium."""
    seed, hour, p = world.seed, world.hour, params[v]
    kind = kind_of(world, entity, p)
    e, k = draw_node(world, venue, 4096 + entity, 0)
    is_call = kind == CollateralKind.COIN or uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_NODE) < 0.5
    size = -log(uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_SIZE))
    contracts = size * contracts_for(venue, p.short_size)
    if contracts < contracts_for(venue, LEAST_POSITION):
        return
    ticket = Ticket(e, k, is_call, contracts, -1.0)
    if turns_away(world, v, entity, ticket, params):
        return
    terms = trade_terms(world, venue, ticket, p)
    if venue.option_cash < terms.total or not quotable(world, venue, e, terms.delta, terms.base, terms.skew, p):
        return
    if not within_limits(world, venue, ticket, terms.vol, terms.vega, p):
        return
    spot, strike = venue.oracle_price, venue.strike[e, k]
    years = years_to_expiry(world, venue, e)
    fair = fair_vol(world.implied_vol, spot, strike, p)
    call, put, _, _, vega = quote(spot, strike, years, fair, p.interest_rate)
    buffer = 1.1 + 0.6 * uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_BUFFER)
    account, coin, cash = NOBODY, 0.0, 0.0
    if kind == CollateralKind.COIN:
        coin = min(coin_requirement(world, venue, ticket, spot, True, p) * buffer, contracts)
        cost = coin * spot * p.short_coin_cost * years
    else:
        needed = cash_requirement(world, venue, ticket, spot, True, p) * buffer
        if kind == CollateralKind.PLEDGE:
            account = pledged_account(venue, s, p)
            if account == NOBODY or free_equity(venue, account, spot) < needed:
                return
            cost = needed * p.short_coin_cost * years
        else:
            cash = needed
            cost = cash * p.short_capital_cost * years
    given_up = (call if is_call else put) * contracts - terms.total + cost
    margin = -log(uniform(seed, entity, hour, 0, Purpose.SHORT_SELLER_MARGIN)) / p.spread_elasticity
    surplus = margin * vega * contracts - given_up
    if surplus < 0.0:
        return
    pay_from_pool(world, venue, terms.total)
    note_fill(venue, ticket)
    post_collateral(world, venue, s, kind, cash, coin, account)
    venue.short_contracts[s] = contracts
    venue.short_expiry[s], venue.short_strike[s], venue.short_call[s] = e, k, 1 if is_call else 0
    shorts = venue.short_calls if is_call else venue.short_puts
    shorts[e, k] += contracts
    book_trade(world, venue, ticket, terms.total, terms.fees, False, p)
    venue.sum_option_fees += terms.fees
    venue.sum_option_contracts += contracts
    venue.sum_uninformed_surplus += surplus
    move_surface(world, venue, e, k, terms.base, terms.skew)


@compiled
def turns_away(world, v, entity, ticket, params):
    """True if a seller who compares both venues goes to the other one's bid. A better bid there makes it more likely.

    With equal bids half of the looks at each venue end this way. The sellers of the other venue come here as often.
    """
    if other_pool(world, v, params) == v:
        return False
    advantage = better_here(world, v, ticket, fair_gap(world, v, ticket, params), params)
    u = uniform(world.seed, entity, world.hour, 0, Purpose.SHORT_SELLER_VENUE)
    return u >= preferred_share(advantage, 0.0, params[v].option_choice)


@compiled
def post_collateral(world, venue, s, kind, cash, coin, account):
    """Seller `s` posts `cash` USD or `coin`, or pledges the collateral of `account`, which stays in the account."""
    venue.short_kind[s] = kind
    venue.short_account[s] = account
    venue.short_collateral[s] = cash
    venue.short_collateral_sum += cash
    world.trader_cash -= cash
    note_cash(world, cash)
    venue.short_coin[s] = coin
    venue.short_coin_sum += coin
    world.outside_coin -= coin
    note_coin(world, coin)
    if account != NOBODY:
        venue.account_pledges[account] += 1
