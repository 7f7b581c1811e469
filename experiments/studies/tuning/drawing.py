"""Every search's gain over the market hours that it spent."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records, select
from protogov.experiments.figures.style import BLUE, GREEN, VERMILLION, headline, new_figure, zero_line

COLUMNS = 4  # of panels
LOOKS: Mapping[str, dict[str, Any]] = {
    "constants": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "linear": {"color": VERMILLION, "linestyle": (0, (4, 1.5)), "marker": "s"},
    "network": {"color": GREEN, "linestyle": (0, (1, 1)), "marker": "^"},
}
WORDS = {
    "constants": "constants",
    "linear": "linear rule, from the constants on",
    "network": "networks, from the constants on",
}
MILLION = 1e6


def draw(found: Found) -> Mapping[str, Figure]:
    """A panel a scenario, a line a search: gain on the tapes of selection over market hours."""
    scenarios, tuned, curves = found.facts["scenarios"], records(found.tables["tuned"]), found.tables["curves"]
    lines = -(-len(scenarios) // COLUMNS)
    figure = new_figure(9.2, 1.25 + 1.8 * lines)
    panels = figure.subplots(lines, min(COLUMNS, len(scenarios)), squeeze=False)
    for axes in panels.flat[len(scenarios) :]:
        axes.remove()
    for axes, name in zip(panels.flat, scenarios, strict=False):
        here = select(curves, curves["tuned_on"] == name)
        for kind, look in LOOKS.items():
            own = select(here, here["family"] == kind)
            for number in np.unique(own["search"]):
                _draw_search(axes, select(own, own["search"] == number), look)
        gains = (f"{row['gain']:+.1f} ± {row['standard_error']:.1f}" for row in tuned if row["tuned_on"] == name)
        axes.set_title(f"{name}\n{', '.join(gains)}", fontsize=8.5)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(y=0.15)
        zero_line(axes)
    for axes in panels[:, 0]:
        axes.set_ylabel("gain in W [bp of K0]")
    for axes in panels.flat[max(len(scenarios) - COLUMNS, 0) : len(scenarios)]:
        axes.set_xlabel("market hours of a search [millions]")
    kinds = [kind for kind in LOOKS if (curves["family"] == kind).any()]
    handles = [Line2D([], [], markersize=4, **LOOKS[kind]) for kind in kinds]
    figure.legend(handles, [WORDS[kind] for kind in kinds], loc="outside lower center", ncols=len(kinds))
    headline(
        figure,
        "Gain over the defaults as searches spend market hours; in the titles on tapes that decided nothing, "
        "mean ± standard error",
    )
    return {"searches": figure}


def _draw_search(axes: Axes, own: Mapping[str, np.ndarray], look: Mapping[str, Any]) -> None:
    axes.errorbar(own["hours"] / MILLION, own["gain"], own["standard_error"], markersize=4, capsize=2, **look)
