"""What is known of a crisis: prices by the hour, lows, vols, pegs, and the market around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios._parameters import Parameters, bounded
from protogov.envs.world.state import HOURS_PER_YEAR

Points = Sequence[tuple[float, float]]
Table = NDArray[np.float64]  # F64[n, 2]: hour since the onset, value

EARLIEST, LATEST = 48, 216  # hours of the episode between which a crisis begins: day 2 to day 9
EPISODE = 336  # hours in which a crisis has to fit, unless its onset is given


@dataclass(frozen=True)
class Surroundings(Parameters):
    """The market around a crisis; annual decimals, times in hours."""

    vol_before: float = bounded(0.6, 0.01, 5.0)
    vol_around: float = bounded(0.8, 0.01, 5.0)  # of bridges outside the 24 hours whose vol is known
    vol_after: float = bounded(0.8, 0.01, 5.0)  # toward which vol falls after the last waypoint
    vol_spread: float = bounded(0.15, 0.0, 2.0)  # stationary sd of log vol outside the bridges
    vol_half_life: float = bounded(48.0, 1.0, 10_000.0)
    implied_spread: float = bounded(0.02, 0.0, 0.5)  # sd of log implied vol around its points
    amplitude_low: float = bounded(1.0, 0.01, 3.0)  # keyed factor on every log move of the crisis, uniform
    amplitude_high: float = bounded(1.0, 0.01, 3.0)
    onset_from: float = bounded(EARLIEST, 1.0, 1e6)  # hour of the episode, keyed and uniform
    onset_to: float = bounded(LATEST, 1.0, 1e6)
    jump_hazard: float = bounded(0.0, 0.0, 0.5)  # of the free walk before and after
    jump_mean: float = bounded(0.0, -0.2, 0.2)
    jump_spread: float = bounded(0.0, 0.0, 0.2)

    ordered = (("amplitude_low", "amplitude_high"), ("onset_from", "onset_to"))


@dataclass(frozen=True)
class Story:
    """What is known of one crisis. Hours are counted from the onset: hour h ends the h-th hourly candle after it.

    Attributes:
        began: ISO-8601 time of the onset.
        closes: (hour, USD), from (0, price) on; whole, rising hours.
        known: hours of `closes` that are facts, where the others were filled in; None: all are facts.
        lows: (hour, USD), facts: the low of the candle that ends at that hour.
        realised: annual vol of the 24 worst hourly returns in a row, as measured; 0 where it is not known.
        worst_from: hour at which those 24 hours begin.
        implied_vol: (hour, annual decimal), 30 days.
        depth: (hour, share) of the depth before the onset that is left at most.
        congestion: (hour, 0..1) at least.
        peg: (hour, USD per unit of the debt asset).
        facts: sentences; the first says in short what happened.
        around: vols before, between and after.
    """

    began: str
    closes: Points
    known: tuple[float, ...] | None = None
    lows: Points = ()
    realised: float = 0.0
    worst_from: float = 0.0
    implied_vol: Points = ((0.0, 0.7),)
    depth: Points = ()
    congestion: Points = ()
    peg: Points = ()
    facts: tuple[str, ...] = ()
    around: Surroundings = Surroundings()

    def __post_init__(self) -> None:
        for name in ("closes", "lows", "implied_vol", "depth", "congestion", "peg"):
            points = getattr(self, name)
            hours = [hour for hour, _ in points]
            if any(b <= a for a, b in zip(hours, hours[1:], strict=False)):
                raise ValueError(f"{name} of the crisis of {self.began} has hours {hours}; they must rise.")
            if any(not value >= 0.0 for _, value in points) or (name in ("closes", "lows") and min(hours + [0]) < 0):
                raise ValueError(f"{name} of the crisis of {self.began} is {points!r}; values and hours from 0 only.")
        if len(self.closes) < 2 or self.closes[0][0] != 0 or any(hour != int(hour) for hour, _ in self.closes):
            raise ValueError(f"closes of the crisis of {self.began} must begin at hour 0 and lie at whole hours.")
        if not set(self.known or ()) <= {hour for hour, _ in self.closes}:
            raise ValueError(f"known of the crisis of {self.began} is {self.known}; hours of its closes are accepted.")
        if any(not 0 < hour <= self.length or hour != int(hour) for hour, _ in self.lows):
            raise ValueError(f"lows of the crisis of {self.began} must lie at whole hours, 1 to {self.length}.")

    @property
    def length(self) -> int:
        """Hours from the onset to the last known price."""
        return int(self.closes[-1][0])

    def is_known(self, hour: float) -> bool:
        """Whether the close at that hour is a fact."""
        return self.known is None or hour in self.known

    @property
    def low(self) -> float:
        """Lowest known price [USD]."""
        return min(price for _, price in (*self.closes, *self.lows))

    def swings(self) -> Table:
        """(hour, vol of the bridge that ends there [annual]) for every known close after the first.

        The hourly returns of a bridge over n hours that moves by m have the expected sum of squares
        m^2 / n + (n - 1) s^2; s is solved so that the worst 24 hours add up to `realised`^2 / 365.
        """
        drifted, free = 0.0, 0.0
        until = self.worst_from + 24.0
        inside = []
        for (start, first), (end, last) in zip(self.closes, self.closes[1:], strict=False):
            hours = end - start
            share = max(0.0, min(end, until) - max(start, self.worst_from)) / hours
            drifted += share * log(last / first) ** 2 / hours
            free += share * (hours - 1.0)
            inside.append(share >= 0.5)
        around, worst = self.around.vol_around, self.around.vol_around
        if self.realised > 0.0 and free > 0.0:
            rest = self.realised**2 / 365.0 - drifted
            worst = sqrt(max(rest, 0.0) / free * HOURS_PER_YEAR)
        ends = [end for end, _ in self.closes[1:]]
        return np.array([(end, worst if core else around) for end, core in zip(ends, inside, strict=True)])
