"""The figure of attacks: what every budget earned on tapes that no search saw, and who lost it."""

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from protogov.experiments.core.statistics import interval_in
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.figures.style import BLACK, GREY, SEED_LINES, SEED_MARKERS, headline, new_figure, note, spaced
from protogov.experiments.studies.rivalry.cells import PARTIES, WELFARE


def draw_attacks(found: Found, sentence: str) -> Figure:
    """Profit over capital, one colour per governors and one marker per protocol; parties' losses beside it."""
    budgets, best = records(found.tables["budgets"]), records(found.tables["attacks"])
    colours = {name: SEED_LINES[at % len(SEED_LINES)]["color"] for at, name in enumerate(_names(best, "governors"))}
    markers = dict(zip(_names(best, "protocol"), SEED_MARKERS, strict=False))
    figure = new_figure(9.4, 4.4)
    profit, losses = figure.subplots(1, 2, width_ratios=(1.0, 1.1))
    least = found.facts["least"]
    for row in budgets:
        one = interval_in(row, "profit")
        ends = [[(one.mean - one.low) / 1e6], [(one.high - one.mean) / 1e6]]
        profit.errorbar(
            [max(row["capital"], least) / 1e6], [one.mean / 1e6], ends, linestyle="none", capsize=2.5, markersize=5,
            color=colours[row["governors"]], marker=markers[row["protocol"]],
            markerfacecolor=colours[row["governors"]] if row["reached"] else "white",
        )  # fmt: skip
    for protocol, marker in markers.items():
        profit.plot([], [], linestyle="none", marker=marker, color=GREY, label=protocol)
    for name, colour in colours.items():
        profit.plot([], [], color=colour, linewidth=3.0, label=name)
    profit.axhline(0.0, color=BLACK, linewidth=0.8)
    profit.axhline(found.facts["profit"] / 1e6, color=GREY, linewidth=0.8, linestyle="--", label="profit asked for")
    profit.set_xscale("log")
    profit.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    profit.set_xlabel("capital of the plan [million USD]; filled: earns enough")
    profit.set_ylabel("attackers' profit [million USD], 95% interval")
    reached = [row for row in best if row["reached"]]
    parties = [WELFARE, *PARTIES]
    for at, row in enumerate(reached):
        for place, party in enumerate(parties):
            one = interval_in(row, party)
            losses.errorbar(
                [one.mean / 1e6], [place + 0.22 * (at - 0.5 * (len(reached) - 1))],
                xerr=[[(one.mean - one.low) / 1e6], [(one.high - one.mean) / 1e6]], linestyle="none", capsize=2.5,
                markersize=4.5, color=colours[row["governors"]], marker=markers[row["protocol"]],
            )  # fmt: skip
    if not reached:
        note(losses, "no plan earned enough")
    losses.axvline(0.0, color=BLACK, linewidth=0.8)
    losses.set_yticks(range(len(parties)), ["W" if name == WELFARE else spaced(name) for name in parties])
    losses.set_ylim(len(parties) - 0.5, -0.5)
    losses.grid(axis="y", visible=False)
    losses.set_xlabel("with the cheapest such plan over without [million USD]")
    figure.legend(*profit.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    headline(figure, sentence)
    return figure


def _names(rows: list[dict[str, object]], key: str) -> list[str]:
    return list(dict.fromkeys(str(row[key]) for row in rows))
