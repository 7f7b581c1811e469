"""Known data of a crisis: prices by the hour, lows and highs of hours, vols, pegs, and the market around it.

How hours are numbered. A story counts from the instant `began`. Its hour h is the instant h hours later. A close of
hour h, and the low and high of hour h, belong to the candle that *ends* there. Exchanges name a candle by the hour at
which it *begins*: their "candle of 02:00" ends at 03:00. Example: a crisis began at 06:00 on the 6th. Its hour 0 is the
close that an exchange lists under 05:00 on the 6th, and its hour 1 is the close listed under 06:00.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios._parameters import ProcessParameters, bounded
from protogov.envs.world.state import HOURS_PER_YEAR

Points = Sequence[tuple[float, float]]
Table = NDArray[np.float64]  # F64[n, 2]: hour since the onset, value

CHANNELS = ("implied_vol", "depth", "congestion", "peg")
EARLIEST, LATEST = 48, 216  # hours of the episode between which a crisis begins: day 2 to day 9
EPISODE = 336  # hours into which a crisis must fit, unless its onset is given


@dataclass(frozen=True)
class Surroundings(ProcessParameters):
    """The market around a crisis; annual decimals, times in hours."""

    vol_before: float = bounded(0.6, 0.01, 5.0)
    vol_around: float = bounded(0.8, 0.01, 5.0)  # of bridges outside the 24 hours with a measured vol
    vol_after: float = bounded(0.8, 0.01, 5.0)  # toward which vol reverts after the last waypoint
    vol_spread: float = bounded(0.15, 0.0, 2.0)  # stationary sd of log vol outside the bridges
    vol_half_life: float = bounded(48.0, 1.0, 10_000.0)
    implied_spread: float = bounded(0.02, 0.0, 0.5)  # sd of log implied vol around its points
    amplitude_low: float = bounded(1.0, 0.01, 3.0)  # keyed uniform factor on every log move of the crisis
    amplitude_high: float = bounded(1.0, 0.01, 3.0)
    onset_from: float = bounded(EARLIEST, 1.0, 1e6)  # hour of the episode at which it begins, keyed and uniform
    onset_to: float = bounded(LATEST, 1.0, 1e6)
    jump_hazard: float = bounded(0.0, 0.0, 0.5)  # per hour, of the free walk before and after
    jump_mean: float = bounded(0.0, -0.2, 0.2)
    jump_spread: float = bounded(0.0, 0.0, 0.2)

    ordered = (("amplitude_low", "amplitude_high"), ("onset_from", "onset_to"))


@dataclass(frozen=True)
class Story:
    """Known data of one crisis. Hours are counted from the onset: hour h ends the h-th hourly candle after it.

    Attributes:
        began: ISO-8601 time of the onset: hour 0 of `closes`.
        closes: (hour, USD), beginning with (0, price); whole, increasing hours.
        lows: (hour, USD): the low of the candle that ends at that hour. Its open, the close of the hour before, is one
            of `closes`.
        highs: (hour, USD): the high of the candle that ends at that hour, as for `lows`.
        known: field -> the hours whose points are facts. The other points were filled in to keep the path plausible.
            All points of a field without an entry are facts.
        realised: measured annual vol of the 24 worst consecutive hourly returns; 0 if unknown.
        worst_from: hour at which these 24 hours begin.
        implied_vol: (hour, annual decimal), 30 days.
        depth: (hour, largest share of the depth before the onset that is left).
        congestion: (hour, least congestion, 0..1).
        peg: (hour, USD per unit of the debt asset).
        facts: sentences. The first is a short summary of the crisis, the last names the source of the prices.
        around: vols before, between and after.
    """

    began: str
    closes: Points
    lows: Points = ()
    highs: Points = ()
    known: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    realised: float = 0.0
    worst_from: float = 0.0
    implied_vol: Points = ((0.0, 0.7),)
    depth: Points = ()
    congestion: Points = ()
    peg: Points = ()
    facts: tuple[str, ...] = ()
    around: Surroundings = Surroundings()

    def __post_init__(self) -> None:
        prices = ("closes", "lows", "highs")
        for name in (*prices, *CHANNELS):
            points = getattr(self, name)
            hours = [hour for hour, _ in points]
            if any(b <= a for a, b in zip(hours, hours[1:], strict=False)):
                raise ValueError(f"{name} of the crisis of {self.began} has hours {hours}; they must rise.")
            if any(not value >= 0.0 for _, value in points) or (name in prices and min(hours + [0]) < 0):
                raise ValueError(f"{name} of the crisis of {self.began} is {points!r}; values and hours from 0 only.")
        if len(self.closes) < 2 or self.closes[0][0] != 0 or any(hour != int(hour) for hour, _ in self.closes):
            raise ValueError(f"closes of the crisis of {self.began} must begin at hour 0 and lie at whole hours.")
        for name, facts in self.known.items():
            if name not in (*prices, *CHANNELS):
                raise ValueError(
                    f"known of the crisis of {self.began} names {name!r}; accepted are "
                    f"{', '.join((*prices, *CHANNELS))}."
                )
            if not set(facts) <= {hour for hour, _ in getattr(self, name)}:
                raise ValueError(
                    f"known of the crisis of {self.began} has {facts} for {name}; hours of its {name} are accepted."
                )
        self._check_extremes()

    def _check_extremes(self) -> None:
        """Raise ValueError unless a path through the closes can reach every known low and high."""
        closes, lows, highs = dict(self.closes), dict(self.lows), dict(self.highs)
        for name, extremes in (("lows", lows), ("highs", highs)):
            for hour in extremes:
                if not 0 < hour <= self.length or hour != int(hour):
                    raise ValueError(
                        f"{name} of the crisis of {self.began} must lie at whole hours, 1 to {self.length}."
                    )
                if hour - 1 not in closes:
                    raise ValueError(
                        f"{name} of the crisis of {self.began} has hour {hour}; the close of hour {hour - 1}, its "
                        f"open, must be one of the closes."
                    )
        for hour in {*lows, *highs}:
            low, high = lows.get(hour, 0.0), highs.get(hour, float("inf"))
            inside = [closes[at] for at in (hour - 1, hour) if at in closes]
            if not low <= min(inside) <= max(inside) <= high:
                raise ValueError(
                    f"hour {hour} of the crisis of {self.began} has low {low} and high {high}; they must enclose its "
                    f"open and close, {inside}."
                )

    @property
    def length(self) -> int:
        """Hours from the onset to the last known price."""
        return int(self.closes[-1][0])

    def is_known(self, name: str, hour: float) -> bool:
        """Whether the point of the field `name` at this hour is a fact."""
        return name not in self.known or hour in self.known[name]

    def facts_of(self, name: str) -> Points:
        """The points of the field `name` that are facts."""
        return tuple(point for point in getattr(self, name) if self.is_known(name, point[0]))

    @property
    def low(self) -> float:
        """Lowest known price [USD]."""
        return min(price for _, price in (*self.closes, *self.lows))

    @property
    def high(self) -> float:
        """Highest known price [USD]."""
        return max(price for _, price in (*self.closes, *self.highs))

    def swings(self) -> Table:
        """(hour, vol of the bridge that ends there [annual]) for every known close after the first.

        For a bridge over n hours with the log move m, the expected sum of squared hourly returns is
        m^2 / n + (n - 1) s^2. s is solved such that the worst 24 hours add up to `realised`^2 / 365.
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
