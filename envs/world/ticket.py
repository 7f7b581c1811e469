"""The records of an option trade: what is asked for, and what the pool answers.

Both are tuples of scalars with names. Compiled code takes them apart, so they cost nothing and allocate nothing.
"""

from typing import NamedTuple

from protogov.envs.world.compiled import compiled


class Ticket(NamedTuple):
    """One option, how much of it, and the trader's side."""

    e: int  # index of the expiry
    k: int  # index of the strike
    is_call: bool
    contracts: float  # of one coin each, positive
    sign: float  # 1.0 the trader buys, also to close what it has sold; -1.0 the trader sells


class Terms(NamedTuple):
    """What the pool asks (for a buyer) or bids (to a seller) for a ticket, at the vol after the trade."""

    total: float  # USD for all contracts, with fees
    fees: float  # USD of it
    vol: float  # quoted, with the spread
    base: float  # base vol of the expiry after the trade
    skew: float  # of the node after the trade
    delta: float  # of a call
    vega: float  # of one contract, USD a unit of vol


@compiled
def resized(ticket, contracts):
    """The same ticket for other `contracts`."""
    return Ticket(ticket.e, ticket.k, ticket.is_call, contracts, ticket.sign)
