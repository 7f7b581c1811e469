"""One figure: what rules ask and how often it does not suffice; what happens where each is in force."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from protogov.agents.pricing.margins import LEVEL
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.figures.style import GREY, headline, new_figure
from protogov.experiments.studies.margins.plan import COLOURS, WORDS
from protogov.experiments.studies.margins.summary import ALL_UNSEEN
from protogov.experiments.studies.pricing.plan import TRUTH, UNSEEN


def draw(found: Found) -> Mapping[str, Figure]:
    """A mark a market and rule: what is asked of sellers, and what comes of it in force."""
    rows = [row for row in records(found.tables["margins"]) if row["market"] != ALL_UNSEEN]
    asked = [row for row in rows if row["kind"] == "sellers"]
    governed = [row for row in records(found.tables["governed"]) if row["market"] != ALL_UNSEEN]
    figure = new_figure(7.8, 2.8)
    panels = figure.subplots(1, 3)
    _marks(panels[0], asked, "required", "insolvent")
    _marks(panels[1], governed, "collateral", "bad_positions")
    _marks(panels[2], governed, "threshold", "loan_loss")
    panels[0].axhline(100.0 * (1.0 - LEVEL), color=GREY, linewidth=0.8)
    panels[0].set_yscale("symlog", linthresh=1.0)
    panels[0].set_ylim(bottom=-0.05)
    panels[0].set_yticks([0, 1, 3, 10, 30], ["0", "1", "3", "10", "30"])
    labels = (
        ("sellers, asked", "required [% of spot value]", "insolvent in a day [% of hours]"),
        ("sellers, in force", "posted [% of spot value]", "with bad debt [% of positions]"),
        ("loans, in force", "liquidation threshold [%]", "bad debt [bp of mean debt]"),
    )
    for axes, (title, x, y) in zip(panels, labels, strict=True):
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
    for axes in panels[1:]:
        axes.set_ylim(bottom=0.0)
    _legend(figure, panels)
    headline(figure, "Safety and its cost (a mark a market; filled: unseen crises; line: the aim)")
    return {"margins": figure}


def _marks(axes: Any, rows: list[dict[str, Any]], x: str, y: str) -> None:
    """A mark a row: squares, and filled circles for unseen markets."""
    for rule in dict.fromkeys(row["rule"] for row in rows):
        for filled in (False, True):
            some = [row for row in rows if row["rule"] == rule and (row["market"] in UNSEEN) == filled]
            axes.scatter(
                [row[x] for row in some], [row[y] for row in some], s=30, marker="o" if filled else "s",
                edgecolors=COLOURS[rule], facecolors=COLOURS[rule] if filled else "none",
                label=WORDS[rule] if filled or rule == TRUTH else None, clip_on=False, zorder=3,
            )  # fmt: skip


def _legend(figure: Figure, panels: Any) -> None:
    """One legend of all panels below them."""
    found: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= {label: handle for label, handle in zip(labels, handles, strict=True) if label}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=3)
