"""Replay of recorded candles: recorded prices and conditions stay as they were, others are derived or drawn."""

from collections.abc import Callable
from math import log
from pathlib import Path

import numpy as np

from protogov.envs.scenarios.base import PRICES, Scenario, Split, Tapes, either
from protogov.envs.scenarios.candle_files import counted, without_suffix
from protogov.envs.scenarios.candle_times import parse_iso
from protogov.envs.scenarios.candles import HOUR, CandleError, Candles, load_candles, utc
from protogov.envs.scenarios.conditions import WARM_UP, Conditions
from protogov.envs.scenarios.path import Indices, Keys, Past, PathScenario, Walk, uniforms
from protogov.envs.world.noise import Purpose

_SCENARIO = np.uint64(Purpose.TAPE_SCENARIO)


class CandleWalk(Walk):
    """The prices of recorded candles and the conditions recorded beside them. Marks are the candle of each hour.

    Args:
        candles: the recorded data.
        openings: function from the hours of an episode to the candles whose close may open it, I64[m].
    """

    def __init__(self, candles: Candles, openings: Callable[[int], Indices]) -> None:
        self._candles, self._openings = candles, openings
        stretches = candles.stretches
        # first candle of the stretch of each candle; nothing is known before it
        self._begins = np.repeat([one.start for one in stretches], [len(one) for one in stretches])
        # math.log as in compiled code, one by one: numpy's own may differ in the last bit
        self._log_close = np.array([log(price) for price in candles.close])
        self._log_range = np.array([log(ratio) for ratio in candles.high / candles.low])

    def draw(self, tapes: Tapes, keys: Keys) -> Past:
        """Copy the candles from an opening that is drawn per key, and up to 30 days before it."""
        openings = self._openings(tapes.shape[1] - 1)
        drawn = (uniforms(keys, _SCENARIO) * openings.size).astype(np.int64)
        opening = openings[np.minimum(drawn, openings.size - 1)]
        first = np.maximum(0, WARM_UP - (opening - self._begins[opening]))
        candle = opening[:, None] + np.arange(-WARM_UP, tapes.shape[1])
        for name in PRICES:
            tapes[name] = getattr(self._candles, name)[candle[:, WARM_UP:]]
            tapes[name][:, 0] = self._candles.close[opening]
        known = np.maximum(candle, 0)  # elements before `first` are not read
        return Past(self._log_close[known], self._log_range[known], candle, first)

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:
        """Replace conditions by the recorded ones."""
        for name in self._candles.recorded:
            values = self._candles.channels[name][marks[:, WARM_UP:]]
            known = np.isfinite(values)
            tapes[name][known] = values[known]


