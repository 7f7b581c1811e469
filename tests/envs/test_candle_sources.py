"""Files of candles as pandas, exchanges and spreadsheets write them: read alike, or refused with the cure."""

import gzip
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from protogov.envs.scenarios import CandleError, Candles, Replay, get_scenario, load_candles

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = 30
PRICES = ("open", "high", "low", "close")
NO_NAME = "The column without a name was read as the time."
Row = tuple[float, ...]


def prices(count: int = HOURS) -> list[Row]:
    """Open, high, low, close, volume of a market that goes up and down a little."""
    closes = [3000.0 + 7.25 * ((5 * i) % 11) for i in range(count)]
    opens = [3000.0, *closes[:-1]]
    return [
        (o, max(o, c) + 1.5, min(o, c) - 2.25, c, 10.0 + i) for i, (o, c) in enumerate(zip(opens, closes, strict=True))
    ]


def times(count: int = HOURS, seconds: float = 3600, first: datetime = START) -> list[datetime]:
    return [first + timedelta(seconds=seconds * i) for i in range(count)]


def stamp(moment: datetime, per_second: int) -> int:
    """Unix time in a unit, exactly."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * per_second // 10**6


def text(
    stamps: list[Any], header: str = ",open,high,low,close,volume", rows: list[Row] | None = None, between: str = ","
) -> str:
    lines = [between.join(map(str, row)) for row in zip(stamps, *zip(*(rows or prices()), strict=True), strict=True)]
    return "\n".join([header.replace(",", between), *lines]) + "\n"


def read(tmp_path: Path, content: str | bytes, name: str = "a.csv") -> Candles:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_candles(path)


def assert_read(candles: Candles, *report: str) -> None:
    """The prices above, hour by hour from START on, and nothing reported but that."""
    np.testing.assert_array_equal(candles.time, [int(moment.timestamp()) for moment in times()])
    for column, name in enumerate((*PRICES, "volume")):
        np.testing.assert_array_equal(getattr(candles, name), [row[column] for row in prices()], err_msg=name)
    assert candles.report == report


def table(index: str, stamps: list[Any]) -> pyarrow.Table:
    """Prices with the index behind them, where pandas writes it."""
    columns = dict(zip((*PRICES, "volume"), zip(*prices(), strict=True), strict=True))
    return pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()} | {index: stamps})


def read_table(tmp_path: Path, data: pyarrow.Table) -> Candles:
    pyarrow.parquet.write_table(data, tmp_path / "a.parquet")
    return load_candles(tmp_path / "a.parquet")


# ---- pandas


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "index", "level_0"])
def test_an_index_without_a_name_is_the_time(tmp_path: Path, name: str) -> None:
    plain = "_".join(name.lower().split())
    said = NO_NAME if not name else f"The column {plain} was read as the time."
    assert_read(read(tmp_path, text(times(), f"{name},open,high,low,close,volume")), said)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=1)), timezone(-timedelta(hours=5, minutes=30))])
def test_an_index_in_any_zone(tmp_path: Path, zone: timezone) -> None:
    assert_read(read(tmp_path, text([moment.astimezone(zone) for moment in times()])), NO_NAME)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("index", ["__index_level_0__", "index"])
def test_an_index_of_parquet_is_the_time(tmp_path: Path, unit: str, index: str) -> None:
    data = table(index, pyarrow.array(times(), pyarrow.timestamp(unit, tz="UTC")))
    assert_read(read_table(tmp_path, data), f"The column {index} was read as the time.")


def test_an_index_that_counts_rows_is_not_the_time(tmp_path: Path) -> None:
    # with a time beside it the count is left alone
    rows = [f"{i},{line}" for i, line in enumerate(text(times()).splitlines()[1:])]
    content = "\n".join([",timestamp,open,high,low,close,volume", *rows])
    assert_read(read(tmp_path, content))
    data = table("__index_level_0__", list(range(HOURS))).append_column("timestamp", pyarrow.array(times()))
    assert_read(read_table(tmp_path, data))
    # without one the time has been lost
    with pytest.raises(CandleError, match=r"lack a time \(.*\); found are one without a name \(counts rows\), open"):
        read(tmp_path, text(list(range(HOURS))))
    with pytest.raises(CandleError, match=r"lack a time \(.*\); found are open, .*, __index_level_0__ \(counts rows\)"):
        read_table(tmp_path, table("__index_level_0__", list(range(HOURS))))


def test_a_named_time_comes_before_an_index_and_that_before_a_close(tmp_path: Path) -> None:
    later = times(first=START + timedelta(hours=1, milliseconds=-1))
    lines = text(times()).splitlines()
    closing = "\n".join(f"{line},{'close_time' if i == 0 else later[i - 1]}" for i, line in enumerate(lines))
    assert_read(read(tmp_path, closing), NO_NAME)


def test_only_in_front_a_column_without_a_name_is_an_index(tmp_path: Path) -> None:
    # a header that ends in a separator
    lines = [f"{line}," for line in text(times(), "date,open,high,low,close,volume").splitlines()]
    assert_read(read(tmp_path, "\n".join(lines)))


def klines() -> list[list[Any]]:
    """Rows of Binance's interface."""
    return [
        [stamp(moment, 1000), *row, stamp(moment, 1000) + 3599999, 1.0, 7, 0.5, 0.5, 0]
        for moment, row in zip(times(), prices(), strict=True)
    ]


