"""Crises: every known price is met, what was measured of them is measured again, every seed is another path."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from protogov.envs.scenarios import CRISES, Crisis, Replay, Story, get_scenario, load_candles
from protogov.envs.scenarios.stories import EPISODE
from protogov.envs.scenarios.waypoints import bounds_of, bridge_hour, touches
from protogov.envs.world.state import ATTACKS, TAPE

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "crises"
SEEDS = range(200)
VALIDATION = {"crisis-2020-03", "crisis-2023-03", "crisis-2024-08", "crisis-2025-10"}


class Facts(NamedTuple):
    """What was published or recorded of a crisis; falls are shares, hours are named as exchanges do, by their start."""

    low: float  # USD
    low_hour: str
    fall: float  # from the first price to the low
    fall_from_high: float | None = None
    worst_hour: float | None = None  # close to close
    worst_day: float | None = None  # close to close over 24 hours
    worst_day_ends: str | None = None
    widest: float | None = None  # (high - low) / open
    widest_hour: str | None = None


FACTS = {
    "crisis-2020-03": Facts(
        86.6, "2020-03-13T02", 86.6 / 234 - 1, -0.65, -0.21, -0.47, "2020-03-13T01", 0.393, "2020-03-13T02"
    ),
    "crisis-2021-05": Facts(
        1888, "2021-05-19T13", -0.564, -0.568, -0.131, -0.335, "2021-05-20T00", 0.301, "2021-05-19T13"
    ),
    "crisis-2022-05": Facts(
        1700, "2022-05-12T07", -0.422, -0.424, -0.100, -0.239, "2022-05-12T05", 0.129, "2022-05-12T07"
    ),
    "crisis-2022-06": Facts(880, "2022-06-18T20", -0.511, -0.512, -0.061, -0.209, None, 0.165, "2022-06-15T18"),
    "crisis-2022-11": Facts(
        1070, "2022-11-09T23", -0.337, -0.362, -0.071, -0.241, "2022-11-09T16", 0.121, "2022-11-10T13"
    ),
    "crisis-2023-03": Facts(1368, "2023-03-10T10", -0.115, widest=0.059),
    "crisis-2024-08": Facts(2111, "2024-08-05T01", -0.281, None, -0.082, -0.24),
    "crisis-2025-02": Facts(2125, "2025-02-03T02", -0.362, None, -0.117),
    "crisis-2025-10": Facts(3435, "2025-10-10T21", -0.218, widest=0.185, widest_hour="2025-10-10T21"),
}
RECORDED = {
    "crisis-2021-05": "eth_btc_1h_2021-05_china_deleveraging.csv",
    "crisis-2022-05": "eth_btc_1h_2022-05_terra.csv",
    "crisis-2022-06": "eth_btc_1h_2022-06_celsius_3ac.csv",
    "crisis-2022-11": "eth_btc_1h_2022-11_ftx.csv",
}
# closes of Deribit's 30-day index of ETH, at the end of that day: (crisis, day, annual decimal)
INDEX = (
    ("crisis-2023-03", "2023-03-10", 0.636),
    ("crisis-2023-03", "2023-03-11", 0.685),
    ("crisis-2024-08", "2024-08-04", 0.683),
    ("crisis-2024-08", "2024-08-05", 0.762),
    ("crisis-2025-02", "2025-02-03", 0.709),
    ("crisis-2025-10", "2025-10-10", 0.676),
    ("crisis-2025-10", "2025-10-11", 0.717),
    ("crisis-2025-10", "2025-10-17", 0.755),
)
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="no recorded candles at ../shared/data")


def hours_between(start: str, end: str) -> int:
    return int((np.datetime64(end.removesuffix("Z")) - np.datetime64(start.removesuffix("Z"))) / np.timedelta64(1, "h"))


def hour_of(story: Story, candle: str) -> int:
    """Hour of the story at which the candle that begins at `candle` ends."""
    return hours_between(story.began, candle) + 1


@pytest.fixture(scope="module", params=sorted(CRISES))
def drawn(request: pytest.FixtureRequest) -> tuple[Crisis, np.ndarray, np.ndarray]:
    crisis = CRISES[request.param]
    return crisis, crisis.draw(SEEDS, EPISODE), crisis.onsets(SEEDS)


def within(crisis: Crisis, tapes: np.ndarray, onsets: np.ndarray, field: str) -> np.ndarray:
    """F64[seeds, length + 1]: a field from the onset to the last known price."""
    hours = onsets[:, None] + np.arange(crisis.story.length + 1)
    return np.take_along_axis(tapes[field].astype(float), hours, axis=1)


def worst_day(close: np.ndarray) -> np.ndarray:
    squares = np.diff(np.log(close), axis=1) ** 2
    return np.sqrt(365.0 * np.lib.stride_tricks.sliding_window_view(squares, 24, axis=1).sum(axis=2).max(axis=1))


def test_every_crisis_is_registered_in_its_split() -> None:
    assert set(FACTS) == set(CRISES)
    for name, crisis in CRISES.items():
        assert get_scenario(name) is crisis
        assert crisis.split == ("validation" if name in VALIDATION else "train")
        assert crisis.story.facts and crisis.story.began.startswith(name[-7:])


def test_every_known_close_low_and_high_is_met(drawn: tuple[Crisis, np.ndarray, np.ndarray]) -> None:
    crisis, tapes, onsets = drawn
    for field, points in (("close", crisis.story.closes), ("low", crisis.story.lows), ("high", crisis.story.highs)):
        values = within(crisis, tapes, onsets, field)
        for hour, price in points:
            np.testing.assert_allclose(values[:, int(hour)], price, rtol=2e-7)


def test_low_falls_and_widest_hour_are_those_that_were_published(drawn: tuple[Crisis, np.ndarray, np.ndarray]) -> None:
    crisis, tapes, onsets = drawn
    facts, story = FACTS[crisis.name], crisis.story
    opening, close, low, high = (within(crisis, tapes, onsets, field) for field in ("open", "close", "low", "high"))
    assert (low.argmin(axis=1) == hour_of(story, facts.low_hour)).all()
    np.testing.assert_allclose(low.min(axis=1), facts.low, rtol=2e-7)
    np.testing.assert_allclose(low.min(axis=1) / close[:, 0] - 1.0, facts.fall, atol=0.002)
    if facts.fall_from_high is not None:
        before = np.arange(story.length + 1) <= hour_of(story, facts.low_hour)
        fall = low.min(axis=1) / np.where(before, high, 0.0)[:, 1:].max(axis=1) - 1.0
        np.testing.assert_allclose(fall, facts.fall_from_high, atol=0.005)
    if facts.worst_hour is not None:
        hourly = np.expm1(np.diff(np.log(close), axis=1)).min(axis=1)
        assert np.median(hourly) == pytest.approx(facts.worst_hour, abs=0.005)
        assert (hourly > facts.worst_hour - 0.02).mean() > 0.9
    if facts.worst_day is not None:
        daily = close[:, 24:] / close[:, :-24] - 1.0
        assert np.median(daily.min(axis=1)) == pytest.approx(facts.worst_day, abs=0.02)
        if facts.worst_day_ends is not None:
            ends = daily.argmin(axis=1) + 24
            assert (np.abs(ends - hour_of(story, facts.worst_day_ends)) <= 1).mean() > 0.8
    if facts.widest is not None:
        # no other hour is wider by chance
        ranges = ((high - low) / opening)[:, 1:]
        assert np.median(ranges.max(axis=1)) == pytest.approx(facts.widest, abs=0.002)
        assert (ranges.max(axis=1) < facts.widest + 0.002).mean() > 0.9
        if facts.widest_hour is not None:
            assert (ranges.argmax(axis=1) + 1 == hour_of(story, facts.widest_hour)).mean() > 0.9


def test_realised_vol_of_the_worst_day(drawn: tuple[Crisis, np.ndarray, np.ndarray]) -> None:
    crisis, tapes, onsets = drawn
    if crisis.story.realised > 0.0:
        # of the worst 24 hours in a row, which may be others than the measured ones; each seed within a third
        realised = worst_day(within(crisis, tapes, onsets, "close"))
        assert np.median(realised) == pytest.approx(crisis.story.realised, rel=0.12)
        assert np.mean(np.abs(realised / crisis.story.realised - 1.0) < 0.33) > 0.9


def test_march_2020_tells_its_warning() -> None:
    crisis = CRISES["crisis-2020-03"]
    tapes, onsets = crisis.draw(SEEDS, EPISODE), crisis.onsets(SEEDS)
    close, high = (within(crisis, tapes, onsets, field) for field in ("close", "high"))
    end_of = {day: hour_of(crisis.story, f"2020-03-{day:02d}T23") for day in (7, 8, 11)}
    np.testing.assert_allclose(close[:, end_of[8]] / close[:, end_of[7]] - 1.0, -0.16, atol=0.001)
    np.testing.assert_allclose(high[:, 1:].max(axis=1), 247.0, rtol=2e-7)  # and no path rises above it
    for candle, price in (("12T05", 182.0), ("12T10", 132.0), ("13T01", 97.6), ("13T02", 115.0), ("14T23", 122.0)):
        np.testing.assert_allclose(close[:, hour_of(crisis.story, f"2020-03-{candle}")], price, rtol=2e-7)


def test_seeds_differ_in_path_and_onset(drawn: tuple[Crisis, np.ndarray, np.ndarray]) -> None:
    crisis, tapes, onsets = drawn
    assert len({row.tobytes() for row in tapes}) == len(SEEDS)
    latest = min(216, EPISODE - crisis.story.length)
    assert 48 <= onsets.min() < 48 + 0.15 * (latest - 48)
    assert latest - 0.15 * (latest - 48) < onsets.max() <= latest
    assert onsets.max() + crisis.story.length <= EPISODE
    known = {int(hour) for hour, _ in crisis.story.closes}
    free = [hour for hour in range(crisis.story.length) if hour not in known]
    assert (within(crisis, tapes, onsets, "close")[:, free].std(axis=0) > 0.0).all()


def test_implied_vol_depth_congestion_and_peg_follow_their_points(
    drawn: tuple[Crisis, np.ndarray, np.ndarray],
) -> None:
    crisis, tapes, onsets = drawn
    story = crisis.story
    rows = np.arange(len(SEEDS))
    for hour, vol in story.implied_vol:
        at = (onsets + int(hour)).clip(max=EPISODE)
        inside = onsets + int(hour) <= EPISODE
        assert np.median(tapes["implied_vol"][rows, at][inside]) == pytest.approx(vol, rel=0.02)
    before = tapes["depth"][rows, onsets - 1]
    for hour, share in story.depth:
        assert (tapes["depth"][rows, onsets + int(hour)] <= 1.0001 * share * before).all()
    for hour, load in story.congestion:
        assert (tapes["congestion"][rows, onsets + int(hour)] >= 0.9999 * load).all()
    for hour, worth in story.peg:
        assert np.median(tapes["peg"][rows, onsets + int(hour)]) == pytest.approx(worth, abs=3e-4)


def test_peg_of_march_2023_and_of_the_others() -> None:
    pegs = {name: crisis.draw(SEEDS, EPISODE)["peg"] for name, crisis in CRISES.items()}
    assert np.median(pegs.pop("crisis-2023-03").min(axis=1)) == pytest.approx(0.869, abs=1e-3)
    assert min(peg.min() for peg in pegs.values()) > 0.99


def test_amplitude_scales_log_moves() -> None:
    story = CRISES["crisis-2022-11"].story
    whole, half = (Crisis("test-amplitude", "free", story, amplitude=a, onset=60) for a in (1.0, 0.5))
    for crisis, factor in ((whole, 1.0), (half, 0.5)):
        tape = crisis.draw([3], 212)[0]
        low, high = (np.log(tape[field][61:].astype(float) / 1615.0) for field in ("low", "high"))
        assert low.min() == pytest.approx(factor * np.log(1070 / 1615), abs=1e-5)
        assert high[:152].max() == pytest.approx(factor * np.log(1677 / 1615), abs=1e-5)
        assert tape["close"][60] == np.float32(1615.0)
    ranged = Crisis("test-range", "free", story, amplitude=(0.7, 1.3), onset=60).draw(range(400), 212)
    depth = np.log(ranged["low"][:, 60:].astype(float).min(axis=1) / 1615.0) / np.log(1070 / 1615)
    assert 0.69 < depth.min() < 0.72
    assert 1.28 < depth.max() < 1.31
    assert depth.mean() == pytest.approx(1.0, abs=0.03)


def test_the_known_extreme_nearer_to_the_opening_comes_first() -> None:
    seeds = np.arange(200, dtype=np.uint64)
    step = np.uint64(7)
    with np.errstate(over="ignore"):
        near_low = [touches(0.0, -0.1, 0.2, seed, step) for seed in seeds]
        near_high = [touches(0.0, -0.2, 0.1, seed, step) for seed in seeds]
        low_alone = [touches(0.0, -0.2, 2e9, seed, step) for seed in seeds]
    for one in near_low:
        assert one[1] == -0.1 and one[3] == 0.2 and 0 < one[0] < one[2] < 12
    for one in near_high:
        assert one[1] == 0.1 and one[3] == -0.2 and 0 < one[0] < one[2] < 12
    assert {one[0] for one in low_alone} == set(range(3, 9)) and {one[2] for one in low_alone} == {0}
    assert len({(one[0], one[2]) for one in near_low}) == 15  # every seed at another time
    assert touches(0.0, -2e9, 2e9, seeds[0], step)[::2] == (0, 0)


def test_an_hour_stays_between_its_extremes_and_those_of_the_crisis() -> None:
    far = 2e9
    with np.errstate(over="ignore"):
        for seed in np.arange(300, dtype=np.uint64):
            both = bridge_hour(0.0, 0.01, 1, -0.05, 0.04, -0.3, 0.3, 0.03, seed, np.uint64(5))
            assert both == (0.01, 0.04, -0.05)
            close, high, low = bridge_hour(0.0, 0.0, 6, -far, far, -0.02, 0.03, 0.05, seed, np.uint64(5))
            assert -0.02 <= low <= close <= high <= 0.03
            # in a band much narrower than a step too
            close, high, low = bridge_hour(0.0, 0.0, 6, -1e-4, 1e-4, -0.02, 0.03, 0.05, seed, np.uint64(5))
            assert (high, low) == (1e-4, -1e-4) and low <= close <= high


def test_a_crisis_has_a_ceiling_only_where_its_high_is_known() -> None:
    closes, none = np.array([(0.0, 0.0), (5.0, 0.2)]), np.empty((0, 2))
    assert bounds_of(closes, none, none) == (0.0, 1e9)
    assert bounds_of(closes, np.array([(3.0, -0.4)]), np.array([(3.0, 0.1)])) == (-0.4, 1e9)
    assert bounds_of(closes, none, np.array([(3.0, 0.3)])) == (0.0, 0.3)


def test_provenance_names_every_channel() -> None:
    channels = set(TAPE.names or ()) - {"open", "high", "low", "close", *ATTACKS}
    for crisis in CRISES.values():
        found = crisis.provenance()
        assert set(found) == channels | {"price"}
        filled = "closes" in crisis.story.known
        assert found["price"] == ("recorded or invented" if filled else "recorded")
        assert found["funding"] == found["implied_vol"] == "invented"
        assert found["peg"] == ("recorded" if crisis.name == "crisis-2023-03" else "invented")
    closes = ((0, 1.0), (2, 1.0))
    story = Story(
        "2000-01-01", closes, implied_vol=((0, 0.6), (2, 0.9)), depth=((0, 1.0), (1, 0.5)), known={"depth": (1,)}
    )
    found = Crisis("test-provenance", "free", story).provenance()
    assert (found["implied_vol"], found["depth"], found["congestion"]) == ("recorded", "invented", "invented")


@pytest.mark.parametrize(("name", "day", "listed"), INDEX)
def test_vol_that_follows_from_the_path_is_near_the_index(name: str, day: str, listed: float) -> None:
    crisis = CRISES[name]
    hour = hour_of(crisis.story, f"{day}T23")
    assert dict(crisis.story.facts_of("implied_vol"))[hour] == listed
    onsets = crisis.onsets(SEEDS)
    derived = crisis.draw_derived(SEEDS, int(onsets.max()) + hour)["implied_vol"][np.arange(len(SEEDS)), onsets + hour]
    assert abs(np.median(derived) - listed) < 0.05


@real_data
def test_vol_that_follows_from_the_candles_of_august_2023_is_near_the_index() -> None:
    replay = Replay(DATA / "eth_btc_1h_calm_2023-07.csv")
    vol = replay.draw([0], len(replay.candles) - 1)[0]["implied_vol"]
    august = replay.candles.time >= np.datetime64("2023-08-01T00").astype("datetime64[s]").astype(int)
    assert abs(vol[august].min() - 0.307) < 0.05


def test_derived_tapes_differ_in_nothing_but_the_points_of_the_story() -> None:
    crisis = CRISES["crisis-2023-03"]
    bent, plain = crisis.draw(range(20), EPISODE), crisis.draw_derived(range(20), EPISODE)
    for field in set(TAPE.names or ()) - {"implied_vol", "depth", "congestion", "peg"}:
        np.testing.assert_array_equal(bent[field], plain[field])
    assert bent["peg"].min() < 0.88 and plain["peg"].min() > 0.99
    assert (bent["implied_vol"] != plain["implied_vol"]).any()


def test_wrong_stories_and_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"closes of the crisis of 2000-01-01 has hours \[0, 2, 2\]; they must rise"):
        Story("2000-01-01", closes=((0, 1.0), (2, 1.0), (2, 1.0)))
    with pytest.raises(ValueError, match="must begin at hour 0"):
        Story("2000-01-01", closes=((1, 1.0), (2, 1.0)))
    closes = ((0, 1.0), (1, 1.0), (2, 1.0))
    with pytest.raises(ValueError, match="lows of the crisis of 2000-01-01 must lie at whole hours, 1 to 2"):
        Story("2000-01-01", closes, lows=((3, 0.5),))
    with pytest.raises(
        ValueError, match=r"known of the crisis of 2000-01-01 has \(7,\) for closes; hours of its closes"
    ):
        Story("2000-01-01", closes, known={"closes": (7,)})
    with pytest.raises(ValueError, match="known of the crisis of 2000-01-01 names 'opens'; accepted are closes, lows"):
        Story("2000-01-01", closes, known={"opens": ()})
    with pytest.raises(ValueError, match="highs of the crisis of 2000-01-01 has hour 2; the close of hour 1, its open"):
        Story("2000-01-01", ((0, 1.0), (2, 1.0)), highs=((2, 1.5),))
    with pytest.raises(ValueError, match=r"hour 1 of the crisis of 2000-01-01 has low 0.0 and high 0.9; they must enc"):
        Story("2000-01-01", closes, highs=((1, 0.9),))
    story = Story("2000-01-01", closes=((0, 1.0), (2, 0.5)))
    with pytest.raises(ValueError, match="amplitude_low is 2; it must not exceed amplitude_high, which is 1"):
        Crisis("x", "free", story, amplitude=(2.0, 1.0))
    with pytest.raises(ValueError, match="onset_from is 0"):
        Crisis("x", "free", story, onset=0)


@real_data
@pytest.mark.parametrize("name", sorted(RECORDED))
def test_points_of_recorded_crises_are_the_candles(name: str) -> None:
    story, candles = CRISES[name].story, load_candles(DATA / RECORDED[name])
    began = int(np.datetime64(story.began[:-1]).astype("datetime64[s]").astype(int))
    at_onset = int(np.flatnonzero(candles.time == began)[0])  # the first candle after it, which ends at hour 1

    def off(shift: int) -> np.ndarray:
        pairs = [("close", story.closes), ("low", story.lows), ("high", story.highs)]
        return np.array([
            abs(getattr(candles, field)[at_onset + int(hour) - 1 + shift] - price)
            for field, points in pairs
            for hour, price in points
        ])  # fmt: skip

    assert off(0).max() <= 0.51
    assert np.median(off(-1)) > 5.0 < np.median(off(1))  # an hour earlier or later nothing fits
    # the widest of the hours that it tells of is the widest of its facts
    inside = slice(at_onset, at_onset + story.length)
    ranges = (candles.high[inside] - candles.low[inside]) / candles.open[inside]
    assert ranges.max() == pytest.approx(FACTS[name].widest, abs=0.001)


@real_data
@pytest.mark.parametrize("name", sorted(RECORDED))
def test_drawn_crises_look_like_the_recorded_one(name: str) -> None:
    crisis = CRISES[name]
    candles = load_candles(DATA / RECORDED[name])
    tapes, onsets = crisis.draw(SEEDS, EPISODE), crisis.onsets(SEEDS)
    began = int(np.datetime64(crisis.story.began[:-1]).astype("datetime64[s]").astype(int))
    first = int(np.flatnonzero(candles.time == began)[0]) - 1
    path = np.log(candles.close[first : first + crisis.story.length + 1])
    drawn_path = np.log(within(crisis, tapes, onsets, "close"))
    theirs, ours = np.diff(path), np.diff(drawn_path, axis=1)
    # most hours and the tails of them within a factor of 1.5, drawdown within 6 points of log price
    for quantile in (0.5, 0.9, 0.98):
        ratio = np.quantile(np.abs(ours), quantile) / np.quantile(np.abs(theirs), quantile)
        assert 1 / 1.5 < ratio < 1.5, (quantile, ratio)

    def drawdown(paths: np.ndarray) -> np.ndarray:
        return (np.maximum.accumulate(paths, axis=-1) - paths).max(axis=-1)

    assert np.median(drawdown(drawn_path)) == pytest.approx(float(drawdown(path)), abs=0.06)
