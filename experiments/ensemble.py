"""Find an ensemble of worlds inside all bands of the calibration: `python -m protogov.experiments.ensemble`.

Draws sets of parameters over the ranges of `ensemble_search.py`, measures each on tapes that nothing else plays, keeps
those whose figures all lie inside their bands (`calibration_bands.py`), and writes them to `envs/ensemble.json`, from
where they are playable by name. Finished pieces are kept: a run that was cut off goes on with the same command.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import ENSEMBLE_FILE, Ensemble
from protogov.experiments import cli
from protogov.experiments.audit.running import Piece, Running, run_pieces
from protogov.experiments.calibration_bands import FITTED, Figure
from protogov.experiments.calibration_market import FIRST_FITTING
from protogov.experiments.calibration_report import markdown_table, number
from protogov.experiments.ensemble_search import (
    FIRST_CHECKING,
    RANGES,
    Tapes,
    Trial,
    check_ranges,
    draw_sets,
    figures_of,
    hopeless,
    measure_trial,
    measuring_code,
    missed,
    nearest_to_centre,
    rounded,
)
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.files import write_json, write_text
from protogov.experiments.outputs import OutputFile, OutputFolder
from protogov.experiments.paths import repository
from protogov.experiments.tables import Table, concatenate, write_table
from protogov.experiments.versions import now, versions

PROGRAM = "python -m protogov.experiments.ensemble"
CUBE = 128  # sets of a hypercube
AT_ONCE = 8  # sets in a piece
CENTRE_DIGITS = 2  # significant ones of the defaults


@dataclass(frozen=True, kw_only=True)
class Options:
    """Draw sets of parameters, keep those inside all bands, and write them as an ensemble.

    Exit code 1 when fewer than --members were found; what was measured is written to --out all the same.
    """

    draws: int = 192
    """Sets that are drawn, in Latin hypercubes of 128 and what is left over."""
    seed: int = 0
    """Of the first hypercube; the next ones count on."""
    members: int = 32
    """Kept at most: the first of the hypercube, in its order, that lie inside all bands."""
    screening: Tapes = Tapes(48, 16, 24)
    """Of every set: between crises, calm, each crisis. A set is left where a whole 95% interval misses its band."""
    measuring: Tapes = Tapes(1024, 64, 64)
    """Of the sets that are left over: a member's figures themselves lie inside their bands."""
    jobs: int = 2
    """Processes, one thread each."""
    file: OutputFile = ENSEMBLE_FILE
    """Where the ensemble is written."""
    out: OutputFolder = repository() / "results" / "ensemble"
    """Folder for a page and a table of all sets; finished pieces are kept in its folder `pieces`."""


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        sets: all that were drawn, in order.
        screened: figures of each on few tapes.
        reasons: bands that made each hopeless; none for who went on.
        measured: figures on more tapes, of the sets `finalists`.
        finalists: numbers of the sets that went on.
        kept: numbers of the members.
        left: band -> finalists that it turned away.
        checked: figures of the members, and of the rounded centre after them, on tapes on which nothing was chosen.
    """

    sets: list[dict[str, float]]
    screened: Table
    reasons: list[list[str]]
    measured: Table
    finalists: list[int]
    kept: list[int]
    left: Counter[str]
    checked: Table


def search(options: Options, config: WorldConfig) -> Search:
    """Draw, screen, measure.

    Raises:
        BadInput: an option is out of range.
    """
    check_options(options)
    check_ranges(config)
    how = Running(options.jobs, options.out / "pieces", show=True)
    # in cubes of a fixed size, so that more sets can be drawn without changing those that there are
    cubes = enumerate(range(0, options.draws, CUBE))
    sets = [one for k, at in cubes for one in draw_sets(min(CUBE, options.draws - at), options.seed + k)]
    code = measuring_code()

    def play(chosen: Sequence[Mapping[str, float]], tapes: Tapes, first: int, label: str) -> Table:
        parts = [tuple(chosen[at : at + AT_ONCE]) for at in range(0, len(chosen), AT_ONCE)]
        pieces = [Piece(f"{label} {k}", Trial(part, tapes, first, code)) for k, part in enumerate(parts)]
        return concatenate(run_pieces(measure_trial, config, pieces, how, label))

    def measure(numbers: Sequence[int], tapes: Tapes, label: str) -> Table:
        return play([sets[number] for number in numbers], tapes, FIRST_FITTING, label)

    screened = measure(range(len(sets)), options.screening, "screening")
    reasons = [hopeless(screened, row) for row in range(len(sets))]
    waiting = [number for number, names in enumerate(reasons) if not names]
    finalists: list[int] = []
    kept: list[int] = []
    tables: list[Table] = []
    left = Counter[str]()
    while waiting and len(kept) < options.members:
        # as many as are still needed, in whole pieces: which sets are members does not depend on the processes
        count = max(AT_ONCE * options.jobs, options.members - len(kept))
        group, waiting = waiting[:count], waiting[count:]
        table = measure(group, options.measuring, f"measuring {len(finalists)}")
        tables.append(table)
        finalists += group
        for row, set_number in enumerate(group):
            names = missed(table, row)
            left.update(names)
            if not names and len(kept) < options.members:
                kept.append(set_number)
    members = [sets[one] for one in kept]
    again = [*members, rounded_centre(members)[1]] if members else []
    checked = play(again, options.measuring, FIRST_CHECKING, "checking") if again else {}
    return Search(sets, screened, reasons, concatenate(tables), finalists, kept, left, checked)


def check_options(options: Options) -> None:
    """Raise BadInput for a number that cannot be."""
    counts = {f"{name}.{field}": value for name in ("screening", "measuring")
              for field, value in vars(getattr(options, name)).items()}  # fmt: skip
    for name, value, low in (
        ("draws", options.draws, 1), ("seed", options.seed, 0), ("members", options.members, 1),
        ("jobs", options.jobs, 1), *((name, value, 2) for name, value in counts.items()),
    ):  # fmt: skip
        if value < low:
            raise BadInput(f"{name} is {value}; a whole number from {low} is accepted")


def ensemble_of(found: Search) -> Ensemble:
    """The members by name, "w01" first."""
    return Ensemble(RANGES, {f"w{k + 1:02d}": found.sets[one] for k, one in enumerate(found.kept)})


def rounded_centre(members: Sequence[Mapping[str, float]]) -> tuple[str, dict[str, float]]:
    """(name of the member nearest to the median of all, its values as defaults: few digits)."""
    nearest = nearest_to_centre(members)
    values = members[nearest]
    return f"w{nearest + 1:02d}", {
        name: rounded(name, values[name], one, CENTRE_DIGITS) for name, one in RANGES.items()
    }


def table_of(found: Search) -> Table:
    """A row a set: its number, what became of it, its parameters and its figures on as many tapes as it played."""
    names = {at: f"w{k + 1:02d}" for k, at in enumerate(found.kept)}
    rows = []
    for at, values in enumerate(found.sets):
        last = at in found.finalists
        table, row = (found.measured, found.finalists.index(at)) if last else (found.screened, at)
        figures = figures_of(table, row)
        rows.append(
            {"number": at, "member": names.get(at, ""), "round": 2 if last else 1, **values}
            | {f"figure_{name}": figure.value for name, figure in figures.items()}
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def page(found: Search, options: Options, command: str) -> str:
    """The README of the folder."""
    about = versions()
    went_on = len(found.finalists)
    lines = [
        "# An ensemble of worlds",
        "",
        f"{len(found.sets)} sets of {len(RANGES)} parameters were drawn (Latin hypercubes of {CUBE}, seeds from",
        f"{options.seed}). All played {options.screening}; {sum(not names for names in found.reasons)} had no figure",
        f"whose whole 95% interval lies outside its band. Of these the first {went_on} played {options.measuring}, and",
        f"{len(found.kept)} are members: every figure itself lies inside its band. All sets play the same tapes, from",
        f"seed 2^43 + 2^40 ({FIRST_FITTING}) on, which nothing else plays. Figures of all sets: `sets.csv`.",
        "",
        "## Bands",
        "",
        markdown_table(
            ["figure", "band", "sets that it made hopeless", "others that it turned away", "members, lowest to highest",
             "members inside on other tapes", "defaults there"],
            [_band_row(found, band.name) for band in FITTED],
        ),
        "",
        "A set may miss several. `pool_loss` is not among them: no person moves it. The last two columns are measured",
        "once more on as many tapes, from seed 2^43 + 2^40 + 2^39 on, on which nothing was chosen: members, and",
        "defaults with 95% intervals. Crises are judged by the mean of four.",
        "",
        "Most ranges are not published ones: the ensemble spans the neighbourhood of a point that was fitted by hand,",
        'and "holds in so many of its members" says how robust a finding is there, not how likely a world is.',
        "",
        "## Ranges and members",
        "",
        *_range_lines(found),
        "",
        "## Made by",
        "",
        f"    {command}",
        "",
        f"{now()}, protogov {about['protogov']} at {about['commit']}, numpy {about['numpy']}, numba {about['numba']}, "
        f"scipy {about['scipy']}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _band_row(found: Search, name: str) -> list[str]:
    band = next(band for band in FITTED if band.name == name)
    rows = [found.finalists.index(one) for one in found.kept]
    values = found.measured[name][rows] if rows else np.zeros(0)
    return [
        band.meaning,
        band.span,
        str(sum(name in names for names in found.reasons)),
        str(found.left[name]),
        f"{number(float(values.min()))} to {number(float(values.max()))}" if len(values) else "-",
        f"{sum(band.holds(value) for value in found.checked[name][:-1])} of {len(rows)}" if rows else "-",
        _interval(figures_of(found.checked, len(rows))[name]) if rows else "-",
    ]


def _interval(figure: Figure) -> str:
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def _range_lines(found: Search) -> list[str]:
    if not found.kept:
        return ["No set lies inside all bands."]
    name, centre = rounded_centre([found.sets[at] for at in found.kept])
    rows = []
    for field, one in RANGES.items():
        values = np.array([found.sets[at][field] for at in found.kept])
        drawn = f"{one.low:g} to {one.high:g}{', log' if one.log else ''}"
        cells = (values.min(), np.median(values), values.max(), centre[field])
        rows.append([f"`{field}`", drawn, *(f"{float(value):.3g}" for value in cells), one.source])
    header = ["parameter", "drawn from", "lowest", "median", "highest", "centre", "whose range"]
    return [
        f"The member nearest to the median of all, each range as long as any other, is **{name}**; its values with "
        f"{CENTRE_DIGITS} digits are the defaults of the world (`envs/world/parameters.py`).",
        "",
        markdown_table(header, rows),
    ]


def run(options: Options, command: str = PROGRAM) -> int:
    """Search, write, print.

    Raises:
        BadInput: an option is out of range.
        CheckFailed: fewer members than asked for; the ensemble's file stays as it was.
    """
    config = WorldConfig()
    found = search(options, config)
    if found.kept:
        name, values = rounded_centre([found.sets[one] for one in found.kept])
        print(f"centre {name}: " + " ".join(f"{field}={value:g}" for field, value in values.items()))
        outside = missed(found.checked, len(found.kept))
        told = f"OUTSIDE {', '.join(outside)}" if outside else "inside all bands"
        print(f"with {CENTRE_DIGITS} digits it lies {told}, on tapes on which nothing was chosen")
    print(write_table(options.out / "sets.csv", table_of(found)))
    print(write_text(options.out / "README.md", page(found, options, command)))
    for band in FITTED:
        hopeless_sets = sum(band.name in names for names in found.reasons)
        print(f"{band.name:<20} {hopeless_sets:4d} hopeless, {found.left[band.name]:4d} turned away")
    print(f"{len(found.sets)} drawn, {len(found.finalists)} measured, {len(found.kept)} kept")
    if len(found.kept) < options.members:
        raise CheckFailed(
            f"{len(found.kept)} of {options.members} members were found in {options.draws} sets; give more --draws"
        )
    print(write_json(options.file, ensemble_of(found).to_dict()))
    return 0


if __name__ == "__main__":
    sys.exit(cli.run_command(sys.modules[__name__], sys.argv[1:], PROGRAM))
