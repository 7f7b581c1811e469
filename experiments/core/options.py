"""Command lines from dataclasses: a field is an option, its docstring its help, its type what is accepted.

argparse splits the words and prints the help; values are read and refused here, so that a complaint is one sentence
with the option, what was given and what is accepted. Types: str, int, float, bool, Path, Literal, X | None,
tuple[X, ...], and dataclasses of these, whose options carry the field's name and a dot. Markers in Annotated:

    names: Annotated[tuple[str, ...], Positional("NAMES")] = ()    words without an option
    levers: Annotated[tuple[str, ...], Repeated] = ()              --levers a=1 --levers b=2
    member: Annotated[str, Named("--member")] = ""                 another name for --world.member
    member: Annotated[str, Help("World of the ensemble.")] = ""    where the help stands with the type
"""

import argparse
import ast
import dataclasses
import difflib
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from protogov.experiments.errors import BadInput

Options = TypeVar("Options")
WORDS = {int: "a whole number", float: "a number", str: "a word", Path: "a path", bool: "true or false"}
METAVARS = {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True)
class Positional:
    """A field that is given by its place; `metavar` names it in the help."""

    metavar: str


@dataclass(frozen=True)
class Named:
    """A second name of an option, with its dashes."""

    name: str


@dataclass(frozen=True)
class Help:
    """Help that stands with the type, for an option of several commands."""

    text: str


class Repeated:
    """A tuple whose option is given once for each value."""


@dataclass(frozen=True)
class Option:
    """One option of a command line.

    Attributes:
        path: names of the fields that lead to it.
        kind: its type, without markers and None.
        markers: of `Annotated`.
        default: MISSING where it must be given.
        help: a sentence or two.
        optional: whether None is a value.
    """

    path: tuple[str, ...]
    kind: Any
    markers: tuple[Any, ...]
    default: Any
    help: str
    optional: bool

    @property
    def name(self) -> str:
        """As it is typed."""
        place = self.marker(Positional)
        return place.metavar if place else "--" + ".".join(self.path).replace("_", "-")

    @property
    def key(self) -> str:
        """As it is called in a sentence: the field's name."""
        return self.path[-1]

    @property
    def many(self) -> bool:
        """Whether it takes several values."""
        return get_origin(self.kind) is tuple

    @property
    def item(self) -> Any:
        """Type of one value."""
        return get_args(self.kind)[0] if self.many else self.kind

    def marker(self, kind: type[Any]) -> Any:
        """Its marker of that kind; None without one."""
        return next((one for one in self.markers if one is kind or isinstance(one, kind)), None)


def parse(options: type[Options], arguments: Sequence[str], program: str) -> Options:
    """An instance of the dataclass `options` from the words of a command line; --help prints and exits.

    Raises:
        BadInput: an option is unknown, lacks its value, has one that cannot be read, or must be given.
    """
    known = list(_options(options))
    parser = _parser(options, known, program)
    try:
        found, unknown = parser.parse_known_args(_joined(arguments, known))
    except argparse.ArgumentError as error:
        raise BadInput(f"{error.argument_name}: {error.message}; see {program} --help") from None
    if unknown:
        raise BadInput(f"{_unknown(unknown[0], known)}; see {program} --help")
    values = {option.path: _value(option, getattr(found, ".".join(option.path)), program) for option in known}
    built: Options = _build(options, values, ())
    return built


def _options(kind: type[Any], above: tuple[str, ...] = ()) -> Iterator[Option]:
    hints, texts = get_type_hints(kind, include_extras=True), field_help(kind)  # type: ignore[arg-type]
    for spec in dataclasses.fields(kind):
        if not spec.init:
            continue
        hint, markers = hints[spec.name], []
        while get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            markers += more
        optional = get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)
        if optional:
            hint = next(one for one in get_args(hint) if one is not NoneType)
        path = (*above, spec.name)
        if dataclasses.is_dataclass(hint):
            nested = spec.default_factory() if spec.default_factory is not MISSING else spec.default
            for option in _options(hint, path):  # type: ignore[arg-type]
                own = getattr(nested, option.key) if len(option.path) == len(path) + 1 else option.default
                yield dataclasses.replace(option, default=own)
            continue
        default = spec.default_factory() if spec.default_factory is not MISSING else spec.default
        said = next((one.text for one in markers if isinstance(one, Help)), texts.get(spec.name, ""))
        yield Option(path, hint, tuple(markers), default, " ".join(said.split()), optional)


class _Parser(argparse.ArgumentParser):
    """Leaves what is wrong to `parse`."""

    def error(self, message: str) -> NoReturn:
        raise argparse.ArgumentError(None, message)


