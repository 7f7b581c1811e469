"""The parts of the option pool's profit over one episode, one line each, and their sum."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.experiments.core.recording import Recording
from protogov.experiments.figures import style
from protogov.experiments.figures.dashboard import View

# part of the record -> words, colour, line
PARTS: dict[str, tuple[str, str, Any]] = {
    "pool_fees": ("fees and spread", style.GREEN, "-"),
    "pool_delta": ("delta, hedge included", style.BLUE, "-"),
    "pool_gamma_theta": ("gamma and theta", style.ORANGE, "-"),
    "pool_vega": ("vega", style.PURPLE, "-"),
    "pool_hedging": ("hedging cost", style.VERMILLION, (0, (5, 1.5))),
    "pool_adverse_selection": ("adverse selection", style.BLACK, (0, (1, 1))),
    "pool_interest": ("interest", style.SKY, (0, (5, 1.5))),
    "pool_shorts": ("sellers closed by force", style.GREY, (0, (5, 1.5, 1, 1.5))),
    "pool_settlement": ("settlement at the oracle", style.GREY, (0, (1, 1))),
    "pool_residual": ("residual", style.FAINT, "-"),
}


def draw_pool_profit(main: Recording, *, world: int = 0) -> Figure:
    """Change of NAV0 since the opening, split exactly: cumulated over the episode, and its total.

    Args:
        main: the episode.
        world: row of the recording.
    """
    view = View.of(main, world)
    sums = {name: np.cumsum(view[name]) for name in (*PARTS, "pool_profit")}
    gross = sum(float(np.abs(view[name]).sum()) for name in PARTS)
    with style.look():
        figure = style.new_figure(11.5, 4.2)
        panels: Any = figure.subplots(1, 2, width_ratios=(1.7, 1.0))
        over_time, totals = panels
        scale, unit = 1e-3, "thousand USD"
        style.zero_line(over_time)
        for name, (words, colour, line) in PARTS.items():
            over_time.plot(view.at, sums[name] * scale, color=colour, linestyle=line, linewidth=1.3, label=words)
        over_time.plot(view.at, sums["pool_profit"] * scale, color=style.BLACK, linewidth=2.2, label="profit")
        over_time.set_ylabel(f"since the opening [{unit}]")
        style.days(over_time, float(view.hours["hour"].max()))
        names = [*PARTS, "pool_profit"]
        values = [float(sums[name][-1]) * scale for name in names]
        colours = [PARTS[name][1] for name in PARTS] + [style.BLACK]
        totals.barh(range(len(names)), values, color=colours, height=0.7)
        totals.axvline(0.0, color=style.GREY, linewidth=0.8)
        totals.set_yticks(range(len(names)), [*(PARTS[name][0] for name in PARTS), "profit"])
        totals.invert_yaxis()
        totals.set_xlabel(f"whole episode [{unit}]")
        share = float(np.abs(view["pool_residual"]).sum()) / gross if gross > 0.0 else 0.0
        totals.set_title(f"residual {share:.0e} of all parts" if share > 0.0 else "no residual")
        figure.legend(*over_time.get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return figure
