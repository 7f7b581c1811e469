"""Candle files as people publish them: CSV (also gzipped) and Parquet, with the column names of the usual sources."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from protogov.envs.parquet_files import read_parquet
from protogov.envs.scenarios.base import CANDLE_SUFFIXES, PRICES

# Names that pandas gives to an index without a name: in CSV, in Parquet, after reset_index, and after reading it again.
INDEX_NAMES = ("", "__index_level_0__", "index", "level_0", "unnamed:_0")
# Files without a header, by their number of columns: the index of volume. The first five are always time and prices.
_HEADERLESS_VOLUME = {
    5: None,  # time, open, high, low, close
    6: 5,  # ccxt: ..., volume
    7: 5,  # Kraken's archive: ..., volume, trades
    8: 6,  # Kraken's interface: ..., vwap, volume, count
    11: 5,  # Binance klines without the unused last column
    12: 5,  # Binance klines
}
_MARKET_NAMES = ("symbol", "ticker", "pair")
_SEPARATORS = ("\t", ";", "|", ",")  # tried in this order: beside the first three a comma may be a decimal comma
_MISSING = frozenset(("", "nan", "nat", "na", "n/a", "<na>", "null", "none"))
_DECIMAL_COMMA, _DECIMAL_POINT = re.compile(r"[+-]?\d+,\d+"), re.compile(r"[+-]?\d+\.\d+")
_LETTER = re.compile("[A-Za-z]")
# First bytes of other formats, and the cure for each.
_OTHER_FORMATS = {
    b"PAR1": "a Parquet file; its name must end in .parquet",
    b"PK\x03\x04": "a zip archive or a workbook; unpack it, or save it as CSV",
    b"BZh": "compressed by bzip2; unpack it, gzip alone is read",
    b"\xfd7zXZ": "compressed by xz; unpack it, gzip alone is read",
    b"\x28\xb5\x2f\xfd": "compressed by zstandard; unpack it, gzip alone is read",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
}
_TWO_ROWS = (
    "its header has two rows, price and ticker, as yfinance writes it; one row is accepted: download with "
    "multi_level_index=False, or before writing set df.columns = df.columns.get_level_values('Price')"
)


class CandleError(ValueError):
    """A candle file that cannot be used. The message names file, row and reason."""


@dataclass
class CandleTable:
    """The content of a file.

    Attributes:
        path: path of the file.
        word: "line" for a text file, "row" for a Parquet file.
        rows: line number of each bar (counted from 1, header and comments included), or its row number (from 1).
        columns: values by normalised column name, as strings or as Parquet's types.
        report: sentences on what was assumed while reading.
    """

    path: Path
    word: str
    rows: Sequence[int]
    columns: dict[str, Sequence[Any]]
    report: list[str] = field(default_factory=list)

    def place(self, index: int) -> str:
        """The place of bar `index` in the file."""
        return f"{self.word} {self.rows[index]}"

    def fail(self, reason: str, index: int | None = None) -> NoReturn:
        """Raise the CandleError that names this file, the row of bar `index`, and `reason`."""
        where = "" if index is None else f", {self.place(index)}"
        raise CandleError(f"{self.path}{where}: {reason}.")

    def leave_out(self, gone: NDArray[np.bool_]) -> None:
        """Remove the rows for which `gone` (bool[rows]) is true."""
        kept = np.flatnonzero(~gone).tolist()
        self.rows = [self.rows[i] for i in kept]
        self.columns = {name: [values[i] for i in kept] for name, values in self.columns.items()}


def read_table(path: Path) -> CandleTable:
    """Read a .csv, .csv.gz or .parquet file without checking its values.

    Raises:
        CandleError: the file is missing, of another kind, unreadable or ragged, or its header has two rows.
    """
    try:
        if path.is_dir():
            raise CandleError(f"{path}: this is a folder; a file ending in {_suffixes()} is accepted.")
        if not path.is_file():
            raise CandleError(f"{path}: there is no such file.")
        if not path.name.lower().endswith(CANDLE_SUFFIXES):
            raise CandleError(f"{path}: candles are read from files ending in {_suffixes()}; unpack or convert it.")
        return _read_parquet(path) if path.name.lower().endswith(".parquet") else _read_text(path)
    except OSError as error:
        raise CandleError(f"{path}: the file cannot be read ({error.strerror or error}).") from None


def counted(number: int, word: str) -> str:
    """`1 hour`, `2 hours`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def without_suffix(path: Path) -> str:
    """The name of a candle file without .csv, .csv.gz or .parquet."""
    suffix = max((one for one in CANDLE_SUFFIXES if path.name.lower().endswith(one)), key=len, default="")
    return path.name[: len(path.name) - len(suffix)]


