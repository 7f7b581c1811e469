"""A run's evaluation as a committed result: table, dashboard, manifest and page, made from the run's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import STATIC
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.recording import Recording
from protogov.experiments.core.results import manifest, store_tables, write_figure, write_manifest, write_page
from protogov.experiments.core.statistics import Interval
from protogov.experiments.core.tables import Table, columns, rounded
from protogov.experiments.core.text import markdown, paragraph, plain, signed
from protogov.experiments.training.comparison import Comparison

GROUPS = ("welfare", "part", "mandate")  # kept measures
SHORTFALL = "expected shortfall at 5% of W"


def keep_run(
    name: str,
    title: str,
    folder: RunFolder,
    place: Path,
    found: Sequence[Comparison],
    sentences: Sequence[str],
    command: str,
) -> list[Path]:
    """Write the results of an evaluation to `place`, and return the paths.

    Args:
        name: of the command, for the manifest.
        title: of the page.
        folder: of the run, with the dashboard's episode.
        place: output folder.
        found: comparisons, the headline first.
        sentences: paragraphs of the page; the first is the headline.
        command: as typed.
    """
    from protogov.experiments.figures.dashboard import draw_dashboard

    shown = read_json(folder.evaluation)["shown"]
    main = Recording.load(folder.episode / shown["governors"])
    static = Recording.load(folder.episode / STATIC) if shown["governors"] != STATIC else None
    place.mkdir(parents=True, exist_ok=True)
    tables, facts = {"differences": differences(found)}, {"shown": shown, "sentences": list(sentences)}
    about = {"study": name, **manifest(command, store_tables(place, tables), facts)}
    paths = [*(place / file for file in about["tables"].values()), write_manifest(place, about)]
    paths.append(write_figure(place / "dashboard.png", draw_dashboard(main, static, name=shown["governors"])))
    return [*paths, write_page(place, [f"# {title}", "", *page(found, sentences, shown)], about)]


def differences(found: Sequence[Comparison]) -> Table:
    """One row per suite, set of governors and measure [bp of K0 per episode]; NaN without an interval."""
    rows = []
    for one in found:
        who = {"suite": one.suite, "governors": one.governors, "tapes": one.tapes, "training_seeds": len(one.seeds)}
        for row in one.differences:
            if row.measure.group in GROUPS:
                ends = {**_ends("tapes", row.over_tapes), **_ends("seeds", row.over_seeds)}
                rows.append(
                    {**who, "measure": row.measure.label, "static": row.baseline, "mean": row.mean,
                     "difference": row.over_tapes.mean, **ends}
                )  # fmt: skip
        none = {**_ends("tapes", None), **_ends("seeds", None)}
        rows.append(
            {**who, "measure": SHORTFALL, "static": one.baseline_shortfall, "mean": one.shortfall,
             "difference": one.shortfall - one.baseline_shortfall, **none}
        )  # fmt: skip
    return rounded(columns(rows))


def _ends(name: str, found: Interval | None) -> dict[str, float]:
    low, high = (float("nan"), float("nan")) if found is None else (found.low, found.high)
    return {f"{name}_low": low, f"{name}_high": high}


def page(found: Sequence[Comparison], sentences: Sequence[str], shown: dict[str, Any]) -> list[str]:
    """The findings, the dashboard, the headline's measures, and W in every suite."""
    table = differences(found)
    first = (table["suite"] == found[0].suite) & (table["governors"] == found[0].governors)
    every = table["measure"] == found[0].welfare.measure.label
    fall = f"{100 * shown['drawdown']:.0f}%".replace("-", "\N{MINUS SIGN}")
    return [
        *(line for text in sentences for line in (paragraph(text), "")),
        "![One evaluation episode](dashboard.png)", "",
        paragraph(
            f"The tape of {shown['suite']} with the deepest fall of the price ({fall}): a hard case, not a typical one."
            " Dashed: the static protocol on the same tape."
        ), "", f"## {found[0].governors} on {found[0].suite}", "", "Bp of K0 per episode.", "",
        *_rows(table, np.flatnonzero(first), "measure"), "", "## Welfare W everywhere", "",
        *_rows(table, np.flatnonzero(every), "suite", "governors", "tapes"),
    ]  # fmt: skip


def _rows(table: Table, rows: np.ndarray, *names: str) -> list[str]:
    head = [*names, "static", "mean", "difference", "95% over tapes", "95% over training seeds"]
    cells = [
        [*(str(table[name][row]) for name in names), plain(table["static"][row]), plain(table["mean"][row]),
         signed(table["difference"][row]), _span(table, row, "tapes"), _span(table, row, "seeds")]
        for row in rows
    ]  # fmt: skip
    return markdown(head, cells)


def _span(table: Table, row: int, name: str) -> str:
    low, high = table[f"{name}_low"][row], table[f"{name}_high"][row]
    return f"{signed(low)} to {signed(high)}" if np.isfinite([low, high]).all() else ""
