"""The compiled entry points over the rows of a batch, and their cache.

Only this file caches. numba's own cache checks only the file of the entry point. After a change in a called function
it would run old physics. Each entry point therefore closes over a digest of all sources: the value of a closure cell is
part of the cache key. Called functions are globals, never cells: a pickled dispatcher has a new identity in each
process, and a cell with one would never match the cache. If the cache is damaged, the disk is full or no folder is
writable, the run still goes on: see `KernelCache`.
"""

import hashlib
import logging
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps

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
from protogov.envs.world.interventions import lay_beside
from protogov.envs.world.ledger import check_books
from protogov.envs.world.observe import normalise, observe_accounts, observe_surface, observe_venue, observe_world
from protogov.envs.world.opening import open_world
from protogov.envs.world.parameters import PARAMS
from protogov.envs.world.records import fill_controls, fill_record
from protogov.envs.world.sources import digest_of, edited
from protogov.envs.world.state import EVENT, MAX_VENUES, TAPE, world_dtypes
from protogov.envs.world.step import begin_decision, run_hour
from protogov.envs.world.welfare import TERMS, settle_terms

BOOK_TOLERANCE = 1e-9  # of gross flow
WHOLE, BEGIN, HOUR, END = range(4)  # a decision, or a part of it: see `hour_by_hour.py` in the folder above

KEPT: list[Any] = []  # every kernel that `keep_compiled` made
UNCACHED: list[str] = []  # why this process could not store compiled code, each reason once

log = logging.getLogger("protogov")


class Kernels(NamedTuple):
    """Entry points for one capacity of venues."""

    reset_range: Callable[..., None]
    step_range: Callable[..., int]
    copy_events: Callable[..., None]


def source_digest(*folders: str) -> str:
    """Digest of all Python sources under `folders` (default: this folder), numba's version and the compile options.

    They are digested as this process imported them: see ``sources.py``.
    """
    versions = f"{numba.__version__} {np.__version__} {sorted(OPTIONS.items())}"
    return digest_of(folders or (str(Path(__file__).parent),), versions)


class _SealedResults(CompileResultCacheImpl):
    """A compiled kernel in a file, preceded by a digest of itself, its sources and its processor.

    numba finds the file by a number in an index. The digest stops two kinds of files from running: those changed on the
    disk, and those that other sources left under the same number when the disk was full.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._version = (function.__closure__ or ())[0].cell_contents

    def _seal(self, data: bytes, codegen: Any) -> bytes:
        return hashlib.sha256(f"{self._version} {codegen.magic_tuple()}".encode() + data).digest()

    def reduce(self, cres: Any) -> tuple[bytes, bytes]:
        data = dumps(super().reduce(cres))
        return self._seal(data, cres.codegen), data

    def rebuild(self, target_context: Any, payload: tuple[bytes, bytes]) -> Any:
        seal, data = payload
        if seal != self._seal(data, target_context.codegen()):
            raise ValueError("its digest is another")
        return super().rebuild(target_context, pickle.loads(data))


class KernelCache(FunctionCache):
    """numba's cache of one kernel, without errors: unreadable code is compiled again, unstored code still runs.

    Kernels are stored in `NUMBA_CACHE_DIR` if that is set, else beside the sources, else in the user's cache folder.
    A process whose sources were edited since it imported them stores nothing: nobody knows of which text its code is.
    """

    _impl_class = _SealedResults

    def holds(self, signature: tuple[Any, ...], target_context: Any) -> bool:
        """Whether the index has an entry for these argument types. The file of the kernel is not opened."""
        try:
            return self._index_key(signature, target_context.codegen()) in self._cache_file._load_index()
        except Exception:  # a damaged pickle can raise any exception
            return False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled kernel for these argument types; None if there is none that may run."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:  # unreadable; `save_overload` reports the reason
            return None
        except Exception as error:
            log.warning("protogov: compiled code in %s is damaged (%s); it is made again.", self.cache_path, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled kernel if its sources are still what was imported, and if the disk allows it."""
        changed = edited(self._impl._version)
        if changed is not None:
            _warn_once(f"{changed} was edited after this process imported it, so what it compiles is not stored")
            return
        try:
            try:
                super().save_overload(sig, data)
            except OSError:
                raise
            except Exception:  # the index is damaged too
                self.flush()
                super().save_overload(sig, data)
        except OSError as error:
            _warn_uncached(f"{self.cache_path} takes no compiled code ({error.strerror})")


