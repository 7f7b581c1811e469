"""The calibration in words: tables for the terminal and the generated page of `results/calibration`."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.calibration_bands import (
    BANDS,
    CALM_DRAWDOWN,
    CALM_VOL,
    CRISES,
    PUBLISHED_REGRESSION,
    STRESS_DRAWDOWN,
    STRESS_VOL,
    Figure,
    failing,
)
from protogov.experiments.calibration_figures import Spread, fit_markets, fit_risk, spread_of
from protogov.experiments.calibration_market import COLUMNS, ENOUGH_LIQUIDATIONS
from protogov.experiments.calibration_measure import LARGEST, POPULATIONS, Markets, Sample
from protogov.experiments.calibration_statistics import CALM, HOUR_KINDS, STRESS
from protogov.experiments.core.tables import Table
from protogov.experiments.core.versions import now, versions

if TYPE_CHECKING:
    from protogov.experiments.calibration import Options


def number(value: float) -> str:
    """Three significant digits, or a dash where nothing was measured."""
    return f"{value:#.3g}".rstrip(".") if isfinite(value) else "-"


def span(low: float, high: float) -> str:
    """An interval for people."""
    return f"{number(low)} to {number(high)}" if isfinite(low) and isfinite(high) else "-"


# ---------------------------------------------------------------------- terminal


def format_figures(figures: dict[str, Figure]) -> str:
    """One line a banded figure: value, interval, band, verdict; then the figures without a band."""
    lines = [f"{'figure':<26}{'value':>9}  {'95% over seeds':<24}{'band':<16}{'published':>9}  verdict"]
    for band in BANDS:
        found = figures.get(band.name, _absent(band.name))
        target = "" if band.target is None else f"{band.target:g}"
        lines.append(
            f"{band.name:<26}{number(found.value):>9}  {span(found.low, found.high):<24}"
            f"{band.span:<16}{target:>9}  {band.verdict(found.value, found.low, found.high)}"
        )
    banded = {band.name for band in BANDS}
    for name, found in figures.items():
        if name not in banded:
            lines.append(f"{name:<26}{number(found.value):>9}  {span(found.low, found.high):<24}{'none':<16}")
    return "\n".join(lines)


def _absent(name: str) -> Figure:
    return Figure(name, float("nan"), float("nan"), float("nan"), "not measured")


SIZES = (1, 4, POPULATIONS)  # populations of a market
SOURCE_COLUMNS = (
    "source", *(column.name for column in COLUMNS), "liq gain calm", "stress", "hedge gain calm", "stress", "fall",
    "fall t-1", "rise", "risk: fall", "top 13", "W bp", "lost",
)  # fmt: skip


def source_rows(
    measured: Mapping[str, Table], samples: Sequence[Sample], markets: Sequence[Markets]
) -> list[list[str]]:
    """A row of cells a source."""
    return [
        _source_row(measured[sample.source.name], sample, market)
        for sample, market in zip(samples, markets, strict=True)
    ]


def _source_row(table: Table, sample: Sample, market: Markets) -> list[str]:
    gains = [spread_of([sample], gain, kind) for gain in ("liquidation_gain", "hedge_gain") for kind in (CALM, STRESS)]
    fit, risk = fit_markets([market]), fit_risk([market])
    enough = fit.events >= ENOUGH_LIQUIDATIONS
    return [
        sample.source.name,
        *(number(float(table[column.name].mean())) for column in COLUMNS),
        *(number(gain.mean) for gain in gains),
        *(number(float(value)) if enough else "-" for value in (*fit.coefficients[1:], risk.coefficients[1])),
        number(float(sample.largest.mean())),
        number(float(sample.totals["welfare"].mean())),
        str(sample.lost),
    ]


def format_sources(measured: Mapping[str, Table], samples: Sequence[Sample], markets: Sequence[Markets]) -> str:
    """The table of sources for the terminal, a column a source."""
    columns = [list(SOURCE_COLUMNS), *source_rows(measured, samples, markets)]
    widths = [max(len(cell) for cell in column) for column in columns]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*columns, strict=True)
    )


# ---------------------------------------------------------------------- page


def numbers(
    samples: Sequence[Sample], figures: dict[str, Figure], options: "Options", config: WorldConfig, command: str
) -> dict[str, Any]:
    """Everything measured and what made it, JSON-able."""

    def plain(value: float) -> float | None:
        return value if isfinite(value) else None

    found: dict[str, dict[str, Any]] = {}
    for name, figure in figures.items():
        found[name] = {"value": plain(figure.value), "low": plain(figure.low), "high": plain(figure.high)}
        found[name]["basis"] = figure.basis
    return {
        "command": command,
        "date": now(),
        "seeds": [options.first_seed, options.first_seed + options.seeds - 1],
        "sources": [sample.source.name for sample in samples],
        "figures": found,
        "bands": {band.name: [plain(band.low), plain(band.high)] for band in BANDS},
        "outside": [band.name for band in failing(figures)],
        "physics_digest": source_digest(),
        "config": config.to_dict(),
        "versions": versions(),
    }


def headline(figures: dict[str, Figure]) -> str:
    """What came out, in one sentence."""
    missed = failing(figures)
    if not missed:
        return f"All {len(BANDS)} figures lie inside their stated band"
    names = ", ".join(band.name.replace("_", " ") for band in missed)
    return f"{len(BANDS) - len(missed)} of {len(BANDS)} figures lie inside their stated band; not so: {names}"


def page(
    measured: Mapping[str, Table],
    samples: Sequence[Sample],
    markets: Sequence[Markets],
    figures: dict[str, Figure],
    about: dict[str, Any],
) -> str:
    """The README of the folder."""
    sections = [
        f"# Calibration\n\n{headline(figures)}.\n\n![Bands, gains, regression and response](calibration.svg)",
        _band_table(figures),
        _reported(figures),
        _size_table(markets[:1]),
        _source_table(measured, samples, markets),
        _gain_table(samples),
        _meanings(),
        _fitted(),
        _made(about),
    ]
    return "\n\n".join(sections) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of markdown."""
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _band_table(figures: dict[str, Figure]) -> str:
    rows = []
    for band in BANDS:
        found = figures.get(band.name, _absent(band.name))
        target = "" if band.target is None else f" ({band.target:g})"
        verdict = band.verdict(found.value, found.low, found.high)
        where = "crises" if band.scenarios == CRISES else ", ".join(band.scenarios)
        rows.append(
            [
                band.meaning, where, f"{band.span}{target}", number(found.value), span(found.low, found.high),
                found.basis, verdict, band.source,
            ]
        )  # fmt: skip
    header = [
        "figure",
        "on",
        "band (published)",
        "value",
        "95% over seeds",
        "rests on",
        "verdict",
        "source of the band",
    ]
    text = (
        "## Figures against their bands\n\nEvery band has a source outside this project. Crises are "
        f"{', '.join(CRISES)}, their episodes counting the same; each alone stands in the table by source below.\n\n"
    )
    return text + markdown_table(header, rows)


