"""The planned statistics: tests over tapes and training seeds, families, ties, detectable effects, captured room.

What stands beside a test, the box of weights and who bears it, has the intervals of the test: over both samples.

Everything works on pairs, F64[training seeds, tapes]: the same tape, and for two learners the same training seed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf, nan, sqrt
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import (
    LEVEL,
    Floats,
    Interval,
    detectable_mean,
    holm,
    interval_columns,
    lowest_mean,
    percentile,
    seed_draws,
    student_t,
)
from protogov.experiments.core.welfare_box import KAPPAS, LAMBDAS
from protogov.experiments.studies.learning.opponents import tuned_on
from protogov.experiments.studies.learning.played import GROUPS, LOSSES, REST, TAKEN, Played
from protogov.experiments.studies.learning.preregistration import (
    COOPERATIVE,
    HYPOTHESES,
    JOINT,
    PLAN,
    SELFISH,
    Hypothesis,
)
from protogov.experiments.training.comparison import BEARS_LABELS

FORMS = (COOPERATIVE, JOINT, SELFISH)
NOTHING = Interval(nan, nan, nan)
SPANS = ("both", "tapes", "seeds")  # intervals of `Tested`


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
    both, level = _together(tapes, seeds), level if directed else level / 2.0
    if min(pairs.shape) < 2:
        return Tested(both, tapes, seeds, nan, nan, level)
    p = both.p if directed else 2.0 * min(both.p, 1.0 - both.p)
    tie = max(replace(both, mean=margin + both.mean).p, replace(both, mean=margin - both.mean).p)
    return Tested(both, tapes, seeds, p, tie, level)


def crossed(pairs: Floats) -> Interval:
    """The interval of `tested` over both samples, of paired differences F64[training seeds, tapes]."""
    return _together(student_t(pairs.mean(axis=0)), student_t(pairs.mean(axis=1)))


def _together(tapes: Interval, seeds: Interval) -> Interval:
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    if min(tapes.n, seeds.n) < 2:
        return Interval(tapes.mean, -inf, inf, 1)
    error = float(np.hypot(tapes.error, seeds.error))
    parts = tapes.error**4 / (tapes.n - 1) + seeds.error**4 / (seeds.n - 1)
    # a whole number, rounded down: the t of a smaller sample is the wider one
    freedom = max(int(error**4 / parts), 1) if parts > 0.0 else seeds.n - 1
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2.0)) * error
    return Interval(tapes.mean, tapes.mean - half, tapes.mean + half, freedom + 1, error)


def verdict(found: Tested, adjusted: float, *, directed: bool) -> str:
    """The result of a test in a word: better, higher, lower, tie, undecided, or not tested.

    A directed claim of which the contrary is seen is undecided as registered. What the interval says is added to it,
    as a description: nothing was tested.

    Args:
        found: the test.
        adjusted: its p-value after Holm's correction over the family; NaN without a test.
        directed: whether the claim is that the learner is better.
    """
    if np.isnan(adjusted):
        return "not tested"
    if adjusted <= PLAN.level:
        return "better" if directed else "higher" if found.both.mean > 0.0 else "lower"
    tie = found.tie <= PLAN.level
    if directed and found.both.high < 0.0:
        return "tie; interval below zero" if tie else "not better; interval below zero"
    return "tie" if tie else "undecided"


@dataclass(frozen=True)
class Pair:
    """A registered comparison.

    Attributes:
        claim: the hypothesis.
        market: on which the learner trained, and the opponent was tuned.
        learner, against: names of sets of governors.
        label: form and opponent, without candidate and market.
    """

    claim: Hypothesis
    market: str
    learner: str
    against: str
    label: str


def registered(candidate: str, market: str, sets: Collection[str]) -> list[Pair]:
    """The comparisons of H1 to H3 for a candidate that trained on a market, as far as both sides are in `sets`."""
    pairs = []
    for claim in HYPOTHESES:
        for form in claim.learned:
            for other in claim.against:
                against = f"{candidate} {other} on {market}" if other in FORMS else tuned_on(other, market)
                pair = Pair(claim, market, f"{candidate} {form} on {market}", against, f"{form} over {other}")
                if pair.learner in sets and against in sets:
                    pairs.append(pair)
    return pairs


def differences(played: Played, candidate: str) -> list[dict[str, Any]]:
    """The tests of a candidate on the suite of one training market, a row each, JSON-able: a part of `confirmatory`.

    Columns: market, learner, against; p and tie; mean, ends, n and error of the intervals of `Tested`.
    """
    rows = []
    for pair in registered(candidate, played.suite, played.sets):
        found = tested(played.difference(pair.learner, pair.against), directed=pair.claim.directed)
        numbers = {f"{span}_{name}": value for span in SPANS for name, value in asdict(getattr(found, span)).items()}
        rows.append({"market": pair.market, "learner": pair.learner, "against": pair.against, "p": found.p,
                     "tie": found.tie, **numbers})  # fmt: skip
    return rows


def _tested_in(row: Mapping[str, Any], level: float) -> Tested:
    """The test of a row of `differences`, in a family whose level is this."""
    spans = {span: Interval(**{field.name: row[f"{span}_{field.name}"] for field in fields(Interval)})
             for span in SPANS}  # fmt: skip
    return Tested(**spans, p=row["p"], tie=row["tie"], level=level)


def confirmatory(rows: Sequence[Mapping[str, Any]], candidate: str) -> list[dict[str, object]]:
    """Every test of the family: hypothesis, learner and opponent, on the suite of the market it trained on.

    Args:
        rows: `differences` of every market; a learner that did not play has none, and no test.
        candidate: the first.
    """
    by_pair = {(row["learner"], row["against"]): row for row in rows}
    names = {name for pair in by_pair for name in pair}
    markets = dict.fromkeys(row["market"] for row in rows)
    pairs = [pair for market in markets for pair in registered(candidate, market, names)]
    level = PLAN.level / max(len(pairs), 1)
    found = [
        _tested_in(by_pair[one.learner, one.against], level if one.claim.directed else level / 2.0) for one in pairs
    ]
    adjusted = holm(np.array([one.p for one in found]))
    return [
        {"hypothesis": pair.claim.name, "suite": pair.market, "learner": pair.learner, "against": pair.against,
         **columns_of(one), "adjusted": float(p), "verdict": verdict(one, float(p), directed=pair.claim.directed)}
        for pair, one, p in zip(pairs, found, adjusted, strict=True)
    ]  # fmt: skip


def columns_of(found: Tested) -> dict[str, float]:
    """Columns of a test: intervals over both samples and over each alone, p-values, and the detectable difference."""
    return {
        **described(found),
        "p": found.p, "tie_p": found.tie, "detectable": found.detectable,
    }  # fmt: skip


def described(found: Tested) -> dict[str, float]:
    """Columns of the intervals: over both samples, and over each alone."""
    return {
        **interval_columns("difference", found.both),
        "over_tapes_low": found.tapes.low, "over_tapes_high": found.tapes.high,
        "over_seeds_low": found.seeds.low, "over_seeds_high": found.seeds.high,
    }  # fmt: skip


def effect(played: Played, pair: Pair) -> dict[str, object]:
    """A learner beside an opponent on one suite: W, the difference, expected shortfall, and the box of weights.

    Columns: W and shortfall in bp of K0 a fortnight; `box_clear` of `box_points` points of the box lambda x kappa have
    an interval clear of zero, on the side on which the difference is: of all points is dominance.
    """
    found = tested(played.difference(pair.learner, pair.against), directed=pair.claim.directed)
    points = over_box(played, pair.learner, pair.against)
    return {
        "suite": played.suite, "hypothesis": pair.claim.name, "learner": pair.learner, "against": pair.against,
        "W": float(played.of(pair.learner).mean()), **described(found), "detectable": found.detectable,
        "box_clear": sum(one.low > 0.0 if found.both.mean > 0.0 else one.high < 0.0 for one in points),
        "box_points": len(points),
        "shortfall": float(lowest_mean(played.of(pair.learner)).mean()),
        **interval_columns("shortfall_difference", played.shortfall(pair.learner, pair.against)),
    }  # fmt: skip


def over_box(played: Played, learner: str, against: str) -> list[Interval]:
    """The difference in W at every point of the box lambda x kappa, over tapes and training seeds."""
    rest, losses, taken = (played.difference(learner, against, column) for column in (REST, LOSSES, TAKEN))
    return [crossed(rest - weight * losses - kappa * taken) for weight in LAMBDAS for kappa in KAPPAS]


def who_bears(played: Played, learner: str, against: str) -> dict[str, Interval]:
    """Differences by groups of people, in the unit of each, over tapes and training seeds.

    A tape counts if the group has members on it under both, with every training seed. Who leaves first depends on the
    governor, so that tapes of these two groups are chosen by the result too.
    """
    found = {}
    for name in GROUPS:
        pairs = played.difference(learner, against, f"bears/{name}")
        pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
        if pairs.shape[1]:
            found[BEARS_LABELS[name]] = crossed(pairs)
    return found


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
