"""What a margin engine changes in a venue: every hour, before its first sub-step, it says what positions must hold.

Short sellers. The engine writes what one contract of every node must hold: cash of a call, cash of a put, coin of a
call. The difference to the venue's rule of `margin.py`, at the same price and time, is added to the rule until the next
hour, for positions that stand and for new ones: an engine that asks what the rule asks changes nothing. What belongs to
the rule stays: the governed multiplier, the static amount, the strike as the most that a put needs, one coin as the
most that a call needs, and what Derive's rule asks more of new positions. A position needs at least its mark. As in the
portfolio margin of exchanges there is no notice: who is below the new requirement is closed at the next look. An expiry
that is listed within an hour has the rule alone until the next one.

Loans. The engine writes a largest loan-to-value. New loans follow it at once (less the governed gap). The liquidation
threshold follows it by at most the cap of its lever an hour, in either direction, and stays within the range of the
lever: nobody is liquidated because a number jumped.
"""

from protogov.envs.world.compiled import compiled
from protogov.envs.world.lever_table import AT
from protogov.envs.world.levers import engine_threshold, put_threshold
from protogov.envs.world.margin import shocked_price, standard_margins
from protogov.envs.world.options import years_to_expiry


@compiled
def follow_engine(world, venue, p):
    """Top of an hour: take over what the engine has written for it."""
    if venue.engine_margins:
        ask_sellers(world, venue, p)
    if venue.engine_ltv > 0.0:
        move_threshold(venue)


@compiled
def ask_sellers(world, venue, p):
    """Set the extra of every node: what the engine asks of a contract, minus what the rule asks to let it stay."""
    for e in range(venue.num_expiries):
        years = years_to_expiry(world, venue, e)
        for k in range(venue.num_strikes):
            call, put, coin = rule_per_contract(venue, e, k, years, p)
            venue.extra_call[e, k] = venue.engine_call[e, k] - call
            venue.extra_put[e, k] = venue.engine_put[e, k] - put
            venue.extra_coin[e, k] = venue.engine_coin[e, k] - coin


@compiled
def rule_per_contract(venue, e, k, years, p):
    """(USD of a call, USD of a put, coin of a call) that the venue's rule asks of one contract, at the oracle's price.

    Without the governed multiplier, static amounts and the bounds of strike and coin.
    """
    spot, strike = venue.oracle_price, venue.strike[e, k]
    if p.standard_margin > 0.0:
        _, call = standard_margins(spot, strike, True, venue.mark_call[e, k], p)
        _, put = standard_margins(spot, strike, False, venue.mark_put[e, k], p)
        return call, put, call / spot
    call = shocked_price(spot, strike, years, True, p)
    return call, shocked_price(spot, strike, years, False, p), call / (spot * p.shock_up)


@compiled
def move_threshold(venue):
    """Move the liquidation threshold toward the engine's limit by at most a cap; new loans follow at once."""
    wanted, cap = engine_threshold(venue), venue.levers[AT.liquidation_threshold].cap_unit
    gap = wanted - venue.liquidation_threshold
    threshold = wanted
    if abs(gap) > cap:
        threshold = venue.liquidation_threshold + (cap if gap > 0.0 else -cap)
    put_threshold(venue, threshold, wanted)
    venue.health_stale = 1
