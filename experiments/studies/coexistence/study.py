"""`protogov study coexistence`: cells that are trained and measured one by one, and the findings over them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.results import MANIFEST, load_tables, read_manifest
from protogov.experiments.core.study import Found, Judged, Study
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.coexistence import drawing, pages, reductions
from protogov.experiments.studies.coexistence import index as two_pages
from protogov.experiments.studies.coexistence.cells import CELLS, Cell, find_cells
from protogov.experiments.studies.coexistence.measuring import OTHER_DIGITS, measure_cell, train_cell
from protogov.experiments.studies.coexistence.options import FINDINGS, MEASURING, TRAINING, Options


def measure(options: Options, how: Running) -> Iterator[Found]:
    """Train and measure the cells one after another; each is written before the next one begins; then the findings.

    Raises:
        BadInput: an option out of range, a store or a folder that does not fit, or no cell to find anything in.
        CheckFailed: of a cell the learning of every seed failed, or a process died.
    """
    out = options.check()
    how = replace(how, keep=out / "pieces")
    for cell in find_cells(options.cells):
        if TRAINING in options.stage:
            train_cell(options, cell, how)
        if MEASURING in options.stage:
            yield measure_cell(options, cell, how)
    if FINDINGS in options.stage:
        yield find(out)


def find(out: Path) -> Found:
    """The findings over all cells that a folder holds.

    Raises:
        BadInput: it holds none, or one that was measured in another world or with other sizes than the rest.
    """
    cells: dict[Cell, Mapping[str, Table]] = {}
    facts: dict[str, dict[str, Any]] = {}
    for cell in CELLS:
        folder = out / cell.name
        if (folder / MANIFEST).is_file():
            about = read_manifest(folder)
            if about["physics"] != source_digest():
                raise BadInput(f"{folder}: was measured in another world than this one; run --stage measuring again")
            cells[cell], facts[cell.name] = load_tables(folder, about["tables"]), about["facts"][cell.name]
    if not cells:
        raise BadInput(f"{out}: holds no measured cell; run --stage training measuring first")
    sizes = {tuple(one["reduced"]) for one in facts.values()}
    if len(sizes) > 1:
        said = " / ".join("; ".join(one) or "the registered sizes" for one in sorted(sizes))
        raise BadInput(f"{out}: its cells were measured with different sizes ({said}); one is accepted")
    guarded = {cell: not _failed(facts[cell.name], "line-ups") for cell in cells}
    rows: dict[str, list[dict[str, Any]]] = {
        "findings": reductions.effect_rows(cells, guarded), "contrasts": reductions.contrast_rows(cells, guarded),
        "channels": reductions.channel_rows(cells), "ledger": reductions.ledger_rows(cells),
    }  # fmt: skip
    tables = {name: columns(own) for name, own in rows.items() if own}
    tables |= {"seeds": reductions.seed_table(cells)} if reductions.seed_table(cells) else {}
    tables |= pages.of_cells("scenarios", cells)
    common = next(iter(facts.values()))
    words = {
        "controls": {cell: [f"{one['name']}: should be {one['expected']} and was {one['found']}"
                            for one in own["controls"] if not one["passed"]] for cell, own in facts.items()},
        "failed": {cell: own["failed"] for cell, own in facts.items()},
        "withheld": {cell: _failed(own, "influence") for cell, own in facts.items()},
    }  # fmt: skip
    about = {
        "reduced": common["reduced"], "cells": [cell.name for cell in cells],
        **{name: common[name] for name in ("markets", "ordinary", "constants", "scenario", "tapes", "member_tapes")},
        "missing": [cell.name for cell in CELLS if cell.headline and cell not in cells],
        # of cells without any there is nothing
        **{name: {cell: lines for cell, lines in of.items() if lines} for name, of in words.items()},
        "checked": sum(len(own["controls"]) for own in facts.values()),
        "trained": {cell: {"seeds": len(own["seeds"]), "checkpoints": own["checkpoints"]}
                    for cell, own in facts.items()},
    }  # fmt: skip
    return Found({name: rounded(table, OTHER_DIGITS) for name, table in tables.items()}, {FINDINGS: about})


def _failed(facts: Mapping[str, Any], guarded: str) -> list[str]:
    """Names of the controls that failed and guard a measure."""
    return [one["name"] for one in facts["controls"] if not one["passed"] and guarded in one["guards"]]


def _one(found: Found) -> tuple[str, Found]:
    ((name, facts),) = found.facts.items()
    return name, Found(found.tables, facts)


def judge(found: Found) -> Judged:
    """Sentences of a cell, or of the findings; those of a reduced run begin with that fact."""
    name, own = _one(found)
    said = pages.findings_in_words(own) if name == FINDINGS else pages.cell_in_words(cell_of(own), own)
    return Judged(tuple(pages.qualified(own, said)))


def draw(found: Found) -> Mapping[str, Figure]:
    """Effects of all headline cells; a cell alone has no figure."""
    name, own = _one(found)
    return drawing.draw(own) if name == FINDINGS and "seeds" in own.tables else {}


def page(found: Found, judged: Judged) -> list[str]:
    """Tables of a cell, or all findings."""
    name, own = _one(found)
    return pages.findings_page(own) if name == FINDINGS else pages.cell_page(own)


def index(parts: Mapping[str, Found]) -> list[str]:
    """The two pages over all cells."""
    return two_pages.index({name: _one(found)[1] for name, found in parts.items()})


def cell_of(own: Found) -> Cell:
    """The cell of a part's facts."""
    about = dict(own.facts["cell"])
    return Cell(**{**about, "autonomy": inf if about["autonomy"] == "inf" else float(about["autonomy"])})


STUDY = Study("coexistence", "Do independently trained governors help or harm each other?", Options, measure, judge,
              draw, page, index=index)  # fmt: skip
