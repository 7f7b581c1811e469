"""Screening: every candidate is trained briefly and listed, and at most two are selected.

What a candidate left is kept, one after the other, so that a screening may end on another machine than it began. The
rule of selection uses the split validation alone, on tapes that no later stage plays.
"""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.commands.options import WorldOptions
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.statistics import Floats, interval_columns, student_t
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, concatenate, groups
from protogov.experiments.core.text import signed
from protogov.experiments.studies.learning.analysis import NOTHING
from protogov.experiments.studies.learning.candidates import CANDIDATES, Candidate, find_candidates
from protogov.experiments.studies.learning.kept import Place, Rows, Unit
from protogov.experiments.studies.learning.opponents import Opponents, tuned_on
from protogov.experiments.studies.learning.options import Options
from protogov.experiments.studies.learning.playing import (
    Match,
    Tapes,
    controls_of,
    matrix,
    play_matches,
    screening_tapes,
)
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    COOPERATIVE,
    LINEAR_RULE,
    PLAN,
    STRESS,
    VALIDATION,
)
from protogov.experiments.studies.learning.runs import Learner, Trained, train_learner

MARKET = STRESS
RIVALS = tuple(tuned_on(name, MARKET) for name in (CONSTANTS, LINEAR_RULE))
MOST = 2  # selected candidates
SEED = "seed_"  # and the number: columns of curves
GAINS = ("gain", "over_linear", "over_own_means", "over_yoked", "feedback")


def measure(options: Options, how: Running, opponents: Opponents) -> Found:
    """Train and play every candidate on the first size, and the best of them on the next."""
    rows, runs, curves = Rows(), Rows(), Rows()
    for size in options.size:
        units = []
        for candidate in entrants(options, rows):
            unit = screen(options, how, opponents, candidate, size)
            units.append(candidate_row(size, candidate, unit.tables.get("runs", []), unit.failed))
            runs += unit.tables.get("runs", [])
            curves += unit.tables.get("curves", [])
            if how.show:
                print(f"screening {size}: {candidate.name}: {unit.failed or signed(units[-1]['gain']) + ' bp'}",
                      file=sys.stderr, flush=True)  # fmt: skip
        rows += units
    tables = {"screening": columns(rows)} | (
        {"runs": columns(runs), "curves": by_hours(columns(curves))} if runs else {}
    )
    chosen, reasons = choose(rows, options.last_size)
    return Found(tables, {"chosen": chosen, "reasons": reasons})


def entrants(options: Options, rows: Rows) -> list[Candidate]:
    """Candidates of the next size: all of the options on the first, then the best of the size before, and references.

    Args:
        options: of the study.
        rows: of the sizes before.
    """
    wanted = find_candidates(options.candidates)
    if not rows:
        return list(wanted)
    able = [row for row in rows if row["size"] == rows[-1]["size"] and not row["failed"]]
    best = {row["candidate"] for row in ranked([row for row in able if not row["reference"]])[: PLAN.finalists]}
    return [one for one in wanted if one.reference or one.name in best]


def screen(options: Options, how: Running, opponents: Opponents, candidate: Candidate, size: str) -> Unit:
    """Train a candidate on a size and play it on validation, unless what it left is kept."""
    learner = Learner(
        candidate, size, COOPERATIVE, MARKET, options.seeds_of("screening"), options.screening_hours, options.worlds
    )
    out, start, tapes = options.check(), opponents.start(size, MARKET), screening_tapes(options)

    def measure() -> Unit:
        trained = train_learner(learner, start, out, how)
        rivals = [one for one in opponents.sets(size, MARKET, out) if one.name in RIVALS]
        matches = [Match(WorldOptions(size=size).make(), one, tapes) for one in rivals]
        matches += [Match(one.learner.config(), one.governors(), tapes, controls=True) for one in trained]
        played = play_matches(matches, how, f"{candidate.name} on {size}")
        curves = curve_rows([trained], RIVALS[0], played, tapes, how)
        return Unit({"runs": run_rows(trained, played), "curves": curves})

    return Place(out, learner, start, options.reduced()).once(measure)


def run_rows(own: Sequence[Trained], played: Table) -> list[dict[str, Any]]:
    """One row per seed of a learner."""
    learner = own[0].learner
    gains = gains_of(played, VALIDATION, learner.name)
    return [
        {"size": learner.size, "candidate": learner.candidate.name, "seed": one.seed, "hours": one.way[-1][0],
         **{name: float(values[at]) for name, values in gains.items()}}
        for at, one in enumerate(own)
    ]  # fmt: skip


def candidate_row(size: str, candidate: Candidate, runs: Sequence[Mapping[str, Any]], failed: str) -> dict[str, Any]:
    """One candidate on one size, with intervals over its seeds; NaN where its training diverged."""
    row = {
        "size": size, "candidate": candidate.name, "algorithm": candidate.algorithm, "about": candidate.about,
        "reference": candidate.reference, "seeds": len(runs), "failed": failed,
    }  # fmt: skip
    for name in GAINS:
        found = student_t([one[name] for one in runs]) if runs else NOTHING
        row |= interval_columns(name, found)
    return row


