"""Candle files as people publish them: CSV and Parquet, column names, orders and units of time of the usual sources."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from protogov.envs.scenarios.base import PRICES

# First match wins. Names are compared in lower case with blanks as underscores. CryptoDataDownload has both `unix` and
# `date`; Binance calls the start of a bar `open_time`.
_TIME_NAMES = ("timestamp", "unix", "unix_timestamp", "open_time", "opentime", "time", "datetime", "date")
# Files without a header, by their number of columns: where volume stands. The first five are time and prices in all.
_HEADERLESS_VOLUME = {
    5: None,  # time, open, high, low, close
    6: 5,  # ccxt: ..., volume
    7: 5,  # Kraken's archive: ..., volume, trades
    8: 6,  # Kraken's interface: ..., vwap, volume, count
    11: 5,  # Binance klines without the unused last column
    12: 5,  # Binance klines
}
# Seconds since 1970 have at most 11 digits; the same in ms, us and ns has 3, 6 and 9 more.
_TIME_UNITS = (
    (1e11, 1, "seconds"),
    (1e14, 10**3, "milliseconds"),
    (1e17, 10**6, "microseconds"),
    (1e20, 10**9, "nanoseconds"),
)


class CandleError(ValueError):
    """A candle file that cannot be used; the message names file, row and reason."""


@dataclass
class CandleTable:
    """A file as it was read.

    Attributes:
        path: of the file.
        word: "line" of a text file, "row" of a Parquet file.
        rows: number of each bar's line (counted from 1, header and comments included) or row (from 1).
        columns: values by normalised column name, as strings or as Parquet's types.
        report: sentences on what was assumed while reading.
    """

    path: Path
    word: str
    rows: Sequence[int]
    columns: dict[str, Sequence[Any]]
    report: list[str] = field(default_factory=list)

    def place(self, index: int) -> str:
        """Where bar `index` stands in the file."""
        return f"{self.word} {self.rows[index]}"

    def fail(self, reason: str, index: int | None = None) -> NoReturn:
        """Raise the CandleError that names this file, the row of bar `index`, and `reason`."""
        where = "" if index is None else f", {self.place(index)}"
        raise CandleError(f"{self.path}{where}: {reason}.")


def read_table(path: Path) -> CandleTable:
    """Read a .csv or .parquet file without judging its values.

    Raises:
        CandleError: for a file that is missing, of another kind, unreadable or ragged.
    """
    if not path.is_file():
        raise CandleError(f"{path}: there is no such file.")
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path)
    if path.suffix.lower() == ".csv":
        return _read_csv(path)
    raise CandleError(f"{path}: candles are read from .csv and .parquet files.")


def _normalised(name: str) -> str:
    return "_".join(name.strip().lower().split())


def _read_csv(path: Path) -> CandleTable:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CandleError(f"{path}: this is not a text file of comma-separated values ({error}).") from None
    # CryptoDataDownload puts its address above the header; others write a comment there
    while lines and (len(lines[0][1]) == 1 or lines[0][1][0].lstrip().startswith(("#", "http"))):
        lines.pop(0)
    if not lines:
        raise CandleError(f"{path}: the file holds no rows of comma-separated values.")

    header = [_normalised(name) for name in lines[0][1]]
    table = CandleTable(path, "line", [], {})
    if any(is_number(name) for name in header):
        header = _headerless(table, len(header))
    else:
        lines.pop(0)
    table.rows = [line for line, _ in lines]
    for index, (_, cells) in enumerate(lines):
        if len(cells) != len(header):
            table.fail(f"the row has {len(cells)} values for {len(header)} columns", index)
    for column, name in enumerate(header):
        table.columns.setdefault(name, [cells[column] for _, cells in lines])
    return table


def _headerless(table: CandleTable, width: int) -> list[str]:
    if width not in _HEADERLESS_VOLUME:
        known = ", ".join(str(known) for known in _HEADERLESS_VOLUME)
        table.fail(f"the file has no header and {width} columns; without a header {known} columns are understood")
    names = ["time", *PRICES, *(f"column_{i + 1}" for i in range(5, width))]
    volume = _HEADERLESS_VOLUME[width]
    if volume is not None:
        names[volume] = "volume"
    table.report.append(f"The file has no header; its first columns were read as {', '.join(names[:5])}.")
    return names


def _read_parquet(path: Path) -> CandleTable:
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, Sequence[Any]] = {}
    try:
        # opened here: a path that pyarrow opens itself may be taken for a part of a partitioned data set
        with path.open("rb") as file:
            data = pyarrow.parquet.read_table(file)
        for name, column in zip(data.column_names, data.columns, strict=True):
            if pyarrow.types.is_timestamp(column.type):
                # to microseconds: nanoseconds would need pandas
                column = column.cast(pyarrow.timestamp("us", tz=column.type.tz), safe=False)
            columns.setdefault(_normalised(name), column.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise CandleError(f"{path}: this is not a readable Parquet file ({reason}).") from None
    return CandleTable(path, "row", range(1, data.num_rows + 1), columns)


def is_number(text: str) -> bool:
    """Whether Python reads `text` as a float."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_times(table: CandleTable) -> list[int]:
    """The start of each bar in whole seconds since 1970, UTC.

    Raises:
        CandleError: for a missing time or price column, and for a value that is no time.
    """
    name = next((name for name in _TIME_NAMES if name in table.columns), None)
    missing = [price for price in PRICES if price not in table.columns]
    if name is None:
        missing.insert(0, f"a time ({', '.join(_TIME_NAMES)})")
    if name is None or missing:
        table.fail(f"the columns lack {', '.join(missing)}; found are {', '.join(table.columns)}")
    units: dict[str, None] = {}  # an ordered set
    times = []
    for index, value in enumerate(table.columns[name]):
        seconds = _seconds(value, units)
        if seconds is None:
            table.fail(f"time {value!r} is neither ISO-8601 nor a unix time", index)
        times.append(seconds)
    if len(units) > 1:
        table.report.append(f"Times are written in {' and '.join(units)}; each was read by its number of digits.")
    return times


