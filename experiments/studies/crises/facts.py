"""Published facts of each crisis, and the same facts of its drawn paths, measured the same way."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.envs.scenarios import Crisis
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.tables import Table, columns, concatenate

BEFORE, AFTER = 24, 12  # hours shown around what is known
QUANTILES = {"low": 0.05, "median": 0.5, "high": 0.95}
Measure = Callable[["Paths"], Floats]  # of each seed


@dataclass(frozen=True)
class Paths:
    """Drawn paths of one crisis from its onset to its last known price.

    Attributes:
        crisis: whose.
        opening: F64[seeds, hours + 1], USD; element h is the candle that ends h hours after the onset.
        high: as `opening`.
        low: as `opening`.
        close: as `opening`.
        derived_vol: F64[seeds, longer], implied vol that follows from the prices alone, annual decimals.
    """

    crisis: Crisis
    opening: Floats
    high: Floats
    low: Floats
    close: Floats
    derived_vol: Floats

    @classmethod
    def of(cls, crisis: Crisis, seeds: int) -> "Paths":
        """Draw `seeds` of them, seeds 0, 1, ..."""
        keys = np.arange(seeds, dtype=np.uint64)
        onsets, longest = crisis.onsets(keys), last_hour(crisis)
        tapes = crisis.draw_derived(keys, int(onsets.max()) + longest)
        at = onsets[:, None] + np.arange(longest + 1)
        columns = {
            name: np.take_along_axis(tapes[name], at, axis=1).astype(np.float64)
            for name in ("open", "high", "low", "close", "implied_vol")
        }
        opening, high, low, close = (
            columns[name][:, : crisis.story.length + 1] for name in ("open", "high", "low", "close")
        )
        return cls(crisis, opening, high, low, close, columns["implied_vol"])


@dataclass(frozen=True)
class Fact:
    """One fact that is known about a crisis.

    Attributes:
        name: what it is.
        listed: the published or recorded value.
        measure: the same value of every drawn path.
        form: how a value is written.
        within: accepted distance of the median over seeds; None if the fact is only reported.
    """

    name: str
    listed: float
    measure: Measure
    form: str = "{:.1%}"
    within: float | None = 0.005


def last_hour(crisis: Crisis) -> int:
    """Last hour since the onset with a known fact."""
    return int(max(crisis.story.length, *(hour for hour, _ in crisis.story.facts_of("implied_vol")), 0))


def of_first(paths: Paths) -> Floats:
    """Fall from the first price to the low."""
    return np.asarray(paths.low[:, 1:].min(axis=1) / paths.close[:, 0] - 1.0)


def of_high(paths: Paths) -> Floats:
    """Fall from the highest price before the low to the low."""
    low = paths.low[:, 1:].argmin(axis=1)
    before = np.arange(paths.low.shape[1] - 1) <= low[:, None]
    high = np.where(before, paths.high[:, 1:], 0.0).max(axis=1)
    return np.asarray(paths.low[:, 1:].min(axis=1) / high - 1.0)


def low(paths: Paths) -> Floats:
    """Lowest price [USD]."""
    return np.asarray(paths.low.min(axis=1))


def low_hour(paths: Paths) -> Floats:
    """Hour since the onset at which the candle of the low ends."""
    return np.asarray(paths.low.argmin(axis=1), np.float64)


def worst_hour(paths: Paths) -> Floats:
    """Deepest return of an hour, close to close."""
    return np.asarray((paths.close[:, 1:] / paths.close[:, :-1]).min(axis=1) - 1.0)


def worst_day(paths: Paths) -> Floats:
    """Deepest return over 24 hours, close to close."""
    return np.asarray((paths.close[:, 24:] / paths.close[:, :-24]).min(axis=1) - 1.0)


def widest(paths: Paths) -> Floats:
    """Widest range of an hour, as a share of its opening."""
    return np.asarray(((paths.high - paths.low) / paths.opening)[:, 1:].max(axis=1))


def realised(paths: Paths) -> Floats:
    """Annual vol of the 24 consecutive hourly returns with the highest vol."""
    squares = np.diff(np.log(paths.close), axis=1) ** 2
    return np.sqrt(365.0 * np.lib.stride_tricks.sliding_window_view(squares, 24, axis=1).sum(axis=2).max(axis=1))


def derived_peak(paths: Paths) -> Floats:
    """Highest implied vol that follows from the prices alone."""
    return np.asarray(paths.derived_vol.max(axis=1))


def derived_at(hour: float) -> Measure:
    """Implied vol that follows from the prices alone, at that hour since the onset."""
    return lambda paths: paths.derived_vol[:, int(hour)]


def published(
    first: float, day: float | None = None, hour: float | None = None, wide: float | None = None
) -> list[Fact]:
    """Facts of several crises: fall from the first price, worst 24 hours, worst hour, widest hour."""
    facts = [Fact("from the first price to the low", first, of_first)]
    if day is not None:
        facts.append(Fact("worst 24 hours", day, worst_day, within=0.02))
    if hour is not None:
        facts.append(Fact("worst hour", hour, worst_hour))
    if wide is not None:
        facts.append(Fact("widest hour, of its opening", wide, widest))
    return facts


# shares are of the price; lows, their hours, vols and index closes follow from the stories
PUBLISHED: dict[str, list[Fact]] = {
    "crisis-2020-03": [
        Fact("from the high to the low", -0.65, of_high),
        Fact("worst 24 hours", -0.47, worst_day),
        Fact("widest hour, of its opening", 0.39, widest),
    ],
    "crisis-2021-05": published(-0.564, -0.335, -0.131, 0.301),
    "crisis-2022-05": published(-0.422, -0.239, -0.100, 0.129),
    "crisis-2022-06": published(-0.512, -0.209, -0.061, 0.165),
    "crisis-2022-11": [
        *published(-0.337, -0.241, -0.071, 0.121),
        Fact("index of implied vol at its peak, above", 1.5, derived_peak, "{:.1%}", None),
    ],
    "crisis-2023-03": published(-0.115, wide=0.059),
    "crisis-2024-08": published(-0.281, -0.24, -0.082),
    "crisis-2025-02": published(-0.362, hour=-0.117),
    "crisis-2025-10": published(-0.218, wide=0.185),
}


def facts_of(crisis: Crisis) -> list[Fact]:
    """All listed facts of a crisis, in the order of the table."""
    story = crisis.story
    facts = [Fact("low [USD]", story.low, low, "{:,.1f}", 1e-3)]
    hours = [hour for field in ("lows", "closes") for hour, price in story.facts_of(field) if price == story.low]
    if hours:
        facts.append(Fact("hour of the story at which it lies", float(hours[0]), low_hour, "{:.0f}", 0.0))
    facts += PUBLISHED[crisis.name]
    if story.realised > 0.0:
        facts.append(
            Fact("realised vol of the worst 24 hours", story.realised, realised, "{:.0%}", 0.12 * story.realised)
        )
    facts += [
        Fact(f"index of implied vol, hour {hour:g}", vol, derived_at(hour), "{:.1%}", 0.05)
        for hour, vol in story.facts_of("implied_vol")
    ]
    return facts


def missed(paths: Paths) -> int:
    """How many known closes, lows and highs at least one seed misses."""
    count = 0
    for values, field in ((paths.close, "closes"), (paths.low, "lows"), (paths.high, "highs")):
        for hour, price in paths.crisis.story.facts_of(field):
            count += not np.allclose(values[:, int(hour)], price, rtol=2e-7)
    return count


def facts_table(drawn: Iterable[Paths]) -> Table:
    """One row per fact: listed value, median and band of 90% of the seeds, format, and whether the median is near.

    The first row of each crisis counts the known prices ("listed") and those that every seed meets ("median").
    """
    rows = []
    for paths in drawn:
        story = paths.crisis.story
        points = sum(len(story.facts_of(field)) for field in ("closes", "lows", "highs"))
        filled = len(story.closes) + len(story.lows) + len(story.highs) - points
        described = "known prices that every seed meets" + (f"; {filled} more are filled in" if filled else "")
        met = points - missed(paths)
        rows.append(
            _row(paths, described, points, {"low": np.nan, "median": met, "high": np.nan}, "{:.0f}", met == points)
        )
        for fact in facts_of(paths.crisis):
            values = fact.measure(paths)
            found = dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())), strict=True))
            near = None if fact.within is None else abs(found["median"] - fact.listed) <= fact.within + 1e-9
            rows.append(_row(paths, fact.name, fact.listed, found, fact.form, near))
    return columns(rows)


def _row(
    paths: Paths, fact: str, listed: float, found: dict[str, float], form: str, near: bool | None
) -> dict[str, Any]:
    verdict = "beside" if near is None else "met" if near else "off"
    described = {"crisis": paths.crisis.name, "fact": fact, "listed": float(listed), "form": form, "verdict": verdict}
    return described | {name: float(value) for name, value in found.items()}


def curves_table(crises: Iterable[Crisis], seeds: int) -> Table:
    """Data of the figure: one row per crisis and hour since its onset, starting a day before it.

    Returns:
        "crisis", "hour"; "close_low" to "close_high": 5%, 50% and 95% of the closes of the seeds [USD]; "bottom",
        "top": of the first seed's hour [USD]; "derived_low" to "derived_high": of implied vol that follows from the
        prices alone; "vol": median of the tape's [annual].
    """
    parts = []
    for crisis in crises:
        keys, last = np.arange(seeds, dtype=np.uint64), last_hour(crisis) + AFTER
        hours, onsets = np.arange(-BEFORE, last + 1), crisis.onsets(keys)
        at, length = onsets[:, None] + hours, int(onsets.max()) + last
        tapes = np.take_along_axis(crisis.draw(keys, length), at, axis=1)
        derived = np.take_along_axis(crisis.draw_derived(keys, length), at, axis=1)
        table: Table = {"crisis": np.full(hours.size, crisis.name), "hour": hours}
        for name, values in (("close", tapes["close"]), ("derived", derived["implied_vol"])):
            ends = np.quantile(values.astype(np.float64), list(QUANTILES.values()), axis=0)
            table |= {f"{name}_{end}": one for end, one in zip(QUANTILES, ends, strict=True)}
        table |= {"bottom": tapes["low"][0], "top": tapes["high"][0], "vol": np.median(tapes["implied_vol"], axis=0)}
        parts.append(table)
    return concatenate(parts)
