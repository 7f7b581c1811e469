"""Q-learners of the logit duopoly as governors of the half-spread: their 15 prices are 15 actions of the lever."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import numpy as np

from protogov.agents.baselines.baseline import Floats
from protogov.envs.interfaces import RoleView
from protogov.envs.world.lever_table import LEVER_INDEX, Lever
from protogov.experiments.studies.emergence.organisms.behaviours import Behaviour, rivals
from protogov.experiments.studies.emergence.q_learning import Session

HALF = 0.6  # the cheapest and the dearest price are these actions, one below and one above the default


@cache
def session_of(seed: int, discount: float) -> Session:
    """A pair that learned in the duopoly."""
    from protogov.experiments.studies.emergence.q_learning import learn
    from protogov.experiments.studies.emergence.self_test import price_game

    prices, payoffs = price_game()
    return learn(payoffs, prices, seed, discount)


class Learner(Behaviour):
    """The first seller of a session, by the numbers of the own and the rival's last price; strength is the discount.

    Args:
        levers: of the role.
        seed: number of the session.
        strength: discount with which it was learned; 0 is the myopic control.
        lever: that stands for the price, where it is another than the half-spread.
    """

    remembers: ClassVar[dict[str, float]] = {"own": np.nan}

    def __init__(
        self, levers: Sequence[Lever], *, seed: int = 0, strength: float = 0.95, lever: str | None = None
    ) -> None:
        super().__init__(levers, seed=seed, strength=strength, lever=lever)
        session = session_of(seed, strength)
        self._policy, self._actions = session.policy[0], np.linspace(-HALF, HALF, len(session.actions))
        at = session.settled()
        self._start = int(session.policy[0][at[0], at[1]])

    def wish(self, view: RoleView, memory: dict[str, Floats]) -> Floats:
        """The price that the session's seller answers with; its first is where learning ended."""
        fresh = np.isnan(memory["own"])
        own, rival = self._number(memory["own"]), self._number(rivals(view, self.lever))
        answer = np.where(fresh, self._start, self._policy[own, rival])
        memory["own"][:] = np.where(fresh, 0.0, view.raw("lever_executed")[:, LEVER_INDEX[self.lever]])
        memory["own"][fresh] = self._actions[self._start]
        return self._actions[answer]

    def _number(self, actions: Floats) -> np.ndarray:
        return np.abs(np.nan_to_num(actions)[:, None] - self._actions).argmin(axis=1)
