"""`protogov scenarios`: the library of markets, crises and attacks, as a table and as pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from protogov.experiments.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the scenarios: name, split, kind, a thumbnail of a typical tape, and what each is in a line.

    NAMES are scenarios, overlays, sums such as "jump + oracle-push", or paths to candles; all registered ones by
    default. With --out a contact sheet (`scenarios.svg`, `scenarios.png`), a figure each (SVG) and a page with
    everything in it (`scenarios.html`) are written. With --facts the crises are held against what was published of
    them: a figure (`crises.png`) and a table (`README.md`) in --out; NAMES are then crises, all of them by default.

    Example: protogov scenarios --out results/runs/scenarios
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="NAMES")] = ()
    """Which scenarios."""
    split: Literal["train", "test", "free"] | None = None
    """Only those of this split."""
    seeds: int = 200
    """Tapes drawn of each for the pictures, 20 to 5,000."""
    facts: bool = False
    """Draw the crises over what is known of them and list both, instead of the library."""
    out: Path | None = None
    """Folder to write pictures and page into."""


def run(options: Options, command: str) -> int:
    """Print the table; draw and write where that is asked for."""
    if not 20 <= options.seeds <= 5000:
        raise BadInput(f"seeds is {options.seeds}; 20 to 5,000 are accepted")
    if options.facts:
        return _run_facts(options, command)
    from protogov.experiments.scenario_library import entries, table_of, write_library  # worlds only when asked for

    chosen = entries(options.names, options.split)
    print("\n".join(table_of(chosen)))
    if options.out is not None:
        for path in write_library(chosen, options.seeds, options.out, command):
            print(path)
    return 0


def _run_facts(options: Options, command: str) -> int:
    """Print where the table and the figure of the crises' facts are."""
    from protogov.experiments.crisis_facts import chosen_crises, write_facts

    if options.out is None:
        raise BadInput("--facts writes a figure and a table; --out says into which folder")
    names = [one.name for one in chosen_crises(options.names) if options.split in (None, one.split)]
    if not names:
        raise BadInput(f"split is {options.split!r}; none of the crises belongs to it")
    for path in write_facts(names, options.seeds, options.out, command):
        print(path)
    return 0
