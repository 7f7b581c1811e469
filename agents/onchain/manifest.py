"""A contract's manifest: all that is needed to compile it again, and what its numbers mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from protogov.agents.files import read_format
from protogov.agents.onchain.bounds import ErrorBound
from protogov.agents.onchain.compiler import MOST_CODE, Code, compile_vyper, keccak256
from protogov.agents.onchain.decode import DecodeError, decode_layers, layer_places
from protogov.agents.onchain.extra import VYPER
from protogov.agents.onchain.features import network_inputs
from protogov.agents.onchain.heads import ACTIONS, DECODING
from protogov.agents.onchain.inputs import INPUT_BITS
from protogov.agents.onchain.machine import GasReport, costly_counts, gas_report
from protogov.agents.onchain.network import FITS, ExportError, Network, stack_of
from protogov.agents.onchain.quantise import LANES, quantise
from protogov.agents.onchain.search import extreme_sums, largest_errors
from protogov.agents.onchain.specification import Specification, read_specification
from protogov.agents.onchain.vyper_source import EVM_VERSION, SIGNATURE, input_words, vyper_source
from protogov.agents.policies.policy import Policy

FORMAT, VERSION, OLD_VERSIONS = "protogov-contract", 3, (2,)  # version 2 had heads of actions alone
MARGIN = 1.2  # the empirical limit over the largest error seen
_NORMALISES = {
    "contract": "value = sum over terms of value_weight * feature, each in its own unit; count = floor(value / step + "
    "1/2) + half, within 0 and 2 * half: the first layer holds the scaling",
    "caller": "observation = sum over terms of weight * y, y = feature / scale where the transform is linear and "
    "sign(feature) * log(1 + |feature| / scale) where it is symlog, within +-limit; count = floor(observation / step + "
    "1/2) + half, within 0 and 2 * half",
}
LIMITS = (
    "a wrong price feed is decided on as if it were right: no contract can mend a bad oracle",
    "weights cannot be changed once deployed",
    "nobody has audited the contract, and no check of this project replaces an audit",
    "nothing proves that the inputs handed in are those of the chain: who calls it has to read them there",
)


class ManifestError(ValueError):
    """A manifest or a file of code that cannot be used: the message names the file and the reason."""


@dataclass(frozen=True)
class Contract:
    """A policy or a pricer as a contract, with what was measured of it.

    Attributes:
        specification: what it computes.
        bound: how far that can be from the network.
        seen: the largest error found on purpose, an entry an output.
        source: in Vyper.
        code: compiled from it.
        gas: what it costs.
        decision_hours: hours between two decisions that the policy learned with; None of a pricer.
    """

    specification: Specification
    bound: ErrorBound
    seen: tuple[float, ...]
    source: str
    code: Code
    gas: GasReport
    decision_hours: float | None

    def manifest(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "agent": self.specification.agent,
            "decision_hours": self.decision_hours,
            "compiler": {"name": "vyper", "version": VYPER, "evm_version": EVM_VERSION, "optimize": "gas"},
            "function": SIGNATURE.format(words=input_words(self.specification)),
            "source_sha256": hashlib.sha256(self.source.encode()).hexdigest(),
            "code_bytes": len(self.code.runtime),
            "code_sha256": hashlib.sha256(self.code.runtime).hexdigest(),
            "code_keccak256": keccak256(self.code.runtime).hex(),
            "input_bits": INPUT_BITS,
            "output_of_one": self.specification.one,
            "outputs": list(self.specification.levers),
            "decoding": DECODING[self.specification.head],
            "normalised_by": _NORMALISES,
            "error": {
                "bound": self.bound.to_dict(),
                "largest_seen": list(self.seen),
                "empirical_limit": [MARGIN * error for error in self.seen],
            },
            "gas": self.gas.to_dict(),
            "does_not": list(LIMITS),
            "specification": self.specification.to_dict(),
        }


def make_contract(network: Network, lanes: int = LANES) -> Contract:
    """Quantise a network, write and compile its contract, and measure errors and gas.

    Args:
        network: a policy that is a plain stack of linear layers and ReLU with at most 32 inputs, or a compact one; or
            a compact pricer.
        lanes: neurons a word of 256 bits.

    Raises:
        ExportError: the network cannot become a contract, or its code is larger than the chain accepts.
        ExtraMissing: the optional extra is not installed.
    """
    stack = stack_of(network)
    quantised = quantise(network, network_inputs(network), lanes)
    specification = quantised.specification
    source = vyper_source(specification)
    code = compile_vyper(source)
    if len(code.runtime) > MOST_CODE:
        raise ExportError(
            f"the network of {stack.name} takes {len(code.runtime):,} bytes of code; a contract holds {MOST_CODE:,}: "
            f"fewer neurons, or more lanes, make it smaller; {FITS}"
        )
    seen = largest_errors(specification, stack)
    largest = [one.largest for one in specification.inputs]
    middle = [one.half for one in specification.inputs]
    extreme = extreme_sums(specification, len(specification.layers) - 1)[:2]
    gas = gas_report(code, specification, [[0] * len(largest), middle, largest, costly_counts(specification), *extreme])
    hours = network.decision_hours if isinstance(network, Policy) else None
    return Contract(specification, quantised.bound, tuple(float(x) for x in seen), source, code, gas, hours)


@dataclass(frozen=True)
class Verdict:
    """Whether code is what a manifest describes.

    Attributes:
        lines: what was found, a sentence each.
        problem: the first difference, "" if there is none.
    """

    lines: tuple[str, ...]
    problem: str


def verify(manifest: Path, code_file: Path) -> Verdict:
    """Compile a manifest's weights again and compare with code, byte by byte and weight by weight.

    Args:
        manifest: manifest.json of an export.
        code_file: runtime code as hexadecimal text, with or without 0x, as a node answers it.

    Raises:
        ManifestError: a file cannot be read, or the manifest names another compiler.
        ExtraMissing: the optional extra is not installed.
    """
    about, specification = read_manifest(manifest)
    _check_compiler(manifest, about)
    given = read_code(code_file)
    expected = compile_vyper(vyper_source(specification)).runtime
    digest = keccak256(given).hex()
    lines = [f"compiled again by vyper {VYPER} for {EVM_VERSION}: {len(expected):,} bytes"]
    if given != expected:
        problem = first_difference(specification, given, expected)
        return Verdict(tuple(lines), f"{code_file} is not the code of {manifest}: {problem}")
    lines.append(f"all {len(given):,} bytes are equal, and so are all weights read back from them")
    for name, found in {"code_keccak256": digest, "code_sha256": hashlib.sha256(given).hexdigest()}.items():
        if about.get(name) != found:
            stated = f"{manifest} states {name} {about.get(name)}; its own weights, and {code_file}, have {found}"
            return Verdict(tuple(lines), stated)
    lines.append(f"keccak-256 {digest}, as the manifest states")
    return Verdict(tuple(lines), "")


def read_manifest(path: Path) -> tuple[dict[str, Any], Specification]:
    """A manifest and the specification in it.

    Raises:
        ManifestError: the file cannot be read or is none; the message names it.
    """
    about = read_format(path, ManifestError, FORMAT, VERSION, *OLD_VERSIONS)
    try:
        specification = read_specification(about["specification"])
    except (KeyError, ValueError) as error:
        raise ManifestError(f"{path}: {error}") from None
    hours: Any = about.get("decision_hours")
    if specification.head == ACTIONS and (type(hours) not in (int, float) or not 0 < hours < np.inf):
        raise ManifestError(f"{path}: decision_hours is {hours!r}; a number above 0 is accepted")
    return about, specification


def _check_compiler(path: Path, about: Mapping[str, Any]) -> None:
    named = about.get("compiler")
    ours = {"name": "vyper", "version": VYPER, "evm_version": EVM_VERSION, "optimize": "gas"}
    if named != ours:
        raise ManifestError(f"{path}: compiler is {json.dumps(named)}; this version compiles with {json.dumps(ours)}")


def read_code(path: Path) -> bytes:
    """Runtime code from hexadecimal text.

    Raises:
        ManifestError: the file cannot be read or holds something else.
    """
    try:
        return bytes.fromhex(path.read_text(encoding="utf-8").strip().removeprefix("0x"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ManifestError(f"{path}: holds no code as hexadecimal text ({error})") from None


def first_difference(specification: Specification, given: bytes, expected: bytes) -> str:
    """The first weight or bias in which two codes differ, by layer, neuron and input; else the first byte."""
    try:
        places = layer_places(specification, expected)
        layers = decode_layers(given, specification, places)
    except DecodeError as error:
        return f"{error}; {_first_byte(given, expected)}"
    for index, ((weight, bias), layer) in enumerate(zip(layers, specification.layers, strict=True)):
        for neuron, column in np.argwhere(weight != layer.weight):
            held, stated = weight[neuron, column], layer.weight[neuron, column]
            return (
                f"layer {index}, neuron {neuron}, input {column} has weight {held} in the code and {stated} in the "
                f"manifest; {_first_byte(given, expected)}"
            )
        for (neuron,) in np.argwhere(bias != layer.bias):
            return (
                f"layer {index}, neuron {neuron} has bias {bias[neuron]} in the code and {layer.bias[neuron]} in the "
                f"manifest; {_first_byte(given, expected)}"
            )
    return f"all weights are equal, yet {_first_byte(given, expected)}"


def _first_byte(given: bytes, expected: bytes) -> str:
    pairs = zip(given, expected, strict=False)
    at = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(given), len(expected)))
    return f"{len(given):,} bytes instead of {len(expected):,}, the first difference at byte {at:,}"
