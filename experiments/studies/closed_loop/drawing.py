"""Two figures: realised cash and hedges of pools that pricers quote; what attacks bring and cost."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    headline,
    new_figure,
    zero_line,
)
from protogov.experiments.studies.closed_loop.plan import CHAIN, EWMA, FEED, HEDGES, LAW, RULE, SURFACE, TAPE, TOLD

COLOURS = {RULE: BLACK, EWMA: ORANGE, FEED: BLUE, CHAIN: GREEN, LAW: VERMILLION}
MARKERS = dict(zip(HEDGES, ("o", "s", "v", "^"), strict=True))
HEDGE_COLOURS = dict(zip(HEDGES, (GREY, BLACK, ORANGE, BLUE), strict=True))


def draw(found: Found) -> Mapping[str, Figure]:
    """Figures by name."""
    figures = {"loops": draw_loops, "attacks": draw_attacks}
    shown = {"loops": {"loops", "greeks"}, "attacks": {"attacks"}}
    return {name: drawn(found) for name, drawn in figures.items() if shown[name] & set(found.tables)}


def draw_loops(found: Found) -> Figure:
    """Above: pools over the rule's, by cash and by the tape's vol. Below: profit over its deviation, by hedge."""
    loops, greeks = (records(found.tables.get(name, {})) for name in ("loops", "greeks"))
    markets = list(dict.fromkeys(row["market"] for row in (*loops, *greeks)))
    figure = new_figure(9.6, 6.2)
    panels = figure.subplots(2, len(markets), squeeze=False)
    for column, market in enumerate(markets):
        _differences(panels[0][column], [row for row in loops if row["market"] == market and row["pricer"] != RULE])
        panels[0][column].set_title(market)
        _hedges(panels[1][column], [row for row in greeks if row["market"] == market])
    panels[0][0].set_ylabel("over the pool of today [thousand USD]")
    panels[1][0].set_ylabel("realised cash [thousand USD]")
    handles, labels = panels[0][0].get_legend_handles_labels()
    more, names = panels[1][0].get_legend_handles_labels()
    figure.legend(handles + more, labels + names, loc="outside lower center", ncols=4)
    headline(
        figure, "Options held to expiry: cash of pools that pricers quote, over the pool of today on the same seeds; "
        "below, profit and risk by hedge",
    )  # fmt: skip
    return figure


def _differences(axes: Axes, rows: list[dict[str, Any]]) -> None:
    names = [name for name in COLOURS if any(row["pricer"] == name for row in rows)]
    looks = (
        (TAPE, "realised", "o", -0.24, BLUE, "cash, vol arbitrageurs know the tape's vol"),
        (TOLD, "realised", "s", 0.0, VERMILLION, "cash, they know the law of the path"),
        (TAPE, "edge", "x", 0.24, GREY, "as the tape's implied vol has it"),
    )
    for informed, measure, marker, aside, colour, label in looks:
        own = {row["pricer"]: row for row in rows if row["informed"] == informed}
        places = [names.index(str(name)) + aside for name in own]
        means = np.array([row[f"{measure}_over_rule"] for row in own.values()])
        low = np.array([row[f"{measure}_over_rule_low"] for row in own.values()])
        high = np.array([row[f"{measure}_over_rule_high"] for row in own.values()])
        axes.errorbar(
            places, means, [means - low, high - means], fmt=marker, color=colour, capsize=2.5, markersize=5, label=label
        )
    axes.set_xticks(range(len(names)), names)
    axes.grid(axis="x", visible=False)
    zero_line(axes)


def _hedges(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for hedge in HEDGES:
        own = [row for row in rows if row["hedge"] == hedge]
        for row in own:
            filled = row["pricer"] != RULE
            axes.errorbar(
                [row["deviation"]], [row["realised"]],
                [[row["realised"] - row["realised_low"]], [row["realised_high"] - row["realised"]]],
                fmt=MARKERS[hedge], color=HEDGE_COLOURS[hedge], capsize=2.5, markersize=6,
                markerfacecolor=HEDGE_COLOURS[hedge] if filled else "white",
                label=f"hedge: {hedge}{'' if filled else ' (pool of today)'}",
            )  # fmt: skip
    axes.set_xlabel("deviation over seeds [thousand USD]")
    axes.set_xlim(left=0.0)
    zero_line(axes)


def draw_attacks(found: Found) -> Figure:
    """A panel an attack: what its owner, takers and LPs have over the same seeds in peace, a group a pool."""
    rows = records(found.tables["attacks"])
    kinds = list(dict.fromkeys((row["attack"], row["gwav"]) for row in rows))
    figure = new_figure(9.6, 2.9 * -(-len(kinds) // 3) + 0.4)
    panels = figure.subplots(-(-len(kinds) // 3), 3, squeeze=False).ravel()
    for axes, (attack, gwav) in zip(panels, kinds, strict=False):
        own = [row for row in rows if (row["attack"], row["gwav"]) == (attack, gwav)]
        on_shares = attack == SURFACE
        bars = (
            ("attacker", VERMILLION, "attacker, own account"), ("takers", ORANGE, "takers of quotes"),
            ("others" if on_shares else "pool", BLUE, "LPs"),
        )  # fmt: skip
        for number, (name, colour, label) in enumerate(bars):
            means = np.array([row[name] for row in own])
            errors = [means - [row[f"{name}_low"] for row in own], [row[f"{name}_high"] for row in own] - means]
            axes.bar(
                np.arange(len(own)) + 0.27 * (number - 1), means, 0.25, yerr=errors, color=colour, label=label,
                error_kw={"linewidth": 0.9, "capsize": 2},
            )  # fmt: skip
        axes.set_xticks(range(len(own)), [str(row["pricer"]) for row in own])
        axes.set_title(attack if not on_shares else f"{attack}, {'average' if gwav else 'present'} vols")
        axes.grid(axis="x", visible=False)
        axes.set_yscale("symlog", linthresh=10.0)
        zero_line(axes)
    for axes in panels[len(kinds) :]:
        axes.set_visible(False)
    for axes in panels[::3]:
        axes.set_ylabel("over peace [kUSD, log beyond 10]")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    headline(figure, "What attacks bring and cost, by what quotes the pool (chain: at the spot pool's average)")
    return figure
