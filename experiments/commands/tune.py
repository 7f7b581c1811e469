"""`protogov tune`: constants for each scenario and a linear rule, by CMA-ES on paired tapes; the study `tuning`."""

from protogov.experiments.core.study import run_study
from protogov.experiments.studies.tuning import STUDY, Options

__all__ = ["Options", "run"]


def run(options: Options, command: str) -> int:
    """Search, print what was gained, write tables, figure and page."""
    return run_study(STUDY, options, command)
