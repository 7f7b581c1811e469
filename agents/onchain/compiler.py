"""From Vyper's source text to code, by the pinned compiler; hashes as the chain computes them."""

from __future__ import annotations

from dataclasses import dataclass

from protogov.agents.onchain.extra import need

MOST_CODE = 24_576  # bytes of runtime code that the chain accepts (EIP-170)


@dataclass(frozen=True)
class Code:
    """A compiled contract.

    Attributes:
        creation: what a transaction deploys.
        runtime: what then lies on the chain.
    """

    creation: bytes
    runtime: bytes


def compile_vyper(source: str) -> Code:
    """Compile a contract; EVM version and optimisation stand in its first lines.

    Raises:
        ExtraMissing: the pinned compiler is not installed.
    """
    compiler = need("vyper.compiler", "compiling a contract")
    out = compiler.compile_code(source, output_formats=["bytecode", "bytecode_runtime"])
    return Code(bytes.fromhex(out["bytecode"][2:]), bytes.fromhex(out["bytecode_runtime"][2:]))


def keccak256(data: bytes) -> bytes:
    """The chain's hash: of runtime code it is what EXTCODEHASH answers.

    Raises:
        ExtraMissing: the compiler, whose hash it is, is not installed.
    """
    return bytes(need("vyper.utils", "hashing code").keccak256(data))
