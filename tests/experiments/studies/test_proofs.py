"""`protogov study proofs`: equal answers, forgeries that are refused, and the table of three ways."""

from __future__ import annotations

import numpy as np
import pytest

from protogov.agents.onchain.proof import Prover
from protogov.experiments.core.pieces import HERE
from protogov.experiments.core.study import Found
from protogov.experiments.core.tables import columns
from protogov.experiments.studies import proofs
from protogov.experiments.studies.proofs import STUDY, Options, judge, measure

NAN = float("nan")
GOOD = {
    "way": "proved", "decide_s": 20.0, "check_s": 0.1, "data_bytes": 6_000, "gas_at_most": NAN, "memory_mb": 400.0,
    "equal": 100, "inputs": 100, "parameters_s": 9.0, "keys_s": 5.0, "key_bytes": 3e7, "verifying_key_bytes": 2e4,
    "holds": 1, "refused_byte": 1, "refused_input": 1, "refused_output": 1, "rows": 8192,
}  # fmt: skip


def found(**changes):
    shared = {name: NAN for name in GOOD} | {"equal": 100, "inputs": 100}
    rows = [shared | {"way": "trusted"}, shared | {"way": "on-chain"}, GOOD | changes]
    facts = {"network": "32-32-32-3", "machine": "x86_64, Linux", "ezkl": "23.0.5", "vyper": "0.4.3"}
    return Found({"ways": columns(rows)}, facts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"equal": 97}, "differs from the contract on 3 inputs"),
        ({"holds": 0}, "an honest proof was refused"),
        ({"refused_byte": 0}, "a changed byte was accepted"),
        ({"refused_input": 0}, "an input off by one was accepted"),
        ({"refused_output": 0}, "an output off by one was accepted"),
        ({"decide_s": 601.0}, "a proof took 601 s"),
        ({"memory_mb": 17_000.0}, "a proof took 17,000 MB"),
    ],
)
def test_what_must_hold_of_a_proof_is_a_claim(changes, words):
    assert judge(found()).failed == ()
    (failed,) = judge(found(**changes)).failed
    assert words in failed


def test_page_says_who_can_forge_and_what_nothing_shows():
    page = " ".join("\n".join(STUDY.page(found(), judge(found()))).split())
    for words in ("for tests only: whoever made them can forge proofs", "| proved | 20 | 0.1 | 400 | 6,000 | - |"):
        assert words in page
    assert "an input off by one: refused" in page and "nobody has audited" in page


@pytest.fixture
def small(monkeypatch):
    """A network that is proved in seconds in place of the default one."""
    for module in ("vyper", "pyrevm", "ezkl", "onnx"):
        pytest.importorskip(module, reason="needs the optional extras: pip install 'protogov[evm,zk]'")
    specification = proofs.random_specification((4, 3, 2))
    monkeypatch.setattr(proofs, "random_specification", lambda: specification)


def test_a_proof_of_other_numbers_is_a_failed_claim(small, monkeypatch):
    monkeypatch.setattr(Prover, "public_numbers", lambda self, proof: ([0] * 4, [0] * 2))
    assert judge(measure(Options(inputs=1), HERE)).failed == ("an honest proof was refused",)


def test_three_ways_of_a_small_network(small):
    measured = measure(Options(inputs=5), HERE)
    ways = measured.tables["ways"]
    assert ways["way"].tolist() == ["trusted", "on-chain", "proved"] and ways["equal"].tolist() == [5, 5, 5]
    assert judge(measured).failed == ()
    assert np.isfinite(ways["gas_at_most"][:2]).all() and ways["data_bytes"][2] > 1_000
