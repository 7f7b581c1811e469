"""The small form of a report that git keeps under results: what was found, the clearest numbers, what was withheld.

A report has some 1,600 numbers, and figures for a reader with a browser. Of these the folder has a row a family of
numbers and a few rows each, the controls, and as many figures as fit; its page has all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from protogov.experiments.core.results import (
    LARGEST_FIGURE,
    LARGEST_FOLDER,
    manifest,
    store_tables,
    write_figure,
    write_manifest,
    write_page,
)
from protogov.experiments.core.tables import Table, columns, num_rows, rounded
from protogov.experiments.core.text import markdown, number, paragraph, rows_of
from protogov.experiments.studies.emergence.drawing import CAPTIONS, draw_report
from protogov.experiments.studies.emergence.influence import OWN
from protogov.experiments.studies.emergence.laboratory import Report, clearest, headline, ordered
from protogov.experiments.studies.emergence.measure import Finding

STUDY = "emergence"  # in the manifest
FIGURES = ("influence", "dividends", "gains", "ladder", "attribution", "training")  # the first ones that fit
TABLES = ("families", "clearest", "withheld", "controls")
SHOWN = 6  # numbers of a family
OF_PAGE = 40_000  # bytes of page and manifest, at most
ABOUT = """Units of inference are {units}; forks on {calm} and {stress}, losses of {crisis}. A number is a mean with its
95% interval; `adjusted_p` is over all numbers that its measure tests at once, `detectable` the smallest true difference
that would have been found in 4 of 5 cases. Claims are those on others: effects of a lever on who holds it are none."""


def save_report(folder: Path, report: Report, command: str) -> Path:
    """Write tables, figures, manifest and page to a folder; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (*(f"{name}.png" for name in FIGURES), *(f"{name}.csv" for name in TABLES)):
        (folder / old).unlink(missing_ok=True)  # of a report that was saved here before
    tables = tables_of(report)
    files = store_tables(folder, tables)
    about = {"study": STUDY, **manifest(command, files, report.facts)}
    write_manifest(folder, about)
    room = LARGEST_FOLDER - OF_PAGE - sum((folder / file).stat().st_size for file in files.values())
    drawn = _draw(folder, report, room)
    return write_page(folder, _page(report, tables, drawn), about)


def families(report: Report) -> Iterator[tuple[str, str, list[Finding]]]:
    """(measure, kind, numbers); the kind of an influence is its way: total, mechanical or through policies."""
    keys = dict.fromkeys((one.measure, _kind(one)) for one in report.findings)
    for measure, kind in keys:
        yield measure, kind, [one for one in report.findings if (one.measure, _kind(one)) == (measure, kind)]


def _kind(one: Finding) -> str:
    return one.name.partition(" ")[0] if one.measure == "influence" else ""


def tables_of(report: Report) -> dict[str, Table]:
    """The tables that have rows, of `TABLES`."""
    about, shown = [], []
    for measure, kind, own in families(report):
        claims, most = clearest(own)
        counts = {"numbers": len(own), "claims": len(claims)}
        about.append({"measure": measure, "kind": kind, **counts, "clearest": most.name, **_numbers(most)})
        others = [one for one in ordered(own) if one.verdict != OWN]
        shown += [{"measure": measure, "number": one.name, **_numbers(one)} for one in others[:SHOWN]]
    controls = [
        {"control": one.name, "expected": one.expected, "found": one.found,
         "result": "passed" if one.passed else "FAILED", "guards": ", ".join(one.guards)} for one in report.controls
    ]  # fmt: skip
    found = dict(zip(TABLES, (about, shown, withheld(report), controls), strict=True))
    return {name: rounded(columns(rows), 5) for name, rows in found.items() if rows}


def _numbers(one: Finding) -> dict[str, Any]:
    row = one.row()
    kept = {name: row[name] for name in ("value", "low", "high", "n", "null", "adjusted_p")}
    return {**kept, "detectable": one.detectable, "verdict": one.verdict, "detail": one.detail}


def withheld(report: Report) -> list[dict[str, str]]:
    """What was not measured, and the numbers of which no claim is made whatever they are; and why."""
    found = [{"measure": measure, "what": "not measured", "why": why} for measure, why in report.missing.items()]
    counts = Counter(one.measure for one in report.findings)
    reasons = Counter((one.measure, one.verdict) for one in report.findings if "withheld" in one.verdict)
    for (measure, verdict), count in reasons.items():
        why = verdict[verdict.index("withheld") :].removeprefix("withheld").lstrip(":, ")
        found.append({"measure": measure, "what": f"{count} of {counts[measure]} numbers", "why": why})
    return found


def _draw(folder: Path, report: Report, room: int) -> list[str]:
    """Write the figures that fit into so many bytes; returns their names."""
    kept, drawn = [], draw_report(report)
    for name in FIGURES:
        if name in drawn:
            path = folder / f"{name}.png"
            try:
                size = write_figure(path, drawn[name], LARGEST_FIGURE // 2).stat().st_size
            except ValueError:  # larger than any figure may be
                continue
            if size > room:
                path.unlink()
                continue
            kept.append(name)
            room -= size
    return kept


def _page(report: Report, tables: Mapping[str, Table], drawn: Sequence[str]) -> list[str]:
    facts, (say, *sentences) = report.facts, headline(report)
    lines = [f"# What governors do to each other: {facts['subject'] or 'the self-test'}", "", say, ""]
    if facts["subject"]:
        lines += [paragraph(f"Tier {facts['tier']}. {ABOUT.format(**{name: facts[name] for name in _ASKED})}"), ""]
    lines += [f"- {line}" for line in sentences] + [""] * bool(sentences)
    for name in drawn:
        lines += [f"![{name}]({name}.png)", "", paragraph(CAPTIONS[name]), ""]
    for name, table in tables.items():
        lines += [f"## {HEADINGS[name]}", "", *_shown(name, table), ""]
    return lines


_ASKED = ("units", "calm", "stress", "crisis")
HEADINGS = {
    "families": "Measures", "clearest": "The clearest numbers", "withheld": "What is withheld, and why",
    "controls": "Controls",
}  # fmt: skip


def _shown(name: str, table: Table) -> list[str]:
    """A table on the page: numbers with their intervals in one cell."""
    if "value" not in table:
        return markdown(list(table), rows_of(table))
    at, spans = list(table).index("value"), []
    for row in range(num_rows(table)):
        value, low, high = (float(table[end][row]) for end in ("value", "low", "high"))
        spans.append(f"{number(value)} [{number(low)}, {number(high)}]")
    before, after = (list(table)[slice(*place)] for place in ((0, at), (at + 3, None)))
    rows = zip(rows_of(table, before), spans, rows_of(table, after), strict=True)
    return markdown([*before, "value [95%]", *after], [[*first, span, *last] for first, span, last in rows])
