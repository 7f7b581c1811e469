"""The aim of the study, clause by clause, from the tables of its stages.

Aim, as registered: better than the best tuned constants, every controller and the linear rule in W on natural and on
the test, intervals clear of zero; two thirds of the room are captured; expected shortfall is no worse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from protogov.experiments.core.statistics import Interval, interval_in
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.text import listed, markdown, paragraph, signed_span
from protogov.experiments.studies.learning.describing import (
    BEST_CONTROLLER,
    COMMITTED_CONSTANTS,
    COMMITTED_RULE,
    OTHER_CONSTANTS,
    OTHER_RULE,
)
from protogov.experiments.studies.learning.options import CEILINGS, EVALUATION, FINAL
from protogov.experiments.studies.learning.preregistration import (
    CONSTANTS,
    HYPOTHESES,
    LINEAR_RULE,
    NATURAL,
    PLAN,
)
from protogov.experiments.training.open_test import SUITE as TEST

YES, NO, NOT_SHOWN, OPEN = "yes", "no", "not shown", "open"
WORST = (NO, NOT_SHOWN, YES)
W_NATURAL, W_TEST = "W on natural", "W on the test"
TAIL_NATURAL, TAIL_TEST = "expected shortfall on natural", "expected shortfall on the test"
ROOM = "two thirds of the room"
CLAUSES = (W_NATURAL, W_TEST, ROOM, TAIL_NATURAL, TAIL_TEST)
# stage -> its suite of the aim, and the clauses that it decides
SUITES = {EVALUATION: (NATURAL, W_NATURAL, TAIL_NATURAL), FINAL: (TEST, W_TEST, TAIL_TEST)}
OPPONENTS = (CONSTANTS, LINEAR_RULE, OTHER_CONSTANTS, OTHER_RULE, COMMITTED_CONSTANTS, COMMITTED_RULE)
FORMS = HYPOTHESES[0].learned  # that learn for welfare


@dataclass(frozen=True)
class Part:
    """A comparison that a clause needs.

    Attributes:
        clause: one of `CLAUSES`.
        learner: whose aim it is.
        against: opponent, or ceiling.
        found: a difference [bp of K0 a fortnight], or a share of the room.
        met: "yes", "no" or "not shown".
    """

    clause: str
    learner: str
    against: str
    found: Interval
    met: str


def decide(found: Interval, needed: float, refuted: float) -> str:
    """Whether a number is shown to be above `needed` by its whole interval, or to be below `refuted`."""
    if found.low > needed:
        return YES
    return NO if found.high < refuted else NOT_SHOWN


def parts_of(stages: Mapping[str, Found]) -> list[Part]:
    """Every comparison that the measured stages hold."""
    found: list[Part] = []
    for stage, (suite, level, tail) in SUITES.items():
        if stage in stages:
            found += _of_suite(stages[stage].tables, suite, level, tail)
    if CEILINGS in stages:
        for row in records(stages[CEILINGS].tables["room"]):
            captured = interval_in(row, "captured")
            if _welfare(row["learner"]) and isfinite(captured.mean):
                met = decide(captured, PLAN.room, PLAN.room)
                found.append(Part(ROOM, row["learner"], row["ceiling"], captured, met))
    return found


def _welfare(learner: str) -> bool:
    return any(f" {form} on " in learner for form in FORMS)


def _of_suite(tables: Mapping[str, Table], suite: str, level: str, tail: str) -> Iterable[Part]:
    """W over every opponent and over the closest controller, and expected shortfall over the registered opponents."""
    every = [row for row in records(tables.get("controllers", {})) if row["suite"] == suite]
    for row in records(tables.get("effects", {})):
        learner = row["learner"]
        if row["suite"] != suite or not _welfare(learner):
            continue
        beside = {name: interval_in(row, name) for name in OPPONENTS if name in row}
        controllers = {one["controller"]: interval_in(one, learner) for one in every if learner in one}
        if controllers:
            closest = min(controllers, key=lambda name: controllers[name].low)
            beside[f"{closest}, the closest of {len(controllers)} controllers"] = controllers[closest]
        elif BEST_CONTROLLER in row:
            beside[f"{row['controller']}, the best controller"] = interval_in(row, BEST_CONTROLLER)
        for name, found in beside.items():
            if isfinite(found.mean):
                yield Part(level, learner, name, found, decide(found, 0.0, 0.0))
    for row in records(tables.get("pairs", {})):
        if row["suite"] == suite and row["hypothesis"] == HYPOTHESES[0].name:
            found = interval_in(row, "shortfall_difference")
            met = decide(found, -PLAN.smallest_effect, 0.0)
            yield Part(tail, row["learner"], row["against"], found, met)


def summary(parts: Sequence[Part]) -> dict[tuple[str, str], tuple[str, Part | None]]:
    """(clause, learner) -> whether the clause is met, and the comparison in which it is furthest from that.

    A clause is met if all its comparisons are: each at 5%, without correction, because all must hold
    (intersection-union test).
    """
    found: dict[tuple[str, str], tuple[str, Part | None]] = {}
    for learner in dict.fromkeys(one.learner for one in parts):
        for clause in CLAUSES:
            own = [one for one in parts if (one.clause, one.learner) == (clause, learner)]
            least = min(own, key=lambda one: (WORST.index(one.met), one.found.low), default=None)
            found[clause, learner] = OPEN if least is None else least.met, least
    return found


def verdict(parts: Sequence[Part]) -> str:
    """One sentence: by whom the aim is met, and how many learners meet each clause."""
    found = summary(parts)
    learners = list(dict.fromkeys(learner for _, learner in found))
    if not learners:
        return "The aim: nobody who learns for welfare was played."
    words = {learner: {found[clause, learner][0] for clause in CLAUSES} for learner in learners}
    met = [learner for learner in learners if words[learner] == {YES}]
    could = [learner for learner in learners if words[learner] == {YES, OPEN}]
    if met:
        first = f"is met by {listed(met)}"
    elif could:
        first = f"is open for {listed(could)}"
    else:
        first = f"is met by none of the {len(learners)} learners for welfare"
    counted = []
    for clause in CLAUSES:
        own = [found[clause, learner][0] for learner in learners]
        counted.append(f"{clause}: open" if set(own) == {OPEN} else f"{clause}: {own.count(YES)} of {len(own)}")
    return f"The aim {first} ({'; '.join(counted)})."


def section(stages: Mapping[str, Found]) -> list[str]:
    """Lines of a page: the aim, and by each learner whether each clause is met, with the number furthest from that.

    Args:
        stages: those that are measured, none of them reduced.
    """
    parts = parts_of(stages)
    about = f"""**Aim**, as registered: better than the best tuned constants, every controller and the linear rule in W
        on natural and on the test, intervals clear of zero; {PLAN.room:.0%} of the room are captured; expected
        shortfall is no worse. "Yes" needs the whole interval: W above zero over all opponents, tuned on either market,
        and over the constants and rule of results/tuning (not registered, but the best known); every ceiling's room
        that is clear of zero; expected shortfall at most the smallest effect of interest, {PLAN.smallest_effect:g} bp,
        below that of constants and rule (a margin that the registration does not name). "No" means that the interval
        excludes it; all else is not shown. All of a clause must hold, so that nothing is corrected for their number."""
    found = summary(parts)
    rows = [
        [clause, learner, met, str(sum(one.clause == clause and one.learner == learner for one in parts)),
         f"{_span(least)}, {least.against}"]
        for (clause, learner), (met, least) in sorted(found.items(), key=lambda one: CLAUSES.index(one[0][0]))
        if least is not None
    ]  # fmt: skip
    lines = ["## The aim", "", verdict(parts), "", paragraph(about), ""]
    if rows:
        lines += [*markdown(["clause", "learner", "met", "comparisons", "furthest from it (95%)"], rows), ""]
    left = [clause for clause in CLAUSES if all(one is None for (own, _), (_, one) in found.items() if own == clause)]
    where = {ROOM: CEILINGS, W_TEST: FINAL, TAIL_TEST: FINAL, W_NATURAL: EVALUATION, TAIL_NATURAL: EVALUATION}
    if left:
        words = listed([f"{clause} (stage {where[clause]})" for clause in left])
        lines += [paragraph(f"Open on this page: {words}. The page over all stages has the whole aim."), ""]
    return lines


def _span(part: Part) -> str:
    if part.clause == ROOM:
        return f"{part.found.mean:.0%} [{part.found.low:.0%}, {part.found.high:.0%}]"
    return f"{signed_span(part.found)} bp"