def _warn_uncached(reason: str) -> None:
    """Warn once that every process will compile for itself, and name the cure."""
    _warn_once(reason, ", so every start compiles anew; NUMBA_CACHE_DIR may name another folder")


def _warn_once(reason: str, cure: str = "") -> None:
    if reason not in UNCACHED:
        UNCACHED.append(reason)
        log.warning("protogov: %s%s.", reason, cure)


def keep_compiled(function: Callable[..., Any]) -> Any:
    """`function`, compiled on its first call and cached. Its only closure cell must be a digest of its sources."""
    kernel = njit(nogil=True, **OPTIONS)(function)
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        try:
            kernel._cache = KernelCache(function)
        except RuntimeError:
            _warn_uncached("no folder for compiled code can be written into")
        KEPT.append(kernel)
    return kernel


@compiled
def fill_observation(world, world_features, world_flat, venue_features, venue_flat, obs, params):
    """Features of one world in physical units, and the same normalised in one row with one block per venue.

    A block has the features of the outside market, as the venue's oracle shows it, and then those of the venue. The
    groups `surface` and `accounts` are filled if the world shows them; otherwise their columns stay zero.
    """
    market, width = world_flat.shape[1], world_flat.shape[1] + venue_flat.shape[1]
    for v in range(world.num_venues):
        venue, features = world.venues[v], venue_features[v]
        observe_world(world, venue, world_features[v], params[v])
        normalise(world_flat[v], WORLD_SCALE, WORLD_SYMLOG, obs, v * width, 0, market)
        flat, offset = venue_flat[v], v * width + market
        observe_venue(world, venue, features, params[v])
        normalise(flat, VENUE_SCALE, VENUE_SYMLOG, obs, offset, 0, SURFACE_AT)
        if world.shows_surface:
            observe_surface(world, venue, features, params[v])
            normalise(flat, VENUE_SCALE, VENUE_SYMLOG, obs, offset, SURFACE_AT, ACCOUNTS_AT)
        if world.shows_accounts:
            observe_accounts(venue, features)
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
        records, events, interventions, logs, part, start, stop,
    ):  # fmt: skip
        version = digest  # noqa: F841
        bad = -1
        log = logs[0]
        for i in range(start, stop):
            world = worlds[i]
            lay_beside(log, interventions, i)
            if part == WHOLE or part == BEGIN:
                begin_decision(world, actions[i], params[i])
            for position in range(world.step_events):  # of the hours before; the log is another world's by now
                log.rows[position] = events[i, position]
            left = min(world.decision_hours - world.step_hours, world.length - world.hour)
            if part == BEGIN or part == END:
                left = 0
            elif part == HOUR:
                left = min(left, 1)
            for _ in range(left):
                run_hour(world, tape[i], log, params[i])
            for position in range(world.step_events):
                events[i, position] = log.rows[position]
            if part == WHOLE or part == END:
                for v in range(world.num_venues):
                    settle_terms(world, world.venues[v], world.step_hours, terms[i, v], params[i, v])
                    fill_controls(world.venues[v], controls[i, v])
                    fill_record(world, world.venues[v], v, log, records[i, v])
                fill_observation(
                    world, world_features[i], world_flat[i], venue_features[i], venue_flat[i], obs[i], params[i]
                )
            # written this way because it also catches a residual that is not finite
            if bad < 0 and not world.book_error <= BOOK_TOLERANCE:
                bad = i
        return bad

    def copy_events(events, counts, out):
        version = digest  # noqa: F841
        for i in range(counts.shape[0]):
            for position in range(counts[i]):
                out[i, position] = events[i, position]

    return Kernels(keep_compiled(reset_range), keep_compiled(step_range), keep_compiled(copy_events))


@cache
def books_kernel() -> Callable[..., int]:
    """Counts the books of rows start to stop of `worlds` again; the first that do not balance, or -1."""
    digest = f"books {source_digest()}"

    def check_range(worlds, start, stop):
        version = digest  # noqa: F841
        for i in range(start, stop):
            check_books(worlds[i])
            if not worlds[i].book_error <= BOOK_TOLERANCE:
                return i
        return -1

    return keep_compiled(check_range)


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
    "KEPT",
    "PARAMS",
    "TAPE",
    "TERMS",
    "UNCACHED",
    "VENUE_DTYPE",
    "WORLD_DTYPE",
    "KernelCache",
    "Kernels",
    "keep_compiled",
    "kernels",
    "source_digest",
    "world_dtypes",
]
