"""Shared parts of the audit's figures: panels with named rows, intervals, axes from one basis point to thousands."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, new_figure

INTERVAL: dict[str, Any] = {"linestyle": "none", "markersize": 4.5, "capsize": 2.5, "elinewidth": 1.1, "zorder": 3}
ROLE_COLOURS = {"rate": BLUE, "risk": VERMILLION, "spread": GREEN, "joint": ORANGE}
_LOOKS = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"), (PURPLE, "D"))
LINEAR = 10.0  # bp, within which axes of W are linear


def suite_looks(suites: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each suite, in the order that they are named."""
    return {
        suite: dict(zip(("color", "marker"), _LOOKS[at % len(_LOOKS)], strict=True)) for at, suite in enumerate(suites)
    }


def names_of(column: Any) -> list[str]:
    """The distinct names in a column, in their order."""
    return list(dict.fromkeys(str(name) for name in column))


def row_panels(
    titles: Sequence[str], names: Sequence[str], *, left: float = 2.4, panel: float = 3.1, row: float = 0.3,
    rest: float = 1.8,
) -> tuple[Figure, dict[str, Axes]]:  # fmt: skip
    """One panel per title, side by side, with the same named rows from the top down and a line at zero.

    Sizes are in inches: the names' width, a panel's width, a row's height, and the space above and below the rows.
    """
    figure = new_figure(left + panel * len(titles), rest + row * len(names))
    panels = figure.subplots(1, len(titles), sharey=True, squeeze=False)[0]
    for axes, title in zip(panels, titles, strict=True):
        axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=2)
        axes.set_title(title)
    name_rows(panels[0], names)
    return figure, dict(zip(titles, panels, strict=True))


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Named rows from the top down."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def draw_interval(axes: Axes, place: float, row: Mapping[str, Any], name: str, look: Mapping[str, Any]) -> None:
    """An interval of a row that holds its `interval_columns`."""
    mean = row[name]
    axes.errorbar([mean], [place], xerr=[[mean - row[f"{name}_low"]], [row[f"{name}_high"] - mean]], **look, **INTERVAL)


def label_row(axes: Axes, place: float, text: str) -> None:
    """A number in words to the right of a panel."""
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=7)


def symlog_x(axes: Axes, linear: float, low: float, high: float, most_ticks: int = 7) -> None:
    """An x axis from `low` to `high` and zero, linear within +-`linear`: losses range from 10 bp to thousands.

    If everything lies within three times that, the whole axis is linear.
    """
    if max(abs(low), abs(high)) < 3.0 * linear:
        axes.margins(x=0.1)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        return
    axes.set_xscale("symlog", linthresh=linear)
    least, most = 1.5 * min(low, -linear), 1.5 * max(high, linear)
    places = [linear * 10.0**power * factor for power in range(5) for factor in (1.0, 3.0)]
    ticks = [-place for place in reversed(places) if -place > least] + [0.0] + [one for one in places if one < most]
    if len(ticks) > most_ticks:
        whole = {linear * 10.0**power for power in range(5)}
        ticks = [tick for tick in ticks if tick == 0.0 or abs(tick) in whole]
    axes.set_xticks(ticks)
    axes.set_xlim(least, most)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
    axes.minorticks_off()


def footnote(figure: Figure, text: str, labelled: Axes | None = None) -> None:
    """The label of the axis below all panels, with a legend of the labels in one of them."""
    if labelled is None:
        figure.supxlabel(text, fontsize=7.5, color=GREY)
        return
    handles, labels = labelled.get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), title=text, title_fontsize=7.5
    )  # fmt: skip
    legend.get_title().set_color(GREY)
    legend.get_title().set_multialignment("center")
