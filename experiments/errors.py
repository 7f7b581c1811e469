"""What ends a command early: bad input (exit 2) and a check that failed (exit 1), each told in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """Something that the user gave cannot be used; the message is one sentence: what, its value, what is accepted."""


class CheckFailed(RuntimeError):
    """The command ran and found that something which must hold does not; the message is one sentence."""


@contextmanager
def as_bad_input() -> Iterator[None]:
    """Around code that reads what the user gave: the ValueErrors of the package below become `BadInput`."""
    try:
        yield
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(str(error)) from error


def sentence(text: str) -> str:
    """`text` on one line, ending in a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."
