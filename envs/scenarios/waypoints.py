"""Crises by waypoints: random bridges through prices that are known, each seed another path of the same crisis.

Before the onset and after the last waypoint the price walks freely. In between it is a Brownian bridge in five-minute
steps from one known close to the next. An hour whose low or high is known touches exactly that and goes no further, and
the path never falls below the crisis's own low, nor rises above its own high where that is the known high of an hour.
How much a bridge swings follows from the 24-hour realised vol that was measured.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import Seeds, Split, Tapes
from protogov.envs.scenarios.conditions import WARM_UP, Conditions, ou_step
from protogov.envs.scenarios.path import (
    Floats,
    Indices,
    Keys,
    Path,
    PathScenario,
    SimulatedWalk,
    bend_over_rows,
    over_rows,
)
from protogov.envs.scenarios.stories import CHANNELS, EARLIEST, EPISODE, LATEST, Points, Story, Surroundings, Table
from protogov.envs.scenarios.synthetic import walk_hour
from protogov.envs.world.compiled import compiled
from protogov.envs.world.noise import Purpose, normal, uniform
from protogov.envs.world.state import HOURS_PER_YEAR, SUBSTEPS, TAPE

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_BRIDGE = np.uint64(Purpose.TAPE_BRIDGE)
_VARIANCE = np.uint64(Purpose.TAPE_VARIANCE)
_ONSET = np.uint64(Purpose.TAPE_ONSET)
_AMPLITUDE = np.uint64(Purpose.TAPE_AMPLITUDE)
_WICK = np.uint64(Purpose.TAPE_WICK)
_IMPLIED = np.uint64(Purpose.TAPE_IMPLIED)
_WICK_FROM, _WICKS = 3, 6  # the one known extreme of an hour is touched 3 to 8 sub-steps into it
# where both are known the first is touched 2 to 4 sub-steps into the hour, the second 6 to 10
_FIRST_FROM, _FIRSTS = 2, 3
_SECOND_FROM, _SECONDS = 6, 5
_SETTLE_HOURS = 72.0  # e-folding time in which implied vol goes back to what prices call for after its last point
_NOISE_HALF_LIFE = 12.0
_DRAWN = ("leverage_demand", "outside_yield", "funding", "informed_share", "flow_intensity")
_FAR = 1e9  # log price beyond all prices: nothing is known


@compiled
def value_at(points: Table, hour: float) -> float:
    """`points` (F64[n, 2], n > 0) between two of them on a straight line, before and after as the nearest."""
    last = points.shape[0] - 1
    if hour <= points[0, 0]:
        return points[0, 1]
    for k in range(last):
        if hour <= points[k + 1, 0]:
            share = (hour - points[k, 0]) / (points[k + 1, 0] - points[k, 0])
            return points[k, 1] + share * (points[k + 1, 1] - points[k, 1])
    return points[last, 1]


@compiled
def onset_of(seed: np.uint64, p: Any) -> int:
    """Hour of the episode whose close is the crisis's first price."""
    room = p.onset_to - p.onset_from + 1.0
    return int(p.onset_from + uniform(seed, _ZERO, _ZERO, _ZERO, _ONSET) * room)


@compiled
def amplitude_of(seed: np.uint64, p: Any) -> float:
    """Factor on every log move of the crisis."""
    return p.amplitude_low + uniform(seed, _ZERO, _ZERO, _ZERO, _AMPLITUDE) * (p.amplitude_high - p.amplitude_low)


@compiled
def bridge_step(at: float, goal: float, steps_left: int, deviation: float, shock: float) -> float:
    """One step of a Brownian bridge that reaches `goal` in `steps_left` steps, exactly so in the last."""
    if steps_left <= 1:
        return goal
    return at + (goal - at) / steps_left + deviation * sqrt((steps_left - 1.0) / steps_left) * shock


