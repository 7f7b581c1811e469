"""The figure of the calibration, and the files of its folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from protogov.envs.config import WorldConfig
from protogov.experiments.calibration_bands import BAND_BY_NAME, Band, Figure
from protogov.experiments.calibration_figures import (
    ENOUGH_LIQUIDATIONS,
    busy_profits,
    fit_days,
    fit_markets,
    spread_of,
    typical_profits,
)
from protogov.experiments.calibration_measure import POPULATIONS, Markets, Sample
from protogov.experiments.calibration_report import headline, numbers, page
from protogov.experiments.calibration_statistics import HOUR_KINDS, REGRESSORS, gini, lorenz
from protogov.experiments.figures.style import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    look,
    new_figure,
    note,
    save,
)

if TYPE_CHECKING:
    from protogov.experiments.calibration import CalibrationOptions

KIND_COLORS = (BLUE, GREY, VERMILLION)
PUBLISHED = (1.03, -29.9, -20.3, 4.6)
WORDS = {"fall_today": "fall today", "fall_yesterday": "fall the day before", "rise_today": "rise today"}
LEAST_GAIN = 1e-3  # the log axis begins here: a gain of nothing is drawn there


def write_calibration(
    folder: Path,
    samples: Sequence[Sample],
    markets: Sequence[Markets],
    figures: dict[str, Figure],
    options: "CalibrationOptions",
    config: WorldConfig,
) -> list[Path]:
    """Write `calibration.svg`, `calibration.png`, `calibration.json` and `README.md`; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    about = numbers(samples, figures, options, config)
    with look():
        canvas = draw(samples, markets, figures)
        paths = [save(canvas, folder, "calibration"), folder / "calibration.png"]
        canvas.savefig(paths[1], dpi=110, metadata={"Software": None})
    paths += [folder / "calibration.json", folder / "README.md"]
    paths[2].write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    paths[3].write_text(page(samples, markets, figures, about), encoding="utf-8")
    return paths


def draw(samples: Sequence[Sample], markets: Sequence[Markets], figures: dict[str, Figure]) -> Canvas:
    """Four panels: gains by kind of hour, coefficients by source, events against return, Lorenz curve."""
    canvas = new_figure(10.5, 7.8)
    panels = canvas.subplots(2, 2)
    _draw_gains(panels[0, 0], samples)
    _draw_coefficients(panels[0, 1], samples, markets)
    _draw_response(panels[1, 0], markets)
    _draw_lorenz(panels[1, 1], samples)
    canvas.suptitle("\n".join(wrap(headline(figures), 130)), fontsize=10, x=0.01, ha="left")
    return canvas


def _draw_band(axes: Axes, band: Band, x: float, width: float) -> None:
    axes.fill_between([x - width, x + width], band.low, band.high, color=GREEN, alpha=0.22, linewidth=0, zorder=0)


def _draw_gains(axes: Axes, samples: Sequence[Sample]) -> None:
    axes.set_title("Loop gains by kind of hour")
    ticks, labels = [], []
    for g, name in enumerate(("liquidation_gain", "hedge_gain")):
        for kind, word in enumerate(HOUR_KINDS):
            x = 3.6 * g + kind
            ticks.append(x)
            labels.append(f"{word}\n{name.split('_')[0]}")
            band = BAND_BY_NAME.get(f"{name}_{word}")
            if band is not None:
                _draw_band(axes, band, x, 0.42)
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
    axes.set_xlabel("line 5-95%, bar 25-75%, tick median, dot mean; green: stated band of the mean", fontsize=7.5)


def _draw_coefficients(axes: Axes, samples: Sequence[Sample], markets: Sequence[Markets]) -> None:
    axes.set_title("Daily regression, markets of 2,048 accounts")
    rows = [(market.source.name, market.source.kind, fit_markets([market])) for market in markets]
    rows.append(("all", "", fit_markets(markets)))
    rows.append(("worlds", "alone", fit_days(samples)))
    names = REGRESSORS[1:]
    for k, name in enumerate(names):
        _draw_band(axes, BAND_BY_NAME[name], float(k), 0.44)
        axes.plot([k - 0.44, k + 0.44], [PUBLISHED[k + 1]] * 2, color=GREEN, linewidth=1.6)
    left = 0.36
    for r, (label, kind, fit) in enumerate(rows):
        whole = label == "all"
        color = {"": BLACK, "alone": GREY, "replayed": VERMILLION}.get(kind, BLUE)
        for k in range(len(names)):
            x = k - left + 2.0 * left * r / max(len(rows) - 1, 1)
            value, low, high = (float(part[k + 1]) for part in (fit.coefficients, fit.low, fit.high))
            if not np.isfinite(value) or fit.events < ENOUGH_LIQUIDATIONS:
                continue  # days without liquidations fit any slope of nothing
            axes.plot([x, x], [low, high], color=color, linewidth=1.0)
            axes.plot([x], [value], marker="D" if whole else "o", color=color, markersize=5 if whole else 3.5)
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
        "each group: sources, all (black), single worlds (grey); green: published and stated band", fontsize=7.5
    )


def _draw_response(axes: Axes, markets: Sequence[Markets]) -> None:
    axes.set_title("Liquidations of a day against its return, same markets")
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


def _draw_lorenz(axes: Axes, samples: Sequence[Sample]) -> None:
    axes.set_title("Who gets the liquidators' profits")
    profits, _ = busy_profits(samples)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("share of liquidators, poorest first")
    axes.set_ylabel("share of the profits")
    if profits.size == 0:
        note(axes, "no world with enough liquidations")
        return
    within = np.concatenate([[0.0], np.cumsum(typical_profits(samples))])
    mean = float(np.mean([gini(row) for row in profits]))
    axes.plot(
        np.linspace(0, 1, within.size), within, color=BLUE, marker="o", markersize=3.5,
        label=f"within a world, mean of {profits.shape[0]:,} worlds: Gini {mean:.2f}",
    )  # fmt: skip
    share, held = lorenz(profits)
    axes.plot(share, held, color=ORANGE, label=f"all {profits.size:,} liquidators: Gini {gini(profits):.2f}")
    axes.legend(loc="upper left", title="published: Gini 0.84", title_fontsize=7.5)
