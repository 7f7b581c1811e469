"""`protogov verify`: whether code is that of a manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from protogov.experiments.commands.export_evm import bad_contract_input
from protogov.experiments.core.options import Positional
from protogov.experiments.errors import CheckFailed


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check that a contract's code is what a manifest of protogov export-evm describes.

    Compiles the manifest's weights again with the pinned compiler, compares all bytes and the hash, and reads the
    weights back from the code. CODE is a file with the runtime code as hexadecimal text, as a node answers it. Exit
    code 1 if they differ, with the first weight that does. Needs the optional extra: pip install 'protogov[evm]'.

    It shows that code and manifest belong together, not that the policy is a good one: the weights are compared with
    the manifest, not with the chain's state, and nobody is audited by it.

    Example: protogov verify results/runs/small-contract/manifest.json deployed.hex
    """

    manifest: Annotated[Path, Positional("MANIFEST")]
    """The manifest."""
    code: Annotated[Path, Positional("CODE")]
    """The code."""


def run(options: Options, command: str) -> int:
    """Print what was found equal.

    Raises:
        CheckFailed: something differs.
    """
    from protogov.agents.onchain.manifest import verify

    with bad_contract_input():
        verdict = verify(options.manifest, options.code)
    for line in verdict.lines:
        print(line)
    if verdict.problem:
        raise CheckFailed(verdict.problem)
    return 0