# name of a figure -> what it is, and what was published of it
_BESIDE: dict[str, tuple[str, str]] = {
    **{
        f"{gain}_{kind}": (f"{gain.replace('_', ' ')}, mean of {kind} hours", "")
        for gain in ("liquidation_gain", "hedge_gain", "utilisation", "borrow_rate")
        for kind in ("calm", "stress")
    },
    "intercept": ("regression of ln(events + 1): intercept", f"{PUBLISHED_REGRESSION['intercept']:g}"),
    "fall_today": ("coefficient of the day's fall", f"{PUBLISHED_REGRESSION['fall_today']:g}"),
    "fall_yesterday": ("coefficient of the fall of the day before", f"{PUBLISHED_REGRESSION['fall_yesterday']:g}"),
    "rise_today": ("coefficient of the day's rise", f"{PUBLISHED_REGRESSION['rise_today']:g}"),
    "multiplier": ("factor on (events + 1) of a 5% fall", "4.5"),
    "risk_intercept": ("Poisson regression: log risk of an account in a day without a move", ""),
    "risk_fall_today": ("coefficient of the day's fall on that log risk", ""),
    "risk_fall_yesterday": ("coefficient of the fall of the day before", ""),
    "risk_rise_today": ("coefficient of the day's rise", ""),
    "risk_multiplier": ("factor on an account's risk of a 5% fall", ""),
    "pool_loss_closes": ("the pool's loss over sigma^2/8 with sigma of hourly closes", ""),
}


