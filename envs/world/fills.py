"""Toxicity of the flow of an option pool, measured by the pool itself: do its next marks move in the takers' favour?

The pool does not know who is informed. But a taker who knows the next move of the oracle or of the surface has gained
when the pool next marks its book. Other takers gain or lose by chance. The pool therefore keeps two sums over about
a day: what takers gained between their fill and the next marking, and the absolute value of the same. The ratio lies
between -1 and 1. It is 0 for flow that knows nothing, except for the takers' own effect on the surface. This is the
markout of fills that dealers use, in the form of an order imbalance (Easley, Lopez de Prado and O'Hara 2012, "Flow
toxicity and liquidity in a high-frequency world", use volume in place of the gain).
"""

from protogov.envs.world.compiled import compiled

DAY_KEPT = 1.0 - 1.0 / 24.0  # share of the sums over a day that is kept each hour
PRIOR = 1e-5  # share of the pool's value that counts as gains by chance; a few fills then prove nothing


@compiled
def note_fill(venue, ticket):
    """A taker's ticket was filled: remember its contracts and their value at the marks."""
    e, k, signed = ticket.e, ticket.k, ticket.sign * ticket.contracts
    mark = venue.mark_call[e, k] if ticket.is_call else venue.mark_put[e, k]
    filled = venue.filled_calls if ticket.is_call else venue.filled_puts
    filled[e, k] += signed
    venue.node_flow[e, k] += signed
    venue.filled_value += signed * mark
    venue.filled_notional += ticket.contracts * venue.oracle_price


@compiled
def judge_fills(venue):
    """The book has been marked: count what takers have gained since their fills, and clear these fills."""
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
    """Hourly: reduce the sums over a day by one hour's share."""
    venue.toxic_gain *= DAY_KEPT
    venue.toxic_size *= DAY_KEPT


@compiled
def flow_toxicity(venue, nav):
    """Takers' gain up to the next marking, divided by its absolute size, over the last day: -1 to 1."""
    return venue.toxic_gain / (venue.toxic_size + PRIOR * nav)
