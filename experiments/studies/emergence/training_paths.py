"""Paths of policies over training: what the checkpoints of a run do in the same states, and whether their path winds.

The actions of every checkpoint in the same probe states are a path in many dimensions; its two main directions are
drawn. Paths of random walks look like cycles in them (Antognini and Sohl-Dickstein 2018), so that the winding of a path
is compared with walks made of its own steps in random order and with random signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.experiments.core.governors import GovernorSet
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.play import FIRST_SELECTION, open_worlds
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import Floats
from protogov.experiments.studies.emergence.subjects import Subject, governor_of, trained_subject
from protogov.experiments.training.learned import policy_files

PROBES = 64  # worlds whose states are probed
WALKS = 199  # random walks that a winding is compared with
FEWEST = 4  # checkpoints of a path
MOST = 10  # of a report


def checkpoints_of(
    folder: RunFolder, seeds: Sequence[int], most: int, only: Sequence[int] = ()
) -> dict[int, list[tuple[float, Subject]]]:
    """Of each training seed its checkpoints, evenly spread: (market hours, governors).

    Args:
        folder: of the run.
        seeds: all training seeds of the run.
        most: checkpoints of a seed.
        only: of these seeds; of all where it is empty.

    Raises:
        BadInput: a seed has fewer than four.
    """
    from protogov.experiments.training.seed import progress_of  # imports torch

    found = {}
    for seed in only or seeds:
        places = sorted((folder.seed_folder(seed, len(seeds)) / "checkpoints").glob("[0-9]*"))
        places = [place for place in places if place.name.isdigit() and policy_files(place)]
        if len(places) < FEWEST:
            raise BadInput(
                f"{folder.path}: training seed {seed} keeps {len(places)} checkpoints; {FEWEST} are needed: train with "
                "--ppo.keep-checkpoints 0"
            )
        places = sorted(places, key=lambda place: int(place.name))
        chosen = np.unique(np.round(np.linspace(0, len(places) - 1, min(most, len(places)))).astype(int))
        found[seed] = [
            (
                progress_of(places[k])[2],
                trained_subject(f"{seed}@{places[k].name}", [GovernorSet("learned", seed, policy_files(places[k]))]),
            )
            for k in chosen
        ]
    return found


@dataclass(frozen=True)
class ProbeJob:
    """What a set of governors does in states that the defaults led to."""

    subject: Subject
    scenario: str
    worlds: int = PROBES


def probe(config: WorldConfig, job: ProbeJob) -> Table:
    """Actions in the middle and towards the end of episodes whose levers stand still, as one long row `action`."""
    seeds = np.uint64(FIRST_SELECTION) + np.arange(job.worlds, dtype=np.uint64)
    world = open_worlds(config, job.scenario, seeds)
    sources = dict(job.subject.members[0])
    rows = np.arange(job.worlds, dtype=np.int64)
    stands = {agent: np.zeros((job.worlds, world.action_size(agent))) for agent in world.agents}
    seats = {agent.name: agent for agent in config.learners()}
    governors = {seat: governor_of(sources.get(seat, "constant"), seats[seat], config) for seat in world.agents}
    for governor in governors.values():
        governor.reset(rows, seeds)
    asked = []
    moments = {world.horizon // 2, max(0, world.horizon - 2)}
    for decision in range(world.horizon):
        answers = {seat: governors[seat].act(world.view(seat)) for seat in world.agents}  # all are asked: some remember
        if decision in moments:
            asked += [np.asarray(own, np.float64).ravel() for own in answers.values()]
        world.step(stands)
    return {"action": np.concatenate(asked)}


@dataclass(frozen=True)
class Path2:
    """The path of one training seed.

    Attributes:
        points: F64[C, 2], along the two main directions, root mean square over actions.
        share: of the variance of the path that they hold.
        winding: turns of the later half around its middle, with their sign.
        straight: distance from the first to the last point over the length of the way.
        speed: F64[C - 1], root mean square change of an action from one checkpoint to the next.
        p: share of random walks made of the same steps that wind as much.
    """

    points: Floats
    share: float
    winding: float
    straight: float
    speed: Floats
    p: float


def path_of(actions: Floats, walks: int = WALKS) -> Path2:
    """The path of actions F64[C, D] of C checkpoints."""
    scaled = actions / np.sqrt(actions.shape[1])
    steps = np.diff(scaled, axis=0)
    speed = np.sqrt((steps**2).sum(axis=1))
    points, share = _plane(scaled)
    winding = turns(points)
    draw = np.random.default_rng(0)
    chance = []
    for _ in range(walks):
        signs = draw.choice([-1.0, 1.0], len(steps))[:, None]
        walk = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(signs * draw.permutation(steps), axis=0)])
        chance.append(abs(turns(_plane(walk)[0])))
    p = float((1 + np.sum(np.array(chance) >= abs(winding))) / (1 + walks))
    length = float(speed.sum())
    straight = float(np.sqrt(((scaled[-1] - scaled[0]) ** 2).sum()) / length) if length > 0.0 else np.nan
    return Path2(points, share, winding, straight, speed, p)


def _plane(path: Floats) -> tuple[Floats, float]:
    """Coordinates along the two main directions, and their share of the variance."""
    centred = path - path.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    total = float((sizes**2).sum())
    sizes = np.concatenate([sizes, np.zeros(2)])[:2]
    left = np.concatenate([left, np.zeros((len(left), 2))], axis=1)[:, :2]
    return left * sizes, float((sizes**2).sum()) / total if total > 0.0 else 1.0


def turns(points: Floats) -> float:
    """Turns of the later half of a path F64[C, 2] around its own middle, counter-clockwise positive."""
    later = points[len(points) // 2 :]
    around = later - later.mean(axis=0)
    if (np.abs(around).sum(axis=1) < 1e-15).any():
        return 0.0
    angle = np.arctan2(around[:, 1], around[:, 0])
    return float(np.sum((np.diff(angle) + np.pi) % (2.0 * np.pi) - np.pi) / (2.0 * np.pi))


def path_rows(seed: int, hours: Sequence[float], path: Path2) -> list[dict[str, Any]]:
    """A row a checkpoint of a training seed: where it is, and how far from the one before."""
    speeds = [np.nan, *path.speed.tolist()]
    return [
        {"seed": seed, "market_hours": time, "x": x, "y": y, "speed": speed}
        for time, (x, y), speed in zip(hours, path.points.tolist(), speeds, strict=True)
    ]
