"""Figures of the findings: the main effects of every headline cell, every training seed a dot."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records, select
from protogov.experiments.core.text import MINUS
from protogov.experiments.figures.style import BLUE, GREY, VERMILLION, headline, new_figure
from protogov.experiments.studies.coexistence.cells import ALGORITHMS, CELLS, EVOLUTION, PPO
from protogov.experiments.studies.coexistence.effects import BY_NAME, MAIN, seeds_of
from protogov.experiments.studies.coexistence.options import CALM, MARKETS
from protogov.experiments.studies.coexistence.reductions import NAMES

COLOURS = {PPO: BLUE, EVOLUTION: VERMILLION}
MARKERS = {PPO: "o", EVOLUTION: "s"}


def draw(found: Found) -> Mapping[str, Figure]:
    """One figure."""
    table = found.tables["seeds"]
    settings = [cell.setting for cell in CELLS if cell.headline and cell.name in set(table["cell"].tolist())]
    settings = list(dict.fromkeys(settings))
    words = {cell.setting: cell.words for cell in CELLS}
    lines = [
        (setting, effect) for setting in settings for effect in MAIN
        if ((np.char.endswith(table["cell"], setting)) & (table["effect"] == effect)).any()
    ]  # fmt: skip
    height = 1.3 + 0.27 * (len(lines) + len(settings))
    figure = new_figure(8.6, height)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, market in zip(panels, MARKETS, strict=True):
        own = select(table, table["market"] == market)
        place, ticks = 0.0, []
        for setting in settings:
            ticks.append((place, words[setting]))
            place += 1.0
            for effect in (name for of, name in lines if of == setting):
                for algorithm in ALGORITHMS:
                    here = (own["cell"] == f"{algorithm}-{setting}") & (own["effect"] == effect)
                    for row in records(select(own, here)):
                        at = place + (0.17 if algorithm == EVOLUTION else -0.17)
                        _mark(axes, at, seeds_of(row), algorithm)
                ticks.append((place, BY_NAME[effect].short))
                place += 1.0
        axes.axvline(0.0, color=GREY, linewidth=0.8)
        axes.set_yticks([at for at, _ in ticks], [word for _, word in ticks], fontsize=7.5)
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in words.values() else "normal")
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(place - 0.4, -0.6)
        axes.set_xscale("symlog", linthresh=1.0, linscale=0.7)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", MINUS)))
        axes.set_xlabel("bp of K0 an episode (linear within 1, else logarithmic)", fontsize=7.8)
        axes.set_title("calm market" if market == CALM else "crises")
        axes.grid(axis="y", visible=False)
    handles = [
        Line2D([], [], color=COLOURS[name], marker=MARKERS[name], markersize=5, label=NAMES[name])
        for name in ALGORITHMS
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=7.5)
    few = "reduced: claims nothing" if found.facts["reduced"] else "a dot a training seed, mean and 95% interval"
    headline(figure, f"What learned governors do to welfare and to each other ({few})", 9.0)
    return {"effects": figure}


def _mark(axes: object, at: float, values: np.ndarray, algorithm: str) -> None:
    """Every seed, and mean with interval."""
    colour = COLOURS[algorithm]
    axes.plot(values, np.full(values.size, at), ".", color=colour, alpha=0.4, markersize=4)  # type: ignore[attr-defined]
    one = student_t(values)
    if np.isfinite(one.low):
        axes.errorbar(  # type: ignore[attr-defined]
            [one.mean], [at], xerr=[[one.mean - one.low], [one.high - one.mean]], fmt=MARKERS[algorithm], markersize=4,
            capsize=2, linewidth=1.1, color=colour,
        )  # fmt: skip
