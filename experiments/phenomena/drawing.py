"""What the figures of phenomena share: two looks, a band over hours, every seed as a dot, a title that says it."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import student_t
from protogov.experiments.figures.style import BLUE, GREY, VERMILLION, new_figure
from protogov.experiments.phenomena.phenomenon import Floats
from protogov.experiments.phenomena.runner import Comparison, Finding

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


def legend_on_top(axes: Axes, lines: int) -> None:
    """A legend of so many lines inside, above the data: the axis is made that much longer."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.085 * lines * (high - low))
    axes.legend(loc="upper left")


def label_y(axes: Axes, text: str) -> None:
    """A label of the vertical axis, in lines that fit it."""
    axes.set_ylabel("\n".join(wrap(text, 38)))


def dots(axes: Axes, place: float, values: Floats, look: dict[str, Any]) -> None:
    """A dot a seed above `place`, mean and 95% interval beside them."""
    found = student_t(values)
    # spread sideways by the golden ratio: even, and the same in every run
    aside = place + 0.44 * (np.arange(values.size) * 0.6180339887 % 1.0 - 0.5)
    axes.plot(aside, values, ".", markersize=3.5, alpha=0.45, color=look["color"], markeredgewidth=0)
    bars = [[found.mean - found.low], [found.high - found.mean]]
    axes.errorbar([place + 0.36], [found.mean], bars, fmt="o", markersize=5, capsize=3, color=look["color"], zorder=4)
    axes.grid(axis="x", visible=False)


def every_seed(axes: Axes, finding: Finding, comparison: Comparison, names: tuple[str, str]) -> None:
    """The main worlds side by side: a dot a seed, mean and interval."""
    measure = comparison.measure
    dots(axes, 0.0, finding.active.columns[measure.name], ACTIVE)
    dots(axes, 1.0, finding.switched.columns[measure.name], SWITCHED)
    axes.set_xticks([0, 1], names)
    axes.set_xlim(-0.4, 1.6)
    label_y(axes, f"{measure.label} [{measure.unit}]")


def number(value: float) -> str:
    """Three significant digits, without an exponent for what people count."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
