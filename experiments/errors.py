"""What ends a command early: bad input (exit 2), a check that failed or a run that broke (exit 1), in one sentence."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class BadInput(ValueError):
    """Something that the user gave cannot be used; the message is one sentence: what, its value, what is accepted."""


class CheckFailed(RuntimeError):
    """The command ran and found that something which must hold does not; the message is one sentence."""


# what a disk says that was writable when the command began
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def disk_gave_out(error: OSError) -> bool:
    """Whether the disk filled up or broke, rather than that the user named a wrong place."""
    return error.errno in _DISK_FULL


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