@pytest.mark.parametrize("index", [False, True])
def test_a_header_that_counts_columns(tmp_path: Path, index: bool) -> None:
    """`pd.DataFrame(client.get_klines(…)).to_csv(path)`."""
    lines = [",".join(map(str, row)) for row in [range(12), *klines()]]
    if index:
        lines = [f"{'' if i == 0 else i - 1},{line}" for i, line in enumerate(lines)]
    said = "The header only counts its columns; its first columns were read as time, open, high, low, close."
    assert_read(read(tmp_path, "\n".join(lines)), said)
    columns = dict(zip(map(str, range(12)), zip(*klines(), strict=True), strict=True))
    if index:
        columns["__index_level_0__"] = tuple(range(HOURS))
    assert_read(read_table(tmp_path, pyarrow.table({name: list(values) for name, values in columns.items()})), said)


# ---- text


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_other_separators(tmp_path: Path, between: str) -> None:
    assert_read(read(tmp_path, text(times(), between=between)), NO_NAME)


@pytest.mark.parametrize("header", ["date,open,high,low,close,volume", ""])
def test_decimal_commas(tmp_path: Path, header: str) -> None:
    stamps = [moment.strftime("%Y-%m-%d %H:%M") for moment in times()]
    content = text(stamps, header, between=";").replace(".", ",").lstrip()
    said = ["Numbers were read with decimal commas, 3000,0 as 3000.0."]
    if not header:
        said.append("The file has no header; its first columns were read as time, open, high, low, close.")
    assert_read(read(tmp_path, content), *said)
    # of a file with points a comma is not a decimal one
    with pytest.raises(CandleError, match="line 2: open '3,000' is not a number; plain decimals such as 1234.5"):
        read(tmp_path, text(times(), between=";").replace("3000.0", "3,000", 1))


@pytest.mark.parametrize("above", ["sep=;", "ETH/USD, an hour", "# of an exchange", "https://www.example.org"])
def test_a_line_above_the_header(tmp_path: Path, above: str) -> None:
    assert_read(read(tmp_path, f"{above}\n{text(times(), between=';')}"), NO_NAME)


def test_sep_of_excel_with_a_comma(tmp_path: Path) -> None:
    assert_read(read(tmp_path, f"sep=,\r\n{text(times())}".replace("\n", "\r\n")), NO_NAME)


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV.GZ", "a.csv"])
def test_gzip_whatever_the_name(tmp_path: Path, name: str) -> None:
    assert_read(read(tmp_path, gzip.compress(text(times()).encode()), name), NO_NAME)
    assert_read(read(tmp_path, text(times()), name), NO_NAME)  # unpacked on the way, and still called so


