"""One figure: when the effect arrives, how well estimates follow it, and what they are worth for equal market hours."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, headline, new_figure

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE)
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))


def draw(found: Found) -> Mapping[str, Figure]:
    """A colour a role, a line or a mark a world."""
    arrival, estimators = records(found.tables["arrival"]), records(found.tables["estimators"])
    roles = list(dict.fromkeys(row["role"] for row in arrival))
    worlds = list(dict.fromkeys((row["size"], row["market"]) for row in arrival))
    figure = new_figure(7.4, 3.6)
    first, second, third = figure.subplots(1, 3, width_ratios=(1.0, 0.8, 1.0))
    handles: dict[str, Any] = {}
    marks = [
        Line2D([], [], color=GREY, linewidth=1.1, linestyle=line, marker=marker, markersize=3.5)
        for line, marker, _ in zip(LINES, MARKERS, worlds, strict=False)
    ]
    for role, colour in zip(roles, COLOURS, strict=False):
        for place, world in enumerate(worlds):
            own = [row for row in arrival if (row["role"], row["size"], row["market"]) == (role, *world)]
            (line,) = first.plot(
                [row["after"] / 4.0 for row in own], [row["absolute"] for row in own], color=colour, linewidth=1.1,
                linestyle=LINES[place % len(LINES)],
            )  # fmt: skip
            handles.setdefault(role, line)
    first.set_title("when the effect arrives")
    first.set_xlabel("days after the decision")
    first.set_ylabel("share of the absolute effect")
    first.set_ylim(0.0, 1.02)
    first.set_xlim(left=0.0)
    names = list(dict.fromkeys(row["estimator"] for row in estimators))
    for role, colour in zip(roles, COLOURS, strict=False):
        for place, world in enumerate(worlds):
            own = [row for row in estimators if (row["role"], row["size"], row["market"]) == (role, *world)]
            at = [names.index(row["estimator"]) + 0.12 * (place - (len(worlds) - 1) / 2.0) for row in own]
            look: dict[str, Any] = {"color": colour, "markersize": 3.5, "alpha": 0.8, "markeredgewidth": 0}
            second.plot([row["correlation"] for row in own], at, MARKERS[place % len(MARKERS)], **look)
            third.plot([row["reduction"] for row in own], at, MARKERS[place % len(MARKERS)], **look)
    second.set_title("follows it")
    second.set_xlabel("correlation with the effect")
    second.set_yticks(range(len(names)), names, fontsize=7)
    second.axvline(0.0, color=GREY, linewidth=0.7)
    third.set_title("noise")
    third.set_xscale("log")
    third.set_xlabel("variance, times less")
    third.axvline(1.0, color=GREY, linewidth=0.7)
    third.set_yticks(range(len(names)), [""] * len(names))
    for axes in (second, third):
        axes.invert_yaxis()
    first.legend(handles.values(), handles.keys(), loc="upper left")
    figure.legend(
        marks, [f"{size}, {market}" for size, market in worlds], loc="outside lower center", ncols=len(worlds)
    )
    headline(figure, "The effect of one decision's noise, and estimates of it", 9.5)
    return {"credit": figure}
