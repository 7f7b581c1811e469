"""Digests of sources: what compiled code is kept under.

`protogov.envs` imports this module before any other, so that the sources of its folders are digested before they are
read as code. Whoever edits them while a process runs changes neither the digest that this process keeps its code under
nor lets it store code: `edited` says what is different on the disk.
"""

import hashlib
from functools import cache
from pathlib import Path

_ENVS = Path(__file__).parents[1]


def _digests(folder: Path) -> dict[Path, bytes]:
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*.py"))}


# folder -> file -> digest, as it was when this process began to import; others are added when they are asked for
_seen: dict[Path, dict[Path, bytes]] = {_ENVS: _digests(_ENVS)}
_asked: dict[str, tuple[Path, ...]] = {}  # digest -> its folders


@cache
def digest_of(folders: tuple[str, ...], beside: str = "") -> str:
    """SHA-256 of names and contents of all Python sources under `folders`, as this process imported them.

    Args:
        folders: those outside `protogov.envs` are digested at the first call.
        beside: text that is digested too.
    """
    whole = hashlib.sha256(beside.encode())
    for name in folders:
        folder = Path(name)
        if _ENVS != folder and _ENVS not in folder.parents:
            _seen.setdefault(folder, _digests(folder))
        for path, digest in _known(folder).items():
            whole.update(path.name.encode() + b"\0" + digest)
    _asked[whole.hexdigest()] = tuple(map(Path, folders))
    return whole.hexdigest()


def edited(version: str) -> Path | None:
    """The first source behind the digests in `version` that is no longer what this process imported; None without.

    A new or missing file counts too, and a folder that cannot be read.
    """
    for folder in (folder for digest, folders in _asked.items() if digest in version for folder in folders):
        known = _known(folder)
        try:
            now = _digests(folder)
        except OSError:
            return folder
        for path in sorted(known.keys() | now.keys()):
            if known.get(path) != now.get(path):
                return path
    return None


def _known(folder: Path) -> dict[Path, bytes]:
    own = _seen.get(folder) or _seen[_ENVS]
    return {path: digest for path, digest in own.items() if folder in path.parents}
