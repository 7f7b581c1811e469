"""Pieces that may fail, and what they cost: a failure is a result that is kept, so that a rerun does not end on it.

A learning that diverges, or a world whose books do not balance, does so again in every rerun. What failed is left out,
and said.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.tables import Table, num_rows
from protogov.experiments.errors import CheckFailed

FAILED, CPU = "failed", "cpu_seconds"
BOOKS = "books of world"  # how the message of a world begins whose books do not balance
Measured = Callable[[WorldConfig, Any], Table]


@contextmanager
def books_checked() -> Iterator[None]:
    """Raise CheckFailed where the books of a world do not balance."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(BOOKS):
            raise
        raise CheckFailed(str(error)) from error


def spared(function: Measured) -> Measured:
    """A function of a piece whose table says what it cost, and why it failed instead of raising CheckFailed.

    The column `cpu_seconds` holds the processor seconds in every row; `failed` is there only after a failure.
    """

    @wraps(function)
    def piece(config: WorldConfig, job: Any) -> Table:
        begun = time.process_time()
        try:
            with books_checked():
                table = function(config, job)
        except CheckFailed as error:
            table = {FAILED: np.array([str(error)])}
        return table | {CPU: np.full(num_rows(table), time.process_time() - begun)}

    return piece


class Account:
    """What the pieces of a cell cost, and which of them failed.

    Attributes:
        spent: part -> processor seconds. A piece that an earlier run has kept counts with what it cost then.
        failed: sentences.
    """

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.failed: list[str] = []

    def book(self, part: str, what: Sequence[str], tables: Sequence[Table], *, state: bool = True) -> list[Table]:
        """Take down tables of spared pieces; they are returned without the costs, and empty where one failed.

        Args:
            part: to whose costs they count.
            what: of each, in words.
            tables: of each.
            state: whether failures are stated; those of pieces that are played again in parts need not be.
        """
        self.spent[part] = self.spent.get(part, 0.0) + sum(float(table[CPU][0]) for table in tables)
        found = []
        for name, table in zip(what, tables, strict=True):
            if FAILED in table and state:
                self.failed.append(f"{name}: {table[FAILED][0]}")
            own = {} if FAILED in table else table
            found.append({column: values for column, values in own.items() if column != CPU})
        return found
