"""The figure of the calibration: figures within their bands, gains by kind of hour, coefficients, and the response."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.text import number
from protogov.experiments.figures.style import BLACK, BLUE, FAINT, GREEN, GREY, VERMILLION, headline, new_figure
from protogov.experiments.studies.calibration.bands import BANDS, CRISES, PUBLISHED_REGRESSION
from protogov.experiments.studies.calibration.hours import POPULATIONS
from protogov.experiments.studies.calibration.market import ENOUGH_LIQUIDATIONS
from protogov.experiments.studies.calibration.statistics import HOUR_KINDS
from protogov.experiments.studies.calibration.summary import ALONE, REPORTED, figures_in

KIND_COLORS = dict(zip(HOUR_KINDS, (BLUE, GREY, VERMILLION), strict=True))
SLOPES = {"fall_today": "fall today", "fall_yesterday": "fall the day before", "rise_today": "rise today"}
LEAST_GAIN = 1e-3  # start of the log axis; a gain of zero is drawn there


def draw_calibration(found: Found, title: str) -> Figure:
    """Four panels under the headline."""
    figure = new_figure(10.5, 7.8)
    panels = figure.subplots(2, 2)
    _draw_bands(panels[0, 0], figures_in(found.tables["figures"]))
    _draw_gains(panels[0, 1], found.tables["spreads"])
    _draw_coefficients(panels[1, 0], found.tables["fits"])
    _draw_response(panels[1, 1], found.tables["response"], records(found.tables["fits"])[len(found.facts["sizes"]) - 1])
    headline(figure, title)
    return figure


def _draw_bands(axes: Axes, figures: Mapping[str, Interval]) -> None:
    """Every figure on its own scale: 0 and 1 are the band's ends; with one end, 1 is twice its value."""
    axes.set_title("Figures within their bands")
    axes.axvspan(0.0, 1.0, color=GREEN, alpha=0.18, linewidth=0)
    for row, band in enumerate(BANDS):
        found = figures[band.name]
        beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": 7.5}
        axes.annotate(band.name.replace("_", " "), (-0.02, row), ha="right", **beside)
        if not np.isfinite(found.mean):
            continue
        high = band.high if np.isfinite(band.high) else max(2.0 * abs(found.mean), 1e-9)
        ends = np.clip((np.array([found.low, found.mean, found.high]) - band.low) / (high - band.low), -0.6, 1.6)
        color = BLUE if band.holds(found.mean) else VERMILLION
        axes.plot(ends[[0, 2]], [row, row], color=color, linewidth=1.6)
        axes.plot(ends[1], row, "o", color=color, markersize=5)
        edge = "" if np.isfinite(band.high) else "+"
        axes.annotate(f"{band.low:g}", (-0.02, row + 0.28), ha="right", va="center", fontsize=5.5, color=GREY)
        axes.annotate(f"{high:.3g}{edge}", (1.02, row + 0.28), ha="left", va="center", fontsize=5.5, color=GREY)
        axes.annotate(number(found.mean), (1.01, row), ha="left", color=color, **beside)
    axes.set_ylim(len(BANDS) - 0.4, -0.6)
    axes.set_xlim(-0.65, 1.65)
    axes.set_yticks([])
    axes.set_xticks([0, 1], ["low", "high"])
    axes.set_xlabel("end of the band (small: its value); dot: measured, line: 95% over seeds", fontsize=7.5)


