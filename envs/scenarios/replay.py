"""Replay of recorded candles: prices and recorded conditions as they were, the others derived or drawn beside them."""

from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import DERIVED, SOURCE_FOLDERS, Scenario, Seeds, Split, Tapes, either
from protogov.envs.scenarios.candle_files import parse_iso
from protogov.envs.scenarios.candles import HOUR, CandleError, Candles, load_candles, utc
from protogov.envs.scenarios.conditions import WARM_UP, Conditions, Logs, fill_conditions
from protogov.envs.world.compiled import compiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.noise import Purpose, key, uniform

_ZERO = np.uint64(0)
_SCENARIO = np.uint64(Purpose.TAPE_SCENARIO)


@compiled
def opening_index(seed: np.uint64, num_candles: int, num_hours: int, fixed: int) -> int:
    """Index of the candle whose close opens the episode: `fixed`, or keyed and uniform where `fixed` is negative."""
    if fixed >= 0:
        return fixed
    choices = num_candles - num_hours
    return min(int(uniform(seed, _ZERO, _ZERO, _ZERO, _SCENARIO) * choices), choices - 1)


@compiled
def replay_row(
    tape: Any, seed: np.uint64, prices: NDArray[np.float64], fixed: int, c: Any, log_close: Logs, log_range: Logs
) -> int:
    """One tape: candles from the opening on, and conditions that also know up to 30 days before it.

    `prices` is F64[n, 4]: open, high, low, close. Returns the index of the candle that opens the episode.
    """
    num_hours = tape.size - 1
    opening = opening_index(seed, prices.shape[0], num_hours, fixed)
    first = max(0, WARM_UP - opening)
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
        openings: NDArray[np.int64],
        seeds: Seeds,
        salt: np.uint64,
        prices: NDArray[np.float64],
        fixed: int,
        conditions_of: Any,
        start: int,
        stop: int,
    ) -> None:
        _ = digest  # a closure cell and so part of the cache's key: see kernels.py
        log_close = np.empty(WARM_UP + tapes.shape[1])
        log_range = np.empty(WARM_UP + tapes.shape[1])
        for row in range(start, stop):
            seed = key(seeds[row], salt)
            openings[row] = replay_row(tapes[row], seed, prices, fixed, conditions_of[0], log_close, log_range)

    return replay_range


_replay_range = _build(source_digest(*SOURCE_FOLDERS))


class Replay(Scenario):
    """The market of a candle file.

    The seed chooses where in the file an episode opens; the opening price is the close of that candle. What the file
    holds beside the candles is on the tape hour by hour, as of the end of the hour. Of the rest, implied vol, depth and
    congestion follow from the candles up to each hour, never from later ones; the other conditions are drawn, and are
    the same whatever was recorded.

    Args:
        candles: a path (.csv or .parquet), or candles that are loaded already.
        name: of the scenario and part of the noise's key; default: the file's name without suffix.
        split: "validation" unless said otherwise: held out from training, and not of the sealed test.
        start: ISO-8601 time of the candle whose close opens every episode, instead of one chosen by the seed.
        conditions: how conditions follow from prices.

    Attributes:
        candles: what was read; `candles.report` says what was cleaned, `candles.recorded` what stands beside the price.

    Raises:
        CandleError: for a file that cannot be used, and for a `start` that is not in it.
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
        conditions: Conditions | None = None,
    ) -> None:
        self.candles = candles if isinstance(candles, Candles) else load_candles(candles)
        self.name = name or self.candles.path.stem
        self.split = split
        first, last = utc(self.candles.time[0]), utc(self.candles.time[-1])
        self.about = f"{len(self.candles)} recorded hours, {first} to {last}"
        self.conditions = conditions or Conditions()
        self._fixed = -1 if start is None else self._index(start)
        columns = self.candles.open, self.candles.high, self.candles.low, self.candles.close
        self._prices = np.ascontiguousarray(np.stack(columns, axis=1))

    def _index(self, start: str) -> int:
        try:
            wanted = parse_iso(start)
        except (TypeError, ValueError):
            raise CandleError(f"start {start!r} is not an ISO-8601 time.") from None
        time = self.candles.time
        index, rest = divmod(wanted - int(time[0]), HOUR)
        if rest or not 0 <= index < time.size:
            raise CandleError(
                f"{self.candles.path}: start {start!r} is not one of its hours, {utc(time[0])} to {utc(time[-1])}."
            )
        return index

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless the file holds `num_hours` candles after the opening."""
        super().check_hours(num_hours)
        held = len(self.candles) - max(self._fixed, 0)
        if held < num_hours + 1:
            where = "" if self._fixed < 0 else f" from {utc(self.candles.time[self._fixed])}"
            raise CandleError(
                f"{self.candles.path}: the file holds {held} hourly candles{where}; an episode of {num_hours} hours "
                f"needs {num_hours + 1}."
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
        openings = np.empty(seeds.size, np.int64)
        _replay_range(tapes, openings, seeds, self.salt, self._prices, self._fixed, conditions_of, 0, seeds.size)
        candle = openings[:, None] + np.arange(tapes.shape[1])
        for name in self.candles.recorded:
            values = self.candles.channels[name][candle]
            known = np.isfinite(values)
            tapes[name][known] = values[known]
