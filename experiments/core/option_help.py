"""The text of --help: usage, description, and options in groups, wrapped to the terminal."""

import inspect
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import MISSING
from typing import Any

from protogov.experiments.core.options import KINDS, OPTIONS, POSITIONAL, Option

NARROWEST, WIDEST = 60, 100
MARGIN, COLUMN = 2, 27  # columns where names and help begin
LONGEST_CHOICES = 72  # on the left; more would leave a terminal of 80 columns


def terminal_width() -> int:
    """Width of the text: the terminal's, or the variable COLUMNS."""
    return min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def help_page(command: type[Any], options: Sequence[Option], program: str, width: int) -> str:
    """The help of a command.

    Args:
        command: its dataclass; the docstring is the description.
        options: of the command.
        program: the words before the options.
        width: maximum length of a line, except for a longer name or word.
    """
    needed = [option for option in options if option.positional or option.default is MISSING]
    needed.sort(key=lambda option: not option.positional)
    words = [program, *map(_usage, needed), *(["[OPTIONS]"] if len(needed) < len(options) else [])]
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    parts = [_wrapped(f"usage: {' '.join(words)}", width, "       "), *(_wrapped(one, width) for one in paragraphs)]
    present = dict.fromkeys(option.group for option in options)
    first = [POSITIONAL, OPTIONS] if POSITIONAL in present else [OPTIONS]
    for group in dict.fromkeys([*first, *present]):
        lines = [f"{group.title}:"]
        if group.about:
            lines.append(_wrapped(group.about, width, " " * MARGIN, " " * MARGIN))
        if group == OPTIONS:
            lines += _entry("-h, --help", "Print this help and exit.", width)
        for option in options:
            if option.group == group:
                lines += _entry(_head(option), _text(option), width)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _usage(option: Option) -> str:
    if not option.positional:
        return f"{option.name} {_metavar(option)}"
    if option.many:
        return f"[{option.name} ...]"
    return option.name if option.default is MISSING else f"[{option.name}]"


def _entry(head: str, text: str, width: int) -> Iterator[str]:
    """Lines of an option: names and values on the left, help to the right, or below long names."""
    lines = _wrapped(text, width - COLUMN).splitlines()
    beside = MARGIN + len(head) + 1 < COLUMN
    if beside:
        yield (" " * MARGIN + head.ljust(COLUMN - MARGIN) + "".join(lines[:1])).rstrip()
    else:
        yield from _wrapped(head, width, " " * 2 * MARGIN, " " * MARGIN).splitlines()
    yield from (" " * COLUMN + line for line in lines[1 if beside else 0 :])


def _head(option: Option) -> str:
    names = ", ".join((*option.names, *option.off_names))
    return names if option.flag or option.positional else f"{names} {_metavar(option)}"


def _metavar(option: Option) -> str:
    one = "|".join(option.choices) or KINDS[option.item].metavar
    one = "CHOICE" if _told(option) else one
    return one + "|None" * option.optional + " ..." * option.many


def _told(option: Option) -> bool:
    """Whether the help tells the choices, because the left side has none or no room for them."""
    return bool(option.choices) and (option.positional or len("|".join(option.choices)) > LONGEST_CHOICES)


def _text(option: Option) -> str:
    """The help of an option, with its choices unless the left side has them, and its default."""
    parts = [option.help[:1].upper() + option.help[1:]]
    if _told(option):
        parts.append(f"Accepted: {', '.join(option.choices)}.")
    return " ".join(part for part in (*parts, _default(option)) if part)


def _default(option: Option) -> str:
    default = option.default
    if default is MISSING:
        return "(required)"
    if default in ((), ""):
        return ""  # the help explains an empty value
    values = default if isinstance(default, tuple) else (default,)
    return f"(default: {' '.join(_shown(value) for value in values)})"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _wrapped(text: str, width: int, rest: str = "", first: str = "") -> str:
    return textwrap.fill(
        " ".join(text.split()), width, initial_indent=first, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
