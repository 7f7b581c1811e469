"""The compiled entry points over rows of a batch, and their cache.

Only this file caches. numba's own cache looks at the entry point's file alone and would run stale physics after a
change in
a callee, so each entry point closes over a digest of all sources: the value of a closure cell is part of the cache key.
Callees are globals, never cells, because a pickled dispatcher carries a fresh identity and would defeat the cache.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from numba import njit

from protogov.envs.world.compiled import OPTIONS, compiled
from protogov.envs.world.features import (
    ACCOUNTS_AT,
    SURFACE_AT,
    VENUE_COLUMNS,
    VENUE_DTYPE,
    VENUE_SCALE,
    VENUE_SYMLOG,
    WORLD_DTYPE,
    WORLD_SCALE,
    WORLD_SYMLOG,
)
from protogov.envs.world.observe import normalise, observe_accounts, observe_surface, observe_venue, observe_world
from protogov.envs.world.opening import open_world
from protogov.envs.world.parameters import PARAMS
from protogov.envs.world.records import fill_controls, fill_record
from protogov.envs.world.state import EVENT, MAX_VENUES, TAPE, world_dtypes
from protogov.envs.world.step import run_decision
from protogov.envs.world.welfare import TERMS, settle_terms

BOOK_TOLERANCE = 1e-9  # of gross flow


class Kernels(NamedTuple):
    """Entry points for one capacity of venues."""

    reset_range: Callable[..., None]
    step_range: Callable[..., int]
    copy_events: Callable[..., None]


@cache
def source_digest(*folders: str) -> str:
    """Digest of all Python sources under `folders` (default: this one), the numba version and the compile options."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sorted(OPTIONS.items())}".encode())
    for folder in folders or (str(Path(__file__).parent),):
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@compiled
def fill_observation(world, world_features, world_flat, venue_features, venue_flat, obs, p):
    """Features of one world in physical units, and the same normalised in one row: world first, then each venue.

    The groups `surface` and `accounts` are filled where the world shows them; elsewhere their columns stay zero.
    """
    observe_world(world, world_features, p)
    normalise(world_flat, WORLD_SCALE, WORLD_SYMLOG, obs, 0, 0, world_flat.shape[0])
    for v in range(world.num_venues):
        venue, features = world.venues[v], venue_features[v]
        flat, offset = venue_flat[v], world_flat.shape[0] + v * venue_flat.shape[1]
        observe_venue(world, venue, features, p)
        normalise(flat, VENUE_SCALE, VENUE_SYMLOG, obs, offset, 0, SURFACE_AT)
        if world.shows_surface:
            observe_surface(world, venue, features, p)
            normalise(flat, VENUE_SCALE, VENUE_SYMLOG, obs, offset, SURFACE_AT, ACCOUNTS_AT)
        if world.shows_accounts:
            observe_accounts(world, venue, features)
            normalise(flat, VENUE_SCALE, VENUE_SYMLOG, obs, offset, ACCOUNTS_AT, VENUE_COLUMNS)


def _build(digest: str) -> Kernels:
    def reset_range(
        worlds, params, tape, world_features, world_flat, venue_features, venue_flat, obs, controls, rows, drawn
    ):
        version = digest  # noqa: F841  the cell is part of the cache key
        for k in range(rows.shape[0]):
            i = rows[k]
            for hour in range(tape.shape[1]):
                tape[i, hour] = drawn[k, hour]
            open_world(worlds[i], tape[i], params[i])
            fill_observation(
                worlds[i], world_features[i], world_flat[i], venue_features[i], venue_flat[i], obs[i], params[i]
            )
            for v in range(worlds[i].num_venues):
                fill_controls(worlds[i].venues[v], controls[i, v])

    def step_range(
        worlds, params, tape, actions, world_features, world_flat, venue_features, venue_flat, obs, controls, terms,
        records, events, logs, start, stop,
    ):  # fmt: skip
        version = digest  # noqa: F841
        bad = -1
        log = logs[0]
        for i in range(start, stop):
            world = worlds[i]
            p = params[i]
            hours = run_decision(world, tape[i], actions[i], log, p)
            for v in range(world.num_venues):
                settle_terms(world, world.venues[v], hours, terms[i, v], p)
                fill_controls(world.venues[v], controls[i, v])
                fill_record(world, world.venues[v], v, log, records[i, v])
            for position in range(world.step_events):
                events[i, position] = log.rows[position]
            fill_observation(world, world_features[i], world_flat[i], venue_features[i], venue_flat[i], obs[i], p)
            # a comparison that also catches a non-finite residual
            if bad < 0 and not world.book_error <= BOOK_TOLERANCE:
                bad = i
        return bad

    def copy_events(events, counts, out):
        version = digest  # noqa: F841
        for i in range(counts.shape[0]):
            for position in range(counts[i]):
                out[i, position] = events[i, position]

    entry = njit(cache=True, nogil=True, **OPTIONS)
    return Kernels(entry(reset_range), entry(step_range), entry(copy_events))


@cache
def kernels(num_venues: int) -> Kernels:
    """The entry points for worlds with capacity for `num_venues` venues; each capacity compiles once.

    Raises:
        ValueError: `num_venues` is not 1 or 2.
    """
    if not 1 <= num_venues <= MAX_VENUES:
        raise ValueError(f"venues = {num_venues!r} must be between 1 and {MAX_VENUES}.")
    return _build(f"{source_digest()} {num_venues}")


__all__ = [
    "BOOK_TOLERANCE",
    "EVENT",
    "PARAMS",
    "TAPE",
    "TERMS",
    "VENUE_DTYPE",
    "WORLD_DTYPE",
    "Kernels",
    "kernels",
    "source_digest",
    "world_dtypes",
]
