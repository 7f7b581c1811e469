"""Recorded conditions: columns beside the candles, their units, holes and faults, and worlds that see them on time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from protogov.envs import Simulator
from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CandleError, Candles, Replay, load_candles
from protogov.envs.scenarios.base import CHANNELS, DERIVED
from protogov.envs.scenarios.candle_channels import COLUMNS, GAS_JAMMED
from protogov.envs.world.parameters import Parameters
from protogov.envs.world.state import TAPE

START = datetime(2021, 5, 19, tzinfo=UTC)
HOURS = 60
PRICES = ["timestamp", "open", "high", "low", "close"]
Columns = dict[str, list[Any]]

# a different value in every hour, none of them one that would have been derived or drawn
SIX: Columns = {
    "implied_vol": [0.31 + 0.013 * i for i in range(HOURS)],
    "funding": [-0.4 + 0.02 * i for i in range(HOURS)],
    "depth": [3.0e6 + 1e4 * i for i in range(HOURS)],
    "peg": [0.97 + 0.0007 * i for i in range(HOURS)],
    "gas": [1.5 + 0.25 * i for i in range(HOURS)],
    "outside_yield": [0.11 + 0.002 * i for i in range(HOURS)],
}


def candle_columns(count: int = HOURS, seconds: int = 3600) -> Columns:
    """Times and prices of a quiet random walk."""
    rng = np.random.default_rng(3)
    close = np.round(3000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.003, count))), 2)
    opens = np.r_[3000.0, close[:-1]]
    high = np.round(np.maximum(opens, close) * 1.002, 2)
    low = np.round(np.minimum(opens, close) * 0.998, 2)
    times = [(START + timedelta(seconds=seconds * i)).isoformat() for i in range(count)]
    return dict(zip(PRICES, [times, *(column.tolist() for column in (opens, high, low, close))], strict=True))


def write(
    path: Path, beside: Columns | None = None, candles: Columns | None = None, newest_first: bool = False
) -> Path:
    """A file of candles with the columns `beside` them, as CSV or Parquet by its suffix; None is an empty cell."""
    columns = (candles or candle_columns()) | (beside or {})
    if newest_first:
        columns = {name: values[::-1] for name, values in columns.items()}
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return path
    rows = [",".join("" if cell is None else str(cell) for cell in row) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return path


def without(values: list[Any], *hours: int) -> list[Any]:
    return [None if hour in hours else value for hour, value in enumerate(values)]


def on_tape(name: str) -> np.ndarray:
    """What the tape holds for a whole column of SIX, F64[HOURS]."""
    values = np.array(SIX[name])
    return (values - 1.0) / 20.0 if name == "gas" else values


# ---- reading


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_all_columns_come_back_from_a_file(tmp_path: Path, suffix: str, newest_first: bool) -> None:
    candles = load_candles(write(tmp_path / f"a.{suffix}", SIX, newest_first=newest_first))
    assert candles.recorded == ("implied_vol", "depth", "congestion", "funding", "peg", "outside_yield")
    assert set(candles.channels) == set(candles.recorded)
    for name in SIX:
        np.testing.assert_array_equal(candles.channels[COLUMNS[name].channel], on_tape(name), err_msg=name)
    assert candles.report == (("The rows were newest first and were turned round.",) if newest_first else ())


def test_a_file_without_them_has_none(tmp_path: Path) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {"btc_close": [5.0] * HOURS, "volume": [1.0] * HOURS}))
    assert candles.recorded == () and candles.channels == {} and candles.report == ()


@pytest.mark.parametrize("name", SIX)
def test_each_column_alone(tmp_path: Path, name: str) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {name: SIX[name]}))
    assert candles.recorded == (COLUMNS[name].channel,)
    assert candles.report == ()


def test_gas_becomes_the_congestion_at_which_the_world_pays_it(tmp_path: Path) -> None:
    gas = [0.0, 0.5, 1.0, 2.0, 6.0, 21.0, 25.0, 400.0, *[1.0] * (HOURS - 8)]
    candles = load_candles(write(tmp_path / "a.csv", {"gas": gas}))
    congestion = candles.channels["congestion"]
    assert congestion[:8].tolist() == [0.0, 0.0, 0.0, 0.05, 0.25, 1.0, 1.0, 1.0]
    paid = 1.0 + Parameters().gas_congestion * congestion  # as the world's liquidators and traders reckon
    np.testing.assert_allclose(paid, np.clip(gas, 1.0, GAS_JAMMED))
    assert candles.report == (
        "gas lies below 1 in 2 hours: they count as the usual, congestion 0.",
        "gas lies above 21 in 2 hours: they count as that, congestion 1.",
    )


@pytest.mark.parametrize("name", ["implied_vol", "implied_volatility", "iv", "DVOL", " mark_iv "])
@pytest.mark.parametrize("percent", [False, True])
def test_implied_vol_by_other_names_and_in_percent(tmp_path: Path, name: str, percent: bool) -> None:
    values = [round(value * (100.0 if percent else 1.0), 6) for value in SIX["implied_vol"]]
    candles = load_candles(write(tmp_path / "a.csv", {name: values}))
    np.testing.assert_allclose(candles.channels["implied_vol"], SIX["implied_vol"], rtol=1e-12)
    plain = name.strip().lower()
    expected = [] if plain == "implied_vol" else [f"Column {plain} was read as implied_vol."]
    if percent:
        expected.append(f"Column {plain}, 31 to 107.7, was read as percent and divided by 100.")
    assert candles.report == tuple(expected)


def test_of_two_names_the_first_counts_and_the_other_is_reported(tmp_path: Path) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {"dvol": [64.0] * HOURS, "implied_vol": SIX["implied_vol"]}))
    np.testing.assert_array_equal(candles.channels["implied_vol"], SIX["implied_vol"])
    assert candles.report == ("Column dvol is not read: implied_vol says the same already.",)


@pytest.mark.parametrize("name", ["funding_rate", "gas_price", "gas_gwei", "base_fee"])
def test_what_only_looks_like_a_column_is_not_read_and_reported(tmp_path: Path, name: str) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {name: [0.0001] * HOURS}))
    assert candles.recorded == ()
    (sentence,) = candles.report
    assert (
        sentence.startswith(f"Column {name} is not read: ")
        and f"a column {name.split('_')[0]}" in sentence
        or (name == "base_fee" and "a column gas" in sentence)
    )


# ---- holes


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_holes_keep_the_last_value_and_are_counted(tmp_path: Path, suffix: str) -> None:
    holes = (5, 20, 21, 22, HOURS - 1)
    candles = load_candles(write(tmp_path / f"a.{suffix}", {"peg": without(SIX["peg"], *holes)}))
    expected = np.array(SIX["peg"])
    expected[[5, 20, 21, 22, HOURS - 1]] = expected[[4, 19, 19, 19, HOURS - 2]]
    np.testing.assert_array_equal(candles.channels["peg"], expected)
    assert candles.report == (
        "peg is empty in 5 of the 60 hours from its first value on, at most 3 in a row: the last value was carried "
        "forward.",
    )


@pytest.mark.parametrize("empty", ["", "nan", "NaN", " "])
def test_cells_that_are_empty(tmp_path: Path, empty: str) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {"peg": [1.0, empty, *[0.98] * (HOURS - 2)]}))
    assert candles.channels["peg"][:3].tolist() == [1.0, 1.0, 0.98]


@pytest.mark.parametrize(("name", "instead"), [("funding", "drawn"), ("depth", "derived from prices")])
def test_before_the_first_value_nothing_is_recorded(tmp_path: Path, name: str, instead: str) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {name: without(SIX[name], *range(7))}))
    assert np.isnan(candles.channels[name][:7]).all()
    np.testing.assert_array_equal(candles.channels[name][7:], SIX[name][7:])
    assert candles.report == (f"{name} has no value before 2021-05-19T07:00Z: 7 hours are {instead} instead.",)
    plain, late = (
        Replay(load_candles(path), name="same", start="2021-05-19T02:00Z").draw(range(3), 40)
        for path in (write(tmp_path / "b.csv"), tmp_path / "a.csv")
    )
    np.testing.assert_array_equal(late[name][:, :5], plain[name][:, :5])
    np.testing.assert_array_equal(late[name][0, 5:], np.float32(SIX[name][7:43]))


def test_an_empty_column_is_left_out_and_reported(tmp_path: Path) -> None:
    candles = load_candles(write(tmp_path / "a.csv", {"peg": [None] * HOURS}))
    assert candles.recorded == ()
    assert candles.report == ("Column peg is empty and was left out.",)


# ---- finer bars


def test_the_last_value_of_joined_bars_counts(tmp_path: Path) -> None:
    bars = 15 * 4  # a quarter each, and fifteen hours
    peg = [1.0 + 0.001 * i for i in range(bars)]
    yields = without([0.04 + 0.001 * i for i in range(bars)], 3, 7, 6, 12, 13, 14, 15)
    candles = load_candles(
        write(tmp_path / "a.csv", {"peg": peg, "outside_yield": yields}, candles=candle_columns(bars, seconds=900))
    )
    assert len(candles) == 15
    np.testing.assert_array_equal(candles.channels["peg"], peg[3::4])
    expected = [0.04 + 0.001 * i for i in range(3, bars, 4)]
    expected[0], expected[1], expected[3] = 0.042, 0.045, expected[2]  # the hour's last known; then the last hour's
    np.testing.assert_array_equal(candles.channels["outside_yield"], expected)
    assert candles.report[1:] == (
        "outside_yield is empty in 1 of the 15 hours from its first value on, at most 1 in a row: the last value was "
        "carried forward.",
    )


def test_a_column_that_only_incomplete_hours_had_is_left_out(tmp_path: Path) -> None:
    columns = candle_columns(bars := 4 * 5 + 2, seconds=900)
    candles = load_candles(write(tmp_path / "a.csv", {"peg": [None] * (bars - 1) + [0.9]}, candles=columns))
    assert candles.recorded == () and candles.report[1] == "Column peg is empty in all full hours and was left out."


# ---- faults


VOL = "annual decimals from 0.01 to 5 are accepted, or a column that is percent throughout, above 5 to 500"
FAULTS = [
    ("implied_vol", "high", f"implied_vol 'high' is not a number; {VOL}"),
    ("implied_vol", 0.0, f"implied_vol is 0; {VOL}"),
    ("implied_vol", 64.0, f"implied_vol is 64, while 59 other values of the column lie at or below 5; {VOL}"),
    ("implied_vol", 501.0, f"implied_vol is 501; {VOL}"),
    ("funding", 10.95, "funding is 10.95; annual decimals from -10 to 10 are accepted, 0.1 for 10% a year"),
    ("funding", "inf", "funding is inf; annual decimals from -10 to 10 are accepted, 0.1 for 10% a year"),
    ("depth", 0.0, "depth is 0; USD that move the pool by 1% are accepted, 1 to 1e12"),
    ("peg", 0.0, "peg is 0; USD per unit of the debt asset are accepted, 0.01 to 100"),
    ("peg", "-", "peg '-' is not a number; USD per unit of the debt asset are accepted, 0.01 to 100"),
    ("gas", -0.1, "gas is -0.1; multiples of the usual cost of blockspace are accepted, 0 to 10000"),
    ("outside_yield", 4.3, "outside_yield is 4.3; annual decimals from 0 to 1 are accepted, 0.04 for 4% a year"),
]


@pytest.mark.parametrize(("name", "value", "said"), FAULTS)
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_bad_value_is_named_with_its_row_and_what_is_accepted(
    tmp_path: Path, name: str, value: object, said: str, newest_first: bool
) -> None:
    values = list(SIX[name])
    values[6] = value
    path = write(tmp_path / "a.csv", {name: values}, newest_first=newest_first)
    with pytest.raises(CandleError) as caught:
        load_candles(path)
    assert str(caught.value) == f"{path}, line {HOURS - 5 if newest_first else 8}: {said}, and empty cells."


def test_a_decimal_among_percent_is_the_odd_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"dvol": [0.64, None, *[64.0] * (HOURS - 2)]})
    with pytest.raises(
        CandleError, match=r"row 1: dvol is 0\.64, while 58 other values of the column lie above 5; ann"
    ):
        load_candles(path)


def test_channels_made_by_hand_are_checked(tmp_path: Path) -> None:
    plain = load_candles(write(tmp_path / "a.csv"))
    prices = {name: getattr(plain, name) for name in ("path", "time", *PRICES[1:], "volume", "report")}
    for channels in ({"gas": plain.close}, {"peg": plain.close[1:]}, {"price": plain.close}):
        with pytest.raises(CandleError, match="a.csv: channels has '.*accepted are implied_vol, depth, .* 60 values"):
            Candles(**prices, channels=channels)
    # a hole that nobody filled stays what it was without the column
    peg = np.where(np.arange(HOURS) % 2, 0.9, np.nan)
    tape = Replay(Candles(**prices, channels={"peg": peg}), start="2021-05-19").draw([4], 50)["peg"][0]
    assert (tape[1::2] == np.float32(0.9)).all()
    np.testing.assert_array_equal(tape[::2], Replay(plain, start="2021-05-19").draw([4], 50)["peg"][0][::2])


# ---- on the tape


def test_the_tape_has_each_value_in_its_hour(tmp_path: Path) -> None:
    candles = load_candles(write(tmp_path / "a.csv", SIX))
    tapes = Replay(candles).draw(range(64), 24)
    openings = np.array([np.flatnonzero(candles.close.astype("f4") == close)[0] for close in tapes["close"][:, 0]])
    assert len(set(openings.tolist())) > 20
    hours = openings[:, None] + np.arange(25)
    for name in SIX:
        np.testing.assert_array_equal(tapes[COLUMNS[name].channel], on_tape(name).astype("f4")[hours], err_msg=name)


@pytest.mark.parametrize("names", [(), *((name,) for name in SIX), tuple(SIX)], ids="+".join)
def test_all_other_channels_keep_their_bits(tmp_path: Path, names: tuple[str, ...]) -> None:
    plain = Replay(load_candles(write(tmp_path / "a.csv")), name="same").draw(range(16), 30)
    path = write(tmp_path / "b.csv", {name: SIX[name] for name in names})
    tapes = Replay(load_candles(path), name="same").draw(range(16), 30)
    changed = {field for field in TAPE.names or () if tapes[field].tobytes() != plain[field].tobytes()}
    assert changed == {COLUMNS[name].channel for name in names}


def test_later_records_do_not_reach_earlier_hours(tmp_path: Path) -> None:
    late = {name: [*values[:40], *values[40:][::-1]] for name, values in SIX.items()}
    one, two = (
        Replay(load_candles(write(tmp_path / f"{n}.csv", columns)), name="same", start="2021-05-19").draw([1, 2], 59)
        for n, columns in enumerate((SIX, late))
    )
    assert one[:, :40].tobytes() == two[:, :40].tobytes() and one[:, 40:].tobytes() != two[:, 40:].tobytes()


def test_a_replay_says_what_was_recorded(tmp_path: Path) -> None:
    rest = dict.fromkeys(CHANNELS, "invented") | dict.fromkeys(DERIVED, "derived") | {"price": "recorded"}
    assert Replay(load_candles(write(tmp_path / "a.csv"))).provenance() == rest
    beside = {"gas": SIX["gas"], "depth": without(SIX["depth"], 0), "peg": without(SIX["peg"], 0, 1)}
    words = Replay(load_candles(write(tmp_path / "b.csv", beside))).provenance()
    assert words == rest | {
        "congestion": "recorded",
        "depth": "recorded or derived",
        "peg": "recorded or invented",
    }


def test_only_what_is_invented_depends_on_the_seed(tmp_path: Path) -> None:
    replay = Replay(load_candles(write(tmp_path / "a.csv", {"peg": SIX["peg"]})), start="2021-05-19T02:00Z")
    tapes = replay.draw(range(40), 50)
    for channel, word in replay.provenance().items():
        values = tapes["close" if channel == "price" else channel]
        assert (values == values[0]).all() == (word != "invented"), channel


# ---- in a world


def test_a_world_sees_the_records_hour_by_hour(tmp_path: Path) -> None:
    # nothing of the world's own on top: hedges that crowd funding, sales that scare providers
    quiet = Parameters(funding_crowding=0.0, depth_flight=0.0)
    config = WorldConfig(decision_hours=1, episode_hours=30, parameters=quiet)
    replay = Replay(load_candles(write(tmp_path / "a.csv", SIX)), start="2021-05-19T04:00Z")
    worlds = Simulator(config, 2, scenario=replay)
    worlds.reset()
    agent = worlds.agents[0]
    still = {name: np.zeros((2, worlds.action_size(name)), np.float32) for name in worlds.agents}
    for hour in range(30):
        for feature, expected in {
            "implied_vol": SIX["implied_vol"][4 + hour],
            "funding": SIX["funding"][4 + hour],
            "depth": np.log(SIX["depth"][4 + hour] / 0.5e6),
            "peg_gap": SIX["peg"][4 + hour] - 1.0,
            "congestion": (SIX["gas"][4 + hour] - 1.0) / 20.0,
            "outside_yield": SIX["outside_yield"][4 + hour],
        }.items():
            seen = worlds.feature(agent, feature)
            np.testing.assert_allclose(seen, expected, rtol=2e-6, atol=2e-7, err_msg=f"{feature}, hour {hour}")
        if hour < 29:  # an episode that ends begins anew
            worlds.step(still)