def _suffixes() -> str:
    return f"{', '.join(CANDLE_SUFFIXES[:-1])} or {CANDLE_SUFFIXES[-1]}"


def _normalised(name: str) -> str:
    return "_".join(name.strip().lower().split())


# ---- text


def _read_text(path: Path) -> CandleTable:
    table = CandleTable(path, "line", [], {})
    text = _decoded(table, path.read_bytes())
    separator = _separator(text)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        table.fail(f"this is not a text file of separated values ({error})")
    while lines and (len(lines[0][1]) == 1 or _is_comment(lines[0][1][0])):
        lines.pop(0)
    if not lines:
        table.fail("the file holds no rows of values separated by commas, semicolons, tabs or bars")
    if separator != ",":
        _read_decimal_commas(table, lines)

    header: list[str] | None = lines[0][1]
    names = [_normalised(name) for name in lines[0][1]]
    known = _counted_names(table, names)
    if known is None and any(is_number(name) for name in names):
        header, names = None, _headerless_names(table, len(names), "The file has no header")
    else:
        names = known or names
        lines.pop(0)
        if lines and _is_second_header(names, lines[0][1]):
            table.fail(_TWO_ROWS)
    table.rows = [line for line, _ in lines]
    for index, (_, cells) in enumerate(lines):
        if cells == header:
            table.fail("the header stands here again; one header, above all rows, is accepted", index)
        if len(cells) != len(names):
            table.fail(f"the row has {len(cells)} values for {len(names)} columns; as many are needed", index)
    _fill_columns(table, names, [[cells[column] for _, cells in lines] for column in range(len(names))])
    return table


def _decoded(table: CandleTable, data: bytes) -> str:
    """Text of the bytes of a file. The bytes may be gzipped, independent of the file's name."""
    if data.startswith(b"\x1f\x8b"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            table.fail(f"it is gzipped and damaged ({str(error).rstrip('.')})")
    for start, reason in _OTHER_FORMATS.items():
        if data.startswith(start):
            table.fail(f"this is {reason}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        table.fail(f"this is not text in UTF-8 ({error.reason} at byte {error.start})")


def _separator(text: str) -> str:
    """The first separator that occurs at least three times in a line: four prices need that many."""
    for line in io.StringIO(text):
        for separator in _SEPARATORS:
            if not _is_comment(line) and line.count(separator) >= 3:
                return separator
    return ","


def _is_comment(text: str) -> bool:
    """Whether a line is not a row: CryptoDataDownload's address above the header, Excel's `sep=;`, a comment."""
    return text.lstrip().lower().startswith(("#", "http", "sep="))


def _read_decimal_commas(table: CandleTable, lines: list[tuple[int, list[str]]]) -> None:
    """Replace decimal commas by decimal points, if some numbers have a comma and none has a point."""
    cells = [cell.strip() for _, row in lines for cell in row]
    first = next((cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)), None)
    if first is None or any(_DECIMAL_POINT.fullmatch(cell) for cell in cells):
        return
    for _, row in lines:
        row[:] = [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell.strip()) else cell for cell in row]
    table.report.append(f"Numbers were read with decimal commas, {first} as {first.replace(',', '.')}.")


def _is_second_header(names: Sequence[str], first: Sequence[str]) -> bool:
    """Whether the first row below the header also contains names."""
    if {names[0], _normalised(first[0])} == {"price", "ticker"}:
        return True
    cells = [cell for name, cell in zip(names, first, strict=False) if name in PRICES]
    return bool(cells) and not any(is_missing(cell) or is_number(cell) or not _LETTER.search(cell) for cell in cells)


# ---- Parquet


