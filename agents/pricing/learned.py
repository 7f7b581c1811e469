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
from protogov.agents.pricing.greeks import input_slopes, node_slopes, reference_slope
from protogov.agents.pricing.pricer import years_of
from protogov.agents.pricing.quantile_law import LEVELS, QuantileLaw
from protogov.agents.pricing.reader import Reading
from protogov.agents.pricing.shape import Shape, read_shape

if TYPE_CHECKING:
    import torch

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

    def digest(self) -> str:
        """SHA-256 of the weights as they are stored."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        return safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in self.weights.items()})

    def save(self, folder: Path) -> list[Path]:
        """Write pricer_<name>.json and pricer_<name>.safetensors; returns both paths."""
        description = folder / f"pricer_{self.name}.json"
        weights = description.with_suffix(".safetensors")
        weights.write_bytes(self._bytes())
        document = {
            "format": FORMAT, "version": VERSION, "name": self.name, "generation": self.shape.generation,
            "inputs": self.shape.inputs, "node_inputs": self.shape.node_inputs, "levels": LEVELS, "spot": self.spot,
            "about": dict(self.about), "weights_file": weights.name,
            "weights_sha256": self.digest(),
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

        with torch.no_grad():
            found = self._network(*self._given(reading)).numpy()
        return QuantileLaw(found * self._scale(reading)[:, None])

    def laws_and_slopes(self, reading: Reading) -> tuple[QuantileLaw, NDArray[np.float64]]:
        """See `protogov.agents.pricing.pool_pricer.GreekPricer`: one forward pass that carries derivatives along."""
        import torch
        from torch.autograd import forward_ad

        with torch.no_grad(), forward_ad.dual_level():
            given = zip(self._given(reading), self._given_slopes(reading), strict=True)
            out = self._network(*(forward_ad.make_dual(value, slope) for value, slope in given))
            found, slopes = forward_ad.unpack_dual(out)
        scale = self._scale(reading)[:, None]
        e = reading.hours.shape[1]
        moved = np.repeat(reference_slope(reading), e)[:, None] * np.sqrt(years_of(reading))[:, None]
        return QuantileLaw(found.numpy() * scale), slopes.numpy() * scale + found.numpy() * moved

    def pick(self, rows: NDArray[np.int64]) -> None:
        """Remember what was seen of `rows` I64[m], which may repeat, and forget the others."""
        if len(self._hour):
            self._past, self._hour = self._past[rows], self._hour[rows]

    def state_dict(self) -> dict[str, Any]:
        """What was seen of each world, and which pricer saw it."""
        return {"past": self._past.copy(), "hour": self._hour.copy(), "weights": self.file.digest()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what a pricer of the same weights saw.

        Raises:
            ValueError: its weights are others.
        """
        if state.get("weights") != self.file.digest():
            raise ValueError(f"the weights of {self.name} differ from those that were stored.")
        self._past, self._hour = np.array(state["past"]), np.array(state["hour"])

    def _scale(self, reading: Reading) -> NDArray[np.float64]:
        return np.asarray(np.repeat(reading.reference_vol(), reading.hours.shape[1]) * np.sqrt(years_of(reading)))

    def _given(self, reading: Reading) -> tuple[torch.Tensor, ...]:
        """Inputs, sequence and nodes of every world and expiry."""
        inputs, past = reading.inputs(self.file.shape.inputs), self._remember(reading)
        return self._rows(reading, inputs, past, node_inputs(reading, self.file.shape))

    def _given_slopes(self, reading: Reading) -> tuple[torch.Tensor, ...]:
        """Their derivatives by the log of the spot; of a sequence, those of its newest element."""
        shape = self.file.shape
        past = np.zeros((len(reading.hour), shape.window, len(shape.sequence)))
        if shape.generation == "recurrent":
            past[:, -1] = input_slopes(reading, shape.sequence)[:, 0]
        nodes = node_slopes(reading, shape.node_inputs).reshape(len(past), shape.tokens, -1)
        return self._rows(reading, input_slopes(reading, shape.inputs), past, nodes)

    @staticmethod
    def _rows(reading: Reading, inputs: Any, past: Any, nodes: Any) -> tuple[torch.Tensor, ...]:
        import torch

        n, e = reading.hours.shape
        arrays = inputs.reshape(n * e, -1), np.repeat(past, e, axis=0), np.repeat(nodes, e, axis=0)
        return tuple(torch.from_numpy(np.asarray(array, np.float32)) for array in arrays)

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
