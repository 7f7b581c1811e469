"""How often events happen in a fortnight: each part of `natural`, `natural` itself, the stress mix, and history.

History's column holds only published facts; a cell without one is empty. History's prices are daily closes. Therefore
falls, drawdowns and vols are counted on every 24th hourly close of a tape. The same counts on hourly closes follow; no
published history covers these years hour by hour.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.scenarios import CRISES, Mixture, Scenario, get_scenario
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import Floats
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, concatenate, rounded
from protogov.experiments.core.text import aligned, markdown, paragraph
from protogov.experiments.errors import as_bad_input

HOURS, DAY = 336, 24
FIRST_COUNTING = 2**47  # first tape seed of the counts
BATCH = 512  # tapes at a time
HISTORY_WINDOWS = 123  # fortnights that do not overlap, in history's daily closes
SOURCE = (
    "History: daily closes of ETH-USD as Yahoo Finance publishes them, 10 March 2020 to 26 November 2024, 1,723 days; "
    "every window of 15 closes counts; the standard error is that of 123 fortnights without overlap. Listed crises: "
    "nine from 2020 to 2025 (`crises.py`) in 156 fortnights. An empty cell: no published number was found."
)
Cell = tuple[float, float]  # a value and its standard error; nan where there is none
NOTHING: Cell = (float("nan"), float("nan"))


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Count falls, drawdowns, returns and vols of `natural` and its parts, and compare them with history.

    Example: protogov study natural --out results/natural
    """

    tapes: int = 4096
    """Tapes of each scenario, 20 to 5,000."""


@dataclass(frozen=True)
class Count:
    """One row of the table.

    Attributes:
        name: what is counted.
        measure: closes of every hour, F64[n, 337], to one value per tape, F64[n].
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


def _beyond(
    name: str, measure: Callable[[Floats, int], Floats], step: int, history: Mapping[float, float | None]
) -> list[Count]:
    """Shares of tapes whose measure is above each limit, with the published values."""

    def above(limit: float) -> Callable[[Floats], Floats]:
        return lambda closes: (measure(closes, step) > limit).astype(np.float64)

    return [Count(f"{name} above {limit:.0%}", above(limit), "share", value) for limit, value in history.items()]


COUNTS: tuple[Count, ...] = (
    Count("return: mean", simple_return, "mean", 0.0393),
    Count("return: standard deviation", simple_return, "sd", 0.1667),
    Count("return: 5% quantile", simple_return, 0.05, -0.2071),
    Count("return: 1% quantile", simple_return, 0.01, -0.3319),
    Count("vol of daily returns: lower quartile", daily_vol, 0.25, 0.4829),
    Count("vol of daily returns: median", daily_vol, 0.50, 0.6749),
    Count("vol of daily returns: upper quartile", daily_vol, 0.75, 0.8805),
    *_beyond("fall from one day to the next", day_fall, DAY, {0.10: 0.1480, 0.20: 0.0094, 0.30: 0.0012}),
    *_beyond("drawdown of daily closes", drawdown, DAY, {0.20: 0.1077, 0.30: 0.0334, 0.40: 0.0135}),
    *_beyond("fall within any 24 hours", day_fall, 1, {0.10: None, 0.20: None, 0.30: None}),
    *_beyond("drawdown of hourly closes", drawdown, 1, {0.20: None, 0.30: None, 0.40: None}),
)
LISTED = "holds a listed crisis"
LISTED_HISTORY = 9 / 156
HISTORY, WHOLE, STRESS = "history", "natural", "mix"


# ---------------------------------------------------------------------- counting


def closes_of(scenario: Scenario, count: int, first: int = FIRST_COUNTING) -> Floats:
    """Hourly closes of `count` tapes of 336 hours from seed `first` on, F64[count, 337]."""
    batches = (
        np.arange(at, min(at + BATCH, first + count), dtype=np.uint64) for at in range(first, first + count, BATCH)
    )
    return np.concatenate([scenario.draw(batch, HOURS)["close"].astype(np.float64) for batch in batches])


def summarised(values: Floats, summary: str | float) -> Cell:
    """A row's number for one column; quantiles and standard deviations have an error from 200 resamples."""
    if summary in ("share", "mean"):
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))

    def of(sample: Floats, axis: int) -> Floats:
        return np.asarray(sample.std(axis=axis) if summary == "sd" else np.quantile(sample, float(summary), axis=axis))

    draws = np.random.default_rng(0).integers(0, values.size, (200, values.size))
    return float(of(values, 0)), float(of(values[draws], 1).std(ddof=1))


def listed_share(scenario: Scenario) -> float:
    """Share of its tapes that hold a listed crisis."""
    if isinstance(scenario, Mixture):
        return float(
            sum(share * (part.name in CRISES) for part, share in zip(scenario.parts, scenario.shares, strict=True))
        )
    return float(scenario.name in CRISES)


