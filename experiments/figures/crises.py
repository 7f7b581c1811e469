"""Every crisis over its facts: paths with the prices that are known, and implied vol beside the index."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from protogov.envs.scenarios import Crisis
from protogov.experiments.crisis_facts import last_hour
from protogov.experiments.figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, look, new_figure

BEFORE, AFTER = 24, 12  # hours shown around what is known
DOTS_PER_INCH, COLOURS = 100, 128
MARKS = {"closes": ("o", BLACK), "lows": ("v", VERMILLION), "highs": ("^", GREEN)}


def draw_crises(crises: Sequence[Crisis], seeds: int) -> Figure:
    """A panel a crisis: 90% of the closes, one seed's hourly ranges, known and filled-in prices; implied vol below."""
    columns = min(3, len(crises))
    rows = -(-len(crises) // columns)
    with look():
        figure = new_figure(4.3 * columns, 3.2 * rows + 0.75)
        panels, below = figure.subfigures(2, 1, height_ratios=[3.2 * rows, 0.75], squeeze=False).ravel()
        for cell, crisis in zip(panels.subfigures(rows, columns, squeeze=False).ravel(), crises, strict=False):
            price, vol = cell.subplots(2, 1, sharex=True, height_ratios=[2.4, 1.0])
            draw_panel(price, vol, crisis, seeds)
        below.legend(handles=legend_handles(), loc="center", ncols=min(5, 2 * columns), fontsize=8.5)
    return figure


def draw_panel(price: Axes, vol: Axes, crisis: Crisis, seeds: int) -> None:
    """One crisis: its price on `price`, implied vol on `vol`, over hours since the onset."""
    story, keys = crisis.story, np.arange(seeds, dtype=np.uint64)
    onsets, last = crisis.onsets(keys), last_hour(crisis) + AFTER
    hours = np.arange(-BEFORE, last + 1, dtype=np.float64)
    at = onsets[:, None] + np.arange(-BEFORE, last + 1)
    length = int(onsets.max()) + last
    tapes = np.take_along_axis(crisis.draw(keys, length), at, axis=1)
    derived = np.take_along_axis(crisis.draw_derived(keys, length), at, axis=1)

    bottom, middle, top = np.quantile(tapes["close"].astype(np.float64), (0.05, 0.5, 0.95), axis=0)
    price.fill_between(hours, bottom, top, color=BLUE, alpha=0.22, linewidth=0)
    price.vlines(hours, tapes["low"][0], tapes["high"][0], color=GREY, linewidth=0.8)
    price.plot(hours, middle, color=BLUE, linewidth=1.1)
    for name, (marker, color) in MARKS.items():
        for hour, value in getattr(story, name):
            face = color if story.is_known(name, hour) else "white"
            size = 2.8 if name == "closes" else 5.0
            price.plot(
                hour, value, marker, color=color, markerfacecolor=face, markersize=size, markeredgewidth=0.8, zorder=5
            )
    price.set_title(f"{crisis.name}  [{crisis.split}]")
    price.set_ylabel("price [USD]")
    price.yaxis.set_major_locator(MaxNLocator(5))
    price.tick_params(labelbottom=False)

    bottom, middle, top = np.quantile(100.0 * derived["implied_vol"].astype(np.float64), (0.05, 0.5, 0.95), axis=0)
    vol.fill_between(hours, bottom, top, color=ORANGE, alpha=0.25, linewidth=0)
    vol.plot(hours, middle, color=ORANGE, linestyle=(0, (4, 1.6)), linewidth=1.3)
    vol.plot(hours, 100.0 * np.median(tapes["implied_vol"], axis=0), color=BLACK, linewidth=0.9)
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


def save_small(figure: Figure, path: Path) -> Path:
    """Write `figure` as a PNG of few colours: a picture that a repository can hold."""
    from PIL import Image  # matplotlib brings it

    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    with look():
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    picture = (
        Image.open(buffer).convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    )
    picture.save(path, optimize=True)
    return path
