"""A mixture of scenarios: each seed belongs to one part, and its tape is that part's tape for this seed."""

from collections.abc import Iterable, Mapping
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from protogov.envs.scenarios.base import CHANNELS, Scenario, Seeds, Split, Tapes, either, register, stricter
from protogov.envs.scenarios.crises import STORIES
from protogov.envs.scenarios.markets import MARKETS
from protogov.envs.scenarios.path import keys_of, uniforms
from protogov.envs.scenarios.waypoints import Crisis
from protogov.envs.world.noise import Purpose

TRAINING_AMPLITUDE = (0.7, 1.3)  # range of the factor on every log move of a training crisis in the stress mix

_MIX = np.uint64(Purpose.TAPE_MIX)


class Mixture(Scenario):
    """One of several scenarios for each seed, in given shares.

    A mixture has the strictest split of its parts: one validation part makes it a validation scenario.

    Args:
        name: name of the mixture; part of the key of the choice.
        parts: (scenario, share) pairs; shares are positive and need not add up to 1. A part may not be an overlay.

    Attributes:
        parts: the scenarios.
        shares: F64[k], with the sum 1.

    Raises:
        ValueError: there is no part, a share is not positive, or a part draws no tape of its own.
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
        """The origins of the parts: "derived or invented" if some parts derive what others invent."""
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
        return np.searchsorted(ends, uniforms(keys_of(seeds, self.salt), _MIX), side="right").astype(np.int64)

    def weights(self, seeds: Iterable[int] | Seeds, shares: Mapping[str, float]) -> NDArray[np.float64]:
        """Weight of each seed in a mixture of the same parts with other shares.

        sum(weights * x) / sum(weights), with x measured on this mixture, estimates the mean on the other mixture. A
        seed's weight is its part's share there divided by its part's share here. :func:`effective_sample_size` tells
        how much of the sample remains.

        Args:
            seeds: seeds of this mixture.
            shares: part's name -> share in the other mixture. They need not add up to 1; a missing part has share 0.

        Returns:
            F64[n].

        Raises:
            ValueError: this mixture lacks a part, a share is not a number from 0 on, or no share is above 0.
        """
        names = [part.name for part in self.parts]
        for name, share in shares.items():
            if names.count(name) != 1:
                raise ValueError(
                    f"mixture {self.name!r} has no part {name!r} of its own; known are {', '.join(names)}."
                )
            if not isfinite(share) or share < 0.0:
                raise ValueError(f"the share of {name!r} is {share!r}; a number from 0 on is accepted.")
        total = sum(shares.values())
        if not total > 0.0:
            raise ValueError(f"the shares {dict(shares)} add up to {total:g}; at least one must be positive.")
        ratios = np.array([shares.get(name, 0.0) / total for name in names]) / self.shares
        return np.asarray(ratios[self.part_of(seeds)])

    def without(self, name: str) -> "Mixture":
        """The other parts in their proportions, under the name `MIXTURE-without-PART`.

        Raises:
            ValueError: no part has that name, or there is no other.
        """
        kept = [(part, share) for part, share in zip(self.parts, self.shares, strict=True) if part.name != name]
        if len(kept) == len(self.parts):
            known = ", ".join(part.name for part in self.parts)
            raise ValueError(f"mixture {self.name!r} has no part {name!r} to leave out; its parts are {known}.")
        return Mixture(f"{self.name}-without-{name}", kept)

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw every row from its own part."""
        chosen = self.part_of(seeds)
        for index, part in enumerate(self.parts):
            rows = np.flatnonzero(chosen == index)
            if rows.size:
                piece = tapes[rows].view(np.recarray)
                part.fill(piece, seeds[rows])
                tapes[rows] = piece


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Number of equally weighted samples that a weighted mean is worth: (sum w)^2 / sum w^2 (Kish 1965); 0 if empty."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0.0 else 0.0


# The stress mix: three fortnights of ten are listed crises (nine of 156 in history), because a learner must meet them.
# `natural` has the real frequency. Crises have all strengths, because a governor must not learn the exact depth of one.
_TRAINING_CRISES = [
    Crisis(name, split, story, amplitude=TRAINING_AMPLITUDE)
    for name, (split, story) in STORIES.items()
    if split == "train"
]

MIX = register(
    Mixture(
        "mix",
        [
            (MARKETS["regimes"], 0.40),
            (MARKETS["jump"], 0.15),
            (MARKETS["self-exciting"], 0.15),
            *((crisis, 0.30 / len(_TRAINING_CRISES)) for crisis in _TRAINING_CRISES),
        ],
    ),
    "the stress mix: 40% regimes, 30% jumps and self-exciting jumps, 30% training crises in all strengths",
)
