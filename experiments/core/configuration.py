"""An experiment in one file: the options of a command as TOML, read, checked and written.

    scenario = "natural"
    seeds = [0, 1, 2, 3]

    [world]
    size = "core"
    levers = ["base_rate=0.02"]

    [ppo]
    gamma = 0.99
    target_kl = "None"

Keys are names of options without the dashes before them. A section holds the options of a group (`--ppo.gamma`). TOML
has no None: use the word "None", as on the command line. Paths are relative to the folder in which the command runs.
"""

import dataclasses
import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protogov.experiments.core.options import KINDS, Option, options_of
from protogov.experiments.errors import BadInput

Place = tuple[str, ...]  # path of an option: the fields that lead to it
# type of an option -> types of its values in TOML; to Python a bool is also an int, but not here
IN_TOML: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), Path: (str,)}


@dataclass(frozen=True)
class FromFile:
    """The content of a file of options.

    Attributes:
        path: path of the file.
        values: path of an option -> its value.
    """

    path: Path
    values: Mapping[Place, Any]

    def without(self, typed: Mapping[Place, Any]) -> "FromFile":
        """The same without the options that were typed as well."""
        return FromFile(self.path, {place: value for place, value in self.values.items() if place not in typed})

    def blamed(self, error: BadInput) -> BadInput:
        """The same error; it begins with the file's name if it mentions an option or a value from the file."""
        given = {place[-1] for place in self.values}.union(*map(_words, self.values.values()))
        named = not given.isdisjoint(_words(str(error)))
        return BadInput(f"{self.path}: {error}") if named and str(self.path) not in str(error) else error


def _words(value: Any) -> set[str]:
    """Words of a text, or of several texts; no words for other values."""
    if isinstance(value, tuple):
        return set().union(*map(_words, value))
    return set(re.findall(r"[^\W\d]\w+", value.replace("-", "_"))) if isinstance(value, str) else set()


# ---------------------------------------------------------------------- reading


def read_file(path: Path, known: Sequence[Option]) -> FromFile:
    """The values of a TOML file, each with the type of its option.

    Raises:
        BadInput: the file cannot be read, has a key that is not an option, or a value of another type.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:  # of tomllib, or no UTF-8
        raise BadInput(f"{path}: is no TOML ({error})") from None
    options = {option.key: option for option in known if not option.holds}
    sections = {".".join(key.split(".")[:depth]) for key in options for depth in range(key.count(".") + 1)}
    values: dict[Place, Any] = {}
    for key, value in _flat(data, options, sections):
        option = options.get(key)
        if key in sections:
            raise BadInput(f"{path}: {key} is {_shown(value)}; a section [{key}] is accepted")
        if option is None:
            raise BadInput(f"{path}: {key} is no option{_hint(key, [*options, *filter(None, sections)])}")
        if option.path in values:
            raise BadInput(f"{path}: {key} is given twice, with '-' and with '_'")
        values[option.path] = _taken(option, value, path)
    return FromFile(path, values)


def _flat(data: Mapping[str, Any], options: Mapping[str, Option], sections: set[str]) -> Iterator[tuple[str, Any]]:
    """Every key, with its sections in front, and its value; a table that is not a section is a value."""

    def walk(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
        for name, value in table.items():
            key = f"{above}{name.replace('-', '_')}"
            if isinstance(value, dict) and key in sections:
                yield from walk(value, f"{key}.")
            else:
                yield key, value

    yield from walk(data, "")


def _hint(key: str, known: Sequence[str]) -> str:
    """The key that was probably meant: the same name in another section, or a similar spelling."""
    same = [one for one in known if one.rpartition(".")[2] == key.rpartition(".")[2]]
    near = [*same, *difflib.get_close_matches(key, known, 1, 0.75)][:1]
    return f", did you mean {near[0]}" if near else ""


def _taken(option: Option, value: Any, path: Path) -> Any:
    """The value of an option, with the type that it would have if it were typed."""
    if not option.many and not option.repeated:
        return _one(option, value, path)
    if not isinstance(value, list):
        raise BadInput(f"{path}: {option.key} is {_shown(value)}; a list of values is accepted")
    return tuple(_one(option, item, path) for item in value)


def _one(option: Option, value: Any, path: Path) -> Any:
    if option.optional and value == "None":
        return None
    if option.flag or option.choices:
        fits = isinstance(value, bool) if option.flag else value in option.choices
        read = value
    else:
        fits = type(value) in IN_TOML[option.item]
        read = KINDS[option.item].read(value) if fits else None
    if not fits:
        raise BadInput(f"{path}: {option.key} is {_shown(value)}; {option.accepted}")
    return read


# ---------------------------------------------------------------------- writing


def write_file(path: Path, options: Any, about: str) -> Path:
    """Write all options of an instance, with defaults, except those of a single call. New defaults then change nothing.

    Args:
        path: path of the file; it is written whole or not at all.
        options: an instance of a command's dataclass.
        about: a comment line at the head, without its #.
    """
    from protogov.experiments.core.files import write_text  # imports agents and worlds, which --help does not need

    return write_text(path, f"# {about}\n{as_toml(options)}")


def as_toml(options: Any) -> str:
    """All options of an instance as TOML, except those of a single call; the inverse of `read_file`."""
    sections: dict[str, list[str]] = {"": []}
    for option in options_of(type(options), options):
        if not option.once and option.default is not dataclasses.MISSING:
            section, _, name = option.key.rpartition(".")
            sections.setdefault(section, []).append(f"{name} = {_shown(option.default)}")
    blocks = ["\n".join([*([f"[{section}]"] if section else []), *lines]) for section, lines in sections.items()]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _shown(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a section"  # in a sentence: no option is one
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, (int, float)):
        return repr(value)  # inf and nan read the same in TOML
    # a string of JSON is a string of TOML, except for the delete character, which TOML also wants escaped
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
