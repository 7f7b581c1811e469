"""What the audit's figures share: intervals, named rows, axes that hold a basis point and a thousand, a headline."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION

INTERVAL: dict[str, Any] = {"linestyle": "none", "markersize": 4.5, "capsize": 2.5, "elinewidth": 1.1, "zorder": 3}
ROLE_LOOKS = {"rate": (BLUE, "o"), "risk": (VERMILLION, "s"), "spread": (GREEN, "^"), "joint": (ORANGE, "D")}
_LOOKS = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"), (PURPLE, "D"))


def suite_looks(suites: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour and marker of each suite, in the order that they are named."""
    return {
        suite: dict(zip(("color", "marker"), _LOOKS[at % len(_LOOKS)], strict=True)) for at, suite in enumerate(suites)
    }


def names_of(column: Any) -> list[str]:
    """The different names in a column, in their order."""
    return list(dict.fromkeys(str(name) for name in column))


def draw_interval(axes: Axes, place: float, interval: Sequence[float], kind: Mapping[str, Any]) -> None:
    """A (mean, low, high) in a row."""
    mean, low, high = interval
    axes.errorbar([mean], [place], xerr=[[mean - low], [high - mean]], **kind, **INTERVAL)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Named rows from the top down."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def zero_rule(axes: Axes) -> None:
    """The line at nothing."""
    axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=2)


def symlog_x(axes: Axes, linear: float, low: float, high: float, most_ticks: int = 7) -> None:
    """An x axis from `low` to `high` and zero, linear within +-`linear`: there are losses of 10 bp and of thousands.

    Where all lies within three times that, the whole axis is linear.
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
    """What the axis of all panels is, below them, with a legend of what is labelled in one of them."""
    if labelled is None:
        figure.supxlabel(text, fontsize=7.5, color=GREY)
        return
    handles, labels = labelled.get_legend_handles_labels()
    legend = figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), title=text, title_fontsize=7.5
    )  # fmt: skip
    legend.get_title().set_color(GREY)
    legend.get_title().set_multialignment("center")


def headline(figure: Figure, text: str, width: float) -> None:
    """What the numbers say, above the panels of a figure `width` inches wide."""
    text = text[:1].upper() + text[1:]
    figure.suptitle("\n".join(wrap(text, int(12.0 * width))), x=0.01, ha="left", fontsize=10, fontweight="bold")
