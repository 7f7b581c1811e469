"""A mixture of scenarios: each seed belongs to one part, and its tape is the tape of that part for that seed."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import CHANNELS, Scenario, Seeds, Split, Tapes, as_seeds, either, register, stricter
from protogov.envs.scenarios.crises import STORIES
from protogov.envs.scenarios.regimes import REGIMES_SCENARIO
from protogov.envs.scenarios.self_exciting import SELF_EXCITING
from protogov.envs.scenarios.synthetic import JUMP
from protogov.envs.scenarios.waypoints import Crisis
from protogov.envs.world.noise import Purpose, key, uniform

TRAINING_AMPLITUDE = (0.7, 1.3)  # of every log move of a training crisis

_ZERO = np.uint64(0)


class Mixture(Scenario):
    """One of several scenarios for each seed, in given shares.

    A mixture is of the strictest split among its parts: one test scenario makes it a test scenario.

    Args:
        name: of the mixture; part of the key of the choice.
        parts: (scenario, share) pairs; shares are positive and need not add up to 1. Overlays are no parts.

    Attributes:
        parts: the scenarios.
        shares: F64[k], adding up to 1.

    Raises:
        ValueError: no part, a share that is not positive, or a part that draws no tape of its own.
    """

    kind = "mixture"

    def __init__(self, name: str, parts: Iterable[tuple[Scenario, float]]) -> None:
        pairs = list(parts)
        if not pairs or not all(share > 0.0 for _, share in pairs):
            raise ValueError(
                f"the shares of mixture {name!r} are {[share for _, share in pairs]}; all must be positive."
            )
        for part, _ in pairs:
            if part.is_overlay:
                raise ValueError(f"mixture {name!r} has the part {part.name!r}, which changes a tape and draws none.")
        self.name = name
        self.parts = tuple(part for part, _ in pairs)
        shares = np.array([share for _, share in pairs], np.float64)
        self.shares: NDArray[np.float64] = shares / shares.sum()
        split: Split = "free"
        for part in self.parts:
            split = stricter(split, part.split)
        self.split = split

    @property
    def leaves(self) -> tuple[Scenario, ...]:
        """The scenarios of all parts."""
        return tuple(leaf for part in self.parts for leaf in part.leaves)

    def provenance(self) -> dict[str, str]:
        """What the parts say: "derived or invented" where some derive what others invent."""
        parts = [part.provenance() for part in self.parts]
        return {name: either(words[name] for words in parts) for name in CHANNELS}

    def check_hours(self, num_hours: int) -> None:
        """Raise ValueError unless every part can be drawn for `num_hours`."""
        for part in self.parts:
            part.check_hours(num_hours)

    def part_of(self, seeds: Iterable[int] | Seeds) -> NDArray[np.int64]:
        """Index of the part that each seed belongs to, I64[n]."""
        ends = np.cumsum(self.shares)
        ends[-1] = 1.0
        with np.errstate(over="ignore"):
            # compiled functions return Python integers, which would come back as signed ones
            keys = [np.uint64(key(seed, self.salt)) for seed in as_seeds(seeds)]
            draws = [uniform(each, _ZERO, _ZERO, _ZERO, _MIX) for each in keys]
        return np.searchsorted(ends, np.array(draws, np.float64), side="right").astype(np.int64)

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw every row from its part."""
        chosen = self.part_of(seeds)
        for index, part in enumerate(self.parts):
            rows = np.flatnonzero(chosen == index)
            if rows.size:
                piece = tapes[rows].view(np.recarray)
                part.fill(piece, seeds[rows])
                tapes[rows] = piece


_MIX = np.uint64(Purpose.TAPE_MIX)

# Training crises in all strengths: a governor must not learn how deep this one goes.
_TRAINING_CRISES = [
    Crisis(name, split, story, amplitude=TRAINING_AMPLITUDE)
    for name, (split, story) in STORIES.items()
    if split == "train"
]

MIX = register(
    Mixture(
        "mix",
        [
            (REGIMES_SCENARIO, 0.40),
            (JUMP, 0.15),
            (SELF_EXCITING, 0.15),
            *((crisis, 0.30 / len(_TRAINING_CRISES)) for crisis in _TRAINING_CRISES),
        ],
    ),
    "the training mix: 40% regimes, 30% jumps and self-exciting jumps, 30% training crises in all strengths",
)
