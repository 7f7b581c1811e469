"""Learning curves: every governor, every term of its mandate, every seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from protogov.experiments.core.tables import Table
from protogov.experiments.figures import style

SMOOTHING = 5  # rollouts in the running mean, drawn in full colour


def draw_learning(metrics: Mapping[int, Table], agent: str, about: Mapping[str, Any]) -> Figure:
    """Curves of one governor over market hours.

    Args:
        metrics: training seed -> columns of its metrics.csv.
        agent: the governor.
        about: its levers and terms, as in a run's config.json.
    """
    terms, levers = about["terms"], about["levers"]
    panels = 2 + len(terms)
    columns = 4
    rows = -(-panels // columns) + -(-len(levers) // columns)
    with style.look():
        figure = style.new_figure(11.5, 2.35 * rows + 0.4)
        grid: Any = figure.subplots(rows, columns, squeeze=False)
        flat = list(grid.flat)
        _mandate(flat[0], metrics, agent, terms)
        _over_twin(flat[1], metrics, agent)
        for axes, term in zip(flat[2:], terms, strict=False):
            _term(axes, metrics, agent, term)
        first_lever = -(-panels // columns) * columns
        for axes in flat[panels:first_lever] + flat[first_lever + len(levers) :]:
            axes.set_axis_off()
        for axes, lever in zip(flat[first_lever:], levers, strict=False):
            _lever(axes, metrics, agent, lever)
        figure.legend(
            handles=[
                *(
                    flat[0].plot([], [], **style.seed_line(i), label=f"training seed {seed}")[0]
                    for i, seed in enumerate(metrics)
                ),
                flat[0].plot([], [], color=style.GREY, linewidth=0.6, label="each rollout (thick: mean of five)")[0],
            ],
            loc="outside upper right",
            ncols=min(len(metrics) + 1, 6),
        )
    return figure


def _curves(axes: Axes, metrics: Mapping[int, Table], values: Mapping[int, NDArray[np.float64]]) -> None:
    """One line per seed: thin for the values, thick for a running mean."""
    drawn = False
    last = max(float(table["market_hours"].max()) for table in metrics.values())
    scale, unit = style.thousands(last)
    for index, (seed, table) in enumerate(metrics.items()):
        hours, raw = table["market_hours"] / scale, values[seed]
        if not np.isfinite(raw).any():
            continue
        drawn = True
        look = style.seed_line(index)
        axes.plot(hours, raw, color=look["color"], linewidth=0.5, alpha=0.45)
        axes.plot(hours, running_mean(raw), **look, linewidth=1.5)
    if drawn:
        axes.set_xlim(left=0.0)
        style.few_ticks(axes)
        axes.set_xlabel(f"market hours{unit}")
    else:
        style.note(axes, "no data")


def running_mean(values: NDArray[np.float64], window: int = SMOOTHING) -> NDArray[np.float64]:
    """Mean of the finite values among the `window` around each point, fewer at both ends; NaN without any."""
    padded = np.pad(np.where(np.isfinite(values), values, np.nan), window // 2, constant_values=np.nan)
    around = np.ma.masked_invalid(np.lib.stride_tricks.sliding_window_view(padded, window))
    return np.asarray(around.mean(axis=1).filled(np.nan))


def _column(metrics: Mapping[int, Table], name: str) -> dict[int, NDArray[np.float64]]:
    return {seed: table.get(name, np.full(len(table["market_hours"]), np.nan)) for seed, table in metrics.items()}


def _mandate(axes: Axes, metrics: Mapping[int, Table], agent: str, terms: Any) -> None:
    """The weighted sum of the terms, without subtraction."""
    total = {seed: np.zeros(len(table["market_hours"])) for seed, table in metrics.items()}
    for term in terms:
        for seed, column in _column(metrics, f"{agent}/term/{term['name']}").items():
            total[seed] = total[seed] + term["weight"] * column
    _curves(axes, metrics, total)
    axes.set_title("Mandate, raw")
    axes.set_ylabel("bp of K0 per decision")


def _over_twin(axes: Axes, metrics: Mapping[int, Table], agent: str) -> None:
    """Reward less that of the twin: the same world under default levers, or under policies that do not explore."""
    style.zero_line(axes)
    _curves(axes, metrics, _column(metrics, f"{agent}/over_twin"))
    axes.set_title("Reward over the twin")
    axes.set_ylabel("daily sd per decision")


def _term(axes: Axes, metrics: Mapping[int, Table], agent: str, term: Any) -> None:
    weight = term["weight"]
    values = {seed: weight * column for seed, column in _column(metrics, f"{agent}/term/{term['name']}").items()}
    _curves(axes, metrics, values)
    axes.set_title(f"{weight:+g} × {style.spaced(term['name'])}", fontsize=8.5, fontweight="normal")
    axes.set_ylabel("bp of K0 per decision")


def _lever(axes: Axes, metrics: Mapping[int, Table], agent: str, lever: Any) -> None:
    scale, unit = style.lever_scale(lever["unit"])
    values = {seed: scale * column for seed, column in _column(metrics, f"{agent}/lever/{lever['name']}").items()}
    _curves(axes, metrics, values)
    axes.axhline(scale * lever["default"], color=style.GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    axes.set_title(f"lever: {style.spaced(lever['name'])}", fontsize=8.5, fontweight="normal")
    axes.set_ylabel(unit)
