"""Paths: the repository, the runs, files of candles, and the files of a run's folder.

results/runs/<name>/  config.json  config.toml  versions.json  metrics.csv  validation.csv (of a validated run)
  episodes.parquet  evaluation.json  evaluation.toml  report.html  figures/*.svg
  episode/<governors>/{decisions,hours,events}.parquet  checkpoints/<steps>/...
  seed_<k>/  metrics.csv  checkpoints/<steps>/...        (instead of those above, with several seeds)
"""

from dataclasses import dataclass
from pathlib import Path

from protogov.envs.scenarios.base import CANDLE_SUFFIXES
from protogov.experiments.errors import BadInput


def repository() -> Path:
    """The repository of this code, or the working folder if it was installed without one."""
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def runs_folder() -> Path:
    """Default folder for runs."""
    return repository() / "results" / "runs"


def candle_files(place: Path) -> list[Path]:
    """Files of candles at `place`: the file itself, or all in that folder and below, sorted by name.

    Raises:
        BadInput: there is no such file or folder, or it holds no candles.
    """
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise BadInput(f"{place}: there is no such file or folder")
    found = sorted(path for path in place.rglob("*") if path.name.lower().endswith(CANDLE_SUFFIXES))
    if not found:
        raise BadInput(f"{place}: the folder holds no candles ({', '.join(CANDLE_SUFFIXES)})")
    return found


OPTIONS_FILE = "config.toml"  # in the folder of a run or of a study: every option of the command that made it


class Within:
    """The path of a name in a run's folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: "RunFolder", owner: type) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    config = Within("config.json")  # the options as this version understood them; all other code reads this file
    options = Within(OPTIONS_FILE)  # the same as options, for people and for `train --config`
    versions = Within("versions.json")  # versions of the libraries that it used
    episodes = Within("episodes.parquet")  # one row per episode of the evaluation
    evaluation = Within("evaluation.json")  # what was evaluated, and the summary
    evaluation_options = Within("evaluation.toml")  # the same as options, for `evaluate --config`
    report = Within("report.html")
    figures = Within("figures")
    episode = Within("episode")  # the dashboard's episode, one folder per set of governors

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.resolve().name

    def seed_folder(self, seed: int, num_seeds: int) -> Path:
        """Folder for metrics and checkpoints of one training seed: the run's folder itself if there is one seed."""
        return self.path if num_seeds == 1 else self.path / f"seed_{seed}"


def new_run_folder(root: Path, name: str) -> RunFolder:
    """A folder that does not exist yet: `name`, or `name-2`, `name-3` and so on."""
    number = 1
    while (root / _numbered(name, number)).exists():
        number += 1
    return RunFolder(root / _numbered(name, number))


def latest_run_folder(root: Path, name: str) -> RunFolder | None:
    """The last folder that :func:`new_run_folder` made for `name`; None if there is none."""
    number = 0
    while (root / _numbered(name, number + 1)).exists():
        number += 1
    return RunFolder(root / _numbered(name, number)) if number else None


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"
