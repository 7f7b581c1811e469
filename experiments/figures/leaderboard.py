"""The leaderboard as one figure: a row a baseline, a column a scenario, colour the gain of W over static."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from protogov.envs.scenarios.base import HELD_OUT
from protogov.experiments.figures.style import BLACK, look, new_figure, spaced
from protogov.experiments.governors import STATIC
from protogov.experiments.leaderboard.summary import Leaderboard

COLOURS = "PuOr_r"  # purple loses, orange gains: told apart by all usual kinds of colour vision


def draw_leaderboard(board: Leaderboard) -> Figure:
    """Gain of W over static [bp of K0]; marked where the simultaneous interval excludes zero."""
    rows = [name for name in board.governors if name != STATIC]
    gains = [abs(entry.gain.value) for entry in board.entries]
    scale = ScalarMappable(SymLogNorm(linthresh=1.0, vmin=-max([*gains, 1.0]), vmax=max([*gains, 1.0])), COLOURS)
    names = [f"{name}{' *' if board.splits[name] in HELD_OUT else ''}" for name in board.scenarios]
    with look():
        longest = max(len(name) for name in names)
        width, height = max(7.6, 3.0 + 0.62 * len(names)), 1.7 + 0.36 * max(len(rows), 1) + 0.055 * longest
        figure = new_figure(width, height)
        axes = figure.subplots()
        axes.grid(False)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xticks(range(len(names)), names, rotation=50, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), [spaced(name) for name in rows])
        axes.set_xlabel("scenario (* validation: held out from training)")
        for y, name in enumerate(rows):
            for x, scenario in enumerate(board.scenarios):
                entry = board.entry(name, scenario)
                if entry is None:
                    continue
                colour = scale.to_rgba(np.array(entry.gain.value))
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
                ink = BLACK if float(np.dot(colour[:3], (0.299, 0.587, 0.114))) > 0.5 else "white"
                value = entry.gain.value
                text = "0" if abs(value) < 0.05 else f"{value:+.1f}" if abs(value) < 100 else f"{value:+.0f}"
                weight = "bold" if entry.marked else "normal"
                axes.text(x, y, text, ha="center", va="center", fontsize=7, color=ink, weight=weight)
                if entry.marked:
                    frame = Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, edgecolor=ink, linewidth=1.0)
                    axes.add_patch(frame)
        bar = figure.colorbar(scale, ax=axes, fraction=0.04, pad=0.01)
        bar.set_label("gain of W over static [bp of K0]")
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")
        bar.ax.minorticks_off()
        figure.suptitle(
            f"Gain of W over the static protocol, {board.seeds} paired seeds a scenario; framed and bold: simultaneous "
            "95% interval excludes zero",
            x=0.01, ha="left", fontsize=9,
        )  # fmt: skip
    return figure
