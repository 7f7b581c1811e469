"""JSON files of a run: written whole or not at all, read with one clear sentence for what is wrong."""

import json
import os
from pathlib import Path
from typing import Any

from protogov.agents.files import read_object
from protogov.experiments.errors import BadInput


def write_text(path: Path, text: str) -> Path:
    """Write a file beside its place and rename it, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.unfinished")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write `data`, indented; numbers that are not finite are refused because JSON has none."""
    return write_text(path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadInput: the file is missing or is no JSON object.
    """
    return read_object(path, BadInput)
