"""The forms of an agent's observation: one vector, or a dict with one entry per feature; and their content."""

from collections import OrderedDict
from dataclasses import dataclass
from math import expm1
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from protogov.envs.config import ConfigError
from protogov.envs.simulator import Simulator
from protogov.envs.world.features import FEATURES, LIMIT

FORMS = ("vector", "dict")
_RIVAL = "rival_"


@dataclass(frozen=True)
class FeatureRow:
    """One number of an observation.

    Attributes:
        index: its place in the vector.
        name: its name, such as `lever_executed[slope2]`.
        feature: its feature; the key of the dict form.
        group: who can read it; see `protogov.envs.world.features`.
        unit: of the physical value.
        low, high: physical values [unit] at which the observation reaches -10 and +10; outside it is clipped.
        scale: divisor of the normalisation [unit].
        transform: linear, value / scale; or symlog, sign * log(1 + |value| / scale).
    """

    index: int
    name: str
    feature: str
    group: str
    unit: str
    low: float
    high: float
    scale: float
    transform: str


class FeatureTable(tuple[FeatureRow, ...]):
    """The content of an observation, one row per number, in its order; `print` shows it as text."""

    __slots__ = ()

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [("index", "name", "group", "unit", "transform", "scale", "low", "high")]
        for row in self:
            numbers = [f"{number:.4g}" for number in (row.scale, row.low, row.high)]
            lines.append((str(row.index), row.name, row.group, row.unit, row.transform, *numbers))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def feature_table(simulator: Simulator, agent: str) -> FeatureTable:
    """The table of `agent`'s observation, generated from the tables of the world.

    Raises:
        KeyError: no such agent.
    """
    rows = []
    for index, name in enumerate(simulator.observation_names(agent)):
        key = _key(name)
        feature = FEATURES[key.removeprefix(_RIVAL)]
        high = feature.scale * (LIMIT if feature.transform == "linear" else expm1(LIMIT))
        rows.append(
            FeatureRow(
                index, name, key, feature.group, feature.unit, -high, high, feature.scale, feature.transform
            )
        )  # fmt: skip
    return FeatureTable(rows)


class ObservationForm:
    """The form of one agent's observations.

    The form "dict" has one entry per feature, in the order of the vector: float32 [*shape], scalars [1].
    `gymnasium.spaces.utils.flatten(space, observation)` is the vector, bit for bit.

    Attributes:
        space: of one observation: Box [d], or Dict of Boxes; all within +-10.
    """

    def __init__(self, simulator: Simulator, agent: str, form: str = "vector") -> None:
        """Raise ConfigError unless `form` is "vector" or "dict"."""
        if form not in FORMS:
            raise ConfigError(f"observation = {form!r} must be one of {', '.join(FORMS)}.")
        self.form = form
        self.space: spaces.Box | spaces.Dict
        if form == "vector":
            self.space = _box((simulator.observation_size(agent),))
            return
        keys = [_key(name) for name in simulator.observation_names(agent)]
        self._parts: dict[str, tuple[slice, tuple[int, ...]]] = {}
        for key in dict.fromkeys(keys):
            start, shape = keys.index(key), FEATURES[key.removeprefix(_RIVAL)].shape or (1,)
            self._parts[key] = slice(start, start + int(np.prod(shape))), shape
        # a plain dict would be sorted by name
        self.space = spaces.Dict(OrderedDict((key, _box(shape)) for key, (_, shape) in self._parts.items()))

    def batch_space(self, count: int) -> spaces.Box | spaces.Dict:
        """Space of `count` observations; the count is the first axis of every shape."""
        if isinstance(self.space, spaces.Box):
            return _box((count, *self.space.shape))
        return spaces.Dict(OrderedDict((key, _box((count, *shape))) for key, (_, shape) in self._parts.items()))

    def batch(self, rows: NDArray[np.float32]) -> Any:
        """Observations float32 [n, d] in this form: themselves, or feature -> float32 [n, *shape]."""
        if self.form == "vector":
            return rows
        return {key: rows[:, part].reshape(-1, *shape).copy() for key, (part, shape) in self._parts.items()}

    def one(self, row: NDArray[np.float32]) -> Any:
        """One observation float32 [d] in this form: itself, or feature -> float32 [*shape]."""
        if self.form == "vector":
            return row
        return {key: row[part].reshape(shape).copy() for key, (part, shape) in self._parts.items()}


def _key(name: str) -> str:
    """The feature of an entry's name."""
    return name.split("[", 1)[0]


def _box(shape: tuple[int, ...]) -> spaces.Box:
    return spaces.Box(-LIMIT, LIMIT, shape, np.float32)
