"""Figures of phenomena, and the panels that they share: bands over time, spreads of episodes by world."""

from collections.abc import Callable, Mapping
from textwrap import wrap
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import Floats
from protogov.experiments.figures.style import BLUE, GREEN, VERMILLION, headline, new_figure
from protogov.experiments.studies.phenomena.phenomenon import ACTIVE, SWITCHED, Seen

Panel = Callable[[Axes, Seen], None]
# eight figures share what git keeps of a folder
SMALL: Any = {"axes.labelsize": 7, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5}
LOOKS: dict[str, dict[str, Any]] = {
    ACTIVE: {"color": BLUE, "linestyle": "-"},
    SWITCHED: {"color": VERMILLION, "linestyle": (0, (4, 1.6))},
}


def draw_phenomenon(seen: Seen) -> Figure:
    """The panels of a phenomenon side by side under its headline; draw it within `style.look`."""
    panels = seen.one.panels
    with matplotlib.rc_context(SMALL):
        figure = new_figure(max(2.4 * len(panels), 4.8), 2.6)
        for panel, axes in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
            panel(axes, seen)
        headline(figure, seen.one.headline(seen), 8.5)
    return figure


def over_time(trace: str, label: str, legend: bool = True) -> Panel:
    """Mean and 95% band over the hours of the episode in both worlds and those of `curves`."""

    def panel(axes: Axes, seen: Seen) -> None:
        one = seen.one
        names = {ACTIVE: one.both[0], **{world: world for world in one.curves}, SWITCHED: one.both[1]}
        for world, name in names.items():
            places, *found = seen.curve(trace, world)
            hours = (places + 1.0) * one.config.decision_hours
            band(axes, hours, found, name, {**LOOKS, **one.curves}[world])
        axes.set_xlabel("hour of the episode")
        label_y(axes, label)
        if legend:
            legend_on_top(axes, len(names))

    return panel


def spreads(measure: str, worlds: Mapping[str, str], about: str = "", label: str = "", effect: bool = False) -> Panel:
    """Episodes of worlds side by side: all, 5 to 95%, middle half, median; next to them mean and 95% interval.

    Args:
        measure: its name.
        worlds: name -> tick.
        about: the worlds, on the horizontal axis.
        label: on the vertical axis; that of the measure by default.
        effect: draw paired differences to the world with the switch: only mean and interval.
    """

    def panel(axes: Axes, seen: Seen) -> None:
        for place, world in enumerate(worlds):
            colour = LOOKS.get(world, {"color": GREEN})["color"]
            row, found = seen.row(measure, world), seen.interval(measure, world, "effect" if effect else "mean")
            if not effect:
                least, p5, p25, p50, p75, p95, most = (seen.worlds[name][row] for name in QUANTILES)
                for low, high, width, alpha in ((least, most, 1.0, 0.6), (p5, p95, 4.0, 0.3), (p25, p75, 9.0, 0.5)):
                    axes.plot([place, place], [low, high], color=colour, linewidth=width, alpha=alpha,
                              solid_capstyle="butt")  # fmt: skip
                axes.plot([place], [p50], "_", color=colour, markersize=9, zorder=3)
            bars = [[found.mean - found.low], [found.high - found.mean]]
            axes.errorbar([place + 0.3], [found.mean], bars, fmt="o", markersize=4, capsize=3, color=colour, zorder=4)
        axes.set_xticks(range(len(worlds)), list(worlds.values()))
        axes.set_xlim(-0.5, len(worlds) - 0.3)
        axes.set_xlabel(about)
        axes.grid(axis="x", visible=False)
        about_measure = next(one for one in seen.one.measures if one.name == measure)
        label_y(axes, label or f"{about_measure.label} [{about_measure.unit}]")

    return panel


QUANTILES = {"least": 0, "p5": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95, "most": 100}  # percent


def logarithmic(panel: Panel) -> Panel:
    """The same panel with a vertical axis that is linear up to 0.1 and logarithmic above."""

    def bent(axes: Axes, seen: Seen) -> None:
        panel(axes, seen)
        axes.set_yscale("symlog", linthresh=0.1, linscale=0.5)
        axes.set_ylim(bottom=-0.03)
        axes.set_yticks([0.0, 0.1, 1.0, 10.0], ["0", "0.1", "1", "10"])

    return bent


def band(axes: Axes, at: Floats, found: list[Floats], label: str, look: Mapping[str, Any], **more: Any) -> None:
    """Means with intervals; `found` is (mean, low, high) at the places `at`."""
    mean, low, high = found
    axes.plot(at, mean, label=label, **{**look, **more})
    axes.fill_between(at, low, high, color=look["color"], alpha=0.18, linewidth=0)


def legend_on_top(axes: Axes, lines: int) -> None:
    """A legend of so many lines inside, above the data: the axis is made that much longer."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * lines * (high - low))
    axes.legend(loc="upper left")


def label_y(axes: Axes, text: str) -> None:
    """A label of the vertical axis, broken into lines that fit."""
    axes.set_ylabel("\n".join(wrap(text, 32)))
