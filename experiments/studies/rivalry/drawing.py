"""Figures of rivalry: W of both venues over the grid with its points; thefts and runs; learners beside Nash."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure

from protogov.envs.world.lever_table import LEVER_BY_NAME
from protogov.experiments.core.statistics import Floats, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import groups, records, select
from protogov.experiments.core.text import signed, signed_span
from protogov.experiments.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    dots,
    headline,
    lever_scale,
    new_figure,
    spaced,
    zero_line,
)
from protogov.experiments.studies.audit.drawing import draw_interval, name_rows
from protogov.experiments.studies.rivalry.cells import WELFARE
from protogov.experiments.studies.rivalry.dataset import lengthened
from protogov.experiments.studies.rivalry.pairings import levers_of_game
from protogov.experiments.studies.rivalry.runs import PLACEBO, SWITCHED

MARKS: dict[tuple[str, str], dict[str, Any]] = {
    ("mandate", "Nash"): {"marker": "o", "color": VERMILLION}, ("profit", "Nash"): {"marker": "s", "color": VERMILLION},
    ("mandate", "joint"): {"marker": "^", "color": BLUE}, ("profit", "joint"): {"marker": "v", "color": BLUE},
    ("mandate", "planner"): {"marker": "*", "color": GREEN}, ("mandate", "defaults"): {"marker": "+", "color": BLACK},
}  # fmt: skip
WORDS = {("mandate", "planner"): "planner", ("mandate", "defaults"): "defaults"}
SIZES = {"*": 11.0, "+": 8.0}
LINEAR = 2.0  # bp, within which colours are linear


def draw_pairing(part: str, found: Found) -> Figure:
    """W of both venues over the defaults, a panel a game and market, with Nash, joint and planner marked."""
    facts = found.facts[part]
    cells, shares = lengthened(found.tables, facts["markets"]), facts["shares"]
    cells = select(cells, cells["payoff"] == WELFARE)
    games, markets = (list(dict.fromkeys(cells[name].tolist())) for name in ("game", "market"))
    figure = new_figure(2.9 * len(games) + 1.0, 2.8 * len(markets) + 1.4)
    panels = figure.subplots(len(markets), len(games), squeeze=False)
    tables = {(key["game"], key["market"]): both_venues(own, shares) for key, own in groups(cells, ["game", "market"])}
    for row, market in enumerate(markets):
        most = max(float(np.abs(tables[game, market]).max()) for game in games)
        norm = SymLogNorm(LINEAR, vmin=-most, vmax=most)
        for axes, game in zip(panels[row], games, strict=True):
            table = tables[game, market]
            end = 1.0 + 1.0 / (len(table) - 1)  # the outer cells are as wide as the others
            picture = axes.imshow(table.T, origin="lower", extent=(-end, end, -end, end), cmap="PuOr", norm=norm)
            axes.grid(visible=False)
            axes.set_title(market)
            _label(axes, levers_of_game(game))
            _mark(axes, found, game, market)
        bar = figure.colorbar(picture, ax=list(panels[row]), shrink=0.9, aspect=25)
        ticks = [0.0, *(sign * 10.0**power for power in range(5) for sign in (-1, 1) if 10.0**power < most)]
        bar.set_ticks(sorted(ticks), labels=[signed(tick) if tick else "0" for tick in sorted(ticks)])
        bar.ax.minorticks_off()
        bar.set_label("W of both over defaults [bp]", fontsize=7.5)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    known = dict(zip(labels, handles, strict=True))
    figure.legend(list(known.values()), list(known), loc="outside lower center", ncols=6)
    headline(figure, _headline(part, found))
    return figure


def both_venues(cells: Any, shares: Sequence[float]) -> Floats:
    """W of both venues by the actions of venue 0 and venue 1, F64[g, g], less W at the defaults."""
    tables = {}
    for key, own in groups(cells, ["venue"]):
        size = round(len(own["mean"]) ** 0.5)
        tables[key["venue"]] = own["mean"].reshape(size, size)
    second = tables[1].T if 1 in tables else tables[0].T
    both = shares[0] * tables[0] + shares[1] * second
    return np.asarray(both - both[len(both) // 2, len(both) // 2])


def _label(axes: Axes, levers: Sequence[str]) -> None:
    """Ticks in the levers' units: low, halfway, default, halfway, high."""
    places = [-1.0, -0.5, 0.0, 0.5, 1.0]
    for lever, axis, who in zip(levers, (axes.xaxis, axes.yaxis), ("venue 0", "venue 1"), strict=True):
        factor, unit = lever_scale(LEVER_BY_NAME[lever].unit)
        axis.set_ticks(places, [f"{factor * LEVER_BY_NAME[lever].value(place):.3g}" for place in places])
        axis.set_label_text(f"{spaced(lever)}, {who} [{unit.replace('vol points', 'vol pt')}]", fontsize=7.5)


def _mark(axes: Axes, found: Found, game: str, market: str) -> None:
    table = found.tables["points"]
    for row in records(select(table, (table["game"] == game) & (table["market"] == market))):
        key = (row["objective"], row["point"].split()[0])
        if key in MARKS:
            look = MARKS[key]
            word = WORDS.get(key, f"{key[1]}, {key[0]}")
            hollow: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.7, "clip_on": False, "zorder": 4}
            axes.plot(
                [row["action_0"]], [row["action_1"]], linestyle="none", label=word,
                markersize=SIZES.get(look["marker"], 7.0), **look, **hollow,
            )  # fmt: skip


