"""Controllers with tuned gains, in a small file that `make_governor` and the background of worlds accept.

    {"format": "protogov-controllers", "version": 1, "name": "pi+steward_var",
     "gains": {"pi": {"proportional": 0.8, ...}}, "around": {"ltv_gap": 0.1, ...}}

The same file governs every role: each controller where it fits, and constants `around` elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protogov.agents.files import read_format, read_object

CONTROLLERS_FORMAT, VERSION = "protogov-controllers", 1


@dataclass(frozen=True)
class ControllerFile:
    """What the file holds.

    Attributes:
        name: of the controllers, joined by "+".
        gains: controller -> gain -> value; other gains have their defaults.
        around: lever -> value in its unit; see `protogov.agents.baselines.make_governor`.
    """

    name: str
    gains: Mapping[str, Mapping[str, float]]
    around: Mapping[str, float]

    def text(self) -> str:
        """The file, which `read_controllers` reads."""
        return json.dumps({"format": CONTROLLERS_FORMAT, "version": VERSION, **asdict(self)}, indent=1) + "\n"


def holds_controllers(path: Path) -> bool:
    """Whether a file says that it holds controllers; False for a file that cannot be read."""
    try:
        return read_object(path, ValueError).get("format") == CONTROLLERS_FORMAT
    except ValueError:
        return False


def read_controllers(path: Path) -> ControllerFile:
    """The controllers of a file.

    Raises:
        ValueError: it is missing, damaged, of another version, or holds something else.
    """
    data = read_format(path, ValueError, CONTROLLERS_FORMAT, VERSION)
    name, gains, around = (data.get(key) for key in ("name", "gains", "around"))
    if not (
        isinstance(name, str) and isinstance(gains, dict) and all(map(_are_numbers, gains.values()))
        and isinstance(around, dict) and _are_numbers(around)
    ):  # fmt: skip
        raise ValueError(f"{path}: a name, gains of each controller and values around which it acts are accepted")
    return ControllerFile(name, gains, around)


def _are_numbers(value: Any) -> bool:
    """Whether this is name -> number."""
    return isinstance(value, dict) and all(type(number) in (int, float) for number in value.values())
