"""Figures of a report: each of a measure that was made, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from protogov.experiments.core.statistics import student_t
from protogov.experiments.core.text import plain, signed
from protogov.experiments.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    dots,
    headline,
    heat_cell,
    look,
    new_figure,
    spaced,
)
from protogov.experiments.studies.emergence.anchors import CORE
from protogov.experiments.studies.emergence.drawing_paths import figure_of
from protogov.experiments.studies.emergence.laboratory import Report
from protogov.experiments.studies.emergence.measure import Finding
from protogov.experiments.studies.emergence.reading import WELFARE
from protogov.experiments.studies.emergence.self_test import GAIN_OF_LEARNERS, GAIN_OF_MYOPIC

MOST_BARS = 18
CAPTIONS = {
    "influence": "Mean effect on a decision, in thousandths of a basis point of K0, with its 95% interval: on "
    "mandates, and on welfare of all venues. A lever in force is held one and two caps from where it stood, up and "
    "down, for one decision; the effect is that of a cap up. Colour: the effect in standard errors, red above 0. A "
    "frame: significant in its family. 0 without an interval: exactly 0 in every episode; ≈ 0: less than 0.0005 with "
    "its interval. Last row, the placebo: a push by nothing.",
    "policy": "The same effects, as far as they go through the policies of the other governors: total less mechanical.",
    "fan": "The push with the clearest effect on another's mandate, decision by decision, on the tapes where it is "
    "clearest: up, down, and down with the others replayed; mean and 95% interval over units.",
    "dividends": "What a group of governors adds to welfare beyond what each smaller group of them adds, with 95% "
    f"intervals, the largest first, at most {MOST_BARS} of them. Groups that add exactly 0 are left out.",
    "ladder": "What each governor gains by the best other answer that a search found; every unit is a dot, with mean "
    "and 95% interval. The search sees other tapes: a gain below 0 was none, so that the mean is a lower bound of "
    "what could be gained. offset: constants beside its own actions; linear: slopes too; warm, scratch: a trained "
    "network; of training seeds each has its own.",
    "cross_play": "What everybody earns together when one governor comes from another training seed; the diagonal is "
    "home.",
    "gains": "Profit gain of the pairs of rivals at home (dots) and with strangers (crosses): 0 is the equilibrium of "
    "constants, 1 the joint optimum, both beside the same other governors and on the same tapes. Bands: the gains of "
    "Q-learners in the logit duopoly.",
    "anchors": "Mean reward of a decision, by the constant that a venue holds and the one that its rival holds, in "
    "actions from -1 to 1; the other governors are those that are examined. N: equilibrium of constants. J: joint "
    "optimum.",
    "attribution": "Welfare and losses of all venues with a governor less those with the defaults in its place, over "
    "the crisis, with 95% intervals; what governors are paid has no part in it. Points at exactly 0: the governor did "
    "not leave the defaults, or nobody noticed.",
    "tree": "Forced sales of the episode in which most had a cause, by hour and generation (0: no cause was found). A "
    "line leads from a cause to a sale that does not happen if the cause is muted. Areas grow with the debt repaid; "
    "diamonds are hedges of an option pool. Only the largest sales of an episode are muted, so that a small one has "
    "no effects here.",
    "training": "What the checkpoints of each training seed do in the same states, on the plane of the two main "
    "directions of its own path, and how far actions move from one checkpoint to the next.",
    "transfer": "Transfer entropy of the record in thousandths of a nat, from the governor on the left to the one "
    "above, beyond the mean of shifted series. A frame: significant in its family. A common cause may do this too.",
    "spectrum": "Power of each governor's levers over red noise (AR(1)) of the same persistence. Grey: up to the 95% "
    "quantile of red noise at each frequency alone; the test is of the highest peak of all governors.",
    "branching": "The branching ratio of forced sales by the likelihood of a Hawkes process, and by forks, with 95% "
    "intervals. A rate that swings by itself has a high likelihood of offspring; forks then find none.",
}


def draw_report(report: Report) -> dict[str, Figure]:
    """Every figure whose measure was made."""
    drawn: dict[str, Figure] = {}
    with look():
        for name, make in FIGURES.items():
            figure = make(report)
            if figure is not None:
                drawn[name] = figure
    return drawn


def _by_name(report: Report) -> dict[str, Finding]:
    return {one.name: one for one in report.findings}


def _influence(report: Report, kind: str) -> Figure | None:
    """Levers down, outcomes across."""
    data = report.series.get("influence")
    if data is None:
        return None
    levers, outcomes = [*data["levers"], "placebo: do(a = a)"], data["outcomes"]
    placebo = next((one for one in report.controls if one.name == "placebo"), None)
    found, colours = _by_name(report), colormaps["RdBu_r"]
    figure = new_figure(1.9 + 1.05 * len(outcomes), 1.3 + 0.25 * len(levers))
    axes = figure.subplots()
    first, last = data["window"]
    for row, lever in enumerate(levers):
        for column, outcome in enumerate(outcomes):
            if row == len(levers) - 1:
                words = "0" if placebo is not None and placebo.passed else "failed"
                heat_cell(axes, column, row, (1.0, 1.0, 1.0), {0.0: (words, 7)})
                continue
            one = found[f"{kind} {lever} -> {outcome} @{first}-{last}"]
            half = 1000.0 * one.interval.half_width
            text = plain(1000.0 * one.value) + (f" ± {plain(half)}" if 0.0 < half < np.inf else "")
            text = "≈ 0" if text == "0 ± 0" else text
            colour = colours(0.5 + 0.5 * np.clip(one.interval.z / 6.0, -1.0, 1.0))
            heat_cell(axes, column, row, colour, {0.0: (text, 7.5)}, VERMILLION if one.found else None)
    axes.set_xlim(-0.5, len(outcomes) - 0.5)
    axes.set_ylim(len(levers) - 0.5, -0.5)
    axes.set_xticks(range(len(outcomes)), [_outcome(name) for name in outcomes])
    axes.set_yticks(range(len(levers)), [_lever(name) for name in levers])
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    share = sum(
        one.verdict == "influence" for name, one in found.items()
        if name.startswith(f"{kind} ") and name.endswith(f"@{first}-{last}")
    )  # fmt: skip
    words = "everybody free to answer" if kind == "total" else "through others' policies alone"
    headline(figure, f"Influence over {last} decisions, {words}: {share} effects on others are significant", 9.0)
    return figure


def _outcome(name: str) -> str:
    return "welfare W\nof all" if name == WELFARE else name.replace("mandate/", "mandate of\n")


def _lever(name: str) -> str:
    agent, _, lever = name.partition("/")
    return f"{agent}: {spaced(lever)}" if lever else name


def _fan(report: Report) -> Figure | None:
    data = report.series.get("fan")
    if data is None:
        return None
    figure = new_figure(6.4, 3.2)
    axes = figure.subplots()
    looks = {"up": (BLUE, "-"), "down": (VERMILLION, (0, (5, 1.5))), "down, others replayed": (GREEN, (0, (1, 1)))}
    for name, curves in data["curves"].items():
        means = [student_t(own) for own in np.array(curves).T]  # decision by decision, over units
        mean = np.array([one.mean for one in means])
        half = np.array([one.half_width for one in means])
        t = np.arange(1, len(mean) + 1)
        axes.set_xticks(t)
        colour, style = looks[name]
        axes.plot(t, mean, color=colour, linestyle=style, label=name)
        axes.fill_between(t, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)
    axes.axhline(0.0, color=GREY, linewidth=0.7)
    axes.set_xlabel("decisions after the fork")
    axes.set_ylabel("change of the " + data["outcome"].replace("mandate/", "mandate of ") + " [bp of K0]", fontsize=8)
    figure.legend(loc="outside lower center", ncols=3)
    words = (
        f"Response to {_lever(data['lever'])}, held {data['caps']:g} caps away for one decision, on {data['scenario']}"
    )
    headline(figure, words, 9.0)
    return figure


def _rows(axes: Axes, findings: Sequence[Finding]) -> None:
    """Values with their intervals, one below another; what is significant is blue."""
    for row, one in enumerate(findings):
        ends = np.clip([one.value - one.interval.low, one.interval.high - one.value], 0.0, None)
        bars = ends[:, None] if np.isfinite(ends).all() else None
        colour = BLUE if one.found else GREY
        axes.errorbar([one.value], [row], xerr=bars, fmt="o", color=colour, markersize=4, capsize=2)
    axes.set_ylim(len(findings) - 0.5, -0.5)
    axes.axvline(0.0, color=GREY, linewidth=0.7)


def _dividends(report: Report) -> Figure | None:
    """The largest, without those that are exactly 0."""
    own = [one for one in report.findings if one.measure == "dividends" and not one.name.startswith("Shapley")]
    shown = sorted((one for one in own if one.value), key=lambda one: -abs(one.value))[:MOST_BARS]
    if not shown:
        return None
    figure = new_figure(7.2, 1.2 + 0.24 * len(shown))
    axes = figure.subplots()
    _rows(axes, shown)
    axes.set_yticks(range(len(shown)), [one.name.partition(" -> ")[0] for one in shown], fontsize=6.5)
    axes.set_xlabel("welfare of all venues [bp of K0 an episode]; blue: significant")
    held = sum(one.found and "+" in one.name for one in own)
    headline(figure, f"Dividends: {held} groups of two or more do something that their parts do not", 9.0)
    return figure


def _attribution(report: Report) -> Figure | None:
    own = [one for one in report.findings if one.measure == "cascades" and "'s decisions" in one.name]
    if not own:
        return None
    outcomes = list(dict.fromkeys(one.name.partition(" -> ")[2] for one in own))
    agents = list(dict.fromkeys(one.name.partition("'s")[0] for one in own))
    found = _by_name(report)
    figure = new_figure(2.1 * len(outcomes) + 1.0, 1.3 + 0.3 * len(agents))
    panels = figure.subplots(1, len(outcomes), sharey=True, squeeze=False)[0]
    for axes, outcome in zip(panels, outcomes, strict=True):
        _rows(axes, [found[f"{agent}'s decisions -> {outcome}"] for agent in agents])
        axes.set_title(outcome.removesuffix("/all"), fontsize=8)
        axes.set_xlabel("bp of K0")
    panels[0].set_yticks(range(len(agents)), agents)
    headline(figure, f"Contributions of decisions in {report.facts['crisis']}; blue: significant", 9.0)
    return figure


def _ladder(report: Report) -> Figure | None:
    data = report.series.get("ladder")
    if data is None:
        return None
    gains = np.array(data["gains"])
    figure = new_figure(1.0 + 0.95 * gains.shape[1], 3.0)
    axes = figure.subplots()
    for place in range(gains.shape[1]):
        dots(axes, place, gains[:, place], ORANGE)
    pairs = zip(data["agents"], data["rungs"], strict=True)
    names = ["\n".join([agent, *rungs.split(", ")]) for agent, rungs in pairs]
    axes.set_xticks(range(len(names)), names, fontsize=7)
    axes.axhline(0.0, color=GREY, linewidth=0.7)
    axes.set_ylabel("gain [reward an episode]")
    conv = next(one for one in report.findings if one.name == "NashConv")
    headline(figure, f"Exploitability: the gains found add up to {signed(conv.value)}", 9.0)
    return figure


def _cross_play(report: Report) -> Figure | None:
    data = report.series.get("cross-play")
    if data is None:
        return None
    payoffs = np.array(data["payoffs"])
    seeds = payoffs.shape[1]
    columns = min(3, len(payoffs))
    rows = -(-len(payoffs) // columns)
    figure = new_figure(1.0 + columns * max(1.8, 0.34 * seeds), 0.8 + rows * max(1.7, 0.34 * seeds))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    low, high = payoffs.min(), payoffs.max()
    for axes, agent, own in zip(panels, data["agents"], payoffs, strict=False):
        picture = axes.imshow(own, cmap="cividis", vmin=low, vmax=high)
        axes.set_title(f"another {agent}")
        axes.set_xticks(range(seeds))
        axes.set_yticks(range(seeds))
        axes.set_xlabel("seed of the visitor")
        axes.set_ylabel("seed at home")
        axes.grid(visible=False)
    for axes in panels[len(payoffs) :]:
        axes.set_axis_off()
    figure.colorbar(picture, ax=panels.tolist(), label="reward of all, an episode")
    found = [one for one in report.findings if one.measure == "cross-play" and one.found]
    headline(figure, f"Cross-play: {len(found)} of {len(payoffs)} swaps lose something", 9.0)
    return figure


def _gains(report: Report) -> Figure | None:
    data = report.series.get("gains")
    if not data:
        return None
    figure = new_figure(2.0 + 1.5 * len(data), 3.2)
    axes = figure.subplots()
    axes.axhspan(*GAIN_OF_LEARNERS, color=ORANGE, alpha=0.18, label="Q-learners of the duopoly")
    axes.axhspan(0.0, GAIN_OF_MYOPIC, color=GREY, alpha=0.18, label="myopic Q-learners of the duopoly")
    for place, own in enumerate(data.values()):
        dots(axes, place, np.array(own["home"]), BLUE)
        words = ("", "") if place else ("with strangers", "myopic Q-learners of this game")
        met = own["strangers"]
        axes.plot(np.full(len(met), place - 0.3), met, "x", color=VERMILLION, markersize=4, label=words[0])
        ends = [place - 0.4, place + 0.4]
        axes.plot(ends, [own["myopic"]] * 2, color="black", linestyle=(0, (4, 2)), linewidth=1.0, label=words[1])
    axes.set_xticks(range(len(data)), list(data))
    axes.set_ylabel("profit gain")
    figure.legend(loc="outside lower center", ncols=2)
    headline(figure, "Profit gain of rivals, every training seed", 9.0)
    return figure


def _anchors(report: Report) -> Figure | None:
    data = report.series.get("anchors")
    if not data:
        return None
    figure = new_figure(3.0 * len(data) + 0.4, 2.9)
    panels = figure.subplots(1, len(data), squeeze=False)[0]
    for axes, (role, own) in zip(panels, data.items(), strict=True):
        table, actions = np.array(own["own"]), np.array(own["actions"])
        half = 0.5 * (actions[1] - actions[0])
        box = (actions[0] - half, actions[-1] + half) * 2
        picture = axes.imshow(table, origin="lower", extent=box, cmap="cividis")
        # beside its point, N on the left and J on the right: the two may be the same
        marks = [(action, "N", -1.0) for action in own["nash"]] + [(own["joint"], "J", 1.0)]
        for action, word, side in marks:
            axes.plot(action, action, ".", color="white", markeredgecolor="black", markersize=7)
            axes.text(
                action + side * 0.6 * half, action, word, ha="center", va="center", fontweight="bold", fontsize=9,
                bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.0},
            )  # fmt: skip
        axes.set_xlabel("rival's action")
        axes.set_ylabel("own action")
        axes.set_title(f"{role}: {spaced(CORE[role])}", fontsize=8)
        axes.grid(visible=False)
        figure.colorbar(picture, ax=axes, shrink=0.8)
    headline(figure, "Own mean reward of a decision: one lever, held constant at two venues", 9.0)
    return figure


def _tree(report: Report) -> Figure | None:
    data = report.series.get("tree")
    if data is None:
        return None
    hours, generation, size = np.array(data["hours"]), np.array(data["generation"]), np.array(data["size"])
    hedge, parents = np.array(data["hedge"]), data["parents"]
    figure = new_figure(6.4, 3.2)
    axes = figure.subplots()
    for place, parent in enumerate(parents):
        if parent >= 0:
            axes.plot(hours[[parent, place]], generation[[parent, place]], color=GREY, linewidth=0.7, zorder=1)
    areas = 12.0 + 120.0 * size / max(float(size.max()), 1.0)
    axes.scatter(hours[~hedge], generation[~hedge], areas[~hedge], color=BLUE, alpha=0.7, label="forced sale", zorder=2)
    if hedge.any():
        axes.scatter(hours[hedge], generation[hedge], 30.0, color=ORANGE, marker="D", label="hedge", zorder=2)
    axes.set_yticks(range(int(generation.max()) + 1))
    axes.set_xlabel("hour of the episode")
    axes.set_ylabel("generation")
    figure.legend(loc="outside lower center", ncols=2)
    caused = sum(parent >= 0 for parent in parents)
    words = f"{caused} of {int((~hedge).sum())} forced sales do not happen without an earlier sale or hedge"
    headline(figure, words, 9.0)
    return figure


def _training(report: Report) -> Figure | None:
    data = report.series.get("training")
    return None if data is None else figure_of(data["rows"], data["winding"])


def _transfer(report: Report) -> Figure | None:
    """Sources down, targets across."""
    data = report.series.get("transfer")
    if data is None:
        return None
    agents, colours = data["agents"], colormaps["Blues"]
    found = {one.name: one for one in report.findings if one.measure == "transfer-entropy"}  # others share the names
    figure = new_figure(1.6 + 0.95 * len(agents), 1.2 + 0.3 * len(agents))
    axes = figure.subplots()
    largest = max((one.value for one in found.values()), default=0.0)
    for row, source in enumerate(agents):
        for column, target in enumerate(agents):
            if row == column:
                continue
            one = found[f"{source} -> {target}"]
            shade = colours(0.7 * max(one.value, 0.0) / max(largest, 1e-12))
            text = {0.0: (plain(1000.0 * one.value), 7.5)}
            heat_cell(axes, column, row, shade, text, VERMILLION if one.found else None)
    axes.set_xlim(-0.5, len(agents) - 0.5)
    axes.set_ylim(len(agents) - 0.5, -0.5)
    axes.set_xticks(range(len(agents)), agents)
    axes.set_yticks(range(len(agents)), agents)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    held = sum(one.found for one in found.values())
    headline(figure, f"Transfer entropy of the record: {held} of {len(agents) * (len(agents) - 1)} significant", 9.0)
    return figure


def _spectrum(report: Report) -> Figure | None:
    data = report.series.get("spectrum")
    if data is None:
        return None
    agents, frequencies = data["agents"], np.array(data["frequencies"])
    across = min(3, len(agents))
    down = -(-len(agents) // across)
    figure = new_figure(2.3 * across + 0.4, 1.6 * down + 0.8)
    panels = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
    for axes, agent, own, band in zip(panels, agents, data["spectra"], data["bands"], strict=False):
        axes.fill_between(frequencies, 0.0, band, color=GREY, alpha=0.25, linewidth=0, label="red noise, up to 95%")
        axes.plot(frequencies, own, color=BLUE, label="levers")
        axes.set_title(agent, fontsize=8)
        axes.set_ylim(0.0)
    for axes in panels[len(agents) :]:
        axes.set_axis_off()
    for axes in panels[max(0, len(agents) - across) : len(agents)]:
        axes.set_xlabel("cycles per decision")
        axes.tick_params(labelbottom=True)
    for axes in panels[: len(agents) : across]:
        axes.set_ylabel("power over red noise")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    held = sum(one.verdict == "a cycle" for one in report.findings if one.measure == "dynamics")
    headline(figure, f"Cycles of levers: {held} of {len(agents)} governors have a peak that red noise has not", 9.0)
    return figure


def _branching(report: Report) -> Figure | None:
    own = [one for one in report.findings if one.measure == "hawkes" and "ratio" in one.name]
    if not own:
        return None
    figure = new_figure(5.4, 1.0 + 0.35 * len(own))
    axes = figure.subplots()
    _rows(axes, own)
    axes.set_yticks(range(len(own)), [one.name for one in own])
    axes.set_xlabel("branching ratio: forced sales that one begets")
    headline(figure, "Two estimators of branching", 9.0)
    return figure


FIGURES: Mapping[str, Callable[[Report], Figure | None]] = {
    "influence": lambda report: _influence(report, "total"),
    "policy": lambda report: _influence(report, "policy"),
    "fan": _fan, "dividends": _dividends, "ladder": _ladder, "cross_play": _cross_play, "gains": _gains,
    "anchors": _anchors, "attribution": _attribution, "tree": _tree,
    "training": _training,
    "transfer": _transfer, "spectrum": _spectrum, "branching": _branching,
}  # fmt: skip
