"""`protogov scenarios`: the library of markets, crises and attacks, as a table and as pictures."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from protogov.experiments.commands.candle_options import CandleWindow, candle_report
from protogov.experiments.core.options import Flat, Positional
from protogov.experiments.errors import BadInput, as_bad_input
from protogov.experiments.outputs import OutputFolder


@dataclass(frozen=True, kw_only=True)
class Options:
    """List the scenarios: name, split, kind, a thumbnail of a typical tape, and a description in one line.

    NAMES are scenarios, overlays, sums such as "jump + oracle-push", or paths to candles; all registered ones by
    default. With names, or with --origins, a line per scenario states which channels were recorded, derived from the
    price path, or invented. --out writes a contact sheet (`scenarios.svg`, `scenarios.png`), one figure per scenario
    (SVG) and a page with everything (`scenarios.html`). `protogov study crises` compares the crises with published
    facts, `protogov study natural` counts how often events occur.

    Example: protogov scenarios --out results/runs/scenarios
    """

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()
    """Scenarios to list."""
    split: Literal["train", "validation", "test", "free"] | None = None
    """Only scenarios of this split; test is sealed and lists only names."""
    origins: bool = False
    """State for each scenario which channels were recorded, derived or invented; on if names are given."""
    candles: Annotated[CandleWindow, Flat] = field(default_factory=CandleWindow)
    """Hours of files of candles."""
    seeds: int = 200
    """Tapes of each scenario for the pictures, 20 to 5,000."""
    out: OutputFolder | None = None
    """Folder for pictures and page."""


def run(options: Options, command: str) -> int:
    """Print the table; draw and write if asked for."""
    if not 20 <= options.seeds <= 5000:
        raise BadInput(f"seeds is {options.seeds}; 20 to 5,000 are accepted")
    from protogov.experiments.commands.scenario_library import (  # worlds only when asked for
        entries,
        table_of,
        write_library,
    )
    from protogov.experiments.figures.scenarios import HOURS

    window = options.candles
    window.check()
    chosen = entries(options.names, options.split, begin=window.begin, end=window.end)
    window.check_used(chosen)
    with as_bad_input():  # a file too short to be drawn
        lines = table_of(chosen, origins=options.origins or bool(options.names))
    print("\n".join(lines))
    cleaning = candle_report(chosen, HOURS)
    if cleaning:
        print("\n".join(["", *cleaning]))
    if options.out is not None:
        for path in write_library(chosen, options.seeds, options.out, command):
            print(path)
    return 0
