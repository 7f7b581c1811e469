"""Governors' memory of worlds, in their `state_dict`: selection of rows, and storage without pickling.

A state is a nest of dicts with string keys, lists and tuples. Its arrays have one row per world (first axis); plain
and numpy scalars, strings and None belong to all worlds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pick_rows(state: Any, rows: NDArray[np.int64], num_worlds: int, whose: str) -> Any:
    """The state of copies of some worlds.

    Args:
        state: of `num_worlds` worlds.
        rows: I64[m], which may repeat.
        num_worlds: rows of every array.
        whose: owner, for the message.

    Raises:
        ValueError: an array does not have one row per world.
    """
    if isinstance(state, Mapping):
        return {name: pick_rows(value, rows, num_worlds, f"{whose}[{name!r}]") for name, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(pick_rows(value, rows, num_worlds, f"{whose}[{at}]") for at, value in enumerate(state))
    if not isinstance(state, np.ndarray) or not state.shape:
        return state
    if len(state) != num_worlds:
        raise ValueError(
            f"{whose} has shape {state.shape}; a governor's memory has one row for each of {num_worlds} worlds."
        )
    return state[rows]


def pack(state: Any, arrays: list[NDArray[Any]], whose: str) -> Any:
    """The state as JSON; its arrays are appended to `arrays`.

    Raises:
        TypeError: it holds something other than arrays, numbers, strings, None, lists, tuples and dicts.
    """
    if isinstance(state, Mapping) and all(isinstance(name, str) for name in state):
        return {"dict": {name: pack(value, arrays, f"{whose}[{name!r}]") for name, value in state.items()}}
    if isinstance(state, list | tuple) and type(state) in (list, tuple):
        kind = type(state).__name__
        return {kind: [pack(value, arrays, f"{whose}[{at}]") for at, value in enumerate(state)]}
    if isinstance(state, np.ndarray | np.generic) and not np.asarray(state).dtype.hasobject:
        arrays.append(np.asarray(state))
        return {"array" if isinstance(state, np.ndarray) else "scalar": len(arrays) - 1}
    if state is None or isinstance(state, bool | int | float | str):
        return {"value": state}
    raise TypeError(
        f"{whose} is a {type(state).__name__}; a snapshot keeps arrays, numbers, strings, None, lists, tuples, dicts."
    )


def unpack(packed: Mapping[str, Any], arrays: Sequence[NDArray[Any]]) -> Any:
    """Inverse of `pack`."""
    ((kind, value),) = packed.items()
    if kind == "dict":
        return {name: unpack(part, arrays) for name, part in value.items()}
    if kind in ("list", "tuple"):
        parts = [unpack(part, arrays) for part in value]
        return parts if kind == "list" else tuple(parts)
    if kind == "array":
        return arrays[value].copy()
    return arrays[value][()] if kind == "scalar" else value
