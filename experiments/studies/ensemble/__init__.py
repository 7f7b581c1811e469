"""Find an ensemble of worlds inside all bands of the calibration.

Draws sets of parameters over the ranges of `search.py` and measures each on tapes that nothing else plays. Keeps the
sets whose figures all lie inside their bands (`calibration/bands.py`), and writes them to `envs/ensemble.json`, where
they are playable by name. Finished pieces are kept: the same command resumes an interrupted run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from protogov.envs.config import WorldConfig
from protogov.envs.ensemble import ENSEMBLE_FILE, Ensemble
from protogov.experiments.core.files import write_json
from protogov.experiments.core.pieces import Piece, Running, run_pieces
from protogov.experiments.core.statistics import interval_in, interval_of
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes, no_figure
from protogov.experiments.core.tables import Table, columns, concatenate, records, select
from protogov.experiments.core.tables import rounded as rounded_table
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import aligned, number, span
from protogov.experiments.outputs import OutputFile
from protogov.experiments.studies.calibration.bands import BAND_BY_NAME, FITTED
from protogov.experiments.studies.calibration.market import FIRST_FITTING
from protogov.experiments.studies.ensemble.search import (
    FIRST_CHECKING,
    RANGES,
    Tapes,
    Trial,
    check_ranges,
    draw_sets,
    hopeless,
    measure_trial,
    missed,
    nearest_to_centre,
    rounded,
)

CUBE = 128  # sets of a hypercube
AT_ONCE = 8  # sets in a piece
CENTRE_DIGITS = 2  # significant ones of the defaults
Values = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Draw sets of parameters, keep those inside all bands, and write them as an ensemble.

    The exit code is 1 if fewer than --members were found; the results are written to --out in any case.

    Example: protogov study ensemble --out results/ensemble
    """

    draws: int = 192
    """Sets to draw, in Latin hypercubes of 128 and one with the rest."""
    seed: int = 0
    """Seed of the first hypercube; the next ones have the following seeds."""
    members: int = 32
    """Maximum of members: the first sets, in the order of the hypercubes, that lie inside all bands."""
    screening: Tapes = Tapes(48, 16, 24)
    """Tapes of every set: between crises, calm, each crisis. A set is out if a whole 95% interval misses its band."""
    measuring: Tapes = Tapes(1024, 64, 64)
    """Tapes of the remaining sets: a member's figures all lie inside their bands."""
    file: OutputFile = ENSEMBLE_FILE
    """File for the ensemble."""


def measure(options: Options, how: Running) -> Found:
    """Draw, screen and measure sets, check the members on other tapes, and write the ensemble's file.

    Raises:
        BadInput: an option is out of range.
    """
    config = WorldConfig()
    check_options(options)
    check_ranges(config)
    # cubes of a fixed size: drawing more sets does not change the first ones
    cubes = enumerate(range(0, options.draws, CUBE))
    sets = [one for k, at in cubes for one in draw_sets(min(CUBE, options.draws - at), options.seed + k)]

    def play(chosen: Sequence[Values], tapes: Tapes, first: int, label: str) -> Table:
        parts = [tuple(chosen[at : at + AT_ONCE]) for at in range(0, len(chosen), AT_ONCE)]
        pieces = [Piece(f"{label} {k}", Trial(part, tapes, first)) for k, part in enumerate(parts)]
        return concatenate(run_pieces(measure_trial, config, pieces, how, label))

    screened = play(sets, options.screening, FIRST_FITTING, "screening")
    reasons = [hopeless(screened, row) for row in range(len(sets))]
    waiting = [number for number, names in enumerate(reasons) if not names]
    figures = {at: {band.name: float(screened[band.name][at]) for band in FITTED} for at in range(len(sets))}
    finalists: list[int] = []
    kept: list[int] = []
    left = Counter[str]()
    while waiting and len(kept) < options.members:
        # as many as are still needed, in whole pieces: the members do not depend on the number of processes
        count = max(AT_ONCE * options.jobs, options.members - len(kept))
        group, waiting = waiting[:count], waiting[count:]
        table = play([sets[at] for at in group], options.measuring, FIRST_FITTING, f"measuring {len(finalists)}")
        finalists += group
        for row, at in enumerate(group):
            figures[at] = {band.name: float(table[band.name][row]) for band in FITTED}
            names = missed(table, row)
            left.update(names)
            if not names and len(kept) < options.members:
                kept.append(at)
    members = [sets[at] for at in kept]
    again = [*members, rounded_centre(members)[1]] if members else []
    checked = play(again, options.measuring, FIRST_CHECKING, "checking") if again else {}
    if len(kept) >= options.members:
        named = {f"w{k + 1:02d}": sets[at] for k, at in enumerate(kept)}
        write_json(options.file, Ensemble(RANGES, named).to_dict())
    turned = Counter(name for names in reasons for name in names)
    facts = {
        "seed": options.seed, "asked": options.members, "screening": str(options.screening),
        "measuring": str(options.measuring), "not_hopeless": sum(not names for names in reasons),
        "finalists": len(finalists),
    }  # fmt: skip
    return Found(
        {"sets": rounded_table(_sets(sets, figures, finalists, kept)), "bands": _bands(turned, left, checked)}, facts
    )


