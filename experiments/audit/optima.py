"""Where W is best along each lever: inside its range, or at an edge, where the world asks for no balance.

First each lever alone over its range, the others at their defaults. A lever may be best at an edge if it is so alone,
if an action beyond .8 cannot be told from its best, or if tuned constants have it beyond .9: it is then searched again
with the others (`contests`). It is at an edge if the best constants that were found have it beyond .9 and the best with
it within +-.8 are worse by more than two standard errors on fresh paired tapes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.lever_table import LEVERS
from protogov.experiments.audit.contests import AGAIN, EDGE, WITHIN, Contest, Key, Plan, hold_contests
from protogov.experiments.audit.measurement import (
    CLAIM_TAPES,
    FIRST_SCORING,
    FIRST_SELECTION,
    FIRST_TAPES,
    PICKING,
    SIGNIFICANT,
    Floats,
    Measurement,
    Paired,
    columns,
)
from protogov.experiments.audit.playing import (
    WELFARE,
    Play,
    as_points,
    play_pieces_of,
    said_levers,
    unique_points,
)
from protogov.experiments.audit.running import HERE, Running
from protogov.experiments.audit.searching import Effort
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.audit.tuned import EFFORT, LEVER_NAMES, PICK_TAPES, find_tuned
from protogov.experiments.core.tables import Table

QUESTION = "Is W best inside each lever's range, or at an edge of it?"
PLACES = (-1.0, -0.9, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
DEFAULT = PLACES.index(0.0)


def measure_optima(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    grid_seeds: int = 128,
    num_seeds: int = FIRST_TAPES,
    claim_seeds: int = CLAIM_TAPES,
    effort: Effort = EFFORT,
    again: Effort = AGAIN,
    pick_seeds: int = PICK_TAPES,
    how: Running = HERE,
) -> Measurement:
    """Find each lever's best action alone, and try those that may be at an edge again with the others tuned.

    Args:
        config: one venue.
        suites: what is drawn from.
        grid_seeds: tapes of selection on which a lever's best action alone is picked.
        num_seeds: scoring tapes of what that action gains, and of whether keeping a lever may lose anything.
        claim_seeds: paired tapes of what keeping a lever within .8 loses, where it may.
        effort: of the searches of `tuned`, from whose constants the others start.
        again: of the searches with a lever kept or held.
        pick_seeds: tapes on which their winners are picked.
        how: processes, and where finished pieces are kept.
    """
    tuned = {suite: one.point for suite, one in find_tuned(config, suites, effort, pick_seeds, how).items()}
    curves = _grid(config, suites, grid_seeds, how)
    best = {key: best_place(curve.mean(axis=1)) for key, curve in curves.items()}
    edges = {}
    for (suite, name), curve in curves.items():
        side = edge_side(curve, tuned[suite][LEVER_NAMES.index(name)])
        if side:
            edges[suite, name] = side
    alone = _alone(config, suites, best, num_seeds, how)
    contests = hold_contests(config, tuned, edges, Plan(again, pick_seeds, num_seeds, claim_seeds), how)
    rows, points = [], []
    for (suite, name), contest in contests.items():
        action, curve = PLACES[best[suite, name]], curves[suite, name].mean(axis=1)
        rows.append(lever_row(config, suite, name, action, alone[suite, name], tuned[suite], contest, claim_seeds))
        points += [
            {"suite": suite, "lever": name, "action": place, "over_default": float(value - curve[DEFAULT])}
            for place, value in zip(PLACES, curve, strict=True)
        ]
    table = columns(rows)
    notes = (
        f"lone_action: best of {len(PLACES)} on {grid_seeds} tapes of selection, the other levers at their defaults; "
        f"gain: what it gains on {num_seeds} others",
        f"{int((table['searches'] > 0).sum())} levers again with the others tuned, kept within {WITHIN} and held at "
        f"the edge as far as tuned constants do not do so: one search of {again.distinct} tapes on each side, three "
        f"where keeping may lose; picked on {pick_seeds} tapes, scored on {num_seeds}, and on {claim_seeds} where the "
        "loss is more than one standard error there: elsewhere no sign is claimed",
    )
    return Measurement("optima", QUESTION, say(table, claim_seeds), table, notes, {"optima_curves": columns(points)})


def _grid(config: WorldConfig, suites: Sequence[str], grid_seeds: int, how: Running) -> dict[Key, Floats]:
    """W of each of `PLACES`, F64[places, tapes] a lever; the defaults are played once."""
    moved = [at for at in range(len(PLACES)) if at != DEFAULT]
    asked = {}
    for suite in suites:
        points = {"": np.zeros((1, len(LEVERS))), **{name: grid_points(name)[moved] for name in LEVER_NAMES}}
        for name, of in points.items():
            asked[f"{suite}/{name}"] = Play(suite, as_points(of), FIRST_SELECTION + PICKING, grid_seeds)
    played = play_pieces_of(config, asked, how, "optima: grid")
    curves = {}
    for suite in suites:
        for name in LEVER_NAMES:
            curve = np.empty((len(PLACES), grid_seeds))
            curve[DEFAULT], curve[moved] = (played[f"{suite}/{of}"][f"{WELFARE}/0"] for of in ("", name))
            curves[suite, name] = curve
    return curves


def _alone(
    config: WorldConfig, suites: Sequence[str], best: Mapping[Key, int], num_seeds: int, how: Running
) -> dict[Key, Paired]:
    """What each lever's best action gains over the defaults, the others at theirs, on tapes of scoring."""
    asked = {}
    for suite in suites:
        points = [grid_points(name)[best[suite, name]] for name in LEVER_NAMES]
        asked[suite] = Play(
            suite, as_points(unique_points(np.array([np.zeros(len(LEVERS)), *points]))), FIRST_SCORING, num_seeds
        )
    played = play_pieces_of(config, asked, how, "optima: alone")
    gains = {}
    for (suite, name), at in best.items():
        row = asked[suite].points.index(as_points(grid_points(name)[at])[0])
        welfare = played[suite][f"{WELFARE}/0"]
        gains[suite, name] = Paired.of(welfare[row] - welfare[0])
    return gains


