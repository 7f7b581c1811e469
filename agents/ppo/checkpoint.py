"""Checkpoints: a folder exists completely or not at all, and is checked before anything is read from it.

    checkpoints/<steps>/  manifest.json  world.npz  rng.npz  learner_<agent>.zip  policy_<agent>.{safetensors,json}
                          best/policy_<agent>.{safetensors,json}    (of a run that is validated)

The folder is written under another name, flushed to the disk, and renamed. manifest.json holds the SHA-256 of every
other file. A digest shows damage, but not who wrote the file: learner_<agent>.zip is stable-baselines3's archive, which
unpickles when it is loaded. Resume only from folders that you trust. The policy files are safe to share.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.files import naming, read_format

FORMAT = "protogov-checkpoint"
VERSION = 1
MANIFEST = "manifest.json"
BEST = "best"  # folder of the policies that validation scored best
_UNFINISHED = ".unfinished-"
_REPLACED = ".replaced-"


class CheckpointError(ValueError):
    """A checkpoint from which a run cannot resume. The message names the file and the reason."""


def write_checkpoint(folder: Path, steps: int, about: dict[str, Any], fill: Callable[[Path], None]) -> Path:
    """Write `folder`/`steps`, and replace a folder of that name.

    Args:
        folder: where checkpoints are kept; it is made if missing.
        steps: decisions so far, the checkpoint's name.
        about: content of the manifest beside the digests, JSON-able.
        fill: function that writes all other files into the folder that it gets.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: for example, the disk is full. It names `folder`, in which earlier checkpoints stay complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
    unfinished, place = folder / f"{_UNFINISHED}{steps}", folder / str(steps)
    unfinished.mkdir()
    try:
        with naming(folder):
            fill(unfinished)
            parts = [path for path in sorted(unfinished.rglob("*")) if path.is_file()]
            files = {path.relative_to(unfinished).as_posix(): _digest(path) for path in parts}
            manifest = {"format": FORMAT, "version": VERSION, **about, "files": files}
            (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            for path in unfinished.rglob("*"):
                _flush(path)
            _flush(unfinished)
    except Exception:
        shutil.rmtree(unfinished, ignore_errors=True)  # frees the disk for later writes
        raise
    if place.exists():
        os.rename(place, folder / f"{_REPLACED}{steps}")
    os.rename(unfinished, place)
    _flush(folder)
    _clean(folder)
    return place


def read_manifest(checkpoint: Path) -> dict[str, Any]:
    """The manifest of a checkpoint, after every file was compared with its digest.

    Raises:
        CheckpointError: the folder is not a checkpoint of this version, or a file is missing, cut short or changed.
    """
    path = checkpoint / MANIFEST
    manifest = read_format(path, CheckpointError, FORMAT, VERSION)
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise CheckpointError(f"{path}: lists no files")
    for name, digest in files.items():
        part = checkpoint / name
        if not part.is_file():
            raise CheckpointError(f"{part}: is listed in the manifest and missing")
        if _digest(part) != digest:
            raise CheckpointError(f"{part}: does not match its SHA-256 in the manifest; it was cut short or changed")
    return manifest


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, read without unpickling.

    Raises:
        CheckpointError: the file is not an npz file of plain arrays.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise CheckpointError(f"{path}: cannot be read as numpy arrays ({error})") from error


def checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints in a folder, oldest first. What an interrupted write left does not count."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.isdecimal() and (path / MANIFEST).is_file()]
    return sorted(found, key=lambda path: int(path.name))


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the most steps in a folder of checkpoints; None if there is none."""
    return next(reversed(checkpoints(Path(folder))), None)


def prune(folder: Path, keep: int) -> None:
    """Delete all but the `keep` newest checkpoints; 0 keeps all."""
    for path in checkpoints(folder)[:-keep] if keep else []:
        shutil.rmtree(path)


def _clean(folder: Path) -> None:
    """Remove what interrupted writes left. If a write stopped between its two renames, only the old folder: keep it."""
    for path in folder.iterdir():
        if path.name.startswith(_REPLACED):
            place = folder / path.name.removeprefix(_REPLACED)
            if place.exists():
                shutil.rmtree(path)
            else:
                os.rename(path, place)
        elif path.name.startswith(_UNFINISHED):
            shutil.rmtree(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