def history() -> dict[str, Cell]:
    """Row -> published value; nan without one."""
    cells = {LISTED: _share_of(LISTED_HISTORY, 156)}
    for count in COUNTS:
        if count.history is None:
            cells[count.name] = NOTHING
        elif count.summary == "share":
            cells[count.name] = _share_of(count.history, HISTORY_WINDOWS)
        else:
            cells[count.name] = count.history, float("nan")
    mean, spread = COUNTS[0], COUNTS[1]
    return cells | {mean.name: (float(mean.history or 0.0), float((spread.history or 0.0) / np.sqrt(HISTORY_WINDOWS)))}


def _share_of(share: float, fortnights: int) -> Cell:
    return share, float(np.sqrt(share * (1.0 - share) / fortnights))


@dataclass(frozen=True)
class Column:
    """A column of the table, `natural`, the mix, or a part of `natural`, and its number of tapes."""

    scenario: str
    tapes: int


def columns_of_the_table() -> dict[str, Scenario]:
    """Name -> scenario that is counted, in the order of the table.

    Raises:
        BadInput: a scenario that is missing.
    """
    with as_bad_input():
        natural, stress = get_scenario(WHOLE), get_scenario(STRESS)
    parts = natural.parts if isinstance(natural, Mixture) else ()
    return {scenario.name: scenario for scenario in (natural, stress, *parts)}


def count_tapes(config: WorldConfig, job: Column) -> Table:
    """One row per count: value and standard error. Nothing is simulated: the world does not matter here."""
    scenario = columns_of_the_table()[job.scenario]
    closes = closes_of(scenario, job.tapes)
    cells = {LISTED: (listed_share(scenario), float("nan"))}
    return table_of(job.scenario, cells | {one.name: summarised(one.measure(closes), one.summary) for one in COUNTS})


def table_of(scenario: str, cells: Mapping[str, Cell]) -> Table:
    """The cells of one column of the page, one per row."""
    values, errors = np.array(list(cells.values())).T
    named = {"count": np.array(list(cells)), "scenario": np.full(len(cells), scenario)}
    return named | {"value": values, "standard_error": errors}


def measure(options: Options, how: Running) -> Found:
    """Count on every column of the table."""
    check_sizes(20, 5000, tapes=options.tapes)
    pieces = [Piece(name, Column(name, options.tapes)) for name in columns_of_the_table()]
    counted = run_pieces(count_tapes, WorldConfig(), pieces, how, "tapes")
    return Found(
        {"frequencies": rounded(concatenate([table_of(HISTORY, history()), *counted]))}, {"tapes": options.tapes}
    )


# ---------------------------------------------------------------------- words


def rows_of(table: Table, scenarios: Sequence[str]) -> list[list[str]]:
    """The table of the page, in percent: a head, and one row per count."""
    names = dict.fromkeys(table["count"].tolist())
    cells = {
        (str(count), str(scenario)): _text(value, error)
        for count, scenario, value, error in zip(*table.values(), strict=True)
    }
    return [["a fortnight's", *scenarios], *([name, *(cells[name, one] for one in scenarios)] for name in names)]


def _text(value: float, error: float) -> str:
    if np.isnan(value):
        return ""
    return f"{100.0 * value:.1f}%" + ("" if np.isnan(error) else f" ± {100.0 * error:.1f}")


def judge(found: Found) -> Judged:
    """Falls of a day and drawdowns, compared with history."""
    table = found.tables["frequencies"]
    cells = {row[0]: row[1:] for row in rows_of(table, (HISTORY, WHOLE))}
    day, drawn = "fall from one day to the next above 10%", "drawdown of daily closes above 30%"
    return Judged(
        (
            f"A fall of 10% from one day to the next occurs in {cells[day][1]} of fortnights of `natural` (history: "
            f"{cells[day][0]}), a drawdown of 30% in {cells[drawn][1]} ({cells[drawn][0]}).",
            *aligned(rows_of(table, (HISTORY, WHOLE, STRESS))),
        )
    )


def page(found: Found, judged: Judged) -> Sequence[str]:
    """History, `natural` and the mix; then the parts of `natural`."""
    table = found.tables["frequencies"]
    wholes = (HISTORY, WHOLE, STRESS)
    parts = [name for name in dict.fromkeys(table["scenario"].tolist()) if name not in wholes]
    (head, *rows), (parts_head, *parts_rows) = rows_of(table, wholes), rows_of(table, parts)
    return [
        paragraph(
            f"Counted on {found.facts['tapes']:,} tapes of 336 hours for each column, from seed {FIRST_COUNTING} on; "
            "value ± standard error. Returns are simple, vols annual, falls and drawdowns a share of the price. A row "
            "with *above* is a share of fortnights. `mix` is the stress mix: its crises are frequent because a learner "
            "must meet them."
        ),
        "", *markdown(head, rows), "", SOURCE, "", "## The parts of `natural`", "", *markdown(parts_head, parts_rows),
    ]  # fmt: skip


STUDY = Study("natural", "Frequencies: `natural` and history", Options, measure, judge, no_figure, page)