def grid_points(lever: str) -> Floats:
    """The lever at each of `PLACES`, the others at their defaults: F64[places, 12]."""
    points = np.zeros((len(PLACES), len(LEVERS)))
    points[:, LEVER_NAMES.index(lever)] = PLACES
    return points


def best_place(curve: Floats) -> int:
    """Number of the best of `PLACES`; where several are equally good, the one nearest to the default."""
    tied = np.flatnonzero(curve == curve.max())
    return int(tied[np.abs(np.array(PLACES)[tied]).argmin()])


def edge_side(curve: Floats, tuned: float) -> float:
    """-1 or 1, the edge that a lever may be best at; 0 where nothing suggests any.

    Args:
        curve: W of each of `PLACES`, the others at their defaults, F64[places, tapes].
        tuned: the lever's action in tuned constants.
    """
    if abs(tuned) > EDGE:
        return float(np.sign(tuned))
    means = curve.mean(axis=1)
    best = best_place(means)
    for at in sorted(range(len(PLACES)), key=lambda place: -means[place]):
        lost = Paired.of(curve[best] - curve[at])
        # exactly alike is no edge: what changes nothing is best where it is
        if abs(PLACES[at]) > WITHIN and (at == best or (lost.error > 0.0 and lost.z <= SIGNIFICANT)):
            return float(np.sign(PLACES[at]))
    return 0.0


def lever_row(
    config: WorldConfig,
    suite: str,
    lever: str,
    alone: float,
    gain: Paired,
    tuned: Floats,
    contest: Contest,
    claim_seeds: int,
) -> dict[str, object]:
    """One lever of one suite: best action alone, tuned, in the best constants found and in the best that keep it.

    A lever that the best constants keep within .8 themselves loses nothing by it, and has no loss (NaN).
    """
    number, loss = LEVER_NAMES.index(lever), contest.loss
    free = float(contest.free[number])
    return {
        "suite": suite, "lever": lever, "unit": LEVERS[number].unit, "lone_action": alone, "gain": gain.mean,
        "gain_error": gain.error, "tuned_action": float(tuned[number]), "searches": contest.searches,
        "free_action": free, "free_value": said_levers(contest.free, config)[lever],
        "kept_action": float(contest.kept[number]), "loss_within": np.nan if loss is None else loss.mean,
        "loss_error": np.nan if loss is None else loss.error, "loss_tapes": 0 if loss is None else loss.n,
        "at_edge": at_edge(free, loss, claim_seeds),
    }  # fmt: skip


def at_edge(free: float, loss: Paired | None, claim_seeds: int) -> bool:
    """Whether the best constants have a lever beyond .9, and keeping it within .8 loses by more than two errors."""
    claimed = loss is not None and loss.n >= claim_seeds and loss.mean > 0.0 and loss.z > SIGNIFICANT
    return bool(abs(free) > EDGE and claimed)


def say(table: Table, claim_seeds: int) -> tuple[str, ...]:
    """Which levers are at an edge, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        here = table["suite"] == suite
        alone, beyond = here & (np.abs(table["lone_action"]) > EDGE), here & (np.abs(table["free_action"]) > EDGE)
        edge = here & table["at_edge"]
        unclear = beyond & ~edge
        named = ", ".join(
            f"{table['lever'][row]} at {table['free_value'][row]:g} {table['unit'][row]} "
            f"({table['loss_within'][row]:+.2f} +- {table['loss_error'][row]:.2f} bp lost within)"
            for row in np.flatnonzero(edge)
        )
        others = ", ".join(
            f"{table['lever'][row]} ({table['loss_within'][row]:+.2f} +- {table['loss_error'][row]:.2f}"
            f"{'' if table['loss_tapes'][row] >= claim_seeds else ', no sign claimed'})"
            for row in np.flatnonzero(unclear)
        )
        parts.append(
            f"{suite}: of {int(here.sum())} levers {int(alone.sum())} are best beyond {EDGE} alone, "
            f"{int(beyond.sum())} in the best constants found, and {int(edge.sum())} at an edge"
            f"{': ' + named if named else ''}{'; beyond it, but not shown to lose within: ' + others if others else ''}"
        )
    return tuple(parts)