@compiled
def touches(
    at: float, low: float, high: float, seed: np.uint64, step: np.uint64
) -> tuple[int, float, int, float]:  # fmt: skip
    """When an hour that opens at `at` touches its known extremes: (sub-step, log price) twice, sub-step 0 for never.

    `low` is below -_FAR and `high` above _FAR where they are not known. Where both are, the one that is nearer to the
    opening comes first, as backtesters assume of a bar whose inside they do not see.
    """
    has_low, has_high = low > -_FAR, high < _FAR
    u = uniform(seed, _ZERO, step, _ZERO, _WICK)
    if has_low and has_high:
        one, other = _FIRST_FROM + int(u * _FIRSTS), _SECOND_FROM
        other += int(uniform(seed, _ZERO, step, _ONE, _WICK) * _SECONDS)
        if at - low <= high - at:
            return one, low, other, high
        return one, high, other, low
    if has_low:
        return _WICK_FROM + int(u * _WICKS), low, 0, at
    if has_high:
        return _WICK_FROM + int(u * _WICKS), high, 0, at
    return 0, at, 0, at


@compiled
def bridge_hour(
    at: float, goal: float, hours_left: int, known_low: float, known_high: float, floor: float, ceiling: float,
    deviation: float, seed: np.uint64, step: np.uint64,
) -> tuple[float, float, float]:  # fmt: skip
    """Walk one hour of a bridge: (log close, log high, log low).

    The bridge reaches `goal` after `hours_left` hours, this one included. It touches `known_low` and `known_high`, the
    extremes of this hour, and goes no further; they are below -_FAR and above _FAR where none is known. Anywhere else
    the path is reflected at `floor` and `ceiling`.
    """
    first, first_price, second, second_price = touches(at, known_low, known_high, seed, step)
    bottom, top = max(known_low, floor), min(known_high, ceiling)
    high = low = at
    for k in range(SUBSTEPS):
        shock = normal(seed, _ZERO, step, np.uint64(k), _BRIDGE)
        if k < first:
            at = bridge_step(at, first_price, first - k, deviation, shock)
        elif k < second:
            at = bridge_step(at, second_price, second - k, deviation, shock)
        else:
            at = bridge_step(at, goal, hours_left * SUBSTEPS - k, deviation, shock)
        if at < bottom:
            at = min(bottom + (bottom - at), top)
        elif at > top:
            at = max(top - (at - top), bottom)
        high = max(high, at)
        low = min(low, at)
    return at, high, low


@compiled
def bounds_of(closes: Table, lows: Table, highs: Table) -> tuple[float, float]:
    """Log prices between which a crisis stays: its lowest price, and its highest where that is the high of an hour.

    A crisis of which only closes are known rose above the highest of them by an unknown amount; it has no ceiling.
    """
    floor, top, ceiling = closes[0, 1], closes[0, 1], -_FAR
    for k in range(closes.shape[0]):
        floor, top = min(floor, closes[k, 1]), max(top, closes[k, 1])
    for k in range(lows.shape[0]):
        floor = min(floor, lows[k, 1])
    for k in range(highs.shape[0]):
        ceiling = max(ceiling, highs[k, 1])
    return floor, ceiling if ceiling >= top else _FAR


