"""The weights in a contract's code, read back by following what it adds up.

The code is run through once, from the first byte to the last, on forms in place of numbers: a constant plus words of
memory, each times a constant. Whatever the compiler made of a multiplication (a shift, a subtraction), the form that is
stored holds the word of weights. What is not such a form is unknown, and no sum of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.specification import WORD_BITS, Specification, unpack_lanes
from protogov.agents.onchain.vyper_source import bias_word, groups

_WORD = 1 << WORD_BITS
_ADD, _MUL, _SUB, _SHL, _POP, _MLOAD, _MSTORE, _JUMPDEST = 0x01, 0x02, 0x03, 0x1B, 0x50, 0x51, 0x52, 0x5B
_PUSH0, _PUSH32, _DUP1, _SWAP1, _LOG0 = 0x5F, 0x7F, 0x80, 0x90, 0xA0
# words that other instructions take from the stack and put onto it
_TAKES_AND_GIVES = {
    **dict.fromkeys(range(0x04, 0x08), (2, 1)), **dict.fromkeys((0x08, 0x09), (3, 1)),
    **dict.fromkeys((0x0A, 0x0B), (2, 1)),
    **dict.fromkeys((0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x1A, 0x1C, 0x1D, 0x20), (2, 1)),
    **dict.fromkeys((0x15, 0x19, 0x35), (1, 1)), **dict.fromkeys((0x30, 0x33, 0x34, 0x36, 0x38, 0x3D, 0x5A), (0, 1)),
    **dict.fromkeys((0x37, 0x39, 0x3E, 0x5E), (3, 0)), **dict.fromkeys((0xF3, 0xFD, 0x57), (2, 0)), 0x56: (1, 0),
}  # fmt: skip


class DecodeError(ValueError):
    """Code in which no weights can be found; the message says what is missing."""


@dataclass(frozen=True)
class Form:
    """constant + sum of factor * the word of memory at a place, modulo 2**256.

    Attributes:
        constant: what is added.
        factors: by the place in memory.
    """

    constant: int
    factors: dict[int, int] = field(default_factory=dict)

    def plus(self, other: Form, times: int = 1) -> Form:
        """Self + times * other."""
        places = self.factors.keys() | other.factors.keys()
        factors = {
            place: (self.factors.get(place, 0) + times * other.factors.get(place, 0)) % _WORD for place in places
        }
        return Form((self.constant + times * other.constant) % _WORD, {p: f for p, f in factors.items() if f})

    def product(self, factor: int) -> Form:
        """Self * factor."""
        return Form(0).plus(self, factor)


Slot = Form | None  # None: unknown


def stored_sums(code: bytes) -> list[Form]:
    """The forms that hold a word of memory and are stored, in the order of the code."""
    stack: list[Slot] = []
    sums = []
    at = 0

    def pop() -> Slot:
        return stack.pop() if stack else None

    while at < len(code):
        instruction = code[at]
        at += 1
        if _PUSH0 <= instruction <= _PUSH32:
            size = instruction - _PUSH0
            stack.append(Form(int.from_bytes(code[at : at + size], "big")))
            at += size
        elif instruction in (_ADD, _SUB, _MUL, _SHL):
            stack.append(_combine(instruction, pop(), pop()))
        elif instruction == _MLOAD:
            place = pop()
            stack.append(Form(0, {place.constant: 1}) if place is not None and not place.factors else None)
        elif instruction == _MSTORE:
            _, value = pop(), pop()
            if value is not None and value.factors:
                sums.append(value)
        elif instruction == _POP:
            pop()
        elif _DUP1 <= instruction < _SWAP1:
            depth = instruction - _DUP1 + 1
            stack.append(stack[-depth] if depth <= len(stack) else None)
        elif _SWAP1 <= instruction < _LOG0:
            depth = instruction - _SWAP1 + 2
            stack[:0] = [None] * (depth - len(stack))
            stack[-1], stack[-depth] = stack[-depth], stack[-1]
        elif instruction == _JUMPDEST:  # whoever jumps here brings another stack
            stack.clear()
        else:
            takes, gives = _TAKES_AND_GIVES.get(instruction, (0, 0))
            for _ in range(takes):
                pop()
            stack += [None] * gives
    return sums


def _combine(instruction: int, first: Slot, second: Slot) -> Slot:
    """The form of an arithmetic instruction; `first` was on top."""
    if first is None or second is None:
        return None
    if instruction == _ADD:
        return first.plus(second)
    if instruction == _SUB:
        return first.plus(second, -1)
    if instruction == _SHL:
        return second.product(1 << first.constant) if not first.factors and first.constant < WORD_BITS else None
    if not first.factors:
        return second.product(first.constant)
    return first.product(second.constant) if not second.factors else None


def layer_places(specification: Specification, reference: bytes) -> list[int]:
    """Where in memory the inputs of each layer begin, in code that was compiled from the specification.

    Raises:
        DecodeError: the sums in it are not those of the specification.
    """
    places, sums = [], iter(_expected_sums(specification, reference))
    for layer in specification.layers:
        first = []
        for group in groups(specification, layer):
            used = np.flatnonzero(layer.weight[list(group)].any(axis=0))
            if len(used):
                first.append(min(next(sums).factors) - 32 * int(used[0]))
        places.append(min(first, default=-1))
    return places


def decode_layers(
    code: bytes, specification: Specification, places: list[int]
) -> list[tuple[NDArray[np.object_], NDArray[np.object_]]]:
    """Weight [outputs, inputs] and bias [outputs] of each layer, whole numbers, as they stand in code.

    A group of neurons without any weight leaves no sum behind and is returned as the specification has it.

    Args:
        code: of a contract of the specification's shape.
        specification: its shape alone is used.
        places: from `layer_places`.

    Raises:
        DecodeError: it holds another number of sums, or sums of other words of memory.
    """
    sums = iter(_expected_sums(specification, code))
    found: list[tuple[NDArray[np.object_], NDArray[np.object_]]] = []
    for layer, place in zip(specification.layers, places, strict=True):
        weight, bias = np.zeros(layer.weight.shape, object), layer.bias.astype(object)
        for group in groups(specification, layer):
            rows = list(group)
            if not layer.weight[rows].any():
                continue
            form = next(sums)
            for at, word in form.factors.items():
                column, rest = divmod(at - place, 32)
                if rest or not 0 <= column < layer.weight.shape[1]:
                    raise DecodeError(f"a sum of layer {len(found)} reads memory at {at}, where no input of it lies")
                weight[rows, column] = unpack_lanes(word, specification.lane_bits, len(rows))
            # lanes of the constant hold bias + offset, which may reach beyond a lane: their difference does not
            held = (form.constant - bias_word(specification, layer, group)) % _WORD
            bias[rows] += np.array(unpack_lanes(held, specification.lane_bits, len(rows)), object)
        found.append((weight, bias))
    return found


def _expected_sums(specification: Specification, code: bytes) -> list[Form]:
    """The sums in code, if they are as many as the specification has words with weights."""
    sums = stored_sums(code)
    expected = sum(
        bool(layer.weight[list(group)].any())
        for layer in specification.layers
        for group in groups(specification, layer)
    )
    if len(sums) != expected:
        raise DecodeError(f"code holds {len(sums)} words of sums where the manifest's network has {expected}")
    return sums
