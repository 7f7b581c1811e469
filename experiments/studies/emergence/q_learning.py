"""Q-learners of a repeated pricing game: the control that shows that the battery can find what it looks for.

Calvano, Calzolari, Denicolo and Pastorello (2020): 15 prices, one period of memory, exploration exp(-beta t); with a
discount of .95 pairs learn to punish, with 0 (myopic) they cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protogov.envs.world.kernels import keep_compiled, source_digest
from protogov.experiments.studies.emergence.forks import Floats

ALPHA, BETA, DISCOUNT = 0.15, 4e-6, 0.95
SETTLED, LONGEST = 100_000, 4_000_000  # periods without a change of policy that end a session; most periods


def _sessions(version: str) -> Callable[..., Any]:
    def learn(payoffs, discount, draw, alpha, beta, settled, longest):  # type: ignore[no-untyped-def]
        """One session; policies int64[2, m * m] by own last action * m + the rival's, and the last actions int64[2]."""
        _ = version
        m = payoffs.shape[0]
        q = np.empty((2, m * m, m))
        policy = np.empty((2, m * m), np.int64)
        for action in range(m):
            start = 0.0
            for rival in range(m):
                start += payoffs[action, rival]
            q[:, :, action] = start / (m * (1.0 - discount))
        policy[:] = np.argmax(q[0, 0])
        last0, last1 = int(draw.random() * m), int(draw.random() * m)
        quiet, share, decay = 0, 1.0, np.exp(-beta)
        for _period in range(longest):
            at0, at1 = last0 * m + last1, last1 * m + last0
            now0, now1 = policy[0, at0], policy[1, at1]
            if draw.random() < share:
                now0 = int(draw.random() * m)
            if draw.random() < share:
                now1 = int(draw.random() * m)
            share *= decay
            changed = False
            for who in range(2):
                at, now = (at0, now0) if who == 0 else (at1, now1)
                rival = now1 if who == 0 else now0
                ahead = now * m + rival
                value = q[who, at, now]
                target = payoffs[now, rival] + discount * q[who, ahead, policy[who, ahead]]
                q[who, at, now] = value + alpha * (target - value)
                held = policy[who, at]
                if now != held:
                    if q[who, at, now] > q[who, at, held]:
                        policy[who, at] = now
                        changed = True
                elif q[who, at, now] < value:  # the best may be another now
                    best = held
                    for action in range(m):
                        if q[who, at, action] > q[who, at, best]:
                            best = action
                    if best != held:
                        policy[who, at] = best
                        changed = True
            last0, last1 = now0, now1
            quiet = 0 if changed else quiet + 1
            if quiet >= settled:
                break
        return policy, np.array([last0, last1])

    return learn


@cache
def _kernel() -> Callable[..., Any]:
    return keep_compiled(_sessions(source_digest(str(Path(__file__).parent))))


@dataclass(frozen=True)
class Session:
    """A pair that has learned.

    Attributes:
        actions: F64[m], what the numbers of actions stand for.
        policy: I64[2, m, m], number of the next action by the numbers of the (own, rival's) last ones.
        last: I64[2], numbers of the last actions of learning.
    """

    actions: Floats
    policy: NDArray[np.int64]
    last: NDArray[np.int64]

    def settled(self) -> NDArray[np.int64]:
        """Numbers of both actions after play of 1,000 periods, I64[2]: on the cycle that play ends in."""
        at = self.last.copy()
        for _ in range(1000):
            at = np.array([self.policy[0, at[0], at[1]], self.policy[1, at[1], at[0]]])
        return at

    def best_response(self, payoffs: Floats, who: int, discount: float = DISCOUNT) -> float:
        """What the best answer to the other's policy gains over the own policy, discounted, from the settled state."""
        m = len(self.actions)
        other = self.policy[1 - who]
        at = self.settled()
        value, own = np.zeros((m, m)), np.zeros((m, m))  # by (own, rival's) last
        answers = other.T  # rival's next by (own, rival's)
        rows, columns = np.indices((m, m))
        mine = self.policy[who]
        for _ in range(600):
            # payoffs and next states of every own action a beside the rival's answer
            value = (payoffs[:, answers] + discount * value[:, answers]).max(axis=0)
            own = payoffs[mine, answers] + discount * own[mine, answers]
        start = (at[who], at[1 - who])
        return float(value[start] - own[start])


def learn(
    payoffs: Floats, actions: Floats, seed: int, discount: float = DISCOUNT, *, beta: float = BETA,
    settled: int = SETTLED, longest: int = LONGEST,
) -> Session:  # fmt: skip
    """One session on a symmetrical game.

    Args:
        payoffs: F64[m, m], own payoff by (own, rival's) action.
        actions: F64[m].
        seed: of exploration.
        discount: of a period, from 0 to below 1.
        beta: decay of exploration.
        settled: periods without a change of policy that end it.
        longest: periods at most.
    """
    policy, last = _kernel()(
        np.ascontiguousarray(payoffs), discount, np.random.default_rng(seed), ALPHA, beta, settled, longest
    )
    m = len(payoffs)
    return Session(np.asarray(actions, np.float64), policy.reshape(2, m, m), last)


class Learned:
    """One seller of a session as a governor of worlds that show (own, rival's) last price first.

    Args:
        session: that was learned.
        who: 0 or 1.
        rows: of the worlds.
    """

    def __init__(self, session: Session, who: int, rows: int) -> None:
        self.session, self.who = session, who
        at = session.settled()
        self._start = int(session.policy[who][at[who], at[1 - who]])
        self._fresh = np.ones(rows, bool)

    def reset(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """The first price is that at which learning ended."""
        self._fresh[rows] = True

    def act(self, view: Any) -> NDArray[Any]:
        """F64[n, 1]."""
        session = self.session
        seen = np.abs(np.asarray(view.obs, np.float64)[:, :2, None] - session.actions).argmin(axis=2)
        answer = np.where(self._fresh, self._start, session.policy[self.who][seen[:, 0], seen[:, 1]])
        self._fresh = np.zeros_like(self._fresh)
        return session.actions[answer][:, None]

    def state_dict(self) -> dict[str, Any]:
        """Which rows have not acted yet."""
        return {"fresh": self._fresh.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._fresh = np.array(state["fresh"], bool)
