"""What a study is: options -> measure -> judge -> draw -> page. One command and one kind of folder for all of them.

A study is one file, or a folder, under `protogov.experiments.studies` with an object `STUDY`. Of its parts only
`measure` plays anything. Judging, drawing and the page see what was measured and nothing else, so that `--redraw`
makes page and figures anew from a folder's tables.

To add one: the file, and its name in `protogov.experiments.studies`. A page of much prose is a template beside it, see
`protogov.experiments.core.templates`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protogov.experiments.core.pieces import Running
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.outputs import OutputFolder, check_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Options that every study has."""

    jobs: int = 2
    """Processes, one thread each."""
    out: OutputFolder | None = None
    """Write tables, figures, a manifest and a page to this folder; finished pieces are kept there too."""
    redraw: bool = False
    """Measure nothing: draw figures and page of --out anew from its tables."""


@dataclass(frozen=True)
class Found:
    """What a study measured.

    Attributes:
        tables: name -> columns.
        facts: what else page and figures need: sizes, names, seeds; JSON-able.
    """

    tables: Mapping[str, Table]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """What the numbers say.

    Attributes:
        said: sentences, the headline first.
        failed: what does not hold though the study claims it; a run with it ends with exit code 1. Most studies claim
            nothing.
    """

    said: tuple[str, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    Attributes:
        name: of the command and of the folder under `results`.
        title: of the page.
        options: dataclass of its options, a `StudyOptions`; its docstring is the help.
        measure: (options, how) -> what was found; or parts one after the other, each with its name as the only fact
            and tables of names of its own: a folder gathers the parts that several commands measured.
        judge: what it says.
        draw: name of a figure -> figure.
        page: lines of the page between the headline and the footer; figures are shown by their names as `NAME.png`.
        listed: lines that an option `list` prints instead of a measurement: what there is to choose from.
    """

    name: str
    title: str
    options: type[Any]
    measure: Callable[[Any, Running], Found | Iterator[Found]]
    judge: Callable[[Found], Judged]
    draw: "Callable[[Found], Mapping[str, Figure]]"
    page: Callable[[Found, Judged], Sequence[str]]
    listed: Callable[[Any], Sequence[str]] | None = None


def check_sizes(low: int, most: int | None = None, **sizes: int) -> None:
    """Refuse a size that is below `low` or above `most`.

    Raises:
        BadInput: the first such, by its name.
    """
    accepted = f"a whole number of at least {low} is" if most is None else f"{low:,} to {most:,} are"
    for name, value in sizes.items():
        if value < low or (most is not None and value > most):
            raise BadInput(f"{name.replace('_', '-')} is {value}; {accepted} accepted")


def no_figure(found: Found) -> "Mapping[str, Figure]":
    """As `draw` of a study whose page is a table."""
    return {}


def run_study(study: Study, options: StudyOptions, command: str) -> int:
    """Measure or take up what was measured, say it, and write what was asked for.

    Raises:
        BadInput: --redraw without a folder, or one of another study or version; --out cannot be written into.
        CheckFailed: what the study claims does not hold; all was written before.
    """
    if study.listed is not None and getattr(options, "list", False):
        print("\n".join(study.listed(options)))
        return 0
    if options.redraw:
        found, about = _stored(study, options.out)
    else:
        keep = options.out / "pieces" if options.out is not None else None
        if keep is not None:
            check_folder(keep)  # and the folder that it is in, before hours of work
        measured = study.measure(options, Running(options.jobs, keep, show=True))
        if not isinstance(measured, Found):
            return _gather(study, measured, options.out, command)
        found, about = measured, {}
    judged = study.judge(found)
    print("\n".join(judged.said))
    if options.out is not None:
        for path in _write(study, found, judged, options.out, about or command):
            print(path)
    if judged.failed:
        raise CheckFailed(f"{study.name}: {'; '.join(judged.failed)}")
    return 0


def _gather(study: Study, parts: Iterator[Found], folder: Path | None, command: str) -> int:
    """Say and store each part as it is measured, beside those that the folder holds; then draw what it holds."""
    from protogov.experiments.core.results import MANIFEST, manifest, store_tables, write_manifest

    about: dict[str, Any] = {"study": study.name, "parts": {}}
    if folder is not None and (folder / MANIFEST).is_file():
        _, about = _stored(study, folder)
    for part in parts:
        print("\n".join(study.judge(part).said), flush=True)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            ((name, facts),) = part.facts.items()
            about["parts"][name] = manifest(command, store_tables(folder, part.tables), facts)
            write_manifest(folder, about)
    if folder is not None:
        found, about = _stored(study, folder)
        for path in _write(study, found, study.judge(found), folder, about):
            print(path)
    return 0


def _stored(study: Study, folder: Path | None) -> tuple[Found, dict[str, Any]]:
    from protogov.experiments.core.results import load_tables, read_manifest

    if folder is None:
        raise BadInput("redraw needs the folder that was written: --out FOLDER")
    about = read_manifest(folder)
    if about.get("study") != study.name:
        raise BadInput(f"{folder}: holds the study {about.get('study')!r}, not {study.name!r}")
    parts = about.get("parts", {"": about})
    tables = {name: table for part in parts.values() for name, table in load_tables(folder, part["tables"]).items()}
    facts = {name: part["facts"] for name, part in about["parts"].items()} if "parts" in about else about["facts"]
    return Found(tables, facts), about


def _write(study: Study, found: Found, judged: Judged, folder: Path, about: "dict[str, Any] | str") -> list[Path]:
    """Tables and manifest (not of what was taken up), figures, page; `about` is the manifest or the command."""
    from protogov.experiments.core.results import (
        LARGEST_FIGURE,
        LARGEST_FOLDER,
        manifest,
        store_tables,
        write_figure,
        write_manifest,
        write_page,
    )
    from protogov.experiments.figures.style import look

    paths: list[Path] = []
    if isinstance(about, str):
        folder.mkdir(parents=True, exist_ok=True)
        about = {"study": study.name, **manifest(about, store_tables(folder, found.tables), found.facts)}
        paths += [*(folder / file for file in about["tables"].values()), write_manifest(folder, about)]
    try:
        with look():
            figures = study.draw(found)
        share = min(LARGEST_FIGURE, LARGEST_FOLDER // (2 * max(len(figures), 1)))  # tables take the other half
        paths += [write_figure(folder / f"{name}.png", figure, share) for name, figure in figures.items()]
        body = study.page(found, judged)
    except KeyError as error:
        raise BadInput(
            f"{folder}: its tables lack {error}: they are of another version, or git does not keep a long one; "
            "run its command again"
        ) from None
    return [*paths, write_page(folder, [f"# {study.title}", "", *judged.said[:1], "", *body], about)]
