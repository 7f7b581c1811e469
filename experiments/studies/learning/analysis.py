"""The planned statistics: tests over tapes and training seeds, families, ties, detectable effects, captured room.

Everything works on pairs, F64[training seeds, tapes]: the same tape, and for two learners the same training seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.statistics import (
    Floats,
    Interval,
    detectable_mean,
    expected_shortfall,
    holm,
    interval_columns,
    percentile,
    seed_draws,
    student_t,
)
from protogov.experiments.core.tables import Table
from protogov.experiments.core.welfare_box import over_the_box, planes
from protogov.experiments.studies.learning.playing import matrix
from protogov.experiments.studies.learning.preregistration import COOPERATIVE, HYPOTHESES, JOINT, PLAN, SELFISH
from protogov.experiments.training.comparison import BEARS_LABELS

FORMS = (COOPERATIVE, JOINT, SELFISH)
NOTHING = Interval(nan, nan, nan)


@dataclass(frozen=True)
class Tested:
    """A paired difference.

    Attributes:
        tapes: interval over tapes, training seeds averaged.
        seeds: interval over training seeds, tapes averaged; NaN with fewer than two.
        p: the larger p-value of the two, for a claim that the difference is above zero, or for either sign; NaN where a
            sample is too small for a test.
        tie: the larger p-value of two one-sided tests against `margin`, again over both samples.
        detectable: the larger smallest effect that would be found in four of five cases at `level`.
    """

    tapes: Interval
    seeds: Interval
    p: float
    tie: float
    detectable: float


def tested(
    pairs: Floats, *, directed: bool = True, margin: float = PLAN.smallest_effect, level: float = PLAN.level
) -> Tested:
    """The planned test of paired differences.

    Args:
        pairs: F64[training seeds, tapes].
        directed: one-sided, for above zero.
        margin: of equivalence.
        level: of the smallest detectable effect; of a family of m tests, the level over m.
    """
    over = [pairs.mean(axis=0), pairs.mean(axis=1)]
    if min(pairs.shape) < 2:
        return Tested(student_t(over[0]), NOTHING, nan, nan, nan)
    tapes, seeds = map(student_t, over)
    p = [one.p if directed else 2.0 * min(one.p, 1.0 - one.p) for one in (tapes, seeds)]
    ties = [max(student_t(values + margin).p, student_t(margin - values).p) for values in over]
    found = [_detectable(values, level if directed else level / 2.0) for values in over]
    return Tested(tapes, seeds, max(p), max(ties), max(found))


def _detectable(values: Floats, level: float) -> float:
    from scipy.stats import t as student  # slow to import

    critical = float(student.isf(level, values.size - 1))
    return float(values.std(ddof=1)) * detectable_mean(critical, values.size)


def verdict(found: Tested, adjusted: float, *, directed: bool) -> str:
    """What a test of the family says: better, other, tie, or undecided."""
    if np.isnan(adjusted):
        return "not tested"
    if adjusted <= PLAN.level:
        return "better" if directed else "higher" if found.tapes.mean > 0.0 else "lower"
    return "tie" if found.tie <= PLAN.level else "undecided"


def confirmatory(table: Table, candidate: str, markets: Sequence[str]) -> list[dict[str, object]]:
    """Every test of the family: hypothesis, learner and opponent, on the suite of the market it trained on.

    Args:
        table: of `playing.play_asked`; a learner that did not play has no test.
        candidate: the first.
        markets: names of training markets, which are names of suites too.
    """
    asked = []
    for market in markets:
        for claim in HYPOTHESES:
            for form in claim.learned:
                for other in claim.against:
                    learner = f"{candidate} {form} on {market}"
                    against = f"{candidate} {other} on {market}" if other in FORMS else f"{other} on {market}"
                    try:
                        pairs = matrix(table, market, learner) - matrix(table, market, against)
                    except KeyError:
                        continue
                    asked.append((claim, market, learner, against, pairs))
    level = PLAN.level / max(len(asked), 1)
    found = [tested(pairs, directed=claim.directed, level=level) for claim, *_, pairs in asked]
    adjusted = holm(np.array([one.p for one in found]))
    return [
        {"hypothesis": claim.name, "suite": market, "learner": learner, "against": against, **columns_of(one),
         "adjusted": float(p), "verdict": verdict(one, float(p), directed=claim.directed)}
        for (claim, market, learner, against, _), one, p in zip(asked, found, adjusted, strict=True)
    ]  # fmt: skip


def columns_of(found: Tested) -> dict[str, float]:
    """Columns of a test."""
    return {
        **interval_columns("difference", found.tapes), "seeds_low": found.seeds.low, "seeds_high": found.seeds.high,
        "p": found.p, "tie_p": found.tie, "detectable": found.detectable,
    }  # fmt: skip


def effect(table: Table, suite: str, learner: str, against: str) -> dict[str, object]:
    """One description: W, the difference, tails, and the box of weights."""
    own, other = matrix(table, suite, learner), matrix(table, suite, against)
    found = tested(own - other)

    def plane(governors: str, part: int) -> Floats:
        return matrix(table, suite, governors, lambda rows: planes(rows, PARTS)[part]).mean(axis=0)

    paired = np.stack([plane(learner, part) - plane(against, part) for part in range(3)])
    box = over_the_box(paired, np.arange(paired.shape[1]).astype(str))
    signs = {bool(one.mean > 0.0) for row in box.grid for one in row}
    return {
        "suite": suite, "learner": learner, "against": against, "training_seeds": len(own), "tapes": own.shape[1],
        "W": float(own.mean()), "W_against": float(other.mean()), **columns_of(found),
        "shortfall": float(np.mean([expected_shortfall(row) for row in own])),
        "shortfall_against": float(np.mean([expected_shortfall(row) for row in other])),
        "box_clear": box.clear if len(signs) == 1 else 0, "box_points": box.points, "one_sign": len(signs) == 1,
    }  # fmt: skip


def who_bears(table: Table, suite: str, learner: str, against: str) -> list[dict[str, object]]:
    """Differences by groups of people, each in its own unit; a group without members on a tape does not count there."""
    rows = []
    for name, label in BEARS_LABELS.items():
        column = f"bears/0/{name}"
        own, other = (matrix(table, suite, one, lambda rows, column=column: rows[column]) for one in (learner, against))
        pairs = (own - other).mean(axis=0)
        pairs = pairs[np.isfinite(pairs)]
        if pairs.size:
            rows.append({"suite": suite, "learner": learner, "against": against, "group": label,
                         **interval_columns("difference", student_t(pairs))})  # fmt: skip
    return rows


def captured(gain: Floats, room: Floats) -> Interval:
    """Share of a room that a gain is, with a percentile interval; NaN where the room is not clear of zero.

    Args:
        gain: of the learner over the best constants on each tape or state, F64[n].
        room: of the ceiling over them, on the same.
    """
    if gain.size < 2 or not student_t(room).low > 0.0:
        return replace(NOTHING, n=gain.size)
    draws = seed_draws(gain.size)
    again = gain[draws].mean(axis=1) / room[draws].mean(axis=1)
    return percentile(float(gain.mean() / room.mean()), again, gain.size)
