"""JSON files of a run: written whole or not at all; reading errors give one clear sentence."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from protogov.agents.files import naming, read_object
from protogov.experiments.errors import BadInput


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder. The complete file is renamed to `path`, so nobody reads half of it.

    Raises:
        OSError: names `path`; no file is left.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            yield unfinished
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all."""
    with whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write `data`, indented. Numbers that are not finite are refused, because JSON lacks them."""
    return write_text(path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: the file is missing or is not a JSON object.
    """
    return read_object(path, BadInput)
