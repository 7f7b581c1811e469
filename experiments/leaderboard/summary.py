"""What the leaderboard says: each measure of each row on each scenario, with intervals that resample whole seeds.

A resample draws tape seeds with replacement and takes each with everybody's episodes of all scenarios, so pairs stay
pairs. Marks of W are simultaneous: the largest |gain| / standard error over all rows and scenarios is resampled too
(max-T, Westfall and Young 1993), so that one of twenty rows is not marked by chance alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protogov.experiments.comparison import BESIDE_W, PART_LABELS, REALISED_LABELS
from protogov.experiments.core.statistics import LEVEL, TAIL
from protogov.experiments.core.tables import Table, select
from protogov.experiments.evaluation import PARTS
from protogov.experiments.governors import STATIC
from protogov.experiments.leaderboard.playing import CEILING
from protogov.experiments.measured import HEADLINE
from protogov.experiments.welfare_box import Plane, planes

RESAMPLES = 2000
GAIN, SHORTFALL = "welfare_gain", "shortfall_5%"  # of W: over static, and the mean of its worst twentieth
# column without the venue -> what people call it; W and everybody's share of it first
MEASURES: dict[str, str] = {
    "welfare": "Welfare W",
    **{f"welfare/{part}": PART_LABELS[part] for part in PARTS},
    **{name: REALISED_LABELS[name] for name in ("bad_debt", "liquidated", *BESIDE_W)},
    "uptime": "Uptime of withdrawals",
}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Entry:
    """One row on one scenario.

    Attributes:
        governors, scenario: who, where.
        measures: column -> mean over tapes; bp of K0 an episode, uptime a share.
        shortfall: mean of the worst 5% of W [bp].
        gain: W over static, paired.
        shortfall_gain: the same of the shortfall.
        marked: whether the simultaneous interval of the gain excludes zero.
        captured: gain over the ceiling's gain; nan without a ceiling, or where its own gain is not above zero.
    """

    governors: str
    scenario: str
    measures: dict[str, Estimate]
    shortfall: Estimate
    gain: Estimate
    shortfall_gain: Estimate
    marked: bool
    captured: float


@dataclass(frozen=True)
class Leaderboard:
    """All entries, rows in the order of their gain on the headline: on `natural`, on the first scenario without it.

    Attributes:
        entries: one a row and scenario.
        governors, scenarios: in their order.
        headline: the scenario that rows are sorted by and shown with first.
        splits: scenario -> split.
        seeds: tapes a scenario.
        critical: standard errors that simultaneous marks take.
        means: governors -> measure, `GAIN` or `SHORTFALL` -> mean over all scenarios, of those who played them all.
        weights: governors -> mean gain on the headline for other weights of losses and liquidations.
    """

    entries: tuple[Entry, ...]
    governors: tuple[str, ...]
    scenarios: tuple[str, ...]
    headline: str
    splits: dict[str, str]
    seeds: int
    critical: float
    means: dict[str, dict[str, Estimate]]
    weights: dict[str, Plane]

    def entry(self, governors: str, scenario: str) -> Entry | None:
        """One entry; None where a row did not play, as a ceiling that was not tuned there."""
        return next((e for e in self.entries if (e.governors, e.scenario) == (governors, scenario)), None)


def summarise(table: Table) -> Leaderboard:
    """Summarise the table of `run_matches`; several training seeds of one name are averaged tape by tape.

    Raises:
        ValueError: the static protocol did not play, or rows of a scenario did not play the same tapes.
    """
    scenarios = tuple(dict.fromkeys(table["scenario"].tolist()))
    names = tuple(dict.fromkeys(table["governors"].tolist()))
    tapes = np.unique(table["tape_seed"])
    values = {
        (name, scenario): _by_tape(table, name, scenario, tapes)
        for scenario in scenarios
        for name in names
        if ((table["governors"] == name) & (table["scenario"] == scenario)).any()
    }
    for scenario in scenarios:
        if (STATIC, scenario) not in values:
            raise ValueError(f"the static protocol did not play scenario {scenario!r}; gains are over it.")
    draws = np.random.default_rng(0).integers(0, tapes.size, (RESAMPLES, tapes.size))
    gains = {at: v["welfare"] - values[STATIC, at[1]]["welfare"] for at, v in values.items() if at[0] != STATIC}
    critical = _critical(gains, draws)
    entries = tuple(
        _entry(at, v, values[STATIC, at[1]], values.get((CEILING, at[1])), draws, critical) for at, v in values.items()
    )

    headline = HEADLINE if HEADLINE in scenarios else scenarios[0]

    def gain_on_headline(name: str) -> float:
        here = (entry.gain.value for entry in entries if (entry.governors, entry.scenario) == (name, headline))
        return next(here, -np.inf)

    order = [STATIC, *sorted((n for n in names if n not in (STATIC, CEILING)), key=lambda n: -gain_on_headline(n))]
    order += [CEILING] if CEILING in names else []
    means = {
        name: _means(
            [values[name, scenario] for scenario in scenarios], [values[STATIC, one] for one in scenarios], draws
        )
        for name in names
        if all((name, scenario) in values for scenario in scenarios)
    }
    splits = {scenario: str(table["split"][table["scenario"] == scenario][0]) for scenario in scenarios}
    weights = _weights(select(table, table["scenario"] == headline))
    return Leaderboard(entries, tuple(order), scenarios, headline, splits, int(tapes.size), critical, means, weights)


def _weights(table: Table) -> dict[str, Plane]:
    """Governors -> mean gain over static for other weights; of one scenario, whose tapes everybody played."""
    split = planes(table, PARTS)
    static = split[:, table["governors"] == STATIC].mean(axis=1)
    means = {name: split[:, table["governors"] == name].mean(axis=1) - static for name in np.unique(table["governors"])}
    return {str(name): Plane(*(float(x) for x in mean)) for name, mean in means.items()}


def _means(
    own: list[dict[str, Floats]], static: list[dict[str, Floats]], draws: NDArray[np.int64]
) -> dict[str, Estimate]:
    """Measure -> mean over scenarios. A tape seed is drawn with its episodes of all scenarios."""
    found = {}
    for name in MEASURES:
        by_tape = np.mean([one[name] for one in own], axis=0)
        found[name] = _estimate(float(by_tape.mean()), by_tape[draws].mean(axis=1))
    gain = np.mean([a["welfare"] - b["welfare"] for a, b in zip(own, static, strict=True)], axis=0)
    found[GAIN] = _estimate(float(gain.mean()), gain[draws].mean(axis=1))
    welfare = [one["welfare"] for one in own]
    shortfall = float(np.mean([_shortfall(np.sort(values)) for values in welfare]))
    resampled = np.mean([_shortfall(np.sort(values[draws], axis=1)) for values in welfare], axis=0)
    found[SHORTFALL] = _estimate(shortfall, resampled)
    return found


def _by_tape(table: Table, name: str, scenario: str, tapes: NDArray[np.uint64]) -> dict[str, Floats]:
    """Measure -> value a tape, training seeds averaged, venues averaged."""
    here = (table["governors"] == name) & (table["scenario"] == scenario)
    seeds = np.unique(table["training_seed"][here])
    order = np.lexsort((table["tape_seed"][here], table["training_seed"][here]))
    if not np.array_equal(table["tape_seed"][here][order], np.tile(tapes, seeds.size)):
        raise ValueError(f"{name!r} did not play the tapes of the others in scenario {scenario!r}.")
    found = {}
    for measure in MEASURES:
        first, _, rest = measure.partition("/")
        columns = [
            column
            for column in table
            if column.split("/")[0] == first and column.split("/")[2:] == ([rest] if rest else []) and "/" in column
        ]
        found[measure] = np.mean([table[c][here][order].reshape(seeds.size, -1) for c in columns], axis=(0, 1))
    return found


def _shortfall(ordered: Floats) -> Floats:
    """Mean of the lowest 5% of ascending values along the last axis, the boundary value by its share."""
    count = TAIL * ordered.shape[-1]
    weights = np.clip(count - np.arange(ordered.shape[-1]), 0.0, 1.0)
    return np.asarray((ordered * weights).sum(axis=-1) / count)


def _estimate(value: float, resampled: Floats) -> Estimate:
    low, high = np.percentile(resampled, (50.0 * (1.0 - LEVEL), 50.0 * (1.0 + LEVEL)))
    return Estimate(float(value), float(low), float(high))


def _critical(gains: dict[tuple[str, str], Floats], draws: NDArray[np.int64]) -> float:
    """95% quantile of the largest |resampled mean - mean| / standard error over all gains."""
    largest = np.zeros(len(draws))
    for gain in gains.values():
        error = gain.std(ddof=1) / np.sqrt(gain.size)
        if error > 0.0:
            largest = np.maximum(largest, np.abs(gain[draws].mean(axis=1) - gain.mean()) / error)
    return float(np.quantile(largest, LEVEL))


def _entry(
    at: tuple[str, str],
    own: dict[str, Floats],
    static: dict[str, Floats],
    ceiling: dict[str, Floats] | None,
    draws: NDArray[np.int64],
    critical: float,
) -> Entry:
    gain = own["welfare"] - static["welfare"]
    tails = {}
    for name, values in (("own", own["welfare"]), ("static", static["welfare"])):
        tails[name] = (float(_shortfall(np.sort(values))), _shortfall(np.sort(values[draws], axis=1)))
    error = float(gain.std(ddof=1)) / np.sqrt(gain.size)
    top = float("nan") if ceiling is None else float((ceiling["welfare"] - static["welfare"]).mean())
    return Entry(
        governors=at[0],
        scenario=at[1],
        measures={name: _estimate(float(v.mean()), v[draws].mean(axis=1)) for name, v in own.items()},
        shortfall=_estimate(*tails["own"]),
        gain=_estimate(float(gain.mean()), gain[draws].mean(axis=1)),
        shortfall_gain=_estimate(tails["own"][0] - tails["static"][0], tails["own"][1] - tails["static"][1]),
        marked=bool(error > 0.0 and abs(gain.mean()) > critical * error),
        captured=float(gain.mean()) / top if top > 0.0 else float("nan"),
    )
