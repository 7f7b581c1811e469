"""Populations: governors of several training seeds in one batch, so that a training seed is a unit of every measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protogov.envs.interfaces import Governor
from protogov.experiments.errors import BadInput


class Population:
    """A governor of one agent that is another one, of another training seed, in every group of rows.

    Every member is asked for all rows, of which its own are taken: a network's answer to a row may depend on the shape
    of the batch. With `Plan.units` equal to `of_row` a training seed is the unit of inference.

    Args:
        members: S governors.
        of_row: I[n], number of the member that governs each row.

    Raises:
        BadInput: a number of no member.
    """

    def __init__(self, members: Sequence[Governor], of_row: ArrayLike) -> None:
        self.members, self.of_row = list(members), np.asarray(of_row, np.int64)
        if self.of_row.ndim != 1 or self.of_row.min() < 0 or self.of_row.max() >= len(self.members):
            raise BadInput(
                f"of_row = {self.of_row.tolist()} must hold numbers from 0 to {len(self.members) - 1}, one a row"
            )

    def shifted(self, by: int) -> Population:
        """The same members, each `by` places further: rows of member s are governed by member s - `by`."""
        return Population(self.members, (self.of_row - by) % len(self.members))

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start rows over in all."""
        for member in self.members:
            member.reset(rows, seeds)

    def act(self, view: Any) -> NDArray[Any]:
        """[n, k]."""
        answers = np.stack([np.asarray(member.act(view)) for member in self.members])
        return np.asarray(answers[self.of_row, np.arange(len(self.of_row))])

    def state_dict(self) -> dict[str, Any]:
        """What all remember."""
        return {"members": [member.state_dict() for member in self.members]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for member, memory in zip(self.members, state["members"], strict=True):
            member.load_state_dict(memory)
