"""The audit's folder: tables as CSV, a JSON file a measurement, and a page with figures that is drawn from these alone.

Measurements may be made one by one: the page shows all that the folder holds.
"""

from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.audit.figures import DRAW
from protogov.experiments.audit.measurement import Measurement
from protogov.experiments.errors import BadInput
from protogov.experiments.figures.style import look
from protogov.experiments.files import read_json, write_json, write_text
from protogov.experiments.tables import Table, num_rows, write_table
from protogov.experiments.versions import now, versions

LONGEST = 40  # rows of a table on the page; longer ones are in their file
INTRODUCTION = """\
What governors can do in this world, measured. Nothing here passes or fails: a result that is not as hoped is printed
like any other, and no parameter is moved for it. `natural` draws fortnights as they come, `stress` the training crises
in equal shares, as deep as they were. Whatever is searched or picked is searched and picked on other tapes than it is
scored on. Money in basis points of K0 an episode; brackets and bars are 95% intervals over paired tapes unless a figure
says otherwise."""


def store(found: Measurement, folder: Path, command: str) -> list[Path]:
    """Write a measurement's tables and what else its part of the page needs; returns the paths."""
    tables = {found.name: found.table, **found.more}
    paths = [write_table(folder / f"{name}.csv", table) for name, table in tables.items()]
    about: dict[str, Any] = {
        "name": found.name, "question": found.question, "said": list(found.said), "notes": list(found.notes),
        "tables": list(tables), "command": command, "made": now(), "versions": versions(),
    }  # fmt: skip
    path = folder / f"{found.name}.json"
    write_json(path, about)
    return [*paths, path]


def stored(folder: Path) -> list[tuple[Measurement, dict[str, Any]]]:
    """All measurements of a folder in the order of the page, each with what its JSON file says.

    Raises:
        BadInput: the folder holds none.
    """
    found = []
    for name in DRAW:
        path = folder / f"{name}.json"
        if path.is_file():
            about = read_json(path)
            tables = {table: read_csv(folder / f"{table}.csv") for table in about["tables"]}
            own = tables.pop(name)
            said = Measurement(name, about["question"], tuple(about["said"]), own, tuple(about["notes"]), tables)
            found.append((said, about))
    if not found:
        raise BadInput(f"{folder}: holds no measurement; accepted is a folder that protogov audit NAME --out wrote to")
    return found


def read_csv(path: Path) -> Table:
    """A table that `write_table` wrote as CSV; empty numbers are NaN.

    Raises:
        BadInput: it is missing or damaged.
    """
    import pyarrow
    import pyarrow.csv

    try:
        data = pyarrow.csv.read_csv(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadInput(f"{path}: cannot be read as a table ({str(error).splitlines()[0]})") from None
    table: Table = {}
    for name, column in zip(data.column_names, data.columns, strict=True):
        if pyarrow.types.is_string(column.type):
            table[name] = np.array(column.to_pylist(), str)
        elif pyarrow.types.is_null(column.type):
            table[name] = np.full(len(column), np.nan)
        else:
            table[name] = column.to_numpy()
    return table


def write_page(folder: Path) -> list[Path]:
    """Draw a figure a measurement and write README.md from what the folder holds; returns the paths.

    A measurement that the folder does not hold is named as missing.

    Raises:
        BadInput: the folder holds none, or tables of another version.
    """
    lines, paths = ["# What the game shows", "", INTRODUCTION, ""], []
    for found, about in stored(folder):
        path = folder / f"{found.name}.png"
        try:
            with look():
                DRAW[found.name](found).savefig(path, dpi=110)
        except KeyError as error:
            raise BadInput(
                f"{folder / found.name}.csv is of another version: it lacks {error}; "
                f"run protogov audit {found.name} again"
            ) from None
        paths.append(path)
        said = ", ".join(f"{name} {value}" for name, value in about["versions"].items())
        lines += [
            f"## {found.name}", "", f"{found.question}", "", *(f"- {part}" for part in found.said), "",
            f"![{found.name}]({found.name}.png)", "", *table_lines(found.name, found.table), "",
            *(f"{note[:1].upper()}{note[1:]}.  " for note in found.notes),
            f"Made by `{about['command']}`, {about['made']}, {said}.", "",
        ]  # fmt: skip
        others = ", ".join(f"[{name}.csv]({name}.csv)" for name in found.more)
        lines += [f"Also {others}.", ""] if others else []
    missing = [name for name in DRAW if not (folder / f"{name}.json").is_file()]
    if missing:
        lines += ["## Not measured yet", "", f"{', '.join(missing)}: `protogov audit NAME` makes each.", ""]
    return [*paths, write_text(folder / "README.md", "\n".join(lines))]


def table_lines(name: str, table: Table) -> list[str]:
    """The table in Markdown, or a link where it is long."""
    if num_rows(table) > LONGEST:
        return [f"{num_rows(table)} rows in [{name}.csv]({name}.csv)."]
    names = list(table)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in range(num_rows(table)):
        lines.append("| " + " | ".join(_cell(table[column][row]) for column in names) + " |")
    return lines


def _cell(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{float(value):.4g}"
    return str(value)
