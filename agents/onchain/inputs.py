"""What a contract takes in: whole numbers of steps, 16 bits an input, and what a step means.

An input is a count from 0 to 2 * half. It stands for the observation (count - half) * observation_step, so that the
middle count is an observation of 0. For a feature that is observed linearly a step is a round figure in the feature's
own unit, and what the observation divides by is folded into the first layer: nobody has to normalise. For any other
number the caller does, and a step is 1/2048 of the observation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

INPUT_BITS = 16
INPUTS_A_WORD = 256 // INPUT_BITS
_MOST_STEPS = 2**INPUT_BITS - 1


class LinearFeature(NamedTuple):
    """A feature that is observed as value / scale, within the limit of observations."""

    unit: str
    scale: float


@dataclass(frozen=True)
class ContractInput:
    """One number that the contract takes.

    Attributes:
        name: of the policy's feature.
        unit: of `step`: the feature's own where the contract normalises, else "observation".
        normalised_by: "contract" or "caller".
        half: counts from the middle to either end; counts go from 0 to 2 * half, at most 65,535.
        step: what one count is [unit].
        observation_step: what one count is in the observation that the policy learned on.
        limit: observations lie within +-limit; half * observation_step is at most that.
    """

    name: str
    unit: str
    normalised_by: str
    half: int
    step: Fraction
    observation_step: Fraction
    limit: Fraction

    @property
    def largest(self) -> int:
        """The largest count that the contract accepts; the smallest is 0."""
        return 2 * self.half

    @property
    def rounding(self) -> Fraction:
        """How far the observation of the nearest count can be from an observation within +-limit."""
        return max(self.observation_step / 2, self.limit - self.half * self.observation_step)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; fractions as "numerator/denominator"."""
        return {
            "name": self.name,
            "unit": self.unit,
            "normalised_by": self.normalised_by,
            "half": self.half,
            "step": str(self.step),
            "observation_step": str(self.observation_step),
            "limit": str(self.limit),
        }


def read_input(data: Mapping[str, Any]) -> ContractInput:
    """Inverse of `ContractInput.to_dict`.

    Raises:
        ValueError: it is not one.
    """
    try:
        steps = {name: Fraction(data[name]) for name in ("step", "observation_step", "limit")}
        found = ContractInput(data["name"], data["unit"], data["normalised_by"], int(data["half"]), **steps)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ValueError(f"input {data!r} cannot be read ({error})") from None
    if not 0 < found.largest <= _MOST_STEPS or min(found.step, found.observation_step) <= 0:
        raise ValueError(
            f"input {found.name} has {found.largest} steps; 2 to {_MOST_STEPS} of more than 0 are accepted"
        )
    return found


def contract_inputs(
    names: Sequence[str], limit: float, linear: Mapping[str, LinearFeature] | None = None
) -> tuple[ContractInput, ...]:
    """How each number of an observation is handed in.

    Args:
        names: of the observation, in order.
        limit: observations lie within +-limit.
        linear: the features among them that are observed linearly, by name; all others are normalised by the caller.

    Raises:
        ValueError: limit or a scale is not above 0 and finite.
    """
    known = linear or {}
    for name, value in [("limit", limit), *((name, feature.scale) for name, feature in known.items())]:
        if not 0 < value < np.inf:
            raise ValueError(f"{name} is {value}; a finite number above 0 is accepted")
    return tuple(_folded(name, known[name], limit) if name in known else _plain(name, limit) for name in names)


def _plain(name: str, limit: float) -> ContractInput:
    """The step is the smallest power of two that 16 bits allow."""
    most, step = Fraction(limit), Fraction(1)
    while 2 * (most / step) > _MOST_STEPS:
        step *= 2
    while 2 * (most / (step / 2)) <= _MOST_STEPS:
        step /= 2
    return ContractInput(name, "observation", "caller", int(most / step), step, step, most)


def _folded(name: str, feature: LinearFeature, limit: float) -> ContractInput:
    """The step is the smallest of 1, 2 and 5 times a power of ten that 16 bits allow."""
    scale, most = Fraction(str(feature.scale)), Fraction(limit)
    steps = (Fraction(digit) * Fraction(10) ** power for power in range(-30, 31) for digit in (1, 2, 5))
    step = next(step for step in steps if 2 * (scale * most / step) <= _MOST_STEPS)
    return ContractInput(name, feature.unit, "contract", int(scale * most / step), step, step / scale, most)


def counts_of(inputs: Sequence[ContractInput], observations: NDArray[np.floating]) -> NDArray[np.int64]:
    """The nearest counts int64 [n, d] of observations [n, d]; what lies beyond an end becomes that end."""
    half = np.array([one.half for one in inputs], np.int64)
    step = np.array([float(one.observation_step) for one in inputs])
    steps = np.floor(np.asarray(observations, np.float64) / step + 0.5)
    return np.clip(steps, -half, half).astype(np.int64) + half


def observations_of(inputs: Sequence[ContractInput], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The observations float64 [n, d] that counts [n, d] stand for."""
    half = np.array([one.half for one in inputs], np.int64)
    return (counts - half) * np.array([float(one.observation_step) for one in inputs])


def pack(counts: Sequence[int]) -> list[int]:
    """Counts as the words of 256 bits that the contract takes: 16 inputs a word, the first in the lowest bits."""
    words = [0] * (-(-len(counts) // INPUTS_A_WORD))
    for index, count in enumerate(counts):
        words[index // INPUTS_A_WORD] |= int(count) << INPUT_BITS * (index % INPUTS_A_WORD)
    return words
