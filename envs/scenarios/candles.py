"""Candles that can be replayed: checked, hourly and cleaned; every change is reported, none is silent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import CHANNELS, PRICES
from protogov.envs.scenarios.candle_channels import complete_channels, last_known, parse_channels
from protogov.envs.scenarios.candle_files import (
    CandleError,
    CandleTable,
    parse_prices,
    parse_times,
    parse_volumes,
    read_table,
    utc,
)

__all__ = ["HOUR", "CandleError", "Candles", "load_candles", "utc"]

HOUR = 3600  # seconds

# A bad print is a price far beyond both neighbouring hours, in a market that was quiet, gone within its hour. In real
# hours of ETH, crises of 2021-22 among them, the farthest wick lay 6.3% beyond its neighbours (21 and 23 May 2021), and
# the most unusual one 4.4 times the range of the hours around it (a quiet January). A price is touched only where it
# passes all three bounds; what a crash looks like in the middle of a crash is therefore kept.
SPIKE_LEAST = 0.10  # log distance beyond the neighbours
SPIKE_RANGES = 8.0  # the same in median log ranges of the hours around
SPIKE_REVERSION = 0.25  # the market's move across the hour, as a share of that distance
_SPIKE_WINDOW = 12  # hours on each side

_Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Candles:
    """Hourly candles without gaps, oldest first.

    Attributes:
        path: of the file.
        time: I64[n], start of the hour, seconds since 1970 in UTC.
        open: F64[n], as are `high`, `low` and `close`, in the file's currency.
        high: see `open`.
        low: see `open`.
        close: see `open`.
        volume: F64[n], NaN where the file has none.
        report: sentences, one for each thing that was changed or assumed; empty for a clean file.
        channels: F64[n] by the name of a channel of the tape, in its unit: what was recorded beside the price, as of
            the end of each hour; NaN where it was not.
    """

    path: Path
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    report: tuple[str, ...]
    channels: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in self.channels.items():
            if name not in CHANNELS[1:] or values.shape != self.time.shape:
                raise CandleError(
                    f"{self.path}: channels has {name!r} with values of shape {values.shape}; accepted are "
                    f"{', '.join(CHANNELS[1:])}, each with {self.time.size} values."
                )

    def __len__(self) -> int:
        return self.time.size

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the channels that were recorded beside the price, in some hours at least."""
        return tuple(name for name in CHANNELS if name in self.channels and np.isfinite(self.channels[name]).any())


def load_candles(path: str | Path) -> Candles:
    """Read candles from a CSV or Parquet file.

    Columns: a time, `open`, `high`, `low`, `close`, and perhaps a volume, under the names of Binance, Kraken or
    CryptoDataDownload, or in the order of Binance's and Kraken's files without header. Times are ISO-8601 (UTC unless
    they say otherwise) or unix seconds, milliseconds, microseconds or nanoseconds, and mark the start of a bar. Newest
    first is turned round, bars that divide an hour are joined to hours, bad prints are clipped: `report` says so.

    Columns that may stand beside them, each with its value at the end of the bar:

    ==================  ===========================================================================  ================
    column              what                                                                         accepted
    ==================  ===========================================================================  ================
    ``implied_vol``     30 days, at the money, annual decimal; also called ``implied_volatility``,   0.01 to 5
                        ``iv``, ``dvol``, ``mark_iv``. A column that lies wholly above 5 is percent  (5 to 500)
    ``funding``         annual decimal, paid by longs to shorts; not the ``funding_rate`` of         -10 to 10
                        exchanges, which is for the hours between two payments
    ``depth``           USD that move the pool by 1%                                                 1 to 1e12
    ``peg``             USD per unit of the debt asset                                               0.01 to 100
    ``gas``             cost of blockspace, a multiple of the usual; the tape's congestion is        0 to 10,000
                        (gas - 1) / 20, cut to 0..1, with which liquidators pay that multiple
    ``outside_yield``   annual decimal                                                               0 to 1
    ==================  ===========================================================================  ================

    Their cells may be empty or NaN: the last value is carried forward, before the first one nothing is recorded. Of
    bars that are joined the last value of the hour counts. `report` says what was carried, cut, read as percent or
    under another name, and left out.

    Raises:
        CandleError: for a file that cannot be read, a missing column, a value that is no number, prices that are not
            positive and finite or contradict each other, other columns out of their range, times that repeat, go back
            or leave a gap, bars longer than an hour, and a file with fewer than two hours. The message names file, row
            and reason.
    """
    table = read_table(Path(path))
    time = np.array(parse_times(table), dtype=np.int64)
    values = {name: np.array(parse_prices(table, name)) for name in PRICES}
    values["volume"] = np.array(parse_volumes(table))
    _check_prices(table, values)
    channels = parse_channels(table)
    values |= channels
    time, values = _oldest_first(table, time, values)
    interval = _check_times(table, time)
    time, values = _join_hours(table, time, values, interval)
    values = _clip_spikes(table, time, values)
    recorded = complete_channels(table, time, {name: values.pop(name) for name in channels})
    return Candles(path=table.path, time=time, **values, report=tuple(table.report), channels=recorded)


def _check_prices(table: CandleTable, values: _Columns) -> None:
    for name in PRICES:
        wrong = ~(np.isfinite(values[name]) & (values[name] > 0.0))
        if wrong.any():
            index = int(np.argmax(wrong))
            table.fail(f"{name} is {values[name][index]}; prices must be positive and finite", index)
    top = np.maximum(values["open"], values["close"])
    bottom = np.minimum(values["open"], values["close"])
    for name, wrong, limit, word in (
        ("high", values["high"] < top, top, "below"),
        ("low", values["low"] > bottom, bottom, "above"),
    ):
        if wrong.any():
            index = int(np.argmax(wrong))
            table.fail(f"{name} {values[name][index]} lies {word} open or close, {limit[index]}", index)


