"""The library of scenarios, as rows of text, pictures and a page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios import Crisis, Pulse, Replay, Scenario, get_scenario, overlay_names, scenario_names
from protogov.envs.scenarios.base import CHANNELS, ORIGINS
from protogov.experiments.core.files import whole, write_text
from protogov.experiments.errors import BadInput, as_bad_input

KINDS = ("synthetic", "mixture", "crisis", "failure", "path", "replay", "overlay")  # the order of the list
ORIGINS_MEAN = {
    "recorded": "from a file of candles or from published facts.",
    "derived": "a stated function of the price path, with no draw of its own.",
    "invented": "drawn from our own process, or set by us.",
}
BLOCKS = "▁▂▃▄▅▆▇█"
THUMBNAIL = 18  # characters
THUMBNAIL_SEEDS = 21  # number of tapes from which a typical one is chosen


def entries(
    names: Sequence[str] = (), split: str | None = None, *, begin: str | None = None, end: str | None = None
) -> list[Scenario]:
    """The scenarios of these names, by default all registered ones, by kind and name; only one split if given.

    Episodes of files of candles lie between the ISO-8601 times `begin` and `end`.

    Raises:
        BadInput: an unknown name, a sealed one, or nothing left to list.
    """
    if split == "test" and not names:
        raise BadInput(f"the split test is sealed and not listed: {', '.join(scenario_names('test'))}")
    with as_bad_input():
        found = [get_scenario(name, begin=begin, end=end) for name in names or (*scenario_names(), *overlay_names())]
    chosen = [scenario for scenario in found if split in (None, scenario.split)]
    if not chosen:
        raise BadInput(f"split is {split!r}; none of {', '.join(scenario.name for scenario in found)} belongs to it")
    return chosen if names else sorted(chosen, key=lambda one: (KINDS.index(one.kind), one.name))


def row_of(scenario: Scenario) -> tuple[str, str, str, str]:
    """(name, split, kind, description) of a scenario."""
    parts = [leaf.name for leaf in scenario.leaves]
    about = scenario.about or (f"{parts[0]}, with {', '.join(parts[1:])} on top" if len(parts) > 1 else "")
    return scenario.name, scenario.split, scenario.kind, about


def origins_of(scenario: Scenario) -> list[tuple[str, str]]:
    """(origin, channels) of a scenario: recorded, derived, invented; for an overlay the channels that it changes."""
    provenance = scenario.provenance()
    groups: dict[str, list[str]] = {}
    for channel in CHANNELS:
        if channel in provenance:
            groups.setdefault(provenance[channel], []).append(channel.replace("_", " "))
    ordered = sorted(groups, key=lambda origin: [ORIGINS.index(word) for word in origin.split(" or ")])
    return [(origin, ", ".join(groups[origin])) for origin in ordered]


def origin_line(scenario: Scenario) -> str:
    """The same in a line of text."""
    parts = [f"{origin}: {channels}" for origin, channels in origins_of(scenario)]
    return "; ".join(parts) or "changes no channel of the market: it writes attacks only"


def thumbnail(scenario: Scenario) -> tuple[str, str]:
    """A scenario as a line of blocks, and the meaning of the line.

    A path shows the price of a typical tape (its lowest price is the median over tapes) between its own extremes, and
    how far the lowest price is below the first. An overlay shows the first channel that it writes.
    """
    from protogov.experiments.figures.scenarios import Drawn

    drawn = Drawn.of(scenario, THUMBNAIL_SEEDS)
    if isinstance(scenario, Pulse):
        channel = next(iter((*scenario.sets, *scenario.scales)))
        return blocks(np.median(drawn.values(channel), axis=0)), channel.replace("_", " ")
    prices = drawn.values("close") / drawn.values("close")[:, :1]
    lows = prices.min(axis=1)
    typical = int(np.argsort(lows)[len(lows) // 2])
    return blocks(prices[typical]), f"{100.0 * (lows[typical] - 1.0):+.0f}%"


def blocks(values: NDArray[np.float64]) -> str:
    """Values in `THUMBNAIL` characters from their lowest to their highest; a flat line for equal values."""
    at = np.linspace(0, values.size - 1, THUMBNAIL).round().astype(int)
    extent = float(np.ptp(values))
    if extent == 0.0:
        return BLOCKS[0] * THUMBNAIL
    share = (values[at] - values.min()) / extent
    return "".join(BLOCKS[int(one)] for one in np.minimum(share * len(BLOCKS), len(BLOCKS) - 1))


def table_of(chosen: Sequence[Scenario], *, origins: bool = False) -> list[str]:
    """The list in lines of text, each with a thumbnail; `origins` adds a line on the source of its channels."""
    rows = [("name", "split", "kind", "typical price", "low / channel", "what it is")]
    for scenario in chosen:
        name, split, kind, about = row_of(scenario)
        rows.append((name, split, kind, *thumbnail(scenario), about))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = []
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[5]]).rstrip())
    if any(scenario.is_overlay for scenario in chosen):
        lines += [
            "",
            "Add an overlay to any other scenario: jump + oracle-push. Its line shows what it writes.",
        ]
    if origins:
        lines += ["", *(f"{origin:<8}  {meaning}" for origin, meaning in ORIGINS_MEAN.items()), ""]
        lines += [f"{scenario.name:<{widths[0]}}  {origin_line(scenario)}" for scenario in chosen]
    return lines


def write_library(chosen: Sequence[Scenario], seeds: int, folder: Path, command: str) -> list[Path]:
    """Write the contact sheet (SVG, PNG), one figure per scenario (SVG) and the page; returns their paths."""
    from tqdm import tqdm

    from protogov.experiments.figures import style
    from protogov.experiments.figures.scenarios import Drawn, draw_scenario, draw_sheet

    drawn, paths, pictures = [], [], []
    for scenario in tqdm(chosen, desc="scenarios", leave=False):
        drawn.append(Drawn.of(scenario, seeds))
        name = file_name(scenario)
        pictures.append(style.save(draw_scenario(drawn[-1]), folder, name))
    sheet = draw_sheet(drawn)
    paths.append(style.save(sheet, folder, "scenarios"))
    paths.append(folder / "scenarios.png")
    with style.look(), whole(paths[-1]) as unfinished:
        sheet.savefig(unfinished, format="png", dpi=90, metadata={"Software": None})
    paths.append(write_text(folder / "scenarios.html", page(chosen, pictures, paths[0], command, seeds)))
    return paths + pictures


def file_name(scenario: Scenario) -> str:
    """The scenario's name as a file name, distinct from the names of the sheet."""
    return "scenario-" + "-".join("".join(c if c.isalnum() or c in "-._" else " " for c in scenario.name).split())


def page(chosen: Sequence[Scenario], pictures: Sequence[Path], sheet: Path, command: str, seeds: int) -> str:
    """The page: the list, the sheet, and each scenario with its facts."""
    from protogov.experiments.core.versions import now, versions
    from protogov.experiments.report.render import render

    about = versions()
    shown = [
        {
            "row": row_of(scenario),
            "picture": picture,
            "story": scenario.story if isinstance(scenario, Crisis) else None,
            "cleaned": [leaf.report for leaf in scenario.leaves if isinstance(leaf, Replay) and leaf.report],
            "overlay": scenario.is_overlay,
            "origins": dict(origins_of(scenario)),
        }
        for scenario, picture in zip(chosen, pictures, strict=True)
    ]
    made = {"made": now(), "command": command, "commit": about["commit"], "protogov": about["protogov"]}
    return render(
        "scenarios.html.j2", title="Scenarios", shown=shown, seeds=seeds, sheet=sheet, meaning=ORIGINS_MEAN, made=made
    )
