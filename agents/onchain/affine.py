"""A tighter bound on the error of a specification: affine forms, which know that neurons share their inputs.

Intervals take every neuron of a layer to be at its worst at once. Here each value v^ of the specification, and each
error e = v^ - v from the network's value v, is an affine form: centre + sum of coefficient * symbol, with symbols
within +-1. The first symbols are the inputs themselves: where two neurons are worst at different inputs, the forms know
that both cannot be. A layer is linear: with weights w of the network, w^ of the specification, and rounding r,

    z^ = w^ v^ + b^ + r,        e_z = (w^ - w) v^ + w e + (b^ - b) + r

are affine forms again, without loss. What max(., 0) does is enclosed, with a new symbol a neuron:

    max(z^, 0) = k z^ + m +- m,  k = u / (u - l), m = -k l / 2, where z^ lies within l < 0 < u
    max(z^, 0) - max(z, 0) lies between 0 and e_z, so it is e_z / 2 +- max|e_z| / 2

The first is by Singh et al. 2018, "Fast and Effective Robustness Certification"; the second holds since max(., 0)
neither turns a difference round nor makes it larger. Where a neuron is always or never active the form passes or is 0.

Forms are in float64. A sum of n products is off by at most (n + 2) 2**-53 times the sum of their absolute values, and a
number that was rounded to float64 by 2**-53 of itself: with some 200 terms that is below 2**-44. Each form gets 2**-40
of its absolute values as a symbol of its own, so that the enclosure holds for exact numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.network import Stack
from protogov.agents.onchain.specification import IntegerLayer, Specification

Floats = NDArray[np.float64]
_SLACK = 2.0**-40


@dataclass(frozen=True)
class _Forms:
    """Affine forms: centre F64[m], coefficients F64[m, symbols], and the radius F64[m] of each form's own symbol."""

    centre: Floats
    shared: Floats
    own: Floats

    @property
    def reach(self) -> Floats:
        """Largest distance from the centre."""
        return np.asarray(np.abs(self.shared).sum(axis=1) + self.own)

    @property
    def most(self) -> Floats:
        """At least the largest absolute value."""
        return np.abs(self.centre) + self.reach

    def range(self) -> tuple[Floats, Floats]:
        """At most the lowest and at least the highest value."""
        reach = self.reach + _SLACK * self.most
        return self.centre - reach, self.centre + reach

    def scaled(self, factor: Floats, middle: Floats | float = 0.0, more: Floats | float = 0.0) -> _Forms:
        """Factor * form + middle +- more, with the slack of that."""
        made = _Forms(factor * self.centre + middle, factor[:, None] * self.shared, np.abs(factor) * self.own + more)
        return _Forms(made.centre, made.shared, made.own + _SLACK * (made.most + np.abs(middle)))


