"""A policy in whole numbers: what the contract computes, exactly, and how its numbers lie in words of 256 bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.heads import ACTIONS, DECODING
from protogov.agents.onchain.inputs import ContractInput, read_input

WORD_BITS = 256
FEWEST_LANES, MOST_LANES = 4, 8  # fewer would let sums leave 64 bits, more would leave weights a few bits


@dataclass(frozen=True)
class IntegerLayer:
    """One layer: sum = weight @ x + bias, then (sum + rounding) >> shift, then max(., 0) unless it is the last.

    Attributes:
        weight: int64 [outputs, inputs].
        bias: int64 [outputs].
        sum_bits: a sum of 2**sum_bits stands for 1.
        shift: bits that rounding to the nearest drops, half upwards: a value of 2**(sum_bits - shift) stands for 1.
    """

    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    sum_bits: int
    shift: int

    @property
    def rounding(self) -> int:
        """Half of what the shift drops."""
        return 1 << (self.shift - 1) if self.shift else 0

    @property
    def value_bits(self) -> int:
        """A value of 2**value_bits stands for 1."""
        return self.sum_bits - self.shift

    def sums(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [n, outputs] of x [n, inputs]; exact, since a sum fits its lane of at most 64 bits."""
        return x @ self.weight.T + self.bias

    def sum_range(self, largest: list[int]) -> list[tuple[int, int]]:
        """The smallest and the largest sum of each output where input i goes from 0 to largest[i]; exact."""
        ranges = []
        for row, bias in zip(self.weight.tolist(), self.bias.tolist(), strict=True):
            products = [weight * most for weight, most in zip(row, largest, strict=True)]
            ranges.append((bias + sum(min(x, 0) for x in products), bias + sum(max(x, 0) for x in products)))
        return ranges

    def largest_values(self, largest: list[int]) -> list[int]:
        """The largest value of each output after the shift and max(., 0), for inputs as in `sum_range`."""
        return [max(0, (high + self.rounding) >> self.shift) for _, high in self.sum_range(largest)]


