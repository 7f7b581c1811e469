"""Governors that do not learn, on seats of a batch of worlds: made from names, copied with rows.

The function given to `register_governors` makes a governor from a name or a path; `plugins.py` says who gives it.
"""

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from protogov.envs.config import ConfigError, WorldConfig
from protogov.envs.interfaces import Governor, RoleView
from protogov.envs.memory import pack, pick_rows, unpack
from protogov.envs.plugins import load_entry_points
from protogov.envs.roles import Agent


class MakeGovernor(Protocol):
    """Makes a governor from a name or a path."""

    def __call__(self, source: str, seat: Agent, world: WorldConfig, *, seed: int) -> Governor:
        """A fresh governor.

        Args:
            source: a name, or the path of a policy.
            seat: to govern.
            world: configuration of its world.
            seed: of its randomness.

        Raises:
            ValueError: it is unknown or does not fit seat and world; the message says what is accepted.
        """
        ...


_makers: list[MakeGovernor] = []  # at most one


def register_governors(make: MakeGovernor) -> None:
    """Set the maker of background governors from names and paths; importing `protogov.agents` does this."""
    _makers[:] = [make]


def seat_seed(name: str) -> int:
    """Seed of a named governor of a seat; two governors of one kind thus draw different numbers."""
    return crc32(name.encode())


class Background:
    """The governors on the background seats of a batch of worlds.

    Each belongs to this batch: made from its name or path, or a deep copy of the object in the configuration.

    Args:
        config: of the worlds.
        num_worlds: rows of the batch.

    Raises:
        ConfigError: a governor is unknown, does not fit its seat, or cannot be copied; the message names the seat.
    """

    def __init__(self, config: WorldConfig, num_worlds: int) -> None:
        seats = {seat.name: seat for seat in config.seats()}
        self.num_worlds = num_worlds
        self.governors: dict[str, Governor] = {}
        self.digests: dict[str, str] = {}  # digests of policy files
        for name, source in config.background.items():
            if source is not None:
                self.governors[name] = _governor(source, seats[name], config)
                if isinstance(source, str) and Path(source).is_file():
                    self.digests[name] = hashlib.sha256(Path(source).read_bytes()).hexdigest()

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start episodes in rows I64[m], keyed by U64[m]."""
        for governor in self.governors.values():
            governor.reset(rows, seeds.copy())

    def act(self, views: Mapping[str, RoleView]) -> dict[str, NDArray[np.float32]]:
        """Actions of all background governors in this decision, F32[n, levers] by seat."""
        return {name: governor.act(views[name]) for name, governor in self.governors.items()}

    def take_over(self, other: "Background", rows: NDArray[np.int64] | None) -> None:
        """Copy the memory of `other` for its rows I64[m]; nothing if they were never reset.

        Raises:
            ValueError: a state whose arrays do not have one row per world.
        """
        self.digests = dict(other.digests)
        if rows is None:
            return
        for name, governor in other.governors.items():
            whose = f"the state_dict of the background governor of {name}"
            self.governors[name].load_state_dict(pick_rows(governor.state_dict(), rows, other.num_worlds, whose))

    def packed(self, arrays: list[NDArray[Any]]) -> dict[str, Any]:
        """The content for a snapshot, as JSON; arrays are appended to `arrays`.

        Raises:
            TypeError: a state that cannot be kept without pickling.
        """
        states = {
            name: pack(governor.state_dict(), arrays, f"the state_dict of the background governor of {name}")
            for name, governor in self.governors.items()
        }
        return {"states": states, "digests": self.digests}

    def load(self, packed: Mapping[str, Any], arrays: list[NDArray[Any]]) -> None:
        """Continue from `packed`; see `changed`."""
        states = {name: unpack(state, arrays) for name, state in packed["states"].items()}
        for name, state in states.items():
            self.governors[name].load_state_dict(state)

    def changed(self, packed: Mapping[str, Any]) -> str:
        """A seat whose governor differs from the packed one, or None."""
        names = {*self.governors, *packed["states"]}
        return next(
            (
                name
                for name in sorted(names)
                if (name in self.governors) != (name in packed["states"])
                or self.digests.get(name) != packed["digests"].get(name)
            ),
            "",
        )


def _governor(source: Any, seat: Agent, config: WorldConfig) -> Governor:
    if not isinstance(source, str):
        try:
            copy: Governor = deepcopy(source)
        except Exception as error:  # its parts may raise anything
            raise ConfigError(
                f"background[{seat.name!r}] is a {type(source).__name__} that cannot be copied ({error}); every batch "
                "of worlds needs its own."
            ) from error
        return copy
    load_entry_points()
    if not _makers:
        raise ConfigError(
            f"background[{seat.name!r}] = {source!r} is a name or a path, and no governors are registered; import "
            "protogov.agents, or install protogov again."
        )
    try:
        return _makers[0](source, seat, config, seed=seat_seed(seat.name))
    except ValueError as error:
        raise ConfigError(f"background[{seat.name!r}] = {source!r}: {error}") from error
