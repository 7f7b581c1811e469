"""What a file of tuned constants shows of its searches: a table, a figure of their way up, and a page.

A search has converged when its restarts end of themselves; how near to each other they end says how far to trust it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS
from protogov.experiments.core.files import write_text
from protogov.experiments.figures.style import BLUE, VERMILLION, lever_scale, look, new_figure, save, spaced
from protogov.experiments.tuned import LINEAR_GENERATIONS, LINEAR_SIGMA, SCORING

RESTARTS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-"},
    {"color": VERMILLION, "linestyle": (0, (4, 1.5))},
)
ENDS = {"budget": "s", "plateau": "o", "narrow": "D"}  # marker of why a restart ended
COLUMNS = 4
OUT_OF_VIEW = 0.35  # a search's first leaps are not shown if they lie deeper than this share of what it gained


def write_report(folder: Path, data: Mapping[str, Any], command: str) -> list[Path]:
    """Write `README.md` and `searches.svg` from the data of a tuned file (`protogov.experiments.tuned`)."""
    drawn = save(draw_searches(data), folder, "searches")
    return [drawn, write_text(folder / "README.md", page(data, command))]


def draw_searches(data: Mapping[str, Any]) -> Figure:
    """A panel a search: mean W of each generation on the tapes of the search, a line a restart."""
    found = data["found"]
    rows = -(-len(found) // COLUMNS)
    with look():
        figure = new_figure(9.2, 1.0 + 1.85 * rows)
        panels = figure.subplots(rows, min(COLUMNS, len(found)), squeeze=False)
        for axes in panels.flat[len(found) :]:
            axes.remove()
        for axes, (name, one) in zip(panels.flat, found.items(), strict=False):
            highest, lowest = -np.inf, np.inf
            for restart, line in zip(one["restarts"], RESTARTS, strict=False):
                history = np.array(restart["history"])
                axes.plot(np.arange(1, history.size + 1), history, **line)
                axes.plot(history.size, history[-1], ENDS[restart["stopped"]], color=line["color"], markersize=4.5)
                highest, lowest = max(highest, history.max()), min(lowest, float(np.quantile(history, 0.1)))
            room = max(highest - lowest, 1.0)
            axes.set_ylim(lowest - OUT_OF_VIEW * room, highest + 0.12 * room)
            axes.set_title(f"{name}\n{one['gain']:+.1f} ± {one['standard_error']:.1f} bp", fontsize=8.5)
        for axes in panels[:, 0]:
            axes.set_ylabel("mean W [bp of K0]")
        for axes in panels.flat[max(len(found) - COLUMNS, 0) : len(found)]:
            axes.set_xlabel("generation")
        first = panels.flat[0]
        handles = [first.plot([], [], **line)[0] for line in RESTARTS]
        handles += [first.plot([], [], kind, color="black", markersize=4.5)[0] for kind in ENDS.values()]
        labels = ["from the defaults", "from the best known, twice the population"]
        labels += ["ended by its budget", "ended: no more gain", "ended: step too small"]
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        converged = sum(bool(one["converged"]) for one in found.values())
        figure.suptitle(
            f"{converged} of {len(found)} searches ended because there was no more to gain; "
            "in the titles the gain over the defaults on fresh tapes",
            x=0.01, ha="left", fontsize=9.5, fontweight="bold",
        )  # fmt: skip
    return figure


def page(data: Mapping[str, Any], command: str) -> str:
    """The searches, what they found, and the commands that made them."""
    found, budget = data["found"], data["budget"]
    made = dict.fromkeys(str(one["command"]) for one in found.values())
    return "\n".join(
        [
            "# What constants and a linear rule can be tuned to",
            "",
            "![Every search's way up](searches.svg)",
            "",
            f"CMA-ES on welfare, all twelve levers at once, at most {budget['generations']} generations of "
            f"{budget['population']} candidates from the defaults on. A second restart, where there is one, has twice "
            "the population and noise of its own, and begins at the best of the defaults and of the constants that "
            "searches of the file had found by then. A restart is over "
            f"after {budget['plateau']} generations that raise the mean of W by less than {budget['tolerance']:g} bp "
            f"of K0, or when its widest step is below {budget['narrow']:g} of a lever's action.",
            "",
            f"Gain: W over the defaults on {SCORING} tapes that neither search nor selection saw, mean and standard "
            "error over whole seeds. Restarts 1 and 2: generations, why it ended, and its gain on the tapes of "
            "selection, as many as those of the search; what lies between two is noise and what a search misses. "
            "Constants: of which search; another's, if they are clearly better there.",
            "",
            "The linear rule is searched once, from the constants on and on four times the tapes, in at most "
            f"{LINEAR_GENERATIONS} generations with a first step of {LINEAR_SIGMA:g}; then the share of the way is "
            "taken that is best on other tapes, because a search over so many weights goes too far. Its gain on the "
            "tapes of selection is over those constants.",
            "",
            "| tuned on | gain [bp of K0] | z | tapes | episodes | restart 1 | restart 2 | constants of |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(name, one) for name, one in found.items()),
            "",
            "## The constants",
            "",
            *_constants(data["constants"]),
            "",
            "The linear rule's weights stand in `agents/baselines/tuned.json`. Searched by",
            "",
            *(f"    {line}" for line in made),
            "",
            "and written by",
            "",
            f"    {command}",
            "",
        ]
    )


def _row(name: str, one: Mapping[str, Any]) -> str:
    ways = [f"{len(each['history'])}, {each['stopped']}, {each['gain']:+.1f}" for each in one["restarts"]]
    ways += [""] * (2 - len(ways))
    cells = [name, f"{one['gain']:+.1f} ± {one['standard_error']:.1f}", f"{one['z']:.1f}", str(one["tapes"])]
    cells.append(f"{one['episodes']:,}")
    return f"| {' | '.join([*cells, *ways[:2], one['search']])} |"


def _constants(constants: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A row a lever in the unit that people read, a column a scenario."""
    names = list(constants)
    lines = [f"| lever | default | {' | '.join(names)} |", f"|{'---|' * (len(names) + 2)}"]
    for name in constants[names[0]]:
        lever = LEVERS[LEVER_INDEX[name]]
        factor, unit = lever_scale(lever.unit)
        values = [f"{factor * value:.3g}" for value in (lever.default, *(constants[at][name] for at in names))]
        lines.append(f"| {spaced(name)} [{unit}] | {' | '.join(values)} |")
    return lines
