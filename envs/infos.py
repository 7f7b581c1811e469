"""Infos of agents: floats under flat keys, the same after a reset and after a decision."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.simulator import Simulator


class InfoReader:
    """Reads the infos of one agent.

    `terms/<term>`: each term of its mandate in the last decision [bp of K0, except counts]. `executed/<lever>`: its
    levers in force [their unit]. `welfare`: W of its venue in the last decision [bp of K0]. After a reset there is no
    decision yet: terms and welfare are 0.
    """

    def __init__(self, simulator: Simulator, agent: str) -> None:
        self._simulator, self._agent = simulator, agent
        role, self._venue = simulator.places[agent].role, simulator.places[agent].venue
        self.keys = (
            *(f"terms/{term.name}" for term in role.terms),
            "welfare",
            *(f"executed/{lever}" for lever in role.levers),
        )
        self._decided = len(role.terms) + 1  # number of the keys that need a decision

    def table(self, opened: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """Values float64 [n, keys] of every row; rows in `opened`, bool [n], have just been reset."""
        simulator, agent = self._simulator, self._agent
        welfare = simulator.welfare(self._venue)[:, None]
        values = np.concatenate([simulator.terms(agent), welfare, simulator.executed(agent)], axis=1)
        if opened is not None:
            values[opened, : self._decided] = 0.0
        return values

    def rows(self, opened: NDArray[np.bool_] | None = None) -> list[dict[str, float]]:
        """Info of every row."""
        return [dict(zip(self.keys, row, strict=True)) for row in self.table(opened).tolist()]

    def batch(self, reported: NDArray[np.bool_], opened: NDArray[np.bool_]) -> dict[str, Any]:
        """Infos of the rows `told`, bool [n], in Gymnasium's vector form: each `key` with its mask `_key`."""
        values = np.where(reported[:, None], self.table(opened), 0.0)
        infos: dict[str, Any] = {}
        for key, column in zip(self.keys, values.T.copy(), strict=True):
            infos[key], infos[f"_{key}"] = column, reported.copy()
        return infos
