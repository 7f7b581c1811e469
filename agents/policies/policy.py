"""A policy's file format: policy_<agent>.json describes the policy, policy_<agent>.safetensors holds its weights.

Nothing is unpickled, so files from strangers are safe to read. The network is a front, named by `architecture`
(`linear` and `mlp` have none; see `architectures.py`), and a plain stack: each hidden layer is linear, then the
activation; the last layer is linear. `execution.py` turns the output into an action: by default the output clipped to
[-1, 1]. The file may instead name an incumbent to which the output is added, or state that the output is a change of
the lever.

Version 1 had none of these options. It is read as an mlp without them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from protogov.agents.files import read_format
from protogov.agents.policies.architectures import Front, read_front
from protogov.agents.policies.execution import Change, Execution, read_change
from protogov.agents.policies.incumbent import Incumbent, read_incumbent

FORMAT = "protogov-policy"
VERSION, OLD_VERSIONS = 2, (1,)
ACTIVATIONS = ("relu", "tanh")


class PolicyError(ValueError):
    """A policy file that cannot be used. The message names the file and the reason."""


@dataclass(frozen=True)
class Policy:
    """An actor, and the meaning of its inputs and outputs.

    Attributes:
        agent: the governor that learned it.
        features: a name for each input.
        levers: a name for each output.
        hidden_sizes: widths of the hidden layers.
        activation: "relu" or "tanh".
        log_std: log of the exploration's standard deviation at the end of training, one per lever; None if it depended
            on the state, and then only the mean can be played.
        decision_hours: hours between two decisions in training.
        weights: layer_<i>.weight F32[out, in] and layer_<i>.bias F32[out], the last one being the output layer; and
            those of the front, whose names begin with `front.`.
        incumbent: the rule to which outputs are added, or None.
        change: how outputs change the lever; None if they are targets.
        front: the part before the hidden layers; by default that of an mlp, which is empty.
    """

    agent: str
    features: tuple[str, ...]
    levers: tuple[str, ...]
    hidden_sizes: tuple[int, ...]
    activation: str
    log_std: tuple[float, ...] | None
    decision_hours: float
    weights: dict[str, NDArray[np.float32]]
    incumbent: Incumbent | None = None
    change: Change | None = None
    front: Front = None  # type: ignore[assignment]  # never None after construction

    def __post_init__(self) -> None:
        if self.front is None:
            object.__setattr__(self, "front", Front("mlp", self.features))

    @property
    def architecture(self) -> str:
        """Name of the architecture."""
        return self.front.architecture

    def execution(self) -> Execution:
        """How an output becomes an action.

        Raises:
            ValueError: incumbent and change do not fit the levers, the features or each other.
        """
        return Execution(self.levers, self.features, self.incumbent, self.change)

    def expected_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes that `weights` must have."""
        sizes = (self.front.size, *self.hidden_sizes, len(self.levers))
        shapes = self.front.shapes()
        for index, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
            shapes[f"layer_{index}.weight"] = (outputs, inputs)
            shapes[f"layer_{index}.bias"] = (outputs,)
        return shapes

    def check_features(self, names: Sequence[str]) -> None:
        """Refuse an observation whose numbers have another meaning than those that the policy learned from.

        Args:
            names: name of every number of the observation, in order.

        Raises:
            PolicyError: the names differ. The message lists what is missing and what is new.
        """
        if tuple(names) == self.features:
            return
        gone = [name for name in self.features if name not in set(names)]
        new = [name for name in names if name not in set(self.features)]
        differences = [f"{word} {_some(which)}" for word, which in (("lacks", gone), ("adds", new)) if which]
        raise PolicyError(
            f"the policy of {self.agent} learned on {len(self.features)} numbers that are not the {len(names)} of this "
            f"observation, which {' and '.join(differences) or 'has them in another order'}; train it again"
        )

    def save(self, folder: Path) -> list[Path]:
        """Write policy_<agent>.json and policy_<agent>.safetensors; returns both paths."""
        description = folder / f"policy_{self.agent}.json"
        weights = description.with_suffix(".safetensors")
        data = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in self.weights.items()})
        weights.write_bytes(data)
        fields = {name: value for name, value in asdict(self).items() if name not in ("weights", "front")}
        fields |= {name: getattr(self.front, name) for name in ("architecture", "window", "inputs")}
        digest = hashlib.sha256(data).hexdigest()
        document = {
            "format": FORMAT,
            "version": VERSION,
            **fields,
            "weights_file": weights.name,
            "weights_sha256": digest,
        }
        description.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        return [description, weights]