def _draw_gains(axes: Axes, spreads: Table) -> None:
    axes.set_title("Loop gains by kind of hour")
    ticks = {}
    for row in records(spreads):
        gain, word = str(row["name"]), str(row["kind"])
        if gain not in REPORTED[:2]:
            continue
        x = 3.6 * REPORTED.index(gain) + HOUR_KINDS.index(word)
        ticks[x] = f"{word}\n{gain.split('_')[0]}"
        if row["hours"] == 0:
            continue
        p5, p25, median, p75, p95, mean = (
            max(float(row[end]), LEAST_GAIN) for end in ("p5", "p25", "median", "p75", "p95", "mean")
        )
        axes.plot([x, x], [p5, p95], color=KIND_COLORS[word], linewidth=1.2)
        axes.plot([x, x], [p25, p75], color=KIND_COLORS[word], linewidth=6, solid_capstyle="butt")
        axes.plot([x - 0.18, x + 0.18], [median, median], color=BLACK, linewidth=1.6)
        axes.plot([x], [mean], marker="o", color="white", markeredgecolor=BLACK, markersize=5, zorder=5)
    axes.axhline(1.0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_GAIN, None)
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_ylabel("gain (1: a fall feeds itself)")
    axes.set_xlabel("line 5-95%, bar 25-75%, tick median, dot mean; no band: nothing is fitted to gains", fontsize=7.5)


def _draw_coefficients(axes: Axes, fits: Table) -> None:
    axes.set_title("Daily regression, markets of 2,048 accounts")
    rows = [row for row in records(fits) if row["source"] == ALONE or row["populations"] == POPULATIONS]
    for k, name in enumerate(SLOPES):
        axes.plot([k - 0.44, k + 0.44], [PUBLISHED_REGRESSION[name]] * 2, color=GREEN, linewidth=1.6)
    for r, row in enumerate(rows):
        color = GREY if row["source"] == ALONE else VERMILLION if row["source"] in CRISES else BLUE
        for k, name in enumerate(SLOPES):
            x = k - 0.36 + 0.72 * r / max(len(rows) - 1, 1)
            if not np.isfinite(row[name]) or row["events"] < ENOUGH_LIQUIDATIONS:
                continue  # without liquidations the slope means nothing
            axes.plot([x, x], [row[f"{name}_low"], row[f"{name}_high"]], color=color, linewidth=1.0)
            axes.plot([x], [row[name]], marker="o", color=color, markersize=3.5)
            if k == 0:
                axes.annotate(
                    str(row["source"]), (x, row[f"{name}_high"]), fontsize=5.5, rotation=90, ha="center", va="bottom",
                    color=color, xytext=(0, 2), textcoords="offset points",
                )  # fmt: skip
    axes.axhline(0.0, color=GREY, linewidth=0.7)
    axes.set_xticks(range(len(SLOPES)), list(SLOPES.values()))
    axes.set_xlim(-0.55, len(SLOPES) - 0.45)
    axes.set_ylabel("coefficient of ln(events + 1)")
    axes.set_ylim(-55.0, 35.0)
    axes.set_xlabel(
        "each group: a source, single worlds of all (grey); green: published, of another market", fontsize=7.5
    )


def _draw_response(axes: Axes, bins: Table, fit: Mapping[str, float]) -> None:
    axes.set_title("The same between crises, by the day's return")
    for row in records(bins):
        axes.plot([row["return"]] * 2, [row["p10"], row["p90"]], color=FAINT, linewidth=1.2)
        axes.plot([row["return"]], [row["mean"]], marker="o", color=BLUE, markersize=4)
    grid = np.linspace(-0.3, 0.12, 200)
    falls, rises = np.minimum(grid, 0.0), np.maximum(grid, 0.0)
    for slopes, label, color, style in (
        (fit, "fitted here, all days", BLACK, "-"),
        (PUBLISHED_REGRESSION, "published slopes, intercept from here", GREEN, "--"),
    ):
        line = fit["intercept"] + slopes["fall_today"] * falls + slopes["rise_today"] * rises
        axes.plot(grid, line, linewidth=1.4, label=label, color=color, linestyle=style)
    axes.plot([], [], marker="o", linestyle="", color=BLUE, label="mean of days (line 10-90%)")
    axes.set_xlim(-0.32, 0.14)
    axes.set_ylim(-0.2, max([7.0, *bins["p90"][np.isfinite(bins["p90"])]]) + 0.2)
    axes.set_xlabel("log return of the day (lines: without a fall the day before)")
    axes.set_ylabel("ln(liquidations + 1)")
    axes.legend(loc="upper right")
