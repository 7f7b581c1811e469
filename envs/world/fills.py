"""How toxic the flow of an option pool is, as the pool itself can tell: whether its next marks go the takers' way.

Nobody says who is informed. But whoever trades on what the oracle or the surface is about to do has gained by the time
the pool marks its book again, and whoever does not gains or loses by chance. So the pool keeps, over about a day, what
takers gained between their fill and the next marking, and the same without its sign: the ratio lies between -1 and 1
and is 0 for flow that knows nothing, but for the takers' own push of the surface. It is a markout of fills as dealers
keep it, in the form of an order imbalance (Easley, Lopez de Prado and O'Hara 2012, "Flow toxicity and liquidity in a
high-frequency world", take volume for the gain).
"""

from protogov.envs.world.compiled import compiled

DAY_KEPT = 1.0 - 1.0 / 24.0  # an hour, of the sums over a day
PRIOR = 1e-5  # of the pool's value: gains of chance that are taken for granted, so that a few fills prove nothing


@compiled
def note_fill(venue, ticket):
    """A taker's ticket was filled: remember its contracts, and what they were marked at."""
    e, k, signed = ticket.e, ticket.k, ticket.sign * ticket.contracts
    mark = venue.mark_call[e, k] if ticket.is_call else venue.mark_put[e, k]
    filled = venue.filled_calls if ticket.is_call else venue.filled_puts
    filled[e, k] += signed
    venue.node_flow[e, k] += signed
    venue.filled_value += signed * mark
    venue.filled_notional += ticket.contracts * venue.oracle_price


@compiled
def judge_fills(venue):
    """The book has been marked: what takers have gained since their fills counts, and the next ones begin anew."""
    if venue.filled_notional == 0.0:
        return
    gain = -venue.filled_value
    calls, puts = venue.filled_calls, venue.filled_puts
    for e in range(venue.num_expiries):
        for k in range(venue.num_strikes):
            gain += calls[e, k] * venue.mark_call[e, k] + puts[e, k] * venue.mark_put[e, k]
            calls[e, k], puts[e, k] = 0.0, 0.0
    venue.toxic_gain += gain
    venue.toxic_size += abs(gain)
    venue.filled_value, venue.filled_notional = 0.0, 0.0


@compiled
def forget_fills(venue):
    """Hourly: the sums over a day lose an hour's share."""
    venue.toxic_gain *= DAY_KEPT
    venue.toxic_size *= DAY_KEPT


@compiled
def flow_toxicity(venue, nav):
    """Gain of takers up to the next marking over its absolute size, in the last day: -1 to 1."""
    return venue.toxic_gain / (venue.toxic_size + PRIOR * nav)
