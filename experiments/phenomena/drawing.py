"""What the figures of phenomena share: two looks, a band over hours, every seed as a dot, a title that says it."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.figures.style import BLUE, GREY, VERMILLION, new_figure
from protogov.experiments.phenomena.phenomenon import Floats
from protogov.experiments.phenomena.runner import Comparison, Finding
from protogov.experiments.statistics import student_t

ACTIVE: dict[str, Any] = {"color": BLUE, "linestyle": "-"}
SWITCHED: dict[str, Any] = {"color": VERMILLION, "linestyle": (0, (4, 1.6))}


def panels(
    finding: Finding, headline: str, count: int = 2, widths: Sequence[float] | None = None
) -> tuple[Figure, Any]:
    """A figure with a headline and `count` axes side by side; draw it within `style.look`."""
    width = 3.3 * count + 0.6
    figure = new_figure(width, 3.5)
    axes = figure.subplots(1, count, width_ratios=widths)
    lines = wrap(headline, int(10.5 * width))
    caption = (
        f"{finding.phenomenon.scenario.name}, {finding.seeds.size} paired seeds, "
        f"switch: {finding.phenomenon.switch.words}; bands and bars: 95% over seeds"
    )
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.supxlabel(caption, x=0.01, ha="left", fontsize=7.5, color=GREY)
    return figure, axes


def band(axes: Axes, at: Floats, values: Floats, label: str, look: dict[str, Any], **more: Any) -> None:
    """Mean over seeds with its 95% interval; `values` is [n, k] at the k places `at`."""
    found = [student_t(column) for column in values.T]
    axes.plot(at, [one.mean for one in found], label=label, **(look | more))
    low, high = [one.low for one in found], [one.high for one in found]
    axes.fill_between(at, low, high, color=look["color"], alpha=0.18, linewidth=0)


def every_seed(axes: Axes, finding: Finding, comparison: Comparison, names: tuple[str, str]) -> None:
    """A dot a seed in both worlds, its mean and interval beside it."""
    measure = comparison.measure
    pairs = (
        (finding.active.columns[measure.name], comparison.active, ACTIVE),
        (finding.switched.columns[measure.name], comparison.switched, SWITCHED),
    )
    for place, (values, interval, look) in enumerate(pairs):
        # spread sideways by the golden ratio: even, and the same in every run
        aside = place + 0.22 * (np.arange(values.size) * 0.6180339887 % 1.0 - 0.5) * 2.0
        axes.plot(aside, values, ".", markersize=3.5, alpha=0.45, color=look["color"], markeredgewidth=0)
        bars = [[interval.mean - interval.low], [interval.high - interval.mean]]
        axes.errorbar(
            [place + 0.36], [interval.mean], bars, fmt="o", markersize=5, capsize=3, color=look["color"], zorder=4
        )
    axes.set_xticks([0, 1], names)
    axes.set_xlim(-0.4, 1.6)
    axes.set_ylabel("\n".join(wrap(f"{measure.label} [{measure.unit}]", 36)))
    axes.grid(axis="x", visible=False)


def number(value: float) -> str:
    """Three significant digits, without an exponent for what people count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
