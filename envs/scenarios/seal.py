"""The seal of the test: whether markets of the split "test" can be drawn in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

_open = 0  # number of `opened` blocks that have not ended


class SealedError(ValueError):
    """The sealed test was requested while it is sealed, or it differs from what was sealed."""


@contextmanager
def opened() -> Iterator[None]:
    """A block inside which this process can draw the sealed test."""
    global _open
    _open += 1
    try:
        yield
    finally:
        _open -= 1


def is_open() -> bool:
    """Whether the sealed test can be drawn now."""
    return _open > 0