def test_gzip_as_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "eth.csv.gz"
    path.write_bytes(gzip.compress(text(times(), "date,open,high,low,close,volume").encode()))
    scenario = get_scenario(str(path))
    assert isinstance(scenario, Replay) and scenario.name == "eth"
    assert get_scenario(f"{path} + oracle-push").draw([1], 20).shape == (1, 21)


def test_a_damaged_gzip_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(text(times()).encode())
    for content in (packed[:-200], packed[:15], packed[:30] + b"garbage" + packed[37:]):
        with pytest.raises(CandleError, match=r"a.csv.gz: it is gzipped and damaged \(.+\)\.$"):
            read(tmp_path, content, "a.csv.gz")


OTHER_FILES: list[tuple[str, bytes, str]] = [
    ("a.csv.bz2", b"BZh9", "candles are read from files ending in .csv, .csv.gz or .parquet; unpack or convert it"),
    ("a.zip", b"PK\x03\x04", "candles are read from files ending in .csv, .csv.gz or .parquet; unpack or convert it"),
    ("a.xlsx", b"PK\x03\x04", "candles are read from files ending in .csv, .csv.gz or .parquet; unpack or convert it"),
    ("a.csv", b"BZh9", "this is compressed by bzip2; unpack it, gzip alone is read"),
    ("a.csv", b"\xfd7zXZ\x00", "this is compressed by xz; unpack it, gzip alone is read"),
    ("a.csv", b"\x28\xb5\x2f\xfd", "this is compressed by zstandard; unpack it, gzip alone is read"),
    ("a.csv", b"PK\x03\x04", "this is a zip archive or a workbook; unpack it, or save it as CSV"),
    ("a.csv", b"PAR1", "this is a Parquet file; its name must end in .parquet"),
    ("a.csv", "open".encode("utf-16"), "this is UTF-16 text; save it as UTF-8"),
    ("a.csv", "öffnen".encode("latin-1"), "this is not text in UTF-8 .* at byte 0"),
    ("a.csv", b"word\nword\n", "the file holds no rows of values separated by commas, semicolons, tabs or bars"),
    ("a.parquet", b"time,open\n", "this is not a readable Parquet file"),
]


@pytest.mark.parametrize(("name", "content", "said"), OTHER_FILES)
def test_other_files_are_named_with_the_cure(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(CandleError, match=f"{tmp_path / name}: {said}") as caught:
        read(tmp_path, content, name)
    assert str(caught.value).count("\n") == 0
    with pytest.raises(CandleError, match=f"{name}: {said}"):  # not "scenario … is not known"
        get_scenario(str(tmp_path / name))


def test_a_real_zip_and_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("b.csv", text(times()))
    with pytest.raises(CandleError, match="this is a zip archive"):
        load_candles(tmp_path / "a.csv")
    with pytest.raises(CandleError, match="this is a folder; a file ending in"):
        get_scenario(str(tmp_path))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CandleError, match=r"the file cannot be read \(File name too long\)"):
        load_candles(tmp_path / f"{'a' * 300}.csv")


def test_a_header_that_stands_twice_is_named(tmp_path: Path) -> None:
    content = text(times(), "date,open,high,low,close,volume")
    with pytest.raises(
        CandleError, match=f"line {HOURS + 2}: the header stands here again; one header, above all rows"
    ):
        read(tmp_path, content + content)
    with pytest.raises(CandleError, match="the column close stands twice in the header; one market a file is accepted"):
        read(tmp_path, text(times(), "date,open,high,low,close,Close"))


def test_rows_of_two_markets_are_refused(tmp_path: Path) -> None:
    rows = text(times()).splitlines()[1:]
    for name in ("symbol", "Ticker", "pair"):
        lines = [
            f"{name},date,open,high,low,close,volume",
            *(f"{market},{row}" for market in ("ETH", "BTC") for row in rows),
        ]
        said = f"line {HOURS + 2}: {name.lower()} is 'BTC' after 'ETH'; one market a file is accepted"
        with pytest.raises(CandleError, match=said):
            read(tmp_path, "\n".join(lines))
        assert_read(read(tmp_path, "\n".join(lines[: HOURS + 1])))


