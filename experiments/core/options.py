"""Options of a command from the fields of a dataclass; `command_line` reads them, `option_help` shows them.

A field is an option, its type defines the accepted values, its docstring is the help. Types: str, int, float, bool,
Path, Literal, X | None, tuple[X, ...], and dataclasses of these, whose options start with the field's name and a dot.
Markers in Annotated:

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()          words without an option
    levers: Annotated[tuple[str, ...], Repeated] = ()                    --levers a=1 --levers b=2
    member: Annotated[str, Named("--member")] = ""                       another name for --world.member
    begin: Annotated[str | None, Named("--from", instead=True)] = None   only this name
    member: Annotated[str, Help("World of the ensemble.")] = ""          the help is part of the type
    candles: Annotated[CandleWindow, Flat]                               options without `candles.` before them
    config: OptionsFile = None                                           a TOML file with values of the others
    resume: Annotated[bool, Once] = False                                left out of the file that repeats a command

Other markers, such as `outputs.Written`, are ignored here.
"""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Positional:
    """A field that is given by its place; `metavar` names it in the help."""

    metavar: str


@dataclass(frozen=True)
class Named:
    """A name of an option, with its dashes, in addition to the field's name or instead of it."""

    name: str
    instead: bool = False


@dataclass(frozen=True)
class Help:
    """Help as a part of the type, for an option of several commands."""

    text: str


class Repeated:
    """A tuple whose option is repeated for each value."""


class Flat:
    """A dataclass whose options do not start with the name of its field."""


class Once:
    """An option of a single call: where to write, whether to resume. A file that repeats the call leaves it out."""


class Holds:
    """An option that names a file of options (`configuration`). Typed values replace those of the file."""


OptionsFile = Annotated[
    Path | None,
    Holds,
    Once,
    Help("TOML file with values of these options, one section per group; values typed beside it replace its own."),
]


class Kind(NamedTuple):
    """A type of values: its names in the help and in a sentence, and its parser."""

    metavar: str
    accepted: str
    read: Callable[[str], Any]


KINDS: dict[Any, Kind] = {
    int: Kind("INT", "a whole number", int),
    float: Kind("NUMBER", "a number", float),
    str: Kind("TEXT", "a word", str),
    Path: Kind("PATH", "a path", Path),
}


@dataclass(frozen=True)
class Group:
    """Options that form a group in the help: those of one dataclass."""

    title: str
    about: str = ""


