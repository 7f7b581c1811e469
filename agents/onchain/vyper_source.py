"""The contract in Vyper, written out of an integer specification: one function, a step of the network a statement.

Several neurons share a word of 256 bits, a lane each, so that one multiplication serves them all: a word of weights is
the signed sum of weight << lane_bits * lane, modulo 2**256, and times a count it is that sum of products. Between, a
lane may borrow from the next; only the final sums must fit, which is proved when the specification is made. The first
word of a sum holds, lane by lane, bias + rounding + 2**(lane_bits - 1); the last makes a negative sum one whose highest
bit is 0, by which max(., 0) is a mask.
"""

from __future__ import annotations

from collections.abc import Iterator

from protogov.agents.onchain.heads import ACTIONS, QUANTILES
from protogov.agents.onchain.inputs import INPUT_BITS, INPUTS_A_WORD
from protogov.agents.onchain.specification import WORD_BITS, IntegerLayer, Specification, pack_lanes

EVM_VERSION = "cancun"
SIGNATURE = "decide(uint256[{words}])"
_WHOSE = {ACTIONS: "The policy of", QUANTILES: "The quantile head of the pricer"}
_RETURNS = {
    ACTIONS: "Actions times {one}, in the order of the levers, within +-{one}.",
    QUANTILES: "The median and the steps between quantiles, times {one}; manifest.json says how they add up.",
}


def vyper_source(specification: Specification) -> str:
    """The contract's source text; the same specification gives the same text."""
    words = input_words(specification)
    lines = [
        "#pragma version 0.4.3",
        f"#pragma evm-version {EVM_VERSION}",
        "#pragma optimize gas",
        "",
        f'"""{_WHOSE[specification.head]} {_plain(specification.agent)}: {len(specification.inputs)} inputs to '
        f"{len(specification.levers)} outputs, written by protogov export-evm.",
        "",
        "Pure and without an owner, storage or a way to change it. Not audited. What the numbers mean stands in",
        "manifest.json. A comment holds the weights of its line, neuron by neuron.",
        '"""',
        "",
        "",
        "@external",
        "@pure",
        f"def decide(observation: uint256[{words}]) -> int256[{len(specification.levers)}]:",
        '    """',
        f"    @param observation Counts of {INPUT_BITS} bits, {INPUTS_A_WORD} a word, the first in the lowest bits.",
        f"    @return {_RETURNS[specification.head].format(one=specification.one)}",
        '    """',
        *_range_check(specification),
        *_entry(specification),
    ]
    width = len(specification.inputs)
    for index, layer in enumerate(specification.layers):
        last = index == len(specification.layers) - 1
        lines += _sums(specification, index, layer, width)
        lines += _outputs(specification, index, layer) if last else _values(specification, index, layer)
        width = len(layer.bias)
    return "\n".join(lines) + "\n"


