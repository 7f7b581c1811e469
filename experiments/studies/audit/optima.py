"""Where W is best along each lever: inside its range, or at an edge, where no balance is needed.

First each lever moves alone over its range, with the others at their defaults. A lever may be best at an edge if it is
so alone, if an action beyond .8 is not significantly worse than its best, or if tuned constants have it beyond .9. Then
it is searched again with the others (`contests`). It is at an edge if the best constants found have it beyond .9 and
the best with the lever within +-.8 are worse by more than two standard errors on fresh paired tapes.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.core.statistics import Floats, Interval, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns, groups, records
from protogov.experiments.core.text import number, signed
from protogov.experiments.figures.style import BLACK, FAINT, few_ticks, headline, new_figure, spaced
from protogov.experiments.studies.audit.claims import SIGNIFICANT
from protogov.experiments.studies.audit.contests import EDGE, WITHIN, Key, hold_contests
from protogov.experiments.studies.audit.drawing import footnote, names_of, suite_looks
from protogov.experiments.studies.audit.plan import CLAIM_TAPES, FIRST_TAPES, Audit
from protogov.experiments.studies.audit.play import (
    DEFAULTS,
    LEVER_NAMES,
    WELFARE,
    as_points,
    lever_values,
    picking,
    scoring,
    unique_points,
)
from protogov.experiments.studies.audit.tuned import SIZES as TUNED
from protogov.experiments.studies.audit.tuned import find_tuned

QUESTION = "Is W best inside each lever's range, or at an edge of it?"
SIZES = replace(TUNED, num_seeds=FIRST_TAPES, grid_seeds=128, claim_seeds=CLAIM_TAPES)
PLACES = (-1.0, -0.9, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
DEFAULT = PLACES.index(0.0)
COLUMNS = 4  # panels side by side


def measure(audit: Audit) -> Found:
    """Find each lever's best action alone, and search levers that may be at an edge again with the others tuned."""
    sizes = audit.sizes(SIZES)
    tuned = {suite: one.point for suite, one in find_tuned(audit).items()}
    curves = _grid(audit, sizes.grid_seeds)
    best = {key: best_place(curve.mean(axis=1)) for key, curve in curves.items()}
    sides = {(suite, name): edge_side(curve, tuned[suite][LEVER_NAMES.index(name)])
             for (suite, name), curve in curves.items()}  # fmt: skip
    gains = _gains_alone(audit, best, sizes.num_seeds)
    contests = hold_contests(audit, sizes, tuned, {key: side for key, side in sides.items() if side})
    rows, points = [], []
    for (suite, name), one in contests.items():
        at, curve, gain = LEVER_NAMES.index(name), curves[suite, name].mean(axis=1), gains[suite, name]
        # if the best constants keep a lever within .8, keeping it costs nothing, and there is no loss
        loss = one.loss or Interval(np.nan, np.nan, np.nan, 0)
        rows.append(
            {
                "suite": suite, "lever": name, "unit": LEVERS[at].unit, "lone_action": PLACES[best[suite, name]],
                "gain": gain.mean, "gain_error": gain.error, "tuned_action": tuned[suite][at],
                "searches": one.searches, "free_action": one.free[at],
                "free_value": lever_values(one.free, audit.config)[name], "kept_action": one.kept[at],
                "loss_within": loss.mean, "loss_error": loss.error, "loss_tapes": loss.n,
                "at_edge": at_edge(one.free[at], one.loss, sizes.claim_seeds),
            }
        )  # fmt: skip
        points += [
            {"suite": suite, "lever": name, "action": place, "over_default": value - curve[DEFAULT]}
            for place, value in zip(PLACES, curve, strict=True)
        ]
    again = sum(row["searches"] > 0 for row in rows)
    notes = [
        f"lone_action: best of {len(PLACES)} on {sizes.grid_seeds} tapes of selection, the other levers at their "
        f"defaults; gain: its gain on {sizes.num_seeds} others",
        f"{again} levers were searched again with the others tuned, kept within {WITHIN} and held at the edge, unless "
        f"tuned constants are already so: one search of {sizes.effort.distinct} tapes on each side, three if keeping "
        f"may lose; picked on {sizes.pick_seeds} tapes, scored on {sizes.num_seeds}, and on {sizes.claim_seeds} if "
        "the loss exceeds one standard error there; otherwise no sign is claimed",
    ]
    tables = {"optima": columns(rows), "optima_curves": columns(points)}
    return Found(tables, {"notes": notes, "claim_seeds": sizes.claim_seeds})


