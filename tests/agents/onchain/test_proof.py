"""The circuit is the integer specification; proofs hold, and those that were changed do not.

The graph is evaluated with numpy where no proof system is installed: needs onnx alone. Proofs need the extra `zk`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from protogov.agents.onchain.circuit import circuit_model, exact_pieces, largest_number
from protogov.agents.onchain.proof import Prover
from protogov.agents.onchain.quantise import integer_specification
from protogov.agents.onchain.search import extreme_sums


def evaluated(model, counts):
    """The graph in exact integers; division to the nearest, half away from 0."""
    from onnx import numpy_helper

    known = {one.name: numpy_helper.to_array(one).astype(np.int64) for one in model.graph.initializer}
    known["counts"] = np.asarray(counts, np.int64)[None]
    for node in model.graph.node:
        a, b = (*(known[name] for name in node.input), None)[:2]
        if node.op_type == "Div":
            found = np.sign(a) * ((2 * np.abs(a) + b) // (2 * b))
        else:
            operations = {"MatMul": np.matmul, "Add": np.add, "Sub": np.subtract, "Relu": lambda x, _: np.maximum(x, 0)}
            found = operations[node.op_type](a, b)
        known[node.output[0]] = found
        assert np.abs(found).max() < 2**62
    return known[model.graph.node[-1].output[0]][0].tolist()


@pytest.mark.parametrize("bits", [10, 24, 40, 61])
def test_numbers_are_split_into_exact_float32(bits):
    numbers = np.random.default_rng(0).integers(-(2**bits), 2**bits, 200)
    pieces = exact_pieces(numbers)
    assert all(piece.dtype == np.float32 for piece in pieces)
    assert np.array_equal(sum(piece.astype(np.int64) for piece in pieces), numbers)
    assert len(pieces) == (1 if bits <= 24 else 2 if bits <= 40 else 3)


@pytest.mark.parametrize(("sizes", "lanes"), [((5, 9, 4, 2), 7), ((5, 9, 4, 2), 5), ((3, 2), 7), ((32, 32, 32, 3), 7)])
def test_graph_is_the_specification(sizes, lanes, make_policy, make_inputs, draw_counts):
    pytest.importorskip("onnx", reason="needs the optional extra: pip install 'protogov[zk]'")
    policy = make_policy(sizes)
    specification = integer_specification(policy, make_inputs(policy), lanes)
    model = circuit_model(specification)
    worst = extreme_sums(specification, len(specification.layers) - 1)
    counts = np.concatenate([draw_counts(specification, 30), worst])
    expected = specification.decide(counts)
    assert [evaluated(model, row) for row in counts] == expected.tolist()
    assert np.abs(expected).max() == specification.one, "nothing was cut off"
    assert largest_number(specification) >= max(np.abs(sums).max() for sums in specification.activations(counts))


@pytest.mark.parametrize("low", [None, 300])
def test_graph_holds_outputs_without_a_highest_one(low, make_policy, make_inputs, draw_counts):
    pytest.importorskip("onnx", reason="needs the optional extra: pip install 'protogov[zk]'")
    policy = make_policy((5, 9, 4, 2))
    specification = integer_specification(policy, make_inputs(policy))
    specification = replace(specification, head="quantiles", ends=((low, None), (None, None)))
    model, counts = circuit_model(specification), draw_counts(specification, 30)
    expected = specification.decide(counts)
    assert [evaluated(model, row) for row in counts] == expected.tolist()
    assert expected.max() > specification.one and (low is None or (expected[:, 0] == low).any())


def test_a_proof_holds_and_none_that_was_changed(make_policy, make_inputs, draw_counts, tmp_path):
    pytest.importorskip("ezkl", reason="needs the optional extra: pip install 'protogov[zk]'")
    policy = make_policy((3, 4, 2))
    specification = integer_specification(policy, make_inputs(policy))
    prover = Prover(specification, tmp_path)
    counts = draw_counts(specification, 34)[:100]
    assert [prover.answer(row) for row in counts] == specification.decide(counts).tolist()
    prover.make_keys()
    proof = prover.prove(counts[0])
    assert prover.public_numbers(proof) == (counts[0].tolist(), specification.decide(counts[:1])[0].tolist())
    assert prover.verify(proof)
    costs = prover.costs(proof)
    assert 0 < costs.verify_s and costs.proof_bytes < costs.key_bytes and costs.memory_bytes < 16e9
    assert not prover.verify(prover.tampered(proof))
    for index in range(5):  # each input, then each output
        assert not prover.verify(prover.off_by_one(proof, index)), index
