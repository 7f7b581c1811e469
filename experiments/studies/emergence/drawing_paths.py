"""Figure of paths of policies over training: where their checkpoints go, and how far from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.tables import Table, columns
from protogov.experiments.figures.style import GREY, headline, new_figure, seed_line

MOST_NAMED = 6  # seeds of a legend


def draw_paths(place: Axes, drift: Axes, paths: Table) -> None:
    """Draw the paths of all training seeds and the changes from one checkpoint to the next.

    Args:
        place: for the paths.
        drift: for the changes.
        paths: rows of `training_paths.path_rows`.
    """
    seeds = list(dict.fromkeys(paths["seed"].tolist()))
    for number, seed in enumerate(seeds):
        own = paths["seed"] == seed
        line = {name: value for name, value in seed_line(number).items() if name != "label"}
        place.plot(paths["x"][own], paths["y"][own], marker=".", markersize=4, **line, label=f"seed {seed}")
        place.plot(paths["x"][own][-1:], paths["y"][own][-1:], "o", color=line.get("color"), markersize=6)
        hours = paths["market_hours"][own][1:]
        drift.plot(hours / 1000.0, paths["speed"][own][1:], marker=".", markersize=4, **line)
    place.set_xlabel("first direction [action, root mean square]")
    place.set_ylabel("second direction")
    place.set_title("paths; the large dot is the end", fontsize=8)
    place.axhline(0.0, color=GREY, linewidth=0.5)
    place.axvline(0.0, color=GREY, linewidth=0.5)
    if len(seeds) <= MOST_NAMED:
        place.legend(fontsize=6.5)
    drift.set_xlabel("thousand market hours")
    drift.set_ylabel("change of an action")
    drift.set_ylim(0.0)
    drift.set_title("drift from one checkpoint to the next", fontsize=8)


def figure_of(rows: Sequence[Mapping[str, Any]], winding: Sequence[float]) -> Figure:
    """The figure of a report.

    Args:
        rows: of `training_paths.path_rows`; what is no number may be None.
        winding: of each training seed the share of random walks that wind as much as its path.
    """
    paths = {name: np.array(own, np.float64) for name, own in columns(rows).items()}
    paths["seed"] = paths["seed"].astype(np.int64)
    figure = new_figure(6.8, 3.2)
    place, drift = figure.subplots(1, 2)
    draw_paths(place, drift, paths)
    many = sum(p <= 0.05 for p in winding)
    words = f"Training: {many} of {len(winding)} paths wind more than random walks of their own steps (5%)"
    headline(figure, words, 9.0)
    return figure
