"""Figures of what others' moves do, and of the ensemble."""

from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.audit import coupling
from protogov.experiments.audit.claims import NO_SIGN
from protogov.experiments.audit.drawing import (
    draw_interval,
    footnote,
    headline,
    name_rows,
    names_of,
    symlog_x,
    zero_rule,
)
from protogov.experiments.audit.measurement import Measurement
from protogov.experiments.core.tables import Table, num_rows
from protogov.experiments.figures.style import BLACK, BLUE, FAINT, GREY, ORANGE, VERMILLION, look, new_figure
from protogov.experiments.figures.style import spaced as words

LINEAR_WITHIN = 5.0  # standard errors, or bp, within which an axis is linear
FARTHEST = 1e3  # standard errors beyond which a regret is drawn no farther


def draw_coupling(found: Measurement) -> Figure:
    """Regret of every stale response in standard errors, labelled in bp: a row a move, a panel a suite."""
    table = found.table
    suites = names_of(table["suite"])
    names = list(
        dict.fromkeys(zip(table["answerer"].tolist(), table["mover"].tolist(), table["move"].tolist(), strict=True))
    )
    survive = int((table["p_holm"] < coupling.LEVEL).sum())
    width = max(2.0 + 2.2 * len(suites), 5.6)
    with look():
        figure = new_figure(width, 1.9 + 0.3 * len(names))
        panels = figure.subplots(1, len(suites), sharey=True, sharex=True, squeeze=False)[0]
        top = min(float(np.nanmax(np.abs([*table["z"], LINEAR_WITHIN]))), FARTHEST)
        for axes, suite in zip(panels, suites, strict=True):
            for row in np.flatnonzero(table["suite"] == suite):
                key = (str(table["answerer"][row]), str(table["mover"][row]), str(table["move"][row]))
                _regret(axes, names.index(key), table, int(row))
            for place in range(1, len(names)):  # between answerers
                if names[place][0] != names[place - 1][0]:
                    axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
            zero_rule(axes)
            axes.set_title(suite)
            axes.set_xscale("symlog", linthresh=LINEAR_WITHIN, linscale=1.0)
            axes.set_xlim(-LINEAR_WITHIN, 6.0 * max(top, LINEAR_WITHIN))  # room for labels
            axes.set_xticks([tick for tick in (-3, 0, 3, 10, 30, 100, 300, 1000) if tick <= max(top, 10.0)])
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
        name_rows(panels[0], [f"{mover} {move} → {answerer}" for answerer, mover, move in names])
        footnote(
            figure,
            "regret of the stale response in standard errors (labels: bp of K0 an episode); filled: survives Holm at "
            f"{coupling.LEVEL:.0%};\ntriangle: fresh is better at the defaults, too (the search fell short);\n"
            "none: no better reply found, and the standard error [bp] of the next best",
        )
        said = f"{survive} of {num_rows(table)} responses that do not notice another's move lose beyond chance"
        headline(figure, said, width)
    return figure