def _grid(audit: Audit, grid_seeds: int) -> dict[Key, Floats]:
    """W of each of `PLACES`, F64[places, tapes] a lever; the defaults are played once."""
    moved = [at for at in range(len(PLACES)) if at != DEFAULT]
    points = {"": DEFAULTS[None, :]} | {name: grid_points(name)[moved] for name in LEVER_NAMES}
    asked = {
        f"{suite}/{name}": picking(suite, of, grid_seeds)
        for suite in audit.suites for name, of in points.items()
    }  # fmt: skip
    played = audit.play(asked, "optima: grid")
    return {
        (suite, name): np.insert(played[f"{suite}/{name}"][WELFARE], DEFAULT, played[f"{suite}/"][WELFARE], axis=0)
        for suite in audit.suites for name in LEVER_NAMES
    }  # fmt: skip


def _gains_alone(audit: Audit, best: Mapping[Key, int], num_seeds: int) -> dict[Key, Interval]:
    """Gain of each lever's best action over its default, the other levers at theirs, on tapes of scoring."""
    points = {key: grid_points(key[1])[at] for key, at in best.items()}
    asked = {}
    for suite in audit.suites:
        own = [DEFAULTS, *(point for key, point in points.items() if key[0] == suite)]
        asked[suite] = scoring(suite, unique_points(own), num_seeds)
    played = audit.play(asked, "optima: alone")
    gains = {}
    for key, point in points.items():
        welfare = played[key[0]][WELFARE]
        gains[key] = student_t(welfare[asked[key[0]].points.index(as_points(point)[0])] - welfare[0])
    return gains


def grid_points(lever: str) -> Floats:
    """The lever at each of `PLACES`, the others at their defaults: F64[places, 12]."""
    points = np.zeros((len(PLACES), len(LEVERS)))
    points[:, LEVER_NAMES.index(lever)] = PLACES
    return points


def best_place(curve: Floats) -> int:
    """Number of the best of `PLACES`; a tie goes to the one nearest to the default."""
    tied = np.flatnonzero(curve == curve.max())
    return int(tied[np.abs(np.array(PLACES)[tied]).argmin()])


def edge_side(curve: Floats, tuned: float) -> float:
    """-1 or 1, the edge at which a lever may be best; 0 if nothing suggests one.

    Args:
        curve: W of each of `PLACES`, the others at their defaults, F64[places, tapes].
        tuned: the lever's action in tuned constants.
    """
    if abs(tuned) > EDGE:
        return float(np.sign(tuned))
    means = curve.mean(axis=1)
    best = best_place(means)
    for at in sorted(range(len(PLACES)), key=lambda place: -means[place]):
        lost = student_t(curve[best] - curve[at])
        # exactly equal is no edge: a lever without effect is best where it is
        if abs(PLACES[at]) > WITHIN and (at == best or (lost.error > 0.0 and lost.z <= SIGNIFICANT)):
            return float(np.sign(PLACES[at]))
    return 0.0


def at_edge(free: float, loss: Interval | None, claim_seeds: int) -> bool:
    """Whether the best constants have a lever beyond .9, and keeping it within .8 loses by more than two errors."""
    claimed = loss is not None and loss.n >= claim_seeds and loss.mean > 0.0 and loss.z > SIGNIFICANT
    return bool(abs(free) > EDGE and claimed)


