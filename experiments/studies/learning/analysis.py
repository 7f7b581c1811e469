"""The planned statistics: tests over tapes and training seeds, families, ties, detectable effects, captured room.

Everything works on pairs, F64[training seeds, tapes]: the same tape, and for two learners the same training seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, nan, sqrt
from operator import itemgetter

import numpy as np

from protogov.experiments.core.evaluation import PARTS
from protogov.experiments.core.statistics import (
    LEVEL,
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
        both: its interval over tapes and training seeds together; infinite with fewer than two of either.
        tapes, seeds: the same over each alone.
        p: of a claim that the difference is above zero, or of either sign; NaN where a sample is too small.
        tie: the larger p-value of two one-sided tests against a margin.
        level: at which `detectable` would be found.
    """

    both: Interval
    tapes: Interval
    seeds: Interval
    p: float
    tie: float
    level: float

    @property
    def detectable(self) -> float:
        """The true difference that would be found in four of five cases; NaN where there is no test."""
        from scipy.stats import t as student  # slow to import

        if np.isnan(self.p):
            return nan
        n = self.both.n
        return detectable_mean(float(student.isf(self.level, n - 1)), n) * sqrt(n) * self.both.error


def tested(
    pairs: Floats, *, directed: bool = True, margin: float = PLAN.smallest_effect, level: float = PLAN.level
) -> Tested:
    """The planned test of paired differences: to other tapes and to other training seeds at once.

    Tapes and seeds are crossed. The variance of the mean is at most the sum of what it is over tapes (seeds averaged)
    and over seeds (tapes averaged), which counts their interaction twice; degrees of freedom by Satterthwaite (1946).
    Either sample alone would call luck of the other one an effect.

    Args:
        pairs: F64[training seeds, tapes].
        directed: one-sided, for above zero.
        margin: of equivalence.
        level: of the smallest detectable effect; of a family of m tests, the level over m.
    """
    tapes, seeds = student_t(pairs.mean(axis=0)), student_t(pairs.mean(axis=1))
    level = level if directed else level / 2.0
    if min(pairs.shape) < 2:
        return Tested(Interval(tapes.mean, -inf, inf, 1), tapes, seeds, nan, nan, level)
    both = _together(tapes, seeds)
    p = both.p if directed else 2.0 * min(both.p, 1.0 - both.p)
    tie = max(replace(both, mean=margin + both.mean).p, replace(both, mean=margin - both.mean).p)
    return Tested(both, tapes, seeds, p, tie, level)


def _together(tapes: Interval, seeds: Interval) -> Interval:
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    error = float(np.hypot(tapes.error, seeds.error))
    parts = tapes.error**4 / (tapes.n - 1) + seeds.error**4 / (seeds.n - 1)
    # a whole number, rounded down: the t of a smaller sample is the wider one
    freedom = max(int(error**4 / parts), 1) if parts > 0.0 else seeds.n - 1
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2.0)) * error
    return Interval(tapes.mean, tapes.mean - half, tapes.mean + half, freedom + 1, error)


def verdict(found: Tested, adjusted: float, *, directed: bool) -> str:
    """The result of a test in a word: better, higher, lower, tie, undecided, or not tested.

    Args:
        found: the test.
        adjusted: its p-value after Holm's correction over the family; NaN without a test.
        directed: whether the claim is that the learner is better.
    """
    if np.isnan(adjusted):
        return "not tested"
    if adjusted <= PLAN.level:
        return "better" if directed else "higher" if found.both.mean > 0.0 else "lower"
    return "tie" if found.tie <= PLAN.level else "undecided"


def confirmatory(table: Table, candidate: str, markets: Sequence[str]) -> list[dict[str, object]]:
    """Every test of the family: hypothesis, learner and opponent, on the suite of the market it trained on.

    Args:
        table: of `playing.play_matches`; a learner that did not play has no test.
        candidate: the first.
        markets: names of training markets, which are names of suites too.
    """
    comparisons = []
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
                    comparisons.append((claim, market, learner, against, pairs))
    level = PLAN.level / max(len(comparisons), 1)
    found = [tested(pairs, directed=claim.directed, level=level) for claim, *_, pairs in comparisons]
    adjusted = holm(np.array([one.p for one in found]))
    return [
        {"hypothesis": claim.name, "suite": market, "learner": learner, "against": against, **columns_of(one),
         "adjusted": float(p), "verdict": verdict(one, float(p), directed=claim.directed)}
        for (claim, market, learner, against, _), one, p in zip(comparisons, found, adjusted, strict=True)
    ]  # fmt: skip


def columns_of(found: Tested) -> dict[str, float]:
    """Columns of a test: intervals over both samples and over each alone, p-values, and the detectable difference."""
    return {
        **interval_columns("difference", found.both),
        "over_tapes_low": found.tapes.low, "over_tapes_high": found.tapes.high,
        "over_seeds_low": found.seeds.low, "over_seeds_high": found.seeds.high,
        "p": found.p, "tie_p": found.tie, "detectable": found.detectable,
    }  # fmt: skip


def effect(table: Table, suite: str, learner: str, against: str) -> dict[str, object]:
    """A learner beside an opponent on one suite: W, the difference, expected shortfall, and the box of weights.

    Columns: W and shortfall in bp of K0 per episode; box_clear of box_points points of the box lambda x kappa have an
    interval clear of zero, counted only where all differences have one sign.
    """
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
    """Differences by groups of people, in the unit of each; tapes on which a group has no members are left out."""
    rows = []
    for name, label in BEARS_LABELS.items():
        column = itemgetter(f"bears/0/{name}")
        own, other = (matrix(table, suite, one, column) for one in (learner, against))
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
