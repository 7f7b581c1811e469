"""A report on disk: report.json, tables, episodes, report.html with its figures, and what reads it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.core.files import read_json, write_json, write_text
from protogov.experiments.core.results import manifest, store_tables
from protogov.experiments.core.tables import Table, columns, write_table
from protogov.experiments.errors import BadInput
from protogov.experiments.figures import style
from protogov.experiments.report.render import render
from protogov.experiments.studies.emergence.drawing import CAPTIONS, draw_report
from protogov.experiments.studies.emergence.laboratory import Report, headline, ordered, passed_and_failed
from protogov.experiments.studies.emergence.measure import Finding
from protogov.experiments.studies.emergence.organisms.power import DETECTOR, in_words, power_of

# of each optional measure: a heading, a sentence, and its figures
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "transfer-entropy": (
        "Transfer entropy",
        "What a governor's last move tells of another's next one, beyond the other's own past, all other governors, "
        "price and volatility [nats]. The null: the source shifted in a circle.",
        "transfer",
    ),
    "o-information": (
        "O-information",
        "Above 0 governors say the same, below 0 something only together [nats], after price and volatility are taken "
        "away. The null: every series shifted in a circle.",
    ),
    "social-influence": (
        "Social influence",
        "How much a draw of one policy, with its exploration at the end of training, tells of another's next draw "
        "[nats]. By forks: exactly 0 without a link.",
    ),
    "contagion": (
        "Contagion",
        "What writing 1% of a venue's deposits off costs each venue [bp of its K0], by forks; MES and delta-CoVaR of "
        "the record beside it.",
    ),
    "dynamics": (
        "Dynamics",
        "Peaks of spectra against red noise, phases of pairs against shifted series, and the growth of the distance of "
        "twins that meet the same noise [a decision].",
        "spectrum",
    ),
    "hawkes": (
        "Hawkes beside forks",
        "How many forced sales one begets, by the likelihood of their times and by forks.",
        "branching",
    ),
}
FORMAT, VERSION = "protogov-emergence", 3
FILE, PAGE, EPISODES = "report.json", "report.html", "episodes.parquet"
SHOWN, SHOWN_OF_NOTHING = 40, 12  # rows of a measure on the page, with and without a claim; the table has all


def as_json(report: Report, command: str) -> dict[str, Any]:
    """The report, JSON-able: numbers that are not finite are null."""
    about = manifest(command, {}, {})
    return {
        "format": FORMAT, "version": VERSION, "command": command, "made": about["made"], "versions": about["versions"],
        "facts": dict(report.facts),
        "measures": [_measure(one) for one in report.findings],
        "controls": [
            {"name": one.name, "expected": one.expected, "found": one.found, "passed": one.passed,
             "guards": list(one.guards)}
            for one in report.controls
        ],
        "missing": dict(report.missing),
        "power": {measure: power_of(measure) for measure in DETECTOR},
    }  # fmt: skip


def _measure(one: Finding) -> dict[str, Any]:
    row = one.row()
    ends = [_finite(row.pop("low")), _finite(row.pop("high"))]
    return {name: _finite(value) for name, value in row.items()} | {"interval": ends, "found": one.found}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float | np.floating) and not np.isfinite(value) else value


def tables_of(report: Report) -> dict[str, Table]:
    """Findings and controls a row each, and the constant games and meetings that were played."""
    found: dict[str, Table] = {}
    if report.findings:
        found["measures"] = columns([one.row() for one in report.findings])
    if report.controls:
        found["controls"] = columns(
            [
                {"name": one.name, "expected": one.expected, "found": one.found, "passed": one.passed}
                for one in report.controls
            ]
        )
    games = [
        {"role": role, "own_action": a, "rival_action": b, "reward": own["own"][i][j], "error": own["own_error"][i][j]}
        for role, own in report.series.get("anchors", {}).items()
        for i, a in enumerate(own["actions"]) for j, b in enumerate(own["actions"])
    ]  # fmt: skip
    if games:
        found["constants"] = columns(games)
    meetings = report.series.get("cross-play")
    if meetings:
        found["cross_play"] = columns(
            [
                {"agent": agent, "home": home, "visitor": visitor, "payoff": meetings["payoffs"][place][home][visitor]}
                for place, agent in enumerate(meetings["agents"])
                for home in range(len(meetings["payoffs"][place])) for visitor in range(len(meetings["payoffs"][place]))
            ]
        )  # fmt: skip
    return found


def write_report(folder: Path, report: Report, command: str) -> list[Path]:
    """Write everything, and return the paths, the page last."""
    data = as_json(report, command)
    tables = store_tables(folder, tables_of(report))
    if report.episodes:
        tables["episodes"] = write_table(folder / EPISODES, report.episodes).name
    data["tables"] = tables
    paths = [write_json(folder / FILE, data), *(folder / file for file in tables.values())]
    drawn = {name: style.save(figure, folder / "figures", name) for name, figure in draw_report(report).items()}
    page = render(
        "emergence.html.j2", title=f"protogov: {report.facts['subject'] or 'self-test'}", report=data, pictures=drawn,
        captions=CAPTIONS, sentences=list(headline(report)), say=passed_and_failed(report), groups=_groups(report),
        titles=OPTIONAL, power={measure: in_words(measure) for measure in DETECTOR},
    )  # fmt: skip
    return [*paths, *drawn.values(), write_text(folder / PAGE, page)]


def _groups(report: Report) -> Mapping[str, dict[str, Any]]:
    """Measure -> its rows for the page: what was found first, then the smallest probabilities; none of exactly 0."""
    found = {}
    for measure in dict.fromkeys(one.measure for one in report.findings):
        own = [one for one in report.findings if one.measure == measure]
        shown = ordered(own)
        most = SHOWN if any(one.found for one in shown) else SHOWN_OF_NOTHING
        found[measure] = {"rows": shown[:most], "all": len(own)}
    return found


def read_report(place: Path) -> dict[str, Any]:
    """A report.json, or that of a folder.

    Raises:
        BadInput: there is none, or it is of another format or version.
    """
    path = place / FILE if place.is_dir() else place
    if not path.is_file():
        raise BadInput(f"{path}: there is no report; a folder that protogov emergence wrote is accepted")
    data = read_json(path)
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        raise BadInput(f"{path}: is not a {FORMAT} of version {VERSION}; run protogov emergence again")
    return data