class Replay(PathScenario):
    """The market of a candle file.

    The seed chooses where in the file an episode opens. The opening price is the close of that candle. All hours of an
    episode follow each other in the file without a gap. Other columns of the file are on the tape hour by hour, with
    their value at the end of the hour. If they are not recorded, implied vol, depth and congestion follow from the
    candles up to each hour and since the last gap, never from later ones. The other conditions are drawn. These draws
    do not depend on what was recorded.

    Args:
        candles: a path (.csv, .csv.gz or .parquet), or loaded candles.
        name: name of the scenario and part of the noise's key; default: the file's name without suffix.
        split: "validation" by default: not for training, and not part of the sealed test.
        start: ISO-8601 time of the candle whose close opens every episode; then the seed does not choose it.
        begin: ISO-8601 time before which no candle of an episode starts. Earlier candles are its history.
        end: ISO-8601 time after which no candle of an episode ends.
        conditions: how conditions follow from prices.

    Attributes:
        candles: the candles; `candles.recorded` lists what was recorded beside the price.
        report: sentences on what was cleaned or assumed, and on the hours between `begin` and `end`.

    Raises:
        CandleError: the file cannot be used, `start` is not in it, or no hour lies between `begin` and `end`.
    """

    recorded = ("price",)

    def __init__(
        self,
        candles: str | Path | Candles,
        *,
        name: str | None = None,
        split: Split = "validation",
        start: str | None = None,
        begin: str | None = None,
        end: str | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        self.candles = candles if isinstance(candles, Candles) else load_candles(candles)
        stretches = self.candles.stretches
        self._window = self._find_window(begin, end)
        self._fixed = None if start is None else self._find_start(start)
        self._stretches = [
            range(max(one.start, self._window.start), min(one.stop, self._window.stop)) for one in stretches
        ]
        parts = f", in {len(stretches)} stretches" if len(stretches) > 1 else ""
        about = f"{len(self.candles)} recorded hours, {self._filled_sentence(range(len(self.candles)))}{parts}"
        chosen = (
            f"Episodes lie in {len(self._window)} of {len(self.candles)} hours, {self._filled_sentence(self._window)}."
        )
        walk = CandleWalk(self.candles, self.openings)
        name = name or without_suffix(self.candles.path)
        super().__init__(name, split, walk, conditions, kind="replay", about=about)
        self.report = self.candles.report if begin is None and end is None else (*self.candles.report, chosen)

    def _filled_sentence(self, hours: range) -> str:
        """A text with the start times of the first and the last of some hours."""
        return f"{utc(self.candles.time[hours.start])} to {utc(self.candles.time[hours.stop - 1])}"

    def _find_window(self, begin: str | None, end: str | None) -> range:
        """Indices of the hours between two times."""
        time = self.candles.time
        first = 0 if begin is None else int(np.searchsorted(time, _seconds("begin", begin)))
        stop = time.size if end is None else int(np.searchsorted(time + HOUR, _seconds("end", end), side="right"))
        if first >= stop:
            limits = (("at or after", begin), ("before", end))
            asked = " and ".join(f"{word} {limit!r}" for word, limit in limits if limit is not None)
            raise CandleError(
                f"{self.candles.path}: none of its hours, {self._filled_sentence(range(time.size))}, lies {asked}."
            )
        return range(first, stop)

    def _find_start(self, start: str) -> int:
        """Index of the hour that starts at this time."""
        wanted = _seconds("start", start)
        index = int(np.searchsorted(self.candles.time, wanted))
        if index not in self._window or self.candles.time[index] != wanted:
            raise CandleError(
                f"{self.candles.path}: start {start!r} is not one of its hours, {self._filled_sentence(self._window)}."
            )
        return index

    def openings(self, num_hours: int) -> Indices:
        """Candles whose close may open an episode of `num_hours`: I64[m], indices of `candles`, increasing.

        All hours of the episode lie in one stretch without gaps, and between `begin` and `end`.
        """
        free = [range(one.start, one.stop - num_hours) for one in self._stretches]
        if self._fixed is not None:
            return np.array([self._fixed for one in free if self._fixed in one], np.int64)
        return np.concatenate([np.arange(one.start, one.stop, dtype=np.int64) for one in free])

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless the file has `num_hours` candles after an opening, without a gap."""
        super().check_hours(num_hours)
        if self.openings(num_hours).size > 0:
            return
        at = self._fixed
        if at is None:
            held, where = max(map(len, self._stretches)), ""
        else:
            held = next(one.stop - at for one in self._stretches if at in one)
            where = f" from {utc(self.candles.time[at])}"
        if len(self._window) < len(self.candles):
            where += f" within {self._filled_sentence(self._window)}"
        if len(self._stretches) > 1:
            where += " without a gap"
        raise CandleError(
            f"{self.candles.path}: the file holds {counted(held, 'hourly candle')}{where}; an episode of {num_hours} "
            f"hours needs {num_hours + 1}."
        )

    def provenance(self) -> dict[str, str]:
        """The price and the recorded channels are "recorded"; "recorded or derived" if some hours are missing."""
        words = super().provenance()
        for name in self.candles.recorded:
            whole = np.isfinite(self.candles.channels[name]).all()
            words[name] = "recorded" if whole else either(("recorded", words[name]))
        return words


def _seconds(field: str, text: str) -> int:
    """A time in whole seconds since 1970."""
    try:
        return parse_iso(text)
    except (TypeError, ValueError):
        raise CandleError(
            f"{field} {text!r} is not an ISO-8601 time; accepted is one such as 2021-05-19T05:00Z."
        ) from None


def cleaning_report(scenario: Scenario) -> list[str]:
    """Sentences on what was changed or assumed in the candles of each replay that a scenario consists of."""
    replays = [leaf for leaf in scenario.leaves if isinstance(leaf, Replay)]
    return list(dict.fromkeys(f"{replay.name}: {line}" for replay in replays for line in replay.report))