def _read_parquet(path: Path) -> CandleTable:
    import pyarrow

    names, columns = [], []
    try:
        data = read_parquet(path)
        for name, column in zip(data.column_names, data.columns, strict=True):
            if pyarrow.types.is_timestamp(column.type):
                # to microseconds: Python's times have no nanoseconds
                column = column.cast(pyarrow.timestamp("us", tz=column.type.tz), safe=False)
            names.append(_normalised(name))
            columns.append(column.to_pylist())
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise CandleError(f"{path}: this is not a readable Parquet file ({reason}).") from None
    table = CandleTable(path, "row", range(1, data.num_rows + 1), {})
    if any(name.startswith("('") for name in names):  # pandas writes each pair of names as a tuple
        table.fail(_TWO_ROWS)
    _fill_columns(table, _counted_names(table, names) or names, columns)
    return table


# ---- columns


def _fill_columns(table: CandleTable, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
    """Give the table its columns. Of two columns with the same name the first counts; two price columns are refused."""
    for number, (name, values) in enumerate(zip(names, columns, strict=True)):
        if name in PRICES and name in table.columns:
            table.fail(f"the column {name} stands twice in the header; one market a file is accepted")
        # a column without a name is an index only if it is the first; elsewhere the header ends in a separator
        table.columns.setdefault(name if name or number == 0 else f"column_{number + 1}", values)


def _counted_names(table: CandleTable, names: Sequence[str]) -> list[str] | None:
    """Column names for a header of 0, 1, 2 …, which pandas writes for lists from an exchange's interface; else None."""
    numbers = [name for name in names if name not in INDEX_NAMES]
    if not numbers or numbers != [str(number) for number in range(len(numbers))]:
        return None
    known = iter(_headerless_names(table, len(numbers), "The header only counts its columns"))
    return [name if name in INDEX_NAMES else next(known) for name in names]


def _headerless_names(table: CandleTable, width: int, reason: str) -> list[str]:
    if width not in _HEADERLESS_VOLUME:
        known = ", ".join(str(known) for known in _HEADERLESS_VOLUME)
        table.fail(f"the file has no header and {width} columns; without a header {known} columns are understood")
    names = ["time", *PRICES, *(f"column_{i + 1}" for i in range(5, width))]
    volume = _HEADERLESS_VOLUME[width]
    if volume is not None:
        names[volume] = "volume"
    table.report.append(f"{reason}; its first columns were read as {', '.join(names[:5])}.")
    return names


# ---- values


def is_missing(cell: Any) -> bool:
    """Whether a cell is empty or marks a missing value."""
    return cell is None or str(cell).strip().lower() in _MISSING


def is_number(text: str) -> bool:
    """Whether Python reads `text` as a float."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def refuse_several_markets(table: CandleTable) -> None:
    """Raise CandleError if a column shows that the rows belong to more than one market."""
    for name in _MARKET_NAMES:
        markets = list(dict.fromkeys(str(cell).strip() for cell in table.columns.get(name, ())))
        if len(markets) > 1:
            index = next(i for i, cell in enumerate(table.columns[name]) if str(cell).strip() == markets[1])
            table.fail(f"{name} is {markets[1]!r} after {markets[0]!r}; one market a file is accepted", index)


def leave_out_empty_rows(table: CandleTable) -> None:
    """Remove rows without any price, which resampling writes for times without trades: their bars are missing."""
    opens, *others = (table.columns[name] for name in PRICES)
    gone = np.array(
        [is_missing(cell) and all(is_missing(other[i]) for other in others) for i, cell in enumerate(opens)]
    )
    if gone.any():
        first = table.place(int(np.argmax(gone)))
        table.leave_out(gone)
        table.report.append(f"{counted(gone.sum(), 'row')} without prices, from {first} on, were read as missing bars.")


def parse_prices(table: CandleTable, name: str) -> list[float]:
    """A column of prices.

    Raises:
        CandleError: a value is not a number. NaN and infinity are accepted here.
    """
    prices = []
    for index, value in enumerate(table.columns[name]):
        try:
            prices.append(float(value))
        except (TypeError, ValueError):
            shown = repr(value) if isinstance(value, str) else value
            table.fail(f"{name} {shown} is not a number; plain decimals such as 1234.5 are accepted", index)
    return prices


def parse_volumes(table: CandleTable) -> list[float]:
    """Volumes, NaN if unknown. A replay does not use them, so a bad value is reported and not refused."""
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
        table.report.append(f"{counted(bad, 'value')} of {name} are no volume and were left out.")
    return volumes
