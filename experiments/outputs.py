"""Where a command writes: said in the type of its option, and tried before it works for an hour."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from protogov.experiments.core.options import Once
from protogov.experiments.errors import BadInput


@dataclass(frozen=True)
class Written:
    """Mark of an option that names what the command writes."""

    kind: Literal["folder", "file"]


OutputFolder = Annotated[Path, Written("folder"), Once]
OutputFile = Annotated[Path, Written("file"), Once]


def refuse_unwritable(options: Any) -> None:
    """Try every option of a dataclass that is marked as written; nothing stays behind.

    Raises:
        BadInput: nothing can be written there; the message names the path and the reason.
    """
    for path, mark in written_by(options):
        check_folder(path) if mark.kind == "folder" else check_file(path)


def written_by(options: Any) -> Iterator[tuple[Path, Written]]:
    """What the marked options of a dataclass name, as far as they were given."""
    hints = get_type_hints(type(options), include_extras=True)
    for field in fields(options):
        path = getattr(options, field.name)
        for part in (hints[field.name], *get_args(hints[field.name])):  # the type, or a part of a union
            for mark in getattr(part, "__metadata__", ()):
                if isinstance(mark, Written) and path is not None:
                    yield path, mark


def check_folder(path: Path) -> None:
    """See that a folder can be made and written into.

    Raises:
        BadInput: it cannot.
    """
    try:
        if path.exists() and not path.is_dir():
            raise BadInput(f"{path}: is a file; a folder to write into is accepted")
        _try(path)
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be used ({error.strerror})") from None


def check_file(path: Path) -> None:
    """See that a file can be written, or written anew.

    Raises:
        BadInput: it cannot.
    """
    try:
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; a file to write is accepted")
        _try(path.parent)
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be used ({error.strerror})") from None


def _try(folder: Path) -> None:
    """Write a block where `folder` is, or will be."""
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise BadInput(f"{folder}: cannot be made, because {place} is a file")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise BadInput(f"{place}: cannot be written into ({error.strerror})") from None