def _some(names: Sequence[str]) -> str:
    """The first six names, and the number of the others."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def load_policy_file(path: Path) -> Policy:
    """Read a policy by its JSON file. Its weights must be in the same folder.

    Raises:
        PolicyError: a file is missing, damaged, of another format or version, or the two do not fit each other.
    """
    path = Path(path)
    document = read_format(path, PolicyError, FORMAT, VERSION, *OLD_VERSIONS)
    name = _field(path, document, "weights_file", lambda x: isinstance(x, str) and Path(x).name == x, "a file name")
    data = _weights_data(path.with_name(name), document.get("weights_sha256"))
    features = tuple(_field(path, document, "features", _is_names, "a list of strings"))
    policy = Policy(
        agent=_field(path, document, "agent", lambda x: isinstance(x, str), "a string"),
        features=features,
        levers=tuple(_field(path, document, "levers", _is_names, "a list of strings")),
        hidden_sizes=tuple(_field(path, document, "hidden_sizes", _is_sizes, "a list of whole numbers above 0")),
        activation=_field(path, document, "activation", lambda x: x in ACTIVATIONS, " or ".join(ACTIVATIONS)),
        log_std=None
        if document.get("log_std", "") is None
        else tuple(_field(path, document, "log_std", _is_numbers, "a list of finite numbers")),
        decision_hours=_field(path, document, "decision_hours", lambda x: _is_numbers([x]), "a finite number"),
        weights=_read_weights(path.with_name(name), data),
        incumbent=_read(path, document.get("incumbent"), read_incumbent),
        change=_read(path, document.get("change"), read_change),
        front=_read(path, document, lambda whole: read_front(whole, features)),
    )
    if policy.architecture == "linear" and policy.hidden_sizes:
        raise PolicyError(f"{path}: hidden_sizes is {policy.hidden_sizes}; accepted: none where it is linear")
    try:
        policy.execution()
    except ValueError as error:
        raise PolicyError(f"{path}: {error}") from None
    if policy.log_std is not None and len(policy.log_std) != len(policy.levers):
        raise PolicyError(f"{path}: log_std has {len(policy.log_std)} numbers for {len(policy.levers)} levers")
    shapes = {key: array.shape for key, array in policy.weights.items()}
    if shapes != policy.expected_shapes():
        raise PolicyError(f"{path.with_name(name)}: holds {shapes}; {path.name} describes {policy.expected_shapes()}")
    for key, array in policy.weights.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise PolicyError(f"{path.with_name(name)}: {key} must be finite float32 numbers")
    return policy


def _weights_data(path: Path, digest: Any) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read ({error})") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise PolicyError(f"{path}: does not match its SHA-256 in the description; it was cut short or changed")
    return data


def _read_weights(path: Path, data: bytes) -> dict[str, NDArray[np.float32]]:
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise PolicyError(f"{path}: cannot be read as safetensors ({error})") from error


def _field(path: Path, document: dict[str, Any], name: str, holds: Any, accepted: str) -> Any:
    value = document.get(name)
    if not holds(value):
        raise PolicyError(f"{path}: {name} is {value!r}; accepted: {accepted}")
    return value


def _read(path: Path, value: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise PolicyError(f"{path}: {error}") from None


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(name, str) for name in value)


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and size > 0 for size in value)


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(x) in (int, float) and math.isfinite(x) for x in value)
