"""Batches of worlds on tapes of several scenarios, in several members of the ensemble; and crises by their onset.

A small batch costs three times as much a world as a large one. Tapes, noise and people of a row depend on its own seed,
scenario and member alone, so rows may be put together at will.
"""

from collections.abc import Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import shipped_ensemble
from protogov.envs.scenarios import Scenario, get_scenario
from protogov.envs.scenarios.base import Seeds, Tapes, stricter
from protogov.envs.simulator import Simulator
from protogov.envs.world.noise import key
from protogov.experiments.core.play import tape_seeds
from protogov.experiments.core.statistics import Floats
from protogov.experiments.errors import as_bad_input

Names = Sequence[str] | NDArray[Any]
DAY = 24  # hours of the deepest fall
POOL = 96  # tapes of which the one is taken whose fall begins when it should


def keys_of(seeds: Seeds) -> Seeds:
    """What tapes of first episodes are keyed by, U64[n]."""
    with np.errstate(over="ignore"):  # the keyed noise wraps around
        return np.array([key(seed, np.uint64(0)) for seed in seeds], np.uint64)


class Several(Scenario):
    """Every tape of its own scenario.

    Args:
        names: of each tape's scenario.
        seeds: U64[n], of each tape's world; other worlds, and later episodes, cannot be drawn.
    """

    def __init__(self, names: Names, seeds: Seeds) -> None:
        self.parts = {name: get_scenario(name) for name in dict.fromkeys(map(str, names))}
        self.name = " | ".join(self.parts)
        self.split = reduce(stricter, (part.split for part in self.parts.values()))
        self._of = dict(zip(keys_of(seeds).tolist(), map(str, names), strict=True))

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios of all parts."""
        return tuple(leaf for part in self.parts.values() for leaf in part.leaves)

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless every part can be drawn for `num_hours`."""
        for part in self.parts.values():
            part.check_hours(num_hours)

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw every row from its own scenario."""
        chosen = np.array([self._of[seed] for seed in seeds.tolist()])
        for name, part in self.parts.items():
            rows = np.flatnonzero(chosen == name)
            if rows.size:
                piece = tapes[rows].view(np.recarray)
                part.fill(piece, seeds[rows])
                tapes[rows] = piece


def open_batch(config: WorldConfig, names: Names, seeds: Seeds, members: Sequence[str] = ()) -> Simulator:
    """Worlds at their opening.

    Args:
        config: of all.
        names: of each row's scenario.
        seeds: U64[n].
        members: of the ensemble, of each row; all rows are in the world as it is if there are none.

    Raises:
        BadInput: an unknown or sealed scenario, or one that cannot be drawn for the length of an episode.
    """
    known = shipped_ensemble()
    own = {name: np.array([known.members[one][name] for one in members]) for name in known.ranges} if members else None
    with as_bad_input():
        scenario = Several(names, seeds)
        scenario.check_open()
        world = Simulator(config, len(seeds), scenario=scenario, parameters=own)
        world.reset(seeds=seeds)
    return world


# ---------------------------------------------------------------------- crises


def onset_of(closes: Floats) -> NDArray[np.int64]:
    """Hour at which each tape's day of the deepest fall begins, I64[n], from hourly closes F64[n, hours + 1]."""
    day = min(DAY, closes.shape[1] - 1)
    return np.asarray((closes[:, day:] / closes[:, :-day]).argmin(axis=1))


def onset(world: Simulator, ahead: int) -> NDArray[np.int64]:
    """The same of a world's tapes, less `ahead` hours, at least 0."""
    return np.maximum(onset_of(world.tape["close"].astype(np.float64)) - ahead, 0)


@cache
def deep_tapes(names: tuple[str, ...], first: int, hours: int, every: int, latest: int) -> tuple[tuple[int, ...], int]:
    """Tapes of crises whose deepest days begin at about the same time, so that one moment is in the crisis of all.

    The decision is that which the crises have in common most often. A row's tape is the one of its `POOL` tapes, by
    number, whose day begins nearest to it: in that decision as a rule, and hardly ever a day away.

    Args:
        names: of each row's scenario.
        first: number of the first tape.
        hours: of an episode.
        every: hours of a decision.
        latest: last decision that is accepted.

    Returns:
        The seed of each row, and the decision in which the deepest day begins.
    """
    own = np.array(names)
    seeds = tape_seeds(POOL * own.size, first).reshape(own.size, POOL)
    begins = np.empty(seeds.shape, np.int64)
    counts = []
    for name in dict.fromkeys(names):
        rows = own == name
        closes: Any = get_scenario(name).draw(keys_of(seeds[rows].ravel()), hours)["close"].astype(np.float64)
        begins[rows] = (onset_of(closes) // every).reshape(-1, POOL)
        counts.append(np.bincount(np.minimum(begins[rows].ravel(), latest + 1), minlength=latest + 2) / rows.sum())
    decision = int(np.min(counts, axis=0)[: latest + 1].argmax())
    nearest = np.abs(begins - decision).argmin(axis=1)
    return tuple(int(one) for one in seeds[np.arange(own.size), nearest]), decision
