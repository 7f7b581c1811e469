"""The policies of a cell, a file for every few seeds of it, from which all later stages start.

    NAME.safetensors   "weights", F32 or F16 [seeds, checkpoints, size]: `agents.tuning.networks` says in which order
    NAME.json          the manifest: command, cell, configuration and physics, seeds, market hours, seconds, digest;
                       `failed`, of each seed whose learning failed: number, reason, seconds. It has no weights;
                       `gaps`, W of each seed's stored policies less that of the exact ones, if they are shorter;
                       `made_with`, what the weights depend on besides: `start`, the constants to which networks add

NAME is that of the cell and the first seed. A cell of many seeds takes longer than a machine may be free: files that
are kept outlast it. A store is refused if it is damaged, if it was made in another world than this one, or with other
options.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from protogov.agents.files import read_format
from protogov.agents.tuning.networks import Networks
from protogov.envs.config import WorldConfig
from protogov.envs.world.kernels import source_digest
from protogov.experiments.core.files import whole, write_json
from protogov.experiments.core.tables import Table
from protogov.experiments.core.versions import now, versions
from protogov.experiments.errors import BadInput, CheckFailed
from protogov.experiments.studies.coexistence.spared import FAILED
from protogov.experiments.studies.coexistence.start import Start

FORMAT, VERSION = "protogov-cell", 2
SPENT = ("cpu", "wall", "reference")


@dataclass(frozen=True)
class Kept:
    """The policies of a cell.

    Attributes:
        weights: F32[seeds, checkpoints, size]; the last checkpoint is the end of training.
        about: the manifest; `made_with` has a `Start`, as a dictionary.
    """

    weights: NDArray[np.float32]
    about: Mapping[str, Any]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds."""
        return tuple(self.about["seeds"])

    @property
    def checkpoints(self) -> int:
        """Number of checkpoints."""
        return int(self.weights.shape[1])

    @property
    def start(self) -> Start:
        """The constants to which its networks add, with the values that they had then."""
        return Start(**self.about["made_with"]["start"])


