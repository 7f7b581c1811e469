"""The integer specification as an ONNX graph that a proof system evaluates in whole numbers.

Every constant is a whole number that float32 holds exactly; a larger number is a sum of such constants. All scales are
1, so that the proof system's fixed point is these whole numbers. The operations of a layer are: products, bias,
max(., 0), division by 2**shift with rounding to the nearest, and max(., 0) once more. The last one changes no number;
without it the proof system would round later.

The proof system rounds halves away from 0, the specification upwards. Both are the same above 0, so that sums of the
last layer are raised above 0 before the division, and lowered after it. Then an output y is held between low and high
by

    high - max(high - low - max(y - low, 0), 0) = min(max(y, low), high),

or by max(y - low, 0) + low where it has no highest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.onchain.extra import need
from protogov.agents.onchain.specification import IntegerLayer, Specification

_OPSET, _IR_VERSION = 13, 8  # old ones that have these operations: more readers accept them


def exact_pieces(numbers: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """Arrays in float32, at least one, of whole numbers whose sum is exactly `numbers`; all have its shape."""
    pieces: list[NDArray[np.float32]] = []
    rest = np.asarray(numbers, np.int64)
    while not pieces or rest.any():
        pieces.append(rest.astype(np.float32))
        rest = rest - pieces[-1].astype(np.int64)
    return pieces


def raise_of(layer: IntegerLayer, largest: list[int]) -> int:
    """The number that keeps an output at 0 or above where it is added, for inputs from 0 to largest[i]."""
    lowest = min(low for low, _ in layer.sum_range(largest))
    return max(0, -((lowest + layer.rounding) >> layer.shift))


def largest_number(specification: Specification) -> int:
    """The largest |sum| of a layer in the graph, raised ones included, for any accepted input."""
    largest, most = [one.largest for one in specification.inputs], 0
    for index, layer in enumerate(specification.layers):
        last = index == len(specification.layers) - 1
        raised = raise_of(layer, largest) << layer.shift if last else 0
        most = max(most, *(max(abs(low), abs(high)) for low, high in layer.sum_range(largest))) + raised
        largest = layer.largest_values(largest)
    return most


class _Graph:
    """Nodes and constants with their names; `at` is the name of the latest output."""

    def __init__(self, at: str) -> None:
        self._onnx: Any = need("onnx", "a proof")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.at = at

    def constant(self, value: NDArray[np.float32]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(self._onnx.numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def apply(self, operation: str, *inputs: str) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(operation, list(inputs), [name]))
        self.at = name
        return name

    def multiply(self, weight: NDArray[np.int64]) -> None:
        """`at` [1, n] times weight [m, n]."""
        entry = self.at
        products = [self.apply("MatMul", entry, self.constant(piece.T)) for piece in exact_pieces(weight)]
        self.at = products[0]
        for product in products[1:]:
            self.apply("Add", self.at, product)

    def add(self, numbers: NDArray[np.int64]) -> None:
        for piece in exact_pieces(numbers):
            self.apply("Add", self.at, self.constant(piece[None]))

    def model(self, inputs: int, outputs: int) -> Any:
        helper, floats = self._onnx.helper, self._onnx.TensorProto.FLOAT
        ends = [
            [helper.make_tensor_value_info(name, floats, [1, size])]
            for name, size in (("counts", inputs), (self.at, outputs))
        ]
        graph = helper.make_graph(self.nodes, "decide", *ends, self.constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
        made.ir_version = _IR_VERSION
        return made


def _hold(graph: _Graph, specification: Specification, raised: int) -> None:
    """Outputs that were raised, lowered again and held within their ends: all have a highest one, or none has."""
    lowest = np.array([-raised if low is None else low for low, _ in specification.ends], np.int64)
    highest = [high for _, high in specification.ends]
    graph.add(-lowest - raised)
    if all(high is None for high in highest):
        graph.apply("Relu", graph.at)
    else:
        width = (np.array(highest, np.int64) - lowest)[None].astype(np.float32)
        for _ in range(2):  # t -> width - max(t, 0): the first holds y above its lowest, the second below its highest
            graph.apply("Relu", graph.at)
            graph.apply("Sub", graph.constant(width), graph.at)
    graph.add(lowest)


def circuit_model(specification: Specification) -> Any:
    """The graph, an onnx.ModelProto: outputs [1, levers] of counts [1, inputs], equal to `Specification.decide`.

    Raises:
        ExtraMissing: the optional extra `zk` is not installed.
    """
    graph, largest = _Graph("counts"), [one.largest for one in specification.inputs]
    for index, layer in enumerate(specification.layers):
        last = index == len(specification.layers) - 1
        raised = raise_of(layer, largest) if last else 0
        graph.multiply(layer.weight)
        graph.add(layer.bias + (raised << layer.shift))
        graph.apply("Relu", graph.at)
        if layer.shift:
            graph.apply("Div", graph.at, graph.constant(np.full((), 2.0**layer.shift, np.float32)))
            graph.apply("Relu", graph.at)
        if last:
            _hold(graph, specification, raised)
        largest = layer.largest_values(largest)
    return graph.model(len(specification.inputs), len(specification.levers))
