"""How often things happen in a fortnight: each part of `natural`, `natural` itself, the stress mix, and history.

History's column holds published facts alone and stays empty where there is none. Its prices are daily closes, so that
falls, drawdowns and vols are counted on the closes of every 24th hour of a tape too; beside them stand the same counts
on hourly closes, for which no history is published that covers these years.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from protogov.envs.scenarios import CRISES, Mixture, Scenario, get_scenario
from protogov.experiments.core.files import write_text
from protogov.experiments.errors import as_bad_input

HOURS, DAY = 336, 24
FIRST_COUNTING = 2**47  # first tape seed of the counts
BATCH = 512  # tapes at a time
HISTORY_WINDOWS = 123  # fortnights that do not overlap, in history's daily closes
SOURCE = (
    "History: daily closes of ETH-USD as Yahoo Finance publishes them, 10 March 2020 to 26 November 2024, 1,723 days; "
    "every window of 15 closes counts, its standard error that of 123 fortnights that do not overlap. Listed crises: "
    "nine from 2020 to 2025 (`crises.py`) in 156 fortnights. An empty cell: no published number was found."
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Count:
    """One row of the table.

    Attributes:
        name: what is counted.
        measure: closes of every hour, F64[n, 337], to a value a tape, F64[n].
        summary: "share" or "mean" (with a standard error), "sd", or a quantile from 0 to 1.
        history: the published value, where there is one.
    """

    name: str
    measure: Callable[[Floats], Floats]
    summary: str | float
    history: float | None = None


def day_fall(closes: Floats, step: int) -> Floats:
    """Largest fall within 24 hours between closes that are `step` hours apart, as a share, F64[n]."""
    kept = closes[:, ::step]
    lag = DAY // step
    peaks = np.lib.stride_tricks.sliding_window_view(kept, lag + 1, axis=1).max(axis=2)
    return np.asarray(1.0 - (kept[:, lag:] / peaks).min(axis=1))


def drawdown(closes: Floats, step: int) -> Floats:
    """Largest fall from a peak between closes that are `step` hours apart, as a share, F64[n]."""
    kept = closes[:, ::step]
    return np.asarray(1.0 - (kept / np.maximum.accumulate(kept, axis=1)).min(axis=1))


def daily_vol(closes: Floats) -> Floats:
    """Root mean square of the fortnight's daily log returns, annual, F64[n]."""
    returns = np.diff(np.log(closes[:, ::DAY]), axis=1)
    return np.asarray(np.sqrt((returns**2).mean(axis=1) * 365.0))


def simple_return(closes: Floats) -> Floats:
    """Return of the fortnight, F64[n]."""
    return np.asarray(closes[:, -1] / closes[:, 0] - 1.0)


def _beyond(measure: Callable[[Floats], Floats], limit: float) -> Callable[[Floats], Floats]:
    return lambda closes: (measure(closes) > limit).astype(np.float64)


def _days(closes: Floats) -> Floats:
    return day_fall(closes, DAY)


def _hours(closes: Floats) -> Floats:
    return day_fall(closes, 1)


def _daily_drawdown(closes: Floats) -> Floats:
    return drawdown(closes, DAY)


def _hourly_drawdown(closes: Floats) -> Floats:
    return drawdown(closes, 1)


COUNTS: tuple[Count, ...] = (
    Count("return: mean", simple_return, "mean", 0.0393),
    Count("return: standard deviation", simple_return, "sd", 0.1667),
    Count("return: 5% quantile", simple_return, 0.05, -0.2071),
    Count("return: 1% quantile", simple_return, 0.01, -0.3319),
    Count("vol of daily returns: lower quartile", daily_vol, 0.25, 0.4829),
    Count("vol of daily returns: median", daily_vol, 0.50, 0.6749),
    Count("vol of daily returns: upper quartile", daily_vol, 0.75, 0.8805),
    Count("fall from one day to the next above 10%", _beyond(_days, 0.10), "share", 0.1480),
    Count("fall from one day to the next above 20%", _beyond(_days, 0.20), "share", 0.0094),
    Count("fall from one day to the next above 30%", _beyond(_days, 0.30), "share", 0.0012),
    Count("drawdown of daily closes above 20%", _beyond(_daily_drawdown, 0.20), "share", 0.1077),
    Count("drawdown of daily closes above 30%", _beyond(_daily_drawdown, 0.30), "share", 0.0334),
    Count("drawdown of daily closes above 40%", _beyond(_daily_drawdown, 0.40), "share", 0.0135),
    Count("fall within any 24 hours above 10%", _beyond(_hours, 0.10), "share"),
    Count("fall within any 24 hours above 20%", _beyond(_hours, 0.20), "share"),
    Count("fall within any 24 hours above 30%", _beyond(_hours, 0.30), "share"),
    Count("drawdown of hourly closes above 20%", _beyond(_hourly_drawdown, 0.20), "share"),
    Count("drawdown of hourly closes above 30%", _beyond(_hourly_drawdown, 0.30), "share"),
    Count("drawdown of hourly closes above 40%", _beyond(_hourly_drawdown, 0.40), "share"),
)
LISTED = "holds a listed crisis"
LISTED_HISTORY = 9 / 156
HISTORY, WHOLE, STRESS = "history", "natural", "mix"


@dataclass(frozen=True)
class Cell:
    """A value and its standard error; nan where there is none."""

    value: float
    error: float


