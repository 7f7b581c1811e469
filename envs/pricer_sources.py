"""Pricers of option pools as a configuration names them: read, made, described, and their memory in snapshots.

The function given to `register_pricers` makes a pricer from a name or a path, as `register_governors` has one for
governors.
"""

import os
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.envs.memory import pack, unpack
from protogov.envs.plugins import load_entry_points
from protogov.envs.pricer import Pricer, Remembering

METHODS = ("anchors", "fork")


class MakePricer(Protocol):
    """Makes a pricer from a name or a path."""

    def __call__(self, source: str, venue: int) -> Pricer:
        """A fresh pricer of a venue's option pool.

        Raises:
            ValueError: it is unknown or damaged; the message says what is accepted.
        """
        ...


_makers: list[MakePricer] = []  # at most one


def register_pricers(make: MakePricer) -> None:
    """Set the maker of pricers from names and paths; importing `protogov.agents` does this."""
    _makers[:] = [make]


def read_pricers(given: Any, venues: int) -> dict[int, Any]:
    """Pricers by venue, as a configuration keeps them: names and paths as strings, other objects as they are.

    Args:
        given: number of a venue, as in JSON also as a string -> name, path or pricer.
        venues: of the world.

    Raises:
        ValueError: another venue or something else; the message says what is accepted.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"pricers = {given!r} must be a mapping from venues to pricers.")
    known = {str(venue): venue for venue in range(venues)}
    found = {}
    for key, value in given.items():
        if isinstance(key, bool) or str(key) not in known:
            raise ValueError(f"pricers names venue {key!r}; 0 to {venues - 1} are accepted.")
        source = os.fspath(value) if isinstance(value, os.PathLike) else value
        whole = not isinstance(source, type) and all(callable(getattr(source, name, None)) for name in METHODS)
        if not whole and not (isinstance(source, str) and source):
            raise ValueError(
                f"pricers[{key}] = {value!r} must be a pricer's name, the path of a pricer_<name>.json file, or an "
                f"object with {' and '.join(METHODS)}."
            )
        found[known[str(key)]] = source
    return found


def make_pricers(sources: Mapping[int, Any], *, copied: bool) -> dict[int, Pricer]:
    """The pricers of a batch of worlds.

    Args:
        sources: result of `read_pricers`.
        copied: take copies of objects, because other batches have them too.

    Raises:
        ValueError: a name or a file is unknown, or an object cannot be copied; the message names the venue.
    """
    return {venue: _pricer(source, venue, copied) for venue, source in sources.items()}


def _pricer(source: Any, venue: int, copied: bool) -> Pricer:
    if not isinstance(source, str):
        try:
            own: Pricer = deepcopy(source) if copied else source
        except Exception as error:  # its parts may raise anything
            raise ValueError(
                f"pricers[{venue}] is a {type(source).__name__} that cannot be copied ({error}); every batch of worlds "
                "needs its own."
            ) from error
        return own
    load_entry_points()
    if not _makers:
        raise ValueError(
            f"pricers[{venue}] = {source!r} is a name or a path, and no pricers are registered; import "
            "protogov.agents, or install protogov again."
        )
    try:
        return _makers[0](source, venue)
    except ValueError as error:
        raise ValueError(f"pricers[{venue}] = {source!r}: {error}") from error


def described_pricers(sources: Mapping[int, Any]) -> dict[str, Any]:
    """Pricers as JSON: names and paths unchanged, an object by its class (it cannot be read back)."""
    return {
        str(venue): source
        if isinstance(source, str)
        else {"object": f"{type(source).__module__}.{type(source).__qualname__}"}
        for venue, source in sources.items()
    }


def packed_memories(pricers: Mapping[int, Pricer], arrays: list[NDArray[Any]]) -> dict[str, Any]:
    """What pricers remember, as JSON by venue; arrays are appended to `arrays`.

    Raises:
        ValueError: a pricer has no `state_dict`.
        TypeError: it holds what cannot be kept without pickling.
    """
    packed = {}
    for venue, pricer in pricers.items():
        if not isinstance(pricer, Remembering):
            raise ValueError(
                f"a snapshot has no place for the memory of pricers[{venue}], a {type(pricer).__name__} without "
                "state_dict and load_state_dict; use fork to copy worlds with it."
            )
        packed[str(venue)] = pack(pricer.state_dict(), arrays, f"the state_dict of pricers[{venue}]")
    return packed


def with_memories(
    pricers: Mapping[int, Pricer], packed: Mapping[str, Any], arrays: list[NDArray[Any]], num_worlds: int
) -> dict[int, Pricer]:
    """Copies of pricers that go on from the result of `packed_memories`.

    Raises:
        ValueError: a pricer is another one than that which was packed; the message names the venue.
    """
    if set(packed) != {str(venue) for venue in pricers}:
        raise ValueError(f"pricers of the venues {', '.join(packed) or 'none'} were packed.")
    found: dict[int, Pricer] = {}
    for venue, pricer in pricers.items():
        copy = pricer.fork(np.arange(num_worlds))
        if not isinstance(copy, Remembering):
            raise ValueError(f"pricers[{venue}] is a {type(copy).__name__} without load_state_dict.")
        try:
            copy.load_state_dict(unpack(packed[str(venue)], arrays))
        except ValueError as error:
            raise ValueError(f"pricers[{venue}]: {error}") from None
        found[venue] = copy
    return found
