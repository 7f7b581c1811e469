"""The rule that a policy deviates from: constants and a few slopes, kept in its file. The policy then needs no other.

    action = clip(constant + sum of weight * clip((x - centre) / scale, -3, 3), -1, 1),    one row per lever

x is a feature in its physical unit, computed from the observation y: unit * y, or unit * sign(y) * (exp(|y|) - 1) if
the feature is observed as a signed log. Observations are float32, so x has a relative error of some 1e-7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 3.0  # largest distance of a feature from its centre that counts, in scales


@dataclass(frozen=True)
class Slope:
    """How a lever reacts to one feature; the formula is above.

    Attributes:
        lever: name of the lever.
        feature: name of an entry of the observation.
        weight: change of the action per scale of the feature.
        centre, scale: in the feature's unit.
        unit: size of one unit of the observation, in the feature's unit.
        symlog: whether the feature is observed as a signed log.
    """

    lever: str
    feature: str
    weight: float
    centre: float
    scale: float
    unit: float
    symlog: bool


@dataclass(frozen=True)
class Incumbent:
    """A rule that is part of a policy's file.

    Attributes:
        name: name of the governor that it was taken from.
        constants: action of each lever without the slopes.
        slopes: empty for a governor of constants.
    """

    name: str
    constants: tuple[float, ...]
    slopes: tuple[Slope, ...] = ()

    def features(self) -> tuple[str, ...]:
        """Entries of the observation that it reads, each once."""
        return tuple(dict.fromkeys(slope.feature for slope in self.slopes))

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form for `read_incumbent`."""
        return asdict(self)


def read_incumbent(value: Any) -> Incumbent | None:
    """Inverse of `Incumbent.to_dict`; None stays None.

    Raises:
        ValueError: the value is not an incumbent. The message does not name the file.
    """
    if value is None:
        return None
    try:
        slopes = tuple(Slope(**slope) for slope in value["slopes"])
        found = Incumbent(str(value["name"]), tuple(float(x) for x in value["constants"]), slopes)
        numbers = [x for slope in slopes for x in (slope.weight, slope.centre, slope.scale, slope.unit)]
        finite = all(math.isfinite(x) for x in (*found.constants, *numbers))
        whole = all(isinstance(slope.symlog, bool) and slope.scale != 0 for slope in slopes)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"incumbent cannot be read ({error})") from None
    if not finite or not whole:
        raise ValueError("incumbent holds numbers that are not finite, a scale of 0, or a symlog that is no bool")
    return found


class IncumbentActions:
    """Computes the actions of an incumbent from observations.

    Args:
        incumbent: the rule.
        levers: a name for each column of an action.
        features: a name for each number of an observation.

    Raises:
        ValueError: the number of constants differs from that of levers, a slope has another lever, or a feature is not
            observed.
    """

    def __init__(self, incumbent: Incumbent, levers: Sequence[str], features: Sequence[str]) -> None:
        if len(incumbent.constants) != len(levers):
            raise ValueError(
                f"incumbent {incumbent.name!r} has {len(incumbent.constants)} constants for {len(levers)} levers"
            )
        columns = {name: column for column, name in enumerate(features)}
        unseen = [name for name in incumbent.features() if name not in columns]
        if unseen:
            raise ValueError(f"incumbent {incumbent.name!r} reads {', '.join(unseen)}, which are not observed")
        unset = [slope.lever for slope in incumbent.slopes if slope.lever not in levers]
        if unset:
            raise ValueError(f"incumbent {incumbent.name!r} has slopes of {', '.join(unset)}, which are not its levers")
        self._constants = np.array(incumbent.constants)
        self._slopes = [(levers.index(slope.lever), columns[slope.feature], slope) for slope in incumbent.slopes]

    def actions(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions F32[n, k] in [-1, 1] of observations F32[n, d]."""
        total = np.tile(self._constants, (len(observations), 1))
        for lever, column, slope in self._slopes:
            seen = observations[:, column].astype(np.float64)
            value = slope.unit * (np.sign(seen) * np.expm1(np.abs(seen)) if slope.symlog else seen)
            total[:, lever] += slope.weight * np.clip((value - slope.centre) / slope.scale, -REACH, REACH)
        return np.clip(total, -1.0, 1.0).astype(np.float32)
