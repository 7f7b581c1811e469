"""Governors in the focal seats of a task: what they earn, what the background earns, and welfare, tape by tape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.core.governors import BASELINES, baseline
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.organisms import ORGANISMS
from protogov.experiments.studies.emergence.reading import WELFARE, market_of
from protogov.experiments.studies.emergence.subjects import Subject, governor_of, trained_subject, typed_subject
from protogov.experiments.studies.strangers.tasks import TestTask, make_task
from protogov.experiments.training.learned import find_governors

MOST_ROWS = 64  # worlds side by side
Changes = tuple[tuple[str, int], ...]  # fields of the world that are set besides


@dataclass(frozen=True)
class Job:
    """A subject in a task.

    Attributes:
        task, digest: name of the task, and of its definition.
        subject: whose governors sit in the focal seats.
        tapes: episodes, the first of those of evaluations.
        changes: see `TestTask.config`.
    """

    task: str
    digest: str
    subject: Subject
    tapes: int
    changes: Changes = ()


def subject_of(name: str, task: TestTask, world: WorldConfig) -> Subject:
    """Governors by name, for the focal seats of a task: baselines (joined by "+"), a model organism, or a path.

    Args:
        name: of a baseline or organism, or the path of a run's folder, of a folder of policies, or FILE.py:CLASS.
        task: whose focal seats are to be filled.
        world: of the task.

    Raises:
        BadInput: it is unknown, or fits none of the seats.
    """
    if all(part.rpartition("=")[2] in BASELINES for part in name.split("+")):
        found = baseline(name, world)
        return Subject(name, (tuple(found.sources.items()),))
    if ".py:" in name or name in ORGANISMS:
        return typed_subject([name], world)
    sets = find_governors([Path(name)]).sets
    focal = tuple(tuple(_focal(one.sources, task).items()) for one in sets)
    if not all(focal):
        raise BadInput(f"{name}: has no governor for {', '.join(task.focal)}")
    return replace(trained_subject(Path(name).name, sets), members=focal)


def _focal(sources: Mapping[str, str], task: TestTask) -> dict[str, str]:
    """Of learned governors those for the focal seats; a seat of the other venue is filled by the same role."""
    found = {}
    for seat in task.focal:
        role = seat.rpartition("_")[0]
        fitting = [sources[own] for own in (seat, f"{role}_0", f"{role}_1") if own in sources]
        if fitting:
            found[seat] = fitting[0]
    return found


def play_job(config: WorldConfig, job: Job) -> Table:
    """Play every tape with the governors of every training seed.

    Returns:
        `member`, `tape`; `reward` and `background`, means over the focal seats and over all others of the reward of an
        episode; `welfare` of all venues [bp of K0].

    Raises:
        BadInput: a governor does not fit its seat.
    """
    task = make_task(job.task)
    world = task.config(**dict(job.changes))
    seats = {agent.name: agent for agent in world.learners()}
    parts: dict[str, list[np.ndarray]] = {"member": [], "tape": [], "reward": [], "background": [], "welfare": []}
    for number, member in enumerate(job.subject.members):
        governors: dict[str, Governor] = {
            seat: governor_of(dict(member).get(seat, "constant"), agent, world, seed=number)
            for seat, agent in seats.items()
        }
        for first in range(0, job.tapes, MOST_ROWS):
            seeds = tape_seeds(min(MOST_ROWS, job.tapes - first), first)
            for name, own in _episodes(world, task, governors, seeds).items():
                parts[name].append(own)
            parts["member"].append(np.full(len(seeds), number))
            parts["tape"].append(np.arange(first, first + len(seeds)))
    return {name: np.concatenate(own) for name, own in parts.items()}


def _episodes(
    world: WorldConfig, task: TestTask, governors: Mapping[str, Governor], seeds: np.ndarray
) -> dict[str, np.ndarray]:
    opened = open_worlds(world, task.scenario, seeds)
    read = market_of(opened, seeds, rewards=False)
    total = {name: np.zeros(len(seeds)) for name in ("reward", "background", "welfare")}
    for step in play(opened, governors, seeds):
        total["reward"] += np.mean([step.rewards[seat] for seat in task.focal], axis=0)
        total["background"] += np.mean([step.rewards[seat] for seat in task.background], axis=0)
        total["welfare"] += read(step, {})[WELFARE]
    return total
