"""Replay: the candles as they were, the same tape in any batch, and conditions that follow from the past alone."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from protogov.envs.scenarios import CandleError, Candles, Conditions, Replay, get_scenario

CRISES = Path(__file__).parents[2].parent / "shared" / "data" / "crises"
SECONDS = int(datetime(2022, 1, 1, tzinfo=UTC).timestamp())
FIELDS = ("open", "high", "low", "close")

real_data = pytest.mark.skipif(not CRISES.is_dir(), reason="no real candles at ../shared/data")


def make_candles(count: int = 400, vol: float = 0.7, seed: int = 0, name: str = "made") -> Candles:
    rng = np.random.default_rng(seed)
    close = 3000.0 * np.exp(np.cumsum(rng.normal(0.0, vol / np.sqrt(8760), count)))
    opens = np.r_[3000.0, close[:-1]]
    return Candles(
        path=Path(f"{name}.csv"),
        time=SECONDS + 3600 * np.arange(count, dtype=np.int64),
        open=opens,
        high=np.maximum(opens, close) * 1.001,
        low=np.minimum(opens, close) * 0.999,
        close=close,
        volume=np.full(count, np.nan),
        report=(),
    )


def openings(tapes: np.ndarray, candles: Candles) -> np.ndarray:
    """Index of the candle that opened each tape."""
    return np.array([np.flatnonzero(candles.close.astype("f4") == price)[0] for price in tapes["close"][:, 0]])


def test_tape_is_the_candles() -> None:
    candles = make_candles()
    tapes = Replay(candles).draw(range(20), 100)
    for tape, opening in zip(tapes, openings(tapes, candles), strict=True):
        for field in FIELDS:
            expected = getattr(candles, field)[opening + 1 : opening + 101].astype("f4")
            np.testing.assert_array_equal(tape[field][1:], expected)
            assert tape[field][0] == np.float32(candles.close[opening])


def test_seed_chooses_every_possible_opening() -> None:
    candles = make_candles(60)
    found = openings(Replay(candles).draw(range(2000), 49), candles)
    counts = np.bincount(found, minlength=11)
    assert counts.size == 11
    assert counts.min() > 120
    assert (openings(Replay(candles).draw(range(20), 59), candles) == 0).all()


def test_same_bits_in_any_batch() -> None:
    replay = Replay(make_candles())
    whole = replay.draw(range(512), 100)
    assert replay.draw([511], 100).tobytes() == whole[511:].tobytes()
    assert replay.draw(range(7, 14), 100).tobytes() == whole[7:14].tobytes()
    assert len({row.tobytes() for row in whole}) == 512


def test_same_bits_without_jitting(tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    lines = [f"{3600 * i},{100 + i % 7},{110 + i % 7},{90 + i % 5},{101 + i % 6},{i % 9}" for i in range(80)]
    file.write_text("\n".join(["time,open,high,low,close,gas", *lines]))
    code = (
        "import sys; from protogov.envs.scenarios import get_scenario;"
        f"sys.stdout.buffer.write(get_scenario({str(file)!r}).draw([0, 5, 2**64 - 1], 40).tobytes())"
    )
    result = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert result.stdout == get_scenario(str(file)).draw([0, 5, 2**64 - 1], 40).tobytes()


def test_start_fixes_the_opening() -> None:
    candles = make_candles()
    for start in ("2022-01-03T05:00Z", "2022-01-03 05:00", "2022-01-03T06:00+01:00"):
        tapes = Replay(candles, start=start).draw(range(5), 50)
        assert (openings(tapes, candles) == 53).all()
    assert len({row.tobytes() for row in tapes}) == 5  # the drawn conditions still differ


@pytest.mark.parametrize("start", ["2021-12-31T23:00Z", "2022-01-03T05:30Z", "2023-01-01"])
def test_start_outside_the_file_is_refused(start: str) -> None:
    with pytest.raises(CandleError, match="is not one of its hours, 2022-01-01T00:00Z to 2022-01-17T15:00Z"):
        Replay(make_candles(), start=start)
    with pytest.raises(CandleError, match="'soon' is not an ISO-8601 time"):
        Replay(make_candles(), start="soon")


def test_file_shorter_than_an_episode_is_refused() -> None:
    replay = Replay(make_candles(100))
    assert replay.draw([1], 99).shape == (1, 100)
    with pytest.raises(
        CandleError, match="made.csv: the file holds 100 hourly candles; an episode of 100 hours needs 101"
    ):
        replay.draw([1], 100)
    with pytest.raises(
        CandleError, match="holds 90 hourly candles from 2022-01-01T10:00Z; an episode of 90 hours needs 91"
    ):
        Replay(make_candles(100), start="2022-01-01T10:00Z").check_hours(90)


def test_split_and_name() -> None:
    assert Replay(make_candles()).split == "validation"
    assert Replay(make_candles()).name == "made"
    free = Replay(make_candles(), name="mine", split="free")
    assert (free.name, free.split) == ("mine", "free")


def test_conditions_know_no_later_price() -> None:
    candles = make_candles()
    changed = make_candles()
    for field in FIELDS:
        getattr(changed, field)[200:] *= 0.5
    one, two = (Replay(c, start="2022-01-05T00:00Z").draw(range(4), 200) for c in (candles, changed))
    assert one[:, :104].tobytes() == two[:, :104].tobytes()
    assert (one["implied_vol"][:, 120] < two["implied_vol"][:, 120]).all()
    assert (one["depth"][:, 104] > two["depth"][:, 104]).all()
    assert (one["congestion"][:, 104] < two["congestion"][:, 104]).all()


def test_history_before_the_opening_is_used() -> None:
    # the same hours, once at the beginning of the file and once after ten wild days
    wild, quiet = make_candles(240, vol=2.5, seed=1), make_candles(200, vol=0.3, seed=2)
    scale = wild.close[-1] / quiet.open[0]
    joined = {field: np.r_[getattr(wild, field), getattr(quiet, field) * scale] for field in FIELDS}
    long = Candles(
        path=Path("long.csv"),
        time=SECONDS + 3600 * np.arange(440, dtype=np.int64),
        volume=np.full(440, np.nan),
        report=(),
        **joined,
    )
    after = Replay(long, name="same", start="2022-01-11T00:00Z").draw([1], 150)
    alone = Replay(quiet, name="same", start="2022-01-01T00:00Z").draw([1], 150)
    assert after["implied_vol"][0, 0] > alone["implied_vol"][0, 0] + 0.2
    assert after["depth"][0, 0] < alone["depth"][0, 0]
    np.testing.assert_allclose(after["outside_yield"], alone["outside_yield"])


def test_conditions_can_be_chosen() -> None:
    deep = Replay(make_candles(), conditions=Conditions(depth_calm=8e6, depth_low=1e6, depth_high=9e6)).draw([1], 50)
    assert deep["depth"].min() > 1e6


@pytest.mark.parametrize("vol", [0.25, 0.7, 2.0])
def test_implied_vol_settles_at_its_level(vol: float) -> None:
    tape = Replay(make_candles(2500, vol=vol), start="2022-03-15T00:00Z").draw([1], 600)
    assert tape["implied_vol"].mean() == pytest.approx(min(1.8, 0.7 * (vol / 0.62) ** 0.75), rel=0.08)
    assert tape["depth"].mean() == pytest.approx(min(0.9e6, max(0.15e6, 0.8e6 * 0.5 / vol)), rel=0.15)


@real_data
@pytest.mark.parametrize(
    ("window", "highest"),
    # realised vol of the whole windows: 180, 103, 124 and 93%; of the worst days 480, 347, 279 and 272%
    [("2021-05", 1.75), ("2022-05", 1.15), ("2022-06", 1.3), ("2022-11", 1.1)],
)
def test_real_crises(window: str, highest: float) -> None:
    (file,) = CRISES.glob(f"*_{window}_*.csv")
    scenario = get_scenario(file)
    assert isinstance(scenario, Replay)
    tapes = scenario.draw(range(300), 336)
    assert 0.5 < tapes["implied_vol"].min() and highest - 0.2 < tapes["implied_vol"].max() < highest
    whole = scenario.draw([0], len(scenario.candles) - 1)[0]
    worst = int(np.diff(np.log(whole["close"])).argmin()) + 1
    assert whole["depth"][worst : worst + 24].min() < 0.25e6
    assert whole["congestion"][worst : worst + 3].max() > 0.6
    # the surface moves far less than realised vol
    implied = whole["implied_vol"][::24].astype(float)
    move = np.diff(np.log(whole["close"].astype(float)))
    realised = np.array([np.sqrt((move[i : i + 24] ** 2).mean() * 8760) for i in range(0, move.size - 24, 24)])
    daily = np.diff(implied)[: realised.size]
    assert np.abs(daily).max() < 0.1
    assert np.polyfit(np.diff(realised), daily[1:], 1)[0] <= 0.3
    assert implied.max() > implied[0] + 0.15


@real_data
def test_real_calm_market_looks_calm() -> None:
    (file,) = CRISES.glob("*calm_2023-07*.csv")
    scenario = get_scenario(file)
    tape = scenario.draw([0], 719)[0]
    assert 0.3 < tape["implied_vol"][-1] < 0.45  # the index stood at 0.31 to 0.40
    assert np.median(tape["depth"]) > 0.8e6
    assert np.median(tape["congestion"]) < 0.1
