"""Two figures: what each pricer scores against implied vol and the truth, and whether its PITs are uniform."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.figures.style import BLACK, BLUE, FAINT, GREY, VERMILLION, headline, new_figure, zero_line
from protogov.experiments.studies.pricing.plan import IMPLIED, KNOWN, TRUTH

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")


def draw(found: Found) -> Mapping[str, Figure]:
    """Figures by name."""
    return {"scores": draw_scores(found), "pit": draw_pit(found)}


def draw_scores(found: Found) -> Figure:
    """A row a market, files left out: CRPS over that of implied vol, a mark a pricer; the truth where it is known."""
    rows = [row for row in records(found.tables["scores"]) if not row["left_out"] and row["split"] != "recorded"]
    markets = list(dict.fromkeys(row["market"] for row in rows))
    names = [name for name in dict.fromkeys(row["contestant"] for row in rows) if name != IMPLIED]
    figure = new_figure(9.2, 1.6 + 0.3 * len(markets))
    axes = figure.subplots()
    for number, name in enumerate(names):
        own = [row for row in rows if row["contestant"] == name and np.isfinite(row["over_implied"])]
        colour = BLACK if name == TRUTH else BLUE if name in found.facts["learned"] else VERMILLION
        axes.scatter(
            [row["over_implied"] for row in own], [markets.index(row["market"]) for row in own], label=name, s=24,
            marker=MARKERS[number % len(MARKERS)], facecolors="none" if name != TRUTH else colour, edgecolors=colour,
        )  # fmt: skip
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(markets)), markets)
    axes.set_ylim(len(markets) - 0.5, -0.5)
    axes.set_xlabel("CRPS above that of implied vol [%]; left is better")
    figure.legend(loc="outside lower center", ncols=6)
    headline(figure, "Score of each pricer, market by market (blue: learned, orange: opponents, black: the true law)")
    return figure


def draw_pit(found: Found) -> Figure:
    """A panel a market with a known law: how often PITs fall into each tenth, of the best learned and implied vol."""
    rows = records(found.tables.get("pit", {}))
    markets = [market for market in (*KNOWN, "unseen") if any(row["market"] == market for row in rows)]
    figure = new_figure(9.2, 2.9)
    panels = figure.subplots(1, max(len(markets), 1), squeeze=False, sharey=True)[0]
    for axes, market in zip(panels, markets, strict=False):
        for name, colour, line in ((found.facts["best"], BLUE, "-"), (IMPLIED, VERMILLION, (0, (4, 1.5)))):
            _draw_counts(
                axes, [row for row in rows if row["market"] == market and row["contestant"] == name], colour, line
            )
        axes.set_title(market, fontsize=9)
        axes.set_xlabel("PIT")
    panels[0].set_ylabel("density of windows")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    headline(
        figure, "Where returns fell in the predicted distribution: flat if the forecast is right (band: 95% of chance)"
    )
    return figure


def _draw_counts(axes: Axes, rows: list[dict[str, float]], colour: str, line: object) -> None:
    for row in rows:
        counts = np.array([row[f"bin_{number}"] for number in range(10)])
        total = counts.sum()
        if not total:
            continue
        spread = 1.96 * np.sqrt(0.09 / total) * 10.0
        if colour == BLUE:
            axes.axhspan(1.0 - spread, 1.0 + spread, color=FAINT, alpha=0.35, linewidth=0)
        axes.stairs(counts / total * 10.0, np.linspace(0.0, 1.0, 11), color=colour, linestyle=line, linewidth=1.4,
                    label=str(row["contestant"]))  # fmt: skip
    zero_line(axes)
