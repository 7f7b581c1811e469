"""Candle files: the sources that are understood, the one clear error for each kind of fault, the spike rule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protogov.envs.scenarios import CandleError, Candles, load_candles

START = datetime(2021, 5, 19, tzinfo=UTC)
SECONDS = int(START.timestamp())
CRISES = Path(__file__).parents[2].parent / "shared" / "data" / "crises"

Row = list[Any]


def make_rows(count: int = 48, seconds: int = 3600, seed: int = 0) -> list[Row]:
    """Rows of time [datetime], open, high, low, close, volume: a quiet random walk."""
    rng = np.random.default_rng(seed)
    close = np.round(3000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.003, count))), 2)
    opens = np.r_[3000.0, close[:-1]]
    high = np.round(np.maximum(opens, close) * 1.002, 2)
    low = np.round(np.minimum(opens, close) * 0.998, 2)
    times = [START + timedelta(seconds=seconds * i) for i in range(count)]
    return [[times[i], *(float(x[i]) for x in (opens, high, low, close)), 10.0 + i] for i in range(count)]


def write_csv(path: Path, rows: list[Row], header: str = "timestamp,open,high,low,close,volume") -> Path:
    lines = [",".join(x.isoformat() if isinstance(x, datetime) else str(x) for x in row) for row in rows]
    path.write_text("\n".join([header, *lines] if header else lines) + "\n")
    return path


def write_parquet(path: Path, rows: list[Row], names: str = "timestamp,open,high,low,close,volume") -> Path:
    columns = dict(zip(names.split(","), map(list, zip(*rows, strict=True)), strict=True))
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def assert_same(one: Candles, two: Candles) -> None:
    for name in ("time", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


@pytest.fixture
def plain(tmp_path: Path) -> Candles:
    return load_candles(write_csv(tmp_path / "plain.csv", make_rows()))


# ---- sources


def test_plain_file(plain: Candles) -> None:
    assert len(plain) == 48
    assert plain.report == ()
    np.testing.assert_array_equal(plain.time, SECONDS + 3600 * np.arange(48))
    rows = make_rows()
    for column, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        np.testing.assert_array_equal(getattr(plain, name), [row[column] for row in rows])


def test_parquet_reads_as_csv(tmp_path: Path, plain: Candles) -> None:
    assert_same(load_candles(write_parquet(tmp_path / "a.parquet", make_rows())), plain)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_parquet_timestamps_of_any_unit_and_zone(tmp_path: Path, plain: Candles, unit: str, zone: str | None) -> None:
    path = write_parquet(tmp_path / "a.parquet", [row[1:5] for row in make_rows()], "open,high,low,close")
    seconds = pyarrow.array(plain.time, pyarrow.timestamp("s"))
    times = seconds.cast(pyarrow.timestamp(unit)).cast("int64").cast(pyarrow.timestamp(unit, tz=zone))
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).append_column("date", times), path)
    np.testing.assert_array_equal(load_candles(path).time, plain.time)


@pytest.mark.parametrize(
    "write",
    [
        lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
        lambda moment: moment.strftime("%Y-%m-%d %I-%p"),
        lambda moment: moment.astimezone().isoformat(),
        lambda moment: int(moment.timestamp()),
        lambda moment: f"{moment.timestamp():.1f}",
        lambda moment: int(moment.timestamp()) * 10**3,
        lambda moment: int(moment.timestamp()) * 10**6,
        lambda moment: int(moment.timestamp()) * 10**9,
    ],
)
def test_times_of_any_kind(tmp_path: Path, plain: Candles, write: Callable[[datetime], object]) -> None:
    rows = [[write(row[0]), *row[1:]] for row in make_rows()]
    candles = load_candles(write_csv(tmp_path / "a.csv", rows))
    assert_same(candles, plain)
    assert candles.report == ()


def test_units_that_change_within_a_file_are_reported(tmp_path: Path, plain: Candles) -> None:
    # Binance went from milliseconds to microseconds in 2025
    factors = [10**3] * 20 + [10**6] * 28
    rows = [[int(row[0].timestamp()) * f, *row[1:]] for row, f in zip(make_rows(), factors, strict=True)]
    candles = load_candles(write_csv(tmp_path / "a.csv", rows))
    assert_same(candles, plain)
    assert candles.report == (
        "Times are written in milliseconds and microseconds; each was read by its number of digits.",
    )


def binance(rows: list[Row]) -> list[Row]:
    stamps = [int(row[0].timestamp()) * 1000 for row in rows]
    return [[t, *row[1:], t + 3599999, 1.0, 7, 0.5, 0.5, 0] for t, row in zip(stamps, rows, strict=True)]


@pytest.mark.parametrize(
    "header",
    [
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
        "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,"
        "Taker buy base asset volume,Taker buy quote asset volume,Ignore",
    ],
)
def test_binance(tmp_path: Path, plain: Candles, header: str) -> None:
    candles = load_candles(write_csv(tmp_path / "a.csv", binance(make_rows()), header))
    assert_same(candles, plain)
    assert candles.report == ()


def test_binance_without_header(tmp_path: Path, plain: Candles) -> None:
    candles = load_candles(write_csv(tmp_path / "a.csv", binance(make_rows()), header=""))
    assert_same(candles, plain)
    assert candles.report == ("The file has no header; its first columns were read as time, open, high, low, close.",)


def test_kraken(tmp_path: Path, plain: Candles) -> None:
    rows = [[int(r[0].timestamp()), *r[1:5], 3000.0, r[5], 12] for r in make_rows()]
    header = "time,open,high,low,close,vwap,volume,count"
    assert_same(load_candles(write_csv(tmp_path / "a.csv", rows, header)), plain)
    assert_same(load_candles(write_csv(tmp_path / "b.csv", rows, header="")), plain)
    archive = [[*row[:5], row[6], row[7]] for row in rows]
    assert_same(load_candles(write_csv(tmp_path / "c.csv", archive, header="")), plain)


def test_cryptodatadownload(tmp_path: Path, plain: Candles) -> None:
    rows = [
        [int(r[0].timestamp()) * 1000, r[0].strftime("%Y-%m-%d %H:%M:%S"), "ETH/USDT", *r[1:], 3e4, 5]
        for r in reversed(make_rows())
    ]
    header = (
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume ETH,Volume USDT,tradecount"
    )
    candles = load_candles(write_csv(tmp_path / "a.csv", rows, header))
    assert_same(candles, plain)
    assert candles.report == ("The rows were newest first and were turned round.",)


def test_headerless_width_that_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(CandleError, match="no header and 4 columns; without a header 5, 6, 7, 8, 11, 12 columns"):
        load_candles(write_csv(tmp_path / "a.csv", [row[:4] for row in make_rows()], header=""))


def test_bad_volume_is_left_out_and_reported(tmp_path: Path) -> None:
    rows = make_rows()
    for index, value in {3: "", 5: "n/a", 7: -1.0, 9: "inf"}.items():
        rows[index][5] = value
    candles = load_candles(write_csv(tmp_path / "a.csv", rows))
    assert np.flatnonzero(np.isnan(candles.volume)).tolist() == [3, 5, 7, 9]
    assert candles.report == ("4 values of volume are no volume and were left out.",)
    assert np.isnan(
        load_candles(write_csv(tmp_path / "b.csv", [r[:5] for r in rows], "time,open,high,low,close")).volume
    ).all()


@pytest.mark.parametrize("minutes", [1, 5, 15, 30])
def test_finer_bars_are_joined_to_hours(tmp_path: Path, minutes: int) -> None:
    per_hour = 60 // minutes
    rows = make_rows(per_hour * 5 + per_hour // 2, seconds=60 * minutes)
    candles = load_candles(write_csv(tmp_path / "a.csv", rows[per_hour - 1 :]))
    assert len(candles) == 4
    assert candles.time[0] == SECONDS + 3600
    whole = rows[per_hour : per_hour * 2]
    assert candles.open[0] == whole[0][1]
    assert candles.high[0] == max(row[2] for row in whole)
    assert candles.low[0] == min(row[3] for row in whole)
    assert candles.close[0] == whole[-1][4]
    assert candles.volume[0] == sum(row[5] for row in whole)
    left_out = len(rows) - (per_hour - 1) - 4 * per_hour
    (sentence,) = candles.report
    assert sentence == (
        f"{4 * per_hour} bars of {60 * minutes} seconds were joined to 4 hours; "
        f"{left_out} of incomplete hours at the ends were left out."
    )


# ---- faults: one clear error each, with file, line and reason


def change(index: int, column: int, value: object) -> Callable[[list[Row]], list[Row]]:
    def apply(rows: list[Row]) -> list[Row]:
        rows[index][column] = value
        return rows

    return apply


FAULTS: list[tuple[Callable[[list[Row]], list[Row]], str]] = [
    (change(5, 1, "0"), "line 7: open is 0.0; prices must be positive and finite"),
    (change(6, 4, "-3.5"), "line 8: close is -3.5; prices must be positive and finite"),
    (change(6, 4, "nan"), "line 8: close is nan; prices must be positive and finite"),
    (change(6, 2, "inf"), "line 8: high is inf; prices must be positive and finite"),
    (change(6, 2, ""), "line 8: high '' is not a number; plain decimals such as 1234.5 are accepted"),
    (change(6, 2, '"3,001.5"'), "line 8: high '3,001.5' is not a number; plain decimals such as 1234.5 are accepted"),
    (change(6, 2, "3,1"), "line 8: the row has 7 values for 6 columns; as many are needed"),
    (change(6, 2, 2000.0), "line 8: high 2000.0 lies below open or close, .*; at most 0.01% is accepted, as rounding"),
    (change(6, 3, 4000.0), "line 8: low 4000.0 lies above open or close, .*; at most 0.01% is accepted, as rounding"),
    (
        change(6, 0, "yesterday"),
        r"line 8: time 'yesterday' is neither ISO-8601 nor a unix time; accepted are ISO-8601 \(2021-05-19T05:00Z\) "
        r"and unix times \(1621400400; also in ms, us, ns\), before 2100",
    ),
    (change(6, 0, "05/19/2021 06:00"), "line 8: time '05/19/2021 06:00' is neither"),
    (change(6, 0, "-5"), "line 8: time '-5' is neither"),
    (change(6, 0, "nan"), "line 8: time 'nan' is neither"),
    (
        lambda rows: rows[:6] + rows[5:],
        r"line 8: 2021-05-19T05:00Z repeats the time of line 7, 2021-05-19T05:00Z; times must increase",
    ),
    (
        lambda rows: [*rows[:6], rows[7], rows[6], *rows[8:]],
        r"line 9: 2021-05-19T06:00Z is earlier than line 8, 2021-05-19T07:00Z; times must increase",
    ),
    (
        change(6, 0, "2021-05-19T05:30:00Z"),
        r"line 8: 2021-05-19T05:30Z lies 1800 seconds after the start of a bar of 3600 seconds; accepted are the "
        r"start, or the close as the last minute, second or millisecond \(:59, :59:59, :59:59.999\), of one kind",
    ),
    (
        change(6, 0, "2021-05-19T06:59:59Z"),
        "line 8: 2021-05-19T06:59:59Z lies 3599 seconds after the start of a bar of 3600 seconds",
    ),
    (change(6, 0, "20210519050000"), "line 8: time '20210519050000' is neither ISO-8601 nor a unix time"),
    (lambda rows: rows[::4], "a bar lasts 14400 seconds; bars of an hour, or of a divisor of it, are needed"),
    (lambda rows: rows[:1], "the file is too short, 1 candles; at least two hours are needed"),
    (lambda rows: [], "the file is too short, 0 candles"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS)
def test_faults_of_rows(tmp_path: Path, spoil: Callable[[list[Row]], list[Row]], message: str) -> None:
    path = write_csv(tmp_path / "bad.csv", spoil(make_rows()))
    with pytest.raises(CandleError, match=f"{path}.*{message}") as caught:
        load_candles(path)
    assert str(caught.value).count("\n") == 0


def test_line_numbers_count_what_stands_above_the_rows(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "a.csv", change(0, 1, -1)(make_rows()), "https://example.org\n\n" + "time,open,high,low,close,volume"
    )
    with pytest.raises(CandleError, match="line 4: open is -1.0"):
        load_candles(path)


def test_fault_in_a_file_newest_first_names_its_own_line(tmp_path: Path) -> None:
    rows = make_rows()[::-1]
    path = write_csv(tmp_path / "a.csv", change(10, 0, "2021-05-20T13:30Z")(make_rows()[::-1]))
    with pytest.raises(CandleError, match="line 12: 2021-05-20T13:30Z lies 1800 seconds after"):
        load_candles(path)
    path = write_csv(tmp_path / "b.csv", rows[:10] + rows[9:])
    with pytest.raises(CandleError, match="line 11: .* repeats the time of line 12"):
        load_candles(path)


def test_fault_in_a_parquet_file_names_its_row(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", change(4, 3, float("nan"))(make_rows()))
    with pytest.raises(CandleError, match="row 5: low is nan"):
        load_candles(path)
    path = write_parquet(tmp_path / "b.parquet", change(4, 3, None)(make_rows()))
    with pytest.raises(CandleError, match="row 5: low None is not a number"):
        load_candles(path)


def test_missing_columns_are_named_with_those_found(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [row[:4] for row in make_rows()], "when,open,high,price")
    with pytest.raises(
        CandleError, match=r"lack a time \(timestamp, .*\), low, close; found are when, open, high, price"
    ):
        load_candles(path)
    path = write_parquet(tmp_path / "a.parquet", [row[:4] for row in make_rows()], "time,open,high,close")
    with pytest.raises(CandleError, match="lack low; found are time, open, high, close"):
        load_candles(path)


def test_files_that_are_no_candles(tmp_path: Path) -> None:
    with pytest.raises(CandleError, match="there is no such file"):
        load_candles(tmp_path / "none.csv")
    with pytest.raises(CandleError, match=f"{tmp_path}: this is a folder; a file ending in .csv, .csv.gz or .parquet"):
        load_candles(tmp_path)
    contents = {
        "a.csv": b"",
        "b.csv": b"one\ntwo\n",
        "c.csv": b"\xff\xfe\x00\x01",
        "d.parquet": b"nothing",
        "e.json": b"{}",
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(CandleError, match=str(path)):
            load_candles(path)


def test_finer_bars_of_less_than_two_hours(tmp_path: Path) -> None:
    with pytest.raises(CandleError, match="too short, 1 full hours"):
        load_candles(write_csv(tmp_path / "b.csv", make_rows(100, seconds=60)))


# ---- spikes


def spiked(tmp_path: Path, rows: list[Row], index: int, **prices: float) -> Candles:
    for name, value in prices.items():
        rows[index][("time", "open", "high", "low", "close").index(name)] = value
    return load_candles(write_csv(tmp_path / "spike.csv", rows))


@pytest.mark.parametrize("low", [0.05, 1500.0, 2600.0])
def test_low_wick_in_a_quiet_market_is_clipped_and_reported(tmp_path: Path, plain: Candles, low: float) -> None:
    candles = spiked(tmp_path, make_rows(), 20, low=low)
    assert candles.low[20] == min(plain.low[19], plain.low[21])
    (sentence,) = candles.report
    assert sentence.startswith(f"Line 22, 2021-05-19T20:00Z: low {low:g} was clipped to {candles.low[20]:g}; it lay ")
    for name in ("open", "high", "close"):
        np.testing.assert_array_equal(getattr(candles, name), getattr(plain, name))
    np.testing.assert_array_equal(np.delete(candles.low, 20), np.delete(plain.low, 20))


def test_each_bound_of_the_rule_keeps_a_price(tmp_path: Path) -> None:
    # not far enough: a low 8% below the hours around, whose range is half a percent
    rows = make_rows()
    floor = min(rows[19][3], rows[21][3])
    assert spiked(tmp_path, rows, 20, low=floor * 0.92).report == ()
    assert len(spiked(tmp_path, rows, 20, low=floor * 0.88).report) == 1

    # not unusual enough: 20% below hours whose range is 6%
    wild = make_rows()
    for row in wild:
        row[2], row[3] = row[2] * 1.03, row[3] * 0.97
    floor = min(wild[19][3], wild[21][3])
    assert spiked(tmp_path, wild, 20, low=floor * 0.8).report == ()
    assert len(spiked(tmp_path, wild, 20, low=floor * 0.5).report) == 1

    # not gone: the market falls by 5% across an hour with a low 13% below
    fallen = make_rows()
    for row in fallen[21:]:
        row[1:5] = [round(price * 0.95, 2) for price in row[1:5]]
    fallen[20][4] = fallen[21][1]
    floor = min(fallen[19][3], fallen[21][3])
    assert spiked(tmp_path, fallen, 20, low=floor * 0.87).report == ()
    assert len(spiked(tmp_path, fallen, 20, low=floor * 0.7).report) == 1


def test_high_wick_and_bad_close_are_clipped(tmp_path: Path, plain: Candles) -> None:
    candles = spiked(tmp_path, make_rows(), 20, high=9000.0)
    assert candles.high[20] == max(plain.high[19], plain.high[21])
    assert len(candles.report) == 1
    candles = spiked(tmp_path, make_rows(), 20, high=9000.0, close=8000.0)
    assert candles.close[20] == candles.high[20] == max(plain.high[19], plain.high[21])
    assert len(candles.report) == 1
    assert np.abs(np.diff(np.log(candles.close))).max() < 0.02


def test_spike_is_found_in_finer_bars(tmp_path: Path) -> None:
    candles = spiked(tmp_path, make_rows(60 * 6, seconds=60), 150, low=100.0)
    assert candles.low.min() > 2500.0
    assert "Line 122, 2021-05-19T02:00Z: low 100 was clipped" in candles.report[1]


def test_wick_at_either_end_of_the_file(tmp_path: Path) -> None:
    for index in (0, 47):
        candles = spiked(tmp_path, make_rows(), index, low=5.0)
        assert candles.low[index] > 2500.0
        assert len(candles.report) == 1
    # a close that nothing contradicts is believed
    assert spiked(tmp_path, make_rows(), 47, close=1500.0, low=1500.0).close[47] == 1500.0


def test_wick_of_a_real_crash_is_kept(tmp_path: Path) -> None:
    # 10 October 2025, 21:00: low 3435, close 3950; the day had fallen from 4394 and stayed wild
    times = [START + timedelta(hours=i) for i in range(24)]
    path = [4394.0 * (4104.0 / 4394.0) ** (i / 20) for i in range(21)]
    rows: list[Row] = [[times[i], path[i], path[i] * 1.008, path[i + 1] * 0.992, path[i + 1], 1.0] for i in range(20)]
    rows.append([times[20], 4104.0, 4130.0, 3435.0, 3950.0, 1.0])
    rows += [[times[i], 3950.0, 4010.0, 3760.0, 3950.0, 1.0] for i in range(21, 24)]
    candles = load_candles(write_csv(tmp_path / "october.csv", rows))
    assert candles.low[20] == 3435.0
    assert candles.report == ()


@pytest.mark.skipif(not CRISES.is_dir(), reason="no real candles at ../shared/data")
def test_real_files_are_kept_as_they_are() -> None:
    files = sorted(CRISES.glob("*.csv"))
    assert files
    for file in files:
        candles = load_candles(file)
        assert candles.report == (), file
        raw = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding="utf-8")
        for name in ("open", "high", "low", "close"):
            np.testing.assert_array_equal(getattr(candles, name), raw[name])


@pytest.mark.skipif(not CRISES.is_dir(), reason="no real candles at ../shared/data")
def test_lows_of_may_2021_stay() -> None:
    candles = load_candles(next(CRISES.glob("*2021-05*.csv")))
    assert candles.low.min() == pytest.approx(1728.7, abs=0.1)
    day = (candles.time >= SECONDS) & (candles.time < SECONDS + 86400)
    assert candles.low[day].min() == pytest.approx(1888.0, abs=20.0)


@pytest.mark.skipif(not CRISES.is_dir(), reason="no real candles at ../shared/data")
def test_bad_print_between_real_hours_is_found(tmp_path: Path) -> None:
    lines = next(CRISES.glob("*calm_2022-10*.csv")).read_text().splitlines()
    cells = lines[300].split(",")
    cells[3] = "12.5"
    (tmp_path / "a.csv").write_text("\n".join([*lines[:300], ",".join(cells), *lines[301:]]))
    candles = load_candles(tmp_path / "a.csv")
    assert len(candles.report) == 1
    assert candles.report[0].startswith("Line 301, ")
    assert candles.low.min() > 1000.0


@given(
    st.lists(st.floats(-0.05, 0.05), min_size=30, max_size=60),
    st.lists(st.floats(0.0, 0.03), min_size=30, max_size=30),
)
def test_cleaning_never_breaks_a_candle(
    tmp_path_factory: pytest.TempPathFactory, moves: list[float], wicks: list[float]
) -> None:
    close = 100.0 * np.exp(np.cumsum(moves))
    opens = np.r_[100.0, close[:-1]]
    wick = np.resize(wicks, close.size)
    wick[close.size // 2] = 3.0
    high, low = np.maximum(opens, close) * np.exp(wick), np.minimum(opens, close) * np.exp(-wick)
    rows = [[START + timedelta(hours=i), opens[i], high[i], low[i], close[i], 1.0] for i in range(close.size)]
    candles = load_candles(write_csv(tmp_path_factory.mktemp("h") / "a.csv", rows))
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    # only what is reported may differ
    changed = (candles.low != low) | (candles.high != high) | (candles.close != close) | (candles.open != opens)
    assert bool(changed.any()) == bool(candles.report)
