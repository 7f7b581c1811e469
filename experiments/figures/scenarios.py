"""Pictures of scenarios: a fan of paths with known facts, and the conditions below."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from protogov.envs.scenarios import Crisis, Pulse, Replay, Scenario, get_scenario
from protogov.experiments.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    look,
    new_figure,
    seed_line,
    spaced,
)

Floats = NDArray[np.float64]
HOURS = 336
LENGTHS = (HOURS, 168, 72, 24, 6, 1)  # the first length that fits into a file of candles is shown
BEFORE, AFTER = 24, 36  # hours shown around a crisis or an attack
UNDER_OVERLAYS = "jump"  # the path that overlays are drawn on
PATHS = 3  # seeds shown by a line of their own
# what the strips show: field of the tape -> (factor, label)
STRIPS: dict[str, tuple[float, str]] = {
    "implied_vol": (100.0, "implied\nvol [%]"),
    "depth": (1e-3, "depth of 1%\n[kUSD]"),
    "congestion": (100.0, "congestion\n[%]"),
    "leverage_demand": (1.0, "leverage\ndemand [x]"),
    "peg": (1.0, "debt asset\n[USD]"),
    "funding": (100.0, "funding\n[% per year]"),
    "outside_yield": (100.0, "outside\nyield [%]"),
    "informed_share": (100.0, "informed\nflow [%]"),
    "flow_intensity": (1.0, "option\nflow [x]"),
}
STRIP_LINES: dict[str, dict[str, Any]] = {
    "implied_vol": {"color": VERMILLION, "linestyle": "-"},
    "depth": {"color": GREEN, "linestyle": (0, (4, 1.6))},
    "congestion": {"color": PURPLE, "linestyle": "-"},
    "leverage_demand": {"color": ORANGE, "linestyle": "-"},
    "peg": {"color": BLACK, "linestyle": "-"},
    "funding": {"color": BLUE, "linestyle": "-"},
    "outside_yield": {"color": GREEN, "linestyle": "-"},
    "informed_share": {"color": PURPLE, "linestyle": "-"},
    "flow_intensity": {"color": ORANGE, "linestyle": "-"},
}


@dataclass(frozen=True)
class Drawn:
    """Tapes of one scenario, cut to the hours that are shown.

    Attributes:
        scenario: whose.
        tapes: TAPE[seeds, hours].
        hours: F64[hours], of the episode, or since the onset where `aligned`.
        aligned: the crisis or attack of every row is at hour 0.
    """

    scenario: Scenario
    tapes: NDArray[np.void]
    hours: Floats
    aligned: bool

    @classmethod
    def of(cls, scenario: Scenario, seeds: int) -> "Drawn":
        """Draw `seeds` tapes of it; an overlay is drawn on `UNDER_OVERLAYS`."""
        keys = np.arange(seeds, dtype=np.uint64)
        path = get_scenario(UNDER_OVERLAYS) + scenario if scenario.is_overlay else scenario
        length = next((hours for hours in LENGTHS if _can_be_drawn(path, hours)), LENGTHS[-1])
        tapes = path.draw(keys, length)
        if isinstance(scenario, Crisis):
            onsets, lasts = scenario.onsets(keys), scenario.story.length
        elif isinstance(scenario, Pulse):
            onsets, lasts = scenario.onsets(keys), scenario.hours
        else:
            return cls(scenario, tapes, np.arange(length + 1, dtype=np.float64), False)
        first, last = min(BEFORE, int(onsets.min())), lasts + AFTER
        # a late onset ends early: hours beyond the episode repeat its last hour and are not shown
        last = min(last, length - int(np.quantile(onsets, 0.8)))
        kept = onsets + last <= length
        at = onsets[kept][:, None] + np.arange(-first, last + 1)
        hours = np.arange(-first, last + 1, dtype=np.float64)
        return cls(scenario, np.take_along_axis(tapes[kept], at, axis=1), hours, True)

    def values(self, field: str) -> Floats:
        """A field of the tapes, F64[seeds, hours]."""
        return np.asarray(self.tapes[field], np.float64)


def _can_be_drawn(path: Scenario, hours: int) -> bool:
    try:
        path.check_hours(hours)
    except ValueError:
        return False
    return True


def draw_sheet(drawn: Sequence[Drawn]) -> Figure:
    """All scenarios on one sheet: one fan each, with implied vol and depth below."""
    columns = min(4, len(drawn))
    rows = -(-len(drawn) // columns)
    with look():
        figure = new_figure(3.7 * columns, 2.75 * rows + 0.5)
        cells = figure.subfigures(rows, columns, squeeze=False).ravel()
        for cell, one in zip(cells, drawn, strict=False):
            price, strip = cell.subplots(2, 1, sharex=True, height_ratios=[2.3, 1.0])
            draw_top(price, one, small=True)
            price.set_title(f"{one.scenario.name}  [{one.scenario.split}]")
            price.tick_params(labelbottom=False)
            two_strips(strip, one)
            time_axis(strip, one)
        figure.supxlabel(sheet_caption(drawn), x=0.01, ha="left", fontsize=8.5, color=GREY)
    return figure


def draw_scenario(one: Drawn) -> Figure:
    """One scenario in full: fan, paths, waypoints, and one strip per condition with its source."""
    origins = one.scenario.provenance()
    files = [leaf.candles for leaf in one.scenario.leaves if isinstance(leaf, Replay)]
    recorded = [field for field in STRIPS if any(field in candles.recorded for candles in files)]
    shown = {"implied_vol", "depth", "congestion", "leverage_demand", *recorded}
    if np.ptp(one.values("peg")) > 0.02:
        shown.add("peg")
    fields = [field for field in STRIPS if field in shown]
    with look():
        figure = new_figure(7.4, 3.0 + 0.95 * len(fields))
        axes = figure.subplots(1 + len(fields), 1, sharex=True, height_ratios=[3.0] + [1.0] * len(fields))
        title = [f"{one.scenario.name}  [{one.scenario.kind}, {one.scenario.split}]", *wrap(one.scenario.about, 68)]
        axes[0].set_title("\n".join(title))
        draw_top(axes[0], one, small=False)
        name_origin(axes[0], origins.get("price", ""))
        axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
        for strip, field in zip(axes[1:], fields, strict=True):
            scale, label = STRIPS[field]
            # single seeds show the recording itself: bands mix hours of all openings
            fan(strip, one.hours, scale * one.values(field), STRIP_LINES[field], paths=field in recorded)
            name_origin(strip, origins.get(field, ""))
            strip.set_ylabel(label)
            strip.yaxis.set_major_locator(MaxNLocator(3))
            if isinstance(one.scenario, Crisis):
                mark_points(strip, one, field, scale)
        time_axis(axes[-1], one)
        figure.align_ylabels(axes)
        if isinstance(one.scenario, Crisis):
            words = "blue dots: points that implied vol (and the peg) are drawn through"
            figure.supxlabel(words, x=0.01, ha="left", fontsize=7.5, color=GREY)
    return figure


def name_origin(axes: Axes, origin: str) -> None:
    """Write the source of a channel at the foot of its axes, below the legend."""
    words = origin.replace(" or ", "\nor ")
    axes.annotate(
        words, (1.0, 0.0), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points", va="bottom",
        fontsize=7.5, color=GREY,
    )  # fmt: skip


def draw_top(axes: Axes, one: Drawn, *, small: bool) -> None:
    """The upper axes: the price, or for an overlay the channels that it writes."""
    if isinstance(one.scenario, Pulse):
        draw_channels(axes, one.scenario, one)
        if small:
            axes.legend(loc="upper right", fontsize=7, handlelength=1.8)
        return
    close = one.values("close")
    absolute = isinstance(one.scenario, Crisis)
    shown = close if absolute else 100.0 * close / close[:, :1]
    fan(axes, one.hours, shown, {"color": BLUE, "linestyle": "-"}, paths=True)
    axes.set_ylabel("price [USD]" if absolute else "price [opening = 100]")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if isinstance(one.scenario, Crisis):
        story = one.scenario.story
        size = 2.6 if small else 4.0
        inside = one.hours[-1]
        for known, face, label in ((True, BLACK, "known close"), (False, "white", "filled-in close")):
            points = [one for one in story.closes if one[0] <= inside and story.is_known("closes", one[0]) == known]
            if points:
                dots = axes.plot(*zip(*points, strict=True), "o", color=BLACK, markersize=size, label=label, zorder=5)
                dots[0].set(markerfacecolor=face, markeredgewidth=0.7)
        for name, marker, color, label in (("lows", "v", VERMILLION, "known low"), ("highs", "^", GREEN, "known high")):
            found = np.array([point for point in story.facts_of(name) if point[0] <= inside]).reshape(-1, 2)
            if found.size:
                axes.plot(found[:, 0], found[:, 1], marker, color=color, markersize=size + 1.6, label=label, zorder=6)


def fan(axes: Axes, hours: Floats, values: Floats, line: dict[str, Any], *, paths: bool) -> None:
    """Bands that hold 50% and 90% of the seeds, the median, and a few single paths."""
    low, lower, middle, upper, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    axes.fill_between(hours, low, high, color=line["color"], alpha=0.14, linewidth=0, label="90% of seeds")
    axes.fill_between(hours, lower, upper, color=line["color"], alpha=0.24, linewidth=0, label="50% of seeds")
    axes.plot(hours, middle, linewidth=1.4, label="median", **line)
    for index in range(min(PATHS, len(values)) if paths else 0):
        label = "single seeds" if index == 0 else None
        axes.plot(hours, values[index], color=GREY, linewidth=0.6, alpha=0.9, label=label)


def draw_channels(axes: Axes, scenario: Pulse, one: Drawn) -> None:
    """Channels that an overlay writes: attacks, and factors on the path's values."""
    for index, channel in enumerate(scenario.sets):
        words = {"oracle_push": "log price", "griefing": "utilisation", "vol_push": "vol"}.get(channel, "share")
        middle = np.median(one.values(channel), axis=0)
        axes.plot(one.hours, middle, label=f"{spaced(channel)} [{words}]", drawstyle="steps-post", **seed_line(index))
    weight = scenario.weight(one.hours)
    scales = {channel: factor for channel, factor in scenario.scales.items() if channel not in ("open", "high", "low")}
    for index, (channel, factor) in enumerate(scales.items(), start=len(scenario.sets)):
        # a price moves little: draw its error, with errors of that size
        price = channel == "close"
        label = "price off by [share]" if price else f"{spaced(channel)} [factor]"
        axes.plot(one.hours, factor**weight - price, label=label, drawstyle="steps-post", **seed_line(index))
    low, high = axes.get_ylim()
    room = 0.2 + 0.2 * (len(scenario.sets) + len(scales))  # for the legend
    axes.set_ylim(low, high + room * (high - low))
    axes.set_ylabel("on the tape")
    axes.yaxis.set_major_locator(MaxNLocator(4))


