"""Whose governors `protogov emergence RUN` examines: those of a run's folder, or of a stored cell of coexistence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from protogov.agents.files import read_format
from protogov.envs.config import WorldConfig
from protogov.experiments.commands.zoo_sources import describing
from protogov.experiments.core.governors import LEARNED, GovernorSet
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.text import listed
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.coexistence import store
from protogov.experiments.studies.emergence.subjects import Subject, trained_subject
from protogov.experiments.studies.emergence.tasks import CheckpointsOf, Paths
from protogov.experiments.studies.emergence.training_paths import FEWEST, MOST, checkpoints_of
from protogov.experiments.training.learned import learned_sets, load_run
from protogov.experiments.training.run_config import evaluation_world


@dataclass(frozen=True)
class Trained:
    """Governors that were trained.

    Attributes:
        subject: a training seed a member.
        world: in which they are examined.
        checkpoints: where they were while they learned.
    """

    subject: Subject
    world: WorldConfig
    checkpoints: CheckpointsOf


def read_trained(path: Path, unpacked: Path) -> Trained:
    """The governors at a path.

    Args:
        path: the folder of a run, or a .json file of a cell.
        unpacked: a folder for the policies of a cell, which is written anew and has to stay where it is: finished
            pieces are of governors by their paths.

    Raises:
        BadInput: there is no such run or cell, or a file of it is missing or damaged.
    """
    if path.suffix == ".json" and not path.is_dir():
        return _cell(path, unpacked)
    folder = RunFolder(path)
    config = load_run(folder)

    def checkpoints(seeds: Sequence[int]) -> Paths:
        return checkpoints_of(folder, config.seeds, MOST, seeds)

    subject = trained_subject(config.name, learned_sets(folder, config))
    return Trained(subject, evaluation_world(config.world), checkpoints)


def cell_of(path: Path) -> str:
    """Name of the cell of a file in the store, whose own name ends with its first training seed."""
    return re.sub(r"_\d+$", "", path.stem)


def _cell(path: Path, unpacked: Path) -> Trained:
    """All seeds of a cell, from any of its files; they have to be trained in one world, with one set of options."""
    name = cell_of(path)
    files = [file for file in path.parent.glob(f"{name}*.json") if cell_of(file) == name]
    parts, about = list[store.Kept](), read_format(path, BadInput, store.FORMAT, store.VERSION)
    for file in sorted(files, key=lambda one: (len(one.stem), one.stem)):
        own = read_format(file, BadInput, store.FORMAT, store.VERSION)
        with describing(file, "a cell"):
            given = [{**one["made_with"], "seeds": None, "config": one["config"]} for one in (about, own)]
            world, made = WorldConfig.from_dict(own["config"]), own["made_with"]
        if given[0] != given[1]:
            raise BadInput(f"{file}: was trained in another world, or with other options, than {path}")
        parts.append(store.read_cell(path.parent, file.stem, world, made))
    kept = store.join(name, parts)
    places = dict(zip(kept.seeds, store.unpack(kept, name, world, unpacked), strict=True))
    hours = dict(zip(kept.seeds, kept.about["hours"], strict=True))

    def checkpoints(seeds: Sequence[int]) -> Paths:
        if kept.checkpoints < FEWEST:
            raise BadInput(f"{path}: keeps {kept.checkpoints} checkpoints a seed; {FEWEST} are needed")
        return {
            seed: [
                (time, trained_subject(f"{seed}@{number}", [GovernorSet(LEARNED, seed, sources)]))
                for number, (time, sources) in enumerate(zip(hours[seed], places[seed], strict=True))
            ]
            for seed in seeds
        }

    lost = [f"seed {one['seed']}" for one in kept.about["failed"]]
    words = f"cell {name}{f' without {listed(lost)}, whose learning failed' if lost else ''}"
    last = [GovernorSet(LEARNED, seed, own[-1]) for seed, own in places.items()]
    return Trained(trained_subject(words, last), world, checkpoints)
