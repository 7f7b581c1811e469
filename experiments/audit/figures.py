"""A figure an audit, drawn from its table alone; each title says what the numbers say."""

from collections.abc import Callable, Mapping
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.audit import balance, coupling
from protogov.experiments.audit.check import Check
from protogov.experiments.audit.headroom import SIGNIFICANT
from protogov.experiments.figures.style import BLACK, BLUE, FAINT, GREEN, GREY, ORANGE, VERMILLION, look, new_figure
from protogov.experiments.figures.style import spaced as words
from protogov.experiments.tables import num_rows

FINE: dict[str, Any] = {"color": BLUE, "marker": "o"}
WRONG: dict[str, Any] = {"color": VERMILLION, "marker": "s"}
INTERVAL: dict[str, Any] = {"linestyle": "none", "markersize": 5, "capsize": 2.5, "elinewidth": 1.1, "zorder": 3}
ROLE_LOOKS = {"rate": (BLUE, "o"), "risk": (VERMILLION, "s"), "spread": (GREEN, "^"), "joint": (ORANGE, "D")}
LINEAR_WITHIN = 5.0  # standard errors up to which the axis of z is linear


def draw_cheaters(check: Check) -> Figure:
    """Welfare over the default constants with its 95% interval, a row a cheater."""
    table = check.table
    order = np.argsort(-table["difference"])
    free = [str(name) for name, caught in zip(table["cheater"], table["below"], strict=True) if not caught]
    said = f"{len(order) - len(free)} of {len(order)} cheaters end below the default constants, {check.notes[0]}"
    said += f"; not shown for {', '.join(words(name) for name in free)}" if free else ""
    with look():
        figure = new_figure(6.6, 1.5 + 0.3 * len(order))
        axes = figure.subplots()
        for place, row in enumerate(order):
            kind = FINE if table["below"][row] else WRONG
            _interval(axes, place, table["difference"][row], table["low"][row], table["high"][row], kind)
            axes.annotate(
                "{:+.1f}  [{:+.1f}, {:+.1f}]".format(*(table[name][row] for name in ("difference", "low", "high"))),
                (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=7.5, color=kind["color"],
            )  # fmt: skip
        axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=2)
        _rows(axes, [words(str(table["cheater"][row])) for row in order])
        _symlog(axes, 10.0, float(table["low"].min()), float(table["high"].max()))
        axes.set_xlabel("welfare over the default constants [bp of K0 an episode], 95% interval")
        _headline(figure, said, 6.6)
    return figure


def draw_balance(check: Check) -> Figure:
    """Mean absolute total of every term under defaults on a logarithmic axis, with the band that is accepted."""
    table = check.table
    agents = list(dict.fromkeys(str(name) for name in table["agent"]))
    outside = [
        f"{str(table['agent'][k]).partition('_')[0]} {words(str(table['term'][k]))}"
        for k in range(num_rows(table))
        if not table["within"][k]
    ]
    held = int(table["held"].sum())
    said = f"{held - len(outside)} of {held} terms of weight 1 lie within {balance.LOW:g} to {balance.HIGH:g} bp"
    said += f"; outside: {', '.join(outside)}" if outside else ""
    floor = 10.0 ** np.floor(
        np.log10(max(min(table["mean_absolute"][table["mean_absolute"] > 0.0], default=0.1), 1e-3))
    )
    with look():
        figure = new_figure(6.6, 1.6 + 0.24 * num_rows(table))
        panels = figure.subplots(
            len(agents), 1, sharex=True, squeeze=False,
            height_ratios=[int((table["agent"] == agent).sum()) for agent in agents],
        )[:, 0]  # fmt: skip
        for axes, agent in zip(panels, agents, strict=True):
            rows = np.flatnonzero(table["agent"] == agent)
            axes.axvspan(balance.LOW, balance.HIGH, color=FAINT, alpha=0.4, linewidth=0, zorder=0)
            for place, row in enumerate(rows):
                colour = FAINT if not table["held"][row] else BLUE if table["within"][row] else VERMILLION
                size = max(float(table["mean_absolute"][row]), floor)
                axes.barh(
                    place, size - floor, left=floor, color=colour, height=0.7, zorder=2,
                    edgecolor=GREY if not table["held"][row] else colour, xerr=table["standard_error"][row] * 1.96,
                    error_kw={"elinewidth": 1.0, "ecolor": BLACK, "capsize": 2},
                )  # fmt: skip
                axes.annotate(
                    f"{table['mean_absolute'][row]:.2g}", (size + 1.96 * table["standard_error"][row], place),
                    xytext=(5, 0), textcoords="offset points", va="center", fontsize=7,
                )  # fmt: skip
            axes.set_xscale("log")
            _rows(axes, [f"{words(str(table['term'][row]))} ({table['weight'][row]:+g})" for row in rows])
            axes.set_title(agent.partition("_")[0])
        panels[0].set_xlim(floor, 3.0 * max(float(table["mean_absolute"].max()), balance.HIGH))
        ticks = [factor * 10.0**power for power in range(-3, 4) for factor in (1.0, 2.0, 5.0)]
        panels[0].set_xticks([tick for tick in ticks if floor <= tick <= panels[0].get_xlim()[1]])
        panels[0].xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panels[0].minorticks_off()
        panels[-1].set_xlabel(
            "mean absolute total of an episode [bp of K0], 95% interval; in brackets the weight;\n"
            "grey band: accepted; pale bars: other weights, which are not held to it"
        )
        _headline(figure, said, 6.6)
    return figure


