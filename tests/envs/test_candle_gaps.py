"""Holes in files of candles: minutes are filled flat, longer gaps never are, and no episode crosses one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from protogov.envs import Simulator
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CandleError, Candles, Replay, cleaning_report, get_scenario, load_candles

START = datetime(2024, 1, 1, tzinfo=UTC)
SECONDS = int(START.timestamp())
CRISES = Path(__file__).parents[2].parent / "shared" / "data" / "crises"
Rows = list[str]


def lines(count: int, seconds: int = 3600, extra: str = "") -> Rows:
    """Rows of a file without header, each with prices of its own; `extra` is a last cell of each."""
    found = []
    for i in range(count):
        opening, close = 3000.0 + (i - 1) % 1009 / 8, 3000.0 + i % 1009 / 8
        high, low = max(opening, close) + 1.0, min(opening, close) - 1.0
        time = (START + timedelta(seconds=seconds * i)).isoformat()
        found.append(f"{time},{opening},{high},{low},{close},{10.0 + i}" + (f",{extra}" if extra else ""))
    return found


def write(path: Path, rows: Rows, header: str = "date,open,high,low,close,volume") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def without(rows: Rows, *missing: tuple[int, int]) -> Rows:
    gone = {index for start, stop in missing for index in range(start, stop)}
    return [row for index, row in enumerate(rows) if index not in gone]


def cells(row: str) -> list[float]:
    return [float(cell) for cell in row.split(",")[1:]]


# ---- minutes


@pytest.mark.parametrize(
    ("start", "stop"), [(70, 77), (61, 62), (119, 120), (60, 65), (100, 130), (90, 150), (120, 180)]
)
def test_missing_minutes_are_filled_flat(tmp_path: Path, start: int, stop: int) -> None:
    rows = lines(300, 60)
    candles = load_candles(write(tmp_path / "a.csv", without(rows, (start, stop))))
    last = cells(rows[start - 1])[3]
    filled = [*rows[:start], *(f"{rows[i].split(',')[0]},{last},{last},{last},{last},0" for i in range(start, stop))]
    whole = load_candles(write(tmp_path / "b.csv", [*filled, *rows[stop:]]))
    assert len(candles) == len(whole) == 5
    for name in ("time", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(candles, name), getattr(whole, name), err_msg=name)
    count = stop - start
    assert candles.report == (
        f"{300 - count} bars of 60 seconds were joined to 5 hours.",
        f"Of 300 bars {count} were missing, at most {count} in a row: each was filled flat, at the close before it.",
    )
    assert len(candles.stretches) == 1


def test_an_hour_of_missing_minutes_is_filled_and_one_more_is_a_gap(tmp_path: Path) -> None:
    rows = lines(600, 60)
    hour = load_candles(write(tmp_path / "a.csv", without(rows, (200, 260))))
    assert len(hour) == 10 and len(hour.stretches) == 1
    more = load_candles(write(tmp_path / "b.csv", without(rows, (200, 261))))
    np.testing.assert_array_equal((more.time - SECONDS) // 3600, [0, 1, 2, 5, 6, 7, 8, 9])  # 3 and 4 are incomplete
    assert more.stretches == [range(3), range(3, 8)]
    assert more.report == (
        "480 bars of 60 seconds were joined to 8 hours; 59 of incomplete hours at the ends and beside gaps were left "
        "out.",
        "Not filled: 2 hours in 1 gap, the longest from 2024-01-01T03:00Z to 2024-01-01T05:00Z; an episode lies within "
        "one of the 2 stretches between, of which the longest has 5 hours.",
    )
    for name in ("open", "close", "high", "low", "volume"):
        np.testing.assert_array_equal(getattr(more, name)[3:], getattr(hour, name)[5:], err_msg=name)


def test_minutes_of_thin_trading(tmp_path: Path) -> None:
    rows = lines(60 * 20, 60)
    kept = np.random.default_rng(3).uniform(size=len(rows)) > 0.3
    kept[[0, 1]] = True
    candles = load_candles(write(tmp_path / "a.csv", [row for row, keep in zip(rows, kept, strict=True) if keep]))
    whole = load_candles(write(tmp_path / "b.csv", rows))
    assert len(candles) == 20 - (not kept[-1]) and len(candles.stretches) == 1
    assert (candles.high <= whole.high[: len(candles)]).all() and (candles.low >= whole.low[: len(candles)]).all()
    assert (candles.open[1:] == candles.close[:-1]).mean() > 0.1  # hours whose first minute is missing


def test_rows_without_prices_are_missing_bars(tmp_path: Path) -> None:
    """As `resample("1min").ohlc()` writes minutes without a trade, and `asfreq("1h")` missing hours."""
    minutes, hours = lines(300, 60), lines(30)
    for empty in (",,,,", ",nan,NaN,null,None,0"):
        blank = [row if not 70 <= i < 77 else row.split(",")[0] + empty + ("," if empty == ",,,," else "")
                 for i, row in enumerate(minutes)]  # fmt: skip
        candles = load_candles(write(tmp_path / "a.csv", blank))
        assert candles.report[0] == "7 rows without prices, from line 72 on, were read as missing bars."
        assert candles.report[1:] == load_candles(write(tmp_path / "b.csv", without(minutes, (70, 77)))).report
    blank = [row if i not in (9, 10) else row.split(",")[0] + ",,,,," for i, row in enumerate(hours)]
    candles = load_candles(write(tmp_path / "c.csv", blank))
    assert candles.stretches == [range(9), range(9, 28)]
    blank[20] = blank[20].replace(",", ",,", 1).rsplit(",", 1)[0]  # one empty price alone is a fault
    with pytest.raises(CandleError, match="line 22: open '' is not a number"):
        load_candles(write(tmp_path / "d.csv", blank))


# ---- hours


def gapped(tmp_path: Path, *missing: tuple[int, int], count: int = 120) -> Candles:
    return load_candles(write(tmp_path / "gapped.csv", without(lines(count), *missing)))


def test_missing_hours_are_never_filled(tmp_path: Path) -> None:
    for length in (1, 2, 30):
        candles = gapped(tmp_path, (50, 50 + length))
        np.testing.assert_array_equal((candles.time - SECONDS) // 3600, [*range(50), *range(50 + length, 120)])
        assert candles.close[50] == cells(lines(120)[50 + length])[3]
        (said,) = candles.report
        hours = "1 hour" if length == 1 else f"{length} hours"
        assert said.startswith(f"Not filled: {hours} in 1 gap, the longest from 2024-01-03T02:00Z to ")


def test_the_seed_picks_among_all_episodes_without_a_gap(tmp_path: Path) -> None:
    candles = gapped(tmp_path, (20, 21), (60, 65), (100, 101))
    assert candles.stretches == [range(20), range(20, 59), range(59, 94), range(94, 113)]
    replay = Replay(candles)
    for hours in (1, 10, 25):
        expected = {
            one for stretch in candles.stretches for one in stretch if one + hours < stretch.stop
        }  # by hand: the whole episode lies in the stretch
        assert set(replay.openings(hours).tolist()) == expected
        tapes = replay.draw(range(1500), hours)
        opened = [int(np.flatnonzero(candles.close.astype("f4") == price)[0]) for price in tapes["close"][:, 0]]
        assert set(opened) == expected  # every one, and no other
        assert np.bincount(opened).max() < 4 * 1500 / len(expected)
        for tape, opening in zip(tapes, opened, strict=True):
            np.testing.assert_array_equal(tape["close"], candles.close[opening : opening + hours + 1].astype("f4"))
            assert candles.time[opening + hours] - candles.time[opening] == 3600 * hours


def test_a_file_without_room_between_its_gaps_is_refused(tmp_path: Path) -> None:
    replay = Replay(gapped(tmp_path, (50, 53)))
    replay.check_hours(66)
    with pytest.raises(
        CandleError,
        match="gapped.csv: the file holds 67 hourly candles without a gap; an episode of 67 hours needs 68",
    ):
        replay.check_hours(67)
    with pytest.raises(ValueError, match="without a gap"):
        Simulator(WorldConfig(episode_hours=96), 2, scenario=replay).reset()


def test_start_and_gaps(tmp_path: Path) -> None:
    candles = gapped(tmp_path, (50, 53))
    replay = Replay(candles, start="2024-01-02T20:00Z")
    assert replay.openings(5).tolist() == [44]
    with pytest.raises(
        CandleError, match="holds 6 hourly candles from 2024-01-02T20:00Z without a gap; .* 6 hours needs 7"
    ):
        replay.check_hours(6)
    with pytest.raises(CandleError, match="'2024-01-03T03:00Z' is not one of its hours"):
        Replay(candles, start="2024-01-03T03:00Z")


def test_nothing_is_known_of_what_was_before_a_gap(tmp_path: Path) -> None:
    """Conditions that follow from prices begin anew: the fall across the gap is no hourly return."""
    rows = lines(120)
    fallen = [
        row if i < 50 else ",".join([row.split(",")[0], *(f"{cell / 4.0}" for cell in cells(row)[:4]), "1"])
        for i, row in enumerate(rows)
    ]
    torn = load_candles(write(tmp_path / "torn.csv", without(fallen, (50, 53))))
    alone = load_candles(write(tmp_path / "alone.csv", fallen[53:]))
    drawn = [Replay(one, name="same", start="2024-01-03T10:00Z").draw(range(3), 40) for one in (torn, alone)]
    assert drawn[0].tobytes() == drawn[1].tobytes()
    joined = load_candles(write(tmp_path / "joined.csv", fallen))
    assert Replay(joined, name="same", start="2024-01-03T10:00Z").draw([1], 40)["implied_vol"][0, 0] > (
        1.2 * drawn[0]["implied_vol"][0, 0]
    )


def test_bad_prints_are_judged_within_a_stretch(tmp_path: Path) -> None:
    rows = lines(120)
    fallen = [
        row if i < 50 else ",".join([row.split(",")[0], *(f"{cell / 4.0}" for cell in cells(row)[:4]), "1"])
        for i, row in enumerate(rows)
    ]
    candles = load_candles(write(tmp_path / "a.csv", without(fallen, (50, 53), (60, 62), (63, 64))))  # 62 stands alone
    assert len(candles.report) == 1 and candles.stretches[2] == range(57, 58)
    low = np.array([cells(row)[2] for row in without(fallen, (50, 53), (60, 62), (63, 64))])
    np.testing.assert_array_equal(candles.low, low)
    # the fall beyond the gap vouches for no print before it
    spiked = [*fallen]
    spiked[49] = spiked[49].replace(f",{cells(fallen[49])[2]},", ",900.0,")
    candles = load_candles(write(tmp_path / "c.csv", without(spiked, (50, 53))))
    assert "low 900 was clipped" in candles.report[1] and candles.low[49] > 2900.0
    spiked = [*fallen]
    spiked[70] = spiked[70].replace(f",{cells(fallen[70])[2]},", ",1.0,")
    candles = load_candles(write(tmp_path / "b.csv", without(spiked, (50, 53))))
    assert "low 1 was clipped" in candles.report[1] and candles.low.min() > 700.0


def test_a_value_is_not_carried_across_a_gap(tmp_path: Path) -> None:
    rows = [f"{row},{'' if i not in (3, 30, 70) else 0.9 + i / 1e3}" for i, row in enumerate(lines(120))]
    header = "date,open,high,low,close,volume,peg"
    candles = load_candles(write(tmp_path / "a.csv", without(rows, (50, 53)), header))
    peg = candles.channels["peg"]
    assert np.isnan(peg[:3]).all() and (peg[3:30] == 0.903).all() and (peg[30:50] == 0.93).all()
    assert np.isnan(peg[50:67]).all() and (peg[67:] == 0.97).all()
    assert candles.report[1:] == (
        "peg has no value before 2024-01-01T03:00Z: 3 hours are drawn instead.",
        "peg is empty in 94 of the 114 hours from its first value on, at most 49 in a row: the last value was carried "
        "forward.",
        "peg has no value in 17 hours right after gaps: they are drawn instead.",
    )
    assert Replay(candles).provenance()["peg"] == "recorded or invented"


def test_candles_made_by_hand_rise_by_whole_hours(tmp_path: Path) -> None:
    plain = gapped(tmp_path)
    prices = {name: getattr(plain, name) for name in ("path", "open", "high", "low", "close", "volume", "report")}
    for wrong in (plain.time[::-1], plain.time // 2, np.zeros_like(plain.time)):
        with pytest.raises(CandleError, match="time must rise by whole hours"):
            Candles(**prices, time=wrong)


# ---- windows


def test_begin_and_end_bound_the_whole_episode(tmp_path: Path) -> None:
    candles = gapped(tmp_path, (50, 53))
    replay = Replay(candles, begin="2024-01-02T12:00", end="2024-01-04")
    first, last = 36, 68  # 2 January 12:00; 3 January 23:00, which ends on the 4th
    for hours in (1, 5, 13):
        expected = [
            i
            for stretch in candles.stretches
            for i in stretch
            if first <= i and i + hours <= last and i + hours in stretch
        ]
        assert replay.openings(hours).tolist() == expected
    assert replay.report == (
        *candles.report,
        "Episodes lie in 33 of 117 hours, 2024-01-02T12:00Z to 2024-01-03T23:00Z.",
    )
    with pytest.raises(
        CandleError,
        match="holds 19 hourly candles within 2024-01-02T12:00Z to 2024-01-03T23:00Z without a gap; .* needs 20",
    ):
        replay.check_hours(19)
    assert Replay(candles, begin="2024-01-02T12:00").openings(5)[0] == 36
    assert Replay(candles, end="2024-01-02T12:30").openings(5)[-1] == 30


def test_what_came_before_begin_is_known(tmp_path: Path) -> None:
    candles = gapped(tmp_path)
    one = Replay(candles, name="same", begin="2024-01-03", end="2024-01-03T11:00").draw([1, 2], 10)
    two = Replay(candles, name="same", start="2024-01-03").draw([1, 2], 10)
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (
            {"begin": "2025-01-01"},
            "none of its hours, 2024-01-01T00:00Z to 2024-01-05T23:00Z, lies at or after '2025-01-01'",
        ),
        ({"end": "2023-01-01"}, "lies before '2023-01-01'"),
        ({"begin": "2024-01-03", "end": "2024-01-02"}, "lies at or after '2024-01-03' and before '2024-01-02'"),
        ({"begin": "soon"}, "begin 'soon' is not an ISO-8601 time; accepted is one such as 2021-05-19T05:00Z"),
        ({"end": "05/19/2021"}, "end '05/19/2021' is not an ISO-8601 time"),
        (
            {"begin": "2024-01-03", "start": "2024-01-02"},
            "start '2024-01-02' is not one of its hours, 2024-01-03T00:00Z to",
        ),
    ],
)
def test_windows_without_an_hour_are_refused(tmp_path: Path, window: dict[str, str], said: str) -> None:
    with pytest.raises(CandleError, match=said):
        Replay(gapped(tmp_path), **window)


def test_a_window_of_a_name(tmp_path: Path) -> None:
    path = write(tmp_path / "gapped.csv", lines(120))
    for name in (str(path), f"{path} + oracle-push"):
        scenario = get_scenario(name, begin="2024-01-03", end="2024-01-04")
        scenario.check_hours(23)
        with pytest.raises(CandleError, match="holds 24 hourly candles within"):
            scenario.check_hours(24)
    assert get_scenario("jump", begin="2024-01-03") is get_scenario("jump")  # others have no dates


# ---- what is told


def test_the_cleaning_report_of_a_sum(tmp_path: Path) -> None:
    path = write(tmp_path / "eth.csv", without(lines(120), (50, 53)), ",open,high,low,close,volume")
    said = cleaning_report(get_scenario(f"{path} + oracle-push", begin="2024-01-02"))
    assert [line.split(":")[0] for line in said] == ["eth"] * 3
    assert "The column without a name" in said[0] and "Not filled: 3 hours" in said[1] and "93 of 117 hours" in said[2]
    assert get_scenario(path).about == "117 recorded hours, 2024-01-01T00:00Z to 2024-01-05T23:00Z, in 2 stretches"
    assert cleaning_report(get_scenario("jump")) == []


@pytest.mark.skipif(not CRISES.is_dir(), reason="no real candles at ../shared/data")
def test_real_hours_with_some_taken_out(tmp_path: Path) -> None:
    (file,) = CRISES.glob("*2022-05*.csv")
    whole = load_candles(file)
    header, *rows = file.read_text().splitlines()
    candles = load_candles(write(tmp_path / "a.csv", without(rows, (400, 402)), header))
    assert len(candles) == len(whole) - 2 and candles.stretches[0] == range(400)
    tapes = Replay(candles, name="a").draw(range(200), 168)
    worst = np.abs(np.diff(np.log(tapes["close"].astype(float)), axis=1)).max()
    assert worst <= np.abs(np.diff(np.log(whole.close))).max() * (1 + 1e-5)
