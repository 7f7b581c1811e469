"""Sentences of the evaluation and of the sealed test, from their tables."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from protogov.experiments.core.statistics import Interval, interval_in
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, records
from protogov.experiments.core.text import listed, number, signed, signed_span
from protogov.experiments.studies.learning import aim
from protogov.experiments.studies.learning.describing import CRASH_ROWS, OWN_MEANS, YOKED
from protogov.experiments.studies.learning.options import EVALUATION, FINAL
from protogov.experiments.studies.learning.preregistration import CONSTANTS, LONG, LONG_STRESS, NATURAL, STRESS

Row = Mapping[str, Any]
LONG_OF = {NATURAL: LONG, STRESS: LONG_STRESS}  # market -> its suite of long episodes


def evaluation(found: Found) -> list[str]:
    """The aim, the confirmatory family, and what stands beside each test; a reduced run claims nothing."""
    claims = not found.facts["reduced"]
    lines = [aim.verdict(aim.parts_of({EVALUATION: found}))] if claims else []
    for row in _rows(found, "tests"):
        words = f"{row['hypothesis']} on {row['suite']}: {row['learner']} against {row['against']}, {difference(row)}"
        if claims:
            words += f", adjusted p {number(row['adjusted'])}: {row['verdict']}"
        lines.append(f"{words} (detectable: {number(row['detectable'])} bp).")
    tested = {(row["suite"], row["learner"], row["against"]) for row in _rows(found, "tests")}
    lines += _beside(found, lambda row: (row["suite"], row["learner"], row["against"]) in tested)
    lines += _adaptation(found, _market)
    lines += _crashes(found, _market)
    lines += _controllers(found, NATURAL)
    lines += _seeds(found, _market)
    for row in _rows(found, "pairs"):
        market = _market(row["learner"])
        if row["suite"] == LONG_OF[market] and row["against"].startswith(CONSTANTS):
            tail = span(interval_in(row, "shortfall_difference"))
            lines.append(
                f"{row['suite']}: {row['learner']} against {row['against']}, {difference(row)}, a fortnight; expected "
                f"shortfall {tail} bp."
            )
    return lines or ["Nothing was played."]


def final(found: Found) -> list[str]:
    """The aim on the test, the registered comparisons on all of it, and each of its markets."""
    suite = aim.TEST
    lines = [] if found.facts["reduced"] else [aim.verdict(aim.parts_of({FINAL: found}))]
    pairs = _rows(found, "pairs")
    for row in pairs:
        if row["suite"] == suite:
            words = f"{row['hypothesis']}: {row['learner']} against {row['against']}"
            lines.append(f"{words}: {difference(row)} (detectable: {number(row['detectable'])} bp).")
    lines += _beside(found, lambda row: row["suite"] == suite)
    lines += _adaptation(found, lambda learner: suite)
    lines += _crashes(found, lambda learner: suite)
    lines += _controllers(found, suite)
    lines += _seeds(found, lambda learner: suite)
    for row in pairs:
        if row["suite"] != suite and row["against"].startswith(CONSTANTS):
            lines.append(f"{row['suite']}: {row['learner']} against {row['against']}: {difference(row)}.")
    return lines or ["Nothing was played."]


def difference(row: Row) -> str:
    """A difference with its interval, and that over training seeds alone where there are several."""
    low, high = row["over_seeds_low"], row["over_seeds_high"]
    seeds = f"; over seeds alone {signed(low)} to {signed(high)}" if isfinite(low) else ""
    return f"{span(interval_in(row, 'difference'))} bp{seeds}"


def span(found: Interval) -> str:
    """A number with its interval if it has one."""
    return signed_span(found) if isfinite(found.low) else signed(found.mean)


def _rows(found: Found, name: str) -> list[dict[str, Any]]:
    table: Table = found.tables.get(name, {})
    return records(table)


def _market(learner: str) -> str:
    """On which a learner trained."""
    return learner.rpartition(" on ")[2]


def _beside(found: Found, chosen: Callable[[Row], bool]) -> list[str]:
    """Box of weights, expected shortfall, ensemble and people of each registered comparison."""
    shares = {(row["learner"], row["against"]): row for row in _rows(found, "shares")}
    lines = []
    for row in filter(chosen, _rows(found, "pairs")):
        tail = interval_in(row, "shortfall_difference")
        words = [
            f"the interval keeps its sign at {row['box_clear']} of {row['box_points']} points of the box",
            f"expected shortfall {span(tail)} bp",
        ]
        share = shares.get((row["learner"], row["against"]))
        if share is not None:
            words.append(
                f"same sign in {share['keeps_sign']:.0%} of {share['members']} worlds of the ensemble, clear of zero "
                f"in {share['clear_of_zero']:.0%} (on the other side in {share['opposite']:.0%})"
            )
        words.append(_people(found, row))
        lines.append(f"{row['suite']}, {row['learner']} over {row['against']}: {'; '.join(filter(None, words))}.")
    return lines


def _people(found: Found, pair: Row) -> str:
    """Who gains and who loses in a registered comparison: groups whose interval excludes zero."""
    form, opponent = (name.rpartition(" on ")[0] for name in (pair["learner"], pair["against"]))
    market = _market(pair["learner"])
    candidate, _, form = form.rpartition(" ")
    if candidate != found.facts["chosen"][0]:  # people are described for the first alone
        return ""
    label = f"{form} over {opponent.removeprefix(f'{candidate} ')}"
    better, worse = list[str](), list[str]()
    for row in _rows(found, "bears"):
        if (row["suite"], row["market"]) != (pair["suite"], market) or label not in row:
            continue
        one = interval_in(row, label)
        if one.excludes_zero:
            less_is_good = "penalties" in row["group"] or row["group"].startswith("Deposits")
            good = (one.mean > 0.0) != less_is_good
            (better if good else worse).append(f"{row['group']} {signed(one.mean)}")
    parts = [f"{word}: {listed(own)}" for word, own in (("better for", better), ("worse for", worse)) if own]
    return "; ".join(parts)


def _adaptation(found: Found, suite_of: Callable[[str], str]) -> list[str]:
    """What is left above each control; the smaller of the two is adaptation."""
    lines = []
    for row in _rows(found, "effects"):
        own = {name: interval_in(row, name) for name in (OWN_MEANS, YOKED) if name in row}
        own = {name: one for name, one in own.items() if isfinite(one.mean)}
        if own and row["suite"] == suite_of(row["learner"]):
            least = min(own, key=lambda name: own[name].mean)
            others = [f"{span(one)} over {name}" for name, one in own.items() if name != least]
            words = f"{row['suite']}: adaptation of {row['learner']} is {span(own[least])} bp, over {least}"
            lines.append(f"{'; '.join([words, *others])}.")
    return lines


def _crashes(found: Found, suite_of: Callable[[str], str]) -> list[str]:
    rows = {(row["suite"], row["scenario"]): row for row in _rows(found, "scenarios")}
    lines = []
    for learner in _learners(found):
        own = {name: rows.get((suite_of(learner), name), {}) for name in CRASH_ROWS}
        words = [
            f"{span(interval_in(row, learner))} bp on {row['tapes']:.0f} tapes {name}"
            for name, row in own.items() if isfinite(row.get(learner, float("nan")))
        ]  # fmt: skip
        if words:
            lines.append(f"{suite_of(learner)}, {learner} over tuned constants: {', '.join(words)}.")
    return lines


def _controllers(found: Found, suite: str) -> list[str]:
    rows = [row for row in _rows(found, "controllers") if row["suite"] == suite]
    lines = []
    for learner in _learners(found):
        own = {row["controller"]: interval_in(row, learner) for row in rows if learner in row}
        own = {name: one for name, one in own.items() if isfinite(one.mean)}
        if own:
            closest = min(own, key=lambda name: own[name].low)
            above, below = (sum(side) for side in zip(*((one.low > 0.0, one.high < 0.0) for one in own.values()),
                                                      strict=True))  # fmt: skip
            lines.append(
                f"{suite}: {learner} is above {above} of {len(own)} controllers with an interval clear of zero, below "
                f"{below}; over the closest, {closest}, {span(own[closest])} bp."
            )
    return lines


def _seeds(found: Found, suite_of: Callable[[str], str]) -> list[str]:
    lines = []
    rows = _rows(found, "seeds")
    for learner in _learners(found):
        own = [row[suite_of(learner)] for row in rows if row["learner"] == learner]
        above = sum(gain > 0.0 for gain in own)
        lines.append(
            f"{suite_of(learner)}: {above} of {len(own)} seeds of {learner} gain over tuned constants, "
            f"{signed(min(own))} to {signed(max(own))} bp."
        )
    return lines


def _learners(found: Found) -> Sequence[str]:
    return list(dict.fromkeys(row["learner"] for row in _rows(found, "seeds")))
