"""Play the grid in slices: whole seeds at a time, over processes, each slice kept as soon as it is done."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from protogov import envs
from protogov.envs.config import WorldConfig
from protogov.envs.simulator import Simulator
from protogov.envs.world.kernels import source_digest
from protogov.experiments.errors import BadInput, CheckFailed, as_bad_input
from protogov.experiments.pieces import play_pieces
from protogov.experiments.play import tape_seeds
from protogov.experiments.stress import losses
from protogov.experiments.stress.grid import Cell, lever_rows
from protogov.experiments.stress.losses import Watch
from protogov.experiments.tables import Table, concatenate, read_table, write_table

ENVS = str(Path(envs.__file__).parent)  # scenarios too, not the compiled physics alone
BATCH = 240  # worlds in a slice at most, or the cells of one seed: 48 KiB a world with its tape


@dataclass(frozen=True)
class Plan:
    """What is played.

    Attributes:
        config: of the worlds, one venue; the cells replace three of its levers.
        scenario: name, names joined by `+`, or a path to candles.
        cells: protocols.
        seeds: futures that each of them meets.
        first: number of the first tape.
    """

    config: WorldConfig
    scenario: str
    cells: tuple[Cell, ...]
    seeds: int
    first: int = 0

    def __post_init__(self) -> None:
        """Raises BadInput for what cannot be played."""
        if self.seeds < 2:
            raise BadInput(f"seeds is {self.seeds}; a whole number of at least 2 is accepted")
        if self.first < 0:
            raise BadInput(f"first is {self.first}; a whole number from 0 is accepted")
        if self.config.venues != 1:
            raise BadInput(f"venues is {self.config.venues}; stress takes worlds of one venue")

    @property
    def worlds(self) -> int:
        """Episodes in all."""
        return self.seeds * len(self.cells)

    def slices(self) -> list[tuple[int, int]]:
        """(first seed, behind the last), counted from 0: all cells of a seed lie in one slice."""
        each = max(BATCH // len(self.cells), 1)
        return [(at, min(at + each, self.seeds)) for at in range(0, self.seeds, each)]

    def digest(self) -> str:
        """Of what a slice's numbers depend on, the code included, besides which seeds it holds."""
        about = {
            "config": self.config.to_dict(),
            "scenario": self.scenario,
            "cells": [asdict(cell) for cell in self.cells],
            "first": self.first,
            "code": source_digest(ENVS),
            "watched": hashlib.sha256(Path(losses.__file__).read_bytes()).hexdigest(),
        }
        if Path(self.scenario).is_file():
            about["candles"] = hashlib.sha256(Path(self.scenario).read_bytes()).hexdigest()
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def play_slice(plan: Plan, start: int, stop: int) -> Table:
    """Seeds `start` to `stop` of a plan in all its cells: a row an episode, `cell` and `seed` first.

    Raises:
        CheckFailed: the books of a world do not balance.
    """
    count = stop - start
    seeds = np.tile(tape_seeds(count, plan.first + start), len(plan.cells))
    with as_bad_input():
        world = Simulator(plan.config, len(seeds), scenario=plan.scenario, lever_defaults=lever_rows(plan.cells, count))
        world.reset(seeds=seeds)
    still = {agent: np.zeros((world.num_worlds, world.action_size(agent))) for agent in world.agents}
    watch = Watch(world)
    while not world.truncated().any():
        try:
            watch.add(world.step(still))
        except RuntimeError as error:
            raise CheckFailed(str(error)) from error
    return {
        "cell": np.repeat(np.arange(len(plan.cells)), count),
        "seed": np.tile(np.arange(start, stop), len(plan.cells)),
        **watch.table(),
    }


def run_plan(plan: Plan, *, jobs: int = 2, keep: Path | None = None, show: bool = True) -> Table:
    """Play a plan; returns a row an episode, sorted by cell and seed.

    Args:
        plan: what is played.
        jobs: processes.
        keep: folder in which finished slices are kept, and from which they are taken when the same plan is run again,
            also with more seeds.
        show: a progress bar.

    Raises:
        BadInput: no job, or a scenario that cannot be drawn.
        CheckFailed: the books of a world do not balance, or a process died.
    """
    if jobs < 1:
        raise BadInput(f"jobs is {jobs}; a whole number of at least 1 is accepted")
    with as_bad_input():  # refuse an unknown scenario, and compile, before any process is made
        Simulator(plan.config, 1, scenario=plan.scenario).reset()
    folder = None if keep is None else keep / plan.digest()
    tables: list[Table] = []
    waiting: list[tuple[int, int]] = []
    with tqdm(total=plan.worlds, desc="stress", unit="world", disable=not show, mininterval=0.5) as bar:
        for piece in plan.slices():
            kept = None if folder is None else _kept(folder, piece)
            if kept is not None and kept.is_file():
                tables.append(read_table(kept))
                bar.update(len(tables[-1]["cell"]))
            else:
                waiting.append(piece)
        jobs_of = [(plan, *piece) for piece in waiting]
        for number, table in play_pieces(play_slice, jobs_of, jobs):
            if folder is not None:
                write_table(_kept(folder, waiting[number]), table)
            tables.append(table)
            bar.update(len(table["cell"]))
    joined = concatenate(tables)
    order = np.lexsort((joined["seed"], joined["cell"]))
    return {name: column[order] for name, column in joined.items()}


def _kept(folder: Path, piece: tuple[int, int]) -> Path:
    return folder / f"seeds_{piece[0]:06d}_{piece[1]:06d}.parquet"
