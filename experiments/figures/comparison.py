"""Learned against static: paired differences of W tape by tape, and what each party gains or loses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.experiments.core.statistics import Interval
from protogov.experiments.figures import style
from protogov.experiments.training.comparison import BESIDE_W, Comparison

WIDEST_LABEL = 34  # characters of a scenario's name


def draw_pairs(comparison: Comparison) -> Figure:
    """W under the governors minus W under the baseline: one dot per tape, one row per scenario, then a row of all."""
    rows = comparison.scenarios
    several = len(rows) > 1
    with style.look():
        figure = style.new_figure(11.5, 1.35 + 0.42 * (len(rows) + several))
        axes: Any = figure.subplots(1, 1)
        spread = _dots(axes, comparison)
        for index, row in enumerate(rows):
            _bar(axes, row.difference, index, style.BLACK)
        labels = [f"{_short(row.scenario)} ({row.tapes})" for row in rows]
        last = len(rows) - (not several)
        if several:
            _bar(axes, comparison.welfare.over_tapes, last, style.BLUE, width=4.0)
            labels.append(f"all, {comparison.welfare.over_tapes.n} {comparison.unit}")
            axes.axhline(last - 0.5, color=style.FAINT, linewidth=0.8)
        _seed_marks(axes, comparison.welfare.by_seed, last + 0.27, markersize=5, markeredgecolor="white", zorder=6)
        axes.axvline(0.0, color=style.GREY, linewidth=0.9)
        axes.set_yticks(range(len(labels)), labels)
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.grid(False, axis="y")
        _limit(axes, spread, comparison)
        axes.set_xlabel(f"W under {comparison.governors} minus W under {comparison.baseline} (bp of K0 per episode)")
        axes.set_title(f"Paired differences of W: {comparison.suite}")
        _legend(axes, comparison, several)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= WIDEST_LABEL else f"{name[: WIDEST_LABEL - 1]}…"


def _dots(axes: Axes, comparison: Comparison) -> NDArray[np.float64]:
    """The tapes of each scenario in its row, spread out across it; returns their differences."""
    for index, row in enumerate(comparison.scenarios):
        values = comparison.pairs[comparison.pair_scenarios == row.scenario]
        # golden-ratio steps fill the row evenly without a random number
        offset = ((np.arange(values.size) * 0.6180339887) % 1.0 - 0.5) * 0.5
        axes.plot(values, index + offset, "o", color=style.SKY, markersize=3.2, alpha=0.8, markeredgewidth=0)
    return comparison.pairs


def _bar(axes: Axes, interval: Interval, at: float, colour: str, width: float = 2.2) -> None:
    low, high = interval.low, interval.high
    if np.isfinite(low):
        axes.plot([low, high], [at, at], color=colour, linewidth=width, solid_capstyle="butt", zorder=4)
    axes.plot([interval.mean], [at], marker="|", color=colour, markersize=11, markeredgewidth=2.0, zorder=5)


def _seed_marks(axes: Axes, by_seed: Mapping[int, float], at: float | None, **look: Any) -> None:
    """The mean of each training seed, if there are several, at the height `at`; without a height, their legend."""
    for index, (seed, mean) in enumerate(by_seed.items() if len(by_seed) > 1 else ()):
        mark = style.SEED_MARKERS[index % len(style.SEED_MARKERS)]
        where, label = ([[], []], f"training seed {seed}") if at is None else ([[mean], [at]], None)
        axes.plot(*where, mark, color=style.seed_line(index)["color"], label=label, **look)


def _limit(axes: Axes, spread: NDArray[np.float64], comparison: Comparison) -> None:
    """Show the middle 98% of the tapes and all intervals; print how many dots lie outside."""
    low, high = np.percentile(spread, [1.0, 99.0])
    ends = [low, high, 0.0]
    for interval in [comparison.welfare.over_tapes, *(row.difference for row in comparison.scenarios)]:
        ends += [end for end in (interval.low, interval.high) if np.isfinite(end)]
    left, right = min(ends), max(ends)
    margin = 0.04 * (right - left) or 1.0
    axes.set_xlim(left - margin, right + margin)
    outside = int(((spread < left - margin) | (spread > right + margin)).sum())
    if outside:
        axes.annotate(
            f"{outside} of {spread.size} tapes lie outside", (1.0, 1.0), xycoords="axes fraction", ha="right",
            va="bottom", color=style.GREY, fontsize=7.5,
        )  # fmt: skip


def _legend(axes: Axes, comparison: Comparison, several: bool) -> None:
    axes.plot([], [], "o", color=style.SKY, markersize=4, label="a tape")
    axes.plot([], [], color=style.BLACK, linewidth=2.2, label="mean and 95% interval over its tapes")
    if several:
        axes.plot([], [], color=style.BLUE, linewidth=4.0, label=f"over {comparison.unit}")
    _seed_marks(axes, comparison.welfare.by_seed, None, markersize=5)
    style.legend_above(axes, 6)


def draw_parties(comparison: Comparison) -> Figure:
    """Gain or loss of each party against the baseline, with intervals; the parts add up to W."""
    parts = comparison.group("part")
    aside = [row for row in comparison.group("realised") if row.measure.name in BESIDE_W]
    rows = [comparison.welfare, *parts, *aside]
    mark: dict[str, Any] = {"markersize": 4.5, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 5}
    with style.look():
        figure = style.new_figure(11.5, 0.95 + 0.29 * len(rows))
        axes: Any = figure.subplots(1, 1)
        for index, row in enumerate(rows):
            look: dict[str, Any] = {"color": "#D4E8F6", "edgecolor": style.BLUE}
            if index == 0:
                look = {"color": style.SKY, "edgecolor": style.BLUE}
            elif row in aside:
                look = {"color": "white", "edgecolor": style.GREY, "hatch": "////"}
            axes.barh(index, row.over_tapes.mean, height=0.62, linewidth=0.8, **look)
            _whisker(axes, row.over_tapes, index - 0.1, style.BLACK, 1.6)
            _seed_marks(axes, row.by_seed, index + 0.18, **mark)
        axes.axvline(0.0, color=style.GREY, linewidth=0.9)
        axes.axhline(0.5, color=style.FAINT, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [row.measure.label for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.set_xlabel(f"{comparison.governors} minus {comparison.baseline} (bp of K0 per episode); right is a gain")
        axes.set_title(f"Every party's share: {comparison.suite}")
        axes.plot([], [], color=style.BLACK, linewidth=1.6, label=f"95% interval over {comparison.unit}")
        _seed_marks(axes, comparison.welfare.by_seed, None, markersize=4.5)
        style.legend_above(axes, 6)
    return figure


def _whisker(axes: Axes, interval: Interval, at: float, colour: str, width: float) -> None:
    if np.isfinite(interval.low):
        axes.plot([interval.low, interval.high], [at, at], color=colour, linewidth=width, zorder=4)