def closes_of(scenario: Scenario, seeds: int) -> Floats:
    """Hourly closes of `seeds` tapes of 336 hours, F64[seeds, 337]."""
    starts = range(FIRST_COUNTING, FIRST_COUNTING + seeds, BATCH)
    batches = (np.arange(at, min(at + BATCH, FIRST_COUNTING + seeds), dtype=np.uint64) for at in starts)
    return np.concatenate([scenario.draw(batch, HOURS)["close"].astype(np.float64) for batch in batches])


def summarised(values: Floats, summary: str | float) -> Cell:
    """A row's number for one column; quantiles and standard deviations from 200 resamples have an error too."""
    if summary in ("share", "mean"):
        return Cell(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)))

    def of(sample: Floats, axis: int) -> Floats:
        return np.asarray(sample.std(axis=axis) if summary == "sd" else np.quantile(sample, float(summary), axis=axis))

    draws = np.random.default_rng(0).integers(0, values.size, (200, values.size))
    return Cell(float(of(values, 0)), float(of(values[draws], 1).std(ddof=1)))


def listed_share(scenario: Scenario) -> float:
    """Share of its tapes that are of a listed crisis."""
    if isinstance(scenario, Mixture):
        return float(sum(share for part, share in zip(scenario.parts, scenario.shares, strict=True) if _listed(part)))
    return float(_listed(scenario))


def _listed(part: Scenario) -> bool:
    return part.name in CRISES


def count_all(seeds: int, *, show: bool = True) -> dict[str, dict[str, Cell]]:
    """Column -> row -> cell, columns in the order of the table.

    Raises:
        BadInput: a scenario that is missing.
    """
    with as_bad_input():
        natural, stress = get_scenario(WHOLE), get_scenario(STRESS)
    parts = natural.parts if isinstance(natural, Mixture) else ()
    table = {HISTORY: history()}
    for scenario in tqdm((natural, stress, *parts), desc="frequencies", leave=False, disable=not show):
        closes = closes_of(scenario, seeds)
        column = {LISTED: Cell(listed_share(scenario), float("nan"))}
        column |= {count.name: summarised(count.measure(closes), count.summary) for count in COUNTS}
        table[scenario.name] = column
    return table


def history() -> dict[str, Cell]:
    """Row -> what was published; nan where nothing was."""
    cells = {LISTED: _share_of(LISTED_HISTORY, 156)}
    for count in COUNTS:
        if count.history is None:
            cells[count.name] = Cell(float("nan"), float("nan"))
        elif count.summary == "share":
            cells[count.name] = _share_of(count.history, HISTORY_WINDOWS)
        else:
            cells[count.name] = Cell(count.history, float("nan"))
    mean, spread = COUNTS[0], COUNTS[1]
    error = float(spread.history or 0.0) / np.sqrt(HISTORY_WINDOWS)
    return cells | {mean.name: Cell(float(mean.history or 0.0), float(error))}


def _share_of(share: float, fortnights: int) -> Cell:
    return Cell(share, float(np.sqrt(share * (1.0 - share) / fortnights)))


def table_csv(table: dict[str, dict[str, Cell]]) -> str:
    """A row a count and column: value and standard error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("count", "scenario", "value", "standard_error"))
    for row in _rows():
        for column, cells in table.items():
            numbers = (cells[row].value, cells[row].error)
            writer.writerow((row, column, *("" if np.isnan(x) else f"{x:.5g}" for x in numbers)))
    return text.getvalue()


def table_lines(table: dict[str, dict[str, Cell]], columns: Sequence[str]) -> list[str]:
    """The table in Markdown, in percent."""
    lines = [f"| a fortnight's | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {row} | {' | '.join(_text(table[column][row]) for column in columns)} |" for row in _rows()]
    return lines


def _rows() -> list[str]:
    return [LISTED, *(count.name for count in COUNTS)]


def _text(cell: Cell) -> str:
    if np.isnan(cell.value):
        return ""
    value = f"{100.0 * cell.value:.1f}%"
    return value if np.isnan(cell.error) else f"{value} ± {100.0 * cell.error:.1f}"


def write_frequencies(folder: Path, seeds: int, command: str) -> list[Path]:
    """Count, and write README.md and frequencies.csv; returns their paths."""
    from protogov.experiments.core.versions import now, versions

    table = count_all(seeds)
    parts = [name for name in table if name not in (HISTORY, WHOLE, STRESS)]
    about = versions()
    text = [
        "# How often: `natural` beside history",
        "",
        f"Counted on {seeds:,} tapes of 336 hours of each column, from seed {FIRST_COUNTING} on; value ± standard "
        "error. Returns are simple, vols annual, falls and drawdowns a share of the price; a row with *above* is the "
        "share of fortnights. `mix` is the stress mix, in which crises come often so that a learner meets them.",
        "",
        *table_lines(table, (HISTORY, WHOLE, STRESS)),
        "",
        SOURCE,
        "",
        "## The parts of `natural`",
        "",
        *table_lines(table, parts),
        "",
        f"Made by protogov {about['protogov']} at {about['commit']}, {now()}, with",
        "",
        f"    {command}",
        "",
    ]
    return [
        write_text(folder / "README.md", "\n".join(text)),
        write_text(folder / "frequencies.csv", table_csv(table)),
    ]
