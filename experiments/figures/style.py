"""One look for all figures: the Okabe-Ito palette, line styles that survive grey printing, and saving as SVG.

Palette: Okabe and Ito (2008), 'Color Universal Design'. Line style and width distinguish lines as colour does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from protogov.experiments.core.files import whole
from protogov.experiments.core.statistics import Floats, student_t

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
GREY = "#6E6E6E"
FAINT = "#BDBDBD"

LEARNED_LINE: dict[str, Any] = {"color": BLUE, "linestyle": "-", "linewidth": 1.6}
STATIC_LINE: dict[str, Any] = {"color": BLACK, "linestyle": (0, (4, 2)), "linewidth": 1.2}
# one look per training seed, distinct without colour
SEED_LINES: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-"},
    {"color": VERMILLION, "linestyle": (0, (5, 1.5))},
    {"color": GREEN, "linestyle": (0, (1, 1))},
    {"color": PURPLE, "linestyle": (0, (5, 1.5, 1, 1.5))},
    {"color": ORANGE, "linestyle": (0, (3, 1, 1, 1, 1, 1))},
    {"color": SKY, "linestyle": (0, (8, 2))},
    {"color": BLACK, "linestyle": (0, (1, 2.5))},
    {"color": GREY, "linestyle": "-"},
)
SEED_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

# Any: newer stubs of matplotlib spell out every key, older ones do not know them
_RC: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "lines.linewidth": 1.3,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "path",  # fonts differ in width between machines: text as paths keeps its place
    "svg.hashsalt": "protogov",  # equal figures give equal files
    "savefig.facecolor": "white",
}


@contextmanager
def look() -> Iterator[None]:
    """The project's matplotlib settings, while a figure is drawn and saved."""
    with matplotlib.rc_context(_RC):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, without a window system; draw it within `look`."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write `figure` as <name>.svg without dates: equal runs give equal files."""
    path = folder / f"{name}.svg"
    with look(), whole(path) as unfinished:
        figure.savefig(unfinished, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return path


def seed_line(index: int) -> dict[str, Any]:
    """How the index-th training seed is drawn."""
    return dict(SEED_LINES[index % len(SEED_LINES)])


def spaced(name: str) -> str:
    """A lever's or term's name for people."""
    return name.replace("_", " ").replace("ltv", "LTV")


def lever_scale(unit: str) -> tuple[float, str]:
    """(factor, words) that turn a lever's unit into that of an axis."""
    words = {"annual": "% a year", "share": "%", "vol": "vol points"}
    return (100.0, words[unit]) if unit in words else (1.0, unit)


def thousands(largest: float) -> tuple[float, str]:
    """(divisor, words) that keep the numbers of an axis up to `largest` short."""
    return (1e6, " (millions)") if largest >= 1e6 else (1e3, " (thousands)") if largest >= 1e4 else (1.0, "")


def money(axes: Axes, scale: float = 1e6) -> None:
    """Ticks of a USD axis in units of `scale`."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / scale:g}"))


def percent(axes: Axes, digits: int | None = None) -> None:
    """Ticks of a share in percent."""

    def text(value: float, _: Any) -> str:
        return f"{100 * value:g}" if digits is None else f"{100 * value:.{digits}f}"

    axes.yaxis.set_major_formatter(FuncFormatter(text))


def few_ticks(axes: Axes, x: int = 6, y: int = 5) -> None:
    """A limited number of ticks, so labels never touch."""
    axes.xaxis.set_major_locator(MaxNLocator(x))
    axes.yaxis.set_major_locator(MaxNLocator(y))


def days(axes: Axes, last_hour: float) -> None:
    """An x axis of hours, ticked in days."""
    step = 48.0 if last_hour > 200 else 24.0 if last_hour > 60 else 6.0
    axes.set_xlim(0.0, last_hour)
    axes.set_xticks([step * i for i in range(int(last_hour // step) + 1)])
    if step >= 24.0:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 24:g}"))
        axes.set_xlabel("day of the episode")
    else:
        axes.set_xlabel("hour of the episode")


def zero_line(axes: Axes) -> None:
    """A thin line at zero."""
    axes.axhline(0.0, color=GREY, linewidth=0.7, zorder=1)


def legend_above(axes: Axes, columns: int = 4, **details: Any) -> None:
    """A legend in its own rows between title and axes: inside it would cover data."""
    handles, labels = axes.get_legend_handles_labels()
    rows = -(-len(handles) // columns)
    axes.set_title(axes.get_title("left"), pad=4.0 + 13.0 * rows)
    look: dict[str, Any] = {
        "borderaxespad": 0.15,
        "columnspacing": 1.3,
        "handletextpad": 0.5,
        "borderpad": 0.2,
    } | details
    axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, **look)


def note(axes: Axes, text: str) -> None:
    """Text for axes without data."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=8.5)


def headline(figure: Figure, text: str, size: float = 10.0) -> None:
    """The headline, in bold of `size` points above the panels."""
    text = text[:1].upper() + text[1:]
    lines = wrap(text, int(115.0 / size * figure.get_figwidth()))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=size, fontweight="bold")


def dots(axes: Axes, place: float, values: Floats, color: str) -> None:
    """One dot per value above `place`, next to them mean and 95% interval."""
    found = student_t(values)
    # spread sideways by the golden ratio: even, and the same in every run
    aside = place + 0.44 * (np.arange(values.size) * 0.6180339887 % 1.0 - 0.5)
    axes.plot(aside, values, ".", markersize=3.5, alpha=0.45, color=color, markeredgewidth=0)
    bars = [[found.mean - found.low], [found.high - found.mean]]
    axes.errorbar([place + 0.36], [found.mean], bars, fmt="o", markersize=5, capsize=3, color=color, zorder=4)
    axes.grid(axis="x", visible=False)


def heat_cell(
    axes: Axes, x: float, y: float, colour: Any, lines: Mapping[float, tuple[str, float]], frame: str | None = None
) -> None:
    """A cell of a map of numbers.

    Args:
        axes: without a grid; cells are one wide and one high.
        x: of the middle.
        y: of the middle.
        colour: red, green, blue and optionally alpha; text is black or white, whichever is readable.
        lines: height above the middle -> (text, font size).
        frame: colour of a frame around the cell.
    """
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=1.0))
    ink = BLACK if float(np.dot(colour[:3], (0.299, 0.587, 0.114))) > 0.5 else "white"
    if frame is not None:
        inside = Rectangle((x - 0.46, y - 0.45), 0.92, 0.9, fill=False, edgecolor=frame, linewidth=2.0, zorder=3)
        axes.add_patch(inside)
    for above, (text, size) in lines.items():
        axes.text(x, y + above, text, ha="center", va="center", color=ink, fontsize=size)
