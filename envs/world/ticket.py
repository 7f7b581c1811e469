"""The records of an option trade: what a trader asks for, which option that is, and what the pool answers.

All are named tuples of scalars. Compiled code splits them into scalars, so they take no time and no memory.
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


class Node(NamedTuple):
    """One (expiry, strike) of a venue at one price of the coin: what every quote of it needs, at whatever vol."""

    spot: float  # USD per coin
    strike: float  # USD per coin
    years: float  # to expiry
    moneyness: float  # log(spot / strike)
    root: float  # square root of the years
    discount: float  # factor from now to expiry
    fair_skew: float  # ratio of the fair vol to the at-the-money vol


class Terms(NamedTuple):
    """What the pool asks from a buyer or bids to a seller for a ticket, at the vol after the trade."""

    total: float  # USD for all contracts, with fees
    fees: float  # USD, part of the total
    vol: float  # quoted, including the spread
    base: float  # base vol of the expiry after the trade
    skew: float  # of the node after the trade
    delta: float  # of a call
    vega: float  # of one contract, USD per 1.00 of vol


class Asked(NamedTuple):
    """A price that a trader has asked for. It holds as long as nothing happens and the size is the same."""

    contracts: float  # 0: none was asked for
    node: Node
    terms: Terms


NOT_ASKED = Asked(0.0, Node(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), Terms(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))


@compiled
def resized(ticket, contracts):
    """The same ticket with another number of `contracts`."""
    return Ticket(ticket.e, ticket.k, ticket.is_call, contracts, ticket.sign)