def _reported(figures: dict[str, Figure]) -> str:
    rows = []
    for name, (meaning, published) in _BESIDE.items():
        if name in figures:
            found = figures[name]
            rows.append([meaning, published, number(found.value), span(found.low, found.high), found.basis])
    text = (
        "## Reported without a band\n\nNothing is fitted to these. Gains have no source but this world; what was "
        "published of the regression depends on how many accounts a market has (see below), the Poisson regression "
        "does not.\n\n"
    )
    return text + markdown_table(["figure", "published", "value", "95%", "rests on"], rows)


def _size_table(markets: Sequence[Markets]) -> str:
    rows = []
    for size in SIZES:
        fit = fit_markets(markets, size)
        cells = [f"{value:.3g} ({low:.3g} to {high:.3g})" for value, low, high in zip(
            fit.coefficients, fit.low, fit.high, strict=True
        )]  # fmt: skip
        rows.append([f"{128 * size:,}", *cells, number(fit.r_squared)])
    return (
        "## The regression and the size of the market\n\nThe same worlds, 16 populations on each tape, added up to "
        "markets of different size: ln(events + 1) of small counts flattens every slope.\n\n"
        + markdown_table(["accounts", "intercept", "fall today", "fall the day before", "rise today", "R^2"], rows)
    )


