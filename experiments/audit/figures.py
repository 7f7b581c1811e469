"""A figure a measurement, drawn from its tables alone; each title says what the numbers say. One governor's figures."""

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.figure import Figure

from protogov.experiments.audit.contests import EDGE, WITHIN
from protogov.experiments.audit.drawing import (
    ROLE_LOOKS,
    draw_interval,
    footnote,
    headline,
    name_rows,
    names_of,
    suite_looks,
    symlog_x,
    zero_rule,
)
from protogov.experiments.audit.figures_rivals import draw_coupling, draw_ensemble, draw_rivals
from protogov.experiments.audit.measurement import Measurement
from protogov.experiments.figures.style import BLACK, FAINT, GREY, few_ticks, look, new_figure
from protogov.experiments.figures.style import spaced as words
from protogov.experiments.governors import STATIC

LINEAR = 10.0  # bp, within which axes of W are linear
FLOOR = 1e-3  # bp, below which a term is not drawn


def draw_cheaters(found: Measurement) -> Figure:
    """Welfare over the default constants, a row a cheater, a panel a suite."""
    table = found.table
    suites, names = names_of(table["suite"]), [n for n in names_of(table["governors"]) if n != STATIC]
    looks, said = suite_looks(suites), []
    width = 2.4 + 3.1 * len(suites)
    with look():
        figure = new_figure(width, 1.8 + 0.3 * len(names))
        panels = figure.subplots(1, len(suites), sharey=True, squeeze=False)[0]
        for axes, suite in zip(panels, suites, strict=True):
            here = table["suite"] == suite
            cheats = here & (table["governors"] != STATIC)
            for row in np.flatnonzero(cheats):
                place, numbers = names.index(str(table["governors"][row])), [table[n][row] for n in _OVER]
                draw_interval(axes, place, numbers, looks[suite])
                axes.annotate(
                    f"{numbers[0]:+.1f}", (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=7
                )
            zero_rule(axes)
            symlog_x(axes, LINEAR, float(table["low"][cheats].min()), float(table["high"][cheats].max()))
            base = int(np.flatnonzero(here & (table["governors"] == STATIC))[0])
            interval = f"[{table['welfare_low'][base]:+.1f}, {table['welfare_high'][base]:+.1f}]"
            axes.set_title(f"{suite}: defaults {table['welfare'][base]:+.1f} {interval}", fontsize=8.5)
            said.append(f"{int((table['high'][cheats] < 0.0).sum())} of {int(cheats.sum())} on {suite}")
        name_rows(panels[0], [words(name) for name in names])
        footnote(figure, "W over the default constants [bp of K0 an episode], 95% interval; titles: W of the defaults")
        headline(figure, f"Cheaters that end below the defaults: {', '.join(said)}", width)
    return figure


_OVER = ("difference", "low", "high")


def draw_balance(found: Measurement) -> Figure:
    """Mean absolute total of every term under the defaults on a logarithmic axis; no size is right or wrong."""
    table = found.table
    suites, agents = names_of(table["suite"]), names_of(table["agent"])
    looks = suite_looks(suites)
    terms = {agent: names_of(table["term"][table["agent"] == agent]) for agent in agents}
    most = int(table["mean_absolute"].argmax())
    with look():
        figure = new_figure(6.6, 1.6 + 0.26 * sum(len(of) for of in terms.values()))
        heights = [len(terms[agent]) for agent in agents]
        panels = figure.subplots(len(agents), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, agent in zip(panels, agents, strict=True):
            weights = {}
            for row in np.flatnonzero(table["agent"] == agent):
                suite, term = str(table["suite"][row]), str(table["term"][row])
                weights[term], size = float(table["weight"][row]), float(table["mean_absolute"][row])
                if size > FLOOR:
                    half = 1.96 * float(table["standard_error"][row])
                    low = max(size - half, FLOOR)
                    draw_interval(axes, terms[agent].index(term), (size, low, size + half), looks[suite])
            axes.set_xscale("log")
            name_rows(axes, [f"{words(term)} ({weights[term]:+g})" for term in terms[agent]])
            axes.set_title(agent)
        for suite in suites:
            panels[0].plot([], [], linestyle="none", label=suite, **looks[suite])
        panels[-1].set_xlim(left=FLOOR)
        about = (
            f"mean absolute total of an episode [bp of K0], 95% interval; in brackets the weight; none below {FLOOR:g}"
        )
        footnote(figure, about, panels[0])
        largest = f"{words(str(table['term'][most]))} ({table['mean_absolute'][most]:.0f} bp on {table['suite'][most]})"
        headline(figure, f"The largest term that a governor sees under the defaults is {largest}", 6.6)
    return figure


def draw_tuned(found: Measurement) -> Figure:
    """Gain in W and in the pool's market profit of tuned constants, and what each search gained on its selection."""
    table, searches = found.table, found.more["tuned_searches"]
    suites = names_of(table["suite"])
    looks, names = suite_looks(suites), list[str]()
    with look():
        figure = new_figure(6.6, 1.7 + 0.5 * len(suites))
        axes = figure.subplots()
        for row, suite in enumerate(suites):
            draw_interval(axes, 2 * row, [table[name][row] for name in ("gain", "low", "high")], looks[suite])
            own = searches["selection_gain"][searches["suite"] == suite]
            axes.plot(own, np.full(len(own), 2 * row + 0.32), "|", color=GREY, markersize=6)
            profit = [table[name][row] for name in ("profit_gain", "profit_low", "profit_high")]
            draw_interval(axes, 2 * row + 1, profit, looks[suite] | {"markerfacecolor": "white"})
            names += [f"{suite}: W", f"{suite}: market profit"]
        zero_rule(axes)
        name_rows(axes, names)
        axes.margins(x=0.1)
        axes.set_xlabel(
            "tuned constants over the defaults [bp of K0 an episode], 95% interval;\n"
            "grey ticks: the three searches on the tapes of selection, from which the best was picked"
        )
        said = ", ".join(
            f"{gain:+.1f} bp on {suite} (market profit {profit:+.1f})"
            for suite, gain, profit in zip(suites, table["gain"], table["profit_gain"], strict=True)
        )
        headline(figure, f"Tuned constants gain {said}", 6.6)
    return figure


def draw_optima(found: Measurement) -> Figure:
    """W along each lever, the others at their defaults, and where the best constants have it: a panel a lever."""
    table, curves = found.table, found.more["optima_curves"]
    suites, levers = names_of(table["suite"]), names_of(table["lever"])
    looks = suite_looks(suites)
    with look():
        figure = new_figure(8.6, 7.0)
        panels = figure.subplots(3, 4, sharex=True).ravel()
        for axes, lever in zip(panels, levers, strict=True):
            shown = 0.0
            for suite in suites:
                own = (curves["suite"] == suite) & (curves["lever"] == lever)
                row = int(np.flatnonzero((table["suite"] == suite) & (table["lever"] == lever))[0])
                over = curves["over_default"][own]
                axes.plot(curves["action"][own], over, color=looks[suite]["color"], label=suite)
                best = int(np.flatnonzero(curves["action"][own] == table["lone_action"][row])[0])
                axes.plot(
                    curves["action"][own][best], over[best], markersize=6, markerfacecolor="white", **looks[suite]
                )
                # where it stands in the best constants that were found, at the foot of the panel
                face = looks[suite]["color"] if table["at_edge"][row] else "white"
                axes.plot(
                    table["free_action"][row], 0.05, transform=axes.get_xaxis_transform(), markersize=6,
                    markerfacecolor=face, clip_on=False, **looks[suite],
                )  # fmt: skip
                shown = max(shown, float(over.max()))
            axes.axhline(0.0, color=BLACK, linewidth=0.7)
            axes.set_ylim(-4.0 * max(shown, 5.0), 1.3 * max(shown, 5.0))
            for side in (-1.0, 1.0):
                axes.axvspan(side * WITHIN, side * 1.04, color=FAINT, alpha=0.3, linewidth=0)
            axes.set_xlim(-1.04, 1.04)
            axes.set_title(words(lever), fontsize=8.5)
            few_ticks(axes, 5, 5)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=len(suites))
        footnote(
            figure,
            "action: -1 low, 0 default, +1 high. Lines: W over the defaults [bp of K0 an episode] on the tapes of "
            "selection, cut off far below; marker on them: the best.\nMarker at the foot: in the best constants found; "
            f"filled: beyond {EDGE:g}, and within {WITHIN:g} worse by more than two standard errors; grey: beyond "
            f"{WITHIN:g}",
        )
        said = ", ".join(
            f"{int(table['at_edge'][table['suite'] == suite].sum())} of {len(levers)} on {suite}" for suite in suites
        )
        headline(figure, f"Levers whose optimum is at an edge of their range: {said}", 7.0)
    return figure


def draw_worth(found: Measurement) -> Figure:
    """W at every Sobol point of each role's levers, with the range of nine tenths of them: a panel a suite."""
    table, points = found.table, found.more["worth_points"]
    suites, roles = names_of(table["suite"]), names_of(table["role"])
    width, jitter, said = 1.4 + 3.4 * len(suites), np.random.default_rng(0), []
    with look():
        figure = new_figure(width, 1.8 + 0.55 * len(roles))
        panels = figure.subplots(1, len(suites), sharey=True, squeeze=False)[0]
        for axes, suite in zip(panels, suites, strict=True):
            for place, role in enumerate(roles):
                row = int(np.flatnonzero((table["suite"] == suite) & (table["role"] == role))[0])
                over = points["over_default"][(points["suite"] == suite) & (points["role"] == role)]
                colour = ROLE_LOOKS[role][0]
                axes.plot(
                    over, place + jitter.uniform(-0.25, 0.1, len(over)), ".", color=colour, markersize=2.5, alpha=0.6
                )
                ends = [table["low_5"][row], table["high_95"][row]]
                axes.plot(ends, [place + 0.25] * 2, color=colour, linewidth=3.0, solid_capstyle="butt")
                axes.annotate(
                    f"{table['range_90'][row]:.0f} ({table['range'][row]:.0f})", (1.01, place),
                    xycoords=("axes fraction", "data"), va="center", fontsize=7,
                )  # fmt: skip
            here = table["suite"] == suite
            zero_rule(axes)
            symlog_x(axes, LINEAR, float(table["lowest"][here].min()), float(table["highest"][here].max()))
            axes.set_title(suite)
            most = int(np.flatnonzero(here)[table["range_90"][here].argmax()])
            said.append(f"{table['role'][most]} on {suite} ({table['range_90'][most]:.0f} bp)")
        name_rows(panels[0], roles)
        footnote(
            figure,
            "W over the defaults [bp of K0 an episode] at Sobol points of the role's levers,\n"
            "others at the defaults, on tapes of selection; bar and number: from 5% to 95% of\n"
            "the points, scored on other tapes; in brackets: from lowest to highest there",
        )
        headline(figure, f"The role that moves W most: {', '.join(said)}", width)
    return figure


def draw_room(found: Measurement) -> Figure:
    """What each market's constants gain over the single ones of a suite: a row a market, a panel a role."""
    table, markets = found.table, found.more["room_markets"]
    suites, roles = names_of(table["suite"]), names_of(table["role"])
    looks, names = suite_looks(suites), names_of(markets["market"])
    rows = [*(name.removesuffix(" + drift") for name in names), *(f"all of {suite}" for suite in suites)]
    width = 1.6 + 2.0 * len(roles)
    with look():
        figure = new_figure(width, 2.1 + 0.3 * len(rows))
        panels = figure.subplots(1, len(roles), sharey=True, squeeze=False)[0]
        for axes, role in zip(panels, roles, strict=True):
            for number, suite in enumerate(suites):
                shift = 0.16 * (number - (len(suites) - 1) / 2.0)
                for row in np.flatnonzero((markets["role"] == role) & (markets["suite"] == suite)):
                    place = names.index(str(markets["market"][row])) + shift
                    draw_interval(axes, place, [markets[name][row] for name in _ROOM], looks[suite])
                all_of = int(np.flatnonzero((table["role"] == role) & (table["suite"] == suite))[0])
                draw_interval(axes, len(names) + number, [table[name][all_of] for name in _ROOM], looks[suite])
            axes.axhline(len(names) - 0.5, color=FAINT, linewidth=0.8)
            zero_rule(axes)
            own = markets["role"] == role
            symlog_x(axes, LINEAR, float(markets["low"][own].min()), float(markets["high"][own].max()), 5)
            axes.set_title(role)
        name_rows(panels[0], rows)
        for suite in suites:
            panels[0].plot([], [], linestyle="none", label=f"over the single ones of {suite}", **looks[suite])
        footnote(
            figure, "W of a market's own constants over one set for all [bp of K0 an episode], 95% interval;\n"
            "last rows: the suite's markets in their shares", panels[0],
        )  # fmt: skip
        last = roles[-1]
        said = ", ".join(
            f"{table['room'][row]:+.1f} [{table['low'][row]:+.1f}, {table['high'][row]:+.1f}] bp on "
            f"{table['suite'][row]}"
            for row in np.flatnonzero(table["role"] == last)
        )
        headline(figure, f"To know the market is worth, in constants of {last}: {said}", width)
    return figure


_ROOM = ("room", "low", "high")
DRAW: Mapping[str, Callable[[Measurement], Figure]] = {
    "cheaters": draw_cheaters,
    "tuned": draw_tuned,
    "optima": draw_optima,
    "worth": draw_worth,
    "room": draw_room,
    "coupling": draw_coupling,
    "rivals": draw_rivals,
    "ensemble": draw_ensemble,
    "balance": draw_balance,
}
