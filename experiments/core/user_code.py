"""What a user's own Python file brings: the function or class that `FILE.py:NAME` names."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

from protogov.experiments.errors import BadInput


def place_of(text: str, default: str = "") -> tuple[str, str]:
    """File and name of `FILE.py:NAME`; of `FILE.py` alone, `default` is the name."""
    file, _, name = text.rpartition(":")
    return (file, name or default) if file.endswith(".py") else (text, default)


def load_callable(text: str, option: str, default: str = "") -> Callable[..., Any]:
    """The function or class that `FILE.py:NAME` names; this runs the file.

    Args:
        text: as given by the user.
        option: what it was given for, for messages.
        default: name to look for where the text is `FILE.py` alone.

    Raises:
        BadInput: the text names no Python file, the file does not exist or fails, or it has no such function.
    """
    file, name = place_of(text, default)
    if not file.endswith(".py") or not name:
        raise BadInput(f"{option} is {text!r}; FILE.py:NAME is accepted")
    if not Path(file).is_file():
        raise BadInput(f"{option} is {text!r}, but there is no file {file}; FILE.py:NAME is accepted")
    try:
        found = run_path(file).get(name)
    except Exception as error:  # whatever a file of the user's may raise
        raise BadInput(f"{file}: cannot be run ({type(error).__name__}: {error})") from error
    if not callable(found):
        raise BadInput(f"{file}: holds no function or class {name!r}; FILE.py:NAME is accepted as {option}")
    return found


def digest_of(path: Path) -> str:
    """Start of the SHA-256 of a file, 16 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
