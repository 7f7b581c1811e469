"""Two sets of governors as rivals: one at each of two venues, what both earn, and welfare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.interfaces import Governor
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.play import open_worlds, play, tape_seeds
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.emergence.forks import Floats
from protogov.experiments.studies.emergence.reading import WELFARE, market_of
from protogov.experiments.studies.emergence.subjects import Subject, governor_of

MOST_ROWS = 64  # worlds side by side


@dataclass(frozen=True)
class PairJob:
    """A meeting.

    Attributes:
        first, second: who governs venue 0 and venue 1; of one member each.
        scenario: the outside market.
        tapes: episodes, the first of those of evaluations.
    """

    first: Subject
    second: Subject
    scenario: str
    tapes: int


def two_venues(world: WorldConfig) -> WorldConfig:
    """A run's world with nobody in the background.

    Raises:
        BadInput: it has one venue.
    """
    if world.venues != 2:
        raise BadInput(f"the world of the run has {world.venues} venue; rivals need 2: train with --world.size rivals")
    return replace(world, background={})


def at_venue(subject: Subject, venue: int, world: WorldConfig) -> dict[str, str]:
    """Sources of its governors for the seats of a venue: its own there, else those of the same role at the other one.

    Raises:
        BadInput: it has none for a role.
    """
    own = dict(subject.members[0])
    found = {}
    for role in world.roles:
        seat = f"{role}_{venue}"
        source = own.get(seat, own.get(f"{role}_{1 - venue}"))
        if source is None:
            raise BadInput(f"{subject.name} has no governor of the role {role}; its seats are {', '.join(own)}")
        found[seat] = source
    return found


def play_pair(config: WorldConfig, job: PairJob) -> Table:
    """Every tape of a meeting.

    Returns:
        `first`, `second`: mean over a venue's seats of the reward of an episode; `welfare` of both venues [bp of K0].
    """
    sources = {**at_venue(job.first, 0, config), **at_venue(job.second, 1, config)}
    seats = {agent.name: agent for agent in config.learners()}
    governors: dict[str, Governor] = {seat: governor_of(sources[seat], seats[seat], config) for seat in seats}
    parts: dict[str, list[Floats]] = {"first": [], "second": [], "welfare": []}
    for first in range(0, job.tapes, MOST_ROWS):
        seeds = tape_seeds(min(MOST_ROWS, job.tapes - first), first)
        world = open_worlds(config, job.scenario, seeds)
        read = market_of(world, seeds, rewards=False)
        total = {name: np.zeros(len(seeds)) for name in parts}
        for step in play(world, governors, seeds):
            for venue, name in enumerate(("first", "second")):
                own = [step.rewards[seat] for seat in seats if seat.endswith(f"_{venue}")]
                total[name] += np.mean(own, axis=0)
            total["welfare"] += read(step, {})[WELFARE]
        for name, values in total.items():
            parts[name].append(values)
    return {name: np.concatenate(own) for name, own in parts.items()}


@dataclass(frozen=True)
class Meetings:
    """Meetings of M sets of governors.

    Attributes:
        earned: F64[M, M, tapes], [a, b] what a earns beside b, in the mean of both ways round.
        welfare: F64[M, M, tapes], of both venues, in the mean of both ways round.
    """

    earned: Floats
    welfare: Floats


def meet(config: WorldConfig, members: Sequence[Subject], scenario: str, tapes: int, how: Running) -> Meetings:
    """Let every two meet, both ways round, and every one itself.

    Raises:
        BadInput: governors that do not fit the world.
    """
    for member in members:  # refused before anything is played
        for venue in range(2):
            _fits(at_venue(member, venue, config), config)
    pieces = [
        Piece(f"{i}-{j}", PairJob(one, other, scenario, tapes))
        for i, one in enumerate(members) for j, other in enumerate(members)
    ]  # fmt: skip
    tables = run_pieces(play_pair, config, pieces, how, "meetings")
    count = len(members)

    def cube(name: str) -> Floats:
        return np.stack([table[name] for table in tables]).reshape(count, count, -1)

    welfare = cube("welfare")
    earned = 0.5 * (cube("first") + np.swapaxes(cube("second"), 0, 1))
    return Meetings(earned, 0.5 * (welfare + np.swapaxes(welfare, 0, 1)))


def _fits(sources: Mapping[str, str], config: WorldConfig) -> None:
    seats = {agent.name: agent for agent in config.learners()}
    for seat, source in sources.items():
        governor_of(source, seats[seat], config)
