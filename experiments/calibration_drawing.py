"""The figure of the calibration, and the files of its folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from protogov.envs.config import WorldConfig
from protogov.experiments.calibration_bands import BANDS, PUBLISHED_REGRESSION, Figure
from protogov.experiments.calibration_figures import fit_days, fit_markets, spread_of
from protogov.experiments.calibration_market import ENOUGH_LIQUIDATIONS
from protogov.experiments.calibration_measure import POPULATIONS, Markets, Sample
from protogov.experiments.calibration_report import headline, number, numbers, page
from protogov.experiments.calibration_statistics import HOUR_KINDS, REGRESSORS
from protogov.experiments.core.tables import Table
from protogov.experiments.figures.style import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    VERMILLION,
    look,
    new_figure,
    save,
)

if TYPE_CHECKING:
    from protogov.experiments.calibration import Options

KIND_COLORS = (BLUE, GREY, VERMILLION)
PUBLISHED = tuple(PUBLISHED_REGRESSION[name] for name in REGRESSORS)
WORDS = {"fall_today": "fall today", "fall_yesterday": "fall the day before", "rise_today": "rise today"}
LEAST_GAIN = 1e-3  # the log axis begins here: a gain of nothing is drawn there


def write_calibration(
    folder: Path,
    measured: Mapping[str, Table],
    samples: Sequence[Sample],
    markets: Sequence[Markets],
    figures: dict[str, Figure],
    options: "Options",
    config: WorldConfig,
    command: str,
) -> list[Path]:
    """Write `calibration.svg`, `calibration.png`, `calibration.json` and `README.md`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    about = numbers(samples, figures, options, config, command)
    with look():
        canvas = draw(samples, markets, figures)
        paths = [save(canvas, folder, "calibration"), folder / "calibration.png"]
        canvas.savefig(paths[1], dpi=110, metadata={"Software": None})
    paths += [folder / "calibration.json", folder / "README.md"]
    paths[2].write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    paths[3].write_text(page(measured, samples, markets, figures, about), encoding="utf-8")
    return paths


def draw(samples: Sequence[Sample], markets: Sequence[Markets], figures: dict[str, Figure]) -> Canvas:
    """Four panels: figures within their bands, gains by kind of hour, coefficients, events against return."""
    canvas = new_figure(10.5, 7.8)
    panels = canvas.subplots(2, 2)
    _draw_bands(panels[0, 0], figures)
    _draw_gains(panels[0, 1], samples)
    _draw_coefficients(panels[1, 0], samples, markets)
    _draw_response(panels[1, 1], markets[:1])
    canvas.suptitle("\n".join(wrap(headline(figures), 130)), fontsize=10, x=0.01, ha="left")
    return canvas


def _draw_bands(axes: Axes, figures: dict[str, Figure]) -> None:
    """Every figure on its own scale: 0 and 1 are the band's ends, or twice the value where it has one end."""
    axes.set_title("Figures within their bands")
    axes.axvspan(0.0, 1.0, color=GREEN, alpha=0.18, linewidth=0)
    for row, band in enumerate(BANDS):
        found = figures.get(band.name)
        axes.annotate(
            band.name.replace("_", " "), (-0.02, row), xycoords=("axes fraction", "data"), ha="right", va="center",
            fontsize=7.5,
        )  # fmt: skip
        if found is None or not np.isfinite(found.value):
            continue
        high = band.high if np.isfinite(band.high) else max(2.0 * abs(found.value), 1e-9)
        ends = np.clip((np.array([found.low, found.value, found.high]) - band.low) / (high - band.low), -0.6, 1.6)
        color = BLUE if band.holds(found.value) else VERMILLION
        axes.plot(ends[[0, 2]], [row, row], color=color, linewidth=1.6)
        axes.plot(ends[1], row, "o", color=color, markersize=5)
        edge = "" if np.isfinite(band.high) else "+"
        axes.annotate(f"{band.low:g}", (-0.02, row + 0.28), ha="right", va="center", fontsize=5.5, color=GREY)
        axes.annotate(f"{high:.3g}{edge}", (1.02, row + 0.28), ha="left", va="center", fontsize=5.5, color=GREY)
        axes.annotate(
            number(found.value), (1.01, row), xycoords=("axes fraction", "data"), ha="left", va="center", fontsize=7.5,
            color=color,
        )  # fmt: skip
    axes.set_ylim(len(BANDS) - 0.4, -0.6)
    axes.set_xlim(-0.65, 1.65)
    axes.set_yticks([])
    axes.set_xticks([0, 1], ["low", "high"])
    axes.set_xlabel("end of the band (small: its value); dot: measured, line: 95% over seeds", fontsize=7.5)


