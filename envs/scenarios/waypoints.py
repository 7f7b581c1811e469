"""Crises by waypoints: random bridges through known prices; each seed draws another path of the same crisis.

Before the onset and after the last waypoint the price walks freely. In between it is a Brownian bridge in five-minute
steps from one known close to the next. An hour with a known low or high reaches exactly that price and goes no further.
The path never falls below the crisis's own low. It never rises above the crisis's own high if that is the known high of
an hour. The size of a bridge's moves follows from the measured 24-hour realised vol.
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
_WICK_FROM, _WICKS = 3, 6  # if one extreme of an hour is known, it is reached 3 to 8 sub-steps into the hour
# if both are known, the first is reached 2 to 4 sub-steps into the hour, the second 6 to 10
_FIRST_FROM, _FIRSTS = 2, 3
_SECOND_FROM, _SECONDS = 6, 5
_SETTLE_HOURS = 72.0  # e-folding time of implied vol, after its last point, toward the value that prices imply
_NOISE_HALF_LIFE = 12.0
_DRAWN = ("leverage_demand", "outside_yield", "funding", "informed_share", "flow_intensity")
_FAR = 1e9  # a log price beyond all prices; it means "not known"


@compiled
def value_at(points: Table, hour: float) -> float:
    """Linear interpolation of `points` (F64[n, 2], n > 0) at `hour`; outside their hours the nearest value."""
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
    """Hour of the episode at whose close the crisis has its first price."""
    room = p.onset_to - p.onset_from + 1.0
    return int(p.onset_from + uniform(seed, _ZERO, _ZERO, _ZERO, _ONSET) * room)


@compiled
def amplitude_of(seed: np.uint64, p: Any) -> float:
    """Factor on every log move of the crisis."""
    return p.amplitude_low + uniform(seed, _ZERO, _ZERO, _ZERO, _AMPLITUDE) * (p.amplitude_high - p.amplitude_low)


@compiled
def bridge_step(at: float, goal: float, steps_left: int, deviation: float, shock: float) -> float:
    """One step of a Brownian bridge that reaches `goal` in `steps_left` steps, exactly in the last one."""
    if steps_left <= 1:
        return goal
    return at + (goal - at) / steps_left + deviation * sqrt((steps_left - 1.0) / steps_left) * shock


@compiled
def touches(
    at: float, low: float, high: float, seed: np.uint64, step: np.uint64
) -> tuple[int, float, int, float]:  # fmt: skip
    """When an hour that opens at `at` reaches its known extremes: (sub-step, log price) twice; sub-step 0 means never.

    `low` is below -_FAR and `high` is above _FAR if they are not known. If both are known, the one nearer to the
    opening comes first. Backtesters assume the same for a bar whose inside they do not know.
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
    """Simulate one hour of a bridge: (log close, log high, log low).

    The bridge reaches `goal` after `hours_left` hours, including this one. It reaches `known_low` and `known_high`, the
    extremes of this hour, and goes no further. They are below -_FAR and above _FAR if they are not known. Elsewhere the
    path is reflected at `floor` and `ceiling`.
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
    """Log prices that limit a crisis: its lowest price, and its highest if that is the known high of an hour.

    If only closes are known, the price rose above the highest of them by an unknown amount, and there is no ceiling.
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
    """Simulate one path. Returns the log price at its origin, which is the onset; the path must reach that far.

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
            # shift everything before: the crisis then begins at its first price
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
    """Write the known implied vol, depth, congestion and peg over the conditions of a filled `tape`."""
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
    """A price through the waypoints of a story. Marks are the hours since the onset, negative before it.

    Args:
        story: the known data.
        around: vols, amplitudes and onsets, in place of the story's own.
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
        """Draw a path through the waypoints per key."""
        return _walk(path, keys, self._prices)

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:
        """Write the known conditions of the story over the derived and drawn ones."""
        _bend(tapes, marks, keys, self._conditions)


class Crisis(PathScenario):
    """Paths of one crisis.

    Args:
        name: name of the scenario; part of the noise's key.
        split: "train", "validation", "test" or "free".
        story: the known data.
        amplitude: factor on every log move, or the two ends of a range from which each seed draws.
        onset: hour of the episode at which the crisis begins, or the two ends of a range; by default day 2 to day 9,
            earlier if the crisis would otherwise not end within 336 hours.
        conditions: parameters of everything that is not known.

    Raises:
        ValueError: an amplitude or an onset is out of range.
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
        """Hour of the episode at which the crisis begins, for each seed: I64[n]."""
        return -self.marks(seeds, 1)[:, 0]

    def draw_derived(self, seeds: Sequence[int] | Seeds, num_hours: int) -> Tapes:
        """As :meth:`draw`, without the story's points of implied vol, depth, congestion and peg: TAPE[n, hours + 1].

        The paths are the same. The conditions follow only from their prices, as in a replay of candles.
        """
        tapes, _ = self._drawn(seeds, num_hours, partial(self._run, bent=False))
        return tapes.view(TAPE, np.ndarray)

    def provenance(self) -> dict[str, str]:
        """The origin of the channels of its tapes: "recorded", "derived" or "invented", by channel.

        "price" (open, high, low, close) is recorded in this sense: every path meets the known prices of the story.
        Between them it is a random bridge; before and after the crisis it is a free walk. It is "recorded or invented"
        if some closes were filled in. Implied vol, depth and congestion are recorded only if all points of the story
        are facts. The peg is recorded if the story has one. Everything else is drawn by key.
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
