"""Seal the test: write its list, and print the digest that belongs into the code.

This is honest only while nobody has opened the test. The list is written to the folder of
`protogov.envs.scenarios.sealed`. Its constant `SEALED_DIGEST` and the page results/test/README.md must then name the
printed digest.

    python -m protogov.experiments.seal
"""

import hashlib
import sys
from dataclasses import dataclass

from protogov.envs.scenarios.sealed import SEALED_FILE, sealed_list
from protogov.experiments import cli
from protogov.experiments.core.files import write_text
from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFile
from protogov.experiments.training import open_test

PROGRAM = "python -m protogov.experiments.seal"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write the list of the sealed test again and print its SHA-256; refused after the test has been opened."""

    out: OutputFile = SEALED_FILE
    """The list."""


def run(options: Options, command: str = PROGRAM) -> int:
    """Write and print."""
    folder = open_test.default_folder()
    if open_test.earlier_openings([folder]):
        record = folder / open_test.OPENINGS
        raise BadInput(f"{record}: the test has been opened; its list cannot change any more")
    path = write_text(options.out, sealed_list())
    print(f"{path}: {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
