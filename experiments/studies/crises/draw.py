"""Every crisis and its facts: paths with known prices, and implied vol with the index."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from protogov.envs.scenarios import CRISES
from protogov.experiments.core.tables import Table, groups
from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, headline, new_figure

MARKS = {"closes": ("o", BLACK), "lows": ("v", VERMILLION), "highs": ("^", GREEN)}


def draw_crises(curves: Table, title: str) -> Figure:
    """One panel per crisis: 90% of closes, one seed's hourly ranges, known and filled-in prices; implied vol below."""
    panels = [(str(key["crisis"]), own) for key, own in groups(curves, ("crisis",))]
    columns = 2 if len(panels) == 4 else min(3, len(panels))
    rows = -(-len(panels) // columns)
    legend_columns = {1: 2, 2: 3}.get(columns, 5)
    legend_height = 0.2 * -(-len(legend_handles()) // legend_columns) + 0.3
    figure = new_figure(max(4.3 * columns, 6.0), 3.0 * rows + legend_height + 0.3)
    headline(figure, title)
    above, below = figure.subfigures(2, 1, height_ratios=[3.0 * rows, legend_height], squeeze=False).ravel()
    for cell, (name, own) in zip(above.subfigures(rows, columns, squeeze=False).ravel(), panels, strict=False):
        price, vol = cell.subplots(2, 1, sharex=True, height_ratios=[2.4, 1.0])
        draw_panel(price, vol, name, own)
    below.legend(handles=legend_handles(), loc="center", ncols=legend_columns, fontsize=8.5)
    return figure


def draw_panel(price: Axes, vol: Axes, name: str, curves: Table) -> None:
    """One crisis: its price on `price`, implied vol on `vol`, over hours since the onset."""
    story, hours = CRISES[name].story, curves["hour"]
    price.fill_between(hours, curves["close_low"], curves["close_high"], color=BLUE, alpha=0.22, linewidth=0)
    price.vlines(hours, curves["bottom"], curves["top"], color=GREY, linewidth=0.8)
    price.plot(hours, curves["close_median"], color=BLUE, linewidth=1.1)
    for field, (marker, color) in MARKS.items():
        for hour, value in getattr(story, field):
            face = color if story.is_known(field, hour) else "white"
            size = 2.8 if field == "closes" else 5.0
            price.plot(
                hour, value, marker, color=color, markerfacecolor=face, markersize=size, markeredgewidth=0.8, zorder=5
            )
    price.set_title(f"{name}  [{CRISES[name].split}]")
    price.set_ylabel("price [USD]")
    price.yaxis.set_major_locator(MaxNLocator(5))
    price.tick_params(labelbottom=False)

    low, median, high = (100.0 * curves[f"derived_{end}"] for end in ("low", "median", "high"))
    vol.fill_between(hours, low, high, color=ORANGE, alpha=0.25, linewidth=0)
    vol.plot(hours, median, color=ORANGE, linestyle=(0, (4, 1.6)), linewidth=1.3)
    vol.plot(hours, 100.0 * curves["vol"], color=BLACK, linewidth=0.9)
    listed = np.array(story.facts_of("implied_vol"), np.float64).reshape(-1, 2)
    vol.plot(listed[:, 0], 100.0 * listed[:, 1], "D", color=BLACK, markersize=4.0, zorder=5)
    vol.set_ylabel("vol [%]")
    vol.set_xlim(hours[0], hours[-1])
    vol.set_xlabel("hours since the onset")
    vol.yaxis.set_major_locator(MaxNLocator(3))
    vol.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def legend_handles() -> list[Line2D | Patch]:
    """One legend for all panels."""
    dots: dict[str, Any] = {"color": BLACK, "linestyle": "none", "markersize": 4.0, "markeredgewidth": 0.8}
    return [
        Patch(color=BLUE, alpha=0.22, label="closes of 90% of seeds"),
        Line2D([], [], color=BLUE, label="median close"),
        Line2D(
            [], [], color=GREY, marker="|", linestyle="none", markersize=9, label="one seed: low to high of an hour"
        ),
        Line2D([], [], marker="o", label="known close", **dots),
        Line2D([], [], marker="o", markerfacecolor="white", label="filled-in close (any hollow mark)", **dots),
        Line2D([], [], color=VERMILLION, marker="v", linestyle="none", markersize=5, label="known low of an hour"),
        Line2D([], [], color=GREEN, marker="^", linestyle="none", markersize=5, label="known high of an hour"),
        Line2D([], [], color=ORANGE, linestyle=(0, (4, 1.6)), label="implied vol from prices alone, 90%"),
        Line2D([], [], color=BLACK, linewidth=0.9, label="implied vol of the tape, median"),
        Line2D([], [], color=BLACK, marker="D", linestyle="none", markersize=4, label="listed close of the index"),
    ]
