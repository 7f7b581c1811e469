"""The content of a run's folder, read for its report."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from protogov.experiments.core.files import read_json
from protogov.experiments.core.governors import LEARNED
from protogov.experiments.core.paths import RunFolder
from protogov.experiments.core.tables import Table, read_table
from protogov.experiments.errors import BadInput
from protogov.experiments.training.comparison import Comparison, comparisons
from protogov.experiments.training.learned import latest, load_run
from protogov.experiments.training.run_config import RunConfig
from protogov.experiments.training.seed import progress_of


@dataclass(frozen=True)
class Material:
    """The content of a run's folder; None or empty for missing parts."""

    folder: RunFolder
    config: RunConfig | None
    versions: dict[str, Any]
    metrics: dict[int, Table]
    progress: dict[int, tuple[int, int, float]]
    evaluation: dict[str, Any]
    comparisons: list[Comparison]


def gather(folder: RunFolder) -> Material:
    """Read a run's folder.

    Raises:
        BadInput: it holds neither a training run nor an evaluation, or a file is damaged.
    """
    if not folder.path.is_dir():
        raise BadInput(f"{folder.path}: there is no such folder of a run")
    config = load_run(folder) if folder.config.exists() else None
    evaluated = folder.evaluation.exists() and folder.episodes.exists()
    if config is None and not evaluated:
        raise BadInput(f"{folder.path}: holds no config.json of a training run and no evaluation")
    metrics, progress = {}, {}
    for seed in config.seeds if config is not None else ():
        place = folder.seed_folder(seed, len(config.seeds)) if config is not None else folder.path
        if (place / "metrics.csv").is_file():
            columns = read_metrics(place / "metrics.csv")
            if columns:
                metrics[seed] = columns
        checkpoint = latest(place)
        if checkpoint is not None:
            progress[seed] = progress_of(checkpoint)
    return Material(
        folder=folder,
        config=config,
        versions=read_json(folder.versions) if folder.versions.exists() else {},
        metrics=metrics,
        progress=progress,
        evaluation=read_json(folder.evaluation) if evaluated else {},
        comparisons=read_comparisons(folder) if evaluated else [],
    )


def read_comparisons(folder: RunFolder) -> list[Comparison]:
    """The comparisons of a run's evaluation.

    Raises:
        BadInput: the episodes are damaged, or an earlier version wrote them.
    """
    table = read_table(folder.episodes)
    try:
        return comparisons(table)
    except KeyError as error:
        raise BadInput(
            f"{folder.episodes}: lacks the column {error}, which today's evaluations have; run protogov evaluate again"
        ) from None


def read_metrics(path: Path) -> Table:
    """metrics.csv as columns of floats, NaN for blanks; empty if it has no rows.

    Raises:
        BadInput: a value is not a number, or the file is not text.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = list(rows[0]) if rows else []
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    except (TypeError, ValueError, csv.Error) as error:
        raise BadInput(f"{path}: holds a value that is not a number ({error})") from None


def main_comparison(material: Material) -> Comparison | None:
    """The learned governors in the first suite, or else the first comparison there."""
    learned = [found for found in material.comparisons if found.governors == LEARNED]
    return next(iter(learned or material.comparisons), None)
