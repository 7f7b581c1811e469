"""Outputs of a command: the type of an option marks them, and they are tried before the command runs."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from protogov.experiments.core.options import Once
from protogov.experiments.errors import BadInput


@dataclass(frozen=True)
class Written:
    """Mark of an option that names an output of the command."""

    kind: Literal["folder", "file"]


OutputFolder = Annotated[Path, Written("folder"), Once]
OutputFile = Annotated[Path, Written("file"), Once]


def refuse_unwritable(options: Any) -> None:
    """Try to write every marked output of a dataclass; no file is left.

    Raises:
        BadInput: an output is not writable; the message names the path and the reason.
    """
    for path, mark in written_by(options):
        check_folder(path) if mark.kind == "folder" else check_file(path)


def written_by(options: Any) -> Iterator[tuple[Path, Written]]:
    """The outputs that the marked options of a dataclass name, without unset options."""
    hints = get_type_hints(type(options), include_extras=True)
    for field in fields(options):
        path = getattr(options, field.name)
        for part in (hints[field.name], *get_args(hints[field.name])):  # the type, or a part of a union
            for mark in getattr(part, "__metadata__", ()):
                if isinstance(mark, Written) and path is not None:
                    yield path, mark


def check_folder(path: Path) -> None:
    """Check that a folder can be created and is writable.

    Raises:
        BadInput: it cannot.
    """
    try:
        if path.exists() and not path.is_dir():
            raise BadInput(f"{path}: is a file; a writable folder is accepted")
        _try(path)
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be used ({error.strerror})") from None


def check_file(path: Path) -> None:
    """Check that a file can be written or overwritten.

    Raises:
        BadInput: it cannot.
    """
    try:
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; a writable file is accepted")
        _try(path.parent)
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be used ({error.strerror})") from None


def _try(folder: Path) -> None:
    """Write a block in `folder`, or in its first existing parent."""
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise BadInput(f"{folder}: cannot be created because {place} is a file")
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise BadInput(f"{place}: is not writable ({error.strerror})") from None
