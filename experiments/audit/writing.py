"""An audit's folder: tables as CSV, figures, and a page with command, seeds, versions and verdict."""

from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.audit.check import Check
from protogov.experiments.audit.figures import DRAW
from protogov.experiments.audit.world_changes import change_lines
from protogov.experiments.figures.style import save
from protogov.experiments.files import write_text
from protogov.experiments.tables import num_rows, write_table
from protogov.experiments.versions import now, versions


def table_lines(check: Check) -> list[str]:
    """The table in Markdown."""
    names = list(check.table)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in range(num_rows(check.table)):
        lines.append("| " + " | ".join(_cell(check.table[name][row]) for name in names) + " |")
    return lines


def _cell(value: Any) -> str:
    return f"{float(value):.4g}" if isinstance(value, np.floating) else str(value)


def write_checks(checks: list[Check], folder: Path, command: str) -> list[Path]:
    """Write tables and a figure a check, and one README.md; returns the paths."""
    tables = {name: table for check in checks for name, table in {check.name: check.table, **check.more}.items()}
    paths = [write_table(folder / f"{name}.csv", table) for name, table in tables.items()]
    for check in checks:
        figure = DRAW[check.name](check)
        paths.append(save(figure, folder, check.name))
        figure.savefig(paths[-1].with_suffix(".png"), dpi=110)
    lines = ["# Does the game hold?", "", f"`{command}`, {now()}. Money in basis points of K0 an episode.", ""]
    for check in checks:
        state = "holds" if check.holds else "fails"
        lines += [f"## {check.name}: {state}", "", f"{check.claim[:1].upper()}{check.claim[1:]}.", ""]
        lines += [
            f"Measured: {check.verdict}.",
            *(f"{note}." for note in check.notes),
            "",
            f"![{check.name}]({check.name}.svg)",
            "",
        ]
        lines += [*table_lines(check), ""]
    lines += ["## Why the world is as it is", ""]
    lines += [
        "What was changed in the world where a check failed; what fails above fails still. Where else these parameters"
    ]
    lines += ["are held to bands: [calibration](../calibration/README.md).", "", *change_lines(), ""]
    lines += ["## Versions", "", ", ".join(f"{name} {value}" for name, value in versions().items()), ""]
    return [*paths, write_text(folder / "README.md", "\n".join(lines))]
