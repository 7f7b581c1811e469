"""The grid: which protocols are stressed, and on how many paired futures each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.lever_table import LEVER_INDEX, LEVERS, Lever
from protogov.experiments.errors import BadInput

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Cell:
    """One protocol of the grid.

    Attributes:
        threshold: liquidation threshold LT, share of the collateral's value.
        loan_to_value: LTV, the share up to which is lent; its gap to LT is what the lever table holds.
        option_margin: multiplier of the option margin.
    """

    threshold: float
    loan_to_value: float
    option_margin: float

    def levers(self) -> dict[str, float]:
        """Lever name -> value in its unit."""
        return {
            "liquidation_threshold": self.threshold,
            "ltv_gap": round(self.threshold - self.loan_to_value, 12),
            "option_margin": self.option_margin,
        }


def make_cells(
    thresholds: Sequence[float], loans_to_value: Sequence[float], margins: Sequence[float]
) -> tuple[Cell, ...]:
    """All combinations whose LTV lies within the lever's range below LT, in ascending order.

    Raises:
        BadInput: a value is out of its lever's range or given twice, or no combination remains.
    """
    for option, name, values in (
        ("thresholds", "liquidation_threshold", thresholds),
        ("option-margins", "option_margin", margins),
    ):
        lever = lever_of(name)
        for value in values:
            if not lever.low <= value <= lever.high:
                raise BadInput(f"{option} holds {value:g}; numbers from {lever.low:g} to {lever.high:g} are accepted")
    for option, values in (("thresholds", thresholds), ("ltvs", loans_to_value), ("option-margins", margins)):
        if len(set(values)) < len(values):
            raise BadInput(f"{option} holds a value twice: {', '.join(f'{value:g}' for value in values)}")
    gap = lever_of("ltv_gap")
    cells = tuple(
        Cell(*values)
        for values in product(sorted(thresholds), sorted(loans_to_value), sorted(margins))
        if gap.low <= round(values[0] - values[1], 12) <= gap.high
    )
    if not cells:
        raise BadInput(
            f"no pair of thresholds and ltvs is {gap.low:g} to {gap.high:g} apart; a loan-to-value lies that far "
            "below its liquidation threshold"
        )
    return cells


def lever_of(name: str) -> Lever:
    """A row of the lever table."""
    return LEVERS[LEVER_INDEX[name]]


def cell_levers(cells: Sequence[Cell], repeat: int) -> dict[str, Floats]:
    """Lever name -> float64 [cells * repeat]: every cell `repeat` times, cell after cell."""
    levers = [cell.levers() for cell in cells]
    return {name: np.repeat([row[name] for row in levers], repeat) for name in levers[0]}
