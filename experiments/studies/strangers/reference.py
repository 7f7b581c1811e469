"""The saved rows of random governors and of tuned constants in every task, which define its score."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from protogov.experiments.core.play import EVALUATION_SEEDS
from protogov.experiments.core.statistics import interval_columns, student_t
from protogov.experiments.core.tables import Table, columns, read_csv, records, rounded
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.strangers.tasks import RANDOM, TASKS, TestTask

REFERENCE_FILE = Path(__file__).with_name("reference.csv")


def reference_rows(played: Sequence[tuple[TestTask, str, Table]]) -> Table:
    """A row a task and governor: mean reward of the focal seats over an episode, with Student's interval over tapes."""
    rows = []
    for task, governor, table in played:
        interval = interval_columns("reward", student_t(table["reward"]))
        rows.append(
            {"task": task.name, "definition": task.digest, "governor": governor,
             "score": 0.0 if governor == RANDOM else 100.0, **interval, "tapes": len(table["tape"]),
             "first_seed": EVALUATION_SEEDS + int(table["tape"][0])}
        )  # fmt: skip
    return rounded(columns(rows))


@cache
def _rows() -> dict[tuple[str, str], dict[str, float]]:
    if not REFERENCE_FILE.is_file():
        return {}
    return {(str(row["task"]), str(row["governor"])): row for row in records(read_csv(REFERENCE_FILE))}


def ends_of(task: TestTask) -> tuple[float, float]:
    """Mean rewards with a score of 0 and of 100.

    Raises:
        BadInput: there are no rows of this definition of the task.
    """
    found = []
    for governor in (RANDOM, task.upper):
        row = _rows().get((task.name, governor))
        if row is None or str(row["definition"]) != task.digest:
            known = "no reference rows" if row is None else "reference rows of another definition"
            raise BadInput(
                f"task {task.name} has {known} of {governor}; make them with: protogov study strangers --store "
                f"{REFERENCE_FILE} --tapes 1024 --tasks {task.name}"
            )
        found.append(float(row["reward"]))
    return found[0], found[1]


def complete() -> list[str]:
    """Names of tasks whose rows are missing or of another definition."""
    missing = []
    for task in TASKS.values():
        try:
            ends_of(task)
        except BadInput:
            missing.append(task.name)
    return missing
