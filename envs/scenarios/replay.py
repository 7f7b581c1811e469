"""Replay of recorded candles: prices and recorded conditions as they were, the others derived or drawn beside them."""

from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import DERIVED, SOURCE_FOLDERS, Scenario, Seeds, Split, Tapes, either
from protogov.envs.scenarios.candle_files import counted, without_suffix
from protogov.envs.scenarios.candle_times import parse_iso
from protogov.envs.scenarios.candles import HOUR, CandleError, Candles, load_candles, utc
from protogov.envs.scenarios.conditions import WARM_UP, Conditions, Logs, fill_conditions
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.noise import Purpose, key, uniform

Indices = NDArray[np.int64]

_ZERO = np.uint64(0)
_SCENARIO = np.uint64(Purpose.TAPE_SCENARIO)


@compiled
def replay_row(
    tape: Any,
    seed: np.uint64,
    prices: NDArray[np.float64],
    openings: Indices,
    begins: Indices,
    c: Any,
    log_close: Logs,
    log_range: Logs,
) -> int:
    """One tape: candles from the opening on, and conditions that also know up to 30 days before it.

    Args:
        tape: TAPE[hours + 1], written.
        seed: key of the row.
        prices: F64[n, 4]: open, high, low, close.
        openings: I64[m], candles whose close may open the episode; one is drawn, uniform and keyed.
        begins: I64[n], the first candle of each one's stretch: nothing before it is known.
        c: record of :class:`Conditions`.
        log_close: F64[WARM_UP + hours + 1], room to work in.
        log_range: the same.

    Returns:
        The index of the candle that opens the episode.
    """
    num_hours = tape.size - 1
    drawn = min(int(uniform(seed, _ZERO, _ZERO, _ZERO, _SCENARIO) * openings.size), openings.size - 1)
    opening = openings[drawn]
    first = max(0, WARM_UP - (opening - begins[opening]))
    for i in range(first, log_close.size):
        candle = opening - WARM_UP + i
        log_close[i] = log(prices[candle, 3])
        log_range[i] = log(prices[candle, 1] / prices[candle, 2])
    for hour in range(num_hours + 1):
        candle = opening + hour
        tape[hour]["open"] = prices[candle, 0 if hour > 0 else 3]
        tape[hour]["high"] = prices[candle, 1 if hour > 0 else 3]
        tape[hour]["low"] = prices[candle, 2 if hour > 0 else 3]
        tape[hour]["close"] = prices[candle, 3]
    fill_conditions(tape, log_close, log_range, first, seed, c)
    return opening


def _build(digest: str) -> Any:
    @keep_compiled
    def replay_range(
        tapes: Any,
        opened: Indices,
        seeds: Seeds,
        salt: np.uint64,
        prices: NDArray[np.float64],
        openings: Indices,
        begins: Indices,
        conditions_of: Any,
        start: int,
        stop: int,
    ) -> None:
        _ = digest  # a closure cell and so part of the cache's key: see kernels.py
        log_close = np.empty(WARM_UP + tapes.shape[1])
        log_range = np.empty(WARM_UP + tapes.shape[1])
        for row in range(start, stop):
            seed = key(seeds[row], salt)
            opened[row] = replay_row(tapes[row], seed, prices, openings, begins, conditions_of[0], log_close, log_range)

    return replay_range


_replay_range = _build(source_digest(*SOURCE_FOLDERS))


