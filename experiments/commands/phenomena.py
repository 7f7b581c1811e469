"""`protogov phenomena`: what markets are known to do, and whether it is gone when its mechanism is switched off."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from protogov.experiments.commands.options import Member
from protogov.experiments.errors import CheckFailed
from protogov.experiments.outputs import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Options:
    """Check that known phenomena appear with their mechanism and vanish with a named switch.

    NAMES are phenomena (see --list), all by default. Each is played in both worlds on the same seeds; the table gives
    the paired effect with its 95% interval. Exit code 1 when one does not behave as claimed; what was measured is
    written all the same.

    Example: protogov phenomena cascade --seeds 64 --out results/runs/cascade
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAMES")] = ()
    """Which phenomena."""
    seeds: int = 64
    """Episodes in each world."""
    member: Member = ""
    jobs: int = 2
    """Batches of worlds that run at the same time."""
    out: OutputFolder | None = None
    """Write the table (CSV), a figure each (SVG, PNG), a manifest and a page to this folder."""
    list: bool = False
    """Say what there is, and run nothing."""


def run(options: Options, command: str) -> int:
    """Play, write, print the table; raises CheckFailed when a claim does not hold."""
    from protogov.experiments.phenomena.register import chosen  # matplotlib and the worlds only when asked for
    from protogov.experiments.phenomena.runner import run_phenomena
    from protogov.experiments.phenomena.writing import describe, table_of, write_findings

    phenomena = chosen(options.names, options.member)
    if options.list:
        print("\n\n".join("\n".join(describe(one)) for one in phenomena))
        return 0
    findings = run_phenomena(phenomena, options.seeds, jobs=options.jobs, show=True)
    print("\n".join(table_of(findings)))
    print(f"{options.seeds} paired seeds; intervals are Student's t at 95%.")
    if options.out is not None:
        for path in write_findings(findings, options.out, command):
            print(path)
    failed = [finding for finding in findings if not finding.holds]
    if failed:
        said = "; ".join(f"{finding.phenomenon.name} {finding.verdict}" for finding in failed)
        raise CheckFailed(f"{len(failed)} of {len(findings)} phenomena do not behave as claimed: {said}")
    return 0
