"""Sentences and page of each stage."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import Table, num_rows, records, select
from protogov.experiments.core.text import listed, markdown, number, paragraph, rows_of, signed, signed_span
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
from protogov.experiments.studies.learning.preregistration import PLAN

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
NOT_SHOWN = ("p", "tie_p")  # columns that only the files have
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
    runs, curves = found.tables["runs"], found.tables["curves"]
    lines = [
        f"{num_rows(runs)} seeds of {len(set(runs['learner'].tolist()))} learners were trained, "
        f"{runs['hours'].sum() / 1e6:,.1f}M market hours."
    ]
    for name in dict.fromkeys(curves["learner"].tolist()):
        own = select(curves, curves["learner"] == name)
        last = own["gain"][own["hours"] == own["hours"].max()]
        lines.append(
            f"{name}: {signed(float(last.mean()))} bp over the constants on validation at the end, seeds "
            f"{signed(float(last.min()))} to {signed(float(last.max()))}."
        )
    return lines


def _evaluation(found: Found) -> list[str]:
    lines = []
    claims = not found.facts["reduced"]
    for row in records(found.tables.get("tests", {})) if "tests" in found.tables else []:
        sentence = (
            f"{row['hypothesis']} on {row['suite']}: {row['learner']} against {row['against']}, {_difference(row)}"
        )
        if claims:
            sentence += f", adjusted p {number(row['adjusted'])}: {row['verdict']}"
        lines.append(f"{sentence} (detectable: {number(row['detectable'])} bp).")
    lines += _described(found)
    if "shares" in found.tables:
        lines += [
            f"{row['learner']} gains in {row['above_zero']:.0%} of {row['members']} worlds of the ensemble, clear of "
            f"zero in {row['clear_of_zero']:.0%}."
            for row in records(found.tables["shares"])
        ]
    return lines or ["Nothing was played."]


def _described(found: Found) -> list[str]:
    """Adaptation of every learner, suite by suite: the smaller of the gains over its two controls."""
    lines, rows = [], records(found.tables["effects"])
    for suite, learner in dict.fromkeys((row["suite"], row["learner"]) for row in rows):
        own = {row["against"]: row for row in rows if (row["suite"], row["learner"]) == (suite, learner)}
        controls = [row for name, row in own.items() if name.startswith(("own-means", "yoked"))]
        if controls:
            least = min(controls, key=lambda row: row["difference"])
            lines.append(f"{suite}: adaptation of {learner} is {_difference(least)}, over {least['against']}.")
    return lines


def _difference(row: Mapping[str, Any]) -> str:
    found = Interval(row["difference"], row["difference_low"], row["difference_high"])
    seeds = (
        f"; over seeds alone {signed(row['over_seeds_low'])} to {signed(row['over_seeds_high'])}"
        if np.isfinite(row["over_seeds_low"])
        else ""
    )
    return f"{signed_span(found)} bp{seeds}"


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
    return [f"The aim is {PLAN.room:.0%} of the room between the best constants and the ceilings.", *lines]


def _crises(found: Found) -> list[str]:
    rows = records(found.tables["crises"])
    lines = []
    for split in dict.fromkeys(row["split"] for row in rows):
        own = [row["difference"] for row in rows if row["split"] == split]
        lines.append(
            f"{split}: {found.facts['candidate']} gains {signed(min(own))} to {signed(max(own))} bp over constants "
            f"tuned without the crisis, {signed(float(np.mean(own)))} on average over {len(own)} crises left out."
        )
    return lines


def _final(found: Found) -> list[str]:
    rows = [row for row in records(found.tables["effects"]) if row["against"].startswith(("tuned constants", "linear"))]
    return [f"{row['suite']}: {row['learner']} against {row['against']}: {_difference(row)}." for row in rows]


SENTENCES = {
    OPPONENTS: _opponents, CONTROLLERS: _controllers, SCREENING: _screening, TRAINING: _training,
    EVALUATION: _evaluation, CEILINGS: _ceilings, CRISES: _crises, FINAL: _final,
}  # fmt: skip


def page(stage: str, found: Found) -> list[str]:
    """Question, sentences after the headline, figures and tables of a stage."""
    about = "A stage of [the study](../README.md), as [registered](../preregistration.md). Money is in bp of K0 per "
    lines = [paragraph(f"{about}episode."), "", QUESTIONS[stage], ""]
    lines += [f"- {one}" for one in sentences(stage, found)[1:]]
    lines += [""]
    for name in FIGURES[stage] if found.tables else ():
        lines += [f"![{name}]({name}.png)", ""]
    hidden = (*NOT_SHOWN, *(CLAIMS if found.facts["reduced"] else ()))
    for name, table in found.tables.items():
        if num_rows(table) <= LONGEST:
            lines += [f"## {name}", "", *readable({key: own for key, own in table.items() if key not in hidden}), ""]
        else:
            lines += [f"{name}: {num_rows(table)} rows, in its file.", ""]
    return lines


def readable(table: Table) -> list[str]:
    """Lines of a Markdown table in which a number and the ends of its interval are one cell."""
    head, cells = [], []
    for name in (one for one in table if not one.endswith("_high")):
        base = name.removesuffix("_low")
        if base != name and base in table:
            continue  # its number has them
        head.append(base.replace("_", " ") + (" (95%)" if base != name else ""))
        if f"{base}_low" not in table:
            cells.append([row[0] for row in rows_of(table, [name])])
            continue
        ends = [f"[{signed(low)}, {signed(high)}]" for low, high in zip(table[f"{base}_low"], table[f"{base}_high"],
                                                                        strict=True)]  # fmt: skip
        means = [f"{signed(mean)} " if base in table else "" for mean in table.get(base, np.zeros(len(ends)))]
        cells.append([mean + span for mean, span in zip(means, ends, strict=True)])
    return markdown(head, list(zip(*cells, strict=True)))


def index(parts: Mapping[str, Found], registered: str) -> list[str]:
    """The page of the study: the registration, every stage with its sentences and figure, then the missing stages."""
    lines = [
        paragraph(f"Hypotheses, sizes and analysis are in [{registered}]({registered}), which was written before any "
                  "training."), "",
    ]  # fmt: skip
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
