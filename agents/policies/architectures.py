"""What a policy's network consists of: the front before its hidden layers, by name.

    linear      no front and no hidden layer
    mlp         no front
    recurrent   a GRU over the last 24 observations, zeros before the opening; its last state is passed on
    attention   the nodes of the group `surface` and the buckets of `accounts` as tokens, with one attention for each
                group; the rest of the observation makes the query, and is passed on beside the two answers
    compact     32 named features, each a fixed sum of a few observed numbers; with 32x32 ReLU it fits a contract
    few         the six features of the linear rule (`baselines/linear_feedback.py`), as they are observed, and no other

This file imports no learning library: the networks themselves are in `networks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.features import ACCOUNT_FEATURES, FEATURES, SURFACE_FEATURES
from protogov.envs.world.lever_table import LEVERS

Architecture = Literal["linear", "mlp", "recurrent", "attention", "compact", "few"]
ARCHITECTURES: tuple[str, ...] = get_args(Architecture)
WINDOW = 24  # observations that `recurrent` reads
GRU_SIZE = 32
TOKEN_SIZE = 16
COMPACT_HIDDEN = (32, 32)

# What a contract can read, the same for all roles: 20 numbers of the market and the books, and the value that each
# lever moves to (executed plus pending, in one number).
_AS_OBSERVED = (
    "return_6h", "return_24h", "return_72h", "realised_6h", "realised_72h", "drawdown_week", "congestion",
    "depth_over_week", "pool_over_oracle", "utilisation_over_optimal", "borrow_rate", "unmet_withdrawals", "at_risk",
    "liquidated", "treasury", "option_free_liquidity", "lp_queue", "net_delta", "flow_toxicity",
)  # fmt: skip
_PENDING = FEATURES["lever_pending"].scale / FEATURES["lever_executed"].scale
COMPACT_INPUTS: Mapping[str, Mapping[str, float]] = {
    **{name: {name: 1.0} for name in _AS_OBSERVED},
    "net_outflow_day": {"net_borrow_day": 1.0, "net_supply_day": -1.0},  # about what leaves the lending pool's cash
    **{
        f"bound[{lever.name}]": {f"lever_executed[{lever.name}]": 1.0, f"lever_pending[{lever.name}]": _PENDING}
        for lever in LEVERS
    },
}
# what the linear rule reads; its module cannot be imported here, a test compares the two
FEW_INPUTS: Mapping[str, Mapping[str, float]] = {
    name: {name: 1.0}
    for name in (
        "realised_72h", "drawdown_week", "utilisation_over_optimal", "outside_yield", "flow_toxicity", "at_risk",
    )
}  # fmt: skip
NAMED_INPUTS = {"compact": COMPACT_INPUTS, "few": FEW_INPUTS}


@dataclass(frozen=True)
class Front:
    """The part of a network before its hidden layers.

    Attributes:
        architecture: a name of the table above.
        features: a name for each number of one observation.
        window: observations that it reads, oldest first; 1 if it reads only the newest.
        inputs: for `compact` and `few`: name -> name of an observed number -> weight.

    Raises:
        ValueError: the observation lacks a number that the front needs.
    """

    architecture: str
    features: tuple[str, ...]
    window: int = 1
    inputs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        needed = {name for sum_ in self.inputs.values() for name in sum_}
        if self.architecture == "attention":
            needed |= {"node_interest[0,0]", "debt_by_health[0]"}
        unseen = sorted(needed - set(self.features))
        if unseen:
            cure = ": it needs surface and accounts in observe" if self.architecture == "attention" else ""
            raise ValueError(
                f"architecture {self.architecture!r} reads {', '.join(unseen)}, which are not observed{cure}"
            )

    @property
    def size(self) -> int:
        """Numbers that are passed on to the hidden layers."""
        if self.architecture == "attention":
            return int(self.rest().size) + TOKEN_SIZE * len(self.tokens())
        if self.architecture == "recurrent":
            return GRU_SIZE
        return len(self.inputs) or len(self.features)

    def matrix(self) -> NDArray[np.float32]:
        """Weights of `inputs`, F32[names, features]."""
        columns = {name: column for column, name in enumerate(self.features)}
        matrix = np.zeros((len(self.inputs), len(self.features)), np.float32)
        for row, sum_ in enumerate(self.inputs.values()):
            for name, weight in sum_.items():
                matrix[row, columns[name]] = weight
        return matrix

    def tokens(self) -> dict[str, NDArray[np.int64]]:
        """Columns of each token, I64[tokens, numbers of one], by group: nodes of `surface`, buckets of `accounts`."""
        columns = {name: column for column, name in enumerate(self.features)}
        found = {}
        for group, rows in (("surface", SURFACE_FEATURES), ("accounts", ACCOUNT_FEATURES)):
            seen = [row.entries() for row in rows if row.size > 1 and set(row.entries()) <= set(columns)]
            found[group] = np.array([[columns[name] for name in token] for token in zip(*seen, strict=True)], np.int64)
        return found

    def rest(self) -> NDArray[np.int64]:
        """Columns that belong to no token, I64[m]."""
        taken = np.concatenate([columns.ravel() for columns in self.tokens().values()])
        return np.setdiff1d(np.arange(len(self.features)), taken)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its learned weights."""
        if self.architecture == "recurrent":
            wide = 3 * GRU_SIZE
            return {
                "front.gru.weight_ih_l0": (wide, len(self.features)),
                "front.gru.weight_hh_l0": (wide, GRU_SIZE),
                "front.gru.bias_ih_l0": (wide,),
                "front.gru.bias_hh_l0": (wide,),
            }
        shapes: dict[str, tuple[int, ...]] = {}
        if self.architecture == "attention":
            rest = int(self.rest().size)
            for group, columns in self.tokens().items():
                shapes[f"front.{group}.place"] = (len(columns), TOKEN_SIZE)
                inputs = {"embed": columns.shape[1], "key": TOKEN_SIZE, "value": TOKEN_SIZE, "query": rest}
                for name, size in inputs.items():
                    shapes[f"front.{group}.{name}.weight"] = (TOKEN_SIZE, size)
                    shapes[f"front.{group}.{name}.bias"] = (TOKEN_SIZE,)
        return shapes


def make_front(architecture: str, features: Sequence[str]) -> Front:
    """The front with this name for an observation.

    Raises:
        ValueError: the observation lacks a number that the front needs.
    """
    window = WINDOW if architecture == "recurrent" else 1
    return Front(architecture, tuple(features), window, NAMED_INPUTS.get(architecture, {}))


def read_front(document: Mapping[str, Any], features: tuple[str, ...]) -> Front:
    """The front that a policy's file describes; a file without a description has an mlp.

    Raises:
        ValueError: the description is not valid.
    """
    architecture, window = document.get("architecture", "mlp"), document.get("window", 1)
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}; accepted: {', '.join(ARCHITECTURES)}")
    if type(window) is not int or window < 1 or (window > 1 and architecture != "recurrent"):
        raise ValueError(f"window is {window!r}; accepted: a whole number of at least 1, and 1 unless it is recurrent")
    try:
        inputs = {
            str(name): {str(of): float(weight) for of, weight in sum_.items()}
            for name, sum_ in document.get("inputs", {}).items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"inputs cannot be read ({error})") from None
    if bool(inputs) != (architecture in NAMED_INPUTS):
        named = " or ".join(NAMED_INPUTS)
        raise ValueError(f"inputs are {inputs!r}; accepted: some where the architecture is {named}, else none")
    return Front(architecture, features, window, inputs)
