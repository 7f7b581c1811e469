"""How far the integer specification can be from the network, for every input: intervals in exact fractions, and forms.

For a layer z = w x + b of the network and what the specification holds in its place, marked ^,

    z^ - z = sum (w^ - w) x^  +  sum w (x^ - x)  +  b^ - b,

each term an interval: x^ runs over all that the layer before can put out, x^ - x over its error. Rounding adds what a
shift can drop. max(., 0) and clipping move two numbers no further apart. `affine.py` bounds the same in another way,
mostly tighter; the last layer takes the smaller of both.

A float32 forward pass, in any order of its sums, is off by at most gamma * (sum |w| |x| + |b|) a layer, with
gamma = m u / (1 - m u), u = 2**-24 and m = inputs + 1 (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
section 3.1), and by what its inputs were off.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.affine import affine_errors
from protogov.agents.onchain.network import Stack
from protogov.agents.onchain.specification import IntegerLayer, Specification

_UNIT = Fraction(1, 2**24)  # rounding of float32
_TINY = Fraction(1, 2**149)  # smallest float32 above 0
ZERO = Fraction(0)
Ends = tuple[float | None, float | None]
IntegerEnds = tuple[int | None, int | None]


@dataclass(frozen=True)
class ErrorBound:
    """Bounds on |output of the specification - output of the network|, an entry an output, in its unit.

    Attributes:
        quantised: the network in real numbers, at the observations that counts stand for.
        rounded: the same, at any observation within the limit and its nearest counts.
        float32: what a forward pass in float32 adds to either.
    """

    quantised: tuple[float, ...]
    rounded: tuple[float, ...]
    float32: tuple[float, ...]

    def to_dict(self) -> dict[str, list[float]]:
        """JSON-able."""
        return {"quantised": list(self.quantised), "rounded": list(self.rounded), "float32": list(self.float32)}


@dataclass(frozen=True)
class _Range:
    """An interval of reals."""

    low: Fraction
    high: Fraction

    @property
    def most(self) -> Fraction:
        return max(abs(self.low), abs(self.high))


def error_bound(stack: Stack, specification: Specification) -> ErrorBound:
    """Bounds for every input that the contract accepts; see the module."""
    zero = [_Range(ZERO, ZERO) for _ in specification.inputs]
    rounding = [_Range(-one.rounding, one.rounding) for one in specification.inputs]
    quantised, values = _propagate(stack, specification, zero)
    rounded, _ = _propagate(stack, specification, rounding)
    return ErrorBound(
        tuple(_above(one.most) for one in quantised),
        tuple(_above(one.most) for one in rounded),
        tuple(_above(one) for one in _float32(stack, specification, values)),
    )


def _propagate(
    stack: Stack, specification: Specification, errors: list[_Range]
) -> tuple[list[_Range], list[list[Fraction]]]:
    """Errors of the outputs, and the largest |x| of the network at the entry of each layer."""
    tighter = affine_errors(stack, specification, rounding=any(one.most for one in errors))
    unit = [one.observation_step for one in specification.inputs]  # what an integer of the layer's input stands for
    middle = [one.half for one in specification.inputs]
    largest = [one.largest for one in specification.inputs]
    values = [[one.limit for one in specification.inputs]]
    for index, ((weight, bias), layer) in enumerate(zip(stack.layers, specification.layers, strict=True)):
        last = index == len(stack.layers) - 1
        ranges = layer.sum_range(largest)
        entry = list(zip(unit, middle, largest, errors, strict=True))
        found = []
        for neuron, (row, (_, high)) in enumerate(zip(_exact(weight), ranges, strict=True)):
            integer = [int(w) for w in layer.weight[neuron]]
            error = _sum_error(row, integer, layer, entry)
            held = Fraction(int(layer.bias[neuron]) + sum(w * m for w, m in zip(integer, middle, strict=True)))
            moved = held / 2**layer.sum_bits - Fraction(float(bias[neuron]))
            moved -= Fraction(float(stack.added[neuron])) if last else 0
            lowest = error.low + moved + Fraction(min(layer.rounding - 2**layer.shift + 1, 0), 2**layer.sum_bits)
            highest = error.high + moved + Fraction(layer.rounding, 2**layer.sum_bits)
            error = _Range(lowest, highest)
            if last:
                error = _Range(max(lowest, Fraction(tighter[0][neuron])), min(highest, Fraction(tighter[1][neuron])))
                found.append((_held(error, stack.ends[neuron], specification.ends[neuron], specification.one), ZERO))
            else:
                found.append(_after(error, high, layer))
        errors = [error for error, _ in found]
        values.append([value for _, value in found])
        largest = layer.largest_values(largest)
        unit, middle = [Fraction(1, 2**layer.value_bits)] * len(largest), [0] * len(largest)
    return errors, values


def _exact(weight: NDArray[np.float32]) -> list[list[Fraction]]:
    return [[Fraction(float(w)) for w in row] for row in weight]


def _sum_error(
    row: list[Fraction],
    integer: list[int],
    layer: IntegerLayer,
    entry: list[tuple[Fraction, int, int, _Range]],
) -> _Range:
    """The interval of sum (w^ - w) x^ + sum w (x^ - x)."""
    low = high = ZERO
    for w, held, (unit, middle, largest, error) in zip(row, integer, entry, strict=True):
        difference = Fraction(held, 2**layer.sum_bits) - w * unit
        ends = (difference * -middle, difference * (largest - middle))
        moved = (w * error.low, w * error.high)
        low += min(ends) + min(moved)
        high += max(ends) + max(moved)
    return _Range(low, high)


def _held(error: _Range, ends: Ends, integers: IntegerEnds, one: int) -> _Range:
    """The error after holding a number within its ends, which the integers have rounded."""
    off = [
        Fraction(integer, one) - Fraction(end)
        for end, integer in zip(ends, integers, strict=True)
        if end is not None and integer is not None
    ]
    low, high = min(error.low, ZERO), max(error.high, ZERO)
    lowest, highest = ends
    if lowest is not None and highest is not None:
        width = Fraction(highest) - Fraction(lowest)
        low, high = max(low, -width), min(high, width)
    return _Range(low + min([*off, ZERO]), high + max([*off, ZERO]))


def _after(error: _Range, high: int, layer: IntegerLayer) -> tuple[_Range, Fraction]:
    """The error after max(., 0), and the largest value of the network there."""
    most = Fraction((high + layer.rounding) >> layer.shift, 2**layer.value_bits)
    true = max(most - error.low, ZERO)  # the network's own largest value
    most = max(most, ZERO)
    return _Range(max(min(error.low, ZERO), -true), min(max(error.high, ZERO), most)), true


def _float32(stack: Stack, specification: Specification, values: list[list[Fraction]]) -> list[Fraction]:
    """Bounds on what float32 adds; `values` are the largest |x| at the entry of each layer."""
    inputs = specification.inputs
    errors = [_gamma(len(one.terms) + 1) * one.reach for one in inputs]  # observations are rounded, then added up
    sums = [ZERO] * len(stack.outputs)
    for (weight, bias), most in zip(stack.layers, values, strict=False):
        terms = weight.shape[1] + 1
        gamma = _gamma(terms)
        reach = [value + error for value, error in zip(most, errors, strict=True)]
        sums = [
            sum((abs(w) * x for w, x in zip(row, reach, strict=True)), abs(Fraction(float(one))))
            for row, one in zip(_exact(weight), bias, strict=True)
        ]
        errors = [
            sum((abs(w) * (error + gamma * x) for w, error, x in zip(row, errors, reach, strict=True)), ZERO)
            + gamma * abs(Fraction(float(one)))
            + terms * _TINY
            for row, one in zip(_exact(weight), bias, strict=True)
        ]
    more = [abs(Fraction(float(one))) for one in stack.added]
    errors = [  # where something is added, that sum is rounded too
        error + (_gamma(2) * (most + error + one) if one else ZERO)
        for error, most, one in zip(errors, sums, more, strict=True)
    ]
    return [
        _held(_Range(-error, error), pair, (None, None), 1).high for error, pair in zip(errors, stack.ends, strict=True)
    ]


def _gamma(terms: int) -> Fraction:
    return terms * _UNIT / (1 - terms * _UNIT)


def _above(value: Fraction) -> float:
    """The nearest float that is not below `value`."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else float(np.nextafter(nearest, np.inf))
