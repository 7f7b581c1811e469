"""The grid: the stressed protocols and their episodes; one batch holds all episodes of a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.roles import LEVER_BY_NAME
from protogov.experiments.core.play import hold_still, open_worlds, tape_seeds
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.stress.losses import Watch

Floats = NDArray[np.float64]
BATCH = 240  # maximum of worlds in a slice, or the cells of one seed: 48 KiB per world with its tape


class Cell(NamedTuple):
    """One protocol: LT [share of the collateral's value], LTV [the same], multiplier of the option margin."""

    threshold: float
    loan_to_value: float
    option_margin: float


@dataclass(frozen=True)
class Slice:
    """Tapes `start` to `stop` of a scenario in all cells."""

    scenario: str
    cells: tuple[Cell, ...]
    start: int
    stop: int


def make_cells(
    thresholds: Sequence[float], loans_to_value: Sequence[float], margins: Sequence[float]
) -> tuple[Cell, ...]:
    """All combinations whose LTV lies within the lever's range below LT, in ascending order.

    Raises:
        BadInput: a value is out of its lever's range or given twice, or no combination remains.
    """
    for option, lever_name, values in (
        ("thresholds", "liquidation_threshold", thresholds),
        ("ltvs", None, loans_to_value),
        ("option-margins", "option_margin", margins),
    ):
        lever = LEVER_BY_NAME[lever_name] if lever_name else None
        for value in values:
            if lever is not None and not lever.low <= value <= lever.high:
                raise BadInput(f"{option} holds {value:g}; numbers from {lever.low:g} to {lever.high:g} are accepted")
        if len(set(values)) < len(values):
            raise BadInput(f"{option} holds a value twice: {', '.join(f'{value:g}' for value in values)}")
    gap = LEVER_BY_NAME["ltv_gap"]
    grid = (Cell(*values) for values in product(sorted(thresholds), sorted(loans_to_value), sorted(margins)))
    cells = tuple(cell for cell in grid if gap.low <= _gap(cell) <= gap.high)
    if not cells:
        raise BadInput(
            f"no pair of thresholds and ltvs is {gap.low:g} to {gap.high:g} apart; a loan-to-value must be that far "
            "below its liquidation threshold"
        )
    return cells


def _gap(cell: Cell) -> float:
    return round(cell.threshold - cell.loan_to_value, 12)


def cell_levers(cells: Sequence[Cell], repeat: int) -> dict[str, Floats]:
    """Lever name -> F64[cells * repeat] in its unit: every cell `repeat` times, cell after cell."""
    rows = {
        "liquidation_threshold": [cell.threshold for cell in cells],
        "ltv_gap": [_gap(cell) for cell in cells],
        "option_margin": [cell.option_margin for cell in cells],
    }
    return {name: np.repeat(values, repeat) for name, values in rows.items()}


def make_slices(scenario: str, cells: tuple[Cell, ...], first: int, seeds: int) -> list[Slice]:
    """The batches: one slice holds all cells of a seed."""
    each = max(BATCH // len(cells), 1)
    return [Slice(scenario, cells, at, min(at + each, first + seeds)) for at in range(first, first + seeds, each)]


def play_slice(config: WorldConfig, job: Slice) -> Table:
    """One row per episode, cell after cell: first the levers of the cell and the number of the tape ("seed").

    Raises:
        CheckFailed: the books of a world do not balance.
    """
    count = job.stop - job.start
    seeds = np.tile(tape_seeds(count, job.start), len(job.cells))
    world = open_worlds(config, job.scenario, seeds, cell_levers(job.cells, count))
    watch = Watch(world)
    for step in hold_still(world):
        watch.add(step)
    levers = {name: np.repeat([getattr(cell, name) for cell in job.cells], count) for name in Cell._fields}
    return {**levers, "seed": np.tile(np.arange(job.start, job.stop), len(job.cells)), **watch.table()}