def _draw_gains(axes: Axes, samples: Sequence[Sample]) -> None:
    axes.set_title("Loop gains by kind of hour")
    ticks, labels = [], []
    for g, name in enumerate(("liquidation_gain", "hedge_gain")):
        for kind, word in enumerate(HOUR_KINDS):
            x = 3.6 * g + kind
            ticks.append(x)
            labels.append(f"{word}\n{name.split('_')[0]}")
            found = spread_of(samples, name, kind)
            if found.hours == 0:
                continue
            ends = np.maximum([found.p5, found.p25, found.median, found.p75, found.p95, found.mean], LEAST_GAIN)
            color = KIND_COLORS[kind]
            axes.plot([x, x], [ends[0], ends[4]], color=color, linewidth=1.2)
            axes.plot([x, x], [ends[1], ends[3]], color=color, linewidth=6, solid_capstyle="butt")
            axes.plot([x - 0.18, x + 0.18], [ends[2], ends[2]], color=BLACK, linewidth=1.6)
            axes.plot([x], [ends[5]], marker="o", color="white", markeredgecolor=BLACK, markersize=5, zorder=5)
    axes.axhline(1.0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.set_ylim(LEAST_GAIN, None)
    axes.set_xticks(ticks, labels)
    axes.set_ylabel("gain (1: a fall feeds itself)")
    axes.set_xlabel("line 5-95%, bar 25-75%, tick median, dot mean; no band: nothing is fitted to gains", fontsize=7.5)


def _draw_coefficients(axes: Axes, samples: Sequence[Sample], markets: Sequence[Markets]) -> None:
    axes.set_title("Daily regression, markets of 2,048 accounts")
    rows = [(market.source.name, market.source.kind, fit_markets([market])) for market in markets]
    rows.append(("worlds", "alone", fit_days(samples)))
    names = REGRESSORS[1:]
    for k in range(len(names)):
        axes.plot([k - 0.44, k + 0.44], [PUBLISHED[k + 1]] * 2, color=GREEN, linewidth=1.6)
    left = 0.36
    for r, (label, kind, fit) in enumerate(rows):
        color = {"alone": GREY, "crisis": VERMILLION}.get(kind, BLUE)
        for k in range(len(names)):
            x = k - left + 2.0 * left * r / max(len(rows) - 1, 1)
            value, low, high = (float(part[k + 1]) for part in (fit.coefficients, fit.low, fit.high))
            if not np.isfinite(value) or fit.events < ENOUGH_LIQUIDATIONS:
                continue  # days without liquidations fit any slope of nothing
            axes.plot([x, x], [low, high], color=color, linewidth=1.0)
            axes.plot([x], [value], marker="o", color=color, markersize=3.5)
            if k == 0:
                axes.annotate(
                    label, (x, high), fontsize=5.5, rotation=90, ha="center", va="bottom", color=color,
                    xytext=(0, 2), textcoords="offset points",
                )  # fmt: skip
    axes.axhline(0.0, color=GREY, linewidth=0.7)
    axes.set_xticks(range(len(names)), [WORDS[name] for name in names])
    axes.set_xlim(-0.55, len(names) - 0.45)
    axes.set_ylabel("coefficient of ln(events + 1)")
    axes.set_ylim(-55.0, 35.0)
    axes.set_xlabel(
        "each group: a source, single worlds of all (grey); green: published, of another market", fontsize=7.5
    )


def _draw_response(axes: Axes, markets: Sequence[Markets]) -> None:
    axes.set_title("The same between crises, by the day's return")
    days = [market.of_size(POPULATIONS) for market in markets]
    returns = np.concatenate([part[0][:, 1:].ravel() for part in days])
    logs = np.log1p(np.concatenate([part[1][:, 1:].ravel() for part in days]))
    edges = np.array([-0.5, -0.3, -0.2, -0.15, -0.12, -0.09, -0.07, -0.05, -0.035, -0.02, -0.01, 0, 0.01, 0.02, 0.035,
                      0.05, 0.08, 0.12, 0.3])  # fmt: skip
    at = np.digitize(returns, edges)
    for b in range(1, edges.size):
        inside = logs[at == b]
        if inside.size < 10:
            continue
        x = float(returns[at == b].mean())
        low, high = np.quantile(inside, [0.1, 0.9])
        axes.plot([x, x], [low, high], color=FAINT, linewidth=1.2)
        axes.plot([x], [inside.mean()], marker="o", color=BLUE, markersize=4)
    grid = np.linspace(-0.3, 0.12, 200)
    falls, rises = np.minimum(grid, 0.0), np.maximum(grid, 0.0)
    fit = fit_markets(markets).coefficients
    axes.plot(grid, fit[0] + fit[1] * falls + fit[3] * rises, color=BLACK, linewidth=1.4, label="fitted here, all days")
    shifted = fit[0] + PUBLISHED[1] * falls + PUBLISHED[3] * rises
    axes.plot(grid, shifted, color=GREEN, linestyle="--", linewidth=1.4, label="published slopes, intercept from here")
    axes.plot([], [], marker="o", linestyle="", color=BLUE, label="mean of days (line 10-90%)")
    axes.set_xlim(-0.32, 0.14)
    axes.set_ylim(-0.2, max(7.0, float(logs.max()) + 0.2))
    axes.set_xlabel("log return of the day (lines: without a fall the day before)")
    axes.set_ylabel("ln(liquidations + 1)")
    axes.legend(loc="upper right")
