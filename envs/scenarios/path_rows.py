"""Loops over the rows of a batch of paths: a compiled function of one row becomes a walk."""

from collections.abc import Callable
from math import exp, log
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from protogov.envs.scenarios.base import SOURCE_FOLDERS, Seeds, Tapes, as_seeds
from protogov.envs.scenarios.conditions import WARM_UP, fill_conditions
from protogov.envs.world.compiled import OPTIONS, compiled, uncompiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.noise import Purpose, key, normal, uniform

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

NEVER = 2**40  # an hour after which nothing changes: none that is drawn comes later
_ZERO = np.uint64(0)
_SCENARIO = np.uint64(Purpose.TAPE_SCENARIO)


class Path(NamedTuple):
    """A simulated price, hour by hour: logs relative to the walk's own origin, zeros until the walk writes them.

    In compiled code it is the path of one row, without the first axis.

    Attributes:
        close: F64[n, WARM_UP + hours + 1]; element WARM_UP is the opening, earlier elements are the past.
        high: same shape, of the hour that ends at that close; element 0 is not used.
        low: same as `high`.
        marks: I64[same]: other information of the walk about each hour, see :meth:`PathScenario.marks`.
    """

    close: Floats
    high: Floats
    low: Floats
    marks: Indices


class Past(NamedTuple):
    """The history from which the conditions of a market are computed.

    Attributes:
        log_close: F64[n, WARM_UP + hours + 1]; element WARM_UP is the opening.
        log_range: F64[same], log(high / low) of each hour.
        marks: I64[same].
        first: I64[n], index of the first known element, 0 to WARM_UP.
    """

    log_close: Floats
    log_range: Floats
    marks: Indices
    first: Indices


class Branch(NamedTuple):
    """Where the noise of paths changes: :meth:`PathScenario.resume`.

    Attributes:
        keys: U64[n], of the noise after that hour.
        hour: the last one, counted from the opening, that the paths' own keys draw.
    """

    keys: Keys
    hour: int


# ---- kernels over rows


def kernel_of(rows: Callable[[str], Any], row: Any = None) -> Any:
    """The cached kernel of a loop over rows.

    Args:
        rows: returns the loop for a version of the sources. The version must be the loop's only closure cell; it thus
            becomes part of the cache's key, see kernels.py.
        row: a compiled function, which the loop calls under the name `one_row`.

    A compiled function in a closure cell would defeat the cache. Each kernel therefore has `one_row` as a global of its
    own. A function from outside `protogov.envs` is not cached, because a change in it would not be noticed.
    """
    version = source_digest(*SOURCE_FOLDERS)
    if row is None:
        return keep_compiled(rows(version))
    function = uncompiled(row)
    loop = rows(f"{version} {function.__module__}.{function.__qualname__}")
    own = FunctionType(loop.__code__, loop.__globals__ | {"one_row": row}, loop.__name__, None, loop.__closure__)
    own.__qualname__ = f"{loop.__name__}.{function.__name__}"
    if not function.__module__.startswith("protogov.envs."):
        return njit(nogil=True, **OPTIONS)(own)
    return keep_compiled(own)


one_row: Any = None  # see `kernel_of`


def _walking(version: str) -> Any:
    def walk_rows(path: Path, origins: Floats, keys: Keys, parameters: Any) -> None:
        _ = version
        for row in range(keys.size):
            one = Path(path.close[row], path.high[row], path.low[row], path.marks[row])
            origins[row] = one_row(one, keys[row], parameters)

    return walk_rows


def _bending(version: str) -> Any:
    def bend_rows(tapes: Any, marks: Indices, keys: Keys, parameters: Any) -> None:
        _ = version
        for row in range(keys.size):
            one_row(tapes[row], marks[row], keys[row], parameters)

    return bend_rows


def over_rows(walk_row: Any) -> Callable[[Path, Keys, Any], Floats]:
    """An implementation of :meth:`SimulatedWalk.walk`, made from a compiled function of one row.

    Args:
        walk_row: `(path, key, parameters) -> log of the price [USD] at the walk's origin`. It writes the `path` of its
            row. Parameters are a tuple of records or arrays.
    """
    kernel = kernel_of(_walking, walk_row)

    def walk(path: Path, keys: Keys, parameters: Any) -> Floats:
        origins = np.empty(keys.size)
        kernel(path, origins, keys, parameters)
        return origins

    return walk


