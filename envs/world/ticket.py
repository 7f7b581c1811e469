"""The records of an option trade: what a trader asks for, and what the pool answers.

Both are named tuples of scalars. Compiled code splits them into scalars, so they take no time and no memory.
"""

from typing import NamedTuple

from protogov.envs.world.compiled import compiled


class Ticket(NamedTuple):
    """One option, the number of contracts, and the trader's side."""

    e: int  # index of the expiry
    k: int  # index of the strike
    is_call: bool
    contracts: float  # of one coin each, positive
    sign: float  # 1.0: the trader buys, also to close a short; -1.0: the trader sells


class Terms(NamedTuple):
    """What the pool asks from a buyer or bids to a seller for a ticket, at the vol after the trade."""

    total: float  # USD for all contracts, with fees
    fees: float  # USD, part of the total
    vol: float  # quoted, including the spread
    base: float  # base vol of the expiry after the trade
    skew: float  # of the node after the trade
    delta: float  # of a call
    vega: float  # of one contract, USD per 1.00 of vol


@compiled
def resized(ticket, contracts):
    """The same ticket with another number of `contracts`."""
    return Ticket(ticket.e, ticket.k, ticket.is_call, contracts, ticket.sign)
