"""From a network's output to an action, the same in training and in play: as a target or as a change of the lever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.agents.policies.incumbent import Incumbent, IncumbentActions


@dataclass(frozen=True)
class Change:
    """The network's output is a change: action = clip(position + size * clip(output, -1, 1), -1, 1).

    The position is the value that the lever moves to: executed plus pending, as the observation shows them. An output
    of 0 therefore leaves the lever unchanged. The shield limits such changes like all others: a change below the
    deadband has no effect, and is not remembered.

    Attributes:
        size: largest change per decision, in units of the action, above 0 and at most 2.
        executed_unit, pending_unit: units of `lever_executed[lever]` and `lever_pending[lever]` in the observation.
    """

    size: float
    executed_unit: float
    pending_unit: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able form for `read_change`."""
        return asdict(self)


def read_change(value: Any) -> Change | None:
    """Inverse of `Change.to_dict`; None, which means targets, stays None.

    Raises:
        ValueError: the value is not a change.
    """
    if value is None:
        return None
    try:
        change = Change(**{name: float(number) for name, number in dict(value).items()})
    except (TypeError, ValueError) as error:
        raise ValueError(f"change cannot be read ({error})") from None
    if not (0 < change.size <= 2 and np.isfinite([change.executed_unit, change.pending_unit]).all()):
        raise ValueError(f"change is {value!r}; accepted: a size above 0 and at most 2, and finite units")
    return change


class Execution:
    """How a network's output becomes an action.

        target, no incumbent     clip(output)
        target                   clip(incumbent's action + output)
        change                   see `Change`

    Args:
        levers: a name for each output.
        features: a name for each number of an observation.
        incumbent: the rule to which outputs are added; only with targets.
        change: the form of a change, or None for a target.

    Raises:
        ValueError: both an incumbent and a change are given, or one of them needs a number that is not observed.
    """

    def __init__(
        self,
        levers: Sequence[str],
        features: Sequence[str],
        incumbent: Incumbent | None = None,
        change: Change | None = None,
    ) -> None:
        if incumbent is not None and change is not None:
            raise ValueError(
                f"a change is made from where the lever is and cannot deviate from an incumbent too, "
                f"here {incumbent.name!r}"
            )
        self.incumbent, self.change = incumbent, change
        self._incumbent = None if incumbent is None else IncumbentActions(incumbent, levers, features)
        if change is not None:
            columns = {name: column for column, name in enumerate(features)}
            named = [[f"{part}[{lever}]" for lever in levers] for part in ("lever_executed", "lever_pending")]
            unseen = [name for names in named for name in names if name not in columns]
            if unseen:
                raise ValueError(f"a change of the lever needs {', '.join(unseen)}, which are not observed")
            self._executed, self._pending = ([columns[name] for name in names] for names in named)

    def actions(self, observations: NDArray[np.float32], outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions F32[n, k] in [-1, 1] of observations F32[n, d] (more columns are allowed) and outputs F32[n, k]."""
        if self.change is not None:
            position = np.float32(self.change.executed_unit) * observations[:, self._executed]
            position += np.float32(self.change.pending_unit) * observations[:, self._pending]
            return np.clip(position + np.float32(self.change.size) * np.clip(outputs, -1.0, 1.0), -1.0, 1.0)
        if self._incumbent is not None:
            outputs = self._incumbent.actions(observations) + outputs
        return np.clip(outputs, -1.0, 1.0)
