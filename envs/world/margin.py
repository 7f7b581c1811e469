"""Margined short sellers: what they must post, in which form, and how it is valued.

A switch chooses one of two rules. Minimum collateral (source: Lyra Avalon): the option's price at a shocked spot and a
shocked vol, at least a static amount. Standard margin (source: Derive): a share of the spot, minus the distance out of
the money, plus the mark.

A margin engine may ask for another amount (`margin_engine.py`). What it asks beyond the rule is an `extra` per contract
that is renewed every hour; without one it is zero. In between, the requirement moves with the price as the rule's does.

Collateral is cash, coin (for calls only), or a pledge of the coin that backs the seller's own loan. Of a pledge, only
the part counts that the loan leaves free at the liquidation threshold. `short_liquidation.py` closes positions.
"""

import numpy as np

from protogov.envs.world.compiled import compiled
from protogov.envs.world.options import years_to_expiry
from protogov.envs.world.pricing import call_and_put
from protogov.envs.world.state import HOURS_PER_YEAR, CollateralKind
from protogov.envs.world.ticket import Ticket

_NEAR_YEARS = 2.0 * 168.0 / HOURS_PER_YEAR
_FAR_YEARS = 8.0 * 168.0 / HOURS_PER_YEAR


# ---------------------------------------------------------------- Lyra Avalon


@compiled
def shock_vol(years, near_vol, far_vol):
    """Vol of the margin shock: `near_vol` up to two weeks, `far_vol` from eight, linear between (Lyra Avalon)."""
    if years <= _NEAR_YEARS:
        return near_vol
    if years >= _FAR_YEARS:
        return far_vol
    return near_vol + (far_vol - near_vol) * (years - _NEAR_YEARS) / (_FAR_YEARS - _NEAR_YEARS)


@compiled
def shocked_price(spot, strike, years, is_call, p):
    """Price [USD] of one option after the shock of spot and vol."""
    vol = shock_vol(years, p.shock_vol_near, p.shock_vol_far)
    shocked = spot * (p.shock_up if is_call else p.shock_down)
    call, put = call_and_put(shocked, strike, years, vol, p.interest_rate)
    return call if is_call else put


@compiled
def with_static(needed, strike, is_call, contracts, p):
    """`needed` [USD], at least the static amount; a put never needs more than its strike (its largest payout)."""
    needed = max(needed, p.short_static)
    return needed if is_call else min(needed, strike * contracts)


@compiled
def minimum_collateral(spot, strike, years, is_call, contracts, p):
    """Least cash collateral [USD] of a short position: its price after the shock, at least the static amount.

    Source: Lyra Avalon OptionGreekCache.getMinCollateral.
    """
    return with_static(shocked_price(spot, strike, years, is_call, p) * contracts, strike, is_call, contracts, p)


@compiled
def minimum_coin(spot, strike, years, contracts, static, p):
    """Least coin collateral of a short call: its shocked price divided by the shocked spot, at most one coin each.

    `static` is the least collateral of any position [coin].
    Source: Lyra Avalon OptionGreekCache.getMinCollateral for SHORT_CALL_BASE.
    """
    call = shocked_price(spot, strike, years, True, p)
    return min(max(call * contracts / (spot * p.shock_up), static), contracts)


# ---------------------------------------------------------------- Derive


@compiled
def standard_margins(spot, strike, is_call, mark, p):
    """(initial, maintenance) margin [USD] of one short contract worth `mark`; source: Derive's StandardManager."""
    if is_call:
        out_of_the_money = max(strike - spot, 0.0)
        maintenance = p.standard_maintenance * spot + mark
    else:
        out_of_the_money = max(spot - strike, 0.0)
        maintenance = max(p.standard_maintenance * spot, p.standard_put_share * mark) + mark
    initial = max(p.standard_initial - out_of_the_money / spot, p.standard_least) * spot + mark
    if not is_call:
        initial = max(initial, p.standard_put_scale * maintenance)
    return initial, maintenance


# ---------------------------------------------------------------- the rule that the world uses


@compiled
def buy_back(venue, s):
    """The ticket that closes the position of seller `s`."""
    # converted from the record's short integers to int64: then only one type of ticket is compiled
    e, k = np.int64(venue.short_expiry[s]), np.int64(venue.short_strike[s])
    return Ticket(e, k, venue.short_call[s] == 1, venue.short_contracts[s], 1.0)  # type: ignore[arg-type]