def _parser(options: type[Any], known: Sequence[Option], program: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program, description=inspect.cleandoc(options.__doc__ or ""), exit_on_error=False, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    groups: dict[tuple[str, ...], Any] = {(): parser.add_argument_group("options")}
    for option in known:
        dest, above = ".".join(option.path), option.path[:-1]
        if option.marker(Positional):
            parser.add_argument(dest, nargs="*", metavar=option.name, help=_help(option), default=None)
            continue
        if above not in groups:
            groups[above] = parser.add_argument_group(f"{' '.join(above)} options")
        names = [option.name, *(one.name for one in option.markers if isinstance(one, Named))]
        if option.kind is bool:
            names += ["--no-" + option.name[2:]] if option.default is True else []
            how: dict[str, Any] = {"nargs": 0, "action": _Flag}
        elif option.marker(Repeated):
            how = {"action": "append", "metavar": "TEXT"}
        else:
            how = {"nargs": "*" if option.many else 1, "metavar": _metavar(option)}
        groups[above].add_argument(*names, dest=dest, default=None, help=_help(option), **how)
    return parser


class _Flag(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, ["false" if (option_string or "").startswith("--no-") else "true"])


def _joined(arguments: Sequence[str], known: Sequence[Option]) -> list[str]:
    """Underscores in names become dashes, so that both can be typed; a negative number is no option."""
    names = {option.name for option in known}
    words = []
    for word in arguments:
        head, sign, value = word.partition("=")
        dashed = head.replace("_", "-") if head.startswith("--") else head
        number = re.fullmatch(r"-(\d|\.\d|inf).*", word)
        # argparse takes what begins with a space for a value
        words.append(f" {word}" if number else dashed + sign + value if dashed in names else word)
    return words


def _unknown(word: str, known: Sequence[Option]) -> str:
    """What is said of a word that fits nowhere."""
    if not word.startswith("-"):
        return f"{word!r} is given and fits no option"
    head = word.partition("=")[0]
    near = difflib.get_close_matches(head, [option.name for option in known], 1)
    return f"{head} is no option" + (f", did you mean {near[0]}" if near else "")


def _value(option: Option, given: list[str] | None, program: str) -> Any:
    if given is None or (option.marker(Positional) and not given):
        if option.default is MISSING:
            raise BadInput(f"{option.name} is missing; see {program} --help")
        return option.default
    if option.many:
        return tuple(_read(option, text) for text in given)
    if len(given) != 1:
        raise BadInput(f"{option.name} gives {' '.join(given)!r}; one value is accepted")
    if option.optional and given[0] == "None":
        return None
    return _read(option, given[0])


def _read(option: Option, text: str) -> Any:
    """A value of the option's type.

    Raises:
        BadInput: it is none; the sentence has the option, the text and what is accepted.
    """
    kind = option.item
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise BadInput(f"{option.name} is {text!r}; {', '.join(map(str, get_args(kind)))} are accepted")
        return text
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        raise BadInput(f"{option.name} is {text!r}; {WORDS[kind]} is accepted") from None


def _build(kind: type[Any], values: dict[tuple[str, ...], Any], above: tuple[str, ...]) -> Any:
    hints = get_type_hints(kind)
    made = {}
    for spec in dataclasses.fields(kind):
        path = (*above, spec.name)
        if path in values:
            made[spec.name] = values[path]
        elif spec.init and dataclasses.is_dataclass(hints[spec.name]):
            made[spec.name] = _build(hints[spec.name], values, path)
    try:
        return kind(**made)
    except ValueError as error:  # a dataclass that checks itself
        raise BadInput(str(error)) from None


# ---------------------------------------------------------------------- help


def _metavar(option: Option) -> str:
    kind = option.item
    return "|".join(map(str, get_args(kind))) if get_origin(kind) is Literal else METAVARS[kind]


def _help(option: Option) -> str:
    default = option.default
    if default is MISSING:
        more = " (required)"
    elif default in (None, (), "", False):
        more = ""
    else:
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        more = f" (default: {shown})"
    return (option.help + more).replace("%", "%%")


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
            said = text.value if isinstance(text, ast.Expr) else None
            named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if named and isinstance(said, ast.Constant):
                found[field.target.id] = str(said.value)  # type: ignore[attr-defined]
    return found


def _listed(docstring: str) -> dict[str, str]:
    """The entries under Attributes of a Google docstring."""
    lines = inspect.cleandoc(docstring).splitlines()
    if "Attributes:" not in lines:
        return {}
    found: dict[str, str] = {}
    name = ""
    for line in lines[lines.index("Attributes:") + 1 :]:
        if line and not line.startswith("    "):
            break
        entry = re.match(r"    (\w+(?:, \w+)*): (.*)", line)
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name:
            found[name] += " " + line.strip()
    return found
