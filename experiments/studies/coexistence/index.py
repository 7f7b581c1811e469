"""The plain findings over all cells, at most two printed pages: what was found and what was not, and how it was done.

The tables that they sum up follow on the same page: `index_tables`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from protogov.experiments.core.statistics import ENOUGH_SEEDS
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import records
from protogov.experiments.core.text import counted, listed, number, paragraph
from protogov.experiments.studies.coexistence.cells import CELLS
from protogov.experiments.studies.coexistence.channels import CHANNELS, SHARE
from protogov.experiments.studies.coexistence.effects import MAIN
from protogov.experiments.studies.coexistence.index_tables import by_statement, cases, holding, size_of, tables
from protogov.experiments.studies.coexistence.options import CALM, FINDINGS, MARKETS
from protogov.experiments.studies.coexistence.pages import (
    PARTIES,
    WHERE,
    members_of,
    numbers_of,
    of_cells,
    qualified,
    where_of,
)
from protogov.experiments.studies.coexistence.reductions import HARMS, HELPS, NOT_FOUND, short_of, stated, value_of
from protogov.experiments.studies.emergence.organisms.power import in_words

MOST = 7  # findings in words; the tables have all
NAMED = 5  # statements that are named in a line of what was not found
QUESTION = """Do governors that learn independently help or harm each other and their users? Every governor learns
alone, with its own network and reward, beside others that learn at the same time: on one venue or on two rival ones,
paid by its own mandate or by welfare W, by PPO or by an evolution strategy. What they have learned is compared with the
constants at which they started, in a calm market and in crises on which nobody learned; a setting in one market is a
case."""
METHOD = (
    """Governors start at the constants `{constants}`, to which their networks add. PPO is the candidate that the
    [screening of the study of learning](../learning/screening/README.md) selected: from the default levers on PPO did
    not reach tuned constants there, and what bad learners do to each other says little of learners. They learn on
    `{scenario}` and not on `natural`, where crises are as rare as in history, because crises are what is measured; the
    study of learning is registered for both. Calm is `{calm}`, crises are those of the split validation, and
    `{ordinary}` has crises as often as history. Money is in bp of K0 an episode.""",
    """A training seed is a unit and plays tapes of its own; its value is the mean over its last {checkpoints}
    checkpoints. All effects of a cell in both markets are one family (sign flips, max-T), and so are all contrasts of
    an algorithm and the channels of a cell. A finding needs both algorithms, the same sign, and that sign at every
    checkpoint. Over the cells nothing is adjusted: there the only further guard against chance is that both algorithms
    have to find it.""",
    """Of the ensemble stands the share of members in which the effect of the last policies, on {member_tapes} tapes a
    training seed, has that sign; the tables also have the share in which its interval over training seeds excludes 0.
    What forks and switches say, influence and channels, has no such share: worlds would have to be forked again in
    each member, which costs too much.""",
)
# part of a verdict -> why there is no finding, in words
WHY_NOT = (
    (NOT_FOUND, "Under neither algorithm"), ("alone", "Under one algorithm alone"),
    ("not measured", "Under the one algorithm that was measured"), ("withheld", "Withheld, as a placebo failed"),
)  # fmt: skip


def index(parts: Mapping[str, Found]) -> list[str]:
    """The page over all cells."""
    if FINDINGS not in parts:
        measured = [f"[{name}]({name}/README.md)" for name in parts]
        return [f"Measured so far: {listed(measured)}. `--stage findings` compares them."]
    cells = {cell: parts[cell.name].tables for cell in CELLS if cell.name in parts}
    more = [of_cells(name, cells) for name in ("influence", *PARTIES)]
    own = replace(parts[FINDINGS], tables=reduce(lambda one, other: {**one, **other}, more, parts[FINDINGS].tables))
    facts = own.facts
    about = {
        "constants": facts["constants"], "scenario": facts["scenario"], "calm": facts["markets"][CALM][0],
        "ordinary": facts["ordinary"], "member_tapes": facts["member_tapes"],
        "checkpoints": max(one["checkpoints"] for one in facts["trained"].values()),
    }  # fmt: skip
    lines = [line for text in qualified(own, [])[:1] for line in (f"**{text}**", "")]
    lines += [paragraph(QUESTION), "", "## What was found", "", *_found(own), ""]
    if "seeds" in own.tables:
        lines += ["![effects](findings/effects.png)", ""]
    if not facts["reduced"]:
        lines += ["## What was not found", "", *_not_found(own), "", *_by_intervention(own)]
    method = [line for text in METHOD for line in (paragraph(text.format(**about)), "")]
    return [*lines, "## How it was measured", "", *method, *tables(own)]


def _found(own: Found) -> list[str]:
    if own.facts["reduced"]:
        return ["Nothing is claimed in a reduced run. Its numbers are in the tables."]
    rows, lines = cases(own), list[str]()
    held: dict[str, list[Mapping[str, Any]]] = {}
    for row in holding(rows):
        held.setdefault(stated(row, value_of(row)), []).append(row)
    # who helps or harms whom comes first, then what is clearest
    for statement, here in sorted(held.items(), key=lambda one: not _main(one[1][0]))[:MOST]:
        total = len(by_statement(rows)[stated(here[0], 1.0)])
        shares = members_of(here[0])
        lines.append(paragraph(
            f"- {statement}: in {len(here)} of {total} cases; most clearly {where_of(here[0])}: {numbers_of(here[0])} "
            f"bp, {f'in {shares} of the ensemble' if shares else 'not measured in the ensemble'}."))  # fmt: skip
    if len(held) > MOST:
        lines.append(f"- {len(held) - MOST} more statements hold in some case: they are in the tables.")
    if not lines:
        most = max((one["seeds"] for one in own.facts["trained"].values()), default=0)
        why = f" With {most} training seeds nothing can be claimed." if most < ENOUGH_SEEDS else ""
        lines = [f"No statement holds under both algorithms.{why}"]
    return lines


def _main(row: Mapping[str, Any]) -> bool:
    return "contrast" not in row and row["effect"] in MAIN


def _not_found(own: Found) -> list[str]:
    """Where there is no finding, and why: a line a reason."""
    rows, lines = cases(own), list[str]()
    open_cases = [row for row in rows if row["verdict"] not in (HELPS, HARMS)]
    reasons: dict[str, list[dict[str, Any]]] = {}
    for row in open_cases:
        words = next((words for part, words in WHY_NOT if part in row["verdict"]), row["verdict"].capitalize())
        reasons.setdefault(words, []).append(row)
    for words, here in sorted(reasons.items(), key=lambda one: -len(one[1])):
        count = Counter(short_of(row) for row in here).most_common()
        named = [f"{name} ({times})" for name, times in count[:NAMED]]
        more = [f"{len(count) - NAMED} others"] if len(count) > NAMED else []
        lines.append(paragraph(f"- {words}, {len(here)} of {len(rows)}: {'; '.join([*named, *more])}."))
    said = []
    for market in MARKETS:
        sizes = [size_of(here, market) for here in by_statement(rows).values()]
        known = [size for size in sizes if not np.isnan(size)]
        said += [f"{number(min(known))} to {number(max(known))} bp {WHERE[market]}"] if known else []
    if said:
        lines.append(paragraph(f"- Where neither found anything, a true effect would have been found in 4 of 5 if it "
                               f"were {' and '.join(said)}, depending on the statement."))  # fmt: skip
    left = [counted(sum(map(len, own.facts[what].values())), word) for what, word in
            (("controls", "failed control"), ("failed", "failure")) if own.facts[what]]  # fmt: skip
    left += [f"{counted(len(own.facts['missing']), 'cell')} not measured"] if own.facts["missing"] else []
    lines += [f"- Left out, with their names in the tables: {listed(left)}."] if left else []
    return lines or ["Everything that was asked has an answer."]


def _by_intervention(own: Found) -> list[str]:
    """Channels and influence in a few sentences."""
    lines = []
    rows = records(own.tables.get("channels", {}))
    for channel in (one.name for one in CHANNELS):
        said = Counter(row["verdict"] for row in rows if row["channel"] == channel)
        if said:
            verdicts = "; ".join(f"{verdict} in {count}" for verdict, count in said.most_common())
            lines.append(paragraph(f"- {channel.capitalize()}: of {said.total()} cells, {verdicts}."))
    if lines:
        words = f"A lever is held by hand in a crisis, and a switch has to take {SHARE:.0%} of the effect away."
        lines = [paragraph(words), "", *lines, ""]
    links = [row for row in records(own.tables.get("influence", {})) if row["kind"] == "policy"]
    if links:
        sound = [row for row in links if not own.facts["withheld"].get(row["cell"])]
        each = [f"{sum(row['least'] > 0 for row in sound if row['market'] == market)} {WHERE[market]}"
                for market in MARKETS]  # fmt: skip
        kept = len({row["cell"] for row in links}) - len({row["cell"] for row in sound})
        withheld = f" It is withheld in {kept} more, of which a control failed." if kept else ""
        lines += [paragraph(f"""Influence of a governor on others through their policies alone: of
        {len({row["cell"] for row in sound})} cells, at every checkpoint some link is significant in
        {' and '.join(each)}.{withheld} {in_words("influence")}"""), ""]  # fmt: skip
    return ["## Channels and influence", "", *lines] if lines else []