def affine_errors(stack: Stack, specification: Specification, rounding: bool) -> tuple[Floats, Floats]:
    """The lowest and the highest error of each output before it is held within its ends, F64[outputs] each.

    Args:
        stack: the network.
        specification: of it.
        rounding: for observations that are rounded to the nearest count, else for those that counts stand for.
    """
    inputs = specification.inputs
    unit, middle = [one.observation_step for one in inputs], [one.half for one in inputs]
    zero, nothing = np.zeros(len(inputs)), np.zeros((len(inputs), len(inputs)))
    values = _Forms(
        zero, np.hstack([np.diag([float(one.half * one.observation_step) for one in inputs]), nothing]), zero
    )
    reach = [float(one.rounding) if rounding else 0.0 for one in inputs]
    errors = _Forms(zero, np.hstack([nothing, np.diag(reach)]), zero)
    largest = [one.largest for one in inputs]
    for index, ((weight, bias), layer) in enumerate(zip(stack.layers, specification.layers, strict=True)):
        last = index == len(stack.layers) - 1
        added = stack.added if last else np.zeros(len(bias))
        exact = [
            [Fraction(int(w), 2**layer.sum_bits) / one for w, one in zip(row, unit, strict=True)]
            for row in layer.weight
        ]
        held, off = _matrices(weight, exact)
        constant = [
            Fraction(int(b) + sum(int(w) * m for w, m in zip(row, middle, strict=True)), 2**layer.sum_bits)
            for b, row in zip(layer.bias, layer.weight, strict=True)
        ]
        moved = [c - Fraction(float(b)) - Fraction(float(a)) for c, b, a in zip(constant, bias, added, strict=True)]
        low, high = min(layer.rounding - 2**layer.shift + 1, 0) / 2**layer.sum_bits, layer.rounding / 2**layer.sum_bits
        no_error = _Forms(np.zeros(len(unit)), np.zeros_like(errors.shared), np.zeros(len(unit)))
        sums = _layer(held, values, np.zeros_like(held), no_error, constant, low, high)
        wrong = _layer(off, values, weight.astype(np.float64), errors, moved, low, high)
        if last:
            break
        values, errors = _after(sums, wrong, layer, largest)
        largest = layer.largest_values(largest)
        unit, middle = [Fraction(1, 2**layer.value_bits)] * len(largest), [0] * len(largest)
    return wrong.range()


def _matrices(weight: NDArray[np.float32], exact: list[list[Fraction]]) -> tuple[Floats, Floats]:
    """The specification's weights, and how far they are from the network's; each is one rounding from exact."""
    held = np.array([[float(w) for w in row] for row in exact])
    off = [
        [float(w - Fraction(float(v))) for w, v in zip(row, own, strict=True)]
        for row, own in zip(exact, weight, strict=True)
    ]
    return held, np.array(off)


def _layer(
    first: Floats, values: _Forms, second: Floats, errors: _Forms, constant: list[Fraction], low: float, high: float
) -> _Forms:
    """The forms first @ values + second @ errors + constant + what rounding adds, low to high."""
    centre = np.array([float(one) for one in constant])
    most = np.abs(first) @ values.most + np.abs(second) @ errors.most + np.abs(centre) + abs(low) + abs(high)
    return _Forms(
        first @ values.centre + second @ errors.centre + centre + (low + high) / 2.0,
        first @ values.shared + second @ errors.shared,
        (high - low) / 2.0 + _SLACK * most,
    )


def _after(sums: _Forms, wrong: _Forms, layer: IntegerLayer, largest: list[int]) -> tuple[_Forms, _Forms]:
    """Values and errors after max(., 0), on the symbols so far and two new ones a neuron."""
    low, high = sums.range()
    least, most = (np.array(ends, np.float64) for ends in zip(*layer.sum_range(largest), strict=True))
    step = 1.0 + 2**layer.shift  # that rounding moves a sum by at most, and a little
    low, high = (
        np.maximum(low, (least - step) / 2.0**layer.sum_bits),
        np.minimum(high, (most + step) / 2.0**layer.sum_bits),
    )
    worst_low, worst_high = wrong.range()
    active, idle = low >= 0.0, high <= 0.0
    slope = np.where(active, 1.0, np.where(idle, 0.0, high / np.where(high > low, high - low, 1.0)))
    middle = np.where(active | idle, 0.0, -slope * low / 2.0)
    values = sums.scaled(slope, middle, middle)
    # the network's own sum is that of the specification less the error
    both_active, both_idle = active & (low - worst_high >= 0.0), idle & (high - worst_low <= 0.0)
    kept = np.where(both_active, 1.0, np.where(both_idle, 0.0, 0.5))
    errors = wrong.scaled(kept, 0.0, np.where(both_active | both_idle, 0.0, 0.5 * wrong.most))
    nothing, count = np.zeros((len(low), len(low))), np.zeros(len(low))
    return (
        _Forms(values.centre, np.hstack([values.shared, np.diag(values.own), nothing]), count),
        _Forms(errors.centre, np.hstack([errors.shared, nothing, np.diag(errors.own)]), count),
    )