def check_options(options: Options) -> None:
    """Raise BadInput for an invalid number."""
    check_sizes(0, seed=options.seed)
    check_sizes(1, draws=options.draws, members=options.members, jobs=options.jobs)
    for name in ("screening", "measuring"):
        check_sizes(2, **{f"{name}.{field}": value for field, value in vars(getattr(options, name)).items()})


def _sets(
    sets: Sequence[Values], figures: Mapping[int, Values], finalists: Sequence[int], kept: Sequence[int]
) -> Table:
    """One row per set: its number, its fate, its parameters and its figures on the tapes that it played."""
    names = {at: f"w{k + 1:02d}" for k, at in enumerate(kept)}
    return columns(
        [
            {"number": at, "member": names.get(at, ""), "round": 2 if at in finalists else 1, **values}
            | {f"figure_{name}": value for name, value in figures[at].items()}
            for at, values in enumerate(sets)
        ]
    )


def _bands(hopeless_of: Mapping[str, int], left: Mapping[str, int], checked: Table) -> Table:
    """One row per band: sets that it rejected in either round; members and defaults in the check."""
    rows: list[dict[str, Any]] = []
    for band in FITTED:
        row = {"band": band.name, "hopeless": hopeless_of.get(band.name, 0), "turned_away": left.get(band.name, 0)}
        described = {"inside": 0, "centre": np.nan, "centre_low": np.nan, "centre_high": np.nan}
        if checked:  # the rounded centre is its last row
            last = interval_of(checked, -1, band.name)
            inside = sum(band.holds(float(value)) for value in checked[band.name][:-1])
            described = {"inside": inside, "centre": last.mean, "centre_low": last.low, "centre_high": last.high}
        rows.append(row | described)
    return columns(rows)


def rounded_centre(members: Sequence[Values]) -> tuple[str, dict[str, float]]:
    """(name of the member nearest to the median of all, its values rounded as defaults)."""
    nearest = nearest_to_centre(members)
    values = members[nearest]
    return f"w{nearest + 1:02d}", {
        name: rounded(name, values[name], one, CENTRE_DIGITS) for name, one in RANGES.items()
    }


# ---------------------------------------------------------------------- words


def judge(found: Found) -> Judged:
    """Members, their rounded centre, and why others were rejected; fails if too few were found."""
    members, bands, facts = _members(found), found.tables["bands"], found.facts
    drawn = len(found.tables["sets"]["number"])
    sentences = [f"{len(members)} of {drawn} drawn worlds lie inside all bands and are members."]
    if members:
        name, values = rounded_centre(members)
        outside = [row["band"] for row in records(bands) if not BAND_BY_NAME[row["band"]].holds(row["centre"])]
        described = f"OUTSIDE {', '.join(outside)}" if outside else "inside all bands"
        sentences.append(f"centre {name}: " + " ".join(f"{field}={value:g}" for field, value in values.items()))
        sentences.append(f"with {CENTRE_DIGITS} digits it lies {described}, on tapes that were not used for any choice")
    rows = [["band", "rejected in round 1", "in round 2"]]
    rows += [[str(row["band"]), str(row["hopeless"]), str(row["turned_away"])] for row in records(bands)]
    few = f"{len(members)} of {facts['asked']} members were found in {drawn} sets; use more --draws"
    return Judged((*sentences, *aligned(rows)), (few,) if len(members) < facts["asked"] else ())


def _members(found: Found) -> list[dict[str, float]]:
    sets = found.tables["sets"]
    return [{name: row[name] for name in RANGES} for row in records(select(sets, sets["member"] != ""))]


def page(found: Found, judged: Judged) -> Sequence[str]:
    """The search, bands, ranges and members."""
    sets, facts = found.tables["sets"], found.facts
    kept = select(sets, sets["member"] != "")
    count = len(kept["number"])
    rows = [
        ["figure", "band", "sets rejected in round 1", "sets rejected in round 2", "members, lowest to highest",
         "members inside on other tapes", "defaults there"]
    ]  # fmt: skip
    for row in records(found.tables["bands"]):
        band, values = BAND_BY_NAME[str(row["band"])], kept[f"figure_{row['band']}"]
        described = [band.meaning, band.span, str(row["hopeless"]), str(row["turned_away"]), "-", "-", "-"]
        if count:
            ends = f"{number(float(values.min()))} to {number(float(values.max()))}"
            described[4:] = [ends, f"{row['inside']} of {count}", span(interval_in(row, "centre"))]
        rows.append(described)
    members = _members(found)
    name, centre = rounded_centre(members) if members else ("", {})
    return page_beside(
        __file__,
        facts=facts,
        drawn=len(sets["number"]),
        ranges=len(RANGES),
        cube=CUBE,
        count=count,
        first=FIRST_FITTING,
        bands=rows,
        nearest=name,
        digits=CENTRE_DIGITS,
        members=_range_rows(members, centre) if members else [],
    )


def _range_rows(members: Sequence[Mapping[str, float]], centre: Mapping[str, float]) -> list[list[str]]:
    rows = [["parameter", "drawn from", "lowest", "median", "highest", "centre", "whose range"]]
    for field, one in RANGES.items():
        values = np.array([member[field] for member in members])
        drawn = f"{one.low:g} to {one.high:g}{', log' if one.log else ''}"
        cells = (values.min(), np.median(values), values.max(), centre[field])
        rows.append([f"`{field}`", drawn, *(f"{float(value):.3g}" for value in cells), one.source])
    return rows


STUDY = Study("ensemble", "An ensemble of worlds", Options, measure, judge, no_figure, page)
