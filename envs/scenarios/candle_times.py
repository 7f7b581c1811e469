"""Times of candles: the formats of the usual sources, and whether a stamp marks the start or the close of its bar."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import PRICES
from protogov.envs.scenarios.candle_files import INDEX_NAMES, CandleTable

HOUR = 3600  # seconds
Times = NDArray[np.int64]

# The first match counts. Names are compared in lower case, with underscores for blanks. CryptoDataDownload has both
# `unix` and `date`; Binance calls the start of a bar `open_time`.
_TIME_NAMES = ("timestamp", "unix", "unix_timestamp", "open_time", "opentime", "time", "datetime", "date")
_CLOSE_NAMES = ("close_time", "closetime")  # used if there is no other
# Seconds since 1970 have at most 11 digits; the same in ms, us and ns has 3, 6 and 9 more.
_TIME_UNITS = (
    (10**11, 10**9, "seconds"),
    (10**14, 10**6, "milliseconds"),
    (10**17, 10**3, "microseconds"),
    (10**20, 1, "nanoseconds"),
)  # limit, nanoseconds in one, name
_SECOND = 10**9  # nanoseconds, as are the next two
# Time from a close stamp to the end of its bar: a minute (00:59), a second (00:59:59), a millisecond (00:59:59.999) …
_CLOSES = (60 * _SECOND, _SECOND, 10**6, 10**3, 1)
_JITTER = 500  # nanoseconds; the rounding error of times written as floats is smaller
_COUNTS_BELOW = 10**8  # an index with smaller numbers counts rows; seconds since 1973 are larger
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 4_102_444_800 * _SECOND  # 2100: a later time is something else, such as 20210519050000
_ACCEPTED = "accepted are ISO-8601 (2021-05-19T05:00Z) and unix times (1621400400; also in ms, us, ns), before 2100"


@dataclass(frozen=True)
class Stamps:
    """The times of a file as written there.

    Attributes:
        values: I64[bars], nanoseconds since 1970, UTC.
        are_closes: whether the column's name states that the times mark the end of a bar.
    """

    values: Times
    are_closes: bool

    def reversed(self) -> "Stamps":
        """The same stamps from the last row to the first."""
        return replace(self, values=self.values[::-1].copy())


def find_time_column(table: CandleTable) -> str:
    """Name of the column of times.

    Raises:
        CandleError: a time or price column is missing.
    """
    counting = [name for name in INDEX_NAMES if _counts_rows(table.columns.get(name, ()))]
    indices = [name for name in INDEX_NAMES if name not in counting]
    missing = [price for price in PRICES if price not in table.columns]
    name = next((name for name in (*_TIME_NAMES, *indices, *_CLOSE_NAMES) if name in table.columns), None)
    if name is None:
        missing.insert(0, f"a time ({', '.join(_TIME_NAMES)}, an index without a name)")
    if name is None or missing:
        found = [(one or "one without a name") + " (counts rows)" * (one in counting) for one in table.columns]
        table.fail(f"the columns lack {', '.join(missing)}; found are {', '.join(found)}")
    if name in INDEX_NAMES:
        table.report.append(f"The column {name or 'without a name'} was read as the time.")
    return name


def _counts_rows(values: Sequence[Any]) -> bool:
    """Whether an index contains row numbers and no times."""
    try:
        return len(values) > 0 and all(int(str(value)) < _COUNTS_BELOW for value in values)
    except ValueError:
        return False


def parse_times(table: CandleTable, name: str) -> Stamps:
    """The column of times.

    Raises:
        CandleError: a value is not a time.
    """
    units: dict[str, None] = {}  # an ordered set
    times = []
    for index, value in enumerate(table.columns[name]):
        nanoseconds = _nanoseconds(value, units)
        if nanoseconds is None or nanoseconds >= _LATEST:
            table.fail(f"time {str(value)!r} is neither ISO-8601 nor a unix time; {_ACCEPTED}", index)
        times.append(nanoseconds)
    if len(units) > 1:
        table.report.append(f"Times are written in {' and '.join(units)}; each was read by its number of digits.")
    return Stamps(np.array(times, dtype=np.int64), name in _CLOSE_NAMES)


def _nanoseconds(value: Any, units: dict[str, None]) -> int | None:
    """One time in nanoseconds since 1970, None if the value is not a time. Adds a unix time's unit to `units`."""
    text = str(value).strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        pass
    else:
        for limit, in_one, unit in _TIME_UNITS:
            if number.is_finite() and 0 <= number < limit:
                units[unit] = None
                return round(number * in_one)
    for parse in (_moment, _older_date):
        try:
            return (parse(text) - _EPOCH) // timedelta(microseconds=1) * 1000
        except ValueError:
            continue
    return None


