"""Turns a command line into an instance of a dataclass of options, or into one sentence about its error."""

import dataclasses
import difflib
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from typing import Any, TypeVar, get_type_hints

from protogov.experiments.core.option_help import help_page, terminal_width
from protogov.experiments.core.options import KINDS, Option, options_of
from protogov.experiments.errors import BadInput

Options = TypeVar("Options")
HELP = ("-h", "--help")
NEGATIVE = re.compile(r"-(\d|\.\d|inf$)")
Words = dict[tuple[str, ...], list[str]]  # path of an option -> its words


def parse(options: type[Options], arguments: Sequence[str], program: str) -> Options:
    """An instance of the dataclass `options` from the words of a command line; --help prints and exits.

    Options and positional words may have any order. `--name value` and `--name=value` are the same, and so are dashes
    and underscores in names. An option with any number of values takes all words up to the next option.

    Raises:
        BadInput: an option is unknown, lacks its value, has an invalid value, or is missing.
    """
    known = options_of(options)
    if any(word in HELP for word in arguments):
        print(help_page(options, known, program, terminal_width()))
        raise SystemExit(0)
    try:
        given = _split(arguments, known)
        values = {option.path: _value(option, given.get(option.path)) for option in known}
    except BadInput as error:
        raise BadInput(f"{error}; see {program} --help") from None
    built: Options = _build(options, values)
    return built


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
            raise BadInput(f"{typed} has no value; {_accepted(option)}")
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


def _value(option: Option, words: list[str] | None) -> Any:
    if words is None:
        if option.default is MISSING:
            raise BadInput(f"{option.name} is missing")
        return option.default
    values = tuple(_read(option, word) for word in words)
    return values if option.many or option.repeated else values[0]


def _read(option: Option, word: str) -> Any:
    """One value of the option's type.

    Raises:
        BadInput: the word is not a value; the sentence has option, word and what is accepted.
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
    raise BadInput(f"{option.name} is {word!r}; {_accepted(option)}")


def _accepted(option: Option) -> str:
    """The end of a sentence: what the option accepts."""
    if option.choices:
        return f"{', '.join((*option.choices, *(['None'] * option.optional)))} are accepted"
    return f"{KINDS[option.item].accepted}{' or None' * option.optional} is accepted"


def _build(kind: type[Any], values: Mapping[tuple[str, ...], Any], above: tuple[str, ...] = ()) -> Any:
    """The dataclass of these values, with those nested in it."""
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