def two_strips(axes: Axes, one: Drawn) -> None:
    """Implied vol on the left and depth on the right, medians with the band of 90%."""
    other = axes.twinx()
    for place, field in ((axes, "implied_vol"), (other, "depth")):
        scale, _ = STRIPS[field]
        values, line = scale * one.values(field), STRIP_LINES[field]
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0)
        place.fill_between(one.hours, low, high, color=line["color"], alpha=0.13, linewidth=0)
        place.plot(one.hours, middle, linewidth=1.2, **line)
        place.yaxis.set_major_locator(MaxNLocator(3))
        place.set_ylim(0.0, 1.15 * max(float(high.max()), 1e-9))
        place.tick_params(axis="y", colors=line["color"])
    axes.set_ylabel("vol [%]", color=STRIP_LINES["implied_vol"]["color"])
    other.set_ylabel("depth [k]", color=STRIP_LINES["depth"]["color"])
    other.spines["right"].set_visible(True)
    other.grid(visible=False)


def mark_points(axes: Axes, one: Drawn, field: str, scale: float) -> None:
    """Points of a condition in the story of a crisis."""
    assert isinstance(one.scenario, Crisis)
    story = one.scenario.story
    points = {"implied_vol": story.implied_vol, "peg": story.peg}.get(field, ())
    inside = np.array([point for point in points if 0 <= point[0] <= one.hours[-1]]).reshape(-1, 2)
    if inside.size:
        axes.plot(inside[:, 0], scale * inside[:, 1], "o", color=SKY, markeredgecolor=BLACK, markersize=3.6, zorder=5)


def time_axis(axes: Axes, one: Drawn) -> None:
    """Days of the episode, or hours since the onset."""
    axes.set_xlim(one.hours[0], one.hours[-1])
    if one.aligned:
        axes.set_xlabel("hours since the onset")
        axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
        return
    axes.set_xlabel("day of the episode")
    axes.set_xticks(np.arange(0.0, one.hours[-1] + 1.0, 48.0))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 24:g}"))


def sheet_caption(drawn: Sequence[Drawn]) -> str:
    """Meaning of bands, lines and marks."""
    text = "Bands hold 50% and 90% of the seeds; thin grey lines are single seeds. Below: implied vol, and depth of 1%."
    if any(isinstance(one.scenario, Crisis) for one in drawn):
        text += " Dots: closes of the story, hollow if filled in; triangles: known lows and highs."
    if any(isinstance(one.scenario, Pulse) for one in drawn):
        text += f" Overlays: the channels that they write, on {UNDER_OVERLAYS}."
    return text
