"""`protogov diff`: two reports of `protogov emergence` beside each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from protogov.experiments.core.files import write_json
from protogov.experiments.core.options import Positional
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.outputs import OutputFile
from protogov.experiments.studies.emergence.difference import compare, control_changes, described
from protogov.experiments.studies.emergence.writing import FILE, read_report


@dataclass(frozen=True, kw_only=True)
class Options:
    """Compare two reports: which values differ, with the interval of the difference, and which claims changed.

    Each of the two is a report.json, a folder that `protogov emergence` wrote, or a run's folder with such a report in
    its folder `emergence`. Units of the two are taken as independent. Exit code 0 if no claim and no control changed,
    1 if one did.

    Example: protogov diff results/runs/first results/runs/second
    """

    reports: Annotated[tuple[Path, ...], Positional("REPORTS")] = ()
    """The first and the second."""
    out: OutputFile | None = None
    """Write all differences to this JSON file."""


def run(options: Options, command: str) -> int:
    """Compare and print."""
    if len(options.reports) != 2:
        raise BadInput(f"{len(options.reports)} reports are given; 2 are needed")
    before, after = (read_report(_place(path)) for path in options.reports)
    changes, controls = compare(before, after), control_changes(before, after)
    print("\n".join(described(changes, controls)))
    if options.out is not None:
        write_json(
            options.out,
            {"command": command, "reports": [str(path) for path in options.reports], "controls": controls,
             "measures": [one.row() for one in changes]},
        )  # fmt: skip
        print(options.out)
    turned = sum(one.turned for one in changes)
    if turned or controls:
        raise CheckFailed(f"{turned} claims and {len(controls)} controls changed")
    return 0


def _place(path: Path) -> Path:
    inside = path / "emergence"
    return inside if (inside / FILE).is_file() and not (path / FILE).is_file() else path
