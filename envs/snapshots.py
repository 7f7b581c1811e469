"""Snapshots of a batch of worlds as bytes in numpy's archive: without pickling; damaged ones are refused."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import SnapshotError


def write_snapshot(
    about: Mapping[str, Any], state: Mapping[str, NDArray[Any]], memories: Sequence[NDArray[Any]]
) -> bytes:
    """A snapshot.

    Args:
        about: JSON-able.
        state: arrays by name, of any dtype.
        memories: arrays of governors, of plain dtypes.
    """
    buffer = io.BytesIO()
    arrays = {name: np.ascontiguousarray(array).view(np.uint8) for name, array in state.items()}
    arrays |= {f"memory_{number}": array for number, array in enumerate(memories)}
    np.savez(buffer, about=np.frombuffer(json.dumps(about).encode(), np.uint8), allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_snapshot(
    data: bytes, names: Sequence[str]
) -> tuple[dict[str, Any], dict[str, NDArray[np.uint8]], list[NDArray[Any]]]:
    """The arguments of `write_snapshot`: `about`, the arrays `names` of the state as bytes, and the memories.

    Raises:
        SnapshotError: truncated or foreign bytes.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            state = {name: file[name] for name in names}
            count = sum(name.startswith("memory_") for name in file.files)
            memories = [file[f"memory_{number}"] for number in range(count)]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise SnapshotError(f"these {len(data)} bytes are not a complete snapshot of a simulator ({error}).") from None
    return about, state, memories


def fill(state: Mapping[str, NDArray[Any]], loaded: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write the bytes of `read_snapshot` into the arrays of a state.

    Raises:
        SnapshotError: an array of another size. Nothing has changed.
    """
    for name, value in loaded.items():
        if value.nbytes != state[name].nbytes:
            raise SnapshotError(f"the snapshot's {name} holds {value.nbytes} bytes, not {state[name].nbytes}.")
    for name, value in loaded.items():
        target = state[name]
        target[...] = value.reshape(-1).view(target.dtype).reshape(target.shape)