@compiled
def crisis_row(path: Path, seed: np.uint64, parameters: Any) -> float:
    """Simulate one path; the log price at its origin, which is the onset: the path must reach that far.

    `lows` and `highs` may be empty.
    """
    closes, lows, highs, swings, around = parameters
    p = around[0]
    onset, amplitude = onset_of(seed, p), amplitude_of(seed, p)
    keep = exp(-0.6931471805599453 / p.vol_half_life)
    mean_log_vol = log(p.vol_before)
    log_vol = mean_log_vol + p.vol_spread * normal(seed, _ZERO, _ZERO, _ZERO, _VARIANCE)
    first, begin = closes[0, 1], WARM_UP + onset
    end = begin + int(closes[closes.shape[0] - 1, 0])
    floor, ceiling = bounds_of(closes, lows, highs)
    floor, ceiling = amplitude * (floor - first), amplitude * (ceiling - first)
    log_price, segment, next_low, next_high = 0.0, 1, 0, 0
    path.marks[0] = -begin
    for i in range(1, path.close.size):
        step = np.uint64(i)
        hour = i - begin
        if 0 < hour <= end - begin:
            while closes[segment, 0] < hour:
                segment += 1
            hourly = swings[segment - 1, 1] * amplitude / sqrt(HOURS_PER_YEAR)
            goal = amplitude * (closes[segment, 1] - first)
            known_low, known_high = -2.0 * _FAR, 2.0 * _FAR
            if next_low < lows.shape[0] and lows[next_low, 0] == hour:
                known_low = amplitude * (lows[next_low, 1] - first)
                next_low += 1
            if next_high < highs.shape[0] and highs[next_high, 0] == hour:
                known_high = amplitude * (highs[next_high, 1] - first)
                next_high += 1
            left = int(closes[segment, 0]) - hour + 1
            deviation = hourly / sqrt(float(SUBSTEPS))
            log_price, high, low = bridge_hour(
                log_price, goal, left, known_low, known_high, floor, ceiling, deviation, seed, step
            )
            log_vol = log(swings[segment - 1, 1])
            mean_log_vol = log(p.vol_after)
        else:
            substeps = SUBSTEPS if i > WARM_UP else 1
            log_price, high, low, _ = walk_hour(log_price, log_vol, 0.0, seed, step, substeps, p)
            shock = normal(seed, _ZERO, step, _ZERO, _VARIANCE)
            log_vol = ou_step(log_vol, mean_log_vol, keep, p.vol_spread, shock)
        if hour == 0:
            # what came before is moved so that the crisis begins at its first price
            for j in range(i):
                path.close[j] -= log_price
                path.high[j] -= log_price
                path.low[j] -= log_price
            high, low = high - log_price, low - log_price
            log_price = 0.0
        path.close[i], path.high[i], path.low[i], path.marks[i] = log_price, high, low, hour
    return first


@compiled
def bend_row(tape: Any, hours_since: Indices, seed: np.uint64, parameters: Any) -> None:
    """Lay what is known of implied vol, depth, congestion and the peg over the conditions of a filled `tape`."""
    implied, depth, congestion, peg, around = parameters
    p = around[0]
    amplitude = amplitude_of(seed, p)
    keep = exp(-0.6931471805599453 / _NOISE_HALF_LIFE)
    before = np.float64(tape[0]["depth"])
    noise = p.implied_spread * normal(seed, _ZERO, _ZERO, _ZERO, _IMPLIED)
    rest, last = implied[0, 1], implied[implied.shape[0] - 1, 0]
    for hour in range(tape.size):
        row = tape[hour]
        since = float(hours_since[WARM_UP + hour])
        if hour > 0:
            noise = ou_step(noise, 0.0, keep, p.implied_spread, normal(seed, _ZERO, np.uint64(hour), _ONE, _IMPLIED))
        level = rest + amplitude * (value_at(implied, since) - rest)
        if since > last:
            share = exp(-(since - last) / _SETTLE_HOURS)
            level = share * level + (1.0 - share) * np.float64(row["implied_vol"])
        row["implied_vol"] = max(level, 0.05) * exp(noise)
        if since < 0.0:
            before = np.float64(row["depth"])
            continue
        if since <= depth[depth.shape[0] - 1, 0]:
            row["depth"] = min(np.float64(row["depth"]), before * value_at(depth, since))
        if since <= congestion[congestion.shape[0] - 1, 0]:
            row["congestion"] = max(np.float64(row["congestion"]), value_at(congestion, since))
        if since <= peg[peg.shape[0] - 1, 0]:
            worth = exp(amplitude * log(value_at(peg, since)))
            row["peg"] = np.float64(row["peg"]) * worth


_walk, _bend = over_rows(crisis_row), bend_over_rows(bend_row)