def gains_of(played: Table, suite: str, name: str) -> dict[str, Floats]:
    """Mean gains of a learner, F64[training seeds]; feedback is the smaller of those over the two controls."""
    own = matrix(played, suite, name).mean(axis=1)
    constants, linear = (own - matrix(played, suite, one).mean() for one in RIVALS)
    means, yoked = (own - matrix(played, suite, one).mean(axis=1) for one in controls_of(name))
    return {
        "gain": constants, "over_linear": linear, "over_own_means": means, "over_yoked": yoked,
        "feedback": np.minimum(means, yoked),
    }  # fmt: skip


def curve_rows(
    trained: Iterable[Sequence[Trained]], constants: str, played: Table, tapes: Tapes, how: Running
) -> list[dict[str, Any]]:
    """W over the constants along the way of every seed.

    Args:
        trained: seeds of each learner.
        constants: name of the constants.
        played: the constants and the ends of all seeds, on the same tapes.
        tapes: the suite.
        how: processes, and where finished pieces are kept.
    """
    every = [one for of in trained for one in of]
    steps = [(one, at, hours) for one in every for at, (hours, _) in enumerate(one.way[:-1])]
    matches = [Match(one.learner.config(), one.governors(at, f"{one.learner.name} at {at}"), tapes)
             for one, at, _ in steps]  # fmt: skip
    table = concatenate([played, play_matches(matches, how, "curves")]) if matches else played
    steps += [(one, -1, one.way[-1][0]) for one in every]
    level, rows = matrix(table, tapes.name, constants).mean(), []
    for one, at, hours in steps:
        learner = one.learner
        name = learner.name if at < 0 else f"{learner.name} at {at}"
        welfare = matrix(table, tapes.name, name)[learner.seeds.index(one.seed)]
        rows.append({"size": learner.size, "candidate": learner.candidate.name, "learner": learner.name,
                     "algorithm": learner.candidate.algorithm, "seed": one.seed, "hours": hours,
                     "gain": float(welfare.mean() - level)})  # fmt: skip
    return rows


def by_hours(curves: Table) -> Table:
    """A column per seed instead of a row, so that git keeps the table of a whole screening, which is too long else.

    Args:
        curves: of `curve_rows`. A table that has columns of seeds already stays.

    Returns:
        One row per size, learner and market hours: the mean `gain`, and that of every seed, `seed_<seed>`, NaN of a
        seed that is not of this learner.
    """
    if "seed" not in curves:
        return curves
    seeds = np.unique(curves["seed"]).tolist()
    rows = Rows()
    for key, own in groups(curves, ["size", "candidate", "learner", "algorithm", "hours"]):
        of = dict(zip(own["seed"].tolist(), own["gain"].tolist(), strict=True))
        rows.append({**key, "gain": own["gain"].mean(), **{f"{SEED}{seed}": of.get(seed, math.nan) for seed in seeds}})
    return columns(rows)


def of_seeds(curves: Table) -> Floats:
    """Gains of every seed in a table of `by_hours`, F64[rows, seeds], without seeds that no row has."""
    gains = np.column_stack([values for name, values in curves.items() if name.startswith(SEED)])
    return np.asarray(gains[:, ~np.isnan(gains).all(axis=0)])


def choose(rows: Sequence[Mapping[str, Any]], size: str) -> tuple[list[str], list[str]]:
    """Names of the candidates that the registered rule selects, and the reasons in sentences.

    Args:
        rows: of the screening, with size, candidate, algorithm, reference, failed, gain and feedback.
        size: the last one.
    """
    able = [row for row in rows if row["size"] == size and not row["reference"] and not row["failed"]]
    if not able:
        return [], ["The training of every candidate diverged: none is selected."]
    fed = [row for row in able if row["feedback"] > 0.0]
    reasons = [] if fed else ["No candidate gains over both of its controls; the rule is applied to all."]
    first, *others = ranked(fed or able)
    chosen = [first]
    reasons.append(f"{first['candidate']} has the highest score, {first['gain']:+.2f} bp, and is selected.")
    if others and first["gain"] - others[0]["gain"] <= PLAN.smallest_effect:
        chosen.append(others[0])
        reasons.append(
            f"{others[0]['candidate']} is {first['gain'] - others[0]['gain']:.2f} bp behind, at most the smallest "
            "effect of interest, and is selected too."
        )
    return [row["candidate"] for row in chosen[:MOST]], reasons


def ranked(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By their scores, the highest first; equal ones in the order of the table of candidates."""
    order = {one.name: at for at, one in enumerate(CANDIDATES)}
    return sorted(rows, key=lambda row: (-row["gain"], order.get(row["candidate"], len(order))))
