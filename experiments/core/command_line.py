"""Turns a command line into an instance of a dataclass of options, or into one sentence that states what is wrong.

One of the options may name a file with values of the others (`configuration`). A typed value replaces that of the file.
"""

import dataclasses
import difflib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from typing import Any, NamedTuple, TypeVar, get_type_hints

from protogov.experiments.core.configuration import FromFile, read_file
from protogov.experiments.core.option_help import help_page, terminal_width
from protogov.experiments.core.options import KINDS, Option, options_of
from protogov.experiments.errors import BadInput

Options = TypeVar("Options")
HELP = ("-h", "--help")
NEGATIVE = re.compile(r"-(\d|\.\d|inf$)")
Words = dict[tuple[str, ...], list[str]]  # path of an option -> its words


class Chosen(NamedTuple):
    """The options of a command line, and the file that gave some of them."""

    options: Any
    file: FromFile | None


def parse(options: type[Options], arguments: Sequence[str], program: str) -> Options:
    """Only the options of `choose`."""
    chosen: Options = choose(options, arguments, program).options
    return chosen


def choose(options: type[Any], arguments: Sequence[str], program: str) -> Chosen:
    """An instance of the dataclass `options` from the words of a command line; --help prints and exits.

    Options and positional words may have any order. `--name value` and `--name=value` are the same. So are dashes and
    underscores in names. An option with any number of values takes all words up to the next option.

    Raises:
        BadInput: an option is unknown, lacks its value, has an unreadable value, or is missing. For an option in
            the file of options, the sentence names the file.
    """
    known = options_of(options)
    if any(word in HELP for word in arguments):
        print(help_page(options, known, program, terminal_width()))
        raise SystemExit(0)
    try:
        given = _split(arguments, known)
        file = _file_of(known, given)
        stored = {} if file is None else file.values
        values = {option.path: _value(option, given.get(option.path), stored) for option in known}
    except BadInput as error:
        raise BadInput(f"{error}; see {program} --help") from None
    try:
        return Chosen(_build(options, values), file)
    except BadInput as error:
        raise (error if file is None else file.blamed(error)) from None


def _file_of(known: Sequence[Option], given: Words) -> FromFile | None:
    """The values in the file of options that were not typed as well."""
    for option in known:
        path = _value(option, given.get(option.path), {}) if option.holds else None
        if path is not None:
            return read_file(path, known).without(given)
    return None


def _split(arguments: Sequence[str], known: Sequence[Option]) -> Words:
    """The words of each option; a flag gets "yes" or "no"."""
    by_name = {name: option for option in known if not option.positional for name in (*option.names, *option.off_names)}
    given: Words = {}
    places: list[str] = []
    words = deque(arguments)
    while words:
        word = words.popleft()
        if not _is_name(word):
            places.append(word)
            continue
        typed, sign, value = word.partition("=")
        name = typed.replace("_", "-")
        option = by_name.get(name)
        if option is None:
            near = difflib.get_close_matches(name, by_name, 1, 0.75)
            raise BadInput(f"{typed} is not an option" + (f", did you mean {near[0]}" if near else ""))
        if option.flag:
            if sign:
                raise BadInput(f"{typed} is given {value!r}; it takes no value")
            given[option.path] = ["no" if name in option.off_names else "yes"]
            continue
        found = [value] if sign else []
        while words and not _is_name(words[0]) and (option.many or not found):
            found.append(words.popleft())
        given[option.path] = [*given.get(option.path, []), *found] if option.repeated else found
        if not found and not option.many:
            raise BadInput(f"{typed} has no value; {option.accepted}")
    return given | _placed(places, [option for option in known if option.positional])


def _is_name(word: str) -> bool:
    """Whether a word is an option; a negative number is a value."""
    return word.startswith("-") and word != "-" and NEGATIVE.match(word) is None


def _placed(words: Sequence[str], positional: Sequence[Option]) -> Words:
    """Assign words without an option: one to each positional in turn, all remaining ones to one that takes many."""
    given: Words = {}
    for option in positional:
        taken = words if option.many else words[:1]
        words = words[len(taken) :]
        if taken:
            given[option.path] = list(taken)
    if words:
        raise BadInput(f"{words[0]!r} is given and fits no option")
    return given


def _value(option: Option, words: list[str] | None, stored: Mapping[tuple[str, ...], Any]) -> Any:
    """The typed value, else the value in a file, else the default."""
    if words is None and option.path in stored:
        return stored[option.path]
    if words is None:
        if option.default is MISSING:
            raise BadInput(f"{option.name} is missing")
        return option.default
    values = tuple(_read(option, word) for word in words)
    return values if option.many or option.repeated else values[0]


def _read(option: Option, word: str) -> Any:
    """One value of the option's type.

    Raises:
        BadInput: the word is not a value. The sentence has the option, the word and what is accepted.
    """
    if option.flag:
        return word == "yes"
    if option.optional and word == "None":
        return None
    if word in option.choices:
        return word
    try:
        if not option.choices:
            return KINDS[option.item].read(word)
    except ValueError:
        pass
    raise BadInput(f"{option.name} is {word!r}; {option.accepted}")


def _build(kind: type[Any], values: Mapping[tuple[str, ...], Any], above: tuple[str, ...] = ()) -> Any:
    """The dataclass with these values, including nested dataclasses."""
    hints = get_type_hints(kind)
    made = {}
    for field in dataclasses.fields(kind):
        path = (*above, field.name)
        if path in values:
            made[field.name] = values[path]
        elif field.init:
            made[field.name] = _build(hints[field.name], values, path)
    try:
        return kind(**made)
    except ValueError as error:  # a dataclass that checks itself
        raise BadInput(str(error)) from None
