"""The figure: a panel an id, how far every seed is above the defaults as it learns."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.envs.gymnasium_env import IDS
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, concatenate, groups, records, select
from protogov.experiments.figures.style import (
    BLUE,
    LEARNED_LINE,
    SKY,
    STATIC_LINE,
    few_ticks,
    headline,
    new_figure,
    thousands,
)
from protogov.experiments.studies.references.numbers import label, size_of, verdict

COLUMNS = 4  # a row of panels is a size, a column a role


def draw(found: Found) -> Mapping[str, Figure]:
    """Gains in return over the defaults: a thin line a seed, their mean thick."""
    curves = concatenate(table for name, table in found.tables.items() if name.startswith("curves_"))
    rows = records(found.tables["references"])
    names = [row["id"] for row in rows]
    sizes = list(dict.fromkeys(size_of(name) for name in names))
    complete = len(names) == COLUMNS * len(sizes)
    places = [name for name in IDS if size_of(name) in sizes] if complete else names
    width = min(len(places), COLUMNS)
    height = -(-len(places) // width)
    figure = new_figure(max(2.15 * width, 4.3), 1.75 * height + 0.95)
    panels = figure.subplots(height, width, squeeze=False)
    for axes in panels.flat[len(places) :]:
        axes.set_axis_off()
    for axes, name in zip(panels.flat, places, strict=False):
        (row,) = (row for row in rows if row["id"] == name)
        _panel(axes, select(curves, curves["id"] == name), f"{label(name)}\n{verdict(row)}")
    figure.supylabel("return of an episode over the defaults' (standard deviations of a day)", fontsize=8.5)
    lines = panels[0, 0].get_lines()
    figure.legend([lines[1], lines[-1], lines[0]], ["one seed", "mean of the seeds", "defaults"],
                  loc="outside lower right", ncols=3)  # fmt: skip
    better = sum(verdict(row) == "better" for row in rows)
    headline(figure, f"The reference learner does better than the defaults on {better} of {len(rows)} ids", 9.5)
    return {"references": figure}


def _panel(axes: Axes, own: Table, title: str) -> None:
    axes.axhline(0.0, **STATIC_LINE)
    scale, unit = thousands(float(own["market_hours"].max()))
    gains = []
    for _, seed in groups(own, ("seed",)):
        axes.plot(seed["market_hours"] / scale, seed["return_gain"], color=SKY, linewidth=0.8)
        gains.append(seed["return_gain"])
    axes.plot(seed["market_hours"] / scale, np.mean(gains, axis=0), **{**LEARNED_LINE, "color": BLUE, "linewidth": 2.0})
    axes.set_title(title, fontsize=8, linespacing=1.3)
    axes.set_xlabel(f"market hours{unit}")
    axes.set_xlim(left=0.0)
    few_ticks(axes, 4, 4)