def _regret(axes: Axes, place: float, table: Table, row: int) -> None:
    if not table["moved"][row]:
        said = f"none +- {table['resolution'][row]:.2g}"
        axes.annotate(
            said, (0.0, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7, color=GREY
        )
        return
    sure = bool(table["p_holm"][row] < coupling.LEVEL)
    colour = BLUE if sure else GREY
    z = float(np.clip(table["z"][row], -LINEAR_WITHIN, FARTHEST))
    axes.plot(
        [z], [place], marker="^" if coupling.short_searches(table)[row] else "o", markersize=5.5, color=colour,
        zorder=3, markerfacecolor=colour if sure else "white",
    )  # fmt: skip
    axes.annotate(
        f"{table['regret'][row]:+.2g}", (z, place), xytext=(6, 0), textcoords="offset points", va="center",
        fontsize=7, color=colour, zorder=4, bbox={"facecolor": "white", "linewidth": 0, "pad": 0.6},
    )  # fmt: skip


def draw_rivals(found: Measurement) -> Figure:
    """What a rival's moves change in one's own mandate and W, and the regret of not answering: a panel a suite."""
    table, regrets = found.table, found.more["rivals_regrets"]
    suites = names_of(table["suite"])
    names = list(dict.fromkeys(zip(table["role"].tolist(), table["move"].tolist(), strict=True)))
    width = 1.8 + 3.3 * len(suites)
    with look():
        figure = new_figure(width, 2.2 + 0.42 * len(names))
        panels = figure.subplots(1, len(suites), sharey=True, squeeze=False)[0]
        for axes, suite in zip(panels, suites, strict=True):
            here = table["suite"] == suite
            for row in np.flatnonzero(here):
                key = (str(table["role"][row]), str(table["move"][row]))
                place = names.index(key)
                whole = [table[name][row] for name in ("welfare", "welfare_low", "welfare_high")]
                draw_interval(axes, place - 0.14, whole, {"color": BLUE, "marker": "o"})
                own = [table[name][row] for name in ("mandate", "low", "high")]
                draw_interval(axes, place + 0.14, own, {"color": ORANGE, "marker": "D"})
                _label_regret(axes, place, regrets, suite, key)
            zero_rule(axes)
            low = min(float(table["welfare_low"][here].min()), float(table["low"][here].min()))
            high = max(float(table["welfare_high"][here].max()), float(table["high"][here].max()))
            symlog_x(axes, LINEAR_WITHIN, low, high)
            axes.set_title(suite, fontsize=8.5)
            axes.annotate("regret", (1.01, 1.01), xycoords="axes fraction", va="bottom", fontsize=7, color=GREY)
        name_rows(panels[0], [f"rival's {role} {words(move)}" for role, move in names])
        panels[0].plot([], [], linestyle="none", marker="o", color=BLUE, label="own W")
        panels[0].plot([], [], linestyle="none", marker="D", color=ORANGE, label="own mandate of that role")
        footnote(
            figure,
            "change for the venue that stands still [bp of its K0 an episode], 95% interval; regret of the stale\n"
            f"answer in its mandate, in bp, * survives Holm at {coupling.LEVEL:.0%}, none: no better reply found",
            panels[0],
        )
        said = "; ".join(_most(table, name, words) for name, words in (("mandate", "own mandate"), ("welfare", "W")))
        headline(figure, f"What a rival's move changes most: {said}", width)
    return figure


def _most(table: Table, name: str, words: str) -> str:
    """The largest change for which a sign is claimed."""
    rows = np.flatnonzero(table[f"{name}_sign"] != NO_SIGN)
    if not len(rows):
        return f"{words} unclear"
    row = int(rows[np.abs(table[name][rows]).argmax()])
    return f"{words} {table[name][row]:+.1f} bp ({table['role'][row]} {table['move'][row]} on {table['suite'][row]})"


def _label_regret(axes: Axes, place: float, regrets: Table, suite: str, key: tuple[str, str]) -> None:
    rows = np.flatnonzero((regrets["suite"] == suite) & (regrets["mover"] == key[0]) & (regrets["move"] == key[1]))
    for row in rows:
        star = "*" if regrets["p_holm"][row] < coupling.LEVEL else ""
        axes.annotate(
            f"{regrets['regret'][row]:+.2f}{star}" if regrets["moved"][row] else "none", (1.01, place),
            xycoords=("axes fraction", "data"), va="center", fontsize=7,
        )  # fmt: skip


def draw_ensemble(found: Measurement) -> Figure:
    """Share of the members in which each statement's whole interval lies above or below zero: a panel a suite."""
    table = found.table
    suites, names = names_of(table["suite"]), names_of(table["statement"])
    width = 3.2 + 2.4 * len(suites)
    kinds = (("below", VERMILLION), ("unclear", FAINT), ("above", BLUE))
    with look():
        figure = new_figure(width, 2.0 + 0.3 * len(names))
        panels = figure.subplots(1, len(suites), sharey=True, squeeze=False)[0]
        for axes, suite in zip(panels, suites, strict=True):
            for row in np.flatnonzero(table["suite"] == suite):
                place, left = names.index(str(table["statement"][row])), 0.0
                for kind, colour in kinds:
                    share = 100.0 * float(table[kind][row])
                    axes.barh(place, share, left=left, color=colour, height=0.72, label=None)
                    left += share
                axes.annotate(
                    f"{table['median'][row]:+.1f}",
                    (1.01, place),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize=7,
                )
            axes.axvline(50.0, color=BLACK, linewidth=0.6, linestyle=(0, (4, 2)))
            axes.set_xlim(0.0, 100.0)
            axes.set_title(suite)
        name_rows(panels[0], ["\n".join(wrap(words(name), 44)) for name in names])
        for kind, colour in kinds:
            panels[0].bar([0], [0], color=colour, label=f"{kind} zero" if kind != "unclear" else "unclear")
        about = "share of members [%] by where the 95% interval lies; right: median over members [bp of K0]"
        footnote(figure, about, panels[0])
        either = np.maximum(table["above"], table["below"])
        sure = int((either == 1.0).sum())
        said = f"{sure} of {num_rows(table)} statements hold in all {int(table['members'].max())} members"
        headline(figure, said, width)
    return figure