def _oldest_first(table: CandleTable, time: NDArray[np.int64], values: _Columns) -> tuple[NDArray[np.int64], _Columns]:
    """Turn round a file whose rows mostly go back in time; a single row out of order is refused later."""
    steps = np.diff(time)
    if (steps < 0).sum() <= (steps > 0).sum():
        return time, values
    table.report.append("The rows were newest first and were turned round.")
    table.rows = table.rows[::-1]
    return time[::-1].copy(), {name: column[::-1].copy() for name, column in values.items()}


def _check_times(table: CandleTable, time: NDArray[np.int64]) -> int:
    """The interval of the bars in seconds."""
    if time.size < 2:
        table.fail(f"the file is too short, {time.size} candles; at least two hours are needed")
    steps = np.diff(time)
    if (steps <= 0).any():
        index = int(np.argmax(steps <= 0)) + 1
        now, before = utc(time[index]), f"{table.place(index - 1)}, {utc(time[index - 1])}"
        relation = "repeats the time of" if steps[index - 1] == 0 else "is earlier than"
        table.fail(f"{now} {relation} {before}; times must increase", index)
    intervals, counts = np.unique(steps, return_counts=True)
    interval = int(intervals[np.argmax(counts)])
    if interval > HOUR or HOUR % interval:
        table.fail(f"a bar lasts {interval} seconds; bars of an hour, or of a divisor of it, are needed")
    if (steps != interval).any():
        index = int(np.argmax(steps != interval)) + 1
        missing = steps[index - 1] / interval - 1.0
        gap = f"{missing:g} bars of {interval} seconds are missing" if missing > 0.0 else "it comes too early"
        table.fail(f"{utc(time[index])} follows {utc(time[index - 1])}: {gap}", index)
    return interval


def _join_hours(
    table: CandleTable, time: NDArray[np.int64], values: _Columns, interval: int
) -> tuple[NDArray[np.int64], _Columns]:
    """Join bars of `interval` seconds to hours; an incomplete hour at either end is left out."""
    per_hour = HOUR // interval
    if per_hour == 1:
        return time, values
    start = int(-time[0] % HOUR) // interval
    hours = (time.size - start) // per_hour
    if hours < 2:
        table.fail(f"the file is too short, {max(hours, 0)} full hours; at least two are needed")
    used = slice(start, start + hours * per_hour)
    left_out = time.size - hours * per_hour
    table.report.append(
        f"{hours * per_hour} bars of {interval} seconds were joined to {hours} hours"
        + (f"; {left_out} of incomplete hours at the ends were left out." if left_out else ".")
    )
    table.rows = table.rows[used][::per_hour]
    bars = {name: column[used].reshape(hours, per_hour) for name, column in values.items()}
    return time[used][::per_hour].copy(), {name: last_known(column) for name, column in bars.items()} | {
        "open": bars["open"][:, 0].copy(),
        "high": bars["high"].max(axis=1),
        "low": bars["low"].min(axis=1),
        "close": bars["close"][:, -1].copy(),
        "volume": bars["volume"].sum(axis=1),
    }


def _clip_spikes(table: CandleTable, time: NDArray[np.int64], values: _Columns) -> _Columns:
    """Clip what the rule at the head of this file calls a bad print to the extreme of the hours around it.

    All four prices of an hour are looked at, so that a bad close is found like a bad wick. A bad print amid a crash
    stays; so do two in a row, each of which vouches for the other.
    """
    opens, highs, lows, closes = (values[name] for name in PRICES)
    # the market's own prices at both ends of the hour; the file's first and last hour vouch for themselves there
    before, after = np.r_[opens[0], closes[:-1]], np.r_[opens[1:], closes[-1]]
    ends = np.maximum(before, after), np.minimum(before, after)
    roof = np.maximum(ends[0], np.maximum(np.r_[opens[0], highs[:-1]], np.r_[highs[1:], closes[-1]]))
    floor = np.minimum(ends[1], np.minimum(np.r_[opens[0], lows[:-1]], np.r_[lows[1:], closes[-1]]))
    moved, ranges = np.log(ends[0] / ends[1]), np.log(highs / lows)
    clipped = {name: column.copy() for name, column in values.items()}
    for side, limits, beyond in (("low", floor, np.log(floor / lows)), ("high", roof, np.log(highs / roof))):
        for i in np.flatnonzero((beyond > SPIKE_LEAST) & (moved < SPIKE_REVERSION * beyond)).tolist():
            usual = np.median(np.r_[ranges[max(0, i - _SPIKE_WINDOW) : i], ranges[i + 1 : i + 1 + _SPIKE_WINDOW]])
            if beyond[i] <= SPIKE_RANGES * usual:
                continue
            for name in PRICES:
                clip = max if side == "low" else min
                clipped[name][i] = clip(clipped[name][i], limits[i])
            table.report.append(
                f"{table.place(i).capitalize()}, {utc(time[i])}: {side} {values[side][i]:g} was clipped to "
                f"{limits[i]:g}; it lay {abs(values[side][i] / limits[i] - 1.0):.1%} beyond the hours around it, whose "
                f"usual range is {usual:.2%}, and was gone within the hour."
            )
    return clipped
