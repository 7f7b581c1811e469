"""A proof that the integer specification gives these outputs for these inputs; others verify it without computing.

By ezkl (halo2, KZG commitments), the optional extra `zk`. Weights are fixed in the circuit, and so in the verifying
key; inputs and outputs are public. Nothing is downloaded: the parameters of the commitments are made here. Whoever
makes them can forge proofs. They are therefore for tests and measurements only; a deployment takes those of a public
ceremony. A proof does not show that a count is within the range of its input: whoever verifies has to check that.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, log2
from pathlib import Path
from time import perf_counter
from typing import Any

from protogov.agents.onchain.circuit import circuit_model, largest_number
from protogov.agents.onchain.extra import need
from protogov.agents.onchain.specification import Specification

_BASE = 1024  # numbers are split into digits of this base: a table of 1,024 rows
_FEWEST_ROWS, _MOST_ROWS = 11, 22  # log2 of a circuit's rows; the table must fit, and keys must stay below 16 GB
_SPARE_ROWS = 64  # kept for blinding


@dataclass(frozen=True)
class ProofCosts:
    """The cost of proofs.

    Attributes:
        parameters_s, keys_s: seconds to make the parameters and both keys, once for a network.
        prove_s, verify_s: seconds for one decision.
        proof_bytes, key_bytes, verifying_key_bytes: sizes of a proof and of the keys of prover and verifier.
        log2_rows: the circuit has 2**log2_rows rows.
        memory_bytes: the most memory that this process has held so far.
    """

    parameters_s: float
    keys_s: float
    prove_s: float
    verify_s: float
    proof_bytes: int
    key_bytes: int
    verifying_key_bytes: int
    log2_rows: int
    memory_bytes: int


class Prover:
    """Proves and verifies decisions of a specification.

    Args:
        specification: of the policy.
        folder: circuit, parameters, keys and proofs are written here.

    Raises:
        ExtraMissing: the optional extra is not installed.
        RuntimeError: the proof system refused the circuit.
    """

    def __init__(self, specification: Specification, folder: Path) -> None:
        self._ezkl: Any = need("ezkl", "a proof")
        self.specification = specification
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._write("model.onnx").write_bytes(circuit_model(specification).SerializeToString())
        self.log2_rows = self._settings()
        self._ezkl.compile_circuit(*self._paths("model.onnx", "circuit.ezkl", "settings.json"))
        self._times: dict[str, float] = {}

    def _settings(self) -> int:
        """Write the settings, and return the log2 of the fewest rows that hold the circuit."""
        rows = _FEWEST_ROWS
        for _ in range(2):  # the first time to see how many are used
            arguments = self._ezkl.PyRunArgs()
            chosen = {
                "input_scale": 0, "param_scale": 0, "lookup_range": (-2, 2), "logrows": rows, "decomp_base": _BASE,
                "decomp_legs": max(2, ceil(log(4 * largest_number(self.specification), _BASE))),
                "input_visibility": "public", "output_visibility": "public", "param_visibility": "fixed",
            }  # fmt: skip
            for name, value in chosen.items():
                setattr(arguments, name, value)
            self._ezkl.gen_settings(*self._paths("model.onnx", "settings.json"), arguments)
            used = json.loads(self._write("settings.json").read_text())["num_rows"]
            rows = max(_FEWEST_ROWS, ceil(log2(used + _SPARE_ROWS)))
        if rows > _MOST_ROWS:
            raise RuntimeError(f"the circuit takes 2**{rows} rows; up to 2**{_MOST_ROWS} are accepted")
        return rows

    def answer(self, counts: Sequence[int]) -> list[int]:
        """The circuit's outputs for counts, a signed whole number for each lever; see `Specification.decide`."""
        self._write("input.json").write_text(json.dumps({"input_data": [[int(count) for count in counts]]}))
        witness = self._ezkl.gen_witness(*self._paths("input.json", "circuit.ezkl", "witness.json"))
        return [int(self._ezkl.felt_to_int(number)) for number in witness["outputs"][0]]

    def make_keys(self) -> None:
        """Parameters of the commitments, for tests only, and both keys."""
        began = perf_counter()
        self._ezkl.gen_srs(*self._paths("for_tests_only.srs"), self.log2_rows)
        self._times["parameters_s"] = perf_counter() - began
        began = perf_counter()
        self._ezkl.setup(*self._paths("circuit.ezkl", "verifying.key", "proving.key", "for_tests_only.srs"))
        self._times["keys_s"] = perf_counter() - began

    def prove(self, counts: Sequence[int], name: str = "proof.json") -> Path:
        """The file of a proof of the outputs for these counts; call `make_keys` first."""
        self.answer(counts)
        began = perf_counter()
        names = ("witness.json", "circuit.ezkl", "proving.key", name, "for_tests_only.srs")
        self._ezkl.prove(*self._paths(*names))
        self._times["prove_s"] = perf_counter() - began
        return self._write(name)

    def verify(self, proof: Path) -> bool:
        """Whether a proof holds for the inputs and outputs in its file."""
        began = perf_counter()
        others = self._paths("settings.json", "verifying.key", "for_tests_only.srs")
        try:
            return bool(self._ezkl.verify(str(proof), *others))
        except RuntimeError:  # how ezkl refuses
            return False
        finally:
            self._times["verify_s"] = perf_counter() - began

    def costs(self, proof: Path) -> ProofCosts:
        """Costs of the latest parameters, keys, proof and check; call it after `prove` and `verify`."""
        sizes = [self._write(name).stat().st_size for name in ("proving.key", "verifying.key")]
        unit = 1 if sys.platform == "darwin" else 1024  # in which the system counts
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        size = len(read_proof(proof)["proof"])
        return ProofCosts(
            **self._times, proof_bytes=size, key_bytes=sizes[0], verifying_key_bytes=sizes[1],
            log2_rows=self.log2_rows, memory_bytes=held,
        )  # fmt: skip

    def public_numbers(self, proof: Path) -> tuple[list[int], list[int]]:
        """Counts and outputs that a proof's file states."""
        numbers = [int(self._ezkl.felt_to_int(one)) for one in read_proof(proof)["instances"][0]]
        width = len(self.specification.inputs)
        return numbers[:width], numbers[width:]

    def tampered(self, proof: Path) -> Path:
        """A copy of a proof with one byte of it changed."""
        about = read_proof(proof)
        data = about["proof"]
        data[len(data) // 2] ^= 1
        return self._forged(about | {"proof": data, "hex_proof": "0x" + bytes(data).hex()}, "tampered.json")

    def off_by_one(self, proof: Path, index: int) -> Path:
        """A copy of a proof whose public number `index`, inputs first, is larger by one."""
        about = read_proof(proof)
        number = int(self._ezkl.felt_to_int(about["instances"][0][index])) + 1
        about["instances"][0][index] = self._ezkl.float_to_felt(float(number), 0)
        return self._forged(about, "off_by_one.json")

    def _forged(self, about: dict[str, Any], name: str) -> Path:
        self._write(name).write_text(json.dumps(about))
        return self._write(name)

    def _write(self, name: str) -> Path:
        return self._folder / name

    def _paths(self, *names: str) -> list[str]:
        return [str(self._folder / name) for name in names]


def read_proof(path: Path) -> dict[str, Any]:
    """The content of a proof's file: `instances` are the public numbers, `proof` the bytes."""
    return dict(json.loads(path.read_text(encoding="utf-8")))