def over_rows_with_branch(walk_row: Any) -> Callable[[Path, Keys, Any, Branch | None], Floats]:
    """An implementation of :meth:`ResumableWalk.walk`, made from a compiled function of one row.

    Args:
        walk_row: `(path, key, later, last, parameters) -> log of the price [USD] at the walk's origin`. What belongs to
            element i of the path is drawn by :func:`noise_of` (key, later, last, i).
    """
    kernel = kernel_of(_resuming, walk_row)

    def walk(path: Path, keys: Keys, parameters: Any, branch: Branch | None) -> Floats:
        origins = np.empty(keys.size)
        later, last = (keys, NEVER) if branch is None else (branch.keys, WARM_UP + branch.hour)
        kernel(path, origins, keys, later, last, parameters)
        return origins

    return walk


@compiled
def noise_of(seed: np.uint64, later: np.uint64, last: int, i: int) -> np.uint64:
    """The key that draws element `i` of a path: `seed`, and `later` after element `last`."""
    return seed if i <= last else later


def _resuming(version: str) -> Any:
    def resume_rows(path: Path, origins: Floats, keys: Keys, later: Keys, last: int, parameters: Any) -> None:
        _ = version
        for row in range(keys.size):
            one = Path(path.close[row], path.high[row], path.low[row], path.marks[row])
            origins[row] = one_row(one, keys[row], later[row], last, parameters)

    return resume_rows


def bend_over_rows(bend_row: Any) -> Callable[[Tapes, Indices, Keys, Any], None]:
    """The same for :meth:`Walk.bend`: `bend_row` is `(tape, marks, key, parameters) -> None`."""
    kernel: Callable[[Tapes, Indices, Keys, Any], None] = kernel_of(_bending, bend_row)
    return kernel


def _keying(version: str) -> Any:
    def key_rows(seeds: Seeds, salt: np.uint64, keys: Keys) -> None:
        _ = version
        for row in range(seeds.size):
            keys[row] = key(seeds[row], salt)

    return key_rows


def _drawing(version: str) -> Any:
    def draw_rows(keys: Keys, purpose: np.uint64, draws: Floats) -> None:
        _ = version
        for row in range(keys.size):
            draws[row] = uniform(keys[row], _ZERO, _ZERO, _ZERO, purpose)

    return draw_rows


def _pricing(version: str) -> Any:
    def price_tapes(tapes: Any, path: Path, origins: Floats) -> None:
        _ = version
        for row in range(origins.size):
            origin = origins[row]
            for hour in range(tapes.shape[1]):
                i = WARM_UP + hour
                close = path.close[row, i]
                start, high, low = path.close[row, i - 1], path.high[row, i], path.low[row, i]
                if hour == 0:
                    start = high = low = close
                tape = tapes[row, hour]
                tape["open"] = exp(origin + start)
                tape["high"] = exp(origin + high)
                tape["low"] = exp(origin + low)
                tape["close"] = exp(origin + close)

    return price_tapes


def _conditioning(version: str) -> Any:
    def condition_tapes(tapes: Any, past: Past, keys: Keys, later: Keys, last: int, conditions_of: Any) -> None:
        _ = version
        for row in range(keys.size):
            tape, first, c = tapes[row], past.first[row], conditions_of[0]
            fill_conditions(tape, past.log_close[row], past.log_range[row], first, keys[row], later[row], last, c)

    return condition_tapes


_key_rows, _draw_rows = kernel_of(_keying), kernel_of(_drawing)
price_rows, condition_rows = kernel_of(_pricing), kernel_of(_conditioning)


def keys_of(seeds: Any, salt: np.uint64) -> Keys:
    """Key of the noise of each seed, in a scenario with this salt: U64[n]."""
    numbers = as_seeds(seeds)
    keys = np.empty_like(numbers)
    with np.errstate(over="ignore"):  # with jitting off numpy warns of the wrap-around that keys are made of
        _key_rows(numbers, salt, keys)
    return keys


def uniforms(keys: Keys, purpose: np.uint64) -> Floats:
    """One draw in (0, 1) per key, F64[n], for draws that happen once in an episode."""
    draws = np.empty(keys.size)
    with np.errstate(over="ignore"):
        _draw_rows(keys, purpose, draws)
    return draws


@compiled
def origin_of(log_opening: float, seed: np.uint64, p: Any) -> float:
    """Log price at the origin of a path whose opening is at `log_opening`, if the opening price is drawn."""
    return log(p.start_price) + p.start_spread * normal(seed, _ZERO, _ZERO, _ZERO, _SCENARIO) - log_opening
