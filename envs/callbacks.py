"""Callbacks at every decision of a batch, under any interface: recorders, loggers, a user's code."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protogov.envs.simulator import Simulator


class DecisionCallback(Protocol):
    """An entry of `Simulator.callbacks`. It may only read: writing into the worlds makes them invalid.

    `playing`, bool [n], marks the rows that play this decision; rows whose episode is over wait for their reset.
    """

    def before(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Called after the actions are taken and before the first hour."""
        ...

    def after(self, simulator: Simulator, playing: NDArray[np.bool_]) -> None:
        """Called after the last hour, before any row is reset."""
        ...


def simulator_of(env: Any) -> Simulator:
    """The simulator below an environment and its wrappers: Gymnasium's, PettingZoo's or stable-baselines3's.

    Raises:
        TypeError: there is none, or there are several, as below a `DummyVecEnv` of several environments.
    """
    layer = env
    while layer is not None and not isinstance(layer, Simulator):
        envs = list(getattr(layer, "envs", None) or ())
        inner = [getattr(layer, name, None) for name in ("simulator", "env", "venv")] + envs[: len(envs) == 1]
        layer = next((one for one in inner if one is not None and one is not layer), None)
    if layer is None:
        raise TypeError(f"{env!r} has no single simulator below it; give a Simulator or an environment of protogov.")
    return layer
