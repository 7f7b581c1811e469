"""Where W is best along each lever: inside its range, or at an edge, where the world asks for no balance.

First each lever alone over its range, the others at their defaults. Where the best action lies beyond .9, that may be
the fault of the others: so the lever is searched again with them, once within +-.8 and once held at the edge. It is at
an edge if the best within is worse by more than two standard errors on fresh paired tapes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.world.levers import LEVERS
from protogov.experiments.audit.measurement import (
    CLAIM_TAPES,
    FIRST_SCORING,
    FIRST_SELECTION,
    PICKING,
    SIGNIFICANT,
    Floats,
    Measurement,
    Paired,
    columns,
)
from protogov.experiments.audit.playing import WELFARE, Play, as_points, play_pieces_of, said_levers
from protogov.experiments.audit.running import HERE, Piece, Running, run_pieces
from protogov.experiments.audit.searching import Effort, Search, offers, search_piece
from protogov.experiments.audit.suites import SUITES
from protogov.experiments.audit.tuned import EFFORT, LEVER_NAMES, PICK_TAPES, find_tuned
from protogov.experiments.tables import Table

QUESTION = "Is W best inside each lever's range, or at an edge of it?"
PLACES = (-1.0, -0.9, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
EDGE, WITHIN = 0.9, 0.8  # an action beyond the one is at an edge if none up to the other does as well
AGAIN = Effort(generations=10, population=12, tapes=32, sigma=0.2)  # from tuned constants on, which are near
FIRST_AGAIN = 16  # seed of these searches: beyond those of `tuned`


@dataclass(frozen=True)
class Contest:
    """The best constants with a lever anywhere against the best with it kept within +-.8.

    Attributes:
        suite: what is drawn from.
        lever: that is kept.
        free: F64[12] actions of the one.
        kept: of the other.
    """

    suite: str
    lever: str
    free: Floats
    kept: Floats

    @property
    def differ(self) -> bool:
        """Whether the best of all is not within +-.8 itself."""
        return not np.array_equal(self.free, self.kept)


def measure_optima(
    config: WorldConfig,
    suites: Sequence[str] = SUITES,
    grid_seeds: int = 128,
    num_seeds: int = 512,
    claim_seeds: int = CLAIM_TAPES,
    effort: Effort = EFFORT,
    again: Effort = AGAIN,
    pick_seeds: int = PICK_TAPES,
    how: Running = HERE,
) -> Measurement:
    """Find each lever's best action, and try those at an edge again with the others tuned.

    Args:
        config: one venue.
        suites: what is drawn from.
        grid_seeds: tapes of selection on which a lever's best action is picked.
        num_seeds: scoring tapes of what that action gains over the default.
        claim_seeds: paired tapes of what keeping a lever within .8 loses.
        effort: of the searches of `tuned`, whose constants the others stand at.
        again: of the searches with a lever kept or held.
        pick_seeds: tapes on which their winners are picked.
        how: processes, and where finished pieces are kept.
    """
    grid = {(suite, name): grid_points(name) for suite in suites for name in LEVER_NAMES}
    played = _play(config, grid, FIRST_SELECTION + PICKING, grid_seeds, how, "optima: grid")
    curves = {key: welfare.mean(axis=1) for key, welfare in played.items()}
    best = {key: best_place(curve) for key, curve in curves.items()}
    asked = {key: grid[key][[PLACES.index(0.0), at]] for key, at in best.items()}
    scored = _play(config, asked, FIRST_SCORING, num_seeds, how, "optima: scoring")
    edges = [key for key, at in best.items() if abs(PLACES[at]) > EDGE]
    losses: dict[tuple[str, str], Paired] = {}
    if edges:
        tuned = {suite: one.point for suite, one in find_tuned(config, suites, effort, pick_seeds, how).items()}
        held = {key: PLACES[best[key]] for key in edges}
        contests = _contests(config, tuned, held, again, pick_seeds, how)
        pairs = {(one.suite, one.lever): np.array([one.kept, one.free]) for one in contests if one.differ}
        claimed = _play(config, pairs, FIRST_SCORING, claim_seeds, how, "optima: claim")
        losses = {(one.suite, one.lever): Paired(0.0, 0.0, claim_seeds) for one in contests}
        losses |= {key: Paired.of(welfare[1] - welfare[0]) for key, welfare in claimed.items()}
    rows, points = [], []
    for (suite, name), at in best.items():
        gain, curve = Paired.of(scored[suite, name][1] - scored[suite, name][0]), curves[suite, name]
        rows.append(lever_row(suite, name, PLACES[at], scored[suite, name], gain, losses.get((suite, name))))
        points += [
            {"suite": suite, "lever": name, "action": place, "over_default": float(value - curve[PLACES.index(0.0)])}
            for place, value in zip(PLACES, curve, strict=True)
        ]
    notes = (
        f"{len(PLACES)} actions a lever on {grid_seeds} tapes of selection, the others at their defaults; gain of the "
        f"best on {num_seeds} others; levers best beyond {EDGE} again with the others tuned ({again.distinct} tapes), "
        f"within {WITHIN} and at the edge, on {claim_seeds} paired tapes",
        f"{_episodes(len(suites), len(edges), grid_seeds, num_seeds, claim_seeds, again, pick_seeds)} episodes beside "
        "those of tuned",
    )
    table = columns(rows)
    return Measurement("optima", QUESTION, say(table), table, notes, {"optima_curves": columns(points)})


def grid_points(lever: str) -> Floats:
    """The lever at each of `PLACES`, the others at their defaults: F64[places, 12]."""
    points = np.zeros((len(PLACES), len(LEVERS)))
    points[:, LEVER_NAMES.index(lever)] = PLACES
    return points


def best_place(curve: Floats) -> int:
    """Number of the best of `PLACES`; where several are equally good, the one nearest to the default."""
    tied = np.flatnonzero(curve == curve.max())
    return int(tied[np.abs(np.array(PLACES)[tied]).argmin()])


def lever_row(
    suite: str, lever: str, action: float, scored: Floats, gain: Paired, loss: Paired | None
) -> dict[str, object]:
    """One lever of one suite; a lever that is best inside has no loss (NaN)."""
    point = np.zeros(len(LEVERS))
    point[LEVER_NAMES.index(lever)] = action
    return {
        "suite": suite, "lever": lever, "action": action, "value": said_levers(point)[lever],
        "unit": LEVERS[LEVER_NAMES.index(lever)].unit, "welfare": float(scored[1].mean()),
        "gain": gain.mean, "gain_error": gain.error, "beyond": abs(action) > EDGE,
        "loss_within": np.nan if loss is None else loss.mean, "loss_error": np.nan if loss is None else loss.error,
        "at_edge": at_edge(action, loss),
    }  # fmt: skip


def at_edge(action: float, loss: Paired | None) -> bool:
    """Whether a best action lies beyond .9 and what is lost by staying within .8 is more than two standard errors."""
    return abs(action) > EDGE and loss is not None and loss.mean > SIGNIFICANT * loss.error and loss.mean > 0.0


def kept_searches(suite: str, lever: str, tuned: Floats, held: float, again: Effort, seed: int) -> list[Search]:
    """The search with the lever within +-.8, and the one of the others with it held at the edge."""
    number = LEVER_NAMES.index(lever)
    kept, edge = tuned.copy(), tuned.copy()
    kept[number], edge[number] = np.clip(tuned[number], -WITHIN, WITHIN), held
    others = tuple(name for name in LEVER_NAMES if name != lever)
    return [
        Search(suite, LEVER_NAMES, again, seed, as_points(kept)[0], {lever: (-WITHIN, WITHIN)}),
        Search(suite, others, again, seed, as_points(edge)[0]),
    ]


def _contests(
    config: WorldConfig,
    tuned: Mapping[str, Floats],
    held: Mapping[tuple[str, str], float],
    again: Effort,
    pick_seeds: int,
    how: Running,
) -> list[Contest]:
    """For each (suite, lever), both sides' best on tapes of selection; tuned constants are among the candidates."""
    jobs = {
        (suite, lever): kept_searches(suite, lever, tuned[suite], place, again, FIRST_AGAIN + at)
        for at, ((suite, lever), place) in enumerate(held.items())
    }
    pieces = [
        Piece(f"optima_{suite}_{lever}_{words}", job)
        for (suite, lever), pair in jobs.items()
        for words, job in zip(("kept", "held"), pair, strict=True)
    ]
    found = iter(run_pieces(search_piece, config, pieces, how, "optima: searches"))
    pools = {}
    for (suite, lever), pair in jobs.items():
        ends = [end for _ in pair for end in offers(next(found))]
        pools[suite, lever] = np.array([tuned[suite], *(job.start for job in pair), *ends])
    played = _play(config, pools, FIRST_SELECTION + PICKING, pick_seeds, how, "optima: picking")
    return [
        Contest(suite, lever, *pick_sides(pools[suite, lever], welfare.mean(axis=1), lever))
        for (suite, lever), welfare in played.items()
    ]