def summarise(found: Found) -> list[str]:
    """Which levers are at an edge, suite by suite."""
    sentences = []
    for key, own in groups(found.tables["optima"], ["suite"]):
        levers = records(own)
        edge, others = [], []
        for row in levers:
            loss = f"{signed(row['loss_within'])} ± {number(row['loss_error'])}"
            if row["at_edge"]:
                edge.append(f"{row['lever']} at {row['free_value']:.3g} {row['unit']} ({loss} bp lost within)")
            elif abs(row["free_action"]) > EDGE:
                unclaimed = row["loss_tapes"] < found.facts["claim_seeds"]
                others.append(f"{row['lever']} ({loss}{', no sign claimed' if unclaimed else ''})")
        sentences.append(
            f"{key['suite']}: of {len(levers)} levers {sum(abs(row['lone_action']) > EDGE for row in levers)} are best "
            f"beyond {EDGE} alone, {len(edge) + len(others)} in the best constants found, and {len(edge)} at an edge"
            f"{': ' if edge else ''}{', '.join(edge)}"
            f"{'; beyond, but without a proven loss inside: ' if others else ''}{', '.join(others)}"
        )
    return sentences


def draw(found: Found) -> Figure:
    """W along each lever, the others at their defaults, and its value in the best constants: one panel per lever."""
    table, curves = found.tables["optima"], found.tables["optima_curves"]
    looks, levers = suite_looks(names_of(table["suite"])), names_of(table["lever"])
    lines = -(-len(levers) // COLUMNS)
    figure = new_figure(2.15 * COLUMNS, 1.0 + 2.0 * lines)
    panels = figure.subplots(lines, COLUMNS, sharex=True, squeeze=False).ravel()
    for unused in range(len(levers), panels.size):  # the panel above has the axis then
        panels[unused].remove()
        panels[unused - COLUMNS].tick_params(labelbottom=True)
    for axes, lever in zip(panels, levers, strict=False):
        shown = 5.0
        for row in (row for row in records(table) if row["lever"] == lever):
            look = looks[row["suite"]]
            own = (curves["suite"] == row["suite"]) & (curves["lever"] == lever)
            actions, over = curves["action"][own], curves["over_default"][own]
            axes.plot(actions, over, color=look["color"], label=row["suite"])
            best = int(np.flatnonzero(actions == row["lone_action"])[0])
            axes.plot(actions[best], over[best], markersize=6, markerfacecolor="white", **look)
            # its value in the best constants found, at the foot of the panel
            face = look["color"] if row["at_edge"] else "white"
            foot = axes.get_xaxis_transform()
            axes.plot(row["free_action"], 0.05, transform=foot, markersize=6, markerfacecolor=face, clip_on=False,
                      **look)  # fmt: skip
            shown = max(shown, float(over.max()))
        axes.axhline(0.0, color=BLACK, linewidth=0.7)
        axes.set_ylim(-4.0 * shown, 1.3 * shown)
        for side in (-1.0, 1.0):
            axes.axvspan(side * WITHIN, side * 1.04, color=FAINT, alpha=0.3, linewidth=0)
        axes.set_xlim(-1.04, 1.04)
        axes.set_title(spaced(lever), fontsize=8.5)
        few_ticks(axes, 5, 5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=len(looks))
    footnote(
        figure,
        "action: -1 low, 0 default, +1 high. Lines: W over the defaults [bp of K0 per episode] on the tapes of "
        "selection, cut off far below; marker on them: the best.\nMarker at the foot: in the best constants found; "
        f"filled: beyond {EDGE:g}, and within {WITHIN:g} worse by more than two standard errors; grey: beyond "
        f"{WITHIN:g}",
    )
    at_edges = (f"{int(own['at_edge'].sum())} of {len(levers)} on {key['suite']}" for key, own in
                groups(table, ["suite"]))  # fmt: skip
    headline(figure, f"Levers whose optimum is at an edge of their range: {', '.join(at_edges)}")
    return figure
