"""What a pricer is: anything that says what the return to settlement is like, market by market, expiry by expiry."""

from typing import Protocol

import numpy as np

from protogov.agents.pricing.quantile_law import Floats, QuantileLaw
from protogov.agents.pricing.reader import Reading
from protogov.envs.world.state import HOURS_PER_YEAR

LEAST_HOURS = 1.0  # a law of less time is that of an hour


class Pricer(Protocol):
    """A model of the return to each listed expiry."""

    @property
    def name(self) -> str:
        """For rows and files."""
        ...

    def laws(self, reading: Reading) -> QuantileLaw:
        """The law of log(settlement / spot) of every world and expiry, n * e rows, world by world.

        Called once a decision for all worlds, in the order of the decisions: it may remember rows, and forgets one
        whose hour has gone back. Rows of expiries that are not listed hold the law of an hour and mean nothing.
        """
        ...


def years_of(reading: Reading) -> Floats:
    """Years to each expiry, F64[n * e], positive."""
    return np.asarray(np.maximum(reading.hours, LEAST_HOURS).ravel() / HOURS_PER_YEAR)
