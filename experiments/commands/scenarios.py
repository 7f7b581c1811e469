"""`protogov scenarios`: the library of markets, crises and attacks, as a table and as pictures."""

from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from protogov.experiments.errors import BadInput
from protogov.experiments.outputs import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the scenarios: name, split, kind, a thumbnail of a typical tape, and what each is in a line.

    NAMES are scenarios, overlays, sums such as "jump + oracle-push", or paths to candles; all registered ones by
    default. Where names are given, or with --origins, a line each says which channels were recorded, derived from the
    price path, or invented. With --out a contact sheet (`scenarios.svg`, `scenarios.png`), a figure each (SVG) and a
    page with everything in it (`scenarios.html`) are written. With --facts the crises are held against what was
    published of them: a figure (`crises.png`) and a table (`README.md`) in --out; NAMES are then crises, all of them by
    default.

    Example: protogov scenarios --out results/runs/scenarios
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAMES")] = ()
    """Which scenarios."""
    split: Literal["train", "validation", "test", "free"] | None = None
    """Only those of this split; test is sealed, and lists names alone."""
    origins: bool = False
    """Say of each scenario which channels were recorded, derived or invented; on where names are given."""
    facts: bool = False
    """Draw the crises over what is known of them and list both, instead of the library."""
    frequencies: bool = False
    """Count falls, drawdowns, returns and vols of `natural` and its parts beside history's instead, into --out."""
    seeds: int | None = None
    """Tapes drawn of each, 20 to 5,000: 200 for the pictures, 4,096 for --frequencies by default."""
    out: OutputFolder | None = None
    """Folder to write pictures and page into."""


def run(options: Options, command: str) -> int:
    """Print the table; draw and write where that is asked for."""
    seeds = options.seeds if options.seeds is not None else 4096 if options.frequencies else 200
    if not 20 <= seeds <= 5000:
        raise BadInput(f"seeds is {seeds}; 20 to 5,000 are accepted")
    if options.facts and options.frequencies:
        raise BadInput("--facts and --frequencies are given together; one of them is accepted")
    if options.frequencies:
        return run_frequencies(options, seeds, command)
    if options.facts:
        return run_facts(options, seeds, command)
    from protogov.experiments.scenario_library import entries, table_of, write_library  # worlds only when asked for

    chosen = entries(options.names, options.split)
    print("\n".join(table_of(chosen, origins=options.origins or bool(options.names))))
    if options.out is not None:
        for path in write_library(chosen, seeds, options.out, command):
            print(path)
    return 0


def run_frequencies(options: Options, seeds: int, command: str) -> int:
    """Count how often things happen in a fortnight, and write the page."""
    from protogov.experiments.frequencies import write_frequencies

    if options.out is None:
        raise BadInput("out is missing; --frequencies needs a folder to write into, say --out results/natural")
    if options.names or options.split is not None:
        raise BadInput("names or a split are given with --frequencies, which counts `natural` and its parts")
    for path in write_frequencies(options.out, seeds, command):
        print(path)
    return 0


def run_facts(options: Options, seeds: int, command: str) -> int:
    """Print where the table and the figure of the crises' facts are."""
    from protogov.experiments.crisis_facts import chosen_crises, write_facts

    if options.out is None:
        raise BadInput("--facts writes a figure and a table; --out says into which folder")
    names = [one.name for one in chosen_crises(options.names) if options.split in (None, one.split)]
    if not names:
        raise BadInput(f"split is {options.split!r}; none of the crises belongs to it")
    for path in write_facts(names, seeds, options.out, command):
        print(path)
    return 0
