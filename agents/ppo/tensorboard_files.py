"""TensorBoard's files of a run that goes on: without the steps that its checkpoint has not seen."""

from __future__ import annotations

import os
from pathlib import Path

from protogov.agents.files import naming

_FRAME = 16  # bytes around a record: its length, and a checksum of each


def drop_events_after(folder: Path, steps: int) -> None:
    """Cut every event file in `folder` and below back to what was logged up to `steps` decisions.

    A file in which nothing is left is deleted. The part of a record that an interrupted write left goes too.
    """
    # heavy, and needed by who resumes alone
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for path in sorted(folder.rglob("events.out.tfevents.*")):
        kept, told = [], False
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            if event.step <= steps:
                kept.append(record)
                told = told or event.HasField("summary")
        if not told:
            path.unlink()
        elif sum(len(record) + _FRAME for record in kept) < path.stat().st_size:
            unfinished = path.with_name("unfinished")  # TensorBoard reads whatever has tfevents in its name
            with naming(path), unfinished.open("wb") as file:
                writer = RecordWriter(file)
                for record in kept:
                    writer.write(record)
            os.replace(unfinished, path)