class StoryWalk(SimulatedWalk):
    """A price through the waypoints of a story; marks are the hours since the onset, negative before it.

    Args:
        story: what is known.
        around: vols, amplitudes and onsets, instead of the story's own.
    """

    def __init__(self, story: Story, around: Surroundings) -> None:
        self.least_hours = int(around.onset_to) + 1
        self._prices = (
            _logs(story.closes), _logs(story.lows), _logs(story.highs), story.swings(), around.as_record(),
        )  # fmt: skip
        self._conditions = (
            _table(story.implied_vol), _table(story.depth or ((-1.0, 1.0),)),
            _table(story.congestion or ((-1.0, 0.0),)), _table(story.peg or ((-1.0, 1.0),)), around.as_record(),
        )  # fmt: skip

    def walk(self, path: Path, keys: Keys) -> Floats:
        """Draw a path through the waypoints for each key."""
        return _walk(path, keys, self._prices)

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:
        """Lay over the conditions what the story knows of them."""
        _bend(tapes, marks, keys, self._conditions)


class Crisis(PathScenario):
    """Paths of one crisis.

    Args:
        name: of the scenario; part of the noise's key.
        split: "train", "validation", "test" or "free".
        story: what is known.
        amplitude: factor on every log move, or the two ends of a range from which each seed draws.
        onset: hour of the episode at which it begins, or the two ends of a range; by default day 2 to day 9, earlier
            where the crisis is so long that it would not end within 336 hours.
        conditions: of everything that is not known.

    Raises:
        ValueError: for an amplitude or an onset out of range.
    """

    def __init__(
        self,
        name: str,
        split: Split,
        story: Story,
        *,
        amplitude: float | tuple[float, float] = 1.0,
        onset: int | tuple[int, int] | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        if onset is None:
            onset = EARLIEST, max(EARLIEST, min(LATEST, EPISODE - story.length))
        low, high = amplitude if isinstance(amplitude, tuple) else (amplitude, amplitude)
        earliest, latest = onset if isinstance(onset, tuple) else (onset, onset)
        self.story = story
        self.around = replace(
            story.around, amplitude_low=low, amplitude_high=high, onset_from=earliest, onset_to=latest
        )
        about = story.facts[0] if story.facts else ""
        super().__init__(name, split, StoryWalk(story, self.around), conditions, kind="crisis", about=about)

    def onsets(self, seeds: Sequence[int] | Seeds) -> NDArray[np.int64]:
        """Hour of the episode at which the crisis begins, I64[n], for each seed."""
        return -self.marks(seeds, 1)[:, 0]

    def draw_derived(self, seeds: Sequence[int] | Seeds, num_hours: int) -> Tapes:
        """As :meth:`draw`, without the story's points of implied vol, depth, congestion and peg: TAPE[n, hours + 1].

        The same paths, with the conditions that follow from their prices alone, as in a replay of candles.
        """
        tapes, _ = self._drawn(seeds, num_hours, partial(self._run, bent=False))
        return tapes.view(TAPE, np.ndarray)

    def provenance(self) -> dict[str, str]:
        """Where the channels of its tapes come from: "recorded", "derived" or "invented", by field of the tape.

        "price" (open, high, low, close) is recorded in the sense that every path meets the known prices of the story;
        between them, and before and after the crisis, it is a random bridge and a free walk; "recorded or invented"
        where some of the closes were filled in. Implied vol, depth and
        congestion are recorded only where all points of the story are facts, and the peg where the story has one. All
        else is drawn by key.
        """
        whole = len(self.story.facts_of("closes")) == len(self.story.closes)
        found = {"price": "recorded" if whole else "recorded or invented"}
        for name in CHANNELS:
            points = getattr(self.story, name)
            whole = bool(points) and len(self.story.facts_of(name)) == len(points)
            found[name] = "recorded" if whole or (name == "peg" and points) else "invented"
        return found | dict.fromkeys(_DRAWN, "invented")


def _table(points: Points) -> Table:
    return np.array(points, np.float64).reshape(-1, 2)


def _logs(points: Points) -> Table:
    table = _table(points)
    # math.log as in compiled code, one by one: numpy's own may differ in the last bit
    table[:, 1] = [log(value) for value in table[:, 1]]
    return table
