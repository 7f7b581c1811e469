"""The inputs of a contract: whole numbers of steps, 16 bits each, and the meaning of a step.

An input is a count from 0 to 2 * half. It stands for the observation (count - half) * observation_step, so that the
middle count is an observation of 0. An input is one number of the observation, or a sum of a few. Where all of these
are observed linearly a step is a round figure in the feature's own unit, and the scale of the observation is folded
into the first layer: nobody has to normalise. Of any other number the caller computes the observation, and a step is a
power of two of it.
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


class Term(NamedTuple):
    """One observed number of an input.

    Attributes:
        feature: its name.
        weight: the input's observation is the sum of weight * observed number.
        unit, scale, transform: of the feature: it is observed as value / scale where the transform is "linear", as
            sign * log(1 + |value| / scale) where it is "symlog"; "" where this is not known.
        limit: it is observed within +-limit.
    """

    feature: str
    weight: float
    unit: str
    scale: float
    transform: str
    limit: float


@dataclass(frozen=True)
class ContractInput:
    """One number that the contract takes.

    Attributes:
        name: of the policy's feature, or of the sum of some.
        unit: of `step`: the feature's own where the contract normalises, else "observation".
        normalised_by: "contract" or "caller".
        half: counts from the middle to either end; counts go from 0 to 2 * half, at most 65,535.
        step: what one count is [unit].
        observation_step: what one count is in the observation that the policy learned on.
        limit: observations lie within +-limit; half * observation_step is at most that.
        terms: what the observation is the sum of.
    """

    name: str
    unit: str
    normalised_by: str
    half: int
    step: Fraction
    observation_step: Fraction
    limit: Fraction
    terms: tuple[Term, ...]

    @property
    def largest(self) -> int:
        """The largest count that the contract accepts; the smallest is 0."""
        return 2 * self.half

    @property
    def rounding(self) -> Fraction:
        """How far the observation of the nearest count can be from an observation within +-limit."""
        return max(self.observation_step / 2, self.limit - self.half * self.observation_step)

    @property
    def reach(self) -> Fraction:
        """The largest sum of |weight * observed number| that its terms can have."""
        return sum((abs(Fraction(term.weight)) * Fraction(term.limit) for term in self.terms), Fraction(0))

    def value_weight(self, term: Term) -> float:
        """Where the contract normalises: what a term's value, in its own unit, counts for in the input's unit."""
        return term.weight * float(self.step / self.observation_step) / term.scale

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
            "terms": [
                term._asdict() | ({"value_weight": self.value_weight(term)} if self.normalised_by == "contract" else {})
                for term in self.terms
            ],
        }


def read_input(data: Mapping[str, Any]) -> ContractInput:
    """Inverse of `ContractInput.to_dict`.

    Raises:
        ValueError: it is not one.
    """
    try:
        steps = {name: Fraction(data[name]) for name in ("step", "observation_step", "limit")}
        terms = tuple(Term(*(term[name] for name in Term._fields)) for term in data["terms"])
        found = ContractInput(
            data["name"], data["unit"], data["normalised_by"], int(data["half"]), **steps, terms=terms
        )
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
    """How each number of an observation is handed in, each an input of its own.

    Args:
        names: of the observation, in order.
        limit: observations lie within +-limit.
        linear: the features among them that are observed linearly, by name; all others are normalised by the caller.

    Raises:
        ValueError: limit or a scale is not above 0 and finite.
    """
    known = linear or {}
    terms = [
        Term(name, 1.0, *known[name], "linear", limit) if name in known else Term(name, 1.0, "", 1.0, "", limit)
        for name in names
    ]
    return tuple(contract_input(term.feature, (term,)) for term in terms)


def contract_input(name: str, terms: Sequence[Term], limit: float | None = None) -> ContractInput:
    """How one number is handed in.

    Where all terms are linear the contract normalises, and values are in the unit of the first.

    Args:
        name: of the number.
        terms: what its observation is the sum of, at least one.
        limit: its observation lies within +-limit; by default the most that its terms can add up to.

    Raises:
        ValueError: limit, a term's limit or scale is not above 0 and finite, or there is no weight.
    """
    for what, value in [
        ("limit", limit),
        *((of, x) for t in terms for of, x in (("limit", t.limit), ("scale", t.scale))),
    ]:
        if value is not None and not 0 < value < np.inf:
            raise ValueError(f"{what} of {name} is {value}; a finite number above 0 is accepted")
    if not terms or terms[0].weight == 0 or not np.isfinite([term.weight for term in terms]).all():
        raise ValueError(f"{name} is a sum of {len(terms)} terms; at least one, of finite weights, is accepted")
    most = sum((abs(Fraction(term.weight)) * Fraction(term.limit) for term in terms), Fraction(0))
    most = most if limit is None else Fraction(limit)
    if all(term.transform == "linear" for term in terms):
        scale = Fraction(str(terms[0].scale)) / abs(Fraction(str(terms[0].weight)))
        return _folded(name, terms[0].unit, scale, most, tuple(terms))
    return _plain(name, most, tuple(terms))


def _plain(name: str, most: Fraction, terms: tuple[Term, ...]) -> ContractInput:
    """The step is the smallest power of two that 16 bits allow."""
    step = Fraction(1)
    while 2 * (most / step) > _MOST_STEPS:
        step *= 2
    while 2 * (most / (step / 2)) <= _MOST_STEPS:
        step /= 2
    return ContractInput(name, "observation", "caller", int(most / step), step, step, most, terms)


def _folded(name: str, unit: str, scale: Fraction, most: Fraction, terms: tuple[Term, ...]) -> ContractInput:
    """The step is the smallest of 1, 2 and 5 times a power of ten that 16 bits allow."""
    steps = (Fraction(digit) * Fraction(10) ** power for power in range(-30, 31) for digit in (1, 2, 5))
    step = next(step for step in steps if 2 * (scale * most / step) <= _MOST_STEPS)
    return ContractInput(name, unit, "contract", int(scale * most / step), step, step / scale, most, terms)


def summed(
    inputs: Sequence[ContractInput], features: Sequence[str], observations: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The observation of each input, float64 [n, inputs], of an observation [n, d] whose numbers have these names.

    Sums are added up term by term, so that a row is the same, bit for bit, in a batch of any size.

    Raises:
        KeyError: a term is not among the names.
    """
    columns = {name: column for column, name in enumerate(features)}
    found = np.zeros((len(observations), len(inputs)))
    for index, one in enumerate(inputs):
        for term in one.terms:
            found[:, index] += term.weight * observations[:, columns[term.feature]].astype(np.float64)
    return found


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
