"""Sentences and page of each stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import RESAMPLES, Interval
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, columns, groups, num_rows, records, select
from protogov.experiments.core.text import listed, markdown, number, paragraph, rows_of, signed, signed_span
from protogov.experiments.studies.learning import aim, findings
from protogov.experiments.studies.learning.describing import MAIN
from protogov.experiments.studies.learning.leave_out import NO_RULE
from protogov.experiments.studies.learning.options import (
    CEILINGS,
    CONTROLLERS,
    CRISES,
    EVALUATION,
    FINAL,
    OPPONENTS,
    SCREENING,
    STAGES,
    TRAINING,
)
from protogov.experiments.studies.learning.played import CRASH
from protogov.experiments.studies.learning.preregistration import PLAN
from protogov.experiments.studies.learning.screening import by_hours, of_seeds

REDUCED = "Reduced run"
MOST = 13  # sentences of a stage on the page over all: a headline and the confirmatory family
LONGEST = 150  # rows of a table on a page; longer ones are in their file
QUESTIONS: Mapping[str, str] = {
    OPPONENTS: "How good are the opponents?",
    CONTROLLERS: "How good are controllers whose gains are tuned as hard as constants?",
    SCREENING: "Which candidates are selected? Every run is listed; only validation was used.",
    TRAINING: "How does W on validation grow with market hours?",
    EVALUATION: "Are learners better than honest opponents, on tapes that no decision used?",
    CEILINGS: "What share of the possible gain do learners capture?",
    CRISES: "How do learners do in a crisis that their training did not contain?",
    FINAL: "What is the result on the sealed test?",
}
FIGURES: Mapping[str, Sequence[str]] = {
    OPPONENTS: (), CONTROLLERS: ("controllers",), SCREENING: ("curves",), TRAINING: ("curves",),
    EVALUATION: ("effects",), CEILINGS: ("room",), CRISES: ("crises",), FINAL: ("effects",),
}  # fmt: skip
UNITS = {EVALUATION: "fortnight, also of episodes of 12 weeks", FINAL: "fortnight"}  # of money, where not an episode
_BOTH = f"""Intervals are over tapes and training seeds together, 95%. Registered: the tests, and beside each the
    controls, the box of weights (a difference dominates if its interval keeps its sign at every point), the ensemble,
    expected shortfall, people and seeds. Described, not registered: the interval of expected shortfall (both samples
    resampled, {RESAMPLES} times), every controller by itself (the best one of `effects` is chosen on the tapes that it
    is scored on, which favours it), opponents of the other market, the committed constants and rule of results/tuning,
    tapes with and without a crash (a fall by {-CRASH:.0%}), and the words "interval below zero". Tapes on which a
    group of people has no members are left out; who leaves first depends on the governor."""
NOTES: Mapping[str, Sequence[str]] = {
    EVALUATION: (
        _BOTH,
        """**Episodes of 12 weeks** are one draw of natural or mix each, made six times longer, not six fortnights of
        history. A tape holds at most one crisis, which begins on day 2 to 9 as in a fortnight: natural-12w has crises
        on 4% of its tapes, a sixth of natural's frequency a week. After its last known price such a tape walks on at
        the vol of the time after the crisis, for ten weeks. The drift that balances the crises of a fortnight goes on
        for 12 weeks, so that natural-12w has an expected return of about +5%; `suites` has the measured one. They show
        how it ends what a fortnight begins (bad loans show late), not how governors fare in 12 weeks of history. Their
        money is divided by six, so that the margin of a tie and the smallest effect of interest are per fortnight
        there too; expected shortfall is that of an episode divided by six.""",
    ),
    FINAL: (
        _BOTH,
        """The suite "sealed test" is all of its markets together, with equal numbers of tapes. Nothing on this page was
        registered as a test: H1 to H3 are tested in the evaluation.""",
    ),
    CEILINGS: (
        """Intervals of a captured share resample tapes or states alone, as registered: they do not hold the luck of
        training seeds. The privileged learner has few seeds (3 in the registered study), and its room has the same
        kind of interval.""",
        """From the states of planners a learner goes on in the middle of an episode. One with a window of past
        observations (recurrent) has an empty window there, as at an opening, and takes up to 24 decisions to fill it:
        its captured share is rather too low.""",
    ),
}  # fmt: skip
NOT_SHOWN = ("p", "tie_p")  # columns that only the files have
IN_FILE = "members"  # a table of which a page has only the shares
CLAIMS = ("verdict", "adjusted")  # columns that only the registered study shows


def sentences(stage: str, found: Found) -> list[str]:
    """The headline first; a reduced run begins with a sentence that says so."""
    found_words = SENTENCES[stage](found)
    if found.facts["reduced"]:
        given = "; ".join(found.facts["reduced"])
        return [f"{REDUCED}, not the registered study ({given}): it shows that the stage runs, and claims nothing."] + [
            f"Measured in a reduced run: {one}" for one in found_words
        ]
    return found_words


def words(stage: str, found: Found) -> str:
    """The first sentence, for a figure; of a reduced run without its sizes."""
    first = sentences(stage, found)[0]
    return f"{REDUCED}, not the registered study: it claims nothing." if found.facts["reduced"] else first


def _opponents(found: Found) -> list[str]:
    lines = []
    tuned = found.tables["tuned"]
    for size in dict.fromkeys(tuned["size"].tolist()):
        own = [row for row in records(tuned) if row["size"] == size]
        gains = [row["gain"] for row in own if row["family"] == "constants"]
        rules = [f"{signed(row['gain'])} on {row['tuned_on']}" for row in own if row["family"] == "linear"]
        hours = sum(row["hours"] for row in own) / 1e6
        lines.append(
            f"{size}: constants gain {number(min(gains))} to {number(max(gains))} bp over the defaults on {len(gains)} "
            f"markets, the linear rule {listed(rules)}, after {hours:,.0f}M market hours."
        )
        selfish = found.tables["selfish"]
        moved = float(selfish["moved"][selfish["size"] == size].max())
        lines.append(
            f"{size}: in the last of {PLAN.rounds} rounds selfish constants moved by at most {number(moved)} in units "
            "of an action, which lies between −1 and 1."
        )
    return lines


def _controllers(found: Found) -> list[str]:
    if not found.tables:
        return ["No controller with gains fits this size."]
    rows, lines = records(found.tables["controllers"]), []
    for market in dict.fromkeys(row["market"] for row in rows):
        own = [row for row in rows if row["market"] == market]
        best = max(own, key=lambda row: row["gain"])
        lines.append(
            f"{market}: the best of {len(own)} tuned controllers, {best['controllers']}, gains "
            f"{_with_error(best, 'gain')} bp over the defaults and {_with_error(best, 'over_constants')} bp over tuned "
            f"constants; {best['hours'] / 1e6:,.1f}M market hours each, around these constants."
        )
    lines += [
        f"{row['market']}: tuned gains of {row['controllers']} gain {_with_error(row, 'over_untuned')} bp over the "
        f"untuned controller, {_with_error(row, 'over_constants')} bp over tuned constants."
        for row in rows
    ]
    return lines


def _with_error(row: Mapping[str, Any], name: str) -> str:
    """A number with its standard error."""
    return f"{signed(row[name])} ± {number(row[f'{name}_error'])}"


def _screening(found: Found) -> list[str]:
    table = found.tables["screening"]
    failed = [f"{row['candidate']} ({row['size']}): {row['failed']}" for row in records(table) if row["failed"]]
    return [*found.facts["reasons"], *(f"Diverged: {one}" for one in failed)]


def _training(found: Found) -> list[str]:
    runs, curves = found.tables["runs"], by_hours(found.tables["curves"])
    lines = [
        f"{num_rows(runs)} seeds of {len(set(runs['learner'].tolist()))} learners were trained, "
        f"{runs['hours'].sum() / 1e6:,.1f}M market hours."
    ]
    for name in dict.fromkeys(curves["learner"].tolist()):
        own = select(curves, curves["learner"] == name)
        last = of_seeds(own)[own["hours"].argmax()]
        lines.append(
            f"{name}: {signed(float(np.nanmean(last)))} bp over the constants on validation at the end, seeds "
            f"{signed(float(np.nanmin(last)))} to {signed(float(np.nanmax(last)))}."
        )
    lines += [
        f"{row['learner']}: {row['seeds']} seeds of {row['hours'] / 1e6:,.0f}M market hours take {row['minutes']:,.0f} "
        f"minutes here with two processes, {row['minutes_there']:,.0f} on the machine of results/bench by the ratio of "
        f"the reference loop; {row['asked']:g} are asked for."
        for row in records(found.tables.get("speed", {}))
    ]
    return lines + _failed(found)


def _failed(found: Found) -> list[str]:
    """A sentence per learner whose training diverged."""
    return [f"Diverged: {row['learner']}: {row['reason']}" for row in records(found.tables.get("failed", {}))]


def _ceilings(found: Found) -> list[str]:
    lines = []
    for row in records(found.tables["room"]):
        room = Interval(row["room"], row["room_low"], row["room_high"])
        share = "no room clear of zero"
        if np.isfinite(row["captured"]):
            share = f"{row['captured']:.0%} [{row['captured_low']:.0%}, {row['captured_high']:.0%}] captured"
        lines.append(
            f"{row['market']}, {row['ceiling']}: room {signed_span(room)} bp over {row['n']} {row['unit']}; "
            f"{row['learner']}: {share}."
        )
    lines += _failed(found)
    return [f"The aim is {PLAN.room:.0%} of the room between the best constants and the ceilings.", *lines]


def _crises(found: Found) -> list[str]:
    rows, lines = [*records(found.tables["crises"]), *records(found.tables.get("described", {}))], []
    for name in dict.fromkeys(row["candidate"] for row in rows):
        registered = "" if name == found.facts["candidate"] else " (described, not registered)"
        for split in dict.fromkeys(row["split"] for row in rows):
            own = [row["difference"] for row in rows if (row["candidate"], row["split"]) == (name, split)]
            lines.append(
                f"{split}: {name}{registered} gains {signed(min(own))} to {signed(max(own))} bp over constants tuned "
                f"without the crisis, {signed(float(np.mean(own)))} on average over {len(own)} crises left out."
            )
    lines += [
        f"{name} starts around the linear rule in the other stages; here it started around constants, because no "
        "linear rule is tuned without a crisis."
        for name in dict.fromkeys(row["candidate"] for row in rows if row.get("start") == NO_RULE)
    ]
    return lines + _failed(found)


SENTENCES = {
    OPPONENTS: _opponents, CONTROLLERS: _controllers, SCREENING: _screening, TRAINING: _training,
    EVALUATION: findings.evaluation, CEILINGS: _ceilings, CRISES: _crises, FINAL: findings.final,
}  # fmt: skip


def page(stage: str, found: Found) -> list[str]:
    """Aim, question, sentences after the headline, figures, notes and tables of a stage."""
    about = "A stage of [the study](../README.md), as [registered](../preregistration.md). Money is in bp of K0 per "
    lines = [paragraph(f"{about}{UNITS.get(stage, 'episode')}."), ""]
    if stage in aim.SUITES and not found.facts["reduced"]:
        lines += aim.section({stage: found})
    lines += [QUESTIONS[stage], "", *(f"- {one}" for one in sentences(stage, found)[1:]), ""]
    for name in FIGURES[stage] if found.tables else ():
        lines += [f"![{name}]({name}.png)", ""]
    for note in NOTES.get(stage, ()):
        lines += [paragraph(note), ""]
    hidden = (*NOT_SHOWN, *(CLAIMS if found.facts["reduced"] else ()))
    for name, table in found.tables.items():
        shown, left = _on_page(name, table) if stage in aim.SUITES else (table, "")
        if num_rows(shown) <= LONGEST and name != IN_FILE:
            lines += [f"## {name}", "", *readable({key: own for key, own in shown.items() if key not in hidden}), ""]
            lines += [left, ""] if left else []
        else:
            lines += [f"{name}: {num_rows(table)} rows, in its file.", ""]
    return lines


def _on_page(name: str, table: Table) -> tuple[Table, str]:
    """What a page of learners and opponents shows of a table, and a line about the rest."""
    if name == "seeds":
        return seeds_in_a_line(table), ""
    if name == "pairs":
        here = np.isin(table["suite"], MAIN)
        shown = select({key: own for key, own in table.items() if not key.startswith("over_tapes")}, here)
        return shown, "" if here.all() else f"Other suites: {np.sum(~here)} more rows, in its file."
    return table, ""


def seeds_in_a_line(table: Table) -> Table:
    """One row per learner and main suite: the gains of all its training seeds, the lowest first."""
    rows = []
    for key, own in groups(table, ["learner"]):
        for suite in (name for name in MAIN if name in table):
            gains = sorted(own[suite].tolist())
            rows.append({**key, "suite": suite, "gain of each seed": ", ".join(map(signed, gains))})
    return columns(rows)


def readable(table: Table) -> list[str]:
    """Lines of a Markdown table in which a number and the ends of its interval are one cell, empty without a number."""
    head, cells = [], []
    for name in (one for one in table if not one.endswith("_high")):
        base = name.removesuffix("_low")
        if base != name and base in table:
            continue  # its number has them
        head.append(base.replace("_", " ") + (" (95%)" if base != name or f"{base}_low" in table else ""))
        if f"{base}_low" not in table:
            cells.append([row[0] for row in rows_of(table, [name])])
            continue
        own = [
            _cell(mean, low, high)
            for mean, low, high in zip(
                table.get(base, table[f"{base}_low"]), table[f"{base}_low"], table[f"{base}_high"], strict=True
            )
        ]
        cells.append(own if base in table else [one.partition(" ")[2] for one in own])
    return markdown(head, list(zip(*cells, strict=True)))


def _cell(mean: float, low: float, high: float) -> str:
    """A number with its interval; without one, of a single tape or seed, the number alone."""
    if np.isnan(mean):
        return ""
    return f"{signed(mean)} [{signed(low)}, {signed(high)}]" if np.isfinite(low) else signed(mean)


def index(parts: Mapping[str, Found], registered: str) -> list[str]:
    """The page of the study: the registration, every stage with its sentences and figure, then the missing stages."""
    lines = [
        paragraph(f"Hypotheses, sizes and analysis are in [{registered}]({registered}), which was written before any "
                  "training."), "",
    ]  # fmt: skip
    if EVALUATION in parts and not any(one.facts["reduced"] for one in parts.values()):
        lines += aim.section(parts)
    order = (*STAGES[1:], FINAL)
    for stage in (name for name in order if name in parts):
        own = parts[stage]
        lines += [f"## [{stage}]({stage}/README.md)", "", QUESTIONS[stage], ""]
        every = sentences(stage, own)
        more = [f"- and {len(every) - MOST} more on its page"] if len(every) > MOST else []
        lines += [*(f"- {one}" for one in every[:MOST]), *more, ""]
        for name in FIGURES[stage] if own.tables else ():
            lines += [f"![{name}]({stage}/{name}.png)", ""]
    missing = [stage for stage in order if stage not in parts]
    if missing:
        lines += [
            "## Not measured yet",
            "",
            f"{listed(missing)}: `protogov study learning --stage NAME` measures each.",
        ]
    return lines