@dataclass(frozen=True)
class Specification:
    """The whole network in integers; `decide` is what the contract must return, bit for bit.

    Attributes:
        agent: the governor whose policy it is, or the name of a pricer.
        inputs: what each count means.
        levers: a name for each output: the lever, or of a pricer what `heads.py` says.
        layers: hidden layers, then the output layer.
        lanes: neurons that share a word of 256 bits, 4 to 8; a sum has 256 // lanes bits.
        head: what the outputs are, a name of `heads.py`.
        ends: of each output (lowest, highest), None where there is none; by default +-one, as actions are held.
    """

    agent: str
    inputs: tuple[ContractInput, ...]
    levers: tuple[str, ...]
    layers: tuple[IntegerLayer, ...]
    lanes: int
    head: str = ACTIONS
    ends: tuple[tuple[int | None, int | None], ...] = ()

    def __post_init__(self) -> None:
        if not self.ends:
            object.__setattr__(self, "ends", ((-self.one, self.one),) * len(self.levers))

    @property
    def lane_bits(self) -> int:
        """Bits of a sum, its sign included."""
        return WORD_BITS // self.lanes

    @property
    def one(self) -> int:
        """The output that stands for 1."""
        return 1 << self.layers[-1].value_bits

    def activations(self, counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The sums of every layer, int64 [n, outputs] each, of counts int64 [n, inputs].

        Raises:
            ValueError: a count is below 0 or above the largest of its input.
        """
        most = np.array([one.largest for one in self.inputs], np.int64)
        counts = np.asarray(counts, np.int64)
        if counts.ndim != 2 or counts.shape[1] != len(most) or (counts < 0).any() or (counts > most).any():
            raise ValueError(
                f"counts {counts.shape} must be whole numbers from 0 to {most.max()} for each of {len(most)} inputs"
            )
        x, sums = counts, []
        for layer in self.layers:
            sums.append(layer.sums(x))
            x = np.maximum((sums[-1] + layer.rounding) >> layer.shift, 0)
        return sums

    def decide(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Outputs int64 [n, levers] within their ends, of counts int64 [n, inputs].

        Raises:
            ValueError: see `activations`.
        """
        last = self.layers[-1]
        info = np.iinfo(np.int64)
        low, high = zip(*self.ends, strict=True)
        return np.clip(
            (self.activations(counts)[-1] + last.rounding) >> last.shift,
            [info.min if end is None else end for end in low], [info.max if end is None else end for end in high],
        )  # fmt: skip

    def lane_problem(self) -> str:
        """Why a sum could leave its lane for some accepted input, "" if it provably cannot."""
        half, largest = 1 << (self.lane_bits - 1), [one.largest for one in self.inputs]
        for index, layer in enumerate(self.layers):
            for neuron, (low, high) in enumerate(layer.sum_range(largest)):
                if low + layer.rounding < -half or high + layer.rounding >= half:
                    return f"layer {index}, neuron {neuron}: sums from {low} to {high} leave {self.lane_bits} bits"
            if np.abs(layer.weight).max(initial=0) >= half:
                return f"layer {index}: a weight leaves {self.lane_bits} bits"
            largest = layer.largest_values(largest)
        return ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, for `read_specification`."""
        layers = [
            {
                "sum_bits": layer.sum_bits,
                "shift": layer.shift,
                "weight": layer.weight.tolist(),
                "bias": layer.bias.tolist(),
            }
            for layer in self.layers
        ]
        return {
            "agent": self.agent,
            "lanes": self.lanes,
            "inputs": [one.to_dict() for one in self.inputs],
            "levers": list(self.levers),
            "head": self.head,
            "ends": [list(pair) for pair in self.ends],
            "layers": layers,
        }


def read_specification(data: Mapping[str, Any]) -> Specification:
    """Inverse of `Specification.to_dict`.

    Raises:
        ValueError: it is not one, its layers do not fit each other, or a sum could leave its lane.
    """
    try:
        layers = tuple(_read_layer(layer) for layer in data["layers"])
        found = Specification(
            str(data["agent"]),
            tuple(read_input(one) for one in data["inputs"]),
            tuple(str(name) for name in data["levers"]),
            layers,
            int(data["lanes"]),
            str(data.get("head", ACTIONS)),
            tuple(_read_ends(pair) for pair in data.get("ends", ())),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"specification cannot be read ({error})") from None
    if not layers or not FEWEST_LANES <= found.lanes <= MOST_LANES:
        accepted = f"1 or more, and {FEWEST_LANES} to {MOST_LANES}, are accepted"
        raise ValueError(f"specification has {len(layers)} layers and {found.lanes} lanes; {accepted}")
    sizes = [len(found.inputs), *(len(layer.weight) for layer in layers)]
    fits = all(layer.weight.shape == (out, size) for layer, size, out in zip(layers, sizes, sizes[1:], strict=False))
    if not fits or sizes[-1] != len(found.levers):
        raise ValueError("specification holds layers that do not fit each other, its inputs or its levers")
    if len(found.ends) != len(found.levers) or found.head not in DECODING:
        raise ValueError(
            f"specification has {len(found.ends)} ends for {len(found.levers)} outputs and the head {found.head!r}; "
            f"one each, and {' or '.join(DECODING)}, are accepted"
        )
    if problem := found.lane_problem():
        raise ValueError(f"specification overflows: {problem}")
    return found


def _read_ends(pair: Any) -> tuple[int | None, int | None]:
    low, high = (None if end is None else int(end) for end in pair)
    if low is not None and high is not None and low > high:
        raise ValueError(f"ends are {low} and {high}")
    return low, high


def _read_layer(data: Mapping[str, Any]) -> IntegerLayer:
    weight, bias = np.array(data["weight"], np.int64), np.array(data["bias"], np.int64)
    sum_bits, shift = int(data["sum_bits"]), int(data["shift"])
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or not 0 <= shift <= sum_bits <= 62:
        raise ValueError(f"a layer has weight {weight.shape}, bias {bias.shape}, sum_bits {sum_bits}, shift {shift}")
    return IntegerLayer(weight, bias, sum_bits, shift)


def pack_lanes(numbers: list[int], lane_bits: int) -> int:
    """Signed numbers in a word, the first in the lowest lane: sum of number * 2**(lane_bits * lane), modulo 2**256."""
    return sum(number << lane_bits * lane for lane, number in enumerate(numbers)) % (1 << WORD_BITS)


def unpack_lanes(word: int, lane_bits: int, count: int) -> list[int]:
    """Inverse of `pack_lanes` for `count` numbers below 2**(lane_bits - 1); the last one takes what is left."""
    half, numbers = 1 << (lane_bits - 1), []
    rest = word - (1 << WORD_BITS) if word >> (WORD_BITS - 1) else word
    for _ in range(count - 1):
        number = (rest + half) % (1 << lane_bits) - half
        numbers.append(number)
        rest = (rest - number) >> lane_bits
    return [*numbers, rest]