POSITIONAL = Group("positional")
OPTIONS = Group("options")  # of the command's own dataclass


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        path: names of the fields that lead to it.
        names: as typed; sentences use the first. For a positional option, its name in the help.
        item: type of one value: bool, one of `KINDS`, or a Literal.
        default: MISSING if the option is required.
        help: one or two sentences.
        group: of the help.
        positional: given by its place.
        many: takes any number of values, which become a tuple.
        repeated: takes one value each time that it is given, which become a tuple.
        optional: None is a value.
        once: it belongs to a single call.
        holds: it names a file with values of the others.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    item: Any
    default: Any
    help: str
    group: Group
    positional: bool = False
    many: bool = False
    repeated: bool = False
    optional: bool = False
    once: bool = False
    holds: bool = False

    @property
    def key(self) -> str:
        """Its name in a file of options: `market_hours`, `ppo.num_steps`."""
        return ".".join(self.path) if self.positional else self.name.removeprefix("--").replace("-", "_")

    @property
    def name(self) -> str:
        """The name in sentences."""
        return self.names[0]

    @property
    def flag(self) -> bool:
        """Whether it takes no value: its name means yes, `off_names` mean no."""
        return self.item is bool

    @property
    def off_names(self) -> tuple[str, ...]:
        """For a flag: names that turn it off, such as --no-natural, --ppo.no-shared-parameters."""
        return tuple(re.sub(r"^--(.*\.)?", r"--\1no-", name) for name in self.names) if self.flag else ()

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a Literal; empty for other types."""
        return get_args(self.item) if get_origin(self.item) is Literal else ()

    @property
    def accepted(self) -> str:
        """The end of a sentence: what one value of it may be."""
        if self.choices:
            return f"{', '.join((*self.choices, *(['None'] * self.optional)))} are accepted"
        kind = "true or false" if self.flag else KINDS[self.item].accepted
        return f"{kind}{' or None' * self.optional} is accepted"


def options_of(kind: type[Any], values: Any = None) -> tuple[Option, ...]:
    """The options of the fields of a dataclass, including nested dataclasses.

    Args:
        kind: the dataclass.
        values: an instance that holds the defaults; the fields' own without one.

    Raises:
        TypeError: a field has an unsupported type.
    """
    return tuple(_options(kind, values, (), "", OPTIONS))


def _options(kind: type[Any], values: Any, above: tuple[str, ...], prefix: str, group: Group) -> Iterator[Option]:
    hints, texts = get_type_hints(kind, include_extras=True), field_help(kind)  # type: ignore[arg-type]
    for field in dataclasses.fields(kind):
        if not field.init:
            continue
        hint, markers, optional = _plain(hints[field.name])
        path, name = (*above, field.name), field.name.replace("_", "-")
        default = getattr(values, field.name) if values is not None else _default(field)
        words = next((one.text for one in markers if isinstance(one, Help)), texts.get(field.name, ""))
        if dataclasses.is_dataclass(hint):
            nested = Group(f"{' '.join(path)} options".replace("_", " "), words or _first_paragraph(hint))
            below = prefix if Flat in markers else f"{prefix}{name}."
            yield from _options(hint, None if default is MISSING else default, path, below, nested)  # type: ignore[arg-type]
            continue
        place = next((one for one in markers if isinstance(one, Positional)), None)
        named = [one for one in markers if isinstance(one, Named)]
        own = () if any(one.instead for one in named) else (f"--{prefix}{name}",)
        item, several = _item(hint, f"{kind.__name__}.{field.name}")
        yield Option(
            path, (place.metavar,) if place else (*own, *(one.name for one in named)), item, default,
            " ".join(words.split()), POSITIONAL if place else group, place is not None,
            several and Repeated not in markers, Repeated in markers, optional, Once in markers, Holds in markers,
        )  # fmt: skip


def _plain(hint: Any) -> tuple[Any, list[Any], bool]:
    """A type without markers and None, its markers, and whether None was part of it."""
    markers: list[Any] = []
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            markers += more
        elif get_origin(hint) in (Union, UnionType) and len(get_args(hint)) == 2 and NoneType in get_args(hint):
            optional = True
            hint = next(one for one in get_args(hint) if one is not NoneType)
        else:
            return hint, markers, optional


def _item(hint: Any, field: str) -> tuple[Any, bool]:
    """Type of one value, and whether there may be several."""
    several = get_origin(hint) is tuple and get_args(hint)[1:] == (...,)
    item = get_args(hint)[0] if several else hint
    if item in KINDS or get_origin(item) is Literal or (item is bool and not several):
        return item, several
    raise TypeError(f"{field} is of type {hint}, which no option can have")


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


# ---------------------------------------------------------------------- help from the source


def _first_paragraph(kind: Any) -> str:
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]


@cache
def field_help(kind: type[Any]) -> dict[str, str]:
    """Field -> help: the string below the field, or its entry under Attributes in the class's docstring."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(one):
            continue
        found |= _listed(one.__doc__ or "")
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            words = text.value if isinstance(text, ast.Expr) else None
            named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if named and isinstance(words, ast.Constant):
                found[field.target.id] = str(words.value)  # type: ignore[attr-defined]
    return found


def _listed(docstring: str) -> dict[str, str]:
    """The entries under Attributes of a Google docstring; `first, second: ...` is the help of both."""
    lines = inspect.cleandoc(docstring).splitlines()
    if "Attributes:" not in lines:
        return {}
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines[lines.index("Attributes:") + 1 :]:
        if line and not line.startswith("    "):
            break
        entry = re.match(r"    (\w+(?:, \w+)*): (.*)", line)
        if entry:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found
