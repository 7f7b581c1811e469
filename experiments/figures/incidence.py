"""Who bears it: changes for borrowers by size of debt, and for suppliers by time of leaving."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.incidence import TENTHS, penalty_column, surplus_column
from protogov.experiments.figures import style
from protogov.experiments.training.comparison import Comparison, Difference

_SUPPLIERS = {"first_out": "first\nout", "stayed": "stayed or\nleft later"}


def draw_bears(comparison: Comparison) -> Figure:
    """Paired differences with intervals: surplus and penalties of each tenth of borrowers, and suppliers' gains."""
    rows = {row.measure.name: row for row in comparison.group("bears")}
    with style.look():
        figure = style.new_figure(11.5, 3.3)
        grid: Any = figure.subplots(1, 2, width_ratios=(5, 1.3))
        borrowers, suppliers = grid
        groups = [*(str(number) for number in range(1, TENTHS + 1)), "worst"]
        for shift, column, colour, marker, label in (
            (-0.14, surplus_column, style.BLUE, "o", "surplus"),
            (0.14, penalty_column, style.VERMILLION, "s", "penalties of liquidations"),
        ):
            found = {at: rows[column(group)] for at, group in enumerate(groups) if column(group) in rows}
            _points(borrowers, found, shift, colour, marker, label)
        names = ["1\nsmallest", *(str(number) for number in range(2, TENTHS)), f"{TENTHS}\nwhales", "worst-\noff tenth"]
        _finish(borrowers, names, f"Borrowers by tenth of opening debt: {comparison.suite}")
        borrowers.axvline(TENTHS - 0.5, color=style.FAINT, linewidth=0.8)
        borrowers.set_xlabel("tenth of the loans at the opening")
        borrowers.set_ylabel("difference\n(bp of own debt per fortnight)")
        style.legend_above(borrowers)
        found = {at: rows[name] for at, name in enumerate(_SUPPLIERS) if name in rows}
        _points(suppliers, found, 0.0, style.BLUE, "o", "gain")
        _finish(suppliers, list(_SUPPLIERS.values()), "Suppliers")
        suppliers.set_xlabel("who was out first")
        suppliers.set_ylabel("difference\n(bp of own deposit per fortnight)")
        style.legend_above(suppliers)
    return figure


def _points(axes: Axes, found: dict[int, Difference], shift: float, colour: str, marker: str, label: str) -> None:
    """Means with their intervals over tapes."""
    for at, row in found.items():
        low, high = row.over_tapes.low, row.over_tapes.high
        if np.isfinite(low):
            axes.plot([at + shift, at + shift], [low, high], color=colour, linewidth=1.8, solid_capstyle="butt")
    means = [row.over_tapes.mean for row in found.values()]
    axes.plot([at + shift for at in found], means, marker, color=colour, markersize=5, label=label)


def _finish(axes: Axes, names: list[str], title: str) -> None:
    style.zero_line(axes)
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.grid(False, axis="x")
    axes.set_title(title)
