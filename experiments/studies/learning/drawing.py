"""Figures of the stages: tuned controllers, W over market hours, effects, captured room, crises left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, records, select
from protogov.experiments.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SEED_MARKERS,
    VERMILLION,
    few_ticks,
    headline,
    new_figure,
    zero_line,
)
from protogov.experiments.studies.learning.candidates import EVOLUTION, GRADIENT, LINEAR
from protogov.experiments.studies.learning.describing import BEST_CONTROLLER, OWN_MEANS, YOKED
from protogov.experiments.studies.learning.options import (
    CEILINGS,
    CONTROLLERS,
    CRISES,
    EVALUATION,
    FINAL,
    SCREENING,
    TRAINING,
)
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    COOPERATIVE,
    LINEAR_RULE,
    LONG,
    LONG_STRESS,
    PLAN,
    SELFISH_CONSTANTS,
)
from protogov.experiments.studies.learning.screening import by_hours, of_seeds

COLUMNS = 5  # of panels
LOOKS: Mapping[str, dict[str, Any]] = {
    GRADIENT: {"color": BLUE, "marker": "o"}, EVOLUTION: {"color": GREEN, "marker": "^"},
    LINEAR: {"color": VERMILLION, "marker": "s"},
}  # fmt: skip
WORDS = {GRADIENT: "PPO", EVOLUTION: "evolution strategy on a network", LINEAR: "CMA-ES on a linear rule"}
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
# columns of the table of effects that are drawn
AGAINST = (CONSTANTS, LINEAR_RULE, BEST_CONTROLLER, SELFISH_CONSTANTS, COOPERATIVE, OWN_MEANS, YOKED)


def draw(stage: str, found: Found, words: str) -> Mapping[str, Figure]:
    """The figures of a stage, headed by its first sentence."""
    if stage == CONTROLLERS and found.tables:
        return {"controllers": controllers(found.tables["controllers"], words)}
    if stage in (SCREENING, TRAINING) and "curves" in found.tables:
        return {"curves": curves(found.tables["curves"], words)}
    if stage in (EVALUATION, FINAL):
        return {"effects": effects(found, words)}
    if stage == CEILINGS:
        return {"room": room(found.tables["room"], words)}
    if stage == CRISES:
        return {"crises": crises(found.tables["crises"], words)}
    return {}


def controllers(table: Table, words: str) -> Figure:
    """One panel per market: W of every controller over the defaults of the levers, untuned and tuned."""
    markets, names = (list(dict.fromkeys(table[name].tolist())) for name in ("market", "controllers"))
    figure = new_figure(9.0, 1.6 + 0.36 * len(names))
    panels = figure.subplots(1, len(markets), sharey=True, squeeze=False)[0]
    looks = {"untuned": (GREY, "o", "published gains, other levers at their defaults"),
             "gain": (VERMILLION, "s", "tuned gains, around tuned constants")}  # fmt: skip
    for axes, market in zip(panels, markets, strict=True):
        own = records(select(table, table["market"] == market))
        for at, (column, (colour, marker, _)) in enumerate(looks.items()):
            axes.errorbar(
                [row[column] for row in own], [names.index(row["controllers"]) + 0.24 * (at - 0.5) for row in own],
                xerr=[2.0 * row[f"{column}_error"] for row in own], linestyle="none", color=colour, marker=marker,
                markersize=4.5,
            )  # fmt: skip
        constants = float(np.mean([row["gain"] - row["over_constants"] for row in own]))
        axes.axvline(constants, color=BLUE, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.axvline(0.0, color=GREY, linewidth=0.7)
        axes.set_title(f"tuned and scored on {market}", fontsize=8.5)
        axes.set_xlabel("W over the defaults [bp of K0 per episode]")
        few_ticks(axes, 4)
    panels[0].set_yticks(range(len(names)), [name.replace("+", " +\n") for name in names])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    handles = [
        panels[0].plot([], [], linestyle="none", color=colour, marker=marker)[0] for colour, marker, _ in looks.values()
    ]
    handles += panels[0].plot([], [], color=BLUE, linestyle=(0, (4, 2)))
    labels = [*(one[-1] for one in looks.values()), "tuned constants"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3, title="bars: ± 2 standard errors",
                  title_fontsize=8)  # fmt: skip
    headline(figure, words)
    return figure


def curves(table: Table, words: str) -> Figure:
    """A panel per learner and size: gain over the constants on validation by market hours, of seeds and their mean."""
    table = by_hours(table)
    panels = list(dict.fromkeys((row["size"], row["candidate"], row["learner"]) for row in records(table)))
    lines = -(-len(panels) // COLUMNS)
    figure = new_figure(10.0, 1.1 + 1.7 * lines)
    grid = figure.subplots(lines, min(COLUMNS, len(panels)), squeeze=False, sharex=True)
    used = dict[str, Any]()
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for axes in grid.flat[max(len(panels) - COLUMNS, 0) : len(panels)]:
        axes.tick_params(labelbottom=True)  # the last of its column, also where the last line is not full
    for axes, (size, candidate, learner) in zip(grid.flat, panels, strict=False):
        own = select(table, (table["size"] == size) & (table["learner"] == learner))
        look = LOOKS[own["algorithm"][0]]
        order = np.argsort(own["hours"])
        hours = own["hours"][order] / 1e6
        axes.plot(hours, of_seeds(own)[order], linewidth=0.6, alpha=0.6, color=look["color"])
        (line,) = axes.plot(hours, own["gain"][order], markersize=3, linewidth=1.2, **look)
        used.setdefault(own["algorithm"][0], line)
        form = learner.removeprefix(candidate).replace("cooperative ", "").strip()  # what most are goes without saying
        axes.set_title(f"{candidate}\n{form}, {size}", fontsize=7.5)
        zero_line(axes)
        few_ticks(axes, 4, 4)
    for axes in grid[:, 0]:
        axes.set_ylabel("gain in W\n[bp of K0 per episode]")
    grid[0, 0].set_xlim(left=0.0)
    figure.supxlabel("market hours of a seed [millions]", x=0.01, ha="left", fontsize=8.5)  # beside the legend
    figure.legend(used.values(), [WORDS[name] for name in used], loc="outside lower right", ncols=len(used))
    headline(figure, f"W over the tuned constants on validation, every seed and their mean: {words}")
    return figure


def _interval(axes: Axes, y: float, row: Mapping[str, Any], name: str, **look: Any) -> None:
    """A point with its interval along x; infinite ends are not drawn."""
    ends = np.array([row[f"{name}_low"], row[f"{name}_high"]])
    if np.isfinite(ends).all():
        axes.plot(ends, [y, y], linewidth=1.4, color=look["color"])
    axes.plot([row[name]], [y], linestyle="none", markersize=4.5, **look)


def effects(found: Found, words: str) -> Figure:
    """One panel per suite of a fortnight: learners less opponents with intervals, and each seed over its constants."""
    table, seeds = found.tables["effects"], found.tables["seeds"]
    suites, learners = (list(dict.fromkeys(table[name].tolist())) for name in ("suite", "learner"))
    suites = [name for name in suites if name not in (LONG, LONG_STRESS)]  # those are in the tables
    kinds = [name for name in AGAINST if name in table]
    figure = new_figure(max(2.4 + 2.0 * len(suites), 8.0), 1.9 + 0.15 * len(learners) * len(kinds))
    panels = figure.subplots(1, len(suites), sharey=True, squeeze=False)[0]
    for axes, suite in zip(panels, suites, strict=True):
        for row in records(select(table, table["suite"] == suite)):
            for kind, name in enumerate(kinds):
                y = learners.index(row["learner"]) + 0.8 * (kind + 0.5) / len(kinds) - 0.4
                _interval(axes, y, row, name, color=COLOURS[kind % len(COLOURS)], marker=_marker(kind))
        if suite in seeds:
            at = [learners.index(name) - 0.44 for name in seeds["learner"]]
            axes.plot(seeds[suite], at, "|", color=GREY, markersize=4)
        axes.axvline(0.0, color=GREY, linewidth=0.7)
        axes.axvspan(-PLAN.smallest_effect, PLAN.smallest_effect, color=FAINT, alpha=0.35, linewidth=0)
        axes.set_title(suite.replace(": ", ":\n"), fontsize=8.5)
        few_ticks(axes, 4)
    panels[0].set_yticks(range(len(learners)), [name.replace(" on ", "\non ") for name in learners], fontsize=7)
    panels[0].set_ylim(len(learners) - 0.5, -0.6)
    handles = [
        panels[0].plot([], [], linestyle="none", color=COLOURS[at % len(COLOURS)], marker=_marker(at))[0]
        for at in range(len(kinds))
    ]
    title = (
        "difference in W [bp of K0 a fortnight]; bars: 95% interval over tapes and training seeds;\n"
        "grey strokes: each seed over the tuned constants; "
        f"grey band: ±{PLAN.smallest_effect:g} bp, the smallest effect of interest"
    )
    names = [f"over {name}" for name in kinds]
    figure.legend(handles, names, loc="outside lower center", ncols=4, title=title, title_fontsize=8)
    headline(figure, words)
    return figure


def _marker(number: int) -> str:
    return SEED_MARKERS[number % len(SEED_MARKERS)]


def room(table: Table, words: str) -> Figure:
    """One panel per market: the share of each ceiling's room that each learner captures, where there is room."""
    markets = list(dict.fromkeys(table["market"].tolist()))
    ceilings = list(dict.fromkeys(table["ceiling"].tolist()))
    forms = list(dict.fromkeys(name.split(" on ")[0] for name in table["learner"].tolist()))
    figure = new_figure(9.0, 1.7 + 0.42 * len(ceilings))
    panels = figure.subplots(1, len(markets), sharey=True, squeeze=False)[0]
    for axes, market in zip(panels, markets, strict=True):
        for row in records(select(table, table["market"] == market)):
            form = forms.index(row["learner"].split(" on ")[0])
            y = ceilings.index(row["ceiling"]) + 0.16 * (form - (len(forms) - 1) / 2)
            look = {"color": COLOURS[form % len(COLOURS)], "marker": SEED_MARKERS[form % len(SEED_MARKERS)]}
            if np.isfinite(row["captured"]):
                _interval(axes, y, row, "captured", **look)
            else:
                axes.text(PLAN.room / 2, ceilings.index(row["ceiling"]), "room not clear of zero", fontsize=7,
                          color=GREY, ha="center", va="center")  # fmt: skip
        axes.axvline(0.0, color=GREY, linewidth=0.7)
        axes.axvline(PLAN.room, color="black", linewidth=0.8, linestyle=(0, (4, 2)))
        axes.set_title(f"trained and played on {market}", fontsize=8.5)
        axes.set_xlabel("share of the room captured, 95% interval; dashed: the aim")
        axes.set_ylim(len(ceilings) - 0.5, -0.5)
    panels[0].set_yticks(range(len(ceilings)), ceilings)
    handles = [
        panels[0].plot([], [], linestyle="none", color=COLOURS[at % len(COLOURS)], marker=SEED_MARKERS[at % 8])[0]
        for at in range(len(forms))
    ]
    figure.legend(handles, forms, loc="outside lower center", ncols=3)
    headline(figure, words)
    return figure


def crises(table: Table, words: str) -> Figure:
    """One row per crisis: gain over constants on the training market, on validation and in the crisis left out."""
    names, splits = (list(dict.fromkeys(table[name].tolist())) for name in ("left_out", "split"))
    figure = new_figure(8.0, 1.6 + 0.42 * len(names))
    axes = figure.subplots()
    for row in records(table):
        at = splits.index(row["split"])
        y = names.index(row["left_out"]) + 0.2 * (at - 1)
        _interval(axes, y, row, "difference", color=COLOURS[at], marker=SEED_MARKERS[at])
    for at, split in enumerate(splits):
        axes.plot([], [], linestyle="none", color=COLOURS[at], marker=SEED_MARKERS[at], label=split)
    axes.axvline(0.0, color=GREY, linewidth=0.7)
    axes.set_yticks(range(len(names)), [f"without {name}" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("gain in W over constants tuned without the crisis [bp of K0 per episode], 95% interval")
    figure.legend(loc="outside lower right", ncols=3)
    headline(figure, words)
    return figure