class Replay(Scenario):
    """The market of a candle file.

    The seed chooses where in the file an episode opens; the opening price is the close of that candle. All hours of an
    episode follow each other in the file without a gap. What the file holds beside the candles is on the tape hour by
    hour, as of the end of the hour. Of the rest, implied vol, depth and congestion follow from the candles up to each
    hour and since the last gap, never from later ones; the other conditions are drawn, and are the same whatever was
    recorded.

    Args:
        candles: a path (.csv, .csv.gz or .parquet), or candles that are loaded already.
        name: of the scenario and part of the noise's key; default: the file's name without suffix.
        split: "validation" unless said otherwise: held out from training, and not of the sealed test.
        start: ISO-8601 time of the candle whose close opens every episode, instead of one chosen by the seed.
        begin: ISO-8601 time before which no candle of an episode starts; what came before is history to it.
        end: ISO-8601 time after which no candle of an episode ends.
        conditions: how conditions follow from prices.

    Attributes:
        candles: what was read; `candles.recorded` says what stands beside the price.
        report: sentences on what was cleaned or assumed, and on the hours that `begin` and `end` leave.

    Raises:
        CandleError: for a file that cannot be used, for a `start` that is not in it, and for a `begin` and `end` that
            leave none of its hours.
    """

    kind = "replay"
    recorded = ("price",)
    derived = DERIVED

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
        self.name = name or without_suffix(self.candles.path)
        self.split = split
        self.conditions = conditions or Conditions()
        stretches = self.candles.stretches
        self._window = self._find_window(begin, end)
        self._fixed = None if start is None else self._find_start(start)
        self._stretches = [
            range(max(one.start, self._window.start), min(one.stop, self._window.stop)) for one in stretches
        ]
        self._begins = np.repeat([one.start for one in stretches], [len(one) for one in stretches])
        columns = self.candles.open, self.candles.high, self.candles.low, self.candles.close
        self._prices = np.ascontiguousarray(np.stack(columns, axis=1))
        parts = f", in {len(stretches)} stretches" if len(stretches) > 1 else ""
        self.about = f"{len(self.candles)} recorded hours, {self._said(range(len(self.candles)))}{parts}"
        chosen = f"Episodes lie in {len(self._window)} of {len(self.candles)} hours, {self._said(self._window)}."
        self.report = self.candles.report if begin is None and end is None else (*self.candles.report, chosen)

    def _said(self, hours: range) -> str:
        """When the first and the last of some hours start."""
        return f"{utc(self.candles.time[hours.start])} to {utc(self.candles.time[hours.stop - 1])}"

    def _find_window(self, begin: str | None, end: str | None) -> range:
        """Indices of the hours that lie between two times."""
        time = self.candles.time
        first = 0 if begin is None else int(np.searchsorted(time, _seconds("begin", begin)))
        stop = time.size if end is None else int(np.searchsorted(time + HOUR, _seconds("end", end), side="right"))
        if first >= stop:
            limits = (("at or after", begin), ("before", end))
            asked = " and ".join(f"{word} {limit!r}" for word, limit in limits if limit is not None)
            raise CandleError(f"{self.candles.path}: none of its hours, {self._said(range(time.size))}, lies {asked}.")
        return range(first, stop)

    def _find_start(self, start: str) -> int:
        """Index of the hour that starts then."""
        wanted = _seconds("start", start)
        index = int(np.searchsorted(self.candles.time, wanted))
        if index not in self._window or self.candles.time[index] != wanted:
            raise CandleError(
                f"{self.candles.path}: start {start!r} is not one of its hours, {self._said(self._window)}."
            )
        return index

    def openings(self, num_hours: int) -> Indices:
        """Candles whose close may open an episode of `num_hours`: I64[m], indices of `candles`, rising.

        All hours of the episode lie in one stretch without gaps, and between `begin` and `end`.
        """
        free = [range(one.start, one.stop - num_hours) for one in self._stretches]
        if self._fixed is not None:
            return np.array([self._fixed for one in free if self._fixed in one], np.int64)
        return np.concatenate([np.arange(one.start, one.stop, dtype=np.int64) for one in free])

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless the file holds `num_hours` candles after the opening, without a gap."""
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
            where += f" within {self._said(self._window)}"
        if len(self._stretches) > 1:
            where += " without a gap"
        raise CandleError(
            f"{self.candles.path}: the file holds {counted(held, 'hourly candle')}{where}; an episode of {num_hours} "
            f"hours needs {num_hours + 1}."
        )

    def provenance(self) -> dict[str, str]:
        """The price and what stands beside it are recorded; "recorded or derived" where hours of it are missing."""
        words = super().provenance()
        for name in self.candles.recorded:
            whole = np.isfinite(self.candles.channels[name]).all()
            words[name] = "recorded" if whole else either(("recorded", words[name]))
        return words

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Copy the candles, derive and draw the conditions for each seed, and lay over them what was recorded."""
        conditions_of = self.conditions.as_record()
        opened = np.empty(seeds.size, np.int64)
        openings = self.openings(tapes.shape[1] - 1)
        _replay_range(
            tapes, opened, seeds, self.salt, self._prices, openings, self._begins, conditions_of, 0, seeds.size
        )
        candle = opened[:, None] + np.arange(tapes.shape[1])
        for name in self.candles.recorded:
            values = self.candles.channels[name][candle]
            known = np.isfinite(values)
            tapes[name][known] = values[known]


def _seconds(field: str, text: str) -> int:
    """A time in whole seconds since 1970."""
    try:
        return parse_iso(text)
    except (TypeError, ValueError):
        raise CandleError(
            f"{field} {text!r} is not an ISO-8601 time; accepted is one such as 2021-05-19T05:00Z."
        ) from None


def cleaning_report(scenario: Scenario) -> list[str]:
    """What the reading of candles changed or assumed, of each replay that a scenario is made of; sentences."""
    replays = [leaf for leaf in scenario.leaves if isinstance(leaf, Replay)]
    return list(dict.fromkeys(f"{replay.name}: {line}" for replay in replays for line in replay.report))
