"""From a network's float32 weights to whole numbers whose sums provably fit their lanes, for every accepted input."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.bounds import ErrorBound, error_bound
from protogov.agents.onchain.inputs import ContractInput
from protogov.agents.onchain.network import ExportError, Network, Stack, stack_of
from protogov.agents.onchain.specification import FEWEST_LANES, MOST_LANES, WORD_BITS, IntegerLayer, Specification

LANES = 7  # 36 bits each
OUTPUT_BITS = 16  # of an output of 1
_MOST_BITS = 48  # of a weight's scale, where weights are so small that their lane would allow more
_FEWEST_BITS = 2  # of the values between two layers
# of its largest value, what a neuron is reckoned to put out when the bits of a lane are shared: all are never at their
# largest together. Bounds hold whatever it is; at a sixteenth they are as tight as at 1, and errors met are a third
_TYPICAL = 1 / 16


@dataclass(frozen=True)
class Quantised:
    """A policy or a pricer in integers, and how far it can be from itself in real numbers."""

    specification: Specification
    bound: ErrorBound


def quantise(network: Network, inputs: tuple[ContractInput, ...], lanes: int = LANES) -> Quantised:
    """The integer specification of a network, see `integer_specification`, with its proved bounds; takes seconds.

    Raises:
        ExportError: the network cannot become a contract, or no scale fits.
        ValueError: lanes out of range, or inputs that are not those of the network.
    """
    specification = integer_specification(network, inputs, lanes)
    return Quantised(specification, error_bound(stack_of(network), specification))


def integer_specification(network: Network, inputs: tuple[ContractInput, ...], lanes: int = LANES) -> Specification:
    """A policy or a pricer in integers.

    Weights and values of a layer share the bits of a lane. Each layer gets the largest scale whose sums fit their lane
    for every accepted input; of the values between two layers as many bits are kept as make the sum of both roundings
    least, for values well below their largest.

    Args:
        network: a policy that is a plain stack of linear layers and ReLU with at most 32 inputs, or a compact one; or
            a compact pricer.
        inputs: what its observations are handed in as, one a feature, or one a named feature where it is compact.
        lanes: neurons a word of 256 bits, 4 to 8: fewer are more exact, more cost less gas.

    Raises:
        ExportError: the network cannot become a contract, or no scale fits.
        ValueError: lanes out of range, or inputs that are not those of the network.
    """
    if not FEWEST_LANES <= lanes <= MOST_LANES:
        raise ValueError(f"lanes is {lanes}; whole numbers from {FEWEST_LANES} to {MOST_LANES} are accepted")
    stack = stack_of(network)
    features = stack.features
    if tuple(one.name for one in inputs) != features:
        raise ValueError(f"inputs are {len(inputs)} that are not the {len(features)} features of the policy")
    integers = _integer_layers(stack, inputs, lanes)
    one = 1 << integers[-1].value_bits
    ends = tuple((_in_steps(low, one), _in_steps(high, one)) for low, high in stack.ends)
    specification = Specification(stack.name, inputs, stack.outputs, integers, lanes, stack.head, ends)
    if problem := specification.lane_problem():
        raise ExportError(f"the network of {stack.name} does not fit {lanes} lanes ({problem}); fewer lanes are wider")
    return specification


def _in_steps(end: float | None, one: int) -> int | None:
    return None if end is None else _nearest(Fraction(end) * one)


def _integer_layers(stack: Stack, inputs: tuple[ContractInput, ...], lanes: int) -> tuple[IntegerLayer, ...]:
    unit = [one.observation_step for one in inputs]
    middle, largest = [one.half for one in inputs], [one.largest for one in inputs]
    found: list[IntegerLayer] = []
    layers = stack.layers
    for index, (weight, bias) in enumerate(layers):
        last = index == len(layers) - 1
        held = [Fraction(float(one)) for one in bias]
        if last:
            held = [one + Fraction(float(more)) for one, more in zip(held, stack.added, strict=True)]
        wide = _widest(weight, held, unit, middle, largest, WORD_BITS // lanes)
        if wide is None:
            raise ExportError(
                f"the network of {stack.name} does not fit {lanes} lanes: no scale keeps the sums of layer {index} "
                f"within {WORD_BITS // lanes} bits; fewer lanes are wider"
            )
        bits = OUTPUT_BITS if last else _value_bits(wide, layers[index + 1][0], largest, WORD_BITS // lanes)
        layer = IntegerLayer(wide.weight, wide.bias, wide.sum_bits, max(wide.sum_bits - bits, 0))
        found.append(layer)
        largest = layer.largest_values(largest)
        unit, middle = [Fraction(1, 2**layer.value_bits)] * len(largest), [0] * len(largest)
    return tuple(found)


def _widest(
    weight: NDArray[np.float32],
    bias: list[Fraction],
    unit: list[Fraction],
    middle: list[int],
    largest: list[int],
    lane_bits: int,
) -> IntegerLayer | None:
    """The layer at the largest scale that fits its lane whatever is dropped later, None if there is none."""
    exact = [[Fraction(float(w)) * one for w, one in zip(row, unit, strict=True)] for row in weight]
    for sum_bits in range(_MOST_BITS, -1, -1):
        rows = [[_nearest(w * 2**sum_bits) for w in row] for row in exact]
        shown = [sum(w * m for w, m in zip(row, middle, strict=True)) for row in rows]  # what the middle adds
        held = [_nearest(b * 2**sum_bits) - s for b, s in zip(bias, shown, strict=True)]
        if max(abs(x) for x in (*(w for row in rows for w in row), *held)) >= 2**62:
            continue
        layer = IntegerLayer(np.array(rows, np.int64), np.array(held, np.int64), sum_bits, 0)
        half, most = 1 << (lane_bits - 1), 1 << max(sum_bits - 1, 0)  # the most that rounding can add
        fits = all(low >= -half and high + most < half for low, high in layer.sum_range(largest))
        if fits and np.abs(layer.weight).max() < half:
            return layer
    return None


def _nearest(value: Fraction) -> int:
    """The nearest whole number, half upwards."""
    return (value + Fraction(1, 2)).__floor__()


def _value_bits(wide: IntegerLayer, following: NDArray[np.float32], largest: list[int], lane_bits: int) -> int:
    """How many bits of the values between two layers make the following sums most exact, by a bound in floats."""
    values = np.array([max(high, 0) / 2.0**wide.sum_bits for _, high in wide.sum_range(largest)])
    weight = following.astype(np.float64)
    reach = max(np.abs(np.maximum(weight, 0) @ values).max(), np.abs(np.minimum(weight, 0) @ values).max(), 1e-9)
    sum_bits = min(int(np.floor(lane_bits - 1 - np.log2(reach))), _MOST_BITS)
    candidates = range(min(_FEWEST_BITS, wide.sum_bits), wide.sum_bits + 1)

    def error(bits: int) -> float:
        values_rounded = np.abs(weight).sum(axis=1).max() * 2.0 ** -(bits + 1)
        weights_rounded = _TYPICAL * float(values.sum()) * 2.0 ** (bits - sum_bits - 1)
        return float(values_rounded + weights_rounded)

    return min(candidates, key=error)