def pick_sides(pool: Floats, means: Floats, lever: str) -> tuple[Floats, Floats]:
    """(the best of all, the best with the lever within +-.8) of candidates F64[c, 12] with mean W F64[c]."""
    inside = np.abs(pool[:, LEVER_NAMES.index(lever)]) <= WITHIN
    return pool[int(means.argmax())], pool[int(np.where(inside, means, -np.inf).argmax())]


def _play(
    config: WorldConfig, points: Mapping[tuple[str, str], Floats], first: int, count: int, how: Running, label: str
) -> dict[tuple[str, str], Floats]:
    asked = {f"{suite}_{name}": Play(suite, as_points(of), first, count) for (suite, name), of in points.items()}
    played = play_pieces_of(config, asked, how, label)
    return {(suite, name): played[f"{suite}_{name}"][f"{WELFARE}/0"] for suite, name in points}


def _episodes(
    suites: int, edges: int, grid_seeds: int, num_seeds: int, claim_seeds: int, again: Effort, pick_seeds: int
) -> int:
    grid = suites * len(LEVERS) * (len(PLACES) * grid_seeds + 2 * num_seeds)
    return grid + edges * (2 * again.episodes + 7 * pick_seeds + 2 * claim_seeds)


def say(table: Table) -> str:
    """Which levers are at an edge, suite by suite."""
    parts = []
    for suite in dict.fromkeys(table["suite"]):
        here = table["suite"] == suite
        beyond, edge = here & table["beyond"], here & table["at_edge"]
        named = ", ".join(
            f"{table['lever'][row]} at {table['value'][row]:g} ({table['loss_within'][row]:+.2f} +- "
            f"{table['loss_error'][row]:.2f} bp lost within)" for row in np.flatnonzero(edge)
        )  # fmt: skip
        parts.append(
            f"{suite}: of {int(here.sum())} levers {int(beyond.sum())} are best beyond {EDGE} alone, and "
            f"{int(edge.sum())} at an edge with the others tuned{': ' + named if named else ''}"
        )
    return "; ".join(parts)
