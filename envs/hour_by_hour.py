"""A decision that stops before every hour, for what must look at the worlds there: people in Python, margin engines.

It is the same code as that of a whole decision, and gives the same bits if nothing is changed in between.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.kernels import BEGIN, END, HOUR

BeforeHour = Callable[[NDArray[np.bool_]], None]


def run_hour_by_hour(before: Sequence[BeforeHour], worlds: NDArray[np.void], run: Callable[[int], int]) -> int:
    """One decision of every row.

    Args:
        before: called in this order before every hour, with the rows that have one left in this decision, bool [n].
        worlds: the batch, [n].
        run: a part of the decision (see `kernels.py`) of every row; the first row whose books do not balance, or -1.

    Returns:
        The first row whose books do not balance, or -1.
    """
    run(BEGIN)
    while True:
        going = (worlds["step_hours"] < worlds["decision_hours"]) & (worlds["hour"] < worlds["length"])
        if not going.any():
            return run(END)
        for each in before:
            each(going)
        bad = run(HOUR)
        if bad >= 0:
            return bad
