"""TensorBoard's files of a run: written at once, and cut to the checkpoint from which a run resumes.

The writers of torch and tensorboard write in a thread. On a full disk its error would print a traceback of its own.
"""

from __future__ import annotations

import io
import os
import socket
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.logger import KVWriter

from protogov.agents.files import naming

_FRAME = 16  # bytes around a record: its length, and a checksum of each
_numbers = count()  # gives every file of a process a different name


class TensorBoardFile(KVWriter):
    """A writer of stable-baselines3's logger: one event file of scalars.

    Args:
        folder: folder of the file, one per curve in TensorBoard; it is made if missing.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event  # a slow import, only needed with this option

        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time():010.0f}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self._path = folder / f"events.out.tfevents.{name}"
        self._append([Event(wall_time=time.time(), file_version="brain.Event:2")])

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Write all numbers of one step.

        Raises:
            OSError: names the file.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=key, simple_value=float(value))
            for key, value in sorted(key_values.items())
            if isinstance(value, (int, float, np.number)) and "tensorboard" not in (key_excluded.get(key) or ())
        ]
        self._append([Event(wall_time=time.time(), step=step, summary=Summary(value=[one])) for one in values])

    def _append(self, events: Iterable[Any]) -> None:
        with naming(self._path), self._path.open("ab") as file:
            file.write(_framed(event.SerializeToString() for event in events))

    def close(self) -> None:
        """Do nothing: no file stays open."""


def drop_events_after(folder: Path, steps: int) -> None:
    """Cut every event file in `folder` and below to what was logged up to `steps` decisions.

    A file without remaining values is deleted. The part of a record that an interrupted write left is removed too.
    """
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    for path in sorted(folder.rglob("events.out.tfevents.*")):
        kept, has_summary = [], False
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            if event.step <= steps:
                kept.append(record)
                has_summary = has_summary or event.HasField("summary")
        if not has_summary:
            path.unlink()
        elif sum(len(record) + _FRAME for record in kept) < path.stat().st_size:
            unfinished = path.with_name("unfinished")  # TensorBoard reads every file with tfevents in its name
            with naming(path):
                unfinished.write_bytes(_framed(kept))
            os.replace(unfinished, path)


def _framed(records: Iterable[bytes]) -> bytes:
    """Records in the format of an event file."""
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for record in records:
        writer.write(record)
    return buffer.getvalue()
