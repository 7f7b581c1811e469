"""A learned pricer: its file, and how it prices a market.

pricer_<name>.json says what it is, pricer_<name>.safetensors holds its weights; neither is unpickled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from protogov.agents.files import read_format
from protogov.agents.pricing.features import NODE_INPUTS
from protogov.agents.pricing.pricer import years_of
from protogov.agents.pricing.quantile_law import LEVELS, QuantileLaw
from protogov.agents.pricing.reader import Reading
from protogov.agents.pricing.shape import Shape, read_shape

if TYPE_CHECKING:
    from protogov.agents.pricing.networks import PricerNetwork

FORMAT, VERSION = "protogov-pricer", 1


class PricerError(ValueError):
    """A pricer's file that cannot be used: the message names the file and the reason."""


@dataclass(frozen=True)
class PricerFile:
    """What a learned pricer is.

    Attributes:
        name: of the pricer.
        shape: of its network.
        spot: what its returns start from: `oracle`, or `pool`, the spot pool's average.
        weights: by name, F32.
        about: how it was trained: scenarios, seeds, tapes, regularisation; JSON-able.
    """

    name: str
    shape: Shape
    spot: str
    weights: dict[str, NDArray[np.float32]]
    about: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> list[Path]:
        """Write pricer_<name>.json and pricer_<name>.safetensors; returns both paths."""
        description = folder / f"pricer_{self.name}.json"
        weights = description.with_suffix(".safetensors")
        data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in self.weights.items()})
        weights.write_bytes(data)
        document = {
            "format": FORMAT, "version": VERSION, "name": self.name, "generation": self.shape.generation,
            "inputs": self.shape.inputs, "node_inputs": self.shape.node_inputs, "levels": LEVELS, "spot": self.spot,
            "about": dict(self.about), "weights_file": weights.name,
            "weights_sha256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        description.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return [description, weights]


def load_pricer_file(path: Path) -> PricerFile:
    """Read a pricer by its JSON file; the weights are looked for beside it.

    Raises:
        PricerError: a file is missing, damaged, of another format or version, or the two do not fit each other.
    """
    document = read_format(path, PricerError, FORMAT, VERSION)
    try:
        shape = read_shape(document)
    except ValueError as error:
        raise PricerError(f"{path}: {error}") from None
    if tuple(document.get("levels", ())) != LEVELS:
        raise PricerError(f"{path}: its levels are not the {len(LEVELS)} of this version; train it again")
    if document.get("spot") not in ("oracle", "pool"):
        raise PricerError(f"{path}: spot is {document.get('spot')!r}; accepted: oracle, pool")
    name, file = document.get("name"), document.get("weights_file")
    if not (isinstance(name, str) and isinstance(file, str) and Path(file).name == file):
        raise PricerError(f"{path}: name is {name!r} and weights_file {file!r}; accepted: a name and a file name")
    place = path.with_name(file)
    try:
        data = place.read_bytes()
        weights = safetensors.numpy.load(data)
    except (OSError, safetensors.SafetensorError, ValueError) as error:
        raise PricerError(f"{place}: cannot be read ({error})") from None
    if hashlib.sha256(data).hexdigest() != document.get("weights_sha256"):
        raise PricerError(f"{place}: does not match its SHA-256 in the description; it was cut short or changed")
    if {key: array.shape for key, array in weights.items()} != shape.shapes():
        raise PricerError(f"{place}: holds other weights than {path.name} describes")
    if not all(array.dtype == np.float32 and np.isfinite(array).all() for array in weights.values()):
        raise PricerError(f"{place}: weights must be finite float32 numbers")
    return PricerFile(name, shape, str(document["spot"]), weights, document.get("about", {}))


class LearnedPricer:
    """Prices markets with a network, all worlds of a decision in one call.

    Args:
        file: what it is.
    """

    def __init__(self, file: PricerFile) -> None:
        from protogov.agents.pricing.networks import load_weights

        self.name, self.file = file.name, file
        self._network: PricerNetwork = load_weights(file.shape, file.weights)
        self._past = np.zeros((0, file.shape.window, len(file.shape.sequence)), np.float32)
        self._hour = np.zeros(0, np.int64)

    def laws(self, reading: Reading) -> QuantileLaw:
        """See `protogov.agents.pricing.pricer.Pricer`."""
        import torch

        shape = self.file.shape
        n, e = reading.hours.shape
        inputs = reading.inputs(shape.inputs).reshape(n * e, -1).astype(np.float32)
        sequence = np.repeat(self._remember(reading), e, axis=0)
        nodes = np.repeat(node_inputs(reading, shape), e, axis=0)
        with torch.no_grad():
            found = self._network(*(torch.from_numpy(array) for array in (inputs, sequence, nodes))).numpy()
        scale = np.repeat(reading.reference_vol(), e) * np.sqrt(years_of(reading))
        return QuantileLaw(found * scale[:, None])

    def _remember(self, reading: Reading) -> NDArray[np.float32]:
        """The last readings, F32[n, window, sequence]; zeros before a world's opening."""
        n, shape = len(reading.hour), self.file.shape
        if shape.generation != "recurrent":
            return np.zeros((n, 1, len(shape.sequence)), np.float32)
        if len(self._hour) != n:
            self._past, self._hour = np.zeros((n, *self._past.shape[1:]), np.float32), np.full(n, 2**40)
        self._past[reading.hour <= self._hour] = 0.0
        self._past[:, :-1] = self._past[:, 1:]
        self._past[:, -1] = reading.inputs(shape.sequence)[:, 0]
        self._hour = reading.hour
        return self._past


def node_inputs(reading: Reading, shape: Shape) -> NDArray[np.float32]:
    """Tokens of every world, F32[n, tokens, node_inputs]; without any but for `attention`."""
    columns = [list(NODE_INPUTS).index(name) for name in shape.node_inputs]
    chosen = reading.nodes[..., columns]
    return np.ascontiguousarray(chosen.reshape(len(chosen), shape.tokens, len(columns)), np.float32)


def load_pricer(path: Path) -> LearnedPricer:
    """The pricer of a pricer_<name>.json file.

    Raises:
        PricerError: see `load_pricer_file`.
    """
    return LearnedPricer(load_pricer_file(Path(path)))
