"""Each crisis compared with published facts: prices and vols of drawn paths, and recorded or reported ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from matplotlib.figure import Figure

from protogov.envs.scenarios import CRISES, Crisis
from protogov.experiments.core.options import Positional
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.study import Found, Judged, Study, StudyOptions, check_sizes
from protogov.experiments.core.tables import records, select
from protogov.experiments.core.templates import page_beside
from protogov.experiments.core.text import MINUS
from protogov.experiments.errors import BadInput
from protogov.experiments.studies.crises.draw import draw_crises
from protogov.experiments.studies.crises.facts import Paths, curves_table, facts_table

LAST_RECORDED = "crisis-2023"  # from here on no candles are available


@dataclass(frozen=True, kw_only=True)
class Options(StudyOptions):
    """Compare the drawn paths of every crisis with what is known about it.

    Example: protogov study crises --out results/crises
    """

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()
    """Crises; all nine by default."""
    split: Literal["train", "validation", "free"] | None = None
    """Only crises of this split."""
    seeds: int = 200
    """Paths of each crisis, 20 to 5,000."""


def chosen_crises(names: Sequence[str], split: str | None = None) -> list[Crisis]:
    """The crises of these names and split; all nine without names.

    Raises:
        BadInput: a name is not a crisis, or no crisis belongs to the split.
    """
    for name in names:
        if name not in CRISES:
            raise BadInput(f"{name!r} is not a crisis; known are {', '.join(sorted(CRISES))}")
    chosen = [CRISES[name] for name in names or sorted(CRISES) if split in (None, CRISES[name].split)]
    if not chosen:
        raise BadInput(f"split is {split!r}; none of the crises belongs to it")
    return chosen


def measure(options: Options, how: Running) -> Found:
    """Draw the paths; no world is simulated."""
    crises = chosen_crises(options.names, options.split)
    check_sizes(20, 5000, seeds=options.seeds)
    facts = facts_table(Paths.of(crisis, options.seeds) for crisis in crises)
    return Found({"facts": facts, "curves": curves_table(crises, options.seeds)}, {"seeds": options.seeds})


def judge(found: Found) -> Judged:
    """How many facts the paths meet."""
    rows = records(found.tables["facts"])
    off = [f"{row['fact']} of {row['crisis']}" for row in rows if row["verdict"] == "off"]
    held = sum(row["verdict"] != "beside" for row in rows)
    exceptions = f"; not: {', '.join(off)}" if off else ""
    return Judged((f"{held - len(off)} of {held} listed facts are met by the median of the drawn paths{exceptions}.",))


def draw(found: Found) -> Mapping[str, Figure]:
    """Crises with available candles, and later ones."""
    curves, facts = found.tables["curves"], found.tables["facts"]
    figures = {}
    for name, later in (("crises_to_2022", False), ("crises_from_2023", True)):
        own = select(curves, (curves["crisis"] >= LAST_RECORDED) == later)
        if own["crisis"].size:
            title = judge(Found({"facts": select(facts, np.isin(facts["crisis"], own["crisis"]))})).sentences[0]
            figures[name] = draw_crises(own, title)
    return figures


def page(found: Found, judged: Judged) -> Sequence[str]:
    """Every fact and its value on the paths, and the source of each crisis."""
    names = list(dict.fromkeys(found.tables["facts"]["crisis"].tolist()))
    there = {"crises_to_2022": names[0] < LAST_RECORDED, "crises_from_2023": names[-1] >= LAST_RECORDED}
    return page_beside(
        __file__,
        figures=[name for name, drawn in there.items() if drawn],
        seeds=found.facts["seeds"],
        facts=[["crisis", "fact", "listed", "drawn, median", "90% of seeds", ""], *fact_rows(found)],
        crises=names,
        stories=CRISES,
    )


def fact_rows(found: Found) -> list[list[str]]:
    """One row per fact; the crisis is named once."""
    rows, crisis = [], ""
    for row in records(found.tables["facts"]):
        listed, low, median, high = (
            str(row["form"]).format(row[name]).replace("-", MINUS) for name in ("listed", "low", "median", "high")
        )
        band = f"{low} to {high}" if np.isfinite(row["low"]) else ""
        verdict = {"met": "", "off": "**off**"}.get(str(row["verdict"]), str(row["verdict"]))
        rows.append(
            ["" if row["crisis"] == crisis else str(row["crisis"]), str(row["fact"]), listed, median, band, verdict]
        )
        crisis = str(row["crisis"])
    return rows


STUDY = Study("crises", "Crises and their facts", Options, measure, judge, draw, page)
