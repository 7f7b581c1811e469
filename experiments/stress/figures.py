"""Figures of a stress run: insolvency by LT and LTV with a panel an option margin, and what is lost."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from protogov.experiments.figures.style import BLACK, SEED_LINES, VERMILLION, look, new_figure
from protogov.experiments.stress.summary import Summary

COLOURS = "cividis"  # one hue's lightness rises with the number: reads in grey and without red or green


def draw_insolvency(summary: Summary) -> Figure:
    """Probability of insolvency in percent with its 95% interval; a frame where the upper end keeps the target."""
    cells = summary.cells
    thresholds = sorted({found.cell.threshold for found in cells})
    ltvs = sorted({found.cell.loan_to_value for found in cells})
    margins = sorted({found.cell.option_margin for found in cells})
    top = max(max(found.probability[0] for found in cells), summary.target)
    scale = ScalarMappable(Normalize(0.0, top), COLOURS)
    with look():
        figure = new_figure(0.9 + (0.4 + 0.62 * len(ltvs)) * len(margins), 1.6 + 0.55 * len(thresholds))
        panels = figure.subplots(1, len(margins), sharey=True, squeeze=False)[0]
        for panel, margin in zip(panels, margins, strict=True):
            panel.grid(False)
            panel.set_title(f"option margin x{margin:g}")
            panel.set_xlabel("loan-to-value [%]")
            panel.set_xticks(range(len(ltvs)), [f"{100 * ltv:g}" for ltv in ltvs])
            panel.set_yticks(range(len(thresholds)), [f"{100 * lt:g}" for lt in thresholds])
            panel.set_xlim(-0.5, len(ltvs) - 0.5)
            panel.set_ylim(-0.5, len(thresholds) - 0.5)
            for found in cells:
                if found.cell.option_margin == margin:
                    at = ltvs.index(found.cell.loan_to_value), thresholds.index(found.cell.threshold)
                    _draw_cell(panel, *at, found.probability, summary.target, scale)
        panels[0].set_ylabel("liquidation threshold [%]")
        bar = figure.colorbar(scale, ax=panels, fraction=0.03, pad=0.01)
        bar.set_label("insolvent episodes [%]")
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        figure.suptitle(
            f"Probability of insolvency [%] with 95% interval, {summary.plan.seeds} worlds a cell; framed: upper end "
            f"at or below {100 * summary.target:g}%; blank: LTV too near LT, or too far below",
            x=0.01, ha="left", fontsize=9,
        )  # fmt: skip
    return figure


def _draw_cell(
    panel: Axes, x: int, y: int, probability: tuple[float, float, float], target: float, scale: ScalarMappable
) -> None:
    from matplotlib.patches import Rectangle

    value, low, high = probability
    colour = scale.to_rgba(np.array(value))
    panel.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.0))
    if high <= target:
        panel.add_patch(
            Rectangle((x - 0.46, y - 0.46), 0.92, 0.92, fill=False, edgecolor=VERMILLION, linewidth=2.0, zorder=3)
        )
    light = float(np.dot(colour[:3], (0.299, 0.587, 0.114))) > 0.5
    ink = BLACK if light else "white"
    panel.text(x, y + 0.12, f"{100 * value:.1f}", ha="center", va="center", color=ink, fontsize=8)
    panel.text(x, y - 0.22, f"{100 * low:.0f}–{100 * high:.0f}", ha="center", va="center", color=ink, fontsize=6)


def draw_losses(summary: Summary) -> Figure:
    """Share of worlds that lose more, on a logarithmic axis: the grid, its safest and its riskiest protocol."""
    losses = summary.losses
    shortfall = [found.tail.shortfall[0.95][0] for found in summary.cells]
    safest, riskiest = int(np.argmin(shortfall)), int(np.argmax(shortfall))
    curves = [("all protocols", losses.reshape(-1))]
    for words, index in (("least shortfall", safest), ("largest shortfall", riskiest)):
        cell = summary.cells[index].cell
        name = f"LT {100 * cell.threshold:g}%, LTV {100 * cell.loan_to_value:g}%, margin x{cell.option_margin:g}"
        curves.append((f"{words}: {name}", losses[:, index]))
    with look():
        figure = new_figure(6.4, 3.6)
        axes = figure.subplots()
        for (label, values), line in zip(curves, SEED_LINES, strict=False):
            ordered = np.sort(values)
            beyond = 1.0 - np.arange(ordered.size) / ordered.size
            axes.step(ordered, beyond, where="post", label=label, **line)
        for level, style in ((0.95, ":"), (0.99, "-.")):
            estimate = summary.pooled.var[level][0]
            axes.axvline(estimate, color=BLACK, linewidth=0.8, linestyle=style, label=f"VaR {100 * level:g}% of all")
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        axes.set_ylabel("worlds that lose at least so much [%]")
        axes.set_xlabel(f"loss of an episode ({summary.loss}) [bp of K0]")
        axes.set_title(f"Losses over {summary.plan.worlds} worlds of {summary.plan.config.episode_hours} h")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=1)
    return figure
