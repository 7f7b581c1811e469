"""Files: JSON from unknown writers, and the file name in errors of writing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def read_object(path: Path, error: type[ValueError]) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        error: the file is missing, cannot be read or does not hold a JSON object; the message names it.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as reason:
        raise error(f"{path}: cannot be read as JSON ({reason})") from None
    if not isinstance(data, dict):
        raise error(f"{path}: holds no JSON object")
    return data


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Wraps writing to an open file: its errors do not name the file; here they name `path`.

    Raises:
        OSError: with `path` as its file name, if it had none.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def read_format(path: Path, error: type[ValueError], name: str, version: int, *older: int) -> dict[str, Any]:
    """The JSON object in a file whose `format` is this, and its `version` this one or one of the older.

    Raises:
        error: as in :func:`read_object`, or the file has another format or version.
    """
    data = read_object(path, error)
    if data.get("format") != name:
        raise error(f"{path}: is of the format {data.get('format')!r}, not {name}")
    if data.get("version") not in (version, *older):
        raise error(f"{path}: has version {data.get('version')!r}; this code reads version {version}")
    return data