def draw_headroom(check: Check) -> Figure:
    """What a regime's constants gain over the single ones, with its 95% interval: a row a regime, a panel a role."""
    table, roles = check.more["headroom_regimes"], [str(name) for name in check.table["role"]]
    passed = [role for role, holds in zip(roles, check.table["holds"], strict=True) if holds]
    failed = [role for role in roles if role not in passed]
    said = "Hindsight of the regime pays for " + (", ".join(passed) if passed else "no role")
    said += f"; not enough for {', '.join(failed)}" if failed else ": there is room to adapt"
    regimes = list(dict.fromkeys(str(name) for name in table["regime"]))
    names = [*regimes, "mean of regimes"]
    with look():
        figure = new_figure(1.6 + 2.3 * len(roles), 1.9 + 0.3 * len(names))
        panels = figure.subplots(1, len(roles), sharey=True, squeeze=False)[0]
        for number, (axes, role) in enumerate(zip(panels, roles, strict=True)):
            colour, marker = ROLE_LOOKS.get(role, (BLUE, "o"))
            kind = {"color": colour, "marker": marker}
            for row in np.flatnonzero(table["role"] == role):
                place = names.index(str(table["regime"][row]))
                _interval(axes, place, table["gain"][row], table["low"][row], table["high"][row], kind)
            mean, error = check.table["headroom"][number], check.table["standard_error"][number]
            place = len(names) - 1
            half = SIGNIFICANT * error
            _interval(axes, place, mean, mean - half, mean + half, kind | {"color": BLACK})
            axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
            axes.axvline(0.0, color=BLACK, linewidth=1.0, zorder=2)
            over = float(check.table["tuned_over_default"][number])
            axes.set_title(f"{role}: {mean:+.2f} bp\nsingle constants {over:+.2f} bp", fontsize=8.5)
            axes.margins(x=0.12)
            axes.grid(axis="y", visible=False)
            axes.xaxis.set_major_locator(_few())
        _rows(panels[0], names)
        figure.supxlabel(
            "welfare of the regime's constants over the single ones [bp of K0 an episode], 95% interval (mean: 2 "
            "standard errors);\nno interval: the regime's constants are the single ones; single constants: their gain "
            "over the defaults", fontsize=7.5, color=GREY,
        )  # fmt: skip
        _headline(figure, said, 1.6 + 2.3 * len(roles))
    return figure