def _headline(part: str, found: Found) -> str:
    race, prices = found.tables["race"], found.tables["anarchy"]
    moved = int((race["verdict"] == "undercuts").sum())
    costly = int((prices["verdict"] == "a price").sum())
    who = "Equal venues" if part == "alike" else "A lender and an options protocol"
    return (
        f"{who} undercut a venue without a rival in {moved} of {len(race['verdict'])} cases; "
        f"anarchy costs W in {costly} of {len(prices['verdict'])}"
    )


# ---------------------------------------------------------------------- thefts and runs


def draw_runs(found: Found) -> Figure:
    """What a shock changes at the venue that was not hit."""
    table = found.tables["runs"]
    rows = [row for row in records(table) if row["venue"] != row["hit"] and row["shock"] != PLACEBO]
    names = [f"{_who(row)}, {row['market']}: {row['shock']}" for row in rows]
    shown = {"welfare": "W [bp of K0]", "deposits": "deposits a day later [%]", "borrow_rate": "borrow rate [% a year]"}
    figure = new_figure(9.2, 1.3 + 0.2 * len(rows))
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, (name, words) in zip(panels, shown.items(), strict=True):
        axes.axvline(0.0, color=BLACK, linewidth=0.8)
        for place, row in enumerate(rows):
            clear = row[f"{name}_low"] > 0.0 or row[f"{name}_high"] < 0.0
            draw_interval(axes, place, row, name, {"color": BLUE if clear else GREY, "marker": "o"})
        axes.set_xlabel(words)
    name_rows(panels[0], names)
    headline(figure, f"What the venue next door feels of a theft or a run: {next_door(found)}")
    return figure


def _who(row: dict[str, Any]) -> str:
    if row["pairing"] == "alike":
        return "equal venues"
    return "lender hit" if row["hit"] == 0 else "options hit"


def next_door(found: Found) -> str:
    """In how many cases the other venue feels it."""
    table = found.tables["runs"]
    rows = [row for row in records(table) if row["venue"] != row["hit"] and row["shock"] not in (PLACEBO, SWITCHED)]
    felt = {
        name: sum(row[f"{name}_low"] > 0.0 or row[f"{name}_high"] < 0.0 for row in rows)
        for name in ("welfare", "deposits", "borrow_rate")
    }
    return (
        f"W changes clearly in {felt['welfare']}, deposits in {felt['deposits']}, the borrow rate in "
        f"{felt['borrow_rate']} of {len(rows)} cases"
    )


# ---------------------------------------------------------------------- learners


def draw_learners(found: Found) -> Figure:
    """One dot a pair of learners: its gain between Nash (0) and joint (1), or what it earns where no gain is given."""
    table = found.tables["learners"]
    keys = [key for key, _ in groups(table, ["game", "market", "objective"])]
    figure = new_figure(max(2.6 * len(keys), 5.2), 3.6)
    panels = figure.subplots(1, len(keys), squeeze=False)[0]
    for axes, (key, own) in zip(panels, groups(table, ["game", "market", "objective"]), strict=True):
        known = not own["refusal"][0]
        discounts = list(dict.fromkeys(own["discount"].tolist()))
        for place, discount in enumerate(discounts):
            values = own["gain" if known else "earned"][(own["discount"] == discount) & (own["failed"] == "")]
            if len(values) > 1:
                dots(axes, float(place), values, (ORANGE, BLUE)[place % 2])
            else:
                axes.plot([place] * len(values), values, "o", color=(ORANGE, BLUE)[place % 2])
        axes.set_xticks(range(len(discounts)), [f"{discount:g}" for discount in discounts])
        axes.set_xlabel("discount for six hours")
        axes.set_title(f"{spaced(key['game'])}, {key['market']},\n{key['objective']}", fontsize=8.5)
        if known:
            zero_line(axes)
            axes.axhline(1.0, color=GREY, linewidth=0.7)
            axes.set_ylabel("gain: 0 Nash, 1 joint optimum")
        else:
            axes.set_ylabel("earned [bp of K0]; no gain is given")
    headline(figure, learners_in_words(found)[0])
    return figure


def learners_in_words(found: Found) -> list[str]:
    """Of every game: the gains of both discounts, or why there are none; then the pairs that failed."""
    said = []
    for key, own in groups(found.tables["learners"], ["game", "market", "objective"]):
        about = f"{spaced(key['game'])} under {key['objective']} in {key['market']}"
        if own["refusal"][0]:
            said.append(f"{about}: no gain is given, {own['refusal'][0]}")
            continue
        parts = []
        for discount in dict.fromkeys(own["discount"].tolist()):
            gains = own["gain"][(own["discount"] == discount) & (own["failed"] == "")]
            gain = signed_span(student_t(gains)) if len(gains) else "none, every pair failed,"
            parts.append(f"{gain} at discount {discount:g}")
        said.append(f"{about}: gain between Nash (0) and joint (1) {', '.join(parts)}")
    return said + failures(found)


def failures(found: Found) -> list[str]:
    """Of every game and discount with pairs that failed: how many are left out, and why the first of them."""
    said = []
    for key, own in groups(found.tables["learners"], ["game", "market", "objective", "discount"]):
        why = [str(one) for one in own["failed"] if one]
        if why:
            said.append(
                f"{spaced(key['game'])} under {key['objective']} in {key['market']} at discount {key['discount']:g}: "
                f"{len(why)} of {len(own['failed'])} pairs failed and are left out; the first: {why[0]}"
            )
    return said
