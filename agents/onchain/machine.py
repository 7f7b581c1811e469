"""Contracts in an EVM on this machine: deployed, called, and what that costs in gas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from protogov.agents.onchain.compiler import Code, keccak256
from protogov.agents.onchain.extra import need
from protogov.agents.onchain.inputs import pack
from protogov.agents.onchain.specification import Specification
from protogov.agents.onchain.vyper_source import EVM_VERSION, SIGNATURE, input_words

TRANSACTION = 21_000  # gas of any transaction, before its data and what it runs
_ZERO_BYTE, _OTHER_BYTE = 4, 16  # gas of a byte of a transaction's data (EIP-2028)
_CALLER = "0x" + "11" * 20
_GAS = 30_000_000


@dataclass(frozen=True)
class GasReport:
    """What a contract costs, each figure from an EVM of its own.

    Attributes:
        code_bytes: of the runtime code.
        deploy: gas of the transaction that deploys it.
        execution: the most gas that a call took, without the transaction and its data.
        transaction: the most gas that a transaction took that does nothing but the call.
    """

    code_bytes: int
    deploy: int
    execution: int
    transaction: int

    def to_dict(self) -> dict[str, int]:
        """JSON-able."""
        return asdict(self)


def calldata(specification: Specification, counts: Sequence[int]) -> bytes:
    """The data of a call of `decide`: its selector and the words of the counts."""
    return _selector(input_words(specification)) + b"".join(word.to_bytes(32, "big") for word in pack(counts))


@cache  # once for all calls: looking up the installed compiler takes longer than the call itself
def _selector(words: int) -> bytes:
    return keccak256(SIGNATURE.format(words=words).encode())[:4]


def calldata_gas(data: bytes) -> int:
    """What a transaction pays for its data."""
    return sum(_OTHER_BYTE if byte else _ZERO_BYTE for byte in data)


def costly_counts(specification: Specification) -> list[int]:
    """Counts whose data cost most: no byte of them is 0, except where an input has fewer than 257 steps."""
    return [min(one.largest, 0x0101) for one in specification.inputs]


def read_outputs(answer: bytes) -> list[int]:
    """The signed words of 256 bits in an answer."""
    return [int.from_bytes(answer[at : at + 32], "big", signed=True) for at in range(0, len(answer), 32)]


class Deployed:
    """A contract in a fresh EVM.

    Args:
        code: of the contract.
        specification: that it was written from.

    Raises:
        ExtraMissing: there is no EVM.
    """

    def __init__(self, code: Code, specification: Specification) -> None:
        self._specification = specification
        self._evm: Any = need("pyrevm", "running a contract").EVM(spec_id=EVM_VERSION.upper())
        self._evm.set_balance(_CALLER, 10**20)
        self._place = self._evm.deploy(_CALLER, code.creation, gas=_GAS)
        self.deploy_gas = int(self._evm.result.gas_used)
        if bytes(self._evm.get_code(self._place)).rstrip(b"\0") != code.runtime.rstrip(b"\0"):
            raise RuntimeError("the code that was deployed is not the runtime code")

    def call(self, data: bytes) -> bytes:
        """The answer to a call with these data.

        Raises:
            RuntimeError: the call was reverted.
        """
        return bytes(self._evm.message_call(_CALLER, self._place, calldata=data, gas=_GAS))

    def decide(self, counts: Sequence[int]) -> list[int]:
        """The contract's outputs for counts; see `Specification.decide`."""
        return read_outputs(self.call(calldata(self._specification, counts)))

    @property
    def gas_used(self) -> int:
        """Of the last call, as a transaction."""
        return int(self._evm.result.gas_used)


def gas_report(code: Code, specification: Specification, inputs: Sequence[Sequence[int]]) -> GasReport:
    """Measure a contract on some inputs, counts each; a fresh EVM for every one, for a used one keeps accounts warm."""
    execution, transaction, deploy = 0, 0, 0
    for counts in inputs:
        contract = Deployed(code, specification)
        data = calldata(specification, counts)
        contract.call(data)
        deploy, transaction = contract.deploy_gas, max(transaction, contract.gas_used)
        execution = max(execution, contract.gas_used - TRANSACTION - calldata_gas(data))
    return GasReport(len(code.runtime), deploy, execution, transaction)
