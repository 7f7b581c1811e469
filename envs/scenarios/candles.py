"""Candles that can be replayed: checked, hourly and cleaned. The report lists every change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import CHANNELS, PRICES
from protogov.envs.scenarios.candle_channels import complete_channels, last_known, longest_run, parse_channels
from protogov.envs.scenarios.candle_files import (
    CandleError,
    CandleTable,
    counted,
    leave_out_empty_rows,
    parse_prices,
    parse_volumes,
    read_table,
    refuse_several_markets,
)
from protogov.envs.scenarios.candle_times import (
    HOUR,
    Times,
    bar_starts,
    find_time_column,
    parse_times,
    stretch_starts,
    utc,
)

__all__ = ["HOUR", "CandleError", "Candles", "load_candles", "utc"]

ROUNDING = 1e-4  # share of a price: a high this much below the close, or a low this much above it, is corrected

# A bad print is a price far beyond both neighbouring hours, in a quiet market, that has disappeared within its hour. In
# real hours of ETH, including the crises of 2021-22, the farthest wick lay 6.3% beyond its neighbours (21 and 23 May
# 2021). The most unusual one was 4.4 times the range of the hours around it (a quiet January). A price is changed only
# if it passes all three bounds. A large move in the middle of a crash therefore stays unchanged.
SPIKE_LEAST = 0.10  # log distance beyond the neighbours
SPIKE_RANGES = 8.0  # the same distance, in median log ranges of the hours around it
SPIKE_REVERSION = 0.25  # the market's move over the hour, as a share of that distance
_SPIKE_WINDOW = 12  # hours on each side

_Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Candles:
    """Hourly candles, oldest first. Hours may be missing between them.

    Attributes:
        path: path of the file.
        time: I64[n], start of the hour, seconds since 1970 in UTC, increasing by whole hours.
        open: F64[n], in the file's currency.
        high: as `open`.
        low: as `open`.
        close: as `open`.
        volume: F64[n], NaN if the file has none.
        report: sentences, one for each thing that was changed or assumed; empty for a clean file.
        channels: F64[n] by the name of a channel of the tape, in its unit: what was recorded beside the price, at the
            end of each hour; NaN if not recorded.
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
        steps = np.diff(self.time)
        if ((steps <= 0) | (steps % HOUR != 0)).any():
            raise CandleError(f"{self.path}: time must rise by whole hours, {HOUR} seconds each.")
        for name, values in self.channels.items():
            if name not in CHANNELS[1:] or values.shape != self.time.shape:
                raise CandleError(
                    f"{self.path}: channels has {name!r} with values of shape {values.shape}; accepted are "
                    f"{', '.join(CHANNELS[1:])}, each with {self.time.size} values."
                )

    def __len__(self) -> int:
        return self.time.size

    @property
    def stretches(self) -> list[range]:
        """Index ranges of consecutive hours without a gap. There is one range if the file has no gap."""
        starts = stretch_starts(self.time)
        return [range(*ends) for ends in zip(starts.tolist(), [*starts[1:].tolist(), self.time.size], strict=True)]

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the channels that were recorded beside the price, at least in some hours."""
        return tuple(name for name in CHANNELS if name in self.channels and np.isfinite(self.channels[name]).any())


def load_candles(path: str | Path) -> Candles:
    """Read candles from a CSV file, which may be gzipped, or from a Parquet file.

    Columns: a time, `open`, `high`, `low`, `close`, and optionally a volume, with the names of Binance, Kraken or
    CryptoDataDownload, or in the order of Binance's and Kraken's files without header. Columns are separated by commas,
    semicolons, tabs or bars. A pandas index without a name is the time if there is no other time. Times are ISO-8601
    (UTC unless they state another zone) or unix seconds, milliseconds, microseconds or nanoseconds. They mark the start
    of a bar, or its close: its last minute, second or millisecond (`:59:59.999`), or its end if the column is named
    `close_time`.

    `report` lists every correction. Rows with the newest first are reversed. Bars that divide an hour are joined to
    hours. Bad prints are clipped. A high below open or close by up to 1e-4 of them, or a low above, is moved there.
    When finer bars are joined, missing times of up to an hour are filled flat, at the close before. Longer ones, and
    missing hours among hourly bars, stay gaps: nothing is invented there, and no episode of a replay crosses a gap.

    Optional columns beside them, each with its value at the end of the bar:

    ==================  ===========================================================================  ================
    column              what                                                                         accepted
    ==================  ===========================================================================  ================
    ``implied_vol``     30 days, at the money, annual decimal; also called ``implied_volatility``,   0.01 to 5
                        ``iv``, ``dvol``, ``mark_iv``. A column entirely above 5 is percent          (5 to 500)
    ``funding``         annual decimal, paid by longs to shorts; not the ``funding_rate`` of         -10 to 10
                        exchanges, which is for the hours between two payments
    ``depth``           USD that move the pool by 1%                                                 1 to 1e12
    ``peg``             USD per unit of the debt asset                                               0.01 to 100
    ``gas``             cost of blockspace, a multiple of the usual; the tape's congestion is        0 to 10,000
                        (gas - 1) / 20, clipped to 0..1; liquidators then pay that multiple
    ``outside_yield``   annual decimal                                                               0 to 1
    ==================  ===========================================================================  ================

    Cells may be empty or NaN. The last value is carried forward; before the first one nothing is recorded. If bars are
    joined, the last value of the hour counts. `report` lists what was carried forward, clipped, read as percent or
    under another name, and left out.

    Raises:
        CandleError: the file cannot be read, has a header of two rows or lacks a column; a value is not a number;
            prices are not positive and finite, or contradict each other by more than 1e-4; another column is out of
            range; the rows are of two markets; times repeat, go back or mark neither start nor close of a bar; bars are
            longer than an hour; there are fewer than two hours. The message names file, row and reason.
    """
    table = read_table(Path(path))
    time_name = find_time_column(table)
    leave_out_empty_rows(table)
    refuse_several_markets(table)
    stamps = parse_times(table, time_name)
    values = {name: np.array(parse_prices(table, name)) for name in PRICES}
    values["volume"] = np.array(parse_volumes(table))
    _check_prices(table, values)
    channels = parse_channels(table)
    values |= channels
    if _is_newest_first(stamps.values):
        table.report.append("The rows were newest first and were turned round.")
        table.rows, stamps = table.rows[::-1], stamps.reversed()
        values = {name: column[::-1].copy() for name, column in values.items()}
    time, interval = bar_starts(table, stamps)
    if interval < HOUR:
        time, values = _join_hours(table, time, values, interval)
    _report_gaps(table, time)
    values = _clip_spikes(table, time, values)
    recorded = complete_channels(table, time, {name: values.pop(name) for name in channels})
    return Candles(path=table.path, time=time, **values, report=tuple(table.report), channels=recorded)


def _check_prices(table: CandleTable, values: _Columns) -> None:
    """Refuse prices that no market has. Correct, in place, a high or low that rounding moved inside the others."""
    for name in PRICES:
        wrong = ~(np.isfinite(values[name]) & (values[name] > 0.0))
        if wrong.any():
            index = int(np.argmax(wrong))
            table.fail(f"{name} is {values[name][index]}; prices must be positive and finite", index)
    top = np.maximum(values["open"], values["close"])
    bottom = np.minimum(values["open"], values["close"])
    for name, limit, beyond, word in (
        ("high", top, 1.0 - values["high"] / top, "below"),
        ("low", bottom, values["low"] / bottom - 1.0, "above"),
    ):
        wrong = values[name] < limit if word == "below" else values[name] > limit
        if not wrong.any():
            continue
        index = int(np.argmax(beyond))
        if beyond[index] > ROUNDING + 1e-12:
            index = int(np.argmax(beyond > ROUNDING + 1e-12))
            table.fail(
                f"{name} {values[name][index]} lies {word} open or close, {limit[index]}; at most {ROUNDING:.2%} is "
                f"accepted, as rounding",
                index,
            )
        table.report.append(
            f"{name} lies {word} open or close in {counted(wrong.sum(), 'bar')}, first in "
            f"{table.place(int(np.argmax(wrong)))}, by {beyond[index]:.2g} of the price at most: it was moved there."
        )
        values[name] = np.where(wrong, limit, values[name])


def _is_newest_first(times: Times) -> bool:
    """Whether most rows go back in time; a single row out of order is refused later."""
    steps = np.diff(times)
    return bool((steps < 0).sum() > (steps > 0).sum())


def _join_hours(table: CandleTable, time: Times, values: _Columns, interval: int) -> tuple[Times, _Columns]:
    """Join bars of `interval` seconds to hours.

    Missing bars are filled flat, up to an hour of them in a row. If more are missing, the file is cut there. Hours that
    a cut or an end of the file leaves incomplete are left out.
    """
    per_hour = HOUR // interval
    hours, before, after = [], [], []  # for each slot of an hour: the last bar up to it, the first bar from it on
    cuts = np.flatnonzero(np.diff(time) > HOUR + interval) + 1
    for part in np.split(np.arange(time.size), cuts):
        slots = (time[part] - time[part[0]]) // interval
        start = int(-time[part[0]] % HOUR) // interval
        count = (int(slots[-1]) + 1 - start) // per_hour
        if count < 1:
            continue
        wanted = start + np.arange(count * per_hour)
        hours.append(time[part[0]] + interval * wanted[::per_hour])
        before.append(part[np.searchsorted(slots, wanted, side="right") - 1])
        after.append(part[np.searchsorted(slots, wanted, side="left")])
    if sum(map(len, hours)) < 2:
        table.fail(f"the file is too short, {sum(map(len, hours))} full hours; at least two are needed")
    joined, last, ahead = np.concatenate(hours), np.concatenate(before), np.concatenate(after)
    missing = last != ahead
    used = int((~missing).sum())
    where = "at the ends and beside gaps" if cuts.size else "at the ends"
    table.report.append(
        f"{used} bars of {interval} seconds were joined to {joined.size} hours"
        + (f"; {time.size - used} of incomplete hours {where} were left out." if used < time.size else ".")
    )
    if missing.any():
        table.report.append(
            f"Of {missing.size} bars {missing.sum()} were missing, at most {longest_run(missing)} in a row: each was "
            f"filled flat, at the close before it."
        )
    table.rows = [table.rows[i] for i in ahead[::per_hour]]
    flat = {"volume": 0.0} | {name: values["close"][last] for name in PRICES}
    bars = {
        name: np.where(missing, flat.get(name, np.nan), column[last]).reshape(-1, per_hour)
        for name, column in values.items()
    }
    return joined, {name: last_known(column) for name, column in bars.items()} | {
        "open": bars["open"][:, 0].copy(),
        "high": bars["high"].max(axis=1),
        "low": bars["low"].min(axis=1),
        "close": bars["close"][:, -1].copy(),
        "volume": bars["volume"].sum(axis=1),
    }


def _report_gaps(table: CandleTable, time: Times) -> None:
    """Report where hours are missing, and the effect on episodes."""
    starts = stretch_starts(time)
    if starts.size == 1:
        return
    lengths = np.diff(np.r_[starts, time.size])
    missing = (time[starts[1:]] - time[starts[1:] - 1]) // HOUR - 1
    longest = int(np.argmax(missing))
    table.report.append(
        f"Not filled: {counted(missing.sum(), 'hour')} in {counted(missing.size, 'gap')}, the longest from "
        f"{utc(time[starts[1 + longest] - 1] + HOUR)} to {utc(time[starts[1 + longest]])}; an episode lies within one "
        f"of the {starts.size} stretches between, of which the longest has {counted(lengths.max(), 'hour')}."
    )


def _clip_spikes(table: CandleTable, time: Times, values: _Columns) -> _Columns:
    """Clip bad prints (see the rule at the head of this file) to the extreme of the hours around them.

    All four prices of an hour are checked, so a bad close is found like a bad wick. A bad print in the middle of a
    crash stays. Two bad prints in a row stay too, because each confirms the other. Hours across a gap are not
    neighbours.
    """
    clipped = {name: column.copy() for name, column in values.items()}
    for hours in np.split(np.arange(time.size), stretch_starts(time)[1:]):
        if hours.size > 1:
            _clip_stretch(table, time, values, clipped, slice(hours[0], hours[-1] + 1))
    return clipped


def _clip_stretch(table: CandleTable, time: Times, values: _Columns, clipped: _Columns, hours: slice) -> None:
    """The same for `hours` without a gap. Writes to `clipped`."""
    opens, highs, lows, closes = (values[name][hours] for name in PRICES)
    # the market's own prices at both ends of the hour; the first and last hour use their own prices there
    before, after = np.r_[opens[0], closes[:-1]], np.r_[opens[1:], closes[-1]]
    ends = np.maximum(before, after), np.minimum(before, after)
    roof = np.maximum(ends[0], np.maximum(np.r_[opens[0], highs[:-1]], np.r_[highs[1:], closes[-1]]))
    floor = np.minimum(ends[1], np.minimum(np.r_[opens[0], lows[:-1]], np.r_[lows[1:], closes[-1]]))
    moved, ranges = np.log(ends[0] / ends[1]), np.log(highs / lows)
    for side, limits, beyond in (("low", floor, np.log(floor / lows)), ("high", roof, np.log(highs / roof))):
        for i in np.flatnonzero((beyond > SPIKE_LEAST) & (moved < SPIKE_REVERSION * beyond)).tolist():
            usual = np.median(np.r_[ranges[max(0, i - _SPIKE_WINDOW) : i], ranges[i + 1 : i + 1 + _SPIKE_WINDOW]])
            if beyond[i] <= SPIKE_RANGES * usual:
                continue
            hour = hours.start + i
            for name in PRICES:
                clip = max if side == "low" else min
                clipped[name][hour] = clip(clipped[name][hour], limits[i])
            price = values[side][hour]
            table.report.append(
                f"{table.place(hour).capitalize()}, {utc(time[hour])}: {side} {price:g} was clipped to {limits[i]:g}; "
                f"it lay {abs(price / limits[i] - 1.0):.1%} beyond the hours around it, whose usual range is "
                f"{usual:.2%}, and was gone within the hour."
            )
