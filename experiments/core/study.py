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
        sentences: the headline first.
        failed: what does not hold though the study claims it; a run with it ends with exit code 1. Most studies claim
            nothing.
    """

    sentences: tuple[str, ...]
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """A question and how it is answered.

    Attributes:
        name: of the command and of the folder under `results`.
        title: of the page.
        options: dataclass of its options, a `StudyOptions`; its docstring is the help.
        measure: (options, how) -> what was found; or parts one after the other, each with its name as the only fact:
            each has a folder of its own below that of the study, so that several commands can fill it.
        judge: what it says.
        draw: name of a figure -> figure.
        page: lines of the page between the headline and the footer; figures are shown by their names as `NAME.png`.
        listed: lines that an option `list` prints instead of a measurement: what there is to choose from.
        index: of a study in parts: lines of the page over them, from the parts that the folder holds by now.
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
        if options.out is None:
            raise BadInput("redraw needs the folder that was written: --out FOLDER")
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
    """Every option of the command that filled the folder last."""
    if options.out is not None:
        about = f"The options of {command.partition(' --')[0]}, for its --config"
        write_file(options.out / OPTIONS_FILE, options, about)


def conclude(study: Study, found: Found, folder: Path | None, command: str, part: str = "") -> int:
    """Say what was found, and write tables, manifest, figures and page to `folder`; `part` is told in the title.

    Raises:
        CheckFailed: what the study claims does not hold; all was written before.
    """
    from protogov.experiments.core.results import manifest, store_tables, write_manifest

    judged = study.judge(found)
    print("\n".join(judged.sentences), flush=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {"study": study.name, **({"part": part} if part else {})}
        about |= manifest(command, store_tables(folder, found.tables), found.facts)
        print("\n".join(str(folder / file) for file in about["tables"].values()))
        print(write_manifest(folder, about))
        _write(study, found, judged, folder, about)
    return _checked(study, judged)


def redraw(study: Study, folder: Path) -> int:
    """Say what a folder holds, and make figures and page anew; of a folder of parts those of each part.

    Raises:
        BadInput: it holds nothing of this study, or something of another version.
        CheckFailed: what the study claims does not hold.
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

    assert study.index is not None, "a study that measures in parts has a page over them"
    lines = study.index({place.name: _stored(study, place)[0] for place in _parts(study, folder)})
    return write_text(folder / "README.md", "\n".join([f"# {study.title}", "", *lines, ""]))


def _stored(study: Study, folder: Path) -> tuple[Found, dict[str, Any]]:
    from protogov.experiments.core.results import load_tables, read_manifest

    about = read_manifest(folder)
    if about.get("study") != study.name:
        raise BadInput(f"{folder}: holds the study {about.get('study')!r}, not {study.name!r}")
    return Found(load_tables(folder, about["tables"]), about["facts"]), about


def _write(study: Study, found: Found, judged: Judged, folder: Path, about: Mapping[str, Any]) -> None:
    """Figures and page, and say where they are; `about` is the manifest."""
    from protogov.experiments.core.results import LARGEST_FIGURE, LARGEST_FOLDER, write_figure, write_page
    from protogov.experiments.figures.style import look

    try:
        with look():
            figures = study.draw(found)
        share = min(LARGEST_FIGURE, LARGEST_FOLDER // (2 * max(len(figures), 1)))  # tables take the other half
        if "part" in about:
            share = LARGEST_FIGURE // 2  # there are many
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