def _source_table(measured: Mapping[str, Table], samples: Sequence[Sample], markets: Sequence[Markets]) -> str:
    words = {column.name: f"{column.name}: {column.meaning} [{column.unit}]" for column in COLUMNS}
    text = (
        f"## By source\n\nMeans of an episode. {'; '.join(words.values())}; gains over hours of the kind; fall, "
        "fall t-1, rise: coefficients of ln(events + 1) in markets of 2,048 accounts; risk: fall: that of the Poisson "
        f"regression; top {LARGEST}: share of all debt that the {LARGEST} largest of 128 accounts owe; W: in bp of K0; "
        "lost: events beyond what an hour can record, which are not counted.\n\n"
    )
    columns = [list(SOURCE_COLUMNS), *source_rows(measured, samples, markets)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return text + markdown_table(rows[0], rows[1:])


def _gain_table(samples: Sequence[Sample]) -> str:
    rows = []
    for kind, word in enumerate(HOUR_KINDS):
        for name in ("liquidation_gain", "hedge_gain"):
            found = spread_of(samples, name, kind)
            rows.append([word, name.replace("_", " "), *_cells(found)])
    parts = []
    for kind, word in enumerate(HOUR_KINDS):
        near, depth, debt = (spread_of(samples, name, kind).mean for name in ("near", "depth", "debt"))
        late, idle, all_of_it = (
            spread_of(samples, name, kind).mean for name in ("overdue", "near_idle", "overdue_gain")
        )
        cells = (near, debt / 1e6, depth / 1e6, late, idle, all_of_it)
        parts.append([word, *(number(cell) for cell in cells)])
    header = ["hours", "gain", "mean", "5%", "25%", "median", "75%", "95%", "number"]
    made_of = [
        "hours",
        "debt within 5% of liquidation / debt",
        "debt $M",
        "depth $M",
        "overdue part",
        "idle part",
        "gain if the overdue counted",
    ]
    return (
        "## Where the gains come from\n\n"
        + markdown_table(header, rows)
        + "\n\nLiquidation gain = 0.2 x debt that a fall of 5% makes liquidatable / depth of 1%. Debt within 5% holds "
        "also what is liquidatable already and was left, which is in no gain; the part that idle accounts owe:\n\n"
        + markdown_table(made_of, parts)
    )


def _cells(found: Spread) -> list[str]:
    values = (found.mean, found.p5, found.p25, found.median, found.p75, found.p95)
    return [*(number(value) for value in values), f"{found.hours:,}"]


def _meanings() -> str:
    return f"""## What the words mean

- **Stress hour**: the tape's vol over the last 24 h is {100 * STRESS_VOL:.0f}% a year or more, or its price is
  {100 * STRESS_DRAWDOWN:.0f}% or more below its high of 72 h. **Calm hour**: that vol is below {100 * CALM_VOL:.0f}%
  and the price less than {100 * CALM_DRAWDOWN:.0f}% below its high of seven days. Other hours count as neither. Fixed
  before any gain was looked at; they use the tape alone, which no governor and no trade moves.
- **Liquidation gain**: debt that a fall of 1% makes liquidatable over the depth of 1%. Of a hundred accounts a single
  percent is mostly empty, so it is a fifth of what the next five percent make liquidatable, without what is so
  already. **Hedge gain**: |net gamma| S^2 1% over the depth of 1%. Both are read at the end of every hour.
- **Daily regression**: ln(liquidation events + 1) of a day on the day's fall, the fall of the day before and the
  day's rise (log returns of the tape; falls are negative numbers), ordinary least squares; the first day of an episode
  only serves as the day before. On most days of a world of 128 accounts nobody is liquidated, and ln(events + 1) cannot
  fall below 0; what was published is about thousands of accounts, so it is shown for {POPULATIONS} populations on one
  tape, added up.
- **Poisson regression**: events of a day ~ Poisson(accounts x exp(...)) on the same three and a constant, a world a
  day, maximum likelihood, errors that let all days on one tape depend on one another. Worlds added up give the same
  coefficients.
- **Profit Gini**: of the liquidators' profits since the episode began, losses as nothing, in worlds with
  {ENOUGH_LIQUIDATIONS} liquidations or more; no correction for their small number, so eight liquidators reach 0.875 at
  most.
- **Pool's loss**: a world in which nobody but the arbitrageur trades, without fee, band or limit; its profit over the
  pool's value, against an eighth of the realised variance of the five-minute path.
- **Intervals** are over seeds (a seed is a population and a tape, and plays every source): Student's t for what has a
  band, resampled seeds for gains. A crisis happened once: they say nothing about other histories.
"""


def _fitted() -> str:
    return f"""## What was fitted on what

- People, elasticities and lasting impact (`protogov.experiments.ensemble`) are fitted to the bands above, on
  `between-crises`, `calm` and {", ".join(CRISES)}, on tapes from seed 2^43 + 2^40 on; this page is measured on others.
- Later crises, 2023-03 to 2025-10, are predicted and not fitted: `protogov.experiments.prediction`.
- Loop gains and regressions have no band. Earlier versions fitted constants to stated loop gains and to whether audits
  held; neither is done any more.
- No lever, no reward weight and no learner was fitted here: all levers stand at their defaults and nobody moves one."""


def _made(about: dict[str, Any]) -> str:
    made = about["versions"]
    libraries = ", ".join(f"{name} {made[name]}" for name in ("python", "numpy", "numba", "scipy"))
    return (
        f"## Made by\n\n    {about['command']}\n\nSeeds {about['seeds'][0]} to {about['seeds'][1]} of every "
        "source (what is read hour by hour: the first quarter); "
        f"{about['date']}; protogov {made['protogov']} at {made['commit']}, {libraries}. Numbers: `calibration.json`."
    )
