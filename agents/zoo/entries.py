"""The entries of the zoo, read from their manifests. Loads no weights and no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from protogov.agents.files import read_format

FORMAT, VERSION = "protogov-zoo", 1
PREFIX = "zoo/"
MANIFEST = "manifest.json"
MOST_BYTES = 2_000_000  # of all entries together
FOLDER = Path(__file__).parent
Kind = Literal["governors", "pricer"]


class ZooError(ValueError):
    """An entry that cannot be used: the message names the file and the reason."""


@dataclass(frozen=True)
class Entry:
    """An entry.

    Attributes:
        name: of its folder.
        kind: "governors" or "pricer".
        folder: that holds it.
        seeds: training seeds of governors; none of a pricer.
        chosen: the seed that the entry's own name stands for: the best one on validation.
        manifest: everything that is known of how it was made; JSON-able.
    """

    name: str
    kind: Kind
    folder: Path
    seeds: tuple[int, ...]
    chosen: int | None
    manifest: Mapping[str, Any]

    def policies(self, seed: int | None = None) -> dict[str, Path]:
        """The policy's file of each agent, of a training seed; by default of the chosen one."""
        place = self.folder / str(self.chosen if seed is None else seed)
        return {path.stem.removeprefix("policy_"): path for path in sorted(place.glob("policy_*.json"))}

    def named(self) -> dict[str, int]:
        """Training seed of each name of governors: the entry's own, and one a seed."""
        if self.chosen is None:
            return {}
        return {PREFIX + self.name: self.chosen, **{f"{PREFIX}{self.name}-{seed}": seed for seed in self.seeds}}


def read_entry(folder: Path) -> Entry:
    """The entry in a folder.

    Raises:
        ZooError: its manifest is missing or damaged, or its files are not those that the manifest states.
    """
    path = folder / MANIFEST
    about = read_format(path, ZooError, FORMAT, VERSION)
    kind, seeds, chosen = about.get("kind"), about.get("seeds"), about.get("chosen")
    if kind not in get_args(Kind):
        raise ZooError(f"{path}: kind is {kind!r}; accepted: {', '.join(get_args(Kind))}")
    if about.get("name") != folder.name:
        raise ZooError(f"{path}: name is {about.get('name')!r}; accepted: {folder.name}, that of its folder")
    if kind == "pricer":
        if not pricer_file(folder).is_file():
            raise ZooError(f"{pricer_file(folder)}: there is no such file")
        return Entry(folder.name, "pricer", folder, (), None, about)
    if not isinstance(seeds, list) or not all(type(seed) is int for seed in seeds) or chosen not in seeds:
        raise ZooError(
            f"{path}: seeds are {seeds!r} and chosen is {chosen!r}; accepted: whole numbers, and one of them"
        )
    entry = Entry(folder.name, "governors", folder, tuple(seeds), chosen, about)
    for seed in seeds:
        if not entry.policies(seed):
            raise ZooError(f"{folder / str(seed)}: holds no policy_<agent>.json")
    return entry


def pricer_file(folder: Path) -> Path:
    """The file of a pricer in an entry's folder."""
    return folder / f"pricer_{folder.name}.json"


@cache
def entries() -> Mapping[str, Entry]:
    """All entries that are shipped, by name.

    Raises:
        ZooError: see `read_entry`.
    """
    return {path.parent.name: read_entry(path.parent) for path in sorted(FOLDER.glob(f"*/{MANIFEST}"))}


@cache
def governors() -> Mapping[str, tuple[Entry, int]]:
    """Entry and training seed of each name of governors."""
    return {name: (entry, seed) for entry in entries().values() for name, seed in entry.named().items()}


def zoo_policies(name: str) -> dict[str, Path]:
    """The policy's file of each agent under a name such as `zoo/headline` or `zoo/headline-1`; empty if it is none."""
    found = governors().get(name)
    return found[0].policies(found[1]) if found else {}


def zoo_pricer(name: str) -> Path | None:
    """The file of the pricer under a name such as `zoo/pricer`; None if it is none."""
    entry = entries().get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    return pricer_file(entry.folder) if entry is not None and entry.kind == "pricer" else None
