"""`protogov report`: the page of a run, built again from its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from protogov.experiments.core.options import Positional
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.outputs import check_folder
from protogov.experiments.report.build import build_report


@dataclass(frozen=True, kw_only=True)
class Options:
    """Build report.html and the figures of a run again, from its folder.

    Nothing is trained, played or measured: the page shows the tables that `train` and `evaluate` wrote.

    Example: protogov report results/runs/first
    """

    folder: Annotated[Path, Positional("FOLDER")]
    """Folder of the run."""


def run(options: Options, command: str) -> int:
    """Build the report and print its path."""
    check_folder(options.folder)
    print(f"Report: {build_report(RunFolder(options.folder))}")
    return 0