def write_cell(
    folder: Path, name: str, config: WorldConfig, made_with: Mapping[str, Any], tables: Sequence[Table],
    seeds: Sequence[int], command: str, precision: str = "float32",
    gaps: Sequence[tuple[float | None, float]] = (),
) -> Kept:  # fmt: skip
    """Write the policies of some seeds of a cell; returns them as they can be read.

    Args:
        folder: of the store.
        name: of the files.
        config: the world in which its governors are measured.
        made_with: everything else that the weights depend on, JSON-able; `start` is a `Start`.
        tables: of `learning.train_seed`, one a seed.
        seeds: their numbers.
        command: as typed.
        precision: "float32" or "float16".
        gaps: what that costs each seed that was trained, bp, None if measuring failed, and the processor seconds of
            measuring it; nothing if it is exact.
    """
    failed = [
        {"seed": seed, "why": str(table[FAILED][0]), **{what: float(table[what][0]) for what in SPENT}}
        for seed, table in zip(seeds, tables, strict=True) if FAILED in table
    ]  # fmt: skip
    seeds = [seed for seed, table in zip(seeds, tables, strict=True) if FAILED not in table]
    tables = [table for table in tables if FAILED not in table]
    count = sum(column.startswith("after_") for column in tables[0]) if tables else 0
    weights = np.zeros((len(tables), count, Networks(config).size), np.float32)
    for row, table in enumerate(tables):
        weights[row] = [table[f"after_{k}"] for k in range(count)]
    data = safetensors.numpy.save({"weights": np.ascontiguousarray(weights.astype(precision))})
    with whole(folder / f"{name}.safetensors") as unfinished:
        unfinished.write_bytes(data)
    about = {
        "format": FORMAT, "version": VERSION, "cell": name, "command": command, "made": now(), "versions": versions(),
        "physics": source_digest(), "config": config.to_dict(), "digest": digest_of(config, made_with),
        "made_with": dict(made_with), "seeds": list(seeds), "precision": precision,
        "hours": [[float(table[f"hours_{k}"][0]) for k in range(count)] for table in tables],
        **{what: [float(table[what][0]) for table in tables] for what in SPENT},
        "failed": failed, "gaps": [gap for gap, _ in gaps], "gaps_cpu": [cpu for _, cpu in gaps],
        "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    write_json(folder / f"{name}.json", about)
    return read_cell(folder, name, config, made_with)


def join(name: str, parts: Sequence[Kept]) -> Kept:
    """All seeds of a cell that is stored in parts; what is not of a seed is as in the first part.

    Raises:
        CheckFailed: the learning of every seed failed.
    """
    each = ("seeds", "hours", *SPENT, "failed", "gaps", "gaps_cpu")
    about = {**parts[0].about, **{what: [one for part in parts for one in part.about[what]] for what in each}}
    if not about["seeds"]:
        first = about["failed"][0]
        raise CheckFailed(f"{name}: the learning of every seed failed; of seed {first['seed']}: {first['why']}")
    return Kept(np.concatenate([part.weights for part in parts if part.seeds]), about)


def digest_of(config: WorldConfig, made_with: Mapping[str, Any]) -> str:
    """Of configuration and options."""
    about = json.dumps([config.to_dict(), dict(made_with)], sort_keys=True)
    return hashlib.sha256(about.encode()).hexdigest()[:16]


def holds(folder: Path, name: str) -> bool:
    """Whether the store has a file."""
    return (folder / f"{name}.json").is_file()


def read_cell(folder: Path, name: str, config: WorldConfig, made_with: Mapping[str, Any]) -> Kept:
    """The policies of some seeds of a cell.

    Raises:
        BadInput: a file is missing or damaged, or they were trained in another world or with other options.
    """
    path = folder / f"{name}.json"
    about = read_format(path, BadInput, FORMAT, VERSION)
    if about.get("physics") != source_digest():
        raise BadInput(f"{path}: was trained in another world than this one; train its seeds again, into another store")
    if about.get("digest") != digest_of(config, made_with):
        raise BadInput(f"{path}: was trained with {_differences(about.get('made_with'), made_with)}; give the same, or "
                       "another --store")  # fmt: skip
    file = path.with_suffix(".safetensors")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}); train its seeds again") from None
    if hashlib.sha256(data).hexdigest() != about.get("sha256"):
        raise BadInput(f"{file}: does not match its SHA-256 in {path.name}; it was cut short or changed")
    try:
        weights = safetensors.numpy.load(data)["weights"].astype(np.float32)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise BadInput(f"{file}: cannot be read as safetensors ({error})") from None
    size = Networks(config).size
    if weights.ndim != 3 or weights.shape[0] != len(about["seeds"]) or weights.shape[2] != size:
        raise BadInput(
            f"{file}: holds weights of shape {weights.shape}; ({len(about['seeds'])}, checkpoints, {size}) is accepted"
        )
    if not np.isfinite(weights).all():
        raise BadInput(f"{file}: holds weights that are not finite")
    return Kept(weights, about)


def _differences(stored: Any, wanted: Mapping[str, Any]) -> str:
    before, now = _flat(stored if isinstance(stored, dict) else {}), _flat(json.loads(json.dumps(dict(wanted))))
    found = [f"{key} {before.get(key)} instead of {value}" for key, value in now.items() if before.get(key) != value]
    return ", ".join(found) or "another configuration"


def _flat(about: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of nested dictionaries, by names joined with dots."""
    found: dict[str, Any] = {}
    for name, value in about.items():
        found |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


def unpack(kept: Kept, name: str, config: WorldConfig, folder: Path) -> list[list[dict[str, str]]]:
    """Write every policy as an ordinary file: [seed][checkpoint] -> agent -> path of its .json file."""
    networks, found = kept.start.networks(config), list[list[dict[str, str]]]()
    for row, seed in enumerate(kept.seeds):
        found.append([])
        for checkpoint in range(kept.checkpoints):
            place = folder / name / f"{seed}-{checkpoint}"
            place.mkdir(parents=True, exist_ok=True)
            paths = {}
            for policy in networks.policies(kept.weights[row, checkpoint]):
                policy.save(place)
                paths[policy.agent] = str(place / f"policy_{policy.agent}.json")
            found[-1].append(paths)
    return found
