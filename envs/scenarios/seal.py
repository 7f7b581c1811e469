"""The seal of the test: whether markets of the split "test" may be drawn in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

_open = 0  # blocks of `opened` that are under way


class SealedError(ValueError):
    """The sealed test is asked for while it is sealed, or is not what was sealed."""


@contextmanager
def opened() -> Iterator[None]:
    """A block in which the sealed test can be drawn, in this process."""
    global _open
    _open += 1
    try:
        yield
    finally:
        _open -= 1


def is_open() -> bool:
    """Whether the sealed test can be drawn now."""
    return _open > 0