def input_words(specification: Specification) -> int:
    """Words of 256 bits that the contract takes."""
    return -(-len(specification.inputs) // INPUTS_A_WORD)


def groups(specification: Specification, layer: IntegerLayer) -> Iterator[range]:
    """The neurons of each word of sums."""
    count = len(layer.bias)
    for start in range(0, count, specification.lanes):
        yield range(start, min(start + specification.lanes, count))


def bias_word(specification: Specification, layer: IntegerLayer, group: range) -> int:
    """What a word of sums begins with: bias, rounding and offset of each lane."""
    offset = layer.rounding + (1 << (specification.lane_bits - 1))
    return pack_lanes([int(layer.bias[neuron]) + offset for neuron in group], specification.lane_bits)


def _plain(text: str) -> str:
    """Of a name that a stranger may have chosen, what cannot end a comment or a string."""
    return "".join(letter for letter in text if letter.isalnum() or letter in "_-. ")[:60]


def _range_check(specification: Specification) -> Iterator[str]:
    """Refuse a count above the largest of its input: for every second count at once, by whether a sum carries."""
    step = 2 * INPUT_BITS
    places = range(0, WORD_BITS, step)
    every_second = sum((2**INPUT_BITS - 1) << place for place in places)
    carries = sum(1 << (place + INPUT_BITS) for place in places)
    tests = []
    for word in range(input_words(specification)):
        for odd in (0, 1):
            room = 0
            for place in places:
                index = word * INPUTS_A_WORD + place // INPUT_BITS + odd
                largest = specification.inputs[index].largest if index < len(specification.inputs) else 0
                room |= (2**INPUT_BITS - 1 - largest) << place
            held = f"(observation[{word}] >> {INPUT_BITS})" if odd else f"observation[{word}]"
            tests.append(f"unsafe_add({held} & {every_second}, {room})")
    yield "    # every second count and what is missing from it to 16 bits: a carry means that it is too large"
    yield f"    carried: uint256 = {tests[0]}"
    for test in tests[1:]:
        yield f"    carried |= {test}"
    yield f'    assert carried & {carries} == 0, "input out of range"'


def _entry(specification: Specification) -> Iterator[str]:
    yield ""
    yield f"    x: uint256[{len(specification.inputs)}] = ["
    for index, one in enumerate(specification.inputs):
        word, place = divmod(index, INPUTS_A_WORD)
        shifted = f"(observation[{word}] >> {place * INPUT_BITS})" if place else f"observation[{word}]"
        yield f"        {shifted} & {2**INPUT_BITS - 1},  # {_plain(one.name)}"
    yield "    ]"


def _sums(specification: Specification, index: int, layer: IntegerLayer, width: int) -> Iterator[str]:
    """A statement a word: bias + x[0] * weights + x[1] * weights + ..."""
    x = "x" if index == 0 else f"h{index}"
    for number, group in enumerate(groups(specification, layer)):
        yield ""
        yield f"    # layer {index}, neurons {group.start} to {group.stop - 1}"
        terms = []
        for column in range(width):
            weights = [int(layer.weight[neuron, column]) for neuron in group]
            word = pack_lanes(weights, specification.lane_bits)
            if word:
                terms.append((f"unsafe_mul({x}[{column}], {word})", " ".join(map(str, weights))))
        yield f"    {_sum_name(index, number)}: uint256 = ("
        for term, comment in terms:
            yield f"        unsafe_add({term},  # {comment}"
        biases = " ".join(str(int(layer.bias[neuron])) for neuron in group)
        yield f"        {bias_word(specification, layer, group)}  # bias {biases}"
        yield f"    {')' * (len(terms) + 1)}"


def _sum_name(index: int, group: int) -> str:
    return f"s{index}_{group}"


def _values(specification: Specification, index: int, layer: IntegerLayer) -> Iterator[str]:
    """max(sum, 0) of every lane of a word by a mask, then each lane shifted down as an input of the next layer."""
    bits = specification.lane_bits
    names = {}
    yield ""
    yield "    # a lane whose highest bit is 0 held a negative sum: it becomes 0"
    for number, group in enumerate(groups(specification, layer)):
        signs = sum(1 << (bits * lane + bits - 1) for lane in range(len(group)))
        name, sign = _sum_name(index, number), f"p{index}_{number}"
        yield f"    {sign}: uint256 = {name} & {signs}"
        yield f"    {name} &= unsafe_sub({sign}, {sign} >> {bits - 1})"
        names.update({neuron: (name, bits * lane) for lane, neuron in enumerate(group)})
    mask = (1 << (bits - 1 - layer.shift)) - 1
    yield f"    h{index + 1}: uint256[{len(layer.bias)}] = ["
    for neuron in range(len(layer.bias)):
        name, place = names[neuron]
        yield f"        {_shifted(name, place + layer.shift)} & {mask},"
    yield "    ]"


def _outputs(specification: Specification, index: int, layer: IntegerLayer) -> Iterator[str]:
    """Each lane of the last sums as a signed number within its ends."""
    bits = specification.lane_bits
    zero = 1 << (bits - 1 - layer.shift)
    mask = (1 << (bits - layer.shift)) - 1
    yield ""
    yield "    return ["
    for number, group in enumerate(groups(specification, layer)):
        for lane, neuron in enumerate(group):
            value = f"{_shifted(_sum_name(index, number), bits * lane + layer.shift)} & {mask}"
            low, high = specification.ends[neuron]
            if high is not None and high < zero:
                value = f"min({value}, {zero + high})"
            if low is not None and low > -zero:
                value = f"max({zero + low}, {value})"
            yield f"        unsafe_sub(convert({value}, int256), {zero}),  # {_plain(specification.levers[neuron])}"
    yield "    ]"


def _shifted(name: str, places: int) -> str:
    return f"({name} >> {places})" if places else name
