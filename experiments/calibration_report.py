"""The calibration in words: tables for the terminal and the generated page of `results/calibration`."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.calibration_bands import (
    BANDS,
    CALM_DRAWDOWN,
    CALM_VOL,
    STRESS_DRAWDOWN,
    STRESS_VOL,
    Figure,
    failing,
)
from protogov.experiments.calibration_figures import (
    ENOUGH_LIQUIDATIONS,
    Spread,
    fit_days,
    fit_markets,
    gini_figures,
    spread_of,
)
from protogov.experiments.calibration_measure import HELD_OUT, LARGEST, POPULATIONS, SYNTHETIC, WINDOWS, Markets, Sample
from protogov.experiments.calibration_statistics import CALM, HOUR_KINDS, STRESS
from protogov.experiments.versions import now, versions

if TYPE_CHECKING:
    from protogov.experiments.calibration import CalibrationOptions


def number(value: float) -> str:
    """Three significant digits, or a dash where nothing was measured."""
    return f"{value:#.3g}".rstrip(".") if isfinite(value) else "-"


def span(low: float, high: float) -> str:
    """An interval for people."""
    return f"{number(low)} to {number(high)}" if isfinite(low) and isfinite(high) else "-"


# ---------------------------------------------------------------------- terminal


def format_figures(figures: dict[str, Figure]) -> str:
    """One line a banded figure: value, interval, band, verdict; then the figures without a band."""
    lines = [f"{'figure':<26}{'value':>9}  {'95% over seeds':<20}{'band':<16}{'published':>9}  verdict"]
    for band in BANDS:
        found = figures.get(band.name, _absent(band.name))
        target = "" if band.target is None else f"{band.target:g}"
        lines.append(
            f"{band.name:<26}{number(found.value):>9}  {span(found.low, found.high):<20}"
            f"{f'{band.low:g} to {band.high:g}':<16}{target:>9}  {band.verdict(found.value, found.low, found.high)}"
        )
    banded = {band.name for band in BANDS}
    for name, found in figures.items():
        if name not in banded:
            lines.append(f"{name:<26}{number(found.value):>9}  {span(found.low, found.high):<20}{'none':<16}")
    return "\n".join(lines)


def _absent(name: str) -> Figure:
    return Figure(name, float("nan"), float("nan"), float("nan"), "not measured")


SIZES = (1, 4, POPULATIONS)  # populations of a market
SOURCE_COLUMNS = (
    "source", "calm h", "stress h", "liq gain calm", "stress", "hedge gain calm", "stress", "events/day", "fall",
    "fall t-1", "rise", "world's fall", "Gini", "top 13", "W bp", "bad debt bp", "liquidated bp", "liq cost bp", "lost",
)  # fmt: skip


def source_rows(samples: Sequence[Sample], markets: Sequence[Markets]) -> list[list[str]]:
    """A row of cells a source, and one for all of them."""
    rows = [
        _source_row(sample.source.name, [sample], [market]) for sample, market in zip(samples, markets, strict=True)
    ]
    return [*rows, _source_row("all", samples, markets)]


def _source_row(name: str, samples: Sequence[Sample], markets: Sequence[Markets]) -> list[str]:
    gains = [spread_of(samples, gain, kind) for gain in ("liquidation_gain", "hedge_gain") for kind in (CALM, STRESS)]
    fit, alone = fit_markets(markets), fit_days(samples)
    events = np.concatenate([sample.events.ravel() for sample in samples])
    totals = {
        key: float(np.concatenate([sample.totals[key] for sample in samples]).mean()) for key in samples[0].totals
    }
    top = float(np.concatenate([sample.largest for sample in samples]).mean())
    return [
        name,
        f"{gains[0].hours:,}",
        f"{gains[1].hours:,}",
        *(number(gain.mean) for gain in gains),
        number(float(events.mean())),
        *(number(float(value)) if fit.events >= ENOUGH_LIQUIDATIONS else "-" for value in fit.coefficients[1:]),
        number(float(alone.coefficients[1])) if alone.events >= ENOUGH_LIQUIDATIONS else "-",
        number(gini_figures(samples)[0].value),
        number(top),
        *(number(totals[key]) for key in ("welfare", "bad_debt", "liquidated", "liquidation_cost")),
        str(sum(sample.lost for sample in samples)),
    ]


def format_sources(samples: Sequence[Sample], markets: Sequence[Markets]) -> str:
    """The table of sources for the terminal."""
    rows = [list(SOURCE_COLUMNS), *source_rows(samples, markets)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


# ---------------------------------------------------------------------- page


def command_of(options: "CalibrationOptions") -> str:
    """The command that asks for these options again; what is at its default is left out."""
    from protogov.experiments.calibration import CalibrationOptions

    words = ["python", "-m", "protogov.experiments.calibration"]
    plain = asdict(CalibrationOptions())
    for name, value in asdict(options).items():
        flag = "--" + name.replace("_", "-")
        if value == plain[name]:
            continue
        if isinstance(value, bool):
            words.append(flag)
        elif isinstance(value, tuple):
            words += [word for item in value for word in (flag, item)]
        else:
            words += [flag, str(value)]
    return shlex.join(words)


def numbers(
    samples: Sequence[Sample], figures: dict[str, Figure], options: "CalibrationOptions", config: WorldConfig
) -> dict[str, Any]:
    """Everything measured and what made it, JSON-able."""

    def plain(value: float) -> float | None:
        return value if isfinite(value) else None

    found = {}
    for name, figure in figures.items():
        found[name] = {"value": plain(figure.value), "low": plain(figure.low), "high": plain(figure.high)}
        found[name]["basis"] = figure.basis  # type: ignore[assignment]
    return {
        "command": command_of(options),
        "date": now(),
        "seeds": [options.first_seed, options.first_seed + options.seeds - 1],
        "sources": [sample.source.name for sample in samples],
        "figures": found,
        "bands": {band.name: [band.low, band.high] for band in BANDS},
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
    samples: Sequence[Sample], markets: Sequence[Markets], figures: dict[str, Figure], about: dict[str, Any]
) -> str:
    """The README of the folder."""
    sections = [
        f"# Calibration\n\n{headline(figures)}.\n\n![Gains, regression, response and profits](calibration.svg)",
        _band_table(figures),
        _reported(figures),
        _size_table(markets),
        _source_table(samples, markets),
        _gain_table(samples),
        _meanings(),
        _fitted(samples),
        _made(about),
    ]
    return "\n\n".join(sections) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _band_table(figures: dict[str, Figure]) -> str:
    rows = []
    for band in BANDS:
        found = figures.get(band.name, _absent(band.name))
        target = "" if band.target is None else f" ({band.target:g})"
        verdict = band.verdict(found.value, found.low, found.high)
        rows.append(
            [
                band.meaning, f"{band.low:g} to {band.high:g}{target}", number(found.value),
                span(found.low, found.high), found.basis, verdict, band.source,
            ]
        )  # fmt: skip
    header = ["figure", "band (published)", "value", "95% over seeds", "rests on", "verdict", "source of the band"]
    return "## Figures against their bands\n\n" + _table(header, rows)


def _reported(figures: dict[str, Figure]) -> str:
    rows = []
    words = {
        "intercept": "intercept of the regression (follows from the number of accounts; published 1.03)",
        "multiplier": "factor on a day's events of a 5% fall (published 4.5)",
        "fall_today_world": "coefficient of the day's fall, single worlds",
        "fall_yesterday_world": "coefficient of the fall of the day before, single worlds",
        "rise_today_world": "coefficient of the day's rise, single worlds",
        "pool_loss_closes": "the pool's loss over sigma^2/8 with sigma of hourly closes",
        "utilisation_stress": "utilisation, mean of stress hours",
        "borrow_rate_stress": "borrow rate, mean of stress hours",
    }
    for name, meaning in words.items():
        if name in figures:
            found = figures[name]
            rows.append([meaning, number(found.value), span(found.low, found.high)])
    return "## Reported without a band\n\n" + _table(["figure", "value", "95% over seeds"], rows)


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
        + _table(["accounts", "intercept", "fall today", "fall the day before", "rise today", "R^2"], rows)
    )


def _source_table(samples: Sequence[Sample], markets: Sequence[Markets]) -> str:
    text = (
        "## By source\n\nMeans; gains over hours of the kind; W, losses and liquidations in basis points of K0 an "
        "episode; fall, fall t-1, rise: coefficients of markets of 2,048 accounts, world's fall: of single worlds; "
        f"Gini within a world; top {LARGEST}: share of all debt that the {LARGEST} largest of 128 accounts owe; lost: "
        "events beyond what an hour can record, which are not counted.\n\n"
    )
    return text + _table(SOURCE_COLUMNS, source_rows(samples, markets))


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
        + _table(header, rows)
        + "\n\nLiquidation gain = 0.2 x debt that a fall of 5% makes liquidatable / depth of 1%. Debt within 5% holds "
        "also what is liquidatable already and was left, which is in no gain; the part that idle accounts owe:\n\n"
        + _table(made_of, parts)
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
  only serves as the day before. The intercept follows from how many accounts there are and is reported alone. The
  bands were first stated for the days of one world of 128 accounts, where they do not hold: on most days nobody is
  liquidated, and ln(events + 1) cannot fall below 0. What was published is about a market of thousands of accounts,
  so the same bands are held against {POPULATIONS} populations on one tape, added up; the single worlds stand beside.
- **Profit Gini**: of the liquidators' profits since the episode began, losses as nothing, in worlds with
  {ENOUGH_LIQUIDATIONS} liquidations or more; no correction for their small number, so eight liquidators reach 0.875 at
  most.
- **Pool's loss**: a world in which nobody but the arbitrageur trades, without fee, band or limit; its profit over the
  pool's value, against an eighth of the realised variance of the five-minute path.
- **Intervals** resample whole seeds (a seed is a population and plays every source). Recorded windows are few and each
  happened once: the intervals say nothing about other histories.
"""


