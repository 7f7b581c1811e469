"""What a learned pricer is made of, by generation, and its file's description of it. Knows no torch.

    linear      a HAR model: linear in the logs of realised vols over a day, three days and a week, and the time left
    mlp         32 x 32 ReLU on all inputs
    recurrent   a GRU over the last 12 decisions' inputs of the world; its state beside the inputs, then 32 x 32
    attention   the nodes of the surface as tokens, asked by the inputs; the answer beside them, then 32 x 32
    compact     at most 32 inputs, 32 x 32 ReLU, and quantile increments that are linear and held above a floor: sums,
                products and max(0, x) alone, what a contract can hold

All put out a location and the increments from quantile to quantile, in units of the reference vol over the time left;
increments are positive, so that quantiles never cross.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from protogov.agents.pricing.features import FEATURES, NODE_INPUTS, InputSet, input_names
from protogov.agents.pricing.quantile_law import LEVELS
from protogov.envs.world.state import MAX_EXPIRIES, MAX_STRIKES

Generation = Literal["linear", "mlp", "recurrent", "attention", "compact"]
GENERATIONS: tuple[str, ...] = get_args(Generation)
HIDDEN = 32
WINDOW = 12  # decisions that `recurrent` looks back on
GRU_SIZE = 16
TOKEN_SIZE = 16
MOST_INPUTS = 32  # of what a contract can hold
_HAR = ("vol_24h", "vol_72h", "vol_168h", "coarse_vol_168h", "seen_hours", "implied_vol", "hours")


@dataclass(frozen=True)
class Shape:
    """A generation on a set of inputs.

    Attributes:
        generation: a name of the table above.
        inputs: names of `features.py`.
        node_inputs: of each token, names of `NODE_INPUTS`; none but for `attention`.

    Raises:
        ValueError: an unknown name, or more inputs than the generation takes.
    """

    generation: str
    inputs: tuple[str, ...]
    node_inputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.generation not in GENERATIONS:
            raise ValueError(f"generation is {self.generation!r}; accepted: {', '.join(GENERATIONS)}")
        unknown = [name for name in self.inputs if name not in FEATURES]
        unknown += [name for name in self.node_inputs if name not in NODE_INPUTS]
        if unknown or not self.inputs or len(set(self.inputs)) != len(self.inputs):
            raise ValueError(f"inputs are {', '.join(self.inputs)}; accepted: different features, unknown: {unknown}")
        if self.generation == "compact" and len(self.inputs) > MOST_INPUTS:
            raise ValueError(f"compact has {len(self.inputs)} inputs; at most {MOST_INPUTS} are accepted")
        if bool(self.node_inputs) != (self.generation == "attention"):
            raise ValueError(f"node_inputs are {self.node_inputs}; accepted: some for attention, none for others")

    @property
    def sequence(self) -> tuple[str, ...]:
        """Inputs that `recurrent` reads over time: those of the world."""
        return tuple(name for name in self.inputs if not FEATURES[name].of_expiry)

    @property
    def tokens(self) -> int:
        """Nodes that `attention` reads."""
        return MAX_EXPIRIES * MAX_STRIKES

    @property
    def window(self) -> int:
        """Decisions that it reads."""
        return WINDOW if self.generation == "recurrent" else 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of its weights."""
        size, shapes = len(self.inputs), dict[str, tuple[int, ...]]()
        if self.generation == "recurrent":
            wide, read = 3 * GRU_SIZE, len(self.sequence)
            shapes = {"gru.weight_ih_l0": (wide, read), "gru.weight_hh_l0": (wide, GRU_SIZE)}
            shapes |= {"gru.bias_ih_l0": (wide,), "gru.bias_hh_l0": (wide,)}
            size += GRU_SIZE
        if self.generation == "attention":
            inputs = {"embed": len(self.node_inputs), "key": TOKEN_SIZE, "value": TOKEN_SIZE, "query": size}
            for name, width in inputs.items():
                shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (TOKEN_SIZE, width), (TOKEN_SIZE,)
            size += TOKEN_SIZE
        widths = [size, *([] if self.generation == "linear" else [HIDDEN, HIDDEN]), len(LEVELS)]
        for layer, (inner, outer) in enumerate(zip(widths, widths[1:], strict=False)):
            shapes[f"layers.{layer}.weight"], shapes[f"layers.{layer}.bias"] = (outer, inner), (outer,)
        return shapes


def make_shape(generation: str, inputs: InputSet) -> Shape:
    """A generation on one of the sets of inputs.

    Raises:
        ValueError: an unknown generation or set.
    """
    names = input_names(inputs)
    if generation == "linear":
        names = tuple(name for name in _HAR if name in names)
    nodes = tuple(name for name in NODE_INPUTS if inputs != "prices" or name != "node_vol")
    return Shape(generation, names, nodes if generation == "attention" else ())


def read_shape(document: Mapping[str, Any]) -> Shape:
    """What a file says of its shape.

    Raises:
        ValueError: it makes no sense.
    """
    try:
        named = [tuple(str(name) for name in document[part]) for part in ("inputs", "node_inputs")]
        return Shape(str(document["generation"]), *named)
    except (KeyError, TypeError) as error:
        raise ValueError(f"shape cannot be read ({error})") from None