def test_quoted_cells_after_a_blank(tmp_path: Path) -> None:
    quoted = [
        ", ".join(f'"{cell}"' for cell in line.split(","))
        for line in text(times(), "Date,Open,High,Low,Close,Volume").splitlines()
    ]
    assert_read(read(tmp_path, "\r\n".join([*quoted, "", ""])))


# ---- yfinance

TICKERS = [",".join(["ETH-USD"] * 5), "ETH-USD,ETH-USD,ETH-USD,ETH-USD,BTC-USD"]


@pytest.mark.parametrize("tickers", TICKERS)
@pytest.mark.parametrize(
    "header",
    [
        "Price,Close,High,Low,Open,Volume\nTicker,{}\nDatetime,,,,,",
        "Ticker,{}\nPrice,Close,High,Low,Open,Volume\nDatetime,,,,,",  # group_by="ticker"
        ",Close,High,Low,Open,Volume\n,{}\nDatetime,,,,,",  # of older versions
        ",Close,High,Low,Open,Volume\n,{}",
        "index,Close,High,Low,Open,Volume\n,{}",  # after reset_index
    ],
)
def test_the_two_rows_of_yfinance_are_refused_with_the_cure(tmp_path: Path, header: str, tickers: str) -> None:
    rows = text(times()).split("\n", 1)[1]
    with pytest.raises(CandleError, match="header has two rows, price and ticker, as yfinance writes it") as caught:
        read(tmp_path, f"{header.format(tickers)}\n{rows}")
    assert "multi_level_index=False" in str(caught.value) and "get_level_values('Price')" in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_the_two_rows_in_parquet(tmp_path: Path) -> None:
    data = table("Datetime", times()).rename_columns(
        [*(f"('{name.title()}', 'ETH-USD')" for name in "abcde"), "Datetime"]
    )
    with pytest.raises(
        CandleError, match="as yfinance writes it; one row is accepted: download with multi_level_index"
    ):
        read_table(tmp_path, data)


def test_yfinance_after_the_cure(tmp_path: Path) -> None:
    assert_read(read(tmp_path, text(times(), "Datetime,Open,High,Low,Close,Volume")))


# ---- times

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("write", [int, float, lambda number: f"{number}.0"])
def test_unix_times_of_every_unit(tmp_path: Path, unit: str, write: Callable[[int], Any]) -> None:
    assert_read(read(tmp_path, text([write(stamp(moment, UNITS[unit])) for moment in times()])), NO_NAME)


@pytest.mark.parametrize(
    "form", ["%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S +0000 UTC", "%Y-%m-%d %H:%M:%S +0000", "%Y-%m-%dT%H:%M:%S GMT"]
)
def test_times_that_say_utc(tmp_path: Path, form: str) -> None:
    assert_read(read(tmp_path, text([moment.strftime(form) for moment in times()])), NO_NAME)


def close_stamps(before: timedelta, seconds: int = 3600, count: int = HOURS) -> list[datetime]:
    """The ends of the bars, less some time."""
    return times(count, seconds, START + timedelta(seconds=seconds) - before)


def moved(first: str, start: str = "2024-01-01T00:00Z") -> str:
    return (
        f"Times mark the close of a bar: the first, {first}, was moved to its start, {start}, and so were the others."
    )


@pytest.mark.parametrize(
    ("before", "first"),
    [
        (timedelta(minutes=1), "2024-01-01T00:59Z"),
        (timedelta(seconds=1), "2024-01-01T00:59:59Z"),
        (timedelta(milliseconds=1), "2024-01-01T00:59:59.999Z"),
        (timedelta(microseconds=1), "2024-01-01T01:00Z"),  # to the millisecond
    ],
)
def test_close_stamps_are_moved_and_reported(tmp_path: Path, before: timedelta, first: str) -> None:
    for header in ("date", "close_time", "Close time", "closeTime"):
        candles = read(tmp_path, text(close_stamps(before), f"{header},open,high,low,close,volume"))
        assert_read(candles, moved(first))
    data = table("date", pyarrow.array(close_stamps(before), pyarrow.timestamp("us", tz="UTC")))
    assert_read(read_table(tmp_path, data), moved(first))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("write", [int, float])