def draw_coupling(check: Check) -> Figure:
    """Regret of every stale response in standard errors, labelled in bp: a row a move, a panel a regime."""
    table = check.table
    regimes = list(dict.fromkeys(str(name) for name in table["regime"]))
    keys = zip(table["answerer"], table["mover"], table["move"], strict=True)
    names = list(dict.fromkeys((str(answerer), str(mover), str(move)) for answerer, mover, move in keys))
    pairs = len(dict.fromkeys((answerer, mover) for answerer, mover, _ in names))
    coupled, short = coupling.coupled_pairs(table), coupling.short_searches(table)
    survive = int((table["p_holm"] < coupling.LEVEL).sum())
    said = (
        f"{len(coupled)} of {pairs} pairs are coupled: {int(table['coupled'].sum())} of {num_rows(table)} stale "
        f"responses lose by more than {coupling.SIGNIFICANT:g} standard errors; {survive} survive Holm"
    )
    top = float(np.nanmax(np.minimum(np.abs(table["z"]), 1e3), initial=LINEAR_WITHIN))
    width = 2.0 + 2.0 * len(regimes)
    with look():
        figure = new_figure(max(width, 5.6), 1.9 + 0.3 * len(names))
        panels = figure.subplots(1, len(regimes), sharey=True, sharex=True, squeeze=False)[0]
        for axes, regime in zip(panels, regimes, strict=True):
            for row in np.flatnonzero(table["regime"] == regime):
                key = (str(table["answerer"][row]), str(table["mover"][row]), str(table["move"][row]))
                _cell(axes, names.index(key), check, int(row), bool(short[row]))
            for place in range(1, len(names)):  # between answerers
                if names[place][0] != names[place - 1][0]:
                    axes.axhline(place - 0.5, color=FAINT, linewidth=0.8)
            axes.axvline(0.0, color=BLACK, linewidth=0.8, zorder=1)
            axes.axvline(coupling.SIGNIFICANT, color=VERMILLION, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
            axes.grid(axis="y", visible=False)
            axes.set_title(regime)
            axes.set_xscale("symlog", linthresh=LINEAR_WITHIN, linscale=1.0)
            axes.set_xlim(-LINEAR_WITHIN, 6.0 * max(top, LINEAR_WITHIN))  # room for labels
            axes.set_xticks([tick for tick in (-3, 0, 3, 10, 30, 100, 300, 1000) if tick <= max(top, 10.0)])
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
        _rows(panels[0], [f"{mover} {move} → {answerer}" for answerer, mover, move in names])
        figure.supxlabel(
            "regret of the stale response in standard errors (labels: bp of K0 an episode); dashed line: "
            f"{coupling.SIGNIFICANT:g} standard errors\n"
            "filled: beyond it; bold: survives Holm; triangle: fresh is better at the defaults, too (the search fell "
            "short);\nno label: the same response", fontsize=7.5, color=GREY,
        )  # fmt: skip
        _headline(figure, said, max(width, 5.6))
    return figure


def _cell(axes: Axes, place: int, check: Check, row: int, short: bool) -> None:
    table = check.table
    colour = BLUE if table["coupled"][row] else GREY
    z = float(np.clip(table["z"][row], -LINEAR_WITHIN, 1e3))
    axes.plot(
        [z], [place], marker="^" if short else "o", markersize=5.5, color=colour, zorder=3,
        markerfacecolor=colour if table["coupled"][row] else "white",
    )  # fmt: skip
    if table["moved"][row]:
        weight = "bold" if table["p_holm"][row] < coupling.LEVEL else "normal"
        axes.annotate(
            f"{table['regret'][row]:+.2g}", (z, place), xytext=(6, 0), textcoords="offset points", va="center",
            fontsize=7, color=colour, weight=weight, zorder=4, bbox={"facecolor": "white", "linewidth": 0, "pad": 0.6},
        )  # fmt: skip


def _interval(axes: Axes, place: float, mean: float, low: float, high: float, kind: Mapping[str, Any]) -> None:
    axes.errorbar([mean], [place], xerr=[[mean - low], [high - mean]], **kind, **INTERVAL)


def _rows(axes: Axes, names: list[str]) -> None:
    """Named rows from the top down."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _symlog(axes: Axes, linear: float, low: float, high: float) -> None:
    """An x axis from `low` to `high` and zero, linear within +-`linear`: cheaters lose 10 bp, or thousands."""
    axes.set_xscale("symlog", linthresh=linear)
    least, most = 1.4 * min(low, -linear), 1.4 * max(high, linear)
    places = [linear * factor * 10.0**power for power in range(6) for factor in (1.0, 3.0)]
    axes.set_xticks([-place for place in reversed(places) if -place > least] + [0.0])
    axes.set_xticks([*axes.get_xticks(), *(place for place in places if place < most)])
    axes.set_xlim(least, most)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
    axes.minorticks_off()


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _headline(figure: Figure, text: str, width: float) -> None:
    text = text[:1].upper() + text[1:]
    figure.suptitle("\n".join(wrap(text, int(12.0 * width))), x=0.01, ha="left", fontsize=10, fontweight="bold")


DRAW: Mapping[str, Callable[[Check], Figure]] = {
    "cheaters": draw_cheaters,
    "balance": draw_balance,
    "headroom": draw_headroom,
    "coupling": draw_coupling,
}
