"""HTML from the templates of this folder. A page contains everything: it needs no network."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from protogov.experiments.core.templates import fill
from protogov.experiments.core.text import MINUS
from protogov.experiments.report.words import interval


def embedded(path: Path) -> str:
    """A file as the text of a data URI."""
    return b64encode(path.read_bytes()).decode("ascii")


def percent(share: float) -> str:
    """A share in whole percent, with a real minus."""
    return f"{100 * share:.0f}%".replace("-", MINUS)


def render(template: str, **values: Any) -> str:
    """The page of a template of this folder; every value is escaped."""
    filters: dict[str, Callable[..., str]] = {"embedded": embedded, "interval": interval, "percent": percent}
    return fill(Path(__file__).with_name(template), filters, **values)