def test_close_stamps_of_every_unit(tmp_path: Path, unit: str, write: Callable[[int], Any]) -> None:
    """One unit before the end, and a millisecond before it; floats of nanoseconds are exact to 256 of them."""
    per_second = UNITS[unit]
    ends = [stamp(moment, per_second) for moment in close_stamps(timedelta())]
    for left in {1, max(per_second // 1000, 1)} if (unit, write) != ("ns", float) else {10**6}:
        candles = read(tmp_path, text([write(end - left) for end in ends], "close_time,open,high,low,close,volume"))
        assert len(candles.report) == 1 and candles.report[0].startswith("Times mark the close of a bar")
        assert_read(candles, *candles.report)


def test_close_time_alone_says_what_a_whole_hour_is(tmp_path: Path) -> None:
    stamps = close_stamps(timedelta())
    candles = read(tmp_path, text(stamps, "close_time,open,high,low,close,volume"))
    assert_read(candles, moved("2024-01-01T01:00Z"))
    assert read(tmp_path, text(stamps, "time,open,high,low,close,volume")).time[0] == candles.time[1]


def test_close_stamps_before_and_after_a_change_of_unit(tmp_path: Path) -> None:
    # Binance went from milliseconds to microseconds in 2025
    ends = close_stamps(timedelta())
    stamps = [stamp(end, 10**3) - 1 if i < 9 else stamp(end, 10**6) - 1 for i, end in enumerate(ends)]
    candles = read(tmp_path, text(stamps, "close_time,open,high,low,close,volume"))
    units = "Times are written in milliseconds and microseconds; each was read by its number of digits."
    assert_read(candles, units, moved("2024-01-01T00:59:59.999Z"))


def test_close_stamps_newest_first(tmp_path: Path) -> None:
    stamps = close_stamps(timedelta(milliseconds=1))
    content = text(stamps[::-1], "date,open,high,low,close,volume", prices()[::-1])
    turned = "The rows were newest first and were turned round."
    assert_read(read(tmp_path, content), turned, moved("2024-01-01T00:59:59.999Z"))


@pytest.mark.parametrize(("seconds", "before"), [(60, 1.0), (60, 0.001), (300, 60.0), (900, 1.0), (1800, 0.001)])
def test_close_stamps_of_finer_bars(tmp_path: Path, seconds: int, before: float) -> None:
    count = 3 * 3600 // seconds
    rows = prices(count)
    stamps = close_stamps(timedelta(seconds=before), seconds, count)
    candles = read(tmp_path, text(stamps, "date,open,high,low,close,volume", rows))
    assert candles.time[0] == START.timestamp() and len(candles) == 3
    assert candles.open[1] == rows[count // 3][0] and candles.close[0] == rows[count // 3 - 1][3]
    assert candles.report[0].startswith("Times mark the close of a bar")


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        (timedelta(milliseconds=1), "2024-01-01T00:00:00.001Z lies 0.001 seconds"),
        (timedelta(seconds=59), "2024-01-01T00:00:59Z lies 59 seconds"),
        (timedelta(minutes=7), "2024-01-01T00:07Z lies 420 seconds"),
        (timedelta(minutes=30), "2024-01-01T00:30Z lies 1800 seconds"),
        (timedelta(minutes=59, seconds=58), "2024-01-01T00:59:58Z lies 3598 seconds"),
        (timedelta(minutes=59, seconds=59, milliseconds=300), "2024-01-01T00:59:59.300Z lies 3599.3 seconds"),
        (timedelta(minutes=59, seconds=59, milliseconds=998), "2024-01-01T00:59:59.998Z lies 3599.998 seconds"),
    ],
)
@pytest.mark.parametrize("name", ["date", "close_time"])
def test_other_offsets_are_refused(tmp_path: Path, offset: timedelta, told: str, name: str) -> None:
    content = text(times(first=START + offset), f"{name},open,high,low,close,volume")
    with pytest.raises(CandleError) as caught:
        read(tmp_path, content)
    assert f"a.csv, line 2: {told} after the start of a bar of 3600 seconds; accepted are the start" in str(
        caught.value
    )


def test_stamps_that_jitter_are_refused_by_the_first_that_does(tmp_path: Path) -> None:
    stamps = [moment + timedelta(milliseconds=i % 3) for i, moment in enumerate(times())]
    with pytest.raises(
        CandleError, match="line 3: 2024-01-01T01:00:00.001Z lies 0.001 seconds after the start of a bar"
    ):
        read(tmp_path, text(stamps))
    with pytest.raises(
        CandleError, match="a bar lasts 0.04 seconds; bars of an hour, or of a divisor of it, are needed"
    ):
        read(tmp_path, text(times(seconds=0.04)))


def test_two_minutes_before_the_end_of_three_is_no_close(tmp_path: Path) -> None:
    stamps = close_stamps(timedelta(minutes=1), 180, 60)
    with pytest.raises(CandleError, match="lies 120 seconds after the start of a bar of 180 seconds"):
        read(tmp_path, text(stamps, "date,open,high,low,close,volume", prices(60)))


def test_one_stamp_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    stamps = times()
    stamps[9] += timedelta(minutes=59, seconds=59)
    with pytest.raises(CandleError, match="line 11: 2024-01-01T09:59:59Z lies 3599 seconds after .* throughout"):
        read(tmp_path, text(stamps))
    stamps = close_stamps(timedelta(seconds=1))
    stamps[9] += timedelta(seconds=1)
    with pytest.raises(CandleError, match="line 11: 2024-01-01T10:00Z lies 0 seconds after"):
        read(tmp_path, text(stamps))


# ---- rounding


@pytest.mark.parametrize(
    ("column", "share", "word"),
    [(1, -1e-9, "high lies below"), (1, -1e-4, "high lies below"), (2, 1e-4, "low lies above")],
)
def test_what_rounding_moved_within_open_and_close_is_put_right(
    tmp_path: Path, column: int, share: float, word: str
) -> None:
    rows = prices()
    for index in (6, 8):
        row = list(rows[index])
        inner = max(row[0], row[3]) if column == 1 else min(row[0], row[3])
        row[column] = inner * (1.0 + share)
        rows[index] = tuple(row)
    candles = read(tmp_path, text(times(), "date,open,high,low,close,volume", rows))
    name, bound = PRICES[column], np.maximum if column == 1 else np.minimum
    expected = np.array([row[column] for row in prices()])
    expected[[6, 8]] = bound(candles.open, candles.close)[[6, 8]]
    np.testing.assert_array_equal(getattr(candles, name), expected)
    (said,) = candles.report
    assert said.startswith(f"{word} open or close in 2 bars, first in line 8, by {abs(share):.2g} of the price at most")
    assert Replay(candles).draw([1, 2], 20).shape == (2, 21)


@pytest.mark.parametrize("column", [1, 2])
def test_more_than_rounding_is_refused(tmp_path: Path, column: int) -> None:
    rows = [list(row) for row in prices()]
    low, high = sorted((rows[6][0], rows[6][3]))
    rows[6][column] = high * (1.0 - 1.02e-4) if column == 1 else low * (1.0 + 1.02e-4)
    with pytest.raises(
        CandleError, match="line 8: (high|low) .* lies (below|above) open or close, .*; at most 0.01% is"
    ):
        read(tmp_path, text(times(), "date,open,high,low,close,volume", [tuple(row) for row in rows]))


def test_prices_that_were_stored_in_single_precision(tmp_path: Path) -> None:
    # as pandas and pyarrow write float32, each price rounded by itself
    data = table("date", times())
    for name in PRICES:
        data = data.set_column(data.column_names.index(name), name, data[name].cast("float32"))
    candles = read_table(tmp_path, data)
    np.testing.assert_array_equal(candles.close, [row[3] for row in prices()])