def _seconds(value: Any, units: dict[str, None]) -> int | None:
    """One time in whole seconds since 1970, None if it is none; adds the unit of a unix time to `units`."""
    text = str(value).strip()
    if is_number(text) and isfinite(float(text)):
        number = float(text)
        for limit, per_second, unit in _TIME_UNITS:
            if 0.0 <= number < limit:
                units[unit] = None
                return round(number / per_second)
    for parse in (parse_iso, _older_date):
        try:
            return parse(text)
        except ValueError:
            continue
    return None


def parse_iso(text: str) -> int:
    """Whole seconds since 1970 of an ISO-8601 time, UTC unless it says otherwise; raises ValueError."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def utc(seconds: float) -> str:
    """A time as ISO-8601 to the minute, in UTC."""
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%dT%H:%MZ")


def _older_date(text: str) -> int:
    """CryptoDataDownload's dates of before 2020: 2019-10-17 09-AM."""
    return round(datetime.strptime(text, "%Y-%m-%d %I-%p").replace(tzinfo=UTC).timestamp())


def parse_prices(table: CandleTable, name: str) -> list[float]:
    """A column of prices.

    Raises:
        CandleError: for a value that is no number; NaN and infinity pass.
    """
    prices = []
    for index, value in enumerate(table.columns[name]):
        try:
            prices.append(float(value))
        except (TypeError, ValueError):
            table.fail(f"{name} {value!r} is not a number", index)
    return prices


def parse_volumes(table: CandleTable) -> list[float]:
    """Volumes, NaN where unknown: they decide nothing in a replay, so a bad one is reported instead of refused."""
    unknown = float("nan")
    name = next((name for name in table.columns if name.split("_")[0] in ("volume", "vol")), None)
    if name is None:
        return [unknown] * len(table.rows)
    volumes = []
    for value in table.columns[name]:
        try:
            volume = float(value)
        except (TypeError, ValueError):
            volume = unknown
        volumes.append(volume if 0.0 <= volume < float("inf") else unknown)
    bad = sum(volume != volume for volume in volumes)
    if bad:
        table.report.append(f"{bad} values of {name} are no volume and were left out.")
    return volumes