@compiled
def cash_requirement(world, venue, ticket, spot, initial, p):
    """Collateral [USD] that a short position needs at `spot`, to open (`initial`) or to stay; scaled by the lever.

    Where a margin engine asks for less than the rule, the position's mark is the least.
    """
    e, k, is_call, contracts = ticket.e, ticket.k, ticket.is_call, ticket.contracts
    strike = venue.strike[e, k]
    extra = venue.extra_call[e, k] if is_call else venue.extra_put[e, k]
    if p.standard_margin > 0.0:
        mark = venue.mark_call[e, k] if is_call else venue.mark_put[e, k]
        opening, maintenance = standard_margins(spot, strike, is_call, mark, p)
        needed = (opening if initial else maintenance) * contracts + extra * contracts
    else:
        shocked = shocked_price(spot, strike, years_to_expiry(world, venue, e), is_call, p)
        needed = with_static(shocked * contracts + extra * contracts, strike, is_call, contracts, p)
    needed *= venue.option_margin
    if extra < 0.0:
        needed = max(needed, (venue.mark_call[e, k] if is_call else venue.mark_put[e, k]) * contracts)
    return needed


@compiled
def coin_requirement(world, venue, ticket, spot, initial, p):
    """Coin that a short call against coin needs at `spot`, by the world's rule; at most the coin it may deliver."""
    e, k, contracts = ticket.e, ticket.k, ticket.contracts
    strike, extra = venue.strike[e, k], venue.extra_coin[e, k]
    if p.standard_margin > 0.0:
        opening, maintenance = standard_margins(spot, strike, True, venue.mark_call[e, k], p)
        in_cash = (opening if initial else maintenance) * contracts * venue.option_margin
        needed = in_cash / spot + extra * contracts * venue.option_margin
    else:
        static = p.short_static_coin / venue.opening_price
        call = shocked_price(spot, strike, years_to_expiry(world, venue, e), True, p)
        needed = max(call * contracts / (spot * p.shock_up) + extra * contracts, static)
        needed = min(needed, contracts) * venue.option_margin
    if extra < 0.0:
        needed = max(needed, venue.mark_call[e, k] * contracts / spot)
    return min(needed, contracts)


@compiled
def free_equity(venue, i, price):
    """Collateral of account `i` at `price` times the liquidation threshold, minus its debt; at least 0 [USD]."""
    debt = venue.account_scaled_debt[i] * venue.borrow_index
    return max(venue.account_collateral[i] * price * venue.liquidation_threshold - debt, 0.0)


@compiled
def posted_value(venue, s, price):
    """Value that the collateral of seller `s` counts with [USD]; coin is valued at `price`."""
    kind = venue.short_kind[s]
    if kind == CollateralKind.PLEDGE:
        return free_equity(venue, np.int64(venue.short_account[s]), price)
    return venue.short_collateral[s] + venue.short_coin[s] * price


@compiled
def below_margin(world, venue, s, spot, p):
    """True if the collateral of seller `s` is too small for its position at the price `spot`."""
    ticket = buy_back(venue, s)
    if venue.short_kind[s] == CollateralKind.COIN:
        return venue.short_coin[s] < coin_requirement(world, venue, ticket, spot, False, p)
    return posted_value(venue, s, spot) < cash_requirement(world, venue, ticket, spot, False, p)


# ---------------------------------------------------------------- values


@compiled
def short_mark(venue, s):
    """What seller `s` owes at the pool's marks [USD]."""
    e, k = venue.short_expiry[s], venue.short_strike[s]
    mark = venue.mark_call[e, k] if venue.short_call[s] == 1 else venue.mark_put[e, k]
    return mark * venue.short_contracts[s]


@compiled
def short_shortfall_at(venue, price):
    """Sum over sellers of what they owe beyond 97% of their collateral, at the pool's marks and at `price` [USD].

    Of a pledge, only the coin counts that the loan leaves, because the lending market's claim is served first.
    """
    total = 0.0
    for s in range(venue.num_shorts):
        if venue.short_contracts[s] > 0.0:
            if venue.short_kind[s] == CollateralKind.PLEDGE:
                i = venue.short_account[s]
                debt = venue.account_scaled_debt[i] * venue.borrow_index
                backing = max(venue.account_collateral[i] * price - debt, 0.0)
            else:
                backing = venue.short_collateral[s] + venue.short_coin[s] * price
            total += max(short_mark(venue, s) - 0.97 * backing, 0.0)
    return total
