"""A price path as a market: the common part of all scenarios that draw their own path.

A :class:`Walk` describes how the price moves. :class:`PathScenario` does the rest: the keys of the noise, the prices on
the tape, and the conditions that are derived from them or drawn beside them. A walk of ten lines makes a scenario::

    class Coin(SimulatedWalk):
        def walk(self, path, keys):
            for row, each in enumerate(keys):
                for i in range(1, path.close.shape[1]):
                    up = uniform(each, ZERO, np.uint64(i), ZERO, PRICE) < 0.5
                    path.close[row, i] = path.close[row, i - 1] + (0.01 if up else -0.01)
            path.high[:, 1:] = np.maximum(path.close[:, 1:], path.close[:, :-1])
            path.low[:, 1:] = np.minimum(path.close[:, 1:], path.close[:, :-1])
            return np.full(keys.size, np.log(3000.0))

    PathScenario("coin", "free", Coin()).draw([1, 2, 3], num_hours=336)  # TAPE[3, 337]

A compiled walk passes a function of one row to :func:`over_rows`, as the walks of this folder do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import exp, log
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from protogov.envs.scenarios.base import DERIVED, SOURCE_FOLDERS, Scenario, Seeds, Split, Tapes, as_seeds
from protogov.envs.scenarios.conditions import WARM_UP, Conditions, fill_conditions
from protogov.envs.world.compiled import OPTIONS, compiled, uncompiled
from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.envs.world.noise import Purpose, key, normal, uniform

Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCK = 256  # rows that are simulated at once; this limits the memory
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
    def price_rows(tapes: Any, path: Path, origins: Floats) -> None:
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

    return price_rows


def _conditioning(version: str) -> Any:
    def condition_rows(tapes: Any, past: Past, keys: Keys, conditions_of: Any) -> None:
        _ = version
        for row in range(keys.size):
            tape, first = tapes[row], past.first[row]
            fill_conditions(tape, past.log_close[row], past.log_range[row], first, keys[row], conditions_of[0])

    return condition_rows


_key_rows, _draw_rows = kernel_of(_keying), kernel_of(_drawing)
_price_rows, _condition_rows = kernel_of(_pricing), kernel_of(_conditioning)


def keys_of(seeds: Any, salt: np.uint64) -> Keys:
    """Key of the noise of each seed, in a scenario with this salt: U64[n]."""
    numbers = as_seeds(seeds)
    keys = np.empty_like(numbers)
    with np.errstate(over="ignore"):  # with jitting off numpy warns of overflow, which keys use on purpose
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


# ---- walks and scenarios


class Walk(ABC):
    """How the price of a market moves, before the opening and after it."""

    derived: tuple[str, ...] = DERIVED  # channels that follow from the price only, see `Scenario.provenance`

    @abstractmethod
    def draw(self, tapes: Tapes, keys: Keys) -> Past:
        """Write the four prices of `tapes` (TAPE[n, hours + 1], a recarray), row by row. Returns their history."""

    def bend(self, tapes: Tapes, marks: Indices, keys: Keys) -> None:  # noqa: B027  (most walks have no more to say)
        """Change the filled conditions where the walk knows more about them than the price; by default nothing."""


class SimulatedWalk(Walk):
    """A walk of the log price, simulated hour by hour from 30 days before the opening: a world opens with a past."""

    least_hours = 0  # hours after the opening that it simulates even if the tape is shorter

    @abstractmethod
    def walk(self, path: Path, keys: Keys) -> Floats:
        """Write the `path` and return the log of the price [USD] at its origin, F64[n].

        Row i depends only on `keys[i]` and is drawn with ``protogov.envs.world.noise``. Hour h uses nothing from later
        hours.
        """

    def draw(self, tapes: Tapes, keys: Keys) -> Past:
        """Simulate a path per key."""
        used = WARM_UP + tapes.shape[1]
        shape = keys.size, max(used, WARM_UP + self.least_hours + 1)
        path = Path(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64))
        _price_rows(tapes, path, self.walk(path, keys))
        close, marks = np.ascontiguousarray(path.close[:, :used]), np.ascontiguousarray(path.marks[:, :used])
        return Past(close, path.high[:, :used] - path.low[:, :used], marks, np.zeros(keys.size, np.int64))


class PathScenario(Scenario):
    """A market whose price is a walk.

    Args:
        name: name of the scenario; part of the noise's key.
        split: "train", "validation", "test" or "free": the only field that decides who may use it.
        walk: how the price moves.
        conditions: parameters of everything else.
        kind: one word for lists.
        about: one line for lists.
    """

    def __init__(
        self,
        name: str,
        split: Split,
        walk: Walk,
        conditions: Conditions | None = None,
        *,
        kind: str = "synthetic",
        about: str = "",
    ) -> None:
        self.name, self.split, self.walk, self.kind, self.about = name, split, walk, kind, about
        self.conditions = conditions or Conditions()
        self.derived = walk.derived

    def fill(self, tapes: Tapes, seeds: Seeds) -> None:
        """Draw one path and its conditions per seed."""
        self._run(tapes, seeds)

    def marks(self, seeds: Sequence[int] | Seeds, num_hours: int) -> Indices:
        """The walk's marks of each hour, I64[n, num_hours + 1]: for observers, not for governors.

        Raises:
            ValueError: as :meth:`draw`.
        """
        return np.asarray(self._drawn(seeds, num_hours, self._run)[1])

    def _run(self, tapes: Tapes, seeds: Seeds, bent: bool = True) -> Indices:
        self.check_open()  # also if the whole scenario claims another split
        keys, conditions_of = keys_of(seeds, self.salt), self.conditions.as_record()
        marks = np.empty(tapes.shape, np.int64)
        for start in range(0, keys.size, BLOCK):
            rows = slice(start, start + BLOCK)
            past = self.walk.draw(tapes[rows], keys[rows])
            _condition_rows(tapes[rows], past, keys[rows], conditions_of)
            if bent:
                self.walk.bend(tapes[rows], past.marks, keys[rows])
            marks[rows] = past.marks[:, WARM_UP:]
        return marks