def _fitted(samples: Sequence[Sample]) -> str:
    there = [sample.source.name for sample in samples if sample.source.kind == "replayed"]
    absent = [window for window in WINDOWS if window not in there]
    played = f"Measured here on {', '.join(sample.source.name for sample in samples)}"
    return f"""## What was fitted on what

- Constants of the world may be fitted on the scenarios {" and ".join(SYNTHETIC)} and on recorded windows of
  {", ".join(WINDOWS)}. {played}{f"; without {', '.join(absent)}" if absent else ""}.
- Never on the held-out synthetic crash, and never on the crises {", ".join(HELD_OUT)}: no file of them is read.
- Chosen with these figures in sight: `leverage_high`, `safety_low`, `safety_high`, `leverage_taste`,
  `reservation_spread`, `idle_share`, `attentive_activity` (calm liquidation gain, daily regression, and that levers
  keep an optimum inside their range), `opening_notional` (both hedge gains), `depth_flight`, `depth_floor` (gains under
  stress). Everything else was set before or for other reasons; the liquidators' profits, the pool's loss and the size
  of the coefficients of yesterday's fall and of a rise came out as they are.
- Chosen so that the audits of `results/audit` hold, while these figures stayed inside their bands: `supplier_flight`,
  `num_suppliers`, `borrow_half_life` (lock-ups weigh something), `liquidator_margin_congested`, `wallet_share`,
  `lasting_share`, `leverage_low`, `losses_socialised` (haircuts do, and a bonus is worth something), `reserve_factor`
  (reserves do), `put_look`, `put_cover`, `put_need`, `short_size`, `short_pledge_share`, `short_coin_share`,
  `vega_fee_rate`, `trade_size`, `lend_share` (best responses shift with what the others do).
- The definition of the liquidation gain was mended after it was seen: loans that were liquidatable already, and left by
  liquidators, used to count, and the stress gain stood at 2.5; no further fall makes them liquidatable. The table above
  shows what the gain would be if they counted.
- The recorded windows are also where learned governors are evaluated: no learner trains on them, but the constants of
  the world were chosen with them in sight.
- No lever, no reward weight and no learner was fitted here: all levers stand at their defaults and nobody moves one."""


def _made(about: dict[str, Any]) -> str:
    made = about["versions"]
    libraries = ", ".join(f"{name} {made[name]}" for name in ("python", "numpy", "numba", "scipy"))
    return (
        f"## Made by\n\n    {about['command']}\n\nSeeds {about['seeds'][0]} to {about['seeds'][1]} of every source; "
        f"{about['date']}; protogov {made['protogov']} at {made['commit']}, {libraries}. Numbers: `calibration.json`."
    )
