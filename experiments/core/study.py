"""The parts of a study: options -> measure -> judge -> draw -> page. One command and one kind of folder for all.

A study is one file, or a folder, under `protogov.experiments.studies` with an object `STUDY`. Only `measure` plays
episodes. `judge`, `draw` and `page` use nothing but the measured tables. Therefore `--redraw` can make page and figures
again from a folder's tables.

To add a study, add the file, and its name in `protogov.experiments.studies`. If the page has much prose, write it as a
template in the same folder, see `protogov.experiments.core.templates`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from protogov.experiments.core.configuration import write_file
from protogov.experiments.core.options import Once, OptionsFile
from protogov.experiments.core.paths import OPTIONS_FILE
from protogov.experiments.core.pieces import Running
from protogov.experiments.core.tables import Table
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.outputs import OutputFolder, check_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Options that every study has."""

    config: OptionsFile = None
    jobs: int = 2
    """Processes, one thread each."""
    out: OutputFolder | None = None
    """Write tables, figures, a manifest and a page to this folder; finished pieces are kept there too."""
    redraw: Annotated[bool, Once] = False
    """Measure nothing: draw figures and page of --out again from its tables."""


@dataclass(frozen=True)
class Found:
    """What a study measured.

    Attributes:
        tables: name -> columns.
        facts: other things that page and figures need, such as sizes, names, seeds; JSON-able.
    """

    tables: Mapping[str, Table]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """The conclusions from the numbers.

    Attributes:
        sentences: the headline first.
        failed: claims of the study that do not hold; if there are any, the run ends with exit code 1. Most studies
            claim nothing.
    """

    sentences: tuple[str, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A question, and the code that answers it.

    Attributes:
        name: of the command and of the folder under `results`.
        title: of the page.
        options: dataclass of its options, a `StudyOptions`; its docstring is the help.
        measure: (options, how) -> what was found. A study in parts yields one part after another, each under its name;
            each part has its own folder below that of the study, so several commands can fill it.
        judge: found -> sentences and failed claims.
        draw: found -> name of a figure -> figure.
        page: lines of the page between the headline and the footer; they show figures as `NAME.png`.
        listed: lines that an option `list` prints instead of measuring: the available choices.
        index: for a study in parts: lines of the page over all parts that the folder holds.
    """

    name: str
    title: str
    options: type[Any]
    measure: Callable[[Any, Running], Found | Iterator[Found]]
    judge: Callable[[Found], Judged]
    draw: "Callable[[Found], Mapping[str, Figure]]"
    page: Callable[[Found, Judged], Sequence[str]]
    listed: Callable[[Any], Sequence[str]] | None = None
    index: Callable[[Mapping[str, Found]], Sequence[str]] | None = None


def check_sizes(low: int, most: int | None = None, **sizes: int) -> None:
    """Refuse a size that is below `low` or above `most`.

    Raises:
        BadInput: names the first such size.
    """
    accepted = f"a whole number of at least {low} is" if most is None else f"{low:,} to {most:,} are"
    for name, value in sizes.items():
        if value < low or (most is not None and value > most):
            raise BadInput(f"{name.replace('_', '-')} is {value}; {accepted} accepted")


def no_figure(found: Found) -> "Mapping[str, Figure]":
    """Use as `draw` of a study whose page is a table."""
    return {}


def run_study(study: Study, options: StudyOptions, command: str) -> int:
    """Measure, or load stored tables; print the result, and write the requested files.

    Raises:
        BadInput: --redraw without a folder, or with one of another study or version; --out is not writable.
        CheckFailed: a claim of the study does not hold; everything was written first.
    """
    if study.listed is not None and getattr(options, "list", False):
        print("\n".join(study.listed(options)))
        return 0
    if options.redraw:
        if options.out is None:
            raise BadInput("redraw needs a folder that this study wrote: --out FOLDER")
        return redraw(study, options.out)
    keep = options.out / "pieces" if options.out is not None else None
    if keep is not None:
        check_folder(keep)  # and the folder that it is in, before hours of work
    measured = study.measure(options, Running(options.jobs, keep, show=True))
    if isinstance(measured, Found):
        _write_options(options, command)
        return conclude(study, measured, options.out, command)
    for part in measured:
        (name,) = part.facts
        conclude(study, part, None if options.out is None else options.out / name, command, name)
    _write_options(options, command)
    if options.out is not None:
        print(_write_index(study, options.out))
    return 0


def _write_options(options: StudyOptions, command: str) -> None:
    """Write every option of the command that filled the folder last."""
    if options.out is not None:
        about = f"The options of {command.partition(' --')[0]}, for its --config"
        write_file(options.out / OPTIONS_FILE, options, about)


def conclude(study: Study, found: Found, folder: Path | None, command: str, part: str = "") -> int:
    """Print what was found, and write tables, manifest, figures and page to `folder`; the title names `part`.

    Raises:
        CheckFailed: a claim of the study does not hold; everything was written first.
    """
    from protogov.experiments.core.results import manifest, store_tables, write_manifest

    written: list[Path] = []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {"study": study.name, **({"part": part} if part else {})}
        about |= manifest(command, store_tables(folder, found.tables), found.facts)
        written = [*(folder / file for file in about["tables"].values()), write_manifest(folder, about)]
        found, about = _stored(study, folder)  # so that a page that is drawn again is the same to a byte
    judged = study.judge(found)
    print("\n".join([*judged.sentences, *map(str, written)]), flush=True)
    if folder is not None:
        _write(study, found, judged, folder, about)
    return _checked(study, judged)


def redraw(study: Study, folder: Path) -> int:
    """Print the result that a folder holds, and make its figures and page again, or those of each part.

    Raises:
        BadInput: it holds nothing of this study, or something of another version.
        CheckFailed: a claim of the study does not hold.
    """
    parts = _parts(study, folder)
    for place in parts or [folder]:
        found, about = _stored(study, place)
        judged = study.judge(found)
        print("\n".join(judged.sentences))
        _write(study, found, judged, place, about)
    if parts:
        print(_write_index(study, folder))
        return 0
    return _checked(study, judged)


def _checked(study: Study, judged: Judged) -> int:
    if judged.failed:
        raise CheckFailed(f"{study.name}: {'; '.join(judged.failed)}")
    return 0


def _parts(study: Study, folder: Path) -> list[Path]:
    """The folders below that hold parts of the study."""
    from protogov.experiments.core.results import MANIFEST, read_manifest

    found = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    return [place for place in found if study.index is not None and read_manifest(place).get("study") == study.name]


def _write_index(study: Study, folder: Path) -> Path:
    """The page over all parts."""
    from protogov.experiments.core.files import write_text

    assert study.index is not None, "a study in parts needs a page over all parts"
    lines = study.index({place.name: _stored(study, place)[0] for place in _parts(study, folder)})
    return write_text(folder / "README.md", "\n".join([f"# {study.title}", "", *lines, ""]))


def _stored(study: Study, folder: Path) -> tuple[Found, dict[str, Any]]:
    from protogov.experiments.core.results import load_tables, read_manifest

    about = read_manifest(folder)
    if about.get("study") != study.name:
        raise BadInput(f"{folder}: holds the study {about.get('study')!r}, not {study.name!r}")
    return Found(load_tables(folder, about["tables"]), about["facts"]), about


def _write(study: Study, found: Found, judged: Judged, folder: Path, about: Mapping[str, Any]) -> None:
    """Write figures and page, and print where they are; `about` is the manifest."""
    from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, write_figure, write_page
    from protogov.experiments.figures.style import look

    try:
        with look():
            figures = study.draw(found)
        share = min(LARGEST_FIGURE, LARGEST_FOLDER // (2 * max(len(figures), 1)))  # the other half is for tables
        if "part" in about:
            share = LARGEST_FIGURE // 2  # there are many parts
        for name, figure in figures.items():
            print(write_figure(folder / f"{name}.png", figure, share))
        body = study.page(found, judged)
    except KeyError as error:
        raise BadInput(
            f"{folder}: its tables lack {error}: they are of another version, or git does not keep a long one; "
            "run its command again"
        ) from None
    title = f"# {study.title}{': ' * ('part' in about)}{about.get('part', '')}"
    print(write_page(folder, [title, "", *judged.sentences[:1], "", *body], about))