def _moment(text: str) -> datetime:
    """An ISO-8601 time, UTC unless it states another zone; also `2021-05-19 05:00:00 UTC` and `… +0000 UTC`."""
    plain = re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", re.sub(r"\s+(UTC|GMT)$", "", text))
    moment = datetime.fromisoformat(plain)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _older_date(text: str) -> datetime:
    """CryptoDataDownload's dates from before 2020: 2019-10-17 09-AM."""
    return datetime.strptime(text, "%Y-%m-%d %I-%p").replace(tzinfo=UTC)


def parse_iso(text: str) -> int:
    """Whole seconds since 1970 of an ISO-8601 time, UTC unless it states another zone; raises ValueError."""
    return round(_moment(text).timestamp())


def utc(seconds: float) -> str:
    """A time as ISO-8601 in UTC, to the minute; to the second or millisecond if it is not a full minute."""
    moment = datetime.fromtimestamp(round(float(seconds), 3), UTC)
    finest = "milliseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return moment.replace(tzinfo=None).isoformat(timespec=finest) + "Z"


def bar_starts(table: CandleTable, stamps: Stamps) -> tuple[Times, int]:
    """Start of each bar in whole seconds since 1970, and the length of a bar [s]. Bars may be missing between them.

    Stamps of the close, such as Binance's close_time (05:59:59.999), are moved to the start. The report lists this.

    Raises:
        CandleError: there are fewer than two bars, times do not increase, no whole number of bars makes an
            hour, or stamps mark neither the start nor the close of a bar.
    """
    values = stamps.values
    if values.size < 2:
        table.fail(f"the file is too short, {values.size} candles; at least two hours are needed")
    steps = np.diff(values)
    if (steps <= 0).any():
        index = int(np.argmax(steps <= 0)) + 1
        now, before = utc(values[index] / _SECOND), f"{table.place(index - 1)}, {utc(values[index - 1] / _SECOND)}"
        relation = "repeats the time of" if steps[index - 1] == 0 else "is earlier than"
        table.fail(f"{now} {relation} {before}; times must increase", index)
    lengths, counts = np.unique(np.round(steps, -3), return_counts=True)  # floats of nanoseconds have a smaller error
    usual = lengths[np.argmax(counts)] / _SECOND
    interval = round(usual)
    if interval < 1 or HOUR % interval:
        table.fail(f"a bar lasts {usual:g} seconds; bars of an hour, or of a divisor of it, are needed")
    length = interval * _SECOND
    bars = values // length  # the bar in which each stamp lies, or that it begins
    if not _are_starts(table, values % length, stamps, interval):
        bars = bars - (values % length == 0)
        table.report.append(
            f"Times mark the close of a bar: the first, {utc(values[0] / _SECOND)}, was moved to its start, "
            f"{utc(bars[0] * interval)}, and so were the others."
        )
    return bars * interval, interval


def _are_starts(table: CandleTable, into: Times, stamps: Stamps, interval: int) -> bool:
    """Whether stamps mark starts (else closes). `into` is the distance of each stamp from the start of its bar [ns].

    Raises:
        CandleError: a stamp is of the other kind than most stamps, or of neither kind.
    """
    length = interval * _SECOND
    starts = into == 0
    closes = starts if stamps.are_closes else np.zeros_like(starts)
    for left in _CLOSES:
        if 5 * left <= length:  # for shorter bars a stamp such as 2 of 3 minutes would be ambiguous
            closes = closes | (np.abs(length - into - left) < min(left / 2, _JITTER))
    are_starts = starts.sum() > closes.sum()
    wrong = ~(starts if are_starts else closes)
    if wrong.any():
        index = int(np.argmax(wrong))
        table.fail(
            f"{utc(stamps.values[index] / _SECOND)} lies {into[index] / _SECOND:.10g} seconds after the start of a bar "
            f"of {interval} seconds; accepted are the start, or the close as the last minute, second or millisecond "
            f"(:59, :59:59, :59:59.999), of one kind throughout",
            index,
        )
    return bool(are_starts)


def stretch_starts(time: Times) -> Times:
    """First index of each stretch of hours without a gap, I64[stretches]; `time` is I64[hours], in seconds."""
    return np.r_[0, np.flatnonzero(np.diff(time) != HOUR) + 1]
