"""The yoked control: a governor plays its own actions of another tape. The movements are the same, without feedback.

Learned governors may gain over constants at their own mean levers just because their levers move. A yoked governor
repeats, on every tape, the actions that the governor chose on the next one, decision by decision. What this loses is
the value of reacting to one's own market. (Source: the yoked control of learning experiments, Church 1964.)
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.interfaces import Governor, RoleView


class Paths:
    """Actions of governors, by agent: F32[decisions, tapes, levers], in the order of the tapes.

    Tapes are played batch by batch. Every batch begins with a reset of all its rows.
    """

    def __init__(self) -> None:
        self._batches: dict[str, list[list[NDArray[np.float32]]]] = {}

    def recorded(self, governors: Mapping[str, Governor]) -> dict[str, Governor]:
        """The same governors; their actions are stored from now on."""
        self._batches = {name: [] for name in governors}
        return {name: _Recorded(governor, self._batches[name]) for name, governor in governors.items()}

    def yoked(self) -> dict[str, Governor]:
        """Governors that repeat on every tape the actions of the next tape, and on the last tape those of the first.

        Raises:
            ValueError: fewer than two tapes were recorded: there is no other tape.
        """
        found: dict[str, Governor] = {}
        for name, batches in self._batches.items():
            whole = np.concatenate([np.stack(actions) for actions in batches], axis=1)
            if whole.shape[1] < 2:
                raise ValueError(
                    f"tapes are {whole.shape[1]}; at least 2 are accepted, for a yoked control is another's."
                )
            found[name] = _Yoked(np.roll(whole, -1, axis=1))
        return found


class _Recorded:
    """A governor whose actions are stored."""

    def __init__(self, governor: Governor, batches: list[list[NDArray[np.float32]]]) -> None:
        self._governor, self._batches = governor, batches

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start new episodes, and a new batch of actions."""
        self._batches.append([])
        self._governor.reset(rows, seeds)

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """The governor's actions, F32[n, k]."""
        actions = self._governor.act(view)
        self._batches[-1].append(actions.copy())
        return actions

    def state_dict(self) -> dict[str, Any]:
        """The state of the governor."""
        return self._governor.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._governor.load_state_dict(state)


class _Yoked:
    """Plays a path, F32[decisions, tapes, levers], whatever it observes; batches are in the order of the tapes."""

    def __init__(self, path: NDArray[np.float32]) -> None:
        self._path, self._first, self._rows, self._decision = path, 0, 0, 0

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Continue with the next batch of tapes; after the last one follows the first."""
        self._first = (self._first + self._rows) % self._path.shape[1]
        self._rows, self._decision = len(rows), 0

    def act(self, view: RoleView) -> NDArray[np.float32]:
        """The actions of the path, F32[n, k]."""
        actions = self._path[self._decision, self._first : self._first + self._rows]
        self._decision += 1
        return actions.copy()

    def state_dict(self) -> dict[str, Any]:
        """The position in the path."""
        return {"first": self._first, "count": self._rows, "decision": self._decision}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._first, self._rows, self._decision = state["first"], state["count"], state["decision"]
