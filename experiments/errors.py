"""Errors that end a command with one sentence: bad input (exit 2), a failed check or a broken run (exit 1)."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """The user's input cannot be used; the message is one sentence with field, value, and what is accepted."""


class CheckFailed(RuntimeError):
    """The command ran, and a required condition does not hold; the message is one sentence."""


# errors of a disk that was writable when the command began
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def disk_gave_out(error: OSError) -> bool:
    """Whether the disk filled up or broke; otherwise the user named a wrong place."""
    return error.errno in _DISK_FULL


@contextmanager
def as_bad_input() -> Iterator[None]:
    """Wraps code that reads user input: ValueErrors of the package below become `BadInput`."""
    try:
        yield
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(str(error)) from error


def sentence(text: str) -> str:
    """`text` on one line, ending with a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."
